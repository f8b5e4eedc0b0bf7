"""An open database answers of exactly the rows of a window, to several threads and over few connections."""

# ruff: noqa: S608, DTZ001 (the names are the tests' own; the clocks hang on walls)
from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from firn import SourceChanged, SourceError, SourceUnavailable
from sources.mysql import Database, Declared, KeyRange, Since, Window
from tests.mariadb import READER

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    from tests.mariadb import MariaDB

COUNTED = "SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS seq FROM digits a, digits b, digits c, digits e"
CLOCK = dt.datetime(2024, 3, 1, 12, 0, 0, 123456)


def only(database: Database, name: str = "t") -> Declared:
    return next(database.declared(table) for table in database.tables() if table.name == name)


def fill(mariadb: MariaDB, rows: int = 100, engine: str = "InnoDB") -> None:
    """Make rows of which ten share each stamp, the stamps a microsecond apart."""
    mariadb.execute(
        f"CREATE TABLE t (k bigint PRIMARY KEY, at datetime(6), ts timestamp(6) NULL, d date, s varchar(20), "
        f"m double, n decimal(12,4)) ENGINE={engine}",
        "CREATE TABLE digits (d int)",
        "INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
        f"INSERT INTO t SELECT seq, '{CLOCK}' + INTERVAL (seq DIV 10) MICROSECOND, "
        f"'{CLOCK}' + INTERVAL (seq DIV 10) MICROSECOND, '2024-03-01' + INTERVAL (seq DIV 10) DAY, "
        f"CONCAT('it''s \\\\ ', LPAD(seq DIV 10, 4, '0')), seq / 10, seq / 7 "
        f"FROM ({COUNTED}) counted WHERE seq < {rows}",
    )


STAMPS: dict[str, Any] = {
    "at": CLOCK + dt.timedelta(microseconds=5),
    "ts": (CLOCK + dt.timedelta(microseconds=5)).replace(tzinfo=dt.UTC),
    "d": dt.date(2024, 3, 6),
    "s": "it's \\ 0005",
    "m": Decimal(5),
    "k": 50,
}


@pytest.mark.parametrize("column", STAMPS)
def test_a_window_since_a_value_has_the_rows_that_tie_with_it_and_none_before(mariadb: MariaDB, column: str) -> None:
    fill(mariadb)
    with mariadb.source().open() as database:
        declared = only(database)
        window = Window(KeyRange(0, 60), Since(column, STAMPS[column]))

        assert sorted(database.read(declared, window).frame["k"]) == list(range(50, 61))
        assert database.keys(declared, window)["k"].to_list() == list(range(50, 61))
        assert database.figures(declared, window).rows == 11
        assert database.ends(declared, window) == KeyRange(50, 60)


def test_a_stamp_is_meant_in_utc_whatever_the_zone_of_the_server(mariadb: MariaDB) -> None:
    fill(mariadb)
    mariadb.execute("SET GLOBAL time_zone = '+05:30'")
    try:
        with mariadb.source().open() as database:
            declared = only(database)
            rows = database.read(declared, Window(since=Since("ts", STAMPS["ts"]))).frame
            highest = database.highest(declared, "ts")
    finally:
        mariadb.execute("SET GLOBAL time_zone = 'SYSTEM'")

    assert rows.height == 50
    assert highest == rows["ts"].max().replace(tzinfo=None)


@pytest.mark.parametrize("column", ["at", "ts", "d", "s", "k"])
def test_the_highest_value_is_one_to_read_from(mariadb: MariaDB, column: str) -> None:
    fill(mariadb)
    with mariadb.source().open() as database:
        declared = only(database)
        highest = database.highest(declared, column)
        assert highest is not None
        rows = database.read(declared, Window(since=Since(column, highest))).frame

    assert rows["k"].sort().to_list() == ([99] if column == "k" else list(range(90, 100)))


def test_a_highest_day_that_no_calendar_has_is_none(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY, d datetime, e date)", "INSERT INTO t VALUES (1, 0, NULL)")
    with mariadb.source().open() as database:
        assert [database.highest(only(database), column) for column in "dek"] == [None, None, 1]


def test_ranges_follow_one_another_and_their_rows_are_those_of_the_window(mariadb: MariaDB) -> None:
    fill(mariadb, 5000)
    since = Since("at", CLOCK + dt.timedelta(microseconds=100))
    with mariadb.source().open() as database:
        declared = only(database)
        found = []
        for keys in database.ranges(declared, Window(since=since), 20_000):
            assert keys is not None
            found.append(database.read(declared, Window(keys, since)).frame)

    assert len(found) > 10
    assert pl.concat(found)["k"].sort().to_list() == list(range(1000, 5000))
    assert max(frame.estimated_size() for frame in found[1:]) < 40_000


def test_a_table_without_rows_has_no_ranges(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int PRIMARY KEY)")
    with mariadb.source().open() as database:
        declared = only(database)
        assert list(database.ranges(declared, Window(), 1000)) == []
        assert database.read(declared).frame.schema == declared.schema


def test_figures_do_not_depend_on_the_order_of_summing(mariadb: MariaDB) -> None:
    mariadb.execute(
        "CREATE TABLE t (k int PRIMARY KEY, d double, f float, n decimal(65,30), i bigint unsigned)",
        "INSERT INTO t VALUES (1, 1e17, 0.1, 1e-30, 18446744073709551615), (2, 0.1, 0.1, 1, 18446744073709551615)",
        "INSERT INTO t VALUES (3, -1e17, NULL, 1, 0), (4, 0.1e0 + 0.2e0, NULL, NULL, NULL)",
    )
    with mariadb.source().open() as database:
        found = database.figures(only(database), sums=("d", "f", "n", "i"))
        empty = database.figures(only(database), Window(KeyRange(9, 9)), ("d",))

    assert found.rows == 4
    assert found.sums == {
        "d": Decimal("0.40000000000000004"),
        "f": Decimal("0.20000000298023224"),
        "n": Decimal("2.000000000000000000000000000001"),
        "i": Decimal(2 * (2**64 - 1)),
    }
    assert (empty.rows, empty.sums) == (0, {"d": Decimal(0)})


@pytest.mark.parametrize("engine", ["MyISAM", "InnoDB"])
def test_marks_that_are_settled_prove_that_nobody_wrote(mariadb: MariaDB, engine: str) -> None:
    fill(mariadb, engine=engine)
    with mariadb.source().open() as database:
        fresh = database.marks(["t", "gone"])
        mariadb.query("SELECT SLEEP(3)")
        before, after = (database.marks(["t"])["t"] for _ in range(2))
        mariadb.execute("UPDATE t SET m = 0 WHERE k = 1")
        moved = database.marks(["t"])["t"]

    assert list(fresh) == ["t"]
    assert not fresh["t"].settled
    assert before.settled
    assert before.proves(after)
    assert before.stamp == after.stamp != ""
    assert not before.proves(moved)
    assert not moved.proves(moved)
    assert moved.stamp == ""


def same_second(mariadb: MariaDB, first: Cursor, second: Cursor) -> None:
    """Begin two transactions within one second of the server's clock."""
    while True:
        for cursor, k in ((first, 1000), (second, 1001)):
            cursor.execute("BEGIN")
            cursor.execute(f"INSERT INTO t (k) VALUES ({k})")
        begun = mariadb.query("SELECT COUNT(DISTINCT trx_started) FROM information_schema.INNODB_TRX")[0][0]
        if begun == 1:
            return
        for cursor in (first, second):
            cursor.execute("ROLLBACK")


@pytest.mark.parametrize("may_know", [True, False])
def test_a_transaction_that_is_open_may_leave_the_stamp_of_another(mariadb: MariaDB, *, may_know: bool) -> None:
    fill(mariadb)
    right = f"PROCESS ON *.* {{}} {READER}@127.0.0.1"
    mariadb.execute(f"GRANT {right.format('TO')}" if may_know else "DO 1")
    with mariadb.source().open() as database, mariadb.connected() as one, mariadb.connected() as other:
        with one.cursor() as first, other.cursor() as second:
            same_second(mariadb, first, second)
            first.execute("COMMIT")
            mariadb.query("SELECT SLEEP(3)")
            before = database.marks(["t"])["t"]
            second.execute("COMMIT")
        after = database.marks(["t"])["t"]
    mariadb.execute(f"REVOKE {right.format('FROM')}" if may_know else "DO 1")

    assert before == after
    assert before.proves(after) is not may_know  # without the right the server keeps it to itself


def test_tables_that_are_locked_cannot_be_written_and_can_be_read(mariadb: MariaDB) -> None:
    fill(mariadb)
    mariadb.execute(f"GRANT LOCK TABLES ON `{mariadb.database}`.* TO {READER}@127.0.0.1")
    waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%'"

    with mariadb.source().open() as database, ThreadPoolExecutor(1) as writer:
        declared = only(database)
        with database.locked(["t"]):
            writing = writer.submit(mariadb.execute, "DELETE FROM t")
            while not mariadb.query(waiting)[0][0]:
                assert not writing.done()
            assert database.read(declared).frame.height == 100
        writing.result()
        assert database.read(declared).frame.height == 0


def test_a_right_to_lock_that_is_missing_is_named(mariadb: MariaDB) -> None:
    fill(mariadb)
    refused = pytest.raises(SourceError, match="cannot be locked")
    with mariadb.source().open() as database, refused as caught, database.locked(["t"]):
        pass

    assert not isinstance(caught.value, SourceUnavailable)
    assert f"GRANT LOCK TABLES ON `{mariadb.database}`.* TO '{READER}'" in caught.value.hint


def test_a_lock_that_somebody_is_in_the_way_of_is_given_up(mariadb: MariaDB) -> None:
    fill(mariadb)
    mariadb.execute(f"GRANT LOCK TABLES ON `{mariadb.database}`.* TO {READER}@127.0.0.1")
    with mariadb.source().open() as database, mariadb.connected() as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        with pytest.raises(SourceUnavailable, match="Locking tables"), database.locked(["t"]):
            pass


def test_sessions_are_kept_and_never_more_than_allowed(mariadb: MariaDB) -> None:
    fill(mariadb, 5000)
    logins = "SHOW GLOBAL STATUS LIKE 'Connections'"
    open_now = f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{READER}'"

    with mariadb.source(connections=2).open() as database, ThreadPoolExecutor(8) as threads:
        declared = only(database)
        before = int(mariadb.query(logins)[0][1])
        for _ in range(20):
            database.figures(declared)
        asked = int(mariadb.query(logins)[0][1]) - before
        with mariadb.connected() as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLES t WRITE")  # whoever reads it waits, and nobody leaves
            reading = [threads.submit(database.read, declared) for _ in range(20)]
            for _ in range(3000):
                waiting = mariadb.query(f"{open_now} AND STATE LIKE 'Waiting for%lock'")
                if len(waiting) == len(mariadb.query(open_now)) == 2:  # who has left is listed for a moment yet
                    break
                time.sleep(0.01)
            most = max(len(mariadb.query(open_now)) for _ in range(50))
        assert [one.result().frame.height for one in reading] == [5000] * 20

    assert asked == 1  # our own
    assert most == 2
    while mariadb.query(open_now):
        pass


def test_a_session_that_the_server_ended_is_made_anew(mariadb: MariaDB) -> None:
    fill(mariadb)
    with mariadb.source().open() as database:
        declared = only(database)
        ids = mariadb.query(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{READER}'")
        mariadb.execute(*(f"KILL {number}" for (number,) in ids))

        assert database.figures(declared).rows == 100


def test_a_table_that_is_altered_after_it_was_declared_is_not_read(mariadb: MariaDB) -> None:
    fill(mariadb)
    with mariadb.source().open() as database:
        declared = only(database)
        mariadb.execute("ALTER TABLE t ADD COLUMN later int")
        with pytest.raises(SourceChanged, match="and not listed: later"):
            database.read(declared)


# Without ranges of keys


@pytest.mark.parametrize("key", ["", "PRIMARY KEY (s)", "PRIMARY KEY (s, k)", "UNIQUE (k)"])
def test_a_table_without_ranges_of_keys_comes_in_pieces_that_hold_every_row_once(mariadb: MariaDB, key: str) -> None:
    declared_key = f", {key}" if key else ""
    mariadb.execute(
        f"CREATE TABLE t (k int, s varchar(20), text varchar(100){declared_key})",
        "INSERT INTO t SELECT seq, CONCAT('it''s ', seq), REPEAT('é', 50) FROM seq_1_to_5000",
    )
    with mariadb.source().open() as database:
        declared = only(database)
        assert list(database.ranges(declared, Window(), 1000)) == [None]
        pieces = [rows.frame for rows in database.pieces(declared, Window(), 20_000)]
        since = [rows.frame for rows in database.pieces(declared, Window(since=Since("k", 4001)), 20_000)]

    assert len(pieces) > 10
    assert max(frame.estimated_size() for frame in pieces) < 60_000
    assert sorted(pl.concat(pieces)["k"]) == list(range(1, 5001))
    assert sum(frame.height for frame in since) == 1000


def test_pieces_of_wide_rows_are_not_longer_than_one_row_more_than_asked(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a longtext)", "INSERT INTO t SELECT REPEAT('x', 300000) FROM seq_1_to_20")
    with mariadb.source().open() as database:
        heights = [rows.frame.height for rows in database.pieces(only(database), Window(), 1_000_000)]

    assert heights == [4, 4, 4, 4, 4]


def test_a_table_without_rows_is_one_piece(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a date, b blob)")
    with mariadb.source().open() as database:
        declared = only(database)
        (rows,) = database.pieces(declared, Window(), 1000)

    assert rows.frame.is_empty()
    assert rows.frame.schema == declared.schema


def test_a_row_that_the_server_cuts_off_is_not_taken_for_an_empty_one(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a longtext, b longtext)", "INSERT INTO t VALUES (REPEAT('x', 9000000), NULL)")
    mariadb.execute("UPDATE t SET b = a")
    with (
        mariadb.source().open() as database,
        pytest.raises(SourceError, match="longer than the server sends") as caught,
    ):
        list(database.pieces(only(database), Window(), 1000))

    assert "max_allowed_packet" in caught.value.hint


def test_pieces_of_a_table_that_is_altered_meanwhile_are_refused(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    with mariadb.source().open() as database:
        declared = only(database)
        mariadb.execute("ALTER TABLE t ADD COLUMN later int")
        with pytest.raises(SourceChanged, match="and not listed: later"):
            list(database.pieces(declared, Window(), 1000))
