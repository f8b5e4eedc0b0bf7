"""The commissions after their first run: changed extracts, what stays of rows, the way back, and a legacy schema."""

from __future__ import annotations

import csv
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.commissions_source import generate
from pipelines.commissions import Commissions
from tests.conftest import empty, restored
from transforms.commissions.legacy import LEGACY
from transforms.commissions.relations import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Installation

LEAVING = "P77777,Hollow,Lena,2001-02-03,lena@example.com,Active,Agent"
PREMIUMS = "select distinct premium from policies where certificate % 100 = 7"
OTHERS = "insert into {0} select (jsonb_populate_record(t, '{1}')).* from {0} t order by id limit 1"
"""Adds a copy of the first row of a table, with other values."""
BY_HAND = (
    "update brokers set name = 'by hand' where id = 77777",
    "update brokers set name = 'by hand' where id = (select min(broker_id) from policies)",
    "update policies set premium = 1.23 where certificate % 100 = 7",
    OTHERS.format("brokers", '{"id": 5, "name": "of others"}'),
    OTHERS.format("premium_transactions", '{"id": "PT-of-others"}'),
)
"""What somebody does to production: to a broker who leaves, one who stays, policies, and with rows of their own."""


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """Production of small extracts, in which nobody refers to one of the brokers."""
    at = installed()
    generate(at.folder, scale=0.002)
    (at.folder / "firn.toml").write_text('[commissions]\nfolder = "extracts"\n', encoding="utf-8")
    rewrite(extract(at, "IndividualRoster"), lambda rows: [*rows, LEAVING.split(",")])
    at.json("run", "commissions")
    at.keep()
    return at


@pytest.fixture
def again(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


def extract(at: Installation, beginning: str) -> Path:
    return next((at.folder / "extracts").glob(f"{beginning}*"))


def rewrite(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    """Change the records of an extract."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([head, *change(rows)])


def one_percent(at: Installation) -> None:
    """Give every hundredth certificate another premium, correct every hundredth posting, and let a broker go."""
    rewrite(extract(at, "CertificateInfo"), lambda rows: [repriced(row) for row in rows])
    rewrite(
        extract(at, "premiums"),
        lambda rows: [[*row[:17], "INX1", *row[18:]] if at % 100 == 1 else row for at, row in enumerate(rows)],
    )
    rewrite(extract(at, "IndividualRoster"), lambda rows: [row for row in rows if row != LEAVING.split(",")])


def repriced(row: list[str]) -> list[str]:
    return [*row[:10], "77.77", *row[11:]] if row[6].strip().endswith("07") else row


def copied(at: Installation, schema: str) -> None:
    """Copy what production shows to another schema."""
    tables = [f"create table {schema}.{name} as table public.{name}" for name in Commissions.publishes]
    at.execute(f"create schema {schema}", *tables)


def lost(at: Installation) -> dict[str, int]:
    """Count the rows of the schema ``before`` that production does not show as they were, by table."""
    query = "select count(*) from (select t::text from before.{0} t except all select t::text from public.{0} t) gone"
    counts = {name: at.query(query.format(name))[0][0] for name in Commissions.publishes}
    return {name: count for name, count in counts.items() if count}


def dangling(at: Installation) -> list[str]:
    """Name the references of production that lead nowhere."""
    query = "select count(*) from {0} a where {1} is not null and not exists (select from {2} b where b.id = a.{1})"
    return [
        f"{one.table}.{one.column}"
        for one in RELATIONS
        if at.query(query.format(one.table, one.column, one.to)) != [(0,)]
    ]


def names_of(at: Installation, *ids: int) -> list[str]:
    return [name for (name,) in at.query("select name from brokers where id = any(%s) order by id", list(ids))]


def test_a_run_of_changed_extracts_is_foreseen_told_and_taken_back_exactly(again: Installation) -> None:
    one_percent(again)
    again.execute(*BY_HAND)
    before = again.production()

    foreseen = again.json("run", "commissions", "--dry-run")
    assert foreseen["family"] == "swap"
    assert {one["name"]: one["policy"] for one in foreseen["tables"]} == Commissions.policies
    assert again.production() == before

    report = again.json("run", "commissions")
    assert (report["status"], report["generation"]) == ("published", 2)
    ran = {step.name for step in Commissions.steps if not step.name.startswith("legacy_")}  # there are no older rosters
    assert {step["name"] for step in report["steps"]} >= ran
    assert all({"rows_in", "rows_out", "rejects", "seconds"} <= step.keys() for step in report["steps"])
    assert again.json("report", "commissions")["steps"] == report["steps"]
    assert report["run_id"] in again.firn("show", "commissions").stdout
    shown = again.firn("report", "commissions").stdout
    head, *told = [line.split() for line in shown.partition("\nstep ")[2].splitlines()]
    assert head == ["seconds", "rows", "in", "rows", "out", "rejects"]
    figures = ("rows_in", "rows_out", "rejects")
    assert {name: [int(one.replace(",", "")) for one in rest] for name, _, *rest in told} == {
        step["name"]: [step[figure] for figure in figures] for step in report["steps"]
    }

    # Master data that is gone stays, and what the extracts have is as they say; all else is replaced.
    assert report["policies"]["brokers"]["kept"] == 2
    assert names_of(again, 5, 77777) == ["of others", "by hand"]
    assert again.query("select count(*) from brokers where name = 'by hand'") == [(1,)]
    assert {str(premium) for (premium,) in again.query(PREMIUMS)} == {"77.77"}
    assert again.query("select count(*) from premium_transactions where id = 'PT-of-others'") == [(0,)]
    assert again.query("select count(*) > 0 from premium_transactions where invoice = 'INX1'") == [(True,)]
    assert dangling(again) == []

    again.json("rollback", "commissions")
    assert again.production() == before


def test_what_breaks_an_invariant_is_refused_with_the_check_the_rows_and_what_to_do(again: Installation) -> None:
    before = again.production()
    rewrite(extract(again, "APL-Perf_Schedule"), lambda rows: [[f"X{row[0]}", *row[1:]] for row in rows])

    done = again.firn("run", "commissions")

    assert done.returncode == 3
    text = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert "Check schedules_linked found 1 rows" in text
    assert "'linked': 0, 'schedules': 0}" in text
    assert "production is unchanged." in text
    assert "Try: This check guards against loss" in text
    assert "then: firn check commissions" in text
    assert again.production() == before


def test_insert_only_leaves_every_row_as_it_is_and_adds_those_that_are_new(again: Installation) -> None:
    one_percent(again)
    again.execute(*BY_HAND)
    copied(again, "before")
    with (again.folder / "firn.toml").open("a", encoding="utf-8") as settings:
        settings.write('[commissions.table_policies]\n"*" = "insert_only"\n')

    report = again.json("run", "commissions")

    assert report["status"] == "published"
    assert lost(again) == {}
    added = {name: figures["added"] for name, figures in report["policies"].items()}
    assert added.keys() == Commissions.publishes.keys()
    assert {name for name, count in added.items() if count} == {"premium_transactions"}
    assert {str(premium) for (premium,) in again.query(PREMIUMS)} == {"1.23"}
    assert dangling(again) == []

    again.execute("update brokers set name = 'changed'")
    assert set(lost(again)) == {"brokers"}


MOVED = ("name", "id", "hierarchy_version_id", "short_name", "type", "sort_order")
PLANTED = (
    OTHERS.format("legacy.products", '{"id": "OLD"}'),
    "delete from legacy.plans where id = (select min(id) from legacy.plans)",
    "update legacy.brokers set last_name = 'Theirs' where id = 77777",
    "alter table legacy.policies alter premium type numeric(18, 4)",
    "update legacy.policies set premium = premium + 0.0012 where id = (select min(id) from legacy.policies)",
    "update legacy.hierarchies set group_name = null where id = (select min(id) from legacy.hierarchies)",
    "update legacy.brokers set email = '' where id = 77777",
    "drop table legacy.state_rules",
    f"create table legacy.state_rules as select {', '.join(MOVED)} from state_rules order by id desc",  # noqa: S608
)
"""A difference of each class, and one table that is the same but for the order of its rows and columns."""


def test_what_a_legacy_run_left_is_equal_or_differs_in_exactly_what_was_planted(again: Installation) -> None:
    copied(again, "legacy")
    again.execute(
        "update brokers set email = null where id = 77777", "update legacy.brokers set email = null where id = 77777"
    )
    equal = again.json("diff", "commissions", "--against", "legacy")
    assert equal["equal"]
    assert equal["tables"].keys() == Commissions.publishes.keys()
    keys = {
        name: again.query(f"select min(id) from {name}")[0][0]  # noqa: S608 (names of our own)
        for name in ("plans", "policies", "hierarchies")
    }
    again.execute(*PLANTED)

    found = again.json("diff", "commissions", "--against", "legacy", code=1)

    unequal = {name: told(one) for name, one in found["tables"].items() if not one["equal"]}
    assert unequal == {
        "products": {"missing": ["id=OLD"]},
        "plans": {"extra": [f"id={keys['plans']}"]},
        "brokers": {"last_name": {"changed": ["id=77777"]}, "email": {"empty_to_null": ["id=77777"]}},
        "policies": {"premium": {"rounding": [f"id={keys['policies']}"]}},
        "hierarchies": {"group_name": {"null_to_value": [f"id={keys['hierarchies']}"]}},
    }
    (premium,) = found["tables"]["policies"]["columns"]
    assert (premium["type"], premium["type_there"]) == ("numeric(18,2)", "numeric(18,4)")
    moved = found["tables"]["state_rules"]
    assert moved["equal"]
    assert [column["name"] for column in moved["columns"] if column["moved"]] == [
        "id",
        "hierarchy_version_id",
        "short_name",
        "name",
    ]
    text = again.firn("diff", "commissions", "--against", "legacy").stdout
    assert "5 tables differ." in text
    assert '"last_name": 1 changed' in text
    assert "id=77777: 'Theirs' -> 'Hollow'" in text


FORMER = {
    "EmployerGroups": "update {0} set \"GroupName\" = 'Theirs' where \"Id\" = 'G00000'",
    "Policies": 'update {0} set "Premium" = "Premium" + 0.0012 where "Id" = (select min("Id") from {0})',
    "Brokers": 'update {0} set "Email" = \'old\' where "Id" = 77777',
    "Plans": 'update {0} set "Name" = null where "Id" = (select min("Id") from {0})',
    "Schedules": 'delete from {0} where "ExternalId" = (select min("ExternalId") from {0})',
    "BrokerAppointments": 'insert into {0} ("BrokerId", "State") select 1, min("State") from {0}',
    "StateRules": "insert into {0} select * from {0} order by 1 limit 1",
}
"""What is made to differ of the tables of a former run, by their names there."""


def former(at: Installation, schema: str) -> None:
    """Lay production out as the former pipeline did: by its names, with ids of its own, and all in another order."""
    at.execute(f"create schema {schema}")
    for name, one in LEGACY.items():
        columns = Commissions.publishes[name].column_names()
        called = [
            f'{column} as "{one.called(column)}"'
            if one.called(column)
            else f'row_number() over () as "{one._replace(columns={}).called(column)}"'
            for column in reversed(columns)
            if column != "group_size"
        ]
        query = f"select {', '.join(called)} from {name} order by {columns[-1]} desc"  # noqa: S608
        at.execute(f'create table {schema}."{one.table}" as {query}')
    at.execute(f'alter table {schema}."Policies" alter "Premium" type numeric(18, 4)')


def test_the_tables_of_a_former_run_are_compared_by_the_names_that_it_gave_them(again: Installation) -> None:
    former(again, "former")
    again.execute("update brokers set email = null where id = 77777")
    again.execute(*(query.format(f'former."{table}"') for table, query in FORMER.items()))

    found = again.json(
        "diff",
        "commissions",
        "--against",
        "former",
        "--allow",
        "columns",
        "--allow",
        "tables",
        "--allow",
        "type",
        code=1,
    )

    tables = found["tables"]
    alone = {name for name, one in tables.items() if not one["there"]}
    assert alone == set(Commissions.publishes) - set(LEGACY)
    assert {name: one["there"] for name, one in tables.items() if one["there"]} == {
        name: one.table for name, one in LEGACY.items()
    }
    unequal = {name: told(one) for name, one in tables.items() if not one["equal"]}
    keys = {name: again.query(f"select min(id) from {name}")[0][0] for name in ("policies", "plans")}  # noqa: S608
    ((code,),) = again.query("select min(external_id) from schedules")
    ((state,),) = again.query("select min(state) from broker_appointments")
    (doubled,) = unequal.pop("state_rules")["missing"]
    assert "(" in doubled
    assert unequal == {
        "employer_groups": {"group_name": {"changed": ["id=G00000"]}},
        "policies": {"premium": {"rounding": [f"id={keys['policies']}"]}},
        "brokers": {"email": {"value_to_null": ["id=77777"]}},
        "plans": {"plan_name": {"null_to_value": [f"id={keys['plans']}"]}},
        "schedules": {"extra": [f"external_id={code}"]},
        "broker_appointments": {"missing": [f"broker_id=1, state={state}"]},
    }


def told(one: dict[str, Any]) -> dict[str, Any]:
    """The keys of the rows that one side alone has, and of those that differ by column and class."""
    rows = {word: [row["key"] for row in one["samples"][word]] for word in ("missing", "extra") if one[word]}
    return rows | {
        column["name"]: {word: [row["key"] for row in sample] for word, sample in column["samples"].items()}
        for column in one["columns"]
        if column["values"]
    }


def test_a_raw_backup_gives_the_same_tables_when_the_extracts_are_gone(again: Installation) -> None:
    settings = again.folder / "firn.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + '[backups]\nfolder = "backups"\n', encoding="utf-8")
    before, last = again.production(), again.json("runs", "commissions")[0]
    raw = again.json("backup", "commissions", "--raw")
    assert re.fullmatch(r"etl_backup_\d{8}_\d{6}", raw["name"])
    assert {"raw_certificate_info", "raw_fees", "extract"} < raw["tables"].keys() <= {*Commissions.reads}
    assert raw["rows"] >= raw["tables"]["raw_premiums"] > 600
    assert again.production() == before

    shutil.rmtree(again.folder / "extracts")
    empty(again.dsn)
    done = again.json("run", "commissions", "--from-backup", raw["name"])
    assert (done["status"], done["rows_read"]) == ("published", last["rows_read"])
    assert again.production() == before
    assert again.json("run", "commissions", "--from-backup", "commissions")["status"] == "unchanged"

    spoiled = next((again.folder / "backups" / raw["name"]).rglob("*raw_premiums.arrow"))
    spoiled.write_bytes(spoiled.read_bytes()[:-1] + b"!")
    refused = again.firn("run", "commissions", "--from-backup", raw["name"])
    assert refused.returncode == 1
    assert str(spoiled) in refused.stderr
    assert "firn backup list" in refused.stderr
    assert again.production() == before
