"""Brokers and what they may do: rosters, licences, appointments and liability insurances."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum

import dataframely as dy

__all__ = [
    "BrokerAppointments",
    "BrokerEoInsurances",
    "BrokerLicenses",
    "BrokerStatus",
    "BrokerType",
    "Brokers",
    "LicenseStatus",
]


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


class LicenseStatus(IntEnum):
    """What the extract says of a licence."""

    ACTIVE = 0
    INACTIVE = 1
    OTHER = 2


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


class BrokerLicenses(dy.Schema):
    """A licence of a broker; ``status`` is a :class:`LicenseStatus`, and a date that is not stated is null.

    ``id`` is the surrogate of broker, state, number, code, county and effective date.
    """

    id = dy.Int64(primary_key=True)
    broker_id = dy.Int64(nullable=False)
    state = dy.String(nullable=True)
    license_number = dy.String(nullable=True)
    license_code = dy.String(nullable=True)
    status = dy.Int32(nullable=False)
    effective_date = dy.Date(nullable=True)
    expiration_date = dy.Date(nullable=True)
    is_resident_license = dy.Bool(nullable=False)
    applicable_county = dy.String(nullable=True)


class BrokerAppointments(dy.Schema):
    """A state in which a broker has licences: since when, and whether one of them is in force on the day of the run."""

    broker_id = dy.Int64(primary_key=True)
    state = dy.String(primary_key=True)
    effective_date = dy.Date(nullable=True)
    is_active = dy.Bool(nullable=False)


class BrokerEoInsurances(dy.Schema):
    """A liability insurance (errors and omissions) of a broker; amounts are dollars.

    ``id`` is the surrogate of broker, carrier, policy and effective date; ``is_latest`` marks one of each broker.
    """

    id = dy.Int64(primary_key=True)
    broker_id = dy.Int64(nullable=False)
    policy_number = dy.String(nullable=True)
    carrier = dy.String(nullable=True)
    deductible_amount = dy.Decimal(18, 2, nullable=True)
    claim_max_amount = dy.Decimal(18, 2, nullable=True)
    annual_max_amount = dy.Decimal(18, 2, nullable=True)
    policy_max_amount = dy.Decimal(18, 2, nullable=True)
    liability_limit = dy.Decimal(18, 2, nullable=True)
    effective_date = dy.Date(nullable=True)
    expiration_date = dy.Date(nullable=True)
    is_latest = dy.Bool(nullable=False)
