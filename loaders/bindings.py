"""The statements that point others' objects at the tables now in place: each keeps its identity, owner and rights.

What is put back is what the catalogue held when it was read; that it still holds the same is proven under the locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import queries, shadows
from loaders.dependents import KEY
from loaders.sqlstates import primary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any

    from loaders.connections import Statements
    from loaders.dependents import Dependent
    from loaders.shadows import Key

__all__ = ["Bindings", "read", "untrue"]

_SQL = queries.read("bindings.sql")
_TRIAL = "firn_trial"
_NOT_ALLOWED = "42501"
_DIFF = 'publish with strategy = "diff"'


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


def untrue(connection: Statements, held: Iterable[Dependent]) -> list[str]:
    """Return the views whose printed definition does not make the same view again, each with the reason.

    They are made beside production, as they are put back under the locks, and nothing of it stays.
    """
    reasons = []
    for row in _found(connection, "views", _oids(held, "view")):
        with connection.transaction(force_rollback=True):
            reason = _reason(connection, row)
        if reason:
            reasons.append(f"view {row.schema}.{row.name} cannot be made anew: {reason}")
    return reasons


def _reason(connection: Statements, row: Any) -> str:  # noqa: ANN401 (a named tuple made by psycopg)
    view = Identifier(_TRIAL, row.name)
    definition = SQL(row.definition.rstrip("; \n"))
    try:
        with connection.transaction():
            connection.execute(_SQL["trial"].format(schema=Identifier(_TRIAL), view=view, definition=definition))
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as exc:
        way = "let firn's role use what the view reads" if exc.sqlstate == _NOT_ALLOWED else _DIFF
        return f"{primary(exc)} ({way})"
    printed = connection.execute(_SQL["printed"].format(view=Literal(view.as_string(connection)))).fetchall()
    return "" if printed[0].definition == row.definition else f"PostgreSQL reads it in another way ({_DIFF})"


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
