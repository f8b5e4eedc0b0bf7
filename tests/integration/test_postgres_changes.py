"""Rows are changed in place: exactly those that differ, never half of them to a reader, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from test_postgres_servers import CONTRACTS, Target, fresh, lines, newest, notes, orders, target

from firn import Companion, Dataset, PublishError, Run
from loaders.delta import Delta, Difference

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
    name: str = "shop",
    **settings: Any,  # noqa: ANN401 (those of a dataset)
) -> Run:
    """Stage and verify a run of the tables given."""
    run = Run.start(name)
    loader.prepare(run, Dataset(name, {table: contracts[table] for table in frames}, strategy=strategy, **settings))
    for table, frame in frames.items():
        loader.stage(run, table, "", frame)
    loader.verify(run)
    return run


def published(
    target: Target,
    frames: Mapping[str, pl.DataFrame],
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    **settings: Any,  # noqa: ANN401 (those of `staged`)
) -> Published:
    """Publish the tables given."""
    with target.settings.open() as loader:
        return loader.publish(staged(loader, frames, strategy, **settings))


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


def test_a_rollback_restores_every_row_and_a_second_publication_brings_the_others_back(target: Target) -> None:
    published(target, shop(1), SHOP)
    first = target.production()
    more = {"orders": orders(2, rows=7), "lines": lines(2), "notes": notes(2, rows=2)}
    with target.settings.open() as loader:
        run = staged(loader, more, SHOP)
        loader.publish(run)
        second = target.production()

        undone = loader.rollback("shop")
        assert target.production() == first
        assert undone.changes["orders"] == {"inserted": 0, "updated": 5, "deleted": 2}
        assert undone.rows == {"orders": 5, "lines": 8, "notes": 3}

        loader.publish(run, again=True)
        assert target.production() == second


@pytest.mark.parametrize(
    ("doing", "named"),
    [
        ("UPDATE shop.orders SET name = 'mine' WHERE id = 2", "id=2"),
        ("DELETE FROM shop.orders WHERE id = 7", "id=7"),
        ("INSERT INTO shop.notes VALUES (2, 'mine')", "id=2"),
        ("UPDATE shop.lines SET qty = 5 WHERE ctid = (SELECT min(ctid) FROM shop.lines)", "no key"),
    ],
)
def test_a_rollback_refuses_to_overwrite_what_somebody_wrote_since(oldest: Target, doing: str, named: str) -> None:
    published(oldest, shop(1), SHOP)
    published(oldest, {"orders": orders(2, rows=7), "lines": lines(2), "notes": notes(2, rows=2)}, SHOP)
    oldest.query(doing)
    before = oldest.production()

    with oldest.settings.open() as loader, pytest.raises(PublishError, match="Production is unchanged") as caught:
        loader.rollback("shop")

    assert named in caught.value.message
    assert oldest.production() == before


def test_a_ready_run_is_compared_with_production_value_by_value(oldest: Target) -> None:
    published(oldest, shop(), SHOP)
    changed = (
        orders().with_columns(name=pl.when(pl.col("id") == 2).then(None).otherwise("name")).filter(pl.col("id") < 5)
    )
    with oldest.settings.open() as loader:
        run = staged(loader, {**shop(), "orders": changed}, SHOP)
        found = loader.delta(run, sample=5)

    assert (found["orders"].inserted, found["orders"].updated, found["orders"].deleted) == (0, 1, 1)
    assert list(found["orders"].sample) == [
        Difference("updated", "id=2", "name", "generation 1", None),
        Difference("deleted", "id=5"),
    ]
    assert found["notes"] == Delta(0, 0, 0, [])


@pytest.mark.parametrize(("rows", "strategy"), [(4, "swap"), (1, "diff")])
def test_auto_replaces_a_table_of_which_much_differs_and_changes_rows_of_another(
    oldest: Target, rows: int, strategy: str
) -> None:
    published(oldest, {"orders": orders(), "notes": notes()})
    changed = orders().with_columns(name=pl.when(pl.col("id") <= rows).then(pl.lit("new")).otherwise("name"))

    with oldest.settings.open() as loader:
        run = staged(loader, {"orders": changed, "notes": notes()})
        kept = oldest.query("SELECT DISTINCT relpersistence FROM pg_class WHERE relname = 'orders' AND relkind = 'r'")
        done = loader.publish(run)

    assert kept == [("p",)]
    assert done.strategies == {"orders": strategy, "notes": strategy}
    assert f"{rows / 8:.1%} of the rows differ" in done.reason


def test_auto_changes_rows_where_a_swap_is_refused_and_its_staging_is_not_logged(oldest: Target) -> None:
    published(oldest, {"orders": orders()})
    oldest.query("CREATE VIEW public.whole AS SELECT o FROM shop.orders o")

    with oldest.settings.open() as loader:
        choice = loader.check(Dataset("shop", {"orders": CONTRACTS["orders"]}))
        run = staged(loader, {"orders": orders(2)})
        kept = oldest.query("SELECT relpersistence FROM pg_class WHERE relname = 'orders' ORDER BY oid")
        done = loader.publish(run)

    assert choice["orders"][0] == "diff"
    assert "view public.whole" in choice["orders"][1]
    assert kept == [("p",), ("u",)]
    assert done.strategies == {"orders": "diff"}
    assert oldest.query("SELECT count(*) FROM public.whole") == [(5,)]


def test_swap_and_changes_in_one_dataset_are_refused(oldest: Target) -> None:
    with oldest.settings.open() as loader, pytest.raises(PublishError, match="two generations"):
        loader.check(Dataset("shop", CONTRACTS, strategy={"orders": "swap", "notes": "diff"}))


@pytest.mark.parametrize("strategy", ["diff", "merge", "append"])
def test_a_table_without_a_key_cannot_be_compared_row_by_row(oldest: Target, strategy: Strategy) -> None:
    with oldest.settings.open() as loader, pytest.raises(PublishError, match=r'"lines".*has no key') as caught:
        loader.check(Dataset("shop", {"lines": CONTRACTS["lines"]}, strategy=strategy))
    assert "rewrite" in caught.value.hint


def test_a_key_without_a_unique_index_in_production_is_refused(oldest: Target) -> None:
    oldest.query("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int NOT NULL, name text, amount numeric(12,2))")
    with oldest.settings.open() as loader, pytest.raises(PublishError, match="unique index on exactly id") as caught:
        loader.check(Dataset("shop", {"orders": CONTRACTS["orders"]}, strategy="diff"))
    assert 'ALTER TABLE "shop"."orders" ADD PRIMARY KEY ("id")' in caught.value.hint


def test_the_statement_that_adds_a_missing_column_can_be_typed_as_it_is_named(oldest: Target) -> None:
    published(oldest, {"orders": orders(1)}, "diff")
    oldest.query("ALTER TABLE shop.orders DROP COLUMN amount")
    with pytest.raises(PublishError, match="no column amount") as caught:
        published(oldest, {"orders": orders(2)}, "diff")

    oldest.query(caught.value.hint)
    published(oldest, {"orders": orders(2)}, "diff")
    assert oldest.query("SELECT sum(amount) FROM shop.orders") == [(30,)]


def test_merge_deletes_nothing_and_append_refuses_keys_that_are_there(oldest: Target) -> None:
    published(oldest, {"orders": orders()}, "diff")
    some = pl.concat([orders(2).filter(pl.col("id") == 3), orders(2, rows=6).filter(pl.col("id") == 6)])

    merged = published(oldest, {"orders": some}, "merge")
    assert merged.changes["orders"] == {"inserted": 1, "updated": 1, "deleted": 0}
    assert merged.rows == {"orders": 6}

    with pytest.raises(PublishError, match="holds keys already that were to be appended: id=3; id=6"):
        published(oldest, {"orders": some}, "append")
    added = published(oldest, {"orders": orders(rows=8).filter(pl.col("id") > 6)}, "append")
    assert added.changes["orders"] == {"inserted": 2, "updated": 0, "deleted": 0}
    assert oldest.query("SELECT count(*) FROM shop.orders") == [(8,)]
    with oldest.settings.open() as loader:
        assert loader.rollback("shop").rows == {"orders": 6}


def test_several_generations_are_undone_in_one_transaction_and_brought_back_in_another(oldest: Target) -> None:
    with oldest.with_settings(keep_generations=3).open() as loader:
        shown = []
        for generation, rows in ((1, 5), (2, 7), (3, 4)):
            frames = {"orders": orders(generation, rows), "lines": lines(generation), "notes": notes(1)}
            loader.publish(staged(loader, frames, SHOP))
            shown.append(oldest.production())

        undone = loader.rollback("shop", 1)
        assert oldest.production() == shown[0]
        assert undone.changes["orders"] == {"inserted": 1, "updated": 4, "deleted": 0}

        oldest.query("UPDATE shop.orders SET name = 'mine' WHERE id = 5")
        with pytest.raises(PublishError, match="id=5"):
            loader.rollback("shop", 3)
        oldest.query("UPDATE shop.orders SET name = 'generation 1' WHERE id = 5")
        loader.rollback("shop", 3)
        assert oldest.production() == shown[2]


def test_a_row_that_comes_back_has_what_others_had_written_into_it(newest: Target) -> None:
    published(newest, {"orders": orders(1)}, "diff")
    newest.query("ALTER TABLE shop.orders ADD COLUMN remark text DEFAULT 'none'")
    newest.query("UPDATE shop.orders SET remark = 'call back' WHERE id = 5")
    before = newest.content("orders")
    fewer = published(newest, {"orders": orders(1, rows=3)}, "diff")

    with newest.settings.open() as loader:
        loader.rollback("shop")
        assert newest.content("orders") == before
        loader.publish(loader.find(fewer.run_id), again=True)
        assert newest.query("SELECT count(*) FROM shop.orders") == [(3,)]
        loader.rollback("shop")

    assert newest.content("orders") == before


def test_a_column_of_others_stands_against_rewriting_a_table(newest: Target) -> None:
    published(newest, {"lines": lines(1)}, "rewrite")
    newest.query("ALTER TABLE shop.lines ADD COLUMN remark text DEFAULT 'none'")

    with pytest.raises(PublishError, match="would empty its column remark, which the contract does not have"):
        published(newest, {"lines": lines(2)}, "rewrite")


class Marked(dy.Schema):
    """A table that has a companion."""

    mark = dy.Binary(primary_key=True, metadata={"postgres": "uuid"})
    qty = dy.Int32()


def test_the_view_over_a_companion_stays_its_owners(newest: Target) -> None:
    beside = Companion("marked", "marked_notes", "mark", {"note": "text"}, "marked_full", ("mark", "qty", "note"))

    def publish(qty: int) -> None:
        frame = pl.DataFrame({"mark": [b"0123456789abcdef"], "qty": [qty]}, schema_overrides={"qty": pl.Int32})
        published(newest, {"marked": frame}, "diff", contracts={"marked": Marked}, companions=[beside])

    publish(1)
    newest.query("CREATE ROLE keeper; ALTER VIEW shop.marked_full OWNER TO keeper")
    try:
        publish(2)

        assert newest.query("SELECT qty FROM shop.marked") == [(2,)]
        assert newest.query("SELECT viewowner FROM pg_views WHERE viewname = 'marked_full'") == [("keeper",)]
    finally:
        newest.query("DROP OWNED BY keeper; DROP ROLE keeper")
