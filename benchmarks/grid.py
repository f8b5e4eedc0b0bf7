"""A sheet as columns of few distinct cells: what is drawn per row is only which of them stands there."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.xlsx_writer import Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Rows = npt.NDArray[np.int64]
BLANK = Cell("")
DATA, PHANTOM, KEYLESS, EMPTY = range(4)
EMPTY_SHARE = 0.004


class Chance:
    """The random numbers of one workbook: ``many`` by the array, ``one`` at a time."""

    def __init__(self, seed: int, index: int) -> None:
        self.many = np.random.default_rng([seed, index])
        self.one = random.Random(f"{seed} {index}")

    def some(self, rows: Rows, share: float) -> Rows:
        """Draw a share of ``rows``, rounding up as often as the remainder says, in ascending order."""
        count = int(len(rows) * share + self.one.random())
        return np.sort(self.many.choice(rows, min(count, len(rows)), replace=False))


class Column:
    """One column of a sheet.

    Attributes:
        header: Its header, tidy.
        kind: The kind of the column it feeds; empty where it feeds none.
        text_type: How its texts are stored, ``s`` or ``inlineStr``.
        cells: Its distinct cells; the first is no cell at all.
        labels: What is irregular about each of ``cells``; empty where nothing is.
        codes: For each row the position of its cell in ``cells``.
    """

    def __init__(self, header: str, kind: str, rows: int, text_type: str = "s") -> None:
        self.header = header
        self.kind = kind
        self.text_type = text_type
        self.cells: list[Cell] = [BLANK]
        self.labels: list[str] = [""]
        self.codes = np.zeros(rows, np.int64)

    def text(self, text: str) -> Cell:
        """Return a cell with a text, stored as this column stores them."""
        return Cell(text, self.text_type)

    def draw(self, chance: Chance, rows: Rows, cells: Sequence[Cell], label: str = "") -> None:
        """Put one of ``cells``, at random, into each of ``rows``."""
        first = self._add(cells, label)
        self.codes[rows] = first + chance.many.integers(0, len(cells), len(rows))

    def place(self, rows: Rows, cells: Sequence[Cell], label: str = "") -> None:
        """Put one cell into each of ``rows``, in order."""
        first = self._add(cells, label)
        self.codes[rows] = first + np.arange(len(rows))

    def place_numbers(self, rows: Rows, numbers: Rows, make: Callable[[int], Cell], label: str = "") -> None:
        """Put a number into each of ``rows``, as the cell that ``make`` returns for it."""
        distinct, codes = np.unique(numbers, return_inverse=True)
        self.codes[rows] = self._add([make(int(number)) for number in distinct], label) + codes

    def change(self, rows: Rows, change: Callable[[Cell], Cell], label: str) -> None:
        """Replace the cells of ``rows`` by what ``change`` makes of them."""
        distinct, codes = np.unique(self.codes[rows], return_inverse=True)
        self.codes[rows] = self._add([change(self.cells[code]) for code in distinct], label) + codes

    def regular(self, rows: Rows) -> Rows:
        """Return those of ``rows`` that have a cell with nothing irregular about it."""
        plain = np.array([not label for label in self.labels])
        plain[0] = False
        regular: Rows = rows[plain[self.codes[rows]]]
        return regular

    def _add(self, cells: Sequence[Cell], label: str) -> int:
        first = len(self.cells)
        self.cells.extend(cells)
        self.labels.extend([label] * len(cells))
        return first


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Which rows below the header are what.

    Attributes:
        data: Rows with an order.
        phantom: Rows with nothing but an order number.
        keyless: Rows with something but no order number.
        empty: Rows without a value.
    """

    data: Rows
    phantom: Rows
    keyless: Rows
    empty: Rows

    @property
    def count(self) -> int:
        """All rows."""
        return sum(map(len, (self.data, self.phantom, self.keyless, self.empty)))

    @property
    def landed(self) -> Rows:
        """The rows that have a value, in order."""
        return np.sort(np.concatenate([self.data, self.phantom, self.keyless]))

    @property
    def numbered(self) -> Rows:
        """The rows that have an order number, in order."""
        return np.sort(np.concatenate([self.data, self.phantom]))


def plan_rows(chance: Chance, *, data: int, phantom: int, keyless: int, dirty: bool) -> RowPlan:
    """Order the rows of a sheet: orders, then phantom rows, keyless and empty ones in between, a total at the end."""
    order = np.repeat([DATA, PHANTOM], [data, phantom])
    empty = max(1, round(len(order) * EMPTY_SHARE)) if dirty and len(order) > 1 else 0
    strewn = np.repeat([KEYLESS, EMPTY], [max(keyless - 1, 0), empty])
    if len(strewn):
        order = np.insert(order, chance.many.integers(1, max(len(order), 2), len(strewn)), strewn)
    if keyless:
        order = np.append(order, KEYLESS)
    return RowPlan(*(np.flatnonzero(order == kind) for kind in (DATA, PHANTOM, KEYLESS, EMPTY)))
