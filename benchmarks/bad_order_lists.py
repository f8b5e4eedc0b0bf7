"""Order lists that open in Excel and are not laid out as agreed: one function each.

Every function takes the path to write and returns it. The orders are those of ``bad_workbooks.order_sheet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl  # type: ignore[import-untyped]

from benchmarks.bad_workbooks import HEADERS, SHEET_PART, order_row, order_sheet, valid
from benchmarks.xlsx_writer import (
    SharedStrings,
    Sheet,
    column_letters,
    raw_workbook,
    render,
    workbook_parts,
    write_zip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.xlsx_writer import Value

SIZES = ("XS", "S", "M")
FIRST_SIZE, TOTAL = HEADERS.index("XS"), HEADERS.index("TOTAL QTY")
LAST_ROW = 1_048_576


def merged_headers(path: Path) -> Path:
    """Write names merged over two rows, and SIZES merged over the names of the sizes."""
    upper = [None if header in SIZES else header for header in HEADERS]
    upper[FIRST_SIZE] = "SIZES"
    lower = [header if header in SIZES else None for header in HEADERS]
    merged = [f"{letters}1:{letters}2" for letters, over in zip(_letters(), lower, strict=True) if not over]
    return _merged(path, [upper, lower, *_orders()], [*merged, "H1:J1"])


def two_row_headers(path: Path) -> Path:
    """Write names cut in two: AAG ORDER above NUMBER."""
    cut = [header.rpartition(" ")[::2] for header in HEADERS]
    return raw_workbook(path, [Sheet("MASTER", [[a or None for a, _ in cut], [b for _, b in cut], *_orders()])])


def group_titles(path: Path) -> Path:
    """Write titles of groups of columns above the headers, each merged over its group."""
    titles: list[Value] = [None] * len(HEADERS)
    titles[0], titles[FIRST_SIZE], titles[TOTAL] = "ORDER", "SIZES", "DETAILS"
    return _merged(path, [titles, [*HEADERS], *_orders()], ["A1:G1", "H1:J1", "K1:O1"])


def merged_over_columns(path: Path) -> Path:
    """Write one header merged over three columns of quantities, which have no other."""
    headers: list[Value] = [None if header in SIZES else header for header in HEADERS]
    headers[FIRST_SIZE] = "SIZES"
    return _merged(path, [headers, *_orders()], ["H1:J1"])


def two_lists(path: Path) -> Path:
    """Write two sheets with an order list each, neither of which has the agreed name."""
    rows = order_sheet().rows
    return raw_workbook(path, [Sheet("SPRING", rows), Sheet("AUTUMN", rows)])


def totals_row(path: Path) -> Path:
    """Write an order list that ends with its sums, under the word TOTAL in place of an order number."""
    totals: list[Value] = [None] * len(HEADERS)
    totals[0], totals[FIRST_SIZE : TOTAL + 1] = "Total:", [30, 60, 90, 180]
    return raw_workbook(path, [Sheet("MASTER", [*order_sheet().rows, totals])])


def new_column(path: Path) -> Path:
    """Write an order list with a column more than anybody knows."""
    header, *orders = order_sheet().rows
    return raw_workbook(path, [Sheet("MASTER", [[*header, "CARBON LABEL"], *([*order, "B+"] for order in orders)])])


def renamed_size(path: Path) -> Path:
    """Write a size under a name that nobody knows."""
    return _with_header(path, "XS", "EXTRA SMALLISH")


def renamed_size_marker(path: Path) -> Path:
    """Write another name in place of UNIT OF MEASURE, behind which the sizes begin."""
    return _with_header(path, "UNIT OF MEASURE", "MEASUREMENT UNIT")


def repeated_header(path: Path) -> Path:
    """Write PO NUMBER a second time, over other numbers."""
    header, *orders = order_sheet().rows
    again = ([*order, f"other {number}"] for number, order in enumerate(orders))
    return raw_workbook(path, [Sheet("MASTER", [[*header, "PO NUMBER"], *again])])


def many_columns(path: Path, columns: int = 400) -> Path:
    """Write an order list with so many columns, most of which nobody knows."""
    header, *orders = order_sheet().rows
    extra = [f"EXTRA {number:03d}" for number in range(columns - len(HEADERS))]
    return raw_workbook(path, [Sheet("MASTER", [[*header, *extra], *([*order, *extra] for order in orders)])])


def full_height_formats(path: Path) -> Path:
    """Write formats, and nothing else, down to the last row of the sheet: a colour given to whole columns."""
    return _to_the_last_row(path, '<row r="{0}"><c r="A{0}" s="4"/><c r="K{0}" s="4"/></row>')


def full_height_formulas(path: Path) -> Path:
    """Write a formula that is 0 down to the last row of the sheet: one dragged too far."""
    return _to_the_last_row(path, '<row r="{0}"><c r="K{0}"><f>SUM(H{0}:J{0})</f><v>0</v></c></row>')


def uncomputed_total(path: Path) -> Path:
    """Write a total as openpyxl saves it: a formula without its value."""
    book = openpyxl.load_workbook(valid(path))
    book["MASTER"]["K3"] = "=SUM(H3:J3)"
    book.save(path)
    return path


def _letters() -> list[str]:
    return [column_letters(number) for number in range(1, len(HEADERS) + 1)]


def _orders() -> Sequence[list[Value]]:
    return [order_row(number) for number in range(1, 4)]


def _merged(path: Path, rows: Sequence[Sequence[Value]], ranges: Sequence[str]) -> Path:
    items = "".join(f'<mergeCell ref="{cells}"/>' for cells in ranges)
    return _with_tail(path, Sheet("MASTER", rows), f'<mergeCells count="{len(ranges)}">{items}</mergeCells>')


def _with_header(path: Path, header: str, other: str) -> Path:
    headers, *orders = order_sheet().rows
    return raw_workbook(path, [Sheet("MASTER", [[other if h == header else h for h in headers], *orders])])


def _to_the_last_row(path: Path, row: str) -> Path:
    orders = order_sheet()
    rows = "".join(row.format(number) for number in range(len(orders.rows) + 1, LAST_ROW + 1))
    return _with_tail(path, orders, "", rows)


def _with_tail(path: Path, sheet: Sheet, tail: str, rows: str = "") -> Path:
    strings = SharedStrings()
    parts = workbook_parts([render(sheet, strings)], strings)
    changed = parts[SHEET_PART].replace("</sheetData>", f"{rows}</sheetData>{tail}")
    return write_zip(path, parts | {SHEET_PART: changed})
