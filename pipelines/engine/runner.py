"""Runs a pipeline: check the target, read and transform, stage, verify, publish; what failed, and what then holds."""

from __future__ import annotations

import difflib
import os
import shlex
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from firn import ConfigError, FirnError, SourceError
from pipelines.engine.frames import (
    Frames,
    Part,
    by_part,
    check_contract,
    run_local,
    run_parts,
    run_whole,
)
from pipelines.engine.pipeline import RUN, segments
from pipelines.engine.report import UNCHANGED, Phase, Report, peak_memory_mb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.pipeline import Pipeline, Step
    from pipelines.engine.progress import Progress

WORKERS = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Options:
    """What one run is asked to do.

    Attributes:
        load: Stage the rows; without it the run only reads, transforms and checks.
        publish: Publish them; without it they stay staged and ready.
        limit: Read only the first so many parts; such a run is never published.
        allow_failed: Parts that may fail: their rows of the published generation are kept.
    """

    load: bool = True
    publish: bool = True
    limit: int | None = None
    allow_failed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Execution:
    """One run on its way: what it was asked, whom it tells, and what it has so far."""

    pipeline: Pipeline
    run: Run
    options: Options
    progress: Progress
    report: Report
    parts: list[Part] = field(default_factory=list)
    whole: Frames = field(default_factory=dict)
    staged_in_parts: tuple[Step, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """The pipeline's fields by name."""
        return {name: getattr(self.pipeline, name) for name in type(self.pipeline).model_fields}

    @contextmanager
    def phase(self, title: str) -> Iterator[Phase]:
        """Time a phase and tell of it."""
        phase = Phase(title)
        self.report.phases.append(phase)
        self.progress.phase(len(self.report.phases), 5 if self.options.load else 2, title)
        started = time.perf_counter()
        try:
            yield phase
        finally:
            phase.seconds = time.perf_counter() - started


def execute(
    pipeline: Pipeline,
    run: Run,
    loader: Loader,
    options: Options,
    progress: Progress,
    *,
    executor: Executor | None = None,
) -> Report:
    """Run a pipeline to the end that its options ask for.

    Args:
        pipeline: What to run.
        run: Its name and start.
        loader: Where its tables go.
        options: How far to go.
        progress: Who hears of phases and steps.
        executor: Who runs the row-local steps; threads, one a core, where none is given.

    Returns:
        The figures; ``status`` is ``published``, ``ready`` or ``checked``.

    Raises:
        SourceError: A part could not be read and was not allowed to fail; nothing was published.
        ContractError: A check or a contract failed; nothing was published.
        LoadError: The target refused; production is unchanged.
    """
    execution = Execution(pipeline, run, options, progress, Report(run.id, run.pipeline))
    started = time.perf_counter()
    try:
        with executor or ThreadPoolExecutor(WORKERS) as workers:
            steps_to_the_end(execution, loader, workers)
    except FirnError as error:
        execution.report.status, execution.report.error, execution.report.hint = "failed", error.message, error.hint
        error.report = execution.report  # type: ignore[attr-defined]
        raise
    except BaseException as error:
        execution.report.status, execution.report.error = "failed", interrupted(execution, error)
        error.report = execution.report  # type: ignore[attr-defined]
        raise
    finally:
        execution.report.seconds = time.perf_counter() - started
        execution.report.peak_memory_mb = peak_memory_mb()
    return execution.report


def interrupted(execution: Execution, error: BaseException) -> str:
    """Say in which phase something that is no error of firn's ended a run."""
    phase = execution.report.phases[-1].name if execution.report.phases else "start"
    return f"{type(error).__name__} in phase {phase}. {error}".strip()


def steps_to_the_end(execution: Execution, loader: Loader, workers: Executor) -> None:
    """Go through the phases; each leaves production as it was, but for the last."""
    if execution.options.load:
        with execution.phase("Check the target"):
            loader.prepare(execution.run, execution.pipeline.publishes, execution.pipeline.quarantine)
    extract_and_transform(execution, workers)
    refuse_failed(execution, loader)
    execution.report.status = "checked"
    if execution.options.load:
        stage(execution, loader)
        with execution.phase("Verify") as phase:
            loader.verify(execution.run)
            phase.rows = sum(execution.report.tables.values())
        execution.report.status = "ready" if execution.options.limit is None else "sample"
    if execution.report.status == "ready" and execution.options.publish:
        publish(execution, loader)


def extract_and_transform(execution: Execution, workers: Executor) -> None:
    """List the parts, read each and run every step but the last row-local ones, which run while staging."""
    pipeline = execution.pipeline
    groups = segments(pipeline.steps)
    if len(groups) > 1 and groups[-1][0] and not any(step.is_check for step in groups[-1][1]):
        execution.staged_in_parts = groups.pop()[1]
    run = execution.run
    execution.whole[RUN] = pl.DataFrame({"run_id": [run.id], "started_at": [run.started_at]})
    with execution.phase("Extract and transform") as phase:
        listed = by_part([table for source in pipeline.sources() for table in source.tables()])
        execution.parts = listed[: execution.options.limit]
        refuse_unlisted(execution)
        execution.report.parts = len(execution.parts)
        for number, (local, steps) in enumerate(groups):
            keep = needed(execution, groups[number + 1 :])
            if local:
                transform_parts(execution, workers, steps, keep, tell=number == 0)
            elif execution.parts:
                for step in steps:
                    run_whole(step, execution.parts, execution.whole, execution.settings)
        phase.rows = execution.report.rows_read = sum(part.rows for part in execution.parts)
    execution.report.figures = pipeline.figures(execution.parts, execution.whole)
    execution.report.notes = pipeline.notes(execution.parts, execution.whole)


def refuse_unlisted(execution: Execution) -> None:
    """Refuse to allow the failure of a part that the source does not have.

    Raises:
        ConfigError: Names it, and the likely intended one.
    """
    listed = [part.name for part in execution.parts]
    for name in execution.options.allow_failed:
        if name not in listed:
            close = difflib.get_close_matches(name, listed, n=1, cutoff=0.3)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(listed[:5])}, ..."
            raise ConfigError(f"--allow-failed: there is no file {name}. Production is unchanged.", hint)


def needed(execution: Execution, later: Sequence[tuple[bool, tuple[Step, ...]]]) -> frozenset[str]:
    """Name the tables of a part that something still to come will use; all others are let go."""
    steps = [step for _, steps in later for step in steps] + list(execution.staged_in_parts)
    used = {name for step in steps for name in step.reads}
    return frozenset(used | set(execution.pipeline.publishes) | set(execution.pipeline.kept))


def transform_parts(
    execution: Execution, workers: Executor, steps: Sequence[Step], keep: frozenset[str], *, tell: bool
) -> None:
    """Run row-local steps over all parts; failed ones are set apart in the report."""
    count, done = len(execution.parts), 0

    def finished(part: Part) -> None:
        nonlocal done
        done += 1
        if tell:
            title = execution.pipeline.describe(part.name) + ("  FAILED" if part.error else "")
            execution.progress.step(done, count, title, part.rows, sum(part.seconds.values()))

    work = partial(run_local, steps=steps, whole=execution.whole, settings=execution.settings, keep=keep)
    finished_parts = run_parts(workers, execution.parts, work, finished)
    for part in finished_parts:
        if part.error:
            execution.report.failed.append({"part": part.name, "message": part.error.message, "hint": part.error.hint})
    execution.parts = [part for part in finished_parts if not part.error]


def refuse_failed(execution: Execution, loader: Loader) -> None:
    """Stop before anything is staged when a part failed that was not allowed to.

    Raises:
        SourceError: Names every such part, why it failed, and how to allow it.
    """
    failed = [f for f in execution.report.failed if f["part"] not in execution.options.allow_failed]
    if not failed and execution.parts:
        return
    if not execution.parts:
        failed = execution.report.failed
    if execution.options.load:
        loader.discard(execution.run)
    listed = "\n".join(
        f"  {execution.pipeline.describe(f['part'])}: {f['message'].replace(UNCHANGED, '')}" for f in failed
    )
    raise SourceError(
        f"{len(failed)} of {execution.report.parts} files could not be read:\n{listed}\n"
        "Nothing was published; production is unchanged.",
        way_out(execution, [f["part"] for f in failed]),
    )


def way_out(execution: Execution, failed: Sequence[str]) -> str:
    """Say how to go on: without the files that failed, where any are left."""
    again = f"firn run {execution.run.pipeline}"
    if not execution.parts:
        return f"No file is left to publish. Mend them and run again:\n{again}"
    allow = " ".join(f"--allow-failed {shlex.quote(name)}" for name in failed)
    return f"Mend the file and run again, or publish the others and keep this one's published rows:\n{again} {allow}"


def stage(execution: Execution, loader: Loader) -> None:
    """Run the last row-local steps and send every published table, part by part, then the tables without parts."""
    report, publishes = execution.report, execution.pipeline.publishes
    report.tables = dict.fromkeys(publishes, 0)
    with execution.phase("Stage") as phase:
        for number, part in enumerate(execution.parts, start=1):
            started = time.perf_counter()
            rows = stage_frames(execution, loader, part.name, finish(execution, part))
            seconds = time.perf_counter() - started
            title = execution.pipeline.describe(part.name)
            execution.progress.step(number, len(execution.parts), title, rows, seconds)
        stage_frames(execution, loader, "", execution.whole)
        for failed in execution.report.failed:
            report.notes.insert(0, keep_published(execution, loader, failed["part"]))
        phase.rows = sum(report.tables.values())


def keep_published(execution: Execution, loader: Loader, part: str) -> str:
    """Stage what production shows of a part that failed, and say how old that is."""
    pipeline = execution.pipeline
    frames = {name: loader.published(name, pipeline.publishes[name], part, key) for name, key in pipeline.parts.items()}
    rows = stage_frames(execution, loader, part, frames)
    since = sorted({run for frame in frames.values() if "run_id" in frame.columns for run in frame["run_id"]})
    if not rows:
        return f"{pipeline.describe(part)} was not read, and nothing of it was published before."
    as_of = f" as run {since[0]} read them" if since else ""
    return f"{pipeline.describe(part)} was not read: its {rows:,} published rows are kept{as_of}."


def finish(execution: Execution, part: Part) -> Frames:
    """Run the last row-local steps on a part, and let its frames go."""
    keep = frozenset(execution.pipeline.publishes)
    frames = run_local(part, execution.staged_in_parts, execution.whole, execution.settings, keep).frames
    part.frames = {}
    return frames


def stage_frames(execution: Execution, loader: Loader, part: str, frames: Frames) -> int:
    """Check and send the published tables among some frames; say how many rows the longest has."""
    publishes = execution.pipeline.publishes
    longest = 0
    for name in (name for name in publishes if name in frames):
        check_contract(name, part, frames[name], publishes[name])
        rows = loader.stage(execution.run, name, part, frames[name]).rows
        execution.report.tables[name] += rows
        longest = max(longest, rows)
    return longest


def publish(execution: Execution, loader: Loader) -> None:
    """Publish what was staged."""
    with execution.phase("Publish") as phase:
        published = loader.publish(execution.run)
        phase.rows = sum(published.rows.values())
    report = execution.report
    report.status, report.generation = "published", published.generation
    report.locked_ms, report.attempts = published.locked_ms, published.attempts
