"""Foreign keys of tables that firn does not publish: refused, or on demand made anew before the locks."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from test_postgres_servers import CONTRACTS, SHOP, Target, fresh, newest, orders, published, staged, target

from firn import Dataset, PublishError, Run, TargetUnavailable
from loaders import shadows
from loaders.connections import Server
from loaders.locks import Locks
from loaders.shadows import Shadows
from loaders.swap import Swap

__all__ = ["fresh", "newest", "target"]

CHILD = """
CREATE TABLE public.child (id int PRIMARY KEY, o int, CONSTRAINT "child fk" FOREIGN KEY (o) REFERENCES shop.orders
    ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE public.child ADD CONSTRAINT loose FOREIGN KEY (id) REFERENCES shop.orders NOT VALID;
COMMENT ON CONSTRAINT "child fk" ON public.child IS 'ours';
INSERT INTO public.child VALUES (4, 2), (5, NULL);
"""
KEYS = """
SELECT conname::text, pg_get_constraintdef(oid), confrelid = 'shop.orders'::regclass, convalidated,
       obj_description(oid, 'pg_constraint')
FROM pg_constraint WHERE conrelid = 'public.child'::regclass AND contype = 'f' ORDER BY 1
"""


def shadowed(target: Target, rows: int = 5) -> Run:
    """Publish a new generation of the orders, with foreign keys made anew."""
    with target.with_settings(rebuild_inbound_fks=True).open() as loader:
        run = staged(loader, 2)
        if rows != 5:
            run = fewer(loader, rows)
        loader.publish(run)
    return run


def fewer(loader: Any, rows: int) -> Run:  # noqa: ANN401 (a loader)
    """Stage fewer orders than the child refers to."""
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", CONTRACTS, strategy="swap"))
    loader.stage(run, "orders", "", orders(2, rows))
    loader.verify(run)
    return run


def left(target: Target) -> list[tuple[Any, ...]]:
    """Return what is left of shadows: in the catalogue and in the state."""
    return target.query("SELECT conname::text FROM pg_constraint WHERE conname LIKE '%\\_\\_firn'") + (
        target.query("SELECT name FROM firn.shadow") if target.query("SELECT to_regclass('firn.shadow')")[0][0] else []
    )


def test_a_foreign_key_from_outside_is_refused_with_three_ways_out(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)

    with newest.settings.open() as loader, pytest.raises(PublishError) as caught:
        staged(loader, 2)

    assert '"orders": constraint child fk on table public.child would go on referring' in caught.value.message
    for way in ("publish its table too", 'strategy = "diff"', "rebuild_inbound_fks = true"):
        assert way in caught.value.message


def test_a_foreign_key_is_made_anew_and_holds_against_the_new_rows(target: Target) -> None:
    published(target.settings, 1)
    target.query(CHILD)
    before = target.query(KEYS)

    shadowed(target)

    assert target.query(KEYS) == before
    assert all(row[2] for row in before)
    assert left(target) == []
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        target.query("INSERT INTO public.child VALUES (3, 77)")
    target.query("DELETE FROM shop.orders WHERE id = 2")
    assert target.query("SELECT id FROM public.child") == [(5,)]


def test_a_check_shows_which_keys_will_be_made_anew(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)

    with newest.with_settings(rebuild_inbound_fks=True).open() as loader:
        found = loader.check(SHOP)

    assert "makes constraint child fk on table public.child anew" in found["orders"][1]
    assert "anew" not in found["notes"][1]


def test_a_key_without_its_shadow_would_go_on_referring_to_the_old_rows(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    monkeypatch.setattr(Shadows, "make", lambda *_: None)

    shadowed(newest)

    assert [row[2] for row in newest.query(KEYS)] == [False, False]


def test_a_foreign_key_follows_a_rollback(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    before = newest.query(KEYS)
    shadowed(newest)

    with newest.with_settings(rebuild_inbound_fks=True).open() as loader:
        loader.rollback("shop")

    assert newest.query(KEYS) == before
    assert newest.query("SELECT DISTINCT name FROM shop.orders") == [("generation 1",)]


def test_rows_that_would_refer_to_nothing_are_named_and_production_is_unchanged(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    before, keys = newest.production(), newest.query(KEYS)

    with pytest.raises(PublishError, match="Production is unchanged") as caught:
        shadowed(newest, rows=1)

    assert 'Rows of public.child would refer to nothing, by foreign key child fk to "orders"' in caught.value.message
    assert "(o)=(2)" in caught.value.message
    assert newest.production() == before
    assert newest.query(KEYS) == keys
    assert left(newest) == []


def test_a_name_of_63_bytes_is_cut_and_comes_back_whole(newest: Target) -> None:
    published(newest.settings, 1)
    name = "k" * 63
    newest.query(f"CREATE TABLE public.child (o int CONSTRAINT {name} REFERENCES shop.orders)")

    shadowed(newest)

    assert [row[0] for row in newest.query(KEYS)] == [name]


def test_shadows_are_dropped_when_the_publication_gives_up(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    keys = newest.query(KEYS)
    settings = newest.with_settings(rebuild_inbound_fks=True, max_wait_s=1)
    with settings.open() as loader, psycopg.connect(newest.dsn) as reader:
        run = staged(loader, 2)
        reader.execute("SELECT 1 FROM shop.orders LIMIT 1")
        with pytest.raises(TargetUnavailable, match="Production is unchanged"):
            loader.publish(run)

        assert newest.query(KEYS) == keys
        assert left(newest) == []
        reader.rollback()
        loader.publish(run)
    assert newest.query(KEYS) == keys


def test_a_writer_of_the_child_table_that_holds_on_is_named(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    settings = newest.with_settings(rebuild_inbound_fks=True, max_wait_s=1)
    with settings.open() as loader, psycopg.connect(newest.dsn) as writer:
        run = staged(loader, 2)
        writer.execute("INSERT INTO public.child VALUES (3, NULL)")
        with pytest.raises(TargetUnavailable, match=f"pid {writer.info.backend_pid}"):
            loader.publish(run)
    assert left(newest) == []


def died(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a process die once its shadows are made."""

    def end(_: Swap) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, target.with_settings(rebuild_inbound_fks=True).open() as loader:
        run = staged(loader, 2)
        patch.setattr(Swap, "_moved", end)
        patch.setattr(Shadows, "drop", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            loader.publish(run)


def test_what_a_dead_process_leaves_is_removed_by_the_next_run(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    keys = newest.query(KEYS)
    died(newest, monkeypatch)
    assert len(left(newest)) == 4

    with newest.settings.open() as loader, pytest.raises(PublishError, match="rebuild_inbound_fks"):
        staged(loader, 3)

    assert newest.query(KEYS) == keys
    assert left(newest) == []


def test_what_a_dead_process_leaves_is_listed_and_cleared(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    died(newest, monkeypatch)

    with Server(newest.dsn).statements() as connection:
        found = shadows.left(connection, "firn")
        assert [(one.dataset, one.schema, one.child, one.name) for one in found] == [
            ("shop", "public", "child", "child fk__firn"),
            ("shop", "public", "child", "loose__firn"),
        ]
        assert shadows.clear(connection, "firn", 50) == found
        assert shadows.left(connection, "firn") == []
    assert left(newest) == []


def test_shadows_of_a_publication_at_work_are_left_alone(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    keys = newest.query(KEYS)
    asked = Locks.are_free

    def late(*_: object) -> bool:
        monkeypatch.setattr(Locks, "are_free", asked)
        with Server(newest.dsn).statements() as connection:
            assert len(shadows.left(connection, "firn")) == 2
            assert shadows.clear(connection, "firn", 50) == []
        return True

    monkeypatch.setattr(Locks, "are_free", late)
    shadowed(newest)

    assert newest.query(KEYS) == keys


def test_a_key_added_at_the_last_moment_gets_its_shadow_too(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    published(newest.settings, 1)
    newest.query(CHILD)
    asked = Locks.are_free

    def late(*_: object) -> bool:
        monkeypatch.setattr(Locks, "are_free", asked)
        newest.query("ALTER TABLE public.child ADD CONSTRAINT more FOREIGN KEY (o) REFERENCES shop.orders")
        return True

    monkeypatch.setattr(Locks, "are_free", late)
    shadowed(newest)

    assert [(row[0], row[2]) for row in newest.query(KEYS)] == [("child fk", True), ("loose", True), ("more", True)]
    assert left(newest) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            (
                "CREATE TABLE public.child (o int REFERENCES shop.orders) PARTITION BY RANGE (o);"
                "CREATE TABLE public.part PARTITION OF public.child DEFAULT"
            ),
            "publish its table too, or publish with strategy",
        ),
        (
            "CREATE TABLE public.child (o int REFERENCES shop.orders); ALTER TABLE public.child DISABLE TRIGGER ALL",
            "enable its triggers",
        ),
    ],
)
def test_keys_that_cannot_be_made_anew_exactly_are_refused_even_on_demand(
    newest: Target, statement: str, words: str
) -> None:
    published(newest.settings, 1)
    newest.query(statement)

    with pytest.raises(PublishError, match=words):
        shadowed(newest)
