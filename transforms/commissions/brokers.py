"""Brokers and what they may do: rosters, licences, appointments and liability insurances."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum

import dataframely as dy

__all__ = ["BrokerStatus", "BrokerType", "Brokers"]


class BrokerType(IntEnum):
    """The roster that a broker stands in."""

    INDIVIDUAL = 0
    ORGANIZATION = 1


class BrokerStatus(IntEnum):
    """What a roster says of a broker."""

    ACTIVE = 0
    PENDING_REVIEW = 1
    PENDING_ONBOARDING = 2
    INACTIVE = 3
    COMPLIANCE_ISSUES = 4
    SUSPENDED = 5
    TERMINATED = 6
    TERMINATED_RESIDUALS = 7


class Brokers(dy.Schema):
    """A broker of a roster, or a placeholder for one that others refer to.

    ``type`` is a :class:`BrokerType` and ``status`` a :class:`BrokerStatus`; both are null for a placeholder, of which
    nothing is known but its number.
    """

    id = dy.Int64(primary_key=True)
    external_party_id = dy.String(nullable=False)
    name = dy.String(nullable=False)
    first_name = dy.String(nullable=True)
    last_name = dy.String(nullable=True)
    type = dy.Int32(nullable=True)
    status = dy.Int32(nullable=True)
    email = dy.String(nullable=True)
    hire_date = dy.Date(nullable=True)
    broker_classification = dy.String(nullable=True)
    is_placeholder = dy.Bool(nullable=False)
