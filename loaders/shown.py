"""Reads what production shows of some parts: to compare with what replaces it, and to number lines with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl
from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import queries
from loaders.readback import as_sent, readable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from firn import PartKey
    from loaders.connections import Copying, Statements
    from loaders.ddl import Column, Layout

__all__ = ["are_there", "read_aged", "read_rows", "read_tables"]

_SQL = queries.read("shown.sql")


def are_there(statements: Statements, schema: str, tables: Sequence[str]) -> bool:
    """Tell whether production has tables of all these names."""
    found = statements.execute(_SQL["is_there"], {"schema": schema, "tables": list(tables)}).fetchall()
    return len(found) == len(set(tables))


def read_rows(
    reader: Copying,
    schema: str,
    layouts: Sequence[Layout],
    key: PartKey,
    *,
    parts: Sequence[str],
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Read the rows of some parts of a published table, or of several joined by their common key.

    Args:
        reader: A connection for rows.
        schema: Production.
        layouts: The tables.
        key: Which column, of which table, tells parts apart, and which column joins the tables.
        parts: The parts.
        columns: The columns wanted; by default those of the first table.

    Returns:
        The columns, of the types in which they are staged.
    """
    owner = {column.name: (layout.table, column) for layout in reversed(layouts) for column in layout.columns}
    names = [column.name for column in layouts[0].columns] if columns is None else columns
    wanted = [owner[name] for name in names]
    tables = list(dict.fromkeys([*(layout.table for layout in layouts), key.table]))
    query = _SQL["rows"].format(
        columns=_selected(wanted),
        first=_named(schema, tables[0]),
        joins=SQL(" ").join(
            SQL("JOIN {} USING ({})").format(_named(schema, table), Identifier(key.joined_by)) for table in tables[1:]
        ),
        column=Identifier(key.table, key.column),
        parts=Literal(list(parts)),
    )
    return _read(reader, query, [column for _, column in wanted])


def read_tables(reader: Copying, schema: str, layouts: Sequence[Layout], seconds: float) -> dict[str, pl.DataFrame]:
    """Read published tables in one snapshot.

    Args:
        reader: A connection for rows, at the start of a transaction.
        schema: Production.
        layouts: The tables, with the columns that are wanted.
        seconds: How long the reading of all of them may take.
    """
    deadline, frames = time.monotonic() + seconds, {}
    _do(reader, _SQL["one_moment"])
    for layout in layouts:
        left = max(1, round(1000 * (deadline - time.monotonic())))
        _do(reader, _SQL["within"].format(ms=Literal(left)))
        query = _SQL["table"].format(
            columns=_selected([(layout.table, column) for column in layout.columns]),
            table=Identifier(schema, layout.table),
            name=Identifier(layout.table),
        )
        frames[layout.table] = _read(reader, query, layout.columns)
    return frames


def read_aged(
    reader: Copying, schema: str, layout: Layout, key: str, date: str, *, before: dt.date, above: int, most: int
) -> pl.DataFrame:
    """Read rows of a published table from before a day, by their key.

    Args:
        reader: A connection for rows.
        schema: Production.
        layout: The table, with the columns that are wanted.
        key: The column by which its rows are told apart, a whole number.
        date: The column of their days.
        before: The day.
        above: They have greater keys.
        most: How many at most.
    """
    query = _SQL["aged"].format(
        columns=_selected([(layout.table, column) for column in layout.columns]),
        table=Identifier(schema, layout.table),
        name=Identifier(layout.table),
        date=Identifier(layout.table, date),
        key=Identifier(layout.table, key),
        before=Literal(before),
        above=Literal(above),
        most=Literal(most),
    )
    return _read(reader, query, layout.columns)


def _do(reader: Copying, statement: SQL | Composed) -> None:
    with reader.cursor() as cursor:
        cursor.execute(statement.as_string())


def _selected(wanted: Sequence[tuple[str, Column]]) -> Composed:
    return SQL(", ").join(
        SQL("{} AS {}").format(readable(column, table), Identifier(f"{i}")) for i, (table, column) in enumerate(wanted)
    )


def _read(reader: Copying, query: Composed, columns: Sequence[Column]) -> pl.DataFrame:
    with reader.cursor() as cursor:
        cursor.execute(query.as_string())
        frame = pl.DataFrame(cursor.fetch_arrow_table())
    return pl.DataFrame([as_sent(frame[f"{i}"], column) for i, column in enumerate(columns)])


def _named(schema: str, table: str) -> SQL:
    return SQL("{} AS {}").format(Identifier(schema, table), Identifier(table))  # type: ignore[return-value]
