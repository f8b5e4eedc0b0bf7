"""What the business makes of a line: written from its rules alone, one line at a time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.identities import CUSTOMER, canonical, folded
from benchmarks.oracle import ORDER_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Line = dict[str, str | None]

SOURCE, ORDER_TYPE, GROUP, ITEM = "SOURCE_CUSTOMER_NAME", "ORDER TYPE", "group_name", "item_name"
ORDER_TYPES = {"active": "RECEIVED", "cancelled": "CANCELLED"}
COLOUR_CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"
FILLED_DOWN, FROM_FILE, RENAMED, RETYPED = (
    "customer_filled_down",
    "customer_from_file",
    "canonical_customer",
    "order_type_renamed",
)


def said(written: Sequence[str | None]) -> list[str | None]:
    """Return for each row with an order number the customer in it, or the last one above it."""
    found: list[str | None] = []
    last: str | None = None
    for name in written:
        last = name or last
        found.append(last)
    return found


def file_customer(file: str) -> str:
    """Return whom a workbook is named for."""
    return canonical(file.partition(" ORDER LIST")[0])


def applied(values: pl.DataFrame, customers: Sequence[str | None], file: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the lines as they are published, and how many of them each rule changed.

    Args:
        values: The published lines as they are read, a column of texts for each column that has any.
        customers: What is said of each line's customer, in its row or above it.
        file: The workbook.
    """
    rules: Counter[str] = Counter()
    lines = [_line(line, customer, file, rules) for line, customer in zip(_lines(values), customers, strict=True)]
    made = {name: [line.get(name) for line in lines] for name in (CUSTOMER, SOURCE, ORDER_TYPE, GROUP, ITEM)}
    columns = [pl.Series(name, texts, dtype=pl.String) for name, texts in made.items()]
    return values.with_columns(columns), {rule: count for rule, count in sorted(rules.items()) if count}


def _lines(values: pl.DataFrame) -> Iterator[Line]:
    names = [name for name in values.columns if name in _USED]
    return values.select(names).iter_rows(named=True)


def _line(line: Line, customer: str | None, file: str, rules: Counter[str]) -> Line:
    written, type_ = line[CUSTOMER], line.get(ORDER_TYPE)
    name = canonical(customer) if customer else file_customer(file)
    new_type = ORDER_TYPES.get(folded(type_), type_)
    rules[FILLED_DOWN] += not written and bool(customer)
    rules[FROM_FILE] += not customer
    rules[RENAMED] += bool(written) and written != name
    rules[RETYPED] += type_ != new_type
    season = line.get("CUSTOMER SEASON") or line.get("AAG SEASON")
    item = (
        line.get("ALIAS/RELATED ITEM") or line.get("CUSTOMER STYLE"),
        line.get(COLOUR_CODE) or line.get("CUSTOMER COLOUR DESCRIPTION"),
        line[ORDER_NUMBER],
        line.get("PO NUMBER") or line.get("CUSTOMER ALT PO"),
    )
    return {
        CUSTOMER: name,
        SOURCE: written,
        ORDER_TYPE: new_type,
        GROUP: f"{name.strip()} {season.strip()}" if season else "check",
        ITEM: " ".join(part.strip() for part in item if part),
    }


_USED = {
    CUSTOMER,
    ORDER_NUMBER,
    ORDER_TYPE,
    COLOUR_CODE,
    "CUSTOMER SEASON",
    "AAG SEASON",
    "ALIAS/RELATED ITEM",
    "CUSTOMER STYLE",
    "CUSTOMER COLOUR DESCRIPTION",
    "PO NUMBER",
    "CUSTOMER ALT PO",
}
