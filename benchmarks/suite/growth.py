"""How time and memory grow with the rows: one scenario at one, two, four and eight times a scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.suite.trial import FIRN, by_entry, median

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.suite.trial import Trial

__all__ = ["TIMES", "Growth", "fit", "growths"]

TIMES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Growth:
    """What a scenario costs at several sizes.

    Attributes:
        scenario: Which.
        rows: At each size.
        seconds: The medians.
        peak_mb: The same of memory.
    """

    scenario: str
    rows: tuple[float, ...]
    seconds: tuple[float, ...]
    peak_mb: tuple[float, ...]

    @property
    def time(self) -> float:
        """The power of the rows with which time grows: 1 is in proportion."""
        return fit(self.rows, self.seconds)

    @property
    def memory(self) -> float:
        """The same of memory: 0 is none."""
        return fit(self.rows, self.peak_mb)


def growths(trials: Iterable[Trial]) -> list[Growth]:
    """Return what firn's runs say of each scenario that was measured at several scales."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for (scenario, _, system), runs in by_entry(trials).items():
        if system == FIRN and runs[0].rows:
            costs = (median(runs, "seconds") or 0.0, median(runs, "peak_mb") or 0.0)
            found.setdefault(scenario, []).append((runs[0].rows, *costs))
    several = {name: sorted(points) for name, points in found.items() if len(points) > 1}
    return [Growth(name, *zip(*points, strict=True)) for name, points in several.items()]


def fit(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of the size with which a cost grows: the slope of a line through the logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    along = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return along / sum((a - middle_x) ** 2 for a in x)
