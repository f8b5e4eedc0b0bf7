"""Makes the empty staging tables, and after the load their keys and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import LoadError
from loaders import inventory, queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.connections import Statements
    from loaders.ddl import Layout

__all__ = ["finish_tables", "keep_log", "make_tables"]

_SQL = queries.read("staging.sql")
# ANALYZE reads 300 rows per unit. At PostgreSQL's own 100 a table of 411 columns takes 1.1 s, at 25 it takes 0.25 s.
_STATISTICS_TARGET = 25


def make_tables(connection: Statements, schema: str, layouts: Mapping[str, Layout]) -> dict[str, list[inventory.Item]]:
    """Make a schema with empty tables, without keys, and return what each will carry once it has them.

    Raises:
        LoadError: PostgreSQL made a column of another type than was asked for.
    """
    connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    for layout in layouts.values():
        connection.execute(layout.create(schema))
    _check_types(connection, schema, layouts)
    for layout in layouts.values():
        _add_keys(connection, schema, layout)
    carried = inventory.carried(connection, schema, layouts)
    # An index is built in half the time, and half the log, once the rows are there.
    for layout in layouts.values():
        for name in layout.constraints():
            connection.execute(_drop_key(schema, layout.table, name))
    return {name: [item for item in carried if item.table == name] for name in layouts}


def keep_log(connection: Statements, schema: str, choice: Mapping[str, tuple[str, str]]) -> None:
    """Leave empty tables out of the server's log that can never be production's: half is written, none is decoded."""
    for name, (strategy, _) in choice.items():
        if strategy not in ("swap", "auto"):
            connection.execute(SQL("ALTER TABLE {} SET UNLOGGED").format(Identifier(schema, name)))


def finish_tables(connection: Statements, schema: str, layouts: Mapping[str, Layout]) -> None:
    """Add the keys to loaded tables, and make plans right from the first query.

    Raises:
        LoadError: A key is held twice; up to ten of them are named. Production is unchanged.
    """
    connection.execute(SQL("SET default_statistics_target = {}").format(Literal(_STATISTICS_TARGET)))
    for layout in layouts.values():
        try:
            _add_keys(connection, schema, layout)
        except psycopg.errors.UniqueViolation as exc:
            raise _doubled(connection, schema, layout, str(exc.diag.constraint_name)) from exc
        connection.execute(SQL("VACUUM (ANALYZE) {}").format(Identifier(schema, layout.table)))


def _add_keys(connection: Statements, schema: str, layout: Layout) -> None:
    for statement in layout.add_constraints(schema):
        connection.execute(statement)


def _drop_key(schema: str, table: str, name: str) -> Composed:
    return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(Identifier(schema, table), Identifier(name))


def _check_types(connection: Statements, schema: str, layouts: Mapping[str, Layout]) -> None:
    rows = connection.execute(_SQL["types"], {"schema": schema}).fetchall()
    found = {(row.table, row.name): row.type for row in rows}
    for layout in layouts.values():
        for column in layout.columns:
            made = found.get((layout.table, column.name))
            if made != column.type:
                raise LoadError(
                    f'Column "{column.name}" of table "{layout.table}" was made as {made}, not as {column.type}. '
                    "Nothing was sent; production is unchanged."
                )


def _doubled(connection: Statements, schema: str, layout: Layout, constraint: str) -> LoadError:
    _, columns = layout.constraints()[constraint]
    query = _SQL["duplicates"].format(
        table=Identifier(schema, layout.table), columns=SQL(", ").join(map(Identifier, columns))
    )
    rows: list[tuple[Any, ...]] = [tuple(row) for row in connection.execute(query).fetchall()]
    some = "; ".join(
        ", ".join(f"{c}={v}" for c, v in zip(columns, row, strict=False)) + f" ({row[-1]} rows)" for row in rows
    )
    return LoadError(
        f'Table "{layout.table}" holds {"keys" if len(rows) > 1 else "a key"} more than once: {some}. '
        "Production is unchanged.",
        "make the key unique in a transform, or widen it in the contract",
    )
