"""Which generations PostgreSQL keeps, how each is shown again, and who did what."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import pytest
from test_postgres_servers import CONTRACTS, SHOP, fresh, lines, newest, notes, orders, published, staged

from firn import Dataset, PublishError, Run
from loaders.generations import Generations

if TYPE_CHECKING:
    from test_postgres_servers import Target

    from firn import Published
    from loaders.postgres import Postgres

__all__ = ["fresh", "newest"]


def kept(target: Target) -> list[str]:
    found = target.query("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'firn_prev%' ORDER BY 1")
    return [name for (name,) in found]


def some(settings: Postgres, generation: int, *tables: str) -> Published:
    """Publish some of the tables only."""
    frames = {"orders": orders, "lines": lines, "notes": notes}
    run = Run.start("shop")
    with settings.open() as loader:
        loader.prepare(run, Dataset("shop", {name: CONTRACTS[name] for name in tables}, strategy="swap"))
        for name in tables:
            loader.stage(run, name, "", frames[name](generation))
        loader.verify(run)
        return loader.publish(run)


def test_as_many_generations_are_kept_as_asked_for_and_each_shows_exactly_its_rows(newest: Target) -> None:
    settings = newest.with_settings(keep_generations=3)
    was = {}
    for generation in range(1, 6):
        published(settings, generation)
        was[generation] = newest.production()
    assert kept(newest) == [f"firn_previous_shop_g{n}" for n in (2, 3, 4)]

    with settings.open() as loader:
        for generation in (3, 2, 5, 4):
            loader.rollback("shop", generation)
            assert newest.production() == was[generation]
            assert len(loader.kept("shop")) == 3
    assert len(kept(newest)) == 3


def test_the_way_back_from_the_first_generation_is_named_and_takes_the_tables_away(newest: Target) -> None:
    published(newest.settings)
    with newest.settings.open() as loader:
        with pytest.raises(PublishError, match="No generation of shop before generation 1") as caught:
            loader.rollback("shop")
        assert caught.value.hint.startswith("firn rollback shop --to 0")

        loader.rollback("shop", 0)
    assert newest.production() == {}


def test_fewer_generations_are_kept_from_the_next_publication_on(newest: Target) -> None:
    for generation in range(1, 4):
        published(newest.with_settings(keep_generations=5), generation)

    published(newest.settings, 4)

    assert kept(newest) == ["firn_previous_shop_g3"]


def test_a_generation_beyond_those_kept_that_somebody_needs_is_named_as_kept_and_dropped_later(newest: Target) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    newest.query("CREATE VIEW public.old AS SELECT * FROM firn_previous_shop_g1.orders")
    published(newest.settings, 3)
    assert kept(newest) == ["firn_previous_shop_g1", "firn_previous_shop_g2"]

    newest.query("DROP VIEW public.old")
    published(newest.settings, 4)

    assert kept(newest) == ["firn_previous_shop_g3"]


@pytest.mark.parametrize(
    "keys",
    [
        ["lines ADD FOREIGN KEY (order_id) REFERENCES firn_previous_shop_g1.orders"],
        ["orders ADD FOREIGN KEY (id) REFERENCES firn_previous_shop_g1.notes"],
        [
            "orders ADD FOREIGN KEY (id) REFERENCES firn_previous_shop_g1.notes NOT VALID",
            "notes ADD FOREIGN KEY (id) REFERENCES firn_previous_shop_g1.orders NOT VALID",
        ],
    ],
)
def test_kept_tables_that_refer_to_one_another_are_dropped_without_cascade(newest: Target, keys: list[str]) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    newest.query("DELETE FROM firn_previous_shop_g1.notes")
    newest.query("INSERT INTO firn_previous_shop_g1.notes SELECT id, '' FROM firn_previous_shop_g1.orders")
    for key in keys:
        newest.query(f"ALTER TABLE firn_previous_shop_g1.{key}")

    published(newest.settings, 3)

    assert kept(newest) == ["firn_previous_shop_g2"]


def test_a_table_that_left_the_set_and_came_back_stands_in_the_way_of_what_was_before(newest: Target) -> None:
    settings = newest.with_settings(keep_generations=5)
    published(settings, 1)
    some(settings, 2, "orders", "lines")
    some(settings, 3, "orders", "lines", "notes")
    before = newest.production()

    with settings.open() as loader:
        assert [one.generation for one in loader.kept("shop")] == [2]
        with pytest.raises(PublishError, match=r"Generation 1 .* cannot be shown again: kept are 2"):
            loader.rollback("shop", 1)
        assert newest.production() == before
        loader.rollback("shop", 2)
        assert [one.generation for one in loader.kept("shop")] == [3, 1]
        loader.rollback("shop", 1)
    assert newest.query("SELECT min(text) FROM shop.notes") == [("generation 1",)]


def test_tables_that_came_later_leave_and_those_that_nobody_touched_stay(newest: Target) -> None:
    settings = newest.with_settings(keep_generations=5)
    some(settings, 1, "orders", "notes")
    some(settings, 2, "orders")
    some(settings, 3, "orders", "lines")

    with settings.open() as loader:
        assert loader.rollback("shop", 1).rows == {"notes": 3, "orders": 5}
        assert sorted(newest.production()) == ["notes", "orders"]
        loader.rollback("shop", 3)
    assert sorted(newest.production()) == ["lines", "notes", "orders"]
    assert newest.query("SELECT DISTINCT name FROM shop.orders") == [("generation 3",)]


def test_the_disk_that_kept_generations_take_is_told(newest: Target) -> None:
    assert published(newest.settings, 1).kept_bytes == 0
    told = published(newest.settings, 2).kept_bytes

    taken = newest.query(
        "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class "
        "WHERE relnamespace = 'firn_previous_shop_g1'::regnamespace AND relkind = 'r'"
    )
    assert [(told,)] == taken
    with newest.settings.open() as loader:
        assert [one.bytes for one in loader.kept("shop")] == [told]


def test_cursors_stand_in_a_relation_of_the_state_that_the_publication_itself_changes(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        for name, frame in (("orders", orders()), ("lines", lines()), ("notes", notes())):
            loader.stage(run, name, "", frame)
        loader.verify(run, cursors={"orders": 7})
        assert newest.query("SELECT * FROM firn.cursor") == []
        loader.publish(run)
    assert newest.query("SELECT dataset, name, watermark FROM firn.cursor") == [("shop", "orders", 7)]


def test_every_publication_and_rollback_says_who_did_it_and_from_where(newest: Target) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    with newest.settings.open() as loader:
        loader.rollback("shop", why="check nothing_lost found 3 rows")
        loader.publish(staged(loader, 3))

    rows = newest.query("SELECT action, generation, role, application, person, detail FROM firn.audit ORDER BY at")

    assert [row[:2] for row in rows] == [("published", 1), ("published", 2), ("rolled_back", 3), ("published", 4)]
    assert {row[3] for row in rows} == {"firn"}
    assert {row[4].partition("@")[0] for row in rows} == {getpass.getuser()}
    assert rows[2][5] == "check nothing_lost found 3 rows"


def test_changes_that_lead_back_are_followed_in_order(newest: Target) -> None:
    """What is stored of changes is their family's own; which of it leads where is worked out from the record."""
    settings = newest.with_settings(keep_generations=9)
    for generation in range(1, 5):
        published(settings, generation)
    newest.query("UPDATE firn.publication SET family = 'changes' WHERE generation > 2")
    with settings.open() as loader:
        ways = Generations.read(loader.state, "shop")

    assert [way.schemas if (way := ways.way(n)) else None for n in (4, 3, 2, 1)] == [
        None,
        ("firn_previous_shop_g3",),
        ("firn_previous_shop_g3", "firn_previous_shop_g2"),
        ("firn_previous_shop_g1",),
    ]
    assert [(one.generation, one.strategy) for one in ways.listed()] == [(3, "changes"), (2, "changes"), (1, "swap")]
    newest.query("DROP SCHEMA firn_previous_shop_g3 CASCADE")
    with settings.open() as loader:
        assert [one.generation for one in Generations.read(loader.state, "shop").listed()] == [1]


def changed(settings: Postgres, generation: int, rows: int) -> Published:
    """Publish by changing rows."""
    run = Run.start("shop")
    with settings.open() as loader:
        loader.prepare(run, Dataset("shop", {"orders": CONTRACTS["orders"]}, strategy="diff", deletes=1.0))
        loader.stage(run, "orders", "", orders(generation, rows))
        loader.verify(run, cursors={"orders": generation})
        return loader.publish(run)


def test_generations_made_by_changing_rows_are_reached_step_by_step_in_one_transaction(newest: Target) -> None:
    settings = newest.with_settings(keep_generations=3)
    was = {}
    for generation, rows in ((1, 5), (2, 7), (3, 3), (4, 4), (5, 9)):
        assert changed(settings, generation, rows).generation == generation
        was[generation] = newest.production()

    with settings.open() as loader:
        assert {one.strategy for one in loader.kept("shop")} == {"changes"}
        for number, to in enumerate((2, 5, 4, 3, 2), start=6):
            undone = loader.rollback("shop", to)
            assert newest.production() == was[to], to
            assert (undone.generation, loader.cursors("shop")) == (number, {"orders": to})
            assert undone.rows == {"orders": {2: 7, 3: 3, 4: 4, 5: 9}[to]}
            assert len(kept(newest)) == len(loader.kept("shop")) == 3


def test_what_was_swapped_away_stays_the_way_to_what_was_before_it(newest: Target) -> None:
    settings = newest.with_settings(keep_generations=2)
    changed(settings, 1, 5)
    changed(settings, 2, 5)
    some(settings, 3, "orders")
    was = newest.query("SELECT DISTINCT name FROM shop.orders")

    with settings.open() as loader:
        assert [one.generation for one in loader.kept("shop")] == [2]
        loader.rollback("shop", 2)
        loader.rollback("shop", 1)
        assert newest.query("SELECT DISTINCT name FROM shop.orders") == [("generation 1",)]
        loader.rollback("shop", 3)
    assert newest.query("SELECT DISTINCT name FROM shop.orders") == was


def test_a_row_that_somebody_changed_since_is_named_and_nothing_is_rolled_back(newest: Target) -> None:
    settings = newest.with_settings(keep_generations=3)
    for generation in (1, 2, 3):
        changed(settings, generation, 5)
    newest.query("UPDATE shop.orders SET name = 'mine' WHERE id = 4")
    before = newest.production()

    with settings.open() as loader, pytest.raises(PublishError, match="id=4"):
        loader.rollback("shop", 1)
    assert newest.production() == before


def test_a_generation_in_which_nothing_changed_is_rolled_back_like_any_other(newest: Target) -> None:
    changed(newest.settings, 1, 5)
    changed(newest.settings, 1, 5)
    before = newest.production()

    with newest.settings.open() as loader:
        assert loader.rollback("shop").generation == 3
        assert newest.production() == before
        assert [loader.row(run["run_id"])["status"] for run in loader.runs("shop")] == ["rolled_back", "published"]
