"""Windows on a table: ranges of keys and bounds of a stamp, with values written as literals that are exact."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from sources.mysql.statements import quoted

if TYPE_CHECKING:
    from sources.mysql.catalogue import SourceTable

Value: TypeAlias = int | Decimal | str | dt.date | dt.datetime


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys from one whole number to another, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        """Name it as a part of a table."""
        return f"{self.low}..{self.high}"


@dataclass(frozen=True, slots=True)
class Since:
    """The rows whose column holds at least a value, equal ones included; neither null nor zero dates are among them.

    Attributes:
        column: The column.
        value: The value; a ``timestamp`` is meant in UTC.
    """

    column: str
    value: Value

    def __str__(self) -> str:
        """Say it in a sentence."""
        return f"{self.column} from {self.value}"


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a table are meant: those in a range of keys, and of them those since a value.

    Attributes:
        keys: Of the first column of its key; none for all.
        since: None for all.
    """

    keys: KeyRange | None = None
    since: Since | None = None

    def __str__(self) -> str:
        """Say it behind the name of a table; nothing where all rows are meant."""
        keys = f", keys {self.keys}" if self.keys else ""
        return f"{keys}, {self.since}" if self.since else keys


def where(table: SourceTable, window: Window) -> str:
    """Return the SQL of a window, with a blank before it; empty where all rows are meant."""
    bounds = []
    if window.keys:
        bounds.append(f"{quoted(table.key[0])} BETWEEN {window.keys.low} AND {window.keys.high}")
    if window.since:
        bounds.append(f"{quoted(window.since.column)} >= {literal(window.since.value)}")
    return f" WHERE {' AND '.join(bounds)}" if bounds else ""


def literal(value: Value) -> str:
    """Write a value so that it means the same under every ``sql_mode`` and compares by the column's collation."""
    if isinstance(value, str):
        return f"_utf8mb4 X'{value.encode().hex()}'"
    if isinstance(value, dt.datetime) and value.tzinfo:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return f"'{value}'" if isinstance(value, dt.date) else f"{value:f}" if isinstance(value, Decimal) else f"{value:d}"
