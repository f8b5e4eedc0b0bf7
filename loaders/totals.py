"""Counts and exact sums of what production shows, to be held against a source's own."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg.sql import SQL, Composed, Identifier

from firn import Totals
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loaders.connections import Statements

__all__ = ["compute"]

_SQL = queries.read("totals.sql")


def compute(statements: Statements, schema: str, tables: Mapping[str, Sequence[str]]) -> dict[str, Totals]:
    """Count the rows of tables and sum columns of theirs, nulls left out; tables and columns that are gone are too.

    A floating-point number counts as the shortest decimal number that is read back as that double, to 30 digits behind
    the point, so that no order of adding matters.

    Args:
        statements: Where to ask.
        schema: Production.
        tables: The columns to sum, by table.
    """
    rows = statements.execute(_SQL["columns"], {"schema": schema, "tables": list(tables)}).fetchall()
    known: dict[str, dict[str, bool]] = {}
    for row in rows:
        known.setdefault(row.table, {})[row.column] = row.is_real
    return {
        name: _table(
            statements, schema, name, {column: known[name][column] for column in sums if column in known[name]}
        )
        for name, sums in tables.items()
        if name in known
    }


def _table(statements: Statements, schema: str, name: str, columns: Mapping[str, bool]) -> Totals:
    sums = SQL("").join(
        _SQL["sum"].format(value=_value(column, is_real), name=Identifier(f"sum {number}"))
        for number, (column, is_real) in enumerate(columns.items())
    )
    found = statements.execute(_SQL["totals"].format(sums=sums, table=Identifier(schema, name))).fetchall()[0]
    return Totals(found[0], {column: Decimal(one) for column, one in zip(columns, found[1:], strict=True)})


def _value(column: str, is_real: bool) -> Composed:  # noqa: FBT001 (of a pair)
    return SQL("{}::double precision" if is_real else "{}").format(Identifier(column))
