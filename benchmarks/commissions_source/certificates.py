"""The active certificates, and what becomes of each by construction.

Ordinary ones have days 1 and 15 of a month; those with another fate have days of their own, so that they share a key
(group, day, product, plan) with nothing but what makes them what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import at_least_one, chance, marked, shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.commissions_source.chance import Whole
    from benchmarks.commissions_source.dirt import Dirt
    from benchmarks.commissions_source.presets import Sizes

__all__ = ["Places", "draw_certificates", "draw_conflicts", "draw_wrong_eras"]

_OPEN_MONTHS: Final = 24
_CONFLICT_DAY, _WRONG_DAY, _INVALID_DAY, _INCOMPLETE_DAY = 20, 10, 25, 5
_CONFLICT_MONTH: Final = 2010 * 12
_FIRST_CERTIFICATE: Final = 1_000_003
_STEP: Final = 7
_MORE_IN_CONFLICT: Final = 1.25
_SMALLER_CONFIGS, _SMALLER_GROUPS = 1.5, 0.65
_SECOND_STATE: Final = 0.1
_NO_PREMIUM, _BLANK_PREMIUM = 0.03, 0.01
_LIVES_PER_CUSTOMER: Final = 0.95


class Places:
    """Where a certificate can stand: an era, a pair of its track, a month."""

    def __init__(self, eras: pl.DataFrame, pairs: pl.DataFrame, configs: Whole) -> None:
        """Index the eras, which are in order of group and track, and the pairs, in order of track.

        Args:
            eras: As ``draw_eras`` returns them.
            pairs: As ``draw_pairs`` returns them.
            configs: The configuration of each era.
        """
        self.eras, self._pairs, self._configs = eras, pairs, configs
        self._group, self._track, self._start = (eras[name].to_numpy() for name in ("group", "track", "start"))
        self._span = eras.select((pl.col("until") - pl.col("start")).fill_null(_OPEN_MONTHS)).to_series().to_numpy()
        counts = np.bincount(pairs["track"].to_numpy())
        self._pair_count, self._pair_first = counts, np.cumsum(counts) - counts
        self.era_counts = np.bincount(self._group)
        self._era_first = np.cumsum(self.era_counts) - self.era_counts

    def in_groups(self, rng: np.random.Generator, group: Whole) -> Whole:
        """Return an era of each group."""
        return self._era_first[group] + (rng.random(len(group)) * self.era_counts[group]).astype(np.int64)

    def at(self, rng: np.random.Generator, era: Whole) -> pl.DataFrame:
        """Return a pair and a month of each era: ``era``, ``group``, ``product``, ``plan``, ``month``, ``config``."""
        track = self._track[era]
        pair = self._pair_first[track] + (rng.random(len(era)) * self._pair_count[track]).astype(np.int64)
        month = self._start[era] + (rng.random(len(era)) * self._span[era]).astype(np.int64)
        return self._frame(era, pair, month)

    def starts(self) -> pl.DataFrame:
        """Return every pair of every era at the era's first month, in the same columns."""
        count = self._pair_count[self._track]
        era = np.repeat(np.arange(len(count)), count)
        within = np.arange(len(era)) - np.repeat(np.cumsum(count) - count, count)
        return self._frame(era, self._pair_first[self._track[era]] + within, self._start[era])

    def _frame(self, era: Whole, pair: Whole, month: Whole) -> pl.DataFrame:
        chosen = self._pairs.select("product", "plan")[pair]
        return pl.DataFrame(
            {"era": era, "group": self._group[era], "month": month, "config": self._configs[era]}
        ).hstack(chosen)


def draw_conflicts(groups: pl.DataFrame, sizes: Sizes, dirt: Dirt, seed: int) -> pl.DataFrame:
    """Return the keys that have several configurations: ``key``, ``group``, ``nth`` key of its group."""
    rng = chance(seed, "conflicts")
    keys = round(sizes.conflict_keys * dirt.multiple_configs)
    some = min(keys, round(sizes.conflict_groups * dirt.multiple_configs), groups.height)
    chosen = rng.choice(groups.height, some, replace=False, p=groups["weight"].to_numpy())
    group = np.sort(np.concatenate([chosen, rng.choice(chosen, keys - some)])) if keys else np.zeros(0, np.int64)
    return pl.DataFrame(
        {"key": np.arange(keys), "group": group}, schema={"key": pl.Int64, "group": pl.Int64}
    ).with_columns(nth=pl.int_range(pl.len()).over("group"))


def draw_wrong_eras(eras: pl.DataFrame, sizes: Sizes, dirt: Dirt, seed: int) -> Whole:
    """Return the eras of certificates whose splits are not 100 in all."""
    return chance(seed, "wrong totals").integers(0, eras.height, round(sizes.wrong_totals * dirt.wrong_totals))


def draw_certificates(
    places: Places,
    groups: pl.DataFrame,
    conflicts: pl.DataFrame,
    wrong: Whole,
    *,
    config_sizes: Whole,
    sizes: Sizes,
    dirt: Dirt,
    seed: int,
) -> pl.DataFrame:
    """Return one row per active certificate.

    Args:
        places: Where they can stand.
        groups: As ``draw_groups`` returns them.
        conflicts: The configuration of the n-th key comes after those of the eras.
        wrong: Eras; their configurations come after those of the keys.
        config_sizes: The number of lines of each configuration.
        sizes: How many there are, and how many rows they have.
        dirt: How many have another fate than a proposal.
        seed: Others give others.

    Returns:
        ``certificate``, ``group``, ``raw_group`` (what is written, null for a blank), ``era`` (its proposal, null for
        none), ``reason`` (why it has none), ``config``, ``product``, ``plan``, ``date``, ``state``, ``premium`` (cents,
        0 or null for none), ``customer``, ``first_seq``, ``reversed`` (order of its splits), ``bad_writer``,
        ``torn`` (whether its last row is corrupted).
    """
    rng = chance(seed, "certificates")
    own = int(config_sizes.shape[0]) - conflicts.height - len(wrong)
    special = _special(places, conflicts, wrong, own, rng=rng, sizes=sizes, dirt=dirt)
    fixed = pl.concat([*special, _incomplete(places, config_sizes, sizes, dirt, seed)], how="diagonal_relaxed")
    used = int(config_sizes[fixed["config"].to_numpy()].sum())
    left = sizes.certificates - fixed.height
    free = _free(places, groups, config_sizes, rng, certificates=left, rows=sizes.active_rows - used)
    ordinary = places.at(rng, free).with_columns(day=pl.Series(rng.choice([1, 15], len(free))))
    return _with_values(pl.concat([fixed, ordinary], how="diagonal_relaxed"), groups, rng, dirt)


def _special(
    places: Places,
    conflicts: pl.DataFrame,
    wrong: Whole,
    own: int,
    *,
    rng: np.random.Generator,
    sizes: Sizes,
    dirt: Dirt,
) -> list[pl.DataFrame]:
    """Return the certificates that begin the eras, and those that belong to none."""
    invalid = places.at(rng, _any_era(rng, places, round(sizes.invalid_brokers * dirt.invalid_brokers)))
    wrong_ones = places.at(rng, wrong).with_columns(config=own + conflicts.height + pl.int_range(pl.len()))
    return [
        places.starts().with_columns(day=1),
        _in_conflict(places, conflicts, own, rng),
        _fated(wrong_ones, "CertificateSplitMismatch").with_columns(day=_WRONG_DAY),
        _fated(invalid, "InvalidBroker").with_columns(day=_INVALID_DAY),
        *_group_less(places, rng, sizes, dirt),
    ]


def _incomplete(places: Places, config_sizes: Whole, sizes: Sizes, dirt: Dirt, seed: int) -> pl.DataFrame:
    """Return the certificates of which rows are rejected; one that is torn has others yet."""
    rng = chance(seed, "incomplete")
    found = places.at(rng, _any_era(rng, places, round(sizes.incomplete * dirt.incomplete)))
    several = pl.Series(config_sizes[found["config"].to_numpy()] > 1)
    torn = several & (several.cum_sum() <= at_least_one(dirt.torn, found.height))
    return _fated(found, "RejectedRecords").with_columns(day=_INCOMPLETE_DAY, torn=torn)


def _any_era(rng: np.random.Generator, places: Places, count: int) -> Whole:
    return rng.integers(0, places.eras.height, count)


def _fated(certificates: pl.DataFrame, reason: str) -> pl.DataFrame:
    return certificates.with_columns(reason=pl.lit(reason), era=pl.lit(None, pl.Int64))


def _in_conflict(places: Places, conflicts: pl.DataFrame, own: int, rng: np.random.Generator) -> pl.DataFrame:
    """Return two certificates or more for each key; every other one has the key's own configuration."""
    found = places.at(rng, places.in_groups(rng, conflicts["group"].to_numpy()))
    found = found.with_columns(month=_CONFLICT_MONTH + conflicts["nth"], other=own + conflicts["key"])
    count = 2 + rng.poisson(_MORE_IN_CONFLICT, conflicts.height)
    found = found[np.repeat(np.arange(conflicts.height), count)]
    nth = np.arange(found.height) - np.repeat(np.cumsum(count) - count, count)
    other = pl.Series(nth % 2 == 1, dtype=pl.Boolean)
    chosen = found.with_columns(config=pl.when(other).then("other").otherwise("config"), day=_CONFLICT_DAY).drop(
        "other"
    )
    return _fated(chosen, "MultipleConfigs")


def _group_less(places: Places, rng: np.random.Generator, sizes: Sizes, dirt: Dirt) -> list[pl.DataFrame]:
    blank, zero = (round(count * dirt.group_less) for count in (sizes.blank_groups, sizes.zero_groups))
    zeros = pl.Series(["00000", "00000", "00000", "0000"]).gather(rng.integers(0, 4, zero))
    raw = pl.Series([None] * blank, dtype=pl.String).append(zeros)
    found = places.at(rng, _any_era(rng, places, blank + zero))
    without = found.with_columns(raw_group=raw, day=1, group=pl.lit(None, pl.Int64))
    return [_fated(without, "DTC-NoGroup")]


def _free(
    places: Places,
    groups: pl.DataFrame,
    config_sizes: Whole,
    rng: np.random.Generator,
    *,
    certificates: int,
    rows: int,
) -> Whole:
    """Return the eras of as many certificates as are left, whose configurations have so many rows in all."""
    group = places.eras["group"].to_numpy()
    lines = config_sizes[places.starts().group_by("era").agg(pl.col("config").first()).sort("era")["config"].to_numpy()]
    liking = rng.exponential(1, len(group)) / lines**_SMALLER_CONFIGS
    mean = np.bincount(group, lines * liking) / np.bincount(group, liking)
    weight = groups["weight"].to_numpy() / np.where(np.arange(len(mean)) > 0, mean / mean[0], 1) ** _SMALLER_GROUPS
    liking *= (weight / np.bincount(group, liking))[group]
    counts = shared(rng, max(0, certificates), liking)
    return np.repeat(np.arange(len(group)), _balanced(counts, lines, rows - int((counts * lines).sum())))


def _balanced(counts: Whole, lines: Whole, surplus: int) -> Whole:
    """Move certificates between eras whose configurations differ by a line, until the rows are as many as wanted."""
    step = 1 if surplus > 0 else -1
    for size in (2, 3, 1, 4, 5):
        donors, takers = np.flatnonzero(lines == size), np.flatnonzero(lines == size + step)
        moved = min(abs(surplus), int(counts[donors].sum())) if len(takers) else 0
        counts[donors] -= _spread(moved, counts[donors])
        counts[takers] += _spread(moved, counts[takers] + 1)
        surplus -= step * moved
    return counts


def _spread(total: int, weights: Whole) -> Whole:
    """Share a total in proportion to weights, none of which gets more than its weight if the total is none larger."""
    return np.diff(np.cumsum(weights) * total // max(1, int(weights.sum())), prepend=0)


def _with_values(
    certificates: pl.DataFrame, groups: pl.DataFrame, rng: np.random.Generator, dirt: Dirt
) -> pl.DataFrame:
    count = certificates.height
    months = (certificates["month"].to_numpy() - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    premium = np.round(np.exp(rng.normal(3.6, 0.7, count)) * 100)
    premium[marked(rng, _NO_PREMIUM, count)] = 0
    numbers = _FIRST_CERTIFICATE + _STEP * rng.permutation(count)
    return (
        certificates.join(
            groups.select("group", "key", "home", "second"), on="group", how="left", maintain_order="left"
        )
        .with_columns(
            certificate=pl.Series(numbers),
            date=pl.Series(months + (certificates["day"].to_numpy() - 1).astype("timedelta64[D]")).cast(pl.Date),
            raw_group=pl.coalesce("key", "raw_group"),
            premium=pl.when(~pl.Series(marked(rng, _BLANK_PREMIUM, count))).then(pl.Series(premium.astype(np.int64))),
            customer=pl.Series(rng.integers(100_000, 100_000 + max(1, int(count * _LIVES_PER_CUSTOMER)), count)),
            state=_state(rng, count),
            **_order(rng, count, dirt),
            bad_writer=pl.col("reason").eq_missing("InvalidBroker"),
            torn=pl.col("torn").fill_null(value=False),
        )
        .drop("home", "second", "key", "month", "day")
    )


def _state(rng: np.random.Generator, count: int) -> pl.Expr:
    second = pl.Series(rng.random(count) < _SECOND_STATE)
    return pl.when(second).then("second").otherwise("home").fill_null("TX")


def _order(rng: np.random.Generator, count: int, dirt: Dirt) -> Mapping[str, pl.Series]:
    """Return how the splits of each certificate are numbered: the first number, and whether the last comes first."""
    first = np.ones(count, np.int64)
    first[rng.choice(count, at_least_one(dirt.seq_starts, count), replace=False)] = 74
    first[(first > 1) & (rng.random(count) < 1 / 3)] = 2
    return {"first_seq": pl.Series(first), "reversed": pl.Series(marked(rng, dirt.reordered, count))}
