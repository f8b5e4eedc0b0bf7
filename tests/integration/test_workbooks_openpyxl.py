"""Every cell of every workbook reads as openpyxl reads it, whoever wrote the file."""

from __future__ import annotations

import datetime as dt
import random
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
import xlsxwriter
from openpyxl.utils import get_column_letter

from benchmarks import bad_workbooks
from benchmarks.oracle import kinds
from benchmarks.order_list_workbooks import cached
from benchmarks.xlsx_writer import Cell as Raw
from benchmarks.xlsx_writer import Sheet, Style, raw_workbook
from sources import Workbooks

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from openpyxl.cell.cell import Cell
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

DATA = Path(__file__).parents[1] / "data"
KEY = "AAG ORDER NUMBER"
TOTALLED = ("LOIRE ORDER LIST (M3).xlsx", "MIND WHEEL ORDER LIST (M3).xlsx", "TROPIC KINETICA ORDER LIST (M3).xlsx")
"""Generated workbooks whose totals are formulas."""
Place = tuple[int, str]


def read(folder: Path) -> dict[str, dict[str, pl.DataFrame]]:
    """The four tables of every workbook in a folder."""
    found: dict[str, dict[str, pl.DataFrame]] = {}
    for table in Workbooks(folder=folder, headers=frozenset(kinds()), required=(KEY,)).tables():
        found.setdefault(table.part, {})[table.name] = table.frame.collect()
    return found


def cells_of(frame: pl.DataFrame) -> dict[Place, str]:
    """The cells of the table ``cells`` that are not null, by row and letters."""
    long = frame.unpivot(index="row").drop_nulls("value")
    return {(row, letters): value for row, letters, value in long.iter_rows()}


def shown(cell: Cell) -> str | None:
    """What a cell holds, from the value that openpyxl makes of it."""
    match cell.value:
        case bool() as value:
            return str(value).upper()
        case int() | float() as value:
            return plain(value)
        case str() as value:
            return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), value) or None
        case None:
            return None
        case value:
            return moment(value)


def moment(value: dt.datetime | dt.time | dt.timedelta) -> str:
    """A date, a time, or a length of time as the date that it would be."""
    if isinstance(value, dt.time):
        return clock(value)
    if isinstance(value, dt.timedelta):
        days = value.days + (0 < value.days < 60)
        value += dt.datetime(1899, 12, 30) + dt.timedelta(days=days - value.days)  # noqa: DTZ001 (there are no zones)
        if not days:
            return clock(value.time())
    time = clock(value.time())
    return f"{value:%Y-%m-%d}" if time == "00:00:00" else f"{value:%Y-%m-%d} {time}"


def plain(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    text = format(Decimal(f"{value:.15g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(time: dt.time) -> str:
    milliseconds = round(time.microsecond / 1000)
    return f"{time:%H:%M:%S}" + (f".{milliseconds:03d}" if milliseconds else "")


def formulas(path: Path, sheet: str) -> dict[Place, str]:
    """Every formula, after ``=``."""
    cells = (cell for row in openpyxl.load_workbook(path)[sheet].iter_rows() for cell in row)
    return {(cell.row, get_column_letter(cell.column)): cell.value for cell in cells if cell.data_type == "f"}


def expected(path: Path, sheet: str, header_row: int, *, bare: bool) -> tuple[dict[Place, str], dict[Place, str]]:
    """The values and the errors below the header row, formulas without values among them where there are any."""
    values, errors = {}, {}
    written = formulas(path, sheet) if bare else {}
    for row in openpyxl.load_workbook(path, data_only=True)[sheet].iter_rows(min_row=header_row + 1):
        for cell in row:
            place = (cell.row, get_column_letter(cell.column))
            if cell.data_type == "e":
                errors[place] = cell.value
            elif (text := shown(cell)) is not None:
                values[place] = text
            elif place in written:
                errors[place] = written[place]
    return values, errors


def assert_as_openpyxl(folder: Path, *, bare: bool = False) -> int:
    """Compare every cell of every workbook, and return how many were compared.

    Args:
        folder: The workbooks.
        bare: Whether openpyxl's ``None`` for a formula is a value that is not there, and never an empty text.
    """
    compared = 0
    for part, tables in read(folder).items():
        about = tables["workbook"].row(0, named=True)
        values, errors = expected(folder / part, about["sheet"], about["header_row"], bare=bare)
        assert cells_of(tables["cells"]) == values, part
        assert {(row, letters): raw for row, letters, raw in tables["cell_errors"].iter_rows()} == errors, part
        assert about["filled_cells"] == len(values) + len(errors)
        assert set(tables["cells"]["row"]) == {row for row, _ in values | errors}
        compared += len(values) + len(errors)
    return compared


def test_generated_order_lists_with_all_their_dirt() -> None:
    assert assert_as_openpyxl(cached(0.02) / "workbooks") > 70_000


def test_no_formula_of_a_workbook_saved_by_openpyxl_has_a_value(tmp_path: Path) -> None:
    source = cached(0.02) / "workbooks"
    for name in TOTALLED:
        openpyxl.load_workbook(source / name).save(tmp_path / name)
    assert assert_as_openpyxl(tmp_path, bare=True) > 1_000
    for tables in read(tmp_path).values():
        assert tables["cell_errors"]["raw"].str.starts_with("=SUM(").sum() > 10


def test_a_workbook_saved_by_libreoffice(tmp_path: Path) -> None:
    (tmp_path / "saved.xlsx").write_bytes((DATA / "saved_by_libreoffice.xlsx").read_bytes())
    assert assert_as_openpyxl(tmp_path) > 150
    tables = read(tmp_path)["saved.xlsx"]
    assert tables["workbook"]["sheet"].item() == "MASTER"
    assert tables["workbook"]["header_row"].item() == 3
    assert tables["headers"]["header"].to_list()[:4] == [
        KEY,
        "CUSTOMER\nNAME",
        "ORDER DATE  PO RECEIVED",
        "PO\xa0NUMBER",
    ]
    assert tables["cell_errors"]["raw"].unique().sort().to_list() == ["#DIV/0!", "#N/A"]


UNUSUAL = [made for name, made in bad_workbooks.UNUSUAL.items() if name != "prefixed_namespace"]


@pytest.mark.parametrize("make", [*UNUSUAL, bad_workbooks.far_stray_cell], ids=lambda make: make.__name__)
def test_workbooks_that_look_unusual(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    make(tmp_path / "unusual.xlsx")
    if make is not bad_workbooks.far_stray_cell:
        assert_as_openpyxl(tmp_path)
    assert read(tmp_path)["unusual.xlsx"]["headers"]["header"][0] == KEY


def test_a_stray_cell_in_the_last_corner_is_one_row_and_one_column_more(tmp_path: Path) -> None:
    bad_workbooks.valid(tmp_path / "a.xlsx")
    bad_workbooks.far_stray_cell(tmp_path / "b.xlsx")
    whole, stray = (tables["cells"] for tables in read(tmp_path).values())
    assert stray.select(whole.columns).head(whole.height).equals(whole)
    assert stray.select("row", "XFD").tail(1).row(0) == (1_048_576, "1")
    assert (stray.height, stray.width) == (whole.height + 1, whole.width + 1)


def test_a_prefix_before_every_element_changes_nothing(tmp_path: Path) -> None:
    bad_workbooks.valid(tmp_path / "a.xlsx")
    bad_workbooks.prefixed_namespace(tmp_path / "b.xlsx")
    a, b = read(tmp_path).values()
    assert all(a[name].equals(b[name]) for name in ("cells", "headers", "cell_errors"))


def test_xlsxwriter(tmp_path: Path) -> None:
    chance = random.Random(20250601)  # noqa: S311 (made-up cells are not cryptography)
    book = xlsxwriter.Workbook(tmp_path / "made.xlsx", {"in_memory": True})
    formats = [
        book.add_format({"num_format": code}) for code in ("yyyy-mm-dd", "d/m/yy h:mm", "h:mm:ss", "0.0%", "[h]:mm")
    ]
    sheet = book.add_worksheet("MASTER")
    sheet.write_row(0, 0, [KEY, "CUSTOMER NAME", "NOTES", "XS", "S", "TOTAL QTY"])
    for row in range(1, 600):
        for column in range(40):
            write(sheet, (row, column), formats, chance)
    book.close()
    assert assert_as_openpyxl(tmp_path, bare=True) > 15_000
    assert read(tmp_path)["made.xlsx"]["cell_errors"]["raw"].unique().sort().to_list() == ["#DIV/0!", "#N/A", "=A1&B1"]


def write(sheet: Worksheet, place: tuple[int, int], formats: list[Format], chance: random.Random) -> None:
    """Write a random cell, or none."""
    date, moment, time, percent, _ = formats
    number = chance.choice([chance.randrange(10**6), chance.random() * 1e4, round(chance.random() * 99, 2) * 1.1, 1e-9])
    text = chance.choice(["a", "007", " b ", "M&S <1>", "one\ntwo", "“é” 日本 😀", "x" * 40])
    day = chance.randrange(61, 60_000)
    match chance.randrange(9):
        case 0:
            sheet.write_number(*place, number, chance.choice([None, percent]))
        case 1:
            sheet.write_string(*place, text)
        case 2:
            sheet.write_number(*place, day, date)
        case 3:
            sheet.write_number(*place, day + chance.randrange(86_400) / 86_400, moment)
        case 4:
            sheet.write_number(*place, chance.randrange(1, 86_400) / 86_400, time)
        case 5:
            sheet.write_formula(*place, "=A1&B1", None, chance.choice(["text", 4.5, "#N/A", "#DIV/0!", True, ""]))
        case 6:
            sheet.write_boolean(*place, chance.choice([True, False]))
        case 7:
            sheet.write_blank(*place, None, date)


def test_inline_strings_as_web_spreadsheets_write_them(tmp_path: Path) -> None:
    rows = [[KEY, "NOTES"], *([Raw(f"K-{n}", "inlineStr"), Raw(f"note & {n}\nline", "inlineStr")] for n in range(9))]
    raw_workbook(tmp_path / "inline.xlsx", [Sheet("MASTER", rows)])
    assert assert_as_openpyxl(tmp_path) == 18


def test_a_sheet_that_does_not_begin_at_a1(tmp_path: Path) -> None:
    rows = [[KEY, "TOTAL QTY"], ["K-1", 5], [None, None], ["K-2", Raw("45352.25", style=Style.DATETIME)]]
    raw_workbook(tmp_path / "far.xlsx", [Sheet("MASTER", rows, first_row=7, first_column=28)])
    assert assert_as_openpyxl(tmp_path) == 4
    assert read(tmp_path)["far.xlsx"]["cells"].rows() == [(8, "K-1", "5"), (10, "K-2", "2024-03-01 06:00:00")]
    assert read(tmp_path)["far.xlsx"]["headers"].rows() == [("AB", KEY, 7), ("AC", "TOTAL QTY", 7)]


def test_the_parser_reads_the_same_tables_as_the_arrays(tmp_path: Path) -> None:
    source = cached(0.02) / "workbooks"
    for path in source.glob("*.xlsx"):
        with_comments(path, tmp_path / path.name)
    by_arrays, by_parser = read(source), read(tmp_path)
    assert by_arrays.keys() == by_parser.keys()
    for part, tables in by_arrays.items():
        for name in ("cells", "headers", "cell_errors"):
            assert tables[name].equals(by_parser[part][name]), (part, name)


def with_comments(source: Path, target: Path) -> None:
    """Copy a workbook with a comment inside every sheet, which only the parser understands."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<sheetData>", b"<sheetData><!-- <row r='1'> -->"))
