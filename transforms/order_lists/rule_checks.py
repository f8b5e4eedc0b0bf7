"""What must hold of the values that no cell spells out: each is made as its rule says, and counted by its rule.

Like the other checks, this one starts from the raw text of the cells and uses none of the code that it checks.
"""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Iterator
from typing import Final

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.checks import Figure, unaccounted
from transforms.order_lists.contract import AppliedRules, HeaderMapping, Unaccounted, Workbook

__all__ = ["rules_accounted"]

_NUMBER, _NAME, _WRITTEN, _TYPE = "AAG ORDER NUMBER", "CUSTOMER NAME", "SOURCE_CUSTOMER_NAME", "ORDER TYPE"
_TYPES: Final = {("active", "RECEIVED"), ("cancelled", "CANCELLED")}
_COLOUR_CODE: Final = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"


@row_local
def rules_accounted(
    cells: pl.DataFrame,
    header_mapping: dy.DataFrame[HeaderMapping],
    order_rows: pl.DataFrame,
    order_list_rules: dy.DataFrame[AppliedRules],
    workbook: dy.DataFrame[Workbook],
) -> dy.DataFrame[Unaccounted]:
    """Check the customers, order types, groups and items of the order lines, and how many of them rules changed.

    Args:
        cells: The raw cells of a workbook.
        header_mapping: What each letter feeds.
        order_rows: The order lines made of it.
        order_list_rules: The named rules that changed what is published.
        workbook: The workbook.

    Returns:
        The figures that do not close; none when all is well.
    """
    letters = dict(header_mapping.drop_nulls("column").select("column", "letter").iter_rows())
    counted = {(column, rule): found for _, column, rule, found, _ in order_list_rules.iter_rows()}
    customers = _customers(cells, letters[_NUMBER], letters[_NAME], order_rows)
    figures = [
        *_names(customers, counted),
        *_types(cells, letters, order_rows, counted),
        *_labels(order_rows),
    ]
    return unaccounted(figures, workbook)


def _customers(cells: pl.DataFrame, number: str, name: str, order_rows: pl.DataFrame) -> pl.DataFrame:
    """Of each line the published and the written name, and the last one written above it beside an order number."""
    numbered = cells.select("row", *_filled(number, name)).drop_nulls(number)
    above = numbered.select("row", above=pl.col(name).forward_fill())
    return order_rows.select("row", written=_WRITTEN, name=_NAME).join(above, on="row", how="left")


def _filled(*letters: str) -> Iterator[pl.Expr]:
    return (pl.when(pl.col(letter).str.strip_chars() != "").then(letter).alias(letter) for letter in letters)


def _names(customers: pl.DataFrame, counted: dict[tuple[str, str], int]) -> Iterator[Figure]:
    meant = customers.unique(["written", "name"]).drop_nulls("written")
    filled = customers.filter(pl.col("written").is_null())
    by_file = filled.filter(pl.col("above").is_null())["name"]
    # A name that stands in no published line, only in a row set aside above, may mean anybody.
    down = filled.join(meant.select(above="written", meaning="name"), on="above")
    figures = {
        "lines without a customer": (0, customers["name"].null_count()),
        "names with two meanings": (0, meant.height - meant["written"].n_unique()),
        "customers for whom a file is named": (min(len(by_file), 1), by_file.n_unique()),
        "customers not those above": (0, int((down["name"] != down["meaning"]).sum())),
        "customers filled down": (counted.get((_NAME, "customer_filled_down"), 0), filled.height - len(by_file)),
        "customers named by the file": (counted.get((_NAME, "customer_from_file"), 0), len(by_file)),
        "customers under another name": (
            counted.get((_NAME, "canonical_customer"), 0),
            int((customers["written"] != customers["name"]).sum()),
        ),
    }
    return (Figure(_NAME, figure, *sides) for figure, sides in figures.items())


def _types(
    cells: pl.DataFrame, letters: dict[str, str], order_rows: pl.DataFrame, counted: dict[tuple[str, str], int]
) -> Iterator[Figure]:
    if _TYPE not in order_rows.columns:
        return
    written = cells.select("row", written=letters[_TYPE])
    changed = order_rows.select("row", type=_TYPE).join(written, on="row").filter(pl.col("written") != pl.col("type"))
    pairs = changed.group_by("written", "type").len().iter_rows()
    misnamed = sum(lines for written, type_, lines in pairs if (" ".join(written.split()).lower(), type_) not in _TYPES)
    yield Figure(_TYPE, "order types renamed", counted.get((_TYPE, "order_type_renamed"), 0), changed.height)
    yield Figure(_TYPE, "order types that no rule makes", 0, misnamed)


def _labels(order_rows: pl.DataFrame) -> Iterator[Figure]:
    """Compare the group and the item of each line with what its own columns say."""
    text = {name: _stripped(name, order_rows) for name in _LABELLED}
    item = [
        text["ALIAS/RELATED ITEM"].fill_null(text["CUSTOMER STYLE"]),
        text[_COLOUR_CODE].fill_null(text["CUSTOMER COLOUR DESCRIPTION"]),
        text[_NUMBER],
        text["PO NUMBER"].fill_null(text["CUSTOMER ALT PO"]),
    ]
    season = text["CUSTOMER SEASON"].fill_null(text["AAG SEASON"])
    differ = order_rows.select(
        group_name=pl.col("group_name").ne_missing(
            pl.when(season.is_null()).then(pl.lit("check")).otherwise(pl.format("{} {}", text[_NAME], season))
        ),
        item_name=pl.col("item_name").ne_missing(pl.concat_list(item).list.drop_nulls().list.join(" ")),
    ).sum()
    return (Figure(name, "labels that differ", 0, differ[name][0] or 0) for name in differ.columns)


_LABELLED: Final = (
    *(_NUMBER, _NAME, "PO NUMBER", "CUSTOMER ALT PO", "CUSTOMER SEASON", "AAG SEASON", "ALIAS/RELATED ITEM"),
    *("CUSTOMER STYLE", _COLOUR_CODE, "CUSTOMER COLOUR DESCRIPTION"),
)


def _stripped(name: str, order_rows: pl.DataFrame) -> pl.Expr:
    return pl.col(name).str.strip_chars() if name in order_rows.columns else pl.lit(None, dtype=pl.String)
