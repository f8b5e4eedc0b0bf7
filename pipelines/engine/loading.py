"""The phases of a run that loads: check the target, read and transform, stage, verify, publish."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from firn import ContractError, FirnError
from pipelines.engine import staging
from pipelines.engine.extraction import choose_parts, extract_and_transform

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from loaders.loader import Loader
    from pipelines.engine.execution import Execution

__all__ = ["check", "load"]


def load(execution: Execution, loader: Loader, workers: Executor) -> None:
    """Read, transform, stage, verify and publish; each phase leaves production as it was, but for the last."""
    options, report, pipeline = execution.options, execution.report, execution.pipeline
    with execution.phase("Check the target"):
        execution.again("Listing the source", loader, lambda: choose_parts(execution, loader))
        if not execution.selection.changes_nothing:
            dataset = pipeline.publication(execution.run.pipeline)
            execution.again("Preparing the target", loader, lambda: loader.prepare(execution.run, dataset))
            for name in sorted(options.accept_missing.intersection(execution.selection.gone)):
                loader.act(execution.run, "accepted_missing", name)
    if not execution.selection.changes_nothing:
        try:
            extract_and_transform(execution, loader, workers)
        except FirnError:
            with suppress(FirnError):  # the first error is the one to show
                loader.discard(execution.run)
            raise
        if execution.selection.changes_nothing:
            loader.discard(execution.run)
    if execution.selection.changes_nothing:
        staging.leave(execution, loader)
        return
    try:
        staging.stage(execution, loader)
    except ContractError:
        with suppress(FirnError):
            loader.discard(execution.run)
        raise
    loader.tell(execution.run, report.as_dict())  # a process that ends from here on leaves its figures
    staging.verify(execution, loader)
    report.status = "sample" if options.is_sample else "ready"
    if report.status == "sample":
        loader.discard(execution.run)  # it proved what it could, and can never be published
    if report.status == "ready" and options.publish:
        staging.publish(execution, loader)


def check(execution: Execution, loader: Loader, workers: Executor) -> None:
    """Ask the target whether it would take the tables, and run everything up to staging."""
    loader.check(execution.pipeline.publication(execution.run.pipeline))
    with execution.phase("List the source"):
        execution.again("Listing the source", loader, lambda: choose_parts(execution, loader))
    extract_and_transform(execution, loader, workers)
    execution.report.status = "checked"
