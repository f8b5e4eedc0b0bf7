"""Columns that changed at the source since the catalogue was written: followed, left out, or refused, by policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import SourceChanged
from loaders.ddl import layout
from pipelines.replication.catalogue import NOT_NULL
from pipelines.replication.retyping import effect

if TYPE_CHECKING:
    from pipelines.replication.overrides import Effective
    from sources.mysql.catalogue import SourceColumn, SourceTable
    from sources.mysql.database import Declared

__all__ = ["declaration", "drift", "refuse_lossy", "settle"]


def declaration(column: SourceColumn) -> str:
    """Return how a column is declared, as the catalogue has it."""
    return column.declared + ("" if column.nullable else NOT_NULL)


def drift(table: SourceTable, settled: Effective) -> list[str]:
    """Say which columns of a table are others than those of the catalogue."""
    now, then = {column.name: declaration(column) for column in table.columns}, settled.entry.columns
    return [
        *(f"{name} ({now[name]}) is new" for name in now if name not in then),
        *(f"{name} ({then[name]}) is gone" for name in then if name not in now),
        *(f"{name} was {then[name]} and is {now[name]}" for name in now if name in then and then[name] != now[name]),
    ]


def refuse_lossy(declared: Declared, settled: Effective, pipeline: str, schema: str) -> None:
    """Refuse a column whose type cannot hold what it held when the catalogue was written.

    Raises:
        SourceChanged: Names each, and the statement that would change production. Production is unchanged.
    """
    then, types = settled.entry.columns, {c.name: c.type for c in layout(declared.name, declared.contract).columns}
    lost = [
        column
        for column in declared.table.columns
        if column.name in types and column.name in then and effect(_type(then[column.name]), column.declared) == "lossy"
    ]
    if lost:
        told = ", ".join(f"{column.name} was {then[column.name]} and is {declaration(column)}" for column in lost)
        alter = ", ".join(f'ALTER COLUMN "{c.name}" TYPE {types[c.name]}' for c in lost)
        raise SourceChanged(
            f'Table "{declared.name}" has columns that hold less than before: {told}. Nothing was published; '
            "production is unchanged.",
            f'if that is meant: ALTER TABLE "{schema}"."{declared.name}" {alter}; then firn discover {pipeline}',
        )


def _type(declaration: str) -> str:
    """Return the type of a column alone: one that must have a value now holds no less than before."""
    return declaration.removesuffix(NOT_NULL)


def settle(table: SourceTable, settled: Effective, pipeline: str) -> tuple[list[str], list[str]]:
    """Return the columns that are to be read of a table, and what a person should know of it.

    Raises:
        SourceChanged: Its columns changed, and its policy is not to follow. Production is unchanged.
    """
    told, policy, known = drift(table, settled), settled.policy.on_drift, settled.entry.columns
    columns = [column.name for column in table.columns]
    if not told or policy == "evolve":
        return columns, [f"{table.name}: {one}" for one in told]
    kept = [column.name for column in table.columns if known.get(column.name) == declaration(column)]
    retyped = [name for name in columns if name in known and name not in kept]
    if policy == "fail" or retyped or not set(table.key) <= set(kept):
        raise SourceChanged(
            f'Table "{table.name}" changed at the source: {"; ".join(told)}. Nothing was published; production is '
            "unchanged.",
            f"look at it, and take it over: firn discover {pipeline}",
        )
    return kept, [f"{table.name}: {one}; it is left as it was" for one in told]
