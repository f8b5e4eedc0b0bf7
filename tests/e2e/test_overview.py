"""What people see of a pipeline before they type the next line: firn show, and the figures of a publication."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.order_list_workbooks import cached
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

ROOT = Path(__file__).parents[2]
GONE = "ASHFORD ORDER LIST (M3).xlsx"
HELD = "insert into firn.lease values ('order_lists', 9, 'r', 'elsewhere', 'elm', 7, 'ann@elm', now(), now() + {})"
"""A run of another machine, whose lease holds for some time from now."""


@pytest.fixture(scope="session")
def made() -> Path:
    return cached(scale=0.01, seed=3)


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation], made: Path) -> tuple[Installation, dict[str, Any]]:
    """A production, and what the run that made it told."""
    at = installed()
    shutil.copytree(made / "workbooks", at.books, dirs_exist_ok=True)
    report = at.json("run", "order_lists")
    at.keep()
    return at, report


@pytest.fixture
def published(first: tuple[Installation, dict[str, Any]]) -> Iterator[Installation]:
    with restored(first[0]) as at:
        yield at


@pytest.fixture
def run(first: tuple[Installation, dict[str, Any]]) -> dict[str, Any]:
    return first[1]


@pytest.fixture
def loaded(installation: Installation, made: Path) -> Installation:
    shutil.copytree(made / "workbooks", installation.books, dirs_exist_ok=True)
    return installation


def test_a_pipeline_that_was_never_run_is_shown_and_nothing_is_written(loaded: Installation) -> None:
    found = loaded.json("show", "order_lists")
    assert (found["visible"], found["kept"], found["acts"], found["cursors"]) == (None, [], [], {})
    assert found["after_publish"] == ["lines_have_origins"]
    assert [table["name"] for table in found["tables"]][:2] == ["order_list", "order_list_lines"]
    key = [column["name"] for column in found["tables"][0]["columns"] if column["key"]]
    assert key == ["record_uuid"]
    assert {table["strategy"] for table in found["tables"]} == {"swap"}
    assert loaded.query("select nspname from pg_namespace where nspname like 'firn%'") == []


def test_no_secret_is_shown(loaded: Installation) -> None:
    given = {key: value for key, value in conninfo_to_dict(loaded.dsn).items() if value}
    dsn = make_conninfo(**given, password="hunter2")  # noqa: S106 (the word that must not be shown)
    shown = loaded.firn("show", "order_lists", env={"FIRN_TARGET__DSN": dsn})
    assert shown.returncode == 0, shown.stderr
    assert "hunter2" not in shown.stdout + shown.stderr
    assert "target.dsn" in shown.stdout


def test_what_is_visible_kept_and_was_done_is_shown_with_the_line_to_type(
    published: Installation, run: dict[str, Any]
) -> None:
    (published.books / GONE).unlink()
    second = published.json("run", "order_lists", "--accept-missing", GONE)
    ready = published.json("run", "order_lists", "--no-publish", "--full-refresh")
    published.json("discard", ready["run_id"])

    found = published.json("show", "order_lists")

    assert (found["visible"]["generation"], found["visible"]["run_id"]) == (2, second["run_id"])
    (kept,) = found["kept"]
    assert (kept["generation"], kept["run_id"], kept["strategy"]) == (1, run["run_id"], "swap")
    assert kept["rows"] == run["tables"]
    taken = published.query(
        "select sum(pg_total_relation_size(oid))::bigint from pg_class "
        "where relnamespace = 'firn_previous_order_lists_g1'::regnamespace and relkind = 'r'"
    )
    assert [(kept["bytes"],)] == taken == [(second["kept_bytes"],)]
    assert [(act["action"], act["detail"]) for act in found["acts"] if act["action"] not in ("ran", "published")] == [
        ("discarded", "order_list, order_list_lines, order_list_origin, order_list_quarantine"),
        ("accepted_missing", GONE),
    ]
    shown = published.firn("show", "order_lists")
    assert kept["command"] in shown.stdout
    assert published.firn(*kept["command"].split()[1:]).returncode == 0


def test_a_run_keeps_its_settings_without_secrets_and_shows_what_has_changed_since_the_last_that_went_well(
    published: Installation, run: dict[str, Any]
) -> None:
    given = {key: value for key, value in conninfo_to_dict(published.dsn).items() if value}
    dsn = make_conninfo(**given, password="hunter2")  # noqa: S106 (the word that must not be kept)
    keep = ("--set", "phantom_rows=keep")
    later = published.json("run", "order_lists", "--no-publish", *keep, env={"FIRN_TARGET__DSN": dsn})["run_id"]

    found = published.json("show", later)

    assert (found["pipeline"], found["status"], found["environment"]) == ("order_lists", "ready", "production")
    assert found["settings"]["phantom_rows"] == "keep"
    assert found["settings"]["target.dsn"] == "..."
    assert found["since"] == run["run_id"]
    changed = {one["setting"]: (one["before"], one["now"]) for one in found["changed"]}
    assert changed.pop("target.dsn") == (None, "...")
    assert changed == {"phantom_rows": ("set_aside", "keep")}
    assert "settings" in found["other"]
    assert published.query("select count(*) from firn.run r where r::text like '%%hunter2%%'") == [(0,)]
    first = published.json("show", run["run_id"])
    assert (first["since"], first["changed"]) == (None, [])
    shown = published.firn("show", later).stdout
    assert "set_aside -> keep" in shown
    unknown = published.firn("show", f"{later}x")
    assert (unknown.returncode, later in unknown.stderr) == (5, True)
    refused = published.firn("show", later, "--headers", "x.xlsx")
    assert "A run does not go with --headers" in refused.stderr


def test_the_queries_of_the_page_on_monitoring_are_answered(published: Installation, run: dict[str, Any]) -> None:
    page = (ROOT / "docs/howto/monitor_with_sql.md").read_text(encoding="utf-8")
    queries = [
        one for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) for one in block.split(";") if one.strip()
    ]
    answers = [published.query(query) for query in queries]
    assert answers[0][0][:3] == ("order_lists", run["run_id"], "published")
    assert answers[1][0][::2] == ("order_lists", False)
    assert {row[1] for row in answers[4]} >= {"order_rows", "cells_accounted"}
    assert answers[7][0][:3] == ("order_lists", 1, "published")
    assert answers[7][0][4] == sum(run["tables"].values())
    for view in ("runs", "steps", "publications"):
        columns = published.query(
            "select column_name from information_schema.columns where table_schema = 'firn' and table_name = %s", view
        )
        assert {name for (name,) in columns} <= set(re.findall(r"`(\w+)`", page)), view


def test_the_report_says_how_tables_were_published_and_what_it_cost(
    published: Installation, run: dict[str, Any]
) -> None:
    report = published.json("report")
    assert published.json("report", "order_lists") == report == published.json("report", run["run_id"])
    nothing = published.json("report", "clinic", code=5)
    assert nothing["error"] == "No run of clinic is recorded in this target."
    recorded = published.query(
        "select locked_ms, attempts, longest_wait_ms, wal_bytes from firn.publication where generation = 1"
    )
    figures = [report[name] for name in ("locked_ms", "attempts", "longest_wait_ms", "wal_bytes")]
    assert [tuple(figures)] == recorded
    assert set(report["strategies"]) == set(run["tables"])
    told = published.firn("report").stdout
    for words in ("swap (order_list", "locks", "held", "nobody waited longer than", "of the server's log"):
        assert words in told
    shown = json.loads(published.firn("show", "order_lists", "--json").stdout)
    assert shown["visible"]["wal_bytes"] == report["wal_bytes"] > 0


def test_the_doctor_finds_nothing_in_a_new_place_and_writes_nothing(loaded: Installation) -> None:
    found = loaded.json("doctor")
    assert found["passed"] is True
    assert {health["check"] for health in found["findings"]} >= {"target", "disk", "leftovers", "pipeline order_lists"}
    assert loaded.query("select nspname from pg_namespace where nspname like 'firn%'") == []


def test_the_doctor_names_what_a_killed_run_left_and_what_stands_in_the_way_and_drops_only_the_first(
    published: Installation,
) -> None:
    dead = published.json("run", "order_lists", "--no-publish", "--full-refresh")
    published.execute(
        f"update firn.run set status = 'running' where run_id = '{dead['run_id']}'",  # noqa: S608
        "create materialized view open_orders as select record_uuid from order_list",
    )
    before = published.production()

    looked = published.firn("doctor")
    fixed = published.firn("doctor", "--fix")

    assert (looked.returncode, fixed.returncode) == (1, 1)
    assert f"firn_stage_{dead['run_id']}" in looked.stdout
    assert "Try: firn doctor --fix drops it" in looked.stdout
    assert "dropped schema" in fixed.stdout
    for done in (looked, fixed):
        assert "open_orders" in done.stdout
        assert "1 to see to" in done.stdout or done is looked
    assert published.production() == before
    published.execute("drop materialized view open_orders")
    assert published.firn("doctor").returncode == 0


def test_the_doctor_looks_closer_at_one_pipeline_and_says_of_what_is_wrong_what_to_do(published: Installation) -> None:
    found = published.json("doctor", "order_lists")
    details = {health["check"]: health["detail"] for health in found["findings"]}
    assert found["passed"] is True
    assert "pipeline commissions" not in details
    assert details["order_lists lease"] == "nobody runs it"
    assert details["order_lists age"].startswith("generation 1 of run order_lists_")
    assert details["order_lists latest run"].endswith(" published")
    assert str(published.books) in details["order_lists source"]
    assert details["clock"] == "agrees with this machine's"
    assert details["disk"].endswith(" MB are free")

    shutil.move(published.books, published.folder / "away")
    assert published.firn("run", "order_lists").returncode == 1
    machine = (
        "insert into firn.lease values ('order_lists', 9, 'r', 'elsewhere', 'elm', 7, 'ann@elm', now(), now() + {})"
    )
    published.execute("delete from firn.lease", machine.format("'-1 s'::interval"))
    told = published.firn("doctor", "order_lists")
    assert told.returncode == 1
    assert "FAIL  order_lists source" in told.stdout
    assert f"There is no folder {published.books}" in told.stdout
    assert "Try: Make it and put the files there" in told.stdout
    assert "FAIL  order_lists latest run" in told.stdout
    assert "Try: firn report order_lists_" in told.stdout
    assert "run r (process 7 on elm, of ann@elm, since" in told.stdout
    assert "its lease is over, and the next run takes over" in told.stdout


def test_a_run_is_refused_while_another_has_the_pipeline_and_waits_when_it_is_told_to(published: Installation) -> None:
    published.execute("delete from firn.lease", HELD.format("'1 hour'::interval"))
    before = published.production()

    refused = published.firn("run", "order_lists")
    late = published.firn("run", "order_lists", "--wait", "0.2")

    for done in (refused, late):
        assert done.returncode == 75
        assert "Error: order_lists is being run by run r (process 7 on elm, of ann@elm, since" in done.stderr
        assert "production is unchanged" in done.stderr
        assert "Try: wait for it: firn run order_lists --wait" in done.stderr
    assert "Waiting for run r" in late.stderr
    published.execute("update firn.lease set expires_at = now()")
    taken = published.firn("run", "order_lists", "--full-refresh", "--wait")
    assert taken.returncode == 0, taken.stderr
    assert "Took over from run r (process 7 on elm" in taken.stderr
    assert published.query("select run_id from firn.lease") == [(None,)]
    assert published.production()["order_list"] == before["order_list"]


def test_what_a_ready_run_would_change_is_shown_row_by_row_and_nothing_is_written(published: Installation) -> None:
    published.execute(
        """update order_list set "CUSTOMER STYLE" = 'mine' where ctid = (select min(ctid) from order_list)"""
    )
    before = published.production()
    ready = published.json("run", "order_lists", "--no-publish", "--full-refresh")

    found = published.json("diff", ready["run_id"])

    changed = found["tables"]["order_list"]
    assert (changed["inserted"], changed["updated"], changed["deleted"]) == (0, 1, 0)
    assert [(one["change"], one["column"], one["old"]) for one in changed["sample"]] == [
        ("updated", "CUSTOMER STYLE", "mine")
    ]
    told = published.firn("diff", ready["run_id"]).stdout
    assert "order_list: 0 inserted, 1 updated, 0 deleted" in told
    assert f"Next: firn publish {ready['run_id']}" in told
    assert published.production() == before
    assert published.firn("diff", "nobody").returncode == 5
