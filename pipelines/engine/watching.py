"""Follows a run that goes on, from another terminal: what its process records of it in the target."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from firn import StateError
from pipelines.engine import settings
from pipelines.engine.suggestions import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["told", "watch"]

_LOOK_S = 1.0
_GOING_ON = ("running", "ready")


def watch(name: str | None, config: Path | None, tier: str = "", *, as_json: bool = False) -> Iterator[str]:
    """Tell how far the latest run is whenever that changes, until it has ended.

    Args:
        name: The pipeline; any where none is named.
        config: The settings file.
        tier: Of a replication: tell only of tables of this tier.
        as_json: Tell it as a JSON document a line.

    Raises:
        ConfigError: There is no such pipeline or tier.
        StateError: No run is recorded; or the process of the run ended before the run did.
    """
    from pipelines.replication.catalogue import TIERS

    refuse_unknown("--watch", filter(None, [tier]), TIERS, "no tier is called so")
    if name:
        settings.pipeline_class(name)
    with settings.load_target(config).open() as loader:
        latest = loader.runs(name, 1)
        if not latest:
            raise StateError("No run is recorded in this target.", "firn list")
        before = ""
        while True:
            goes_on = loader.is_worked_on(latest[0]["run_id"])  # looked up first: it says how it ended, then lets go
            row = loader.row(latest[0]["run_id"])
            now = told(row, tier)
            if (line := json.dumps(now, default=str) if as_json else text(now)) != before:
                yield line
                before = line
            if row["status"] not in _GOING_ON or (row["finished_at"] and not goes_on):
                return
            if not goes_on:
                raise _abandoned(row, now)
            time.sleep(_LOOK_S)


def _abandoned(row: Mapping[str, Any], told: Mapping[str, Any]) -> StateError:
    done = f"in phase {told['phase']}, {told['done']} of {told['parts']} done"
    return StateError(
        f"The process of run {row['run_id']} ended {done}, and left it {row['status']}. Nothing of it was published; "
        "production is unchanged.",
        f"firn run {row['pipeline']}",
    )


def told(row: Mapping[str, Any], tier: str = "") -> dict[str, Any]:
    """Return what is known of a run that goes on, of one tier or of all."""
    report = row["report"] or {}
    return {
        "run_id": row["run_id"],
        "status": row["status"],
        "phase": (report.get("phases") or [{"name": "starting"}])[-1]["name"],
        "done": len(report.get("tables", {})),
        "parts": report.get("parts", 0) - report.get("taken", 0),
        "under_way": [one for one in report.get("under_way", []) if tier in ("", one["tier"])],
        "overruns": [one for one in report.get("overruns", []) if tier in ("", one["tier"])],
        "error": row["error"],
    }


def text(told: Mapping[str, Any]) -> str:
    """Write it on one line."""
    under_way = ", ".join(f"{one['table']} ({one['tier']}) {one['seconds']:.0f} s" for one in told["under_way"])
    late = ", ".join(one["table"] for one in told["overruns"])
    return "  ".join(
        [
            told["run_id"],
            told["status"],
            f"{told['phase']}, {told['done']} of {told['parts']} done",
            *([f"reading {under_way}"] if under_way else []),
            *([f"too slow: {late}"] if late else []),
            *([str(told["error"])] if told["error"] else []),
        ]
    )
