"""A process that makes one publication and says how far it is: the process that is killed.

Each is forked from one that has imported firn and done nothing else, because the import takes ten times as long as the
publication. It ends with the exit code of the command line.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl

from firn import Dataset, FirnError, Run, StateError
from loaders import swap
from loaders.postgres import Postgres
from tests.torture.shop import DATASET, PARENTS, ROWS

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection

    from firn import Strategy
    from loaders.postgres_loader import PostgresLoader

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "tests.torture.loading"])


def contract(table: str) -> type[dy.Schema]:
    """What firn is told of a table."""
    columns = {name: dy.Int64() for name in ("generation", *PARENTS.get(table, ()))}
    return type(table.title(), (dy.Schema,), {"id": dy.Int64(primary_key=True), **columns})


CONTRACTS: Mapping[str, type[dy.Schema]] = {name: contract(name) for name in ROWS}


def frame(table: str, generation: int) -> pl.DataFrame:
    """The rows that `tests.torture.shop.rows` selects."""
    ids = pl.int_range(1, ROWS[table] + 1, eager=True, dtype=pl.Int64).alias("id")
    references = [(ids % ROWS[parent] + 1).alias(column) for column, parent in PARENTS.get(table, {}).items()]
    return pl.DataFrame([ids]).with_columns(pl.lit(generation, pl.Int64).alias("generation"), *references)


def named(run_id: str) -> Run:
    """A run of a given name, as a process that starts anew knows it."""
    return Run(run_id, DATASET, dt.datetime.now(dt.UTC))


def load(loader: PostgresLoader, run: Run, say: Callable[[str], None], strategy: Strategy = "swap") -> None:
    """Publish the next generation under the run's name, from wherever an earlier process of this name was stopped."""
    found = status(loader, run)
    if found not in ("ready", "published"):
        stage(loader, run, say, strategy)
    say("verified")
    loader.publish(run)
    say("was published" if found == "published" else "published")


def status(loader: PostgresLoader, run: Run) -> str:
    """What the target has recorded of the run."""
    try:
        return str(loader.row(run.id)["status"])
    except StateError:
        return ""


def stage(loader: PostgresLoader, run: Run, say: Callable[[str], None], strategy: Strategy) -> None:
    """Send all tables beside production."""
    loader.start(run)
    say("started")
    loader.prepare(run, Dataset(DATASET, CONTRACTS, strategy=strategy))
    say("prepared")
    generation = loader.generation(DATASET) + 1
    first, *others = CONTRACTS
    loader.stage(run, first, "", frame(first, generation))
    say("sent one")
    for name in others:
        loader.stage(run, name, "", frame(name, generation))
    say("sent all")
    loader.verify(run)


def settings(dsn: str, **changes: Any) -> Postgres:  # noqa: ANN401 (values of settings)
    """How firn reaches the shop."""
    return Postgres(dsn=dsn, **{"production": "shop", "max_wait_s": 60, **changes})  # type: ignore[arg-type]


def main(
    pipe: Connection, dsn: str, run: str, hold: str, *, strategy: Strategy, guard: bool, **changes: object
) -> None:
    """Publish, and end the process; without the guard, snapshots older than the rows are not waited for."""

    def say(step: str) -> None:
        pipe.send(step)
        if step == hold:
            pipe.recv()

    if not guard:
        swap.wait_until_passed = lambda *_: None
    try:
        with settings(dsn, **changes).open() as loader:
            say("connected")
            load(loader, named(run), say, strategy)
    except FirnError as exc:
        pipe.send(f"{type(exc).__name__}: {exc.message}")
        sys.exit(exc.exit_code)


class Watched:
    """A process that says through a pipe how far it is, as its killer sees it.

    Args:
        main: What it does; it is given its end of the pipe first.
        arguments: What it is given besides.
        named: The same, by name.

    Attributes:
        said: What it has said so far.
    """

    def __init__(self, main: Callable[..., None], *arguments: object, **named: object) -> None:
        self.said: list[str] = []
        self._pipe, theirs = _FORKS.Pipe()
        self._process = _FORKS.Process(target=main, args=(theirs, *arguments), kwargs=named, daemon=True)
        self._process.start()
        theirs.close()

    def steps(self) -> Iterator[str]:
        """Listen to it until it ends."""
        try:
            while True:
                self.said.append(self._pipe.recv())
                yield self.said[-1]
        except (EOFError, ConnectionResetError):
            self._process.join()

    def reaches(self, step: str) -> bool:
        """Listen until it says that it has done a step; False if it ends before."""
        return any(said == step for said in self.steps())

    def hears(self, seconds: float) -> None:
        """Listen for so long, or until it ends."""
        deadline = time.monotonic() + seconds
        with suppress(EOFError, ConnectionResetError):
            while (left := deadline - time.monotonic()) > 0:
                if self._pipe.poll(left):
                    self.said.append(self._pipe.recv())

    def go_on(self) -> None:
        """Let it go on from where it waits, if it is still there."""
        with suppress(OSError):
            self._pipe.send("go on")

    def is_over(self) -> bool:
        """Tell whether it has ended."""
        return not self._process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid or 0, number)

    def ended(self) -> int:
        """Wait for its end, and return its exit code, negative for a signal."""
        for _ in self.steps():
            pass
        return self._process.exitcode or 0


class Publisher(Watched):
    """Such a process.

    Args:
        dsn: The database.
        run: The name of the run.
        hold: The step at which it waits to be let go.
        strategy: How it publishes.
        guard: Whether it waits for old snapshots.
        changes: Settings.
    """

    def __init__(
        self,
        dsn: str,
        run: str,
        hold: str = "",
        *,
        strategy: Strategy = "swap",
        guard: bool = True,
        **changes: object,
    ) -> None:
        super().__init__(main, dsn, run, hold, strategy=strategy, guard=guard, **changes)
