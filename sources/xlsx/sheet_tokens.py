"""The cells of a sheet as its XML states them, before anybody says what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384
LETTERS = 26


class Kind(NamedTuple):
    """What a cell's attributes say of its text.

    Attributes:
        type: ``n`` number, ``s`` shared string, ``inlineStr``, ``str`` formula string, ``b``, ``e`` error, ``d`` date.
        style: The number of its cell format.
    """

    type: str = "n"
    style: int = 0


FORMULA = Kind("formula without value")
"""What a cell is that has a formula and no value, as programs write that do not compute; its text is the formula's."""
TEXTS = frozenset({"str", "inlineStr"})
"""The types of which an empty text is a value."""


class Tokens(NamedTuple):
    """Some cells of a sheet that have a value or a formula, in document order.

    Attributes:
        row: Excel row of each cell, UInt32.
        column: Column number, 1 for ``A``, UInt32.
        kind: Position in ``kinds``, UInt32.
        kinds: The kinds that occur.
        text: The text of the value as XML means it, or of the formula where there is none; String without nulls.
    """

    row: NDArray[np.uint32]
    column: NDArray[np.uint32]
    kind: NDArray[np.uint32]
    kinds: Sequence[Kind]
    text: pl.Series


def column_letters(number: int) -> str:
    """Return the letters of a column: 1 is ``A``, 27 is ``AA``."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """Return the number of a column: ``A`` is 1, ``AA`` is 27."""
    number = 0
    for letter in letters:
        number = number * LETTERS + ord(letter) - ord("A") + 1
    return number
