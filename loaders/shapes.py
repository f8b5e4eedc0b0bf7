"""What tables of production look like to somebody who changes rows in them: columns, unique keys, rights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loaders.connections import Statements

__all__ = ["Column", "Shape", "read", "read_all"]

_SQL = queries.read("shapes.sql")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as production has it.

    Attributes:
        name: Its name.
        type: Its type, as PostgreSQL writes it with every schema.
        required: Whether it takes no null.
        generated: Whether it is computed from others.
        identity: ``a`` for GENERATED ALWAYS AS IDENTITY, ``d`` for BY DEFAULT, empty for neither.
        filled: Whether it has a value of its own where an INSERT leaves it out.
        sequence: The sequence that fills it.
    """

    name: str
    type: str
    required: bool
    generated: bool
    identity: str
    filled: bool
    sequence: str | None


@dataclass(frozen=True, slots=True)
class Shape:
    """A relation of production.

    Attributes:
        table: Its name.
        kind: ``r`` for a table; any other letter is that of ``pg_class.relkind``.
        shared: Whether it has rows in common with another: a parent, or a part of one.
        missing_rights: What this role may not do in it, of SELECT, INSERT, UPDATE and DELETE.
        columns: Its columns.
        keys: The sets of columns by which a row can be told from all others, none of them null.
    """

    table: str
    kind: str
    shared: bool
    missing_rights: Sequence[str]
    columns: Mapping[str, Column] = field(default_factory=dict)
    keys: Sequence[frozenset[str]] = ()


def read(connection: Statements, schema: str, tables: Iterable[str]) -> dict[str, Shape]:
    """Return those of the tables that exist."""
    values = {"schema": schema, "tables": list(tables)}
    columns: dict[str, dict[str, Column]] = {}
    for table, *rest in connection.execute(_SQL["columns"], values).fetchall():
        columns.setdefault(table, {})[rest[0]] = Column(*rest)
    keys: dict[str, list[frozenset[str]]] = {}
    for row in connection.execute(_SQL["keys"], values).fetchall():
        if row.required:
            keys.setdefault(row.table, []).append(frozenset(row.columns))
    return {
        row.name: Shape(
            row.name,
            row.kind,
            row.parent or row.partition,
            row.missing_rights,
            columns.get(row.name, {}),
            keys.get(row.name, ()),
        )
        for row in connection.execute(_SQL["tables"], values).fetchall()
    }


def read_all(connection: Statements, schema: str) -> dict[str, Shape]:
    """Return the tables of a schema."""
    names = [row.name for row in connection.execute(_SQL["names"], {"schema": schema}).fetchall()]
    return read(connection, schema, names)
