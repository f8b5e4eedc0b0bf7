"""Sends parts to staging: binary COPY, one transaction per part, so that each part can be told from the others."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
from psycopg.sql import Composed, Identifier, Literal

from firn import LoadError, TargetUnavailable
from loaders import companions, ddl, queries, ranges, readback, strategies
from loaders.inventory import record
from loaders.quarantine import mark
from loaders.room import Room
from loaders.sqlstates import border

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from threading import Event

    import adbc_driver_postgresql.dbapi as adbc  # type: ignore[import-untyped]
    import polars as pl

    from firn import Dataset
    from loaders.connections import Copying
    from loaders.ddl import Layout
    from loaders.inventory import Item
    from loaders.ranges import Range
    from loaders.streams import Streams

__all__ = ["Sent", "Staging"]

_SQL = queries.read("staging.sql")
_ROOM = 2**28
_KEPT = 4  # a fourth of the room
_DYING_MS = 5000
_GROWTH = 64  # pages by which a table grows at most; those that the last COPY did not fill the next one may


@dataclass(slots=True)
class Sent:
    """A part that was sent, and what it takes to prove that it arrived.

    Attributes:
        table: The table's name.
        part: The part, empty for a whole table.
        rows: The rows, without the columns in which every value is null; let go once they are proven, where they are
            too many to be kept.
        height: How many rows there are.
        transaction: The transaction that wrote them, by which the table's ``xmin`` tells them from other parts.
        page: The page from which on they stand in the table, but for those that filled gaps before it.
    """

    table: str
    part: str
    rows: pl.DataFrame | None
    height: int
    transaction: str
    page: int = 0


@dataclass(slots=True)
class Staging:
    """The tables of one run beside production, and what was sent to them.

    Attributes:
        schema: Where they are; no other run stages there.
        dataset: What the run will publish.
        layouts: Their columns and keys.
        carries: What each will carry once it has its keys.
        taken: Per table the transaction that copied rows from production, and how many.
        choice: Per table the strategy by which it will be published, and why.
    """

    schema: str
    dataset: Dataset
    layouts: Mapping[str, Layout]
    carries: Mapping[str, Sequence[Item]]
    taken: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    choice: dict[str, tuple[str, str]] = field(default_factory=dict)
    _room: Room = field(default_factory=lambda: Room(_ROOM))
    _kept: Room = field(default_factory=lambda: Room(_ROOM // _KEPT))
    _sent: dict[tuple[str, str], Future[Sent]] = field(default_factory=dict)
    _differing: dict[tuple[str, str], Future[Sequence[str]]] = field(default_factory=dict)
    _unsure: dict[tuple[str, str], _Sending] = field(default_factory=dict)
    _lost: dict[tuple[str, str], _Sending] = field(default_factory=dict)

    def bound(self, size: int) -> None:
        """State how many bytes of rows may be under way."""
        self._room, self._kept = Room(size), Room(size // _KEPT)

    def send(self, streams: Streams, table: str, part: str, frame: pl.DataFrame, batch: int) -> None:
        """Begin to send a part and read it back; what the server has to say of it is raised by the next call or `sent`.

        While too many rows are under way, this waits.

        Args:
            streams: Where rows go.
            table: The table's name.
            part: The part; an earlier try at it is forgotten.
            frame: Its rows.
            batch: How many rows are encoded at a time.

        Raises:
            LoadError: The rows do not fit the table, and nothing of them was sent; or the server refused a value of a
                part sent before, of which nothing is staged then.
        """
        if table not in self.layouts:
            raise LoadError(f'Table "{table}" is not among those prepared: {", ".join(self.layouts)}.')
        ddl.check_rows(self.layouts[table], part, frame)
        earlier = self._lost.pop((table, part), None)
        self._send_lost(streams)
        self._raise_refused()
        known = self._sent.pop((table, part), None)
        tries = [known.result().transaction] if known else earlier.begun if earlier else []
        begun = [transaction for transaction in tries if transaction]
        present = frame.schema.keys()
        # Hashes of whole rows depend on the order of the columns: both sides take the table's.
        rows = frame.select(column.name for column in self.layouts[table].columns if column.name in present)
        long = {column.name: column.digits for column in self.layouts[table].columns if column.digits}
        self._submit(streams, _Sending(self.schema, table, part, rows, begun, batch, streams.stopping, long))

    def _submit(self, streams: Streams, sending: _Sending) -> None:
        key, size = (sending.table, sending.part), int(sending.frame.estimated_size())
        self._room.take(size)
        sent, layout = streams.submit(sending), self.layouts[sending.table]
        self._sent[key], self._unsure[key] = sent, sending
        reading = streams.submit(lambda reader: readback.differing(self.schema, layout, sent.result(), reader))
        self._differing[key] = reading
        reading.add_done_callback(lambda found: self._arrived(sent, found, size))

    def _let_go(self) -> None:
        """Keep no longer what would be sent again of parts that are there."""
        for key, sent in list(self._sent.items()):
            if sent.done() and not sent.cancelled() and sent.exception() is None:
                self._unsure.pop(key, None)

    def _send_lost(self, streams: Streams) -> None:
        """Send again what did not arrive because a connection was lost."""
        for key in list(self._lost):
            self._submit(streams, self._lost.pop(key))

    def arrive(self, streams: Streams) -> None:
        """Send again what did not arrive, and wait for everything.

        Raises:
            LoadError: The server refused a value; table, part, row and column are named.
            TargetUnavailable: The connection was lost.
        """
        self._send_lost(streams)
        self.sent()

    def sent(self) -> Sequence[Sent]:
        """Wait for every part to arrive, and return what was sent.

        Raises:
            LoadError: The server refused a value; table, part, row and column are named.
            TargetUnavailable: The connection was lost.
        """
        wait(self._sent.values())
        self._raise_refused()
        for table, part in self._lost:
            raise TargetUnavailable(f'Table "{table}", part "{part}" did not arrive. Production is unchanged.')
        return [future.result() for future in self._sent.values()]

    def is_proven(self, sent: Sent) -> bool:
        """Tell whether a part was read back as it was sent; what went wrong in reading leaves that open."""
        found = self._differing[sent.table, sent.part]
        return found.exception() is None and not found.result()

    def recorded(self, replaced: Mapping[str, Sequence[Range]] = MappingProxyType({})) -> dict[str, Any]:
        """Return what was sent, in the form in which state keeps it.

        Args:
            replaced: By table the ranges of its key that the rows replace.

        Raises:
            LoadError: A table cannot have ranges.
        """
        rows = Counter[str]()
        for sent in self.sent():
            rows[sent.table] += sent.height
        rows.update({table: count for table, (_, count) in self.taken.items()})
        tables = {name: record(rows[name], items) for name, items in self.carries.items()}
        tables = strategies.mark(tables, self.choice, self.dataset, self.layouts)
        words = {name: strategy for name, (strategy, _) in self.choice.items()}
        tables = ranges.mark(tables, replaced, self.layouts, words)
        quarantine = self.dataset.quarantine
        columns = self.dataset.contracts[quarantine].column_names() if quarantine in self.dataset.contracts else ()
        return companions.mark(mark(tables, quarantine, columns), self.dataset.companions)

    def leave(self, tables: Collection[str]) -> None:
        """Forget tables that will not be published, once nothing of them is on its way any more."""
        gone = [key for key in self._sent if key[0] in tables]
        futures: list[Future[Any]] = [self._sent[key] for key in gone] + [self._differing[key] for key in gone]
        wait(futures)
        for key in gone:
            del self._sent[key], self._differing[key]
        self._lost = {key: sending for key, sending in self._lost.items() if key[0] not in tables}
        self.layouts = {name: layout for name, layout in self.layouts.items() if name not in tables}
        self.carries = {name: items for name, items in self.carries.items() if name not in tables}
        self.choice = {name: choice for name, choice in self.choice.items() if name not in tables}

    def stop(self) -> None:
        """Wait until nothing is being sent any more, and let the rows go."""
        futures: list[Future[Any]] = [*self._sent.values(), *self._differing.values()]
        for future in futures:
            future.cancel()
        wait(futures)
        self._sent.clear()
        self._differing.clear()
        self._unsure.clear()
        self._lost.clear()

    def _arrived(self, sent: Future[Sent], reading: Future[Sequence[str]], size: int) -> None:
        """Make room; rows that are proven are kept only while they are few, to name what somebody changes later."""
        if not (reading.cancelled() or reading.exception() or reading.result() or self._kept.has(size)):
            sent.result().rows = None
        self._let_go()
        self._room.free(size)

    def _raise_refused(self) -> None:
        """Raise what became of parts, once; those whose connection was lost are remembered, and sent again."""
        refused: list[BaseException] = []
        for key, future in list(self._sent.items()):
            error = future.exception() if future.done() else None
            if error is not None:
                del self._sent[key]
                refused.append(error)
            if isinstance(error, TargetUnavailable):
                self._lost[key] = self._unsure[key]
        for error in sorted(refused, key=lambda error: isinstance(error, TargetUnavailable)):
            raise error


@dataclass(frozen=True, slots=True)
class _Sending:
    """A part on its way, in a transaction of its own, by which its rows in the table can be told from other parts'.

    ``begun`` are the transactions of earlier tries, of which it may not be known how they ended.
    """

    schema: str
    table: str
    part: str
    frame: pl.DataFrame
    begun: list[str]
    batch: int
    stopping: Event
    long: Mapping[str, tuple[int, int]]

    def __call__(self, copying: Copying) -> Sent:
        part = f', part "{self.part}"' if self.part else ""
        rows, transaction, pages = _filled(self.frame), "", 0
        with border(f'Loading table "{self.table}"{part}'), copying.cursor() as cursor:
            for earlier in self.begun:
                self._forget(cursor, earlier)
            if rows.height:
                # Asked for in the same transaction: so the xmin of its rows is known without reading them back.
                name = Identifier(self.schema, self.table).as_string()
                cursor.execute(_SQL["begin_part"].format(table=Literal(name)).as_string())
                begun, transaction, pages = cursor.fetchall()[0]
                self.begun.append(begun)
                cursor.adbc_ingest(self.table, self._batches(rows), mode="append", db_schema_name=self.schema)
            copying.commit()
        return Sent(self.table, self.part, rows, rows.height, transaction, max(pages - _GROWTH, 0))

    def _forget(self, cursor: adbc.Cursor, earlier: str) -> None:
        """Delete what an earlier try sent, once it is certain that nothing more of it will come.

        Raises:
            TargetUnavailable: Its session goes on, and may commit yet.
        """
        begun = Literal(earlier)
        if self._ask(cursor, _SQL["goes_on"].format(begun=begun)):
            self._ask(cursor, _SQL["end"].format(begun=begun, milliseconds=Literal(_DYING_MS)))
            if self._ask(cursor, _SQL["goes_on"].format(begun=begun)):
                raise TargetUnavailable(
                    f'An earlier try to load table "{self.table}" has not ended yet. Production is unchanged.',
                    "run again once its session is gone",
                )
        table = Identifier(self.schema, self.table)
        cursor.execute(_SQL["forget"].format(table=table, transaction=begun).as_string())

    @staticmethod
    def _ask(cursor: adbc.Cursor, query: Composed) -> Any:  # noqa: ANN401 (the one value of the answer)
        cursor.execute(query.as_string())
        return cursor.fetchall()[0][0]

    def _batches(self, rows: pl.DataFrame) -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            for piece in rows.iter_slices(self.batch):
                if self.stopping.is_set():
                    raise InterruptedError  # the only way to end a COPY early: the server then rolls it back
                yield from self._encoded(piece).to_batches()

        return pa.RecordBatchReader.from_batches(self._encoded(rows.clear()).schema, batches())

    def _encoded(self, rows: pl.DataFrame) -> pa.Table:
        """Give the numbers that are text in the frame the one Arrow type that holds them and the driver sends."""
        encoded = rows.to_arrow()
        for name in self.long.keys() & set(rows.columns):
            numbers = encoded[name].cast(pa.large_string()).cast(pa.decimal256(*self.long[name]))
            encoded = encoded.set_column(rows.columns.index(name), name, numbers)
        return encoded


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out the columns that hold nothing but null: staging has null there without being sent any."""
    names = [column.name for column in frame.get_columns() if column.null_count() < frame.height]
    return frame.select(names or frame.columns[:1])  # COPY needs a column, even where no row has a value
