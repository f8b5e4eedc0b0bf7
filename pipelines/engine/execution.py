"""One run on its way: what it was asked, whom it tells, and what it has so far."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from firn import ConfigError
from pipelines.engine.frames import Work
from pipelines.engine.report import Phase, Report, StepFigures
from pipelines.engine.selection import Selection
from pipelines.engine.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from firn import PartRecord, Run
    from loaders.loader import Loader
    from pipelines.engine.checkpoints import Checkpoints
    from pipelines.engine.frames import Frames, Part
    from pipelines.engine.pipeline import Pipeline, Step
    from pipelines.engine.progress import Progress
    from pipelines.engine.retries import Retries

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Options:
    """What one run is asked to do.

    Attributes:
        load: Stage the rows; without it the run only reads, transforms and checks.
        publish: Publish them; without it they stay staged and ready.
        limit: Read only the first so many parts; such a run is never published.
        allow_failed: Parts that may fail: their rows of the published generation are kept.
        accept_missing: Parts that are gone from the source, and whose rows may leave production.
        full_refresh: Read every part, whether it has changed or not.
        files: Read just these parts, and take over all others as they are published; one may be the path of a local
            file, which is read in place of the part of its name.
        customer: Read just the parts of this customer, likewise.
        extract_to: Store what the sources give there, and do no more.
        extract_from: Read what was stored there, and open no source.
        older_extract: Do so even where production shows something newer.
        keep_copies: Leave the parts of ``files`` alone that are published from a local copy.
        tables: Replicate just these tables, or the tables of these tiers.
        exclude: Leave these out.
        lock: Keep everybody from writing them while they are read.
        anyway: Read the source also in hours in which it is to be left alone.
        sample: Stage only a sample of what the pipeline makes; such a run is never published.
    """

    load: bool = True
    publish: bool = True
    limit: int | None = None
    allow_failed: frozenset[str] = frozenset()
    accept_missing: frozenset[str] = frozenset()
    full_refresh: bool = False
    files: tuple[str, ...] = ()
    customer: str = ""
    extract_to: Path | None = None
    extract_from: Path | None = None
    older_extract: bool = False
    keep_copies: bool = False
    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    lock: bool = False
    anyway: bool = False
    sample: bool = False

    @property
    def is_sample(self) -> bool:
        """Whether the run makes less than all, so that it can never be published."""
        return self.sample or self.limit is not None


_TYPED = {
    "limit": "--limit-files",
    "files": "--file",
    "customer": "--customer",
    "allow_failed": "--allow-failed",
    "accept_missing": "--accept-missing",
    "extract_to": "--extract-only",
    "extract_from": "--transform-only",
    "tables": "--tables",
    "exclude": "--exclude",
    "lock": "--lock",
    "anyway": "--anyway",
    "sample": "--sample",
}


def refuse_foreign(options: Options, understood: Collection[str], pipeline: str) -> None:
    """Refuse an option that a pipeline would pass over.

    Raises:
        ConfigError: Names it. Production is unchanged.
    """
    for name, typed in _TYPED.items():
        if getattr(options, name) and name not in understood:
            known = ", ".join(_TYPED[one] for one in understood)
            raise ConfigError(
                f"{typed} means nothing to pipeline {pipeline}. Nothing was read or written.", f"it knows {known}"
            )


class Early(NamedTuple):
    """A part that was staged while others were still read, as if it were the only one.

    Attributes:
        whole: What the steps over all parts made of it alone.
        rows: How many rows were staged, by table.
    """

    whole: Frames
    rows: Mapping[str, int]


@dataclass(slots=True)
class Execution:
    """One run on its way: what it was asked, whom it tells, and what it has so far."""

    pipeline: Pipeline
    run: Run
    options: Options
    progress: Progress
    report: Report
    retries: Retries
    generation: int = 0
    ledger: Mapping[str, PartRecord] = field(default_factory=dict)
    listed: Mapping[str, Part] = field(default_factory=dict)
    recipe: str = ""
    only: frozenset[str] | None = None
    named: frozenset[str] = frozenset()
    local: Mapping[str, Path] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    parts: list[Part] = field(default_factory=list)
    whole: Frames = field(default_factory=dict)
    recalled: Frames = field(default_factory=dict)
    staged_in_parts: tuple[Step, ...] = ()
    foreseen: tuple[Step, ...] = ()
    early: dict[str, Early] = field(default_factory=dict)
    passing: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    work: dict[str, Work] = field(default_factory=dict)
    checkpoints: Checkpoints | None = None
    steps: Steps = field(default_factory=Steps)

    def again(self, unit: str, loader: Loader, work: Callable[[], _Result]) -> _Result:
        """Ask something of the target, again over another connection where that one is lost.

        Raises:
            FirnError: What the last attempt raised.
        """

        def reached() -> _Result:
            loader.reconnect()
            return work()

        return self.retries.run(unit, reached)

    @property
    def settings(self) -> dict[str, Any]:
        """The pipeline's fields by name."""
        return {name: getattr(self.pipeline, name) for name in type(self.pipeline).model_fields}

    @property
    def phases(self) -> int:
        """How many phases such a run has at most."""
        if self.options.extract_to or not self.options.load:
            return 1 if self.options.extract_to else 2
        return 6 if self.options.publish and self.pipeline.proofs else 5

    def figures_of_steps(self) -> list[StepFigures]:
        """Sum up what each step did, in the order in which they run."""
        done: dict[str, Work] = {}
        for one in (*(part.work for part in self.parts), self.work):
            for name, work in one.items():
                done.setdefault(name, Work()).add(work)
        return [
            figures_of(step, done[step.name], self.pipeline.set_aside)
            for step in self.pipeline.steps
            if step.name in done
        ]

    @contextmanager
    def phase(self, title: str) -> Iterator[Phase]:
        """Time a phase and tell of it."""
        phase = Phase(title)
        self.report.phases.append(phase)
        self.steps.begin(phase)
        self.progress.phase(len(self.report.phases), self.phases, title)
        started = time.perf_counter()
        try:
            yield phase
            self.progress.finish()
        except BaseException:
            phase.seconds = time.perf_counter() - started
            self.steps.fail(phase, self.figures_of_steps())
            raise
        phase.seconds = time.perf_counter() - started
        self.steps.end(phase, self.figures_of_steps())


def figures_of(step: Step, work: Work, set_aside: Collection[str]) -> StepFigures:
    """Tell the rows that a step made from those that it set aside."""
    rejects = sum(rows for table, rows in work.rows_out.items() if table in set_aside)
    return StepFigures(step.name, work.rows_in, sum(work.rows_out.values()) - rejects, rejects, work.seconds)
