"""What each verb of the command line does; the words are the same in Python."""

from __future__ import annotations

import ast
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pipelines as folder
from firn import ConfigError, ContractError, FirnError, Published, PublishError, Run, SourceError, StateError
from pipelines.engine import extracts, settings
from pipelines.engine.execution import Options
from pipelines.engine.isolated import guarded, where
from pipelines.engine.progress import choose
from pipelines.engine.report import Report
from pipelines.engine.typed import Typed
from pipelines.engine.verdict import Undone, Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loaders.loader import Loader
    from loaders.postgres_loader import PostgresLoader
    from pipelines.engine.checkup import Checkup
    from pipelines.engine.pipeline import Pipeline
    from pipelines.engine.retries import Retries


EVERYTHING = Options()
"""Read what has changed, and publish it."""


def pipelines() -> list[dict[str, str]]:
    """Name every pipeline with the first line of its file's docstring, without importing it."""
    return [{"name": name, "purpose": purpose(name)} for name in settings.names()]


def purpose(name: str) -> str:
    """Read the first docstring line of a pipeline's file."""
    source = Path(folder.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def check(
    name: str, config: Path | None, flags: dict[str, str], limit: int | None, *, anyway: bool = False, quiet: bool
) -> Report:
    """Read, transform and check everything, and ask the target whether it would take it; write nothing."""
    from pipelines.engine.runner import execute

    pipeline = settings.load(name, config, flags)
    with Typed(name, config, flags).repeated(), pipeline.target.open() as loader:
        progress = choose(quiet=quiet)
        try:
            progress.place(where(loader.whereabouts()))
            return execute(pipeline, Run.start(name), loader, Options(load=False, limit=limit, anyway=anyway), progress)
        finally:
            progress.close()


def check_published(name: str, config: Path | None, flags: dict[str, str]) -> Checkup:
    """Check what production shows."""
    from pipelines.engine import checkup

    pipeline = settings.load(name, config, flags)
    typed = Typed(name, config, flags)
    with pipeline.target.open() as loader:
        found = checkup.check_published(pipeline, name, loader)
    return replace(found, hint="" if found.passed else typed.again(found.hint))


def check_full(
    name: str, config: Path | None, flags: dict[str, str], limit: int | None, *, anyway: bool = False, quiet: bool
) -> Checkup:
    """Run everything into a scratch schema, and judge five phases of it; publish nothing."""
    from pipelines.engine import checkup

    pipeline = settings.load(name, config, flags)
    progress = choose(quiet=quiet)
    try:
        with pipeline.target.open() as loader, guarded(loader, settings.decided(config), progress):
            progress.place(where(loader.whereabouts()))
            run = Run.start(name)
            found, report = checkup.check_full(pipeline, run, loader, Options(limit=limit, anyway=anyway), progress)
            loader.finish(run, "discarded", report.as_dict())
            return replace(found, hint="" if found.passed else Typed(name, config, flags).again(found.hint))
    finally:
        progress.close()


def run(
    name: str,
    config: Path | None = None,
    flags: dict[str, str] | None = None,
    *,
    options: Options = EVERYTHING,
    extract_only: bool = False,
    transform_only: bool = False,
    from_run: str | None = None,
    from_backup: str | None = None,
    wait_s: float = 0.0,
    quiet: bool = True,
) -> Report:
    """Run a pipeline, and keep its report with its run whatever becomes of it.

    Args:
        name: The pipeline.
        config: The settings file.
        flags: Settings of the command line.
        options: How far to go, and with which parts.
        extract_only: Store what the sources give under the run's name, and do no more.
        transform_only: Open no source: read what an earlier run stored.
        from_run: That run; by default the latest.
        from_backup: Open no source: read a raw backup, or the latest of the pipeline where that is named.
        wait_s: How long to wait for another run of the pipeline.
        quiet: Tell of no phases and steps.

    Raises:
        FirnError: What went wrong; the run is recorded as failed, and production is unchanged.
        ConfigError: Nothing was read, and no run is recorded.
        RunLocked: Another run has the pipeline. Nothing was read, and no run is recorded.
    """
    from pipelines.engine.retries import Retries

    pipeline = settings.load(name, config, flags)
    this = Run.start(name)
    home = extracts.home(pipeline.target)
    if extract_only:
        options = replace(options, extract_to=home)
    if transform_only or from_run:
        options = from_extract(name, pipeline, options, from_run)
    progress = choose(quiet=quiet)
    if not quiet:
        progress.start(this.id)
    typed = Typed(name, config, flags or {})
    try:
        with typed.repeated(), ExitStack() as stack:
            if from_backup:
                from pipelines.engine import raw_backups

                stored = stack.enter_context(raw_backups.opened(from_backup, name, config))
                options = replace(options, extract_from=stored, older_extract=True)
            retries = Retries(pipeline.retry, progress)
            loader = retries.run("Opening the target", lambda: stack.enter_context(pipeline.target.open()))
            progress.place(where(loader.whereabouts()))
            return attempt(pipeline, this, loader, options, typed, retries=retries, wait_s=wait_s)
    finally:
        progress.close()


def attempt(
    pipeline: Pipeline,
    this: Run,
    loader: PostgresLoader,
    options: Options,
    typed: Typed,
    *,
    retries: Retries,
    wait_s: float = 0.0,
) -> Report:
    """Begin a run, or begin it again, and record what becomes of it.

    Args:
        pipeline: What to run.
        this: The run.
        loader: Where its tables go.
        options: How far to go.
        typed: What was typed.
        retries: What was tried again before; it also says who hears of the run.
        wait_s: How long to wait for another run of the pipeline.

    Raises:
        RunLocked: Another run has the pipeline. Nothing was read.
        FirnError: What went wrong; the run is recorded as failed.
        ConfigError: Nothing was read; a run that begins for the first time is not recorded.
    """
    from pipelines.engine import asked
    from pipelines.engine.checkpoints import Checkpoints
    from pipelines.engine.runner import DECIDED, execute

    progress = retries.progress
    with audited(loader, this):
        taken_over = loader.lease(this, wait_s, progress.note)
        loader.start(this)
    kept = Checkpoints.of(this, pipeline.target)
    kept.prune(this.pipeline)
    number = 1
    try:
        number = loader.attempt(this, *asked.told(pipeline, options, typed))
        record_begin(loader, this, options, number)
        if taken_over:
            loader.act(this, "took over", taken_over)
            progress.note(f"Took over from {taken_over}")
        decided = settings.decided(typed.config)
        with typed.repeated(), audited(loader, this), guarded(loader, decided, progress) as guard:
            report = execute(
                pipeline, this, loader, options, progress, checkpoints=kept, attempt=number, retries=retries
            )
            guard.report = report
    except BaseException as error:
        with suppress(FirnError):  # the target may be what failed; the first error is the one to show
            record_failure(this, loader, error, is_first=number == 1)
        if not isinstance(error, ConfigError):
            asked.offer(error, this, kept, typed)
        if getattr(getattr(error, "report", None), "status", "failed") in DECIDED:
            kept.settle(this.pipeline, "published")
        raise
    kept.settle(this.pipeline, report.status)
    loader.finish(this, report.status, report.as_dict())
    return report


def record_failure(this: Run, loader: Loader, error: BaseException, *, is_first: bool) -> None:
    """Record that a run failed; one that asked for what there is not was none."""
    if isinstance(error, ConfigError) and is_first:
        loader.forget(this)
    else:
        carried = failed_report(this, error)
        loader.finish(this, carried.status, carried.as_dict())


def record_begin(loader: Loader, this: Run, options: Options, attempt: int) -> None:
    """Record who began a run, or went on with it, and what that person lets pass."""
    loader.act(this, "ran" if attempt == 1 else "resumed", "")
    for file in sorted(options.allow_failed):
        loader.act(this, "overrode", f"--allow-failed {file}")


@contextmanager
def audited(loader: Loader, this: Run) -> Iterator[None]:
    """Record what is refused inside, and what fails: a run, a publication, or a rollback."""
    try:
        yield
    except (PublishError, StateError, ContractError, SourceError) as error:
        word = "failed" if isinstance(error, SourceError) else "refused"
        with suppress(FirnError):  # the first error is the one to show
            loader.act(this, word, error.message.partition("\n")[0])
        raise


def options(
    *,
    publish: bool,
    limit_files: int | None,
    files: tuple[str, ...],
    allow_failed: tuple[str, ...],
    accept_missing: tuple[str, ...],
    tables: str = "",
    exclude: str = "",
    **same: Any,  # noqa: ANN401 (options of the same name here and there)
) -> Options:
    """Put the options of the command line together.

    Raises:
        ConfigError: Two of them exclude each other.
    """
    narrowed = {"--file": files, "--customer": same.get("customer")}
    refuse_together({"--limit-files": limit_files, "--full-refresh": same.get("full_refresh")}, narrowed)
    return Options(
        publish=publish,
        limit=limit_files,
        files=files,
        allow_failed=frozenset(allow_failed),
        accept_missing=frozenset(accept_missing),
        tables=tuple(filter(None, tables.split(","))),
        exclude=tuple(filter(None, exclude.split(","))),
        **same,
    )


def from_extract(name: str, pipeline: Pipeline, options: Options, from_run: str | None) -> Options:
    """Have a run read what was extracted, by default by the latest run that did.

    Raises:
        SourceError: Nothing was.
    """
    stored = extracts.find(extracts.home(pipeline.target), name, from_run)
    return replace(options, extract_from=stored, older_extract=bool(from_run))


def refuse_together(some: dict[str, object], others: dict[str, object]) -> None:
    """Refuse two options of the command line of which one would be ignored.

    Raises:
        ConfigError: Names both.
    """
    for one in (name for name, given in some.items() if given):
        for other in (name for name, given in others.items() if given):
            raise ConfigError(f"{one} does not go with {other}. Nothing was read or written.", "Leave one of them out.")


def refuse_without(needed: str, others: dict[str, object]) -> None:
    """Refuse options of the command line that mean something only beside another.

    Raises:
        ConfigError: Names both.
    """
    for other in (name for name, given in others.items() if given):
        raise ConfigError(f"{other} needs {needed}. Nothing was read or written.", f"add {needed}, or leave it out")


def failed_report(this: Run, error: BaseException) -> Report:
    """Take the report that an error carries, or make one for an error that carries none."""
    bare = Report(this.id, this.pipeline, status="failed", error=f"{type(error).__name__}: {error}")
    return getattr(error, "report", bare)


def publish(run_id: str, config: Path | None, *, again: bool) -> tuple[Published, int]:
    """Publish a run that is staged and ready; return its publication and the generation that readers saw before.

    Raises:
        Undone: A check on production did not pass, and what was there before is visible again.
    """
    target = settings.load_target(config)
    with Typed(config=config).repeated(), target.open() as loader:
        run, stored = loader.find(run_id), loader.row(run_id)["report"]
        verdicts = proofs(run.pipeline, config, target.check_timeout_s)
        report = Report.from_dict(stored) if stored else Report(run.id, run.pipeline)
        before = loader.generation(run.pipeline)
        with audited(loader, run), guarded(loader, settings.decided(config), choose(quiet=True)):
            published = loader.publish(run, again=again)
        if published.generation <= before:
            return published, before
        report.status, report.error, report.hint = "published", "", ""
        report.tell(published)
        try:
            report.after_publish = verdicts.stand(loader, published, before)
        except Undone as error:
            report.status, report.after_publish = error.status, list(error.verdicts)
            report.error, report.hint = error.message, error.hint
            raise
        finally:
            loader.finish(run, report.status, report.as_dict())
        return published, before


def proofs(name: str, config: Path | None, seconds: float) -> Verdicts:
    """Bind a pipeline's checks on production; its settings are needed only where a check asks for one."""
    pipeline = settings.pipeline_class(name)
    asked = any(step.settings for step in pipeline.proofs)
    fields = dict(settings.load(name, config)) if asked else {}
    return Verdicts(pipeline.proofs, pipeline.publishes, fields, seconds)


def discard(run_id: str, config: Path | None) -> dict[str, Any]:
    """Drop what a run staged, and say what it was before and what was dropped."""
    from pipelines.engine.checkpoints import Checkpoints

    target = settings.load_target(config)
    with Typed(config=config).repeated(), target.open() as loader:
        this, before = loader.find(run_id), loader.row(run_id)["status"]
        dropped = list(loader.discard(this))
        Checkpoints.of(this, target).remove()
        if dropped:
            loader.act(this, "discarded", ", ".join(dropped))
    return {"run_id": run_id, "status": "discarded", "was": before, "dropped": dropped}


def rollback(name: str, config: Path | None, to: int | None = None) -> Published:
    """Show an earlier generation of a pipeline, by default the one before the visible rows."""
    settings.pipeline_class(name)
    anybody, decided = replace(Run.start(name), id=""), settings.decided(config)
    with (
        Typed(name, config).repeated(),
        settings.load_target(config).open() as loader,
        audited(loader, anybody),
        guarded(loader, decided, choose(quiet=True)),
    ):
        return loader.rollback(name, to)


def runs(name: str | None, last: int, config: Path | None) -> list[dict[str, Any]]:
    """List the latest runs, newest first, as docs/reference/json.md describes them."""
    if name:
        settings.pipeline_class(name)
    with settings.load_target(config).open() as loader:
        return [listed(row) for row in loader.runs(name, last)]


def is_run(name: str) -> bool:
    """Tell the name of a run from that of a pipeline, which it begins with."""
    return any(name.startswith(f"{pipeline}_") for pipeline in settings.names()) and name not in settings.names()


def listed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is recorded of a run without its report, of which only the counts are kept."""
    stored = row["report"] or {}
    return {
        **{key: row[key] for key in ("run_id", "pipeline", "status", "started_at", "finished_at")},
        "seconds": stored.get("seconds"),
        "unit": stored.get("unit"),
        "parts": stored.get("parts"),
        "failed": len(stored["failed"]) if stored else None,
        "rows_read": stored.get("rows_read"),
        "tables": {name: table["rows"] for name, table in row["tables"].items()},
        "based_on": row["generation"],
        "published_as": row["published_as"],
        "error": row["error"],
    }


def report(name: str | None, config: Path | None) -> Report:
    """Find the report of a run, by default the latest; of a pipeline that of its latest run.

    Raises:
        StateError: There is no such run, or it has no report.
    """
    with Typed(config=config).repeated(), settings.load_target(config).open() as loader:
        pipeline = name if name in settings.names() else None
        found = loader.runs(pipeline, 1) if pipeline or not name else [loader.row(name)]
    if not found:
        of = f" of {pipeline}" if pipeline else ""
        raise StateError(f"No run{of} is recorded in this target.", f"firn run {pipeline or 'order_lists'}")
    stored = found[0]["report"]
    if not stored:
        unfinished = str(found[0]["run_id"])
        raise StateError(f"Run {unfinished} has no report: it goes on, or was killed.", f"firn resume {unfinished}")
    error = stored["error"] or found[0]["error"] or ""
    return Report.from_dict({**stored, "status": found[0]["status"], "error": error})


def psql(arguments: Sequence[str], config: Path | None) -> int:
    """Start psql on the target and give its exit code."""
    if arguments and not arguments[0].startswith("-"):
        arguments = [*arguments[1:], "-c", arguments[0]]
    strict = () if sys.stdin.isatty() else ("-v", "ON_ERROR_STOP=1")
    return settings.load_target(config).psql([*strict, *arguments])
