"""Publication alone: 20 tables that are staged already change places while 50 readers query all of them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.suite.contest import Entry, told
from benchmarks.suite.limits import itself
from benchmarks.suite.machine import ROOT
from benchmarks.suite.process import Command
from benchmarks.suite.trial import FIRN, Finding

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.suite.contest import Contest
    from benchmarks.suite.process import Ran

__all__ = ["crowded"]

_ROWS = 100_000
TABLES = 20
_WAYS = {FIRN: "swap", "firn, changes": "diff"}


def crowded(contest: Contest, repeats: int) -> None:
    """Measure how long a publication takes, how long it locks, and how long a reader waits."""
    rows = max(100, round(_ROWS * contest.scale))
    contest.hold([_entry(contest, system, strategy, rows) for system, strategy in _WAYS.items()], repeats)


def _entry(contest: Contest, system: str, strategy: str, rows: int) -> Entry:
    def prepare(folder: Path) -> Command:
        contest.target.renew("firn")
        programs, url = str(contest.target.programs), contest.target.url("firn")
        words = itself(url, programs, str(folder), strategy, str(rows), module="benchmarks.crowd")
        return Command(words, ROOT)

    return Entry(system, rows * TABLES, prepare, partial(_judge, rows * TABLES))


def _judge(rows: int, ran: Ran) -> Finding:
    if ran.code:
        return Finding(problem=told(ran))
    said = json.loads(ran.said)
    wrong = f"{said['errors']} readers ended: {said['said']}" if said["errors"] else ""
    return Finding(
        said["seconds"],
        arrived=said["rows"],
        verified=rows,
        problem=wrong or ("" if said["rows"] == rows else f"{said['rows']:,} of {rows:,} rows show the new generation"),
        publish_lock_ms=said["locked_ms"],
        max_reader_wait_ms=said["longest_read_ms"],
        facts={name: said[name] for name in ("reads", "readers", "usual_read_ms", "longest_wait_ms")},
    )
