"""A MySQL source logs in once, reads what it listed or says why not, and never more at a time than it may."""

# ruff: noqa: S608 (the names are the tests' own)
from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import polars as pl
import pytest

from firn import ConfigError, SourceChanged, SourceError, SourceUnavailable
from sources.mysql.catalogue import SourceColumn, SourceTable
from sources.mysql.chunks import _read
from sources.mysql.rules import Rules
from sources.mysql.sessions import open_session
from sources.mysql.types import fields_of
from tests.mariadb import ADMIN, PASSWORD, READER, make_database, serve_mariadb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from firn import Table
    from sources import MySQL
    from tests.mariadb import MariaDB


def listed(source: MySQL, name: str = "t") -> list[Table]:
    return [table for table in source.tables() if table.name == name]


def rows(tables: Sequence[Table]) -> pl.DataFrame:
    return pl.concat([table.frame.collect() for table in tables])


def fill(mariadb: MariaDB, keys: Sequence[int], engine: str = "InnoDB", key: str = "bigint") -> None:
    values = ", ".join(f"({k}, repeat(char(97 + {i} % 26), 100))" for i, k in enumerate(keys))
    mariadb.execute(
        f"CREATE TABLE t (k {key} PRIMARY KEY, text varchar(100)) ENGINE={engine}",
        f"INSERT INTO t VALUES {values}",
        "ANALYZE TABLE t",
    )


# Logging in


def aborted(mariadb: MariaDB) -> int:
    return int(mariadb.query("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])


def test_a_wrong_password_is_tried_once_and_shown_nowhere(mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "wrong-secret")
    source, before = mariadb.source(), aborted(mariadb)

    with pytest.raises(SourceError) as caught:
        list(source.tables())

    assert aborted(mariadb) == before + 1
    assert f"MySQL refused {READER}@127.0.0.1:{mariadb.port}" in caught.value.message
    assert "Production is unchanged." in caught.value.message
    assert not isinstance(caught.value, SourceUnavailable)
    assert "wrong-secret" not in repr(source) + repr(source.login()) + str(caught.value) + repr(caught.value.__cause__)


def test_a_server_that_is_not_there_is_unavailable(mariadb: MariaDB) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(SourceUnavailable, match="Connecting to MySQL") as caught:
            mariadb.source(port=taken.getsockname()[1]).preflight()

    assert "answers, then run again" in caught.value.hint


def test_a_server_that_accepts_and_says_nothing_is_given_up(mariadb: MariaDB) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SourceUnavailable, match="Connecting to MySQL"):
            mariadb.source(port=silent.getsockname()[1], connect_timeout_s=0.2).preflight()


def test_a_database_that_is_not_there_is_named(mariadb: MariaDB) -> None:
    with pytest.raises(SourceError, match="nowhere") as caught:
        mariadb.source(user=ADMIN, database="nowhere").preflight()

    assert "SHOW DATABASES" in caught.value.hint


def test_a_server_without_encryption_is_refused_unless_that_is_stated(mariadb: MariaDB) -> None:
    with pytest.raises(SourceError) as caught:
        mariadb.source(tls="required").preflight()

    assert not isinstance(caught.value, SourceUnavailable)
    assert 'tls, now "required"' in caught.value.hint


def test_the_server_says_its_version_and_its_mode(mariadb: MariaDB) -> None:
    server = mariadb.source().preflight()

    assert server.is_mariadb
    assert "STRICT_TRANS_TABLES" in server.sql_mode
    assert server.time_zone == "SYSTEM"


def test_neither_driver_writes_even_where_the_account_may(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (k int)")
    login = mariadb.source(user=ADMIN).login()

    with open_session(login) as session, pytest.raises(SourceError, match="1792"):
        session.rows("INSERT INTO t VALUES (1)", "Writing")
    with pytest.raises(SourceError, match="1792"):
        _read(login, mariadb.source().preflight(), "INSERT INTO t VALUES (2)", "Writing")

    assert mariadb.query("SELECT * FROM t") == []


def test_the_option_file_fills_in_what_is_not_stated(
    mariadb: MariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYSQL_PWD")
    file = tmp_path / "my.cnf"
    file.write_text(f'[client]\nuser = root\npassword = "{PASSWORD}"\nport = 1\nssl\n', encoding="utf-8")
    source = mariadb.source(option_file=file)

    assert (source.login().user, source.login().port) == (READER, mariadb.port)
    assert source.preflight().is_mariadb
    with pytest.raises(ConfigError, match="names no user"):
        mariadb.source(option_file=file, user="").login()
    fewer = type(source)(database="d", option_file=file).login()
    assert (fewer.user, fewer.port, fewer.host) == ("root", 1, "127.0.0.1")


@pytest.mark.parametrize("content", ["password = p\n", "[client]\npassword = p\nport = x\n", None])
def test_an_option_file_that_is_wrong_is_refused_without_its_content(
    mariadb: MariaDB, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "my.cnf"
    if content:
        file.write_text(content.replace("= p", "= top-secret"), encoding="utf-8")
    source = type(mariadb.source())(database="d", user="reader", option_file=file)

    with pytest.raises(ConfigError, match=r"my\.cnf cannot be read") as caught:
        source.login()

    assert "top-secret" not in str(caught.value) + repr(caught.value.__cause__)


# What was listed is what is read


def test_tables_whose_names_differ_only_in_case_are_two(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int)", "CREATE TABLE T (b int)", "INSERT INTO T VALUES (1)")

    assert rows(listed(mariadb.source())).is_empty()
    assert rows(listed(mariadb.source(), "T"))["b"].to_list() == [1]


def test_a_table_without_rows_or_key_has_its_columns(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int, b date, c decimal(40,2))")
    (table,) = listed(mariadb.source())

    assert dict(table.frame.collect().schema) == {"a": pl.Int32, "b": pl.Date, "c": pl.String}
    assert table.contract is not None
    assert table.contract.primary_key() == []


@pytest.mark.parametrize(
    "keys",
    ["UNIQUE (b)", "UNIQUE (a(3)), UNIQUE (b)", "UNIQUE (n), UNIQUE (b)", "PRIMARY KEY (b), UNIQUE (a)"],
)
def test_the_key_is_the_first_that_tells_every_row_from_the_others(mariadb: MariaDB, keys: str) -> None:
    mariadb.execute(f"CREATE TABLE t (a varchar(9) NOT NULL, b int NOT NULL, n int, {keys})")

    assert mariadb.source().catalogue()[0].key == ("b",)


def test_a_table_that_may_not_be_read_is_asked_for_by_name(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int)")

    with pytest.raises(SourceError, match="has no table secrets, or this account may not read it") as caught:
        list(mariadb.source(only=("t", "secrets")).tables())

    assert "SHOW GRANTS" in caught.value.hint


def test_a_right_that_is_taken_away_is_named(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int)")
    (table,) = listed(mariadb.source())
    mariadb.execute(f"REVOKE SELECT ON `{mariadb.database}`.* FROM {READER}@127.0.0.1")
    mariadb.execute(f"GRANT INSERT ON `{mariadb.database}`.* TO {READER}@127.0.0.1")

    with pytest.raises(SourceError, match="SELECT command denied") as caught:
        table.frame.collect()

    assert "GRANT SELECT ON" in caught.value.hint
    assert not isinstance(caught.value, SourceChanged)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE t",
        "ALTER TABLE t DROP COLUMN b",
        "ALTER TABLE t ADD COLUMN c int",
        "ALTER TABLE t MODIFY a varchar(9)",
        "ALTER TABLE t MODIFY b int",
        "ALTER TABLE t RENAME COLUMN b TO c",
    ],
)
def test_a_table_that_is_altered_between_listing_and_reading_is_not_read(mariadb: MariaDB, change: str) -> None:
    mariadb.execute("CREATE TABLE t (a int, b date)", "INSERT INTO t VALUES (1, NULL)")
    (table,) = listed(mariadb.source())
    mariadb.execute(change)

    with pytest.raises(SourceChanged) as caught:
        table.frame.collect()

    assert 'able "t"' in caught.value.message
    assert "Production is unchanged." in caught.value.message
    assert "run again" in caught.value.hint


def test_a_table_that_is_altered_while_it_is_read_is_not_taken(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int, b date)", "INSERT INTO t VALUES (1, NULL)")
    (table,) = listed(mariadb.source())
    waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%'"

    with ThreadPoolExecutor(1) as reader, mariadb.connected() as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        reading = reader.submit(table.frame.collect)
        while not mariadb.query(waiting)[0][0]:
            assert not reading.done()
        cursor.execute("ALTER TABLE t ADD COLUMN c int")
        cursor.execute("UNLOCK TABLES")
        with pytest.raises(SourceChanged, match="and not listed: c"):
            reading.result()


def test_a_password_that_changes_after_listing_is_tried_once(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int)")
    (table,) = listed(mariadb.source())
    before = aborted(mariadb)
    mariadb.execute(f"SET PASSWORD FOR {READER}@127.0.0.1 = PASSWORD('another')")

    try:
        with pytest.raises(SourceError, match="MySQL refused"):
            table.frame.collect()
    finally:
        mariadb.execute(f"SET PASSWORD FOR {READER}@127.0.0.1 = PASSWORD('{PASSWORD}')")

    assert aborted(mariadb) == before + 1


def test_a_server_that_stops_after_listing_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with serve_mariadb() as port, make_database(port) as mariadb:
        mariadb.execute("CREATE TABLE t (a int)")
        (table,) = listed(mariadb.source())

    with pytest.raises(SourceUnavailable, match="Connecting to MySQL"):
        table.frame.collect()


def test_a_statement_that_takes_too_long_is_ended_by_the_server(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int)")
    (table,) = listed(mariadb.source(statement_timeout_s=2))

    with mariadb.connected() as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        with pytest.raises(SourceError, match="max_statement_time") as caught:
            table.frame.collect()

    assert "raise statement_timeout_s, now 2" in caught.value.hint


def test_a_type_that_has_no_partner_is_refused_by_table_and_column() -> None:
    table = SourceTable("t", columns=(SourceColumn("v", "vector", "vector(3)"),))

    with pytest.raises(SourceError, match=r'Column "v" of table "t" is vector\(3\)') as caught:
        fields_of(table, lambda _: Rules())

    assert caught.value.hint == 'leave the table out: exclude = ["t"]'


# Parts and chunks

EXTREMES = {
    "bigint": [-(2**63), -1, 0, 1, 2**63 - 1],
    "bigint unsigned": [0, 1, 2**63, 2**64 - 1],
    "smallint": list(range(-300, 300, 7)),
}


@pytest.mark.parametrize("key", EXTREMES)
@pytest.mark.parametrize(("part_mb", "chunk_mb"), [(0.004, 0.001), (0.004, 32), (256, 0.001)])
def test_parts_and_chunks_hold_every_row_once(mariadb: MariaDB, key: str, part_mb: float, chunk_mb: float) -> None:
    fill(mariadb, EXTREMES[key], key=key)
    parts = listed(mariadb.source(part_mb=part_mb, chunk_mb=chunk_mb))

    assert len(parts) == len({part.part for part in parts})
    assert (len(parts) > 1) is (part_mb < 1)
    assert sorted(map(int, rows(parts)["k"])) == EXTREMES[key]
    assert len({part.content() for part in parts if part.content}) >= (2 if part_mb < 1 else 1)


def test_many_rows_with_the_same_beginning_of_their_key_stay_in_one_chunk(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))")
    pairs = [(a, b) for a in (1, 2, 2**31 - 1) for b in range(50)]
    mariadb.execute(f"INSERT INTO t VALUES {', '.join(map(str, pairs))}")
    read = rows(listed(mariadb.source(part_mb=0.001, chunk_mb=0.0005)))

    assert sorted(read.iter_rows()) == pairs


@pytest.mark.parametrize("most", [1, 2, 6])
def test_as_many_connections_are_open_as_allowed_and_no_more(mariadb: MariaDB, most: int) -> None:
    fill(mariadb, range(1000))
    parts = listed(mariadb.source(part_mb=0.02, chunk_mb=0.005, connections=most))
    open_now = f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{READER}'"

    with ThreadPoolExecutor(8) as readers, mariadb.connected() as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        reading = [readers.submit(part.frame.collect) for part in parts]
        while mariadb.query(open_now)[0][0] < most:
            pass
        mariadb.query("SELECT SLEEP(0.5)")
        held = mariadb.query(open_now)[0][0]
        cursor.execute("UNLOCK TABLES")
        read = [one.result() for one in reading]

    assert len(parts) >= 8
    assert held == most
    assert sum(frame.height for frame in read) == 1000


# What has changed

ONE_BY_ONE = {
    "float": ("0.1", "0.10000001"),
    "double": ("0.1", "0.10000000000000002"),
    "decimal(65,30)": ("1", "1.000000000000000000000000000001"),
    "varchar(9)": ("'a'", "'A'"),
    "varchar(10)": ("'a'", "'a '"),
    "varchar(11)": ("''", "NULL"),
    "varchar(12)": ("'N'", "NULL"),
    "text": ("'e'", "'é'"),
    "blob": ("x'00'", "x'0000'"),
    "time(6)": ("'-00:00:00.000001'", "'00:00:00.000001'"),
    "date": ("'0000-00-00'", "'2024-00-10'"),
    "datetime(6)": ("'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00.000002'"),
    "enum('', 'a')": ("0", "''"),
    "bit(9)": ("256", "0"),
    "point": ("point(1, 2)", "point(2, 1)"),
    "json": ("'[1, 2]'", "'[1,2]'"),
    "char(9)": ("'a,b'", "'a,c'"),
    "mediumtext": ("'N'", "NULL"),
    "longblob": ("x'00'", "NULL"),
    "uuid": ("'123e4567-e89b-12d3-a456-426655440000'", "NULL"),
    "inet6": ("'::1'", "'::2'"),
    "varchar(9) CHARACTER SET utf16": ("'ä'", "'Ä'"),
    "varchar(9) CHARACTER SET latin1": ("'ä'", "'Ä'"),
    "double(10, 2)": ("0.01", "0.02"),
    "float(10, 2)": ("16777216", "16777218"),
    "double unsigned": ("1e300", "1.0000000000000002e300"),
    "set('a', 'b')": ("'a,b'", "'b'"),
    "year": ("0", "2000"),
}


def contents(parts: Sequence[Table]) -> dict[str, str]:
    return {part.part: part.content() for part in parts if part.content}


@pytest.mark.parametrize("declared", ONE_BY_ONE)
def test_the_smallest_change_changes_the_content(mariadb: MariaDB, declared: str) -> None:
    before, after = ONE_BY_ONE[declared]
    mariadb.execute(f"CREATE TABLE t (a int, v {declared}, b int)", f"INSERT INTO t VALUES (1, {before}, 2)")
    was = contents(listed(mariadb.source()))
    mariadb.execute("UPDATE t SET a = 1")
    same = contents(listed(mariadb.source()))
    mariadb.execute(f"UPDATE t SET v = {after}")

    assert was == same != contents(listed(mariadb.source()))


@pytest.mark.parametrize("change", ["DELETE FROM t LIMIT 2", "INSERT INTO t VALUES (7), (7)", "UPDATE t SET a = 8"])
def test_equal_rows_do_not_hide_one_another(mariadb: MariaDB, change: str) -> None:
    mariadb.execute("CREATE TABLE t (a int)", "INSERT INTO t VALUES (7), (7), (7), (7)")
    was = contents(listed(mariadb.source()))
    mariadb.execute(change)

    assert contents(listed(mariadb.source())) != was


def test_only_the_part_that_changed_has_other_content(mariadb: MariaDB) -> None:
    fill(mariadb, range(1000))
    source = mariadb.source(part_mb=0.03)
    was = contents(listed(source))
    mariadb.execute("UPDATE t SET text = 'changed' WHERE k = 0", "DELETE FROM t WHERE k = 999")
    now = contents(listed(source))

    assert len(was) > 3
    assert [part for part in was if was[part] != now[part]] == [next(iter(was)), list(was)[-1]]


def test_other_rules_are_other_content(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE t (a date)", "INSERT INTO t VALUES ('0000-00-00')")
    found = [contents(listed(source)) for source in (mariadb.source(), mariadb.source(rules=Rules(zero_date="clamp")))]

    assert found[0] != found[1]


@pytest.mark.parametrize("engine", ["MyISAM", "InnoDB"])
def test_a_table_just_written_has_no_fingerprint_and_one_at_rest_has(mariadb: MariaDB, engine: str) -> None:
    fill(mariadb, range(10), engine)
    fresh = listed(mariadb.source())[0].fingerprint
    mariadb.query("SELECT SLEEP(3)")
    first, second = (listed(mariadb.source())[0].fingerprint for _ in range(2))
    mariadb.execute("UPDATE t SET text = 'changed' WHERE k = 1")
    mariadb.query("SELECT SLEEP(3)")
    third = listed(mariadb.source())[0].fingerprint

    assert fresh == ""
    assert first == second != ""
    assert third not in ("", first)


def test_an_engine_that_stamps_its_writes_late_is_not_believed(mariadb: MariaDB) -> None:
    fill(mariadb, range(10), "Aria")
    mariadb.query("SELECT SLEEP(3)")

    assert listed(mariadb.source())[0].fingerprint == ""


def test_nothing_is_read_before_it_is_collected(mariadb: MariaDB) -> None:
    fill(mariadb, range(10))
    (table,) = listed(mariadb.source())
    mariadb.execute("INSERT INTO t VALUES (10, 'later')")

    assert table.frame.collect().height == 11
