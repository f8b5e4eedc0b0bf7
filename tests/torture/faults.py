"""The long form of the faults: ``make faults``.

```
python -m tests.torture.faults [--kills 3] [--seed NUMBER] [lists] [blobs] [commissions] [clinic]
```

Runs of all three pipelines are killed at the beginning of every phase and at random instants inside it, their sessions
are ended, their checkpoints find no room, and the store of their workbooks stops answering half-way. Each is resumed
from another folder, some killed once more on the way, and must end with the rows of a run that nothing happened to,
published once. It prints its seed first, and writes what came of it to ``last_faults.json`` beside this file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.commissions_source import generate
from benchmarks.order_list_workbooks import cached
from loaders.embedded import serve
from tests.conftest import empty
from tests.interrupted import content, kill, process, wait_until_left
from tests.practice import practice
from tests.storage import CONNECTION_STRING, make_store, relay, serve_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.torture.loading import Watched

RESULT = Path(__file__).with_name("last_faults.json")
SOURCES = ("lists", "blobs", "commissions", "clinic")
BOOKS = 6
NO_ROOM = 1024
AGAIN = 0.25
"""How often a run that is resumed is killed once more on the way."""
LEFT = """
SELECT nspname::text FROM pg_namespace n JOIN firn.run r ON r.staging_schema = n.nspname WHERE r.status {} 'published'
"""
"""What nobody publishes any more; what a process left that died right after its commit, the next run drops."""
ENDED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'firn' AND datname = current_database()
"""


@dataclass
class Subject:
    """A pipeline with a source, and what a run of it publishes that nothing happens to.

    Attributes:
        pipeline: The pipeline.
        folder: Where its settings are.
        elsewhere: Where its runs are resumed.
        dsn: Its target.
        environment: The variables of its processes.
        chance: What decides when it is killed.
        phases: How long each phase takes, in order.
        expected: What it publishes.
        hits: What happened to runs, and in which phase, and how often.
        faults: What was not as it must be.
    """

    pipeline: str
    folder: Path
    elsewhere: Path
    dsn: str
    environment: dict[str, str]
    chance: random.Random
    phases: dict[str, float] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def begin(self, hold: str = "", largest: int = 0) -> Watched:
        """Run the pipeline."""
        return process(self.pipeline, self.folder, self.environment, hold, largest=largest)

    def resumed(self, run_id: str, hold: str = "") -> Watched:
        """Resume one of its runs from elsewhere."""
        return process(run_id, self.elsewhere, self.environment, hold, self.folder / "firn.toml")

    def measure(self) -> None:
        """Run it once, to know what it publishes and how long its phases take."""
        self.begin().ended()  # what is imported for the first time takes long
        empty(self.dsn)
        run, phase, since = self.begin(), "", time.monotonic()
        for said in run.steps():
            if said.endswith(" done"):
                self.phases[phase], since = time.monotonic() - since, time.monotonic()
            elif f"{said} done" not in run.said and not said.startswith(f"{phase} "):
                phase, since = said, time.monotonic()
        assert run.said[-1] == "published", run.said
        self.expected = content(self.dsn, run.said[0])
        assert self.expected
        empty(self.dsn)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask its target."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]

    def judge(self, what: str, run_id: str, run: Watched) -> None:
        """Compare what was published at the end with what must be, and begin anew."""
        run.ended()
        wait_until_left(self.dsn)
        found = {
            "said": run.said[-1:],
            "publications": self.query("SELECT run_id, kind FROM firn.publication"),
            "equal": content(self.dsn, run_id) == self.expected,
            "left": self.query(LEFT.format("<>")),
            "kept": len(list((Path(self.environment["FIRN_TARGET__CHECKPOINTS"])).glob(f"{self.pipeline}_*"))),
        }
        right = {
            "said": ["published"],
            "publications": [(run_id, "published")],
            "equal": True,
            "left": [],
            "kept": 0,
        }
        self.faults += [f"{what}: {name} is {found[name]}" for name in right if found[name] != right[name]]
        self.hits["staging of a published run left to the next run"] += len(self.query(LEFT.format("=")))
        empty(self.dsn)

    def go_on(self, what: str, run_id: str) -> None:
        """Resume a run to its end; now and then kill it once more on the way."""
        if self.chance.random() < AGAIN:
            run = self.resumed(run_id)
            run.hears(self.chance.uniform(0, sum(self.phases.values())))
            what = f"{what}, and again in {phase_of(run)}"
            run.send(signal.SIGKILL)
            run.ended()
            wait_until_left(self.dsn)
        self.judge(what, run_id, self.resumed(run_id))

    def killed_at(self, step: str) -> None:
        """Kill a run exactly at a step."""
        run = self.begin(step)
        assert run.reaches(step), run.said
        self.hits[f"killed at, {step}"] += 1
        self.go_on(f"killed at {step}", kill(run, self.dsn))

    def killed_in(self, phase: str) -> None:
        """Kill a run at a random instant inside a phase, or shortly after it."""
        run = self.begin()
        assert run.reaches(phase), run.said
        run.hears(self.chance.uniform(0, self.phases[phase]))
        hit = phase_of(run)
        run.send(signal.SIGKILL)
        run.ended()
        wait_until_left(self.dsn)
        self.hits[f"killed in, {hit}"] += 1
        self.go_on(f"killed in {hit}", run.said[0])

    def cut_off_at(self, phase: str) -> None:
        """End the sessions of a run at the beginning of a phase."""
        run = self.begin(phase)
        assert run.reaches(phase), run.said
        self.query(ENDED)
        run.go_on()
        run.ended()
        wait_until_left(self.dsn)
        self.hits[f"sessions ended, {phase}"] += 1
        self.go_on(f"sessions ended at {phase}, {run.said[-1]}", run.said[0])

    def without_room(self, step: str) -> None:
        """Kill a run whose checkpoints found no room."""
        run = self.begin(step, largest=NO_ROOM)
        assert run.reaches(step), run.said
        self.hits[f"no room, {step}"] += 1
        self.go_on("without room for checkpoints", kill(run, self.dsn))


def phase_of(run: Watched) -> str:
    """Tell the phase in which a run is, by what it has said."""
    begun = [said for said in run.said[1:] if f"{said} done" in run.said or not said.endswith(" done")]
    phases = [said for said in begun if not said.rpartition(" ")[2].isdigit()]
    return phases[-1] if phases else "start"


def torture(subject: Subject, kills: int) -> None:
    """Do the worst to a pipeline, phase by phase."""
    subject.measure()
    say(f"{subject.pipeline}: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in subject.phases.items())}")
    for phase in subject.phases:
        subject.killed_at(phase)
        subject.killed_at(f"{phase} done")
        for tried in range(3 * kills):  # a short phase is often over before it is hit
            if tried < kills or subject.hits[f"killed in, {phase}"] < max(kills // 3, 1):
                subject.killed_in(phase)
        subject.cut_off_at(phase)
    if subject.pipeline != "clinic":
        subject.without_room(f"{list(subject.phases)[2]}")
    for phase in subject.phases:
        if subject.hits[f"killed in, {phase}"] < max(kills // 3, 1):
            subject.faults.append(f"{phase} was hit only {subject.hits[f'killed in, {phase}']} times")
    say(f"{subject.pipeline}: {'; '.join(subject.faults) or 'no faults'}")


def silenced(subject: Subject, account: str) -> None:
    """Let the store of the workbooks stop answering at each of them in turn, and answer again."""
    with make_store(account) as store, relay(account) as passing:
        books = sorted((subject.folder / "books").glob("*.xlsx"))
        for book in books:
            store.put(book.name, book)
        subject.environment[CONNECTION_STRING] = store.connection_string(passing.endpoint)
        (subject.folder / "firn.toml").write_text(
            f'[order_lists.blobs]\ncontainer = "{store.name}"\n', encoding="utf-8"
        )
        subject.measure()
        for number in range(1, len(books)):
            passing.requests.clear()
            passing.before = lambda request, number=number: silence(passing, request, number)  # type: ignore[misc]
            run = subject.begin()
            run.ended()
            passing.before, passing.answer = lambda _: None, None
            read = len(list(Path(subject.environment["FIRN_TARGET__CHECKPOINTS"]).glob("*/*.part")))
            passing.requests.clear()
            wait_until_left(subject.dsn)
            last = subject.resumed(run.said[0])
            last.ended()
            asked = len({one.partition("?")[0] for one in passing.downloads()})
            if asked != len(books) - read:
                subject.faults.append(f"silent at {number}: {read} were read, and {asked} were read again")
            subject.hits[f"store silent, {read} of {len(books)} read"] += 1
            subject.judge(f"silent at {number}, {run.said[-1]}", run.said[0], last)
    say(f"store: {'; '.join(subject.faults) or 'no faults'}")


def silence(passing: Any, request: str, number: int) -> None:  # noqa: ANN401 (a relay)
    """Let the store answer with 503 from the so manieth workbook on."""
    if request.startswith("GET") and "restype" not in request and len(passing.downloads()) > number:
        passing.answer = 503


def subjects(stack: ExitStack, seed: int) -> Iterator[Subject]:
    """Make the sources and the targets, one after the other."""
    root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firn-faults-", dir="/var/tmp")))
    root.chmod(0o755)
    server = stack.enter_context(serve(root / "pg", settings={"fsync": "off"}))
    environment = {
        **os.environ,
        "FIRN_TARGET__HOME": str(root / "pg"),
        "FIRN_TARGET__CHECKPOINTS": str(root / "checkpoints"),
    }

    def subject(pipeline: str, folder: Path, dsn: str) -> Subject:
        elsewhere = folder.with_name(f"{folder.name}-elsewhere")
        elsewhere.mkdir()
        chance = random.Random(f"{seed} {folder.name}")  # noqa: S311 (no secret)
        return Subject(pipeline, folder, elsewhere, dsn, environment.copy(), chance)

    for name in ("lists", "blobs"):
        (root / name / "books").mkdir(parents=True)
        books = sorted((cached(scale=0.02, seed=3) / "workbooks").glob("*.xlsx"), key=lambda book: book.stat().st_size)
        for book in books[-BOOKS:]:
            shutil.copy(book, root / name / "books")
        (root / name / "firn.toml").write_text('[order_lists]\nfolder = "books"\n', encoding="utf-8")
        yield subject("order_lists", root / name, server.dsn)
    (root / "commissions").mkdir()
    generate(root / "commissions", scale=0.002)
    (root / "commissions" / "firn.toml").write_text('[commissions]\nfolder = "extracts"\n', encoding="utf-8")
    yield subject("commissions", root / "commissions", server.dsn)
    from tests.mariadb import serve_mariadb

    (root / "clinic").mkdir()
    made = stack.enter_context(practice(stack.enter_context(serve_mariadb()), server.dsn, root / "clinic"))
    environment |= {name: os.environ[name] for name in ("MYSQL_PWD",)}
    yield subject("clinic", root / "clinic", made.dsn)


def main() -> int:
    """Do the worst to every pipeline, and write what came of it; what is not asked for stays as it was found last."""
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("sources", nargs="*", default=SOURCES, metavar="|".join(SOURCES))
    told = parser.parse_args()
    say(f"seed {told.seed}")
    found: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    with ExitStack() as stack:
        for subject in subjects(stack, told.seed):
            source, started = subject.folder.name, time.monotonic()
            if source not in told.sources:
                continue
            if source == "blobs":
                silenced(subject, stack.enter_context(serve_account()))
            else:
                torture(subject, told.kills)
            found[source] = {
                "pipeline": subject.pipeline,
                **about(told),
                "minutes": round((time.monotonic() - started) / 60, 1),
                "faults": subject.faults,
                "times": sum(times for what, times in subject.hits.items() if "," in what),
                "hits": dict(sorted(subject.hits.items())),
            }
            RESULT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(found[source]["faults"] for source in told.sources))


def about(told: argparse.Namespace) -> dict[str, Any]:
    """When, on what, and of which commit."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], capture_output=True, text=True)  # noqa: PLW1510
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "seed": told.seed,
        "kills in each phase": told.kills,
    }


def say(what: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main())
