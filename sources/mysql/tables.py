"""Parts of tables that are read when they are collected."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sources.mysql.changes import absent
from sources.mysql.values import nothing, together
from sources.mysql.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from sources.mysql.database import Database, Declared
    from sources.mysql.ranges import Parts
    from sources.mysql.values import Rows
    from sources.mysql.windows import KeyRange


@dataclass(slots=True)
class ListedTable:
    """A table as it was listed, and what is known of its parts.

    Attributes:
        database: Where it is.
        declared: As the database describes it.
        parts: How it is divided.
        chunk_bytes: How much is read at a time.
    """

    database: Database
    declared: Declared
    parts: Parts
    chunk_bytes: int
    _sums: Mapping[int, str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def content(self, part: int) -> str:
        """Return the SHA-256 of a part's content, computed for all parts when the first is asked for.

        It is that of rows at or before the time at which they are read, so that a change in between is seen as one
        the next time.

        Raises:
            SourceError: The server refused, or was lost.
        """
        with self._lock:
            if self._sums is None:
                self._sums = self.database.checksums(self.declared, self.parts.bits)
        return self._sums.get(part) or absent(self.declared.fields)

    def read(self, keys: KeyRange | None) -> Rows:
        """Read a part, chunk after chunk, in the order of its keys by chunks.

        Raises:
            SourceUnavailable: The server does not answer.
            SourceChanged: The table is gone, or its columns are not those listed.
            SourceError: The server refused, or a value breaks a rule whose policy is to fail.
        """
        ranges = self.database.ranges(self.declared, Window(keys), self.chunk_bytes)
        chunks = [self.database.read(self.declared, Window(one)) for one in ranges]
        return together(chunks) if chunks else nothing(self.declared.schema)


class PartFrames:
    """The tables of one part, read when the first of them is collected, and let go of table by table.

    Args:
        table: The table.
        keys: The part's keys; none for a whole table.
    """

    def __init__(self, table: ListedTable, keys: KeyRange | None) -> None:
        self._table, self._keys = table, keys
        self._frames: dict[str, pl.DataFrame] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> pl.DataFrame:
        """Return ``rows``, ``counted`` or ``quarantined``.

        Raises:
            SourceError: The part could not be read.
        """
        with self._lock:
            if name not in self._frames:
                read = self._table.read(self._keys)
                self._frames = {"rows": read.frame, "counted": read.counted, "quarantined": read.quarantined}
            return self._frames.pop(name)
