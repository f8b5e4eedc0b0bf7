"""firn diff PIPELINE --against SCHEMA: production beside what a legacy pipeline, or another run, made of the same."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks.order_list_workbooks import cached
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

DIFF = ("diff", "order_lists", "--against", "legacy")


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """Production, and the same tables in a schema of their own."""
    at = installed()
    shutil.copytree(cached(scale=0.01, seed=3) / "workbooks", at.books, dirs_exist_ok=True)
    at.json("run", "order_lists")
    at.execute("create schema legacy")
    for name in ("order_list", "order_list_lines", "order_list_origin", "order_list_quarantine"):
        at.execute(f"create table legacy.{name} as table public.{name}")
    at.keep()
    return at


@pytest.fixture
def beside(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


def test_equal_schemas_have_no_line_and_exit_with_0(beside: Installation) -> None:
    found = beside.json(*DIFF)

    assert found["equal"]
    assert found["accepted"] == []
    assert {one["equal"] for one in found["tables"].values()} == {True}
    assert found["tables"]["order_list"]["matched_by"] == ["record_uuid"]

    done = beside.firn(*DIFF)

    assert done.returncode == 0
    first, last = done.stdout.splitlines()
    assert first.startswith("Production of order_lists beside schema legacy: 4 tables, ")
    assert first.endswith("all equal.")
    assert last == "Nothing was written."


def test_what_differs_is_told_by_table_and_column_with_samples_and_exits_with_1(beside: Installation) -> None:
    before = beside.production()
    beside.execute(
        """update legacy.order_list set "CUSTOMER STYLE" = 'theirs'
           where ctid = (select min(ctid) from legacy.order_list)""",
        "alter table legacy.order_list_lines add loaded_at timestamp",
        "drop table legacy.order_list_quarantine",
        "create table legacy.order_archive (id int)",
    )

    found = beside.json(*DIFF, code=1)

    unequal = {name for name, one in found["tables"].items() if not one["equal"]}
    assert unequal == {"order_list", "order_list_lines", "order_list_quarantine", "order_archive"}
    told = beside.firn(*DIFF).stdout
    assert "4 tables differ." in told
    assert "order_list: 0 missing, 0 extra, 1 changed" in told
    assert '"CUSTOMER STYLE": 1 changed' in told
    assert "'theirs' -> " in told
    assert '"loaded_at": only in schema legacy' in told
    assert "order_list_quarantine: only in production" in told
    assert "order_archive: only in schema legacy" in told
    assert beside.production() == before


def test_what_is_allowed_is_told_and_not_held_against_a_table(beside: Installation) -> None:
    beside.execute("alter table legacy.order_list_lines add loaded_at timestamp")

    done = beside.firn(*DIFF, "--allow", "columns")

    assert done.returncode == 0
    assert '"loaded_at": only in schema legacy' in done.stdout
    assert "Allowed: columns." in done.stdout


def test_only_the_tables_named_are_compared(beside: Installation) -> None:
    beside.execute("drop table legacy.order_list_quarantine")

    found = beside.json(*DIFF, "--tables", "order_list, order_list_lines")

    assert set(found["tables"]) == {"order_list", "order_list_lines"}


def test_equality_with_a_schema_that_firn_did_not_publish_is_not_recorded(beside: Installation) -> None:
    done = beside.firn(*DIFF, "--accept")

    assert done.returncode == 5
    assert "nothing of order_lists that firn published" in done.stderr


def test_what_firn_makes_beside_production_is_accepted_and_recorded(beside: Installation) -> None:
    beside.json("run", "order_lists", env={"FIRN_TARGET__PRODUCTION": "beside", "FIRN_TARGET__STATE": "firn_beside"})
    tables = ("--tables", "order_list,order_list_lines")

    found = beside.json("diff", "order_lists", "--against", "beside", "--accept", *tables)

    assert found["accepted"] == ["order_list", "order_list_lines"]
    assert beside.query("select run_id from firn.audit where action = 'found equal'") == [(found["run_id"],)]
    told = beside.firn("diff", "order_lists", "--against", "beside", "--accept", *tables).stdout
    assert f"Recorded as equal to what run {found['run_id']} shows there: order_list, order_list_lines." in told


@pytest.mark.parametrize("option", [("--accept",), ("--allow", "type"), ("--tables", "order_list")])
def test_options_that_mean_something_only_against_a_schema_are_refused_without_one(
    installation: Installation, option: tuple[str, ...]
) -> None:
    done = installation.firn("diff", "some_run", *option)

    assert done.returncode == 2
    assert f"{option[0]} needs --against" in done.stderr


def test_a_pipeline_that_there_is_not_is_refused(installation: Installation) -> None:
    assert installation.firn("diff", "order_list", "--against", "legacy").returncode == 2
