"""Split configurations: who earns which share, level by level, by which schedule.

No two configurations of a group are alike: the first levels of its splits are numbered, and each number gives another
pair of broker and schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import chance

if TYPE_CHECKING:
    from benchmarks.commissions_source.brokers import Brokers
    from benchmarks.commissions_source.chance import Mask, Whole
    from benchmarks.commissions_source.dirt import Dirt
    from benchmarks.commissions_source.presets import Sizes

__all__ = ["ABSENT_CODES", "PERCENT_UNITS", "draw_config_lines", "schedule_codes"]

PERCENT_UNITS: Final = 10_000
ABSENT_CODES: Final = ("WH01", "WH02")
_LEVELS: Final = (0.25, 0.38, 0.22, 0.12, 0.03)
_SETS: Final = {
    (100.0,): 0.55,
    (50.0, 50.0): 0.1,
    (60.0, 40.0): 0.06,
    (75.0, 25.0): 0.04,
    (90.0, 10.0): 0.04,
    (66.67, 33.33): 0.04,
    (33.33, 33.33, 33.34): 0.06,
    (50.0, 25.0, 25.0): 0.04,
    (25.0, 25.0, 25.0, 25.0): 0.03,
    (12.5, 12.5, 37.5, 37.5): 0.02,
    (20.0, 20.0, 20.0, 20.0, 20.0): 0.02,
}
_WRONG_SETS: Final = {
    (99.99,): 0.2,
    (60.0, 30.0): 0.3,
    (33.33, 33.33, 33.33): 0.2,
    (100.0, 100.0): 0.1,
    (50.0, 50.0, 0.01): 0.2,
}


def schedule_codes(sizes: Sizes, dirt: Dirt) -> pl.Series:
    """Return the codes that certificates name; those in ``ABSENT_CODES`` come first if there are any."""
    absent = ABSENT_CODES if dirt.absent_schedules else ()
    return pl.Series([*absent, *(f"SC{number:05}" for number in range(sizes.codes - len(absent)))])


def draw_config_lines(configs: pl.DataFrame, brokers: Brokers, sizes: Sizes, dirt: Dirt, seed: int) -> pl.DataFrame:
    """Return the lines of configurations, those of a split together.

    Args:
        configs: ``config`` (its position), ``group``, and ``wrong``: whether its percents are not 100 in all.
        brokers: Who earns. Each of the absent ones is an upline at least once.
        sizes: How many schedule codes there are; each is named at least once.
        dirt: Which shares have one broker twice, which codes and brokers are absent.
        seed: Others give others.

    Returns:
        ``config``, ``ordinal`` (of the split, from 0), ``splits`` (how many), ``level`` (from 1), ``broker``,
        ``schedule``, ``percent`` (in ``PERCENT_UNITS``), ``writer`` (the broker of the split's level 1).
    """
    rng = chance(seed, "configs")
    codes = schedule_codes(sizes, dirt)
    splits = _with_writers(_splits(configs, rng), brokers, codes, rng, dirt)
    lines = (
        splits.with_columns(level=pl.int_ranges(1, pl.col("levels") + 1))
        .explode("level")
        .with_columns(pl.col("writer").alias("broker"))
    )
    upline = (lines["level"] > 1).to_numpy()
    broker, code = lines["broker"].to_numpy().copy(), lines["code"].to_numpy().copy()
    broker[upline], code[upline] = _uplines(rng, int(upline.sum()), brokers, len(codes))
    return lines.select(
        "config",
        "ordinal",
        "splits",
        "level",
        "percent",
        "writer",
        broker=pl.Series(broker),
        schedule=codes.gather(code),
    )


def _splits(configs: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return one row per split of each configuration, with its percent and its number of levels."""
    wrong = configs["wrong"].to_numpy()
    drawn = np.empty(configs.height, np.int64)
    drawn[~wrong] = rng.choice(len(_SETS), int((~wrong).sum()), p=list(_SETS.values()))
    drawn[wrong] = len(_SETS) + rng.choice(len(_WRONG_SETS), int(wrong.sum()), p=list(_WRONG_SETS.values()))
    sets = [[round(share * PERCENT_UNITS) for share in shares] for shares in (*_SETS, *_WRONG_SETS)]
    splits = (
        configs.with_columns(percent=pl.Series(sets, dtype=pl.List(pl.Int64)).gather(drawn))
        .with_columns(splits=pl.col("percent").list.len().cast(pl.Int64))
        .with_columns(ordinal=pl.int_ranges(pl.col("splits")))
        .explode("percent", "ordinal")
    )
    return splits.with_columns(
        levels=pl.Series(1 + rng.choice(len(_LEVELS), splits.height, p=_LEVELS)),
        number=pl.int_range(pl.len()).over("group"),
    )


def _with_writers(
    splits: pl.DataFrame, brokers: Brokers, codes: pl.Series, rng: np.random.Generator, dirt: Dirt
) -> pl.DataFrame:
    group, number = splits["group"].to_numpy(), splits["number"].to_numpy()
    offset = rng.integers(0, 1 << 30, (2, int(group.max(initial=0)) + 1))
    pool = brokers.individuals
    writer = pool[(offset[0][group] + number) % len(pool)]
    twice = (splits["ordinal"] == 1).to_numpy() & _of_config(rng, splits["config"].to_numpy(), dirt.same_broker)
    writer = np.where(twice, np.roll(writer, 1), writer)
    return splits.with_columns(
        writer=pl.Series(writer), code=pl.Series((offset[1][group] + number) % len(codes)), twice=pl.Series(twice)
    )


def _of_config(rng: np.random.Generator, config: Whole, share: float) -> Mask:
    return np.asarray(rng.random(int(config.max(initial=0)) + 1) < share)[config]


def _uplines(rng: np.random.Generator, count: int, brokers: Brokers, codes: int) -> tuple[Whole, Whole]:
    """Name every absent broker and every code, then anybody and any."""
    broker = rng.choice(brokers.rostered, count)
    first = brokers.absent[:count]
    broker[: len(first)] = first
    return broker, np.where(np.arange(count) < codes, np.arange(count), rng.integers(0, codes, count))
