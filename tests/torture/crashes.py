"""Brings a publisher to one exact point of its work and holds it there, then takes away what it stands on.

No point is reached by chance or by the clock. At rest between two calls the publisher waits for a word; inside a call
it waits for a lock that a session of the test holds, or in a trigger on firn's own state tables, which waits likewise.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import PGconn, Ping

from loaders.embedded import serve
from loaders.supervisor import is_locked, postmaster
from tests.torture import shop
from tests.torture.loading import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from firn import Strategy

# A commit can be made to wait for a standby that does not exist; no budget ends a wait that a test has made. Processes
# die here, not the machine: what they wrote, the system has.
SETTINGS = {
    "fsync": "off",
    "wal_level": "replica",
    "max_wal_senders": "2",
    "deadlock_timeout": "60s",
    "max_connections": "40",
}
BUDGET_MS = 9_000

_GATE = 20261121
_MAKE_GATE = f"""
CREATE SCHEMA torture;
CREATE FUNCTION torture.wait() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
'BEGIN PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NEW; END';
CREATE TRIGGER gate BEFORE {{event}} ON {{table}} FOR EACH ROW WHEN ({{condition}}) EXECUTE FUNCTION torture.wait();
"""
_READ = "SELECT 1 FROM shop.lines LIMIT 1"
_WRITTEN = "LOCK TABLE shop.lines IN ROW EXCLUSIVE MODE"
_FIRN = "FROM pg_stat_activity WHERE application_name = 'firn' AND datname = current_database()"


class Machine:
    """A server that can lose its power and be started again.

    Args:
        home: Its folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._stack = ExitStack()

    def start(self) -> None:
        """Start it, through recovery if need be."""
        self.dsn = self._stack.enter_context(serve(self.home, settings=SETTINGS)).dsn

    def stop(self) -> None:
        """Stop it as ``pg_ctl stop -m immediate`` does: at once, without a word to anybody."""
        found = postmaster(self.home / "data")
        assert found
        os.kill(found.pid, signal.SIGQUIT)
        eventually(lambda: not is_locked(self.home / "supervisor.lock"), "the server stops")

    def close(self) -> None:
        """Stop it for good."""
        self._stack.close()


def eventually(fact: Callable[[], Any], what: str) -> None:
    """Wait for something that must come to pass."""
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, f"not within a minute: {what}"
        time.sleep(0.01)


@dataclass
class Scene:
    """A database with one generation, and a publisher of the next.

    Attributes:
        machine: The server.
        dsn: The database.
        run: The name of the publisher's run.
        strategy: How it publishes.
        publisher: The publisher, once there is one.
    """

    machine: Machine
    dsn: str
    run: str
    strategy: Strategy = "swap"
    publisher: Publisher = field(init=False)
    _held: ExitStack = field(default_factory=ExitStack)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, in a session that waits for no standby."""
        with psycopg.connect(self.dsn, autocommit=True, options="-c synchronous_commit=local") as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def hold(self, *statements: str) -> None:
        """Run statements in a transaction that stays open until `release`."""
        session = psycopg.connect(self.dsn)
        self._held.callback(session.close)
        for statement in statements:
            session.execute(statement)

    def publish(self, hold: str = "") -> None:
        """Start the publisher; told to, it waits at a step."""
        self.publisher = Publisher(self.dsn, self.run, hold, strategy=self.strategy, lock_budget_ms=BUDGET_MS)
        if hold:
            assert self.publisher.reaches(hold), self.publisher.said
            self._held.callback(self.publisher.go_on)

    def shows(self, condition: str) -> None:
        """Wait until a session of the publisher is seen at something."""
        eventually(lambda: self.ask(f"SELECT 1 {_FIRN} AND {condition}"), condition)

    def close_gate(self, event: str, table: str, condition: str = "true") -> ExitStack:
        """Hold whoever writes to a table, until what is returned is closed."""
        self.ask(_MAKE_GATE.format(event=event, table=table, condition=condition))
        gate = ExitStack()
        keeper = gate.enter_context(psycopg.connect(self.dsn, autocommit=True))
        keeper.execute(f"SELECT pg_advisory_lock({_GATE})")
        self._held.callback(gate.close)
        return gate

    def sessions(self) -> list[int]:
        """The publisher's sessions; the one for statements is the oldest."""
        return [pid for (pid,) in self.ask(f"SELECT pid {_FIRN} ORDER BY backend_start")]

    def close(self) -> None:
        """Leave nothing behind, however the test ended."""
        self.publisher.send(signal.SIGKILL)
        self._held.close()
        self.ask("ALTER SYSTEM RESET synchronous_standby_names")

    def release(self) -> None:
        """Let go of everything that holds the publisher, and wait until nothing of it is left on the server."""
        self.ask("ALTER SYSTEM RESET synchronous_standby_names")
        self.ask("SELECT pg_reload_conf()")
        self._held.close()
        self.publisher.send(signal.SIGCONT)
        self.publisher.ended()
        eventually(lambda: not self.sessions(), "the publisher's sessions end")


def at(step: str) -> Callable[[Scene], None]:
    """Between two calls, right after a step."""
    return lambda scene: scene.publish(hold=step)


def gated(event: str, table: str, condition: str = "true") -> Callable[[Scene], ExitStack]:
    """Inside a call, where it writes to a table of firn's state; what is returned lets it go on."""

    def reach(scene: Scene) -> ExitStack:
        gate = scene.close_gate(event, table, condition)
        scene.publish()
        scene.shows("wait_event = 'advisory'")
        return gate

    return reach


fence_passed = gated("UPDATE", "firn.dataset")
recorded = gated("INSERT", "firn.publication")
locked = gated("UPDATE", "firn.publication")  # the last that is written before the commit


def sending(scene: Scene) -> None:
    """In the middle of the rows of a table."""
    scene.publish(hold="prepared")
    schema = scene.ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn_stage%'")[0][0]
    scene.hold(f'LOCK TABLE "{schema}".lines')
    scene.publisher.go_on()
    scene.shows("query LIKE 'COPY%' AND wait_event_type = 'Lock'")


def waiting_for_a_snapshot(scene: Scene) -> None:
    """While somebody has a snapshot that is older than the rows."""
    scene.hold("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT 1")
    scene.publish()
    scene.shows("query LIKE '%relfrozenxid%'")


def waiting(statement: str) -> Callable[[Scene], None]:
    """While somebody holds a table, before the locks are asked for."""

    def reach(scene: Scene) -> None:
        scene.publish(hold="verified")
        scene.hold(statement)
        scene.publisher.go_on()
        scene.shows("query LIKE '%virtualtransaction%'")

    return reach


def asking(statement: str) -> Callable[[Scene], None]:
    """In the queue for a lock that somebody took at the last moment."""

    def reach(scene: Scene) -> None:
        with fence_passed(scene):
            scene.hold(statement)
        scene.shows("wait_event = 'relation'")

    return reach


def before_the_barrier(scene: Scene) -> None:
    """All rows changed, while somebody reads a table."""
    with recorded(scene):
        scene.hold(_READ)
    scene.shows("query ~ 'virtualtransaction|pg_blocking_pids'")


def committing(scene: Scene) -> None:
    """The commit is written, and nobody knows: neither readers nor the publisher."""
    with locked(scene):
        scene.ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        scene.ask("SELECT pg_reload_conf()")
    scene.shows("wait_event = 'SyncRep'")


def answering(scene: Scene) -> None:
    """Readers see the new generation; the publisher has not read the answer."""
    with locked(scene):
        scene.publisher.send(signal.SIGSTOP)
    eventually(lambda: scene.ask(shop.GENERATION) == [(2,)], "the commit")


def tidying_up(scene: Scene) -> None:
    """After the commit, before the last of what the publication replaces is forgotten."""
    with locked(scene):
        scene.hold("LOCK TABLE firn.part IN SHARE MODE")
    scene.shows("wait_event = 'relation'")


STAGING: dict[str, Callable[[Scene], Any]] = {
    "connected": at("connected"),
    "started": at("started"),
    "staging made, not committed": gated(
        "UPDATE", "firn.run", "OLD.staging_schema IS NULL AND NEW.staging_schema IS NOT NULL"
    ),
    "prepared": at("prepared"),
    "sending": sending,
    "one part sent": at("sent one"),
    "all parts sent": at("sent all"),
    "verified, not recorded": gated("UPDATE", "firn.run", "NEW.status = 'ready'"),
    "verified": at("verified"),
}
COMMIT: dict[str, Callable[[Scene], Any]] = {
    "fence passed": fence_passed,
    "recorded": recorded,
    "locked": locked,
    "committing": committing,
    "answering": answering,
    "tidying up": tidying_up,
    "published": at("published"),
}
POINTS: dict[Strategy, dict[str, Callable[[Scene], Any]]] = {
    "swap": {
        **STAGING,
        "waiting for a snapshot": waiting_for_a_snapshot,
        "waiting for a reader": waiting(_READ),
        "asking for locks": asking(_READ),
        **COMMIT,
    },
    "diff": {
        "verified": at("verified"),
        "waiting for a writer": waiting(_WRITTEN),
        "asking for locks": asking(_WRITTEN),
        "before the barrier": before_the_barrier,
        **COMMIT,
    },
}


def client_killed(scene: Scene) -> None:
    """The publisher dies."""
    scene.publisher.send(signal.SIGKILL)


def session_terminated(scene: Scene) -> None:
    """An administrator ends the publisher's sessions."""
    scene.ask(f"SELECT pg_terminate_backend(pid) {_FIRN}")


def backend_killed(scene: Scene) -> None:
    """The server's process for the publisher's statements dies, upon which the server ends all others and recovers."""
    with psycopg.connect(scene.dsn, autocommit=True) as another:
        os.kill(scene.sessions()[0], signal.SIGKILL)
        eventually(lambda: not answers(another), "the server ends all sessions")
    eventually(lambda: PGconn.ping(scene.dsn.encode()) == Ping.OK, "the server recovers")


def server_stopped(scene: Scene) -> None:
    """The server stops at once, and is started again."""
    scene.machine.stop()
    scene.machine.start()


def answers(session: psycopg.Connection[Any]) -> bool:
    """Whether a session is still there."""
    try:
        return bool(session.execute("SELECT 1"))
    except psycopg.OperationalError:
        return False


HARMS = (client_killed, session_terminated, backend_killed, server_stopped)
