"""Files that end in ``.xlsx`` and are not what they seem, and workbooks that no reader expects: one function each.

Every function takes the path to write and returns it.
"""

from __future__ import annotations

import struct
import zipfile
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.xlsx_writer import (
    DECLARATION,
    MAIN,
    Cell,
    SharedStrings,
    Sheet,
    Style,
    Value,
    raw_workbook,
    render,
    workbook_parts,
    write_zip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

HEADERS = (
    "AAG ORDER NUMBER",
    "CUSTOMER NAME",
    "ORDER DATE PO RECEIVED",
    "PO NUMBER",
    "AAG SEASON",
    "CUSTOMER STYLE",
    "UNIT OF MEASURE",
    "XS",
    "S",
    "M",
    "TOTAL QTY",
    "EX FACTORY DATE",
    "PLANNED DELIVERY METHOD",
    "ORDER TYPE",
    "FINAL FOB (USD)",
)
GIBIBYTE = 1 << 30
SECTOR, END_OF_CHAIN, FREE, FAT_SECTOR = 512, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
SHEET_PART = "xl/worksheets/sheet1.xml"


def order_row(number: int = 1) -> list[Value]:
    """Return the cells of a faultless order under ``HEADERS``."""
    dates = Cell("45352", style=Style.DATE), Cell("45444", style=Style.DATE_DMY)
    order: list[Value] = [f"BAD-{number:05d}", "CEDAR GOLF", dates[0], 4_755_000 + number, "2025 SUMMER", f"CG{number}"]
    return [*order, "EA", 10, 20, 30, 60, dates[1], "SEA", "ACTIVE", Cell("33.949999999999996", style=Style.MONEY)]


def order_sheet(rows: int = 3, headers: Sequence[str] = HEADERS) -> Sheet:
    """Return a small faultless order list with some of ``HEADERS``."""
    columns = [HEADERS.index(header) for header in headers]
    orders = [order_row(number) for number in range(1, rows + 1)]
    return Sheet("MASTER", [list(headers), *([order[column] for column in columns] for order in orders)])


def valid(path: Path) -> Path:
    """Write a workbook that every reader must accept."""
    return raw_workbook(path, [order_sheet()])


def zero_byte(path: Path) -> Path:
    """Write nothing: an upload that was cut at the start."""
    path.write_bytes(b"")
    return path


def truncated(path: Path) -> Path:
    """Write two thirds of a workbook: an upload that was cut later."""
    content = valid(path).read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


def bit_flipped(path: Path) -> Path:
    """Write a workbook with one wrong bit in the compressed sheet: the archive's directory is whole."""
    with zipfile.ZipFile(valid(path)) as archive:
        entry = archive.getinfo(SHEET_PART)
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 30 + len(SHEET_PART) + entry.compress_size // 2] ^= 0x10
    path.write_bytes(content)
    return path


def html(path: Path) -> Path:
    """Write a web page: what some systems export as Excel."""
    rows = "".join(f"<tr><td>BAD-{number:05d}</td><td>CEDAR GOLF</td></tr>" for number in range(40))
    path.write_text(f"<html><body><table>{rows}</table></body></html>", "utf-8")
    return path


def csv(path: Path) -> Path:
    """Write text with commas."""
    lines = [",".join(HEADERS), *(f"BAD-{number:05d},CEDAR GOLF,2024-03-01" for number in range(40))]
    path.write_text("\n".join(lines), "utf-8")
    return path


def encrypted(path: Path) -> Path:
    """Write what Excel writes for a workbook with a password: an OLE2 file around an encrypted one."""
    agile = b"\x04\x00\x04\x00\x40\x00\x00\x00<encryption/>"
    path.write_bytes(compound_file({"EncryptionInfo": agile, "EncryptedPackage": bytes(range(256)) * 24}))
    return path


def renamed_xls(path: Path) -> Path:
    """Write the old binary format under the new ending: an OLE2 file with a ``Workbook`` stream that is empty."""
    start = struct.pack("<HHHHHHII", 0x0809, 16, 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    path.write_bytes(compound_file({"Workbook": start + struct.pack("<HH", 0x000A, 0)}))
    return path


def zip_bomb(path: Path, size: int = GIBIBYTE + (1 << 24), claimed: int | None = None) -> Path:
    """Write a small workbook whose sheet inflates to ``size`` bytes.

    Args:
        path: Where to write it.
        size: The size of the sheet, rounded up to 16 MiB.
        claimed: The size that the archive's directory states instead, up to 4 GiB.
    """
    chunk = b" " * (1 << 24)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in _parts().items():
            if name != SHEET_PART:
                archive.writestr(name, part)
        with archive.open(SHEET_PART, "w", force_zip64=False) as stream:
            stream.write(f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>'.encode())
            for _ in range(-(-size // len(chunk))):
                stream.write(chunk)
            stream.write(b"</v></c></row></sheetData></worksheet>")
    return path if claimed is None else _claim(path, claimed)


def billion_laughs(path: Path) -> Path:
    """Write a sheet whose entities expand to a billion words."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<?xml version="1.0"?><!DOCTYPE worksheet [<!ENTITY l0 "lol">{entities}]>'
    return _with_sheet(path, _one_text(document, "&l9;"))


def external_entity(path: Path) -> Path:
    """Write a sheet that asks its reader for a file of the machine."""
    document = '<?xml version="1.0"?><!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    return _with_sheet(path, _one_text(document, "&x;"))


def broken_xml(path: Path) -> Path:
    """Write a sheet that ends in the middle of an element, in an archive that is whole."""
    sheet = _parts()[SHEET_PART]
    return _with_sheet(path, sheet[: len(sheet) * 2 // 3])


def bad_utf8(path: Path) -> Path:
    """Write a sheet with bytes that are no UTF-8."""
    document = _one_text(DECLARATION, "CR?ME").encode().replace(b"CR?ME", b"CR\xc8\xffME")
    return _with_sheet(path, document)


def zip_without_workbook(path: Path) -> Path:
    """Write an archive of something else."""
    return write_zip(path, {"readme.txt": "Order lists of March\n" * 60, "orders/march.csv": "a,b\n1,2\n" * 90})


def missing_sheet_part(path: Path) -> Path:
    """Write a workbook that names a sheet which is not in the archive."""
    return write_zip(path, {name: part for name, part in _parts().items() if name != SHEET_PART})


def far_stray_cell(path: Path) -> Path:
    """Write an order list with one more cell in the last row and column that there are: half a terabyte as a grid."""
    sheet = _parts()[SHEET_PART]
    stray = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    return _with_sheet(path, sheet.replace("</sheetData>", stray))


def spill_error(path: Path) -> Path:
    """Write an order list with error values that are younger than most readers."""
    errors = [Cell(error, "e") for error in ("#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#GETTING_DATA")]
    return raw_workbook(path, [_with_cells(dict(zip(range(7, 12), errors, strict=True)))])


def missing_key_column(path: Path) -> Path:
    """Write an order list whose order numbers have no header."""
    header, *orders = order_sheet().rows
    return raw_workbook(path, [Sheet("MASTER", [["ORDER NO.", *header[1:]], *orders])])


def missing_marker(path: Path) -> Path:
    """Write an order list without TOTAL QTY, which ends the block of sizes."""
    return raw_workbook(path, [order_sheet(headers=[header for header in HEADERS if header != "TOTAL QTY"])])


def no_rows(path: Path) -> Path:
    """Write an order list that is only a header row."""
    return raw_workbook(path, [order_sheet(rows=0)])


def empty_sheet(path: Path) -> Path:
    """Write a workbook whose only sheet has no cells."""
    return raw_workbook(path, [Sheet("MASTER", [])])


def no_order_list(path: Path) -> Path:
    """Write a workbook of notes."""
    return raw_workbook(path, [Sheet("NOTES", [["Ask the planner"], ["for the order list."]])])


def xml_1904(path: Path) -> Path:
    """Write an order list whose day 0 is 1904-01-01: the serial numbers of ``valid``, each four years later."""
    return raw_workbook(path, [order_sheet()], date1904=True)


def without_references(path: Path) -> Path:
    """Write an order list whose rows and cells do not say where they are."""
    sheet = order_sheet()
    return raw_workbook(path, [Sheet(sheet.name, sheet.rows, references=False)])


def prefixed_namespace(path: Path) -> Path:
    """Write an order list whose every element has a prefix."""
    return raw_workbook(path, [order_sheet()], prefix="x")


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """Return an OLE2 file of up to three streams, each at least 4,096 bytes long and so in sectors of its own."""
    contents = [content.ljust(4096, b"\0") for content in streams.values()]
    contents = [content.ljust(-(-len(content) // SECTOR) * SECTOR, b"\0") for content in contents]
    lengths = [len(content) // SECTOR for content in contents]
    starts = [2 + sum(lengths[:position]) for position in range(len(lengths))]
    table = [FAT_SECTOR, END_OF_CHAIN]
    for start, length in zip(starts, lengths, strict=True):
        table += [*range(start + 1, start + length), END_OF_CHAIN]
    fat = struct.pack(f"<{len(table)}I", *table).ljust(SECTOR, b"\xff")
    return _ole_header() + fat + _directory(list(streams), starts, [len(c) for c in contents]) + b"".join(contents)


# What no reader may accept, and what is whole although few files look like it; both for tests with a parameter.
REFUSED: dict[str, Callable[[Path], Path]] = {
    made.__name__: made
    for made in (
        zero_byte,
        truncated,
        bit_flipped,
        html,
        csv,
        encrypted,
        renamed_xls,
        zip_bomb,
        billion_laughs,
        external_entity,
        broken_xml,
        bad_utf8,
        zip_without_workbook,
        missing_sheet_part,
        far_stray_cell,
        missing_key_column,
        missing_marker,
        empty_sheet,
        no_order_list,
    )
}
UNUSUAL: dict[str, Callable[[Path], Path]] = {
    made.__name__: made for made in (valid, spill_error, no_rows, xml_1904, without_references, prefixed_namespace)
}


def _parts() -> dict[str, str]:
    strings = SharedStrings()
    return workbook_parts([render(order_sheet(), strings)], strings)


def _with_sheet(path: Path, sheet: str | bytes) -> Path:
    return write_zip(path, _parts() | {SHEET_PART: sheet})


def _with_cells(cells: Mapping[int, Cell]) -> Sheet:
    row = order_row(4)
    for position, cell in cells.items():
        row[position] = cell
    return Sheet("MASTER", [*order_sheet().rows, row])


def _one_text(document: str, text: str) -> str:
    cell = f'<c r="A1" t="inlineStr"><is><t>{text}</t></is></c>'
    return f'{document}<worksheet xmlns="{MAIN}"><sheetData><row r="1">{cell}</row></sheetData></worksheet>'


def _claim(path: Path, size: int) -> Path:
    """State another size in the archive's directory and in the entry's own header or trailer."""
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", size)
    entry = struct.unpack("<I", content[directory + 42 : directory + 46])[0]
    content[entry + 22 : entry + 26] = struct.pack("<I", size)
    path.write_bytes(content)
    return path


def _ole_header() -> bytes:
    start = struct.pack("<8s16sHHHHH6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6)
    sectors = struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, END_OF_CHAIN, 0, END_OF_CHAIN, 0, 0)
    return start + sectors + struct.pack("<108I", *([FREE] * 108))


def _directory(names: Sequence[str], starts: Sequence[int], sizes: Sequence[int]) -> bytes:
    """Return one sector of entries: the root, and its children as a chain by the length of their names."""
    order = sorted(range(len(names)), key=lambda i: (len(names[i]), names[i].upper()))
    right = {a + 1: b + 1 for a, b in pairwise(order)}
    entries = [_entry("Root Entry", 5, (FREE, order[0] + 1), END_OF_CHAIN, 0)]
    for number, (name, start, size) in enumerate(zip(names, starts, sizes, strict=True), 1):
        entries.append(_entry(name, 2, (right.get(number, FREE), FREE), start, size))
    return b"".join(entries).ljust(SECTOR, b"\0")


def _entry(name: str, kind: int, links: tuple[int, int], start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    fields = struct.pack("<64sHBBIII16s20xIQ", encoded, len(encoded) + 2, kind, 1, FREE, *links, b"", start, size)
    return fields.ljust(128, b"\0")
