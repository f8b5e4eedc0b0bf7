"""The sizes as a long table: what is ordered, of sizes with and without a column, and nothing else."""

import polars as pl
import pytest

from tests.unit.test_transforms_checks import cells_found, figures, with_tables
from tests.unit.test_transforms_order_list import published
from tests.unit.test_transforms_order_rows import HEADERS, Sheet, line, reasons
from transforms.order_lists import OrderListLines, order_list_lines, order_sizes, sizes_accounted
from transforms.order_lists.order_rows import OrderRows

SIZES = (*HEADERS[:8], "62", "3/4Y", *HEADERS[8:])


def sizes_of(sheet: Sheet) -> pl.DataFrame:
    made = sheet.made()
    return order_sizes(made.order_rows, made.unknown_sizes)


def lines_of(sheet: Sheet) -> pl.DataFrame:
    return order_list_lines(sizes_of(sheet), published(sheet).order_list_origin)  # type: ignore[arg-type]


def ordered(sheet: Sheet) -> list[tuple[int, str, int]]:
    rows = published(sheet).order_list_origin.select("record_uuid", "row")
    return sorted(lines_of(sheet).join(rows, on="record_uuid").select("row", "size", "quantity").rows())


def sized(**quantities: str) -> dict[str, str | None]:
    return line() | {{"y": "3/4Y"}.get(name, name.strip("_")): text for name, text in quantities.items()}


def test_each_size_of_which_anything_is_ordered_is_a_line() -> None:
    sheet = Sheet([sized(S="3", M="0"), sized(M="4.0"), sized(S="x", M="-2"), line()], headers=SIZES)
    assert ordered(sheet) == [(2, "S", 3), (3, "M", 4)]


def test_a_size_without_a_column_is_a_line_by_its_header() -> None:
    sheet = Sheet([sized(S="3", _62="4", y=" 5 ")], headers=SIZES)
    assert ordered(sheet) == [(2, "3/4Y", 5), (2, "62", 4), (2, "S", 3)]
    assert sheet.made().order_list_quarantine.is_empty()
    assert "62" not in sheet.made().order_rows.columns


def test_the_lines_hold_what_their_contract_says() -> None:
    OrderListLines.validate(lines_of(Sheet([sized(S="3", _62="4"), sized(S="3")], headers=SIZES)))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("0", "zero_quantity"),
        ("none", "null_word"),
        ("-6", "negative_quantity"),
        ("7.5", "not_whole"),
        ("ok", "not_a_number"),
        ("1e12", "out_of_range"),
        ("#N/A", "error_cell"),
    ],
)
def test_what_is_no_quantity_of_a_size_without_a_column_is_named(text: str, named: str) -> None:
    sheet = Sheet([sized(_62=text), sized(_62="5")], headers=SIZES)
    made = sheet.made()
    assert [*made.order_list_quarantine["reason"], *made.order_list_rules["rule"]] == [named]
    assert ordered(sheet) == [(3, "62", 5)]
    assert cells_found(sheet, made).is_empty()


def test_what_was_expected_of_a_size_without_a_column_is_said() -> None:
    entries = Sheet([sized(_62="-6", y="?")], headers=SIZES).made().order_list_quarantine
    assert entries.select("cell", "column", "raw", "expected").rows() == [
        ("I2", "62", "-6", "a quantity of 0 or more"),
        ("J2", "3/4Y", "?", "a whole number from -2147483648 to 2147483647"),
    ]


def test_cells_of_rows_set_aside_are_no_lines() -> None:
    sheet = Sheet([{"62": "9", "S": "9"}], headers=SIZES)
    assert ordered(sheet) == []
    assert reasons(sheet.made()) == [("G2", "keyless_row"), ("I2", "keyless_row")]


def test_of_two_sizes_with_one_header_the_first_is_published() -> None:
    sheet = Sheet([], headers=(*HEADERS[:8], "62", "62 ", *HEADERS[8:]))
    assert sheet.mapping["role"].to_list()[8:10] == ["unknown_size", "duplicate"]


def test_a_size_spelt_like_another_column_is_mixed_up_with_nothing() -> None:
    sheet = Sheet([line(NOTES="7")], headers=(*HEADERS[:8], "NOTES", *HEADERS[8:11], *HEADERS[12:]))
    assert ordered(sheet) == [(2, "NOTES", 7)]
    assert "NOTES" not in sheet.made().order_rows.columns
    assert cells_found(sheet, sheet.made()).is_empty()


def test_sizes_without_a_column_are_reported() -> None:
    told = figures(Sheet([sized(_62="4"), sized(_62="0")], headers=SIZES))
    assert told["unknown_size", "62"] == (1, None)
    assert told["unknown_size", "3/4Y"][0] == 0
    assert told["cells_changed", "zero_quantity"] == (1, None)


BOOK = Sheet([sized(S="3", M="2", _62="4"), sized(S="1", y="6"), line()], headers=SIZES)


def found(sizes: pl.DataFrame) -> set[str]:
    made = BOOK.made()
    return set(
        sizes_accounted(made.order_rows, sizes, made.unknown_sizes, BOOK.mapping, BOOK.workbook)["figure"]  # type: ignore[arg-type]
    )


def test_honest_sizes_are_accounted_for() -> None:
    assert found(sizes_of(BOOK)) == set()


@pytest.mark.parametrize("place", range(5))
def test_a_size_that_is_missing_is_found(place: int) -> None:
    assert "pieces" in found(sizes_of(BOOK).with_row_index().filter(pl.col("index") != place).drop("index"))


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        (pl.col("quantity") + 1, "pieces"),
        (pl.lit("XL").alias("size"), "pieces"),
        (pl.lit(9, pl.UInt32).alias("row"), "order lines with other pieces"),
        (pl.col("row").reverse(), "order lines with other pieces"),
    ],
)
def test_a_size_that_was_changed_is_found(change: pl.Expr, figure: str) -> None:
    assert figure in found(sizes_of(BOOK).with_columns(change))


def test_a_size_that_is_there_twice_is_found() -> None:
    sizes = sizes_of(BOOK)
    halves = sizes.head(1).with_columns(pl.lit(1, pl.Int32).alias("quantity"))
    rest = sizes.with_columns(pl.col("quantity") - (pl.int_range(pl.len()) == 0).cast(pl.Int32))
    assert found(pl.concat([rest, halves])) == {"order lines with a size"}


def test_a_size_of_nothing_is_found() -> None:
    sizes = sizes_of(BOOK)
    nothing = sizes.head(1).with_columns(pl.lit("L").alias("size"), pl.lit(0, pl.Int32).alias("quantity"))
    assert "sizes of which nothing is ordered" in found(pl.concat([sizes, nothing]))


def without_sizes(made: OrderRows) -> OrderRows:
    return with_tables(made, unknown_sizes=made.unknown_sizes.filter(pl.col("size") != "62"))


def test_a_size_without_a_column_that_is_swallowed_is_found() -> None:
    told = cells_found(BOOK, without_sizes(BOOK.made()))
    assert told.select("column", "figure").rows() == [("size 62", "cells"), ("size 62", "sum of numbers")]
