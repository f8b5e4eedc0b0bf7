"""What it costs to type a command: a process from its start to its end, beside a Python that does nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.suite import runs
from benchmarks.suite.contest import Entry, told
from benchmarks.suite.process import Command
from benchmarks.suite.trial import Finding

if TYPE_CHECKING:
    from benchmarks.suite.contest import Contest
    from benchmarks.suite.process import Ran

__all__ = ["cold"]

_COMMANDS = {
    "firn --help": (runs.PROGRAM, "--help"),
    "firn list": (runs.PROGRAM, "list"),
    "limit: python -c pass": (sys.executable, "-c", "pass"),
}
_TIMES = 5


def cold(contest: Contest, repeats: int) -> None:
    """Measure commands that read and write nothing."""
    entries = [_entry(name, words) for name, words in _COMMANDS.items()]
    contest.hold(entries, repeats * _TIMES)


def _entry(name: str, words: tuple[str, ...]) -> Entry:
    def judge(ran: Ran) -> Finding:
        return Finding(ran.wall_s, problem=told(ran))

    return Entry(name, 0, lambda folder: Command(words, folder), judge)
