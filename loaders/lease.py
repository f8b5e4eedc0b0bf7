"""The lease by which one run at a time has a pipeline: a row with a token, kept by a heartbeat, lost by the clock.

The clock is the server's. The token counts up with every owner, and the transaction that publishes asks for it: a run
that slept while another took over cannot publish, whatever it believes. Everything is a statement of its own, so a
pooler may stand in between. A process of this machine that has ended is known to be dead before its lease is over.
"""

from __future__ import annotations

import os
import platform
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import Identifier

from firn import FirnError, RunLocked
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firn import Run
    from loaders.connections import Statements
    from loaders.patience import Patience

__all__ = ["Lease", "holder", "lost", "told"]

_SQL = queries.read("lease.sql")
_BEATS = 4  # in the time of a lease: three may fail


@dataclass(slots=True)
class Lease:
    """A pipeline that a run has, or wants.

    Attributes:
        connect: Opens a connection for the heartbeat, with the first beat.
        state: The schema of the state.
        run: Whose it is.
        seconds: After how long without a beat another may take it.
        token: Counts the owners that the pipeline had; 0 until it is taken.
        before: Of whom it was taken over, in words; empty where nobody had it.
        is_lost: Whether another has taken it.
    """

    connect: Callable[[], Statements]
    state: str
    run: Run
    seconds: float
    token: int = 0
    before: str = ""
    is_lost: bool = False
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def take(self, connection: Statements, patience: Patience, tell: Callable[[str], None]) -> None:
        """Take it, waiting for the run that has it as long as that is wanted, and begin to beat.

        Args:
            connection: Where statements go.
            patience: How long to wait.
            tell: Hears once for whom is waited.

        Raises:
            RunLocked: Another run has it still. Production is unchanged.
        """
        found = holder(connection, self.state, self.run.pipeline)
        if not self._is_taken(connection, found):
            if patience.seconds and found:
                tell(f"Waiting for {told(found)}")
            while not self._is_taken(connection, found):
                if not patience.pause():
                    raise _held(found, self.run.pipeline)
                found = holder(connection, self.state, self.run.pipeline)
        self._thread = threading.Thread(target=self._beat, name="firn-lease", daemon=True)
        self._thread.start()

    def end(self, connection: Statements) -> None:
        """Stop beating, and let the next run have the pipeline."""
        self._over.set()
        if self._thread:
            self._thread.join()
        with suppress(psycopg.Error):  # else it is over by itself
            connection.execute(_query("let_go", self.state), {"pipeline": self.run.pipeline, "token": self.token})

    def refuse_lost(self) -> None:
        """Stop a run that has it no more.

        Raises:
            RunLocked: Another run took it. Production is unchanged.
        """
        if self.is_lost:
            raise lost(self.run.id, self.run.pipeline)

    def _is_taken(self, connection: Statements, found: Any) -> bool:  # noqa: ANN401 (a named tuple made by psycopg)
        dead = found.token if found and _is_dead(found) else None
        place = {"machine": _machine(), "host": platform.node(), "pid": os.getpid()}
        values = {"pipeline": self.run.pipeline, "run": self.run.id, "seconds": self.seconds, "dead": dead, **place}
        for row in connection.execute(_query("take", self.state), values).fetchall():
            self.token, self.before = int(row.token), _before(found, dead=dead is not None)
        return self.token > 0

    def _beat(self) -> None:
        connection: Statements | None = None
        while not self._over.wait(self.seconds / _BEATS) and not self.is_lost:
            try:
                connection = connection or self.connect()
                values = {"pipeline": self.run.pipeline, "token": self.token, "seconds": self.seconds}
                self.is_lost = not connection.execute(_query("beat", self.state), values).fetchall()
            except (FirnError, psycopg.Error):  # the next beat may get through; if none does, the lease is over
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()


def holder(connection: Statements, state: str, pipeline: str) -> Any:  # noqa: ANN401 (the same)
    """Return who has a pipeline, or had it when they died; None where nobody has."""
    found: Sequence[Any] = connection.execute(_query("holder", state), {"pipeline": pipeline}).fetchall()
    return next(iter(found), None)


def told(found: Any) -> str:  # noqa: ANN401 (the same)
    """Say whose a lease is."""
    whom = f"run {found.run_id} (process {found.pid} on {found.host}, of {found.person}, since"
    return f"{whom} {found.since:%Y-%m-%d %H:%M:%S} UTC)"


def lost(run_id: str, pipeline: str) -> RunLocked:
    """Return the error for a run that another has overtaken."""
    return RunLocked(
        f"Run {run_id} gave no sign of life for longer than its lease, and another run has taken over {pipeline} "
        "since. Nothing of this run is published; production is unchanged by it.",
        f"firn runs {pipeline}   (then, if it is still needed: firn run {pipeline})",
    )


def _held(found: Any, pipeline: str) -> RunLocked:  # noqa: ANN401 (the same)
    whose = f"{told(found)}; its lease is renewed, or over in {max(0, found.seconds):.0f} s" if found else "another run"
    return RunLocked(
        f"{pipeline} is being run by {whose}. Nothing was read; production is unchanged.",
        f"wait for it: firn run {pipeline} --wait",
    )


def _before(found: Any, *, dead: bool) -> str:  # noqa: ANN401 (the same)
    if found is None:
        return ""
    return f"{told(found)}, {'whose process has ended' if dead else 'whose lease was over'}"


def _is_dead(found: Any) -> bool:  # noqa: ANN401 (the same)
    """Tell whether a process of this machine has ended; of those of others nothing is known."""
    if not found.machine or found.machine != _machine():
        return False
    with suppress(PermissionError):  # it is there, and that of another account
        try:
            os.kill(found.pid, 0)
        except ProcessLookupError:
            return True
    with suppress(OSError):  # accounts may be hidden from one another
        status = Path(f"/proc/{found.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return status.rpartition(")")[2].split()[0] in {"Z", "X"}
    return False


def _machine() -> str:
    """Name the boot and the space of process ids in which a pid means this process; empty where there is no telling."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _query(name: str, state: str) -> Any:  # noqa: ANN401 (a composed statement)
    return _SQL[name].format(state=Identifier(state))
