"""One measured run of one system in one scenario, and what several of them come to."""

from __future__ import annotations

import statistics
from collections.abc import Mapping  # noqa: TC003 (dataclasses read it)
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["FIRN", "Finding", "Trial", "by_entry", "is_firn", "is_limit", "median", "spread"]

FIRN = "firn"
_LIMIT = "limit: "


@dataclass(frozen=True)
class Finding:
    """What is found out after a run that its process alone does not tell.

    Attributes:
        seconds: From the first listing to the commit; ``None``: all of its time but its start.
        arrived: Rows that are in the target.
        verified: Rows of the target that the harness compared with the truth.
        problem: What is wrong, in words; empty where nothing is.
        publish_lock_ms: How long production was locked.
        max_reader_wait_ms: The longest that a reader waited, or can have waited where no reader was measured.
        phases: Seconds by phase, of a system that tells.
        facts: What else belongs to the figure, such as how many tables were read.
    """

    seconds: float | None = None
    arrived: int = 0
    verified: int = 0
    problem: str = ""
    publish_lock_ms: float | None = None
    max_reader_wait_ms: float | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """What a system did, once: a line of the results.

    Attributes:
        scenario: In what.
        system: Which.
        scale: How large; 1 is all of the scenario's rows.
        repeat: Which time, from 1.
        rows: Rows that it was to take from the source.
        slice: The share of the scenario's rows that it was given; its rate is as measured there.
        start_s: The start and the end of its process, outside ``seconds``.
        wall_s: All of its process.
        cpu_s: Seconds of processors of the process and its children.
        server_cpu_s: The same of the target's server, meanwhile.
        peak_mb: The most memory of the process and its descendants.
        code: Its exit code.
    """

    scenario: str
    system: str
    scale: float
    repeat: int
    rows: int
    slice: float
    seconds: float
    start_s: float
    wall_s: float
    cpu_s: float
    server_cpu_s: float
    peak_mb: float
    code: int
    arrived: int
    verified: int
    problem: str = ""
    publish_lock_ms: float | None = None
    max_reader_wait_ms: float | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """Rows a second: of those that it was to take, those that arrived."""
        return min(self.rows, self.arrived) / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return its line, with its speed."""
        return {**asdict(self), "rows_per_s": round(self.speed, 1)}

    @classmethod
    def parse(cls, line: Mapping[str, Any]) -> Trial:
        """Read a line."""
        return cls(**{name: value for name, value in line.items() if name != "rows_per_s"})


def by_entry(trials: Iterable[Trial]) -> dict[tuple[str, float, str], list[Trial]]:
    """Group trials by scenario, scale and system, in the order of measuring."""
    found: dict[tuple[str, float, str], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.scenario, trial.scale, trial.system), []).append(trial)
    return found


def median(trials: Sequence[Trial], figure: str) -> float | None:
    """Return the median of a figure; ``None`` where no run has it."""
    values = [value for trial in trials if (value := getattr(trial, figure)) is not None]
    return statistics.median(values) if values else None


def spread(trials: Sequence[Trial], figure: str) -> tuple[float, float]:
    """Return the least and the most of a figure."""
    values = [getattr(trial, figure) for trial in trials]
    return min(values), max(values)


def is_firn(system: str) -> bool:
    """Whether a system is firn, in whatever way it is called."""
    return system.startswith(FIRN)


def is_limit(system: str) -> bool:
    """Whether a system is no system but what the machine can do at best."""
    return system.startswith(_LIMIT)
