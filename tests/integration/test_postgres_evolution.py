"""A table of production takes new columns and wider types where its dataset says so, and loses nothing by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import psycopg
import pytest
from test_postgres_changes import oldest, published
from test_postgres_servers import Target, newest, target

from firn import PublishError
from loaders import evolution

if TYPE_CHECKING:
    from firn import Published, Strategy

__all__ = ["newest", "oldest", "target"]


class Visits(dy.Schema):
    """A table as it was."""

    id = dy.Int32(primary_key=True)
    fee = dy.Decimal(8, 2, nullable=True)
    room = dy.String(nullable=True)


class More(dy.Schema):
    """The same with another column, and a wider one; one is gone."""

    id = dy.Int32(primary_key=True)
    fee = dy.Decimal(12, 2, nullable=True)
    note = dy.String(nullable=True)


OLD = pl.DataFrame({"id": [1, 2], "fee": ["1.00", "2.00"], "room": ["a", "b"]}).cast(
    {"id": pl.Int32, "fee": pl.Decimal(8, 2)}
)
NEW = pl.DataFrame({"id": [1, 3], "fee": ["1.00", "1234567890.12"], "note": ["new", None]}).cast(
    {"id": pl.Int32, "fee": pl.Decimal(12, 2)}
)
MAY = frozenset({"visits"})


def publish(
    target: Target,
    contract: type[dy.Schema],
    frame: pl.DataFrame,
    strategy: Strategy = "diff",
    **settings: Any,  # noqa: ANN401 (those of a dataset)
) -> Published:
    return published(target, {"visits": frame}, strategy, contracts={"visits": contract}, deletes=1.0, **settings)


def test_a_new_column_and_a_wider_one_come_with_the_rows_and_the_old_rows_come_back(target: Target) -> None:
    publish(target, Visits, OLD)
    target.query("CREATE VIEW public.rooms AS SELECT id, room FROM shop.visits")

    publish(target, More, NEW, evolves=MAY)

    assert target.query("SELECT id, fee::text, room, note FROM shop.visits ORDER BY 1") == [
        (1, "1.00", "a", "new"),
        (3, "1234567890.12", None, None),
    ]
    assert target.query("SELECT * FROM public.rooms ORDER BY 1") == [(1, "a"), (3, None)]
    with target.settings.open() as loader:
        loader.rollback("shop")
    assert target.query("SELECT id, fee::text, room, note FROM shop.visits ORDER BY 1") == [
        (1, "1.00", "a", None),
        (2, "2.00", "b", None),
    ]


def test_without_a_word_of_the_dataset_nothing_is_altered_and_the_statement_is_named(oldest: Target) -> None:
    publish(oldest, Visits, OLD)

    with pytest.raises(PublishError, match="it has no column note") as caught:
        publish(oldest, More, NEW)

    assert caught.value.hint == 'ALTER TABLE "shop"."visits" ADD COLUMN "note" text'
    assert oldest.query("SELECT count(*) FROM shop.visits WHERE room IS NOT NULL") == [(2,)]


def test_a_view_that_uses_a_column_to_be_widened_is_named_before_anything_is_sent(oldest: Target) -> None:
    publish(oldest, Visits, OLD)
    oldest.query("CREATE VIEW public.fees AS SELECT fee FROM shop.visits")

    with pytest.raises(PublishError, match=r'"fee" .* cannot become numeric\(12,2\): rule _RETURN on view') as caught:
        publish(oldest, More, NEW, evolves=MAY)

    assert "public.fees" in caught.value.message
    assert 'ALTER TABLE "shop"."visits" ALTER COLUMN "fee" TYPE numeric(12,2)' in caught.value.hint


def test_a_type_whose_widening_would_rewrite_the_rows_stays_until_a_value_needs_it(oldest: Target) -> None:
    publish(oldest, Visits, OLD)
    oldest.query("ALTER TABLE shop.visits ALTER COLUMN id TYPE smallint")

    publish(oldest, Visits, OLD, evolves=MAY)
    assert oldest.query("SELECT pg_typeof(id)::text FROM shop.visits LIMIT 1") == [("smallint",)]

    with pytest.raises(PublishError, match=r'"id" .* is smallint in production.*smallint out of range') as caught:
        publish(oldest, Visits, OLD.with_columns(id=pl.Series([1, 70_000], dtype=pl.Int32)), evolves=MAY)
    assert 'ALTER TABLE "shop"."visits" ALTER COLUMN "id" TYPE integer' in caught.value.hint


def test_an_older_snapshot_would_see_a_table_without_rows_if_they_were_rewritten(
    oldest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(oldest, Visits, OLD)
    oldest.query("ALTER TABLE shop.visits ALTER COLUMN id TYPE smallint")
    seen = []
    for widened in (evolution._is_wider, lambda new, old: new != old):  # noqa: SLF001
        monkeypatch.setattr(evolution, "_is_wider", widened)
        with psycopg.connect(oldest.dsn) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT FROM pg_class LIMIT 1")
            publish(oldest, Visits, OLD, evolves=MAY)
            seen += reader.execute("SELECT count(*) FROM shop.visits").fetchall()

    assert seen == [(2,), (0,)]


def test_a_column_that_takes_no_null_is_null_in_new_rows_once_the_contract_has_lost_it(oldest: Target) -> None:
    publish(oldest, Visits, OLD, "swap")
    oldest.query("ALTER TABLE shop.visits ALTER COLUMN room SET NOT NULL")
    with pytest.raises(PublishError, match="room") as caught:
        publish(oldest, More, NEW, "swap", evolves=MAY)
    assert "DROP NOT NULL" in caught.value.hint

    publish(oldest, More, NEW, evolves=MAY)

    assert oldest.query("SELECT id, room FROM shop.visits ORDER BY 1") == [(1, "a"), (3, None)]


def test_a_column_that_the_contract_has_lost_stays_where_the_table_is_replaced(target: Target) -> None:
    publish(target, Visits, OLD, "swap")
    target.query("ALTER TABLE shop.visits ADD COLUMN mine text DEFAULT 'x'")

    publish(target, More, NEW, "swap", evolves=MAY)
    publish(target, More, NEW, "swap", evolves=MAY)

    assert target.query("SELECT id, fee::text, room, mine, note FROM shop.visits ORDER BY 1") == [
        (1, "1.00", None, None, "new"),
        (3, "1234567890.12", None, None, None),
    ]


def test_without_a_word_of_the_dataset_a_replaced_table_loses_the_column_that_firn_made(oldest: Target) -> None:
    publish(oldest, Visits, OLD, "swap")
    publish(oldest, More, NEW, "swap")

    names = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'shop.visits'::regclass AND attnum > 0 ORDER BY 1"
    assert oldest.query(names) == [("fee",), ("id",), ("note",)]
