"""All tables change together, readers wait for at most the budget, and what stands in the way is named."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from test_postgres_servers import CONTRACTS, Target, fresh, lines, newest, notes, orders, published, staged, target

from firn import Dataset, PublishError, Run, TargetUnavailable
from loaders import plans
from loaders.connections import Server
from loaders.locks import Locks
from loaders.patience import Patience
from loaders.state import State
from loaders.swap import Swap

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fresh", "newest", "target"]

GENERATIONS = """
SELECT (SELECT min(amount / id) FROM shop.orders), (SELECT min(qty) FROM shop.lines),
       (SELECT min(split_part(text, ' ', 2)::int) FROM shop.notes)
"""


@contextmanager
def session(target: Target) -> Iterator[psycopg.Connection[Any]]:
    """A reader that holds on to what it touches until its transaction ends."""
    with psycopg.connect(target.dsn) as connection:
        yield connection
        connection.rollback()


def watch(target: Target, stop: threading.Event, found: list[Any]) -> None:
    """Read all three tables in one statement, over and over; an error is a finding too."""
    with psycopg.connect(target.dsn, autocommit=True) as connection:
        while not stop.is_set():
            try:
                found.append(connection.execute(GENERATIONS).fetchall()[0])
            except psycopg.Error as exc:
                found.append(exc)


def test_readers_see_one_generation_of_all_tables_during_twenty_publications(target: Target) -> None:
    published(target.settings, 1)
    stop, found = threading.Event(), list[Any]()
    readers = [threading.Thread(target=watch, args=(target, stop, found)) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        with target.with_settings(max_wait_s=30).open() as loader:
            for generation in range(2, 22):
                loader.publish(staged(loader, generation))
                while not found or not (isinstance(found[-1], psycopg.Error) or int(found[-1][0]) == generation):
                    time.sleep(0.001)
    finally:
        stop.set()
        for reader in readers:
            reader.join()

    assert [row for row in found if isinstance(row, psycopg.Error)] == []
    assert [row for row in found if None in row or len(set(map(int, row))) != 1] == []
    assert {int(row[0]) for row in found} >= {*range(2, 22)}


def test_a_reader_that_holds_a_table_for_a_while_delays_a_publication(target: Target) -> None:
    published(target.settings, 1)
    ended: list[str] = []

    def let_go() -> None:
        ended.append("reader")
        reader.rollback()

    with target.with_settings(max_wait_s=30).open() as loader, session(target) as reader:
        run = staged(loader, 2)
        reader.execute("SELECT 1 FROM shop.notes LIMIT 1")
        release = threading.Timer(1.0, let_go)
        release.start()

        done = loader.publish(run)
        ended.append("publication")
        release.join()

    assert done.generation == 2
    assert ended == ["reader", "publication"]


def test_a_reader_that_never_lets_go_is_named_and_production_is_unchanged(target: Target) -> None:
    published(target.settings, 1)
    before = target.production()
    with target.with_settings(max_wait_s=1).open() as loader, session(target) as reader:
        run = staged(loader, 2)
        reader.execute("SELECT 'the culprit' FROM shop.notes")

        with pytest.raises(TargetUnavailable, match="Production is unchanged") as caught:
            loader.publish(run)

        assert f"pid {reader.info.backend_pid}" in caught.value.message
        assert "role firn" in caught.value.message
        assert "the culprit" in caught.value.message
        assert "pg_terminate_backend" in caught.value.hint
        assert caught.value.exit_code == 75
        assert target.production() == before
        reader.rollback()
        assert loader.publish(run).generation == 2


def test_a_snapshot_older_than_the_load_is_waited_for(target: Target) -> None:
    published(target.settings, 1)
    ended: list[str] = []

    def let_go() -> None:
        ended.append("reader")
        reader.rollback()

    with target.with_settings(max_wait_s=30).open() as loader, session(target) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")
        run = staged(loader, 2)
        release = threading.Timer(1.0, let_go)
        release.start()

        done = loader.publish(run)
        ended.append("publication")
        release.join()

    assert done.generation == 2
    assert ended == ["reader", "publication"]


def test_a_snapshot_that_stays_is_named_and_would_have_seen_empty_tables(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(target.settings, 1)
    with target.with_settings(max_wait_s=1).open() as loader, session(target) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 'an old report'")
        run = staged(loader, 2)

        with pytest.raises(TargetUnavailable, match="Production is unchanged") as caught:
            loader.publish(run)
        assert f"pid {reader.info.backend_pid}" in caught.value.message
        assert "an old report" in caught.value.message

        monkeypatch.setattr("loaders.swap.wait_until_passed", lambda *_: None)
        loader.publish(run)
        assert reader.execute("SELECT count(*) FROM shop.orders").fetchall() == [(0,)]


def test_readers_wait_no_longer_than_the_budget_by_the_servers_clock(newest: Target) -> None:
    done = [published(newest.settings, generation) for generation in range(1, 6)]

    # What is done under the locks takes some milliseconds, unless the machine does something else in between.
    assert 0 < min(one.locked_ms for one in done) < newest.settings.lock_budget_ms + 50
    assert newest.query("SELECT locked_ms, attempts FROM firn.publication ORDER BY generation") == [
        (one.locked_ms, one.attempts) for one in done
    ]


def test_a_publication_is_recorded_with_its_rows_in_the_same_transaction(newest: Target) -> None:
    published(newest.settings, 1)
    done = published(newest.settings, 2)

    assert newest.query(
        "SELECT d.generation, d.run_id, p.kind, r.status, (p.tables->'orders'->>'rows')::int,"
        " p.xmin = d.xmin AND d.xmin = r.xmin AND r.xmin = c.xmin"
        " FROM firn.dataset d JOIN firn.publication p USING (dataset, generation)"
        " JOIN firn.run r ON r.run_id = d.run_id JOIN pg_class c ON c.oid = 'shop.orders'::regclass"
    ) == [(2, done.run_id, "published", "published", 5, True)]


def test_a_rollback_shows_exactly_the_rows_that_were_there_before(target: Target) -> None:
    published(target.settings, 1)
    before = target.production()
    carried = catalogue(target)
    published(target.settings, 2)
    assert target.production() != before

    with target.settings.open() as loader:
        undone = loader.rollback("shop")

    assert undone.generation == 3
    assert target.production() == before
    assert catalogue(target) == carried


def catalogue(target: Target) -> list[tuple[Any, ...]]:
    """List what the tables of production carry."""
    return target.query(
        "SELECT conname, pg_get_constraintdef(k.oid), relname, relacl::text, relowner FROM pg_class c"
        " LEFT JOIN pg_constraint k ON k.conrelid = c.oid WHERE c.relnamespace = 'shop'::regnamespace ORDER BY 3, 1"
    )


def test_a_materialized_view_made_on_the_new_generation_stops_the_rollback(newest: Target) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    newest.query("CREATE MATERIALIZED VIEW public.v AS SELECT id FROM shop.orders")
    before = newest.production()

    with newest.settings.open() as loader, pytest.raises(PublishError, match=r"materialized view public\.v"):
        loader.rollback("shop")
    assert newest.production() == before


def test_a_table_that_came_with_the_undone_generation_goes_with_it(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", {"orders": CONTRACTS["orders"]}, strategy="swap"))
        loader.stage(run, "orders", "", orders(1))
        loader.verify(run)
        loader.publish(run)
        loader.publish(staged(loader, 2))
        loader.rollback("shop")

    assert list(newest.production()) == ["orders"]


def test_a_table_that_left_the_set_stays_as_it_was(newest: Target) -> None:
    published(newest.settings, 1)
    before = newest.production()
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", {"orders": CONTRACTS["orders"]}, strategy="swap"))
        loader.stage(run, "orders", "", orders(2))
        loader.verify(run)
        loader.publish(run)
    after = newest.production()

    assert after["orders"] != before["orders"]
    assert {name: after[name] for name in ("lines", "notes")} == {name: before[name] for name in ("lines", "notes")}


def test_tables_that_were_there_before_firn_are_replaced_and_can_be_brought_back(newest: Target) -> None:
    newest.query("CREATE SCHEMA shop")
    newest.query("CREATE TABLE shop.orders (id int PRIMARY KEY, name text, amount numeric(12,2))")
    newest.query("INSERT INTO shop.orders VALUES (7, 'by hand', 1.5)")
    before = newest.production()
    published(newest.settings, 1)

    with newest.settings.open() as loader:
        undone = loader.rollback("shop")

    assert (undone.generation, undone.run_id, undone.rows) == (2, "", {"orders": 1})
    assert newest.production() == before


def test_one_generation_is_kept_and_older_ones_are_dropped(newest: Target) -> None:
    for generation in range(1, 5):
        published(newest.settings, generation)

    schemas = newest.query("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'firn%' ORDER BY 1")
    assert schemas == [("firn",), ("firn_previous_shop_g3",)]


def test_a_kept_table_that_is_still_read_is_dropped_by_a_later_publication(newest: Target) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    with session(newest) as reader:
        reader.execute("SELECT 1 FROM firn_previous_shop_g1.orders LIMIT 1")
        published(newest.settings, 3)
        assert newest.query("SELECT to_regclass('firn_previous_shop_g1.orders') IS NOT NULL") == [(True,)]
    published(newest.settings, 4)

    assert newest.query("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'firn_prev%'") == [
        ("firn_previous_shop_g3",)
    ]


def test_a_view_on_a_kept_generation_is_never_dropped_with_it(newest: Target) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    newest.query("CREATE VIEW public.v AS SELECT id FROM firn_previous_shop_g1.orders")

    published(newest.settings, 3)

    assert newest.query("SELECT count(*) FROM public.v") == [(5,)]


def test_what_is_put_on_a_table_at_the_last_moment_is_noticed_under_the_locks(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(target.settings, 1)
    asked = Locks.are_free  # the moment between approval and locks

    def late(*_: object) -> bool:
        target.query("CREATE MATERIALIZED VIEW public.v AS SELECT id FROM shop.orders")
        monkeypatch.setattr(Locks, "are_free", asked)
        return True

    with target.settings.open() as loader:
        run = staged(loader, 2)
        before = target.production()
        monkeypatch.setattr(Locks, "are_free", late)

        with pytest.raises(PublishError, match=r"materialized view public\.v"):
            loader.publish(run)

    assert target.production() == before
    assert target.query("SELECT count(*) FROM public.v") == [(5,)]


def test_a_generation_published_at_the_last_moment_fences_this_one_off(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Locks.are_free

    def late(*_: object) -> bool:
        monkeypatch.setattr(Locks, "are_free", asked)
        published(newest.settings, 2)
        return True

    with newest.settings.open() as loader:
        run = staged(loader, 1)
        monkeypatch.setattr(Locks, "are_free", late)

        with pytest.raises(PublishError, match="Another generation of shop was published since generation 0"):
            loader.publish(run)

    assert newest.query("SELECT max(name) FROM shop.orders") == [("generation 2",)]


def test_rows_lost_from_staging_after_verification_are_noticed(newest: Target) -> None:
    published(newest.settings, 1)
    before = newest.production()
    with newest.settings.open() as loader:
        run = staged(loader, 2)
        newest.query(f'DELETE FROM "firn_stage_{run.id}".notes WHERE id = 1')  # noqa: S608

        with pytest.raises(PublishError, match='Table "notes" holds 2 rows, 3 were recorded'):
            loader.publish(run)
    assert newest.production() == before


def test_a_ready_run_is_published_by_another_process(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = staged(loader, 1)
    with newest.settings.open() as another:
        done = another.publish(another.find(run.id))

    assert done.rows == {"orders": 5, "lines": 8, "notes": 3}
    assert lines().height + notes().height == 11


def test_two_publishers_of_one_run_publish_it_once(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = staged(loader, 1)
    found: list[Any] = []

    def publish() -> None:
        with newest.settings.open() as one:
            found.append(one.publish(run))

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert newest.query("SELECT count(*), max(generation) FROM firn.publication") == [(1, 1)]
    assert found == [found[0]] * 2


def test_a_table_has_one_dataset(newest: Target) -> None:
    published(newest.settings, 1)
    before = newest.production()

    refused = pytest.raises(PublishError, match='Table "orders" is published by shop, and cannot be by other too')
    with newest.settings.open() as loader, refused:
        loader.prepare(Run.start("other"), Dataset("other", {"orders": CONTRACTS["orders"]}, strategy="swap"))
    assert newest.production() == before


def test_two_datasets_publish_into_one_schema_independently(newest: Target) -> None:
    published(newest.settings, 1)
    with newest.settings.open() as loader:
        run = Run.start("other")
        loader.prepare(run, Dataset("other", {"others": CONTRACTS["orders"]}, strategy="swap"))
        loader.stage(run, "others", "", orders(1))
        loader.verify(run)

        assert loader.publish(run).generation == 1
    assert sorted(newest.production()) == ["lines", "notes", "orders", "others"]


def test_a_connection_lost_while_publishing_is_answered_from_the_record(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Swap._moved  # noqa: SLF001

    def lost(self: Swap) -> bool:
        assert moved(self)
        newest.query("SELECT pg_terminate_backend(%s)", self.connection.info.backend_pid)
        time.sleep(0.1)
        self.connection.execute("SELECT 1")
        return True

    with newest.settings.open() as loader:
        run = staged(loader, 1)
        monkeypatch.setattr(Swap, "_moved", lost)

        done = loader.publish(run)

    assert (done.generation, done.run_id) == (1, run.id)


def test_a_connection_lost_before_publishing_says_so_and_the_run_can_be_published(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Swap) -> bool:
        newest.query("SELECT pg_terminate_backend(%s)", self.connection.info.backend_pid)
        time.sleep(0.1)
        self.connection.execute("SELECT 1")
        return True

    with newest.settings.open() as loader:
        run = staged(loader, 1)
        with monkeypatch.context() as patch:
            patch.setattr(Swap, "_moved", lost)
            with pytest.raises(TargetUnavailable, match=r"connection was lost .* Production is unchanged"):
                loader.publish(run)

        assert loader.publish(run).generation == 1


def test_a_kept_table_that_is_gone_stops_the_rollback_and_is_named(newest: Target) -> None:
    published(newest.settings, 1)
    published(newest.settings, 2)
    newest.query("DROP TABLE firn_previous_shop_g1.notes")
    before = newest.production()

    with (
        newest.settings.open() as loader,
        pytest.raises(PublishError, match="should keep lines, notes, orders and holds"),
    ):
        loader.rollback("shop")
    assert newest.production() == before


def test_a_table_made_in_the_way_at_the_last_moment_is_noticed(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Locks.are_free

    def late(*_: object) -> bool:
        newest.query("CREATE SCHEMA shop")
        newest.query("CREATE TABLE shop.orders (id int, precious text)")
        monkeypatch.setattr(Locks, "are_free", asked)
        return True

    with newest.settings.open() as loader:
        run = staged(loader, 1)
        monkeypatch.setattr(Locks, "are_free", late)

        with pytest.raises(PublishError, match=r"column precious \(text\)"):
            loader.publish(run)
    assert newest.query("SELECT count(precious) FROM shop.orders") == [(0,)]


def swap_of(target: Target, run: Run, waiting: Patience) -> Swap:
    """Make the loop that publishes a run, to look at its budget."""
    connection = Server(target.dsn).statements()
    namespace = target.settings.namespace
    locks = Locks(connection, namespace.production, 50, waiting)
    return Swap(connection, namespace, plans.publication(State(connection, namespace), run.id), "kept", locks)


def test_the_lock_budget_stays_far_below_the_time_after_which_a_deadlock_is_looked_for(newest: Target) -> None:
    newest.query("ALTER DATABASE firn_test SET deadlock_timeout = '90ms'")
    published(newest.settings, 1)
    with newest.settings.open() as loader, session(newest) as reader:
        swap = swap_of(newest, staged(loader, 2), Patience(0))
        reader.execute("SELECT 1 FROM shop.orders")

        with swap.connection, pytest.raises(TargetUnavailable):
            swap.run()
        assert swap.locks.budget() == 30


def test_the_budget_grows_once_patience_wears_thin(newest: Target) -> None:
    published(newest.settings, 1)
    with newest.settings.open() as loader:
        swap = swap_of(newest, staged(loader, 2), Patience(60, started=time.monotonic() - 6))

        with swap.connection:
            swap.run()
        assert swap.locks.budget() == 150


def test_a_publication_under_default_serializable_sees_what_was_done_before_its_locks(newest: Target) -> None:
    newest.query("ALTER DATABASE firn_test SET default_transaction_isolation = 'serializable'")

    assert published(newest.settings, 1).generation == 1
    assert published(newest.settings, 2).generation == 2


@pytest.mark.parametrize("holding", ["SELECT 1 FROM shop.notes", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"])
def test_a_session_is_ended_only_where_the_settings_name_its_application_and_it_is_recorded(
    newest: Target, holding: str
) -> None:
    published(newest.settings, 1)
    with psycopg.connect(newest.dsn) as reader:
        reader.execute("SET application_name = 'reports'")
        reader.commit()
        reader.execute(holding)
        pid = reader.info.backend_pid
        reader.execute("SELECT 'the culprit'")
        named = newest.with_settings(max_wait_s=1, terminate_blockers=("reports", "nobody"))
        others = newest.with_settings(max_wait_s=1, terminate_blockers=("nobody",))
        with newest.settings.open() as loader:
            run = staged(loader, 2)
        with others.open() as loader, pytest.raises(TargetUnavailable, match="the culprit"):
            loader.publish(run)
        assert reader.execute("SELECT 1").fetchall() == [(1,)]
        with named.open() as loader:
            assert loader.publish(run).generation == 2

        with pytest.raises(psycopg.OperationalError):
            reader.execute("SELECT 1")
    ((dataset, run_id, detail),) = newest.query(
        "SELECT dataset, run_id, detail FROM firn.audit WHERE action = 'terminated'"
    )
    assert (dataset, run_id) == ("shop", run.id)
    assert f"pid {pid}, role firn" in detail
