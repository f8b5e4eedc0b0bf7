"""The list is found by the name of its sheet and by its headers, never by its position."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.xlsx_writer import Sheet, raw_workbook
from firn import SourceChanged, SourceError
from sources import Workbooks
from sources.xlsx.sheet_choice import Expected, normalise_header

if TYPE_CHECKING:
    from pathlib import Path

KEY = "AAG ORDER NUMBER"
KNOWN = ("CUSTOMER NAME", "PO NUMBER", "NOTES", "30", "32")
ORDERS = [[KEY, "CUSTOMER NAME", "PO NUMBER"], ["K-1", "CEDAR GOLF", 5]]
NOTES = [["Ask the planner"], ["CUSTOMER NAME", "PO NUMBER", "NOTES"]]


def chosen(
    folder: Path, *sheets: Sheet, required: tuple[str, ...] = (KEY,), expected: Expected | None = None
) -> dict[str, Any]:
    """The table ``workbook`` of a workbook with these sheets, of which something may be known."""
    raw_workbook(folder / "a.xlsx", sheets)
    known = {"a.xlsx": expected} if expected else {}
    tables = Workbooks(
        folder=folder,
        headers=frozenset(KNOWN),
        required=required,
        expected=lambda part: known.get(part, Expected()),
    ).tables()
    return next(t for t in tables if t.name == "workbook").frame.collect().row(0, named=True)


def test_the_sheet_of_the_wanted_name_is_chosen_wherever_it_is(tmp_path: Path) -> None:
    found = chosen(tmp_path, Sheet("COPY", [[*ORDERS[0], "NOTES"], *ORDERS[1:]]), Sheet("MASTER", ORDERS))
    assert (found["sheet"], found["sheet_reason"], found["other_sheets"]) == ("MASTER", "it is named MASTER", ["COPY"])


def test_the_exact_name_goes_before_one_that_differs_in_case(tmp_path: Path) -> None:
    assert chosen(tmp_path, Sheet("Master", ORDERS), Sheet("MASTER", ORDERS))["sheet"] == "MASTER"


def test_a_name_may_differ_in_case_and_spaces(tmp_path: Path) -> None:
    found = chosen(tmp_path, Sheet("COPY", ORDERS), Sheet(" Master\xa0", ORDERS))
    assert found["sheet"] == " Master\xa0"
    assert "but for case and spaces" in found["sheet_reason"]


def test_a_named_sheet_that_does_not_fit_is_passed_over(tmp_path: Path) -> None:
    found = chosen(tmp_path, Sheet("MASTER", NOTES), Sheet("Sheet1", ORDERS))
    assert found["sheet"] == "Sheet1"
    assert (
        found["sheet_reason"]
        == "no fitting sheet is named MASTER; it has 3 known headers, and no other visible sheet fits"
    )


def test_without_the_name_the_sheet_with_the_most_known_headers_is_chosen(tmp_path: Path) -> None:
    found = chosen(
        tmp_path, Sheet("SMALL", [[KEY, "PO NUMBER"], ["K-1"]]), Sheet("NOTES", NOTES), Sheet("LARGE", ORDERS)
    )
    assert found["sheet"] == "LARGE"
    assert "it has 3 known headers, the others fewer (SMALL 2)" in found["sheet_reason"]


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_never_chosen_for_its_headers(tmp_path: Path, state: str) -> None:
    best = Sheet("OLD", [[KEY, *KNOWN]], state=state)
    assert chosen(tmp_path, best, Sheet("ORDERS", ORDERS))["sheet"] == "ORDERS"
    with pytest.raises(SourceError, match="hidden sheets were not looked at: OLD"):
        chosen(tmp_path, best, Sheet("NOTES", NOTES))


def test_a_hidden_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    assert chosen(tmp_path, Sheet("MASTER", ORDERS, state="hidden"), Sheet("NOTES", NOTES))["sheet"] == "MASTER"


def test_two_sheets_that_fit_equally_well_are_both_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the sheets ONE and TWO fit equally well") as caught:
        chosen(tmp_path, Sheet("ONE", ORDERS), Sheet("TWO", ORDERS), Sheet("NOTES", NOTES))
    assert "Production is unchanged." in caught.value.message
    assert caught.value.hint == "Rename the right sheet to MASTER and save the workbook."


def test_a_missing_key_column_is_told_per_sheet_with_what_it_may_be(tmp_path: Path) -> None:
    wrong = [["Orders"], ["AAG ORDER NO", *KNOWN[:2]], ["K-1", "CEDAR GOLF"]]
    with pytest.raises(SourceChanged) as caught:
        chosen(tmp_path, Sheet("MASTER", wrong), Sheet("NOTES", NOTES), Sheet("EMPTY", []))
    assert caught.value.message == (
        "a.xlsx cannot be read: no sheet has a row with the headers AAG ORDER NUMBER:\n"
        "  sheet MASTER, best row 2 with 2 known headers: AAG ORDER NUMBER is missing "
        "(is it 'AAG ORDER NO'?)\n"
        "  sheet NOTES, best row 2 with 3 known headers: AAG ORDER NUMBER is missing\n"
        "  sheet EMPTY is empty\n"
        "Production is unchanged."
    )
    assert "exactly as it is named above" in caught.value.hint


def test_headers_may_stand_below_titles(tmp_path: Path) -> None:
    titles: list[list[Any]] = [["ORDER LIST 2025"], [], ["PO NUMBER", "30"], *([f"note {n}"] for n in range(40))]
    found = chosen(tmp_path, Sheet("MASTER", [*titles, *ORDERS]))
    assert (found["header_row"], found["last_row"], found["filled_cells"]) == (44, 45, 3)


def test_headers_below_the_first_fifty_rows_are_not_found(tmp_path: Path) -> None:
    with pytest.raises(SourceChanged, match="AAG ORDER NUMBER is missing"):
        chosen(tmp_path, Sheet("MASTER", [*([f"note {n}"] for n in range(50)), *ORDERS]))


def test_of_equal_rows_the_first_has_the_headers(tmp_path: Path) -> None:
    assert chosen(tmp_path, Sheet("MASTER", [ORDERS[0], *ORDERS]))["header_row"] == 1


def test_required_headers_count_more_than_known_ones(tmp_path: Path) -> None:
    rows = [["CUSTOMER NAME", "PO NUMBER", "NOTES", 30, 32], [KEY, "PO NUMBER"], ["K-1"]]
    assert chosen(tmp_path, Sheet("MASTER", rows))["header_row"] == 2


def test_a_row_that_mentions_the_key_above_the_headers_is_not_taken_for_them(tmp_path: Path) -> None:
    legend = [["AAG ORDER NUMBER", "one per line"], [], *ORDERS]
    assert chosen(tmp_path, Sheet("MASTER", legend))["header_row"] == 3


def test_headers_are_compared_without_case_and_with_white_space_collapsed(tmp_path: Path) -> None:
    assert chosen(tmp_path, Sheet("MASTER", [[" aag  Order\nNUMBER\xa0", "PO NUMBER"], ["K-1"]]))["header_row"] == 1


def test_without_required_headers_a_sheet_without_known_ones_does_not_fit(tmp_path: Path) -> None:
    assert chosen(tmp_path, Sheet("OTHER", [["x"]]), Sheet("ORDERS", ORDERS), required=())["sheet"] == "ORDERS"
    with pytest.raises(SourceChanged, match="none of its headers is known"):
        chosen(tmp_path, Sheet("OTHER", [["x"]]), required=())


@pytest.mark.parametrize(
    ("header", "normal"),
    [(" A  B ", "A B"), ("A\r\nB", "A B"), ("A\xa0\tB", "A B"), ("\u2003", ""), ("A_B", "A_B"), ("∆", "∆")],
)
def test_white_space_in_headers(header: str, normal: str) -> None:
    assert normalise_header(header) == normal
    assert re.sub(r"\s", "", header) == normal.replace(" ", "")


SIZES = ["30", "32", "NOTES"]


def headers_read(folder: Path, *rows: list[str | int | None]) -> tuple[list[str | None], int]:
    """The headers of a sheet with these rows, and the row they were found in."""
    raw_workbook(folder / "a.xlsx", [Sheet("MASTER", rows)])
    tables = Workbooks(folder=folder, headers=frozenset(KNOWN), required=(KEY,)).tables()
    found = next(t for t in tables if t.name == "headers").frame.collect()
    return found["header"].to_list(), found["row"][0]


def test_a_second_row_with_the_names_of_a_group_belongs_to_the_headers(tmp_path: Path) -> None:
    found = headers_read(tmp_path, [KEY, "SIZES", None, None], [None, *SIZES], ["K-1", 1, 2, "x"])
    assert found == ([KEY, *SIZES], 2)


def test_names_cut_in_two_are_joined(tmp_path: Path) -> None:
    upper, lower = ["AAG ORDER", "CUSTOMER", "PO"], ["NUMBER", "NAME", "NUMBER"]
    found = headers_read(tmp_path, ["SPRING"], upper, lower, ["K-1", "CEDAR GOLF", 5])
    assert found == (["AAG ORDER NUMBER", "CUSTOMER NAME", "PO NUMBER"], 3)


def test_an_order_below_the_headers_is_no_header(tmp_path: Path) -> None:
    found = headers_read(tmp_path, [KEY, "3/4Y", "5/6Y"], ["K-1", "30", "32"])
    assert found == ([KEY, "3/4Y", "5/6Y"], 1)


def test_a_single_value_below_unknown_headers_is_no_header(tmp_path: Path) -> None:
    found = headers_read(tmp_path, [KEY, "3/4Y"], [None, "30"], ["K-1", 4])
    assert found == ([KEY, "3/4Y"], 1)


def test_the_sheet_that_a_workbook_is_known_by_goes_before_the_usual_name(tmp_path: Path) -> None:
    sheets = Sheet("MASTER", [[*ORDERS[0], "NOTES"], *ORDERS[1:]]), Sheet("ORDERS", ORDERS)
    assert chosen(tmp_path, *sheets, expected=Expected(sheet="ORDERS"))["sheet"] == "ORDERS"


def test_no_other_sheet_stands_in_for_the_one_that_a_workbook_is_known_by(tmp_path: Path) -> None:
    with pytest.raises(SourceChanged, match="there is no sheet ORDERS, the only one that may be the list"):
        chosen(tmp_path, Sheet("MASTER", ORDERS), expected=Expected(sheet="ORDERS"))


def test_the_row_that_a_workbook_is_known_by_has_its_headers(tmp_path: Path) -> None:
    sheet = Sheet("MASTER", [[*ORDERS[0], "NOTES"], ["K-0"], *ORDERS])
    assert chosen(tmp_path, sheet)["header_row"] == 1
    assert chosen(tmp_path, sheet, expected=Expected(header_row=3))["header_row"] == 3
    with pytest.raises(SourceChanged, match="best row 2"):
        chosen(tmp_path, sheet, expected=Expected(header_row=2))
    with pytest.raises(SourceChanged, match="sheet MASTER has nothing in row 9, where its headers should be"):
        chosen(tmp_path, sheet, expected=Expected(header_row=9))


def test_a_required_header_may_be_spelt_as_the_workbook_is_known_to_spell_it(tmp_path: Path) -> None:
    sheet = Sheet("MASTER", [["Our\n No.", "PO NUMBER"], ["K-1", 5]])
    with pytest.raises(SourceChanged):
        chosen(tmp_path, sheet)
    assert chosen(tmp_path, sheet, expected=Expected(headers=(("our no.", KEY),)))["header_row"] == 1
