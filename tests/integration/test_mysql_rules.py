"""What PostgreSQL does not have is nulled, clamped, set aside or refused as its rule says, and counted by column."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Literal

import polars as pl
import pytest

from firn import SourceError
from sources.mysql.rules import Rules

if TYPE_CHECKING:
    from firn import Table
    from sources import MySQL
    from sources.mysql.rules import Remedy
    from tests.mariadb import MariaDB

DAY = dt.date
ROWS = {
    "d": ["'0000-00-00'", "'2024-00-10'", "'2023-02-30'", "'0000-05-05'", "'2024-02-29'", "'0001-01-01'", "NULL"],
    "at": ["'2024-04-31 12:34:56.5'", *["'2024-02-29 00:00:00'"] * 6],
    "flag": ["0", "1", "2", "-128", "1", "NULL", "0"],
    "text": [r"'a\0b'", *["'clean'"] * 5, "NULL"],
}
DIRT = {("d", "zero_date"): 4, ("at", "zero_date"): 1, ("flag", "not_boolean"): 2, ("text", "nul"): 1}


@pytest.fixture
def dirty(mariadb: MariaDB) -> MariaDB:
    columns = "a int, b varchar(9), d date, at datetime(1), flag tinyint(1), `text` text"
    rows = enumerate(zip(*ROWS.values(), strict=True))
    mariadb.execute(
        f"CREATE TABLE visits ({columns}, PRIMARY KEY (a, b))",
        *(f"INSERT INTO visits VALUES ({i}, 'é', {', '.join(row)})" for i, row in rows),  # noqa: S608
    )
    return mariadb


def listed(source: MySQL) -> dict[str, Table]:
    return {table.name: table for table in source.tables()}


def rules(policy: Remedy) -> Rules:
    return Rules(tinyint1="boolean", zero_date=policy, not_boolean=policy, nul=policy)


def counts(found: dict[str, Table], policy: str) -> dict[tuple[str, str], int]:
    counted = found["counted_values"].frame.collect()
    assert set(counted["table"]) <= {"visits"}
    assert set(counted["policy"]) <= {policy}
    return {(column, rule): n for column, rule, n in counted.select("column", "rule", "values").iter_rows()}


@pytest.mark.parametrize("policy", ["null", "quarantine"])
def test_nothing_is_left_where_the_rule_leaves_null(dirty: MariaDB, policy: str) -> None:
    found = listed(dirty.source(rules=rules(policy)))
    frame = found["visits"].frame.collect()

    assert frame["d"].to_list() == [None] * 4 + [DAY(2024, 2, 29), DAY(1, 1, 1), None]
    assert frame["at"].null_count() == 1
    assert frame["flag"].to_list() == [False, True, None, None, True, None, False]
    assert frame["text"].to_list() == [None, *["clean"] * 5, None]
    assert counts(found, policy) == DIRT


def test_clamping_leaves_the_nearest_value(dirty: MariaDB) -> None:
    found = listed(dirty.source(rules=rules("clamp")))
    frame = found["visits"].frame.collect()

    assert frame["d"].to_list()[:4] == [DAY(1, 1, 1), DAY(2024, 1, 10), DAY(2023, 2, 28), DAY(1, 5, 5)]
    assert frame["at"][0] == dt.datetime(2024, 4, 30, 12, 34, 56, 500_000)  # noqa: DTZ001 (a clock on a wall)
    assert frame["flag"].to_list() == [False, True, True, True, True, None, False]
    assert frame["text"][0] == "ab"
    assert counts(found, "clamp") == DIRT
    assert found["quarantined_values"].frame.collect().is_empty()


def test_clamping_works_on_a_day_of_the_year_0_that_was_read_plainly(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE visits (d date, at datetime(6))")
    mariadb.execute("INSERT INTO visits VALUES ('0000-05-06', '0000-05-06 01:02:03.000004')")
    found = listed(mariadb.source(rules=rules("clamp")))
    row = found["visits"].frame.collect().row(0)

    assert row == (DAY(1, 5, 6), dt.datetime(1, 5, 6, 1, 2, 3, 4))  # noqa: DTZ001
    assert counts(found, "clamp") == {("d", "zero_date"): 1, ("at", "zero_date"): 1}


def test_what_is_set_aside_is_listed_with_its_row_and_its_text(dirty: MariaDB) -> None:
    found = listed(dirty.source(rules=rules("quarantine")))
    aside = found["quarantined_values"].frame.collect()

    assert [json.loads(key) for key in aside["key"]][:2] == [{"a": 0, "b": "é"}, {"a": 1, "b": "é"}]
    assert aside.filter(column="d")["raw"].to_list() == ["0000-00-00", "2024-00-10", "2023-02-30", "0000-05-05"]
    assert aside.filter(column="at")["raw"].to_list() == ["2024-04-31 12:34:56.5"]
    assert aside.filter(column="flag")["raw"].to_list() == ["2", "-128"]
    assert aside.filter(column="text")["raw"].to_list() == ["a␀b"]


@pytest.mark.parametrize(("column", "rule"), DIRT)
def test_failing_names_table_column_rule_count_and_row(dirty: MariaDB, column: str, rule: str) -> None:
    others = rules("null").model_dump() | {rule: "fail"}
    source = dirty.source(
        rules=Rules(**others), columns={"visits.d": Rules(zero_date="null")} if column == "at" else {}
    )

    with pytest.raises(SourceError) as caught:
        listed(source)["visits"].frame.collect()

    first = 2 if column == "flag" else 0
    assert (
        f'Table "visits", column "{column}": {DIRT[column, rule]} values break the rule {rule}' in caught.value.message
    )
    assert f'"a": {first}' in caught.value.message
    assert "Production is unchanged." in caught.value.message
    assert caught.value.hint.endswith(f'columns."visits.{column}".{rule} = "quarantine"')


def test_a_column_may_have_rules_of_its_own_and_keeps_the_others(dirty: MariaDB) -> None:
    source = dirty.source(rules=rules("null"), columns={"visits.d": Rules(zero_date="clamp")})
    frame = listed(source)["visits"].frame.collect()

    assert frame["d"][0] == DAY(1, 1, 1)
    assert frame["at"][0] is None
    assert frame["flag"].dtype == pl.Boolean


@pytest.mark.parametrize("policy", ["keep", "null", "quarantine"])
def test_days_that_mean_none_are_counted_and_kept_unless_stated_otherwise(
    dirty: MariaDB, policy: Literal["keep", "null", "quarantine"]
) -> None:
    sentinels = (DAY(1, 1, 1), DAY(2024, 2, 29))
    source = dirty.source(columns={"visits.d": Rules(sentinel=policy, sentinels=sentinels)})
    found = listed(source)
    left = found["visits"].frame.collect()["d"].to_list()[4:6]

    assert left == (list(reversed(sentinels)) if policy == "keep" else [None, None])
    counted = found["counted_values"].frame.collect().filter(rule="sentinel")
    assert counted.select("column", "policy", "values").rows() == [("d", policy, 2)]
    assert found["quarantined_values"].frame.collect().height == (2 if policy == "quarantine" else 0)


def test_a_flag_is_a_number_or_a_truth_by_its_declaration_whatever_it_holds(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE TABLE flags (a tinyint(1), b tinyint(4), c boolean)", "INSERT INTO flags VALUES (1, 1, 0)")
    numbers, truths = (
        listed(mariadb.source(rules=Rules(tinyint1=kind)))["flags"].frame.collect() for kind in ("smallint", "boolean")
    )

    assert numbers.dtypes == [pl.Int16] * 3
    assert truths.dtypes == [pl.Boolean, pl.Int16, pl.Boolean]


@pytest.mark.parametrize(
    ("policy", "nullable"), [("null", True), ("quarantine", True), ("clamp", False), ("fail", False)]
)
def test_a_column_that_is_never_null_may_be_where_its_rule_leaves_null(
    mariadb: MariaDB, policy: Remedy, *, nullable: bool
) -> None:
    mariadb.execute("CREATE TABLE days (id int PRIMARY KEY, d date NOT NULL, n int NOT NULL)")
    contract = listed(mariadb.source(rules=Rules(zero_date=policy)))["days"].contract

    assert contract is not None
    assert {name: column.nullable for name, column in contract.columns().items()} == {
        "id": False,
        "d": nullable,
        "n": False,
    }
