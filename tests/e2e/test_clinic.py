"""A database replicated by the real command line: every change arrives, nothing else moves, and all of it at once."""

# ruff: noqa: S608 (the names are the tests' own)
from __future__ import annotations

import datetime as dt
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.mariadb import READER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Installation
    from tests.mariadb import MariaDB

TABLES = (
    (
        "CREATE TABLE patient (PatNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, LName varchar(100) NOT NULL, "
        "Birthdate date NOT NULL DEFAULT '0001-01-01', BalTotal double NOT NULL DEFAULT 0, "
        "DateTStamp timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()) ENGINE=MyISAM"
    ),
    (
        "CREATE TABLE procnote (ProcNoteNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, Note text, "
        "EntryDateTime datetime NOT NULL) ENGINE=MyISAM"
    ),
    (
        "CREATE TABLE securitylog (SecurityLogNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, LogText text, "
        "LogDateTime datetime NOT NULL) ENGINE=MyISAM"
    ),
    "CREATE TABLE zipcode (ZipCodeNum bigint NOT NULL PRIMARY KEY, City varchar(50)) ENGINE=InnoDB",
    "CREATE TABLE tmppatient (PatNum bigint, LName varchar(50)) ENGINE=MyISAM",
    "CREATE TABLE chat (ChatNum bigint NOT NULL PRIMARY KEY) ENGINE=MyISAM",
)
ROWS = (
    (
        "INSERT INTO patient (LName, BalTotal, Birthdate, DateTStamp) SELECT concat('Ashford ', seq), seq * 0.1, "
        "if(seq % 50 = 0, '0000-00-00', '1980-05-06'), '2026-01-01 10:00:00' FROM seq_1_to_3000"
    ),
    "INSERT INTO procnote (Note, EntryDateTime) SELECT concat('note ', seq), '2026-01-02 03:04:05' FROM seq_1_to_3000",
    "INSERT INTO securitylog (LogText, LogDateTime) SELECT concat('log ', seq), '2026-01-02' FROM seq_1_to_3000",
    "INSERT INTO zipcode VALUES (97201, 'Portland'), (97202, NULL), (97203, '')",
    "INSERT INTO tmppatient VALUES (1, 'Birch'), (2, NULL), (2, NULL)",
)
STATED = {
    "patient": {
        "tier": "critical",
        "strategy": "incremental",
        "incremental_column": "DateTStamp",
        "money": ["BalTotal"],
    },
    "procnote": {"tier": "important", "strategy": "compare"},
    "securitylog": {"tier": "audit", "strategy": "append", "incremental_column": "SecurityLogNum"},
}
COLUMNS = {
    "patient": ("PatNum", "LName", "Birthdate", "BalTotal", "DateTStamp"),
    "procnote": ("ProcNoteNum", "Note", "EntryDateTime"),
    "securitylog": ("SecurityLogNum", "LogText", "LogDateTime"),
    "zipcode": ("ZipCodeNum", "City"),
    "tmppatient": ("PatNum", "LName"),
    "chat": ("ChatNum",),
}

DISCOVERED: list[str] = []


class Clinic:
    """A source, and an installation of firn that replicates it."""

    def __init__(self, source: MariaDB, installation: Installation) -> None:
        self.source, self.firn = source, installation
        self.stated: dict[str, dict[str, object]] = {table: {**settings} for table, settings in STATED.items()}
        self.ruled: dict[str, dict[str, str]] = {}
        source.execute(*TABLES, *ROWS)
        self.settings()
        self.discover()

    def discover(self) -> None:
        """Make the catalogue once, and take it over for every other database of the same tables."""
        path, name = self.firn.folder / "tables.yaml", self.source.database
        if not DISCOVERED:
            self.firn.json("discover", "clinic")
            DISCOVERED.append(path.read_text(encoding="utf-8").replace(name, "DATABASE"))
        path.write_text(DISCOVERED[0].replace("DATABASE", name), encoding="utf-8")

    def settings(self, **more: object) -> None:
        """State the settings, beside what all tests state."""
        place = {"host": "127.0.0.1", "port": self.source.port, "user": READER, "database": self.source.database}
        lines = [
            "[clinic]",
            *stated({"overlap_s": 0.0, **more}),
            "[clinic.source]",
            *stated({**place, "tls": "disabled"}),
        ]
        for column, rules in self.ruled.items():
            lines += [f'[clinic.source.columns."{column}"]', *stated(rules)]
        for table, settings in self.stated.items():
            lines += [f"[clinic.tables.{table}]", *stated(settings)]
        (self.firn.folder / "firn.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def change(self, *statements: str) -> None:
        """Change the source; what was changed just now is not proven to stay so, and what was not is."""
        self.source.execute(*statements)

    def run(self, *options: str, code: int = 0) -> dict[str, Any]:
        return self.firn.json("run", "clinic", *options, code=code)

    def rows(self, table: str) -> list[list[str | None]]:
        """What the source has, as the text of every value; days that no calendar has are null by rule."""
        texts = ", ".join(
            f"IF({c} = '0000-00-00', NULL, CAST({c} AS CHAR))" if c == "Birthdate" else f"CAST({c} AS CHAR)"
            for c in COLUMNS[table]
        )
        self.source.execute()
        with self.source.connected() as connection, connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(f"SELECT {texts} FROM {table}")
            return sorted(([*row] for row in cursor.fetchall()), key=str)

    def published(self, table: str) -> list[list[str | None]]:
        """What production shows, as the text of every value."""
        texts = ", ".join(f"\"{c}\" AT TIME ZONE 'UTC'" if c == "DateTStamp" else f'"{c}"' for c in COLUMNS[table])
        found = self.firn.query(f"SELECT {texts} FROM {table}")
        return sorted(([None if v is None else text(v) for v in row] for row in found), key=str)


def text(value: object) -> str:
    """Write a value as MariaDB does."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def stated(settings: Mapping[str, object]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in settings.items()]


@pytest.fixture
def clinic(mariadb: MariaDB, installation: Installation) -> Clinic:
    made = Clinic(mariadb, installation)
    time.sleep(2.1)
    return made


@pytest.fixture
def loaded(clinic: Clinic) -> Clinic:
    report = clinic.run()
    assert (report["status"], report["generation"]) == ("published", 1), report
    return clinic


def same(clinic: Clinic, *but: str) -> None:
    for table in COLUMNS.keys() - {*but}:
        assert clinic.published(table) == clinic.rows(table), table


def test_a_first_run_publishes_every_table_at_once_as_it_is(loaded: Clinic) -> None:
    same(loaded)
    assert len(loaded.rows("patient")) == 3000


def test_a_run_with_nothing_changed_reads_nothing_and_makes_no_generation(loaded: Clinic) -> None:
    report = loaded.run()

    assert (report["status"], report["taken"], report["rows_read"]) == ("unchanged", 6, 0)
    same(loaded)


def test_every_kind_of_change_arrives_and_tables_that_did_not_change_are_not_touched(loaded: Clinic) -> None:
    versions = "SELECT array_agg(DISTINCT xmin::text) FROM zipcode"
    before = loaded.firn.query(versions)
    loaded.change(
        "DELETE FROM patient WHERE PatNum BETWEEN 100 AND 199 OR PatNum = 7",
        "UPDATE patient SET LName = 'Cedar' WHERE PatNum = 8",
        "INSERT INTO patient (LName) VALUES ('Elm'), ('Elm')",
        "UPDATE procnote SET Note = 'amended' WHERE ProcNoteNum = 77",
        "DELETE FROM procnote WHERE ProcNoteNum = 78",
        "INSERT INTO securitylog (LogText, LogDateTime) VALUES ('one more', '2026-02-03')",
        "DELETE FROM tmppatient WHERE PatNum = 1",
    )

    report = loaded.run()

    assert report["status"] == "published"
    same(loaded)
    assert report["changes"]["patient"] == {"inserted": 2, "updated": 1, "deleted": 101}
    assert loaded.firn.query(versions) == before
    assert "zipcode" not in report["strategies"]


def test_a_second_change_of_a_table_without_stamps_is_found_by_its_checksums(loaded: Clinic) -> None:
    loaded.change("UPDATE procnote SET Note = 'once' WHERE ProcNoteNum = 5")
    loaded.run()
    loaded.change(
        "UPDATE procnote SET Note = 'twice' WHERE ProcNoteNum = 5", "DELETE FROM procnote WHERE ProcNoteNum > 2990"
    )

    report = loaded.run()

    assert report["figures"]["tables read, compare"] == 1
    assert report["changes"]["procnote"] == {"inserted": 0, "updated": 1, "deleted": 10}
    same(loaded)


def test_rows_that_tie_with_the_watermark_are_not_lost(loaded: Clinic) -> None:
    stamp = "'2030-01-01 12:00:00'"
    loaded.change(f"INSERT INTO patient (LName, DateTStamp) VALUES ('first', {stamp})")
    loaded.run()
    loaded.change(f"INSERT INTO patient (LName, DateTStamp) VALUES ('late, in the same second', {stamp})")

    loaded.run()

    same(loaded)


def test_a_row_that_comes_with_an_old_stamp_is_found_by_its_key(loaded: Clinic) -> None:
    loaded.change("INSERT INTO patient (PatNum, LName, DateTStamp) VALUES (9000, 'restored', '2020-01-01')")

    loaded.run()

    same(loaded)


def test_what_the_source_purges_of_an_audit_table_is_recorded_and_stays_published(loaded: Clinic) -> None:
    loaded.change(
        "DELETE FROM securitylog WHERE SecurityLogNum <= 2900",
        "INSERT INTO securitylog (LogText, LogDateTime) VALUES ('after the purge', '2026-03-03')",
    )

    report = loaded.run()

    assert len(loaded.published("securitylog")) == 3001
    assert "securitylog: the source has purged 2,900 rows, which production keeps" in report["notes"]
    loaded.change("INSERT INTO zipcode VALUES (97204, 'Salem')")
    loaded.run("--full")
    assert len(loaded.published("securitylog")) == 3001
    same(loaded, "securitylog")


def test_an_added_column_arrives_and_views_on_the_table_stay(loaded: Clinic) -> None:
    loaded.firn.execute('CREATE VIEW names AS SELECT "LName" FROM patient')
    loaded.change("ALTER TABLE patient ADD COLUMN Title varchar(15) NOT NULL DEFAULT 'Dr' AFTER LName")

    report = loaded.run()

    assert report["status"] == "published", report
    assert loaded.firn.query('SELECT count(*), min("Title"), max("Title") FROM patient') == [(3000, "Dr", "Dr")]
    assert loaded.firn.query("SELECT count(*) FROM names") == [(3000,)]
    same(loaded)


def test_columns_that_change_at_the_source_are_followed_where_nothing_is_lost(loaded: Clinic) -> None:
    loaded.firn.execute('CREATE VIEW notes AS SELECT "Note" FROM procnote')
    loaded.change(
        "ALTER TABLE patient ADD COLUMN Title varchar(15) NOT NULL DEFAULT 'Dr' AFTER LName",
        "ALTER TABLE zipcode DROP COLUMN City",
        "INSERT INTO securitylog (LogText, LogDateTime) VALUES ('beside', '2026-02-03')",
    )

    report = loaded.run()

    assert (report["status"], set(report["strategies"].values())) == ("published", {"diff", "merge"}), report
    assert loaded.firn.query('SELECT count(*), min("Title"), max("Title") FROM patient') == [(3000, "Dr", "Dr")]
    assert loaded.firn.query("SELECT count(*) FROM notes") == [(3000,)]
    assert loaded.firn.query('SELECT "ZipCodeNum"::text, "City" FROM zipcode ORDER BY 1') == [
        ("97201", "Portland"),
        ("97202", None),
        ("97203", ""),
    ]
    same(loaded, "zipcode")

    loaded.change("ALTER TABLE procnote MODIFY EntryDateTime date NOT NULL")
    before = loaded.firn.production()
    refused = loaded.run("--tables", "procnote", code=3)
    assert "EntryDateTime was datetime not null and is date not null" in refused["error"]
    assert 'ALTER TABLE "public"."procnote" ALTER COLUMN "EntryDateTime" TYPE date' in refused["hint"]
    assert loaded.firn.production() == before


def test_a_table_that_lost_most_of_its_rows_is_published_only_where_that_is_allowed(loaded: Clinic) -> None:
    loaded.change("DELETE FROM patient WHERE PatNum > 1000")
    before = loaded.firn.production()

    refused = loaded.run(code=4)

    assert "2000 of the 3000 rows" in refused["error"]
    assert "may_delete" in refused["hint"]
    assert loaded.firn.production() == before
    assert loaded.run("--set", "may_delete=0.7")["status"] == "published"
    same(loaded)


def test_a_table_that_takes_too_long_is_told_while_it_does_and_left_as_it_was(loaded: Clinic) -> None:
    loaded.stated["zipcode"] = {"max_minutes": 0.05, "on_overrun": "cancel"}
    loaded.settings()
    loaded.change("UPDATE zipcode SET City = 'Bend'", "UPDATE patient SET LName = 'Juniper' WHERE PatNum = 1")
    with loaded.source.connected() as blocking, blocking.cursor() as cursor:
        cursor.execute("LOCK TABLES zipcode WRITE")  # whoever reads it waits, and nothing else ends that
        report = loaded.run("--tables", "zipcode,patient")

    assert (report["status"], set(report["strategies"])) == ("published", {"patient"})
    assert report["overruns"] == [
        {"table": "zipcode", "tier": report["overruns"][0]["tier"], "max_minutes": 0.05, "policy": "cancel"}
    ]
    assert loaded.published("zipcode") != loaded.rows("zipcode")
    assert loaded.run()["status"] == "published"
    same(loaded)


def test_only_the_tables_asked_for_are_read(loaded: Clinic) -> None:
    loaded.change(
        "UPDATE patient SET LName = 'Fir' WHERE PatNum = 1", "UPDATE procnote SET Note = 'x' WHERE ProcNoteNum = 1"
    )
    before = loaded.published("procnote")

    report = loaded.run("--tables", "critical")

    assert report["parts"] == 1
    assert loaded.published("patient") == loaded.rows("patient")
    assert loaded.published("procnote") == before
    loaded.run("--exclude", "zipcode")
    same(loaded)


def test_a_dry_run_names_order_groups_and_reasons_and_writes_nothing(clinic: Clinic) -> None:
    plan = clinic.firn.json("run", "clinic", "--dry-run")

    assert [t["tier"] for t in plan["tables"]][:3] == ["critical", "important", "audit"]
    assert {t["name"]: t["read"] for t in plan["tables"]} == dict.fromkeys(COLUMNS, "full")
    assert plan["family"] == "swap"
    assert clinic.firn.query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'firn%'") == [(0,)]


def test_a_table_that_fails_stops_a_critical_one_and_leaves_another_as_it_was(loaded: Clinic) -> None:
    before = loaded.firn.production()
    loaded.change("UPDATE patient SET LName = 'Gum' WHERE PatNum = 1", "UPDATE zipcode SET City = 'Bend'")
    loaded.source.execute("DROP TABLE tmppatient")

    refused = loaded.run(code=3)
    assert "tmppatient" in refused["error"]
    assert loaded.firn.production() == before

    loaded.run("--exclude", "tmppatient")
    assert loaded.published("zipcode") == loaded.rows("zipcode")
    assert len(loaded.published("tmppatient")) == 3


def test_a_rollback_brings_the_rows_back_and_the_next_run_finds_the_changes_again(loaded: Clinic) -> None:
    before = loaded.firn.production()
    loaded.change("DELETE FROM patient WHERE PatNum < 50", "UPDATE zipcode SET City = 'Bend'")
    loaded.run()

    loaded.firn.json("rollback", "clinic")

    assert loaded.firn.production() == before
    assert loaded.run()["status"] == "published"
    same(loaded)


def test_tables_are_read_as_they_were_at_one_moment_where_that_is_asked_for(loaded: Clinic) -> None:
    loaded.change("UPDATE patient SET LName = 'Hazel' WHERE PatNum < 9", "UPDATE zipcode SET City = 'Hood'")
    loaded.source.execute(f"GRANT LOCK TABLES ON `{loaded.source.database}`.* TO {READER}@127.0.0.1")

    assert loaded.run("--lock", "--tables", "patient")["status"] == "published"
    assert loaded.run("--set", "consistency=snapshot", "--tables", "zipcode")["status"] == "published"

    same(loaded)
    loaded.change("UPDATE patient SET LName = 'Holly' WHERE PatNum < 9")
    refused = loaded.run("--set", "consistency=snapshot", "--tables", "patient", code=1)
    assert "MyISAM" in refused["error"]


def test_in_office_hours_no_row_is_read_unless_it_is_asked_for_which_is_recorded(loaded: Clinic) -> None:
    loaded.settings(time_zone="UTC", office_hours=office_hours())
    before = loaded.firn.production()
    loaded.change("UPDATE zipcode SET City = 'Bend'")

    for asked in (("run", "clinic"), ("run", "clinic", "--tables", "zipcode"), ("check", "clinic")):
        refused = loaded.firn.json(*asked, code=75)
        assert "office hours" in refused["error"]
        assert "--anyway" in refused["hint"]
    assert loaded.firn.production() == before

    assert loaded.run("--anyway")["status"] == "published"
    same(loaded)
    acts = loaded.firn.json("show", "clinic")["acts"]
    assert "loaded in office hours" in [act["action"] for act in acts]


def office_hours() -> str:
    """Hours that began an hour ago and end in two."""
    now = dt.datetime.now(dt.UTC)
    return f"{now - dt.timedelta(hours=1):%H:%M}-{now + dt.timedelta(hours=2):%H:%M}"


def test_a_change_without_a_stamp_in_the_latest_days_stops_the_publication_until_it_is_read(loaded: Clinic) -> None:
    loaded.change("UPDATE patient SET LName = 'Ivy' WHERE PatNum = 4")
    loaded.run()
    loaded.change("UPDATE patient SET Birthdate = CURRENT_DATE, DateTStamp = DateTStamp WHERE PatNum = 3")
    loaded.stated["patient"]["business_date"] = "Birthdate"
    loaded.settings()
    before = loaded.firn.production()

    refused = loaded.run(code=3)

    assert '"patient", Birthdate from ' in refused["error"]
    assert "1 rows at the source, 0 here" in refused["error"]
    assert refused["hint"].endswith("firn run clinic --full --tables patient")
    assert loaded.firn.production() == before
    loaded.stated["patient"]["lookback_days"] = 30
    loaded.settings()
    assert loaded.run()["status"] == "published"
    same(loaded)


def test_every_command_knows_the_tables_of_a_replication(loaded: Clinic) -> None:
    shown = {table["name"]: table for table in loaded.firn.json("show", "clinic")["tables"]}
    assert {name: table["rows"] for name, table in shown.items()} == {name: len(loaded.rows(name)) for name in COLUMNS}
    assert (shown["patient"]["tier"], shown["patient"]["strategy"]) == ("critical", "incremental")
    assert shown["patient"]["reason"] == "decided in firn.toml"
    assert shown["patient"]["read_at"]
    text = loaded.firn.firn("show", "clinic").stdout
    assert "1 of 1 published" in text
    assert "checksums" not in text

    proved = loaded.firn.json("check", "clinic", "--published")
    assert {one["table"]: one["verdict"] for one in proved["tables"]} == dict.fromkeys(COLUMNS, "equal")
    found = {one["check"]: one for one in loaded.firn.json("doctor")["findings"]}
    assert "6 tables, written" in found["clinic catalogue"]["detail"]
    assert "SELECT on" in found["clinic source"]["detail"]
    assert "6 tables could be published" in found["clinic target"]["detail"]
    assert "6 of 6 tables" in loaded.firn.firn("runs", "clinic").stdout
    assert loaded.firn.json("runs", "clinic")[0]["unit"] == "tables"
    assert loaded.firn.json("check", "clinic", "--full")["passed"]
    for asked, code in (
        (("quarantine", "list", "clinic"), 5),
        (("replay", "clinic", "--customer", "ASHFORD"), 2),
        (("show", "clinic", "--headers", "x.xlsx"), 2),
        (("check", "clinic", "--limit-files", "1"), 2),
        (("run", "clinic", "--extract-only"), 2),
        (("report", "order_lists", "--compliance"), 2),
        (("report", "clinic", "--compliance"), 0),
    ):
        done = loaded.firn.firn(*asked)
        assert done.returncode == code, (asked, done.stderr)
        assert "Traceback" not in done.stderr


def test_production_is_held_against_what_was_recorded_and_against_the_source_as_it_is_now(loaded: Clinic) -> None:
    loaded.change("DELETE FROM patient WHERE PatNum < 11", "DELETE FROM securitylog WHERE SecurityLogNum < 6")
    verdicts = {one["table"]: one for one in loaded.firn.json("check", "clinic", "--published")["tables"]}
    assert verdicts["patient"]["verdict"] == "source moved since"
    assert verdicts["patient"]["differences"][0] == "2,990 rows at the source, 3,000 here"
    assert verdicts["patient"]["differences"][1].startswith("BalTotal: ")
    time.sleep(2.1)  # so that the stamp of the last write is one that proves something
    loaded.run()
    verdicts = {one["table"]: one for one in loaded.firn.json("check", "clinic", "--published")["tables"]}
    assert {one["verdict"] for one in verdicts.values()} == {"equal"}, verdicts

    loaded.firn.execute('UPDATE patient SET "BalTotal" = 0 WHERE "PatNum" = 50', "DELETE FROM procnote")
    found = loaded.firn.json("check", "clinic", "--published", code=3)
    wrong = {one["check"]: one["detail"] for one in found["findings"] if not one["passed"]}
    assert set(wrong) == {"critical tables", "important tables", "table patient", "table procnote"}
    assert "0 rows, 3,000 were published" in wrong["table procnote"]
    assert {one["table"]: one["verdict"] for one in found["tables"]}["patient"] == "differs"
    loaded.settings(time_zone="UTC", office_hours=office_hours())
    quiet = loaded.firn.json("check", "clinic", "--published", code=3)
    assert {one["verdict"] for one in quiet["tables"]} == {"not asked"}


def test_the_doctor_names_what_a_replication_lacks(clinic: Clinic) -> None:
    clinic.stated["pateint"] = {"tier": "critical"}
    clinic.settings()
    clinic.source.execute("DROP TABLE chat")
    found = {one["check"]: one for one in clinic.firn.json("doctor", code=1)["findings"]}
    assert "pateint" in found["clinic decisions"]["detail"]
    assert "chat" in found["clinic tables"]["detail"]
    (clinic.firn.folder / "tables.yaml").unlink()
    assert "firn discover clinic" in clinic.firn.firn("show", "clinic").stdout
    found = {one["check"]: one for one in clinic.firn.json("doctor", code=1)["findings"]}
    assert found["clinic catalogue"]["hint"] == "firn discover clinic"
    (clinic.firn.folder / "firn.toml").write_text("", encoding="utf-8")
    found = {one["check"]: one for one in clinic.firn.json("doctor")["findings"]}
    assert found["pipeline clinic"]["detail"] == "not set up: no setting of it is stated"


def test_values_that_a_rule_sets_aside_are_listed_with_their_address_until_they_are_mended(clinic: Clinic) -> None:
    clinic.ruled["patient.Birthdate"] = {"zero_date": "quarantine"}
    clinic.stated["patient"]["quality_threshold"] = 0.5
    clinic.settings()
    assert clinic.run()["tables"]["clinic_quarantine"] == 60
    found = clinic.firn.json("quarantine", "list", "clinic")
    assert (found["open"], found["table"]) == (60, "clinic_quarantine")
    first = {name: found["entries"][0][name] for name in ("table", "key", "column", "raw", "reason", "resolved_at")}
    assert first == {
        "table": "patient",
        "key": '{"PatNum": 50}',
        "column": "Birthdate",
        "raw": "0000-00-00",
        "reason": "zero_date",
        "resolved_at": None,
    }
    since = found["entries"][0]["first_run"]
    text = clinic.firn.firn("quarantine", "list", "clinic").stdout
    assert "In quarantine: 60 values of 1 table" in text
    assert "firn quarantine export clinic --table patient --out annotated" in text

    clinic.change(
        "UPDATE patient SET Birthdate = '1990-01-01' WHERE PatNum = 50",
        "DELETE FROM patient WHERE PatNum = 100",
        "UPDATE patient SET Birthdate = '0000-00-00' WHERE PatNum = 1",
        "UPDATE zipcode SET City = 'Bend'",
    )
    assert clinic.run("--tables", "zipcode")["status"] == "published"
    assert clinic.firn.json("quarantine", "list", "clinic")["open"] == 60
    report = clinic.run()
    assert report["figures"]["tables read, incremental"] == 1
    found = clinic.firn.json("quarantine", "list", "clinic", "--all")
    keys = {entry["key"]: entry["first_run"] for entry in found["entries"] if entry["resolved_at"] is None}
    assert len(keys) == 59
    assert keys['{"PatNum": 150}'] == since
    assert keys['{"PatNum": 1}'] == report["run_id"]
    gone = {entry["key"] for entry in found["entries"] if entry["resolved_run"] == report["run_id"]}
    assert gone == {'{"PatNum": 50}', '{"PatNum": 100}'}

    clinic.firn.json("quarantine", "export", "clinic", "--out", "lists")
    listed = (clinic.firn.folder / "lists" / "patient.csv").read_text(encoding="utf-8").splitlines()
    assert len(listed) == 60
    clinic.change("UPDATE patient SET Birthdate = '1991-01-01', DateTStamp = DateTStamp WHERE PatNum = 150")
    clinic.settings(time_zone="UTC", office_hours=office_hours())
    assert clinic.firn.json("replay", "clinic", "--table", "patient", code=75)["hint"].endswith("--anyway")
    (done,) = clinic.firn.json("replay", "clinic", "--table", "patient", "--anyway")["files"]
    assert (done["before"], done["after"], done["resolved"], done["new"]) == (59, 58, 1, 0)
    clinic.firn.json("rollback", "clinic")
    assert clinic.firn.json("quarantine", "list", "clinic")["open"] == 59
    refused = clinic.firn.json("quarantine", "list", "clinic", "--file", "x", code=2)
    assert "--file means nothing" in refused["error"]


def test_rows_past_their_days_are_archived_with_the_other_changes_and_never_lost_nor_copied_back(
    clinic: Clinic,
) -> None:
    audit = clinic.stated["securitylog"]
    clinic.source.execute("UPDATE securitylog SET LogDateTime = '2010-01-02' WHERE SecurityLogNum <= 2000")
    clinic.run()
    audit |= {"business_date": "LogDateTime", "archive_after_days": 3650}
    clinic.settings()
    before = clinic.published("securitylog")

    report = clinic.run()

    assert report["changes"]["securitylog"] == {"inserted": 0, "updated": 0, "deleted": 2000}
    assert any(note.startswith("securitylog: 2000 rows from before ") for note in report["notes"])
    kept = 'SELECT count(*), min("SecurityLogNum"), max("SecurityLogNum") FROM'
    assert clinic.firn.query(f"{kept} securitylog") == [(1000, 2001, 3000)]
    assert clinic.firn.query(f"{kept} securitylog_archive") == [(2000, 1, 2000)]
    columns = '"SecurityLogNum", "LogText", "LogDateTime"'
    both = f"(SELECT {columns} FROM securitylog UNION ALL SELECT {columns} FROM securitylog_archive) both_of_them"
    found = clinic.firn.query(f"SELECT {columns} FROM {both}")
    assert sorted(([text(v) for v in row] for row in found), key=str) == before

    clinic.change(
        "DELETE FROM securitylog WHERE SecurityLogNum BETWEEN 500 AND 509", "UPDATE zipcode SET City = 'Bend'"
    )
    assert clinic.run("--full", "--tables", "audit")["status"] == "published"
    assert clinic.firn.query(f"{kept} {both}") == [(3000, 1, 3000)]
    clinic.change("INSERT INTO securitylog (LogText, LogDateTime) VALUES ('late', '2009-01-01'), ('new', '2026-04-04')")
    time.sleep(2.1)  # so that the stamp of the last write is one that proves something
    clinic.run()
    assert clinic.run()["status"] == "published"
    assert clinic.firn.query(f"{kept} securitylog") == [(1001, 2001, 3002)]
    assert clinic.run()["status"] == "unchanged"
    assert clinic.firn.json("check", "clinic", "--published")["passed"]

    clinic.settings(time_zone="UTC", office_hours=office_hours())
    (held,) = clinic.firn.json("report", "clinic", "--compliance", "--anyway")
    assert (held["source"], held["not_asked"], held["target"]["rows"], held["archive"]["rows"]) == (
        2992,
        "",
        1001,
        2001,
    )
    assert (held["together"]["low"], held["together"]["high"], held["together"]["gaps"]) == (1, 3002, 0)
    assert [act["detail"] for act in held["purges"]] == ["10 rows"]
    assert len(held["archived"]) == 2
    shown = clinic.firn.firn("report", "clinic", "--compliance").stdout
    assert "securitylog: kept 3650 days of LogDateTime, then in securitylog_archive" in shown
    assert re.search("source     not asked: its office hours are .*; --anyway asks it; 10 purged since", shown)
    clinic.firn.json("rollback", "clinic")
    assert clinic.firn.query(f"{kept} {both}") == [(3002, 1, 3002)]
