"""From which key to which the rows of published tables reach, and which keys between them nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import NULL, SQL, Identifier, Literal

from firn import Span
from loaders import queries, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loaders.connections import Statements

__all__ = ["compute"]

_SQL = queries.read("spans.sql")
_MOST = 5


def compute(statements: Statements, schema: str, tables: Sequence[str], key: str, date: str | None) -> Span:
    """Return the span of the rows of several tables together; those that are not there have none.

    Args:
        statements: Where to ask.
        schema: Production.
        tables: The tables.
        key: A column of whole numbers that tells their rows apart.
        date: A column of days or times, if there is one.
    """
    there = [name for name in tables if shown.are_there(statements, schema, [name])]
    if not there:
        return Span(0)
    columns = {"key": Identifier(key), "date": Identifier(date) if date else NULL}
    rows = SQL(" UNION ALL ").join(_SQL["column"].format(table=Identifier(schema, name), **columns) for name in there)
    found = statements.execute(_SQL["span"].format(rows=rows)).fetchall()[0]
    gaps = statements.execute(_SQL["gaps"].format(rows=rows, most=Literal(_MOST))).fetchall()
    return Span(
        found.rows,
        found.low if found.low is None else int(found.low),
        found.high if found.high is None else int(found.high),
        found.first,
        found.last,
        gaps[0].gaps if gaps else 0,
        int(gaps[0].missing) if gaps else 0,
        tuple((int(gap.low), int(gap.high)) for gap in gaps),
    )
