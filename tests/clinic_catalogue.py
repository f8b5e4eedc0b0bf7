"""The public catalogue of the clinic's program, as its server would declare it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.clinic_schema import tables
from sources.mysql.catalogue import SourceColumn, SourceTable

if TYPE_CHECKING:
    from benchmarks.clinic_schema import Column, Table

MIB = 1_048_576


def clinic() -> dict[str, SourceTable]:
    """All 446 tables by name."""
    return {name: _table(table) for name, table in tables().items()}


def _table(table: Table) -> SourceTable:
    columns = tuple(_column(column) for column in table.columns)
    key = (table.primary,) if table.primary else ()
    keys = {"PRIMARY": key} if key else {}
    keys |= {column.name: (column.name,) for column in table.columns if column.key == "index"}
    size = int(table.mb * MIB)
    made = SourceTable(table.name, "MyISAM", table.rows, size // max(1, table.rows), size, columns=columns)
    return replace(made, key=key, keys=keys)


def _column(column: Column) -> SourceColumn:
    name = column.base.split()[0]
    return SourceColumn(
        column.name, name, column.type, column.nullable, default=column.default or None, extra=column.extra
    )
