"""A copy of a workbook with notes on some of its cells, and the names of what the copy does not keep."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

from openpyxl import load_workbook  # type: ignore[import-untyped]
from openpyxl.cell import MergedCell  # type: ignore[import-untyped]
from openpyxl.comments import Comment  # type: ignore[import-untyped]
from openpyxl.styles import PatternFill  # type: ignore[import-untyped]

from sources.xlsx.limits import Refused
from sources.xlsx.losses import losses
from sources.xlsx.package import open_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet  # type: ignore[import-untyped]

    from sources.xlsx.limits import Limits

AUTHOR = "firn"
HIGHLIGHT = "FFFFB84D"
"""Alpha, red, green and blue of the cells that have a note: an orange that stands out from Excel's own fills."""
WIDTH, LINE_HEIGHT, LINE_CHARACTERS = 320, 18, 44
"""Pixels of a note, and the characters that fit into a line of it."""


class Note(NamedTuple):
    """What to say of a cell.

    Attributes:
        sheet: The name of its sheet.
        cell: Its address, such as ``B7``.
        text: What the note says.
    """

    sheet: str
    cell: str
    text: str


def annotate(content: bytes, notes: Iterable[Note], limits: Limits) -> tuple[bytes, list[str]]:
    """Copy a workbook, highlight cells and put notes on them.

    Args:
        content: The bytes of the workbook, which stay as they are.
        notes: At most one for each cell; one on a cell that is merged into another stands on that other.
        limits: What the workbook may ask of this machine.

    Returns:
        The bytes of the copy, and a line for each kind of thing that it does not keep as it was.

    Raises:
        Refused: The bytes are no workbook, it is larger than allowed, or it lacks a sheet that has a note.
    """
    open_package(content, limits).archive.check_whole()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whatever openpyxl leaves out is found by comparing the copy
        workbook = load_workbook(io.BytesIO(content), rich_text=True)
        formulas = _formulas(workbook)
        for note in notes:
            _put(_sheet(workbook, note.sheet), note)
        copy = io.BytesIO()
        workbook.save(copy)
    return copy.getvalue(), losses(content, copy.getvalue(), formulas, limits)


def _sheet(workbook: Workbook, name: str) -> Worksheet:
    if name not in workbook.sheetnames:
        raise Refused(f"it has no sheet {name}", "Run the pipeline again, so that its quarantine is that of this file.")
    return workbook[name]


def _put(sheet: Worksheet, note: Note) -> None:
    cell, text = sheet[note.cell], note.text
    if isinstance(cell, MergedCell):
        cell, text = sheet[_anchor(sheet, note.cell)], f"{note.cell}, merged into this cell:\n{text}"
    if cell.comment is not None:
        text = f"{text}\n\n{cell.comment.author}: {cell.comment.text}"
    height = LINE_HEIGHT * sum(1 + len(line) // LINE_CHARACTERS for line in text.splitlines())
    cell.comment = Comment(text, AUTHOR, height=height, width=WIDTH)
    cell.fill = PatternFill("solid", fgColor=HIGHLIGHT)


def _anchor(sheet: Worksheet, address: str) -> str:
    return next(str(area).partition(":")[0] for area in sheet.merged_cells.ranges if address in area)


def _formulas(workbook: Workbook) -> dict[str, Sequence[tuple[int, int]]]:
    """Return row and column of the cells that hold a formula, by sheet."""
    return {
        sheet.title: [(cell.row, cell.column) for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        for sheet in workbook.worksheets
    }
