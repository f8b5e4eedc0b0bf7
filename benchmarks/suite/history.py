"""What firn did at which commit: a line is added whenever a clean commit is measured, and none is ever changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.suite.machine import ROOT
from benchmarks.suite.plots import Line, lines
from benchmarks.suite.trial import by_entry, is_firn, median

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.suite.trial import Trial

__all__ = ["HISTORY", "append", "entries", "plot", "table"]

HISTORY = ROOT / "benchmarks" / "results" / "history.jsonl"


def append(about: Mapping[str, Any], trials: Iterable[Trial], path: Path = HISTORY) -> bool:
    """Add what firn did, unless files differed from the commit; return whether something was added."""
    if not about["commit"] or str(about["commit"]).endswith("+"):
        return False
    with path.open("a", encoding="utf-8") as file:
        for (scenario, scale, system), runs in by_entry(trials).items():
            if is_firn(system) and not any(run.problem for run in runs):
                figures = ("speed", "seconds", "cpu_s", "server_cpu_s", "peak_mb", "publish_lock_ms")
                line = {name: about[name] for name in ("at", "commit", "machine", "load")}
                line |= {"scenario": scenario, "scale": scale, "system": system, "runs": len(runs)}
                line |= {figure: _rounded(median(runs, figure)) for figure in figures}
                file.write(json.dumps(line) + "\n")
    return True


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def entries(path: Path = HISTORY) -> list[dict[str, Any]]:
    """Return every line, the oldest first."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """Write the lines as a table."""
    head = f"{'commit':<12}{'at':<18}{'machine':<20}{'scenario':<24}{'scale':>7}{'rows/s':>11}{'seconds':>9}{'MB':>8}"
    rows = [
        f"{e['commit']:<12}{e['at'][:16]:<18}{e['machine'][:18]:<20}{_name(e):<24}{e['scale']:>7g}"
        f"{e['speed']:>11,.0f}{e['seconds']:>9.2f}{e['peak_mb']:>8,.0f}"
        for e in found
    ]
    return "\n".join([head, *rows])


def _name(entry: Mapping[str, Any]) -> str:
    return f"{entry['scenario']} {entry['system'].removeprefix('firn').lstrip(', ')}".strip()[:23]


def plot(found: Sequence[Mapping[str, Any]]) -> str:
    """Draw records per second by commit, a line by scenario and scale, of the machine that was measured last."""
    machine = found[-1]["machine"]
    own = [entry for entry in found if entry["machine"] == machine and entry["speed"]]
    commits = list(dict.fromkeys(entry["commit"] for entry in own))
    drawn: dict[str, list[tuple[float, float]]] = {}
    for entry in own:
        name = f"{entry['scenario']}, {entry['scale']:g}"
        drawn.setdefault(name, []).append((commits.index(entry["commit"]) + 1, entry["speed"]))
    shown = [Line(name, points) for name, points in drawn.items()]
    title = f"records per second by commit, {commits[0]} to {commits[-1]}"
    return lines(title, "commits", "records per second", shown)
