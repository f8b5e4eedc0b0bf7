"""One reading of one table: what is asked of the source by each strategy, and what is handed on of the answers."""

from __future__ import annotations

import datetime as dt
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from firn import ContractError
from pipelines.replication.figures import Figures, counted
from pipelines.replication.keys import absent, gathered, stale, stamped, whole
from sources.mysql.values import keys_of
from sources.mysql.windows import KeyRange, Since, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor, Future

    import dataframely as dy

    from pipelines.replication.decisions import Planned
    from pipelines.replication.keys import Keys, Ranges
    from sources.mysql.database import Database, Declared
    from sources.mysql.values import Rows

__all__ = ["CancelledError", "Means", "Pass", "Recent", "Stage"]

Recent = tuple[str, dt.date, Figures]
"""A column of business days, the first day, and the figures of the rows from then on."""

_HIGHEST = 2**63 - 1
_AHEAD = 1  # chunks of one table that are read while an earlier one is handed on


class CancelledError(ContractError):
    """A table was too slow, or another failed that must not. Nothing of it was published."""


class Stage(Protocol):
    """Where rows are handed on to."""

    def __call__(self, table: str, part: str, frame: pl.DataFrame) -> None:
        """Stage one part of a table, in place of what an earlier try staged of it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What reading a table takes.

    Attributes:
        database: The source.
        chunks: Who reads chunks.
        stage: Where rows go; any thread may call it.
        published: Returns the columns of a contract that production shows of a table; no rows where nothing is staged.
        is_cancelled: Tells whether a table is not to be read to its end.
        chunk_bytes: About how much one connection reads at a time.
        overlap: How far before the watermark rows are read again.
        reconciled_days: How many days back figures are compared.
        is_still: Whether nothing moves at the source while it is read.
        set_aside: The keys of rows with values that were set aside earlier, by table.
        archived: The keys of rows in the archives of tables: they are not staged again.
    """

    database: Database
    chunks: Executor
    stage: Stage
    published: Callable[[str, type[dy.Schema]], pl.DataFrame]
    is_cancelled: Callable[[str], bool]
    chunk_bytes: int
    overlap: dt.timedelta
    reconciled_days: int
    is_still: bool = False
    set_aside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    archived: Mapping[str, Keys] = field(default_factory=dict)


@dataclass(slots=True)
class Pass:
    """One reading of a table.

    Attributes:
        planned: The table.
        means: What it takes.
        rows: Rows that were staged.
        parts: Parts in which they were.
        statements: How many the source was asked: what one says is of one moment.
        here: Our figures of the rows that were read.
        source: The source's figures of the same rows.
        replaced: Ranges of keys of which everything was read: what production has there besides, goes.
        total: Rows that the table has at the source.
        purged: Rows that the source has deleted of a table that is only appended to, since the last run; fewer than
            none where it has brought some back.
        recent: The source's figures of the latest business days: the column, the first day, and the figures.
        watermark: The highest stamp among the rows.
        highest: The highest key.
        bits: How wide the ranges of ``checksums`` are.
        checksums: Of the content of each range, by its number.
        ruled: Per column, rule and policy how many values a rule was applied to.
        quarantined: The values set aside.
        again: The keys of rows with values set aside earlier that were read again.
    """

    planned: Planned
    means: Means
    rows: int = 0
    parts: int = 0
    statements: int = 0
    here: Figures = field(default_factory=Figures)
    source: Figures = field(default_factory=Figures)
    replaced: Ranges = field(default_factory=list)
    total: int | None = None
    purged: int = 0
    recent: Recent | None = None
    watermark: dt.datetime | dt.date | int | None = None
    highest: int | None = None
    checksums: dict[str, str] = field(default_factory=dict)
    bits: int = 0
    keys: list[Keys] = field(default_factory=list)
    ruled: list[pl.DataFrame] = field(default_factory=list)
    quarantined: list[pl.DataFrame] = field(default_factory=list)
    again: set[str] = field(default_factory=set)

    def staged_keys(self) -> Keys:
        """Return the keys of the rows that were staged."""
        return np.concatenate(self.keys) if self.keys else np.empty(0, np.int64)

    def run(self) -> None:
        """Read the table as it was decided.

        Raises:
            FirnError: It could not be read, or not to its end.
        """
        self._refuse_cancelled()
        {"full": self._full, "incremental": self._incremental, "append": self._append, "compare": self._compare}[
            self.planned.decision.how
        ]()
        if self.planned.decision.how in ("incremental", "compare"):
            self._sum_up()

    def _sum_up(self) -> None:
        """Ask for the figures of the latest business days, in which most is changed without anybody noticing."""
        settled, day = self.planned.settled, self._day(self.means.reconciled_days)
        if settled.business_date:
            window = Window(since=Since(settled.business_date, day))
            found = self.means.database.figures(self.planned.declared, window, settled.entry.money)
            self.statements += 1
            self.recent = (settled.business_date, day, Figures(found.rows, dict(found.sums)))

    def _day(self, ago: int) -> dt.date:
        return self.means.database.server.now.date() - dt.timedelta(days=ago)

    def _full(self) -> None:
        if self.planned.is_kept and self.planned.cursor:
            _refuse_anew(self.planned, self.planned.cursor.highest)
        self._take(Window())
        self.total = self.here.rows
        planned, table = self.planned, self.planned.declared.table
        if not planned.is_published or table.range_column is None:
            return
        if planned.entry.strategy == "append" and len(table.key) == 1:
            self._count_purged(*self._kept())
        if planned.entry.strategy == "compare":
            self._checksum()

    def _append(self) -> None:
        """Read what was added, also with a lower key by somebody who was slower to commit."""
        planned, above = self.planned, self.planned.decision.above
        _refuse_anew(planned, above)
        self.highest = above
        self._take(Window(keys=KeyRange(above + 1, _HIGHEST)))
        there, here = self._kept()
        self.total = there.size
        for low, high in gathered(np.setdiff1d(there[there <= above], here, assume_unique=True)):
            self._take(Window(keys=KeyRange(low, high)))
        self._count_purged(there, here)

    def _kept(self) -> tuple[Keys, Keys]:
        """Return the keys that the source has, and those that production shows in the table or its archive."""
        theirs, ours = self._both(None)
        archived = self.means.archived.get(self.planned.name, np.empty(0, np.int64))
        return theirs["key"].to_numpy(), np.union1d(ours["key"].to_numpy(), archived)

    def _count_purged(self, there: Keys, here: Keys) -> None:
        known = self.planned.cursor.purged if self.planned.cursor else 0
        self.purged = np.setdiff1d(here, there, assume_unique=True).size - known

    def _incremental(self) -> None:
        """Read what was stamped since; then every row that has another stamp here than there, or none."""
        planned, since = self.planned, self.planned.decision.since
        self.watermark = since
        lowest = since if isinstance(since, int) else since - self.means.overlap
        self._take(Window(since=Since(planned.entry.incremental_column or "", lowest)))
        self._look_back()
        theirs, ours = self._both(planned.entry.incremental_column)
        self.total = theirs.height
        self.replaced = absent(ours["key"].to_numpy(), theirs["key"].to_numpy())
        for low, high in gathered(stale(ours, theirs, self.staged_keys())):
            self._take(Window(keys=KeyRange(low, high)))

    def _look_back(self) -> None:
        """Read the rows of the latest days by their business date: they may have been changed without a stamp."""
        settled = self.planned.settled
        if settled.business_date and settled.lookback_days:
            self._take(Window(since=Since(settled.business_date, self._day(settled.lookback_days))))

    def _both(self, stamp: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the keys, and their stamps, that the source has, and those that production shows."""
        declared, database = self.planned.declared, self.means.database
        key, also = declared.table.key[0], [stamp] if stamp else []
        there = database.keys(declared, also=also)
        here = self.means.published(declared.name, database.declared(declared.table, [key, *also]).contract)
        self.statements += 1
        return stamped(there, key, stamp), stamped(here, key, stamp)

    def _compare(self) -> None:
        known = self.planned.decision.checksums
        self._checksum()
        for number in sorted(int(number) for number in {*self.checksums, *known}):
            if self.checksums.get(str(number)) != known.get(str(number)):
                keys = KeyRange(number << self.bits, (number + 1 << self.bits) - 1)
                self.replaced.append((keys.low, keys.high))
                self._take(Window(keys=keys))

    def _checksum(self) -> None:
        declared, bits = self.planned.declared, self.planned.decision.bits
        self.bits = self._bits(declared) if bits is None else bits
        self.checksums = {str(n): text for n, text in self.means.database.checksums(declared, self.bits).items()}
        self.statements += 1

    def _bits(self, declared: Declared) -> int:
        """Return how wide ranges of keys are that hold a quarter of a chunk on average."""
        ends, table = self.means.database.ends(declared), declared.table
        span = ends.high - ends.low + 1 if ends else 1
        return max(1, span * self.means.chunk_bytes // (4 * max(1, table.data_bytes))).bit_length() - 1

    def _take(self, window: Window) -> None:
        """Read a window and hand its rows on; then ask the source for its figures of them."""
        for rows in self._ranges(window) if self._has_ranges else self._pieces(window):
            self._refuse_cancelled()
            self._hand_on(rows)
        found = self.means.database.figures(self.planned.declared, window, self.planned.entry.money)
        self.source.add(found.rows, found.sums)

    @property
    def _has_ranges(self) -> bool:
        """Whether it is read by ranges of keys, or is so small that one statement does."""
        table = self.planned.declared.table
        return table.range_column is not None or table.data_bytes <= self.means.chunk_bytes

    def _ranges(self, window: Window) -> Iterator[Rows]:
        """Read a window by ranges of keys, some of them ahead."""
        under_way: deque[Future[Rows]] = deque()
        database, declared = self.means.database, self.planned.declared
        for keys in database.ranges(declared, window, self.means.chunk_bytes):
            chunk = Window(keys=keys or window.keys, since=window.since)
            under_way.append(self.means.chunks.submit(database.read, declared, chunk))
            self.statements += 1
            if len(under_way) > _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _pieces(self, window: Window) -> Iterator[Rows]:
        self.statements += 1
        return self.means.database.pieces(self.planned.declared, window, self.means.chunk_bytes)

    def _refuse_cancelled(self) -> None:
        if self.means.is_cancelled(self.planned.name):
            raise CancelledError(
                f'Reading table "{self.planned.name}" was cancelled. Nothing of it was published; production is '
                "unchanged.",
                "run again, or allow it more time: max_minutes",
            )

    def _hand_on(self, rows: Rows) -> None:
        planned = self.planned
        figures = counted(rows.frame, planned.entry.money)
        self.here.add(figures.rows, figures.sums)
        self.ruled.append(rows.counted)
        self.quarantined.append(rows.quarantined)
        self._find_again(rows.frame)
        frame = self._looked_at(rows.frame)
        self.means.stage(planned.name, str(self.parts), frame)
        self.parts += 1
        self.rows += frame.height

    def _find_again(self, frame: pl.DataFrame) -> None:
        """Remember of which rows with values set aside earlier this is the content now."""
        known, key = self.means.set_aside.get(self.planned.name), self.planned.declared.table.key
        if known and key:
            firsts = pl.DataFrame([json.loads(one) for one in known])[key[0]]
            near = frame.filter(pl.col(key[0]).cast(pl.String).is_in(firsts.cast(pl.String).implode()))
            self.again |= known.intersection(keys_of(near, key))

    def _looked_at(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Remember the highest key and stamp among rows; leave out those that another window had already."""
        planned = self.planned
        key, stamp = planned.declared.table.range_column, planned.entry.incremental_column
        if key is not None and planned.decision.how == "incremental":
            keys = whole(frame[key.name])
            frame = frame.filter(~np.isin(keys, self.staged_keys()))
            self.keys.append(keys)
        if key is not None and frame.height:
            self.highest = _higher(self.highest, int(frame[key.name].max()))  # type: ignore[arg-type]
        if stamp is not None and stamp in frame.columns:
            self.watermark = _higher(self.watermark, frame[stamp].max())
        if key is not None and planned.name in self.means.archived:
            kept_out = np.isin(frame[key.name].cast(pl.Int64).to_numpy(), self.means.archived[planned.name])
            frame = frame.filter(~kept_out)
        return frame


def _refuse_anew(planned: Planned, above: int | None) -> None:
    """Refuse a table that gives numbers to new rows which production keeps for older ones, up to a highest one."""
    following = planned.declared.table.auto_increment
    if following is not None and above is not None and following <= above and planned.declared.table.rows:
        name = planned.name
        raise ContractError(
            f'Table "{name}" was emptied at the source and numbers its rows anew: the next is {following:,}, and '
            f"production keeps others up to {above:,}. Nothing of it was published; production is unchanged.",
            f'to let production forget the old ones: tables.{name}.strategy = "full"',
        )


def _higher(known: Any, found: Any) -> Any:  # noqa: ANN401 (a key or a stamp)
    """Return the higher of two values, either of which there may not be."""
    return max((value for value in (known, found) if value is not None), default=None)
