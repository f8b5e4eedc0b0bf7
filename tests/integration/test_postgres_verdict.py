"""Checks on production itself: what they read, how long, and what readers see when a publication is undone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from test_postgres_publish import watch
from test_postgres_servers import CONTRACTS, fresh, newest, orders, published, staged, target

from firn import Dataset, LoadError, Run
from pipelines.engine.pipeline import step_of
from pipelines.engine.verdict import Undone, Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_postgres_servers import Target

__all__ = ["fresh", "newest", "target"]


class Amounts(dy.Schema):
    """Two of the columns."""

    id = dy.Int32(primary_key=True)
    amount = dy.Decimal(12, 2, nullable=True)


def dear(orders: dy.DataFrame[Amounts], lines: pl.DataFrame) -> pl.DataFrame:
    assert orders.schema == {"id": pl.Int32, "amount": pl.Decimal(12, 2)}
    assert lines.columns == ["order_id", "qty"]
    return orders.filter(pl.col("amount") > 5)


def verdicts(*checks: Callable[..., pl.DataFrame], seconds: float = 60.0) -> Verdicts:
    return Verdicts([step_of(check, is_check=True) for check in checks], CONTRACTS, {}, seconds)


def test_readers_see_whole_generations_only_while_a_publication_is_undone(target: Target) -> None:
    published(target.settings, 1)
    before = target.production()
    stop, found = threading.Event(), list[Any]()
    reader = threading.Thread(target=watch, args=(target, stop, found))
    reader.start()
    try:
        with target.settings.open() as loader:
            for _ in range(3):
                done = loader.publish(staged(loader, 2))
                with pytest.raises(Undone, match=r"Check dear found 3 rows") as caught:
                    verdicts(dear).stand(loader, done, done.generation - 1)
                assert target.production() == before
    finally:
        stop.set()
        reader.join()

    assert "{'id': 3, 'amount': Decimal('6.00')}" in caught.value.message
    assert {tuple(map(int, row)) for row in found} <= {(1, 1, 1), (2, 2, 2)}
    assert len(found) > 10
    assert target.query("SELECT kind, reason FROM firn.publication WHERE generation = 7") == [
        ("rolled_back", "back to generation 5: Check dear found 3 rows")
    ]


def test_a_first_publication_that_does_not_pass_leaves_production_and_can_be_published_again(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = staged(loader, 2)
        done = loader.publish(run)
        with pytest.raises(Undone, match="Production shows no table of it, as before, as generation 2"):
            verdicts(dear).stand(loader, done, 0)
        assert newest.production() == {}
        assert loader.publish(run, again=True).generation == 3
    assert sorted(newest.production()) == ["lines", "notes", "orders"]


def test_a_check_that_waits_for_a_lock_ends_with_its_time_and_the_publication_is_undone(newest: Target) -> None:
    published(newest.settings, 1)
    before = newest.production()
    with newest.settings.open() as loader:
        done = loader.publish(staged(loader, 2))

        def slow(orders: pl.DataFrame) -> pl.DataFrame:
            newest.query("SELECT pg_sleep(60)")
            return orders

        with pytest.raises(Undone, match=r"Check slow came to no end within 0\.5 s"):
            verdicts(slow, seconds=0.5).stand(loader, done, 1)
    assert newest.production() == before


def test_reading_production_ends_with_its_time_on_the_server_too(newest: Target) -> None:
    newest.query(
        "CREATE SCHEMA shop; CREATE VIEW shop.orders AS SELECT 1 AS id, pg_sleep(60)::text AS name, 1.0 AS amount"
    )
    with newest.settings.open() as loader:
        with pytest.raises(LoadError, match="57014"):
            loader.shown({"orders": CONTRACTS["orders"]}, 0.2)
        assert newest.query(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
        ) == [(1,)]


def test_a_table_that_is_not_there_is_named(newest: Target) -> None:
    with newest.settings.open() as loader, pytest.raises(LoadError, match=r'"shop.orders" does not exist'):
        loader.shown({"orders": CONTRACTS["orders"]}, 5)


def test_what_was_published_by_changing_rows_is_undone_by_changing_them_back(newest: Target) -> None:
    shop = Dataset("shop", {"orders": CONTRACTS["orders"]}, strategy="diff", deletes=1.0)
    with newest.settings.open() as loader:
        for generation in (1, 2):
            run = Run.start("shop")
            loader.prepare(run, shop)
            loader.stage(run, "orders", "", orders(generation))
            loader.verify(run)
            before = newest.production()
            done = loader.publish(run)
        table = newest.query("SELECT 'shop.orders'::regclass::oid")
        with pytest.raises(Undone, match=r"Check costly found 3 rows"):
            verdicts(costly).stand(loader, done, 1)
        assert newest.production() == before
        assert newest.query("SELECT 'shop.orders'::regclass::oid") == table


def costly(orders: dy.DataFrame[Amounts]) -> pl.DataFrame:
    return orders.filter(pl.col("amount") > 5)
