"""Ranges of keys: parts of a table whose borders stay where they are, and chunks of a part that fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sources.mysql.statements import composed, quoted
from sources.mysql.windows import KeyRange, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.windows import Window

_MOST_PARTS = 4096
_WORD = 2**64


@dataclass(frozen=True, slots=True)
class Parts:
    """How a table is divided: into ranges of 2 to the power of ``bits`` keys that begin at multiples of that.

    So a row stays in its part whatever is added or deleted elsewhere, as long as the table's size does not double.

    Attributes:
        bits: The power; none for a table that is one part.
        ranges: By number of the range.
    """

    bits: int | None = None
    ranges: tuple[tuple[int, KeyRange], ...] = ()


def divided(table: SourceTable, ends: KeyRange | None, part_bytes: int) -> Parts:
    """Divide a table into parts of about so many bytes.

    Args:
        table: With the server's estimates.
        ends: Its lowest and highest key; none for a table that is one part.
        part_bytes: How many.
    """
    if ends is None:
        return Parts()
    low, high = ends.low, ends.high
    keys = max(1, (high - low + 1) * part_bytes // max(1, table.data_bytes))
    bits = min(keys.bit_length() - 1, 63)
    while (high >> bits) - (low >> bits) >= _MOST_PARTS:
        bits += 1
    ranges = [(n, KeyRange(n << bits, (n + 1 << bits) - 1)) for n in range(low >> bits, (high >> bits) + 1)]
    return Parts(bits, tuple(ranges))


def bucket(key: str, bits: int | None) -> str:
    """Return the SQL of the number of a key's range; negative keys come as MySQL shifts them, without a sign."""
    return "0" if bits is None else f"{key} >> {bits}"


def number(shifted: int, bits: int | None, *, unsigned: bool) -> int:
    """Return the number of a range from what MySQL computed."""
    if bits is None or unsigned or shifted < _WORD >> bits + 1:
        return shifted
    return shifted - (_WORD >> bits)


def chunks(
    table: SourceTable, window: Window, rows: Callable[[], int], ask: Callable[[str], Sequence[tuple[int | None]]]
) -> Iterator[KeyRange]:
    """Divide a range of keys into ranges of so many rows, found in the index: gaps between keys do not matter.

    Args:
        table: The table.
        window: The range, and which rows in it count.
        rows: Says how many rows the next chunk may have.
        ask: Asks the server.
    """
    assert window.keys  # noqa: S101 (what has no keys has no ranges)
    low, high = window.keys.low, window.keys.high
    key, name = quoted(table.key[0]), quoted(table.name)
    while True:
        rest = where(table, replace(window, keys=KeyRange(low, high)))
        found = ask(composed("border", key=key, table=name, where=rest, rows=rows()))
        if not found:
            yield KeyRange(low, high)
            return
        border = int(found[0][0] or 0)
        if border == low:  # many rows have this value of the key's first column
            following = ask(composed("next", key=key, table=name, where=rest, low=low))[0][0]
            border = high + 1 if following is None else int(following)
        yield KeyRange(low, border - 1)
        if border > high:
            return
        low = border
