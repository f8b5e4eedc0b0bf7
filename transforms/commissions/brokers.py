"""Brokers: those of the rosters, and those that others refer to."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.changes import Changed, changed
from transforms.commissions.choices import choose, latest, set_aside
from transforms.commissions.columns import INDIVIDUALS, ORGANIZATIONS
from transforms.commissions.keys import keyed
from transforms.commissions.lines import EoLines, IndividualLines, LicenseLines, OrganizationLines
from transforms.commissions.references import ActiveBrokers
from transforms.commissions.set_aside import SetAside

__all__ = ["BrokerStatus", "BrokerTables", "BrokerType", "Brokers", "brokers"]


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

    ``type`` is a `BrokerType` and ``status`` a `BrokerStatus`, null where the roster says none of them; both are null
    for a placeholder, of which nothing is known but its number. ``external_party_id`` is what the roster has, and ``P``
    and the number of a placeholder.
    """

    id = dy.Int64(primary_key=True)
    external_party_id = dy.String(nullable=False)
    name = dy.String(nullable=False)
    first_name = dy.String(nullable=True)
    last_name = dy.String(nullable=True)
    type = dy.Int16(nullable=True, metadata={"numbers": BrokerType})
    status = dy.Int16(nullable=True, metadata={"numbers": BrokerStatus})
    email = dy.String(nullable=True)
    hire_date = dy.Date(nullable=True)
    broker_classification = dy.String(nullable=True)
    is_placeholder = dy.Bool(nullable=False)


class BrokerTables(NamedTuple):
    """The tables that ``brokers`` makes.

    Attributes:
        brokers: One row per broker.
        brokers_set_aside: The lines of the rosters for which another stands.
        brokers_changed: How many statuses are none.
    """

    brokers: dy.DataFrame[Brokers]
    brokers_set_aside: dy.DataFrame[SetAside]
    brokers_changed: dy.DataFrame[Changed]


_STATUSES: Final = {status.name.replace("_", ""): status.value for status in BrokerStatus}


def brokers(
    individual_lines: dy.DataFrame[IndividualLines],
    organization_lines: dy.DataFrame[OrganizationLines],
    active_brokers: dy.DataFrame[ActiveBrokers],
    license_lines: dy.DataFrame[LicenseLines],
    eo_lines: dy.DataFrame[EoLines],
) -> BrokerTables:
    """List every broker once.

    A broker of both rosters is an individual. Of several lines in one roster the one hired last stands for all, then
    the first by status and content; it is taken whole. Whoever is in no roster but earns, writes, is paid, or has a
    licence or an insurance, is a placeholder. A status that is not a `BrokerStatus` is counted and null.

    Args:
        individual_lines: The roster of persons.
        organization_lines: The roster of organizations.
        active_brokers: Brokers that certificates and commissions name.
        license_lines: Licences.
        eo_lines: Liability insurances.

    Returns:
        The brokers, the lines of the rosters that are not published, and how many values a rule changed.
    """
    listed = pl.concat([_individuals(individual_lines), _organizations(organization_lines)], how="diagonal")
    rosters = choose(listed, ["id"], pl.col("type"), latest("hire_date"), pl.col("status"))
    referred = pl.concat([lines.select(id="broker") for lines in (active_brokers, license_lines, eo_lines)])
    absent = referred.unique().join(rosters.kept, on="id", how="anti")
    rows = pl.concat([rosters.kept.with_columns(is_placeholder=False), _placeholders(absent)], how="diagonal")
    return BrokerTables(
        keyed("brokers", rows, Brokers), _others(rosters.others), _changed(individual_lines, organization_lines)
    )


def _individuals(lines: pl.DataFrame) -> pl.DataFrame:
    name = pl.concat_str("last_name", "first_name", separator=", ", ignore_nulls=True)
    roster = _roster(BrokerType.INDIVIDUAL)
    return lines.select(*roster, _named(name), "first_name", "last_name", broker_classification="broker_type")


def _organizations(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(*_roster(BrokerType.ORGANIZATION), _named(pl.col("name")))


def _roster(type_: BrokerType) -> tuple[pl.Expr, ...]:
    """Read what both rosters have."""
    id_, type_column = pl.col("broker").alias("id"), pl.lit(type_.value, pl.Int16).alias("type")
    party = pl.col("party").alias("external_party_id")
    return id_, party, type_column, _status(), pl.col("hire_date"), pl.col("email"), pl.col("file"), pl.col("line")


def _status() -> pl.Expr:
    letters = pl.col("status").str.to_uppercase().str.replace_all(r"\s", "")
    return letters.replace_strict(_STATUSES, default=None, return_dtype=pl.Int16)


def _changed(individuals: pl.DataFrame, organizations: pl.DataFrame) -> dy.DataFrame[Changed]:
    """Count the statuses that are none."""
    unknown = pl.col("status").is_not_null() & _status().is_null()
    rosters = ((INDIVIDUALS, individuals), (ORGANIZATIONS, organizations))
    return changed(*(("unknown_status", of, "status", lines.filter(unknown).height) for of, lines in rosters))


def _named(name: pl.Expr) -> pl.Expr:
    generic = "Broker " + pl.col("broker").cast(pl.String)
    return pl.when(name != "").then(name).otherwise(generic).alias("name")


def _placeholders(absent: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("id").cast(pl.String)
    return absent.with_columns(name="Broker " + number, external_party_id="P" + number, is_placeholder=True)


def _others(lines: pl.DataFrame) -> dy.DataFrame[SetAside]:
    """List the lines of either roster for which another stands."""
    is_person = pl.col("type") == BrokerType.INDIVIDUAL.value
    parts = ((INDIVIDUALS, lines.filter(is_person)), (ORGANIZATIONS, lines.filter(~is_person)))
    return SetAside.cast(
        pl.concat(set_aside(of, part, "repeated_broker", "party", "external_party_id") for of, part in parts)
    )
