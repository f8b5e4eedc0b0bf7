"""What became of a workbook, in figures, for the report of a run."""

# No future import: the engine reads the annotations, which are the contract.
from collections import Counter
from collections.abc import Iterator
from typing import Final

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.business_rules import FILLING_RULES
from transforms.order_lists.columns import CUSTOMER, SOURCE_CUSTOMER
from transforms.order_lists.contract import (
    Accounting,
    AppliedRules,
    HeaderMapping,
    OrderListQuarantine,
    OrderSizes,
    Workbook,
)
from transforms.order_lists.customer_names import is_unlisted, likely_customer
from transforms.order_lists.customers import CUSTOMERS, canonical_name, folded_name, named_by_file
from transforms.order_lists.set_aside import ROW_RULES

__all__ = ["order_list_accounting"]

_Figure = tuple[str, str, int, str | None]

_HEADERS: Final = ("unmapped_header", "duplicate_header", "unknown_size")
"""These are told of even where nothing stands under them."""


@row_local
def order_list_accounting(  # noqa: PLR0917 (the tables that it reads)
    cells: pl.DataFrame,
    header_mapping: dy.DataFrame[HeaderMapping],
    workbook: dy.DataFrame[Workbook],
    order_rows: pl.DataFrame,
    order_list_quarantine: dy.DataFrame[OrderListQuarantine],
    order_list_rules: dy.DataFrame[AppliedRules],
    unknown_sizes: dy.DataFrame[OrderSizes],
) -> dy.DataFrame[Accounting]:
    """Count what became of the rows and cells of a workbook.

    =====================  ==================  =====================================================
    figure                 item                count
    =====================  ==================  =====================================================
    ``rows_read``                              rows of the sheet below its headers
    ``rows_published``                         order lines
    ``rows_set_aside``     the rule            rows in quarantine whole
    ``rows_blank``                             the rest
    ``cells_published``                        cells whose value is published
    ``cells_quarantined``  the reason          cells in quarantine
    ``cells_changed``      the rule            cells that a named rule nulled, rounded, read, renamed or filled
    ``unmapped_header``    the header          cells under it; ``note`` is the column it may have meant
    ``duplicate_header``   the header          cells under it; ``note`` says which column was used
    ``unknown_size``       the header          cells published as lines only; ``note`` is the size it may have meant
    ``other_customer``     the name            order lines of a customer whom the file is not named for
    ``unmapped_customer``  the name            lines or rows set aside of a customer whom nobody listed; ``note`` is
                                               the one it may have meant
    =====================  ==================  =====================================================

    The checks prove that these figures close.

    Args:
        cells: The raw cells of the workbook.
        header_mapping: What each letter feeds.
        workbook: The workbook.
        order_rows: The order lines made of it.
        order_list_quarantine: Its cells that are not published.
        order_list_rules: The named rules that changed what is published.
        unknown_sizes: What is ordered of sizes that have no column.

    Returns:
        One row per figure that is not 0.
    """
    file = workbook["file"][0]
    figures = [
        *_rows(cells.height, order_rows.height, order_list_quarantine),
        ("cells_published", "", _published(order_rows, order_list_rules, header_mapping) + unknown_sizes.height, None),
        *_kept_out(order_list_quarantine, order_list_rules),
        *_unmapped_headers(header_mapping, order_list_quarantine),
        *_duplicate_headers(header_mapping, order_list_quarantine, workbook["header_row"][0]),
        *_unknown_sizes(header_mapping, unknown_sizes),
        *_other_customers(order_rows, named_by_file(file)),
        *_unmapped_customers(order_rows, order_list_quarantine),
    ]
    rows = [(file, *figure) for figure in figures if figure[2] or figure[0] in _HEADERS]
    return Accounting.cast(pl.DataFrame(rows, schema=Accounting.create_empty().schema, orient="row"))


def _rows(read: int, published: int, quarantine: pl.DataFrame) -> Iterator[_Figure]:
    aside = quarantine.filter(pl.col("reason").is_in(ROW_RULES)).unique(["row", "reason"])
    yield "rows_read", "", read, None
    yield "rows_published", "", published, None
    yield from (("rows_set_aside", rule, count, None) for rule, count in _tally(aside["reason"]))
    # The check of the rows counts the blank ones by themselves, so the difference may be trusted here.
    yield "rows_blank", "", read - published - aside.height, None


def _published(order_rows: pl.DataFrame, rules: pl.DataFrame, header_mapping: pl.DataFrame) -> int:
    fed = set(header_mapping["column"].drop_nulls())
    filled = sum(rules.filter(pl.col("rule").is_in(FILLING_RULES))["cells"])
    values = sum(order_rows[name].count() for name in order_rows.columns if name in fed)
    return values - filled


def _kept_out(quarantine: pl.DataFrame, rules: pl.DataFrame) -> Iterator[_Figure]:
    yield from (("cells_quarantined", reason, count, None) for reason, count in _tally(quarantine["reason"]))
    for rule in sorted(set(rules["rule"])):
        yield "cells_changed", rule, sum(rules.filter(pl.col("rule") == rule)["cells"]), None


def _unmapped_headers(header_mapping: pl.DataFrame, quarantine: pl.DataFrame) -> Iterator[_Figure]:
    cells = dict(_tally(quarantine["cell"].str.extract(r"^([A-Z]+)")))
    unmapped = header_mapping.filter(pl.col("kind").is_null() & (pl.col("role") != "duplicate"))
    for letter, header, suggestion in unmapped.select("letter", "header", "suggestion").iter_rows():
        yield "unmapped_header", header or f"column {letter}", cells.get(letter, 0), suggestion


def _duplicate_headers(header_mapping: pl.DataFrame, quarantine: pl.DataFrame, row: int) -> Iterator[_Figure]:
    cells = dict(_tally(quarantine["cell"].str.extract(r"^([A-Z]+)")))
    fed = header_mapping.drop_nulls("kind").select("letter", "header", pl.coalesce("column", "header"))
    used = {column: (letter, header) for letter, header, column in fed.iter_rows()}
    duplicates = header_mapping.filter(pl.col("role") == "duplicate").select("letter", "header", "suggestion")
    for letter, header, column in duplicates.iter_rows():
        by, spelt = used[column]
        what = f"{letter}{row} repeats {by}{row}" if header == spelt else f"{letter}{row} means {spelt} of {by}{row}"
        yield "duplicate_header", header, cells.get(letter, 0), f"{what}; column {by} was used"


def _unknown_sizes(header_mapping: pl.DataFrame, unknown_sizes: pl.DataFrame) -> Iterator[_Figure]:
    cells = dict(_tally(unknown_sizes["size"]))
    unknown = header_mapping.filter(pl.col("role") == "unknown_size").select("header", "suggestion")
    return (("unknown_size", header, cells.get(header, 0), suggestion) for header, suggestion in unknown.iter_rows())


def _other_customers(order_rows: pl.DataFrame, expected: str) -> Iterator[_Figure]:
    for name, count in _tally(order_rows[SOURCE_CUSTOMER].drop_nulls()):
        if folded_name(name) in CUSTOMERS and folded_name(canonical_name(name)) != folded_name(expected):
            yield "other_customer", name, count, None


def _unmapped_customers(order_rows: pl.DataFrame, quarantine: pl.DataFrame) -> Iterator[_Figure]:
    aside = quarantine.filter((pl.col("reason") == "unmapped_customer") & (pl.col("column") == CUSTOMER))["raw"]
    for name, count in _tally(pl.concat([order_rows[CUSTOMER].filter(is_unlisted(order_rows[CUSTOMER])), aside])):
        yield "unmapped_customer", name, count, likely_customer(name)


def _tally(texts: pl.Series) -> list[tuple[str, int]]:
    return sorted(Counter(texts.to_list()).items())
