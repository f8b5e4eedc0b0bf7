"""What the database says of its tables: columns as they are declared, keys, sizes, and when each was last written."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sources.mysql.statements import STATEMENTS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sources.mysql.sessions import Session

INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as it is declared.

    Attributes:
        name: Its name, as it is spelt.
        data_type: Its type's name, such as ``bigint``.
        declared: Its type in full, such as ``bigint(20) unsigned``.
        nullable: Whether it may be null there.
        precision: Digits of a number, if it has any.
        scale: Those of them behind the point.
        charset: Of a text.
        collation: Of a text.
        default: The expression of its default.
        extra: Such as ``auto_increment`` or ``on update current_timestamp()``.
    """

    name: str
    data_type: str
    declared: str
    nullable: bool = True
    precision: int | None = None
    scale: int | None = None
    charset: str | None = None
    collation: str | None = None
    default: str | None = None
    extra: str = ""

    @property
    def unsigned(self) -> bool:
        """Whether it holds no negative numbers."""
        return "unsigned" in self.declared


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table as it is declared, with what the server estimates of it.

    Attributes:
        name: Its name, as it is spelt.
        engine: Its storage engine.
        rows: How many rows; an estimate except in MyISAM.
        row_bytes: The mean length of a row; an estimate.
        data_bytes: The length of its data.
        index_bytes: The length of its indexes.
        auto_increment: The next number that it gives.
        created: When it was made, by the server's clock in UTC.
        updated: When it was last written, likewise; unknown where the engine has forgotten it.
        collation: Its own.
        columns: In order.
        key: The columns of its primary key, else of the first unique key that cannot be null.
        keys: Per index its columns, in order.
    """

    name: str
    engine: str = ""
    rows: int = 0
    row_bytes: int = 0
    data_bytes: int = 0
    index_bytes: int = 0
    auto_increment: int | None = None
    created: dt.datetime | None = None
    updated: dt.datetime | None = None
    collation: str = ""
    columns: tuple[SourceColumn, ...] = ()
    key: tuple[str, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def range_column(self) -> SourceColumn | None:
        """The whole number by whose ranges it can be read: the first column of its key."""
        first = next((c for c in self.columns if c.name == next(iter(self.key), None)), None)
        return first if first and first.data_type in INTEGERS else None


def list_tables(session: Session) -> list[SourceTable]:
    """List the tables of the database by name, in three queries whatever their number.

    Raises:
        SourceError: The server refused, or was lost.
    """
    columns = list_columns(session)
    keys = _keys(session)
    return [
        _table(row, tuple(columns.get(row[0], ())), keys[row[0]])
        for row in session.rows(STATEMENTS["tables"], "Listing the tables")
    ]


def _table(row: tuple[Any, ...], columns: tuple[SourceColumn, ...], keys: _Keys) -> SourceTable:
    name, engine, rows, row_bytes, data_bytes, index_bytes, number, created, updated, collation = row
    return SourceTable(
        name,
        engine or "",
        int(rows or 0),
        int(row_bytes or 0),
        int(data_bytes or 0),
        int(index_bytes or 0),
        number,
        created,
        updated,
        collation or "",
        columns,
        keys.primary,
        keys.columns,
    )


def list_columns(session: Session, table: str = "") -> Mapping[str, Sequence[SourceColumn]]:
    """List the columns of one table, or of all, in order.

    Raises:
        SourceError: The server refused, or was lost.
    """
    found: dict[str, list[SourceColumn]] = defaultdict(list)
    for name, column, data_type, declared, nullable, precision, scale, *rest in session.rows(
        STATEMENTS["columns"], "Listing the columns", {"table": table}
    ):
        found[name].append(
            SourceColumn(column, data_type, declared, nullable == "YES", _whole(precision), _whole(scale), *rest)
        )
    return found


def _whole(digits: int | None) -> int | None:
    return None if digits is None else int(digits)


@dataclass(slots=True)
class _Keys:
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fit: dict[str, bool] = field(default_factory=dict)

    def add(self, index: str, column: str, *, fits: bool) -> None:
        self.columns[index] = (*self.columns.get(index, ()), column)
        self.fit[index] = self.fit.get(index, True) and fits

    @property
    def primary(self) -> tuple[str, ...]:
        """The columns that tell every row from the others: indexes come with the primary key first."""
        return next((self.columns[index] for index, fits in self.fit.items() if fits), ())


def _keys(session: Session) -> Mapping[str, _Keys]:
    found: dict[str, _Keys] = defaultdict(_Keys)
    for table, index, column, repeats, nullable, prefix in session.rows(STATEMENTS["keys"], "Listing the keys"):
        # MySQL 8 has indexes on expressions, which have no column.
        found[table].add(index, column or "", fits=not repeats and nullable != "YES" and not prefix and bool(column))
    return found
