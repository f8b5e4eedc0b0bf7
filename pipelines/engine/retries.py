"""Tries again what may pass by itself: the one loop of a run, around whatever unit of its work failed.

Only errors marked `Transient` are tried again, and none that is `lasting`: who raised it has waited already, or knows
that seconds do not help. What was tried in vain becomes lasting, so that no loop ever runs inside another.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping  # noqa: TC003 (a field of a dataclass)
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from firn import FirnError, Transient

if TYPE_CHECKING:
    from pipelines.engine.progress import Progress

__all__ = ["Retried", "Retries", "Retry", "is_passing"]

_JITTER = 0.3  # of a wait: those who failed together do not come back together
_Result = TypeVar("_Result")


class Retry(BaseModel):
    """How often what may pass by itself is tried, and how long a run waits in between.

    Attributes:
        attempts: How often a unit of work is tried in all.
        first_delay_s: How long the first wait is; up to 30 % are added at random to each.
        factor: By how much each wait is longer than the one before.
        longest_delay_s: How long a wait is at most.
        budget_s: How long one run waits in all; a wait that does not fit in is not begun.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=3, ge=1)
    first_delay_s: float = Field(default=1.0, ge=0)
    factor: float = Field(default=2.0, ge=1)
    longest_delay_s: float = Field(default=30.0, ge=0)
    budget_s: float = Field(default=300.0, ge=0)

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt, counted from 1; another number each time."""
        longest = self.longest_delay_s if self.first_delay_s else 0.0
        try:
            wanted = min(longest, self.first_delay_s * self.factor ** (attempt - 1))
        except OverflowError:
            wanted = longest
        return wanted * random.uniform(1, 1 + _JITTER)  # noqa: S311 (spreads competitors, guards nothing)


@dataclass(frozen=True, slots=True)
class Retried:
    """An attempt that failed and was followed by another.

    Attributes:
        unit: What was tried.
        attempt: Which attempt, counted from 1.
        error: The class of the error.
        code: What the driver calls it: a SQLSTATE, a number of MySQL's, a status of HTTP.
        message: What went wrong.
        waited_s: How long was waited then.
    """

    unit: str
    attempt: int
    error: str
    code: str
    message: str
    waited_s: float


@dataclass(slots=True)
class Retries:
    """The attempts of one run; any thread may try.

    Attributes:
        settings: How often, and how long between.
        progress: Who hears of each.
        done: Every attempt that was followed by another.
        waited_s: How long was waited in all.
    """

    settings: Retry
    progress: Progress
    done: list[Retried] = field(default_factory=list)
    waited_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, unit: str, work: Callable[[], _Result]) -> _Result:
        """Do one piece of work, again where it may succeed then.

        Raises:
            FirnError: What the last attempt raised.
        """
        results: list[_Result] = []

        def once() -> Mapping[str, FirnError]:
            try:
                results.append(work())
            except FirnError as error:
                return {unit: error}
            return {}

        for error in self.until_done(once).values():
            raise error
        return results[-1]

    def until_done(self, work: Callable[[], Mapping[str, FirnError]]) -> Mapping[str, FirnError]:
        """Do work, again while something of it failed that may succeed then.

        Args:
            work: Does what is left, and returns by unit why it failed.

        Returns:
            What failed at last.
        """
        for attempt in count(1):
            failed = work()
            passing = {unit: error for unit, error in failed.items() if is_passing(error)}
            if not passing:
                break
            if not self._waits(attempt, passing):
                for error in passing.values():
                    _give_up(error, attempt)
                break
        return failed

    def _waits(self, attempt: int, passing: Mapping[str, FirnError]) -> bool:
        """Wait and remember why, or say that it is of no use any more."""
        seconds = self.settings.delay(attempt)
        with self._lock:
            if attempt >= self.settings.attempts or self.waited_s + seconds > self.settings.budget_s:
                return False
            self.waited_s += seconds
            self.done += [_remembered(unit, attempt, error, seconds) for unit, error in passing.items()]
        for unit, error in passing.items():
            again = f"attempt {attempt + 1} of {self.settings.attempts} in {seconds:.1f} s"
            self.progress.note(f"{unit}: {error.message} Trying again, {again}.")
        time.sleep(seconds)
        return True


def is_passing(error: FirnError | None) -> bool:
    """Tell whether an error may pass in seconds."""
    return isinstance(error, Transient) and not error.lasting


def _remembered(unit: str, attempt: int, error: FirnError, seconds: float) -> Retried:
    code = cast("Transient", error).code
    return Retried(unit, attempt, type(error).__name__, code, error.message, round(seconds, 3))


def _give_up(error: FirnError, attempt: int) -> None:
    cast("Transient", error).lasting = True
    if attempt > 1:
        error.message = f"{error.message} It was tried {attempt} times."
        error.args = (error.message,)
