"""The statements that compare two tables: by key and then cell by cell, or by all that rows hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import queries
from loaders.delta import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loaders.connections import Statements
    from loaders.counterparts import Column, Pair, Side

__all__ = ["by_content", "by_key"]

_SQL = queries.read("contrast.sql")
Read = tuple["Pair", "Column"]
"""A column of one side, with the pair that it is of."""


def by_key(  # noqa: PLR0917 (two tables, and how they are compared)
    statements: Statements, here: Side, there: Side, key: Sequence[Pair], values: Sequence[Pair], most: int
) -> Composed:
    """Compose the statement that matches rows by key and gives every other column of them a letter.

    Args:
        statements: Where it is asked whether the key is held twice.
        here: Production's table.
        there: The other schema's.
        key: The columns by which rows are matched.
        values: The columns that are compared; they are counted from 1.
        most: How many samples of each class.
    """
    keys = [Identifier(f"k{i}") for i in range(len(key))]
    compared = [_cell(pair, i) for i, pair in enumerate(values)]
    both = [{"old": cell["old"], "new": cell["new"]} for cell in compared]
    return _SQL["keyed"].format(
        places=joined(SQL("coalesce(s.{0}, p.{0}) AS {0}").format(name) for name in keys),
        told=_told(key),
        codes=_array(_SQL["code"].format(**cell) for cell in compared),
        olds=_array(_SQL["differing"].format(**cell) for cell in both),
        news=_array(_SQL["differing"].format(old=cell["new"], new=cell["old"]) for cell in both),
        theirs=_rows(statements, there, [(p, p.there) for p in key], [(p, p.there) for p in values]),
        ours=_rows(statements, here, [(p, p.here) for p in key], [(p, p.here) for p in values]),
        on=SQL(" AND ").join(SQL("s.{0} = p.{0}").format(name) for name in (*keys, Identifier("nth"))),
        order=joined(keys),
        most=Literal(most),
    )


def by_content(here: Side, there: Side, both: Sequence[Pair], most: int) -> Composed:
    """Compose the statement that compares how often each row is held."""
    ours = _content((pair, pair.here) for pair in both)
    theirs = _content((pair, pair.there) for pair in both)
    images = {"our_image": _SQL["image"].format(content=ours), "their_image": _SQL["image"].format(content=theirs)}
    names = {"here": here.relation, "there": there.relation}
    return _SQL["unkeyed"].format(ours=ours, theirs=theirs, most=Literal(most), **images, **names)


def _content(read: Iterable[Read]) -> Composed:
    return SQL("ROW({})::text").format(joined(pair.value(column) for pair, column in read))


def _rows(statements: Statements, side: Side, key: Sequence[Read], values: Sequence[Read]) -> Composed:
    keys = [pair.key(column) for pair, column in key]
    columns = [SQL("{} AS {}").format(one, Identifier(f"k{i}")) for i, one in enumerate(keys)]
    columns += [
        SQL("{} AS {}").format(pair.value(column), Identifier(f"c{i}")) for i, (pair, column) in enumerate(values)
    ]
    alone = _is_unique(side, {column.name for _, column in key}) or not _is_doubled(statements, side, keys)
    nth = SQL("1::bigint") if alone else _SQL["numbered"].format(keys=joined(keys))
    return _SQL["rows"].format(nth=nth, columns=joined(columns), rows=side.relation)


def _is_unique(side: Side, names: set[str]) -> bool:
    return any(set(unique) <= names for unique in side.unique)


def _is_doubled(statements: Statements, side: Side, keys: Sequence[Composed]) -> bool:
    query = _SQL["doubled"].format(rows=side.relation, keys=joined(keys))
    return bool(statements.execute(query).fetchall()[0].found)


def _cell(pair: Pair, at: int) -> dict[str, Composed]:
    """Return the texts of both values, and the condition by which they differ only in being rounded."""
    name = Identifier(f"c{at}")
    old, new = SQL("s.{}::text").format(name), SQL("p.{}::text").format(name)
    return {"old": old, "new": new, "rounding": _rounding(pair, old, new)}


def _rounding(pair: Pair, old: Composed, new: Composed) -> Composed:
    if pair.are_moments:
        return _SQL["same_second"].format(old=old, new=new)
    if not pair.are_numbers:
        return SQL("{}").format(SQL("false"))
    scales = joined(_scale(column, text) for column, text in ((pair.there, old), (pair.here, new)))
    scale = SQL("least({})").format(scales)
    return _SQL["rounded"].format(old=old, new=new, scale=scale, floating=Literal(pair.floats))


def _scale(column: Column, text: Composed) -> Composed:
    """Return how many digits a value has after the point; null of one that floats."""
    if column.scale is not None:
        return SQL("{}").format(Literal(column.scale))
    return (
        SQL("scale({}::numeric)").format(text) if column.base == "numeric" else SQL("{}::integer").format(SQL("NULL"))
    )


def _told(key: Sequence[Pair]) -> Composed:
    """Return the expression that names a row by its key."""
    parts = [
        SQL("{} || coalesce(s.{}::text, p.{}::text, 'null')").format(
            Literal(f"{pair.here.name}="), *[Identifier(f"k{i}")] * 2
        )
        for i, pair in enumerate(key)
    ]
    return SQL("concat_ws(', ', {})").format(joined(parts))


def _array(parts: Iterable[Composed]) -> Composed:
    return SQL("ARRAY[{}]::text[]").format(joined(parts))
