"""The arrays and the parser find the same cells, and no damaged file is read as if it were whole."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.xlsx_writer import SharedStrings, Sheet, render, workbook_parts
from sources.xlsx import sheet_xml, sheet_xml_general
from sources.xlsx.limits import Limits, Refused
from sources.xlsx.markup import Unrecognised
from sources.xlsx.shared_strings import shared_strings
from sources.xlsx.sheet_choice import Wanted
from sources.xlsx.sheet_tokens import FORMULA, Tokens, column_letters, column_number
from sources.xlsx.workbook import read_workbook

if TYPE_CHECKING:
    from types import ModuleType

    import polars as pl

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PART = "xl/worksheets/sheet1.xml"

shown = st.one_of(
    st.text(alphabet="a1 \t\n\r&<>\"'_xé€𝀟\u00a0\u200b\ud7ff", max_size=20),
    st.sampled_from(["", " ", "&", "<", "a" * 12, "a" * 13, "é" * 7, " padded ", "\r\n", "]]"]),
)


class Cell(NamedTuple):
    column: int
    attributes: str
    content: str


def written(value: str) -> str:
    """XML text, with some of its characters as references."""
    return escape(value, {"\r": "&#13;", "\t": "&#x9;", "é": "&#233;"})


def inline(value: str, *, keep: bool) -> str:
    space = ' xml:space="preserve"' if keep else ""
    return f"<is><t{space}>{written(value)}</t></is>"


values = st.one_of(
    st.builds(
        lambda n: ("", f"<v>{n}</v>"),
        st.sampled_from([0, 7, -1, 12345678901234567890, 0.1, 1e300, "1E-7", " 5 ", "33.949999999999996"]),
    ),
    st.builds(lambda n: (' t="s"', f"<v>{n}</v>"), st.integers(0, 10**6)),
    st.builds(lambda t: (' t="str"', f"<f>A1&amp;B1</f><v>{written(t)}</v>"), shown),
    st.builds(lambda t: (' t="str"', f'<f t="shared" si="0"/><v>{written(t)}</v>'), shown),
    st.builds(lambda t, keep: (' t="inlineStr"', inline(t, keep=keep)), shown, st.booleans()),
    st.sampled_from(
        [
            ("", ""),
            (' t="str"', "<v/>"),
            (' t="e"', "<v>#N/A</v>"),
            (' t="b"', "<f/><v>1</v>"),
            ("", "<f>SUM(A1:B2)</f>"),
            ("", '<f>IF(A1&lt;B1,"é &amp; long enough",1)</f><v></v>'),
            ("", "<f> A1 </f><v/>"),
            ("", '<f t="shared" si="0"/>'),
            ("", '<f t="shared" ref="A1:A2" si="0"/><v/>'),
            ("", "<f></f><v></v>"),
            (' t="e"', "<f>1/0</f><v/>"),
            (' t="s"', "<f>A1</f><v></v>"),
            (' t="str"', "<f>A1</f>"),
            (' t="str"', "<f>A1</f><v/>"),
            (' t="str"', "<f>A1</f><v></v>"),
        ]
    ),
    st.just((' t="inlineStr"', "<is><t/></is>")),
)
cells = st.lists(
    st.builds(
        lambda column, value, style: Cell(column, f"{style}{value[0]}", value[1]),
        st.one_of(st.integers(1, 60), st.sampled_from([26, 27, 52, 702, 703, 16_384])),
        values,
        st.sampled_from(["", ' s="0"', ' s="12"', ' s="3" cm="1"']),
    ),
    max_size=8,
    unique_by=lambda cell: cell.column,
)
sheets = st.lists(st.tuples(st.one_of(st.integers(1, 300), st.integers(1, 1_048_576)), cells), max_size=6)


def cell_xml(cell: Cell, row: int) -> str:
    start = f'<c r="{column_letters(cell.column)}{row}"{cell.attributes}'
    return f"{start}>{cell.content}</c>" if cell.content else f"{start}/>"


def sheet_data(rows: list[tuple[int, list[Cell]]]) -> str:
    return "".join(
        f'<row r="{row}" spans="1:9">{"".join(cell_xml(cell, row) for cell in found)}</row>'
        if found
        else f'<row r="{row}"/>'
        for row, found in rows
    )


def sheet(data: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f'{head}<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData><pageMargins left="1"/></worksheet>'.encode()


def listed(blocks: list[Tokens]) -> list[tuple[int, int, str, int, str]]:
    """Row, column, type, style and text of every cell that has a text, or a formula and no value."""
    return [
        (row, column, block.kinds[kind].type, block.kinds[kind].style, value)
        for block in blocks
        for row, column, kind, value in zip(
            block.row.tolist(), block.column.tolist(), block.kind.tolist(), block.text, strict=True
        )
        if value or block.kinds[kind] == FORMULA
    ]


def found(reader: ModuleType, *pieces: bytes) -> list[tuple[int, int, str, int, str]] | None:
    try:
        return listed(list(reader.tokens(pieces, PART)))
    except Refused:
        return None


@given(sheets)
def test_arrays_and_parser_find_the_same_cells(rows: list[tuple[int, list[Cell]]]) -> None:
    xml = sheet(sheet_data(rows))
    by_parser = found(sheet_xml_general, xml)
    assert listed([sheet_xml.Scan().block(sheet_data(rows).encode())]) == by_parser
    assert found(sheet_xml, xml) == by_parser


@given(sheets, st.lists(st.integers(1, 200), min_size=1))
def test_cells_do_not_depend_on_how_the_bytes_arrive(rows: list[tuple[int, list[Cell]]], cuts: list[int]) -> None:
    xml = sheet(sheet_data(rows))
    pieces, start = [], 0
    while start < len(xml):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(xml[start : start + size])
        start += size
    assert found(sheet_xml, *pieces) == found(sheet_xml_general, xml)


ODD = (
    "<!-- <row r='9'> -->", "<?pi ?>", '<row r="7"><c r="A7"><v>1</v><!----></c></row>', "<row><c><v>5</v></c></row>",
    '<row r="8"><c s="1" r="C8"><v>5</v></c></row>', "<row r='8'><c r='C8'><v>5</v></c></row>",
    '<row r="8" ><c r="D8" ><v>5</v ></c></row >', '<row r="8"><c r="E8" t="str"><v>a>b</v></c></row>',
    '<row r="8"><c r="E8" t="str"><v><![CDATA[<row r="1"></sheetData>]]></v></c></row>',
    '<row r="8"><c r="F8" t="inlineStr"><is><r><rPr><b/></rPr><t>a</t></r><r><t>b</t></r></is></c></row>',
    '<row r="8"><c r="F8" t="inlineStr"><is><t>a</t><rPh sb="0" eb="1"><t>c</t></rPh></is></c></row>',
    '<row r="8"><c r="G8"><extLst><ext><v>6</v></ext></extLst><v>5</v></c></row>',
    '<row r="8"><c r="H9"><v>5</v></c></row>', '<row r="8"><c r="$h$8"><v>5</v></c></row>',
    '<row r="8"><c r="I8" t="inlineStr"><v>text</v></c></row>', '<row r="8"><c r="J8" s=" 4 "><v>5</v></c></row>',
    '<row r="8"><c r="K8" t="inlineStr"><is><t  xml:space="preserve"> a </t></is></c></row>',
    '<row r="8"><c r="L8" t="str"><v>&#x41;&#10;</v></c><c/><c><v>7</v></c></row>', "text outside",
    '<row r="8"><c r="N8"><!----><f>A1</f></c></row>', '<row r="8"><c r="N8"><v></v><f> A1</f></c></row>',
    '<row r="8"><c r="N8" t="inlineStr"><f>A1</f><is><t/></is></c></row>',
    '<row r="8"><c r="N8" t="inlineStr"><f>A1</f></c></row>', '<row r="8"><c r="N8" t="inlineStr"><f/><v/></c></row>',
    '<row r="8">\n <c r="N8" t="str">\n  <f/>\n  <v/>\n </c></row>', '<row r="8"><c r="N8">\n<f/>\n<v/>\n</c></row>',
    '<row r="8"><x:c xmlns:x="urn:other" r="M8"><v>5</v></x:c></row>',
)  # fmt: skip


@given(
    sheets, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(ODD)), min_size=1, max_size=3), st.integers(1, 400)
)
def test_odd_xml_is_read_as_the_parser_reads_it(
    rows: list[tuple[int, list[Cell]]], odd: list[tuple[int, str]], size: int
) -> None:
    data = [sheet_data([row]) for row in rows]
    for at, xml in odd:
        data.insert(at, xml)
    whole = sheet("".join(data))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert found(sheet_xml, *pieces) == found(sheet_xml_general, whole)


@given(sheets, st.data())
def test_a_changed_byte_is_read_as_the_parser_reads_it_or_is_outside_all_values(
    rows: list[tuple[int, list[Cell]]], data: st.DataObject
) -> None:
    xml = bytearray(sheet(sheet_data(rows)))
    start, end = xml.find(b"<sheetData>"), xml.find(b"</sheetData>")
    at = data.draw(st.integers(start, max(start, end - 1)))
    xml[at] = data.draw(st.sampled_from(b"<>/\"'= rcvftis0A&;!?\x00\x0b\xff\xc3"))
    before = found(sheet_xml_general, sheet(sheet_data(rows)))
    assert found(sheet_xml, bytes(xml)) in (found(sheet_xml_general, bytes(xml)), before)


items = st.one_of(
    st.builds(lambda t, keep: f"<si>{inline(t, keep=keep)[4:-5]}</si>", shown, st.booleans()),
    st.builds(
        lambda t, u: f"<si><r><t>{written(t)}</t></r><r><rPr><sz val='9'/></rPr><t>{written(u)}</t></r></si>",
        shown,
        shown,
    ),
    st.builds(
        lambda t: f"<si><t>{written(t)}</t><rPh sb='0' eb='1'><t>x</t></rPh><phoneticPr fontId='1'/></si>", shown
    ),
    st.sampled_from(["<si/>", "<si><t/></si>", '<si><t xml:space="preserve"/></si>', "<si></si>", "<!-- <si> -->"]),
)


@given(st.lists(items, max_size=8), st.integers(1, 300))
def test_shared_strings_do_not_depend_on_the_way_they_are_read(found: list[str], size: int) -> None:
    xml = f'<sst xmlns="{MAIN}" count="1">{"".join(found)}</sst>'
    prefixed = xml.replace("<", "<x:").replace("<x:/", "</x:").replace("<x:!", "<!").replace("xmlns=", "xmlns:x=")
    pieces = [xml.encode()[at : at + size] for at in range(0, len(xml.encode()), size)]
    by_arrays, by_parser = shared_strings(pieces, PART, Limits()), shared_strings([prefixed.encode()], PART, Limits())
    assert by_arrays.to_list() == by_parser.to_list()


@given(st.integers(1, 16_384))
def test_letters_and_numbers_of_columns_agree(number: int) -> None:
    assert column_number(column_letters(number)) == number


def whole_workbook() -> bytes:
    strings = SharedStrings()
    rows = [["KEY", "NOTE", "QTY"], *([f"K{n}", f"note {n % 3} & more", n / 8] for n in range(30))]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in workbook_parts([render(Sheet("MASTER", rows), strings)], strings).items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return content.getvalue()


WHOLE = whole_workbook()
WANTED = Wanted.of("MASTER", ["NOTE", "QTY"], ["KEY"])


def table(content: bytes) -> pl.DataFrame:
    return read_workbook(content, "a.xlsx", WANTED, Limits())["cells"]


EXPECTED = table(WHOLE)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_flipped_bit_changes_a_value(at: int, bits: int) -> None:
    content = bytearray(WHOLE)
    content[at] ^= bits
    try:
        found = table(bytes(content))
    except Refused:
        return
    assert found.equals(EXPECTED)


@given(st.integers(0, len(WHOLE) - 1))
def test_no_part_of_a_file_is_read_as_the_whole(size: int) -> None:
    with pytest.raises(Refused):
        table(WHOLE[:size])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", WHOLE[:60]):
        with pytest.raises(Refused):
            table(start + content)


def test_the_arrays_take_what_excel_writes() -> None:
    row = '<row r="2"><c r="A2" s="1" t="s"><v>3</v></c><c r="B2"><f>A2</f><v>4.5</v></c><c r="C2" s="2"/></row>'
    assert listed([sheet_xml.Scan().block(row.encode())]) == [(2, 1, "s", 1, "3"), (2, 2, "n", 0, "4.5")]
    with pytest.raises(Unrecognised):
        sheet_xml.Scan().block(b'<row r="2"><c r="A3"><v>3</v></c></row>')
