"""Readers and writers beside a publication that changes rows: nobody sees half of it, and no writer's row is lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from test_postgres_changes import SHOP, oldest, published, shop, staged
from test_postgres_publish import session, watch
from test_postgres_servers import Target, fresh, orders

from firn import PublishError, TargetUnavailable
from loaders import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from firn import Published

__all__ = ["fresh", "oldest"]

TWO = "SELECT (SELECT min(name) FROM shop.orders), (SELECT min(text) FROM shop.notes)"
READS = ("SELECT min(name) FROM shop.orders", "SELECT min(text) FROM shop.notes")


@contextmanager
def publishing(target: Target, generation: int, **settings: object) -> Iterator[Future[Published]]:
    """Publish in another thread."""

    def publish() -> Published:
        with target.with_settings(max_wait_s=30, **settings).open() as loader:
            return loader.publish(staged(loader, shop(generation), SHOP))

    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(publish)


def wait_for(found: Callable[[], object]) -> None:
    """Wait until something is so, on the server."""
    for _ in range(6000):
        if found():
            return
        time.sleep(0.01)
    raise AssertionError


def is_held(target: Target) -> bool:
    """Tell whether a publication has changed its rows and waits for readers."""
    return bool(
        target.query(
            "SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.oid = to_regclass('shop.orders') "
            "AND l.mode = 'ShareRowExclusiveLock' AND l.granted"
        )
    )


def test_a_reader_of_two_tables_in_two_statements_sees_one_generation(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with session(oldest) as reader, publishing(oldest, 2) as done:
        first = reader.execute(READS[0]).fetchall()
        wait_for(lambda: is_held(oldest))
        second = reader.execute(READS[1]).fetchall()
        assert not done.done()
        reader.rollback()
        assert done.result().generation == 2

    assert (first, second) == ([("generation 1",)], [("generation 1",)])
    assert oldest.query(TWO) == [("generation 2", "generation 2")]


def test_without_the_barrier_such_a_reader_sees_two_and_the_publication_waits_for_nobody(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with session(oldest) as reader, publishing(oldest, 2, isolation="read_committed") as done:
        first = reader.execute(READS[0]).fetchall()
        result = done.result()
        second = reader.execute(READS[1]).fetchall()

    assert (first, second) == ([("generation 1",)], [("generation 2",)])
    assert result.attempts == 1


def test_a_reader_that_never_lets_go_is_named_and_the_work_is_undone(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    before = oldest.production()
    with session(oldest) as reader, oldest.with_settings(max_wait_s=1).open() as loader:
        run = staged(loader, shop(2), SHOP)
        reader.execute("SELECT 'the culprit' FROM shop.orders")

        with pytest.raises(TargetUnavailable, match="the culprit") as caught:
            loader.publish(run)

        assert f"pid {reader.info.backend_pid}" in caught.value.message
        assert oldest.production() == before
        reader.rollback()
        assert loader.publish(run).generation == 2


@pytest.mark.parametrize("isolation", ["strict", "read_committed"])
def test_a_snapshot_that_is_older_than_the_publication_sees_the_old_rows_exactly(
    oldest: Target, isolation: str
) -> None:
    published(oldest, shop(1), SHOP)
    with session(oldest) as reader, oldest.with_settings(isolation=isolation).open() as loader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")
        loader.publish(staged(loader, shop(2), SHOP))

        assert reader.execute(TWO).fetchall() == [("generation 1", "generation 1")]
        assert reader.execute("SELECT count(*), min(qty) FROM shop.lines").fetchall() == [(8, 1)]


def test_readers_see_one_generation_during_ten_publications(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    stop, found = threading.Event(), list[Any]()
    reader = threading.Thread(target=watch, args=(oldest, stop, found))
    reader.start()
    try:
        with oldest.with_settings(max_wait_s=30).open() as loader:
            done = [loader.publish(staged(loader, shop(n), SHOP)) for n in range(2, 12)]
    finally:
        stop.set()
        reader.join()

    assert [row for row in found if isinstance(row, psycopg.Error)] == []
    assert [row for row in found if None in row or len(set(map(int, row))) != 1] == []
    assert max(one.locked_ms for one in done) < 10_000


def test_a_writer_waits_for_the_commit_and_its_row_lands_on_the_new_one(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with session(oldest) as reader, ThreadPoolExecutor(1) as threads, publishing(oldest, 2) as done:
        reader.execute(READS[0])
        wait_for(lambda: is_held(oldest))
        writing = threads.submit(oldest.query, "UPDATE shop.orders SET amount = amount + 1000 RETURNING amount")
        wait_for(lambda: oldest.query("SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'"))
        reader.rollback()
        done.result()
        amounts = sorted(amount for (amount,) in writing.result())

    assert amounts == [1002, 1004, 1006, 1008, 1010]


def test_a_writer_that_has_read_before_goes_first_and_is_no_deadlock(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with session(oldest) as writer, publishing(oldest, 2) as done:
        writer.execute(READS[0])
        wait_for(lambda: is_held(oldest))
        writer.execute("UPDATE shop.orders SET name = 'mine' WHERE id = 1")
        writer.commit()
        result = done.result()

    assert result.attempts > 1
    assert result.changes["orders"]["updated"] == 5
    assert oldest.query(TWO) == [("generation 2", "generation 2")]


def test_without_looking_for_waiting_writers_it_is_a_deadlock_or_late(
    oldest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes.Changes, "_is_waited_for", lambda _: False)
    published(oldest, shop(1), SHOP)
    with session(oldest) as writer, oldest.with_settings(max_wait_s=3).open() as loader:
        run = staged(loader, shop(2), SHOP)
        writer.execute(READS[0])
        with ThreadPoolExecutor(1) as threads:
            done = threads.submit(loader.publish, run)
            wait_for(lambda: is_held(oldest))
            writer.execute("UPDATE shop.orders SET name = 'mine' WHERE id = 1")
            with pytest.raises(TargetUnavailable):
                done.result()


def test_a_row_that_somebody_has_locked_is_waited_for_and_named(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with session(oldest) as writer, oldest.with_settings(max_wait_s=1).open() as loader:
        run = staged(loader, shop(2), SHOP)
        writer.execute("SELECT 'mine' FROM shop.orders WHERE id = 1 FOR UPDATE")
        with pytest.raises(TargetUnavailable, match=f"pid {writer.info.backend_pid}"):
            loader.publish(run)


def test_another_publication_meanwhile_fences_this_one(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with oldest.settings.open() as loader:
        first, second = staged(loader, shop(2), SHOP), staged(loader, shop(3), SHOP)
        loader.publish(first)
        with pytest.raises(PublishError, match="Production is unchanged"):
            loader.publish(second)

    assert oldest.query(TWO) == [("generation 2", "generation 2")]


MATERIALIZED = (
    "CREATE VIEW public.named AS SELECT id, name FROM shop.orders;"
    "CREATE MATERIALIZED VIEW public.a_copy AS SELECT id, name FROM public.named;"
    "CREATE UNIQUE INDEX ON public.a_copy (id);"
    "CREATE MATERIALIZED VIEW public.of_copy AS SELECT min(id) AS id, min(name) AS name FROM public.a_copy;"
    "CREATE UNIQUE INDEX ON public.of_copy (id)"
)
SHOWN = "SELECT (SELECT min(name) FROM shop.orders), (SELECT min(name) FROM public.of_copy)"


def test_materialized_views_change_in_the_same_commit_also_those_over_others(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    oldest.query(MATERIALIZED)
    with session(oldest) as reader, publishing(oldest, 2) as done:
        reader.execute("SELECT min(name) FROM public.of_copy")
        wait_for(lambda: is_held(oldest))
        assert oldest.query(SHOWN) == [("generation 1", "generation 1")]
        reader.rollback()
        done.result()

    assert oldest.query(SHOWN) == [("generation 2", "generation 2")]


def test_materialized_views_stay_as_they_were_where_refreshing_is_switched_off(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    oldest.query(MATERIALIZED)

    with oldest.with_settings(refresh_views=False).open() as loader:
        loader.publish(staged(loader, shop(2), SHOP))

    assert oldest.query(SHOWN) == [("generation 2", "generation 1")]


def test_a_materialized_view_whose_readers_would_have_to_wait_is_refused(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    oldest.query("CREATE MATERIALIZED VIEW public.a_copy AS SELECT id, name FROM shop.orders")

    with pytest.raises(PublishError, match=r'"public"."a_copy".*no unique index') as caught:
        published(oldest, shop(2), SHOP)

    assert "refresh_views = false" in caught.value.hint
    assert oldest.query(TWO) == [("generation 1", "generation 1")]


def test_where_nothing_differs_nobody_waits_and_hardly_anything_is_written(oldest: Target) -> None:
    many = {"orders": orders(rows=20_000)}
    published(oldest, many, "diff")
    with session(oldest) as reader, oldest.settings.open() as loader:
        reader.execute(READS[0])
        run = staged(loader, many, "diff")
        before = oldest.query("SELECT pg_current_wal_insert_lsn()")[0][0]
        done = loader.publish(run)
        written = oldest.query("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before)[0][0]

    assert done.changes["orders"] == {"inserted": 0, "updated": 0, "deleted": 0}
    assert written < 1_000_000


def test_a_session_that_holds_a_table_is_ended_only_where_the_settings_name_it(oldest: Target) -> None:
    published(oldest, shop(1), SHOP)
    with psycopg.connect(oldest.dsn) as reader:
        reader.execute("SET application_name = 'reports'")
        reader.commit()
        reader.execute(READS[0])
        with oldest.with_settings(max_wait_s=1, terminate_blockers=("reports",)).open() as loader:
            run = staged(loader, shop(2), SHOP)
            assert loader.publish(run).generation == 2
        with pytest.raises(psycopg.OperationalError):
            reader.execute("SELECT 1")

    assert oldest.query("SELECT run_id FROM firn.audit WHERE action = 'terminated'") == [(run.id,)]
