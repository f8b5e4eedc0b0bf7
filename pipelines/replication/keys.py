"""Whole-number keys: what is gone, what is missing, and the ranges that name them briefly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.int64]

__all__ = ["Ranges", "absent"]

Ranges = list[tuple[int, int]]
"""From one key to another, both included."""


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
