"""Any sheet that XML allows, cell by cell by a parser: the slow way, for what the arrays do not know for certain."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sources.xlsx.limits import REPAIR, Refused
from sources.xlsx.sheet_tokens import FORMULA, MAX_COLUMN, MAX_ROW, TEXTS, Kind, Tokens, column_number
from sources.xlsx.xml_elements import BLANKS, SPREADSHEET, XML_SPACE, parser, split_name, well_formed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CELL = ("worksheet", "sheetData", "row", "c")
PLACES = frozenset(
    {*(CELL[:depth] for depth in range(1, 5)), (*CELL, "f"), (*CELL, "v"), (*CELL, "is")}
    | {(*CELL, "is", "t"), (*CELL, "is", "r"), (*CELL, "is", "r", "t")}
)
"""Where the elements are that count."""
REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})", re.IGNORECASE | re.ASCII)
NUMBER = re.compile("[0-9]{1,9}")
BATCH = 50_000


def tokens(pieces: Iterable[bytes], part: str, after_row: int = 0) -> Iterator[Tokens]:
    """Tokenise a sheet, at least 50,000 cells at a time.

    Args:
        pieces: The XML of the part.
        part: Its name, for refusals.
        after_row: The row before the first one, for rows that do not say which they are.

    Raises:
        Refused: It is not well-formed, declares entities, or a cell lies outside Excel's grid.
    """
    sheet = _Sheet(after_row)
    reader = parser(part)
    reader.StartElementHandler = sheet.start
    reader.EndElementHandler = sheet.end
    reader.CharacterDataHandler = sheet.characters
    with well_formed(part):
        for piece in pieces:
            reader.Parse(piece, False)  # noqa: FBT003 (expat takes it by position only)
            if len(sheet.texts) >= BATCH:
                yield sheet.take()
        reader.Parse(b"", True)  # noqa: FBT003
    yield sheet.take()


class _Sheet:
    """Gathers the cells that expat reports.

    Only elements of the spreadsheet namespace at their own places count; anything else is passed over with all that
    it holds, so that extensions inside cells cannot be taken for values.
    """

    def __init__(self, after_row: int) -> None:
        self.texts: list[str] = []
        self._rows, self._columns, self._codes = array("I"), array("I"), array("I")
        self._kinds: dict[Kind, int] = {}
        self._path: tuple[str, ...] = ()
        self._keep = [False]
        self._passed_over = 0
        self._row, self._column = after_row, 0
        self._kind = Kind()
        self._text: list[str] | None = None
        self._value: str | None = None
        self._formula: str | None = None

    def take(self) -> Tokens:
        """Return the cells gathered so far and begin anew."""
        row, column, code = (np.array(numbers, np.uint32) for numbers in (self._rows, self._columns, self._codes))
        taken = Tokens(row, column, code, tuple(self._kinds), pl.Series(self.texts, dtype=pl.String))
        self._rows, self._columns, self._codes, self.texts = array("I"), array("I"), array("I"), []
        return taken

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        namespace, local = split_name(name)
        path = (*self._path, local)
        if self._passed_over or namespace not in SPREADSHEET or path not in PLACES:
            self._passed_over += 1
            return
        self._path = path
        space = attributes.get(XML_SPACE)
        self._keep.append(self._keep[-1] if space is None else space == "preserve")
        if local == "row":
            self._begin_row(attributes)
        elif local == "c":
            self._begin_cell(attributes)
        elif local == "is":
            self._kind, self._value = self._kind._replace(type="inlineStr"), ""
        elif local in {"f", "v", "t"}:
            self._text = []

    def _begin_row(self, attributes: dict[str, str]) -> None:
        given = attributes.get("r", "").strip(BLANKS)
        self._row, self._column = int(given) if NUMBER.fullmatch(given) else self._row + 1, 0
        if not 0 < self._row <= MAX_ROW:
            raise Refused(f"it has a row {self._row}, which lies outside Excel's grid", REPAIR)

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._column += 1
        if reference := attributes.get("r"):
            self._row, self._column = _address(reference.strip(BLANKS))
        if self._column > MAX_COLUMN:
            raise Refused(f"row {self._row} has a cell outside Excel's grid", REPAIR)
        style = attributes.get("s", "").strip(BLANKS)
        self._kind = Kind(attributes.get("t", "n").strip(BLANKS), int(style) if NUMBER.fullmatch(style) else 0)
        self._value = self._formula = None

    def end(self, _: str) -> None:
        """Leave an element."""
        if self._passed_over:
            self._passed_over -= 1
            return
        local, self._path, keep = self._path[-1], self._path[:-1], self._keep.pop()
        if local == "v":
            self._end_value()
        elif local == "t":
            self._end_text(keep=keep)
        elif local == "f":
            self._end_formula()
        elif local == "c":
            self._end_cell()

    def _end_value(self) -> None:
        text, self._text = "".join(self._text or ()), None
        if self._value is None:
            self._value = text

    def _end_text(self, *, keep: bool) -> None:
        text, self._text = "".join(self._text or ()), None
        self._value = (self._value or "") + (text if keep else text.strip(BLANKS))

    def _end_formula(self) -> None:
        self._formula, self._text = "".join(self._text or ()).strip(BLANKS), None

    def _end_cell(self) -> None:
        kind, text = self._kind, self._value
        if not text and self._formula is not None and (text is None or kind.type not in TEXTS):
            kind, text = FORMULA, self._formula
        if text is not None:
            self._rows.append(self._row)
            self._columns.append(self._column)
            self._codes.append(self._kinds.setdefault(kind, len(self._kinds)))
            self.texts.append(text)

    def characters(self, text: str) -> None:
        """Keep the text of a value."""
        if self._text is not None and not self._passed_over:
            self._text.append(text)


def _address(reference: str) -> tuple[int, int]:
    found = REFERENCE.fullmatch(reference)
    row, column = (int(found[2]), column_number(found[1].upper())) if found else (0, 0)
    if not (0 < row <= MAX_ROW and 0 < column <= MAX_COLUMN):
        raise Refused(f"it has a cell at {reference}, which lies outside Excel's grid", REPAIR)
    return row, column
