"""Figures of rows are the same in any order and any batches, and differ when any value does."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from loaders.profiles import Profile, plain, profile, total

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "text": ["a", "", None, "é"],
        "price": [Decimal("1.10"), Decimal("-2.20"), None, Decimal("0.00")],
        "large": [Decimal(10**37), None, Decimal(-(10**37)), Decimal(1)],
        "ratio": [0.1, -0.0, float("nan"), None],
        "day": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(2000, 1, 1)],
        "yes": [True, False, None, True],
        "blob": [b"", b"\x00", None, b"a"],
        "big": [2**63 - 1, 2**63 - 1, -(2**63), None],
    },
    schema_overrides={"price": pl.Decimal(10, 2), "large": pl.Decimal(38, 0)},
)


def figures(frame: pl.DataFrame) -> Profile:
    return profile(plain(frame))


def test_the_order_of_rows_and_the_size_of_batches_change_nothing() -> None:
    whole = figures(ROWS)

    assert figures(ROWS.reverse()) == whole
    assert total(figures(piece) for piece in ROWS.iter_slices(1)) == whole
    assert total(figures(piece) for piece in [ROWS.tail(3), ROWS.clear(), ROWS.head(1)]) == whole


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("id", 0, 5),
        ("text", 1, None),
        ("text", 2, ""),
        ("text", 0, "A"),
        ("price", 0, Decimal("1.11")),
        ("large", 0, Decimal(10**37 + 1)),
        ("ratio", 1, 0.0),
        ("ratio", 2, None),
        ("ratio", 0, 0.1 + 2**-56),
        ("day", 0, dt.date(1, 1, 2)),
        ("yes", 1, None),
        ("blob", 0, b"\x00"),
        ("big", 0, 2**63 - 2),
    ],
)
def test_a_change_of_any_value_shows_in_its_column_and_no_other(column: str, row: int, value: object) -> None:
    values = [*ROWS[column][:row], value, *ROWS[column][row + 1 :]]
    changed = ROWS.with_columns(pl.Series(column, values, dtype=ROWS.schema[column]))

    assert figures(ROWS).differing(figures(changed)) == [column]


def test_two_values_that_trade_places_show_in_the_rows_though_in_no_column() -> None:
    traded = ROWS.with_columns(ROWS["id"].reverse())

    assert figures(traded).columns == figures(ROWS).columns
    assert figures(ROWS).differing(figures(traded)) == ROWS.columns


def test_a_lost_a_doubled_and_a_missing_row_show() -> None:
    for changed in (ROWS.head(3), pl.concat([ROWS, ROWS.head(1)]), ROWS.clear()):
        assert figures(ROWS).differing(figures(changed)) == ROWS.columns


def test_figures_are_exact_where_numbers_overflow() -> None:
    big = figures(ROWS).columns["big"]

    assert (big.nulls, big.total, big.low, big.high) == (1, 2**63 - 2, -(2**63), 2**63 - 1)


def test_no_rows_have_no_figures() -> None:
    assert figures(ROWS.clear()) == Profile() == total([])
