"""The tables of a run on their way: read by several workers, staged by one connection, watched while it goes on."""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from firn import FirnError, LoadError
from pipelines.replication.decisions import grouped
from pipelines.replication.passes import Means
from pipelines.replication.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dataframely as dy
    import polars as pl

    from loaders.loader import Loader
    from pipelines.engine.execution import Execution
    from pipelines.replication.decisions import Planned
    from pipelines.replication.keys import Keys
    from pipelines.replication.reading import Outcome
    from pipelines.replication.replication import Replication
    from sources.mysql.database import Database

__all__ = ["Work"]

_MEGABYTE = 1_000_000
_LOOK_S = 1.0  # how often it is looked who takes too long, and told how far the run is
_CANCELLING = ("cancel", "fail")


@dataclass(slots=True)
class Work:
    """Reads and stages tables.

    Attributes:
        replication: How.
        execution: The run.
        loader: Where rows go, one call at a time; none where they are only read.
        reads: The tables, in order.
        set_aside: The keys of rows with values that were set aside earlier, by table.
        archived: Those of rows in the archives of tables.
        outcomes: What became of those that are done.
    """

    replication: Replication
    execution: Execution
    loader: Loader | None
    reads: Sequence[Planned]
    set_aside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    archived: Mapping[str, Keys] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: dict[str, float] = field(default_factory=dict)
    _late: set[str] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _refused: LoadError | None = None

    def run(self, database: Database, *, is_still: bool = False) -> None:
        """Read all tables; one that must not fail and does ends the others.

        Raises:
            LoadError: The target refused rows, of whatever table. Production is unchanged.
        """
        replication = self.replication
        with (
            ThreadPoolExecutor(replication.source.connections, thread_name_prefix="firn-chunks") as chunks,
            ThreadPoolExecutor(replication.max_workers, thread_name_prefix="firn-tables") as tables,
        ):
            means = Means(
                database,
                chunks,
                self._stage,
                lambda table, contract: self._shown(table, contract, replication.target.check_timeout_s),
                lambda table: self._stopping.is_set() or table in self._late,
                int(replication.source.chunk_mb * _MEGABYTE),
                dt.timedelta(seconds=replication.overlap_s),
                replication.reconciled_days,
                is_still,
                self.set_aside,
                self.archived,
            )
            reader = Reader(means, self.execution.run.id, replication.passes, self.execution.retries)
            left = {tables.submit(self._work, reader, group) for group in grouped(self.reads)}
            try:
                while left:
                    done, left = wait(left, _LOOK_S, FIRST_EXCEPTION)
                    for one in done:
                        one.result()
                    self._watch()
                    self._interrupt(database)
            finally:
                self._stopping.set()
                self._interrupt(database)
        if self._refused:
            raise self._refused

    def _work(self, reader: Reader, group: Sequence[Planned]) -> None:
        for table in group:
            with self._lock:
                self._started[table.name] = time.monotonic()
            outcome = reader.read(table)
            with self._lock:
                del self._started[table.name]
                self.outcomes.append(outcome)
                title = f"{table.name}  {outcome.how}{'  FAILED' if outcome.error else ''}"
                done, of = len(self.outcomes), len(self.reads)
                self.execution.progress.step(done, of, title, outcome.rows, outcome.seconds)
            if outcome.error and not outcome.cancelled and table.policy.on_failure == "fail":
                self._stopping.set()

    def _stage(self, table: str, part: str, frame: pl.DataFrame) -> None:
        if loader := self.loader:
            send = partial(loader.stage, self.execution.run, table, part, frame)
            with self._lock:
                try:
                    self.execution.again(f"Staging {table}", loader, send)
                except LoadError as error:  # it may be of a part sent before, of another table, and is told once
                    self._refused = self._refused or error
                    self._stopping.set()
                    raise

    def _shown(self, table: str, contract: type[dy.Schema], seconds: float) -> pl.DataFrame:
        """Read the columns of a contract that production shows of a table; no rows where nothing is staged."""
        if not self.loader:
            return contract.create_empty()
        loader = self.loader
        with self._lock:
            found = self.execution.again(f"Reading {table}", loader, lambda: loader.shown({table: contract}, seconds))
            return found[table]

    def _watch(self) -> None:
        """Tell how far the run is, and of the tables that take longer than they may; cancel those of some tiers."""
        report, now = self.execution.report, time.monotonic()
        tables = {table.name: table for table in self.reads}
        with self._lock:
            under_way = {name: now - since for name, since in self._started.items()}
            report.under_way = [
                {"table": name, "tier": tables[name].entry.tier, "seconds": round(seconds, 1)}
                for name, seconds in under_way.items()
            ]
            for name, seconds in under_way.items():
                self._refuse_late(tables[name], seconds)
            report.tables = {outcome.table: outcome.rows for outcome in self.outcomes if not outcome.error}
            if loader := self.loader:
                told = report.as_dict()
                self.execution.again("Recording the run", loader, lambda: loader.tell(self.execution.run, told))

    def _interrupt(self, database: Database) -> None:
        """End what is asked of tables that are not to be read to their end: they may be waiting for somebody's lock."""
        with self._lock:
            under_way = [name for name in self._started if self._stopping.is_set() or name in self._late]
        for name in under_way:
            with suppress(FirnError):  # the table is left out all the same, once its statement ends by itself
                database.interrupt(name)

    def _refuse_late(self, table: Planned, seconds: float) -> None:
        limit = table.entry.monitoring.max_minutes
        if seconds <= limit * 60 or any(late["table"] == table.name for late in self.execution.report.overruns):
            return
        policy = table.policy.on_overrun
        self.execution.report.overruns.append(
            {"table": table.name, "tier": table.entry.tier, "max_minutes": limit, "policy": policy}
        )
        self.execution.progress.note(f"{table.name} takes longer than {limit} minutes: {policy}")
        if policy in _CANCELLING:
            self._late.add(table.name)
        if policy == "fail":
            self._stopping.set()
