"""The hash of a row is the server's own, for every type; where it says that rows are equal, nothing is read back."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from test_loaders_conformance import SHOPS, Note, Sale, sold
from test_postgres_servers import Target, fresh, newest, staged, target

from firn import Dataset, LoadError, Run
from loaders import hashes, readback
from loaders.ddl import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["fresh", "newest", "target"]

COLUMNS = [
    Column(name, dtype, declared, nullable=True)
    for name, dtype, declared in (
        ("yes", pl.Boolean(), "boolean"),
        ("i2", pl.Int16(), "smallint"),
        ("i4", pl.Int32(), "integer"),
        ("i8", pl.Int64(), "bigint"),
        ("f4", pl.Float32(), "real"),
        ("f8", pl.Float64(), "double precision"),
        ("money", pl.Decimal(18, 2), "numeric(18,2)"),
        ("text", pl.String(), "text"),
        ("blob", pl.Binary(), "bytea"),
        ("day", pl.Date(), "date"),
        ("local", pl.Datetime("us"), "timestamp without time zone"),
        ("moment", pl.Datetime("us", "UTC"), "timestamp with time zone"),
        ("length", pl.Duration("us"), "interval"),
    )
]
_MOMENTS = [dt.datetime.fromisoformat(text) for text in ("2000-01-01", "0001-01-01", "9999-12-31 23:59:59.999999")]
EXTREMES: dict[str, list[Any]] = {
    "yes": [None, False, True, True],
    "i2": [None, 0, -(2**15), 2**15 - 1],
    "i4": [None, 0, -(2**31), 2**31 - 1],
    "i8": [None, 0, -(2**63), 2**63 - 1],
    "f4": [None, 0.0, -0.0, float("inf")],
    "f8": [None, 0.0, -0.0, float("-inf")],
    "money": [None, Decimal(0), Decimal("-9999999999999999.99"), Decimal("9999999999999999.99")],
    "text": [None, "", "\u00e9\U0001f9f5" * 40, "x" * 12],
    "blob": [None, b"", bytes(range(256)), b"x" * 24],
    "day": [None, dt.date(2000, 1, 1), dt.date.min, dt.date.max],
    "local": [None, *_MOMENTS],
    "moment": [None, *[moment.replace(tzinfo=dt.UTC) for moment in _MOMENTS]],
    "length": [None, dt.timedelta(), -dt.timedelta(hours=838, microseconds=1), dt.timedelta(days=30_000)],
}


def drawn(length: int) -> dict[str, Any]:
    """Draw a row whose texts have a length."""
    chance = random.Random(length)  # noqa: S311
    moment = _MOMENTS[1] + dt.timedelta(microseconds=chance.randrange(3 * 10**17))
    return {
        "yes": chance.random() < 1 / 2,
        **{f"i{bits // 8}": chance.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (16, 32, 64)},
        "f4": chance.uniform(-1e30, 1e30),
        "f8": chance.uniform(-1e300, 1e300),
        "money": Decimal(chance.randrange(1 - 10**18, 10**18)).scaleb(-2),
        "text": "".join(chance.choices("ab \u00e9\U0001f9f5", k=length)),
        "blob": chance.randbytes(length),
        "day": moment.date(),
        "local": moment,
        "moment": moment.replace(tzinfo=dt.UTC),
        "length": dt.timedelta(microseconds=chance.randrange(-(10**15), 10**15)),
    }


def rows() -> pl.DataFrame:
    """Return the extremes, and texts of every length up to three blocks."""
    schema = {column.name: column.dtype for column in COLUMNS}
    return pl.concat([pl.DataFrame(EXTREMES, schema), pl.DataFrame([drawn(length) for length in range(40)], schema)])


@pytest.fixture
def held(target: Target) -> Callable[[Sequence[Column]], int]:
    """A table with the rows, written by another driver, of which the server adds up the hashes."""
    listed = SQL(", ").join(SQL("{} {}").format(Identifier(c.name), SQL(c.type)) for c in COLUMNS)
    places = SQL(", ").join([SQL("%s")] * len(COLUMNS))
    with psycopg.connect(target.dsn, autocommit=True) as session, session.cursor() as cursor:
        cursor.execute(SQL("CREATE TABLE held ({})").format(listed))
        cursor.executemany(SQL("INSERT INTO held VALUES ({})").format(places), rows().rows())

    def added(columns: Sequence[Column]) -> int:
        query = SQL("SELECT sum(hashint8extended(hash_record_extended({}, 0), 0)) FROM held").format(
            hashes.row(columns)
        )
        with psycopg.connect(target.dsn) as session:
            return int(session.execute(query).fetchall()[0][0])

    return added


def test_the_hashes_of_every_type_are_the_servers(held: Callable[[Sequence[Column]], int]) -> None:
    frame = rows()
    found = {column.name: (held([column]), hashes.summed(frame, [column])) for column in COLUMNS}
    assert {name: ours for name, (_, ours) in found.items()} == {name: theirs for name, (theirs, _) in found.items()}
    assert held(COLUMNS) == hashes.summed(frame, COLUMNS)
    assert held(COLUMNS) == hashes.summed(frame.reverse(), COLUMNS)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_value_that_becomes_null_or_changes_its_sign_changes_the_hash(column: Column) -> None:
    frame = rows().slice(1, 1)
    known = hashes.summed(frame, COLUMNS)
    others = [pl.lit(None, column.dtype)]
    if column.dtype.is_numeric():
        frame = rows().slice(4, 1)
        known = hashes.summed(frame, COLUMNS)
        others.append((-pl.col(column.name)).cast(column.dtype))
    assert known not in [hashes.summed(frame.with_columns(other.alias(column.name)), COLUMNS) for other in others]


def test_minus_zero_is_not_zero() -> None:
    columns = [column for column in COLUMNS if column.dtype.is_float()]
    assert hashes.summed(rows().slice(1, 1), columns) != hashes.summed(rows().slice(2, 1), columns)


def test_two_rows_that_trade_values_change_the_hash() -> None:
    frame = rows().slice(10, 2)
    traded = frame.with_columns(pl.col("money").reverse())
    assert hashes.summed(frame, COLUMNS) != hashes.summed(traded, COLUMNS)


def test_rows_that_the_server_proves_by_their_hash_are_not_read_back(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readback, "_batches", None)
    with target.settings.open() as loader:
        assert staged(loader).id


def test_a_part_whose_rows_traded_values_in_production_is_not_taken_over(newest: Target) -> None:
    dataset = Dataset("shop", {"sales": Sale, "notes": Note}, SHOPS)
    with newest.settings.open() as loader:
        first, second = Run.start("shop"), Run.start("shop")
        loader.prepare(first, dataset)
        loader.verify(first, [sold(loader, first, "north", 1, 2)])
        loader.publish(first)
        newest.query("UPDATE shop.sales SET price = 3 - price")
        loader.prepare(second, dataset)
        loader.take(second, ["north"])
        with pytest.raises(LoadError, match=f'other rows of north than run {first.id} published, in table "sales"'):
            loader.verify(second, [], [loader.ledger("shop")["north"]])
