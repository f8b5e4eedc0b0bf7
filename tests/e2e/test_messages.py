"""What a person is told to type next is true, complete and can be pasted."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_workbooks
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

NAME = "MEADOW ORDER LIST (M3).xlsx"
RUNS = {
    "run_id", "pipeline", "status", "started_at", "finished_at", "seconds", "unit", "parts", "failed", "rows_read",
    "tables", "based_on", "published_as", "error",
}  # fmt: skip


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """A production that one good workbook made."""
    at = installed()
    bad_workbooks.valid(at.books / NAME)
    at.json("run", "order_lists")
    at.keep()
    return at


@pytest.fixture
def published(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


def test_the_hint_of_a_failed_run_is_pasted_with_its_settings_and_succeeds(published: Installation) -> None:
    (published.folder / "my settings.toml").write_text('[order_lists]\nfolder = "none"\n', encoding="utf-8")
    bad_workbooks.no_rows(published.books / "ALDER ORDER LIST (M3).xlsx")
    bad_workbooks.zero_byte(published.books / NAME)
    typed = ("--config", "my settings.toml", "--set", f"folder={published.books}")
    error = published.json("run", "order_lists", *typed, code=1)
    *_, line = error["hint"].splitlines()
    pasted = shlex.split(line)
    assert pasted == ["firn", "run", "order_lists", *typed, "--allow-failed", NAME]
    assert published.json("report", "--config", "my settings.toml")["hint"] == error["hint"]
    assert published.json(*pasted[1:])["status"] == "published"


def test_a_first_run_in_which_every_file_failed_offers_no_way_around_them(installation: Installation) -> None:
    bad_workbooks.zero_byte(installation.books / NAME)
    for allowed in ((), ("--allow-failed", NAME)):
        error = installation.json("run", "order_lists", *allowed, code=1)
        assert f"1 of 1 files could not be used:\n  customer MEADOW: {NAME}" in error["error"]
        assert error["hint"] == "No file is left to publish. Mend them and run again:\nfirn run order_lists"
    assert installation.production() == {}


def test_the_line_after_a_good_run_repeats_its_settings(published: Installation) -> None:
    done = published.firn("run", "order_lists", "--config", "firn.toml", "--set", "phantom_rows=keep", "--no-publish")
    assert "Next: firn publish --config firn.toml order_lists_" in done.stdout
    plan = published.firn("run", "order_lists", "--set", "phantom_rows=keep", "--dry-run").stdout
    assert plan.endswith("Next: firn run order_lists --set phantom_rows=keep\n")


def test_runs_have_the_documented_shape(published: Installation) -> None:
    bad_workbooks.spill_error(published.books / NAME)
    waiting = published.json("run", "order_lists", "--no-publish")
    published.json("publish", waiting["run_id"])
    second, first = published.json("runs")
    assert set(second) == RUNS
    assert (first["based_on"], first["published_as"]) == (0, 1)
    assert (second["based_on"], second["published_as"]) == (1, 2)
    assert second["tables"] == waiting["tables"]


@pytest.mark.parametrize("verb", ["runs", "report"])
def test_who_asks_what_is_recorded_does_not_wait_for_packages_of_frames(published: Installation, verb: str) -> None:
    told = published.as_installed(verb, env={"PYTHONPROFILEIMPORTTIME": "1"}).stderr
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert "psycopg" in imported
    assert not imported & {"polars", "numpy", "pyarrow", "dataframely", "sources", "transforms"}


def test_a_second_discard_says_what_is_so(published: Installation) -> None:
    bad_workbooks.spill_error(published.books / NAME)
    run = published.json("run", "order_lists", "--no-publish")["run_id"]
    assert "Dropped what run" in published.firn("discard", run).stdout
    assert f"Run {run} was discarded already: nothing of it is staged." in published.firn("discard", run).stdout
    assert published.json("discard", run) == {"run_id": run, "status": "discarded", "was": "discarded", "dropped": []}


def test_a_rollback_says_that_the_next_run_publishes_again_and_it_does(published: Installation) -> None:
    bad_workbooks.spill_error(published.books / NAME)
    published.json("run", "order_lists")
    undone = published.production()["order_list"]
    said = published.firn("rollback", "order_lists").stdout
    assert "Not held back: the next firn run order_lists publishes its sources again as they are." in said
    assert published.production()["order_list"] != undone
    assert published.json("run", "order_lists")["status"] == "published"
    assert published.production()["order_list"] == undone


def test_rolling_back_twice_names_the_way_forward(published: Installation) -> None:
    bad_workbooks.spill_error(published.books / NAME)
    second = published.json("run", "order_lists")["run_id"]
    published.json("rollback", "order_lists")
    before = published.production()
    error = published.json("rollback", "order_lists", code=4)
    assert error["hint"] == f"firn publish {second} --again"
    assert "Production is unchanged" in error["error"]
    assert published.production() == before
    assert published.json(*shlex.split(error["hint"])[1:])["generation"] == 4
    assert published.json("publish", second, "--again")["generation"] == 4


@pytest.mark.parametrize(
    ("env", "said", "hint"),
    [
        ({"FIRN_TARGT__DSN": "x"}, "FIRN_TARGT__DSN names no setting", "FIRN_TARGET__DSN"),
        ({"FIRN_ORDER_LIST__FOLDER": "x"}, "FIRN_ORDER_LIST__FOLDER names no setting", "FIRN_ORDER_LISTS__FOLDER"),
        ({"FIRN_TARGET__DSN": "service=nobody"}, 'definition of service "nobody" not found', "pg_service.conf"),
        ({"FIRN_TARGET__DSN": "hots=here"}, "an option hots", "host"),
    ],
)
def test_a_wrong_setting_of_the_environment(published: Installation, env: dict[str, str], said: str, hint: str) -> None:
    before = published.production()
    done = published.firn("run", "order_lists", env=env)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Nothing was read or written" in done.stderr
    assert hint in done.stderr.splitlines()[-1]
    assert published.production() == before


def test_a_file_given_as_the_folder(published: Installation) -> None:
    before = published.production()
    error = published.json("run", "order_lists", "--set", f"folder=books/{NAME}", code=1)
    assert f"books/{NAME} is a file" in error["error"]
    assert error["hint"] == "Name the folder that it is in: --set folder=books"
    assert published.production() == before


def test_an_empty_folder_names_only_settings_that_exist(installation: Installation) -> None:
    error = installation.json("run", "order_lists", code=1)
    assert "pattern" not in error["hint"]
    assert error["hint"].endswith(f"ls {shlex.quote(str(installation.books))}")
