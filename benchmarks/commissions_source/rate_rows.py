"""The extract of schedule rates: what a schedule pays for a product in a state, year by year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import Whole, chance, shared
from benchmarks.commissions_source.configs import ABSENT_CODES, schedule_codes
from benchmarks.commissions_source.extract import BAD_NUMBERS, MISSING, Extract, Fault, arrange, corrupted, finish
from benchmarks.commissions_source.products import categories, product_codes
from benchmarks.commissions_source.words import STATES

if TYPE_CHECKING:
    from benchmarks.commissions_source.world import World

__all__ = ["rate_rows"]

_TABLE: Final = "raw_schedule_rates"
_FAULTS: Final = (Fault("ScheduleName", "missing", MISSING, "bad_ids"),)
_SLIPS: Final = (Fault("Year1", "not_a_number", BAD_NUMBERS, "bad_numbers"),)
_PADDED: Final = ("ScheduleName", "ProductCode", "State")
_YEARS: Final = (*range(1, 17), 66, 99)
_PATTERNS: Final = 400
_LEVEL_PATTERNS, _EMPTY_PATTERNS = 40, 10
_STATES_A_PRODUCT: Final = (1, 10, 25, 50)
_SIZES: Final = {"S": (1, 50), "M": (51, 200), "L": (201, 9999), "Any": (1, 9999)}


def rate_rows(world: World) -> Extract:
    """Return the rates: every schedule that certificates name has those of the products and states it is used for.

    ``truth.dirt`` counts rates that are not the same in all years (``rates_varying``), that have a level only
    (``rates_level_only``), and the schedules.
    """
    rng = chance(world.seed, "rates")
    named = schedule_codes(world.sizes, world.dirt)
    present = named.filter(~named.is_in(list(ABSENT_CODES)))
    used = _used(world, present)
    wanted = world.sizes.rates - sum(corrupted(_FAULTS, world.dirt, world.sizes.rates))
    others = world.sizes.schedules - len(present)
    cells = pl.concat(
        [used, _unused(rng, len(present), others, max(others, wanted - used.height), world.sizes.products)]
    )
    pattern = np.minimum(rng.integers(0, _PATTERNS, cells.height), rng.integers(0, _PATTERNS, cells.height))
    names, patterns = _names(world, present), _patterns(rng)

    def draft(take: Whole) -> pl.DataFrame:
        return _rows(cells[take], pattern[take], names, patterns, world)

    order = arrange(world.seed, _TABLE, cells.height, _FAULTS, world.dirt, blocks=cells["schedule"].to_numpy())
    made = finish(_TABLE, draft, order, world.dirt, world.seed, slips=_SLIPS, padded=_PADDED)
    made.truth.dirt |= {
        "schedules": cells["schedule"].n_unique(),
        "rates_varying": int((pattern >= _LEVEL_PATTERNS + _EMPTY_PATTERNS).sum()),
        "rates_level_only": int((pattern < _EMPTY_PATTERNS).sum()),
    }
    return made


def _used(world: World, present: pl.Series) -> pl.DataFrame:
    """Return the cells (schedule, product, state) that certificates need: in the two states of their groups."""
    lines = world.config_lines.select("config", "schedule").unique()
    at = pl.DataFrame({"schedule": present, "number": pl.Series(range(len(present)), dtype=pl.Int64)})
    states = pl.DataFrame({"code": STATES, "state": pl.Series(range(len(STATES)), dtype=pl.Int64)})
    homes = world.groups.unpivot(on=["home", "second"], index="group", value_name="code").join(states, on="code")
    pairs = world.eras.select("track", "group", "config").join(
        world.pairs.select("track", "product").unique(), on="track"
    )
    found = pairs.join(lines, on="config").join(at, on="schedule").join(homes, on="group")
    needed = found.select(pl.col("number").alias("schedule"), "product", "state")
    # A schedule that is an alternative in a conflict only has a rate all the same.
    least = pl.DataFrame({"schedule": at["number"]}).with_columns(product=pl.lit(0), state=pl.lit(0))
    return pl.concat([needed, least.cast(pl.Int64)]).unique().sort("schedule", "product", "state")


def _unused(rng: np.random.Generator, first_number: int, schedules: int, rows: int, products: int) -> pl.DataFrame:
    """Return the cells of schedules that no certificate names; none twice."""
    count = 1 + shared(rng, rows - schedules, np.ones(schedules))
    schedule = np.repeat(np.arange(schedules), count)
    nth = np.arange(len(schedule)) - np.repeat(np.cumsum(count) - count, count)
    width = np.array(_STATES_A_PRODUCT)[rng.integers(0, len(_STATES_A_PRODUCT), schedules)][schedule]
    first = rng.integers(0, [[products], [len(STATES)]], (2, schedules))[:, schedule]
    product, state = (first[0] + nth // width) % products, (first[1] + nth % width) % len(STATES)
    return pl.DataFrame({"schedule": first_number + schedule, "product": product, "state": state})


def _names(world: World, present: pl.Series) -> pl.Series:
    """Return the names of schedules by number; first those that certificates name."""
    others = [f"{'ABCDEFGH'[n % 8]}{n:06}" for n in range(world.sizes.schedules - len(present))]
    return pl.concat([present, pl.Series(others, dtype=pl.String)])


def _patterns(rng: np.random.Generator) -> pl.DataFrame:
    """Return rates by year: first patterns with a level only, then the same every year, then falling ones."""
    count = _PATTERNS
    start = rng.integers(4, 200, count) * 25
    step = rng.integers(1, 4, count)
    flat = np.arange(count) < _EMPTY_PATTERNS + _LEVEL_PATTERNS
    table = {}
    for position, year in enumerate(_YEARS):
        later = np.maximum(25, start - 25 * position * step)
        rate = pl.Series(np.where(flat | (position == 0), start, np.where(later == start, start - 5, later)))
        text = (rate / 100).cast(pl.String)
        table[f"Year{year}"] = text.zip_with(
            pl.Series(np.arange(count) >= _EMPTY_PATTERNS), pl.Series([None], dtype=pl.String)
        )
    level = pl.Series(start) / 100
    return pl.DataFrame({**table, "Level": level.cast(pl.String)})


def _rows(cells: pl.DataFrame, pattern: Whole, names: pl.Series, patterns: pl.DataFrame, world: World) -> pl.DataFrame:
    number, products = cells["schedule"].to_numpy(), world.sizes.products
    size = number % len(_SIZES)
    start = pl.Series(np.datetime64("2005-01-01") + (number % 5000).astype("timedelta64[D]")).cast(pl.Date)
    low, high = (pl.Series([ends[n] for ends in _SIZES.values()]).gather(size) for n in range(2))
    name = names.gather(number)
    category = categories(products).gather(cells["product"])
    made = pl.DataFrame(
        {
            "ScheduleName": name,
            "ScheduleDescription": "Schedule " + name,
            "Category": category,
            "ProductCode": product_codes(products).gather(cells["product"]),
            "OffGroupLetterDescription": category + " letter",
            "State": pl.Series(STATES).gather(cells["state"]),
            "GroupSizeFrom": low,
            "GroupSizeTo": high,
            "GroupSize": pl.Series(list(_SIZES)).gather(size),
            "EffectiveStartDate": start,
            "SeriesType": pl.Series(["A", "B", None]).gather(number % 3),
        }
    )
    return made.hstack(patterns[pattern])
