"""Seeded choice: what one part draws does not depend on what another part drew before."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Mask", "Whole", "at_least_one", "chance", "choose", "marked", "shared"]

Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def chance(seed: int, part: str) -> np.random.Generator:
    """Return the generator of a part."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def choose(rng: np.random.Generator, words: Sequence[str | None], rows: int) -> pl.Series:
    """Return as many of the words as there are rows."""
    return pl.Series(list(words), dtype=pl.String).gather(rng.integers(0, len(words), rows))


def at_least_one(share: float, rows: int) -> int:
    """Return a share of the rows, but one at least unless it is none."""
    return min(rows, max(1, round(share * rows))) if share > 0 and rows else 0


def marked(rng: np.random.Generator, share: float, rows: int) -> Mask:
    """Mark a share of the rows, one at least unless the share is none."""
    mask = np.zeros(rows, np.bool_)
    mask[rng.choice(rows, at_least_one(share, rows), replace=False)] = True
    return mask


def shared(rng: np.random.Generator, total: int, weights: npt.NDArray[np.float64]) -> Whole:
    """Share a total among weights."""
    if not len(weights):
        return np.zeros(0, np.int64)
    return rng.multinomial(total, weights / weights.sum()).astype(np.int64)
