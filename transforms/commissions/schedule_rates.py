"""The rates of schedules: by product, state and group size, and by year where years differ."""

# No future import: the engine reads the annotations, which are the contract.
from itertools import zip_longest
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.changes import Changed, changed
from transforms.commissions.choices import choose, latest, set_aside
from transforms.commissions.columns import SCHEDULES
from transforms.commissions.identifiers import surrogate
from transforms.commissions.keys import keyed, natural_key
from transforms.commissions.lines import YEARS, ScheduleLines
from transforms.commissions.set_aside import SetAside

__all__ = ["ScheduleRateTables", "ScheduleRateTiers", "ScheduleRates", "SpecialScheduleRates", "schedule_rates"]


class ScheduleRates(dy.Schema):
    """What a version pays for a product in a state and a range of group sizes, in percent of the premium.

    ``id`` is the surrogate of schedule, product, state, size from and size to. States are never merged.
    """

    id = dy.Int64(primary_key=True)
    schedule_version_id = dy.Int64(nullable=False)
    schedule = dy.String(nullable=False)
    product_code = dy.String(nullable=False)
    state = dy.String(nullable=True)
    group_size_from = dy.Int32(nullable=True)
    group_size_to = dy.Int32(nullable=True)
    group_size = dy.String(nullable=True)
    category = dy.String(nullable=True)
    rate_value = dy.Decimal(18, 6, nullable=False)
    first_year_rate = dy.Decimal(18, 6, nullable=False)
    renewal_rate = dy.Decimal(18, 6, nullable=False)
    level = dy.Decimal(18, 6, nullable=True)
    off_group_letter_description = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)


class SpecialScheduleRates(dy.Schema):
    """What a rate is in a policy year, where its years differ.

    ``year`` names the column: 1 to 15 are that year alone, 16 is 16 to 65, 66 is 66 to 98, and 99 is 99 and later.
    ``year_to`` is the first year that it no longer holds, null after 99.
    """

    schedule_rate_id = dy.Int64(primary_key=True)
    year = dy.Int32(primary_key=True)
    year_to = dy.Int32(nullable=True)
    rate = dy.Decimal(18, 6, nullable=False)


class ScheduleRateTiers(dy.Schema):
    """The range of group sizes that a rate is for; ``tier`` numbers the ranges of a product and state from 1."""

    id = dy.Int64(primary_key=True)
    schedule_rate_id = dy.Int64(nullable=False)
    tier = dy.Int32(nullable=False)
    group_size_from = dy.Int32(nullable=True)
    group_size_to = dy.Int32(nullable=True)
    first_year_rate = dy.Decimal(18, 6, nullable=False)
    renewal_rate = dy.Decimal(18, 6, nullable=False)


class ScheduleRateTables(NamedTuple):
    """The tables that ``schedule_rates`` makes.

    Attributes:
        schedule_rates: One row per schedule, product, state and group size.
        special_schedule_rates: The years of the rates whose years differ.
        schedule_rate_tiers: The rates that are limited to group sizes.
        rates_set_aside: The lines that are no rate.
        rates_changed: How many rates are zero because nothing states them.
    """

    schedule_rates: dy.DataFrame[ScheduleRates]
    special_schedule_rates: dy.DataFrame[SpecialScheduleRates]
    schedule_rate_tiers: dy.DataFrame[ScheduleRateTiers]
    rates_set_aside: dy.DataFrame[SetAside]
    rates_changed: dy.DataFrame[Changed]


_KEY: Final = ("schedule", "product_code", "state", "group_size_from", "group_size_to")
_YEAR_COLUMNS: Final = [f"year_{year}" for year in YEARS]


def schedule_rates(published_schedule_lines: dy.DataFrame[ScheduleLines]) -> ScheduleRateTables:
    """Make the rates of schedules.

    The rate of the first year is that of year 1, that of renewals is that of year 2, else of year 66; where they are
    missing or zero, both are the level, and zero without one. Of several lines with the same schedule, product, state
    and group sizes the one that starts last stands for all, of equals the first by content. Lines without a product are
    no rates.

    Years differ where those that are stated are not all equal; then every stated year has a row. A rate is a tier where
    its line states a smallest or largest group size.

    Args:
        published_schedule_lines: The lines of the schedules that are published.

    Returns:
        The rates, their years, their tiers, the lines that are not published, and how many values a rule changed.
    """
    without_product = published_schedule_lines.filter(pl.col("product").is_null())
    chosen = choose(_named(published_schedule_lines.drop_nulls("product")), _KEY, latest("effective_date"))
    rates = chosen.kept.with_columns(id=surrogate(natural_key(*_KEY))).with_columns(*_rates())
    return ScheduleRateTables(
        keyed("schedule_rates", rates, ScheduleRates),
        keyed("special_schedule_rates", _years(rates), SpecialScheduleRates),
        keyed("schedule_rate_tiers", _tiers(rates), ScheduleRateTiers),
        _set_aside(chosen.others, without_product),
        changed(("missing_rate", SCHEDULES, "level", rates.filter(_is_missing()).height)),
    )


def _named(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.rename(
        {
            "product": "product_code",
            "size_from": "group_size_from",
            "size_to": "group_size_to",
            "size": "group_size",
            "off_group_letter": "off_group_letter_description",
            "start_date": "effective_date",
        }
    )


def _rates() -> tuple[pl.Expr, ...]:
    level = pl.col("level").fill_null(0)
    return (
        surrogate(pl.col("schedule")).alias("schedule_version_id"),
        level.alias("rate_value"),
        pl.coalesce(_stated("year_1"), level).alias("first_year_rate"),
        pl.coalesce(_stated("year_2"), _stated("year_66"), level).alias("renewal_rate"),
    )


def _stated(year: str) -> pl.Expr:
    return pl.when(pl.col(year) != 0).then(year)


def _is_missing() -> pl.Expr:
    """Tell where a rate of the first year or of renewals is zero for want of a level."""
    renewal = pl.coalesce("year_2", "year_66")
    return pl.col("level").is_null() & (pl.col("year_1").is_null() | renewal.is_null())


def _years(rates: pl.DataFrame) -> pl.DataFrame:
    varying = rates.filter(pl.min_horizontal(_YEAR_COLUMNS) < pl.max_horizontal(_YEAR_COLUMNS))
    return pl.concat(_of_year(varying, *years) for years in zip_longest(YEARS, YEARS[1:])).drop_nulls("rate")


def _of_year(rates: pl.DataFrame, year: int, year_to: int | None) -> pl.DataFrame:
    years = {"year": pl.lit(year, pl.Int32), "year_to": pl.lit(year_to, pl.Int32)}
    return rates.select(schedule_rate_id="id", rate=f"year_{year}", **years)


def _tiers(rates: pl.DataFrame) -> pl.DataFrame:
    sizes, place = ("group_size_from", "group_size_to"), ("schedule_version_id", "product_code", "state")
    is_sized = pl.any_horizontal(pl.col(sizes).is_not_null())
    sized = rates.filter(is_sized).select("id", *place, *sizes, "first_year_rate", "renewal_rate")
    tier = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(place)
    return sized.sort(sizes, nulls_last=False).with_columns(tier=tier, schedule_rate_id="id")


def _set_aside(repeated: pl.DataFrame, without_product: pl.DataFrame) -> dy.DataFrame[SetAside]:
    entries = [
        set_aside(SCHEDULES, repeated, "repeated_rate", "product", "product_code"),
        set_aside(SCHEDULES, without_product, "rate_without_product", "schedule"),
    ]
    return SetAside.cast(pl.concat(entries))
