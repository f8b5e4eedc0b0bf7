"""What is proven on MariaDB holds on MySQL 9: the same tests, without the types that only MariaDB has."""

# ruff: noqa: S608 (the names are the tests' own)
from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from test_mysql_database import (
    fill,
    only,
    test_a_lock_that_somebody_is_in_the_way_of_is_given_up,
    test_a_right_to_lock_that_is_missing_is_named,
    test_a_session_that_the_server_ended_is_made_anew,
    test_a_table_that_is_altered_after_it_was_declared_is_not_read,
    test_a_window_since_a_value_has_the_rows_that_tie_with_it_and_none_before,
    test_figures_do_not_depend_on_the_order_of_summing,
    test_marks_that_are_settled_prove_that_nobody_wrote,
    test_ranges_follow_one_another_and_their_rows_are_those_of_the_window,
    test_sessions_are_kept_and_never_more_than_allowed,
    test_tables_that_are_locked_cannot_be_written_and_can_be_read,
    test_the_highest_value_is_one_to_read_from,
)
from test_mysql_source import ONE_BY_ONE, contents
from test_mysql_source import listed as parts_of
from test_mysql_values import COLUMNS, NINES, D, Torn, collected, compared, decimal, piecewise

from sources.mysql import Since, Window
from tests.mariadb import PASSWORD, READER, make_database
from tests.mysql import serve_mysql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_mysql_values import Read

    from tests.mariadb import MariaDB

__all__ = [
    "test_a_lock_that_somebody_is_in_the_way_of_is_given_up",
    "test_a_right_to_lock_that_is_missing_is_named",
    "test_a_session_that_the_server_ended_is_made_anew",
    "test_a_table_that_is_altered_after_it_was_declared_is_not_read",
    "test_a_window_since_a_value_has_the_rows_that_tie_with_it_and_none_before",
    "test_figures_do_not_depend_on_the_order_of_summing",
    "test_marks_that_are_settled_prove_that_nobody_wrote",
    "test_ranges_follow_one_another_and_their_rows_are_those_of_the_window",
    "test_sessions_are_kept_and_never_more_than_allowed",
    "test_tables_that_are_locked_cannot_be_written_and_can_be_read",
    "test_the_highest_value_is_one_to_read_from",
]

ABROAD = ("--default-time-zone=+05:30", "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH")
OURS = ("uuid", "inet6", "json")
"""MariaDB's own types, and one that MySQL spells in its own way."""


@pytest.fixture(scope="module")
def mysql_port() -> Iterator[int]:
    """Where a private MySQL 9 listens, whose defaults are none that firn wants."""
    with serve_mysql(*ABROAD) as port:
        yield port


@pytest.fixture
def mariadb(mysql_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[MariaDB]:
    """An empty database of MySQL 9, in MariaDB's stead."""
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with make_database(mysql_port) as made:
        yield made


def columns() -> dict[str, Torn]:
    kept = {name: torn for name, torn in COLUMNS.items() if torn.declared not in ("uuid", "inet6")}
    return {**kept, "fraction": Torn("decimal(38,30)", (f"0.{NINES[:30]}", "-0.1"), D(38, 30), decimal)}


@pytest.mark.parametrize("read", [collected, piecewise])
@pytest.mark.parametrize("dirty", [False, True])
def test_every_value_is_what_mysql_casts_it_to(mariadb: MariaDB, read: Read, *, dirty: bool) -> None:
    assert not mariadb.source().preflight().is_mariadb
    compared(mariadb, columns(), read, dirty=dirty)


@pytest.mark.parametrize("declared", [declared for declared in ONE_BY_ONE if declared not in OURS])
def test_the_smallest_change_changes_the_content(mariadb: MariaDB, declared: str) -> None:
    before, after = ONE_BY_ONE[declared]
    mariadb.execute(f"CREATE TABLE t (a int, v {declared}, b int)", f"INSERT INTO t VALUES (1, {before}, 2)")
    was = contents(parts_of(mariadb.source()))
    mariadb.execute(f"UPDATE t SET v = {after}")

    assert contents(parts_of(mariadb.source())) != was


def test_a_snapshot_is_of_one_moment(mariadb: MariaDB) -> None:
    fill(mariadb)
    mariadb.execute(f"GRANT LOCK TABLES ON `{mariadb.database}`.* TO {READER}@127.0.0.1")
    with mariadb.source().open() as database:
        declared = only(database)
        with database.snapshot([declared]) as snapshot:
            mariadb.execute("DELETE FROM t WHERE k < 50")
            frames = [snapshot.read(declared).frame for _ in range(4)]
        since = database.read(declared, Window(since=Since("k", 50))).frame

    assert {frame.height for frame in frames} == {100}
    assert pl.concat(frames).unique().height == 100
    assert since.height == 50
