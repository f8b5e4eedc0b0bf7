"""Every guard: what is wrong, where, that production is unchanged, and what to do, for people who know Excel."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_workbooks
from benchmarks.xlsx_writer import SharedStrings, Sheet, SheetXml, render, sheet_xml, workbook_parts, write_zip
from firn import SourceChanged, SourceError, Transient
from sources import Workbooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

KEY = "AAG ORDER NUMBER"
SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
NAME = "MEADOW ORDER LIST (M3).xlsx"

FILES = {
    "zero_byte": ("it is empty (0 bytes)", "Copy the workbook into the folder again"),
    "truncated": ("the file is damaged or was cut off while it was copied", "Copy the workbook into the folder again"),
    "bit_flipped": (f"the file is damaged or was cut off while it was copied ({SHEET}", "Copy the workbook"),
    "html": ("it is a web page (HTML), not an Excel workbook", "File > Save As > Excel Workbook (.xlsx)"),
    "csv": ("it is a text or CSV file, not an Excel workbook", "File > Save As > Excel Workbook (.xlsx)"),
    "encrypted": ("it is protected by a password", "Encrypt with Password, empty the box"),
    "renamed_xls": ("it is in the format of Excel 97-2003 (.xls)", "File > Save As > Excel Workbook (.xlsx)"),
    "billion_laughs": (f"its part {SHEET} declares XML entities", "Ask its sender for a workbook saved by Excel"),
    "external_entity": (f"its part {SHEET} declares XML entities", "Do not open the file"),
    "broken_xml": (f"its content is damaged ({SHEET}, line", "let Excel repair it"),
    "bad_utf8": (f"its content is damaged ({SHEET}, line", "let Excel repair it"),
    "zip_without_workbook": ("it is an archive (zip) without a workbook inside", "from where it opens in Excel"),
    "missing_sheet_part": (f"its part {SHEET} is missing", "Copy the workbook"),
    "missing_key_column": ("AAG ORDER NUMBER is missing (is it 'ORDER NO.'?)", "give each column its header again"),
    "empty_sheet": ("sheet MASTER is empty", "give each column its header again"),
    "no_order_list": ("sheet NOTES, best row 1 with 0 known headers", "give each column its header again"),
}


def collect(folder: Path, **limits: int) -> int:
    """Read the only workbook of a folder and return how many rows it has."""
    settings = {"folder": folder, "headers": bad_workbooks.HEADERS, "required": (KEY,), "limits": limits}
    source = Workbooks.model_validate(settings)
    return next(iter(source.tables())).frame.collect().height


def refusal(folder: Path, **limits: int) -> SourceError:
    """The error of the only workbook of a folder, which says what every such error must say."""
    with pytest.raises(SourceError) as caught:
        collect(folder, **limits)
    error = caught.value
    assert error.message.startswith(f"{NAME} cannot be read: ")
    assert error.message.endswith("Production is unchanged.")
    assert error.hint.endswith(".")
    assert not isinstance(error, Transient)
    return error


def parts(rows: str = "") -> dict[str, str | bytes]:
    """The parts of a workbook that is right, with more rows."""
    strings = SharedStrings()
    head = f'<row r="1"><c r="A1" t="s"><v>{strings.position(KEY)}</v></c></row>'
    return {**workbook_parts([SheetXml("MASTER", sheet_xml([head, rows]))], strings)}


def write(folder: Path, made: Mapping[str, str | bytes]) -> Path:
    return write_zip(folder / NAME, made)


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_workbook_or_no_list(tmp_path: Path, name: str) -> None:
    bad_workbooks.REFUSED[name](tmp_path / NAME)
    error = refusal(tmp_path)
    what, hint = FILES[name]
    assert what in error.message
    assert hint in error.hint
    assert isinstance(error, SourceChanged) == (name in {"missing_key_column", "empty_sheet", "no_order_list"})


BYTES = {
    b"\0" * 70_000: "it holds 70,000 zero bytes and nothing else",
    b"%PDF-1.7\n": "it is a PDF document",
    b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>": "it is an XML file",
    b"\x89PNG\r\n\x1a\n\0\0": "it is a file of an unknown format",
    b"\xef\xbb\xbfA;B\r\n1;2\r\n": "it is a text or CSV file",
    b" <TABLE><tr>": "it is a web page (HTML)",
    b"PK\x03\x04": "the file is damaged or was cut off while it was copied (its directory is unreadable)",
    b"PK\x05\x06" + b"\0" * 18: "it is a file of an unknown format",
}


@pytest.mark.parametrize("content", BYTES, ids=BYTES.values())
def test_other_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert BYTES[content] in refusal(tmp_path).message


ARCHIVES = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
    "content.xml": "an OpenDocument file",
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "Index/Document.iwa": "an Apple Numbers document",
}


@pytest.mark.parametrize("part", ARCHIVES)
def test_other_archives(tmp_path: Path, part: str) -> None:
    relations = parts()["_rels/.rels"]
    assert isinstance(relations, str)
    write(tmp_path, {"_rels/.rels": relations.replace("xl/workbook.xml", part), part: "<document/>"})
    error = refusal(tmp_path)
    assert f"it is {ARCHIVES[part]}" in error.message
    assert "Save As" in error.hint


DECLARATION = '<!DOCTYPE x [<!ENTITY a "b">]>'


@pytest.mark.parametrize("part", ["_rels/.rels", BOOK, "xl/_rels/workbook.xml.rels", "xl/styles.xml", STRINGS, SHEET])
def test_entities_are_refused_in_every_part(tmp_path: Path, part: str) -> None:
    made = parts('<row r="2"><c r="A2" s="1"><v>1</v></c></row>')
    made[part] = str(made[part]).replace("?>\n", f"?>\n{DECLARATION}", 1)
    write(tmp_path, made)
    assert f"its part {part} declares XML entities" in refusal(tmp_path).message


@pytest.mark.parametrize("part", [BOOK, "xl/styles.xml", STRINGS])
def test_broken_xml_is_placed(tmp_path: Path, part: str) -> None:
    made = parts('<row r="2"><c r="A2" s="1"><v>1</v></c></row>')
    write(tmp_path, made | {part: str(made[part])[:-9]})
    assert f"({part}, line 2, column " in refusal(tmp_path).message


@pytest.mark.parametrize("text", ["&nbsp;", "&#0;", "&#xD800;", "&#x110000;", "a & b", "\x0b"])
def test_text_that_xml_does_not_allow(tmp_path: Path, text: str) -> None:
    write(tmp_path, parts(f'<row r="2"><c r="A2" t="str"><v>{text}</v></c></row>'))
    assert "its content is damaged (" in refusal(tmp_path).message


@pytest.mark.parametrize("encoding", ["EBCDIC-9", "utf-7", "hex", "shift_jis"])
def test_an_encoding_that_nobody_knows(tmp_path: Path, encoding: str) -> None:
    made = parts()
    write(tmp_path, made | {SHEET: str(made[SHEET]).replace("UTF-8", encoding)})
    assert f"({SHEET}" in refusal(tmp_path).message


def changed(content: bytes, offset: int, value: bytes) -> bytes:
    """The archive with bytes of its last directory entry replaced."""
    at = content.rindex(b"PK\x01\x02") + offset
    return content[:at] + value + content[at + len(value) :]


DIRECTORY = {
    "it is protected by a password": (8, struct.pack("<H", 1)),
    "is packed in a way that Excel does not use": (10, struct.pack("<H", 12)),
    "damaged": (16, b"\0\0\0\0"),
    f"{SHEET} is larger than it says": (24, struct.pack("<I", 100)),
    f"cut off while it was copied ({SHEET})": (24, struct.pack("<I", 90_000)),
}


@pytest.mark.parametrize("what", DIRECTORY)
def test_a_directory_that_says_something_else(tmp_path: Path, what: str) -> None:
    path = write(
        tmp_path, dict(sorted(parts('<row r="2"><c r="A2"><v>1</v></c></row>').items(), key=lambda p: p[0] == SHEET))
    )
    path.write_bytes(changed(path.read_bytes(), *DIRECTORY[what]))
    assert what in refusal(tmp_path).message


def test_a_bomb_is_not_even_begun(tmp_path: Path) -> None:
    bad_workbooks.zip_bomb(tmp_path / NAME, 1 << 24, claimed=1 << 31)
    error = refusal(tmp_path)
    assert "bytes when unpacked, and 1,073,741,824 are allowed" in error.message
    assert "raise max_inflated_bytes in the limits of this source" in error.hint


def test_a_bomb_that_lies_about_its_size_is_stopped_at_that_size(tmp_path: Path) -> None:
    bad_workbooks.zip_bomb(tmp_path / NAME, 1 << 25, claimed=1 << 20)
    assert "is larger than it says" in refusal(tmp_path).message


def test_a_bomb_below_the_limit_of_size_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    bad_workbooks.zip_bomb(tmp_path / NAME, 1 << 25)
    error = refusal(tmp_path)
    assert f"unpacked bytes for each packed byte in {SHEET}, and 150 are allowed" in error.message
    assert "max_ratio" in error.hint


@pytest.mark.parametrize("other", [SHEET, SHEET.upper(), SHEET.replace("/", "\\")])
def test_two_parts_of_one_name(tmp_path: Path, other: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts().items():
            archive.writestr(name, part)
        archive.writestr(zipfile.ZipInfo(other + "x"), "<worksheet/>")
    (tmp_path / NAME).write_bytes(
        content.getvalue().replace(f"{other}x".encode(), f"{other}".encode().ljust(len(other) + 1, b"\0"))
    )
    assert "two of its parts have one name" in refusal(tmp_path).message


LIMITS = {
    "max_parts": (5, "it has 7 files inside, and 5 are allowed"),
    "max_file_bytes": (1000, "bytes, and 1,000 are allowed"),
    "max_inflated_bytes": (5000, "bytes when unpacked, and 5,000 are allowed"),
    "max_shared_strings": (24, "different texts, and 24 are allowed"),
    "max_rows": (2, "it has 3 rows, and 2 are allowed"),
    "max_columns": (14, "it has 15 columns, and 14 are allowed"),
    "max_cells": (44, "cells, and 44 are allowed"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limits(tmp_path: Path, limit: str) -> None:
    bad_workbooks.valid(tmp_path / NAME)
    value, what = LIMITS[limit]
    error = refusal(tmp_path, **{limit: value})
    assert what in error.message
    assert f"raise {limit} in the limits of this source" in error.hint
    assert collect(tmp_path) == 3


def test_a_table_of_few_cells_in_many_rows_and_columns_is_too_large(tmp_path: Path) -> None:
    diagonal = Sheet("MASTER", [[KEY], *([None] * n + [n] for n in range(1, 60))])
    strings = SharedStrings()
    write(tmp_path, workbook_parts([render(diagonal, strings)], strings))
    assert (
        "it has 3,540 cells (59 rows of 60 columns), and 3,000 are allowed" in refusal(tmp_path, max_cells=3000).message
    )


def test_a_sheet_that_points_nowhere_is_named(tmp_path: Path) -> None:
    made = parts()
    write(tmp_path, made | {BOOK: str(made[BOOK]).replace('r:id="rId1"', 'r:id="rId9"')})
    assert "its part of sheet MASTER is missing" in refusal(tmp_path).message


def test_a_sheet_that_is_only_a_chart_is_no_list(tmp_path: Path) -> None:
    made = parts()
    kinds = str(made["xl/_rels/workbook.xml.rels"]).replace("relationships/worksheet", "relationships/chartsheet")
    write(tmp_path, made | {"xl/_rels/workbook.xml.rels": kinds})
    assert "it has no sheets" in refusal(tmp_path).message


@pytest.mark.parametrize(
    "make", [bad_workbooks.missing_marker, bad_workbooks.far_stray_cell, *bad_workbooks.UNUSUAL.values()]
)
def test_workbooks_that_are_read(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    make(tmp_path / NAME)
    assert collect(tmp_path) in {0, 3, 4}
