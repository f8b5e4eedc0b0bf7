"""Ways to publish two tables while readers keep querying: firn's, and what other tools send to PostgreSQL.

Every way publishes the same rows on the same server, one after the other in one run. Readers of three kinds query
meanwhile; what they saw is counted. Then each way publishes once more over tables that carry what production tables
carry, and what is left of that is counted. ``python -m benchmarks.publications``
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import psycopg
from psycopg.sql import SQL, Literal

from firn import Dataset, FirnError, Run
from loaders.embedded import temporary
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Barrier, Event  # what a process manager hands out behaves like these

__all__ = ["WAYS", "Outcome", "main"]

_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
_SQL = dict(_NAMED.findall(Path(__file__).with_suffix(".sql").read_text("utf-8")))
_COLUMNS = 38
# A durable server that could have a standby: what most production servers are.
_SERVER = {
    "wal_level": "replica",
    "max_wal_senders": "2",
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
}
_HELD_S = 0.3  # how long a reader holds a snapshot: long enough that many a publication falls into it
_READ = "SELECT (SELECT min(generation) FROM shop.orders WHERE id < 500), (SELECT min(generation) FROM shop.lines)"


class Orders(dy.Schema):
    """As wide as a table that somebody reports on."""

    id = dy.Int32(primary_key=True)
    generation = dy.Int32()
    for _number in range(_COLUMNS):
        vars()[f"t{_number}"] = dy.String(nullable=True)


class Lines(dy.Schema):
    """A second table, that must always show the generation of the first."""

    id = dy.Int32(primary_key=True)
    generation = dy.Int32()
    order_id = dy.Int32()


@dataclass(slots=True)
class Outcome:
    """What one way did.

    Attributes:
        way: Its name.
        seconds: How long each publication took, once everything was staged.
        stall_ms: The longest that a reader of one statement waited.
        wal_mb: What the server wrote to its log per publication, staging included.
        reads: How many reads of each kind were made.
        wrong: What readers saw that never was: errors, empty tables, two generations at once.
        kept: What was left of the things that production carried.
        lost: What was not; or why the publication failed.
    """

    way: str
    seconds: list[float] = field(default_factory=list)
    stall_ms: float = 0.0
    wal_mb: float = 0.0
    reads: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class Firn:
    """firn, by one of its strategies."""

    def __init__(self, dsn: str, rows: int, strategy: str) -> None:
        self._settings = Postgres(dsn=dsn, production="shop", max_wait_s=60)  # type: ignore[arg-type]
        self._rows = rows
        self._dataset = Dataset("shop", {"orders": Orders, "lines": Lines}, strategy=strategy)  # type: ignore[arg-type]

    def stage(self, generation: int) -> Callable[[], object]:
        """Stage a generation, and return what publishes it."""
        self._opened = self._settings.open()
        loader = self._opened.__enter__()
        run = Run.start("shop")
        loader.prepare(run, self._dataset)
        ids = pl.int_range(1, self._rows + 1, eager=True, dtype=pl.Int32).alias("id")
        orders = pl.DataFrame([ids]).with_columns(
            pl.lit(generation, pl.Int32).alias("generation"),
            *(pl.format("text {} of {}", pl.lit(n), "id").alias(f"t{n}") for n in range(_COLUMNS)),
        )
        lines = orders.head(self._rows // 5).select("id", "generation", order_id="id")
        loader.stage(run, "orders", "", orders)
        loader.stage(run, "lines", "", lines)
        loader.verify(run)
        return lambda: loader.publish(run)

    def close(self) -> None:
        """Let the connection go."""
        self._opened.__exit__(None, None, None)


class Statements:
    """The statements of another tool."""

    def __init__(self, dsn: str, rows: int, way: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._rows = rows
        self._way = way

    def stage(self, generation: int) -> Callable[[], object]:
        """Stage a generation, and return what publishes it."""
        columns = ", ".join(f"t{n} text" for n in range(_COLUMNS))
        values = ", ".join(f"'text {n} of ' || i" for n in range(_COLUMNS))
        self._send(_SQL["stage"], generation=generation, columns=columns, values=values, rows=self._rows)
        return lambda: self._publish(generation)

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def _publish(self, generation: int) -> None:
        there = self._connection.execute("SELECT to_regclass('shop.orders') IS NOT NULL").fetchone()
        if there == (True,) or self._way == "sqlmesh_views":
            self._send(_SQL[self._way], generation=generation)
        else:
            self._send("ALTER TABLE stage.orders SET SCHEMA shop; ALTER TABLE stage.lines SET SCHEMA shop")

    def _send(self, text: str, **values: object) -> None:
        try:
            self._connection.execute(text.format(**values))
        except psycopg.Error:
            self._connection.execute("ROLLBACK")
            raise


WAYS: dict[str, Callable[[str, int], Firn | Statements]] = {
    "firn swap": lambda dsn, rows: Firn(dsn, rows, "swap"),
    "firn diff": lambda dsn, rows: Firn(dsn, rows, "diff"),
    "dlt staging-optimized": lambda dsn, rows: Statements(dsn, rows, "dlt_staging_optimized"),
    "dlt insert-from-staging": lambda dsn, rows: Statements(dsn, rows, "dlt_insert_from_staging"),
    "sling full-refresh": lambda dsn, rows: Statements(dsn, rows, "sling_full_refresh"),
    "SQLMesh views": lambda dsn, rows: Statements(dsn, rows, "sqlmesh_views"),
    "naive swap": lambda dsn, rows: Statements(dsn, rows, "naive_swap"),
}


def read(dsn: str, kind: str, ready: Barrier, stop: Event) -> tuple[str, int, Counter[str], float]:
    """Read both tables until told to stop; return the kind, the reads, what was wrong, and the longest read in ms."""
    reads, wrong, longest = 0, Counter[str](), 0.0
    with psycopg.connect(dsn, autocommit=True) as connection:
        ready.wait()
        while not stop.is_set():
            started = time.perf_counter()
            try:
                wrong.update(judged(next(iter(KINDS[kind](connection)))))
            except psycopg.Error as error:
                connection.execute("ROLLBACK")
                wrong[f"error: {type(error).__name__}"] += 1
            reads += 1
            longest = max(longest, 1000 * (time.perf_counter() - started))
    return kind, reads, wrong, longest


def one_statement(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    """Read both tables in one statement."""
    yield connection.execute(_READ).fetchall()[0]


def two_statements(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    """Read one table after the other in a transaction of PostgreSQL's default isolation."""
    with connection.transaction():
        first = connection.execute("SELECT min(generation) FROM shop.lines").fetchall()[0]
        yield (*connection.execute("SELECT min(generation) FROM shop.orders WHERE id < 500").fetchall()[0], *first)


def old_snapshot(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    """Hold a snapshot for a while before reading, as a report or pg_dump does."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1 FROM pg_class LIMIT 1")
        time.sleep(_HELD_S)
        yield connection.execute(_READ).fetchall()[0]


KINDS = {"one statement": one_statement, "two statements": two_statements, "old snapshot": old_snapshot}


def judged(seen: tuple[Any, ...]) -> list[str]:
    """Name what is wrong with the generations that a reader saw of both tables."""
    if None in seen:
        return ["empty"]
    return ["two generations"] if len(set(seen)) > 1 else []


def measure(way: str, dsn: str, rows: int, publications: int) -> Outcome:
    """Publish some generations under readers."""
    outcome, tool = Outcome(way), WAYS[way](dsn, rows)
    tool.stage(1)()
    tool.close()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(len(KINDS), mp_context=spawn) as pool:
        ready, stop = manager.Barrier(len(KINDS) + 1), manager.Event()
        readers = [pool.submit(read, dsn, kind, ready, stop) for kind in KINDS]
        ready.wait()
        start = lsn(dsn)
        try:
            for generation in range(2, publications + 2):
                tool = WAYS[way](dsn, rows)
                publish = tool.stage(generation)
                started = time.perf_counter()
                try:
                    publish()
                    outcome.seconds.append(time.perf_counter() - started)
                except (psycopg.Error, FirnError) as error:
                    outcome.wrong[f"publication: {type(error).__name__}"] += 1
                tool.close()
                time.sleep(2 * _HELD_S)
        finally:
            stop.set()
        outcome.wal_mb = (lsn(dsn) - start) / publications / 1e6
        for kind, reads, wrong, longest in (reader.result() for reader in readers):
            outcome.reads[kind] = reads
            outcome.wrong.update(wrong)
            outcome.stall_ms = longest if kind == "one statement" else outcome.stall_ms
    return outcome


def lsn(dsn: str) -> int:
    """Return how many bytes the server has written to its log."""
    with psycopg.connect(dsn) as connection:
        return int(connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchall()[0][0])


def put_on(way: str, dsn: str, outcome: Outcome) -> None:
    """Publish over tables that carry what production tables carry, and see what is left."""
    rows = 1000
    for generation in (1, 2):
        tool = WAYS[way](dsn, rows)
        try:
            tool.stage(generation)()
        except (psycopg.Error, FirnError) as error:
            outcome.lost = [f"fails: {str(error).splitlines()[0]}"]
            return
        finally:
            tool.close()
        if generation == 1:
            carried(dsn, outcome)
    with psycopg.connect(dsn) as connection:
        kept, lost = (
            [what for (what,) in connection.execute(SQL(_SQL["still_there"]).format(kept=Literal(state))).fetchall()]
            for state in (True, False)
        )
    outcome.kept, outcome.lost = kept, [*outcome.lost, *(what for what in lost if f"no {what}" not in outcome.lost)]


def carried(dsn: str, outcome: Outcome) -> None:
    """Put everything on the tables; where they are views, what a view cannot carry is named."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in _SQL["put_on"].split(";\n"):
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                outcome.lost.append(f"cannot carry: {str(error).splitlines()[0]}")


def main() -> None:
    """Measure every way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--publications", type=int, default=5)
    parser.add_argument("--way", action="append", choices=list(WAYS))
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    outcomes = [in_fresh_databases(way, options) for way in options.way or WAYS]
    show(outcomes, options)
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2) + "\n", "utf-8")


def in_fresh_databases(way: str, options: argparse.Namespace) -> Outcome:
    """Measure one way in databases of its own, on a server with durable settings."""
    with temporary("15", _SERVER) as server, psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE reader")
        dsns = []
        for name in ("measured", "dressed"):
            admin.execute(f"CREATE DATABASE {name}")
            dsns.append(psycopg.conninfo.make_conninfo(server.dsn, dbname=name))
            with psycopg.connect(dsns[-1]) as connection:
                connection.execute("CREATE SCHEMA shop")
        outcome = measure(way, dsns[0], options.rows, options.publications)
        put_on(way, dsns[1], outcome)
    print(f"{way}: {statistics.median(outcome.seconds):.2f} s", file=sys.stderr)
    return outcome


def show(outcomes: list[Outcome], options: argparse.Namespace) -> None:
    """Print a line a way."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(
        f"{options.rows:,} rows of {_COLUMNS + 2} columns and {options.rows // 5:,} of 3, {options.publications} "
        f"publications that change every row, three readers at work, commit {commit.stdout.strip()}\n"
    )
    print(f"{'':<25}{'publish':>9}{'stall':>10}{'log':>9}  wrong reads")
    for outcome in outcomes:
        wrong = ", ".join(f"{count} {what}" for what, count in sorted(outcome.wrong.items())) or "none"
        print(
            f"{outcome.way:<25}{statistics.median(outcome.seconds):>7.2f} s{outcome.stall_ms:>7.0f} ms"
            f"{outcome.wal_mb:>6.0f} MB  {wrong} (of {sum(outcome.reads.values()):,})"
        )
    print("\nwhat is left of a view, a grant, a comment, an index, a foreign key, row security, a policy, a trigger:")
    for outcome in outcomes:
        print(f"{outcome.way:<25}{', '.join(outcome.kept) or 'nothing'}; lost: {', '.join(outcome.lost) or 'nothing'}")


if __name__ == "__main__":
    main()
