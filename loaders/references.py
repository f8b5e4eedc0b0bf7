"""The foreign keys that lead to tables of a publication, and the order in which their rows may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from loaders.connections import Statements

__all__ = ["ForeignKey", "parents_first", "read"]

_SQL = queries.read("references.sql")
_EATING = ("c", "n", "d")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key to a table of production.

    Attributes:
        name: Its name.
        child_schema: The schema of the table that has it.
        child: That table.
        parent: The table that it leads to.
        child_columns: Its columns.
        parent_columns: The columns that they refer to, in the same order.
        on_delete: What becomes of a row of the child when its parent is deleted, by PostgreSQL's letter.
    """

    name: str
    child_schema: str
    child: str
    parent: str
    child_columns: Sequence[str]
    parent_columns: Sequence[str]
    on_delete: str

    @property
    def eats(self) -> bool:
        """Whether deleting a parent deletes or empties its children without a word."""
        return self.on_delete in _EATING


def read(connection: Statements, schema: str, tables: Iterable[str]) -> list[ForeignKey]:
    """Return the foreign keys that lead to the tables, from wherever."""
    values = {"schema": schema, "tables": list(tables)}
    return [ForeignKey(*row) for row in connection.execute(_SQL["foreign_keys"], values).fetchall()]


def parents_first(tables: Collection[str], schema: str, keys: Sequence[ForeignKey]) -> list[str]:
    """Return the tables so that parents come before their children; in a circle the names decide."""
    parents: dict[str, set[str]] = {name: set() for name in tables}
    for key in keys:
        if key.child_schema == schema and key.child in parents and key.parent in parents:
            parents[key.child].add(key.parent)
    ordered: list[str] = []
    waiting: set[str] = set()

    def place(name: str) -> None:
        waiting.add(name)
        for parent in sorted(parents[name] - waiting):
            place(parent)
        ordered.append(name)

    for name in sorted(parents):
        if name not in waiting:
            place(name)
    return ordered
