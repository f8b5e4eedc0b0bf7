"""Runs a pipeline: check the target, read and transform, stage, verify, publish; what failed, and what then holds."""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

from firn import ConfigError, FirnError, Transient
from pipelines.engine.execution import Execution, Options, refuse_foreign
from pipelines.engine.extraction import extract
from pipelines.engine.report import Report, peak_memory_mb
from pipelines.engine.retries import Retries
from pipelines.engine.steps import Steps

if TYPE_CHECKING:
    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.checkpoints import Checkpoints
    from pipelines.engine.pipeline import Pipeline
    from pipelines.engine.progress import Progress

__all__ = ["Options", "execute"]

WORKERS = os.cpu_count() or 1
DECIDED = ("published", "rolled_back")
"""What a run is once its rows were visible, whatever went wrong then."""


def execute(
    pipeline: Pipeline,
    run: Run,
    loader: Loader,
    options: Options,
    progress: Progress,
    *,
    executor: Executor | None = None,
    checkpoints: Checkpoints | None = None,
    attempt: int = 0,
    retries: Retries | None = None,
) -> Report:
    """Run a pipeline to the end that its options ask for.

    Args:
        pipeline: What to run.
        run: Its name and start.
        loader: Where its tables go.
        options: How far to go.
        progress: Who hears of phases and steps.
        executor: Who runs the row-local steps; threads, one a core, where none is given.
        checkpoints: Where the parts that are read are kept until the run is published, and found again by the next
            attempt at it; nowhere where it is not given.
        attempt: Which attempt at the run it is, counted from 1; 0 for one whose steps are not recorded.
        retries: What was tried again before, where that counts as this run's.

    Returns:
        The figures; ``status`` is ``published``, ``unchanged``, ``ready``, ``sample``, ``checked`` or ``extracted``.

    Raises:
        SourceError: A part could not be read and was not allowed to fail, or is gone; nothing was published.
        ContractError: A check or a contract failed; nothing was published, or it was undone.
        LoadError: The target refused; production is unchanged.
    """
    tried = retries or Retries(pipeline.retry, progress)
    execution = Execution(pipeline, run, options, progress, Report(run.id, run.pipeline, retries=tried.done), tried)
    execution.checkpoints, execution.steps = checkpoints, Steps(run, loader, attempt)
    started = time.perf_counter()
    try:
        with executor or ThreadPoolExecutor(WORKERS) as workers:
            steps_to_the_end(execution, loader, workers)
    except ConfigError:
        raise  # nothing was read, so there is nothing to report
    except FirnError as error:
        if execution.report.status not in DECIDED and not stays_ready(execution, error):
            execution.report.status = "failed"
        execution.report.error, execution.report.hint = error.message, error.hint
        error.report = execution.report  # type: ignore[attr-defined]
        raise
    except BaseException as error:
        execution.report.status, execution.report.error = "failed", interrupted(execution, error)
        error.report = execution.report  # type: ignore[attr-defined]
        raise
    finally:
        execution.report.seconds = time.perf_counter() - started
        execution.report.steps = execution.figures_of_steps()
        execution.report.peak_memory_mb = peak_memory_mb()
    return execution.report


def stays_ready(execution: Execution, error: FirnError) -> bool:
    """Tell whether a run is verified and only could not be published for now: ``firn publish`` can do it later."""
    return execution.report.status == "ready" and isinstance(error, Transient)


def interrupted(execution: Execution, error: BaseException) -> str:
    """Say in which phase something that is no error of firn's ended a run."""
    phase = execution.report.phases[-1].name if execution.report.phases else "start"
    return f"{type(error).__name__} in phase {phase}. {error}".strip()


def steps_to_the_end(execution: Execution, loader: Loader, workers: Executor) -> None:
    """Go through the phases that the options ask for."""
    refuse_foreign(execution.options, execution.pipeline.understands, execution.run.pipeline)
    for place in () if execution.options.extract_from else execution.pipeline.reached():
        execution.progress.place(place)
    if execution.options.extract_to:
        extract(execution, workers, execution.options.extract_to)
    elif execution.options.load:
        execution.pipeline.load(execution, loader, workers)
    else:
        execution.pipeline.check(execution, loader, workers)
