"""Which table and column of another schema stand for which of production's, and what of both can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.sql import SQL, Composed, Identifier

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loaders.connections import Statements

__all__ = ["Column", "Pair", "Side", "named_alike", "pairs", "read"]

_SQL = queries.read("contrast.sql")
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8", "bool"}
_FLOATS = {"float4", "float8"}
_MOMENTS = {"date", "timestamp", "timestamptz"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue has it.

    Attributes:
        name: Its name.
        type: Its type, as PostgreSQL writes it.
        base: The name of that type without a modifier, or of the type that a domain is over.
        collated: Whether its order depends on a collation.
        scale: How many digits every value has after the point; none where that differs by value.
    """

    name: str
    type: str
    base: str
    collated: bool
    scale: int | None


@dataclass(frozen=True, slots=True)
class Side:
    """A table on one side of a comparison.

    Attributes:
        schema: Its schema.
        table: Its name.
        columns: Its columns, in order.
        unique: The sets of columns that no two rows share, those of a primary key first.
        keys: Those of them that are never null.
    """

    schema: str
    table: str
    columns: Sequence[Column]
    unique: Sequence[tuple[str, ...]] = ()
    keys: Sequence[tuple[str, ...]] = ()

    @property
    def relation(self) -> Identifier:
        """The table, with its schema."""
        return Identifier(self.schema, self.table)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns that stand for each other.

    Attributes:
        here: Production's.
        there: The other schema's.
    """

    here: Column
    there: Column

    @property
    def is_one_type(self) -> bool:
        """Whether both have the same type, down to its modifier."""
        return self.here.type == self.there.type

    @property
    def are_numbers(self) -> bool:
        """Whether both hold numbers; true and false count as 1 and 0 beside a number."""
        kinds = {self.here.base, self.there.base}
        return kinds <= _NUMBERS and kinds != {"bool"}

    @property
    def are_moments(self) -> bool:
        """Whether both hold dates or timestamps."""
        return {self.here.base, self.there.base} <= _MOMENTS

    @property
    def floats(self) -> bool:
        """Whether either is a floating-point number."""
        return bool({self.here.base, self.there.base} & _FLOATS)

    def value(self, column: Column) -> Composed:
        """Return the expression that reads one of the two from a row ``t``, comparable with the other."""
        read = SQL("t.{}").format(Identifier(column.name))
        if self.is_one_type:
            return read
        if self.are_numbers:
            return SQL("{}::text").format(_plain(read, column))
        return SQL("{}::timestamp::text" if self.are_moments else "{}::text").format(read)

    def key(self, column: Column) -> Composed:
        """Return the same for a column by which rows are matched: two texts are equal only when each byte is."""
        collated = column.collated or not self.is_one_type
        return SQL('{} COLLATE "C"' if collated else "{}").format(self.value(column))


def _plain(read: Composed, column: Column) -> Composed:
    """Return a number without the zeros that only its type puts after the point."""
    if column.base == "bool":
        return SQL("{}::integer").format(read)
    if column.base in _FLOATS:
        return SQL("trim_scale({}::text::numeric)").format(read)
    return SQL("trim_scale({})" if column.base == "numeric" else "{}").format(read)


def named_alike(wanted: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """Find names among others: exactly, else the only one that differs in case alone.

    Returns:
        The name there by the name wanted, without those that are not there.
    """
    names, left = list(wanted), set(there)
    found = {name: name for name in names if name in left}
    lower: dict[str, list[str]] = {}
    for name in sorted(left - found.keys()):
        lower.setdefault(name.casefold(), []).append(name)
    asked = [name.casefold() for name in names if name not in found]
    for name in names:
        close = lower.get(name.casefold(), [])
        if name not in found and len(close) == 1 == asked.count(name.casefold()):
            found[name] = close[0]
    return found


def pairs(here: Side, there: Side, called: Mapping[str, str]) -> list[Pair]:
    """Return the columns that both tables have, in production's order.

    Args:
        here: Production's table.
        there: The other schema's.
        called: What columns are called there; empty for those that have no counterpart. Others have the same name.
    """
    theirs = {column.name: column for column in there.columns}
    wanted = [(called.get(column.name, column.name), column) for column in here.columns]
    names = named_alike([name for name, _ in wanted if name], theirs)
    return [Pair(column, theirs[names[name]]) for name, column in wanted if name in names]


def read(statements: Statements, schema: str, tables: Iterable[str]) -> Mapping[str, Side]:
    """Return tables of a schema as the catalogue has them."""
    values = {"schema": schema, "tables": list(tables)}
    columns: dict[str, list[Column]] = {name: [] for name in values["tables"]}
    for table, *rest in statements.execute(_SQL["columns"], values).fetchall():
        columns[table].append(Column(*rest))
    unique: dict[str, list[tuple[str, ...]]] = {}
    keys: dict[str, list[tuple[str, ...]]] = {}
    for row in statements.execute(_SQL["keys"], values).fetchall():
        unique.setdefault(row.table, []).append(tuple(row.columns))
        if row.required:
            keys.setdefault(row.table, []).append(tuple(row.columns))
    return {name: Side(schema, name, columns[name], unique.get(name, ()), keys.get(name, ())) for name in columns}
