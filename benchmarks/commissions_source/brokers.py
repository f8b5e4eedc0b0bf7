"""Brokers: who is in the rosters, who is referenced and absent, and who is paid for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.commissions_source.chance import Whole, chance

if TYPE_CHECKING:
    from benchmarks.commissions_source.dirt import Dirt
    from benchmarks.commissions_source.presets import Sizes

__all__ = ["Brokers", "draw_brokers"]

_FIRST_ID: Final = 10_000
_SECOND_RECIPIENTS: Final = 0.015


@dataclass(frozen=True, slots=True)
class Brokers:
    """Broker numbers.

    Attributes:
        individuals: Of the individual roster.
        organizations: Of the organization roster.
        absent: In neither.
        sources: Whose commission is paid to another: ``recipients``, and before ``earlier`` differs from it, to that.
    """

    individuals: Whole
    organizations: Whole
    absent: Whole
    sources: Whole
    recipients: Whole
    earlier: Whole

    @property
    def rostered(self) -> Whole:
        """Everybody who is in a roster."""
        return np.concatenate([self.individuals, self.organizations])


def draw_brokers(sizes: Sizes, dirt: Dirt, seed: int) -> Brokers:
    """Number the brokers, and choose who is paid for whom."""
    rng = chance(seed, "brokers")
    ends = np.cumsum([sizes.individuals, sizes.organizations, sizes.absent_brokers if dirt.absent_brokers else 0])
    numbers = _FIRST_ID + np.arange(ends[-1])
    chosen = rng.choice(numbers[: ends[1]], sizes.sources + sizes.recipients, replace=False)
    sources, pool = chosen[: sizes.sources], chosen[sizes.sources :]
    recipients = np.concatenate([pool, rng.choice(pool, sizes.sources)])[: sizes.sources]
    changed = rng.random(sizes.sources) < _SECOND_RECIPIENTS
    changed[0] = True
    earlier = np.where(changed, np.roll(recipients, 1), recipients)
    return Brokers(numbers[: ends[0]], numbers[ends[0] : ends[1]], numbers[ends[1] :], sources, recipients, earlier)
