"""A schema that carries whatever PostgreSQL lets a table carry, and the proof that the oracle sees each of it go."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import carried
import dataframely as dy
import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from test_postgres_servers import VERSIONS, Target, fresh, running

from loaders.embedded import find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["ALL", "CONTRACTS", "Rich", "frames", "rich"]

FOLDER = Path(__file__).with_name("rich")
LONG = "a name that takes all of the sixty-three bytes there are, 63 ö"


class Customer(dy.Schema):
    """The table that carries most."""

    id = dy.Int32(primary_key=True)
    code = dy.String()
    name = dy.String(nullable=True)
    region = dy.String(nullable=True)
    credit = dy.Decimal(12, 2, nullable=True)
    born = dy.Date(nullable=True)
    note = dy.String(nullable=True)
    first_order = dy.Int64(nullable=True)
    position = dy.Int64(nullable=True)


Order = type(
    "Order",
    (dy.Schema,),
    {
        "__annotations__": {},
        "id": dy.Int64(primary_key=True),
        "customer_id": dy.Int32(),
        "parent_id": dy.Int64(nullable=True),
        "number": dy.Int32(),
        "select": dy.String(nullable=True),
        "Mixed Case": dy.String(nullable=True),
        "starts": dy.Date(),
        "ends": dy.Date(),
        "total": dy.Decimal(12, 2, nullable=True),
        "paid": dy.Bool(nullable=True),
    },
)


class Line(dy.Schema):
    """A key of two columns."""

    order_id = dy.Int64(primary_key=True)
    nr = dy.Int16(primary_key=True)
    qty = dy.Int64(nullable=True)
    price = dy.Decimal(12, 2, nullable=True)
    label = dy.String(nullable=True)
    position = dy.Int64(nullable=True)


class Shipment(dy.Schema):
    """Foreign keys of two columns, and to what is no primary key."""

    id = dy.Int32(primary_key=True)
    order_id = dy.Int64(nullable=True)
    nr = dy.Int16(nullable=True)
    customer_code = dy.String(nullable=True)
    label = dy.String(nullable=True)


class Loose(dy.Schema):
    """No key."""

    batch = dy.String(nullable=True)
    counted = dy.Int64(nullable=True)
    label = dy.String(nullable=True)


Empty = type(
    "Empty",
    (dy.Schema,),
    {
        "__annotations__": {},
        "table": dy.Int32(primary_key=True),
        "user": dy.String(nullable=True),
        '"quoted"': dy.String(nullable=True),
    },
)

CONTRACTS: Mapping[str, type[dy.Schema]] = {
    "customer": Customer,
    "Order": Order,
    "line": Line,
    "shipment": Shipment,
    "loose": Loose,
    LONG: Empty,
}


def frames(generation: int) -> dict[str, pl.DataFrame]:
    """Rows that tell their generation: some are the same in each, some differ, some come and some go."""
    customers = [1, 2, 3, 4, 5 + generation]
    named = [f"generation {generation}" if c % 2 else "always" for c in customers]
    orders = [o for c in customers for o in (10 * c, 10 * c + 1)]
    starts = [dt.date(2020, 1, 1) + dt.timedelta(30 * o) for o in orders]
    told = f"generation {generation}"
    rows: dict[str, dict[str, Any]] = {
        "customer": {
            "id": customers,
            "code": [f"c{c}" for c in customers],
            "name": named,
            "region": ["north", "south", None, "north", "south"],
            "credit": [Decimal(c) for c in customers],
            "born": [dt.date(1990, 1, c) for c in customers],
            "note": [None, "öä ∆", told, "", "x" * 3000],
            "first_order": [10 * c if c != 4 else None for c in customers],
            "position": [100 * c for c in customers],
        },
        "Order": {
            "id": orders,
            "customer_id": [o // 10 for o in orders],
            "parent_id": [o - 1 if o % 10 else None for o in orders],
            "number": orders,
            "select": ["always"] * len(orders),
            "Mixed Case": [told if o % 10 else "always" for o in orders],
            "starts": starts,
            "ends": [day + dt.timedelta(10) for day in starts],
            "total": [Decimal(generation * o) for o in orders],
            "paid": [o != 21 for o in orders],
        },
        "line": {
            "order_id": [o for o in orders for _ in (1, 2)],
            "nr": [1, 2] * len(orders),
            "qty": [o for o in orders for _ in (1, 2)],
            "price": [Decimal(generation)] * 2 * len(orders),
            "label": [told if o % 2 else "always" for o in orders for _ in (1, 2)],
            "position": [None] * 2 * len(orders),
        },
        "shipment": {
            "id": customers,
            "order_id": [10 * c for c in customers],
            "nr": [1] * len(customers),
            "customer_code": [f"c{c}" for c in customers],
            "label": [told, "", "always", "other", "last"],
        },
        "loose": {"batch": ["a", "a", "b"], "counted": [1, 1, generation], "label": ["always", told, None]},
        LONG: {"table": [], "user": [], '"quoted"': []},
    }
    return {
        name: pl.DataFrame(rows[name], schema={n: c.dtype for n, c in contract.columns().items()})
        for name, contract in CONTRACTS.items()
    }


# The files of the folder that make a database, in this order; what is in them is said at their heads.
ALL = ("roles", "tables", "dependents", "inbound", "forced", "bound", "others")


@dataclass
class Rich:
    """A database with rich tables, the rows of generation 1 in them."""

    target: Target
    programs: Path

    def run(self, part: str) -> None:
        """Run one of the files."""
        self.target.query((FOLDER / f"{part}.sql").read_text())

    def picture(self) -> carried.Picture:
        """Read what it carries."""
        return carried.take(self.target.dsn, self.programs)


def make(version: str, parts: Sequence[str]) -> Iterator[Rich]:
    """Make a database of some of the files, and take its roles away with it."""
    with contextmanager(fresh)(version) as target:
        made = Rich(target, find_binaries(version).folder)
        for part in ("roles_gone", *parts):
            made.run(part)
            if part == "tables":
                fill(target, frames(1))
            if part == "tables" and (FOLDER / f"only_{version}.sql").exists():
                made.run(f"only_{version}")
        target.query("ANALYZE")
        yield made
    with psycopg.connect(running(version), autocommit=True) as connection:
        connection.execute((FOLDER / "roles_gone.sql").read_text())  # type: ignore[call-overload]


def fill(target: Target, rows: Mapping[str, pl.DataFrame]) -> None:
    """Write rows without anything of firn, and without firing triggers."""
    with psycopg.connect(target.dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        for name, frame in rows.items():
            columns = SQL(", ").join(map(Identifier, frame.columns))
            copy = SQL("COPY shop.{} ({}) FROM STDIN").format(Identifier(name), columns)
            with connection.cursor().copy(copy) as sent:
                for row in frame.iter_rows():
                    sent.write_row(row)


@pytest.fixture(params=VERSIONS)
def rich(request: pytest.FixtureRequest) -> Iterator[Rich]:
    """The database with everything, on each version."""
    yield from make(str(request.param), ALL)


@pytest.fixture
def newest() -> Iterator[Rich]:
    """The same on the newest version."""
    yield from make(VERSIONS[-1], ALL)


# How many of each kind pg_dump must find, so that nothing falls out of the schema unseen.
LEAST = {
    "ACL": 30,
    "CHECK CONSTRAINT": 1,
    "COLLATION": 1,
    "COMMENT": 30,
    "CONSTRAINT": 10,
    "DEFAULT": 4,
    "DEFAULT ACL": 3,
    "DOMAIN": 1,
    "FK CONSTRAINT": 12,
    "FUNCTION": 10,
    "INDEX": 15,
    "MATERIALIZED VIEW": 2,
    "POLICY": 12,
    "PROCEDURE": 1,
    "PUBLICATION": 2,
    "PUBLICATION TABLE": 2,
    "PUBLICATION TABLES IN SCHEMA": 1,
    "ROW SECURITY": 4,
    "RULE": 3,
    "SEQUENCE": 6,
    "SEQUENCE OWNED BY": 3,
    "STATISTICS": 3,
    "TABLE": 12,
    "TRIGGER": 12,
    "TYPE": 2,
    "VIEW": 15,
}


def test_the_rich_schema_holds_more_than_one_of_every_class(newest: Rich) -> None:
    picture = newest.picture()

    found = {kind: len(picture.dumped.get(kind, {})) for kind in LEAST}
    assert {kind: (found[kind], least) for kind, least in LEAST.items() if found[kind] < least} == {}
    assert [name for name, rows in picture.known.items() if len(rows) < 3] == []


def test_the_oracle_finds_the_same_twice(newest: Rich) -> None:
    before, tried = newest.picture(), carried.tried(newest.target.dsn)
    newest.target.query("ANALYZE")
    values = newest.target.query("SELECT * FROM pg_sequences ORDER BY 1, 2")

    assert carried.tried(newest.target.dsn) == tried
    assert newest.target.query("SELECT * FROM pg_sequences ORDER BY 1, 2") != values
    assert {**carried.losses(before, newest.picture()), "values of sequences": []} == {"values of sequences": []}


# What a swap made by hand leaves alone; every other class loses something.
KEPT_BY_A_NAIVE_SWAP = {
    "pg_dump: COLLATION",
    "pg_dump: DEFAULT ACL",
    "pg_dump: DOMAIN",
    "pg_dump: PUBLICATION",
    "pg_dump: PUBLICATION TABLES IN SCHEMA",
    "pg_dump: SCHEMA",
}


def naive(target: Target) -> None:
    """Replace the tables as anybody would: like the old ones, filled, and moved in their place."""
    target.query("CREATE SCHEMA firn_stage; CREATE SCHEMA firn_previous")
    for name in CONTRACTS:
        target.query(f'CREATE TABLE firn_stage."{name}" (LIKE shop."{name}" INCLUDING ALL)')
    with psycopg.connect(target.dsn) as connection:
        for name, frame in frames(2).items():
            columns = SQL(", ").join(map(Identifier, frame.columns))
            copy = SQL("COPY firn_stage.{} ({}) FROM STDIN").format(Identifier(name), columns)
            with connection.cursor().copy(copy) as sent:
                for row in frame.iter_rows():
                    sent.write_row(row)
        for name in CONTRACTS:
            connection.execute(f'ALTER TABLE shop."{name}" SET SCHEMA firn_previous')  # type: ignore[call-overload]
            connection.execute(f'ALTER TABLE firn_stage."{name}" SET SCHEMA shop')  # type: ignore[call-overload]


def test_the_oracle_sees_what_a_naive_swap_loses(rich: Rich) -> None:
    before = rich.picture()
    tried = carried.tried(rich.target.dsn)
    counted = carried.counted(rich.target.dsn)

    naive(rich.target)

    after = rich.picture()
    classes = {f"pg_dump: {kind}" for kind in before.dumped} | before.known.keys()
    kept = classes - carried.losses(before, after).keys()
    assert kept - {"pg_dump: EXTENSION"} == KEPT_BY_A_NAIVE_SWAP
    assert carried.tried(rich.target.dsn) != tried
    assert list(carried.breaks(counted, carried.counted(rich.target.dsn))) == [
        "identity by default, and a shared sequence",
        "identity always, and serial",
    ]
