"""Which backups are kept, and what the doctor says of the newest."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipelines.engine.backup_age import judged
from pipelines.engine.backups import too_old
from pipelines.engine.manifests import Manifest
from pipelines.engine.stated import Backups

NOW = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)


def made(day: int, *, verified: bool = True) -> Manifest:
    """A backup of a day of March."""
    at = dt.datetime(2026, 3, day, tzinfo=dt.UTC)
    return Manifest(f"b{day}", "tables", "shop", at, "1", at if verified else None)


@pytest.mark.parametrize(
    ("days", "unverified", "proven", "asked", "dropped"),
    [
        ((1, 2, 3), (), (), {"keep": 2}, ["b1"]),
        ((1, 2, 3), (), (), {"keep": 3}, []),
        ((1, 2, 3), (), (), {"keep": 1, "days": 30}, ["b1"]),
        ((1, 2, 3), (), (), {"keep": 1, "days": 31}, []),
        ((1, 2, 3), (2, 3), (), {"keep": 1}, ["b2"]),
        ((1, 2, 3), (2, 3), ("b2",), {"keep": 1}, ["b1"]),
        ((1, 2, 3), (1, 2, 3), (), {"keep": 1}, ["b2", "b1"]),
    ],
)
def test_backups_go_that_are_too_many_and_too_old_but_never_the_last_that_was_proven(
    days: tuple[int, ...],
    unverified: tuple[int, ...],
    proven: tuple[str, ...],
    asked: dict[str, Any],
    dropped: list[str],
) -> None:
    found = [made(day, verified=day not in unverified) for day in days]
    assert too_old(found, proven, Backups(**asked), NOW) == dropped


def row(
    name: str, hours: float, *, verified: bool = True, kind: str = "tables", dropped: bool = False
) -> dict[str, Any]:
    at = NOW - dt.timedelta(hours=hours)
    when = {"taken_at": at, "verified_at": at if verified else None, "dropped_at": at if dropped else None}
    return {"name": name, "dataset": "shop", "kind": kind, "drilled_at": None, **when}


@pytest.mark.parametrize(
    ("known", "most", "passed", "told"),
    [
        ([], None, True, "there is none"),
        ([], 24, False, "there is none"),
        ([row("b", 30)], None, True, "b, 30.0 hours old, verified 2026-03-30 06:00 UTC, never drilled"),
        ([row("b", 30)], 24, False, "; it may be 24"),
        ([row("new", 1, verified=False), row("b", 23)], 24, True, "b, 23.0 hours old"),
        ([row("new", 1, verified=False)], 24, False, "new was not verified"),
        ([row("raw", 1, kind="raw"), row("gone", 1, dropped=True)], 24, False, "there is none"),
    ],
)
def test_the_doctor_tells_of_the_newest_proven_backup_and_finds_it_too_old_only_where_that_is_stated(
    known: list[dict[str, Any]], most: float | None, *, passed: bool, told: str
) -> None:
    (found,) = judged(["shop"], known, Backups(max_age_h=most), NOW)
    assert found.passed == passed
    assert told in found.detail
    assert found.hint == ("" if passed and known else "firn backup shop")
