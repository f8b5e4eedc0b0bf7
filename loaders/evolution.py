"""How a table of production takes columns and wider types that its contract has by now, where a dataset says it may.

Only what loses nothing and rewrites no row is done in place: to a snapshot that is older, a table whose rows are
rewritten is empty. Every other change is refused with the statement that would do it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg.sql import SQL, Composed, Identifier

from firn import PublishError
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.connections import Statements
    from loaders.shapes import Shape

__all__ = ["evolve", "evolved", "missing", "refuse_used", "relaxed", "retyped"]

_SQL = queries.read("evolution.sql")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_VARYING = re.compile(r"character varying(\(\d+\))?")


def evolve(connection: Statements, schema: str, shape: Shape, types: Mapping[str, str]) -> None:
    """Give a table of production the columns and types of its contract; under an exclusive lock.

    A column that the contract has no more is null in new rows, whether it took nulls before or not.
    """
    actions = [
        *(_SQL["add"].format(column=Identifier(name), type=SQL(t)) for name, t in missing(shape, types).items()),
        *(_SQL["widen"].format(column=Identifier(name), type=SQL(t)) for name, t in retyped(shape, types).items()),
        *(_SQL["relax"].format(column=Identifier(name)) for name in relaxed(shape, types)),
    ]
    table = Identifier(schema, shape.table)
    connection.execute(SQL("ALTER TABLE ONLY {} {}").format(table, SQL(", ").join(actions)))


def missing(shape: Shape, types: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that a table of production lacks."""
    return {name: type_ for name, type_ in types.items() if name not in shape.columns}


def relaxed(shape: Shape, types: Mapping[str, str]) -> list[str]:
    """Return the columns that would need a value which the contract does not have, and that can do without."""
    keys = frozenset[str]().union(*shape.keys)
    others = (column for column in shape.columns.values() if column.name not in types and column.name not in keys)
    return [column.name for column in others if column.required and not column.filled and not column.generated]


def evolved(shape: Shape, types: Mapping[str, str]) -> Shape:
    """Return what a table of production will look like with the columns that it has by now."""
    free = {name: replace(shape.columns[name], required=False) for name in relaxed(shape, types)}
    return replace(shape, columns={**shape.columns, **free})


def retyped(shape: Shape, types: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that can be widened without a row being rewritten, and to which type."""
    there = {name: type_ for name, type_ in types.items() if name in shape.columns}
    return {name: type_ for name, type_ in there.items() if _is_wider(type_, shape.columns[name].type)}


def _is_wider(type_: str, than: str) -> bool:
    mine, theirs = _NUMERIC.fullmatch(type_), _NUMERIC.fullmatch(than)
    if mine and theirs:
        return mine[2] == theirs[2] and int(mine[1]) > int(theirs[1])
    return type_ == "text" and _VARYING.fullmatch(than) is not None


def refuse_used(connection: Statements, schema: str, shape: Shape, types: Mapping[str, str]) -> None:
    """Refuse to widen columns that a view, or anything else with an expression, uses.

    Raises:
        PublishError: There is such a column; it and what uses it are named. Production is unchanged.
    """
    wider = retyped(shape, types)
    values = {"schema": schema, "table": shape.table, "columns": list(wider)}
    for row in connection.execute(_SQL["used"], values).fetchall() if wider else ():
        statement = _altered(schema, shape.table, row.column, wider[row.column])
        raise PublishError(
            f'Column "{row.column}" of table "{schema}"."{shape.table}" cannot become {wider[row.column]}: {row.user} '
            "uses it. Production is unchanged.",
            f"drop what is named, {statement}, then make it again",
        )


def _altered(schema: str, table: str, column: str, type_: str) -> str:
    statement: Composed = SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {}").format(
        Identifier(schema, table), Identifier(column), SQL(type_)
    )
    return statement.as_string()
