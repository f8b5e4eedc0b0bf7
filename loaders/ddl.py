"""From contract to CREATE TABLE: one exact pair of types per column, and nothing that a driver could reinterpret.

Binary COPY sends bytes that the server does not convert: an eight-byte integer sent into a ``double precision`` column
arrives as another number, without an error. So a pair that is not in this table is refused before a byte is sent.

| contract                          | Polars                | PostgreSQL         |
|-----------------------------------|-----------------------|--------------------|
| ``String``                        | ``String``            | ``text``           |
| ``Bool``                          | ``Boolean``           | ``boolean``        |
| ``Int16`` ``Int32`` ``Int64``     | the same              | ``smallint`` ``integer`` ``bigint`` |
| ``Float32`` ``Float64``           | the same              | ``real`` ``double precision`` |
| ``Decimal(p, s)``                 | ``Decimal(p, s)``     | ``numeric(p,s)``   |
| ``String``, metadata ``{"postgres": "numeric(p,s)"}`` | ``String`` as printed there | ``numeric(p,s)``, p to 76 |
| ``Date``                          | ``Date``              | ``date``           |
| ``Datetime``                      | ``Datetime("us")``    | ``timestamp without time zone`` |
| ``Datetime(time_zone="UTC")``     | ``Datetime("us", "UTC")`` | ``timestamp with time zone`` |
| ``Duration``                      | ``Duration("us")``    | ``interval``       |
| ``Binary``                        | ``Binary``            | ``bytea``          |
| ``Binary``, metadata ``{"postgres": "uuid"}`` | ``Binary`` of 16 bytes | ``uuid``  |
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import polars as pl
from psycopg.sql import SQL, Composed, Identifier

from firn import LoadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dataframely as dy

    Key = tuple[str, Sequence[str]]

__all__ = ["Column", "Layout", "check_rows", "contract_of", "cut", "layout"]

_LONGEST = 63  # bytes of an identifier; PostgreSQL cuts a longer one without an error
_UUID_BYTES = 16
_WIDEST_COLUMNS = 1600
# PostgreSQL's -infinity, counted from Polars' epoch: the server takes it, and hands it back as the same number.
_INFINITIES = {"date": -(2**31) + 10_957, "timestamp": -(2**63) + 946_684_800_000_000}
_LONG_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_MOST_DIGITS = 76  # of an Arrow decimal; a Polars decimal has half as many, so longer ones are text in the frame


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a staging table.

    Attributes:
        name: Its name, the same in the frame and in the table.
        dtype: Its type in the frame.
        type: Its type in the table, spelled as ``format_type`` prints it.
        nullable: Whether a part may leave it out, and rows may have null.
        unique: Whether its values are unique by themselves.
    """

    name: str
    dtype: pl.DataType
    type: str
    nullable: bool
    unique: bool = False

    @property
    def digits(self) -> tuple[int, int] | None:
        """Precision and scale of a numeric that is text in the frame; none for any other column."""
        found = _LONG_NUMERIC.fullmatch(self.type) if self.dtype == pl.String else None
        return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Layout:
    """A table's columns and keys, as its contract states them.

    Attributes:
        table: Its name.
        columns: Its columns.
        key: What tells its rows apart.
        keys: What firn makes unique where that is known; by default the key and the unique columns.
        covered: What is unique in production already, under names of its own.
    """

    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    keys: Mapping[str, Key] | None = None
    covered: Mapping[str, Key] = field(default_factory=dict)

    @property
    def types(self) -> dict[str, str]:
        """The columns in order, and their types in the table."""
        return {column.name: column.type for column in self.columns}

    def constraints(self) -> Mapping[str, Key]:
        """Return what firn makes unique: name of the constraint -> its kind, its columns."""
        if self.keys is not None:
            return self.keys
        unique = {cut(f"{self.table}_{c.name}_key"): ("UNIQUE", [c.name]) for c in self.columns if c.unique}
        primary = {cut(f"{self.table}_pkey"): ("PRIMARY KEY", self.key)} if self.key else {}
        return {**primary, **unique}

    def add_constraints(self, schema: str) -> list[Composed]:
        """Return the statements that add the constraints to a loaded table."""
        return [
            SQL("ALTER TABLE {} ADD CONSTRAINT {} {} ({})").format(
                Identifier(schema, self.table), Identifier(name), SQL(kind), SQL(", ").join(map(Identifier, columns))
            )
            for name, (kind, columns) in self.constraints().items()
        ]


def layout(table: str, contract: type[dy.Schema]) -> Layout:
    """Return the columns and keys that a contract asks for.

    Raises:
        LoadError: A name is too long for PostgreSQL, or a type is not in the table above. Nothing was sent.
    """
    _check_name("Table", table, table)
    columns = tuple(_column(table, name, column) for name, column in contract.columns().items())
    if not 0 < len(columns) <= _WIDEST_COLUMNS:
        raise LoadError(f'Table "{table}" has {len(columns)} columns; PostgreSQL holds 1 to {_WIDEST_COLUMNS}.')
    return Layout(table, columns, tuple(contract.primary_key()))


def contract_of(table: str, types: Mapping[str, tuple[str, bool]], key: Sequence[str]) -> type[dy.Schema]:
    """Return the contract of a table as it is in the database.

    Args:
        table: Its name.
        types: By column its type, as ``format_type`` prints it, and whether it may be null.
        key: The columns that tell its rows apart.

    Raises:
        LoadError: A type is not in the table above.
    """
    import dataframely as dy

    columns: dict[str, dy.Column] = {}
    for number, (name, (type_, nullable)) in enumerate(types.items()):
        stated = {"nullable": nullable, "primary_key": name in key, "alias": name}
        columns[f"column_{number}"] = _contracted(table, name, type_, stated)
    return type("Contract", (dy.Schema,), columns)


def _contracted(table: str, name: str, type_: str, stated: dict[str, Any]) -> dy.Column:
    import dataframely as dy

    held = {spelled: dtype for dtype, spelled in _types().items()}.get(type_)
    found = _LONG_NUMERIC.fullmatch(type_)
    if found and int(found[1]) <= _MOST_DIGITS // 2:
        return dy.Decimal(int(found[1]), int(found[2]), **stated)
    if isinstance(held, pl.Datetime):
        return dy.Datetime(time_zone=held.time_zone, time_unit="us", **stated)
    if held == pl.Boolean:
        return dy.Bool(**stated)
    if held is not None:
        return getattr(dy, type(held).__name__)(**stated)  # type: ignore[no-any-return]
    if type_ == "uuid":
        return dy.Binary(metadata={"postgres": type_}, **stated)
    if found and _is_numeric(type_):
        return dy.String(metadata={"postgres": type_}, **stated)
    raise LoadError(
        f'Column "{name}" of table "{table}" is {type_}, which firn does not publish. Production is unchanged.',
        "restore it by hand: docs/runbooks/restore_a_backup.md",
    )


def check_rows(table: Layout, part: str, frame: pl.DataFrame) -> None:
    """Refuse a part that differs from the table in a column's name or exact type, or lacks a required column.

    Raises:
        LoadError: Names table, part, column and both types. Nothing was sent.
    """
    where = f'Table "{table.table}"' + (f', part "{part}"' if part else "")
    known = {column.name: column for column in table.columns}
    for name, dtype in frame.schema.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise LoadError(f'{where}: the contract has no column "{name}".', f'is it "{close[0]}"?' if close else "")
        _check_type(where, known[name], dtype)
    present = {values.name: values for values in frame.get_columns()}
    for column in table.columns:
        _check_values(where, column, present.get(column.name))


def cut(name: str) -> str:
    """Return a name that firn makes, cut to 63 bytes with eight characters of a hash where it is longer."""
    if len(name.encode()) <= _LONGEST:
        return name
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return name.encode()[: _LONGEST - len(digest) - 1].decode(errors="ignore") + "_" + digest


def _column(table: str, name: str, column: dy.Column) -> Column:
    _check_name("Column", name, table)
    return Column(name, column.dtype, _type(table, name, column), column.nullable, getattr(column, "unique", False))


@cache
def _types() -> Mapping[pl.DataType, str]:
    return {
        pl.String(): "text",
        pl.Boolean(): "boolean",
        pl.Int16(): "smallint",
        pl.Int32(): "integer",
        pl.Int64(): "bigint",
        pl.Float32(): "real",
        pl.Float64(): "double precision",
        pl.Date(): "date",
        pl.Datetime("us"): "timestamp without time zone",
        pl.Datetime("us", "UTC"): "timestamp with time zone",
        pl.Duration("us"): "interval",
        pl.Binary(): "bytea",
    }


def _type(table: str, name: str, column: dy.Column) -> str:
    wanted = (column.metadata or {}).get("postgres")
    found = f"numeric({column.dtype.precision},{column.dtype.scale})" if isinstance(column.dtype, pl.Decimal) else None
    found = found or _types().get(column.dtype)
    if column.dtype == pl.Binary and wanted == "uuid":
        return "uuid"
    if column.dtype == pl.String and wanted and _is_numeric(wanted):
        return str(wanted)
    if found is None or wanted not in (None, found):
        raise LoadError(
            f'Column "{name}" of table "{table}" is {column.dtype}, for which there is no exact PostgreSQL type'
            f"{f' {wanted}' if wanted else ''}. Nothing was sent; production is unchanged.",
            f"state one of {', '.join(map(str, _types()))} or Decimal(p, s) in the contract",
        )
    return found


def _is_numeric(wanted: str) -> bool:
    found = _LONG_NUMERIC.fullmatch(wanted)
    return found is not None and 0 < int(found[1]) <= _MOST_DIGITS and int(found[2]) <= int(found[1])


def _check_name(what: str, name: str, table: str) -> None:
    if not name or "\0" in name or len(name.encode()) > _LONGEST:
        raise LoadError(
            f'{what} name "{name}" (table "{table}") has {len(name.encode())} bytes; PostgreSQL takes 1 to {_LONGEST}, '
            "without NUL. Nothing was sent; production is unchanged.",
            "give it a shorter name in the contract",
        )


def _check_type(where: str, column: Column, dtype: pl.DataType) -> None:
    if dtype != column.dtype:
        raise LoadError(
            f'{where}: column "{column.name}" is {dtype}, but goes to {column.type}, which takes exactly '
            f"{column.dtype}. Nothing was sent; production is unchanged.",
            f"cast it to {column.dtype} in a transform",
        )


def _check_values(where: str, column: Column, values: pl.Series | None) -> None:
    if values is None:
        if not column.nullable:
            raise LoadError(f'{where}: required column "{column.name}" is missing. Nothing was sent.')
        return
    if not column.nullable and values.null_count():
        row = values.is_null().arg_true()[0] + 1
        raise LoadError(f'{where}: required column "{column.name}" is null at row {row}. Nothing was sent.')
    if column.type == "uuid":
        _check_uuids(where, values)
    if column.digits:
        _check_digits(where, values, *column.digits)
    if isinstance(values.dtype, pl.Date | pl.Datetime):
        _check_times(where, values, _INFINITIES[column.type.split(maxsplit=1)[0]])


def _check_times(where: str, values: pl.Series, infinity: int) -> None:
    wrong = (values.to_physical() == infinity).arg_true()
    if len(wrong):
        raise LoadError(
            f'{where}: column "{values.name}" at row {wrong[0] + 1} is a time that PostgreSQL holds as -infinity. '
            "Nothing was sent."
        )


def _check_digits(where: str, values: pl.Series, precision: int, scale: int) -> None:
    """Refuse a text that is not a number as PostgreSQL spells it, which is how it is compared later."""
    whole = rf"(0|[1-9][0-9]{{0,{precision - scale - 1}}})" if precision > scale else "0"
    fraction = rf"\.[0-9]{{{scale}}}" if scale else ""
    right = values.str.contains(f"^-?{whole}{fraction}$")
    wrong = (~right | values.str.contains(r"^-[0.]*$")).arg_true()
    if len(wrong):
        raise LoadError(
            f'{where}: column "{values.name}" at row {wrong[0] + 1} is not a number as numeric({precision},{scale}) '
            "is printed. Nothing was sent."
        )


def _check_uuids(where: str, values: pl.Series) -> None:
    wrong = (values.bin.size() != _UUID_BYTES).arg_true()
    if len(wrong):
        raise LoadError(
            f'{where}: column "{values.name}" at row {wrong[0] + 1} has {len(values[int(wrong[0])])} bytes; '
            f"a uuid has {_UUID_BYTES}. Nothing was sent."
        )
