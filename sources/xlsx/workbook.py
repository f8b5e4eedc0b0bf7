"""The four tables of one workbook."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import polars as pl

from sources.xlsx.limits import Refused
from sources.xlsx.merged_cells import merged_cells
from sources.xlsx.package import open_package
from sources.xlsx.sheet_cells import read_cells, string_columns
from sources.xlsx.sheet_choice import choose_sheet, normalise_header
from sources.xlsx.sheet_tokens import column_letters
from sources.xlsx.sheet_xml import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polars._typing import SchemaDict

    from sources.xlsx.limits import Limits
    from sources.xlsx.package import Package
    from sources.xlsx.sheet_cells import Cells
    from sources.xlsx.sheet_choice import Choice, HeaderRow, Wanted

TABLES = ("cells", "headers", "cell_errors", "workbook")
WORKBOOK: SchemaDict = {
    "file": pl.String,
    "etag": pl.String,
    "sheet": pl.String,
    "sheet_reason": pl.String,
    "other_sheets": pl.List(pl.String),
    "header_row": pl.UInt32,
    "last_row": pl.UInt32,
    "date1904": pl.Boolean,
    "filled_cells": pl.UInt32,
}
HEADERS = {"letter": pl.String, "header": pl.String, "row": pl.UInt32}
CELL_ERRORS = {"row": pl.UInt32, "letter": pl.String, "raw": pl.String}


def read_workbook(content: bytes, file: str, wanted: Wanted, limits: Limits) -> dict[str, pl.DataFrame]:
    """Read a workbook.

    Args:
        content: Its bytes.
        file: Its name, for the table ``workbook``.
        wanted: Which sheet to look for.
        limits: What it may ask of this machine.

    Returns:
        The tables by name, as ``Workbooks`` describes them.

    Raises:
        Refused: The bytes are no workbook that can be read, or it has no list.
    """
    package = open_package(content, limits)
    choice = choose_sheet(package, wanted)
    sheet, header_row = choice.header.sheet, choice.header.row
    cells = read_cells(tokens(package.archive.pieces(sheet.part), sheet.part), package)
    below = cells.at(cells.row > header_row)
    columns = sorted({*_headed(choice.header), *below.columns()})
    _refuse_merged(package, choice.header, set(columns))
    _check_extent(len(below.rows()), len(columns), limits)
    return {
        "cells": string_columns(below, columns),
        "headers": _headers(choice.header, columns),
        "cell_errors": _cell_errors(below),
        "workbook": _workbook(
            package,
            choice,
            file=file,
            etag=hashlib.sha256(content).hexdigest(),
            last_row=int(cells.row[-1]),
            filled_cells=len(below.row),
        ),
    }


def _refuse_merged(package: Package, header: HeaderRow, columns: set[int]) -> None:
    """Refuse a header that is merged over several columns with data: nobody can tell which of them it names."""
    unnamed = columns - set(_headed(header))
    if not unnamed:
        return
    for merged in merged_cells(package.archive.pieces(header.sheet.part)):
        over = sorted(unnamed & set(range(merged.left + 1, merged.right + 1)))
        if over and merged.top <= header.row and merged.bottom > header.row - header.rows:
            letters = " and ".join(column_letters(column) for column in over)
            raise Refused(
                f"the header in {merged} of sheet {header.sheet.name} is merged over several columns, so nothing says "
                f"what stands in {letters}",
                f"In Excel, unmerge {merged}, give each column a header of its own, and save the workbook.",
            )


def _check_extent(rows: int, columns: int, limits: Limits) -> None:
    limits.check("max_rows", rows, "rows")
    limits.check("max_columns", columns, "columns")
    limits.check("max_cells", rows * columns, f"cells ({rows:,} rows of {columns:,} columns)")


def _headed(header: HeaderRow) -> list[int]:
    return [column for column, text in header.headers.items() if normalise_header(text)]


def _headers(header: HeaderRow, columns: Sequence[int]) -> pl.DataFrame:
    headed = set(_headed(header))
    rows = [(column_letters(c), header.headers[c] if c in headed else None, header.row) for c in columns]
    return pl.DataFrame(rows, schema=HEADERS, orient="row")


def _cell_errors(cells: Cells) -> pl.DataFrame:
    errors = cells.at(cells.error)
    letters = [column_letters(column) for column in errors.column.tolist()]
    return pl.DataFrame([errors.row, letters, errors.texts.gather(errors.text)], schema=CELL_ERRORS)


def _workbook(package: Package, choice: Choice, **known: Any) -> pl.DataFrame:  # noqa: ANN401 (the columns have types)
    sheet = choice.header.sheet
    row = known | {
        "sheet": sheet.name,
        "sheet_reason": choice.reason,
        "other_sheets": [other.name for other in package.sheets if other != sheet],
        "header_row": choice.header.row,
        "date1904": package.date1904,
    }
    return pl.DataFrame([row], schema=WORKBOOK)
