"""A snapshot is one committed state of all its tables over all its connections, while others write."""

# ruff: noqa: S608 (the names are the tests' own)
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

from firn import SourceError, SourceUnavailable
from sources.mysql import Database, Declared, KeyRange, Window
from sources.mysql.sessions import open_session
from sources.mysql.snapshots import begin
from tests.mariadb import PASSWORD, READER, make_database, serve_mariadb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mariadb import MariaDB

MOVE = "UPDATE one SET n = n - 1 WHERE k = {k}", "UPDATE two SET n = n + 1 WHERE k = {k}"
TOTAL = 1000


@pytest.fixture(scope="module")
def logged_port() -> Iterator[int]:
    """Where a MariaDB listens that logs all writes."""
    with serve_mariadb("--log-bin=log") as port:
        yield port


@pytest.fixture
def logged(logged_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[MariaDB]:
    """A database of it, and a reader that may see the log."""
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with make_database(logged_port) as made:
        made.execute(f"GRANT BINLOG MONITOR ON *.* TO {READER}@127.0.0.1")
        yield made
        made.execute(f"REVOKE BINLOG MONITOR ON *.* FROM {READER}@127.0.0.1")


@pytest.fixture(params=["lock", "log"])
def bank(request: pytest.FixtureRequest) -> MariaDB:
    """Two tables whose sum never changes, and a reader that may lock them, or see the log."""
    made: MariaDB = request.getfixturevalue({"lock": "mariadb", "log": "logged"}[request.param])
    for table in ("one", "two"):
        made.execute(
            f"CREATE TABLE {table} (k int PRIMARY KEY, n bigint NOT NULL) ENGINE=InnoDB",
            f"INSERT INTO {table} SELECT seq, 5 FROM seq_1_to_100",
        )
    if request.param == "lock":
        made.execute(f"GRANT LOCK TABLES ON `{made.database}`.* TO {READER}@127.0.0.1")
    return made


@contextmanager
def moving(bank: MariaDB) -> Iterator[None]:
    """Move one from a table to the other, again and again, until the end."""
    done = threading.Event()

    def move() -> None:
        with bank.connected() as connection, connection.cursor() as cursor:
            for k in (k for _ in iter(int, 1) for k in range(1, 101)):
                if done.is_set():
                    return
                for statement in MOVE:
                    cursor.execute(statement.format(k=k))
                connection.commit()

    with ThreadPoolExecutor(1) as writers:
        writing = writers.submit(move)
        try:
            yield
        finally:
            done.set()
            writing.result()


def declared(database: Database) -> list[Declared]:
    return [database.declared(table) for table in database.tables()]


def halves(database: Database, tables: list[Declared]) -> int:
    """Read both tables in two ranges each, by as many threads."""
    windows = [(table, Window(KeyRange(*keys))) for keys in ((1, 50), (51, 100)) for table in tables]
    with ThreadPoolExecutor(4) as readers:
        read = readers.map(lambda one: database.read(*one).frame["n"].sum(), windows)
        return sum(map(int, read))


def test_all_connections_read_one_state_while_others_write(bank: MariaDB) -> None:
    with bank.source(connections=5).open() as database, moving(bank):
        tables = declared(database)
        states = set()
        for _ in range(10):
            with database.snapshot(tables) as snapshot:
                assert halves(snapshot, tables) == TOTAL
                assert sum(snapshot.figures(table, sums=["n"]).sums["n"] for table in tables) == Decimal(TOTAL)
                seen = [snapshot.read(tables[0]).frame["n"].sum() for _ in range(8)]
                assert len(set(seen)) == 1
                states.add(seen[0])

    assert len(states) > 1  # somebody did write


def test_what_is_written_after_it_began_is_not_in_it(bank: MariaDB) -> None:
    with bank.source().open() as database:
        one, two = declared(database)
        with database.snapshot([one, two]) as snapshot:
            before = snapshot.read(one).frame, snapshot.checksums(one, None)
            bank.execute("BEGIN", *(statement.format(k=1) for statement in MOVE), "DELETE FROM one WHERE k > 50")
            frozen, live = snapshot.read(two).frame, database.read(two).frame
            assert snapshot.read(one).frame.sort("k").equals(before[0].sort("k"))
            assert snapshot.checksums(one, None) == before[1]
            assert snapshot.keys(one).height == snapshot.figures(one).rows == 100

        total = before[0]["n"].sum() + pl.Series([frozen["n"].sum(), live["n"].sum()])
        assert total.to_list() == [TOTAL, TOTAL + 1]  # without a snapshot, what was moved meanwhile counts twice
        assert database.read(one).frame.height == 50


def test_transactions_that_begin_one_after_the_other_see_different_states(bank: MariaDB) -> None:
    login = bank.source().login()
    with open_session(login) as first, open_session(login) as second:
        begin([first])
        bank.execute(MOVE[0].format(k=1))
        begin([second])
        sums = [session.rows("SELECT SUM(n) FROM one", "Summing")[0][0] for session in (first, second)]

    assert sums == [500, 499]


def test_one_connection_is_enough_and_needs_no_right(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO t VALUES (1)")
    with mariadb.source(connections=1).open() as database:
        tables = declared(database)
        with database.snapshot(tables) as snapshot:
            mariadb.execute("DELETE FROM t")
            assert snapshot.read(tables[0]).frame["k"].to_list() == [1]
        assert database.read(tables[0]).frame.is_empty()


def test_a_snapshot_without_a_right_says_which_one(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY) ENGINE=InnoDB")
    with mariadb.source().open() as database:
        refused = pytest.raises(SourceError, match="cannot be locked")
        tables = declared(database)
        with refused as caught, database.snapshot(tables):
            pass
        assert database.read(tables[0]).frame.is_empty()

    assert "GRANT LOCK TABLES ON" in caught.value.hint


def test_an_engine_without_snapshots_is_named(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY) ENGINE=MyISAM")
    with mariadb.source().open() as database:
        refused = pytest.raises(SourceError, match='Table "t" is of MyISAM')
        with refused, database.snapshot(declared(database)):
            pass


def test_a_snapshot_whose_sessions_are_ended_is_lost_and_not_replaced(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY) ENGINE=InnoDB")
    with mariadb.source(connections=1).open() as database:
        tables = declared(database)
        with database.snapshot(tables) as snapshot:
            ids = mariadb.query(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{READER}'")
            mariadb.execute(*(f"KILL {number}" for (number,) in ids))
            with pytest.raises(SourceUnavailable, match="The snapshot was lost"):
                snapshot.read(tables[0])


def test_a_position_in_the_log_proves_that_nobody_wrote(logged: MariaDB) -> None:
    logged.execute("CREATE TABLE t (k int PRIMARY KEY) ENGINE=Aria")
    with logged.source().open() as database:
        before, after = (database.marks(["t"])["t"] for _ in range(2))
        logged.execute("INSERT INTO t VALUES (1)")
        moved = database.marks(["t"])["t"]

    assert before.proves(after)
    assert not before.proves(moved)


def test_a_position_that_may_not_be_known_proves_nothing(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY) ENGINE=Aria")
    with mariadb.source().open() as database:
        mark = database.marks(["t"])["t"]

    assert mark.position == ""
    assert not mark.proves(mark)


def test_a_position_in_a_log_that_leaves_databases_out_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with serve_mariadb("--log-bin=log", "--binlog-ignore-db=other") as port, make_database(port) as bank:
        bank.execute(f"GRANT BINLOG MONITOR ON *.* TO {READER}@127.0.0.1", "CREATE TABLE t (k int) ENGINE=Aria")
        with bank.source().open() as database:
            assert database.marks(["t"])["t"].position == ""
