"""Why the rows of a table of production cannot be changed by a strategy, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import Identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from loaders.shapes import Shape

__all__ = ["obstacle", "other_kind"]

_WIDEST = 1600 - 2  # what leads back is a table too: it marks each row with what became of it
_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "p": "a partitioned table",
    "f": "a foreign table",
    "S": "a sequence",
}


def obstacle(
    shape: Shape, strategy: str, key: Sequence[str], types: Mapping[str, str], schema: str
) -> tuple[str, str] | None:
    """Return what stands in the way and the way out, if anything does.

    Args:
        shape: The table of production.
        strategy: ``diff``, ``merge``, ``insert``, ``append`` or ``rewrite``.
        key: The key that the contract states.
        types: The columns of the contract, and their types.
        schema: The schema of production.
    """
    place = Identifier(schema, shape.table).as_string()
    if shape.kind != "r" or shape.shared:
        what = _KINDS.get(shape.kind, "a parent or a part of another table")
        return f"it is {what}", "give the table another name in the pipeline, or make a plain table of it"
    if shape.missing_rights:
        rights = ", ".join(shape.missing_rights)
        return f"this role may not {rights} there", f"GRANT {rights} ON {place} TO the role of the dsn"
    return (
        _keyless(shape, strategy, key, place)
        or _too_wide(strategy, types)
        or _unwritable(shape, types, place)
        or _emptied(shape, strategy, types)
    )


def other_kind(shape: Shape) -> str:
    """Say what a relation is that is no table, so that no strategy can publish it; nothing of a table."""
    return _KINDS.get(shape.kind, "")


def _keyless(shape: Shape, strategy: str, key: Sequence[str], place: str) -> tuple[str, str] | None:
    if strategy == "rewrite":
        return None
    if not key:
        return f"its contract has no key, which {strategy} needs", "state a primary key in the contract, or rewrite"
    if frozenset(key) not in shape.keys:
        quoted = ", ".join(Identifier(name).as_string() for name in key)
        return (
            f"it has no usable unique index on exactly {', '.join(key)}, all of them NOT NULL",
            f"ALTER TABLE {place} ADD PRIMARY KEY ({quoted}), or state the strategy swap or rewrite",
        )
    return None


def _too_wide(strategy: str, columns: Collection[str]) -> tuple[str, str] | None:
    if strategy == "rewrite" or len(columns) <= _WIDEST:
        return None
    reason = f"its contract has {len(columns)} columns; beside the marks of what leads back there is room for {_WIDEST}"
    return reason, "state the strategy swap or rewrite"


def _unwritable(shape: Shape, columns: Mapping[str, str], place: str) -> tuple[str, str] | None:
    missing = {name: type_ for name, type_ in columns.items() if name not in shape.columns}
    if missing:
        add = ", ".join(f"ADD COLUMN {Identifier(name).as_string()} {type_}" for name, type_ in missing.items())
        return f"it has no column {', '.join(missing)}", f"ALTER TABLE {place} {add}"
    computed = [name for name in columns if shape.columns[name].generated]
    if computed:
        return f"its column {', '.join(computed)} is generated", "leave it out of the contract"
    empty = [c.name for c in shape.columns.values() if c.required and not c.filled and c.name not in columns]
    if empty:
        drop = ", ".join(f"ALTER COLUMN {Identifier(name).as_string()} DROP NOT NULL" for name in empty)
        reason = f"its column {', '.join(empty)} needs a value that the contract does not have"
        return reason, f"give it a default, or ALTER TABLE {place} {drop}"
    return None


def _emptied(shape: Shape, strategy: str, columns: Collection[str]) -> tuple[str, str] | None:
    others = [c.name for c in shape.columns.values() if not c.generated and c.name not in columns]
    if strategy != "rewrite" or not others:
        return None
    named = ", ".join(others)
    return (
        f"rewriting it would empty its column {named}, which the contract does not have",
        "state a primary key in the contract and the strategy diff, or drop the column",
    )
