"""A disabled pipeline publishes nothing, also where its publication has begun; and an older state is no obstacle."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import polars as pl
import psycopg
import pytest
from test_postgres_servers import SHOP, Orders, Target, newest, orders, published, staged

from firn import Dataset, FirnError, Published, PublishError, Run, StateError, Strategy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["newest"]
REASON = "the source has halved its sizes"
# What version 5 of the state added to version 4, taken away again.
VERSION_5 = (
    "DROP VIEW firn.runs, firn.steps, firn.publications",
    "DROP TABLE firn.disabled, firn.backup, firn.lease, firn.step, firn.elsewhere",
    "DROP TRIGGER keep_audit ON firn.audit",
    "DROP FUNCTION firn.keep_audit",
    "ALTER TABLE firn.audit DROP inputs",
    "ALTER TABLE firn.publication DROP wal_lsn",
    "ALTER TABLE firn.run DROP attempts, DROP began_on, DROP resumed_from",
    "ALTER TABLE firn.run DROP asked, DROP settings, DROP fingerprints",
    "ALTER TABLE firn.version DROP environment",
    "DELETE FROM firn.version WHERE version < 5",
    "UPDATE firn.version SET version = 4",
)


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
    take_back(newest)

    with newest.settings.open() as loader:
        assert loader.disabled("shop") == []
        assert (shown.generation if (shown := loader.visible("shop")) else None) == 2
        assert loader.previous("shop") == 1
        loader.disable("shop", REASON)
        loader.rollback("shop")
        assert newest.production() == before
        assert [(one["dataset"], one["reason"]) for one in loader.disabled()] == [("shop", REASON)]


def test_what_an_older_firn_recorded_is_read_as_it_is(newest: Target) -> None:
    """Whoever only looks, such as at the step before the switch to a new version, changes nothing for the old one."""
    published(newest.settings, 1)
    newest.query("CREATE SCHEMA legacy; CREATE TABLE legacy.orders AS TABLE shop.orders")
    with newest.settings.open() as loader:
        ready = staged(loader, 2)
    take_back(newest)

    with newest.settings.open() as loader:
        found = loader.contrast("shop", "legacy", ["orders"])
        assert (found.generation, found.tables["orders"].kinds) == (1, set())
        assert loader.delta(ready)["orders"].updated == 5
        assert [row["status"] for row in loader.runs()] == ["ready", "published"]
        assert loader.kept("shop") == []
        assert (loader.steps(ready.id), loader.backups(), loader.holder("shop")) == ([], [], None)
        assert [(act["action"], act["inputs"]) for act in loader.acts()] == [("published", {})]
        assert all(one.passed for one in loader.health(fix=False) if one.check == "leftovers")
    assert newest.query("SELECT version FROM firn.version") == [(4,)]


def test_a_state_that_an_older_firn_made_is_brought_up_to_date_by_what_writes(newest: Target, tmp_path: Path) -> None:
    published(newest.settings, 1)
    with newest.settings.open() as loader:
        ready = staged(loader, 2)
    take_back(newest)

    with newest.settings.open() as loader:
        backup = loader.back_up("shop", tmp_path)
        assert loader.publish(loader.find(ready.id)).generation == 2
        assert newest.query("SELECT max(version) FROM firn.version") == [(5,)]
    take_back(newest)
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.restore(run, SHOP, backup, tmp_path)
        assert loader.publish(run).generation == 3
        loader.enable("shop")
    take_back(newest)
    with newest.settings.open() as loader:
        loader.keep_drill("shop", "a drill", 1.0)
        assert [act["action"] for act in loader.acts()][:1] == ["drilled"]


def take_back(target: Target) -> None:
    """Make of the state what the last released firn had of it, version 4."""
    for statement in VERSION_5:
        target.query(statement)


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
