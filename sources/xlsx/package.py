"""What a workbook says of itself: its sheets, its epoch, its cell formats, and where each of them lies."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import numpy as np

from sources.xlsx.archive import SAVE_AS_XLSX, Archive
from sources.xlsx.limits import COPY_AGAIN, Refused
from sources.xlsx.shared_strings import shared_strings
from sources.xlsx.xml_elements import elements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from sources.xlsx.limits import Limits
    from sources.xlsx.xml_elements import Element

OTHER_ARCHIVES = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "content.xml": "an OpenDocument file (.ods, as LibreOffice writes it)",
    "index/document.iwa": "an Apple Numbers document",
}
TRUE = frozenset({"1", "true", "on"})
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""The numbers of the built-in formats of dates and times, those of East Asian Excel included."""
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
LITERAL = re.compile(r'"[^"]*"?|\\.|[_*].|\[[^\]]*\]?|general', re.IGNORECASE | re.DOTALL)
"""What a number format shows as it is, or does not show: texts, escapes, fillings, colours and conditions."""
DATE_LETTER = re.compile("[ymdhs]", re.IGNORECASE)


class Sheet(NamedTuple):
    """A worksheet.

    Attributes:
        name: The name on the tab.
        state: ``visible``, ``hidden`` or ``veryHidden``.
        part: The name of its XML in the archive.
    """

    name: str
    state: str
    part: str


@dataclass(frozen=True)
class Package:
    """An opened workbook.

    Attributes:
        archive: Its parts.
        limits: What it may ask of this machine.
        sheets: Its worksheets in the order of the tabs; charts and macros are left out.
        date1904: Whether day 0 is 1904-01-01.
        styles: The part with the cell formats; empty if there is none.
        strings: The part with the shared strings; empty if there is none.
    """

    archive: Archive
    limits: Limits
    sheets: tuple[Sheet, ...]
    date1904: bool
    styles: str
    strings: str

    @cached_property
    def date_styles(self) -> NDArray[np.bool_]:
        """Whether each cell format shows a date or a time, by the number that cells have in ``s``; a last one is no."""
        return np.array(
            [*date_styles(elements(self.archive.read(self.styles), self.styles) if self.styles else []), 0], bool
        )

    @cached_property
    def shared_strings(self) -> pl.Series:
        """The shared strings in the order in which cells number them, String; null where the text is empty."""
        pieces = self.archive.pieces(self.strings) if self.strings else ()
        return shared_strings(pieces, self.strings, self.limits)


def open_package(content: bytes, limits: Limits) -> Package:
    """Open a workbook from its bytes; sheets, strings and formats are read when they are asked for.

    Raises:
        Refused: The bytes are no workbook, or a damaged one.
    """
    archive = Archive(content, limits)
    main = next((part for kind, part in _relations(archive, "").values() if kind == "officeDocument"), "")
    listed = elements(archive.read(main), main) if main in archive and main.endswith(".xml") else []
    if not listed or listed[0].name != "workbook":
        raise _not_a_workbook(archive)
    relations = _relations(archive, main)
    parts = dict(reversed(relations.values()))
    return Package(
        archive,
        limits,
        tuple(_sheets(listed, relations)),
        date1904=any(e.name == "workbookPr" and e.attributes.get("date1904") in TRUE for e in listed),
        styles=parts.get("styles", ""),
        strings=parts.get("sharedStrings", ""),
    )


def date_styles(styles: Sequence[Element]) -> list[bool]:
    """Tell of every cell format whether it shows a date or a time.

    Args:
        styles: The elements of the styles part.
    """
    own = {
        e.attributes.get("numFmtId"): is_date_format(e.attributes.get("formatCode", ""))
        for e in styles
        if (e.parent, e.name) == ("numFmts", "numFmt")
    }
    used = [e.attributes.get("numFmtId", "0") for e in styles if (e.parent, e.name) == ("cellXfs", "xf")]
    return [own.get(number, number.isdecimal() and int(number) in DATE_FORMATS) for number in used]


def is_date_format(code: str) -> bool:
    """Tell whether a number format shows a date or a time: a year, month, day, hour or second that is no literal."""
    return bool(ELAPSED.search(code) or DATE_LETTER.search(LITERAL.sub("", code)))


def _relations(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Return kind and target of what a part refers to, by the relation's id; only targets inside the archive."""
    folder, name = posixpath.split(part)
    listed = posixpath.join(folder, "_rels", f"{name}.rels")
    if listed not in archive:
        return {}
    return {
        e.attributes.get("Id", ""): (e.attributes.get("Type", "").rpartition("/")[2], _target(folder, e.attributes))
        for e in elements(archive.read(listed), listed)
        if e.name == "Relationship" and e.attributes.get("TargetMode") != "External"
    }


def _target(folder: str, attributes: Mapping[str, str]) -> str:
    target = unquote(attributes.get("Target", "")).replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _sheets(listed: Sequence[Element], relations: Mapping[str, tuple[str, str]]) -> Iterator[Sheet]:
    for element in listed:
        if (element.parent, element.name) == ("sheets", "sheet"):
            name = element.attributes.get("name", "")
            kind, part = relations.get(element.attributes.get("id", ""), ("worksheet", f"of sheet {name}"))
            if kind == "worksheet":
                yield Sheet(name, element.attributes.get("state", "visible"), part)


def _not_a_workbook(archive: Archive) -> Refused:
    for part, what in OTHER_ARCHIVES.items():
        if part in archive:
            return Refused(f"it is {what}, not an Excel workbook, whatever its name says", SAVE_AS_XLSX)
    return Refused("it is an archive (zip) without a workbook inside", COPY_AGAIN)
