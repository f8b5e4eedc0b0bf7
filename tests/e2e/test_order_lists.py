"""The main job on real input: what the generator wrote is what production shows, cell by cell."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from benchmarks.order_list_workbooks import cached
from benchmarks.suite.scenarios.order_lists import difference
from benchmarks.truth import Truth
from tests.conftest import Installation, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BROKEN = "ASHFORD ORDER LIST (M3).xlsx"
STRANGER, STRANGERS_FILE = "PILOTS OF THE NORTH", "PILOTWEAR ORDER LIST (M3).xlsx"


@pytest.fixture(scope="session")
def made() -> Path:
    return cached(scale=0.02, seed=3)


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation], made: Path) -> tuple[Installation, dict[str, Any]]:
    """What the generator wrote, published, and what that run told."""
    return kept(installed(), made)


@pytest.fixture(scope="module")
def staged(installed: Callable[[], Installation], made: Path) -> tuple[Installation, dict[str, Any]]:
    """The same, waiting to be published."""
    return kept(installed(), made, "--no-publish")


def kept(at: Installation, made: Path, *options: str) -> tuple[Installation, dict[str, Any]]:
    shutil.copytree(made / "workbooks", at.books, dirs_exist_ok=True)
    report = at.json("run", "order_lists", *options)
    at.keep()
    return at, report


@pytest.fixture
def published(first: tuple[Installation, dict[str, Any]]) -> Iterator[Installation]:
    with restored(first[0]) as at:
        yield at


@pytest.fixture
def report(first: tuple[Installation, dict[str, Any]]) -> dict[str, Any]:
    return first[1]


@pytest.fixture
def waiting(staged: tuple[Installation, dict[str, Any]]) -> Iterator[Installation]:
    with restored(staged[0]) as at:
        yield at


@pytest.fixture
def ready(staged: tuple[Installation, dict[str, Any]]) -> dict[str, Any]:
    return staged[1]


@pytest.fixture
def loaded(installation: Installation, made: Path) -> Installation:
    shutil.copytree(made / "workbooks", installation.books, dirs_exist_ok=True)
    return installation


def truth(made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made / "truth.json").read_text(encoding="utf-8"))
    return found


def published_cells(at: Installation) -> pl.DataFrame:
    """Every non-null business cell of production, as text, by file and Excel row."""
    columns = [
        c
        for (c,) in at.query(
            "select column_name from information_schema.columns where table_schema = 'public' "
            "and table_name = 'order_list' and column_name not in ('record_uuid', 'row_hash', '_SOURCE_TABLE')"
        )
    ]
    names = ", ".join('t."{}"::text'.format(c.replace('"', '""')) for c in columns)
    rows = at.query(f"select o.file, o.row, {names} from order_list t join order_list_origin o using (record_uuid)")  # noqa: S608
    wide = pl.DataFrame(rows, schema=["file", "row", *columns], orient="row", infer_schema_length=None)
    return wide.unpivot(index=["file", "row"], variable_name="column").drop_nulls("value")


def test_production_shows_every_cell_that_the_generator_wrote_and_no_other(published: Installation, made: Path) -> None:
    expected = pl.read_parquet(made / "expected.parquet")
    keys = ["file", "row", "column", "value"]
    found = published_cells(published).select(keys).sort(keys)
    wanted = expected.select(pl.col(key).cast(found.schema[key]) for key in keys).sort(keys)
    assert found.join(wanted, on=keys, how="anti").head(10).rows() == []
    assert wanted.join(found, on=keys, how="anti").head(10).rows() == []
    assert found.height == wanted.height


def test_every_line_has_the_identity_that_the_generator_works_out(published: Installation, made: Path) -> None:
    found = published.query(
        "select file, row, order_key::text, row_hash, record_uuid::text "
        "from order_list join order_list_origin using (record_uuid)"
    )
    assert sorted(found) == sorted(pl.read_parquet(made / "lines.parquet").rows())


def test_the_benchmark_accepts_what_was_made_and_nothing_else(published: Installation, made: Path) -> None:
    truth = Truth.load(made)
    assert not difference(truth, published.dsn)
    number = next(iter(truth.sums))
    for damage, said in (
        ("delete from order_list_quarantine where cell = (select min(cell) from order_list_quarantine)", "set aside"),
        (f'update order_list set "{number}" = coalesce("{number}", 0) + 1', "sums"),  # noqa: S608 (a column's name)
        ("update order_list set row_hash = md5(row_hash)", "lines"),
    ):
        published.execute(damage)
        assert said in difference(truth, published.dsn)


def test_the_lines_are_what_the_generator_ordered_of_every_size(
    published: Installation, made: Path, report: dict[str, Any]
) -> None:
    found = published.query(
        "select file, row, size, quantity from order_list_lines join order_list_origin using (record_uuid)"
    )
    assert sorted(found) == sorted(pl.read_parquet(made / "sizes.parquet").rows())
    sizes = {(file["file"], size): column for file in truth(made)["files"] for size, column in file["sizes"].items()}
    unknown = [row for row in found if (row[0], row[2]) in sizes]
    assert len(unknown) == sum(column["published"] for column in sizes.values()) > 0
    told = [note for note in report["notes"] if "sizes that have no column are in order_list_lines only" in note]
    assert {note.partition(":")[0] for note in told} == {file for file, _ in sizes}


def test_quarantine_holds_every_unusable_cell_with_its_address_and_no_other(
    published: Installation, made: Path, report: dict[str, Any]
) -> None:
    wanted = set(
        pl.read_parquet(made / "quarantine.parquet").select(pl.col("file", "sheet", "cell").cast(pl.String)).rows()
    )
    found = published.query("select file, sheet, cell from order_list_quarantine")
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert published.query("select distinct run_id from order_list_quarantine") == [(report["run_id"],)]


def test_rows_are_accounted_for(made: Path, report: dict[str, Any]) -> None:
    rows = [file["rows"] for file in truth(made)["files"]]
    assert report["tables"]["order_list"] == sum(row["published"] for row in rows)
    assert report["figures"]["rows set aside, keyless_row"] == sum(row["keyless"] for row in rows)
    assert report["figures"]["rows set aside, phantom_row"] == sum(row["phantom"] for row in rows)


def test_the_rules_of_the_business_are_counted_as_the_generator_counts_them(made: Path, report: dict[str, Any]) -> None:
    figures = report["figures"]
    wanted: Counter[str] = Counter()
    for file in truth(made)["files"]:
        wanted.update(file["rules"])
    assert {rule: figures.get(f"cells changed by rule, {rule}") for rule in wanted} == dict(wanted)


def test_unlisted_customers_are_kept_and_named_with_those_they_may_be(
    published: Installation, report: dict[str, Any]
) -> None:
    (note,) = (note for note in report["notes"] if "customers.toml" in note)
    (count,) = published.query("""select count(*) from order_list where "CUSTOMER NAME" = %s""", STRANGER)
    assert note == f"{STRANGERS_FILE}: rows of customers that customers.toml does not list: {STRANGER} {count[0]}"
    assert count[0] > 0


def test_unlisted_customers_are_set_aside_by_name(loaded: Installation, made: Path) -> None:
    report = loaded.json("run", "order_lists", "--set", "unmapped_customers=quarantine")
    aside = report["figures"]["rows set aside, unmapped_customer"]
    assert report["tables"]["order_list"] == sum(file["rows"]["published"] for file in truth(made)["files"]) - aside
    assert loaded.query("""select count(*) from order_list where "CUSTOMER NAME" = %s""", STRANGER) == [(0,)]
    entries = loaded.query("select count(distinct row) from order_list_quarantine where reason = 'unmapped_customer'")
    assert entries == [(aside,)]


def test_unlisted_customers_stop_the_run_with_the_lines_to_add(published: Installation) -> None:
    before = published.production()
    done = published.firn("run", "order_lists", "--set", "unmapped_customers=fail")
    assert done.returncode == 1
    assert STRANGERS_FILE in done.stderr
    assert f'canonical = "{STRANGER}"' in done.stderr
    assert done.stderr.lower().count("production is unchanged") == 1
    assert "1 of 45 files could not be used" in done.stderr
    assert f"--allow-failed '{STRANGERS_FILE}'" in done.stderr
    assert published.production() == before


def test_phantom_rows_are_published_when_they_are_kept(loaded: Installation, made: Path) -> None:
    report = loaded.json("run", "order_lists", "--set", "phantom_rows=keep")
    rows = [file["rows"] for file in truth(made)["files"]]
    assert report["tables"]["order_list"] == sum(row["published"] + row["phantom"] for row in rows)


def test_of_clean_workbooks_every_row_with_an_order_number_is_published_when_phantom_rows_are_kept(
    installation: Installation,
) -> None:
    """At full scale these are 101,404 of 101,662 rows."""
    made = cached(scale=0.01, seed=3, dirty=False)
    shutil.copytree(made / "workbooks", installation.books, dirs_exist_ok=True)
    report = installation.json("run", "order_lists", "--set", "phantom_rows=keep")
    rows = [file["rows"] for file in truth(made)["files"]]
    assert report["rows_read"] == sum(row["landed"] for row in rows)
    assert report["tables"]["order_list"] == sum(row["landed"] - row["keyless"] for row in rows)
    assert min(sum(row[kind] for row in rows) for kind in ("keyless", "phantom")) > 0


def test_sums_of_money_and_quantities_are_exact(published: Installation, made: Path) -> None:
    for file in truth(made)["files"]:
        sums = {name: c["sums"]["published"] for name, c in file["columns"].items() if c["sums"]}
        names = ", ".join('sum(t."{}")'.format(name.replace("%", "%%")) for name in sums)
        (found,) = published.query(
            f"select {names} from order_list t join order_list_origin using (record_uuid) where file = %s",  # noqa: S608
            file["file"],
        )
        assert [Decimal(f or 0) for f in found] == [Decimal(s) for s in sums.values()], file["file"]


def test_a_second_run_publishes_equal_tables(published: Installation) -> None:
    before = published.production()["order_list"]
    assert published.json("run", "order_lists", "--full-refresh")["generation"] == 2
    assert published.production()["order_list"] == before


def test_a_broken_workbook_blocks_publication_and_names_its_customer(
    published: Installation, report: dict[str, Any]
) -> None:
    before = published.production()
    (published.books / BROKEN).write_bytes((published.books / BROKEN).read_bytes()[:5000])
    done = published.firn("run", "order_lists")
    assert done.returncode == 1
    assert "1 of 45 files could not be used" in done.stderr
    assert f"customer ASHFORD: {BROKEN} cannot be read" in done.stderr
    assert "production is unchanged" in done.stderr
    *_, advice, command, edge = done.stderr.splitlines()
    assert "Try: Mend the file and run again" in advice
    assert command.strip("│ ") == f"firn run order_lists --allow-failed '{BROKEN}'"
    assert edge.startswith("└")
    assert published.production() == before
    assert report["generation"] == 1


def test_an_allowed_failure_keeps_the_published_rows_of_that_workbook(
    published: Installation, report: dict[str, Any]
) -> None:
    before = published.production()
    (published.books / BROKEN).write_bytes(b"")
    second = published.json("run", "order_lists", "--full-refresh", "--allow-failed", BROKEN)
    assert second["tables"] == report["tables"]
    assert published.production()["order_list"] == before["order_list"]
    assert any("ASHFORD" in note and report["run_id"] in note for note in second["notes"])


def test_rollback_restores_the_previous_generation(published: Installation) -> None:
    before = published.production()
    (published.books / BROKEN).unlink()
    published.json("run", "order_lists", "--accept-missing", BROKEN)
    assert published.production() != before
    assert published.json("rollback", "order_lists")["generation"] == 3
    assert published.production() == before
    assert [run["status"] for run in json.loads(published.firn("runs", "--json").stdout)] == [
        "rolled_back",
        "published",
    ]
    again = published.firn("rollback", "order_lists")
    assert again.returncode == 4
    assert "production is unchanged" in again.stderr.lower()


def test_a_run_without_publication_waits_until_it_is_published(waiting: Installation, ready: dict[str, Any]) -> None:
    assert ready["status"] == "ready"
    assert waiting.production() == {}
    assert waiting.json("publish", ready["run_id"])["generation"] == 1
    assert waiting.query("select count(*) from order_list") == [(ready["tables"]["order_list"],)]


def test_a_discarded_run_leaves_nothing_staged(waiting: Installation, ready: dict[str, Any]) -> None:
    waiting.json("discard", ready["run_id"])
    assert waiting.query("select nspname from pg_namespace where nspname like 'firn_stage%'") == []
    done = waiting.firn("publish", ready["run_id"])
    assert done.returncode in {4, 5}
    assert waiting.production() == {}


def test_a_newer_generation_makes_a_ready_run_unpublishable(waiting: Installation, ready: dict[str, Any]) -> None:
    newer = waiting.json("run", "order_lists")
    before = waiting.production()
    done = waiting.firn("publish", ready["run_id"])
    assert done.returncode == 4
    assert newer["run_id"] in done.stderr
    assert waiting.production() == before


def test_a_limited_run_is_never_published(loaded: Installation) -> None:
    report = loaded.json("run", "order_lists", "--limit-files", "2")
    assert report["status"] == "sample"
    assert loaded.query("select count(*) from pg_namespace where nspname like 'firn_stage%%'") == [(0,)]
    assert report["parts"] == 2
    done = loaded.firn("publish", report["run_id"])
    assert done.returncode == 5
    assert "sample" in done.stderr
    assert loaded.production() == {}


def test_check_and_dry_run_write_nothing(loaded: Installation) -> None:
    assert loaded.json("check", "order_lists")["status"] == "checked"
    plan = loaded.json("run", "order_lists", "--dry-run")
    assert [table["name"] for table in plan["tables"]] == [
        "order_list",
        "order_list_lines",
        "order_list_origin",
        "order_list_quarantine",
    ]
    assert {table["strategy"] for table in plan["tables"]} == {plan["family"]} == {"swap"}
    assert loaded.query("select nspname from pg_namespace where nspname like 'firn%'") == []


def test_a_view_on_production_shows_the_rows_of_the_next_run(published: Installation) -> None:
    published.execute('create view open_orders as select record_uuid, "AAG ORDER NUMBER" from order_list')
    published.json("run", "order_lists", "--full-refresh")
    assert published.query(
        "select count(*) from pg_depend d join pg_rewrite w on w.oid = d.objid "
        "where w.ev_class = 'open_orders'::regclass and d.refobjid = 'order_list'::regclass"
    ) != [(0,)]


def test_what_would_go_on_reading_the_old_rows_is_refused_by_name_before_anything_is_read(
    published: Installation,
) -> None:
    published.execute('create materialized view open_orders as select "AAG ORDER NUMBER" from order_list')
    before = published.production()
    done = published.firn("run", "order_lists", "--full-refresh")
    assert done.returncode == 4
    assert "open_orders" in done.stderr
    assert "Phase 2" not in done.stderr
    assert published.production() == before


def test_a_publication_that_does_not_pass_on_production_is_undone_at_once(
    published: Installation, report: dict[str, Any]
) -> None:
    assert [(one["check"], one["passed"]) for one in report["after_publish"]] == [("lines_have_origins", True)]
    before = published.production()
    (published.books / BROKEN).unlink()
    at_once = {"FIRN_TARGET__CHECK_TIMEOUT_S": "0.000001"}
    done = published.firn("run", "order_lists", "--accept-missing", BROKEN, env=at_once)
    assert done.returncode == 3
    said = " ".join(line.strip("│ ") for line in done.stderr.splitlines())
    assert "ROLLED BACK order_lists_" in said
    assert "Check lines_have_origins came to no end" in said
    assert "Production shows the rows of generation 1 again, as generation 3." in said
    assert published.production() == before
    told = published.json("report")
    assert (told["status"], told["generation"], told["after_publish"][0]["passed"]) == ("rolled_back", 2, False)
    assert published.firn("publish", told["run_id"]).returncode == 4
    assert published.json("publish", told["run_id"], "--again")["generation"] == 4
    assert published.production() != before
    assert published.json("report")["status"] == "published"


def test_a_ready_run_that_does_not_pass_on_production_is_undone_too(
    waiting: Installation, ready: dict[str, Any]
) -> None:
    done = waiting.firn("publish", ready["run_id"], env={"FIRN_TARGET__CHECK_TIMEOUT_S": "0.000001"})
    assert done.returncode == 3
    assert "Production shows no table of it, as before, as generation 2." in done.stderr
    assert set(waiting.production()) <= {"order_list_sync"}
    assert waiting.json("report")["status"] == "rolled_back"


def test_any_kept_generation_is_shown_again_by_its_number(published: Installation) -> None:
    three = {"FIRN_TARGET__KEEP_GENERATIONS": "3"}
    shown = published.production()
    for _ in (2, 3):
        assert published.firn("run", "order_lists", "--full-refresh", env=three).returncode == 0
    back = published.firn("rollback", "order_lists", "--to", "1", env=three)
    assert back.returncode == 0, back.stderr
    assert "Production now shows generation 4 of order_lists" in back.stdout
    assert published.production() == shown
    refused = published.firn("rollback", "order_lists", "--to", "9", env=three)
    assert refused.returncode == 4
    assert "Generation 9 of order_lists cannot be shown again: kept are 3 (run" in refused.stderr
    assert "Production is unchanged" in refused.stderr
    assert "Try: firn rollback order_lists --to 3" in refused.stderr
    assert published.production() == shown
