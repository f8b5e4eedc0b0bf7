"""What publishing a ready run would change in production, row by row."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipelines.engine import settings
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["compare", "shown", "text"]

WIDTH = 60
"""Longer values are cut in the text, though not in the JSON document."""


def compare(run_id: str, config: Path | None, sample: int) -> dict[str, Any]:
    """Compare what a run staged with what production shows, and write nothing.

    Args:
        run_id: A run that is ready.
        config: The settings file.
        sample: How many rows of each table to show.

    Raises:
        StateError: There is no such run, or nothing of it is staged.
        PublishError: A newer generation was published since.
    """
    with Typed(config=config).repeated(), settings.load_target(config).open() as loader:
        run = loader.find(run_id)
        found = loader.delta(run, sample)
        generation = loader.generation(run.pipeline)
    tables = {name: asdict(delta) for name, delta in found.items()}
    return {"run_id": run_id, "pipeline": run.pipeline, "generation": generation, "tables": tables}


def text(found: dict[str, Any]) -> str:
    """Lay a comparison out for reading, with the line to type next."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"Run {found['run_id']} against generation {found['generation']} of {found['pipeline']}:"
    for name, delta in found["tables"].items():
        counts = ", ".join(f"{delta[change]:,} {change}" for change in ("inserted", "updated", "deleted"))
        yield f"  {name}: {counts}"
        yield from (f"    {_sampled(one)}" for one in delta["sample"])
    yield f"Nothing was written. Next: firn publish {found['run_id']}   (or: firn discard {found['run_id']})"


def _sampled(one: dict[str, Any]) -> str:
    if not one["column"]:
        return f"{one['change']} {one['key']}"
    return f"{one['change']} {one['key']}: {one['column']} {shown(one['old'])} -> {shown(one['new'])}"


def shown(value: str | None) -> str:
    """Show a value in a line, cut where it is long."""
    if value is None:
        return "null"
    return repr(value if len(value) <= WIDTH else f"{value[: WIDTH - 3]}...")
