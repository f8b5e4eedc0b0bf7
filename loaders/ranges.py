"""Ranges of a table's key in which nothing but the rows that a run staged should be.

They say at once what was read again and what is gone: a row of production whose key lies in one of them and that is not
staged is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from psycopg.sql import SQL, Composed, Literal

from firn import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loaders.ddl import Layout

__all__ = ["Range", "forgotten", "joined", "mark", "marked", "rows"]

Range = tuple[int, int]
"""The least and the greatest value of the first key column, both included."""

_MARK = "replaced"
_LEAST, _GREATEST = -(2**63), 2**63 - 1


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return the same values in ranges that neither touch nor overlap, in order."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def mark(
    tables: Mapping[str, dict[str, Any]],
    replaced: Mapping[str, Sequence[Range]],
    layouts: Mapping[str, Layout],
    strategies: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """Return what is recorded of tables, with the ranges that their rows replace.

    Args:
        tables: What is recorded.
        replaced: Table -> ranges, in any order.
        layouts: The tables of the run.
        strategies: How each of them is published.

    Raises:
        LoadError: A table cannot have ranges, or one of them ends before it begins. Production is unchanged.
    """
    for name, ranges in replaced.items():
        if wrong := _wrong(tables.get(name, {}), layouts.get(name), strategies.get(name, ""), ranges):
            raise LoadError(f'Ranges of table "{name}" cannot be replaced: {wrong}. Production is unchanged.')
    return {
        name: {**table, _MARK: joined(replaced[name])} if name in replaced else table for name, table in tables.items()
    }


def marked(table: Mapping[str, Any]) -> list[Range]:
    """Return the ranges that the rows of a recorded table replace."""
    return [(int(low), int(high)) for low, high in table.get(_MARK, ())]


def forgotten(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is recorded of a table without its ranges: they are of one publication, and may be thousands."""
    return {name: value for name, value in table.items() if name != _MARK}


def rows(ranges: Sequence[Range], type_: str) -> Composed:
    """Return the ranges as a relation with the columns ``firn low`` and ``firn high``.

    Args:
        ranges: The ranges.
        type_: The type of the column that they are compared with; an index serves only a number of its own kind.
    """
    within = _within(ranges, type_)
    lows, highs = (Literal("{" + ",".join(str(one[i]) for one in within) + "}") for i in (0, 1))
    kind = SQL(_kind(type_))
    return SQL('unnest({}::{kind}[], {}::{kind}[]) AS r ("firn low", "firn high")').format(lows, highs, kind=kind)


def _kind(type_: str) -> str:
    return "numeric" if type_.startswith("numeric") else "bigint"


def _within(ranges: Sequence[Range], type_: str) -> Sequence[Range]:
    """Return the ranges as far as a column of a type can reach."""
    if _kind(type_) == "numeric":
        return ranges
    found = [(max(low, _LEAST), min(high, _GREATEST)) for low, high in ranges]
    return [(low, high) for low, high in found if low <= high]


def _wrong(recorded: Mapping[str, Any], layout: Layout | None, strategy: str, ranges: Sequence[Range]) -> str:
    if layout is None:
        return "the run does not publish it"
    if policy := recorded.get("policy"):
        return f"its policy {policy} keeps the rows in them"
    if strategy != "merge":
        return f"its strategy is {strategy}, not merge"
    dtype = next(column.dtype for column in layout.columns if column.name == layout.key[0])
    if not (dtype.is_integer() or (isinstance(dtype, pl.Decimal) and not dtype.scale)):
        return f'its first key column "{layout.key[0]}" is {dtype}, not a whole number'
    return next((f"{low} to {high} ends before it begins" for low, high in ranges if low > high), "")
