"""The runner over the shipped memory source and loader: phases, failures, retries, and what is published."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import dataframely as dy
import polars as pl
import pytest

from firn import ConfigError, ContractError, PartKey, Run, SourceError, SourceUnavailable, Table
from loaders.memory import Memory as MemoryLoader
from pipelines.engine import extraction, extracts, retries
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.progress import Silent
from pipelines.engine.report import Report, box, lines
from pipelines.engine.retries import Retry
from pipelines.engine.runner import Options, execute
from sources import Memory, Source
from transforms import row_local

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelines.engine.frames import Frames


class Sales(dy.Schema):
    """What is sold, by shop."""

    shop = dy.String(primary_key=True)
    item = dy.String(primary_key=True)
    pieces = dy.Int64(nullable=True)


@row_local
def sales(lines: pl.DataFrame) -> pl.DataFrame:
    return lines


def nothing_negative(sales: dy.DataFrame[Sales]) -> pl.DataFrame:
    return sales.filter(pl.col("pieces") < 0)


class Shops(Pipeline):
    """One table of a shop's lines each."""

    reads = ("lines",)
    transforms = (sales,)
    checks = (nothing_negative,)
    publishes: ClassVar = {"sales": Sales}
    parts: ClassVar = {"sales": PartKey("sales", "shop")}
    given: ClassVar[tuple[Table, ...]] = ()

    def sources(self) -> tuple[Source, ...]:
        return (Memory(self.given),)


def shop(name: str, *pieces: int) -> Table:
    rows = pl.DataFrame({"shop": [name] * len(pieces), "item": [f"i{n}" for n in range(len(pieces))], "pieces": pieces})
    return Table("lines", rows.lazy(), part=name)


def failing(name: str, error: Callable[[], Exception]) -> Table:
    def fail() -> pl.DataFrame:
        raise error()

    return Table("lines", pl.defer(fail, schema=pl.Schema({"shop": pl.String})), part=name)


def run(loader: MemoryLoader, *tables: Table, **options: object) -> Report:
    class Given(Shops):
        given = tables

    return execute(Given(), Run.start("shops"), loader, Options(**options), Silent())  # type: ignore[arg-type]


@pytest.fixture
def loader() -> MemoryLoader:
    return MemoryLoader()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries.time, "sleep", lambda _: None)


def test_all_parts_are_published_together(loader: MemoryLoader) -> None:
    report = run(loader, shop("north", 1, 2), shop("south", 3))
    assert (report.status, report.rows_read, report.tables) == ("published", 3, {"sales": 3})
    assert [phase.name for phase in report.phases] == [
        "Check the target",
        "Extract and transform",
        "Stage",
        "Verify",
        "Publish",
    ]
    assert loader.production["sales"]["pieces"].sum() == 6


def test_a_part_that_cannot_be_read_stops_publication_and_is_named(loader: MemoryLoader) -> None:
    with pytest.raises(SourceError, match="1 of 2 files could not be used") as error:
        run(loader, shop("north", 1), failing("south", lambda: SourceError("south is torn.")))
    assert "south: south is torn." in error.value.message
    assert error.value.hint.endswith("firn run shops --allow-failed south")
    assert loader.production == {}


def test_an_allowed_failure_keeps_the_published_rows_of_that_part(loader: MemoryLoader) -> None:
    run(loader, shop("north", 1), shop("south", 3))
    torn = failing("south", lambda: SourceError("south is torn."))
    report = run(loader, shop("north", 2), torn, allow_failed=frozenset({"south"}))
    assert dict(loader.production["sales"].select("shop", "pieces").iter_rows()) == {"north": 2, "south": 3}
    assert "south was not read: its 1 published rows are kept" in report.notes[0]


def test_a_part_that_nobody_could_name_is_not_allowed_to_fail(loader: MemoryLoader) -> None:
    with pytest.raises(ConfigError, match="sooth: no workbook of that name is listed") as error:
        run(loader, shop("north", 1), failing("south", lambda: SourceError("torn")), allow_failed={"sooth"})
    assert error.value.hint == "Did you mean south?"


def test_an_unavailable_source_is_read_again_and_a_broken_one_is_not(loader: MemoryLoader) -> None:
    tries: list[str] = []

    def unavailable() -> Exception:
        tries.append("unavailable")
        return SourceUnavailable("no answer")

    def broken() -> Exception:
        tries.append("broken")
        return SourceError("torn")

    with pytest.raises(SourceError, match="2 of 2"):
        run(loader, failing("north", unavailable), failing("south", broken))
    assert sorted(tries) == ["broken", *["unavailable"] * Retry().attempts]


@pytest.mark.parametrize(("others", "kind"), [((), SourceUnavailable), ((SourceError("torn"),), SourceError)])
def test_a_run_may_be_repeated_when_all_that_it_could_not_read_may_pass(
    loader: MemoryLoader, others: tuple[Exception, ...], kind: type[SourceError]
) -> None:
    faults = (SourceUnavailable("no answer"), *others)
    with pytest.raises(SourceError) as error:
        run(loader, shop("x", 1), *(failing(str(n), lambda fault=fault: fault) for n, fault in enumerate(faults)))  # type: ignore[misc]
    assert type(error.value) is kind


def test_a_fault_in_reading_one_part_fails_that_part_alone(loader: MemoryLoader) -> None:
    with pytest.raises(SourceError, match="1 of 2 files") as error:
        run(loader, shop("north", 1), failing("south", lambda: ValueError("odd")))
    assert "fault of firn" in run_hint(error.value)


def run_hint(error: SourceError) -> str:
    report: Report = error.report  # type: ignore[attr-defined]
    return report.failed[0]["hint"]


def test_a_check_that_finds_rows_stops_publication_and_shows_them(loader: MemoryLoader) -> None:
    with pytest.raises(ContractError, match=r"Check nothing_negative found 1 rows:\n.*'pieces': -1"):
        run(loader, shop("north", 1, -1))
    assert loader.production == {}


def test_a_limited_run_is_a_sample_and_is_not_published(loader: MemoryLoader) -> None:
    report = run(loader, shop("north", 1), shop("south", 3), limit=1)
    assert (report.status, report.parts, report.tables) == ("sample", 1, {"sales": 1})
    assert loader.production == {}


def test_a_run_without_publication_is_ready(loader: MemoryLoader) -> None:
    assert run(loader, shop("north", 1), publish=False).status == "ready"
    assert loader.production == {}


def test_a_checked_run_stages_nothing(loader: MemoryLoader) -> None:
    report = run(loader, shop("north", 1), load=False)
    assert (report.status, report.tables) == ("checked", {})


def test_a_column_of_another_type_breaks_the_contract(loader: MemoryLoader) -> None:
    wrong = pl.DataFrame({"shop": ["north"], "item": ["i0"], "pieces": ["one"]})
    with pytest.raises(ContractError, match="sales, north: column pieces is String, not Int64"):
        execute_unchecked(loader, Table("lines", wrong.lazy(), part="north"))


def execute_unchecked(loader: MemoryLoader, *tables: Table) -> None:
    class Unchecked(Shops):
        checks = ()
        given = tables

    execute(Unchecked(), Run.start("shops"), loader, Options(), Silent())


def test_parts_may_be_handed_to_any_executor(loader: MemoryLoader) -> None:
    class Given(Shops):
        given = (shop("north", 1), shop("south", 3))

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as mine:
        report = execute(Given(), Run.start("shops"), loader, Options(), Silent(), executor=mine)
    assert report.status == "published"


def test_a_report_survives_its_storage(loader: MemoryLoader) -> None:
    report = run(loader, shop("north", 1))
    assert Report.from_dict(report.as_dict()) == report


def test_the_box_is_as_wide_as_its_longest_line() -> None:
    drawn = box("DONE", [*lines(Report("r", "shops")), "x" * 150], ["Next: firn runs"]).splitlines()
    assert len({len(line) for line in drawn}) == 1
    assert "Next: firn runs" in drawn[-2]


def fingerprinted(name: str, *pieces: int, content: str = "") -> Table:
    table = shop(name, *pieces)
    asked = (lambda: content) if content else None
    return replace(table, fingerprint=f"{name} {pieces}", content=asked)


def test_a_run_that_changes_nothing_publishes_nothing(loader: MemoryLoader) -> None:
    first = run(loader, fingerprinted("north", 1), fingerprinted("south", 3))
    again = run(loader, fingerprinted("north", 1), fingerprinted("south", 3))
    assert (first.status, again.status, again.taken, again.rows_read) == ("published", "unchanged", 2, 0)
    assert [phase.name for phase in again.phases] == ["Check the target"]


def test_only_what_changed_is_read_and_the_rest_is_taken_over(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1), fingerprinted("south", 3))
    unread = replace(failing("north", AssertionError), fingerprint="north (1,)")
    report = run(loader, unread, fingerprinted("south", 4, 5))
    assert (report.status, report.taken, report.rows_read) == ("published", 1, 2)
    assert sorted(loader.production["sales"]["pieces"]) == [1, 4, 5]


def test_a_run_that_found_nothing_changed_leaves_what_a_rollback_showed_meanwhile_as_it_is(
    loader: MemoryLoader,
) -> None:
    class Meanwhile(Silent):
        def finish(self) -> None:
            loader.rollback("shops")

    class Given(Shops):
        given = (fingerprinted("north", 2),)

    run(loader, fingerprinted("north", 1))
    run(loader, fingerprinted("north", 2))
    found = execute(Given(), Run.start("shops"), loader, Options(), Meanwhile())
    assert (found.status, loader.production["sales"]["pieces"].sum()) == ("unchanged", 1)
    assert run(loader, fingerprinted("north", 2)).status == "published", "the rows of the source are wanted still"


def test_equal_content_under_another_fingerprint_is_no_work_and_is_remembered(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1, content="same"))
    listed_anew = replace(failing("north", AssertionError), fingerprint="new", content=lambda: "same")
    assert run(loader, listed_anew).status == "unchanged"
    unasked = replace(failing("north", AssertionError), fingerprint="new", content=lambda: pytest.fail("asked"))
    assert run(loader, unasked).status == "unchanged"


def test_another_recipe_reads_everything_again(loader: MemoryLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    run(loader, fingerprinted("north", 1))
    monkeypatch.setattr(extraction, "recipe", lambda _: "another")
    assert run(loader, fingerprinted("north", 1)).status == "published"


def test_a_full_refresh_reads_everything_again(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1))
    report = run(loader, fingerprinted("north", 1), full_refresh=True)
    assert (report.status, report.rows_read, report.generation) == ("published", 1, 2)


def test_a_part_gone_from_the_source_stops_the_run_until_it_is_accepted(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1), fingerprinted("south", 3))
    with pytest.raises(SourceError, match=r"(?s)1 of 2 published files are gone.*south, 1 rows") as error:
        run(loader, fingerprinted("north", 1))
    assert error.value.hint.endswith("\nfirn run shops --accept-missing south")
    assert sorted(loader.production["sales"]["pieces"]) == [1, 3]
    report = run(loader, fingerprinted("north", 1), accept_missing=frozenset({"south"}))
    assert (report.status, loader.production["sales"]["pieces"].to_list()) == ("published", [1])
    assert "south is gone from the source, which was accepted: its 1 rows leave production" in report.notes


def test_a_part_that_is_not_gone_cannot_be_accepted_as_such(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1))
    with pytest.raises(ConfigError, match="north: it is not missing"):
        run(loader, fingerprinted("north", 1), accept_missing=frozenset({"north"}))


def test_a_part_of_the_same_content_under_another_name_is_renamed(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1, content="same"))
    report = run(loader, fingerprinted("north pole", 1, content="same"))
    assert report.notes == ["north is now called north pole"]
    assert loader.production["sales"]["shop"].to_list() == ["north pole"]


def test_a_run_narrowed_to_a_file_takes_over_all_others_whatever_became_of_them(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1), fingerprinted("south", 3), fingerprinted("west", 7))
    report = run(loader, fingerprinted("north", 2), fingerprinted("south", 4), files=("north",))
    assert sorted(loader.production["sales"]["pieces"]) == [2, 3, 7]
    assert (report.parts, report.taken) == (3, 2)
    assert run(loader, fingerprinted("north", 2), fingerprinted("south", 4), fingerprinted("west", 7)).taken == 2


def test_a_check_over_all_parts_sees_those_taken_over(loader: MemoryLoader) -> None:
    run(loader, fingerprinted("north", 1), fingerprinted("south", 3))
    loader.production["sales"] = loader.production["sales"].with_columns(pieces=-pl.col("pieces"))
    with pytest.raises(ContractError, match="nothing_negative found 1 rows"):
        run(loader, fingerprinted("north", 2), fingerprinted("south", 3))


def test_an_extract_is_transformed_without_opening_the_source(loader: MemoryLoader, tmp_path: Path) -> None:
    stored = run(loader, fingerprinted("north", 1), fingerprinted("south", 3), extract_to=tmp_path)
    assert (stored.status, stored.rows_read, loader.production) == ("extracted", 2, {})
    report = run(loader, failing("east", AssertionError), extract_from=tmp_path / stored.run_id)
    assert (report.status, sorted(loader.production["sales"]["pieces"])) == ("published", [1, 3])


def test_the_latest_extracts_are_kept(loader: MemoryLoader, tmp_path: Path) -> None:
    stored = [run(loader, shop("north", n), extract_to=tmp_path).run_id for n in range(4)]
    assert extracts.find(tmp_path, "shops", stored[-1]).name == stored[-1]
    assert len(list(tmp_path.iterdir())) == extracts.KEPT
    with pytest.raises(SourceError, match="no stored extract of run shops_x"):
        extracts.find(tmp_path, "shops", "shops_x")


class Interrupted(Silent):
    """Somebody who presses Ctrl-C after the first part; remembers which phases went well."""

    finished = 0

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:
        del number, of, title, rows, seconds
        raise KeyboardInterrupt

    def finish(self) -> None:
        self.finished += 1


def test_an_interrupted_run_does_not_count_its_files_as_read_nor_its_phase_as_done(loader: MemoryLoader) -> None:
    class Two(Shops):
        given = (shop("north", 1), shop("south", 2))

    progress = Interrupted()
    with pytest.raises(KeyboardInterrupt) as stopped:
        execute(Two(), Run.start("shops"), loader, Options(), progress)
    report: Report = stopped.value.report  # type: ignore[attr-defined]
    assert "KeyboardInterrupt in phase Extract and transform" in report.error
    assert progress.finished == len(report.phases) - 1
    (line,) = [line for line in lines(report, brief=True) if line.startswith("files ")]
    assert line.split(None, 1)[1] == "2 listed; the run ended before all of them were read and transformed"


def test_a_part_of_equal_content_whose_lines_are_numbered_again_is_read_and_never_lost(loader: MemoryLoader) -> None:
    class Renumbered(Shops):
        given: ClassVar[tuple[Table, ...]] = ()

        def outdated(self, whole: Frames, recalled: Mapping[str, pl.DataFrame]) -> frozenset[str]:
            del whole
            return frozenset({"north"} & set(recalled["sales"]["shop"])) if "sales" in recalled else frozenset()

    run(loader, fingerprinted("north", 1, content="same"), fingerprinted("south", 3))
    listed_anew = replace(fingerprinted("north", 1, content="same"), fingerprint="listed anew")

    class Given(Renumbered):
        given = (listed_anew, fingerprinted("south", 4))

    report = execute(Given(), Run.start("shops"), loader, Options(), Silent())
    assert (report.status, report.taken) == ("published", 0)
    assert sorted(loader.production["sales"]["pieces"]) == [1, 4]


def test_rows_of_a_part_that_failed_are_not_kept_under_numbers_that_no_longer_fit(loader: MemoryLoader) -> None:
    class Renumbered(Shops):
        given = (failing("north", lambda: SourceError("north is torn.")), fingerprinted("south", 4))

        def outdated(self, whole: Frames, recalled: Mapping[str, pl.DataFrame]) -> frozenset[str]:
            del whole, recalled
            return frozenset({"north"})

    run(loader, fingerprinted("north", 1), fingerprinted("south", 3))
    with pytest.raises(ContractError, match=r"Rows of north, which could not be read, .* production is unchanged"):
        execute(Renumbered(), Run.start("shops"), loader, Options(allow_failed=frozenset({"north"})), Silent())
    assert sorted(loader.production["sales"]["pieces"]) == [1, 3]


class Stock(dy.Schema):
    """What lies in the stores."""

    item = dy.String(primary_key=True)
    pieces = dy.Int64(nullable=True)


class Oddities(dy.Schema):
    """What is sold and lies nowhere."""

    item = dy.String(nullable=False)


class Balance(NamedTuple):
    """What is sold of what lies there."""

    balance: dy.DataFrame[Stock]
    oddities: dy.DataFrame[Oddities]


@row_local
def stock(shelves: pl.DataFrame) -> dy.DataFrame[Stock]:
    return Stock.cast(shelves)


def balance(sales: dy.DataFrame[Sales], stock: dy.DataFrame[Stock]) -> Balance:
    lines = sales.join(stock, on="item", how="left", suffix="_there")
    left = lines.select("item", pieces=pl.col("pieces_there") - pl.col("pieces"))
    return Balance(Stock.cast(left.drop_nulls()), Oddities.cast(left.filter(pl.col("pieces").is_null())))


class Stores(Pipeline):
    """Parts of two kinds, and one table made of both."""

    reads = ("lines", "shelves")
    transforms = (sales, stock, balance)
    publishes: ClassVar = {"balance": Stock}
    set_aside = ("oddities",)
    understands = ("sample",)
    given: ClassVar[tuple[Table, ...]] = ()

    def sources(self) -> tuple[Source, ...]:
        return (Memory(self.given),)

    def sampled(self, whole: Frames) -> Frames:
        return {"balance": whole["balance"].head(1)}


def stores(loader: MemoryLoader, *tables: Table, **options: object) -> Report:
    class Given(Stores):
        given = tables

    return execute(Given(), Run.start("stores"), loader, Options(**options), Silent())  # type: ignore[arg-type]


def shelf(**pieces: int) -> Table:
    rows = pl.DataFrame({"item": list(pieces), "pieces": list(pieces.values())})
    return Table("shelves", rows.lazy(), part="shelf", fingerprint=f"{pieces}")


def test_a_step_runs_on_the_parts_that_have_its_tables_and_its_figures_are_told(loader: MemoryLoader) -> None:
    report = stores(loader, fingerprinted("north", 3, 4), shelf(i0=10))
    assert loader.production["balance"].rows() == [("i0", 7)]
    told = {step.name: (step.rows_in, step.rows_out, step.rejects) for step in report.steps}
    assert told == {"sales": (2, 2, 0), "stock": (1, 1, 0), "balance": (3, 1, 1)}
    assert Report.from_dict(report.as_dict()) == report


def test_tables_without_parts_are_made_again_of_everything_or_not_at_all(loader: MemoryLoader) -> None:
    parts = (fingerprinted("north", 3, 4), shelf(i0=10, i1=10))
    assert stores(loader, *parts).status == "published"
    assert stores(loader, *parts).status == "unchanged"
    assert stores(loader, *parts, full_refresh=True).status == "published"
    changed = stores(loader, parts[0], shelf(i0=20, i1=10))
    assert (changed.status, changed.rows_read) == ("published", 4)
    assert stores(loader, shelf(i0=20, i1=10), fingerprinted("south", 3)).status == "published"


def test_a_sample_is_staged_and_never_published(loader: MemoryLoader) -> None:
    report = stores(loader, fingerprinted("north", 3, 4), shelf(i0=10, i1=10), sample=True)
    assert (report.status, report.tables) == ("sample", {"balance": 1})
    assert "balance" not in loader.production
    with pytest.raises(ConfigError, match="--sample means nothing to pipeline shops"):
        run(loader, shop("north", 1), sample=True)
