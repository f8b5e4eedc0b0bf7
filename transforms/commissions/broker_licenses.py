"""Licences of brokers, and the states in which these appoint them."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.changes import Changed, changed
from transforms.commissions.choices import choose, latest, set_aside
from transforms.commissions.columns import LICENSES
from transforms.commissions.identifiers import surrogate
from transforms.commissions.keys import keyed, natural_key
from transforms.commissions.lines import LicenseLines
from transforms.commissions.set_aside import SetAside

__all__ = ["BrokerAppointments", "BrokerLicenses", "LicenseStatus", "LicenseTables", "RunStart", "broker_licenses"]


class LicenseStatus(IntEnum):
    """What the extract says of a licence."""

    ACTIVE = 0
    INACTIVE = 1
    OTHER = 2


class BrokerLicenses(dy.Schema):
    """A licence of a broker; ``status`` is a `LicenseStatus`, and a date that is not stated is null.

    ``is_resident_license`` is null where the extract says neither yes nor no, and false where it says nothing.

    ``id`` is the surrogate of broker, state, number, code, county and effective date.
    """

    id = dy.Int64(primary_key=True)
    broker_id = dy.Int64(nullable=False)
    state = dy.String(nullable=True)
    license_number = dy.String(nullable=True)
    license_code = dy.String(nullable=True)
    status = dy.Int16(nullable=False, metadata={"numbers": LicenseStatus})
    effective_date = dy.Date(nullable=True)
    expiration_date = dy.Date(nullable=True)
    is_resident_license = dy.Bool(nullable=True)
    applicable_county = dy.String(nullable=True)


class BrokerAppointments(dy.Schema):
    """A state in which a broker has licences: since when, and whether one of them is in force on the day of the run."""

    broker_id = dy.Int64(primary_key=True)
    state = dy.String(primary_key=True)
    effective_date = dy.Date(nullable=True)
    is_active = dy.Bool(nullable=False)


class RunStart(dy.Schema):
    """When the run began; one row."""

    started_at = dy.Datetime(time_zone="UTC", nullable=False)


class LicenseTables(NamedTuple):
    """The tables that ``broker_licenses`` makes.

    Attributes:
        broker_licenses: One row per licence.
        broker_appointments: One row per broker and state.
        licenses_set_aside: The lines for which another stands.
        licenses_changed: How many statuses are neither.
    """

    broker_licenses: dy.DataFrame[BrokerLicenses]
    broker_appointments: dy.DataFrame[BrokerAppointments]
    licenses_set_aside: dy.DataFrame[SetAside]
    licenses_changed: dy.DataFrame[Changed]


_STATUSES: Final = {"ACTIVE": LicenseStatus.ACTIVE.value, "INACTIVE": LicenseStatus.INACTIVE.value}
_KEY: Final = ("broker_id", "state", "license_number", "license_code", "applicable_county", "effective_date")


def broker_licenses(license_lines: dy.DataFrame[LicenseLines], run: dy.DataFrame[RunStart]) -> LicenseTables:
    """List licences, and the states in which brokers have any.

    Of several lines with the same broker, state, number, code, county and effective date, the one that expires last
    stands for all, one without an end before others; then an active one. Dates that are missing stay so.

    An appointment begins with the earliest effective date of the broker's licences in the state, and is active while
    any of them is active and has not expired; one expires at the end of its last day, and never if none is stated.
    Licences without a state appoint nobody.

    Args:
        license_lines: Licences.
        run: When the run began: the day on which licences are in force or not, in UTC.

    Returns:
        Licences, appointments, the lines that are not published, and how many values a rule changed.
    """
    chosen = choose(_licenses(license_lines), _KEY, _longest(), pl.col("status"))
    rows = chosen.kept.with_columns(id=surrogate(natural_key(*_KEY)))
    appointments = _appointments(rows, pl.lit(run["started_at"][0]).dt.date())
    return LicenseTables(
        keyed("broker_licenses", rows, BrokerLicenses),
        keyed("broker_appointments", appointments, BrokerAppointments),
        set_aside(LICENSES, chosen.others, "repeated_license", "number", "license_number"),
        changed(("other_license_status", LICENSES, "status", license_lines.filter(_is_other()).height)),
    )


def _is_other() -> pl.Expr:
    return _status() == LicenseStatus.OTHER.value


def _status() -> pl.Expr:
    return pl.col("status").str.to_uppercase().replace_strict(_STATUSES, default=LicenseStatus.OTHER.value)


def _licenses(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(
        "file",
        "line",
        "state",
        "effective_date",
        "expiration_date",
        _status().cast(pl.Int16),
        broker_id="broker",
        license_number="number",
        license_code="code",
        is_resident_license="is_residence",
        applicable_county="county",
    )


def _longest() -> pl.Expr:
    """Order licences by their ends: none, then the latest first."""
    return latest("expiration_date").fill_null(-(2**31))


def _appointments(licenses: pl.DataFrame, today: pl.Expr) -> pl.DataFrame:
    is_valid = (pl.col("expiration_date") >= today).fill_null(value=True)
    is_active = (pl.col("status") == LicenseStatus.ACTIVE.value) & is_valid
    by_state = licenses.drop_nulls("state").group_by("broker_id", "state")
    return by_state.agg(pl.col("effective_date").min(), is_active=is_active.any())
