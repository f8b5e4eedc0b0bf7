"""What a staging table takes over, before it holds any rows, from the table that it will replace: its columns, mostly.

What production has wins, except for what firn made there itself and the contract no longer asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import LoadError, PublishError
from loaders import queries
from loaders.approval import refuse
from loaders.ddl import cut
from loaders.inventory import Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from loaders.connections import Statements
    from loaders.ddl import Column, Key, Layout

__all__ = ["Likeness", "read"]

_SQL = queries.read("dressing.sql")


@dataclass(frozen=True, slots=True)
class Likeness:
    """A table of production, as far as its successor is made like it from the start.

    Attributes:
        columns: Its columns, in their order; none where there is no such table.
        kept: How it is kept on disk.
        keys: What makes its rows unique.
        others: The columns that stay though the contract does not have them.
    """

    columns: Sequence[Any] = ()
    kept: str = ""
    keys: Sequence[Any] = ()
    others: Collection[str] = ()

    def create(self, schema: str, layout: Layout, known: Collection[Item]) -> Composed:
        """Return the statement that makes the empty table.

        Args:
            schema: Where.
            layout: What the contract asks for.
            known: What firn made when it published the current generation.
        """
        asked = {column.name: column for column in layout.columns}
        clauses: list[Composed | SQL] = []
        for row in self.columns:
            column = asked.pop(row.name, None)
            if column is None:
                clauses += [SQL(row.clause)] if row.is_generated or row.name in self.others else []
            else:
                is_other = _item(row) in known and _item(row).definition != _definition(column)
                clauses.append(_clause(column) if is_other else SQL(row.clause))
        clauses += map(_clause, asked.values())
        return SQL("CREATE TABLE {} ({}){}").format(
            Identifier(schema, layout.table),
            SQL(", ").join(clauses),
            SQL(self.kept),
        )

    def fit(self, layout: Layout, known: Collection[Item]) -> Layout:
        """Return the layout without the keys that production has under names of its own.

        Raises:
            LoadError: A column is of a type that what is sent cannot go to; both types are named.
        """
        for column in layout.columns:
            self._check(layout.table, column, known)
        others = [row for row in self.keys if Item(row.table, "constraint", row.name, row.definition) not in known]
        keys: dict[str, Key] = {}
        covered: dict[str, Key] = {}
        for name, (kind, columns) in layout.constraints().items():
            same = [row.name for row in others if row.columns == sorted(columns)]
            if same:
                covered[same[0]] = (kind, columns)
            elif name in {row.name for row in others} or (kind == "PRIMARY KEY" and any(r.is_primary for r in others)):
                keys[cut(f"{layout.table}_{'_'.join(columns)}_key")] = ("UNIQUE", columns)
            else:
                keys[name] = (kind, columns)
        return replace(layout, keys=keys, covered=covered)

    def keeping(self, layout: Layout) -> Likeness:
        """Return the same with every column that the contract does not have, empty in the new rows.

        Raises:
            PublishError: Such a column takes no null. Production is unchanged.
        """
        asked = {column.name for column in layout.columns}
        others = [row for row in self.columns if row.name not in asked and not row.is_generated]
        for row in (row for row in others if row.is_required):
            column = Identifier(row.name).as_string()
            raise PublishError(
                f'Column "{row.name}" of table "{layout.table}" is no longer in the contract, and takes no null: rows '
                "without it cannot be published. Production is unchanged.",
                f"ALTER TABLE {row.place} ALTER COLUMN {column} DROP NOT NULL",
            )
        return replace(self, others=frozenset(row.name for row in others))

    def refuse_unknown(self, layout: Layout, known: Collection[Item], production: str) -> None:
        """Refuse columns that neither the contract nor firn knows: their values would be lost.

        Raises:
            PublishError: There are; each is named. Production is unchanged.
        """
        asked = {column.name for column in layout.columns}
        found = [_item(r) for r in self.columns if r.name not in {*asked, *self.others} and not r.is_generated]
        refuse([str(item) for item in found if item not in known], production)

    def _check(self, table: str, column: Column, known: Collection[Item]) -> None:
        for row in self.columns:
            if row.name == column.name and _item(row) not in known and (row.is_generated or row.takes != column.type):
                raise LoadError(
                    f'Column "{column.name}" of table "{table}" is {row.type}'
                    f"{', generated' if row.is_generated else ''} in production, and {column.type} in the contract: "
                    "values sent as one do not arrive as the other. Nothing was sent; production is unchanged.",
                    f"ALTER TABLE {row.place} ALTER COLUMN {column.name} TYPE {column.type}, or change the contract",
                )


def read(connection: Statements, production: str, tables: Iterable[str]) -> dict[str, Likeness]:
    """Return what there is of tables in production."""
    names = {"schema": Literal(production), "tables": Literal(sorted(tables))}
    columns, kept, keys = (
        connection.execute(_SQL[part].format(**names)).fetchall() for part in ("columns", "kept", "keys")
    )
    return {
        row.table: Likeness(
            [column for column in columns if column.table == row.table],
            row.clause,
            [key for key in keys if key.table == row.table],
        )
        for row in kept
    }


def _item(row: Any) -> Item:  # noqa: ANN401 (a named tuple made by psycopg)
    return Item(row.table, "column", row.name, row.type + (" NOT NULL" if row.is_required else ""))


def _definition(column: Column) -> str:
    return column.type + ("" if column.nullable else " NOT NULL")


def _clause(column: Column) -> Composed:
    return SQL("{} {}").format(Identifier(column.name), SQL(_definition(column)))
