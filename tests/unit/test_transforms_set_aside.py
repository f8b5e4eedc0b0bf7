"""A row that is no order line is set aside by a named rule, with every cell of it in quarantine."""

from collections.abc import Mapping

import polars as pl
import pytest

from tests.unit.test_transforms_order_rows import HEADERS, Sheet, line, reasons
from transforms.order_lists.set_aside import PhantomRows

PHANTOM = {"AAG ORDER NUMBER": "ABC-00001"}


def rule(row: Mapping[str, str | None], *, phantom_rows: PhantomRows = "set_aside") -> str:
    """What becomes of a row: the rule that sets it aside, or nothing."""
    made = Sheet([row]).made(phantom_rows=phantom_rows)
    aside = made.order_list_quarantine.filter(pl.col("reason").str.ends_with("_row"))["reason"].unique().to_list()
    assert made.order_rows.height + len(aside) <= 1
    return aside[0] if aside else "published" if made.order_rows.height else "blank"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (line(), "published"),
        ({}, "blank"),
        ({"NOTES": " \u00a0"}, "blank"),
        ({"NOTES": "#N/A"}, "keyless_row"),
        (line(AAG_ORDER_NUMBER=None), "keyless_row"),
        (line(AAG_ORDER_NUMBER="\u00a0"), "keyless_row"),
        (line(AAG_ORDER_NUMBER="#N/A"), "keyless_row"),
        (line(AAG_ORDER_NUMBER="TOTAL"), "totals_row"),
        (line(AAG_ORDER_NUMBER="Grand Total :\u00a0"), "totals_row"),
        (line(AAG_ORDER_NUMBER="TOTAL-00001"), "published"),
        (PHANTOM | {"AAG ORDER NUMBER": "Total"}, "totals_row"),
        (PHANTOM, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "0"}, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "0.0"}, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "nan"}, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "five"}, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "1,234"}, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "#REF!"}, "phantom_row"),
        (PHANTOM | {"TOTAL QTY": "1"}, "published"),
        (PHANTOM | {"CUSTOMER STYLE": " "}, "phantom_row"),
        (PHANTOM | {"CUSTOMER STYLE": "none"}, "published"),
        (PHANTOM | {"CUSTOMER NAME": "EVASIO", "NOTES": "x", "S": "4"}, "phantom_row"),
        (PHANTOM | {"PO NUMBER": "P1"}, "published"),
        (PHANTOM | {"PO NUMBER": "#N/A"}, "phantom_row"),
        (line(PO_NUMBER="#N/A"), "bad_key_row"),
        (line(CUSTOMER_NAME="#N/A"), "bad_key_row"),
        (line(NOTES="#N/A"), "published"),
    ],
)
def test_every_row_is_published_blank_or_set_aside_by_one_rule(row: Mapping[str, str | None], expected: str) -> None:
    assert rule(row) == expected


def test_phantom_rows_are_published_where_the_pipeline_keeps_them() -> None:
    assert rule(PHANTOM, phantom_rows="keep") == "published"
    assert rule({"NOTES": "total"}, phantom_rows="keep") == "keyless_row"


def test_every_cell_of_a_row_set_aside_goes_to_quarantine_once_with_the_rows_reason() -> None:
    headers = (*HEADERS, "BUYER COMMENTS")
    row = {"NOTES": "total", "S": "12.5", "M": "#REF!", "CUSTOMER PRICE": "12%", "BUYER COMMENTS": "?"}
    made = Sheet([row], headers=headers).made()
    assert reasons(made) == [(cell, "keyless_row") for cell in ("G2", "H2", "L2", "M2", "Q2")]
    assert made.order_list_rules.height == 0


def test_set_aside_rows_do_not_count_as_rounded_or_nulled() -> None:
    made = Sheet([{"NOTES": "total", "CUSTOMER PRICE": "1.00005", "EX FACTORY DATE": "TBC"}]).made()
    assert made.order_list_rules.height == 0
