"""Whether the newest backup of each pipeline is young enough, and when it was last proven."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from firn import Health

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.engine.stated import Backups

__all__ = ["judged"]


def judged(
    pipelines: Sequence[str], known: Sequence[Mapping[str, Any]], asked: Backups, now: dt.datetime
) -> list[Health]:
    """Judge the newest proven backup of each pipeline.

    Args:
        pipelines: Those that are published.
        known: What the target remembers of backups, the latest first.
        asked: How old one may be; where that is not stated, nothing is too old.
        now: What their age is counted to.
    """
    there = [row for row in known if row["kind"] == "tables" and not row["dropped_at"]]
    return [_judged(name, [row for row in there if row["dataset"] == name], asked, now) for name in pipelines]


def _judged(name: str, there: Sequence[Mapping[str, Any]], asked: Backups, now: dt.datetime) -> Health:
    title, hint = f"backup {name}", f"firn backup {name}"
    proven = next((row for row in there if row["verified_at"]), None)
    if proven is None:
        told = "there is none" if not there else f"{there[0]['name']} was not verified, nor is there another that was"
        return Health(title, asked.max_age_h is None, told, hint)
    hours = (now - proven["taken_at"]) / dt.timedelta(hours=1)
    drill = f", drilled {_day(proven['drilled_at'])}" if proven["drilled_at"] else ", never drilled"
    told = f"{proven['name']}, {hours:,.1f} hours old, verified {_day(proven['verified_at'])}{drill}"
    if asked.max_age_h is None or hours <= asked.max_age_h:
        return Health(title, passed=True, detail=told)
    return Health(title, passed=False, detail=f"{told}; it may be {asked.max_age_h:g}", hint=hint)


def _day(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
