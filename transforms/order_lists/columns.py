"""The business columns of an order list, read from ``columns.csv``: the one place that names and types them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firn import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "COLUMNS",
    "CUSTOMER",
    "FIRST_AFTER_SIZES",
    "KEY_COLUMNS",
    "LAST_BEFORE_SIZES",
    "ORDER_NUMBER",
    "ORDER_TYPE",
    "REQUIRED_COLUMNS",
    "SIZE_KIND",
    "SOURCE_CUSTOMER",
    "TYPES",
    "Column",
    "read_columns",
]

TYPES: Final = frozenset({"text", "date", "integer", "smallint", "numeric(18,4)", "numeric(12,6)"})

_FIELDS: Final = ("ordinal", "name", "type", "group", "kind", "aliases")

ORDER_NUMBER: Final = "AAG ORDER NUMBER"
CUSTOMER: Final = "CUSTOMER NAME"
SOURCE_CUSTOMER: Final = "SOURCE_CUSTOMER_NAME"
"""The customer as the cell has it: made of ``CUSTOMER NAME``, so that no header feeds it."""

ORDER_TYPE: Final = "ORDER TYPE"
SIZE_KIND: Final = "qty_size"
LAST_BEFORE_SIZES: Final = "UNIT OF MEASURE"
FIRST_AFTER_SIZES: Final = "TOTAL QTY"

KEY_COLUMNS: Final = (
    CUSTOMER,
    ORDER_NUMBER,
    "PLANNED DELIVERY METHOD",
    "CUSTOMER STYLE",
    "PO NUMBER",
    ORDER_TYPE,
    "ALIAS/RELATED ITEM",
    "CUSTOMER ALT PO",
)
"""The customer, the three unique keys, and the four tie-breakers: what tells one order line from another."""

REQUIRED_COLUMNS: Final = (*KEY_COLUMNS[:4], LAST_BEFORE_SIZES, FIRST_AFTER_SIZES)
"""Without these a sheet is not an order list: its lines have no name, or its sizes no place."""


@dataclass(frozen=True, slots=True)
class Column:
    """A business column.

    Attributes:
        ordinal: Its place in the published table; ``record_uuid`` is 1.
        name: Its published name, and its usual header.
        type: Its PostgreSQL type, one of ``TYPES``.
        group: ``g1_order``, ``g2_size_...`` or ``g3_detail``.
        kind: What its values mean: text, money, a size's quantity.
        aliases: Other headers of the same column.
    """

    ordinal: int
    name: str
    type: str
    group: str
    kind: str
    aliases: tuple[str, ...] = ()

    @property
    def is_size(self) -> bool:
        """Whether it holds the quantity of one size."""
        return self.kind == SIZE_KIND


def read_columns(lines: Iterable[str], file: str) -> tuple[Column, ...]:
    """Read and validate the business columns.

    Args:
        lines: CSV with the header ``ordinal,name,type,group,kind,aliases``; aliases are separated by ``|``.
        file: What errors call it.

    Returns:
        The columns, by ordinal.

    Raises:
        ConfigError: A type is unknown, a name or alias stands for two columns, or the ordinals do not count up.
    """
    reader = csv.DictReader(lines)
    numbered = [(reader.line_num, _column(row, f"{file}, line {reader.line_num}")) for row in reader]
    columns = tuple(column for _, column in numbered)
    _check_order(numbered, file)
    _check_spellings(numbered, file)
    return columns


def _column(row: dict[str, str], place: str) -> Column:
    if list(row) != list(_FIELDS) or None in row.values():
        raise ConfigError(f"{place}: a line has the fields {', '.join(_FIELDS)}")
    if not row["ordinal"].isdecimal():
        raise ConfigError(f"{place}: {row['ordinal']!r} is no number")
    if row["type"] not in TYPES:
        raise ConfigError(f"{place}: {row['type']!r} is no type", f"Use one of {', '.join(sorted(TYPES))}.")
    aliases = tuple(alias for alias in row["aliases"].split("|") if alias)
    return Column(int(row["ordinal"]), row["name"], row["type"], row["group"], row["kind"], aliases)


def _check_order(numbered: Sequence[tuple[int, Column]], file: str) -> None:
    for (_, before), (line, column) in pairwise(numbered):
        if column.ordinal != before.ordinal + 1:
            raise ConfigError(f"{file}, line {line}: {column.name!r} is number {column.ordinal} after {before.ordinal}")


def _check_spellings(numbered: Sequence[tuple[int, Column]], file: str) -> None:
    owners: dict[str, str] = {}
    for line, column in numbered:
        if column.name in owners:
            raise ConfigError(f"{file}, line {line}: {column.name!r} is listed twice")
        owners[column.name] = column.name
    for line, column in numbered:
        for alias in column.aliases:
            owner = owners.setdefault(alias, column.name)
            if alias == owner or owner != column.name:
                raise ConfigError(
                    f"{file}, line {line}: the alias {alias!r} of {column.name!r} already means {owner!r}",
                    "One header feeds one column: keep the alias where it belongs.",
                )


def _shipped() -> tuple[Column, ...]:
    path = Path(__file__).with_name("columns.csv")
    return read_columns(path.read_text(encoding="utf-8").splitlines(), path.name)


COLUMNS: Final = _shipped()
