"""Whole-number keys: what is gone, what is missing, and the ranges that name them briefly."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from firn import ContractError

__all__ = ["Keys", "Ranges", "absent", "whole"]

Keys = NDArray[np.int64]

Ranges = list[tuple[int, int]]
"""From one key to another, both included."""


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
