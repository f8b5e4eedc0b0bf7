"""Parts of tables that are read when they are collected, over a limited number of connections."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polars.exceptions import PolarsError

from firn import SourceChanged, SourceError
from sources.mysql.catalogue import list_columns
from sources.mysql.changes import absent, checksums
from sources.mysql.chunks import read_chunk
from sources.mysql.errors import UNCHANGED
from sources.mysql.ranges import chunks
from sources.mysql.sessions import open_session
from sources.mysql.statements import quoted
from sources.mysql.values import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    import polars as pl

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.ranges import KeyRange, Parts
    from sources.mysql.sessions import Login, Server, Session
    from sources.mysql.types import Field
    from sources.mysql.values import Rows

_LEAST_BYTES = 16
"""Of a row, where the server's estimate is too small to be true."""


class Connections:
    """Connections to one server, never more at a time than allowed.

    Args:
        login: Where to.
        most: How many.
    """

    def __init__(self, login: Login, most: int) -> None:
        self.login, self.most = login, most
        self._free = threading.BoundedSemaphore(most)
        self._workers = ThreadPoolExecutor(most, thread_name_prefix="mysql")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session; nothing else may be asked of these connections while it is open.

        Raises:
            SourceError: The server does not answer, or refuses.
        """
        with self._free, open_session(self.login) as session:
            yield session

    def read(self, server: Server, table: ReadTable, keys: KeyRange | None) -> Future[tuple[Rows, int]]:
        """Begin to read a chunk; see `read_chunk`."""

        def work() -> tuple[Rows, int]:
            with self._free:
                return read_chunk(self.login, server, table.declared, table.fields, keys)

        return self._workers.submit(work)


@dataclass(slots=True)
class ReadTable:
    """A table as it was listed, and what is known of its parts.

    Attributes:
        declared: As the database describes it.
        fields: How each of its columns is read.
        parts: How it is divided.
        server: What the server said of itself.
        connections: Where its rows come from.
        chunk_bytes: How much is read at a time.
    """

    declared: SourceTable
    fields: tuple[Field, ...]
    parts: Parts
    server: Server
    connections: Connections
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
                with self.connections.session() as session:
                    self._sums = checksums(session, self.declared, self.fields, self.parts)
        return self._sums.get(part) or absent(self.fields)

    def read(self, keys: KeyRange | None) -> Rows:
        """Read a part, several chunks at a time, in the order of its keys by chunks.

        Raises:
            SourceUnavailable: The server does not answer.
            SourceChanged: The table is gone, or its columns are not those listed.
            SourceError: The server refused, or a value breaks a rule whose policy is to fail.
        """
        self._refuse_changed()  # in one attempt: the driver of the rows would try for 30 s, and lock the account
        reading = _Reading(self, keys)
        try:
            rows = reading.rows()
        except PolarsError:  # whose text may quote a value
            self._refuse_changed()
            raise SourceError(
                f'Table "{self.declared.name}" holds what its declaration does not allow. {UNCHANGED}',
                f"check the table: {self.connections.login.client(f'CHECK TABLE {quoted(self.declared.name)}')}",
            ) from None
        self._refuse_changed()
        return rows

    def _refuse_changed(self) -> None:
        """Raise SourceChanged where the columns are not those listed any more: what was read may be anything."""
        with self.connections.session() as session:
            now = tuple(list_columns(session, self.declared.name).get(self.declared.name, ()))
        was = self.declared.columns
        if now == was:
            return
        gone = [c.name for c in was if c not in now]
        new = [c.name for c in now if c not in was]
        raise SourceChanged(
            f'Table "{self.declared.name}" was altered while it was read: listed and no longer so: '
            f"{', '.join(gone) or 'nothing'}; so now, and not listed: {', '.join(new) or 'nothing'}. {UNCHANGED}",
            "run again, so that it is listed as it is now",
        )


class _Reading:
    """One part on its way; how many rows a chunk may have is learnt from those that have arrived."""

    def __init__(self, table: ReadTable, keys: KeyRange | None) -> None:
        self._table, self._keys = table, keys
        declared = table.declared
        self._row_bytes = max(_LEAST_BYTES, declared.data_bytes // max(1, declared.rows))
        self._under_way: deque[Future[tuple[Rows, int]]] = deque()
        self._arrived: list[Rows] = []

    def rows(self) -> Rows:
        """Read all chunks; after an error the others are not begun."""
        try:
            for keys in self._chunks():
                self._under_way.append(self._table.connections.read(self._table.server, self._table, keys))
                while len(self._under_way) >= self._table.connections.most:
                    self._take()
            while self._under_way:
                self._take()
        finally:
            for chunk in self._under_way:
                chunk.cancel()
        return together(self._arrived)

    def _take(self) -> None:
        rows, size = self._under_way.popleft().result()
        self._arrived.append(rows)
        if rows.frame.height:
            self._row_bytes = max(_LEAST_BYTES, size // rows.frame.height)

    def _chunks(self) -> Iterator[KeyRange | None]:
        table = self._table.declared
        if self._keys is None:
            return iter([None])
        return chunks(table, self._keys, self._most_rows, self._ask)

    def _most_rows(self) -> int:
        return max(1, self._table.chunk_bytes // self._row_bytes)

    def _ask(self, statement: str) -> list[tuple[int | None]]:
        with self._table.connections.session() as session:
            return session.rows(statement, f'Dividing table "{self._table.declared.name}"')


class PartFrames:
    """The tables of one part, read when the first of them is collected, and let go of table by table.

    Args:
        table: The table.
        keys: The part's keys; none for a whole table.
    """

    def __init__(self, table: ReadTable, keys: KeyRange | None) -> None:
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
