"""Which cells of a sheet are merged: they are named after its rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sources.xlsx.sheet_tokens import column_letters, column_number

if TYPE_CHECKING:
    from collections.abc import Iterable

END_OF_ROWS = re.compile(rb"</(?:\w+:)?sheetData\s*>")
LONGEST_END = 64
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')


class Merged(NamedTuple):
    """A merged range; its value is that of its first cell, and all its other cells are empty.

    Attributes:
        left: The number of its first column.
        top: Its first row.
        right: The number of its last column.
        bottom: Its last row.
    """

    left: int
    top: int
    right: int
    bottom: int

    def __str__(self) -> str:
        return f"{column_letters(self.left)}{self.top}:{column_letters(self.right)}{self.bottom}"


def merged_cells(pieces: Iterable[bytes]) -> list[Merged]:
    """List the merged ranges of a sheet.

    Args:
        pieces: The XML of the part. What is not written in UTF-8 has none that are found.
    """
    return [
        Merged(column_number(left.decode()), int(top), column_number(right.decode()), int(bottom))
        for left, top, right, bottom in MERGED.findall(_after_rows(pieces))
    ]


def _after_rows(pieces: Iterable[bytes]) -> bytes:
    after, kept, found = [], b"", False
    for piece in pieces:
        if found:
            after.append(piece)
            continue
        kept = kept[-LONGEST_END:] + piece
        end = END_OF_ROWS.search(kept)
        if end:
            found = True
            after.append(kept[end.end() :])
    return b"".join(after)
