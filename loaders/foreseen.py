"""How many rows a table will have once a verified run is published, and what its columns will add up to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import delta, queries, shapes, wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.publish import Plan

__all__ = ["read"]

_SQL = queries.read("foreseen.sql")
_FLOATS = ("real", "double precision")
_KEPT = ("merge", "insert", "append")
"""The strategies by which rows of production stay that are not staged."""


def read(
    connection: Statements,
    namespace: Namespace,
    plan: Plan,
    table: str,
    *,
    sums: Sequence[str],
    since: tuple[str, dt.date] | None,
) -> tuple[int, dict[str, Decimal]]:
    """Return the figures of a table as it will be.

    Args:
        connection: Where statements go.
        namespace: The schemas.
        plan: The publication.
        table: The table.
        sums: The columns that are added up; a float counts as the shortest decimal number that is read back as it.
        since: A column of days or times, and the day from which rows count.

    Raises:
        PublishError: A table of production is not one that can be changed. Production is unchanged.
    """
    types = _types(connection, plan, table, [*sums, *([since[0]] if since else [])])
    staged = delta.relation(Identifier(plan.source, table), types)
    nothing = delta.relation(Identifier(plan.source, table), types, SQL("false"))
    parts = {"held": nothing, "present": nothing, "wanted": staged}
    with connection.transaction():
        connection.execute("SET LOCAL row_security = off")
        found = shapes.read(connection, namespace.production, [table])
        if table in found and plan.tables[table]["strategy"] in _KEPT:
            changed = wanted.changes(connection, namespace, plan, found, "")[table]
            parts = {"held": delta.relation(changed.table, types), "present": changed.present, "wanted": changed.wanted}
        query = _SQL["foreseen"].format(
            columns=delta.joined([SQL("0 AS nothing"), *map(Identifier, types)]),
            sums=SQL(" ").join(_SQL["sum"].format(value=_value(n, types[n]), column=Identifier(n)) for n in sums),
            since=_since(since),
            **parts,
        )
        row = connection.execute(query).fetchall()[0]
    rows, *figures = row
    return int(rows), {name: Decimal(figure) for name, figure in zip(sums, figures, strict=True)}


def _types(connection: Statements, plan: Plan, table: str, names: Sequence[str]) -> Mapping[str, str]:
    columns = shapes.read(connection, plan.source, [table])[table].columns
    return {name: columns[name].type for name in names}


def _value(name: str, type_: str) -> Composed:
    text = SQL("round({}::double precision::text::numeric, 30)") if type_ in _FLOATS else SQL("{}")
    return text.format(Identifier("r", name))


def _since(since: tuple[str, dt.date] | None) -> Composed | SQL:
    return SQL("true") if since is None else SQL("{} >= {}").format(Identifier("r", since[0]), Literal(since[1]))
