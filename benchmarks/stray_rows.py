"""The rows of a sheet that are no orders: totals, notes, what formulas leave behind, and rows that only look empty."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.oracle import TOTAL
from benchmarks.xlsx_writer import Cell, Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.grid import Chance, Column, RowPlan

    Columns = Mapping[str, Column]

NOTES = ("CHECK WITH BUYER", "see mail of 3 May", "OLD ORDERS BELOW", "hold all until further notice", "** FOC **")


def stray(columns: Columns, sizes: Sequence[str], rows: RowPlan, chance: Chance) -> None:
    """Fill the rows without order number, the last one with totals, and some of the empty ones with blanks."""
    for number, row in enumerate(rows.keyless[::-1]):
        kind = chance.one.choice((0, 0, 1) if number == 0 else (0, 1, 2))
        if kind == 0:
            _totals(columns, sizes, int(row), rows)
        elif kind == 1:
            _note(columns, int(row), chance)
        else:
            _residue(columns, int(row))
    for row in rows.empty:
        _nothing(columns, int(row), chance)


def totals(columns: Columns, sizes: Sequence[str], rows: RowPlan) -> None:
    """Make every row without order number one of totals."""
    for row in rows.keyless:
        _totals(columns, sizes, int(row), rows)


def template(columns: Columns, rows: RowPlan, chance: Chance) -> None:
    """Leave a total of 0 in some of the rows that have nothing but an order number."""
    columns[TOTAL].draw(chance, chance.some(rows.phantom, 0.4), [Cell("0", formula="0")], "phantom_zero")


def _put(column: Column, row: int, cell: Cell, label: str) -> None:
    column.cells.append(cell)
    column.labels.append(label)
    column.codes[row] = len(column.cells) - 1


def _totals(columns: Columns, sizes: Sequence[str], row: int, rows: RowPlan) -> None:
    _put(columns["CUSTOMER NAME"], row, Cell("TOTAL", "s"), "totals_row")
    for name in (*sizes, TOTAL):
        _put(columns[name], row, Cell(repr(_sum(columns[name], rows)).removesuffix(".0")), "totals_row")


def _sum(column: Column, rows: RowPlan) -> float:
    counts = np.bincount(column.codes[rows.data], minlength=len(column.cells))
    numbers = (float(cell.raw) if cell.type == "n" and cell.raw else 0.0 for cell in column.cells)
    return math.fsum(number * count for number, count in zip(numbers, counts.tolist(), strict=True))


def _note(columns: Columns, row: int, chance: Chance) -> None:
    name = chance.one.choice(("CUSTOMER STYLE", "CUSTOMER NAME", "NOTES", "STYLE DESCRIPTION"))
    _put(columns[name], row, Cell(chance.one.choice(NOTES), "s"), "stray_note")


def _residue(columns: Columns, row: int) -> None:
    """Formulas copied below the last order: zeros, errors, and empty texts."""
    _put(columns[TOTAL], row, Cell("0", formula="SUM(0)"), "formula_residue")
    _put(columns["NOTES"], row, Cell("", "str", formula='IF(FALSE,"OK","")'), "formula_residue")
    _put(columns["FINAL FOB (USD)"], row, Cell("#DIV/0!", "e", formula="1/0"), "formula_residue")


def _nothing(columns: Columns, row: int, chance: Chance) -> None:
    """Most empty rows have no cells; others have formatted ones, blanks, or a formula that returns nothing."""
    cells = (
        None,
        None,
        Cell("", style=Style.MONEY),
        Cell(" ", "s"),
        Cell("\u00a0", "s"),
        Cell("", "str", formula='""'),
    )
    cell = chance.one.choice(cells)
    if cell is not None:
        _put(columns["CUSTOMER STYLE"], row, cell, "looks_empty")
