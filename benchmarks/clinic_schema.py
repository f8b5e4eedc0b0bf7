"""The tables of a clinic's program as its public catalogue shows them: 446 tables with 4,735 columns, and their sizes.

``data/clinic_tables.csv`` has rows and megabytes of each table (June 2025, or July 2026 where a table was new or had
been emptied), ``data/clinic_columns.csv`` the columns. Where only the name of a column is known, it is a
``varchar(255)``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Literal

__all__ = ["HEADLINE", "NAME_ONLY", "Column", "Engine", "Table", "tables"]

Engine = Literal["MyISAM", "InnoDB"]
# The five tables that hold more than half of the bytes.
HEADLINE = ("securitylog", "paysplit", "procedurelog", "histappointment", "sheetfield")
NAME_ONLY = "varchar(255)"
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalogue shows it.

    Attributes:
        name: Its name.
        type: Its MySQL type, as ``bigint(20)`` or ``tinyint(3) unsigned``.
        nullable: Whether it may be null.
        default: SQL for its default, or empty.
        extra: ``AUTO_INCREMENT``, ``ON UPDATE current_timestamp()``, a character set, or empty.
        key: ``primary``, ``index``, or empty.
    """

    name: str
    type: str
    nullable: bool
    default: str
    extra: str
    key: str

    @property
    def base(self) -> str:
        """The type without its width."""
        return self.type.partition("(")[0]

    @property
    def width(self) -> int:
        """The number in brackets, or 0."""
        return int(self.type.partition("(")[2].partition(")")[0] or 0)

    @property
    def stamped(self) -> bool:
        """Whether the server sets it whenever the row changes."""
        return self.extra.startswith("ON UPDATE")

    @property
    def definition(self) -> str:
        """Return SQL for the column."""
        charset, extra = (self.extra, "") if self.extra.startswith("CHARACTER SET") else ("", self.extra)
        null = "NULL" if self.nullable else "NOT NULL"
        default = f"DEFAULT {self.default}" if self.default else ""
        return " ".join(part for part in (f"`{self.name}`", self.type, charset, null, default, extra) if part)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalogue shows it, with as many rows and, data and indexes together, MiB as the clinic had."""

    name: str
    rows: int
    mb: float
    columns: tuple[Column, ...]

    @property
    def primary(self) -> str | None:
        """The column of the primary key; ten tables have none."""
        return next((column.name for column in self.columns if column.key == "primary"), None)

    @property
    def stamp(self) -> str | None:
        """The column that the server sets whenever a row changes."""
        return next((column.name for column in self.columns if column.stamped), None)

    def scaled(self, scale: float) -> int:
        """Return how many rows the table has at a scale: none if it is empty, else at least one."""
        return max(1, int(self.rows * scale)) if self.rows else 0

    def create(self, engine: Engine = "MyISAM") -> str:
        """Return the statement that makes the table."""
        parts = [column.definition for column in self.columns]
        parts += [f"PRIMARY KEY (`{self.primary}`)"] if self.primary else []
        parts += [f"KEY `{column.name}` (`{column.name}`)" for column in self.columns if column.key == "index"]
        return f"CREATE TABLE `{self.name}` (\n  " + ",\n  ".join(parts) + f"\n) ENGINE={engine}"


@cache
def tables() -> dict[str, Table]:
    """Return all 446 tables by name, in the order of their names."""
    columns = {
        name: tuple(_column(row) for row in rows)
        for name, rows in groupby(_rows("clinic_columns.csv"), lambda row: row["table"])
    }
    return {
        row["table"]: Table(row["table"], int(row["rows"]), float(row["mb"]), columns[row["table"]])
        for row in _rows("clinic_tables.csv")
    }


def _column(row: dict[str, str]) -> Column:
    return Column(
        row["column"], row["type"] or NAME_ONLY, row["nullable"] == "1", row["default"], row["extra"], row["key"]
    )


def _rows(file: str) -> list[dict[str, str]]:
    with (_DATA / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
