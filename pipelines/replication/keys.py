"""Whole-number keys: what is gone, what is missing or stale, and the ranges that name them briefly."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from firn import ContractError

__all__ = ["Keys", "Ranges", "absent", "gathered", "stale", "stamped", "whole"]

Keys = NDArray[np.int64]

Ranges = list[tuple[int, int]]
"""From one key to another, both included."""

_MOST_RANGES = 64
"""Each is read by statements of its own: from there on, reading the rows between two is cheaper."""


def whole(values: pl.Series) -> Keys:
    """Return keys as they are compared here, in their order.

    Raises:
        ContractError: One is beyond 63 bits.
    """
    try:
        keys: Keys = values.cast(pl.Int64).to_numpy()
    except pl.exceptions.InvalidOperationError as error:
        raise ContractError(
            f'Keys of column "{values.name}" are beyond 9223372036854775807, and cannot be compared one by one. '
            "Production is unchanged.",
            'read the table whole: strategy = "full"',
        ) from error
    return keys


def absent(ours: Keys, theirs: Keys) -> Ranges:
    """Name the keys that we have and they do not, in as few ranges as hold none of theirs.

    Args:
        ours: Sorted, each once.
        theirs: Likewise.
    """
    gone = np.setdiff1d(ours, theirs, assume_unique=True)
    if not gone.size:
        return []
    places = np.searchsorted(theirs, gone)
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    ends = np.append(starts[1:], gone.size) - 1
    return list(zip(gone[starts].tolist(), gone[ends].tolist(), strict=True))


def gathered(keys: Keys, most: int = _MOST_RANGES) -> Ranges:
    """Name keys in so many ranges at most, which leave out the widest gaps between them.

    Args:
        keys: Sorted, each once.
        most: How many.
    """
    if not keys.size:
        return []
    gaps = np.diff(keys)
    widest = np.sort(np.argsort(gaps)[::-1][: most - 1])
    starts = np.append(0, widest[gaps[widest] > 1] + 1)
    ends = np.append(starts[1:], keys.size) - 1
    return list(zip(keys[starts].tolist(), keys[ends].tolist(), strict=True))


def stamped(rows: pl.DataFrame, key: str, stamp: str | None) -> pl.DataFrame:
    """Return ``key``, sorted, and ``stamp`` of rows, which is null where they have none, or no stamp is asked for."""
    own = pl.lit(None) if stamp is None else pl.col(stamp)
    return rows.select(pl.Series("key", whole(rows[key])), own.alias("stamp")).sort("key")


def stale(ours: pl.DataFrame, theirs: pl.DataFrame, read: Keys) -> Keys:
    """Return the keys of rows that we lack, or that have another stamp than ours, or none, and were not read yet.

    Args:
        ours: Keys and stamps that we have.
        theirs: Those that they have.
        read: Keys of the rows that were read.
    """
    known = theirs.filter(~pl.col("key").is_in(pl.Series(read).implode())).join(ours, on="key", how="left")
    differing = known.filter(~pl.col("stamp").eq(pl.col("stamp_right")).fill_null(value=False))
    return differing["key"].sort().to_numpy()
