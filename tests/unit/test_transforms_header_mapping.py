"""One header feeds one column and one column has one header; sizes are known by where they stand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml  # type: ignore[import-untyped]

from firn import SourceChanged
from transforms.order_lists import header_mapping
from transforms.order_lists.customers import CUSTOMERS, Customer
from transforms.order_lists.profiles import Profile

DATA = Path(__file__).parents[2] / "benchmarks" / "data" / "order_list_raw_headers.yml"
LAYOUTS: dict[str, Any] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
WORKBOOK = pl.DataFrame({"file": ["A.xlsx"], "sheet": ["MASTER"], "header_row": [3]})
BEFORE = ("AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE", "UNIT OF MEASURE")
AFTER = ("TOTAL QTY", "PLANNED DELIVERY METHOD")

Mapped = list[dict[str, Any]]


def letter(position: int) -> str:
    first, second = divmod(position, 26)
    return f"{letter(first - 1) if first else ''}{chr(ord('A') + second)}"


def mapped(headers: Sequence[str | None]) -> Mapped:
    frame = pl.DataFrame({"letter": [letter(i) for i in range(len(headers))], "header": headers})
    return header_mapping(frame, WORKBOOK).to_dicts()  # type: ignore[arg-type]


def one(header: str | None, *, in_sizes: bool = False) -> tuple[str | None, str]:
    """Map a header that stands after the others, or among the sizes: its column and role."""
    found = mapped((*BEFORE, header, *AFTER) if in_sizes else (*BEFORE, *AFTER, header))
    row = found[len(BEFORE)] if in_sizes else found[-1]
    return row["column"], row["role"]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("NOTES", "NOTES"),
        (" EX FACTORY\n DATE\u00a0", "EX FACTORY DATE"),
        ("Notes", "NOTES"),
        ("Validation", "VALIDATION"),
        ("VALIDATION2", "VALIDATION2"),
        ("Longson Alias", "LONGSON ALIAS"),
        ("longson alias", "LONGSON ALIAS"),
        ("PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT", "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)"),
        ("COUNTRY OF ORIGN", "COUNTRY OF ORIGN"),
        ("COUNTRY OF ORIGIN", "COUNTRY OF ORIGIN"),
        ("ADDITIONAL TARIFF %", "ADDITIONAL TARIFF %"),
        ("CO NUMBER (INITIAL DISTRO)", "CO NUMBER (INITIAL DISTRO)"),
        ("Column1", "Column1"),
        ("\u2206", "\u2206"),
    ],
)
def test_a_header_names_a_column_by_name_alias_or_case(header: str, column: str) -> None:
    assert one(header) == (column, "column")


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("34", "34"),
        ("3-4", "3-4"),
        ("S/M", "S/M"),
        ("S-M", "S-M"),
        ("One Sz", "One Sz"),
        ("One_Sz", "One_Sz"),
        ("One Size", "ONE SIZE"),
        ("One_Size", "One_Size"),
        ("30X30", "30x30"),
        ("0W", "0w"),
    ],
)
def test_sizes_that_look_alike_stay_apart(header: str, column: str) -> None:
    assert one(header, in_sizes=True) == (column, "size")


@pytest.mark.parametrize("size", ["34", "XL", "ONE SIZE"])
def test_a_size_outside_the_markers_is_unknown(size: str) -> None:
    assert one(size) == (None, "unknown")


@pytest.mark.parametrize("header", ["NOTES", "62", "3/4Y"])
def test_what_stands_between_the_markers_and_is_no_size_is_an_unknown_size(header: str) -> None:
    assert one(header, in_sizes=True) == (None, "unknown_size")


def test_of_two_headers_for_one_column_the_first_feeds_it() -> None:
    found = mapped((*BEFORE, *AFTER, "NOTES", "NOTES "))
    assert [row["role"] for row in found[-2:]] == ["column", "duplicate"]


def test_a_columns_own_name_feeds_it_before_an_alias_further_left() -> None:
    found = mapped((*BEFORE, *AFTER, "Validation", "VALIDATION"))
    assert [row["role"] for row in found[-2:]] == ["duplicate", "column"]


@pytest.mark.parametrize("header", [None, "", " \u00a0\n"])
def test_a_column_without_a_header_is_unnamed(header: str | None) -> None:
    assert one(header) == (None, "unnamed")


@pytest.mark.parametrize(
    ("header", "meant"), [("EX FACTORY DTE", "EX FACTORY DATE"), ("CUSTOMER PRCE", "CUSTOMER PRICE"), ("BUYER", None)]
)
def test_an_unknown_header_suggests_the_column_it_may_have_meant(header: str, meant: str | None) -> None:
    assert mapped((*BEFORE, *AFTER, header))[-1]["suggestion"] == meant


def test_columns_are_listed_from_left_to_right_whatever_the_order_given() -> None:
    headers = (*BEFORE, *(f"size {i}" for i in range(40)), *AFTER)
    frame = pl.DataFrame({"letter": [letter(i) for i in range(len(headers))], "header": headers})
    shuffled = header_mapping(frame.sample(fraction=1, shuffle=True, seed=1), WORKBOOK)  # type: ignore[arg-type]
    assert shuffled["letter"].to_list() == frame["letter"].to_list()


def test_the_kind_of_a_column_comes_with_it() -> None:
    kinds = {row["column"]: row["kind"] for row in mapped((*BEFORE, "XL", *AFTER, "CUSTOMER PRICE"))}
    assert (kinds["XL"], kinds["CUSTOMER PRICE"], kinds["TOTAL QTY"]) == ("qty_size", "money", "qty_total")


def test_a_missing_column_is_named_with_the_file_and_what_it_may_be_called() -> None:
    headers = tuple("TOTAL QTTY" if header == "TOTAL QTY" else header for header in (*BEFORE, *AFTER))
    with pytest.raises(SourceChanged, match=r"A\.xlsx, sheet 'MASTER', row 3: no column 'TOTAL QTY'") as error:
        mapped(headers)
    assert "rename 'TOTAL QTTY' to 'TOTAL QTY'" in error.value.hint
    assert "Production is unchanged" in error.value.message


def test_a_suggestion_may_stand_further_right_than_a_hundred_columns() -> None:
    headers = (*BEFORE, *(f"size {i}" for i in range(120)), *AFTER, "EX FACTORY DTE")
    assert mapped(headers)[-1]["suggestion"] == "EX FACTORY DATE"


def test_a_missing_column_is_not_confused_with_one_that_is_there() -> None:
    with pytest.raises(SourceChanged) as error:
        mapped(("CUSTOMER NAM", *BEFORE[2:], *AFTER, "ORDER NUMBER"))
    assert "rename 'CUSTOMER NAM' to 'CUSTOMER NAME', rename 'ORDER NUMBER' to 'AAG ORDER NUMBER'" in error.value.hint


def test_all_missing_columns_are_named_at_once() -> None:
    with pytest.raises(SourceChanged, match="'CUSTOMER NAME', 'AAG ORDER NUMBER'") as error:
        mapped(("x", *BEFORE[2:], *AFTER))
    assert "row of the headers" in error.value.hint


def test_swapped_size_markers_are_refused() -> None:
    with pytest.raises(SourceChanged, match="stands before 'UNIT OF MEASURE'"):
        mapped((*AFTER, *BEFORE))


def layout(workbook: dict[str, Any]) -> list[str]:
    return [*LAYOUTS["pre"][workbook["pre"]], *workbook["sizes"], *LAYOUTS["post"][workbook["post"]]]


@pytest.mark.parametrize("workbook", LAYOUTS["workbooks"], ids=lambda workbook: str(workbook["file"]))
def test_every_known_layout_feeds_each_column_once(workbook: dict[str, Any]) -> None:
    columns = [row["column"] for row in mapped(layout(workbook)) if row["column"]]
    assert len(columns) == len(set(columns))


def test_of_all_known_layouts_only_the_headers_that_are_known_to_be_new_feed_nothing() -> None:
    loose = {row["header"] for book in LAYOUTS["workbooks"] for row in mapped(layout(book)) if not row["column"]}
    assert loose == {"ORIGINAL PO NUMBER", "3/4Y", "5/6Y", "7/8Y", "9/10Y", "11/12Y", "13/14Y"}


OWN = Profile(headers=(("Art. No.", "CUSTOMER STYLE"), ("UOM", "UNIT OF MEASURE"), ("Large", "L"), ("Memo", "NOTES")))


@pytest.fixture
def profiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer whom the workbook is named for spells some headers in a way of its own."""
    monkeypatch.setitem(CUSTOMERS, "a.xlsx", Customer("A.xlsx", profile=OWN))


@pytest.mark.usefixtures("profiled")
def test_a_header_of_the_customers_profile_feeds_its_column() -> None:
    found = mapped(("AAG ORDER NUMBER", "CUSTOMER NAME", "art.  no.", "uom", "Large", *AFTER, "MEMO"))
    assert [row["column"] for row in found] == [*BEFORE, "L", *AFTER, "NOTES"]


@pytest.mark.usefixtures("profiled")
def test_a_header_of_the_profile_is_a_size_only_among_the_sizes() -> None:
    assert one("Large") == (None, "unknown")
    assert one("Memo", in_sizes=True) == (None, "unknown_size")


@pytest.mark.usefixtures("profiled")
def test_the_columns_own_name_goes_before_the_profile_so_that_no_column_has_two_headers() -> None:
    found = mapped((*BEFORE, *AFTER, "Memo", "NOTES"))
    assert [(row["column"], row["role"]) for row in found[-2:]] == [(None, "duplicate"), ("NOTES", "column")]


def test_a_profile_says_nothing_of_other_customers_workbooks() -> None:
    assert one("Memo") == (None, "unknown")
