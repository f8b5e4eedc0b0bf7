"""Lets systems take turns, A B A B, and writes a line of what each did every time."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable  # noqa: TC003 (dataclasses read it)
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.suite.process import Command, Ran, cpu_seconds, run
from benchmarks.suite.trial import Finding, Trial, is_firn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.postgres import Target

__all__ = ["Contest", "Entry", "Refused", "Results", "WrongData", "told"]

_SAID = 300


class WrongData(Exception):  # noqa: N818 (a state of the world, not of the program)
    """firn failed, or loaded something else than the generator made: the benchmark ends."""


class Refused(Exception):  # noqa: N818 (the same)
    """A system cannot take part; the reason is a sentence."""


@dataclass(frozen=True)
class Entry:
    """A system in a scenario.

    Attributes:
        system: Its name.
        rows: Rows that it is to take.
        prepare: Empties what it writes to, and returns its command; the folder is empty and its own.
        judge: Looks at what it did, also where it failed.
        slice: The share of the scenario's rows that it is given.
        most: How often it runs at most; 0: as often as all others.
    """

    system: str
    rows: int
    prepare: Callable[[Path], Command]
    judge: Callable[[Ran], Finding]
    slice: float = 1.0
    most: int = 0


class Results:
    """A file of JSON lines: first what was measured with what, then a line a run."""

    def __init__(self, path: Path, about: Mapping[str, object]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(about) + "\n", encoding="utf-8")

    def add(self, trial: Trial) -> None:
        """Write a line, at once: what was measured before something breaks is kept."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(trial.as_dict()) + "\n")


@dataclass(frozen=True)
class Contest:
    """A scenario at a scale.

    Attributes:
        scenario: Its name.
        scale: 1 is all of its rows.
        target: Where systems write.
        results: Where the lines go.
        only: The systems that take part; none: all.
    """

    scenario: str
    scale: float
    target: Target
    results: Results
    only: frozenset[str] = frozenset()

    def hold(self, entries: Sequence[Entry], repeats: int) -> list[Trial]:
        """Let each entry run, one after the other, as often as asked.

        Raises:
            WrongData: firn failed or loaded something else than was made.
        """
        return [
            self.once(entry, number)
            for number in range(1, repeats + 1)
            for entry in entries
            if number <= (entry.most or repeats) and (not self.only or entry.system in self.only)
        ]

    def once(self, entry: Entry, number: int = 1) -> Trial:
        """Run an entry, judge it, and write its line.

        Raises:
            WrongData: It is firn, and something is wrong.
        """
        with tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as folder:
            try:
                trial = self._run(entry, number, Path(folder))
            except Refused as reason:
                trial = self._trial(entry, number, Ran(), Finding(0.0, problem=str(reason)))
        self.results.add(trial)
        _tell(trial)
        if trial.problem and is_firn(trial.system):
            raise WrongData(f"{self.scenario}, {entry.system}: {trial.problem}")
        return trial

    def _run(self, entry: Entry, number: int, folder: Path) -> Trial:
        command = entry.prepare(folder)
        before = cpu_seconds(self.target.pid)
        ran = run(command)
        server_cpu_s = cpu_seconds(self.target.pid) - before
        start_s = run(Command(command.start, folder)).wall_s if command.start else 0.0
        finding = entry.judge(ran)
        return self._trial(entry, number, ran, finding, start_s=start_s, server_cpu_s=server_cpu_s)

    def _trial(
        self, entry: Entry, number: int, ran: Ran, finding: Finding, *, start_s: float = 0.0, server_cpu_s: float = 0.0
    ) -> Trial:
        seconds = max(0.0, ran.wall_s - start_s) if finding.seconds is None else finding.seconds
        return Trial(
            scenario=self.scenario,
            system=entry.system,
            scale=self.scale,
            repeat=number,
            rows=entry.rows,
            slice=entry.slice,
            start_s=ran.wall_s - seconds,
            wall_s=ran.wall_s,
            cpu_s=ran.cpu_s,
            server_cpu_s=server_cpu_s,
            peak_mb=ran.peak_mb,
            code=ran.code,
            **{**asdict(finding), "seconds": seconds, "problem": finding.problem or told(ran)},
        )


def told(ran: Ran) -> str:
    """Return the end of what a failed process said; nothing of one that succeeded."""
    said = " ".join((ran.complained or ran.said).split())[-_SAID:]
    return f"exit {ran.code}: ...{said}" if ran.code else ""


def _tell(trial: Trial) -> None:
    rate = f"{trial.speed:>11,.0f} rows/s" if trial.rows else f"{'':>18}"
    words = f"{trial.scenario:<22}{trial.system:<24}{trial.repeat:>2}{trial.seconds:>9.2f} s{rate}"
    print(f"{words}{trial.peak_mb:>7,.0f} MB  {trial.problem}", file=sys.stderr, flush=True)
