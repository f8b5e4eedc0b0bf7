"""Commission schedules and their versions."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.choices import commonest, counted
from transforms.commissions.identifiers import surrogate
from transforms.commissions.keys import keyed
from transforms.commissions.lines import ScheduleLines
from transforms.commissions.references import ActiveSchedules

__all__ = ["ScheduleStatus", "ScheduleTables", "ScheduleVersions", "Schedules", "schedules"]


class ScheduleStatus(IntEnum):
    """Whether a version of a schedule is in use."""

    ACTIVE = 1


class Schedules(dy.Schema):
    """A schedule; ``id`` is the surrogate of its code, which is ``external_id``.

    ``product_codes`` is sorted and separated by commas. An end that is not stated is null.
    """

    id = dy.Int64(primary_key=True)
    external_id = dy.String(nullable=False)
    name = dy.String(nullable=False)
    description = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)
    product_codes = dy.String(nullable=True)
    product_count = dy.Int32(nullable=False)
    current_version_id = dy.Int64(nullable=False)
    current_version_number = dy.String(nullable=False)


class ScheduleVersions(dy.Schema):
    """The one version of a schedule; its ``id`` is that of the schedule, and ``status`` a `ScheduleStatus`."""

    id = dy.Int64(primary_key=True)
    schedule_id = dy.Int64(nullable=False)
    version_number = dy.String(nullable=False)
    status = dy.Int16(nullable=False, metadata={"numbers": ScheduleStatus})
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)


class ScheduleTables(NamedTuple):
    """The tables that ``schedules`` makes.

    Attributes:
        published_schedule_lines: The lines of these schedules.
        schedules: One row per schedule.
        schedule_versions: One row per schedule, too.
    """

    published_schedule_lines: dy.DataFrame[ScheduleLines]
    schedules: dy.DataFrame[Schedules]
    schedule_versions: dy.DataFrame[ScheduleVersions]


_VERSION: Final = "1.0"


def schedules(
    schedule_lines: dy.DataFrame[ScheduleLines],
    active_schedules: dy.DataFrame[ActiveSchedules],
    *,
    all_schedules: bool = False,
) -> ScheduleTables:
    """List the schedules that certificates name.

    A schedule begins with the first of its lines and ends with the last; while one of them has no end, it has none.
    Lines without a product are no rates, and say nothing of it: one of which all lines are such has no rate, and is no
    schedule. Where its lines differ, its name and description are those of most of them, taken together.

    Args:
        schedule_lines: All lines of schedules.
        active_schedules: The schedules that certificates name.
        all_schedules: Whether the schedules that no certificate names are published, too.

    Returns:
        The lines of the schedules that are published, the schedules, and the one version of each.
    """
    is_named = pl.col("schedule").is_in(active_schedules["schedule"].implode())
    lines = schedule_lines if all_schedules else schedule_lines.filter(is_named)
    rows = _rows(lines.drop_nulls("product"))
    return ScheduleTables(
        ScheduleLines.cast(lines),
        keyed("schedules", rows, Schedules),
        keyed("schedule_versions", rows.with_columns(schedule_id="id"), ScheduleVersions),
    )


def _rows(lines: pl.DataFrame) -> pl.DataFrame:
    described = commonest(counted(lines, ["schedule", "category", "description"]), ["schedule"])
    rows = described.join(_spans(lines), on="schedule").join(_products(lines), on="schedule")
    return rows.with_columns(pl.col("product_count").cast(pl.Int32), *_labels()).with_columns(current_version_id="id")


def _labels() -> tuple[pl.Expr, ...]:
    """Name a schedule and its version."""
    return (
        surrogate(pl.col("schedule")).alias("id"),
        pl.col("schedule").alias("external_id"),
        pl.concat_str("category", "schedule", separator=" - ", ignore_nulls=True).alias("name"),
        pl.lit(_VERSION).alias("current_version_number"),
        pl.lit(_VERSION).alias("version_number"),
        pl.lit(ScheduleStatus.ACTIVE.value, pl.Int16).alias("status"),
    )


def _spans(lines: pl.DataFrame) -> pl.DataFrame:
    last = pl.when(pl.col("end_date").is_not_null().all()).then(pl.col("end_date").max())
    return lines.group_by("schedule").agg(effective_date=pl.col("start_date").min(), end_date=last)


def _products(lines: pl.DataFrame) -> pl.DataFrame:
    found = lines.select("schedule", "product").unique()
    return found.group_by("schedule").agg(product_codes=pl.col("product").sort().str.join(","), product_count=pl.len())
