"""The statements that point others' objects at the tables now in place: each keeps its identity, owner and rights.

What is put back is what the catalogue held when it was read; that it still holds the same is proven under the locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import queries, shadows
from loaders.dependents import KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any

    from loaders.connections import Statements
    from loaders.dependents import Dependent
    from loaders.shadows import Key

__all__ = ["Bindings", "read"]

_SQL = queries.read("bindings.sql")


class Bindings(NamedTuple):
    """What is locked beside the tables, and what is done once the new ones are in place.

    Attributes:
        views: Views and their owners, in the order in which readers lock them: outermost first.
        tables: Other tables that are changed.
        oids: The numbers of both in the catalogue.
        statements: What points them, and functions, at the new tables.
        keys: Foreign keys of other tables, for which shadows are put in place.
    """

    views: list[tuple[Identifier, Identifier]]
    tables: list[Identifier]
    oids: list[int]
    statements: list[Composed | SQL]
    keys: list[Key]


def read(
    connection: Statements,
    schema: str,
    tables: Collection[str],
    held: Collection[Dependent],
    made: Collection[str] = (),
) -> Bindings:
    """Return what points objects at new tables.

    Args:
        connection: Where statements go; its search path is empty, so that every name is printed with its schema.
        schema: The schema of the tables.
        tables: The tables that are replaced.
        held: What others hold of them.
        made: The views of that schema that firn defines itself: they are locked, and nothing else.
    """
    views = _found(connection, "views", _oids(held, "view"))
    functions = _found(connection, "functions", _oids(held, "function"))
    names = {"schema": Literal(schema), "tables": Literal(sorted(tables))}
    policies = connection.execute(_SQL["policies"].format(**names)).fetchall()
    keys = shadows.keys(connection, _oids(held, KEY))
    others = {row.oid: Identifier(row.schema, row.table) for row in policies if not row.is_own}
    others |= {key.relation: key.place for key in keys}
    return Bindings(
        views=[(Identifier(row.schema, row.name), Identifier(row.owner)) for row in views],
        tables=list(others.values()),
        oids=[*(row.oid for row in views), *others],
        statements=[
            *(_view(row) for row in views if row.schema != schema or row.name not in made),
            *(SQL(row.definition) for row in functions),
            *map(_policy, policies),
        ],
        keys=keys,
    )


def _oids(held: Iterable[Dependent], kind: str) -> list[int]:
    return sorted({dependent.oid for dependent in held if dependent.kind == kind})


def _found(connection: Statements, name: str, oids: list[int]) -> list[Any]:
    return connection.execute(_SQL[name].format(oids=Literal(oids))).fetchall() if oids else []


def _view(row: Any) -> Composed:  # noqa: ANN401 (a named tuple made by psycopg)
    pairs = [option.partition("=") for option in row.options]
    options = SQL(", ").join(SQL("{} = {}").format(Identifier(name), Literal(value)) for name, _, value in pairs)
    return _SQL["view"].format(
        view=Identifier(row.schema, row.name),
        options=SQL("WITH ({})").format(options) if pairs else SQL(""),
        definition=SQL(row.definition.rstrip("; \n")),
    )


def _policy(row: Any) -> Composed:  # noqa: ANN401 (a named tuple made by psycopg)
    parts = [("USING", row.shown), ("WITH CHECK", row.written)]
    expressions = SQL(" ").join(SQL(f"{word} ({text})") for word, text in parts if text is not None)
    table = Identifier(row.schema, row.table)
    return _SQL["policy"].format(name=Identifier(row.name), table=table, expressions=expressions)
