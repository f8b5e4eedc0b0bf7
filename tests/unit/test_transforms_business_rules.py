"""The rules of the business apply to production itself, by name, and the checks find every one that does not."""

import polars as pl
import pytest

from firn import SourceError
from tests.unit.test_transforms_checks import cells_found, figures, rows_found, with_values, without_rule
from tests.unit.test_transforms_order_rows import HEADERS, Sheet, line
from transforms.order_lists import rules_accounted
from transforms.order_lists.customer_names import refuse_unlisted
from transforms.order_lists.customers import folded_name, read_customers
from transforms.order_lists.order_rows import OrderRows

TYPED = (*HEADERS, "ORDER TYPE")
TEMPO = "TEMPO (AU)"


def rules_found(sheet: Sheet, made: OrderRows) -> list[tuple[str, str]]:
    found = rules_accounted(
        sheet.cells,
        sheet.mapping,  # type: ignore[arg-type]
        made.order_rows,
        made.order_list_rules,
        sheet.workbook,  # type: ignore[arg-type]
    )
    return found.select("column", "figure").rows()


def applied(made: OrderRows) -> dict[str, int]:
    return dict(made.order_list_rules.select("rule", "cells").iter_rows())


def customers(*rows: dict[str, str | None], file: str = "LOIRE ORDER LIST (M3).xlsx") -> tuple[list[str], OrderRows]:
    made = Sheet(rows, file=file).made()
    return made.order_rows["CUSTOMER NAME"].to_list(), made


def blank() -> dict[str, str | None]:
    return line(CUSTOMER_NAME="\u00a0")


def test_a_blank_customer_is_the_last_one_above_it_in_the_order_of_the_sheet() -> None:
    names, made = customers(line(CUSTOMER_NAME="EVASIO"), blank(), line(CUSTOMER_NAME=TEMPO), blank(), blank())
    assert names == ["EVASIO", "EVASIO", "TEMPO", "TEMPO", "TEMPO"]
    assert applied(made) == {"customer_filled_down": 3, "canonical_customer": 1}


def test_a_blank_customer_with_nobody_above_is_the_one_whom_the_file_is_named_for() -> None:
    names, made = customers(blank(), line(CUSTOMER_NAME="EVASIO"), file="eu/Echelon Own Label Order List (M3).xlsx")
    assert names == ["ECHELON", "EVASIO"]
    assert applied(made) == {"customer_from_file": 1}


@pytest.mark.parametrize("stray", ["TOTAL", "CHECK WITH BUYER"])
def test_the_label_of_a_row_without_an_order_number_fills_nothing(stray: str) -> None:
    names, _ = customers(line(), {"CUSTOMER NAME": stray}, blank())
    assert names == ["EVASIO", "EVASIO"]


def test_a_template_row_that_is_set_aside_says_whose_the_lines_below_are() -> None:
    names, _ = customers(line(), {"AAG ORDER NUMBER": "A-2", "CUSTOMER NAME": TEMPO}, blank())
    assert names == ["EVASIO", "TEMPO"]


def test_the_customer_is_published_as_canonical_and_as_written() -> None:
    made = Sheet([line(CUSTOMER_NAME=" tempo (au)\u00a0"), blank()]).made()
    assert made.order_rows.select("CUSTOMER NAME", "SOURCE_CUSTOMER_NAME").rows() == [
        ("TEMPO", " tempo (au)\u00a0"),
        ("TEMPO", None),
    ]


def test_a_header_called_like_the_written_customer_feeds_nothing() -> None:
    sheet = Sheet([line() | {"SOURCE_CUSTOMER_NAME": "x"}], headers=(*HEADERS, "SOURCE_CUSTOMER_NAME"))
    assert sheet.made().order_list_quarantine["reason"].to_list() == ["unknown_header"]


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("ACTIVE", "RECEIVED"),
        ("active\u00a0", "RECEIVED"),
        ("Cancelled", "CANCELLED"),
        ("CANCELLED", "CANCELLED"),
        ("RECEIVED ", "RECEIVED "),
        ("FORE", "FORE"),
        (None, None),
    ],
)
def test_order_types_are_renamed_and_counted(written: str | None, published: str | None) -> None:
    made = Sheet([line(ORDER_TYPE=written), line(ORDER_TYPE="x")], headers=TYPED).made()
    assert made.order_rows["ORDER TYPE"][0] == published
    assert applied(made) == ({"order_type_renamed": 1} if written != published else {})


@pytest.mark.parametrize(
    ("seasons", "group"),
    [
        ({"CUSTOMER SEASON": "SP25 ", "AAG SEASON": "2025 Q1"}, "TEMPO SP25"),
        ({"CUSTOMER SEASON": " ", "AAG SEASON": "2025 Q1"}, "TEMPO 2025 Q1"),
        ({}, "check"),
    ],
)
def test_a_group_is_the_customer_and_its_season(seasons: dict[str, str], group: str) -> None:
    sheet = Sheet([line(CUSTOMER_NAME=TEMPO) | seasons], headers=(*HEADERS, "CUSTOMER SEASON", "AAG SEASON"))
    assert sheet.made().order_rows["group_name"].to_list() == [group]


COLOUR_CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"
ITEM = {"ALIAS/RELATED ITEM": "A1", COLOUR_CODE: "07", "PO NUMBER": "P1\u00a0"}
OTHERS = {"CUSTOMER COLOUR DESCRIPTION": "RED", "CUSTOMER ALT PO": "ALT 1"}


@pytest.mark.parametrize(
    ("values", "item"),
    [
        (ITEM | OTHERS, "A1 07 ABC-12345 P1"),
        (OTHERS, "ST1 RED ABC-12345 ALT 1"),
        ({}, "ST1 ABC-12345"),
    ],
)
def test_an_item_is_style_colour_order_number_and_purchase_order(values: dict[str, str], item: str) -> None:
    headers = (*HEADERS, *ITEM, *OTHERS)
    assert Sheet([line() | values], headers=tuple(dict.fromkeys(headers))).made().order_rows["item_name"][0] == item


STRANGERS = Sheet(
    [line(), line(CUSTOMER_NAME="NEW ONE"), blank(), line(CUSTOMER_NAME="EVASIOO"), {"CUSTOMER NAME": "TOTAL"}]
)


def test_lines_of_unlisted_customers_are_kept_and_reported() -> None:
    made = STRANGERS.made()
    assert made.order_rows["CUSTOMER NAME"].to_list() == ["EVASIO", "NEW ONE", "NEW ONE", "EVASIOO"]
    told = {key[1]: found for key, found in figures(STRANGERS).items() if key[0] == "unmapped_customer"}
    assert told == {"NEW ONE": (2, None), "EVASIOO": (1, "EVASIO")}


def test_lines_of_unlisted_customers_are_set_aside_by_name_where_that_is_the_policy() -> None:
    made = STRANGERS.made(unmapped_customers="quarantine")
    assert made.order_rows["CUSTOMER NAME"].to_list() == ["EVASIO"]
    aside = made.order_list_quarantine.filter(pl.col("reason") == "unmapped_customer")
    assert aside["row"].unique().sort().to_list() == [3, 4, 5]
    assert rows_found(STRANGERS, made).is_empty()
    assert cells_found(STRANGERS, made).is_empty()


def test_a_workbook_with_unlisted_customers_is_refused_with_the_lines_to_add_where_that_is_the_policy() -> None:
    with pytest.raises(SourceError) as caught:
        STRANGERS.made(unmapped_customers="fail")
    assert caught.value.message == (
        "EVASIO ORDER LIST (M3).xlsx names customers that customers.toml does not list: 'EVASIOO' in 1 rows, 'NEW ONE' "
        "in 2 rows. Add to customers.toml:\n"
        '[[customers]]\ncanonical = "EVASIOO"   # or an alias of EVASIO\n[[customers]]\ncanonical = "NEW ONE"\n'
        "Production is unchanged."
    )


def test_the_lines_to_add_are_read_as_customers_who_are_then_listed() -> None:
    names = ["PILOTS OF THE NORTH", "PILOTS OF THE NORTH ", "Pilots of the North\u00a0", 'THE "N" \\ ONE', "EVASIOO"]
    with pytest.raises(SourceError) as caught:
        refuse_unlisted(pl.Series(names), "a.xlsx")
    assert "'PILOTS OF THE NORTH' in 3 rows" in caught.value.message
    lines = caught.value.message.partition("Add to customers.toml:\n")[2].removesuffix("\nProduction is unchanged.")
    listed = read_customers(lines, "customers.toml")
    assert {folded_name(name) for name in names} == {*listed}


def test_listed_customers_are_refused_by_no_policy() -> None:
    refuse_unlisted(pl.Series(["EVASIO", " tempo (au)"]), "a")
    assert Sheet([line()]).made(unmapped_customers="fail").order_rows.height == 1


RULED = Sheet(
    [
        blank(),
        line(CUSTOMER_NAME=TEMPO, ORDER_TYPE="ACTIVE"),
        blank() | {"ORDER TYPE": "x"},
        line(CUSTOMER_NAME="TEMPO", ORDER_TYPE="Cancelled"),
        {"AAG ORDER NUMBER": "A-2", "CUSTOMER NAME": "LOIRE"},
        blank(),
    ],
    headers=TYPED,
)


def test_an_honest_run_keeps_its_rules() -> None:
    for phantom_rows in ("keep", "set_aside"):
        made = RULED.made(phantom_rows=phantom_rows)  # type: ignore[arg-type]
        assert rules_found(RULED, made) == []
        assert cells_found(RULED, made).is_empty()


@pytest.mark.parametrize(
    ("rule", "column", "figure"),
    [
        ("customer_filled_down", "CUSTOMER NAME", "customers filled down"),
        ("customer_from_file", "CUSTOMER NAME", "customers named by the file"),
        ("canonical_customer", "CUSTOMER NAME", "customers under another name"),
        ("order_type_renamed", "ORDER TYPE", "order types renamed"),
    ],
)
def test_a_rule_that_is_not_owned_up_to_is_found(rule: str, column: str, figure: str) -> None:
    assert rules_found(RULED, without_rule(RULED.made(), rule)) == [(column, figure)]


OTHER = pl.lit("ANOTHER")


@pytest.mark.parametrize(
    ("column", "change", "figure"),
    [
        (
            "CUSTOMER NAME",
            pl.when(pl.col("row") == 4).then(OTHER).otherwise("CUSTOMER NAME"),
            "customers not those above",
        ),
        (
            "CUSTOMER NAME",
            pl.when(pl.col("row") == 3).then(OTHER).otherwise("CUSTOMER NAME"),
            "customers not those above",
        ),
        ("CUSTOMER NAME", pl.when(pl.col("row") > 2).then("CUSTOMER NAME"), "lines without a customer"),
        ("ORDER TYPE", pl.lit("RECEIVED"), "order types renamed"),
        ("group_name", pl.lit("check "), "labels that differ"),
        ("item_name", pl.col("item_name").reverse(), "labels that differ"),
    ],
)
def test_a_value_that_is_not_made_as_its_rule_says_is_found(column: str, change: pl.Expr, figure: str) -> None:
    sheet = Sheet([*RULED.rows, line(CUSTOMER_STYLE="ST2")], headers=TYPED)
    assert (column, figure) in rules_found(sheet, with_values(sheet.made(), **{column: change}))


def test_a_written_customer_that_was_changed_is_found() -> None:
    tampered = with_values(RULED.made(), SOURCE_CUSTOMER_NAME=pl.lit("TEMPO"))
    assert "texts that differ" in cells_found(RULED, tampered)["figure"].to_list()
