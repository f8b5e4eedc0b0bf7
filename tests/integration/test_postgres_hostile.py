"""Names, search paths, row security and shapes that somebody might put in firn's way change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from test_postgres_servers import CONTRACTS, Target, fresh, lines, newest, notes, orders, target

from firn import Dataset, PublishError, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.postgres import Postgres

__all__ = ["fresh", "newest", "target"]

FAMILIES: Mapping[str, Mapping[str, str]] = {
    "swap": dict.fromkeys(CONTRACTS, "swap"),
    "rows": {"orders": "diff", "lines": "rewrite", "notes": "merge"},
}


def publish(
    settings: Postgres, contracts: Mapping[str, type[dy.Schema]], strategy: object, *rows: pl.DataFrame
) -> None:
    """Publish a frame per table."""
    with settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", contracts, strategy=strategy, deletes=1.0))  # type: ignore[arg-type]
        for name, frame in zip(contracts, rows, strict=True):
            loader.stage(run, name, "", frame)
        loader.verify(run)
        loader.publish(run)


PLANTED = (Path(__file__).with_name("rich") / "planted.sql").read_text()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_planted_in_an_earlier_schema_is_never_called(target: Target, family: str) -> None:
    plain = target.settings
    publish(plain, CONTRACTS, FAMILIES[family], orders(1), lines(1), notes(1))
    with plain.open() as loader:  # what the same calls answer where nothing is planted
        audited = [(name, passes) for name, passes, _ in loader.audit("shop", CONTRACTS, {})]
    target.query(PLANTED)
    path = make_conninfo(target.dsn, options="-c search_path=evil,pg_catalog,public")
    with psycopg.connect(path) as victim, pytest.raises(psycopg.errors.RaiseException, match="planted"):
        victim.execute("SELECT 1 = 1, now()")
    settings = target.with_settings(dsn=SecretStr(path))

    publish(settings, CONTRACTS, FAMILIES[family], orders(2, 6), lines(2), notes(2))
    publish(settings, CONTRACTS, FAMILIES[family], orders(3, 4), lines(3), notes(3))
    assert target.query("SELECT id, name FROM shop.orders ORDER BY id") == [(i, "generation 3") for i in range(1, 5)]
    with settings.open() as loader:
        assert [(name, passes) for name, passes, _ in loader.audit("shop", CONTRACTS, {})] == audited
        loader.rollback("shop")
        loader.check(Dataset("shop", CONTRACTS, strategy=FAMILIES[family]))  # type: ignore[arg-type]
        assert [run["status"] for run in loader.runs("shop")] == ["rolled_back", "published", "published"]
    assert target.query("SELECT id, name FROM shop.orders ORDER BY id") == [(i, "generation 2") for i in range(1, 7)]
    assert target.query("SELECT count(*) FROM evil.run") == [(0,)]


OWNED = """
CREATE ROLE owner_of_orders;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO owner_of_orders', current_database()); END $$;
"""


def test_a_diff_never_takes_the_rows_that_row_security_shows_for_all_rows(target: Target) -> None:
    target.query(OWNED)
    dsn = make_conninfo(target.dsn, options="-c role=owner_of_orders")
    settings = target.with_settings(dsn=SecretStr(dsn))
    contracts = {"orders": CONTRACTS["orders"]}
    try:
        publish(settings, contracts, "swap", orders(1, 5))
        target.query("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        target.query("CREATE POLICY half ON shop.orders USING (id <= 2) WITH CHECK (true)")
        before = target.production()

        with pytest.raises(PublishError, match="Production is unchanged") as caught:
            publish(settings, contracts, "diff", orders(2, 6))
        assert "row" in caught.value.message
        assert "security" in caught.value.message
        assert '"orders"' in caught.value.message
        assert caught.value.hint
        assert target.production() == before
    finally:
        target.query("DROP OWNED BY owner_of_orders CASCADE; DROP ROLE owner_of_orders")


Wide = type(
    "Wide",
    (dy.Schema,),
    {"__annotations__": {}, "id": dy.Int32(primary_key=True)}
    | {f"column {i}": dy.Int32(nullable=True) for i in range(1, 1600)},
)


def wide(generation: int) -> pl.DataFrame:
    """Three rows of 1,600 columns, of which the last column of one tells the generation."""
    columns = {f"column {i}": [i, 0, None] for i in range(1, 1599)}
    rows = {"id": [1, 2, 3]} | columns | {"column 1599": [1, 2, generation]}
    return pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.Int32))


@pytest.mark.parametrize("strategy", ["diff", "merge"])
def test_a_table_too_wide_to_mark_its_rows_is_refused_by_strategies_that_change_them(
    newest: Target, strategy: str
) -> None:
    publish(newest.settings, {"wide": Wide}, "swap", wide(1))

    with pytest.raises(PublishError, match=r"1600 columns; .* there is room for 1598") as caught:
        publish(newest.settings, {"wide": Wide}, strategy, wide(2))

    assert "swap or rewrite" in caught.value.hint
    assert newest.query('SELECT id, "column 1599" FROM shop.wide ORDER BY 1') == [(1, 1), (2, 2), (3, 1)]


@pytest.mark.parametrize("strategy", ["swap", "rewrite"])
def test_a_table_of_1600_columns_is_published_and_rolled_back(newest: Target, strategy: str) -> None:
    for generation in (1, 2):
        publish(newest.settings, {"wide": Wide}, strategy, wide(generation))
        assert newest.query('SELECT "column 1599", "column 1598" FROM shop.wide WHERE id = 3') == [(generation, None)]
    with newest.settings.open() as loader:
        loader.rollback("shop")
    assert newest.query('SELECT id, "column 1599" FROM shop.wide ORDER BY 1') == [(1, 1), (2, 2), (3, 1)]


def some(rows: int) -> list[pl.DataFrame]:
    """The first rows of each table."""
    return [frame.head(rows) for frame in (orders(), lines(), notes())]


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_without_rows_are_published_over_rows_and_rows_over_them(newest: Target, family: str) -> None:
    for rows in (0, 3, 0, 2):
        strategy = dict.fromkeys(CONTRACTS, "rewrite" if family == "rows" else "swap")
        publish(newest.settings, CONTRACTS, strategy, *some(rows))
        assert newest.query("SELECT count(*) FROM shop.orders") == [(rows,)]
    with newest.settings.open() as loader:
        loader.rollback("shop")
    assert newest.query("SELECT count(*) FROM shop.orders") == [(0,)]


Letters = type(
    "Letters",
    (dy.Schema,),
    {"__annotations__": {}, "s": dy.Int32(primary_key=True)}
    | {name: dy.Int32(nullable=True) for name in "abcdefghijklmnopqrtuvwxyz"},
)


@pytest.mark.parametrize("strategy", ["swap", "diff", "rewrite"])
def test_columns_named_like_what_statements_call_their_tables_are_told_from_these(
    newest: Target, strategy: str
) -> None:
    def rows(generation: int, count: int) -> pl.DataFrame:
        values = {name: [generation] * count for name in Letters.column_names()} | {"s": range(count)}
        return pl.DataFrame(values, schema=dict.fromkeys(values, pl.Int32))

    def shown() -> list[tuple[int, ...]]:
        return newest.query("SELECT s, p, r, t FROM shop.letters ORDER BY s")

    for generation, count in ((1, 3), (2, 4), (3, 2)):
        publish(newest.with_settings(keep_generations=2), {"letters": Letters}, strategy, rows(generation, count))
    assert shown() == [(0, 3, 3, 3), (1, 3, 3, 3)]

    with newest.with_settings(keep_generations=2).open() as loader:
        loader.rollback("shop", 1)
    assert shown() == [(n, 1, 1, 1) for n in range(3)]
