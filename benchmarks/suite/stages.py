"""Where every core-second of a run goes: by stage in firn's process, by command in the target's server."""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clinic_schema import HEADLINE
from benchmarks.clinic_source import fill
from benchmarks.commissions_source import cached as extracts
from benchmarks.order_list_workbooks import cached as workbooks
from benchmarks.suite.contest import Contest
from benchmarks.suite.limits import itself
from benchmarks.suite.machine import ROOT
from benchmarks.suite.process import Command, children, run
from benchmarks.suite.scenarios import clinic, commissions, order_lists
from benchmarks.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.postgres import Target
    from benchmarks.suite.contest import Entry, Results

__all__ = ["PROFILED", "profile", "show"]

_EVERY_S = 0.01
_TITLE = re.compile(r"(?:\)|\[local\]) (.*)")


def profile(entry: Entry, pid: int, folder: Path) -> str:
    """Run firn's entry under observation, and say where its seconds went.

    Args:
        entry: firn's.
        pid: The first process of the target's server.
        folder: Empty.

    Raises:
        RuntimeError: The run failed or loaded something else than was made.
    """
    command, figures = entry.prepare(folder), folder / "stages.json"
    words = itself(str(figures), *command.words[1:], module="benchmarks.suite.sampling")
    environment = {**command.environment, "PYTHONPATH": str(ROOT)}
    with _watching(pid) as server:
        ran = run(Command(words, command.folder, environment))
    finding = entry.judge(ran)
    if finding.problem:
        raise RuntimeError(finding.problem)
    said = json.loads(figures.read_text("utf-8"))
    stages: dict[str, float] = {**said["stages"], "starting Python": said["start"]}
    stages["other"] = stages.get("other", 0.0) + max(0.0, ran.cpu_s - sum(stages.values()))
    return show(entry.rows, finding.seconds or ran.wall_s, stages, server)


def show(rows: int, seconds: float, stages: Mapping[str, float], server: Mapping[str, float]) -> str:
    """Write both tables; shares are of all seconds of processors together."""
    total = sum(stages.values()) + sum(server.values())
    lines = [f"{rows:,} rows in {seconds:.2f} s: {total:.2f} seconds of processors, {total / seconds:.2f} at a time"]
    for title, found in (("firn", stages), ("PostgreSQL", server)):
        lines.append(f"{title:<32}{sum(found.values()):>8.2f} s{sum(found.values()) / total:>7.1%}")
        for name, spent in sorted(found.items(), key=lambda pair: -pair[1]):
            lines.append(f"  {name:<30}{spent:>8.2f} s{spent / total:>7.1%}")
    return "\n".join(lines)


@contextmanager
def _watching(pid: int) -> Iterator[Mapping[str, float]]:
    """Count the seconds of the server's processes by what their titles say that they do."""
    seconds: defaultdict[str, float] = defaultdict(float)
    stop = threading.Event()
    last: dict[int, tuple[str, float]] = {}

    def look(*, count: bool = True) -> None:
        for member in children(pid):
            title, spent = _title(member), _spent(member)
            did, before = last.get(member, (title, 0.0 if count else spent))
            last[member] = (did if title.startswith("idle") else title, spent)  # until now it did what it did before
            if spent > before:
                seconds[last[member][0]] += spent - before

    def watch() -> None:
        while not stop.wait(_EVERY_S):
            look()

    look(count=False)
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seconds
    finally:
        stop.set()
        thread.join()


def _title(pid: int) -> str:
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").strip("\0 ")
    except OSError:
        return "ended"
    found = _TITLE.search(title)
    return found[1] if found else "its own processes"


def _spent(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9
    except (OSError, IndexError):
        return 0.0


@contextmanager
def _order_lists(target: Target, results: Results, scale: float | None) -> Iterator[Entry]:
    contest = Contest("order lists", scale or 1, target, results)
    yield order_lists.firn(contest, Truth.load(workbooks(scale=contest.scale)))


@contextmanager
def _clinic(target: Target, results: Results, scale: float | None) -> Iterator[Entry]:
    contest = Contest("clinic", scale or 0.1, target, results)
    with clinic.serving() as source:
        yield clinic.firn(contest, source, fill(source, contest.scale, only=HEADLINE))


@contextmanager
def _commissions(target: Target, results: Results, scale: float | None) -> Iterator[Entry]:
    contest = Contest("commissions", scale or 1, target, results)
    made = extracts(contest.scale)
    yield commissions.firn(contest, made, made / "extracts")


PROFILED = {"order lists": _order_lists, "clinic": _clinic, "commissions": _commissions}
