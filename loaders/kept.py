"""Reads what production shows of one part, so that a run that could not read the part publishes it as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from psycopg.sql import SQL, Identifier, Literal

from loaders import queries
from loaders.readback import as_sent

if TYPE_CHECKING:
    from firn import PartKey
    from loaders.connections import Copying, Statements
    from loaders.ddl import Layout

__all__ = ["is_there", "read_part"]

_SQL = queries.read("kept.sql")


def is_there(statements: Statements, schema: str, table: str) -> bool:
    """Tell whether production has a table of this name."""
    return bool(statements.execute(_SQL["is_there"], {"schema": schema, "table": table}).fetchall())


def read_part(reader: Copying, schema: str, layout: Layout, part: str, key: PartKey) -> pl.DataFrame:
    """Read the rows of one part of a published table.

    Args:
        reader: A connection for rows.
        schema: Production.
        layout: The table.
        part: The part.
        key: Which column, of which table, tells parts apart.

    Returns:
        The table's columns, of the types in which they are staged.
    """
    source = _SQL["part" if key.table == layout.table else "part_through"].format(
        columns=SQL(", ").join(
            SQL("{} AS {}").format(
                SQL("t.{}::text" if isinstance(c.dtype, pl.Decimal) else "t.{}").format(Identifier(c.name)),
                Identifier(f"{i}"),
            )
            for i, c in enumerate(layout.columns)
        ),
        table=Identifier(schema, layout.table),
        through=Identifier(schema, key.table),
        key=Identifier(key.joined_by),
        column=Identifier(key.column),
        part=Literal(part),
    )
    with reader.cursor() as cursor:
        cursor.execute(source.as_string())
        frame = pl.DataFrame(cursor.fetch_arrow_table())
    return pl.DataFrame([as_sent(frame[f"{i}"], column) for i, column in enumerate(layout.columns)])
