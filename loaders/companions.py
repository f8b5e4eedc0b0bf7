"""Tables beside published ones in which others keep what they know of the rows, and the views that show both.

A companion is never replaced: a publication adds the keys that are new, with their defaults, and touches no row that is
there. Its view is made with it; from then on it follows the table that is published like any other view.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier

from firn import Companion, PublishError
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from loaders.connections import Statements

__all__ = ["added", "check", "made", "mark", "marked", "pointed", "remade", "views"]

_SQL = queries.read("companions.sql")
_MARK = "companion"
_NOTHING = SQL("SELECT")


def mark(tables: Mapping[str, dict[str, Any]], companions: Sequence[Companion]) -> dict[str, dict[str, Any]]:
    """Return what is recorded of tables, with the companion of each."""
    # Kept as pairs: a JSON object of PostgreSQL does not keep the order of its keys, which is that of the columns.
    by_table = {c.of: {**asdict(c), "columns": [*c.columns.items()]} for c in companions}
    return {name: {**table, _MARK: by_table[name]} if name in by_table else table for name, table in tables.items()}


def marked(tables: Mapping[str, Any]) -> list[Companion]:
    """Return the companions of recorded tables."""
    return [
        Companion(**{**table[_MARK], "columns": dict(table[_MARK]["columns"]), "shown": tuple(table[_MARK]["shown"])})
        for table in tables.values()
        if _MARK in table
    ]


def views(tables: Mapping[str, Any]) -> list[str]:
    """Return the views that firn made over recorded tables."""
    return [companion.view for companion in marked(tables) if companion.view]


def check(connection: Statements, production: str, companions: Sequence[Companion], known: Sequence[str]) -> None:
    """Refuse a companion or a view where production has something else of that name.

    Args:
        connection: Where statements go.
        production: The schema.
        companions: What a publication will make where it is not there.
        known: The views that firn made.

    Raises:
        PublishError: Names it. Production is unchanged.
    """
    expected = {companion.table: "r" for companion in companions} | {c.view: "v" for c in companions if c.view}
    values = {"schema": production, "names": list(expected)}
    for row in connection.execute(_SQL["found"], values).fetchall():
        if row.kind != expected[row.name] or (row.kind == "v" and row.name not in known):
            raise PublishError(
                f'Schema "{production}" has a {"view" if row.kind == "v" else "relation"} "{row.name}" that firn did '
                "not make. Production is unchanged.",
                "give it another name, or drop it, then run again",
            )


def added(production: str, source: str, tables: Mapping[str, Any]) -> Composed | SQL:
    """Return the statements that make companions and add new keys to them; they run before production is locked."""
    statements: list[Composed] = []
    for companion in marked(tables):
        added = _SQL["add"].format(source=Identifier(source, companion.of), **_names(production, companion))
        statements += [made(production, companion), added]
    return SQL(";\n").join(statements) if statements else _NOTHING


def made(production: str, companion: Companion) -> Composed:
    """Return the statement that makes a companion where it is not there."""
    names = _names(production, companion)
    columns = [SQL("{} uuid").format(names["key"])]
    columns += [SQL("{} {}").format(Identifier(name), SQL(type_)) for name, type_ in companion.columns.items()]
    return _SQL["create"].format(columns=SQL(", ").join(columns), **names)


def remade(companions: Sequence[Companion], current: Mapping[str, Any]) -> list[str]:
    """Return the views of the current generation that the next defines in another way, or drops.

    A view that stays as it is follows the new table like any other that reads it.
    """
    kept = {companion.view for companion in marked(current) if companion in companions}
    return [name for name in views(current) if name not in kept]


def pointed(
    production: str, tables: Mapping[str, Any], current: Mapping[str, Any], following: Collection[str] = ()
) -> Composed | SQL:
    """Return the statements that define the views, and drop those of what left.

    Args:
        production: The schema.
        tables: What is recorded of the tables now in place.
        current: What is recorded of those before them.
        following: The views that are there, are as they should be, and follow the tables by themselves.
    """
    wanted = [companion for companion in marked(tables) if companion.view]
    gone = [name for name in views(current) if name not in {companion.view for companion in wanted}]
    statements = [_SQL["drop"].format(view=Identifier(production, name)) for name in gone]
    statements += [_view(production, companion) for companion in wanted if companion.view not in following]
    return SQL(";\n").join(statements) if statements else _NOTHING


def _view(production: str, companion: Companion) -> Composed:
    columns = [
        SQL("t.{}" if name in companion.columns else "o.{}").format(Identifier(name)) for name in companion.shown
    ]
    return _SQL["view"].format(columns=SQL(", ").join(columns), **_names(production, companion))


def _names(production: str, companion: Companion) -> dict[str, Identifier]:
    return {
        "table": Identifier(production, companion.table),
        "of": Identifier(production, companion.of),
        "view": Identifier(production, companion.view or companion.table),
        "key": Identifier(companion.key),
    }
