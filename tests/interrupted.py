"""A process that runs or resumes a pipeline, and waits where it is told to: the one that is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import psycopg

from firn import FirnError
from pipelines.engine import commands, resumption, settings
from pipelines.engine.progress import Silent
from tests.torture.loading import Watched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

HELD = """
select from pg_locks l join pg_database d on d.oid = l.database
where l.locktype = 'advisory' and d.datname = current_database()
"""
TABLES = """
select tablename from pg_tables where schemaname = 'public' and tablename <> 'order_list_sync' order by 1
"""
"""Not the one that is others', whose columns say when they were made."""
CONTENT = """
select count(*), md5(coalesce(string_agg(row, chr(10) order by row), ''))
from (select replace(t::text, %s, 'RUN') as row from {} t) rows
"""


class Said(Silent):
    """Says each phase as it begins and as it is done, each step as it is done, and waits at one of them."""

    def __init__(self, pipe: Connection, hold: str) -> None:
        self._pipe, self._hold, self._phase = pipe, hold, ""

    def _say(self, step: str) -> None:
        self._pipe.send(step)
        if step == self._hold:
            self._pipe.recv()

    def start(self, run_id: str) -> None:
        self._say(run_id)

    def phase(self, number: int, of: int, title: str) -> None:  # noqa: ARG002 (the protocol's)
        self._phase = title
        self._say(title)

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:  # noqa: ARG002 (the same)
        self._say(f"{self._phase} {number}")

    def finish(self) -> None:
        self._say(f"{self._phase} done")

    def close(self) -> None:
        self._say("over")


def main(
    pipe: Connection, name: str, folder: str, environment: dict[str, str], *, hold: str, config: str, largest: int = 0
) -> None:
    """Run a pipeline, or resume the run of a name; end with the exit code of the command line.

    Args:
        pipe: Where it says how far it is.
        name: The pipeline, or the run.
        folder: Where it is called.
        environment: Its variables.
        hold: The step at which it waits.
        config: The settings file.
        largest: How many bytes a file that it writes may have, as on a disk that is nearly full; 0 for any number.
    """
    import resource
    from pathlib import Path

    if largest:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    said = Said(pipe, hold)
    commands.choose = resumption.choose = lambda *, quiet: said  # type: ignore[assignment]  # noqa: ARG005 (the same)
    path = Path(config) if config else None
    try:
        resumed = name not in settings.names()
        done = resumption.resume(name, path, {}, quiet=False) if resumed else commands.run(name, path, quiet=False)
        pipe.send(done.status)
    except FirnError as error:
        pipe.send(f"{type(error).__name__}: {error.message}")
        sys.exit(error.exit_code)


def process(  # noqa: PLR0917 (what a person types, and where)
    name: str,
    folder: Path,
    environment: Mapping[str, str],
    hold: str = "",
    config: Path | None = None,
    largest: int = 0,
) -> Watched:
    """Start such a process in a folder."""
    return Watched(main, name, str(folder), dict(environment), hold=hold, config=str(config or ""), largest=largest)


def kill(run: Watched, dsn: str) -> str:
    """Kill it, wait until the server has noticed, and give the name of its run."""
    run.send(signal.SIGKILL)
    assert run.ended() == -signal.SIGKILL, run.said
    wait_until_left(dsn)
    return run.said[0]


def wait_until_left(dsn: str) -> None:
    """Wait until nobody holds a run."""
    deadline = time.monotonic() + 60
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute(HELD).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def content(dsn: str, run_id: str) -> dict[str, Any]:
    """A checksum of every table in production, in which the run's own name counts for nothing."""
    with psycopg.connect(dsn) as connection:
        names = [name for (name,) in connection.execute(TABLES).fetchall()]
        return {name: connection.execute(CONTENT.format(f'"{name}"'), [run_id]).fetchone() for name in names}  # type: ignore[arg-type]
