"""firn's command line as a system: how a run is started, and what its report says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.suite.contest import told
from benchmarks.suite.process import Command
from benchmarks.suite.trial import Finding

if TYPE_CHECKING:
    from benchmarks.suite.process import Ran

__all__ = ["PROGRAM", "finding", "once", "report", "run_of"]

PROGRAM = str(Path(sys.executable).with_name("firn"))


def run_of(pipeline: str, url: str, folder: Path, *options: str, production: str = "public") -> Command:
    """Return the command of a run that writes to a database, started in a folder of its own."""
    environment = {"FIRN_TARGET__DSN": url, "FIRN_TARGET__PRODUCTION": production}
    return Command((PROGRAM, "run", pipeline, "--json", *options), folder, environment)


def once(command: Command) -> dict[str, Any]:
    """Run what a scenario begins with, and return its report; nothing is measured.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, **command.environment}
    done = subprocess.run(
        command.words, cwd=command.folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command.words)}\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(ran: Ran) -> dict[str, Any]:
    """Return the report that a run printed; an empty one if it printed none."""
    try:
        found: dict[str, Any] = json.loads(ran.said)
    except ValueError:
        return {}
    return found


def finding(ran: Ran, problem: str = "", verified: int = 0, arrived: int | None = None) -> Finding:
    """Return what a run's report says, beside what the judge found.

    Args:
        ran: The run.
        problem: What the judge says; empty if all is right.
        verified: Rows that the judge compared.
        arrived: Rows of the source that arrived; ``None``: the rows of the published tables.
    """
    said = report(ran)
    if ran.code or not said:
        return Finding(problem=said.get("error") or told(ran) or "it printed no report")
    return Finding(
        seconds=said["seconds"],
        arrived=sum(said["tables"].values()) if arrived is None else arrived,
        verified=verified,
        problem=problem,
        publish_lock_ms=said["locked_ms"],
        max_reader_wait_ms=said["longest_wait_ms"],
        phases={phase["name"]: phase["seconds"] for phase in said["phases"]},
        facts={
            name: said[name]
            for name in ("rows_read", "parts", "taken", "wal_bytes", "peak_memory_mb")
            if isinstance(said.get(name), (int, float))
        },
    )
