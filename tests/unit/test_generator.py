import dataclasses
import datetime as dt
import re
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from benchmarks import bad_workbooks, order_list_workbooks
from benchmarks.oracle import Reason, fields, outcome
from benchmarks.order_list_workbooks import cached, generate
from benchmarks.truth import Truth
from benchmarks.workbook_profile import profiles
from benchmarks.xlsx_writer import Cell, Sheet, Style, Value, raw_workbook

SCALE = 0.004


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("generated"), scale=SCALE)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "workbooks").iterdir()}


def sheet_of(truth: Truth, position: int) -> Worksheet:
    file = truth.files[position]
    sheet = openpyxl.load_workbook(truth.workbooks / file.file, data_only=True)[file.sheet]
    assert isinstance(sheet, Worksheet)
    return sheet


def is_filled(value: object) -> bool:
    return value is not None and bool(str(value).strip())


def test_at_full_scale_101662_rows_land_and_258_of_them_have_no_order_number() -> None:
    made = profiles()
    assert len(made) == 45
    assert sum(p.orders + p.keyless for p in made) == 101_662
    assert sum(p.keyless for p in made) == 258
    assert {1 <= p.keyless <= 24 for p in made} == {True}
    assert sum(p.orders for p in profiles(dirty=False)) == 101_404
    assert [p.customer for p in made if p.phantom] == ["FIONA KATE"]


@pytest.mark.parametrize("scale", [0.0001, 0.01, 0.37, 2])
def test_every_file_keeps_an_order_and_the_total_follows_the_scale(scale: float) -> None:
    made = profiles(scale=scale)
    assert min(p.orders for p in made) >= 1
    assert sum(p.orders + p.keyless for p in made) == pytest.approx(max(45, 101_662 * scale), abs=1)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "a", scale=SCALE, files=4)
    generate(tmp_path / "b", scale=SCALE, files=4)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_workbook_does_not_depend_on_the_others(tmp_path: Path, truth: Truth) -> None:
    generate(tmp_path, scale=SCALE, files=3)
    assert contents(tmp_path).items() <= contents(truth.folder).items()


def test_another_seed_gives_other_values_in_as_many_rows(tmp_path: Path, truth: Truth) -> None:
    other = generate(tmp_path, scale=SCALE, seed=2, files=3)
    assert contents(tmp_path).keys() <= contents(truth.folder).keys()
    assert not contents(tmp_path).items() & contents(truth.folder).items()
    assert [f.rows["landed"] for f in other.files] == [f.rows["landed"] for f in truth.files[:3]]


def test_rows_are_what_was_planned(truth: Truth) -> None:
    for file, plan in zip(truth.files, profiles(scale=SCALE), strict=True):
        assert file.rows["landed"] == plan.orders + plan.keyless, file.file
        assert (file.rows["keyless"], file.rows["phantom"]) == (plan.keyless, plan.phantom), file.file
        assert file.rows["published"] == plan.orders - plan.phantom, file.file


def test_every_filled_cell_is_accounted_for_once(truth: Truth) -> None:
    for file in truth.files:
        for name, column in [*file.columns.items(), *file.sizes.items()]:
            accounted = column.published + sum(column.nulled.values()) + sum(column.quarantined.values())
            assert column.filled == accounted + column.set_aside, (file.file, name)


def test_sums_read_are_published_and_rounded_and_set_aside(truth: Truth) -> None:
    columns = [column for file in truth.files for column in file.columns.values() if column.sums]
    for sums in (column.sums for column in columns):
        parts = (Decimal(sums[part]) for part in ("published", "rounding", "set_aside"))
        assert Decimal(sums["read"]) == sum(parts)
    assert any(column.rounded for column in columns)


def test_the_expected_cells_are_those_counted_as_published(truth: Truth) -> None:
    found = truth.expected().collect().group_by("file", "column").len()
    counted = {(f.file, name): c.published for f in truth.files for name, c in f.columns.items() if c.published}
    for f in truth.files:
        lines = f.rows["published"]
        made = {"CUSTOMER NAME": lines, "group_name": lines, "item_name": lines}
        made["SOURCE_CUSTOMER_NAME"] = f.columns["CUSTOMER NAME"].published
        counted |= {(f.file, name): count for name, count in made.items() if count}
    assert dict(zip(zip(found["file"], found["column"], strict=True), found["len"], strict=True)) == counted


def test_every_rule_of_the_business_has_cells_to_change(truth: Truth) -> None:
    rules = Counter(rule for file in truth.files for rule in file.rules)
    assert rules.keys() == {"canonical_customer", "customer_filled_down", "customer_from_file", "order_type_renamed"}


def test_what_is_ordered_of_known_and_unknown_sizes_is_all_there(truth: Truth) -> None:
    ordered = truth.ordered().collect()
    expected = truth.expected().rename({"column": "size"}).collect()
    known = ordered.join(expected, on=["file", "row", "size"])
    assert known["quantity"].cast(pl.String).equals(known["value"], check_names=False)
    unknown = sum(column.published for file in truth.files for column in file.sizes.values())
    assert ordered.height == known.height + unknown
    assert unknown > 0
    assert ordered.filter(pl.col("quantity") <= 0).is_empty()


def test_the_sums_are_those_of_the_expected_cells(truth: Truth) -> None:
    values = truth.expected().filter(pl.col("column") == "TOTAL QTY").collect()["value"].cast(pl.Int64)
    assert truth.sums["TOTAL QTY"] == str(values.sum())


def test_quarantine_names_every_cell_that_was_not_published_or_nulled(truth: Truth) -> None:
    found = truth.quarantine().collect()
    columns = [c for f in truth.files for c in (*f.columns.values(), *f.sizes.values())]
    bad = sum(sum(c.quarantined.values()) + c.set_aside for c in columns)
    assert found.height == bad + sum(entry["cells"] for f in truth.files for entry in f.unmapped)
    assert found.select("file", "cell").is_unique().all()
    assert set(found["reason"]) <= set(Reason)


def test_every_workbook_opens_and_holds_the_rows_and_cells_that_the_truth_counts(truth: Truth) -> None:
    for position, file in enumerate(truth.files):
        sheet = sheet_of(truth, position)
        rows = [sum(map(is_filled, row)) for row in sheet.iter_rows(min_row=file.header_row + 1, values_only=True)]
        assert sum(map(bool, rows)) == file.rows["landed"], file.file
        columns = (*file.columns.values(), *file.sizes.values())
        counted = sum(c.filled for c in columns) + sum(entry["cells"] for entry in file.unmapped)
        assert sum(rows) == counted, file.file


def test_expected_texts_stand_in_the_cells_named(truth: Truth) -> None:
    cells = truth.expected().filter(pl.col("column") == "AAG ORDER NUMBER").collect()
    for position, file in enumerate(truth.files):
        sheet = sheet_of(truth, position)
        for row, value in cells.filter(file=file.file).select("row", "value").iter_rows():
            assert sheet[f"{file.first_column}{row}"].value == value


def test_the_dirt_of_hand_typed_sheets_is_all_there(truth: Truth) -> None:
    seen: Counter[str] = Counter()
    for file in truth.files:
        seen.update(file.dirt)
    assert {"float_noise", "date_placeholder", "trailing_no_break_space", "cancelled", "values_run_together"} <= set(
        seen
    )
    assert {f.sheet for f in truth.files} > {"MASTER", "ORDER LIST"}
    assert {f.header_row for f in truth.files} == {1, 2, 4}
    assert {entry["reason"] for f in truth.files for entry in f.unmapped} == {
        "unknown_header",
        "duplicate_header",
        "unnamed_header",
    }


def test_float_noise_is_written_with_17_digits(truth: Truth) -> None:
    with zipfile.ZipFile(truth.workbooks / "VANTI TORINO ORDER LIST (M3).xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r"<v>\d\d\.\d{14,15}</v>", sheet)


def test_clean_workbooks_publish_every_order_and_every_cell_of_it_under_a_known_header(tmp_path: Path) -> None:
    clean = generate(tmp_path, scale=0.005, dirty=False, phantom=False)
    assert clean.totals["published"] == clean.totals["landed"] - clean.totals["keyless"]
    assert clean.totals["keyless"] > 0
    assert all(c.published == c.filled - c.set_aside for f in clean.files for c in f.columns.values())
    assert {entry["reason"] for f in clean.files for entry in f.unmapped} == {"unknown_header"}


def test_the_truth_reads_back_as_it_was_written(truth: Truth) -> None:
    again = Truth.load(truth.folder)
    assert [dataclasses.asdict(file) for file in again.files] == [dataclasses.asdict(file) for file in truth.files]


def test_workbooks_are_made_once_for_the_same_arguments(tmp_path: Path) -> None:
    first = cached(0.0001, files=2, cache=tmp_path)
    made = (first / "truth.json").stat().st_mtime_ns
    assert cached(0.0001, files=2, cache=tmp_path) == first
    assert (first / "truth.json").stat().st_mtime_ns == made
    assert cached(0.0001, files=1, cache=tmp_path) != first


def test_a_generator_that_dies_leaves_no_folder_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(folder: Path, **_: object) -> None:
        folder.mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(order_list_workbooks, "generate", die)
        with pytest.raises(KeyboardInterrupt):
            cached(0.0001, files=1, cache=tmp_path)
    assert (cached(0.0001, files=1, cache=tmp_path) / "truth.json").exists()


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        (Cell("33.949999999999996"), "money", "33.9500"),
        (Cell("1.00005"), "money", "1.0001"),
        (Cell("-0.00001"), "money", "0.0000"),
        (Cell("1.5E+1 ", "s"), "money", "15.0000"),
        (Cell("0.165", style=Style.PERCENT), "rate", "0.165000"),
        (Cell("4.9000000000000002E-6"), "text", "0.0000049"),
        (Cell("12345678901234567890"), "text", "12345678901234600000"),
        (Cell("45352", style=Style.DATE), "text", "2024-03-01"),
        (Cell("45352.75", style=Style.DATETIME), "text", "2024-03-01 18:00:00"),
        (Cell("1", "b"), "text", "TRUE"),
        (Cell("nan", "s"), "text", "nan"),
        (Cell("45352\u00a0", "s"), "date", "2024-03-01"),
        (Cell("45352"), "date", "2024-03-01"),
        (Cell("13/02/24", "s"), "date", "2024-02-13"),
        (Cell("02-02-2024", "s"), "date", "2024-02-02"),
        (Cell("Mar 5 2024", "s"), "date", "2024-03-05"),
        (Cell("2024-03-05 00:00:00", "s"), "date", "2024-03-05"),
        (Cell("12.0", "s"), "qty_size", "12"),
    ],
)
def test_the_oracle_reads_a_cell_as_a_person_would(cell: Cell, kind: str, value: str) -> None:
    assert outcome(cell, kind).value == value


@pytest.mark.parametrize(
    ("cell", "kind", "reason"),
    [
        (Cell("02/03/2024", "s"), "date", Reason.AMBIGUOUS_DAY),
        (Cell("31/02/2024", "s"), "date", Reason.NOT_A_DATE),
        (Cell("45352.5"), "date", Reason.TIME_OF_DAY),
        (Cell("0"), "date", Reason.DATE_RANGE),
        (Cell("1E+30"), "date", Reason.DATE_RANGE),
        (Cell("1,234.50", "s"), "money", Reason.NOT_A_NUMBER),
        (Cell("12%", "s"), "rate", Reason.NOT_A_NUMBER),
        (Cell("1E+14"), "money", Reason.NUMBER_RANGE),
        (Cell("12.5"), "qty_size", Reason.NOT_WHOLE),
        (Cell("2147483648"), "qty_total", Reason.NUMBER_RANGE),
        (Cell("#N/A", "e"), "text", Reason.ERROR),
    ],
)
def test_the_oracle_does_not_guess(cell: Cell, kind: str, reason: Reason) -> None:
    found = outcome(cell, kind)
    assert (found.value, found.reason) == (None, reason)


@pytest.mark.parametrize(
    ("cell", "kind", "rule"),
    [
        (Cell(" TBC", "s"), "date", "date_placeholder"),
        (Cell("NULL", "s"), "date", "null_word"),
        (Cell("none", "s"), "money", "null_word"),
        (Cell("\u00a0", "s"), "text", ""),
    ],
)
def test_the_oracle_nulls_by_named_rules_only(cell: Cell, kind: str, rule: str) -> None:
    assert outcome(cell, kind) == (None, None, rule, None)


def test_the_first_of_two_headers_for_one_column_feeds_it() -> None:
    found = fields(["DROP", "UNIT OF\u00a0MEASURE", "S", "99Z", "TOTAL\nQTY", "DROP", "", "COUNTRY OF ORIGN", "Drop"])
    assert [field.reason for field in found] == [
        None,
        None,
        None,
        None,
        None,
        Reason.DUPLICATE_HEADER,
        Reason.UNNAMED_HEADER,
        None,
        Reason.UNKNOWN_HEADER,
    ]
    assert found[7].column == "COUNTRY OF ORIGN"
    assert [field.column for field in found if field.is_line] == ["99Z"]


@pytest.mark.parametrize("prefix", ["", "x"])
@pytest.mark.parametrize("references", [True, False])
def test_a_raw_workbook_reads_back(tmp_path: Path, prefix: str, references: bool) -> None:  # noqa: FBT001
    rows: list[list[Value]] = [
        ["a", 'b\n<"&'],
        [7, 33.949999999999996, dt.date(2024, 2, 29)],
        [Cell("x ", "inlineStr"), True],
    ]
    sheets = [Sheet("hidden", [["-"]], state="hidden"), Sheet("R&D", rows, references=references)]
    book = openpyxl.load_workbook(raw_workbook(tmp_path / "raw.xlsx", sheets, prefix=prefix))
    assert [sheet.sheet_state for sheet in book] == ["hidden", "visible"]
    assert [[cell for cell in row if cell is not None] for row in book["R&D"].values] == [
        ["a", 'b\n<"&'],
        [7, 33.949999999999996, dt.datetime(2024, 2, 29)],  # noqa: DTZ001 (a workbook has no time zones)
        ["x ", True],
    ]


@pytest.mark.parametrize("name", sorted(bad_workbooks.UNUSUAL))
def test_unusual_workbooks_are_whole(tmp_path: Path, name: str) -> None:
    book = openpyxl.load_workbook(bad_workbooks.UNUSUAL[name](tmp_path / "book.xlsx"))
    assert [cell.value for cell in book["MASTER"][1]] == list(bad_workbooks.HEADERS)


@pytest.mark.parametrize("name", sorted(bad_workbooks.REFUSED.keys() - {"zip_bomb"}))
def test_bad_workbooks_are_small_and_the_same_every_time(tmp_path: Path, name: str) -> None:
    make = bad_workbooks.REFUSED[name]
    content = make(tmp_path / "bad.xlsx").read_bytes()
    assert len(content) < 20_000
    assert make(tmp_path / "again.xlsx").read_bytes() == content


@pytest.mark.parametrize(("claimed", "stated"), [(None, 1 << 25), (900, 900)])
def test_a_zip_bomb_inflates_to_more_than_it_may_claim(tmp_path: Path, claimed: int | None, stated: int) -> None:
    bomb = bad_workbooks.zip_bomb(tmp_path / "bomb.xlsx", 1 << 25, claimed)
    with zipfile.ZipFile(bomb) as archive:
        assert archive.getinfo(bad_workbooks.SHEET_PART).file_size == pytest.approx(stated, abs=300)
    assert bomb.stat().st_size < (1 << 25) // 100


@pytest.mark.parametrize(("make", "stream"), [("encrypted", "EncryptedPackage"), ("renamed_xls", "Workbook")])
def test_ole_files_name_their_stream(tmp_path: Path, make: str, stream: str) -> None:
    content = bad_workbooks.REFUSED[make](tmp_path / "ole.xlsx").read_bytes()
    assert content.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
    assert stream.encode("utf-16-le") in content
