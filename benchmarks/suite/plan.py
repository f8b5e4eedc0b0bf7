"""Which scenarios are measured at which scales, and how often."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 (dataclasses read it)
from dataclasses import dataclass

from benchmarks.suite.contest import Contest  # noqa: TC001 (the same)
from benchmarks.suite.scenarios import clinic, commissions, order_lists, publication, start

__all__ = ["FULL", "GROWTH", "SCENARIOS", "SMALL", "Leg"]

SCENARIOS: dict[str, Callable[[Contest, int], None]] = {
    "order lists": order_lists.all_workbooks,
    "one customer": order_lists.one_customer,
    "clinic": clinic.headline,
    "clinic, zero dates": clinic.zero_dates,
    "nights": clinic.nights,
    "commissions": commissions.extracts,
    "publication": publication.crowded,
    "start": start.cold,
}


@dataclass(frozen=True)
class Leg:
    """A scenario at a scale.

    Attributes:
        scenario: One of ``SCENARIOS``.
        scale: 1 is all of its rows; of the clinic 0.1 are 802,787 rows in five tables.
        repeats: How often everybody runs, unless asked otherwise.
    """

    scenario: str
    scale: float
    repeats: int = 3


FULL = (
    Leg("start", 1),
    Leg("order lists", 1),
    Leg("one customer", 1),
    Leg("clinic", 0.1),
    Leg("clinic, zero dates", 0.01, 1),
    Leg("commissions", 1),
    Leg("publication", 0.5),
    Leg("nights", 0.1),
    Leg("clinic", 1),
)
SMALL = (
    Leg("start", 1, 1),
    Leg("order lists", 0.05),
    Leg("one customer", 0.05),
    Leg("clinic", 0.005),
    Leg("commissions", 0.01),
    Leg("publication", 0.05, 1),
    Leg("nights", 0.001, 1),
)
GROWTH = {"order lists": 0.125, "clinic": 0.02, "commissions": 0.125}
"""The scale that is doubled three times, by scenario."""
