"""The extracts of brokers: both rosters, their licences, and their errors-and-omissions insurances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import Whole, chance, choose, marked
from benchmarks.commissions_source.extract import BAD_DATES, MISSING, Extract, Fault, arrange, finish, money, party
from benchmarks.commissions_source.headers import BANKING
from benchmarks.commissions_source.words import FIRST_NAMES, LAST_NAMES, PLACES, STATES, TRADES

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.commissions_source.world import World

    Days = npt.NDArray[np.datetime64]

__all__ = ["individual_rows", "insurance_rows", "license_rows", "organization_rows"]

_FAULTS: Final = (
    Fault("PartyUniqueId", "missing", MISSING, "bad_ids"),
    Fault("PartyUniqueId", "not_a_broker", ("P12X45", "PARTY", "P"), "bad_ids"),
)
_STATUSES: Final = ("Active", "Active", "Active", "Terminated", "Terminated Residuals", None)
_EPOCH: Final = np.datetime64("1995-01-01")
_HIRED_DAYS, _LICENSED_DAYS = 10_950, 12_400


def individual_rows(world: World) -> Extract:
    """Return the roster of persons; with duplicates, the last rows repeat a person under another name."""
    rng = chance(world.seed, "individuals")
    ids = world.brokers.individuals
    ids = np.concatenate([ids, _repeated(ids, world)])
    count = len(ids)
    rows = pl.DataFrame(
        {
            "PartyUniqueId": pl.Series(ids),
            "IndividualLastName": choose(rng, LAST_NAMES, count) + " " + pl.Series(ids % 9973).cast(pl.String),
            "IndividualFirstName": choose(rng, FIRST_NAMES, count),
            "BrokerType": choose(rng, ["Agent", "Broker", None], count),
        }
    )
    return _roster("raw_individual_brokers", rows, world, ("IndividualLastName", "CurrentStatus"), rng)


def organization_rows(world: World) -> Extract:
    """Return the roster of organizations; with duplicates, the last rows repeat one of them, or a person."""
    rng = chance(world.seed, "organizations")
    own = world.brokers.organizations
    ids = np.concatenate([own, _repeated(own, world), _repeated(world.brokers.individuals, world)])
    count = len(ids)
    names = choose(rng, PLACES, count) + " " + choose(rng, TRADES, count) + " " + pl.Series(ids).cast(pl.String)
    rows = pl.DataFrame({"PartyUniqueId": pl.Series(ids), "OrganizationName": names})
    return _roster("raw_org_brokers", rows, world, ("OrganizationName", "CurrentStatus"), rng)


def license_rows(world: World) -> Extract:
    """Return licences, some of which have no dates, or have expired; their numbers are unique."""
    rng = chance(world.seed, "licenses")
    count = world.sizes.licenses
    start = _EPOCH + rng.integers(0, _LICENSED_DAYS, count)
    end = start + rng.integers(365, 2_000, count)
    rows = pl.DataFrame(
        {
            "PartyUniqueId": "P" + pl.Series(rng.choice(world.brokers.rostered, count)).cast(pl.String),
            "StateCode": choose(rng, STATES, count),
            "CurrentStatus": choose(rng, ["Active", "Active", "Inactive", "Pending"], count),
            "LicenseCode": choose(rng, ["LH", "LIFE", "HEALTH", None], count),
            "LicenseEffectiveDate": _some_dates(rng, start, 0.05),
            "LicenseExpirationDate": _some_dates(rng, end, 0.1),
            "IsResidenceLicense": choose(rng, ["Y", "N", "true", "false", None], count),
            "LicenseNumber": "L" + pl.Series(100_000 + rng.permutation(count)).cast(pl.String),
            "ApplicableCounty": choose(rng, [None, None, *PLACES], count),
        }
    )
    slips = (Fault("LicenseExpirationDate", "not_a_date", BAD_DATES, "bad_dates"),)
    return _finished("raw_licenses", rows, world, slips=slips)


def insurance_rows(world: World) -> Extract:
    """Return insurances, several of a broker, some of which have no end."""
    rng = chance(world.seed, "insurances")
    count = world.sizes.insurances
    start = _EPOCH + rng.integers(0, _LICENSED_DAYS, count)
    amounts = {
        name: money(pl.Series(rng.integers(1, 200, count) * unit))
        for name, unit in {
            "DeductibleAmount": 50_000,
            "ClaimMaxAmount": 100_000_000,
            "AnnualMaxAmount": 200_000_000,
            "PolicyMaxAmount": 300_000_000,
            "LiabilityLimit": 100_000_000,
        }.items()
    }
    rows = pl.select(
        PartyUniqueId="P" + pl.Series(rng.choice(world.brokers.rostered, count)).cast(pl.String),
        CarrierName=choose(rng, PLACES, count) + " Mutual",
        PolicyId="EO" + pl.Series(10_000 + rng.permutation(count)).cast(pl.String),
        FromDate=pl.Series(start).cast(pl.Date),
        ToDate=_some_dates(rng, start + 365, 0.1),
    ).with_columns(**amounts)
    return _finished("raw_eo_insurance", rows, world, slips=(Fault("ToDate", "not_a_date", BAD_DATES, "bad_dates"),))


def _repeated(ids: Whole, world: World) -> Whole:
    return ids[: world.sizes.roster_duplicates] if world.dirt.roster_duplicates else ids[:0]


def _roster(table: str, rows: pl.DataFrame, world: World, padded: tuple[str, ...], rng: np.random.Generator) -> Extract:
    count = rows.height
    banking = [
        choose(rng, ["011000015", None], count),
        choose(rng, ["123456", None], count),
        choose(rng, ["C", "S"], count),
    ]
    rows = rows.with_columns(
        PartyUniqueId=party(pl.col("PartyUniqueId")),
        HireDate=_some_dates(rng, _EPOCH + rng.integers(0, _HIRED_DAYS, count), 0.05),
        EmailAddress="b" + pl.col("PartyUniqueId").cast(pl.String) + "@example.com",
        CurrentStatus=choose(rng, _STATUSES, count),
        **(dict(zip(BANKING, banking, strict=True)) if world.dirt.banking else {}),
    )
    made = _finished(table, rows, world, padded=padded)
    unique = int(rows["PartyUniqueId"].n_unique())
    made.truth.dirt |= {"repeated_brokers": count - unique}
    return made


def _finished(
    table: str, rows: pl.DataFrame, world: World, *, slips: tuple[Fault, ...] = (), padded: tuple[str, ...] = ()
) -> Extract:
    order = arrange(world.seed, table, rows.height, _FAULTS, world.dirt)
    return finish(table, lambda take: rows[take], order, world.dirt, world.seed, slips=slips, padded=padded)


def _some_dates(rng: np.random.Generator, days: Days, missing: float) -> pl.Series:
    dates = pl.Series(days).cast(pl.Date)
    return dates.zip_with(pl.Series(~marked(rng, missing, len(dates))), pl.Series([None] * len(dates), dtype=pl.Date))
