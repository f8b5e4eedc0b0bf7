"""Rows are changed in place: exactly those that differ, never half of them to a reader, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from test_postgres_servers import CONTRACTS, Target, fresh, lines, newest, notes, orders, target

from firn import Dataset, PublishError, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from firn import Published, Strategy
    from loaders.postgres_loader import PostgresLoader

__all__ = ["newest", "target"]

SHOP: Mapping[str, Strategy] = {"orders": "diff", "lines": "rewrite", "notes": "diff"}


@pytest.fixture
def oldest() -> Iterator[Target]:
    """An empty database on the oldest version."""
    yield from fresh("15")


def staged(
    loader: PostgresLoader,
    frames: Mapping[str, pl.DataFrame],
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    contracts: Mapping[str, type[dy.Schema]] = CONTRACTS,
    **settings: Any,  # noqa: ANN401 (those of a dataset)
) -> Run:
    """Stage and verify a run of the tables given."""
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", {name: contracts[name] for name in frames}, strategy=strategy, **settings))
    for name, frame in frames.items():
        loader.stage(run, name, "", frame)
    loader.verify(run)
    return run


def published(
    target: Target,
    frames: Mapping[str, pl.DataFrame],
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    **rest: Any,
) -> Published:
    """Publish the tables given."""
    with target.settings.open() as loader:
        return loader.publish(staged(loader, frames, strategy, **rest))


def shop(generation: int = 1) -> dict[str, pl.DataFrame]:
    """Make all three tables."""
    return {"orders": orders(generation), "lines": lines(generation), "notes": notes(generation)}


def test_a_first_publication_by_changes_makes_the_tables_that_a_swap_would(target: Target) -> None:
    done = published(target, shop(), SHOP)

    assert done.strategies == SHOP
    assert done.changes["orders"] == {"inserted": 5, "updated": 0, "deleted": 0}
    assert target.query("SELECT count(*) FROM shop.orders") == [(5,)]
    found = target.query(
        "SELECT c.relname, c.relpersistence, k.conname FROM pg_class c LEFT JOIN pg_constraint k ON k.conrelid = c.oid "
        "AND k.contype = 'p' WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind = 'r' ORDER BY 1"
    )
    assert found == [("lines", "p", None), ("notes", "p", "notes_pkey"), ("orders", "p", "orders_pkey")]
    assert target.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn_%'") == []


def test_only_rows_that_differ_are_written_and_counted(target: Target) -> None:
    published(target, shop(), SHOP)
    before = dict(target.query("SELECT id, xmin::text FROM shop.orders"))
    changed = orders().with_columns(name=pl.when(pl.col("id") == 2).then(pl.lit("new")).otherwise("name"))
    changed = pl.concat([changed.filter(pl.col("id") != 5), orders(rows=7).filter(pl.col("id") > 5)])

    done = published(target, {**shop(), "orders": changed}, SHOP)

    after = dict(target.query("SELECT id, xmin::text FROM shop.orders"))
    assert done.changes == {
        "orders": {"inserted": 2, "updated": 1, "deleted": 1},
        "lines": {"inserted": 0, "updated": 0, "deleted": 0},
        "notes": {"inserted": 0, "updated": 0, "deleted": 0},
    }
    assert done.rows == {"orders": 6, "lines": 8, "notes": 3}
    assert [id_ for id_ in after if after[id_] != before.get(id_)] == [2, 6, 7]
    assert target.query("SELECT id FROM shop.orders ORDER BY 1") == [(1,), (2,), (3,), (4,), (6,), (7,)]
