"""The order list's sheet as XML: rows put together by column, which is what makes 100,000 rows a matter of seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.xlsx_writer import Cell, SharedStrings, Style, cell_tail, column_letters, sheet_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.grid import Column, RowPlan
    from benchmarks.workbook_profile import Layout

TITLES = ("ORDER LIST (M3)", "Updated by planning every Monday", "All prices in USD unless stated")
_FORMATTED = f' s="{Style.MONEY:d}"/>'
VALIDATION = (
    '<dataValidations count="1"><dataValidation type="list" allowBlank="1" sqref="{letters}{first}:{letters}{last}">'
    '<formula1>"ACTIVE,RECEIVED,CANCELLED"</formula1></dataValidation></dataValidations>'
)


def render_order_list(
    layout: Layout, headers: Sequence[Cell], columns: Sequence[Column], rows: RowPlan, strings: SharedStrings
) -> str:
    """Return the sheet's XML: titles, the header row, the rows, and the formatted rows below them."""
    header_row = layout.titles + 1
    blank_size = _FORMATTED if layout.formatted_blanks else None
    last_row = header_row + rows.count
    letters = [column_letters(layout.first_column + position) for position in range(len(columns))]
    parts = [
        *_titles(layout, letters[0], strings),
        _one_row(header_row, letters, headers, strings),
        *_rows(header_row + 1, letters, columns, rows.count, strings, blank_size=blank_size),
        *_empty_tail(last_row + 1, layout.empty_tail, letters),
    ]
    order_type = next(name for name, column in zip(letters, columns, strict=True) if column.header == "ORDER TYPE")
    dimension = "A1" if layout.wrong_dimension else f"{letters[0]}1:{letters[-1]}{last_row + layout.empty_tail}"
    tail = VALIDATION.format(letters=order_type, first=header_row + 1, last=last_row)
    return sheet_xml(parts, dimension=dimension, tail=tail)


def _titles(layout: Layout, letters: str, strings: SharedStrings) -> Iterator[str]:
    for number, title in enumerate(TITLES[: layout.titles], 1):
        yield _one_row(number, [letters], [Cell(title, "s", Style.HEADER)], strings)


def _one_row(number: int, letters: Sequence[str], cells: Sequence[Cell], strings: SharedStrings) -> str:
    filled = (
        f'<c r="{name}{number}"{cell_tail(cell, strings)}'
        for name, cell in zip(letters, cells, strict=True)
        if cell.raw or cell.style
    )
    return f'<row r="{number}">{"".join(filled)}</row>'


def _rows(
    first: int,
    letters: Sequence[str],
    columns: Sequence[Column],
    count: int,
    strings: SharedStrings,
    *,
    blank_size: str | None,
) -> pl.Series:
    """Return the rows that have cells; within a column the cells of one kind differ in their row number only."""
    filled = [(name, column) for name, column in zip(letters, columns, strict=True) if column.codes.any()]
    codes = pl.DataFrame({name: column.codes for name, column in filled})
    row = pl.int_range(first, first + count).cast(pl.String)
    cells = codes.select(row.alias("row"), *(_tails(name, column, strings, blank_size) for name, column in filled))
    whole = [pl.concat_str(pl.lit(f'<c r="{name}'), "row", pl.lit('"'), name) for name, _ in filled]
    line = pl.concat_str(
        pl.lit('<row r="'), "row", pl.lit('">'), pl.concat_str(whole, ignore_nulls=True), pl.lit("</row>")
    )
    return cells.filter(pl.any_horizontal(pl.exclude("row").is_not_null())).select(line).to_series()


def _tails(name: str, column: Column, strings: SharedStrings, blank_size: str | None) -> pl.Expr:
    blank = blank_size if column.kind == "qty_size" else None
    tails = [blank, *(cell_tail(cell, strings) for cell in column.cells[1:])]
    return pl.lit(pl.Series(tails, dtype=pl.String)).gather(pl.col(name)).alias(name)


def _empty_tail(first: int, count: int, letters: Sequence[str]) -> Iterator[str]:
    for number in range(first, first + count):
        cells = "".join(f'<c r="{name}{number}" s="{Style.MONEY:d}"/>' for name in letters[:12])
        yield f'<row r="{number}">{cells}</row>'
