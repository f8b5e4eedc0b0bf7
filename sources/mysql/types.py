"""From a declared type to the exact type of the frame and of PostgreSQL, and the SQL that reads it.

| MySQL                                     | Polars                | PostgreSQL       | read as |
|-------------------------------------------|-----------------------|------------------|---------|
| ``tinyint`` ``smallint`` ``mediumint`` ``int`` ``bigint`` | ``Int16`` ``Int32`` ``Int64``, the least that holds all | ``smallint`` ``integer`` ``bigint`` | itself |
| ``bigint unsigned``                       | ``Decimal(20, 0)``    | ``numeric(20,0)`` | itself |
| ``tinyint(1)`` by rule, ``bit(1)``        | ``Boolean``           | ``boolean``      | number |
| ``bit(n)``                                | the number that it is | likewise         | ``CAST(... AS UNSIGNED)`` |
| ``decimal(p,s)`` to 38 digits             | ``Decimal(p, s)``     | ``numeric(p,s)`` | itself; as text beyond what connectorx holds |
| ``decimal(p,s)`` of 39 to 65 digits       | ``String``            | ``numeric(p,s)`` | text |
| ``float`` ``double``                      | ``Float32`` ``Float64`` | ``real`` ``double precision`` | itself |
| ``date``                                  | ``Date``              | ``date``         | number, ``20240131`` |
| ``datetime``                              | ``Datetime("us")``    | ``timestamp without time zone`` | number; with fractions itself, guarded as text |
| ``timestamp``                             | ``Datetime("us", "UTC")`` | ``timestamp with time zone`` | likewise, in UTC |
| ``time``                                  | ``Duration("us")``    | ``interval``     | likewise; it may be negative, or days long |
| ``year``                                  | ``Int16``             | ``smallint``     | itself |
| ``char`` ``varchar`` ``text`` ``enum`` ``set`` ``uuid`` ``inet`` | ``String`` | ``text``  | itself |
| ``json``                                  | ``String``            | ``text``         | ``CAST(... AS CHAR)``, as the server spells it |
| ``binary`` ``varbinary`` ``blob``         | ``Binary``            | ``bytea``        | itself |
| ``geometry`` and its kinds                | ``Binary``            | ``bytea``        | ``ST_AsBinary``: WKB, without its SRID |

A Polars decimal has 38 digits at most, so longer ones stay text until the loader sends them as PostgreSQL's numeric.
JSON is text there too: ``jsonb`` respells numbers and drops repeated keys, and ``json`` has no equality to compare by.
"""  # noqa: E501 (a row of a table is one line)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import dataframely as dy
import polars as pl

from firn import SourceError
from sources.mysql.catalogue import INTEGERS, SourceColumn, SourceTable
from sources.mysql.errors import UNCHANGED
from sources.mysql.rules import EMPTYING, Rules
from sources.mysql.statements import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORDS: Mapping[str, tuple[pl.DataType, pl.DataType]] = {
    "tinyint": (pl.Int16(), pl.Int16()),
    "smallint": (pl.Int16(), pl.Int32()),
    "mediumint": (pl.Int32(), pl.Int32()),
    "int": (pl.Int32(), pl.Int64()),
    "bigint": (pl.Int64(), pl.Decimal(20, 0)),
}
"""Per whole number what holds it, signed and unsigned."""
_BITS: Mapping[int, pl.DataType] = {
    1: pl.Boolean(),
    15: pl.Int16(),
    31: pl.Int32(),
    63: pl.Int64(),
    64: pl.Decimal(20, 0),
}
"""Up to how many bits what holds them."""
_TEXTS = ("char", "varchar", "tinytext", "text", "uuid", "inet4", "inet6")
_LONG_TEXTS = ("mediumtext", "longtext")
_BYTES = ("binary", "varbinary", "tinyblob", "blob")
_LONG_BYTES = ("mediumblob", "longblob")
_QUOTED = (*_TEXTS, *_LONG_TEXTS, "enum", "set", "json")
_SHAPES = (
    *("geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection"),
    *("multipoint", "multilinestring", "multipolygon"),
)
_MOST_DIGITS = 38  # of a Polars decimal
_CX_WHOLE, _CX_SCALE = 18, 10  # digits before and behind the point that connectorx's decimals hold whatever they are
_COLUMNS: Mapping[pl.DataType, Callable[..., dy.Column]] = {
    pl.Boolean(): dy.Bool,
    pl.Int16(): dy.Int16,
    pl.Int32(): dy.Int32,
    pl.Int64(): dy.Int64,
    pl.Float32(): dy.Float32,
    pl.Float64(): dy.Float64,
    pl.String(): dy.String,
    pl.Binary(): dy.Binary,
    pl.Date(): dy.Date,
    pl.Duration("us"): dy.Duration,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a declared type travel; ``{}`` stands for the column in SQL.

    Attributes:
        dtype: The frame's type.
        postgres: PostgreSQL's type, where the frame's alone does not tell it.
        plain: Reads it at full speed.
        guarded: Reads it whatever it holds: days and times as text.
        hashed: Its exact value, to compare it at the source.
        measured: How that is told from its neighbours, where it may hold a comma: by its length in front of it, or, as
            it may be long, by its digest.
    """

    dtype: pl.DataType
    postgres: str = ""
    plain: str = "{}"
    guarded: str = ""
    hashed: str = "{}"
    measured: Literal["", "length", "digest"] = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table that is read.

    Attributes:
        column: As it is declared.
        kind: How its values travel.
        rules: What is done with values that PostgreSQL does not have.
    """

    column: SourceColumn
    kind: Kind
    rules: Rules

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def nullable(self) -> bool:
        """Whether the frame may have null: where the source may, or a rule leaves it."""
        return self.column.nullable or any(self.rules.policy(rule) in EMPTYING for rule in self.applicable())

    def applicable(self) -> tuple[str, ...]:
        """Return the rules that values of this type can break."""
        if isinstance(self.kind.dtype, pl.Date | pl.Datetime):
            return ("zero_date", "sentinel") if self.rules.sentinels else ("zero_date",)
        if self.kind.dtype == pl.Boolean and self.column.data_type == "tinyint":
            return ("not_boolean",)
        return ("nul",) if self.column.data_type in (*_TEXTS, *_LONG_TEXTS) else ()

    def read(self, *, guarded: bool) -> str:
        """Return the SQL that reads it."""
        return ((guarded and self.kind.guarded) or self.kind.plain).format(quoted(self.name))

    def printed(self) -> str:
        """Return the SQL of its exact value as a cell of a line: texts quoted, bytes as hex, nothing for null."""
        value = self.kind.hashed.format(quoted(self.name)) if self.kind.dtype.is_float() else self.read(guarded=True)
        if self.kind.dtype == pl.Binary:
            value = f"""CONCAT('"', HEX({value}), '"')"""
        elif self.column.data_type in _QUOTED:
            value = f"""CONCAT('"', REPLACE(CONVERT({value} USING utf8mb4), '"', '""'), '"')"""
        return f"IF({quoted(self.name)} IS NULL, '', {value})" if self.column.nullable else value

    def printed_dtype(self) -> pl.DataType:
        """Return the type as which a cell is read."""
        if self.kind.dtype.is_float():
            return pl.Float64()
        is_number = self.kind.dtype.is_integer() or self.kind.dtype == pl.Boolean
        if is_number or (self.kind.dtype.is_temporal() and not self.kind.guarded):
            return pl.Int64()
        return pl.UInt64() if self.column.data_type in ("bigint", "bit") else pl.String()

    def hashed(self, digest: str) -> str:
        """Return the SQL of its exact value among those that are joined with commas, where null would be left out.

        Args:
            digest: The SQL of a digest.
        """
        value = self.kind.hashed.format(quoted(self.name))
        told = {"": value, "length": f"LENGTH({value})", "digest": digest.format(value)}[self.kind.measured]
        told = f"IFNULL({told}, 'N')" if self.column.nullable else told
        return f"{told}, {value}" if self.kind.measured == "length" else told


def fields_of(table: SourceTable, rules: Callable[[str], Rules]) -> tuple[Field, ...]:
    """Return how each column of a table is read.

    Args:
        table: As it is declared.
        rules: The rules of a column by its name.

    Raises:
        SourceError: A column's type has no exact partner.
    """
    return tuple(_field(table.name, column, rules(column.name)) for column in table.columns)


def contract_of(table: SourceTable, fields: tuple[Field, ...]) -> type[dy.Schema]:
    """Return the contract that a table's rows keep, with the names as they are spelt."""
    empty = {field.name for field in fields if field.nullable}
    keyed = not empty & set(table.key)
    columns = {
        f"column_{i}": _contracted(field, primary_key=keyed and field.name in table.key)
        for i, field in enumerate(fields)
    }
    return type("Contract", (dy.Schema,), columns)


def _contracted(field: Field, *, primary_key: bool) -> dy.Column:
    dtype = field.kind.dtype
    stated: dict[str, Any] = {"nullable": field.nullable, "primary_key": primary_key, "alias": field.name}
    if field.kind.postgres:
        stated["metadata"] = {"postgres": field.kind.postgres}
    if isinstance(dtype, pl.Decimal):
        return dy.Decimal(dtype.precision, dtype.scale, **stated)
    if isinstance(dtype, pl.Datetime):
        return dy.Datetime(time_zone=dtype.time_zone, time_unit="us", **stated)
    return _COLUMNS[dtype](**stated)


def _field(table: str, column: SourceColumn, rules: Rules) -> Field:
    kind = _kind(column, rules)
    if kind is None:
        raise SourceError(
            f'Column "{column.name}" of table "{table}" is {column.declared}, for which there is no exact type here. '
            f"{UNCHANGED}",
            f'leave the table out: exclude = ["{table}"]',
        )
    return Field(column, kind, rules)


def _kind(column: SourceColumn, rules: Rules) -> Kind | None:
    name = column.data_type
    if name in INTEGERS:
        truth = column.declared.startswith("tinyint(1)") and rules.tinyint1 == "boolean"
        return Kind(pl.Boolean() if truth else _WORDS[name][column.unsigned])
    if name == "decimal":
        return _decimal(int(column.precision or 0), int(column.scale or 0))
    if name == "bit":
        dtype = next(dtype for bits, dtype in _BITS.items() if (column.precision or 0) <= bits)
        return Kind(dtype, plain="CAST({} AS UNSIGNED)", hashed="CAST({} AS UNSIGNED)")
    if name in _MOMENTS:
        return _moment(_MOMENTS[name], has_fractions="(" in column.declared)
    return _KINDS.get(name)


def _decimal(precision: int, scale: int) -> Kind:
    text = "CAST({} AS CHAR)"
    if precision > _MOST_DIGITS:
        return Kind(pl.String(), f"numeric({precision},{scale})", plain=text)
    fits = precision - scale <= _CX_WHOLE and scale <= _CX_SCALE
    return Kind(pl.Decimal(precision, scale), plain="{}" if fits else text)


def _moment(dtype: pl.DataType, *, has_fractions: bool) -> Kind:
    return Kind(dtype, guarded="CAST({} AS CHAR)") if has_fractions else Kind(dtype, plain="{} + 0")


_MOMENTS: Mapping[str, pl.DataType] = {
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
    "timestamp": pl.Datetime("us", "UTC"),
    "time": pl.Duration("us"),
}
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(_TEXTS, Kind(pl.String(), measured="length")),
    **dict.fromkeys(_LONG_TEXTS, Kind(pl.String(), measured="digest")),
    **dict.fromkeys(("enum", "set"), Kind(pl.String(), hashed="{} + 0")),
    **dict.fromkeys(_BYTES, Kind(pl.Binary(), measured="length")),
    **dict.fromkeys(_LONG_BYTES, Kind(pl.Binary(), measured="digest")),
    **dict.fromkeys(_SHAPES, Kind(pl.Binary(), plain="ST_AsBinary({})", hashed="ST_AsBinary({})", measured="digest")),
    # The text of a float shows six digits, that of a product with a double 15 or more; MySQL shows all 17 of a column.
    "float": Kind(pl.Float32(), hashed="{} * 1e0"),
    "double": Kind(pl.Float64()),
    "year": Kind(pl.Int16()),
    "json": Kind(pl.String(), plain="CAST({} AS CHAR)", hashed="CAST({} AS CHAR)", measured="digest"),
}
