"""Whose each line is: the name in its row, or where that is blank the last one above it, under its canonical form."""

from __future__ import annotations

from collections import Counter, defaultdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

import polars as pl

from firn import SourceError
from transforms.order_lists.columns import CUSTOMER, ORDER_NUMBER
from transforms.order_lists.customers import CUSTOMERS, canonical_name, folded_name, named_by_file
from transforms.order_lists.readings import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["UnmappedCustomers", "customer_names", "is_unlisted", "likely_customer", "refuse_unlisted"]

UnmappedCustomers = Literal["fail", "keep", "quarantine"]


def customer_names(texts: pl.DataFrame, letters: Mapping[str, str], file: str) -> pl.DataFrame:
    """Name the customer of every row.

    A blank name is filled by the last one above it, by the order of the sheet, that stands in a row with an order
    number: the label of a totals row or a stray note is nobody's name. With none above, the customer is the one whom
    the file is named for. A name that nobody listed stands for itself.

    Args:
        texts: ``row`` and one column of text per letter, blank cells null.
        letters: The letter that feeds each published column.
        file: The workbook.

    Returns:
        Per row ``written``, the name in the cell; ``said``, the same or the one above it, null where there is none; and
        ``name``, never null.
    """
    written, number = pl.col(letters[CUSTOMER]), pl.col(letters[ORDER_NUMBER])
    names = texts.select(written=written, said=pl.when(number.is_not_null()).then(written).forward_fill())
    said = names["said"].drop_nulls().unique().to_list()
    canonical = [canonical_name(name) for name in said]
    return names.with_columns(
        name=pl.col("said")
        .replace_strict(said, canonical, default=None, return_dtype=pl.String)
        .fill_null(named_by_file(file))
    )


def is_unlisted(names: pl.Series) -> pl.Series:
    """Tell which of some names no customer is listed under."""
    return names.is_in([name for name in names.unique().to_list() if folded_name(name) not in CUSTOMERS])


def likely_customer(name: str) -> str | None:
    """Name the customer that an unlisted name may be a misspelling of."""
    close = get_close_matches(folded_name(name), CUSTOMERS, n=1, cutoff=0.8)
    return CUSTOMERS[close[0]].canonical if close else None


def refuse_unlisted(names: pl.Series, file: str) -> None:
    """Refuse a workbook with lines of customers who are not listed.

    Raises:
        SourceError: Names them all, with the lines to add.
    """
    counts = _counted(names.filter(is_unlisted(names)))
    if not counts:
        return
    told = ", ".join(f"{name!r} in {count:,} rows" for name, count in sorted(counts.items()))
    raise SourceError(
        f"{file} names customers that customers.toml does not list: {told}. Add to customers.toml:\n"
        f"{_lines_to_add(sorted(counts))}\nProduction is unchanged.",
        'Add these lines, or list a name among the aliases of its customer; or set unmapped_customers = "keep".',
    )


def _counted(names: pl.Series) -> dict[str, int]:
    """Count the lines of each customer, under the most frequent spelling of those that compare equal."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        counts[folded_name(name)][plain_text(name)] += 1
    return {spellings.most_common(1)[0][0]: spellings.total() for spellings in counts.values()}


def _lines_to_add(names: Iterable[str]) -> str:
    """Spell out the table of each customer, and whom it may be instead."""
    tables = []
    for name in names:
        likely = likely_customer(name)
        comment = f"   # or an alias of {likely}" if likely else ""
        tables.append(f"[[customers]]\ncanonical = {_quoted(name)}{comment}")
    return "\n".join(tables)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
