"""Why the rows of a table of production cannot be changed by a strategy, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loaders.shapes import Shape

__all__ = ["obstacle"]

_WIDEST = 1600 - 2  # what leads back is a table too: it marks each row with what became of it
_KINDS = {"v": "a view", "m": "a materialized view", "p": "a partitioned table", "f": "a foreign table"}


def obstacle(shape: Shape, strategy: str, key: Sequence[str], columns: Sequence[str]) -> tuple[str, str] | None:
    """Return what stands in the way and the way out, if anything does.

    Args:
        shape: The table of production.
        strategy: ``diff``, ``merge``, ``append`` or ``rewrite``.
        key: The key that the contract states.
        columns: The columns of the contract.
    """
    if shape.kind != "r" or shape.shared:
        what = _KINDS.get(shape.kind, "a parent or a part of another table")
        return f"it is {what}", "give the table another name in the pipeline, or make a plain table of it"
    if shape.missing_rights:
        rights = ", ".join(shape.missing_rights)
        return f"this role may not {rights} there", f'GRANT {rights} ON "{shape.table}" TO the role of the dsn'
    return (
        _keyless(shape, strategy, key)
        or _too_wide(strategy, columns)
        or _unwritable(shape, columns)
        or _emptied(shape, strategy, columns)
    )


def _keyless(shape: Shape, strategy: str, key: Sequence[str]) -> tuple[str, str] | None:
    if strategy == "rewrite":
        return None
    if not key:
        return f"its contract has no key, which {strategy} needs", "state a primary key in the contract, or rewrite"
    if frozenset(key) not in shape.keys:
        named = ", ".join(key)
        return (
            f"it has no usable unique index on exactly {named}, all of them NOT NULL",
            f'ALTER TABLE "{shape.table}" ADD PRIMARY KEY ({named}), or state the strategy swap or rewrite',
        )
    return None


def _too_wide(strategy: str, columns: Sequence[str]) -> tuple[str, str] | None:
    if strategy == "rewrite" or len(columns) <= _WIDEST:
        return None
    reason = f"its contract has {len(columns)} columns; beside the marks of what leads back there is room for {_WIDEST}"
    return reason, "state the strategy swap or rewrite"


def _unwritable(shape: Shape, columns: Sequence[str]) -> tuple[str, str] | None:
    missing = [name for name in columns if name not in shape.columns]
    if missing:
        add = ", ".join(f'ADD COLUMN "{name}"' for name in missing)
        return f"it has no column {', '.join(missing)}", f'ALTER TABLE "{shape.table}" {add} with the contract\'s type'
    computed = [name for name in columns if shape.columns[name].generated]
    if computed:
        return f"its column {', '.join(computed)} is generated", "leave it out of the contract"
    empty = [c.name for c in shape.columns.values() if c.required and not c.filled and c.name not in columns]
    if empty:
        return f"its column {', '.join(empty)} needs a value that the contract does not have", "give it a default"
    return None


def _emptied(shape: Shape, strategy: str, columns: Sequence[str]) -> tuple[str, str] | None:
    others = [c.name for c in shape.columns.values() if not c.generated and c.name not in columns]
    if strategy != "rewrite" or not others:
        return None
    named = ", ".join(others)
    return (
        f"rewriting it would empty its column {named}, which the contract does not have",
        "state a primary key in the contract and the strategy diff, or drop the column",
    )
