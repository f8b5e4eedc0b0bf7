"""Whether firn became slower: its work at small scales, as a multiple of a reference that runs beside it.

No absolute time is compared. In every round the reference runs, then each workload, then the reference again; a
workload's figure is its quotient by the two. Two figures are judged. ``cpu`` are the processors' seconds of the
process, its children and the target's server: they hardly notice what else the machine does. ``wall`` also sees waits
and lost parallelism, and is only judged where the reference shows that the machine is as idle as when the baseline was
made.

A workload is slower where its median is more than 15 % beyond the baseline, and beyond the noise on top of that: how
far single rounds lie from their median, in the baseline (the farthest) or now (the middle one), whichever is more. What
is slower is measured again, twice, and judged by all rounds together, before it fails. On machines of which there is no
baseline the margin is wider.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping  # noqa: TC003 (dataclasses read it)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["FIGURES", "ROUNDS", "Baseline", "Cost", "Rounds", "Verdict", "decide", "judge", "load", "record"]

ALLOWED, ELSEWHERE = 0.15, 0.5
"""How much slower is no regression: on a machine of the baseline's kind, and on any other."""
FIGURES = ("cpu", "wall")
LEAST_NOISE = {"cpu": 0.05, "wall": 0.10}
IDLE = 1.25
"""How much longer the reference may wait for processors than in the baseline, until ``wall`` says nothing."""
BUSY = 1.5
"""How long the reference may wait, as a multiple of its work, until seconds are no part of a baseline."""
ROUNDS, ATTEMPTS = 3, 3


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        cpu: Seconds of processors, its server's among them.
        wall: Seconds from its start to its end.
    """

    cpu: float
    wall: float

    @property
    def waiting(self) -> float:
        """How much longer it took than it worked: large where others work too."""
        return self.wall / self.cpu


@dataclass
class Rounds:
    """What was measured: by workload its quotients, and how long the reference waited for processors.

    Attributes:
        quotients: By workload and figure, one a round.
        waiting: Of the reference, one a round.
    """

    quotients: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    waiting: list[float] = field(default_factory=list)

    def add(self, before: Cost, costs: Mapping[str, Cost], after: Cost) -> None:
        """Take over a round: the reference, each workload, the reference."""
        self.waiting.append((before.waiting + after.waiting) / 2)
        for name, cost in costs.items():
            own = self.quotients.setdefault(name, {figure: [] for figure in FIGURES})
            for figure in FIGURES:
                reference = (getattr(before, figure) + getattr(after, figure)) / 2
                own[figure].append(getattr(cost, figure) / reference)


@dataclass(frozen=True)
class Baseline:
    """What was measured before, on one kind of machine.

    Attributes:
        commit: Of what.
        at: When.
        rounds: In how many rounds.
        waiting: How long the reference waited for processors.
        quotients: By workload and figure the median.
        noise: By workload and figure how far the farthest round lay from the median, as a share of it.
    """

    commit: str
    at: str
    rounds: int
    waiting: float
    quotients: Mapping[str, Mapping[str, float]]
    noise: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Verdict:
    """What is said of one figure of a workload.

    Attributes:
        workload: Which.
        figure: ``cpu`` or ``wall``.
        now: The median quotient.
        before: The baseline's.
        most: The quotient from which it is a regression.
        judged: Whether it may fail.
    """

    workload: str
    figure: str
    now: float
    before: float
    most: float
    judged: bool = True

    @property
    def slower(self) -> bool:
        """Whether it is a regression."""
        return self.judged and self.now > self.most

    def __str__(self) -> str:
        change = f"{self.now / self.before - 1:+.0%}"
        word = "SLOWER" if self.slower else "" if self.judged else "not judged: the machine is busy"
        return (
            f"{self.workload:<14}{self.figure:<6}{self.now:>7.2f} x the reference, was {self.before:.2f} "
            f"({change}; may be {self.most / self.before - 1:+.0%})  {word}"
        )


def judge(baseline: Baseline, found: Rounds, *, same_machine: bool) -> list[Verdict]:
    """Compare what was measured with the baseline; a workload that has none there is not compared."""
    allowed = ALLOWED if same_machine else ELSEWHERE
    busy = statistics.median(found.waiting) > IDLE * baseline.waiting
    verdicts = []
    for workload, figures in found.quotients.items():
        for figure, quotients in figures.items():
            before = baseline.quotients.get(workload, {}).get(figure)
            if before is None:
                continue
            noise = max(spread(quotients), baseline.noise[workload][figure], LEAST_NOISE[figure])
            most = before * (1 + allowed) * (1 + noise)
            now = statistics.median(quotients)
            verdicts.append(Verdict(workload, figure, now, before, most, judged=figure == "cpu" or not busy))
    return verdicts


def spread(quotients: Sequence[float]) -> float:
    """Return how far the middle half of the rounds reaches from the median, as a share of it."""
    if len(quotients) < ROUNDS:
        return 0.0
    middle = statistics.median(quotients)
    return statistics.median(abs(quotient - middle) for quotient in quotients) / middle


def decide(baseline: Baseline, measure: Callable[[Rounds], None], *, same_machine: bool) -> list[Verdict]:
    """Measure until nothing is slower, or until it was slower in every attempt; return the last verdicts.

    Args:
        baseline: What was measured before.
        measure: Adds some rounds.
        same_machine: Whether the baseline is of this kind of machine.
    """
    found = Rounds()
    verdicts: list[Verdict] = []
    for _ in range(ATTEMPTS):
        measure(found)
        verdicts = judge(baseline, found, same_machine=same_machine)
        if not any(verdict.slower for verdict in verdicts):
            break
    return verdicts


def record(found: Rounds, commit: str, at: str) -> Baseline:
    """Make a baseline of what was measured; of a busy machine without seconds."""
    by_name = found.quotients.items()
    waiting = statistics.median(found.waiting)
    figures = FIGURES if waiting < BUSY else ("cpu",)
    return Baseline(
        commit=commit,
        at=at,
        rounds=len(found.waiting),
        waiting=round(waiting, 3),
        quotients={name: {f: round(statistics.median(own[f]), 4) for f in figures} for name, own in by_name},
        noise={name: {f: round(_farthest(own[f]), 4) for f in figures} for name, own in by_name},
    )


def _farthest(quotients: Sequence[float]) -> float:
    middle = statistics.median(quotients)
    return max(abs(quotient - middle) for quotient in quotients) / middle


def load(path: Path, kind: str) -> tuple[Baseline, bool] | None:
    """Return the baseline of a kind of machine, or the first of another; and whether it is of this kind."""
    if not path.exists():
        return None
    found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    chosen = found.get(kind) or next(iter(found.values()))
    return Baseline(**chosen), kind in found
