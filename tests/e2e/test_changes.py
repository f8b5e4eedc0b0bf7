"""What changed and nothing else: unchanged workbooks, one customer's file, files renamed and gone, stored extracts."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import bad_workbooks
from benchmarks.xlsx_writer import raw_workbook
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Installation

ALDER, BIRCH, CEDAR = (f"{name} ORDER LIST (M3).xlsx" for name in ("ALDER", "BIRCH", "CEDAR GOLF"))
CONTENT = """
    select o.file, md5(string_agg(t::text, ',' order by t.record_uuid))
    from order_list t join order_list_origin o using (record_uuid) group by 1
"""


def workbook(path: Path, customer: str, *quantities: int) -> Path:
    """Write a workbook of one customer, an order of each quantity."""
    sheet = bad_workbooks.order_sheet(len(quantities))
    for row, quantity in zip(sheet.rows[1:], quantities, strict=True):
        row[0] = f"{customer[:3]}{str(row[0])[3:]}"
        row[1] = customer
        row[bad_workbooks.HEADERS.index("S")] = quantity
    return raw_workbook(path, [sheet])


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """A production of three customers."""
    at = installed()
    for name in (ALDER, BIRCH, CEDAR):
        workbook(at.books / name, name.partition(" ORDER")[0], 10, 20, 30)
    report = at.json("run", "order_lists")
    assert (report["status"], report["generation"]) == ("published", 1)
    at.keep()
    return at


@pytest.fixture
def published(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


def quantities(installation: Installation, file: str) -> list[Any]:
    found = installation.query(
        'select t."S" from order_list t join order_list_origin o using (record_uuid) where file = %s order by row', file
    )
    return [quantity for (quantity,) in found]


def others(installation: Installation, file: str) -> dict[str, str]:
    return {name: content for name, content in installation.query(CONTENT) if name != file}


def test_a_run_with_nothing_changed_writes_no_generation(published: Installation) -> None:
    before = published.production()
    report = published.json("run", "order_lists")
    assert (report["status"], report["taken"], report["rows_read"]) == ("unchanged", 3, 0)
    assert published.query("select generation from firn.dataset") == [(1,)]
    assert published.query("select status from firn.run order by started_at desc limit 1") == [("unchanged",)]
    assert published.query("select count(*) from pg_namespace where nspname like 'firn_stage%%'") == [(0,)]
    assert published.production() == before


def test_saving_the_same_bytes_again_is_no_work(published: Installation) -> None:
    book = published.books / ALDER
    book.write_bytes(book.read_bytes())
    os.utime(book, (2_000_000_000, 2_000_000_000))
    assert published.json("run", "order_lists")["status"] == "unchanged"


def test_an_overwrite_within_the_same_second_is_seen(published: Installation) -> None:
    book = published.books / ALDER
    times = book.stat()
    workbook(book, "ALDER", 11, 20, 30)
    os.utime(book, ns=(times.st_atime_ns, times.st_mtime_ns))
    report = published.json("run", "order_lists")
    assert (report["status"], report["taken"], report["rows_read"]) == ("published", 2, 3)
    assert quantities(published, ALDER) == [11, 20, 30]


def test_unchanged_workbooks_are_taken_over_to_the_last_byte(published: Installation) -> None:
    before = others(published, ALDER)
    workbook(published.books / ALDER, "ALDER", 1, 2)
    report = published.json("run", "order_lists")
    assert (report["generation"], report["taken"], report["tables"]["order_list"]) == (2, 2, 8)
    assert others(published, ALDER) == before
    runs = dict(published.query("select file, max(run_id) from order_list_origin group by 1"))
    assert runs[ALDER] == report["run_id"]
    assert runs[BIRCH] != report["run_id"]


def test_what_somebody_wrote_into_production_is_not_taken_over(published: Installation) -> None:
    published.execute('update order_list set "S" = 999 where "AAG ORDER NUMBER" = \'BIR-00002\'')
    before = published.production()
    workbook(published.books / ALDER, "ALDER", 1)
    error = published.json("run", "order_lists", code=1)
    assert f"Production holds other rows of {BIRCH} than run " in error["error"]
    assert (
        '"order_list" (3 rows, recorded 3): somebody wrote there. Nothing was published; production is un'
        in (error["error"])
    )
    assert error["hint"].splitlines()[-1] == "firn run order_lists --full-refresh"
    assert published.production() == before
    assert published.json("run", "order_lists", "--full-refresh")["status"] == "published"
    assert quantities(published, BIRCH) == [10, 20, 30]


def test_a_workbook_gone_from_the_folder_stops_the_run(published: Installation) -> None:
    before = published.production()
    (published.books / BIRCH).unlink()
    error = published.json("run", "order_lists", code=1)
    assert f"customer BIRCH: {BIRCH}, 3 rows" in error["error"]
    assert "Nothing was published; production is unchanged." in error["error"]
    assert error["hint"].splitlines()[-1] == f"firn run order_lists --accept-missing '{BIRCH}'"
    assert published.production() == before
    report = published.json("run", "order_lists", "--accept-missing", BIRCH)
    assert (report["status"], report["tables"]["order_list"]) == ("published", 6)
    assert any("which was accepted: its 3 rows leave production" in note for note in report["notes"])
    assert quantities(published, BIRCH) == []


def test_a_renamed_workbook_makes_no_duplicate(published: Installation) -> None:
    new = "BIRCH WOOD ORDER LIST (M3).xlsx"
    (published.books / BIRCH).rename(published.books / new)
    before = published.query("select record_uuid from order_list order by 1")
    report = published.json("run", "order_lists")
    assert f"{BIRCH} is now called {new}" in report["notes"]
    assert published.query("select record_uuid from order_list order by 1") == before
    assert quantities(published, BIRCH) == []
    assert quantities(published, new) == [10, 20, 30]


def test_one_customer_is_replaced_and_no_other_row_changes(published: Installation) -> None:
    before = others(published, ALDER)
    workbook(published.books / ALDER, "ALDER", 10, 25, 30, 40)
    workbook(published.books / BIRCH, "BIRCH", 1)  # changed too, and not asked for
    report = published.json("run", "order_lists", "--customer", "alder")
    (difference,) = report["differences"]
    assert [difference[what] for what in ("part", "added", "removed", "changed")] == [ALDER, 1, 0, 1]
    assert difference["columns"] == {"S": 1}
    changed = next(sample for sample in difference["samples"] if sample.get("column") == "S")
    assert (changed["row"]["AAG ORDER NUMBER"], changed["before"], changed["after"]) == ("ALD-00002", 20, 25)
    assert others(published, ALDER) == before
    assert quantities(published, ALDER) == [10, 25, 30, 40]
    assert quantities(published, BIRCH) == [10, 20, 30]
    report = published.json("run", "order_lists")
    assert (report["taken"], quantities(published, BIRCH)) == (2, [1])


def test_a_customer_that_no_workbook_holds_is_refused_with_the_likely_one(published: Installation) -> None:
    error = published.json("run", "order_lists", "--customer", "ALDR", code=2)
    assert "no workbook holds 'ALDR'. Production is unchanged." in error["error"]
    assert error["hint"] == "Did you mean ALDER?"


def test_a_local_copy_replaces_the_published_rows_until_the_source_is_saved_again(published: Installation) -> None:
    (published.folder / "corrected").mkdir()
    local = workbook(published.folder / "corrected" / ALDER, "ALDER", 10, 20, 33)
    before = others(published, ALDER)
    report = published.json("run", "order_lists", "--file", str(local))
    assert (report["status"], report["rows_read"]) == ("published", 3)
    assert quantities(published, ALDER) == [10, 20, 33]
    assert others(published, ALDER) == before
    assert any(str(local) in note for note in report["notes"])
    assert published.json("run", "order_lists")["status"] == "unchanged"
    workbook(published.books / ALDER, "ALDER", 7)
    published.json("run", "order_lists")
    assert quantities(published, ALDER) == [7]


def test_a_file_that_nobody_knows_is_refused_with_the_likely_one(published: Installation) -> None:
    before = published.query("select count(*) from firn.run")
    other = workbook(published.folder / "alder order list.xlsx", "ALDER", 1)
    for named in ("ALDR ORDER LIST (M3).xlsx", str(other)):
        error = published.json("run", "order_lists", "--file", named, code=2)
        assert f"{named}: no workbook of that name is published or listed. Production is unchanged" in error["error"]
        assert (error["hint"], error["report"]) == (f"Did you mean '{ALDER}'?", None)
    assert published.query("select count(*) from firn.run") == before


def test_a_damaged_local_copy_is_named_by_its_path_and_the_hint_reads_it_again(published: Installation) -> None:
    (published.folder / "my copies").mkdir()
    local = published.folder / "my copies" / ALDER
    local.write_bytes(b"")
    before = published.production()
    error = published.json("run", "order_lists", "--file", str(local), code=1)
    assert f"customer ALDER: {local} cannot be read" in error["error"]
    assert "production is unchanged" in error["error"]
    *_, line = error["hint"].splitlines()
    assert published.production() == before
    workbook(local, "ALDER", 5)
    assert published.json(*shlex.split(line)[1:])["status"] == "published"
    assert quantities(published, ALDER) == [5]


def test_lines_of_one_key_in_two_workbooks_are_numbered_again_when_one_changes(published: Installation) -> None:
    twin = "ALDER TWO ORDER LIST (M3).xlsx"
    workbook(published.books / twin, "ALDER", 99)
    published.json("run", "order_lists")
    assert published.query("select count(distinct record_uuid) from order_list") == [(10,)]
    workbook(published.books / ALDER, "ALDER", 99, 20, 30)
    report = published.json("run", "order_lists")
    fresh = published.production()
    assert report["status"] == "published"
    published.json("run", "order_lists", "--full-refresh")
    content = "select md5(string_agg(t::text, ',' order by t::text)) from order_list t"
    assert published.production()["order_list"] == fresh["order_list"], content


def test_a_stored_extract_is_transformed_without_the_source(published: Installation) -> None:
    workbook(published.books / ALDER, "ALDER", 1, 2)
    stored = published.json("run", "order_lists", "--extract-only")
    assert (stored["status"], stored["rows_read"]) == ("extracted", 8)
    (extract,) = published.home.glob(f"extracts/{stored['run_id']}")
    assert stat.filemode(extract.stat().st_mode) == "drwx------"
    assert quantities(published, ALDER) == [10, 20, 30]
    shutil.rmtree(published.books)
    published.books.mkdir()
    report = published.json("run", "order_lists", "--transform-only", "--from-run", stored["run_id"])
    assert (report["status"], quantities(published, ALDER)) == ("published", [1, 2])
    error = published.json("run", "order_lists", "--from-run", "order_lists_20200101_000000_abcd", code=1)
    assert "There is no stored extract of run order_lists_20200101_000000_abcd" in error["error"]
    assert stored["run_id"] in error["hint"]


def test_a_staged_run_is_published_later(published: Installation) -> None:
    workbook(published.books / ALDER, "ALDER", 1, 2)
    ready = published.json("run", "order_lists", "--no-publish")
    assert (ready["status"], quantities(published, ALDER)) == ("ready", [10, 20, 30])
    assert published.json("publish", ready["run_id"])["generation"] == 2
    again = published.firn("publish", ready["run_id"]).stdout
    assert f"Run {ready['run_id']} was visible already, as generation 2 of order_lists" in again
    report = published.json("report", ready["run_id"])
    assert (report["status"], report["generation"], report["locked_ms"] > 0) == ("published", 2, True)
    workbook(published.books / ALDER, "ALDER", 3)
    published.json("run", "order_lists")
    done = published.firn("publish", ready["run_id"])
    assert "was published before, as generation 2 of order_lists. Production shows generation 3" in done.stdout
    workbook(published.books / ALDER, "ALDER", 1, 2)
    published.json("run", "order_lists")
    assert quantities(published, ALDER) == [1, 2]
    assert published.json("run", "order_lists")["status"] == "unchanged"


def test_a_rollback_makes_the_ledger_that_of_the_generation_shown(published: Installation) -> None:
    workbook(published.books / ALDER, "ALDER", 1, 2)
    published.json("run", "order_lists")
    published.json("rollback", "order_lists")
    assert quantities(published, ALDER) == [10, 20, 30]
    report = published.json("run", "order_lists")
    assert (report["taken"], quantities(published, ALDER)) == (2, [1, 2])


def test_a_published_local_copy_outlives_other_rules_and_says_when_it_gives_way(published: Installation) -> None:
    (published.folder / "corrected").mkdir()
    local = workbook(published.folder / "corrected" / ALDER, "ALDER", 10, 20, 33)
    corrected = published.json("run", "order_lists", "--file", str(local))
    published.execute("update firn.part set recipe = 'of yesterday'")
    report = published.json("run", "order_lists")
    assert (report["status"], quantities(published, ALDER)) == ("published", [10, 20, 33])
    assert any(f"{ALDER}: stays as run {corrected['run_id']} read it from" in note for note in report["notes"])
    report = published.json("run", "order_lists", "--file", ALDER)
    assert quantities(published, ALDER) == [10, 20, 30]
    assert any(f"the local copy {local}, which run" in note and "gives way" in note for note in report["notes"])


def test_replacing_a_file_by_its_equal_publishes_nothing(published: Installation) -> None:
    report = published.json("run", "order_lists", "--customer", "ALDER")
    assert (report["status"], published.query("select generation from firn.dataset")) == ("unchanged", [(1,)])


def test_an_extract_older_than_what_is_published_has_to_be_asked_for_by_name(published: Installation) -> None:
    stored = published.json("run", "order_lists", "--extract-only")
    time.sleep(1.1)  # runs are told apart by the second in which they started
    workbook(published.books / ALDER, "ALDER", 1, 2)
    published.json("run", "order_lists")
    error = published.json("run", "order_lists", "--transform-only", code=1)
    assert (
        f"The latest extract, of run {stored['run_id']}, is older than what is published of 1 files" in error["error"]
    )
    assert "production is unchanged" in error["error"]
    assert f"--transform-only --from-run {stored['run_id']}" in error["hint"]
    assert quantities(published, ALDER) == [1, 2]
    report = published.json("run", "order_lists", "--from-run", stored["run_id"])
    assert quantities(published, ALDER) == [10, 20, 30]
    assert f"read from what run {stored['run_id']} extracted, and not from the source" in report["notes"]


def test_a_dry_run_says_what_would_be_read_and_fails_as_the_run_would(published: Installation) -> None:
    workbook(published.books / ALDER, "ALDER", 1, 2)
    plan = published.json("run", "order_lists", "--dry-run")
    assert (plan["files"], plan["taken"], plan["publishes"]) == ([ALDER], [BIRCH, CEDAR], True)
    plan = published.json("run", "order_lists", "--dry-run", "--file", BIRCH)
    assert (plan["files"], plan["taken"]) == ([BIRCH], [ALDER, CEDAR])
    (published.books / CEDAR).unlink()
    error = published.json("run", "order_lists", "--dry-run", code=1)
    assert CEDAR in error["error"]
    assert published.query("select count(*) from firn.run") == [(1,)]


@pytest.mark.parametrize(
    "options",
    [
        ("--extract-only", "--customer", "ALDER"),
        ("--extract-only", "--transform-only"),
        ("--extract-only", "--no-publish"),
        ("--full-refresh", "--file", ALDER),
        ("--limit-files", "1", "--customer", "ALDER"),
    ],
)
def test_options_of_which_one_would_be_ignored_are_refused(
    installation: Installation, options: tuple[str, ...]
) -> None:
    error = installation.json("run", "order_lists", *options, code=2)
    assert f"{options[0]} does not go with" in error["error"]


def test_a_check_of_production_alone_takes_no_other_option(installation: Installation) -> None:
    error = installation.json("check", "order_lists", "--published", "--full", code=2)
    assert "--published does not go with --full" in error["error"]


def test_a_run_that_would_take_away_too_many_lines_publishes_nothing(published: Installation) -> None:
    workbook(published.books / ALDER, "ALDER", *range(1, 301))
    published.json("run", "order_lists")
    before = published.production()
    workbook(published.books / ALDER, "ALDER", *range(1, 151))
    error = published.json("run", "order_lists", code=3)
    assert "order_list would go from 306 to 156 rows. Nothing was published; production is unchanged." in error["error"]
    assert "--set thresholds.lost_percent=100" in error["hint"]
    assert published.production() == before
    assert published.query("select count(*) from pg_namespace where nspname like 'firn_stage%%'") == [(0,)]
    published.json("run", "order_lists", "--set", "thresholds.lost_percent=100")
    assert len(quantities(published, ALDER)) == 150


def test_a_customer_whose_workbook_is_gone_is_told_and_nothing_is_called_unchanged(published: Installation) -> None:
    (published.books / BIRCH).unlink()
    error = published.json("run", "order_lists", "--customer", "BIRCH", code=1)
    assert f"{BIRCH} is published and gone from the source. Production is unchanged." in error["error"]
    assert f"firn run order_lists --accept-missing '{BIRCH}'" in error["hint"]
