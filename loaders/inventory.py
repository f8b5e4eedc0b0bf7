"""What a table carries, and what of it a swap would lose.

The world is closed: whatever production carries must be made by the new table too, or be what firn itself made when it
published the current generation. Anything else was put there by somebody, would be lost or would go on reading the old
rows, and is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import Identifier, Literal

from loaders import planned, queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from psycopg.sql import Composed

    from loaders.connections import Statements

__all__ = ["Item", "carried", "count", "dropped", "items", "losses", "marks", "query", "record", "recorded"]

_SQL = queries.read("inventory.sql")
_NEVER_EXPECTED = ("publication", "dependent")
_OF_CONSTRAINT = {"comment on constraint": ("constraint",), "comment on index": ("constraint",)}
_MOST_CHARACTERS = 200


_DIFF = 'publish with strategy = "diff"'
# What to do about what a new table cannot have, by its kind.
_WAYS = {
    "column": f"state it in the contract, or {_DIFF}",
    "publication": f"subscribers would silently keep the old rows: {_DIFF}",
    "subscription": f"it would go on writing to the old table: {_DIFF}",
    "invalid index": "REINDEX or drop it",
    "persistence": f"make it LOGGED, or {_DIFF}",
    **dict.fromkeys(("parent", "extension", "security label on", "rights on row type", "comment on type"), _DIFF),
}


class Item(NamedTuple):
    """One thing that a table carries: ``constraint orders_pkey``, ``dependent view sales.v``."""

    table: str
    kind: str
    name: str
    definition: str

    def __str__(self) -> str:
        shown = f" ({self.definition})" if self.definition and len(self.definition) <= _MOST_CHARACTERS else ""
        way = f" ({_WAYS[self.kind]})" if self.kind in _WAYS else ""
        return f'"{self.table}": {self.kind} {self.name}{shown}{way}'

    def is_of(self, gone: Collection[Item]) -> bool:
        """Tell whether it says something of a column or a constraint among these, and nothing without it."""
        kinds = ("column",) if self.kind.endswith(" column") else _OF_CONSTRAINT.get(self.kind, ())
        return any((item.table, item.name) == (self.table, self.name) for item in gone if item.kind in kinds)


def query(schema: str, tables: Iterable[str], read_as: str = "") -> Composed:
    """Return the statement that lists what tables carry; their schema's name is read as another where one is given."""
    names = {"schema": Literal(schema), "read_as": Literal(read_as or schema)}
    return _SQL["inventory"].format(parts=_parts(schema, tables), **names)


def marks(schema: str, tables: Iterable[str]) -> Composed:
    """Return the statement whose rows change whenever something that tables carry is changed."""
    return _SQL["marks"].format(parts=_parts(schema, tables))


def _parts(schema: str, tables: Iterable[str]) -> Composed:
    return _SQL["parts"].format(schema=Literal(schema), tables=Literal(sorted(tables)))


def carried(connection: Statements, schema: str, tables: Iterable[str], read_as: str = "") -> list[Item]:
    """Return what the tables of a schema carry; nothing for those that do not exist."""
    return sorted(Item(*row) for row in planned.fetch(connection, query(schema, tables, read_as)))


def recorded(connection: Statements, schema: str, tables: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of tables that firn did not make, in the form in which state keeps them."""
    return {name: record(count(connection, schema, name), []) for name in tables}


def record(rows: int, items: Iterable[Item]) -> dict[str, Any]:
    """Return a table's rows and items, in the form in which state keeps them."""
    return {"rows": rows, "carries": [list(item[1:]) for item in items]}


def items(tables: Mapping[str, Any]) -> list[Item]:
    """Return the items of tables that state remembers."""
    return [Item(name, *rest) for name, table in tables.items() for rest in table["carries"]]


def losses(present: Iterable[Item], expected: Collection[Item], known: Collection[Item]) -> list[Item]:
    """Return what replacing tables would lose.

    Args:
        present: What the tables of production carry.
        expected: What the new tables will carry.
        known: What firn made when it published the current generation.
    """
    # A publication decodes the staging rows already, so it stands in the way even of a first generation.
    kept = {item for item in (*expected, *known) if item.kind not in _NEVER_EXPECTED}
    published = sorted(item for item in expected if item.kind == "publication")
    present = list(present)
    gone = dropped([item for item in present if item in known], expected)
    return [item for item in dict.fromkeys((*present, *published)) if item not in kept and not item.is_of(gone)]


def dropped(known: Iterable[Item], expected: Iterable[Item]) -> set[Item]:
    """Return the columns and constraints that firn made and that the new tables will not have."""
    there = {item[:3] for item in expected}
    return {item for item in known if item.kind in ("column", "constraint") and item[:3] not in there}


def count(connection: Statements, schema: str, table: str) -> int:
    """Return how many rows a table holds."""
    return int(connection.execute(_SQL["rows"].format(table=Identifier(schema, table))).fetchall()[0].rows)
