"""Workbooks written as raw XML: the text of every number is under control, and equal input gives equal bytes."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
EPOCH = dt.date(1899, 12, 30)
EPOCH_1904 = dt.date(1904, 1, 1)


class Style(IntEnum):
    """The cell formats that every workbook has, by their position in ``styles.xml``."""

    GENERAL = 0
    DATE = 1
    DATE_DMY = 2
    DATETIME = 3
    PERCENT = 4
    MONEY = 5
    TEXT = 6
    CURRENCY = 7
    HEADER = 8


NUMBER_FORMATS = (0, 14, 164, 22, 10, 4, 49, 165, 49)


class Cell(NamedTuple):
    """What the XML of one cell says.

    Attributes:
        raw: The text of a string, or the text of ``<v>``; empty for a cell that is formatted but blank.
        type: ``n`` number, ``s`` shared string, ``inlineStr``, ``str`` string of a formula, ``b``, ``e`` error, ``d``.
        style: A ``Style``.
        formula: The formula whose cached value ``raw`` is.
    """

    raw: str
    type: str = "n"
    style: int = 0
    formula: str = ""


Value = Cell | str | float | bool | dt.date | None


class SharedStrings:
    """The strings that cells of type ``s`` point to."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def position(self, text: str) -> int:
        """Return the number that stands for ``text``."""
        return self._positions.setdefault(text, len(self._positions))

    def xml(self) -> str:
        """Return the part ``xl/sharedStrings.xml``."""
        items = "".join(f"<si>{_text(text)}</si>" for text in self._positions)
        count = len(self._positions)
        return f'{DECLARATION}<sst xmlns="{MAIN}" count="{count}" uniqueCount="{count}">{items}</sst>'


class SheetXml(NamedTuple):
    """A sheet whose XML is complete.

    Attributes:
        name: The name on the tab.
        xml: The part.
        state: ``visible``, ``hidden`` or ``veryHidden``.
    """

    name: str
    xml: str
    state: str = "visible"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as rows of values.

    Attributes:
        name: The name on the tab.
        rows: The rows; ``None`` is no cell at all.
        state: ``visible``, ``hidden`` or ``veryHidden``.
        first_row: The Excel row of the first row.
        first_column: The number of the first column, 1 for ``A``.
        references: Whether rows and cells carry their ``r`` attribute, which Excel writes and some exporters omit.
    """

    name: str
    rows: Sequence[Sequence[Value]]
    state: str = "visible"
    first_row: int = 1
    first_column: int = 1
    references: bool = True


def column_letters(number: int) -> str:
    """Return the letters of a column: 1 is ``A``, 27 is ``AA``."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def serial(day: dt.date, *, date1904: bool = False) -> int:
    """Return the number by which a workbook stores ``day``."""
    return (day - (EPOCH_1904 if date1904 else EPOCH)).days


def cell_of(value: Value, *, date1904: bool = False) -> Cell:
    """Return the cell that Excel would write for a Python value; a ``Cell`` is returned as it is."""
    match value:
        case Cell():
            return value
        case None:
            return Cell("")
        case bool():
            return Cell(str(int(value)), "b")
        case str():
            return Cell(value, "s")
        case dt.date():
            return Cell(str(serial(value, date1904=date1904)), style=Style.DATE)
        case _:
            return Cell(repr(value))


def cell_tail(cell: Cell, strings: SharedStrings) -> str:
    """Return the XML of a cell from the end of its reference on, so that it may follow ``<c r="B7"``."""
    style = f' s="{cell.style:d}"' if cell.style else ""
    formula = f"<f>{escape(cell.formula)}</f>" if cell.formula else ""
    if cell.type == "s":
        return f'{style} t="s"><v>{strings.position(cell.raw)}</v></c>'
    if cell.type == "inlineStr":
        return f'{style} t="inlineStr"><is>{_text(cell.raw)}</is></c>'
    kind = "" if cell.type == "n" else f' t="{cell.type}"'
    value = f"<v>{escape(cell.raw)}</v>" if cell.raw or formula else ""
    return f"{style}{kind}>{formula}{value}</c>"


def sheet_xml(rows_xml: Iterable[str], *, dimension: str = "A1", tail: str = "") -> str:
    """Return a worksheet part around rows that are XML already; ``tail`` follows the sheet data."""
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}" xmlns:r="{RELATIONS}"><dimension ref="{dimension}"/>'
        f'<sheetFormatPr defaultRowHeight="15"/><sheetData>{"".join(rows_xml)}</sheetData>{tail}</worksheet>'
    )


def render(sheet: Sheet, strings: SharedStrings, *, date1904: bool = False) -> SheetXml:
    """Return ``sheet`` with its rows as XML."""
    rows = (_row(sheet, number, row, strings, date1904) for number, row in enumerate(sheet.rows, sheet.first_row))
    last_column = sheet.first_column + max((len(row) for row in sheet.rows), default=1) - 1
    last_row = sheet.first_row + max(len(sheet.rows), 1) - 1
    start = f"{column_letters(sheet.first_column)}{sheet.first_row}"
    dimension = f"{start}:{column_letters(last_column)}{last_row}"
    return SheetXml(sheet.name, sheet_xml(rows, dimension=dimension), sheet.state)


def workbook_parts(
    sheets: Sequence[SheetXml], strings: SharedStrings, *, date1904: bool = False, prefix: str = ""
) -> dict[str, str]:
    """Return every part of a workbook by its name in the archive.

    Args:
        sheets: At least one, in the order of the tabs.
        strings: The strings that the sheets' cells point to.
        date1904: Whether day 0 is 1904-01-01.
        prefix: A namespace prefix for every element of the sheets, the strings and the workbook.
    """
    main = {
        "xl/workbook.xml": _workbook(sheets, date1904=date1904),
        "xl/sharedStrings.xml": strings.xml(),
        **{f"xl/worksheets/sheet{number}.xml": sheet.xml for number, sheet in enumerate(sheets, 1)},
    }
    if prefix:
        main = {name: _prefixed(xml, prefix) for name, xml in main.items()}
    return {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/_rels/workbook.xml.rels": _workbook_relations(len(sheets)),
        "xl/styles.xml": _styles(),
        **main,
    }


def write_zip(path: Path, parts: Mapping[str, str | bytes], *, level: int = 6) -> Path:
    """Write an archive whose bytes depend on ``parts`` only."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(_entry(name), content, zipfile.ZIP_DEFLATED, level)
    return path


def raw_workbook(path: Path, sheets: Sequence[Sheet], *, date1904: bool = False, prefix: str = "") -> Path:
    """Write a workbook of a few sheets, cell by cell.

    Args:
        path: Where to write it.
        sheets: At least one, in the order of the tabs.
        date1904: Whether day 0 is 1904-01-01.
        prefix: A namespace prefix such as ``x``, which Excel never writes and some exporters do.
    """
    strings = SharedStrings()
    rendered = [render(sheet, strings, date1904=date1904) for sheet in sheets]
    return write_zip(path, workbook_parts(rendered, strings, date1904=date1904, prefix=prefix))


def _text(text: str) -> str:
    return f'<t xml:space="preserve">{escape(text, {chr(13): "_x000D_"})}</t>'


def _row(sheet: Sheet, number: int, row: Sequence[Value], strings: SharedStrings, date1904: bool) -> str:  # noqa: FBT001
    if not sheet.references:
        return f"<row>{''.join('<c' + cell_tail(cell_of(v, date1904=date1904), strings) for v in row)}</row>"
    cells = (
        f'<c r="{column_letters(column)}{number}"{cell_tail(cell_of(value, date1904=date1904), strings)}'
        for column, value in enumerate(row, sheet.first_column)
        if value is not None
    )
    return f'<row r="{number}">{"".join(cells)}</row>'


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system = 0
    return entry


def _prefixed(xml: str, prefix: str) -> str:
    named = re.sub(r"<(/?)([A-Za-z])", rf"<\1{prefix}:\2", xml)
    return named.replace(f'xmlns="{MAIN}"', f'xmlns:{prefix}="{MAIN}"')


def _workbook(sheets: Sequence[SheetXml], *, date1904: bool) -> str:
    epoch = '<workbookPr date1904="1"/>' if date1904 else "<workbookPr/>"
    visible = next(number for number, sheet in enumerate(sheets) if sheet.state == "visible")
    tabs = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{number}"{_state(sheet)} r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, 1)
    )
    return (
        f'{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{epoch}'
        f'<bookViews><workbookView activeTab="{visible}"/></bookViews><sheets>{tabs}</sheets></workbook>'
    )


def _state(sheet: SheetXml) -> str:
    return "" if sheet.state == "visible" else f' state="{sheet.state}"'


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="{name}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{items}</Relationships>'


def _workbook_relations(sheets: int) -> str:
    targets = {f"rId{number}": ("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, sheets + 1)}
    targets[f"rId{sheets + 1}"] = ("styles", "styles.xml")
    targets[f"rId{sheets + 2}"] = ("sharedStrings", "sharedStrings.xml")
    return _relations(targets)


def _content_types(sheets: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {f"/xl/worksheets/sheet{number}.xml": "worksheet" for number in range(1, sheets + 1)}
    parts |= {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles", "/xl/sharedStrings.xml": "sharedStrings"}
    overrides = "".join(
        f'<Override PartName="{name}" ContentType="{kind}.{what}+xml"/>' for name, what in parts.items()
    )
    return (
        f'{DECLARATION}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _styles() -> str:
    formats = "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for number in NUMBER_FORMATS
    )
    return (
        f'{DECLARATION}<styleSheet xmlns="{MAIN}"><numFmts count="2">'
        '<numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
        '<numFmt numFmtId="165" formatCode="&quot;$&quot;#,##0.00"/></numFmts>'
        '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(NUMBER_FORMATS)}">{formats}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
