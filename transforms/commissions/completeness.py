"""What must have its parts before anything is published: a schedule its version and rates, a fee schedule its items."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final

import dataframely as dy
import polars as pl

from transforms.commissions.fees import FeeScheduleItems, FeeSchedules, FeeScheduleVersions
from transforms.commissions.hierarchies import HierarchyParticipants
from transforms.commissions.schedule_rates import ScheduleRates
from transforms.commissions.schedules import Schedules, ScheduleVersions

__all__ = ["Bare", "Unlinked", "fee_schedules_whole", "schedules_linked", "schedules_whole"]

LEAST_LINKED: Final = 0.8
"""The share of the participants with a schedule's code of which the schedule must be there."""


class Bare(dy.Schema):
    """A table whose rows do not all have a row of another table; a check returns none."""

    table = dy.String(nullable=False)
    without = dy.String(nullable=False)
    rows = dy.Int64(nullable=False, min=1)
    first = dy.String(nullable=False)


def schedules_whole(
    schedules: dy.DataFrame[Schedules],
    schedule_versions: dy.DataFrame[ScheduleVersions],
    schedule_rates: dy.DataFrame[ScheduleRates],
) -> dy.DataFrame[Bare]:
    """Check that each schedule has a version, and each version a rate."""
    versions, rates = schedule_versions, schedule_rates
    return bare(
        ("schedules", schedules["id"], "schedule_versions", versions["schedule_id"]),
        ("schedule_versions", versions["id"], "schedule_rates", rates["schedule_version_id"]),
    )


class Unlinked(dy.Schema):
    """So few of the participants that name a schedule have one that the extracts cannot belong together."""

    participants = dy.Int64(nullable=False)
    linked = dy.Int64(nullable=False)
    schedules = dy.Int64(nullable=False)


def schedules_linked(
    hierarchy_participants: dy.DataFrame[HierarchyParticipants], schedules: dy.DataFrame[Schedules]
) -> dy.DataFrame[Unlinked]:
    """Check that four in five participants that name a schedule have one, and that there are schedules at all."""
    named = hierarchy_participants.filter(pl.col("schedule_code").is_not_null())
    linked = named["schedule_id"].count()
    is_lost = linked < LEAST_LINKED * named.height or (hierarchy_participants.height and not schedules.height)
    rows = [(named.height, linked, schedules.height)] if is_lost else []
    return Unlinked.cast(pl.DataFrame(rows, schema=Unlinked.column_names(), orient="row"))


def fee_schedules_whole(
    fee_schedules: dy.DataFrame[FeeSchedules],
    fee_schedule_versions: dy.DataFrame[FeeScheduleVersions],
    fee_schedule_items: dy.DataFrame[FeeScheduleItems],
) -> dy.DataFrame[Bare]:
    """Check that each fee schedule has a version, and each version items."""
    versions, items = fee_schedule_versions, fee_schedule_items
    return bare(
        ("fee_schedules", fee_schedules["id"], "fee_schedule_versions", versions["fee_schedule_id"]),
        ("fee_schedule_versions", versions["id"], "fee_schedule_items", items["fee_schedule_version_id"]),
    )


def bare(*pairs: tuple[str, pl.Series, str, pl.Series]) -> dy.DataFrame[Bare]:
    """Find the keys of a table that no row of another names."""
    lost = [(table, other, keys.filter(~keys.is_in(named.implode()))) for table, keys, other, named in pairs]
    rows = [(table, other, len(keys), str(keys.sort()[0])) for table, other, keys in lost if len(keys)]
    schema = {"table": pl.String, "without": pl.String, "rows": pl.Int64, "first": pl.String}
    return Bare.cast(pl.DataFrame(rows, schema=schema, orient="row"))
