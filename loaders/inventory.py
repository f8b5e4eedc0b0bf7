"""What a table carries, and what of it a swap would lose.

The world is closed: whatever production carries must be made by the new table too, or be what firn itself made when it
published the current generation. Anything else was put there by somebody, would be lost or would go on reading the old
rows, and is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import Identifier, Literal

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from psycopg.sql import Composed

    from loaders.connections import Statements

__all__ = ["Item", "carried", "count", "items", "losses", "query", "record", "recorded"]

_SQL = queries.read("inventory.sql")
_NEVER_EXPECTED = ("publication", "owner", "dependent")
_MOST_CHARACTERS = 200


class Item(NamedTuple):
    """One thing that a table carries: ``constraint orders_pkey``, ``dependent view sales.v``."""

    table: str
    kind: str
    name: str
    definition: str

    def __str__(self) -> str:
        shown = f" ({self.definition})" if self.definition and len(self.definition) <= _MOST_CHARACTERS else ""
        return f'"{self.table}": {self.kind} {self.name}{shown}'


def query(schema: str, tables: Iterable[str]) -> Composed:
    """Return the statement that lists what tables carry."""
    return _SQL["inventory"].format(schema=Literal(schema), tables=Literal(sorted(tables)))


def carried(connection: Statements, schema: str, tables: Iterable[str]) -> list[Item]:
    """Return what the tables of a schema carry; nothing for those that do not exist."""
    return sorted(Item(*row) for row in connection.execute(query(schema, tables)).fetchall())


def recorded(connection: Statements, schema: str, tables: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return rows and items of tables, in the form in which state keeps them."""
    items = carried(connection, schema, tables) if tables else []
    return {name: record(count(connection, schema, name), [i for i in items if i.table == name]) for name in tables}


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
    return [item for item in dict.fromkeys((*present, *published)) if item not in kept]


def count(connection: Statements, schema: str, table: str) -> int:
    """Return how many rows a table holds."""
    return int(connection.execute(_SQL["rows"].format(table=Identifier(schema, table))).fetchall()[0].rows)
