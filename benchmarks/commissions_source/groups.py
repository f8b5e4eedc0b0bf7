"""Employer groups: their numbers, names, states, and how large each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import chance, choose
from benchmarks.commissions_source.words import PLACES, STATES, TRADES

if TYPE_CHECKING:
    from benchmarks.commissions_source.dirt import Dirt
    from benchmarks.commissions_source.presets import Sizes

__all__ = ["draw_groups"]

_SINGLE: Final = 0.48
_LARGEST: Final = 1.3
_STEP: Final = 7
_FIRST_KEY: Final = 10_001
_LETTERS: Final = ("LA0059", "MS0059", "525B", "T17624", "AL0033")


def draw_groups(sizes: Sizes, dirt: Dirt, seed: int) -> pl.DataFrame:
    """Return one row per group, the largest first.

    Columns: ``group`` (its position), ``key``, ``name``, ``home`` and ``second`` (states), ``weight`` (its share of the
    certificates, Zipf-like), ``single`` (whether it has one configuration only).
    """
    rng = chance(seed, "groups")
    count = sizes.groups
    rank = np.arange(count)
    keys = pl.Series(_FIRST_KEY + _STEP * rng.permutation(count)).cast(pl.String)
    single = np.floor((rank + 1) * _SINGLE) > np.floor(rank * _SINGLE)
    single[0] = False
    weight = np.where(rank > 0, 1, _LARGEST) / (rank + 1)
    return pl.DataFrame(
        {
            "group": rank,
            "key": _with_letters(keys, sizes.alphanumeric_groups if dirt.alphanumeric_groups else 0, rng),
            "name": choose(rng, PLACES, count)
            + " "
            + choose(rng, TRADES, count)
            + " "
            + pl.Series(rank).cast(pl.String),
            "home": choose(rng, STATES, count),
            "second": choose(rng, STATES, count),
            "weight": weight / weight.sum(),
            "single": single,
        }
    )


def _with_letters(keys: pl.Series, count: int, rng: np.random.Generator) -> pl.Series:
    """Give some groups numbers with letters; two of them have the same digits."""
    more = [f"{('LA', 'AL')[n % 2]}{1000 + n}" for n in range(count)]
    at = rng.choice(len(keys), count, replace=False)
    return keys.scatter(at.tolist(), [*_LETTERS, *more][:count])
