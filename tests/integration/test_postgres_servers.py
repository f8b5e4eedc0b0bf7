"""The PostgreSQL versions that firn is proven on, and what the other tests of the loader share."""

from __future__ import annotations

import atexit
import functools
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import psycopg
import pytest

from firn import Dataset, Run
from loaders.embedded import temporary
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from firn import Published
    from loaders.postgres_loader import PostgresLoader

VERSIONS = ("15", "16", "18")

_servers = ExitStack()
atexit.register(_servers.close)


class Orders(dy.Schema):
    """A keyed table."""

    id = dy.Int32(primary_key=True)
    name = dy.String(nullable=True)
    amount = dy.Decimal(12, 2, nullable=True)


class Lines(dy.Schema):
    """A table without a key."""

    order_id = dy.Int32()
    qty = dy.Int64(nullable=True)


class Notes(dy.Schema):
    """A third table."""

    id = dy.Int32(primary_key=True)
    text = dy.String(nullable=True)


CONTRACTS: Mapping[str, type[dy.Schema]] = {"orders": Orders, "lines": Lines, "notes": Notes}
SHOP = Dataset("shop", CONTRACTS, strategy="swap")


@functools.cache
def running(version: str) -> str:
    """Start a server of a version once for all tests; return how to reach it."""
    return _servers.enter_context(temporary(version)).dsn


@dataclass
class Target:
    """An empty database of its own."""

    dsn: str
    settings: Postgres

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement as a superuser, and return its rows if it has any."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def content(self, table: str, schema: str = "shop") -> str:
        """Return a checksum of a table's rows."""
        listed = f'SELECT md5(string_agg(t::text, E\'\\n\' ORDER BY t::text)) FROM "{schema}"."{table}" t'  # noqa: S608
        found = self.query(listed)
        return str(found[0][0])

    def production(self) -> dict[str, str]:
        """Return the checksum of every table of production."""
        names = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'shop' ORDER BY 1")
        return {name: self.content(name) for (name,) in names}

    def with_settings(self, **changes: object) -> Postgres:
        """Return the settings with some changed."""
        return self.settings.model_copy(update=changes)


@pytest.fixture(params=VERSIONS)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """An empty database on each version."""
    yield from fresh(str(request.param))


@pytest.fixture
def newest() -> Iterator[Target]:
    """An empty database on the newest version."""
    yield from fresh(VERSIONS[-1])


def fresh(version: str) -> Iterator[Target]:
    """Make an empty database, and drop it."""
    server = running(version)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS firn_test WITH (FORCE)")
        admin.execute("CREATE DATABASE firn_test STRATEGY file_copy")  # half the work of the other one
        dsn = psycopg.conninfo.make_conninfo(server, dbname="firn_test")
        yield Target(dsn, Postgres(dsn=dsn, production="shop", max_wait_s=5))  # type: ignore[arg-type]
        admin.execute("DROP DATABASE firn_test WITH (FORCE)")


def orders(generation: int = 1, rows: int = 5) -> pl.DataFrame:
    """Make rows that tell their generation."""
    ids = pl.int_range(1, rows + 1, eager=True, dtype=pl.Int32)
    return pl.DataFrame(
        {
            "id": ids,
            "name": [f"generation {generation}"] * rows,
            "amount": (ids * generation).cast(pl.String).cast(pl.Decimal(12, 2)),
        }
    )


def lines(generation: int = 1, rows: int = 8) -> pl.DataFrame:
    """Make rows without a key."""
    return pl.DataFrame(
        {"order_id": [1] * rows, "qty": [generation] * rows}, schema={"order_id": pl.Int32, "qty": pl.Int64}
    )


def notes(generation: int = 1, rows: int = 3) -> pl.DataFrame:
    """Make rows of a third table."""
    return pl.DataFrame(
        {"id": range(rows), "text": [f"generation {generation}"] * rows}, schema={"id": pl.Int32, "text": pl.String}
    )


def staged(loader: PostgresLoader, generation: int = 1) -> Run:
    """Stage and verify a run of all three tables."""
    run = Run.start("shop")
    loader.prepare(run, SHOP)
    loader.stage(run, "orders", "", orders(generation))
    loader.stage(run, "lines", "", lines(generation))
    loader.stage(run, "notes", "", notes(generation))
    loader.verify(run)
    return run


def published(settings: Postgres, generation: int = 1) -> Published:
    """Publish a run of all three tables."""
    with settings.open() as loader:
        return loader.publish(staged(loader, generation))


def test_every_version_that_is_promised_runs(target: Target, request: pytest.FixtureRequest) -> None:
    version = request.node.callspec.params["target"]

    assert target.query("SHOW server_version")[0][0].split(".")[0] == version
