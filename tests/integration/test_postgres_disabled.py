"""A disabled pipeline publishes nothing, also where its publication has begun; and an older state is no obstacle."""

from __future__ import annotations

import threading
import time

import polars as pl
import psycopg
import pytest
from test_postgres_servers import Orders, Target, newest, orders, published, staged

from firn import Dataset, FirnError, Published, PublishError, Run, StateError, Strategy

__all__ = ["newest"]
REASON = "the source has halved its sizes"


@pytest.mark.parametrize("enabled", [False, True], ids=["disabled", "enabled again"])
def test_a_publication_that_has_begun_before_its_pipeline_was_disabled_is_refused_by_the_server(
    newest: Target, *, enabled: bool
) -> None:
    """Enabled again, it goes through: nothing else was in its way."""
    published(newest.settings, 1)
    before, found = newest.production(), list[Published | FirnError]()
    settings = newest.with_settings(max_wait_s=600)

    def publish() -> None:
        with settings.open() as loader:
            run = staged(loader, 2)
            begun.set()
            try:
                found.append(loader.publish(run))
            except FirnError as error:
                found.append(error)

    begun, publisher = threading.Event(), threading.Thread(target=publish)
    with psycopg.connect(newest.dsn) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1 FROM shop.orders")
        publisher.start()
        begun.wait()
        while not waits(newest):
            time.sleep(0.01)
        with newest.settings.open() as loader:
            loader.disable("shop", REASON)
            if enabled:
                assert loader.enable("shop")
    publisher.join()

    if enabled:
        assert isinstance(found[0], Published)
        return
    assert isinstance(found[0], PublishError)
    assert "Pipeline shop was disabled before run" in found[0].message
    assert "Production is unchanged." in found[0].message
    assert newest.production() == before


def waits(target: Target) -> bool:
    """Whether a publication waits for a snapshot, past everything that it asks before."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'firn' AND query LIKE '%horizon%'"
    return bool(target.query(query)[0][0])


def test_a_state_that_an_older_firn_made_is_no_obstacle_to_leading_production_back(newest: Target) -> None:
    published(newest.settings, 1)
    before = newest.production()
    published(newest.settings, 2)
    newest.query("DROP TABLE firn.disabled")
    newest.query("DROP TRIGGER keep_audit ON firn.audit")
    newest.query("ALTER TABLE firn.audit DROP COLUMN inputs")
    newest.query("UPDATE firn.version SET version = 4")

    with newest.settings.open() as loader:
        assert loader.disabled("shop") == []
        loader.rollback("shop")
        assert newest.production() == before
        loader.disable("shop", REASON)
        assert [(one["dataset"], one["reason"]) for one in loader.disabled()] == [("shop", REASON)]


@pytest.mark.parametrize("strategy", ["swap", "diff"])
def test_what_was_undone_is_told_by_key(newest: Target, strategy: Strategy) -> None:
    more = (
        orders(2, rows=7)
        .filter(pl.col("id") != 1)
        .with_columns(
            amount=pl.when(id=2).then("amount").otherwise(orders(1, rows=7)["amount"].tail(6)),
            name=pl.lit("generation 1"),
        )
    )
    for rows in (orders(1), more):
        with newest.settings.open() as loader:
            run = Run.start("shop")
            loader.prepare(run, Dataset("shop", {"orders": Orders}, strategy=strategy))
            loader.stage(run, "orders", "", rows)
            loader.verify(run)
            loader.publish(run)
            with pytest.raises(StateError, match="Nothing of shop was rolled back"):
                loader.undone("shop")

    with newest.settings.open() as loader:
        loader.rollback("shop")
        undone = loader.undone("shop")
    assert undone == {"orders": {"before": 5, "after": 6, "inserted": 2, "updated": 1, "deleted": 1}}
