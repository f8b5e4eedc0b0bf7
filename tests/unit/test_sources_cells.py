"""What single cells read as, whichever way their XML is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.xlsx_writer import MAIN, SharedStrings, SheetXml, sheet_xml, workbook_parts, write_zip
from firn import SourceError
from sources import Workbooks
from sources.xlsx.markup import Unrecognised
from sources.xlsx.package import is_date_format
from sources.xlsx.sheet_xml import Scan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

KEY_ROW = '<row r="1"><c r="A1" t="inlineStr"><is><t>KEY</t></is></c></row>'
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
NOT_PLAIN = "<!-- for the parser -->"
PARTS = ("xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml")


def parts(
    rows: str, *, date1904: bool = False, strings: str = "", formats: Mapping[int, str] | None = None
) -> dict[str, str]:
    """The parts of a workbook with one sheet; ``formats`` are own number formats, for cells with ``s`` from 1 on."""
    made = workbook_parts([SheetXml("MASTER", sheet_xml([KEY_ROW, rows]))], SharedStrings(), date1904=date1904)
    if strings:
        made["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{strings}</sst>'
    if formats is not None:
        own = "".join(f'<numFmt numFmtId="{number}" formatCode="{code}"/>' for number, code in formats.items())
        used = "".join(f'<xf numFmtId="{number}"/>' for number in (0, *formats))
        made["xl/styles.xml"] = (
            f'<styleSheet xmlns="{MAIN}"><numFmts>{own}</numFmts><cellXfs>{used}</cellXfs></styleSheet>'
        )
    return made


def tables(folder: Path, made: Mapping[str, str | bytes]) -> dict[str, pl.DataFrame]:
    write_zip(folder / "a.xlsx", made)
    return {t.name: t.frame.collect() for t in Workbooks(folder=folder, required=("KEY",)).tables()}


def cells(folder: Path, made: Mapping[str, str | bytes]) -> dict[str, str]:
    """The cells below the headers by address."""
    frame = tables(folder, made)["cells"]
    return {f"{letters}{row}": v for row, letters, v in frame.unpivot(index="row").drop_nulls("value").iter_rows()}


@pytest.fixture(params=["", NOT_PLAIN], ids=["arrays", "parser"])
def way(request: pytest.FixtureRequest) -> str:
    """XML between rows that makes the parser read what follows it, or nothing."""
    return str(request.param)


CELLS = {
    '<c r="A2"><v>4755</v></c>': "4755",
    '<c r="A2"><v>4755.0</v></c>': "4755",
    '<c r="A2"><v>12345678901234567890</v></c>': "12345678901234567890",
    '<c r="A2"><v>0.30000000000000004</v></c>': "0.3",
    '<c r="A2"><v>33.949999999999996</v></c>': "33.95",
    '<c r="A2"><v>1.5E-9</v></c>': "0.0000000015",
    '<c r="A2"><v>1E+21</v></c>': "1000000000000000000000",
    '<c r="A2"><v>-0</v></c>': "0",
    '<c r="A2"><v>+1.50</v></c>': "1.5",
    '<c r="A2" t="n"><v> 7 </v></c>': "7",
    '<c r="A2"><v>twelve</v></c>': "twelve",
    '<c r="A2" s="4"><v>0.125</v></c>': "0.125",
    '<c r="A2" s="5"><v>1234.5</v></c>': "1234.5",
    '<c r="A2" s="7"><v>1234.5</v></c>': "1234.5",
    '<c r="A2" s="1"><v>45352</v></c>': "2024-03-01",
    '<c r="A2" s="2"><v>45352</v></c>': "2024-03-01",
    '<c r="A2" s="3"><v>45352.5</v></c>': "2024-03-01 12:00:00",
    '<c r="A2" s="3"><v>45352.123456789</v></c>': "2024-03-01 02:57:46.667",
    '<c r="A2" t="n" s="1"><v>0.75</v></c>': "18:00:00",
    '<c r="A2" s="1"><v>59</v></c>': "1900-02-28",
    '<c r="A2" s="1"><v>60</v></c>': "60",
    '<c r="A2" s="1"><v>61</v></c>': "1900-03-01",
    '<c r="A2" s="1"><v>-1</v></c>': "-1",
    '<c r="A2" s="1"><v>2958465</v></c>': "9999-12-31",
    '<c r="A2" s="1"><v>2958466</v></c>': "2958466",
    '<c r="A2" s="1"><v>soon</v></c>': "soon",
    '<c r="A2" s="99"><v>45352</v></c>': "45352",
    '<c r="A2" t="d" s="1"><v>2024-03-01T12:00:00</v></c>': "2024-03-01T12:00:00",
    '<c r="A2" t="b"><v>1</v></c>': "TRUE",
    '<c r="A2" t="b"><f>1=2</f><v>0</v></c>': "FALSE",
    '<c r="A2" t="s"><v>0</v></c>': "shared",
    '<c r="A2" t="s"><v>1</v></c>': "rich text",
    '<c r="A2" t="s"><v>2</v></c>': " kept ",
    '<c r="A2" t="s"><v>3</v></c>': "stripped",
    '<c r="A2" t="s"><v>4</v></c>': "M&S <1> \u2019é\r\nend",
    '<c r="A2" t="s"><v>5</v></c>': "_x000D_",
    '<c r="A2" t="s"><v>6</v></c>': None,
    '<c r="A2" t="s"><v>7</v></c>': "東京",
    '<c r="A2" t="s"><v>8</v></c>': " ",
    '<c r="A2" t="str"><f>A1&amp;B1</f><v> a &gt; b </v></c>': " a > b ",
    '<c r="A2" t="str"><f t="shared" si="3"/><v>_xD83D__xDE00_</v></c>': "😀",
    '<c r="A2" t="str"><v>_xD83D_ _x0000_</v></c>': "_xD83D_ _x0000_",
    '<c r="A2" t="str"><v></v></c>': None,
    '<c r="A2" t="inlineStr"><is><t>in</t></is></c>': "in",
    '<c r="A2" t="inlineStr"><is><t> in </t></is></c>': "in",
    '<c r="A2" t="inlineStr"><is><t xml:space="preserve"> in </t></is></c>': " in ",
    '<c r="A2" t="inlineStr"><is><r><t>a</t></r><r><rPr><b/></rPr><t xml:space="preserve"> b</t></r></is></c>': "a b",
    '<c r="A2" t="inlineStr"><is><t>a</t><rPh sb="0" eb="1"><t>x</t></rPh></is></c>': "a",
    '<c r="A2" t="inlineStr"><is><t/></is></c>': None,
    '<c r="A2" t="inlineStr"><v>old</v></c>': "old",
    '<c r="A2"><is><t>1.50</t></is></c>': "1.50",
    '<c r="A2" t="new"><v>text</v></c>': "text",
    '<c r="A2"><f>1+1</f></c>': None,
    '<c r="A2" s="1"/>': None,
    '<c r="A2"><v/></c>': None,
    '<c r="A2" t="str"><v>a&#x2028;b&#10;c</v></c>': "a\u2028b\nc",
    f'<c r="A2" t="str"><v>{"x" * 32_767}</v></c>': "x" * 32_767,
}
STRINGS = (
    '<si><t>shared</t></si><si><r><t>rich</t></r><r><rPr><b/></rPr><t xml:space="preserve"> text</t></r></si>'
    '<si><t xml:space="preserve"> kept </t></si><si><t> stripped\n</t></si>'
    "<si><t>M&amp;S &lt;1&gt; &#8217;&#xE9;_x000D_&#10;end</t></si><si><t>_x005F_x000D_</t></si><si><t></t></si>"
    "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/></si>"
    '<si><t xml:space="preserve"> </t></si>'
)


def test_every_kind_of_cell(tmp_path: Path, way: str) -> None:
    rows = [f'<row r="{n}">{xml.replace("A2", f"A{n}")}</row>' for n, xml in enumerate(CELLS, 2)]
    expected = {f"A{n}": shown for n, shown in enumerate(CELLS.values(), 2) if shown is not None}
    assert cells(tmp_path, parts(way + "".join(rows), strings=STRINGS)) == expected


def test_attributes_may_come_in_any_order(tmp_path: Path) -> None:
    made = parts('<row r="2"><c t="s" r="B2" ><v>1</v></c></row>', strings=STRINGS)
    assert cells(tmp_path, made) == {"B2": "rich text"}


@pytest.mark.parametrize(
    ("serial", "shown"), [("0", "00:00:00"), ("1", "1904-01-02"), ("60", "1904-03-01"), ("2957004", "2957004")]
)
def test_dates_of_a_workbook_that_counts_from_1904(tmp_path: Path, serial: str, shown: str) -> None:
    made = parts(f'<row r="2"><c r="A2" s="1"><v>{serial}</v></c></row>', date1904=True)
    assert cells(tmp_path, made) == {"A2": shown}


ERRORS = ("#N/A", "#REF!", "#DIV/0!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#BUSY!", "#NEW!")


def test_errors_of_any_name_are_listed_and_null(tmp_path: Path, way: str) -> None:
    rows = "".join(f'<row r="{n}"><c r="B{n}" t="e"><v>{code}</v></c></row>' for n, code in enumerate(ERRORS, 2))
    found = tables(tmp_path, parts(way + rows))
    assert found["cell_errors"].rows() == [(n, "B", code) for n, code in enumerate(ERRORS, 2)]
    assert found["cells"].rows() == [(n, None, None) for n, _ in enumerate(ERRORS, 2)]
    assert found["headers"].rows() == [("A", "KEY", 1), ("B", None, 1)]


FORMULAS = {
    "<c r='B2'><f>SUM(A2:B2)</f></c>": "=SUM(A2:B2)",
    '<c r="B2"><f>SUM(A2:B2)</f><v/></c>': "=SUM(A2:B2)",
    '<c r="B2" s="1"><f>A2&amp;"x"</f><v></v></c>': '=A2&"x"',
    '<c r="B2"><f t="shared" ref="B2:B9" si="0">A2*2</f><v/></c>': "=A2*2",
    '<c r="B2"><f t="shared" si="0"/></c>': "=(formula without text)",
    '<c r="B2"><f/><v/></c>': "=(formula without text)",
    '<c r="B2"><f t="array" ref="B2:B9"> A2 </f></c>': "=A2",
    '<c r="B2" t="e"><f>1/0</f><v></v></c>': "=1/0",
    '<c r="B2" t="s"><f>A2</f><v></v></c>': "=A2",
    '<c r="B2" t="str"><f>A2</f></c>': "=A2",
    f'<c r="B2"><f>{"A2+" * 50}é</f><v/></c>': f"={'A2+' * 50}é",
}


@pytest.mark.parametrize(("xml", "raw"), FORMULAS.items())
def test_a_formula_without_a_value_is_listed_and_null(tmp_path: Path, way: str, xml: str, raw: str) -> None:
    found = tables(tmp_path, parts(f'{way}<row r="2"><c r="A2"><v>1</v></c>{xml}</row>'))
    assert found["cell_errors"].rows() == [(2, "B", raw)]
    assert found["cells"].rows() == [(2, "1", None)]
    assert found["workbook"]["filled_cells"].item() == 2


def test_a_row_of_formulas_without_values_counts(tmp_path: Path, way: str) -> None:
    rows = '<row r="2"><c r="A2"><v>1</v></c></row><row r="7"><c r="D7"><f>A7</f></c></row>'
    found = tables(tmp_path, parts(way + rows))
    assert found["cells"].rows() == [(2, "1", None), (7, None, None)]
    assert found["headers"].rows() == [("A", "KEY", 1), ("D", None, 1)]
    assert found["workbook"]["last_row"].item() == 7


@pytest.mark.parametrize("value", ["<v></v>", "<v/>"])
def test_a_formula_whose_value_is_an_empty_text_is_blank(tmp_path: Path, way: str, value: str) -> None:
    made = parts(f'{way}<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><f>""</f>{value}</c></row>')
    found = tables(tmp_path, made)
    assert found["cell_errors"].is_empty()
    assert found["cells"].rows() == [(2, "1")]
    assert found["workbook"]["filled_cells"].item() == 1


def test_a_row_of_blanks_appears_and_a_row_without_cells_does_not(tmp_path: Path, way: str) -> None:
    blank = '<c r="A3" t="inlineStr"><is><t xml:space="preserve"> </t></is></c>'
    error = '<c r="C5" t="e"><v>#N/A</v></c>'
    rows = f'<row r="2"/><row r="3">{blank}</row><row r="4"><c r="A4" s="1"/></row><row r="5">{error}</row>'
    assert tables(tmp_path, parts(way + rows))["cells"].rows() == [(3, " ", None), (5, None, None)]


def test_rows_and_cells_may_come_in_any_order(tmp_path: Path, way: str) -> None:
    rows = '<row r="9"><c r="C9"><v>1</v></c><c r="B9"><v>2</v></c></row><row r="4"><c r="A4"><v>3</v></c></row>'
    found = tables(tmp_path, parts(way + rows))["cells"]
    assert found.columns == ["row", "A", "B", "C"]
    assert found.rows() == [(4, "3", None, None), (9, None, "2", "1")]


def test_rows_and_cells_without_addresses_count_on(tmp_path: Path, way: str) -> None:
    rows = '<row r="4"><c><v>1</v></c><c r="D4"><v>2</v></c><c><v>3</v></c></row><row><c/><c><v>4</v></c></row>'
    assert cells(tmp_path, parts(way + rows)) == {"A4": "1", "D4": "2", "E4": "3", "B5": "4"}


def test_a_cell_is_where_it_says_whatever_its_row_says(tmp_path: Path) -> None:
    assert cells(tmp_path, parts('<row r="4"><c r="B7"><v>1</v></c></row>')) == {"B7": "1"}


@pytest.mark.parametrize("value", ["<v>1</v>", "<v>2</v>"])
def test_two_values_for_one_cell_are_refused_with_the_address(tmp_path: Path, way: str, value: str) -> None:
    rows = f'<row r="3"><c r="AB3"><v>1</v></c></row><row r="4"/><row r="3"><c r="AB3">{value}</c></row>'
    with pytest.raises(SourceError, match="cell AB3 is there twice, with two values"):
        cells(tmp_path, parts(way + rows))


@pytest.mark.parametrize("reference", ["A1048577", "XFE2", "A0", "AAAA2", "2A", "A", "B2:C2"])
def test_an_address_outside_the_grid_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(SourceError, match=f"a cell at {reference}, which lies outside Excel's grid"):
        cells(tmp_path, parts(f'<row r="2"><c r="{reference}"><v>1</v></c></row>'))


@pytest.mark.parametrize("row", ["1048577", "0", "99999999"])
def test_a_row_outside_the_grid_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(SourceError, match=f"a row {row}, which lies outside Excel's grid"):
        cells(tmp_path, parts(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>'))


@pytest.mark.parametrize("number", ["9", "-1", "x", ""])
def test_a_shared_string_that_is_not_there_is_refused_with_the_address(tmp_path: Path, way: str, number: str) -> None:
    made = parts(f'{way}<row r="2"><c r="B2" t="s"><v>{number}</v></c></row>', strings=STRINGS)
    with pytest.raises(SourceError, match="cell B2 points to a text that the workbook does not have"):
        cells(tmp_path, made)


def test_merged_cells_have_their_value_once_and_a_wrong_dimension_does_no_harm(tmp_path: Path) -> None:
    made = parts('<row r="2"><c r="A2"><v>1</v></c><c r="B2" s="1"/></row><row r="3"><c r="B3"><v>2</v></c></row>')
    sheet = made["xl/worksheets/sheet1.xml"].replace('ref="A1"', 'ref="XFD9:XFD10"')
    made["xl/worksheets/sheet1.xml"] = sheet.replace(
        "</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="A2:B2"/></mergeCells><extLst><ext/></extLst>'
    )
    assert cells(tmp_path, made) == {"A2": "1", "B3": "2"}


def test_strict_workbooks_and_workbooks_with_a_byte_order_mark(tmp_path: Path) -> None:
    made = parts('<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" s="1"><v>45352</v></c></row>', strings=STRINGS)
    strict = {name: xml.replace(MAIN, STRICT) if name in PARTS else xml for name, xml in made.items()}
    marked = {name: b"\xef\xbb\xbf" + xml.encode() for name, xml in made.items()}
    wide = made | {name: xml.replace("UTF-8", "UTF-16").encode("utf-16") for name, xml in made.items() if name in PARTS}
    for written in (strict, marked, wide):
        assert cells(tmp_path, written) == {"A2": "shared", "B2": "2024-03-01"}


def test_a_sheet_in_another_encoding(tmp_path: Path) -> None:
    texts = ("\xc3\xa9 and \xe9", "\xc3\xa9")
    made = parts(
        "".join(f'<row r="{n}"><c r="A{n}" t="str"><v>{text}</v></c></row>' for n, text in enumerate(texts, 2))
    )
    sheet = "xl/worksheets/sheet1.xml"
    latin = made | {sheet: made[sheet].replace("UTF-8", "ISO-8859-1").encode("latin-1")}
    assert cells(tmp_path, latin) == {"A2": "\xc3\xa9 and \xe9", "A3": "\xc3\xa9"}
    only_valid_utf8 = made | {sheet: latin[sheet].replace(b" and \xe9", b"")}
    assert cells(tmp_path, only_valid_utf8) == {"A2": "\xc3\xa9", "A3": "\xc3\xa9"}


def test_parts_may_have_other_names_and_places(tmp_path: Path) -> None:
    made = parts('<row r="2"><c r="A2" t="s"><v>0</v></c></row>', strings=STRINGS)
    relations = made["xl/_rels/workbook.xml.rels"].replace("worksheets/sheet1.xml", "/other/My%20Data.xml")
    moved = made | {
        "xl/_rels/workbook.xml.rels": relations.replace("sharedStrings.xml", "../xl/SHAREDSTRINGS.xml"),
        "other\\My Data.xml": made["xl/worksheets/sheet1.xml"],
    }
    del moved["xl/worksheets/sheet1.xml"]
    assert cells(tmp_path, moved) == {"A2": "shared"}


def test_a_workbook_without_styles_and_strings(tmp_path: Path) -> None:
    made = parts('<row r="2"><c r="A2" s="1"><v>45352</v></c></row>')
    relations = made["xl/_rels/workbook.xml.rels"].replace("relationships/styles", "x").replace("sharedStrings", "x")
    assert cells(tmp_path, made | {"xl/_rels/workbook.xml.rels": relations}) == {"A2": "45352"}


def test_a_space_to_keep_is_inherited(tmp_path: Path) -> None:
    made = parts('<row r="2"><c r="A2" t="s"><v>0</v></c></row>', strings="<si><t> a </t></si>")
    kept = made | {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}" xml:space="preserve"><si><t> a </t></si></sst>'}
    assert cells(tmp_path, made) == {"A2": "a"}
    assert cells(tmp_path, kept) == {"A2": " a "}


def test_text_in_elements_of_others_is_no_value(tmp_path: Path) -> None:
    other = '<x:v xmlns:x="urn:other">9</x:v><extLst><ext uri="u"><v>8</v></ext></extLst>'
    rows = f'<row r="2"><c r="A2">{other}</c><c r="B2"><v>1</v>{other}</c></row>'
    assert cells(tmp_path, parts(rows)) == {"B2": "1"}


def test_header_cells_that_are_no_text(tmp_path: Path) -> None:
    header = '<row r="1"><c r="A1" t="str"><v>KEY</v></c><c r="B1"><v>30</v></c><c r="C1" t="e"><v>#REF!</v></c></row>'
    made = parts("")
    made["xl/worksheets/sheet1.xml"] = sheet_xml([header, '<row r="2"><c r="A2"><v>1</v></c></row>'])
    found = tables(tmp_path, made)
    assert found["headers"].rows() == [("A", "KEY", 1), ("B", "30", 1), ("C", "#REF!", 1)]
    assert found["cell_errors"].is_empty()
    assert found["cells"].rows() == [(2, "1", None, None)]


FORMATS = {
    "yyyy\\-mm\\-dd": True, "d/m/yy": True, "mmm-yy": True, "[$-409]d\\-mmm\\-yy;@": True, "h:mm AM/PM": True,
    "[h]:mm": True, "[mm]:ss": True, "mm:ss.0": True, "[Red]d": True, "[ss]": True, "yyyy&quot;年&quot;": True,
    "General": False, "0.00": False, "#,##0_);[Red](#,##0)": False, "0.0%": False, "@": False, "0.00E+00": False,
    "&quot;days &quot;0": False, "0\\d": False, "_d0": False, "*d0": False, "[$USD] 0": False, "[DBNum1]0": False,
    "[&lt;100]0;General": False, "# ?/?": False, "0&quot;unclosed d": False,
}  # fmt: skip


def one_cell_per_style(folder: Path, made: dict[str, str], count: int) -> list[str]:
    """What 45352 reads as in each of the formats 1 to ``count``."""
    rows = "".join(f'<row r="{n + 1}"><c r="A{n + 1}" s="{n}"><v>45352</v></c></row>' for n in range(1, count + 1))
    made["xl/worksheets/sheet1.xml"] = sheet_xml([KEY_ROW, rows])
    return list(cells(folder, made).values())


def test_own_number_formats(tmp_path: Path) -> None:
    found = one_cell_per_style(tmp_path, parts("", formats=dict(enumerate(FORMATS, 164))), len(FORMATS))
    assert dict(zip(FORMATS, found, strict=True)) == {
        code: "2024-03-01" if is_date else "45352" for code, is_date in FORMATS.items()
    }


def test_built_in_number_formats(tmp_path: Path) -> None:
    made = parts("")
    used = "".join(f'<xf numFmtId="{number}"/>' for number in range(60))
    differing = '<dxfs><dxf><numFmt numFmtId="1" formatCode="d"/></dxf></dxfs>'
    made["xl/styles.xml"] = f'<styleSheet xmlns="{MAIN}"><cellXfs>{used}</cellXfs>{differing}</styleSheet>'
    found = one_cell_per_style(tmp_path, made, 59)
    dates = [number for number, shown in enumerate(found, 1) if shown == "2024-03-01"]
    assert dates == [*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)]


def test_a_format_with_a_date_only_in_literals_is_none() -> None:
    assert not is_date_format('"Dated" 0')
    assert is_date_format('0 "x" d')


def test_a_part_too_long_for_one_piece_is_read_whole(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}.25</v></c><c r="B{n}" t="str"><v>text {n}</v></c></row>'
        for n in range(2, 90_000)
    )
    frame = tables(tmp_path, parts(rows))["cells"]
    assert frame["row"].to_list() == list(range(2, 90_000))
    assert frame["A"].to_list() == [f"{n}.25" for n in range(2, 90_000)]
    assert frame["B"].to_list() == [f"text {n}" for n in range(2, 90_000)]
    late = rows + '<row r="90000"><c r="A90000" t="str"><v>a>b</v></c></row><row><c><v>1</v></c></row>'
    assert tables(tmp_path, parts(late))["cells"].tail(2).rows() == [(90_000, "a>b", None), (90_001, "1", None)]


UNKNOWN = (
    '<row r="2"><c r="A2"><v>1</vx></c></row>',
    '<row r="2"><c r="A2"><v>1</v></c ></row>',
    '<row r="2"><c r="A2"><v>1</v></c>',
    '<c r="A2"><v>1</v></c></row>',
    '<row r="2"><v>1</v></row>',
    '<row r="2"><c r="A2"><v>1</v><v>2</v></c></row>',
    '<row r="2"><c r="A3"><v>1</v></c></row>',
    '<row r="20"><c r="A2"><v>1</v></c></row>',
    '<row r="2"><c r="A20"><v>1</v></c></row>',
    '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
    '<row r="2"><c r="XFE2"><v>1</v></c></row>',
    '<row r="2"><c r="a2"><v>1</v></c></row>',
    '<row r="2"><c r="2"><v>1</v></c></row>',
    '<row spans="1:1" r="2"><c r="A2"><v>1</v></c></row>',
    '<row r="2"><c s="1" r="A2"><v>1</v></c></row>',
    '<row r="2"><c r="A2" t="s" t="n"><v>1</v></c></row>',
    '<row r="2"><c r="A2" s="1" s="2"><v>1</v></c></row>',
    '<row r="2"><c r="A2" s=\'1\'><v>1</v></c></row>',
    '<row r="2"><c r="A2" s="&#49;"><v>1</v></c></row>',
    '<row r="2"><c r="A2" t="inlineStr"><v>1</v></c></row>',
    '<row r="2"><c r="A2"><is><t>1</t></is></c></row>',
    '<row r="2"><c r="A2" t="inlineStr"><is><t xml:lang="en">1</t></is></c></row>',
    '<row r="2"><c r="A2" t="str"><v>&copy;</v></c></row>',
    '<row r="2"><c r="A2" t="str"><v>&#0;</v></c></row>',
    '<row r="2"><c r="A2" t="str"><v>a>b</v></c></row>',
    '<row r="2"><c r="A2" t="str"><v>\x01</v></c></row>',
    '<row r="2"><c r="A2"><!-- --><v>1</v></c></row>',
    '<row r="2"><c r="A2" t="str"><v><![CDATA[1]]></v></c></row>',
)


@pytest.mark.parametrize("xml", UNKNOWN)
def test_the_arrays_leave_what_they_do_not_know_for_certain_to_the_parser(xml: str) -> None:
    with pytest.raises(Unrecognised):
        Scan().block(xml.encode())


def test_a_cell_that_counts_on_past_the_last_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="row 2 has a cell outside Excel's grid"):
        cells(tmp_path, parts('<row r="2"><c r="XFD2"/><c><v>1</v></c></row>'))
