"""Workbooks that open in Excel and are not laid out as agreed: read in full where nothing is in doubt, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_order_lists, bad_workbooks
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Installation

NAME = "CEDAR GOLF ORDER LIST (M3).xlsx"
MAX_MEMORY_MB = 2500


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """A production that a faultless workbook made."""
    at = installed()
    bad_workbooks.valid(at.books / NAME)
    at.json("run", "order_lists")
    at.keep()
    return at


@pytest.fixture
def published(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


def cells(at: Installation) -> list[tuple[str, ...]]:
    """The cells in quarantine: address, text, reason."""
    found: list[tuple[str, str, str]] = at.query(
        "select cell, raw, reason from order_list_quarantine order by row, cell"
    )  # type: ignore[assignment]
    return found


@pytest.mark.parametrize(
    "make",
    [bad_order_lists.merged_headers, bad_order_lists.two_row_headers, bad_order_lists.group_titles],
    ids=lambda f: f.__name__,
)
def test_headers_in_two_rows_are_read_as_one(published: Installation, make: Callable[[Path], Path]) -> None:
    before = published.production()
    make(published.books / NAME)
    report = published.json("run", "order_lists")
    assert report["status"] == "published"
    assert report["notes"] == []
    assert published.production()["order_list"] == before["order_list"]
    assert published.query("select row from order_list_origin order by 1") == [(3,), (4,), (5,)]
    assert cells(published) == []


def test_a_totals_row_is_set_aside_by_name_and_not_counted_twice(published: Installation) -> None:
    before = published.production()
    bad_order_lists.totals_row(published.books / NAME)
    report = published.json("run", "order_lists")
    assert report["figures"]["rows set aside, totals_row"] == 1
    assert published.production()["order_list"] == before["order_list"]
    assert cells(published) == [
        ("A5", "Total:", "totals_row"),
        ("H5", "30", "totals_row"),
        ("I5", "60", "totals_row"),
        ("J5", "90", "totals_row"),
        ("K5", "180", "totals_row"),
    ]


def test_a_formula_that_nobody_computed_is_in_quarantine_and_said(published: Installation) -> None:
    before = published.production()
    bad_order_lists.uncomputed_total(published.books / NAME)
    checked = published.json("check", "order_lists")
    assert published.production() == before
    report = published.json("run", "order_lists")
    note = f"{NAME}: 1 formula has no computed value and stands in quarantine; open the workbook in Excel and save it"
    assert checked["notes"] == report["notes"] == [note]
    assert report["figures"]["cells quarantined, formula_without_value"] == 1
    totals = 'select row, "TOTAL QTY" from order_list join order_list_origin using (record_uuid) order by row'
    assert published.query(totals) == [(2, 60), (3, None), (4, 60)]
    assert published.query('select cell, "column", raw, expected, reason from order_list_quarantine') == [
        (
            "K3",
            "TOTAL QTY",
            "=SUM(H3:J3)",
            "the computed value: open the workbook in Excel and save it",
            "formula_without_value",
        )
    ]


def test_a_new_column_is_named_and_its_cells_are_kept(published: Installation) -> None:
    before = published.production()
    bad_order_lists.new_column(published.books / NAME)
    report = published.json("run", "order_lists")
    assert report["notes"] == [f"{NAME}: cells under headers that feed no column are in quarantine: CARBON LABEL 3"]
    assert published.production()["order_list"] == before["order_list"]
    assert cells(published) == [(f"P{row}", "B+", "unknown_header") for row in (2, 3, 4)]


def test_a_renamed_size_is_named(published: Installation) -> None:
    bad_order_lists.renamed_size(published.books / NAME)
    report = published.json("run", "order_lists")
    assert any(NAME in note and "EXTRA SMALLISH" in note for note in report["notes"])
    assert published.query('select "XS", "S", "TOTAL QTY" from order_list') == [(None, 20, 60)] * 3


def test_the_first_of_two_equal_headers_is_used_and_the_other_kept(published: Installation) -> None:
    before = published.production()
    bad_order_lists.repeated_header(published.books / NAME)
    report = published.json("run", "order_lists")
    assert report["notes"] == [
        f"{NAME}: header PO NUMBER is there twice (P1 repeats D1; column D was used); 3 cells are in quarantine"
    ]
    assert published.production()["order_list"] == before["order_list"]
    assert cells(published) == [(f"P{row}", f"other {row - 2}", "duplicate_header") for row in (2, 3, 4)]


def test_customer_cells_other_than_the_file_name_are_published_and_counted(published: Installation) -> None:
    before = published.production()
    (published.books / NAME).rename(published.books / "SOLSTICE ORDER LIST (M3).xlsx")
    report = published.json("run", "order_lists")
    assert report["notes"][-1] == "SOLSTICE ORDER LIST (M3).xlsx: rows that name another customer: CEDAR GOLF 3"
    assert published.query('select distinct "CUSTOMER NAME" from order_list') == [("CEDAR GOLF",)]
    assert published.production().keys() == before.keys()


def test_four_hundred_columns_are_read_and_the_note_stays_short(published: Installation) -> None:
    before = published.production()
    bad_order_lists.many_columns(published.books / NAME)
    report = published.json("run", "order_lists")
    (note,) = report["notes"]
    assert note.endswith("EXTRA 018 3, EXTRA 019 3, and 365 more")
    assert report["figures"]["cells quarantined, unknown_header"] == 3 * 385
    assert published.production()["order_list"] == before["order_list"]


@pytest.mark.parametrize(
    ("make", "rows"),
    [(bad_order_lists.full_height_formats, 3), (bad_order_lists.full_height_formulas, 1_048_575)],
    ids=["formats", "formulas"],
)
def test_a_sheet_that_is_full_to_its_last_row_is_accounted_for(
    published: Installation, make: Callable[[Path], Path], rows: int
) -> None:
    before = published.production()
    make(published.books / NAME)
    report = published.json("run", "order_lists")
    assert report["rows_read"] == rows
    assert report["figures"].get("rows set aside, keyless_row", 0) == rows - 3
    assert report["tables"]["order_list_quarantine"] == rows - 3
    assert report["peak_memory_mb"] < MAX_MEMORY_MB
    assert published.production()["order_list"] == before["order_list"]
