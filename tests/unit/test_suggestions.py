"""What is suggested for a name that nobody knows is what was meant, or nothing."""

import pytest

from pipelines.engine.suggestions import likely

BOOKS = [f"{name} ORDER LIST (M3).xlsx" for name in ("ALDER", "BIRCH WOOD", "NHOOD", "NORTHWOOD")]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nhood order list (m3).xlsx", "NHOOD"),
        ("copies/NHOOD.xlsx", "NHOOD"),
        ("BIRCHWOOD ORDER LIST (M3).xlsx", "BIRCH WOOD"),
        ("northwod ORDER LIST.xlsx", "NORTHWOOD"),
    ],
)
def test_a_misspelt_workbook_is_recognised_by_what_sets_its_name_apart(typed: str, meant: str) -> None:
    assert likely(typed, BOOKS) == f"{meant} ORDER LIST (M3).xlsx"


@pytest.mark.parametrize("typed", ["ZEBRA ORDER LIST (M3).xlsx", "ORDER LIST (M3).xlsx", "totals.xlsx"])
def test_the_workbook_of_another_customer_is_never_suggested(typed: str) -> None:
    assert likely(typed, BOOKS) == ""
