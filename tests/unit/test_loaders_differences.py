"""The second pass names rows and columns, and says what was sent and what is held."""

from __future__ import annotations

from decimal import Decimal

import dataframely as dy
import polars as pl

from loaders.ddl import layout
from loaders.differences import AT, explain


class Keyed(dy.Schema):
    """Rows with a key."""

    id = dy.Int32(primary_key=True)
    a = dy.String(nullable=True)
    b = dy.Decimal(10, 2, nullable=True)


class Keyless(dy.Schema):
    """Rows without one."""

    a = dy.String(nullable=True)


KEYED = pl.DataFrame(
    {"id": [1, 2, 3], "a": ["x", "y", None], "b": [Decimal("1.00"), None, Decimal("3.00")]},
    schema={"id": pl.Int32, "a": pl.String, "b": pl.Decimal(10, 2)},
)


def held(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as they are read back: with their place, and numerics as text."""
    places = pl.Series(AT, [f"(0,{i + 1})" for i in range(rows.height)], dtype=pl.String)
    return rows.with_columns(pl.col(pl.Decimal).cast(pl.String)).insert_column(0, places)


def said(sent: list[pl.DataFrame], rows: pl.DataFrame) -> str:
    return explain(layout("t", Keyed), sent, rows, ["b"])


def test_each_changed_column_is_named_with_its_keys() -> None:
    changed = KEYED.with_columns(a=pl.Series(["x", "z", ""]), b=pl.lit(Decimal("1.00"), pl.Decimal(10, 2)))

    message = said([KEYED], held(changed))

    assert 'table "t"' in message
    assert "column \"a\" differs in 2 row(s): id=2: sent 'y', held 'z', id=3: sent null, held ''" in message
    assert "column \"b\" differs in 2 row(s): id=2: sent null, held '1.00', id=3: sent '3.00', held '1.00'" in message


def test_lost_and_extra_rows_are_named() -> None:
    message = said([KEYED], held(KEYED.tail(2).with_columns(id=pl.Series([3, 4], dtype=pl.Int32))))

    assert "2 row(s) was sent and is missing: id=1, id=2" in message
    assert "1 row(s) is held and was not sent: id=4" in message


def test_a_column_that_a_part_does_not_have_counts_as_null() -> None:
    message = said([KEYED.select("id", "a")], held(KEYED))

    assert "column \"b\" differs in 2 row(s): id=1: sent null, held '1.00', id=3: sent null, held '3.00'" in message


def test_without_a_key_columns_and_places_are_named() -> None:
    rows = pl.DataFrame({"a": ["x", "x", "y"]})
    message = explain(layout("t", Keyless), [rows], held(rows.head(2).vstack(pl.DataFrame({"a": ["x"]}))), ["a"])

    assert 'figures differ in column "a"' in message
    assert "1 row(s) was sent and is missing" in message
    assert "1 row(s) is held and was not sent: at (0,3)" in message


def test_at_most_five_columns_are_spelled_out() -> None:
    wide = type("Wide", (dy.Schema,), {"id": dy.Int32(primary_key=True)} | {f"c{i}": dy.Int32() for i in range(8)})
    rows = pl.DataFrame({"id": [1]} | {f"c{i}": [1] for i in range(8)}).cast(pl.Int32)

    message = explain(layout("t", wide), [rows], held(rows.with_columns(pl.exclude("id") + 1)), [])

    assert message.count("differs in 1 row(s)") == 5
    assert "3 more columns differ" in message


def test_long_values_are_shortened() -> None:
    long = KEYED.with_columns(a=pl.lit("x" * 500))

    assert len(said([KEYED], held(long))) < 800
