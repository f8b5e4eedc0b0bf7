"""How long publish waits for others, and how: short pauses that grow, with jitter, until the time is up."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

__all__ = ["Patience"]

_FIRST_S = 0.03
_GROWTH = 1.4
_LONGEST_S = 0.5


@dataclass(slots=True)
class Patience:
    """A deadline and the pauses until then.

    Attributes:
        seconds: How long in all.
        started: When it began, by the monotonic clock.
        pauses: How many pauses were made.
        slept: How many seconds they took.
    """

    seconds: float
    started: float = field(default_factory=time.monotonic)
    pauses: int = 0
    slept: float = 0.0

    @property
    def waited(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def pause(self) -> bool:
        """Sleep a little longer than the last time, and tell whether any time is left."""
        if self.waited >= self.seconds:
            return False
        longest = min(_LONGEST_S, _FIRST_S * _GROWTH**self.pauses)
        pause = longest * random.uniform(0.5, 1.0)  # noqa: S311 (spreads competitors, guards nothing)
        time.sleep(pause)
        self.pauses, self.slept = self.pauses + 1, self.slept + pause
        return True
