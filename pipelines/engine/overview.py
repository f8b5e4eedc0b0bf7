"""What a pipeline reads, does and publishes, what production shows of it, and what it can show again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from firn import FirnError
from pipelines.engine import commands, settings
from pipelines.engine.asked import settings_of
from pipelines.engine.report import size
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import dataframely as dy

    from firn import KeptGeneration
    from loaders.loader import Loader
    from pipelines.engine.pipeline import Pipeline

__all__ = ["described", "overview"]

MOST_ACTS = 10
MOST_TABLES = 20


def overview(name: str, config: Path | None, flags: dict[str, str]) -> tuple[dict[str, Any], str]:
    """Tell of a pipeline; read no source and write nothing.

    Returns:
        What is known as plain values, and laid out for reading.

    Raises:
        FirnError: The settings are wrong, or the target does not answer.
    """
    pipeline, typed = settings.load(name, config, flags), Typed(name, config, flags)
    with typed.repeated(), pipeline.target.open() as loader:
        visible = loader.visible(name)
        tables, lines = pipeline.described(name, loader)
        found = {
            "pipeline": name,
            "purpose": commands.purpose(name),
            "reads": list(pipeline.reads),
            "checks": [check.__name__ for check in pipeline.checks],
            "after_publish": [step.name for step in pipeline.proofs],
            "tables": tables,
            "settings": dict(flat(name, settings_of(pipeline))),
            "visible": asdict(visible) if visible else None,
            "cursors": dict(loader.cursors(name)),
            "kept": [kept_document(name, kept) for kept in loader.kept(name)],
            "acts": [dict(act) for act in loader.acts(name, MOST_ACTS)],
        }
    return found, typed.again("\n".join(_lines(found, lines)))


def described(pipeline: Pipeline, name: str, loader: Loader) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe the published tables, and how each would be published now, or why it would not be."""
    dataset = pipeline.publication(name)
    would: Mapping[str, tuple[str, str]] = {}
    refused = ""
    try:
        would = loader.check(dataset)
    except FirnError as error:
        refused = error.message
    tables = [
        {
            "name": table,
            "columns": [column(one, definition) for one, definition in contract.columns().items()],
            "strategy": would[table][0] if table in would else "refused",
            "reason": would[table][1] if table in would else refused,
            "policy": dataset.policy_of(table),
        }
        for table, contract in pipeline.publishes.items()
    ]
    return tables, [_table(table) for table in tables]


def column(name: str, definition: dy.Column) -> dict[str, Any]:
    """Describe a column of a contract."""
    return {
        "name": name,
        "type": str(definition.dtype),
        "nullable": definition.nullable,
        "key": definition.primary_key,
    }


def flat(pipeline: str, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List settings by dotted key; a secret's place is shown, not the secret."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(pipeline, value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", "..." if value and settings.is_secret(pipeline, f"{prefix}{key}") else value


def kept_document(name: str, kept: KeptGeneration) -> dict[str, Any]:
    """Describe a generation that can be shown again, with the line to type."""
    return {**asdict(kept), "command": f"firn rollback {name} --to {kept.generation}"}


def _lines(found: dict[str, Any], tables: Sequence[str]) -> Iterator[str]:
    yield f"{found['pipeline']}: {found['purpose']}"
    yield from [f"reads       {', '.join(found['reads'])}"] if found["reads"] else []
    yield f"checks      {', '.join(found['checks']) or 'none'}"
    yield f"            on production, after the commit: {', '.join(found['after_publish']) or 'none'}"
    yield "tables"
    yield from tables
    yield "settings"
    yield from (f"  {key:<34}{'not set' if value is None else value}" for key, value in found["settings"].items())
    yield "production"
    yield from _visible(found["visible"], found["cursors"])
    yield "kept"
    yield from (_kept(kept) for kept in found["kept"])
    if not found["kept"]:
        yield "  no earlier generation"
    if found["acts"]:
        yield "lately"
        yield from (_act(act) for act in found["acts"])
    yield f"Next: firn run {found['pipeline']} --dry-run"


def _table(table: dict[str, Any]) -> str:
    key = ", ".join(one["name"] for one in table["columns"] if one["key"]) or "no key"
    return f"  {table['name']:<24}{len(table['columns']):>4} columns  {key}  {table['strategy']}: {table['reason']}"


def _visible(visible: dict[str, Any] | None, cursors: dict[str, Any]) -> Iterator[str]:
    if visible is None:
        yield "  nothing of it is published"
        return
    of = f"run {visible['run_id']}" if visible["run_id"] else "what was there before firn"
    yield f"  generation {visible['generation']}, {of}, since {visible['published_at']:%Y-%m-%d %H:%M:%S}"
    rows = visible["rows"]
    if len(rows) > MOST_TABLES:
        yield f"    {len(rows):,} tables: {sum(rows.values()):,} rows"
    else:
        yield from (f"    {name}: {count:,} rows" for name, count in rows.items())
    told = {name: value for name, value in cursors.items() if not isinstance(value, dict)}
    yield from (f"    read as far as {name}: {value}" for name, value in told.items())


def _kept(kept: dict[str, Any]) -> str:
    of = kept["run_id"] or "what was there before firn"
    at = f"{kept['published_at']:%Y-%m-%d %H:%M:%S}" if kept["published_at"] else ""
    figures = f"{sum(kept['rows'].values()):>12,} rows  {kept['strategy']:<8}{size(kept['bytes']):>9}"
    return f"  {kept['generation']:>4}  {of:<42}{at:<21}{figures}  {kept['command']}"


def _act(act: dict[str, Any]) -> str:
    who = act["person"] or act["role"]
    generation = f"generation {act['generation']}" if act["generation"] else act["run_id"] or ""
    detail = f": {act['detail']}" if act["detail"] else ""
    return f"  {act['at']:%Y-%m-%d %H:%M:%S}  {who}  {act['action']} {generation}{detail}".rstrip()
