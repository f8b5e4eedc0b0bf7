"""A run may publish some of a dataset's tables: the others stay as they are, and stay the dataset's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from test_postgres_servers import CONTRACTS, VERSIONS, Target, fresh, lines, newest, notes, orders

from firn import Companion, Dataset, PublishError, Run
from loaders import plans
from loaders.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from firn import Published, Strategy
    from loaders.loader import Loader
    from loaders.state import Publication

    Content = Callable[[], dict[str, Any]]

__all__ = ["newest"]

ALL = ("orders", "lines", "notes")
CHANGED: Mapping[str, Strategy] = {"orders": "diff", "lines": "rewrite", "notes": "diff"}


@pytest.fixture(params=["memory", *VERSIONS])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Loader, Content]]:
    """A loader that keeps many generations, and a way to tell what production holds."""
    if request.param == "memory":
        memory = Memory(keep=9)
        yield memory, lambda: {name: frame.to_dicts() for name, frame in memory.production.items()}
        return
    for target in fresh(request.param):
        with target.with_settings(keep_generations=9).open() as loader:
            yield loader, target.production


def publish(
    loader: Loader,
    generation: int,
    tables: tuple[str, ...],
    strategy: Strategy | Mapping[str, Strategy],
    **settings: Any,  # noqa: ANN401 (those of a dataset)
) -> Published:
    """Publish some of the tables, with as many rows as tell the generation."""
    frames = {"orders": orders, "lines": lines, "notes": notes}
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {name: CONTRACTS[name] for name in tables}, strategy=strategy, **settings))
    for name in tables:
        loader.stage(run, name, "", frames[name](generation, 4 + generation))
    loader.verify(run, cursors=dict.fromkeys(tables, generation))
    return loader.publish(run)


def test_every_generation_of_some_of_the_tables_is_shown_again_exactly(place: tuple[Loader, Content]) -> None:
    loader, content = place
    steps: list[tuple[tuple[str, ...], Any]] = [
        (ALL, "swap"),
        (("orders", "lines"), CHANGED),
        (("notes",), CHANGED),
        (("orders",), "swap"),
    ]
    was, rows, cursors = {}, {}, {}
    for generation, (tables, strategy) in enumerate(steps, start=1):
        before = content()
        publish(loader, generation, tables, strategy)
        was[generation], cursors[generation] = content(), loader.cursors("shop")
        rows[generation] = {**rows.get(generation - 1, {}), **dict.fromkeys(tables, 4 + generation)}
        assert {name for name, found in was[generation].items() if found != before.get(name)} == set(tables)
        assert loader.visible("shop").rows == rows[generation]  # type: ignore[union-attr]

    assert loader.rollback("shop").rows == rows[3]
    assert content() == was[3]
    for to in (2, 1, 3, 4, 3, 1, 2):
        told = {kept.generation: kept.rows for kept in loader.kept("shop")}
        assert rows[to] in told.values(), to
        assert loader.rollback("shop", to).rows == rows[to]
        assert content() == was[to], to
        assert loader.cursors("shop") == cursors[to]
        checks = loader.audit("shop", CONTRACTS, {})
        assert all(passes for _, passes, _ in checks), checks


def test_a_table_that_is_no_longer_published_stays_and_nobody_else_may_publish_it(newest: Target) -> None:
    with newest.settings.open() as loader:
        publish(loader, 1, ALL, "swap")
        before = newest.content("notes")
        for generation in (2, 3, 4):
            publish(loader, generation, ("orders",), "swap")

        assert newest.content("notes") == before
        with pytest.raises(PublishError, match='"notes" is published by shop'):
            loader.check(Dataset("other", {"notes": CONTRACTS["notes"]}))


def test_staging_has_the_tables_of_the_run_and_no_others(newest: Target) -> None:
    with newest.settings.open() as loader:
        publish(loader, 1, ALL, "swap")
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", {"notes": CONTRACTS["notes"]}, strategy="diff"))

        staged = newest.query("SELECT tablename FROM pg_tables WHERE schemaname = %s", f"firn_stage_{run.id}")

    assert staged == [("notes",)]


@pytest.mark.parametrize("strategy", ["swap", "diff"])
def test_the_view_over_a_companion_stays_where_its_table_is_not_published(newest: Target, strategy: Strategy) -> None:
    answers = Companion("orders", "answers", "id", {"answer": "text"}, "answered", ("id", "answer"))
    newest.query("CREATE SCHEMA shop; CREATE TABLE shop.answers (id int PRIMARY KEY, answer text)")
    with newest.settings.open() as loader:
        publish(loader, 1, ALL, "swap", companions=[answers])
        publish(loader, 2, ("notes",), strategy)
        assert newest.query("SELECT count(*) FROM shop.answered") == [(5,)]

        publish(loader, 3, ("orders",), "swap", companions=[answers])

    assert newest.query("SELECT count(*) FROM shop.answered") == [(7,)]


def test_what_is_recorded_of_the_other_tables_would_be_lost_if_a_plan_left_it_out(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "_others", lambda *_: {})
    with newest.settings.open() as loader:
        publish(loader, 1, ALL, "swap")
        publish(loader, 2, ("notes",), "swap")

        assert loader.visible("shop").rows == {"notes": 6}  # type: ignore[union-attr]


def recorded(done: Publication) -> tuple[list[str], list[str]]:
    return sorted(done.tables), sorted(done.touched)


def test_what_an_older_firn_recorded_says_what_it_touched(newest: Target) -> None:
    with newest.settings.open() as loader:
        publish(loader, 1, ALL, "swap")
        newest.query("DROP VIEW firn.publications; ALTER TABLE firn.publication DROP COLUMN touched")
        newest.query("UPDATE firn.version SET version = 3")
        publish(loader, 2, ("notes",), "swap")

        assert [recorded(done) for done in loader.state.publications("shop")] == [
            (sorted(ALL), ["notes"]),
            (sorted(ALL), sorted(ALL)),
        ]


def test_a_first_publication_of_a_table_beside_others_is_emptied_by_a_rollback(newest: Target) -> None:
    with newest.settings.open() as loader:
        publish(loader, 1, ("orders", "lines"), "swap")
        publish(loader, 2, ("orders", "notes"), CHANGED)

        assert loader.rollback("shop").rows == {"orders": 5, "lines": 5}
    assert newest.query("SELECT count(*) FROM shop.notes") == [(0,)]
    assert sorted(newest.production()) == sorted(ALL)
