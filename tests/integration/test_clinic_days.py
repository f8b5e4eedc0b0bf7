"""Days in the clinic pass as they are told, and the judge finds every kind of difference and nothing else."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from benchmarks.clinic_days import AUDIT, DAYS, Day, change, digests, kept, live
from benchmarks.clinic_judge import judge
from benchmarks.clinic_schema import Engine
from benchmarks.clinic_source import fill
from benchmarks.clinic_values import ALL_DIRT
from benchmarks.mariadb import Database, make_database

CHOSEN = ("histappointment", "paysplit", "procedurelog", "securitylog", "sheetfield", "tmppatient", "task", "files")


@pytest.fixture
def clinic(mariadb_port: int) -> Iterator[Database]:
    with make_database(mariadb_port) as made:
        yield made
        made.execute(f"DROP DATABASE IF EXISTS `{kept(made).name}`")


@pytest.fixture
def dsn(server_home: tuple[Path, str]) -> Iterator[str]:
    with psycopg.connect(server_home[1], autocommit=True) as session:
        session.execute("CREATE SCHEMA copy")
        yield server_home[1]
        session.execute("DROP SCHEMA copy CASCADE")


def lived(database: Database, engine: Engine) -> list[Day]:
    fill(database, 0.001, only=CHOSEN, engine=engine, dirt=ALL_DIRT)
    return [live(database, number) for number in DAYS]


def test_three_days_leave_the_same_rows_whatever_the_engine(mariadb_port: int) -> None:
    shown = []
    for engine in ("MyISAM", "InnoDB"):
        with make_database(mariadb_port) as made:
            lived(made, engine)
            shown.append((digests(made), digests(kept(made))))
            made.execute(f"DROP DATABASE `{kept(made).name}`")
    assert shown[0] == shown[1]
    assert set(shown[0][0]) == {*CHOSEN, "visitnote"} - {"tmppatient"}


def test_a_day_tells_what_it_changed(clinic: Database) -> None:
    before = fill(clinic, 0.001, only=CHOSEN)
    days = [live(clinic, number) for number in DAYS]
    total = {name: sum((day.changes.get(name, Counter()) for day in days), Counter()) for name in CHOSEN}
    now = digests(clinic)
    for name in set(CHOSEN) - {"tmppatient"}:
        came = total[name]["inserted"] + (total[name]["late"] if name in AUDIT else 0)
        gone = total[name]["deleted"] + total[name]["purged"]
        assert now[name].rows == before[name] + came - gone
    assert total["paysplit"].keys() == {"inserted", "late", "stamped", "deleted"}
    assert total["sheetfield"].keys() == {"inserted", "late", "unstamped", "deleted"}
    assert total["securitylog"].keys() == {"inserted", "late"}
    purged = [key for day in days for key in day.purged.get("histappointment", [])]
    assert digests(kept(clinic))["histappointment"].rows == len(purged) > 0.8 * before["histappointment"]


def test_many_rows_have_the_last_second_of_a_day_and_some_come_after_it(clinic: Database) -> None:
    fill(clinic, 0.01, only=["paysplit"])
    ends = [live(clinic, 1).at]
    stamped = "SELECT COUNT(*) FROM paysplit WHERE SecDateTEdit = FROM_UNIXTIME({})"
    first = clinic.query(stamped.format(ends[0]))[0][0]
    late = live(clinic, 2).changes["paysplit"]["late"]
    assert first > 10
    assert late > 5
    assert clinic.query(stamped.format(ends[0]))[0][0] > first


def test_a_share_of_all_rows_can_be_edited(clinic: Database) -> None:
    rows = fill(clinic, 0.01, only=["paysplit", "sheetfield", "securitylog"])
    assert change(clinic, 0.001) == pytest.approx(0.001 * (rows["paysplit"] + rows["sheetfield"]), rel=0.2)


TYPES = {
    "timestamp": "timestamptz",
    "double": "float8",
    "float": "float4",
    "datetime": "timestamp",
    "tinyint": "smallint",
    "mediumblob": "bytea",
}


def copied(clinic: Database, dsn: str, table: str) -> None:
    """Copy a table by way of texts, by the policies that the judge expects."""
    asked = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = database()"
    columns = dict(clinic.query(f"{asked} AND table_name = '{table}' ORDER BY ordinal_position"))
    kinds = {name: TYPES.get(kind, {"time": "interval"}.get(kind, kind)) for name, kind in columns.items()}
    made = SQL(", ").join(SQL("{} {}").format(Identifier(name), SQL(bare(kind))) for name, kind in kinds.items())  # type: ignore[arg-type]
    shown = [f"CAST(`{name}` AS CHAR)" if kind != "bytea" else f"HEX(`{name}`)" for name, kind in kinds.items()]
    rows = clinic.query(f"SELECT {', '.join(shown)} FROM `{table}`")  # noqa: S608 (a test's own names)
    with psycopg.connect(dsn) as session, session.cursor() as cursor:
        cursor.execute(SQL("CREATE TABLE copy.{} ({})").format(Identifier(table), made))
        with cursor.copy(SQL("COPY copy.{} FROM STDIN").format(Identifier(table))) as copy:
            for row in rows:
                copy.write_row([cell(value, kind) for value, kind in zip(row, kinds.values(), strict=True)])


def bare(kind: str) -> str:
    return "text" if kind in {"varchar", "char"} else kind


def cell(value: str | None, kind: str) -> str | None:
    if value is None or value.startswith(("0000-00", "2011-00-15")):
        return None
    return f"\\x{value}" if kind == "bytea" else value.replace("\x00", "")


def test_a_faithful_copy_is_exact_dirt_included(clinic: Database, dsn: str) -> None:
    fill(clinic, 0.003, only=["procedurelog", "paysplit", "files", "tmppatient"], dirt=ALL_DIRT)
    for table in ("procedurelog", "paysplit", "files", "tmppatient"):
        copied(clinic, dsn, table)
        verdict = judge(clinic, dsn, "copy", table)
        assert verdict.exact, str(verdict)
        assert verdict.rows == clinic.query(f"SELECT COUNT(*) FROM `{table}`")[0][0]  # noqa: S608 (a test's own names)


@pytest.mark.parametrize(
    ("harm", "column", "counts"),
    [
        ('DELETE FROM copy.paysplit WHERE "SplitNum" = {key}', "", (1, 0, 0)),
        ('UPDATE copy.paysplit SET "SplitNum" = -5 WHERE "SplitNum" = {key}', "", (1, 1, 0)),
        ('UPDATE copy.paysplit SET "SplitAmt" = "SplitAmt" + 1e-9 WHERE "SplitNum" = {key}', "SplitAmt", (0, 0, 1)),
        ('UPDATE copy.paysplit SET "ProcDate" = NULL WHERE "SplitNum" = {key}', "ProcDate", (0, 0, 1)),
        ('UPDATE copy.paysplit SET "SecurityHash" = \'x \' WHERE "SplitNum" = {key}', "SecurityHash", (0, 0, 1)),
        ('UPDATE copy.paysplit SET "ProvNum" = "ProvNum" + 1 WHERE "SplitNum" = {key}', "ProvNum", (0, 0, 1)),
    ],
)
def test_one_wrong_value_is_found_and_named(
    clinic: Database, dsn: str, harm: str, column: str, counts: tuple[int, int, int]
) -> None:
    fill(clinic, 0.0003, only=["paysplit"])
    copied(clinic, dsn, "paysplit")
    key = clinic.query("SELECT SplitNum FROM paysplit WHERE ProcDate > '2000-01-01' AND SplitAmt > 0 LIMIT 1")[0][0]
    with psycopg.connect(dsn) as session:
        session.execute(harm.format(key=key))  # type: ignore[call-overload]
    verdict = judge(clinic, dsn, "copy", "paysplit")
    assert (verdict.missing, verdict.extra, verdict.changed) == counts
    assert (key, column) in {(found.key, found.column) for found in verdict.differences}


def test_rows_purged_at_the_source_must_still_be_in_the_copy(clinic: Database, dsn: str) -> None:
    fill(clinic, 0.001, only=["histappointment"])
    copied(clinic, dsn, "histappointment")
    purged = live(clinic, 2).purged["histappointment"]
    came = judge(clinic, dsn, "copy", "histappointment", purged=kept(clinic))
    assert (came.extra, came.changed) == (0, 0)
    assert judge(clinic, dsn, "copy", "histappointment").extra == len(purged)


def test_a_column_that_the_copy_lacks_is_named(clinic: Database, dsn: str) -> None:
    fill(clinic, 0.0003, only=["paysplit"])
    copied(clinic, dsn, "paysplit")
    clinic.execute("ALTER TABLE paysplit ADD COLUMN Late int NOT NULL DEFAULT 7 AFTER SplitAmt")
    assert judge(clinic, dsn, "copy", "paysplit").columns == ("Late",)
