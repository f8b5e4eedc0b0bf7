"""What the cells of a sheet hold, and the columns that they make."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from sources.xlsx.cell_values import date_text, formula_text, number_text, truth_text, unescape
from sources.xlsx.limits import REPAIR, Refused
from sources.xlsx.markup import VIEW, own_bytes, string_series
from sources.xlsx.sheet_tokens import FORMULA, column_letters
from sources.xlsx.xml_elements import BLANKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from sources.xlsx.markup import Buffers
    from sources.xlsx.package import Package
    from sources.xlsx.sheet_tokens import Kind, Tokens

SHARED, TEXT, NUMBER, DATE, TRUTH, ERROR, UNCOMPUTED = range(7)
MEANINGS = {"s": SHARED, "n": NUMBER, "b": TRUTH, "e": ERROR, FORMULA.type: UNCOMPUTED}
"""What a cell's type says of its text; any other type is text."""
MAX_COLUMN_BITS = 15


class Cells(NamedTuple):
    """The cells of a sheet that hold anything, ordered by row and column.

    Attributes:
        row: Excel row of each cell, UInt32.
        column: Column number, 1 for ``A``, UInt32.
        text: Position of its text in ``texts``, UInt32.
        error: Whether that text is no value: the code of an error such as ``#N/A``, or a formula that has no value.
        texts: Every text that occurs, and others; String in one chunk.
    """

    row: NDArray[np.uint32]
    column: NDArray[np.uint32]
    text: NDArray[np.uint32]
    error: NDArray[np.bool_]
    texts: pl.Series

    def at(self, some: NDArray[np.bool_] | NDArray[np.int64]) -> Cells:
        """Return some of the cells, by a mask or by position."""
        return Cells(self.row[some], self.column[some], self.text[some], self.error[some], self.texts)

    def rows(self) -> NDArray[np.uint32]:
        """Return every row that has a cell, once."""
        return self.row[np.diff(self.row, prepend=np.uint32(0)) > 0]

    def columns(self) -> list[int]:
        """Return every column that has a cell, once and in order."""
        columns: list[int] = np.flatnonzero(np.bincount(self.column)).tolist()
        return columns


def read_cells(tokens: Iterable[Tokens], package: Package) -> Cells:
    """Give tokens their meaning.

    Args:
        tokens: Of one sheet.
        package: The workbook that it is in.

    Raises:
        Refused: A cell points to a text that the workbook does not have, two cells have one address, or there are more
            cells than allowed.
    """
    reader = _Reader(package)
    for some in tokens:
        reader.read(some)
    return _ordered(reader.cells())


class _Reader:
    """Reads blocks of tokens; the texts that it makes are numbered on from the shared strings."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._shared = package.shared_strings
        self._is_text = self._shared.is_not_null().to_numpy()
        self._texts = [self._shared]
        self._text_count = len(self._shared)
        self._cell_count = 0
        nothing = np.zeros(0, np.uint32)
        self._found = [(nothing, nothing, nothing, np.zeros(0, np.bool_))]
        self._make: dict[int, Callable[[pl.Series], pl.Series]] = {
            TEXT: lambda raw: own_bytes(unescape(raw)),
            NUMBER: number_text,
            DATE: partial(date_text, date1904=package.date1904),
            TRUTH: truth_text,
            ERROR: own_bytes,
            UNCOMPUTED: formula_text,
        }

    def read(self, tokens: Tokens) -> None:
        """Read a block."""
        self._cell_count += len(tokens.row)
        self._package.limits.check("max_cells", self._cell_count, "cells")
        meanings = np.array([self._meaning(kind) for kind in tokens.kinds], np.uint8)[tokens.kind]
        text, held = np.zeros(len(meanings), np.uint32), np.zeros(len(meanings), np.bool_)
        for meaning in np.flatnonzero(np.bincount(meanings)).tolist():
            some = meanings == meaning
            raw = tokens.text.filter(some)
            text[some], held[some] = (
                self._shared_texts(raw, tokens, some) if meaning == SHARED else self._own(meaning, raw)
            )
        at = slice(None) if held.all() else held
        self._found.append((tokens.row[at], tokens.column[at], text[at], meanings[at] >= ERROR))

    def _meaning(self, kind: Kind) -> int:
        meaning = MEANINGS.get(kind.type, TEXT)
        styles = self._package.date_styles
        return DATE if meaning == NUMBER and styles[min(kind.style, len(styles) - 1)] else meaning

    def _own(self, meaning: int, raw: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        made = self._make[meaning](raw)
        first, self._text_count = self._text_count, self._text_count + len(made)
        self._texts.append(made)
        return np.arange(first, self._text_count, dtype=np.uint32), (made != "").to_numpy()

    def _shared_texts(
        self, raw: pl.Series, tokens: Tokens, some: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        number = raw.cast(pl.UInt32, strict=False)
        if number.null_count():
            number = raw.str.strip_chars(BLANKS).cast(pl.UInt32, strict=False)
        known = (number < len(self._shared)).fill_null(value=False).to_numpy()
        if not known.all():
            cell = np.flatnonzero(some)[np.flatnonzero(~known)[0]]
            address = _address(tokens.row[cell], tokens.column[cell])
            raise Refused(f"cell {address} points to a text that the workbook does not have", REPAIR)
        position = number.to_numpy()
        return position, self._is_text[position]

    def cells(self) -> Cells:
        """Return the cells of all blocks, in the order in which they were read."""
        row, column, text, error = (np.concatenate(arrays) for arrays in zip(*self._found, strict=True))
        return Cells(row, column, text, error, pl.concat(self._texts, rechunk=True))


def _address(row: np.uint32, column: np.uint32) -> str:
    return f"{column_letters(int(column))}{row}"


def _ordered(cells: Cells) -> Cells:
    key = cells.row.astype(np.int64) << MAX_COLUMN_BITS | cells.column
    if (np.diff(key) > 0).all():
        return cells
    order = np.argsort(key, kind="stable")
    cells, key = cells.at(order), key[order]
    again = np.flatnonzero(key[1:] == key[:-1])
    if again.size:
        address = _address(cells.row[again[0]], cells.column[again[0]])
        raise Refused(f"cell {address} is there twice, with two values", REPAIR)
    return cells


def string_columns(cells: Cells, columns: Sequence[int]) -> pl.DataFrame:
    """Put cells in their columns.

    Args:
        cells: The cells; those that hold an error or a formula without a value become null.
        columns: The columns to make, by number and in order, all those of ``cells`` among them.

    Returns:
        ``row`` UInt32, then one String column for each of ``columns``, named by its letters; a row for every row that
        has a cell.
    """
    rows = cells.rows()
    of_row = np.cumsum(np.diff(cells.row, prepend=np.uint32(0)) > 0) - 1
    _, elements, *texts = cells.texts.to_arrow(compat_level=pl.CompatLevel.newest()).buffers()
    views = np.frombuffer(elements, VIEW)
    at = np.flatnonzero(~cells.error)
    at = at[np.argsort(cells.column[at].astype(np.uint16), kind="stable")]
    ends = np.searchsorted(cells.column[at], columns, side="right").tolist()
    made = [pl.Series("row", rows)]
    for column, start, end in zip(columns, [0, *ends], ends, strict=False):
        here = at[start:end]
        made.append(_column(column_letters(column), views[cells.text[here]], of_row[here], len(rows), texts))
    return pl.DataFrame(made)


def _column(name: str, views: NDArray[np.void], at: NDArray[np.int64], height: int, texts: Buffers) -> pl.Series:
    column, valid = np.zeros(height, VIEW), np.zeros(height, np.bool_)
    column[at], valid[at] = views, True
    return string_series(column, texts, valid, name)
