"""A part is staged before the last one is read, and again where another one has to do with its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import dataframely as dy
import polars as pl

from firn import Run, Table
from loaders.memory import Memory as MemoryLoader
from pipelines.engine import extraction, staging
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.progress import Silent
from pipelines.engine.runner import Options, execute
from sources import Memory
from transforms import row_local

if TYPE_CHECKING:
    import pytest

    from firn import Staged


class Sales(dy.Schema):
    """What is sold, by shop, and where it comes among all that is sold of an item."""

    shop = dy.String(primary_key=True)
    item = dy.String(primary_key=True)
    number = dy.Int64()


@row_local
def sold(lines: pl.DataFrame) -> pl.DataFrame:
    return lines


def numbers(sold: pl.DataFrame) -> pl.DataFrame:
    return sold.select("shop", "item", number=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("item"))


@row_local
def sales(sold: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    return sold.join(numbers, on=["shop", "item"], maintain_order="left")


class Shops(Pipeline):
    """Shops of which some sell the same items."""

    reads = ("lines",)
    transforms = (sold, numbers, sales)
    publishes: ClassVar = {"sales": Sales}
    early: ClassVar = {"numbers": "shop"}

    def sources(self) -> tuple[Memory, ...]:
        shops = {"north": ["hat"], "south": ["hat", "cap"], "west": ["shoe"]}
        rows = {shop: pl.LazyFrame({"shop": shop, "item": items}) for shop, items in shops.items()}
        return (Memory(tuple(Table("lines", frame, part=shop) for shop, frame in rows.items())),)


class Noted(MemoryLoader):
    """Remembers what was staged."""

    def __init__(self) -> None:
        super().__init__()
        self.staged: list[str] = []

    def stage(self, run: Run, table: str, part: str, frame: pl.DataFrame) -> Staged:
        self.staged.append(part)
        return super().stage(run, table, part, frame)


def publish() -> Noted:
    loader = Noted()
    report = execute(Shops(), Run.start("shops"), loader, Options(), Silent())
    assert (report.status, report.tables) == ("published", {"sales": 4})
    return loader


def hats(loader: Noted) -> list[tuple[str, int]]:
    sold = loader.production["sales"].filter(pl.col("item") == "hat").sort("shop")
    return list(sold.select("shop", "number").iter_rows())


def test_every_part_is_staged_early_and_again_only_where_another_has_to_do_with_its_rows() -> None:
    assert publish().staged == ["north", "south", "west", "south"]


def test_what_is_published_does_not_depend_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    early = publish().production["sales"].sort("shop", "item")
    monkeypatch.setattr(extraction, "foreseen", lambda *_: ())
    late = publish()
    assert late.staged == ["north", "south", "west"]
    assert early.equals(late.production["sales"].sort("shop", "item"))
    assert hats(late) == [("north", 1), ("south", 2)]


def test_rows_keep_the_numbers_of_a_part_alone_once_nobody_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "staged_early", lambda execution, part: execution.early.pop(part.name).rows)
    assert hats(publish()) == [("north", 1), ("south", 1)]


def test_a_run_that_only_checks_stages_nothing() -> None:
    loader = Noted()
    execute(Shops(), Run.start("shops"), loader, Options(load=False), Silent())
    assert loader.staged == []
