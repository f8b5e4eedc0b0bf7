"""One open database: what it says of its tables, and their rows, asked from several threads."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.exceptions import PolarsError

from firn import SourceChanged, SourceError
from sources.mysql.catalogue import list_columns, list_tables
from sources.mysql.changes import checksums, shape
from sources.mysql.chunks import read_chunk
from sources.mysql.connections import Connections
from sources.mysql.errors import UNCHANGED
from sources.mysql.figures import compute
from sources.mysql.locks import lock
from sources.mysql.marks import list_marks
from sources.mysql.ranges import chunks
from sources.mysql.sessions import open_session
from sources.mysql.snapshots import begin, begin_together, end
from sources.mysql.statements import STATEMENTS, composed, quoted
from sources.mysql.streams import stream
from sources.mysql.types import contract_of, fields_of
from sources.mysql.values import together
from sources.mysql.windows import KeyRange, Window, where

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import dataframely as dy

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.figures import Figures
    from sources.mysql.marks import Mark
    from sources.mysql.rules import Rules
    from sources.mysql.sessions import Server
    from sources.mysql.types import Field
    from sources.mysql.values import Rows

_GRANT = re.compile(r"GRANT (?!USAGE)(.+?) ON (.+) TO [`']")
_VALUE_BYTES = 16
"""Of a value, where the server's estimate of a row is too small to be true."""
_PIECE = 8_000_000
"""Bytes of text that are parsed at a time."""
_FIRST = 8
"""What part of a chunk is read first, to learn how long rows are."""


@dataclass(frozen=True)
class Declared:
    """A table as it is declared, and how each of its columns is read.

    Attributes:
        table: As the database describes it.
        fields: Its columns, in order.
    """

    table: SourceTable
    fields: tuple[Field, ...]

    @cached_property
    def contract(self) -> type[dy.Schema]:
        """The contract that its rows keep, with the names as they are spelt."""
        return contract_of(self.table, self.fields)

    @cached_property
    def schema(self) -> pl.Schema:
        """The frame's columns and types."""
        return pl.Schema({field.name: field.kind.dtype for field in self.fields})

    @cached_property
    def shape(self) -> str:
        """A text that changes whenever other values, or other types, would be read of the same rows."""
        return shape(self.fields)

    @property
    def name(self) -> str:
        """Its name, as it is spelt."""
        return self.table.name


class Database:
    """The tables of one database, over connections that are kept until it is closed, and made anew after that.

    Every method may be called from several threads, waits for its answer, and raises:

    - SourceUnavailable: The server does not answer, or may answer later.
    - SourceChanged: A table is gone, or its columns are not those declared.
    - SourceError: The server refused.

    Args:
        connections: Where to ask.
        server: What the server said of itself.
        rules: The rules of a column, by table and column.
        frozen: Whether the connections are in a snapshot, and rows must come over them.
    """

    def __init__(
        self, connections: Connections, server: Server, rules: Callable[[str, str], Rules], *, frozen: bool = False
    ) -> None:
        self.server = server
        self._frozen = frozen
        self._connections, self._rules = connections, rules
        self._row_bytes: dict[str, int] = {}

    def tables(self) -> list[SourceTable]:
        """List the tables by name, as they are declared, with the server's estimates: in three queries."""
        with self._connections.session() as session:
            return list_tables(session)

    def declared(self, table: SourceTable, only: Collection[str] | None = None) -> Declared:
        """Return how a table is read; asks nothing.

        Args:
            table: As the database describes it.
            only: The columns that are read; all where none are named.

        Raises:
            SourceError: A column's type has no exact partner.
        """
        wanted = [column.name for column in table.columns] if only is None else only
        read = replace(table, columns=tuple(column for column in table.columns if column.name in wanted))
        return Declared(table, fields_of(read, lambda column: self._rules(table.name, column)))

    def rights(self) -> list[str]:
        """Say what the account may do, as words such as ``SELECT on `practice`.*``; no password is among them."""
        with self._connections.session() as session:
            rows = session.rows("SHOW GRANTS", "Asking what the account may do")
        found = [_GRANT.match(str(row[0])) for row in rows]
        return [f"{one[1]} on {one[2]}" for one in found if one]

    def marks(self, names: Collection[str]) -> Mapping[str, Mark]:
        """Return by name what the server says of the last writes of tables; those that are gone are left out."""
        with self._connections.session() as session:
            return list_marks(session, frozenset(names))

    def mark(self, name: str) -> Mark:
        """Return what the server says of the last write of a table.

        Raises:
            SourceChanged: It is gone.
        """
        found = self.marks([name]).get(name)
        if found is None:
            raise SourceChanged(
                f'Table "{name}" was dropped while it was read. {UNCHANGED}',
                "run again, so that it is listed as it is now",
            )
        return found

    def ranges(self, declared: Declared, window: Window, size: int) -> Iterator[KeyRange | None]:
        """Divide a window into ranges of keys that follow one another, each of about so many bytes when it is read.

        How long rows are is learnt from what was read of the table meanwhile. Rows that are added beyond the highest
        key while this goes on are in no range.

        Args:
            declared: The table.
            window: Which rows.
            size: Bytes, as the frame holds them.

        Yields:
            Nothing where there are no rows; one None where the first column of the key is no whole number.
        """
        table = declared.table
        if table.range_column is None:
            yield None
            return
        keys = window.keys if window.keys and not window.since else self.ends(declared, window)
        if keys:
            yield from chunks(table, replace(window, keys=keys), lambda: self._most_rows(table, size), self._ask)

    def ends(self, declared: Declared, window: Window | None = None) -> KeyRange | None:
        """Return the lowest and highest key of a window of a table whose keys are whole numbers; none without rows."""
        table = declared.table
        key = quoted(table.key[0])
        query = composed("ends", key=key, table=quoted(table.name), where=where(table, window or Window()))
        low, high = self._ask(query)[0]
        return None if low is None else KeyRange(int(low), int(high))

    def read(self, declared: Declared, window: Window | None = None) -> Rows:
        """Read the rows of a window, in any order; the columns are looked at before and after.

        Raises:
            SourceError: Also where a value breaks a rule whose policy is to fail.
        """
        return self._read(declared, declared.fields, window or Window())

    def pieces(self, declared: Declared, window: Window, size: int) -> Iterator[Rows]:
        """Read the rows of a window in one query, piece by piece, whether they have ranges of keys or not.

        It takes three times as long as reading by ranges, over one connection that is lent until the end.

        Args:
            declared: The table.
            window: Which rows.
            size: About how many bytes of text a piece has.
        """
        with self._guarded(declared), self._connections.session() as session:
            for rows, _ in stream(session, declared.table, declared.fields, window, size=size):
                yield rows

    def keys(self, declared: Declared, window: Window | None = None, also: Sequence[str] = ()) -> pl.DataFrame:
        """Return the columns of the key of the rows of a window, ordered by them as the server orders.

        Args:
            declared: The table.
            window: Which rows.
            also: Other columns that are wanted too.
        """
        key = declared.table.key
        fields = [field for name in dict.fromkeys([*key, *also]) for field in declared.fields if field.name == name]
        return self._read(declared, fields, window or Window(), order=key).frame

    def figures(self, declared: Declared, window: Window | None = None, sums: Sequence[str] = ()) -> Figures:
        """Return how many rows a window has, and the exact sums of some of its columns: in one query."""
        with self._connections.session() as session:
            return compute(session, declared.table, window or Window(), sums)

    def checksums(self, declared: Declared, bits: int | None, window: Window | None = None) -> Mapping[int, str]:
        """Return the SHA-256 of the rows of each range of 2 to the power of ``bits`` keys, by the range's number.

        Range n has the keys from n times that power; without bits all rows are range 0. Ranges without rows are left
        out. All rows of the window are read at the source, in one query.
        """
        with self._connections.session() as session:
            return checksums(session, declared.table, declared.fields, window or Window(), bits)

    def highest(self, declared: Declared, column: str) -> int | str | dt.date | dt.datetime | None:
        """Return the greatest value of a column, to be read from the next time; a ``timestamp`` in UTC.

        None where no row has one, or where it is a day that no calendar has.
        """
        query = composed("highest", column=quoted(column), table=quoted(declared.name))
        found: Any = self._ask(query, f'Asking for the highest "{column}" of table "{declared.name}"')[0][0]
        dtype = declared.schema[column]
        return None if isinstance(found, str) and dtype != pl.String else found

    @contextmanager
    def locked(self, names: Sequence[str]) -> Iterator[None]:
        """Keep everybody from writing tables until the end of the block, over a connection of its own.

        Raises:
            SourceUnavailable: Also where somebody writes for longer than five seconds on end.
            SourceError: Also where the account may not lock tables.
        """
        with self._connections.session() as session:
            lock(session, names, self._connections.login)
            try:
                yield
            finally:
                session.rows("UNLOCK TABLES", "Unlocking tables")

    @contextmanager
    def snapshot(self, tables: Sequence[Declared]) -> Iterator[Database]:
        """Give the database as it is at one moment, over all its connections but one, until the end of the block.

        All that is asked of it is of the same committed state, whatever is written meanwhile: rows, keys, figures and
        checksums, from as many threads as there are connections. Nobody waits for it, but for the milliseconds in which
        its transactions begin.

        Args:
            tables: The tables that will be read, which are of InnoDB.

        Raises:
            SourceUnavailable: Also where somebody writes for longer than five seconds on end.
            SourceError: Also where a table is of another engine, or the account may neither lock tables nor see the
                log.
        """
        _refuse_engines(tables)
        with ExitStack() as stack:
            number = max(1, self._connections.most - 1)
            sessions = [stack.enter_context(self._connections.session()) for _ in range(number)]
            stack.callback(end, sessions)
            if number == 1:
                begin(sessions)
            else:
                with self._connections.session() as other:
                    begin_together(sessions, other, [table.name for table in tables], self._connections.login)
            yield Database(
                Connections(self._connections.login, number, sessions), self.server, self._rules, frozen=True
            )

    def interrupt(self, name: str) -> int:
        """End what is being asked of a table by this database, and by nobody else; return how many statements ended.

        Whoever waits for one is told that the source is unavailable. It takes one connection more.
        """
        login, ended = self._connections.login, 0
        with open_session(login) as session:
            for process in session.rows(STATEMENTS["processes"], "Looking for statements"):
                number, said = process[0], str(process[7] or "")
                if login.mark in said and quoted(name) in said:
                    session.rows(composed("interrupt", process=int(number)), "Ending a statement")
                    ended += 1
        return ended

    def close(self) -> None:
        """End the sessions that are kept."""
        self._connections.close()

    def _ask(self, statement: str, what: str = "Dividing a table") -> list[tuple[Any, ...]]:
        with self._connections.session() as session:
            return session.rows(statement, what)

    def _most_rows(self, table: SourceTable, size: int) -> int:
        """Return how many rows have about so many bytes; an estimate is believed for the first few only."""
        learnt = self._row_bytes.get(table.name)
        if learnt:
            return max(1, size // learnt)
        guessed = max(_VALUE_BYTES * len(table.columns), table.data_bytes // max(1, table.rows))
        return max(1, size // _FIRST // guessed)

    def _read(self, declared: Declared, fields: Sequence[Field], window: Window, order: Sequence[str] = ()) -> Rows:
        with self._guarded(declared):
            rows, size = (self._read_frozen if self._frozen else self._read_anew)(declared.table, fields, window, order)
        if rows.frame.height and len(fields) == len(declared.fields):
            self._row_bytes[declared.name] = max(1, size // rows.frame.height)
        return rows

    def _read_anew(
        self, table: SourceTable, fields: Sequence[Field], window: Window, order: Sequence[str]
    ) -> tuple[Rows, int]:
        with self._connections.room():
            return read_chunk(self._connections.login, self.server, table, fields, window, order=order)

    def _read_frozen(
        self, table: SourceTable, fields: Sequence[Field], window: Window, order: Sequence[str]
    ) -> tuple[Rows, int]:
        with self._connections.session() as session:
            pieces = list(stream(session, table, fields, window, size=_PIECE, order=order))
        return together([rows for rows, _ in pieces]), sum(size for _, size in pieces)

    @contextmanager
    def _guarded(self, declared: Declared) -> Iterator[None]:
        """Look at a table's columns before and after it is read."""
        # In one attempt: the driver of the rows would try for 30 s, and lock the account.
        self._refuse_changed(declared)
        try:
            yield
        except PolarsError:  # whose text may quote a value
            self._refuse_changed(declared)
            raise self._untrue(declared) from None
        self._refuse_changed(declared)

    def _refuse_changed(self, declared: Declared) -> None:
        """Raise SourceChanged where the columns are not those declared any more: what was read may be anything."""
        with self._connections.session() as session:
            now = tuple(list_columns(session, declared.name).get(declared.name, ()))
        was = declared.table.columns
        if now == was:
            return
        gone = [c.name for c in was if c not in now]
        new = [c.name for c in now if c not in was]
        raise SourceChanged(
            f'Table "{declared.name}" was altered while it was read: listed and no longer so: '
            f"{', '.join(gone) or 'nothing'}; so now, and not listed: {', '.join(new) or 'nothing'}. {UNCHANGED}",
            "run again, so that it is listed as it is now",
        )

    def _untrue(self, declared: Declared) -> SourceError:
        check = self._connections.login.client(f"CHECK TABLE {quoted(declared.name)}")
        return SourceError(
            f'Table "{declared.name}" holds what its declaration does not allow. {UNCHANGED}',
            f"check the table: {check}",
        )


def _refuse_engines(tables: Sequence[Declared]) -> None:
    others = [declared.table for declared in tables if declared.table.engine != "InnoDB"]
    if others:
        raise SourceError(
            f'Table "{others[0].name}" is of {others[0].engine}, which has no snapshots. {UNCHANGED}',
            "read without a snapshot: tables that were written while they were read are reported",
        )
