"""What a run records of its steps as it goes, so that whoever looks for a run that was killed sees where it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from firn import FirnError, StepRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.report import Phase, StepFigures

__all__ = ["Steps"]


@dataclass(slots=True)
class Steps:
    """Records each phase as it begins and as it ends, and with its end the transforms and checks that it ran.

    Attributes:
        run: The run.
        loader: Where it is recorded; nowhere for a run that writes nothing.
        attempt: Which attempt at the run it is, counted from 1.
        fingerprint: That of inputs, code and settings; empty until the source was listed.
        restored: How many parts came from checkpoints of an earlier attempt.
    """

    run: Run | None = None
    loader: Loader | None = None
    attempt: int = 0
    fingerprint: str = ""
    restored: int = 0
    _told: list[StepFigures] = field(default_factory=list)

    def begin(self, phase: Phase) -> None:
        """Record that a phase begins."""
        self._record(self._of(phase, "running"))

    def end(self, phase: Phase, figures: Sequence[StepFigures]) -> None:
        """Record that a phase has ended, and what the steps did."""
        self._record(self._of(phase, "done"), *self._new(figures))

    def fail(self, phase: Phase, figures: Sequence[StepFigures]) -> None:
        """Record that a phase did not end well; what goes wrong in recording it is not what went wrong."""
        with suppress(FirnError):
            self._record(self._of(phase, "failed"), *self._new(figures))

    def made_of(self, fingerprint: str) -> None:
        """Record the fingerprint of the inputs, once the source was listed."""
        self.fingerprint = fingerprint
        if self.loader and self.run and self.attempt:
            self.loader.record(self.run, (), {"inputs": fingerprint})

    def _new(self, figures: Sequence[StepFigures]) -> list[StepRecord]:
        new = [step for step in figures if step not in self._told]
        self._told = list(figures)
        since = self.attempt - 1 if self.restored else None
        return [
            StepRecord(
                step.name,
                "step",
                "done",
                step.rows_in,
                step.rows_out,
                step.rejects,
                step.seconds,
                self.fingerprint,
                since,
            )
            for step in new
        ]

    def _of(self, phase: Phase, status: Literal["running", "done", "failed"]) -> StepRecord:
        since = self.attempt - 1 if self.restored and status == "done" else None
        return StepRecord(
            phase.name,
            "phase",
            status,
            rows_out=phase.rows,
            seconds=phase.seconds,
            fingerprint=self.fingerprint,
            resumed_from=since,
        )

    def _record(self, *steps: StepRecord) -> None:
        if self.loader and self.run and self.attempt:
            self.loader.record(self.run, steps)
