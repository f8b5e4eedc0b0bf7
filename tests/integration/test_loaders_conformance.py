"""What every loader promises, run over each of them: memory, and PostgreSQL in every version."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from test_postgres_servers import CONTRACTS, SHOP, VERSIONS, fresh, lines, notes, orders

from firn import Dataset, LoadError, PartKey, PartRecord, PublishError, Run, Span, Staged, StateError, Totals
from loaders.connections import Server
from loaders.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_postgres_servers import Target

    from loaders.loader import Loader

    Seen = Callable[[str], pl.DataFrame | None]


class Wide(dy.Schema):
    """A table whose parts have a few of its columns each."""

    id = dy.Int32(primary_key=True)
    a = dy.String(nullable=True)
    b = dy.Int64(nullable=True)
    c = dy.Decimal(10, 3, nullable=True)


class Sums(dy.Schema):
    """A table of money in every way that a number is kept."""

    id = dy.Int32(primary_key=True)
    exact = dy.Decimal(10, 3, nullable=True)
    double = dy.Float64(nullable=True)
    short = dy.Float32(nullable=True)


class Once(dy.Schema):
    """A table with a unique column besides its key."""

    id = dy.Int32(primary_key=True)
    code = dy.String(nullable=True, unique=True)


class Paid(dy.Schema):
    """Money as a source has it that knows no decimals."""

    id = dy.Int32(primary_key=True)
    amount = dy.Float64()
    day = dy.Date()


@pytest.fixture(params=["memory", *VERSIONS])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Loader, Seen]]:
    """A loader, and a way to read what its readers see."""
    if request.param == "memory":
        memory = Memory()
        yield memory, memory.production.get
        return
    for target in fresh(request.param):
        with target.settings.open() as loader:
            yield loader, partial(seen, target)


@pytest.fixture
def loader(place: tuple[Loader, Seen]) -> Loader:
    return place[0]


@pytest.fixture
def see(place: tuple[Loader, Seen]) -> Seen:
    return place[1]


def seen(target: Target, name: str) -> pl.DataFrame | None:
    """Read a table of production as any reader would."""
    if not target.query("SELECT to_regclass(%s)", f"shop.{name}")[0][0]:
        return None
    connection = Server(target.dsn).copying()
    with connection, connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM shop."{name}"')  # noqa: S608
        return pl.DataFrame(cursor.fetch_arrow_table())


def stage_all(loader: Loader, run: Run, generation: int) -> None:
    loader.prepare(run, SHOP)
    loader.stage(run, "orders", "", orders(generation))
    loader.stage(run, "lines", "", lines(generation))
    loader.stage(run, "notes", "", notes(generation))


def ready(loader: Loader, generation: int = 1) -> Run:
    run = Run.start("shop")
    stage_all(loader, run, generation)
    loader.verify(run)
    return run


def names(frame: pl.DataFrame | None) -> list[Any]:
    assert frame is not None
    return frame["name"].unique().to_list()


def test_nothing_is_visible_until_all_of_it_is(loader: Loader, see: Seen) -> None:
    run = ready(loader)
    assert see("orders") is None

    published = loader.publish(run)

    assert (published.dataset, published.generation, published.run_id) == ("shop", 1, run.id)
    assert published.rows == {"orders": 5, "lines": 8, "notes": 3}
    assert [see(name).height for name in CONTRACTS] == [5, 8, 3]  # type: ignore[union-attr]


def test_a_publication_replaces_the_generation_before(loader: Loader, see: Seen) -> None:
    loader.publish(ready(loader, 1))

    published = loader.publish(ready(loader, 2))

    assert published.generation == 2
    assert names(see("orders")) == ["generation 2"]


def test_publishing_a_run_twice_changes_nothing(loader: Loader, see: Seen) -> None:
    run = ready(loader, 1)
    first = loader.publish(run)
    assert loader.publish(run) == first

    loader.publish(ready(loader, 2))

    assert loader.publish(run) == first
    assert names(see("orders")) == ["generation 2"]


def test_a_run_that_is_not_verified_is_not_published(loader: Loader, see: Seen) -> None:
    run = Run.start("shop")
    stage_all(loader, run, 1)

    with pytest.raises(StateError, match=f"{run.id} is running"):
        loader.publish(run)
    assert see("orders") is None


def test_a_newer_generation_makes_a_ready_run_unpublishable_and_both_are_named(loader: Loader, see: Seen) -> None:
    late = ready(loader, 1)
    loader.publish(ready(loader, 2))

    with pytest.raises(PublishError, match=r"staged on generation 0 .* generation 1 was published"):
        loader.publish(late)
    assert names(see("orders")) == ["generation 2"]


def test_rollback_shows_the_generation_before_under_a_new_number(loader: Loader, see: Seen) -> None:
    first = ready(loader, 1)
    loader.publish(first)
    loader.publish(ready(loader, 2))

    undone = loader.rollback("shop")

    assert (undone.generation, undone.run_id) == (3, first.id)
    assert undone.rows == {"orders": 5, "lines": 8, "notes": 3}
    assert names(see("orders")) == ["generation 1"]


def test_rolling_back_twice_does_not_bring_the_undone_generation_back(loader: Loader, see: Seen) -> None:
    loader.publish(ready(loader, 1))
    second = ready(loader, 2)
    loader.publish(second)
    loader.rollback("shop")

    with pytest.raises(PublishError, match="Generation 2 of shop was rolled back already") as caught:
        loader.rollback("shop")
    assert caught.value.hint == f"firn publish {second.id} --again"
    assert names(see("orders")) == ["generation 1"]


def test_the_first_generation_cannot_be_rolled_back(loader: Loader, see: Seen) -> None:
    loader.publish(ready(loader, 1))

    with pytest.raises(PublishError, match="No generation of shop before generation 1 is kept"):
        loader.rollback("shop")
    assert names(see("orders")) == ["generation 1"]


def test_what_was_never_published_cannot_be_rolled_back(loader: Loader) -> None:
    with pytest.raises(PublishError, match="No generation of shop"):
        loader.rollback("shop")


def test_a_run_that_was_rolled_back_is_published_again_only_when_asked(loader: Loader, see: Seen) -> None:
    loader.publish(ready(loader, 1))
    second = ready(loader, 2)
    loader.publish(second)
    loader.rollback("shop")

    with pytest.raises(PublishError, match="rolled back") as caught:
        loader.publish(second)
    assert "--again" in caught.value.hint

    assert loader.publish(second, again=True).generation == 4
    assert names(see("orders")) == ["generation 2"]
    assert loader.rollback("shop").generation == 5
    assert names(see("orders")) == ["generation 1"]


def test_publishing_the_visible_run_again_changes_nothing(loader: Loader, see: Seen) -> None:
    first = ready(loader, 1)
    published = loader.publish(first)

    assert loader.publish(first, again=True) == published
    assert names(see("orders")) == ["generation 1"]


def test_a_run_remembers_the_generation_as_which_it_was_published(loader: Loader) -> None:
    first = ready(loader, 1)
    assert loader.row(first.id)["published_as"] is None
    loader.publish(first)
    second = ready(loader, 2)
    loader.publish(second)
    loader.rollback("shop")
    loader.publish(second, again=True)

    assert [run["published_as"] for run in loader.runs("shop")] == [4, 1]


def test_only_the_run_that_the_last_rollback_undid_can_be_published_again(loader: Loader) -> None:
    loader.publish(ready(loader, 1))
    second = ready(loader, 2)
    loader.publish(second)
    loader.rollback("shop")
    loader.publish(ready(loader, 3))

    with pytest.raises(PublishError, match="not kept"):
        loader.publish(second, again=True)


# --- Generations ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", VERSIONS[-1]])
def keeping(request: pytest.FixtureRequest) -> Iterator[tuple[Loader, Seen]]:
    """A loader that keeps two earlier generations."""
    if request.param == "memory":
        memory = Memory(keep=2)
        yield memory, memory.production.get
        return
    for target in fresh(request.param):
        with target.with_settings(keep_generations=2).open() as loader:
            yield loader, partial(seen, target)


def three(loader: Loader) -> list[Run]:
    """Publish three generations."""
    runs = []
    for number in (1, 2, 3):
        runs.append(ready(loader, number))
        loader.publish(runs[-1])
    return runs


def test_any_generation_that_is_kept_is_shown_again_and_those_that_are_not_are_refused(
    keeping: tuple[Loader, Seen],
) -> None:
    loader, see = keeping
    runs = three(loader)
    assert [kept.generation for kept in loader.kept("shop")] == [2, 1]

    undone = loader.rollback("shop", 1)

    assert (undone.generation, undone.run_id, undone.rows) == (4, runs[0].id, {"orders": 5, "lines": 8, "notes": 3})
    assert names(see("orders")) == ["generation 1"]
    assert [loader.row(run.id)["status"] for run in runs] == ["published", "rolled_back", "rolled_back"]
    assert [kept.generation for kept in loader.kept("shop")] == [3, 2]
    with pytest.raises(PublishError, match="Generation 4 of shop is what production shows already"):
        loader.rollback("shop", 4)
    with pytest.raises(PublishError, match="Generation 1 of shop is what production shows already"):
        loader.rollback("shop", 1)
    for unknown in (0, 7):
        with pytest.raises(PublishError, match=rf"Generation {unknown} .* kept are 3 \(run {runs[2].id}\), 2"):
            loader.rollback("shop", unknown)
    assert names(see("orders")) == ["generation 1"]


def test_a_rollback_is_undone_by_another_and_by_publishing_the_run_again(keeping: tuple[Loader, Seen]) -> None:
    loader, see = keeping
    runs = three(loader)
    loader.rollback("shop", 1)

    assert loader.rollback("shop", 3).generation == 5
    assert names(see("orders")) == ["generation 3"]
    assert loader.row(runs[2].id)["status"] == "published"

    assert loader.publish(runs[1], again=True).generation == 6
    assert names(see("orders")) == ["generation 2"]
    assert loader.rollback("shop").generation == 7
    assert names(see("orders")) == ["generation 1"]
    assert [kept.generation for kept in loader.kept("shop")] == [6, 5]


def test_generations_beyond_those_kept_are_gone(keeping: tuple[Loader, Seen]) -> None:
    loader, see = keeping
    three(loader)
    loader.publish(ready(loader, 4))

    assert [kept.generation for kept in loader.kept("shop")] == [3, 2]
    with pytest.raises(PublishError, match="Generation 1 of shop cannot be shown again"):
        loader.rollback("shop", 1)
    assert names(see("orders")) == ["generation 4"]


def test_only_the_generation_that_was_meant_is_undone(loader: Loader, see: Seen) -> None:
    loader.publish(ready(loader, 1))
    loader.publish(ready(loader, 2))

    with pytest.raises(PublishError, match="Generation 1 of shop is not visible any more: generation 2 is"):
        loader.rollback("shop", 0, of=1)
    assert names(see("orders")) == ["generation 2"]


def test_a_first_generation_leaves_production_only_when_asked_for_and_comes_back(loader: Loader, see: Seen) -> None:
    first = ready(loader, 1)
    loader.publish(first)

    assert loader.rollback("shop", 0).generation == 2
    assert see("orders") is None
    assert loader.row(first.id)["status"] == "rolled_back"

    assert loader.publish(first, again=True).generation == 3
    assert names(see("orders")) == ["generation 1"]


def test_cursors_go_forward_and_back_with_the_rows(loader: Loader) -> None:
    assert loader.cursors("shop") == {}
    for number, cursors in ((1, {"orders": 7, "lines": {"id": 3}}), (2, {"orders": "2026-01-01T00:00:00"})):
        run = Run.start("shop")
        stage_all(loader, run, number)
        loader.verify(run, cursors=cursors)
        before = loader.cursors("shop")
        loader.publish(run)
        assert loader.cursors("shop") == {**before, **cursors}

    loader.rollback("shop")
    assert loader.cursors("shop") == {"orders": 7, "lines": {"id": 3}}
    loader.publish(run, again=True)
    assert loader.cursors("shop") == {"orders": "2026-01-01T00:00:00", "lines": {"id": 3}}


def test_who_did_what_is_recorded(loader: Loader) -> None:
    first, second = ready(loader, 1), ready(loader, 2)
    loader.publish(first)
    loader.discard(second)
    loader.act(second, "discarded", "orders")

    acts = loader.acts("shop")

    assert [(act["action"], act["run_id"], act["detail"]) for act in acts] == [
        ("discarded", second.id, "orders"),
        ("published", first.id, acts[1]["detail"]),
    ]
    assert loader.acts("other") == []
    assert len(loader.acts("shop", last=1)) == 1


def test_a_disabled_dataset_is_led_back_and_not_run_or_published_until_it_is_enabled(loader: Loader) -> None:
    loader.publish(ready(loader, 1))
    loader.publish(ready(loader, 2))
    waiting = ready(loader, 3)
    assert loader.previous("shop") == 1
    loader.disable("shop", "wrong sizes")
    assert [one["reason"] for one in loader.disabled("shop")] == ["wrong sizes"]

    loader.rollback("shop")
    for refused in (partial(loader.publish, waiting), partial(loader.start, Run.start("shop"))):
        with pytest.raises(StateError, match="wrong sizes"):
            refused()
    loader.start(Run.start("other"))
    assert loader.disabled("other") == []
    undone = {name: (counts["before"], counts["after"]) for name, counts in loader.undone("shop").items()}
    assert undone["orders"] == (orders(1).height, orders(2).height)

    assert loader.enable("shop")
    assert not loader.enable("shop")
    with pytest.raises(PublishError, match="generation 3"):
        loader.publish(waiting)
    loader.publish(ready(loader, 4))
    assert [act["action"] for act in loader.acts("shop")][:2] == ["published", "enabled"]


def test_parts_are_one_table_and_what_a_part_lacks_is_null(loader: Loader, see: Seen) -> None:
    run = Run.start("wide")
    loader.prepare(run, Dataset("shop", {"wide": Wide}, strategy="swap"))
    loader.stage(run, "wide", "x", pl.DataFrame({"id": [1], "a": ["é"]}, schema={"id": pl.Int32, "a": pl.String}))
    loader.stage(run, "wide", "y", pl.DataFrame({"b": [7, None], "id": [2, 3]}, schema={"b": pl.Int64, "id": pl.Int32}))
    loader.stage(run, "wide", "empty", pl.DataFrame(schema={"id": pl.Int32}))
    loader.verify(run)

    assert loader.publish(run).rows == {"wide": 3}
    found = see("wide")
    assert found is not None
    assert found.columns == ["id", "a", "b", "c"]
    assert sorted(found.select("id", "a", "b").rows()) == [(1, "é", None), (2, None, 7), (3, None, None)]


def test_staging_a_part_again_replaces_it(loader: Loader, see: Seen) -> None:
    run = Run.start("wide")
    loader.prepare(run, Dataset("shop", {"wide": Wide}, strategy="swap"))
    schema = {"id": pl.Int32, "a": pl.String}
    loader.stage(run, "wide", "x", pl.DataFrame({"id": [1, 2], "a": ["old", "old"]}, schema=schema))
    loader.stage(run, "wide", "x", pl.DataFrame({"id": [1], "a": ["new"]}, schema=schema))
    loader.verify(run)
    loader.publish(run)

    found = see("wide")
    assert found is not None
    assert found["a"].to_list() == ["new"]


def test_a_table_that_is_left_out_stays_as_it_was(loader: Loader, see: Seen) -> None:
    loader.publish(ready(loader, 1))
    run = Run.start("shop")
    stage_all(loader, run, 2)

    loader.leave(run, ["notes"])
    loader.verify(run)
    loader.publish(run)

    assert names(see("orders")) == names(orders(2))
    kept = see("notes")
    assert kept is not None
    assert kept.sort(kept.columns).equals(notes(1).sort(kept.columns))


def test_figures_of_a_table_are_foreseen_before_it_is_published(loader: Loader, see: Seen) -> None:
    def paid(*rows: tuple[int, float, dt.date]) -> pl.DataFrame:
        return pl.DataFrame(rows, {"id": pl.Int32, "amount": pl.Float64, "day": pl.Date}, orient="row")

    early, late = dt.date(2026, 1, 1), dt.date(2026, 3, 1)
    dataset = Dataset("till", {"paid": Paid}, strategy={"paid": "merge"})
    figures = []
    for frame, replaced in (
        (paid((1, 0.1, early), (2, 0.2, early), (3, 1e15, late), (4, 7.0, late)), None),
        (paid((2, 0.7, late), (9, 1e-7, late)), {"paid": [(4, 5)]}),
    ):
        run = Run.start("till")
        loader.prepare(run, dataset)
        loader.stage(run, "paid", "", frame)
        loader.verify(run, replaced=replaced)
        figures.append((loader.foreseen(run, "paid", ["amount"]), loader.foreseen(run, "paid", [], ("day", late))))
        loader.publish(run)

    (first, early_on), (second, later) = figures
    assert (first, early_on) == ((4, {"amount": Decimal("1000000000000007.3")}), (2, {}))
    assert (second, later) == ((4, {"amount": Decimal("1000000000000000.8000001")}), (3, {}))
    shown = see("paid")
    assert shown is not None
    assert sorted(shown["id"]) == [1, 2, 3, 9]


def test_staging_says_what_was_sent(loader: Loader) -> None:
    run = Run.start("shop")
    loader.prepare(run, SHOP)

    assert loader.stage(run, "orders", "book.xlsx", orders()) == Staged("orders", "book.xlsx", 5)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pl.DataFrame({"id": [1]}), 'column "id" is Int64, but goes to integer, which takes exactly Int32'),
        (pl.DataFrame({"id": [1], "Name": ["x"]}, schema={"id": pl.Int32, "Name": pl.String}), 'no column "Name"'),
        (pl.DataFrame({"name": ["x"]}), 'required column "id" is missing'),
        (pl.DataFrame({"id": [1, None]}, schema={"id": pl.Int32}), 'required column "id" is null at row 2'),
    ],
)
def test_rows_that_do_not_fit_the_contract_are_refused_before_they_are_sent(
    loader: Loader, frame: pl.DataFrame, words: str
) -> None:
    run = Run.start("shop")
    loader.prepare(run, SHOP)

    with pytest.raises(LoadError) as caught:
        loader.stage(run, "orders", "book.xlsx", frame)

    assert 'Table "orders", part "book.xlsx"' in caught.value.message
    assert words in caught.value.message


def test_a_table_that_was_not_prepared_is_refused(loader: Loader) -> None:
    run = Run.start("shop")
    loader.prepare(run, SHOP)

    with pytest.raises(LoadError, match='Table "order" is not among those prepared: orders, lines, notes'):
        loader.stage(run, "order", "", orders())


def test_a_run_that_was_not_prepared_here_cannot_stage(loader: Loader) -> None:
    with pytest.raises(StateError, match="not prepared"):
        loader.stage(Run.start("shop"), "orders", "", orders())


@pytest.mark.parametrize("rows", [[(1, "a"), (2, "b"), (1, "c")], [(1, "a"), (2, "b"), (3, "a")]])
def test_a_key_that_is_held_twice_is_named_and_nothing_is_published(
    loader: Loader, see: Seen, rows: list[tuple[int, str]]
) -> None:
    run = Run.start("once")
    loader.prepare(run, Dataset("shop", {"once": Once}, strategy="swap"))
    loader.stage(run, "once", "", pl.DataFrame(rows, schema={"id": pl.Int32, "code": pl.String}, orient="row"))

    with pytest.raises(LoadError, match=r'Table "once" holds a key more than once: (id=1|code=a)'):
        loader.verify(run)
    with pytest.raises(StateError):
        loader.publish(run)
    assert see("once") is None


def test_a_discarded_run_leaves_nothing_and_cannot_be_published(loader: Loader, see: Seen) -> None:
    run = ready(loader)

    assert sorted(loader.discard(run)) == ["lines", "notes", "orders"]
    with pytest.raises(StateError, match="discarded"):
        loader.publish(run)
    assert see("orders") is None


def test_a_published_run_cannot_be_discarded(loader: Loader) -> None:
    run = ready(loader)
    loader.publish(run)

    with pytest.raises(StateError, match="published"):
        loader.discard(run)


def test_a_failed_run_can_start_again_under_its_name(loader: Loader, see: Seen) -> None:
    run = Run.start("shop")
    stage_all(loader, run, 1)
    loader.finish(run, "failed", {"error": "no"})

    stage_all(loader, run, 2)
    loader.verify(run)
    loader.publish(run)

    assert names(see("orders")) == ["generation 2"]


def test_a_published_run_cannot_start_again(loader: Loader) -> None:
    run = ready(loader)
    loader.publish(run)

    with pytest.raises(StateError, match="published and cannot start again"):
        loader.prepare(run, SHOP)


def test_an_unknown_run_is_answered_with_the_closest_names(loader: Loader) -> None:
    run = ready(loader)

    with pytest.raises(StateError, match="There is no run") as caught:
        loader.find(run.id[:-1])
    assert run.id in caught.value.hint


def test_an_unknown_run_is_neither_published_nor_discarded(loader: Loader) -> None:
    for act in (loader.publish, loader.discard):
        with pytest.raises(StateError, match="There is no run"):
            act(Run.start("shop"))


def test_runs_are_listed_newest_first_with_their_reports(loader: Loader) -> None:
    assert list(loader.runs()) == []
    first, second = Run("a_1", "a", at(1)), Run("b_2", "b", at(2))
    loader.start(first)
    loader.start(second)
    loader.finish(first, "failed", {"rows": 3})

    assert [row["run_id"] for row in loader.runs()] == ["b_2", "a_1"]
    assert [row["run_id"] for row in loader.runs("a")] == ["a_1"]
    assert [row["run_id"] for row in loader.runs(last=1)] == ["b_2"]
    found = loader.row("a_1")
    assert (found["status"], found["report"], found["pipeline"], found["started_at"]) == (
        "failed",
        {"rows": 3},
        "a",
        at(1),
    )
    assert loader.find("a_1") == first


def test_a_run_that_goes_on_can_be_watched_and_one_that_ended_keeps_its_report(loader: Loader) -> None:
    run = Run.start("shop")
    loader.start(run)
    loader.tell(run, {"rows_read": 7})
    assert (loader.row(run.id)["status"], loader.row(run.id)["report"]) == ("running", {"rows_read": 7})

    loader.finish(run, "failed", {"rows_read": 8})
    loader.tell(run, {"rows_read": 9})

    assert loader.row(run.id)["report"] == {"rows_read": 8}


def test_what_was_published_stays_recorded_so_whatever_is_reported_later(loader: Loader) -> None:
    run = ready(loader)
    loader.publish(run)

    loader.finish(run, "failed", {"error": "interrupted"})

    assert loader.row(run.id)["status"] == "published"


def test_a_run_that_never_began_is_forgotten_and_one_that_staged_is_not(loader: Loader) -> None:
    idle, staged = Run.start("shop"), ready(loader)
    loader.start(idle)
    for run in (idle, staged):
        loader.forget(run)
    assert [row["run_id"] for row in loader.runs()] == [staged.id]


def test_a_check_says_what_would_happen_and_changes_nothing(loader: Loader) -> None:
    said = loader.check(SHOP)
    assert said["orders"][1].startswith("new in")
    assert list(loader.runs()) == []

    loader.publish(ready(loader))

    assert loader.check(SHOP)["orders"][1].startswith("replaced in")


def at(hour: int) -> dt.datetime:
    return dt.datetime(2026, 1, 1, hour, tzinfo=dt.UTC)


class Shelf(dy.Schema):
    """What lies on which shelf, with every type whose exactness a driver could lose."""

    id = dy.Int32(primary_key=True)
    shelf = dy.String(nullable=False)
    key = dy.Binary(nullable=True, metadata={"postgres": "uuid"})
    price = dy.Decimal(18, 4, nullable=True)
    day = dy.Date(nullable=True)
    small = dy.Int16(nullable=True)


class Counted(dy.Schema):
    """What is told by the shelf of another table."""

    id = dy.Int32(primary_key=True)
    count = dy.Int64(nullable=True)


def test_one_part_of_production_is_read_as_it_was_staged(loader: Loader) -> None:
    shelves = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "shelf": ["top", "low", "top"],
            "key": [bytes(range(16)), None, b"\xff" * 16],
            "price": [Decimal("0.3333"), None, Decimal("-99999999999999.9999")],
            "day": [dt.date(2024, 2, 29), None, dt.date(1, 1, 1)],
            "small": [-32768, None, 7],
        },
        schema=dict(Shelf.create_empty().schema),
    )
    counted = pl.DataFrame({"id": [1, 2, 3], "count": [10, 20, 30]}, schema=dict(Counted.create_empty().schema))
    run = Run.start("shelves")
    loader.prepare(run, Dataset("shop", {"shelves": Shelf, "counted": Counted}, strategy="swap"))
    loader.stage(run, "shelves", "", shelves)
    loader.stage(run, "counted", "", counted)
    loader.verify(run)
    loader.publish(run)

    own, through = PartKey("shelves", "shelf"), PartKey("shelves", "shelf", joined_by="id")
    found = loader.published({"shelves": Shelf}, own, ["top"])
    assert found is not None
    assert found.sort("id").equals(shelves.filter(shelf="top"))
    joined = loader.published({"counted": Counted, "shelves": Shelf}, through, ["top"], ["shelf", "count"])
    assert joined is not None
    assert sorted(joined.iter_rows()) == [("top", 10), ("top", 30)]


def test_a_part_of_a_table_that_was_never_published_is_not_there(loader: Loader) -> None:
    assert loader.published({"shelves": Shelf}, PartKey("shelves", "shelf"), ["top"]) is None


# --- The ledger -------------------------------------------------------------------------------------------------------

SHOPS = {"sales": PartKey("sales", "shop"), "notes": PartKey("sales", "shop", joined_by="id")}


class Sale(dy.Schema):
    """What a shop sold."""

    id = dy.Int32(primary_key=True)
    shop = dy.String(nullable=False)
    price = dy.Decimal(10, 2, nullable=True)


class Note(dy.Schema):
    """What was said of a sale."""

    id = dy.Int32(primary_key=True)
    note = dy.String(nullable=True)


def sold(loader: Loader, run: Run, shop: str, *ids: int) -> PartRecord:
    """Stage a shop's sales and notes, and return its line of the ledger."""
    keys = pl.Series("id", ids, dtype=pl.Int32)
    prices = pl.Series("price", [Decimal(n) for n in ids], dtype=pl.Decimal(10, 2))
    loader.stage(run, "sales", shop, pl.DataFrame([keys, prices]).with_columns(shop=pl.lit(shop)))
    loader.stage(run, "notes", shop, pl.DataFrame([keys]).with_columns(note=pl.lit(f"of {shop}")))
    return PartRecord(shop, f"listed {shop}", f"content {shop}", "recipe", run.id)


@pytest.fixture
def two_shops(loader: Loader) -> Run:
    """A published run of two shops."""
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {"sales": Sale, "notes": Note}, SHOPS))
    loader.verify(run, [sold(loader, run, "north", 1, 2), sold(loader, run, "south", 3)])
    loader.publish(run)
    return run


def test_the_ledger_says_what_the_visible_generation_holds(loader: Loader, two_shops: Run) -> None:
    ledger = loader.ledger("shop")
    assert set(ledger) == {"north", "south"}
    assert ledger["north"].run_id == two_shops.id
    assert {name: table["rows"] for name, table in ledger["north"].tables.items()} == {"sales": 2, "notes": 2}
    assert loader.ledger("other") == {}


def test_a_part_taken_over_is_published_as_it_was(loader: Loader, two_shops: Run, see: Seen) -> None:
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {"sales": Sale, "notes": Note}, SHOPS))
    north = sold(loader, run, "north", 1, 5, 6)
    south = loader.ledger("shop")["south"]
    assert loader.take(run, ["south"]) == {"sales": 1, "notes": 1}
    loader.verify(run, [north], [south])
    loader.publish(run)
    shown = see("notes")
    assert shown is not None
    assert sorted(shown["note"]) == ["of north"] * 3 + ["of south"]
    assert loader.ledger("shop")["south"] == south
    assert loader.ledger("shop")["north"].run_id == run.id
    loader.rollback("shop")
    assert loader.ledger("shop")["north"].run_id == two_shops.id


def test_a_part_that_somebody_changed_in_production_is_not_taken_over(loader: Loader, two_shops: Run) -> None:
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {"sales": Sale, "notes": Note}, SHOPS))
    south = loader.ledger("shop")["south"]
    changed = replace(south, tables={**south.tables, "notes": {"rows": 1, "digest": "1"}})
    loader.take(run, ["south"])
    with pytest.raises(LoadError, match=f'other rows of south than run {two_shops.id} published, in table "notes"'):
        loader.verify(run, [], [changed])


def test_a_fingerprint_of_the_same_content_is_listed_anew(loader: Loader, two_shops: Run) -> None:
    loader.relist(two_shops, 1, {"north": "listed again"})
    assert loader.ledger("shop")["north"].fingerprint == "listed again"
    assert loader.ledger("shop")["south"].fingerprint == "listed south"


def test_what_was_read_of_a_generation_lists_nothing_anew_once_another_is_visible(
    loader: Loader, two_shops: Run
) -> None:
    """Else the rows that a rollback showed again would count as those of the workbooks as they are now, for good."""
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {"sales": Sale, "notes": Note}, SHOPS))
    loader.verify(run, [sold(loader, run, "north", 1, 2, 4)])
    read = loader.publish(run).generation

    loader.rollback("shop")
    loader.relist(Run.start("shop"), read, {"north": "listed again"})

    assert loader.ledger("shop")["north"].run_id == two_shops.id
    assert loader.ledger("shop")["north"].fingerprint == "listed north"


def test_totals_are_exact_whatever_the_column_keeps_and_leave_out_what_is_gone(loader: Loader) -> None:
    run, rows = Run.start("sums"), 10
    loader.prepare(run, Dataset("sums", {"sums": Sums}))
    tenth = [Decimal("0.1")] * (rows - 1)
    frame = pl.DataFrame(
        {"id": range(rows), "exact": [*tenth, None], "double": [*map(float, tenth), None], "short": [0.5] * rows},
        {"id": pl.Int32, "exact": pl.Decimal(10, 3), "double": pl.Float64, "short": pl.Float32},
    )
    loader.stage(run, "sums", "", frame)
    loader.verify(run)
    loader.publish(run)

    found = loader.totals({"sums": ["exact", "double", "short", "gone"], "gone": ["exact"]})

    assert list(found) == ["sums"]
    assert found["sums"] == Totals(rows, {"exact": Decimal("0.9"), "double": Decimal("0.9"), "short": Decimal(5)})
    assert loader.totals({"sums": []}) == {"sums": Totals(rows)}


def test_a_span_reaches_over_tables_together_and_names_the_keys_that_none_has(loader: Loader) -> None:
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {"old": Wide, "new": Wide}))
    for table, keys in (("old", [1, 2, 5]), ("new", [6, 20, 22])):
        loader.stage(run, table, "", pl.DataFrame({"id": keys, "b": keys}, {"id": pl.Int32, "b": pl.Int64}))
    loader.verify(run)
    loader.publish(run)

    found = loader.span(["old", "new", "gone"], "id", "b")

    assert (found.rows, found.low, found.high, found.first, found.last) == (6, 1, 22, "1", "22")
    assert (found.gaps, found.missing, list(found.largest)) == (3, 16, [(7, 19), (3, 4), (21, 21)])
    assert loader.span(["gone"], "id") == Span(0)


def test_rows_from_before_a_day_are_given_by_their_key_so_many_at_a_time(loader: Loader) -> None:
    class Dated(dy.Schema):
        id = dy.Int64(primary_key=True)
        day = dy.Date(nullable=True)

    run, day = Run.start("shop"), dt.date(2026, 3, 1)
    loader.prepare(run, Dataset("shop", {"dated": Dated}))
    days = [day - dt.timedelta(days=2), day, None, day - dt.timedelta(days=1), day - dt.timedelta(days=9)]
    frame = pl.DataFrame({"id": range(5), "day": days}, {"id": pl.Int64, "day": pl.Date})
    loader.stage(run, "dated", "", frame)
    loader.verify(run)
    loader.publish(run)

    aged = partial(loader.aged, "dated", Dated, "id", "day", before=day)

    assert aged(above=-1, most=2)["id"].to_list() == [0, 3]
    assert aged(above=3, most=2)["id"].to_list() == [4]
