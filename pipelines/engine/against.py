"""Production beside the tables of another schema: what a legacy pipeline made of them, or another run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipelines.engine import settings
from pipelines.engine.comparison import shown
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from loaders.contrast import Contrast, Contrasts
    from loaders.postgres_loader import PostgresLoader

__all__ = ["ALLOWED", "compare", "held", "text"]

ALLOWED = {
    "type": {"type"},
    "rounding": {"rounding"},
    "empty": {"empty_to_null", "null_to_empty"},
    "columns": {"columns"},
    "tables": {"tables"},
}
"""What a person may allow, and the classes of difference that this is."""


def compare(  # noqa: PLR0917 (what the command line gives)
    name: str,
    schema: str,
    config: Path | None,
    tables: Sequence[str] | None,
    sample: int,
    allowed: Sequence[str] = (),
    accept: Callable[[PostgresLoader, str, str, Contrasts, Sequence[str]], list[str]] | None = None,
) -> dict[str, Any]:
    """Compare what production shows of a pipeline with another schema, in one snapshot.

    Args:
        name: The pipeline.
        schema: The other schema, of the same database.
        config: The settings file.
        tables: Which tables; by default all that the pipeline publishes here or there, and all others there.
        sample: How many rows and values of each class to show.
        allowed: What is told and not held against a table; see `ALLOWED`.
        accept: Records, in the target, which tables were found equal, and names them; by default nothing is written.

    Returns:
        The document that docs/reference/json.md describes.

    Raises:
        ConfigError: There is no such pipeline.
        StateError: There is no such schema or table, or nothing to compare.
    """
    aliases = settings.pipeline_class(name).aliases
    with Typed(name, config).repeated(), settings.load_target(config).open() as loader:
        found = loader.contrast(name, schema, tables, sample, aliases)
        accepted = accept(loader, name, schema, found, allowed) if accept else []
    documents = {table: {"equal": not held(one, allowed), **asdict(one)} for table, one in found.tables.items()}
    return {
        "pipeline": name,
        "generation": found.generation,
        "against": schema,
        "run_id": found.run_id,
        "allowed": list(allowed),
        "equal": all(one["equal"] for one in documents.values()),
        "accepted": accepted,
        "tables": documents,
    }


def held(found: Contrast, allowed: Sequence[str]) -> set[str]:
    """Return the classes in which a table differs and that nobody allowed."""
    return found.kinds - {kind for word in allowed for kind in ALLOWED[word]}


def text(found: dict[str, Any]) -> str:
    """Lay a comparison out for reading; a table that is the same in everything has no line."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    unequal = [name for name, one in found["tables"].items() if not one["equal"]]
    rows = sum(one["rows"] for one in found["tables"].values())
    counted = f"{len(found['tables']):,} tables, {rows:,} rows"
    yield (
        f"Production of {found['pipeline']} beside schema {found['against']}: {counted}, "
        f"{f'{len(unequal):,} tables differ' if unequal else 'all equal'}."
    )
    for name, one in found["tables"].items():
        yield from (f"  {line}" for line in _table(name, one, found["against"]))
    if found["allowed"]:
        yield f"Allowed: {', '.join(found['allowed'])}."
    if accepted := found["accepted"]:
        yield f"Recorded as equal to what run {found['run_id']} shows there: {', '.join(accepted)}."
    yield "Nothing else was written." if accepted else "Nothing was written."


def _table(name: str, one: dict[str, Any], schema: str) -> Iterator[str]:
    if not (one["here"] and one["there"]):
        place = "production" if one["here"] else f"schema {schema}" if one["there"] else "what is recorded"
        yield f"{name}: only in {place}"
        return
    lines = [line for column in one["columns"] for line in _column(column, schema)]
    lines += [f"{word} {row['key']}" for word in ("missing", "extra") for row in one["samples"].get(word, ())]
    named = f" (there {one['there']})" if one["there"] != one["here"] else ""
    counts = ", ".join(f"{one[word]:,} {word}" for word in ("missing", "extra", "changed"))
    if lines or named:
        yield f"{name}{named}: {counts}; {one['rows']:,} rows here, {one['rows_there']:,} there"
        yield from (f"  {line}" for line in lines)


def _column(column: dict[str, Any], schema: str) -> Iterator[str]:
    name = f'"{column["name"]}"'
    if not (column["here"] and column["there"]):
        yield f"{name}: only in {'production' if column['here'] else f'schema {schema}'}"
        return
    if column["there"] != column["here"]:
        yield f'{name}: is "{column["there"]}" there'
    if column["type"] != column["type_there"]:
        yield f"{name}: is {column['type']} here, {column['type_there']} there"
    if column["moved"]:
        yield f"{name}: stands at another place there"
    for word, count in column["values"].items():
        yield f"{name}: {count:,} {word}"
        for row in column["samples"].get(word, ()):
            yield f"  {row['key']}: {shown(row['old'])} -> {shown(row['new'])}"
