"""What must have its parts before anything is published: a schedule its version, a fee schedule its items."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.fees import FeeScheduleItems, FeeSchedules, FeeScheduleVersions
from transforms.commissions.schedules import Schedules, ScheduleVersions

__all__ = ["Bare", "fee_schedules_whole", "schedules_whole"]


class Bare(dy.Schema):
    """A table whose rows do not all have a row of another table; a check returns none."""

    table = dy.String(nullable=False)
    without = dy.String(nullable=False)
    rows = dy.Int64(nullable=False, min=1)
    first = dy.String(nullable=False)


def schedules_whole(
    schedules: dy.DataFrame[Schedules], schedule_versions: dy.DataFrame[ScheduleVersions]
) -> dy.DataFrame[Bare]:
    """Check that each schedule has a version."""
    return bare(("schedules", schedules["id"], "schedule_versions", schedule_versions["schedule_id"]))


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
