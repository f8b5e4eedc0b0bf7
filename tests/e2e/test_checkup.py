"""Checks beyond a run: production alone, and five phases in a scratch schema; exit 3 where one does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from test_changes import ALDER, BIRCH, workbook

from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

SMALL = ("--set", "thresholds.lines=4", "--set", "thresholds.customers=2")


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """A production of two customers."""
    at = installed()
    workbook(at.books / ALDER, "ALDER", 1, 2, 3)
    workbook(at.books / BIRCH, "BIRCH", 4)
    at.json("run", "order_lists")
    at.keep()
    return at


@pytest.fixture
def published(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


def test_production_passes_without_its_source(published: Installation) -> None:
    for book in published.books.iterdir():
        book.unlink()
    found = published.json("check", "order_lists", "--published", *SMALL)
    assert (found["passed"], found["success_rate"]) == (True, 100.0)
    assert [finding["check"] for finding in found["findings"]][-6:] == [
        "contents",
        "lines",
        "order numbers, %",
        "customers, %",
        "customers",
        "lines_have_origins",
    ]


@pytest.mark.parametrize(
    ("change", "check", "detail"),
    [
        ('update order_list set "S" = 99 where "S" = 2', "contents", f"{ALDER} (order_list)"),
        ("delete from order_list_quarantine", "table order_list_quarantine", ""),
        ("alter table order_list add extra text", "table order_list", "extra is not in the contract"),
        ("drop table order_list_origin cascade", "table order_list_origin", "is not there"),
    ],
)
def test_what_somebody_did_to_production_is_found_and_named(
    published: Installation, change: str, check: str, detail: str
) -> None:
    if change.startswith("delete"):
        change = "insert into order_list_origin select gen_random_uuid(), gen_random_uuid(), 'x', 's', 1, null, 'r'"
        check, detail = "table order_list_origin", "5 rows, 4 were published"
    published.execute(change)
    found = published.json("check", "order_lists", "--published", *SMALL, code=3)
    (failed,) = [finding for finding in found["findings"] if not finding["passed"]]
    assert failed["check"] == check
    assert detail in failed["detail"]


def test_production_below_a_threshold_does_not_pass(published: Installation) -> None:
    done = published.firn("check", "order_lists", "--published")
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert "FAIL lines 4, at least 1,000" in [" ".join(line.split()) for line in lines]
    assert all(line[6 + len("table order_list_quarantine") :].startswith("  ") for line in lines[:-2])
    assert "success rate" in lines[-2]
    assert lines[-1].startswith("Next: firn runs order_lists ")


def test_contents_that_somebody_changed_are_told_with_the_thresholds_and_the_way_to_mend_them(
    published: Installation,
) -> None:
    published.execute('update order_list set "S" = 9')
    done = published.firn("check", "order_lists", "--published", *SMALL)
    assert done.returncode == 3
    assert "FAIL  contents" in done.stdout
    assert "pass  lines" in done.stdout
    *_, line = done.stdout.splitlines()
    assert line.startswith(f"Next: firn run order_lists {' '.join(SMALL)} --full-refresh ")
    assert published.json("run", "order_lists", "--full-refresh")["status"] == "published"
    assert published.json("check", "order_lists", "--published", *SMALL)["hint"] == ""


def test_five_phases_pass_and_leave_nothing_behind(published: Installation) -> None:
    before = published.production()
    found = published.json("check", "order_lists", "--full", "--limit-files", "1")
    phases = ["availability", "extract", "transform", "integrity", "performance"]
    assert [finding["check"] for finding in found["findings"]] == phases
    assert found["passed"]
    assert published.production() == before
    assert published.query("select count(*) from pg_namespace where nspname like 'firn_stage%%'") == [(0,)]


def test_a_phase_that_fails_is_named_with_its_reason(published: Installation) -> None:
    (published.books / BIRCH).write_bytes(b"")
    found = published.json("check", "order_lists", "--full", code=3)
    failed = {finding["check"]: finding["detail"] for finding in found["findings"] if not finding["passed"]}
    assert list(failed) == ["extract", "transform", "integrity", "performance"]
    assert "1 of 2 files" in failed["extract"]
    assert "is empty" in failed["transform"]
