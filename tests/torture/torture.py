"""Publishes over and over while eight kinds of readers read, and kills a third of the publishers.

Every publication is a process of its own. Which of them is killed, in which phase and how far into it, is drawn from a
seed. A killed run is either taken up again under its name or left for dead, and then the next one has to clean up.
"""

from __future__ import annotations

import json
import random
import re
import signal
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from firn import Run
from tests.torture import loading, reading, shop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from loaders.embedded import Server

# A wait that is not over after this time is written to the server's log. A third of it is the longest budget of firn's
# own waits, and three times the first budget, so a reader's wait never comes near it.
SETTINGS = {"deadlock_timeout": "450ms", "log_lock_waits": "on", "track_activity_query_size": "64kB"}
LONGEST_WAIT_MS = 450.0

# What a process is at once it has said this.
PHASES = {
    "connected": "starting",
    "started": "preparing",
    "prepared": "sending",
    "sent one": "sending",
    "sent all": "verifying",
    "verified": "publishing",
    "published": "ending",
}
MESSAGE = "inside the message"
_ROUNDS = 20
TARGETS = {"starting": "connected", "preparing": "started", "sending": "prepared", "verifying": "sent all"} | {
    "publishing": "verified",
    MESSAGE: "verified",
}
_BUSY = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'firn' AND datname = current_database()"
_SENT = _BUSY + r" AND state = 'active' AND query ~ 'COMMIT\s*$'"
_LOCKED, _FENCED = re.compile("worked on by another process"), re.compile("Another generation|was staged on generation")


@dataclass
class Result:
    """What came of it.

    Attributes:
        publications: How many the target has recorded, each under the name of another run.
        generation: The generation that it says is visible.
        visible: The generations that the rows of production carry.
        by_the_dead: Publications by a process that was killed before it could say so.
        kills: By phase, what the killed process was at.
        refused: What processes were told that came too late, or too early after a kill.
        unexpected: What else they said.
        readers: Per kind of reader what it found, the errors it met, and how many generations it saw.
        locked_ms: The longest that readers may have had to wait for a publication, by the server's clock.
        longest_wait_ms: The longest that anybody may have, writers and refused requests for locks included.
        waits: Readers that waited for longer than the server's deadlock_timeout, by its log.
    """

    publications: int = 0
    generation: int = 0
    visible: list[int] = field(default_factory=list)
    by_the_dead: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    readers: dict[str, Any] = field(default_factory=dict)
    locked_ms: float = 0.0
    longest_wait_ms: float = 0.0
    waits: int = 0

    def seen(self, verdict: str) -> int:
        """How many reads came to a verdict."""
        return sum(reader["found"].get(verdict, 0) for reader in self.readers.values())

    @property
    def errors(self) -> int:
        """How many errors readers met."""
        return sum(sum(reader["errors"].values()) for reader in self.readers.values())

    def faults(self, kills: int, reads: int) -> list[str]:
        """What must not be, or is too little to mean anything.

        Args:
            kills: How many each phase must have had.
            reads: How many good ones each kind of reader must have made, of at least three generations.
        """
        bad = {verdict: self.seen(verdict) for verdict in ("empty", "incomplete", "mixed", "backwards")}
        facts = {
            f"{self.errors} errors of readers": self.errors,
            **{f"{count} {verdict} reads": count for verdict, count in bad.items()},
            f"{self.publications} publications, generation {self.generation}": self.publications != self.generation,
            f"rows of generations {self.visible}": self.visible != [self.generation],
            f"locked for {self.locked_ms:.0f} ms": self.locked_ms > LONGEST_WAIT_MS,
            f"{self.waits} readers waited too long": self.waits,
            **{f"a publisher said: {said}": True for said in self.unexpected},
            **{f"too few kills while {phase}": self.kills[phase] < kills for phase in TARGETS},
            **{
                f"too few reads of kind {kind}": found["found"].get("good", 0) < reads or found["generations"] < 3
                for kind, found in self.readers.items()
            },
        }
        return [fact for fact, holds in facts.items() if holds]


@contextmanager
def database(server: Server, name: str) -> Iterator[str]:
    """An empty database of its own."""
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield psycopg.conninfo.make_conninfo(server.dsn, dbname=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def readers(
    dsn: str, seed: int, result: Result, age_s: float = 1.0, reads: int = 0
) -> Iterator[list[subprocess.Popen[str]]]:
    """Run a reader of each kind, and collect what they found; snapshots reach an age of so many seconds."""
    processes = {kind: reading.start(dsn, kind, seed, age_s, reads) for kind in reading.KINDS}
    for process in processes.values():
        assert process.stdout
        process.stdout.readline()  # it has read once
    try:
        yield list(processes.values())
    finally:
        said = {kind: process.communicate()[0] for kind, process in processes.items()}
    result.readers = {kind: json.loads(text.splitlines()[-1]) for kind, text in said.items()}


@dataclass
class Torture:
    """The publishers, one after the other.

    Attributes:
        dsn: The database.
        asking: A session that looks at what the publishers do.
        chance: Where every choice comes from.
        result: What came of it so far.
        options: How the publishers publish.
    """

    dsn: str
    asking: psycopg.Connection[Any]
    chance: random.Random
    result: Result
    options: dict[str, Any] = field(default_factory=dict)
    _announced: set[str] = field(default_factory=set)
    _lasts: dict[str, float] = field(default_factory=dict)

    def publish(self, targets: Sequence[str]) -> None:
        """Let one process after the other publish, and kill it in the phase given for it, if any."""
        run = Run.start(shop.DATASET).id
        for target in targets:
            while (ended := self._one(run, target)) == "locked":
                time.sleep(0.05)  # the server has not noticed yet that the publisher is dead
            if ended != "killed" or self.chance.random() < 0.5:
                run = Run.start(shop.DATASET).id

    def _one(self, run: str, target: str) -> str:
        """Let one process publish, or kill it."""
        publisher, since = loading.Publisher(self.dsn, run, **self.options), time.monotonic()
        for step in publisher.steps():
            if not target and len(publisher.said) > 1:
                self._lasts[PHASES[publisher.said[-2]]] = time.monotonic() - since
            since = time.monotonic()
            if step == TARGETS.get(target):
                self._kill(publisher, target)
        return self._judged(run, publisher, target)

    def _kill(self, publisher: loading.Publisher, target: str) -> None:
        """Kill a process that has just entered a phase, at any moment of the time that the phase takes."""
        if target == MESSAGE:
            while not publisher.is_over() and not self._asked(_SENT):
                time.sleep(0.001)
        else:
            time.sleep(self.chance.random() * self._lasts.get(target, 0.1))
        publisher.send(signal.SIGKILL)

    def _judged(self, run: str, publisher: loading.Publisher, target: str) -> str:
        """Tell what became of a process, and count it."""
        code = publisher.ended()
        if code == -signal.SIGKILL:
            phase = PHASES[publisher.said[-1]]
            self.result.kills[MESSAGE if phase == "publishing" and target == MESSAGE else phase] += 1
            return "killed"
        if code == 0:
            self._announced |= {run} if publisher.said[-1] == "published" else set()
            return "published"
        for name, sentence in {"locked": _LOCKED, "fenced": _FENCED}.items():
            if sentence.search(publisher.said[-1]):
                self.result.refused[name] += 1
                return name
        self.result.unexpected.append(f"{publisher.said}, exit code {code}")
        return "failed"

    def _asked(self, query: str) -> Any:  # noqa: ANN401 (whatever the query selects)
        return self.asking.execute(query).fetchall()[0][0]

    def conclude(self) -> None:
        """Ask the target what it has recorded, once the sessions of dead publishers are gone."""
        while self._asked(_BUSY):
            time.sleep(0.05)
        runs = self.asking.execute("SELECT run_id, locked_ms, longest_wait_ms FROM firn.publication").fetchall()
        sights = self.asking.execute(shop.ALL).fetchall()
        self.result.publications = len({run for run, *_ in runs})
        self.result.by_the_dead = len({run for run, *_ in runs} - self._announced)
        self.result.locked_ms = max(locked for _, locked, _ in runs)
        self.result.longest_wait_ms = max(longest for *_, longest in runs)
        self.result.generation = self._asked(shop.GENERATION)
        self.result.visible = sorted({bound for _, _, *bounds in sights for bound in bounds})


def torture(
    server: Server,
    name: str,
    *,
    publications: int,
    kills: int,
    seed: int,
    reads: int = 0,
    **options: Any,  # noqa: ANN401 (options of the publishers)
) -> Result:
    """Publish so many times in a new database while readers read.

    Args:
        server: Where.
        name: The name of the database.
        publications: How many publishers are left alone.
        kills: How many are killed in each phase. One that comes too late hits the next phase, or nobody; so more
            follow until each phase has had half as many.
        seed: Where every choice comes from.
        reads: How many good reads each kind of reader makes at least; so more publishers follow on a fast machine.
        options: How they publish.
    """
    result, chance = Result(), random.Random(seed)  # noqa: S311 (drawn again from the same seed)
    targets = [*[""] * publications, *list(TARGETS) * kills]
    with database(server, name) as dsn, psycopg.connect(dsn, autocommit=True) as asking:
        tormented = Torture(dsn, asking, chance, result, options)
        tormented.publish([""])
        asking.execute(shop.SURROUNDINGS)
        asking.execute(shop.KEYS)
        before = waits(server)
        # Nobody waits for a snapshot without the guard: it may be older than the slowest publication takes.
        with readers(dsn, seed, result, 1.0 if options.get("guard", True) else 5.0, reads) as processes:
            tormented.publish(chance.sample(targets, k=len(targets)))
            for _ in range(_ROUNDS):
                tormented.publish([phase for phase in TARGETS if result.kills[phase] < kills / 2])
            for _ in range(reads):
                tormented.publish([""] if not all(reading.has_enough(process) for process in processes) else [])
        tormented.conclude()
        result.waits = waits(server) - before
    return result


def naive(server: Server, name: str, publications: int, seed: int) -> Result:
    """Publish the way it is often done: all tables in one transaction, without any of firn's guards.

    What readers then meet shows what this harness is able to see.
    """
    result = Result()
    with database(server, name) as dsn, psycopg.connect(dsn, autocommit=True) as publisher:
        publisher.execute("CREATE SCHEMA shop")
        _stage(publisher, "shop", 0)
        publisher.execute(shop.SURROUNDINGS)
        before = waits(server)
        with readers(dsn, seed, result):
            for generation in range(1, publications + 1):
                with suppress(psycopg.errors.DeadlockDetected):  # it may be the one of the two that is ended
                    _move(publisher, generation)
                time.sleep(0.2)
        result.waits = waits(server) - before
    return result


def _move(publisher: psycopg.Connection[Any], generation: int) -> None:
    publisher.execute("DROP SCHEMA IF EXISTS staged, previous CASCADE; CREATE SCHEMA staged; CREATE SCHEMA previous")
    _stage(publisher, "staged", generation)
    with publisher.transaction():
        for table in shop.ROWS:
            publisher.execute(f"ALTER TABLE shop.{table} SET SCHEMA previous")
            publisher.execute(f"ALTER TABLE staged.{table} SET SCHEMA shop")


def _stage(publisher: psycopg.Connection[Any], schema: str, generation: int) -> None:
    for table in shop.ROWS:
        publisher.execute(f"CREATE TABLE {schema}.{table} AS {shop.rows(table, generation)}")


def waits(server: Server) -> int:
    """How many readers the server's log says have waited for longer than its deadlock_timeout."""
    return len(re.findall("still waiting for AccessShareLock", server.log.read_text(errors="replace")))
