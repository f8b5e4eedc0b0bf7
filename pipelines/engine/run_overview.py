"""The settings of a run, without secrets, and what of them has changed since the last run that went well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.engine import settings
from pipelines.engine.overview import flat
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["overview", "text"]

MADE_OF = ("inputs", "code", "settings")
"""What a run has fingerprints of."""


def overview(run_id: str, config: Path | None) -> dict[str, Any]:
    """Tell with which settings a run was made, and what is other than in the last run before it that went well.

    Raises:
        StateError: There is no such run; the closest names are listed.
    """
    with Typed(config=config).repeated(), settings.load_target(config).open() as loader:
        row = loader.row(run_id)
        before = loader.success_before(run_id)
        found = loader.whereabouts()
    now = stated(row)
    return {
        **{key: row[key] for key in ("run_id", "pipeline", "status", "started_at", "finished_at", "attempts")},
        **{key: found[key] for key in ("environment", "server", "database")},
        "settings": now,
        "since": before["run_id"] if before else None,
        "changed": differing(stated(before), now) if before else [],
        "other": [key for key in MADE_OF if before and is_other(before, row, key)],
        "error": row["error"],
    }


def stated(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run by dotted key; those of a run that an older firn recorded are not known."""
    return dict(flat(row["pipeline"], row["settings"]))


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the settings that are not the same."""
    return [
        {"setting": key, "before": before.get(key), "now": now.get(key)}
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    ]


def is_other(before: Mapping[str, Any], now: Mapping[str, Any], key: str) -> bool:
    """Tell whether two runs are known to be made of other inputs, code, or settings."""
    one, other = before["fingerprints"].get(key), now["fingerprints"].get(key)
    return bool(one and other and one != other)


def text(found: Mapping[str, Any]) -> str:
    """Lay it out for reading."""
    return "\n".join(_lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['run_id']}: {found['status']}, begun {found['started_at']:%Y-%m-%d %H:%M:%S}"
    yield f"  environment {found['environment']}, database {found['database']} on {found['server']}"
    yield from [f"  error {found['error']}"] if found["error"] else []
    yield "settings"
    yield from (f"  {key:<34}{told(value)}" for key, value in found["settings"].items())
    if not found["since"]:
        yield "No run of the pipeline went well before it."
        return
    yield f"changed since {found['since']}"
    for one in found["changed"]:
        yield f"  {one['setting']:<34}{told(one['before'])} -> {told(one['now'])}"
    yield from [f"  other {' and '.join(found['other'])}"] if found["other"] else []
    if not found["changed"] and not found["other"]:
        yield "  nothing"


def told(value: object) -> str:
    """Write a value of a setting."""
    return "not set" if value is None else str(value)
