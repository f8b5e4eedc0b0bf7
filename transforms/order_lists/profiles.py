"""How a customer's workbooks differ from the others: their sheet, their header row, and what their headers mean."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from firn import ConfigError
from transforms.order_lists.columns import COLUMNS, SOURCE_CUSTOMER, Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KEYS", "PLAIN", "Profile", "read_profile"]

KEYS: Final = frozenset({"sheet", "header_row", "headers"})
"""What a profile may say."""

LAST_HEADER_ROW: Final = 50
"""Below the first fifty rows that hold anything nobody looks for headers."""

_COLUMNS: Final = {column.name: column for column in COLUMNS if column.name != SOURCE_CUSTOMER}
_OWNERS: Final = {
    (spelling.casefold(), column.is_size): column
    for column in _COLUMNS.values()
    for spelling in (*column.aliases, column.name)
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of some workbooks before they are opened.

    Attributes:
        sheet: The only sheet that may be the list; empty where any may.
        header_row: The only row that may have its headers; 0 where any may.
        headers: Headers of these workbooks alone, each with the column that it feeds.
    """

    sheet: str = ""
    header_row: int = 0
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[tuple[str, Column], ...]:
        """The headers, each with its column."""
        return tuple((header, _COLUMNS[name]) for header, name in self.headers)


PLAIN: Final = Profile()
"""Workbooks of which nothing is known."""


def read_profile(table: Mapping[str, Any], place: str) -> Profile:
    """Read and validate a profile.

    Args:
        table: ``sheet``, ``header_row`` and ``headers``, each of which may be left out; other keys are passed over.
        place: What errors call it: its file and its customer or workbook.

    Returns:
        The profile.

    Raises:
        ConfigError: A value is not as described, a column does not exist, or a header means two columns.
    """
    sheet, row, headers = table.get("sheet", ""), table.get("header_row", 0), table.get("headers", {})
    if not isinstance(sheet, str) or not isinstance(headers, dict):
        raise ConfigError(
            f"{place}: sheet is a name, headers a table of header = column", 'headers = { "COL" = "DROP" }'
        )
    if type(row) is not int or not 0 <= row <= LAST_HEADER_ROW:
        raise ConfigError(f"{place}: header_row {row!r} is no row from 1 to {LAST_HEADER_ROW}", "Give Excel's row.")
    return Profile(sheet, row, tuple(_checked(headers, place)))


def _checked(headers: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    taken: dict[tuple[str, bool], str] = {}
    for spelt, name in headers.items():
        header = " ".join(spelt.split())
        if name not in _COLUMNS:
            close = get_close_matches(str(name), _COLUMNS, n=1)
            hint = f"Did you mean {close[0]}?" if close else "columns.csv lists the columns."
            raise ConfigError(f"{place}: the header {header!r} is to feed {name!r}, which is no column", hint)
        key = header.casefold(), _COLUMNS[name].is_size
        known = _OWNERS.get(key)
        other = known.name if known else taken.setdefault(key, name)
        if other != name:
            raise ConfigError(
                f"{place}: the header {header!r} is to feed {name!r}, and already means {other!r}",
                "One header feeds one column: keep it where it belongs.",
            )
        yield header, name
