"""Goes on with a run that failed or was killed: what is still as it was is not done again, and all else is.

The run keeps its name and its start, so its rows are those that it would have published, had nothing happened to it.
"""

from __future__ import annotations

from contextlib import chdir
from typing import TYPE_CHECKING, Any

from firn import FirnError, RunLocked, StateError
from pipelines.engine import asked, commands, settings
from pipelines.engine.checkpoints import Checkpoints
from pipelines.engine.execution import Execution
from pipelines.engine.isolated import where
from pipelines.engine.progress import choose
from pipelines.engine.report import Report
from pipelines.engine.retries import Retries
from pipelines.engine.typed import Typed
from pipelines.engine.verdict import Undone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.pipeline import Pipeline

__all__ = ["resume"]

RESUMABLE = ("running", "failed")
SETTLING = ("ready", "unchanged", "published", "rolled_back")
"""After such a run nobody wants to go on with an earlier one of the pipeline, unless it is named."""
LOOKED_AT = 100
"""How many of the latest runs are looked through for one to resume."""


def resume(name: str | None, config: Path | None, flags: Mapping[str, str], *, quiet: bool = True) -> Report:
    """Go on with a run.

    Args:
        name: The run; or a pipeline, or nothing, for the latest run that failed or was killed.
        config: The settings file; by default the one that the run was asked with.
        flags: Settings that count more than those that the run was asked with.
        quiet: Tell of no phases and steps.

    Returns:
        Its report; that of a run that is published already is as it was.

    Raises:
        RunLocked: A process works on it.
        StateError: There is nothing to resume, or a newer generation was published. Production is unchanged.
        FirnError: What went wrong; the run is recorded as failed, and production is unchanged.
    """
    config = settings.config_path(config)
    config = config.resolve() if config else None
    with Typed(config=config).repeated(), settings.load_target(config).open() as loader:
        row = find(name, loader)
        run_id, pipeline = str(row["run_id"]), str(row["pipeline"])
        typed = asked.again(run_id, pipeline, settled(row), config, flags)
        with chdir(asked.folder(row["asked"])):
            return go_on(row, loader.find(run_id), typed, quiet=quiet)


def find(name: str | None, loader: Loader) -> Mapping[str, Any]:
    """Find the run to resume: the one named, else the latest of its pipeline, or of all, that did not end well.

    One that ended well since, of the same pipeline, has done what it was to do.

    Raises:
        StateError: There is none.
    """
    pipeline = name if name in settings.names() else None
    if name and not pipeline:
        return loader.row(name)
    rows, settled_since = loader.runs(pipeline, LOOKED_AT), set[str]()
    for row in rows:
        if is_unfinished(row) and row["pipeline"] not in settled_since:
            return row
        settled_since |= {str(row["pipeline"])} if row["status"] in SETTLING else set()
    of = f" of {pipeline}" if pipeline else ""
    told = f": the latest, {rows[0]['run_id']}, is {rows[0]['status']}" if rows else ""
    raise StateError(f"No run{of} is to be resumed{told}. Production is unchanged.", "firn runs")


def is_unfinished(row: Mapping[str, Any]) -> bool:
    """Tell whether a run has not done what it was asked for."""
    return row["status"] in RESUMABLE or (is_to_publish(row) and row["status"] == "ready") or is_unsettled(row)


def is_to_publish(row: Mapping[str, Any]) -> bool:
    """Tell whether a run was asked to publish."""
    return bool(row["asked"]) and asked.options(row["asked"]).publish


def is_unsettled(row: Mapping[str, Any]) -> bool:
    """Tell whether a run was published by a process that ended before it could say so."""
    return row["status"] == "published" and row["finished_at"] is None


def settled(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how a run was asked for.

    Raises:
        StateError: It cannot be resumed: it ended otherwise, or an older firn began it.
    """
    run_id, status, pipeline = row["run_id"], row["status"], row["pipeline"]
    if status == "ready" and not is_to_publish(row):
        raise StateError(
            f"Run {run_id} is ready: it has done what it was asked for. Production is unchanged.",
            f"firn publish {run_id}\nor: firn discard {run_id}",
        )
    if status not in {*RESUMABLE, "ready", "published"}:
        raise StateError(
            f"Run {run_id} is {status}: there is nothing to resume. Production is unchanged.", f"firn run {pipeline}"
        )
    found: Mapping[str, Any] = row["asked"]
    if not found and status != "published":
        raise StateError(
            f"Run {run_id} did not get far enough to record how it was asked for, or was begun by an older firn. "
            "Production is unchanged.",
            f"firn run {pipeline}",
        )
    return found or {"folder": "", "config": None, "flags": {}, "secrets": [], "options": {}}


def go_on(row: Mapping[str, Any], this: Run, typed: Typed, *, quiet: bool) -> Report:
    """Do what is left of a run."""
    pipeline = settings.load(this.pipeline, typed.config, dict(typed.flags))
    with typed.repeated(), pipeline.target.open() as loader:
        row, kept, notes = loader.row(this.id), Checkpoints.of(this, pipeline.target), list[str]()
        if loader.is_worked_on(this.id):
            raise RunLocked(
                f"Run {this.id} is worked on by another process. Production is unchanged.",
                f"firn runs {this.pipeline} --watch",
            )
        if row["status"] == "published":
            kept.remove()
            return already(row, this, loader, typed)
        refuse_overtaken(row, loader)
        if row["status"] == "ready":
            differing = since_verified(row, pipeline, this, loader)
            if not differing:
                commands.publish(this.id, typed.config, again=False)
                kept.settle(this.pipeline, "published")
                return with_note(stored(loader.row(this.id)), "it was verified before, so it only had to be published")
            give_up(this, loader, differing)
            notes = [f"it was verified before, but it was done anew: {differing}"]
        notes += told_of_changes(row, asked.settings_of(pipeline))
        wanted = asked.options(row["asked"])
        progress = choose(quiet=quiet)
        if not quiet:
            progress.start(this.id)
        try:
            progress.place(where(loader.whereabouts()))
            report = commands.attempt(pipeline, this, loader, wanted, typed, retries=Retries(pipeline.retry, progress))
        finally:
            progress.close()
        return with_note(report, *notes)


def since_verified(row: Mapping[str, Any], pipeline: Pipeline, this: Run, loader: Loader) -> str:
    """Say what is not known to be as it was when the rows of a verified run were made; nothing where all of it is.

    Raises:
        FirnError: The source cannot be listed. The run is as it was, and production is unchanged.
    """
    from pipelines.engine.recipe import code

    before = row["fingerprints"]
    now = {"code": code(type(pipeline)), "settings": asked.fingerprint(asked.settings_of(pipeline))}
    differing = [name for name in now if before.get(name) != now[name]]
    if differing:
        return f"{' and '.join(differing)} changed since"
    if "inputs" not in before:
        return "its source has no fingerprint"
    try:
        return "" if before["inputs"] == inputs(row, pipeline, this, loader) else "the source changed since"
    except FirnError as error:
        error.hint = f"{error.hint}\nOr, to publish what is staged as it is:\nfirn publish {this.id}".lstrip("\n")
        raise


def inputs(row: Mapping[str, Any], pipeline: Pipeline, this: Run, loader: Loader) -> str:
    """List the source anew, and return the fingerprint that a run has which begins now."""
    from pipelines.engine.extraction import choose_parts

    retries = Retries(pipeline.retry, choose(quiet=True))
    options, report = asked.options(row["asked"]), Report(this.id, this.pipeline)
    execution = Execution(pipeline, this, options, retries.progress, report, retries)
    execution.again("Listing the source", loader, lambda: choose_parts(execution, loader))
    return execution.steps.fingerprint


def give_up(this: Run, loader: Loader, differing: str) -> None:
    """Drop what a run has staged, so that it can be done anew; until it is, it counts as failed."""
    report = stored(loader.row(this.id))
    report.status, report.error = "failed", f"What was verified is not published: {differing}."
    loader.discard(this)
    loader.finish(this, report.status, report.as_dict())


def refuse_overtaken(row: Mapping[str, Any], loader: Loader) -> None:
    """Refuse a run that a newer generation has overtaken.

    Raises:
        StateError: Names both. Production is unchanged.
    """
    pipeline, on = row["pipeline"], row["began_on"]
    visible = loader.generation(pipeline)
    if on is not None and visible != on:
        shown = loader.visible(pipeline)
        raise StateError(
            f"Run {row['run_id']} began on generation {on} of {pipeline}; since then generation {visible} was "
            f"published by run {shown.run_id if shown else ''}, which an older run does not replace. Production is "
            "unchanged.",
            f"firn run {pipeline}",
        )


def already(row: Mapping[str, Any], this: Run, loader: Loader, typed: Typed) -> Report:
    """Tell of a run that is published; one whose process ended right then is checked first.

    Raises:
        Undone: A check on production did not pass, and what was there before is visible again.
    """
    generation, report = row["published_as"], stored(row)
    report.status, report.generation = "published", generation
    if is_unsettled(row) and loader.generation(this.pipeline) == generation:
        verdicts = commands.proofs(this.pipeline, typed.config, settings.load_target(typed.config).check_timeout_s)
        published = loader.visible(this.pipeline)
        try:
            report.after_publish = verdicts.stand(loader, published, generation - 1) if published else []
        except Undone as error:
            report.status, report.after_publish = error.status, list(error.verdicts)
            report.error, report.hint = error.message, error.hint
            raise
        finally:
            loader.finish(this, report.status, report.as_dict())
    return with_note(report, f"it was published before, as generation {generation}, so nothing was left to do")


def stored(row: Mapping[str, Any]) -> Report:
    """Return the report that is recorded with a run, or one that has none of its figures."""
    if row["report"]:
        return Report.from_dict(dict(row["report"]))
    tables = {name: table["rows"] for name, table in row["tables"].items()}
    return Report(str(row["run_id"]), str(row["pipeline"]), str(row["status"]), tables=tables)


def with_note(report: Report, *notes: str) -> Report:
    """Add to what a person should know of a run."""
    report.notes = [*report.notes, *notes]
    return report


def told_of_changes(row: Mapping[str, Any], now: Mapping[str, Any]) -> Sequence[str]:
    """Say which settings are no longer those that the run had."""
    names = list(asked.changed(row["settings"], now)) if row["settings"] else []
    return [f"settings changed since the run began: {', '.join(names)}"] if names else []
