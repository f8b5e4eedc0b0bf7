"""From the text of cells to the typed columns of order lists, with every cell accounted for.

A whole column is read at once where it is plainly written; any other text is decided by the function of its type, once
per distinct text. Both are in ``numbers`` and ``dates``.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from transforms.order_lists.contract import OrderList
from transforms.order_lists.customers import date_order
from transforms.order_lists.dates import iso_dates, read_date
from transforms.order_lists.numbers import exact_amounts, read_amount, read_whole, rounded, whole_numbers
from transforms.order_lists.readings import EXACT, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Applied = tuple[str, str, int, Decimal]

__all__ = ["DTYPES", "ENTRY", "Cast", "cast_cells"]

ENTRY: Final = pl.Schema({"row": pl.UInt32, "letter": pl.String, "raw": pl.String, "reason": pl.String})
"""A cell that is not published, before its address is written out."""

DTYPES: Final = OrderList.create_empty().schema
"""The type of each published column."""


class Cast(NamedTuple):
    """The typed columns of a part, and what did not simply become a value.

    Attributes:
        values: One typed column per fed column, in the order given; as many rows as there was text.
        refused: ``row``, ``letter``, ``raw``, ``reason`` of every cell that goes to quarantine.
        applied: ``column``, ``rule``, ``cells``, ``amount`` of every named rule that changed what is published.
    """

    values: pl.DataFrame
    refused: pl.DataFrame
    applied: pl.DataFrame


class _Cell(NamedTuple):
    """A cell that is not plainly written: the position of its row among those given, and where it stands."""

    position: int
    row: int
    letter: str
    raw: str
    customer: str | None


def cast_cells(
    texts: pl.DataFrame,
    fed: Mapping[str, str],
    customers: pl.Series,
    *,
    date1904: bool = False,
    dtypes: Mapping[str, pl.DataType] = DTYPES,
) -> Cast:
    """Cast the cells of a part.

    Args:
        texts: ``row`` and one column of text per letter, blank cells null.
        fed: The published column that each letter feeds.
        customers: The customer name of each row, which may say how its dates are written.
        date1904: Whether the workbook counts its days from 1904-01-01.
        dtypes: The type of each column fed.

    Returns:
        The typed columns, the cells refused, and the rules applied.
    """
    # Columns keep their letters until the end: S, M and L are letters as well as sizes.
    letters = _by_dtype(fed, dtypes)
    exact = texts.select(_plainly_read(pl.col(found), dtype) for dtype, found in letters.items())
    values = exact.with_columns(
        rounded(pl.col(found), dtype.scale).cast(dtype, strict=False)
        for dtype, found in letters.items()
        if isinstance(dtype, pl.Decimal)
    )
    decided: list[pl.Series] = []
    refused: list[tuple[int, str, str, str]] = []
    applied = list(_roundings(exact, values, fed))
    for letter, cells in groupby(_odd_cells(texts, values, customers), attrgetter("letter")):
        odd, dtype = list(cells), values[letter].dtype
        readings = _readings(odd, _reader(dtype, date1904=date1904))
        found = pl.Series([reading.value for reading in readings], dtype=dtype)
        # A value decided one by one takes the place of the null that was left for it.
        decided.append(values[letter].scatter([cell.position for cell in odd], found))
        refused.extend(
            (*cell[1:4], reading.rule) for cell, reading in zip(odd, readings, strict=True) if reading.refused
        )
        applied.extend((fed[letter], reading.rule, 1, reading.amount) for reading in readings if reading.applied)
    return Cast(
        values.with_columns(decided).select(*fed).rename(fed),
        pl.DataFrame(refused, schema=ENTRY, orient="row"),
        _summed(applied),
    )


def _by_dtype(fed: Mapping[str, str], dtypes: Mapping[str, pl.DataType]) -> dict[pl.DataType, list[str]]:
    letters: dict[pl.DataType, list[str]] = {}
    for letter, name in fed.items():
        letters.setdefault(dtypes[name], []).append(letter)
    return letters


def _plainly_read(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read what is plainly written; amounts keep all their decimals."""
    match dtype:
        case pl.Date():
            return iso_dates(text)
        case pl.Int16() | pl.Int32():
            return whole_numbers(text, dtype)
        case pl.Decimal():
            return exact_amounts(text)
    return text


def _reader(dtype: pl.DataType, *, date1904: bool) -> Callable[[str, str | None], Reading]:
    """What decides about one text in a column of a type, given the customer of its row."""
    match dtype:
        case pl.Date():
            return lambda text, customer: read_date(text, date_order(customer), date1904=date1904)
        case pl.Decimal():
            return lambda text, _: read_amount(text, dtype.precision or 0, dtype.scale)
    return lambda text, _: read_whole(text, 16 if dtype == pl.Int16 else 32)


def _roundings(exact: pl.DataFrame, values: pl.DataFrame, fed: Mapping[str, str]) -> Iterator[Applied]:
    """How many amounts of each column lost decimals, and how much that was."""
    letters = [letter for letter, dtype in values.schema.items() if isinstance(dtype, pl.Decimal)]
    lost = exact.select((pl.col(letter) - values[letter]).alias(letter) for letter in letters)
    counts, sums = lost.select((pl.all() != 0).sum()), lost.select(pl.all().sum())
    return (
        (fed[letter], "rounded", cells, sums[letter].item()) for letter in letters if (cells := counts[letter].item())
    )


def _odd_cells(texts: pl.DataFrame, values: pl.DataFrame, customers: pl.Series) -> Iterator[_Cell]:
    """The cells that are not plainly written, column by column."""
    letters = [letter for letter in values.columns if values[letter].null_count() > texts[letter].null_count()]
    unread = texts.select(
        pl.int_range(pl.len()).alias("position"),
        "row",
        customers.alias("customer"),
        *(pl.when(pl.lit(values[letter]).is_null()).then(pl.col(letter)) for letter in letters),
    ).unpivot(index=["position", "row", "customer"], variable_name="letter", value_name="raw")
    return map(_Cell._make, unread.drop_nulls("raw").select(_Cell._fields).iter_rows())


def _readings(cells: Sequence[_Cell], read: Callable[[str, str | None], Reading]) -> list[Reading]:
    """Decide about each distinct text of each customer once."""
    decided = {asked: read(*asked) for asked in {(cell.raw, cell.customer) for cell in cells}}
    return [decided[cell.raw, cell.customer] for cell in cells]


def _summed(applied: Iterable[Applied]) -> pl.DataFrame:
    totals: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for column, rule, cells, amount in applied:
        counted, moved = totals.get((column, rule), (0, Decimal(0)))
        totals[column, rule] = counted + cells, EXACT.add(moved, amount)
    rows = [(*key, cells, f"{amount:f}") for key, (cells, amount) in totals.items()]
    schema = {"column": pl.String, "rule": pl.String, "cells": pl.UInt32, "amount": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
