"""The checks find nothing in an honest run, and find every row, cell or number that is taken away."""

from decimal import Decimal

import polars as pl
import pytest

from tests.unit.test_transforms_order_rows import FORMULA, HEADERS, Sheet, line
from transforms.order_lists import cells_accounted, order_list_accounting, rows_accounted
from transforms.order_lists.order_rows import OrderRows

SHEET = Sheet(
    [
        line(NOTES="first", S="3", M="2.0") | {"CUSTOMER PRICE": "33.95", "EX FACTORY DATE": "2025-01-05"},
        line(NOTES="none", S="1.5", M="nan") | {"CUSTOMER PRICE": "1.000051", "EX FACTORY DATE": "25/12/2024"},
        line(NOTES="third ") | {"CUSTOMER PRICE": "5.55e-17", "EX FACTORY DATE": "45500", "US DUTY RATE": "12%"},
        line(NOTES="#N/A")
        | {"CUSTOMER PRICE": "1E+15", "EX FACTORY DATE": "TBC", "BUYER": "?", "INVOICE YEAR": "2025"},
        {"NOTES": "\u00a0"},
        {"NOTES": "TOTAL", "TOTAL QTY": "20", "CUSTOMER PRICE": "34.950051", "EX FACTORY DATE": "2025-01-05"},
        {"AAG ORDER NUMBER": "ABC-00001", "TOTAL QTY": "0", "DISCOUNT": "#REF!"},
        line(NOTES="same"),
        line(NOTES="same"),
    ],
    headers=(*HEADERS, "BUYER"),
)


def rows_found(sheet: Sheet, made: OrderRows) -> pl.DataFrame:
    return rows_accounted(sheet.cells, sheet.cell_errors, *made[:2], sheet.workbook)  # type: ignore[arg-type]


def cells_found(sheet: Sheet, made: OrderRows) -> pl.DataFrame:
    return cells_accounted(sheet.cells, sheet.cell_errors, sheet.mapping, *made, sheet.workbook)  # type: ignore[arg-type]


def with_tables(made: OrderRows, **tables: pl.DataFrame) -> OrderRows:
    return OrderRows(**(made._asdict() | tables))


def without_row(made: OrderRows, row: int) -> OrderRows:
    return with_tables(made, order_rows=made.order_rows.filter(pl.col("row") != row))


def without_cell(made: OrderRows, cell: str) -> OrderRows:
    return with_tables(made, order_list_quarantine=made.order_list_quarantine.filter(pl.col("cell") != cell))


def without_rule(made: OrderRows, rule: str) -> OrderRows:
    return with_tables(made, order_list_rules=made.order_list_rules.filter(pl.col("rule") != rule))


def with_values(made: OrderRows, **changes: pl.Expr) -> OrderRows:
    return with_tables(made, order_rows=made.order_rows.with_columns(**changes))


def test_an_honest_run_is_accounted_for() -> None:
    made = SHEET.made()
    assert rows_found(SHEET, made).is_empty()
    assert cells_found(SHEET, made).is_empty()


def test_an_empty_sheet_is_accounted_for() -> None:
    sheet = Sheet([])
    assert rows_found(sheet, sheet.made()).is_empty()
    assert cells_found(sheet, sheet.made()).is_empty()


def test_formulas_without_values_are_accounted_for_and_missed() -> None:
    rows = [line(NOTES=FORMULA, S="2") | {"BUYER": FORMULA}, line(S=FORMULA), {"TOTAL QTY": FORMULA}]
    sheet = Sheet(rows, headers=(*HEADERS, "BUYER"))
    made = sheet.made()
    assert rows_found(sheet, made).is_empty()
    assert cells_found(sheet, made).is_empty()
    for cell in made.order_list_quarantine.filter(pl.col("raw") == FORMULA)["cell"]:
        assert not cells_found(sheet, without_cell(made, cell)).is_empty()


def test_kept_phantom_rows_are_accounted_for() -> None:
    made = SHEET.made(phantom_rows="keep")
    assert rows_found(SHEET, made).is_empty()
    assert cells_found(SHEET, made).is_empty()


@pytest.mark.parametrize("row", [2, 3, 4, 5, 9, 10])
def test_a_dropped_row_is_found(row: int) -> None:
    tampered = without_row(SHEET.made(), row)
    assert rows_found(SHEET, tampered)["difference"].to_list() == ["-1"]
    assert not cells_found(SHEET, tampered).is_empty()


def test_a_row_published_twice_is_found() -> None:
    made = SHEET.made()
    tampered = with_tables(made, order_rows=pl.concat([made.order_rows, made.order_rows.head(1)]))
    assert "rows published once" in rows_found(SHEET, tampered)["figure"].to_list()
    assert not cells_found(SHEET, tampered).is_empty()


def test_a_row_dropped_and_another_doubled_is_found() -> None:
    made = without_row(SHEET.made(), 2)
    tampered = with_tables(made, order_rows=pl.concat([made.order_rows, made.order_rows.tail(1)]))
    assert not rows_found(SHEET, tampered).is_empty()


def test_a_row_out_of_nowhere_is_found() -> None:
    tampered = with_values(SHEET.made(), row=pl.col("row") + 100)
    assert "rows published that were not read" in rows_found(SHEET, tampered)["figure"].to_list()


def test_a_row_both_published_and_set_aside_is_found() -> None:
    made = SHEET.made()
    reasons = pl.when(pl.col("cell") == "G3").then(pl.lit("keyless_row")).otherwise("reason").alias("reason")
    tampered = with_tables(made, order_list_quarantine=made.order_list_quarantine.with_columns(reasons))
    assert "rows published and also set aside" in rows_found(SHEET, tampered)["figure"].to_list()


def test_a_row_set_aside_without_its_cells_is_found() -> None:
    made = SHEET.made()
    tampered = with_tables(made, order_list_quarantine=made.order_list_quarantine.filter(pl.col("row") != 7))
    assert rows_found(SHEET, tampered).select("figure", "expected", "found").row(0) == ("rows", "9", "8")


@pytest.mark.parametrize("cell", SHEET.made().order_list_quarantine["cell"].to_list())
def test_a_swallowed_quarantine_entry_is_found(cell: str) -> None:
    found = cells_found(SHEET, without_cell(SHEET.made(), cell))
    assert "cells" in found["figure"].to_list()


@pytest.mark.parametrize(
    ("rule", "figure"),
    [
        ("null_word", "cells"),
        ("placeholder_date", "cells"),
        ("rounded", "sum of numbers"),
        ("date_from_text", "sum of days"),
        ("date_from_serial", "sum of days"),
    ],
)
def test_a_rule_that_is_not_owned_up_to_is_found(rule: str, figure: str) -> None:
    assert cells_found(SHEET, without_rule(SHEET.made(), rule))["figure"].to_list() == [figure]


@pytest.mark.parametrize(
    ("column", "change", "figure"),
    [
        ("NOTES", pl.col("NOTES").str.strip_chars(), "texts that differ"),
        ("NOTES", pl.col("NOTES").reverse(), "texts that differ"),
        ("CUSTOMER STYLE", pl.lit("ST2"), "texts that differ"),
        ("S", pl.col("S") + 1, "sum of numbers"),
        ("S", pl.col("S").fill_null(0), "cells"),
        ("CUSTOMER PRICE", pl.col("CUSTOMER PRICE") + Decimal("0.0001"), "sum of numbers"),
        ("CUSTOMER PRICE", pl.lit(None, dtype=pl.Decimal(18, 4)), "cells"),
        ("EX FACTORY DATE", pl.col("EX FACTORY DATE").dt.offset_by("1d"), "sum of days"),
        ("INVOICE YEAR", pl.col("INVOICE YEAR") - 1, "sum of numbers"),
    ],
)
def test_a_changed_value_is_found(column: str, change: pl.Expr, figure: str) -> None:
    found = cells_found(SHEET, with_values(SHEET.made(), **{column: change}))
    assert set(found["column"]) == {column}
    assert figure in found["figure"].to_list()


def test_a_dropped_column_is_found() -> None:
    made = SHEET.made()
    found = cells_found(SHEET, with_tables(made, order_rows=made.order_rows.drop("NOTES")))
    assert found.select("column", "figure", "difference").rows() == [("NOTES", "cells", "-5")]


def test_what_is_found_says_by_how_much() -> None:
    found = cells_found(SHEET, with_values(SHEET.made(), S=pl.col("S") * 3))
    assert found.to_dicts() == [
        {
            "file": "EVASIO ORDER LIST (M3).xlsx",
            "column": "S",
            "figure": "sum of numbers",
            "expected": "4.5",
            "found": "10.5",
            "difference": "6.0",
        }
    ]


def figures(sheet: Sheet) -> dict[tuple[str, str], tuple[int, str | None]]:
    made = sheet.made()
    frame = order_list_accounting(sheet.cells, sheet.mapping, sheet.workbook, *made)  # type: ignore[arg-type]
    return {(figure, item): (count, note) for _, figure, item, count, note in frame.iter_rows()}


def test_the_accounting_says_what_became_of_every_row() -> None:
    found = {key: count for key, (count, _) in figures(SHEET).items() if key[0].startswith("rows")}
    assert found == {
        ("rows_read", ""): 9,
        ("rows_published", ""): 6,
        ("rows_set_aside", "keyless_row"): 1,
        ("rows_set_aside", "phantom_row"): 1,
        ("rows_blank", ""): 1,
    }


def test_the_accounting_counts_cells_by_reason_and_rule() -> None:
    found = figures(SHEET)
    assert found["cells_quarantined", "keyless_row"] == (4, None)
    assert found["cells_quarantined", "not_whole"] == (1, None)
    assert found["cells_changed", "rounded"] == (2, None)
    assert ("cells_changed", "blank") not in found


def test_the_accounting_names_headers_that_feed_nothing_and_what_they_may_mean() -> None:
    found = figures(Sheet([line() | {"NOTS": "x"}], headers=(*HEADERS, "NOTS", None)))
    assert found["unmapped_header", "NOTS"] == (1, "NOTES")
    assert found["unmapped_header", "column R"] == (0, None)


def test_the_accounting_says_which_of_two_equal_headers_was_used() -> None:
    sheet = Sheet([line() | {"NOTES": "x"}], headers=(*HEADERS, "NOTES"))
    count, note = figures(sheet)["duplicate_header", "NOTES"]
    assert (count, note) == (1, "Q1 repeats L1; column L was used")
    assert ("unmapped_header", "NOTES") not in figures(sheet)


def test_the_accounting_counts_lines_of_a_customer_whom_the_file_is_not_named_for() -> None:
    sheet = Sheet([line(), line(CUSTOMER_NAME="evasio "), line(CUSTOMER_NAME="LOIRE"), line(CUSTOMER_NAME=None)])
    others = {key[1]: count for key, (count, _) in figures(sheet).items() if key[0] == "other_customer"}
    assert others == {"LOIRE": 1}


@pytest.mark.parametrize(
    "text", ["1E99999", "-1e-99999", "9" * 400, "0." + "0" * 400 + "1", "1e999", "Infinity", "1_0"]
)
def test_numbers_beyond_all_measure_are_accounted_for(text: str) -> None:
    sheet = Sheet([line(S=text) | {"CUSTOMER PRICE": text}, line(S="4") | {"CUSTOMER PRICE": "0.00001"}])
    assert cells_found(sheet, sheet.made()).is_empty()


def test_the_sum_of_the_largest_amounts_is_exact() -> None:
    sheet = Sheet([line() | {"CUSTOMER PRICE": "99999999999999.9999"}] * 300)
    made = sheet.made()
    assert cells_found(sheet, made).is_empty()
    one_less = (
        pl.when(pl.col("row") == 2).then(pl.col("CUSTOMER PRICE") - Decimal("0.0001")).otherwise("CUSTOMER PRICE")
    )
    found = cells_found(sheet, with_values(made, **{"CUSTOMER PRICE": one_less.cast(pl.Decimal(18, 4))}))
    assert found["difference"].to_list() == ["-0.0001"]
