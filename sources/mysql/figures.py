"""Counts and exact sums of the rows of a window, computed by the server to be compared with what arrived."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from sources.mysql.statements import composed, quoted
from sources.mysql.windows import where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.sessions import Session
    from sources.mysql.windows import Window

_FLOATING = ("float", "double")


@dataclass(frozen=True, slots=True)
class Figures:
    """What the server computed of some rows.

    Attributes:
        rows: How many there are.
        sums: By column the exact sum of its values, nulls left out; 0 where there are none. A ``float`` or ``double``
            counts as the shortest decimal number that is read back as that double, to 30 digits behind the point and
            half away from zero: in PostgreSQL ``sum(round(COLUMN::double precision::text::numeric, 30))``. So no order
            of summing matters, and nothing is lost.
    """

    rows: int
    sums: Mapping[str, Decimal] = field(default_factory=dict)


def compute(session: Session, table: SourceTable, window: Window, sums: Sequence[str]) -> Figures:
    """Return the figures of a window, in one query.

    Args:
        session: Where to ask.
        table: The table.
        window: Which rows.
        sums: The columns that are summed, which are numbers.

    Raises:
        SourceError: The server refused, or was lost.
    """
    declared = {column.name: column.data_type for column in table.columns}
    terms = "".join(f", {_sum(quoted(name), declared[name])}" for name in sums)
    query = composed("figures", sums=terms, table=quoted(table.name), where=where(table, window))
    rows, *found = session.rows(query, f'Computing figures of table "{table.name}"{window}')[0]
    return Figures(int(rows), {name: Decimal(one or 0) for name, one in zip(sums, found, strict=True)})


def _sum(column: str, data_type: str) -> str:
    return f"SUM(CAST({column} AS DECIMAL(65,30)))" if data_type in _FLOATING else f"SUM({column})"
