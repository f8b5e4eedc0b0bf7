"""Every loader remembers which run first had a quarantined cell and which no longer had it, through every way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL
from test_loaders_conformance import loader, place
from test_postgres_servers import Target, fresh, newest

from firn import Dataset, Run, StateError, TargetUnavailable
from loaders import quarantine

if TYPE_CHECKING:
    from loaders.loader import Loader

__all__ = ["fresh", "loader", "newest", "place"]

A = ("a.xlsx", "B2", "not_a_date", "soon")
B = ("b.xlsx", "C3", "error_cell", "#REF!")
C = ("b.xlsx", "D4", "not_a_number", "ten")


class Held(dy.Schema):
    """The smallest quarantine."""

    file = dy.String(primary_key=True)
    etag = dy.String(nullable=True)
    sheet = dy.String(nullable=False)
    cell = dy.String(primary_key=True)
    row = dy.Int32(nullable=False)
    column = dy.String(nullable=True)
    raw = dy.String(nullable=False)
    expected = dy.String(nullable=False)
    reason = dy.String(nullable=False)
    run_id = dy.String(nullable=False)


def held(run: Run, *cells: tuple[str, str, str, str]) -> pl.DataFrame:
    rows = [
        {"file": f, "sheet": "MASTER", "cell": c, "row": int(c[1:]), "raw": raw, "expected": "better", "reason": why}
        for f, c, why, raw in cells
    ]
    schema = {name: column.dtype for name, column in Held.columns().items()}
    return pl.DataFrame(rows, schema=schema).with_columns(run_id=pl.lit(run.id))


def staged(at: Loader, *cells: tuple[str, str, str, str]) -> Run:
    run = Run.start("shop")
    at.prepare(run, Dataset("shop", {"held": Held}, quarantine="held", strategy="swap"))
    at.stage(run, "held", "", held(run, *cells))
    at.verify(run)
    return run


def published(at: Loader, *cells: tuple[str, str, str, str]) -> str:
    run = staged(at, *cells)
    at.publish(run)
    return run.id


def log(at: Loader) -> list[tuple[Any, ...]]:
    """Every entry as file, cell, first run, resolving run: the open ones first."""
    entries = at.quarantined("shop", "held", resolved=True)
    for entry in entries:
        assert (entry["resolved_at"] is None) == (entry["resolved_run"] is None)
        assert entry["first_at"]
    return [(e["file"], e["cell"], e["first_run"], e["resolved_run"]) for e in entries]


def test_an_entry_keeps_the_run_that_first_had_it(loader: Loader) -> None:
    first = published(loader, A)
    second = published(loader, A, B)
    assert log(loader) == [("a.xlsx", "B2", first, None), ("b.xlsx", "C3", second, None)]
    assert {entry["run_id"] for entry in loader.quarantined("shop", "held")} == {second}


def test_an_entry_that_is_gone_is_resolved_by_the_run_that_published_without_it(loader: Loader) -> None:
    first = published(loader, A, B)
    second = published(loader, B)
    assert log(loader) == [("b.xlsx", "C3", first, None), ("a.xlsx", "B2", first, second)]
    assert [entry["cell"] for entry in loader.quarantined("shop", "held")] == ["C3"]


def test_an_entry_that_comes_back_is_open_again_and_its_past_is_kept(loader: Loader) -> None:
    runs = [published(loader, *cells) for cells in ([A], [], [A])]
    assert log(loader) == [("a.xlsx", "B2", runs[2], None), ("a.xlsx", "B2", runs[0], runs[1])]


def test_another_value_in_the_same_cell_is_another_entry(loader: Loader) -> None:
    first = published(loader, A)
    second = published(loader, (*A[:3], "later"))
    entries = loader.quarantined("shop", "held", resolved=True)
    assert [(e["raw"], e["first_run"], e["resolved_run"]) for e in entries] == [
        ("later", second, None),
        ("soon", first, second),
    ]


def test_a_rollback_restores_every_mark(loader: Loader) -> None:
    published(loader, A, B)
    published(loader, B)
    before = log(loader)
    published(loader, A, C)
    assert log(loader) != before
    loader.rollback("shop")
    assert log(loader) == before


def test_publishing_again_what_was_rolled_back_restores_its_marks(loader: Loader) -> None:
    published(loader, A, B)
    run = staged(loader, A, C)
    loader.publish(run)
    before = log(loader)
    loader.rollback("shop")
    loader.publish(run, again=True)
    assert log(loader) == before


def test_a_quarantine_that_was_never_published_is_named_with_the_command_that_makes_it(loader: Loader) -> None:
    with pytest.raises(StateError, match='no table "held"') as raised:
        loader.quarantined("shop", "held")
    assert raised.value.hint == "firn run shop"


def test_a_way_back_to_before_there_was_a_log_leaves_no_entry(newest: Target) -> None:
    with newest.settings.open() as at:
        run = Run.start("shop")
        at.prepare(run, Dataset("shop", {"held": Held}, strategy="swap"))
        at.stage(run, "held", "", held(run, C))
        at.verify(run)
        at.publish(run)
        published(at, A)
        at.rollback("shop")
        assert [(e["cell"], e["first_run"]) for e in at.quarantined("shop", "held", resolved=True)] == [("D4", None)]


def test_a_publication_that_is_refused_leaves_the_log_as_it_was(newest: Target) -> None:
    with newest.settings.open() as at:
        published(at, A)
        before = log(at)
        run = staged(at, B)
    with newest.with_settings(max_wait_s=0.5).open() as at:
        with psycopg.connect(newest.dsn) as reader:
            reader.execute("SELECT FROM shop.held")
            with pytest.raises(TargetUnavailable):
                at.publish(run)
        assert log(at) == before
        at.publish(run)
        assert [row[3] for row in log(at)] == [None, run.id]


def test_without_the_undoing_a_rollback_would_leave_wrong_marks(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(quarantine._SQL, "undo", SQL("SELECT"))  # noqa: SLF001
    with newest.settings.open() as at:
        published(at, A, B)
        before = log(at)
        published(at, A, C)
        at.rollback("shop")
        assert log(at) != before


def test_state_of_an_older_firn_gets_its_log_with_the_next_run(newest: Target) -> None:
    with newest.settings.open() as at:
        published(at, A)
    newest.query("DROP TABLE firn.quarantine_log")
    newest.query("UPDATE firn.version SET version = 1")
    with newest.settings.open() as at:
        with pytest.raises(StateError, match="older firn") as raised:
            at.quarantined("shop", "held")
        assert raised.value.hint == "firn run shop"
        second = published(at, A)
        assert log(at) == [("a.xlsx", "B2", second, None)]
