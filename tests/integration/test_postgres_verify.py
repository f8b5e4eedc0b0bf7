"""Nothing is published that staging does not hold exactly as it was sent, whoever changed it on the way."""

from __future__ import annotations

import time
from contextlib import nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl
import pytest
from psycopg.sql import SQL
from test_postgres_servers import CONTRACTS, SHOP, Target, fresh, lines, newest, notes, orders, target

from firn import Dataset, LoadError, Run, StateError
from loaders import likeness, readback, staging
from loaders.connections import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from loaders.postgres_loader import PostgresLoader

__all__ = ["fresh", "newest", "target"]

STAGED = {"orders": orders(), "lines": lines(), "notes": notes()}


class Sizes(dy.Schema):
    """Parts of it have a few of its columns."""

    id = dy.Int32(primary_key=True)
    small = dy.Int64(nullable=True)
    large = dy.Int64(nullable=True)


def send(loader: PostgresLoader, target: Target) -> Run:
    """Stage a run, and wait until the server has its rows."""
    run = Run.start("shop")
    loader.prepare(run, SHOP)
    for name, frame in STAGED.items():
        loader.stage(run, name, "", frame)
    wait_for(target, run, sum(frame.height for frame in STAGED.values()))
    return run


def wait_for(target: Target, run: Run, rows: int) -> None:
    tables = target.query("SELECT tablename FROM pg_tables WHERE schemaname = %s", f"firn_stage_{run.id}")
    deadline = time.monotonic() + 120
    while sum(count(target, run, name) for (name,) in tables) < rows:
        assert time.monotonic() < deadline, "the rows did not arrive"


def count(target: Target, run: Run, table: str) -> int:
    return int(target.query(f'SELECT count(*) FROM "firn_stage_{run.id}"."{table}"')[0][0])  # noqa: S608


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE {}.orders SET amount = 12.00 WHERE id = 2",
            ['table "orders"', "column \"amount\" differs in 1 row(s): id=2: sent '2.00', held '12.00'"],
        ),
        (
            "UPDATE {}.orders SET amount = 'NaN' WHERE id = 2",
            ["column \"amount\" differs in 1 row(s): id=2: sent '2.00', held 'NaN'"],
        ),
        (
            "UPDATE {}.orders SET amount = NULL WHERE id = 2",
            ["column \"amount\" differs in 1 row(s): id=2: sent '2.00', held null"],
        ),
        ("UPDATE {}.notes SET text = '' WHERE id = 0", ["id=0: sent 'generation 1', held ''"]),
        ("DELETE FROM {}.orders WHERE id = 3", ["1 row(s) was sent and is missing: id=3"]),
        ("INSERT INTO {}.orders VALUES (9, 'x', 1)", ["1 row(s) is held and was not sent: id=9"]),
        ("INSERT INTO {}.orders SELECT * FROM {}.orders WHERE id = 1", ["1 row(s) is held and was not sent: id=1"]),
        ("TRUNCATE {}.orders", ["5 row(s) was sent and is missing: id=1, id=2, id=3, id=4, id=5"]),
        ("DELETE FROM {}.lines WHERE ctid = '(0,3)'", ['table "lines"', "1 row(s) was sent and is missing"]),
        (
            "UPDATE {}.lines SET qty = 5 WHERE ctid = '(0,3)'",
            ['table "lines"', "was sent and is missing", "1 row(s) is held and was not sent: at (0,9)"],
        ),
    ],
)
def test_a_change_in_staging_stops_the_run_and_is_named(target: Target, change: str, words: list[str]) -> None:
    with target.settings.open() as loader:
        run = send(loader, target)
        target.query(change.replace("{}", f'"firn_stage_{run.id}"'))

        with pytest.raises(LoadError, match="does not hold what was sent") as caught:
            loader.verify(run)

        assert [w for w in words if w not in caught.value.message] == []
        assert "Production is unchanged" in caught.value.message
        with pytest.raises(StateError):
            loader.publish(run)
    assert target.production() == {}


def test_the_same_change_is_published_once_the_comparison_is_removed(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readback, "compare", lambda *_, **__: None)
    with newest.settings.open() as loader:
        run = send(loader, newest)
        newest.query(f'UPDATE "firn_stage_{run.id}".orders SET amount = 12.00 WHERE id = 2')  # noqa: S608

        loader.verify(run)
        loader.publish(run)

    assert newest.query("SELECT amount FROM shop.orders WHERE id = 2") == [(Decimal("12.00"),)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.with_columns(amount=pl.col("amount").reverse()), 'column "amount" differs in 4 row(s)'),
        (lambda f: f.with_columns(name=pl.lit(None, pl.String)), "sent 'generation 1', held null"),
        (lambda f: f.head(4), "1 row(s) was sent and is missing: id=5"),
        (lambda f: pl.concat([f, f.tail(1)]), "1 row(s) is held and was not sent: id=5"),
        (lambda f: f.with_columns(amount=pl.col("amount") + Decimal("0.01")), "sent '1.00', held '1.01'"),
    ],
)
def test_a_change_on_the_way_to_the_server_is_named(
    newest: Target, monkeypatch: pytest.MonkeyPatch, change: Callable[[pl.DataFrame], pl.DataFrame], words: str
) -> None:
    honest = staging._Sending._batches  # noqa: SLF001 (the driver's place, which no setting reaches)

    def dishonest(self: staging._Sending, rows: pl.DataFrame) -> object:
        return honest(self, change(rows).cast(rows.schema) if self.table == "orders" else rows)  # type: ignore[arg-type]

    monkeypatch.setattr(staging._Sending, "_batches", dishonest)  # noqa: SLF001
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "orders", "", orders())

        with pytest.raises(LoadError, match="does not hold what was sent") as caught:
            loader.verify(run)

    assert words in caught.value.message


def test_a_value_in_a_column_that_the_part_does_not_have_is_named(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("sizes")
        loader.prepare(run, Dataset("shop", {"sizes": Sizes}, strategy="swap"))
        loader.stage(
            run, "sizes", "a", pl.DataFrame({"id": [1], "small": [5]}, schema={"id": pl.Int32, "small": pl.Int64})
        )
        loader.stage(
            run, "sizes", "b", pl.DataFrame({"id": [2], "large": [6]}, schema={"id": pl.Int32, "large": pl.Int64})
        )
        wait_for(newest, run, 2)
        newest.query(f'UPDATE "firn_stage_{run.id}".sizes SET large = 7 WHERE id = 1')  # noqa: S608

        with pytest.raises(LoadError, match=r'column "large" differs in 1 row\(s\): id=1: sent null, held 7'):
            loader.verify(run)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE {}.orders SET amount = 0 WHERE id = 2", "1 of 40000 rows were changed or deleted after they had been"),
        ("DELETE FROM {}.orders WHERE id < 4", "3 of 40000 rows were changed or deleted after they had been"),
        ("INSERT INTO {}.orders VALUES (0, 'x', 1)", r"1 row\(s\) is held and was not sent: id=0"),
    ],
)
def test_what_is_changed_after_the_rows_were_proven_and_let_go_stops_the_run(
    newest: Target, change: str, said: str
) -> None:
    with newest.with_settings(staging_mb=1).open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "orders", "book", orders(rows=40_000))
        wait_for(newest, run, 40_000)
        held = loader._staging[run.id]  # noqa: SLF001 (nothing public tells that rows were let go)
        deadline = time.monotonic() + 120
        while held.sent()[0].rows is not None:
            assert time.monotonic() < deadline, "the rows were not let go"
        newest.query(change.replace("{}", f'"firn_stage_{run.id}"'))

        with pytest.raises(LoadError, match=said) as caught:
            loader.verify(run)

    assert "Production is unchanged" in caught.value.message
    assert newest.production() == {}


def test_tables_that_are_finished_side_by_side_are_compared_and_keyed_like_one_alone(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    honest = Server.statements
    with newest.settings.open() as loader:
        monkeypatch.setattr(Server, "statements", lambda server: opened.append(1) or honest(server))  # type: ignore[func-returns-value]
        for few, changed, said in (
            (orders(rows=5), "", ""),
            (orders(rows=60_000), "", ""),
            (pl.concat([orders(rows=60_000), orders(rows=1)]), "", r"holds a key more than once: id=1 \(2 rows\)"),
            (orders(rows=60_000), "UPDATE {}.notes SET text = NULL", 'column "text" differs in 3 row'),
        ):
            run = Run.start("shop")
            loader.prepare(run, Dataset("shop", CONTRACTS, strategy="swap"))
            for name, frame in (("orders", few), ("lines", lines()), ("notes", notes())):
                loader.stage(run, name, "", frame)
            wait_for(newest, run, few.height + 11)
            if changed:
                newest.query(changed.replace("{}", f'"firn_stage_{run.id}"'))
            with pytest.raises(LoadError, match=said) if said else nullcontext():
                loader.verify(run)

    assert len(opened) == 3
    used = newest.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'firn'")
    assert used == [(0,)]


def test_at_most_ten_keys_are_named(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "orders", "", orders(rows=40))
        wait_for(newest, run, 40)
        newest.query(f'DELETE FROM "firn_stage_{run.id}".orders WHERE id > 15')  # noqa: S608

        with pytest.raises(LoadError, match=r"25 row\(s\) was sent and is missing: id=16, ") as caught:
            loader.verify(run)

    assert caught.value.message.count("id=") == 10


def test_a_row_of_another_part_does_not_hide_a_lost_one(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "lines", "a", lines(1))
        loader.stage(run, "lines", "b", lines(2))
        wait_for(newest, run, 16)
        newest.query(f'DELETE FROM "firn_stage_{run.id}".lines WHERE qty = 1')  # noqa: S608
        newest.query(f'INSERT INTO "firn_stage_{run.id}".lines SELECT 1, 1 FROM generate_series(1, 7)')  # noqa: S608

        with pytest.raises(LoadError, match=r"1 row\(s\) was sent and is missing"):
            loader.verify(run)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (
            pl.DataFrame({"id": [1, 2], "text": ["fine", "a\0b"]}, schema={"id": pl.Int32, "text": pl.String}),
            'Loading table "notes", part "book.xlsx" failed at row 2, column "text"',
        ),
    ],
)
def test_what_the_server_refuses_is_named_by_part_row_and_column(
    target: Target, frame: pl.DataFrame, words: str
) -> None:
    with target.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "notes", "book.xlsx", frame)

        with pytest.raises(LoadError, match="Production is unchanged") as caught:
            loader.verify(run)

    assert words in caught.value.message


def test_a_refused_part_can_be_sent_again_and_the_others_stay(newest: Target) -> None:
    bad = pl.DataFrame({"id": [1], "text": ["\0"]}, schema={"id": pl.Int32, "text": pl.String})
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "orders", "", orders())
        loader.stage(run, "notes", "", bad)
        with pytest.raises(LoadError):
            loader.verify(run)

        loader.stage(run, "notes", "", notes())
        loader.verify(run)

        assert loader.publish(run).rows == {"orders": 5, "lines": 0, "notes": 3}


def test_vacuum_while_staging_disturbs_nothing(target: Target) -> None:
    with target.settings.open() as loader:
        run = send(loader, target)
        for name in CONTRACTS:
            target.query(f'VACUUM (FREEZE, ANALYZE) "firn_stage_{run.id}"."{name}"')
        loader.verify(run)

        assert loader.publish(run).rows == {"orders": 5, "lines": 8, "notes": 3}


def test_a_type_that_the_server_makes_differently_is_noticed(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    newest.query("CREATE SCHEMA odd")
    honest = likeness.Likeness.create
    monkeypatch.setattr(
        likeness.Likeness,
        "create",
        lambda *made: SQL(honest(*made).as_string().replace("numeric(12,2)", "numeric")),
    )

    with (
        newest.settings.open() as loader,
        pytest.raises(
            LoadError, match=r'Column "amount" of table "orders" was made as numeric, not as numeric\(12,2\)'
        ),
    ):
        loader.prepare(Run.start("shop"), SHOP)


def test_a_run_is_ready_once_it_is_verified_with_keys_and_statistics(target: Target) -> None:
    with target.settings.open() as loader:
        run = send(loader, target)
        loader.verify(run)

        assert loader.row(run.id)["status"] == "ready"
        loader.publish(run)
    assert target.query(
        "SELECT reltuples, relallvisible > 0, (SELECT count(*) FROM pg_stats WHERE tablename = 'orders')"
        " FROM pg_class WHERE oid = 'shop.orders'::regclass"
    ) == [(5, True, 3)]
    assert target.query("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'orders_pkey'") == [
        ("PRIMARY KEY (id)",)
    ]
