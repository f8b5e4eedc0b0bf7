"""Licences of brokers, and the states in which they make them appointed."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum

import dataframely as dy

__all__ = ["BrokerAppointments", "BrokerLicenses", "LicenseStatus"]


class LicenseStatus(IntEnum):
    """What the extract says of a licence."""

    ACTIVE = 0
    INACTIVE = 1
    OTHER = 2


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
