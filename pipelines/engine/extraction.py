"""Reads parts and makes tables of them; what the whole set is needed for is made with the parts taken over as well."""

from __future__ import annotations

import hashlib
import shlex
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from firn import ConfigError, ContractError, FirnError, SourceChanged, SourceError, Transient
from pipelines.engine import checkpoints, extracts
from pipelines.engine.checkpoints import run_kept
from pipelines.engine.failures import checking, of_the_copy, refuse_failed
from pipelines.engine.frames import Part, Work, by_part, run_parts, run_whole
from pipelines.engine.pipeline import RUN, Recalled, segments
from pipelines.engine.recipe import recipe
from pipelines.engine.retries import is_passing
from pipelines.engine.selection import refuse_gone, rows, select, select_all, select_only, settle_gone
from pipelines.engine.staging import stage_early
from pipelines.engine.suggestions import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from firn import PartRecord
    from loaders.loader import Loader
    from pipelines.engine.checkpoints import Checkpoints
    from pipelines.engine.execution import Execution
    from pipelines.engine.pipeline import Pipeline, Step
    from sources import Source

    Segments = list[tuple[bool, tuple[Step, ...]]]

__all__ = ["choose_parts", "extract", "extract_and_transform"]


def choose_parts(execution: Execution, loader: Loader) -> None:
    """List the source, and decide which parts are read and which are taken over.

    Raises:
        SourceError: A part of the ledger is gone from the source. Production is unchanged.
        ConfigError: An option names a part that nobody knows.
    """
    options, pipeline = execution.options, execution.pipeline
    listed = list_parts(execution)
    known: Mapping[str, PartRecord] = {}
    if options.load and not options.is_sample:
        # In this order: where another is made visible in between, nothing is recorded of the wrong one.
        execution.generation = loader.generation(execution.run.pipeline)
        known = loader.ledger(execution.run.pipeline)
    if is_incremental(pipeline):
        execution.ledger = known
    execution.recipe = recipe(pipeline)
    listed = narrow(execution, loader, listed)
    execution.steps.made_of(fingerprint_of(execution, listed))
    execution.listed = {part.name: part for part in listed}
    refuse_unknown("--allow-failed", options.allow_failed, list(execution.listed), "no workbook of that name is listed")
    if execution.only is not None:
        named = {*execution.local} if options.keep_copies else {*execution.local, *execution.named}
        execution.selection = select_only(listed, execution.ledger, execution.only, execution.recipe, named=named)
        execution.selection.notes += [
            f"{name} was read from {path}: these rows stay until the one in the source is saved again"
            for name, path in execution.local.items()
        ]
    elif not is_incremental(pipeline):
        execution.selection = select_all(listed[: options.limit], known, execution.recipe, afresh=options.full_refresh)
    else:
        afresh = options.full_refresh
        execution.selection = select(listed[: options.limit], execution.ledger, execution.recipe, afresh=afresh)
        settle_gone(
            execution.selection,
            listed,
            execution.ledger,
            options.accept_missing,
            pipeline.describe,
            run=execution.run.pipeline,
            counted=pipeline.compared,
        )
    if options.extract_from:
        settle_extract(execution, options.extract_from.name)
    execution.report.taken = len(execution.selection.taken)
    execution.report.parts = len(execution.selection.read) + execution.report.taken


def settle_extract(execution: Execution, extracted_by: str) -> None:
    """Say which extract is read; one older than what is published of its files has to be asked for by name.

    Raises:
        SourceError: It is older. Production is unchanged.
    """
    run, ledger = execution.run, execution.ledger
    execution.selection.notes.append(f"read from what run {extracted_by} extracted, and not from the source")
    newer = [
        part.name
        for part in execution.selection.read
        if part.name in ledger and started(ledger[part.name].run_id) > started(extracted_by)
    ]
    if newer and not execution.options.older_extract:
        raise SourceError(
            f"The latest extract, of run {extracted_by}, is older than what is published of {len(newer)} files: "
            f"{', '.join(newer[:5])}. Nothing was published; production is unchanged.",
            f"firn run {run.pipeline} --extract-only\n"
            f"or, to go back to it: firn run {run.pipeline} --transform-only --from-run {extracted_by}",
        )


def started(run_id: str) -> str:
    """Return when a run started, in a form that sorts: the date and time in its name."""
    return "_".join(run_id.split("_")[-3:-1])


def list_parts(execution: Execution) -> list[Part]:
    """List the parts of the sources, or of a stored extract."""
    return by_part([table for source in sources_of(execution) for table in source.tables()])


def sources_of(execution: Execution) -> Sequence[Source]:
    """Name the sources of a run, or the stored extract that it reads in their place."""
    stored = execution.options.extract_from
    return [extracts.Extract(stored)] if stored else execution.pipeline.sources()


def fingerprint_of(execution: Execution, listed: Sequence[Part]) -> str:
    """Return the fingerprint of the inputs: what the source lists, and what makes rows of it."""
    prints = [(part.name, table.fingerprint) for part in listed for table in part.tables.values()]
    return hashlib.sha256(repr((execution.recipe, sorted(prints))).encode()).hexdigest()


def narrow(execution: Execution, loader: Loader, listed: list[Part]) -> list[Part]:
    """Find the parts that a run is narrowed to, and put a local file in place of the part of its name.

    Raises:
        ConfigError: No part is called so, or holds the customer.
    """
    options, pipeline = execution.options, execution.pipeline
    names = list(dict.fromkeys([*(part.name for part in listed), *execution.ledger]))
    if options.customer:
        found, here = pipeline.parts_of(options.customer, names, loader), {part.name for part in listed}
        if not found & here:
            refuse_gone(sorted(found), here, execution.run.pipeline)
        execution.only = found & here
    if not options.files:
        return listed
    asked = {part_called(file, names): Path(file) for file in options.files}
    refuse_unknown("--file", asked, names, "no workbook of that name is published or listed")
    execution.local = {name: path for name, path in asked.items() if str(path) not in names and path.is_file()}
    refuse_gone(asked, {*execution.local, *(part.name for part in listed)}, execution.run.pipeline)
    execution.named = frozenset(asked)
    execution.only = execution.named | (execution.only or frozenset())
    kept = [part for part in listed if part.name not in execution.local]
    return kept + [stand_in(execution, listed, name, path) for name, path in execution.local.items()]


def part_called(file: str, names: Sequence[str]) -> str:
    """Find the part that a file is called as: by its whole name, else by the end of its path, else by its file name.

    Raises:
        ConfigError: Several parts have that file name.
    """
    if file in names or not names:
        return file
    ends = [name for name in names if Path(file).resolve().as_posix().endswith(f"/{name}")]
    named = ends or [name for name in names if Path(name).name == Path(file).name]
    if len(named) > 1:
        raise ConfigError(
            f"--file: several files are called {Path(file).name}: {', '.join(named)}. Production is unchanged.",
            f"Name one of them; a local copy of it lies in a folder of the same name: .../{named[0]}",
        )
    return named[0] if named else file


def stand_in(execution: Execution, listed: Sequence[Part], name: str, path: Path) -> Part:
    """Make a part of a local file, in place of the one listed under a name."""
    (part,) = by_part(list(execution.pipeline.one_file(path, name).tables()))
    # Under its own fingerprint the next run would put back what the source has: it counts as what is listed there.
    part.fingerprint = next((other.fingerprint for other in listed if other.name == name), part.fingerprint)
    return part


def is_incremental(pipeline: Pipeline) -> bool:
    """Tell whether parts can be taken over: their published rows, and what steps over all parts read of them."""
    local = {name for step in pipeline.steps if step.row_local for name in step.makes}
    needed = {name for step in pipeline.steps if not step.row_local for name in step.reads if name in local}
    return set(pipeline.parts) == set(pipeline.publishes) and needed <= {*pipeline.recalled, *pipeline.publishes}


def extract(execution: Execution, workers: Executor, folder: Path) -> None:
    """Read every part and store its frames.

    Raises:
        SourceError: A part could not be read; nothing was stored.
    """
    with execution.phase("Extract") as phase:
        listed = execution.retries.run("Listing the source", partial(list_parts, execution))[: execution.options.limit]
        execution.report.parts = len(listed)
        read = transform_parts(execution, workers, listed, (), frozenset(execution.pipeline.reads), tell=True)
        refuse_failed(execution, left=False)
        extracts.store(folder, execution.run, read)
        phase.rows = execution.report.rows_read = sum(part.rows for part in read)
    execution.report.status = "extracted"


def extract_and_transform(execution: Execution, loader: Loader, workers: Executor) -> None:
    """Read each part and run every step but the last row-local ones, which run while staging.

    Raises:
        SourceError: A part could not be read, and was not allowed to fail. Production is unchanged.
        ContractError: A check found rows. Production is unchanged.
    """
    pipeline, run = execution.pipeline, execution.run
    groups = segments(pipeline.steps)
    if len(groups) > 1 and groups[-1][0] and not any(step.is_check for step in groups[-1][1]):
        execution.staged_in_parts = groups.pop()[1]
        execution.foreseen = foreseen(execution, groups[1:])
    execution.whole[RUN] = pl.DataFrame({"run_id": [run.id], "started_at": [run.started_at]})
    with execution.phase("Extract and transform") as phase:
        read_parts(execution, loader, workers, groups, execution.selection.read)
        if execution.selection.changes_nothing:
            return
        transform_whole(execution, loader, workers, groups)
        let_go(execution)
        phase.rows = execution.report.rows_read = sum(part.rows for part in execution.parts)
    execution.report.figures = pipeline.figures(execution.parts, execution.whole)
    execution.report.notes = [*execution.selection.notes, *pipeline.notes(execution.parts, execution.whole)]
    if execution.options.sample:
        execution.whole |= pipeline.sampled(execution.whole)
    keep = {RUN, *needed(execution, ()), *pipeline.early}
    execution.whole = {name: frame for name, frame in execution.whole.items() if name in keep}


def let_go(execution: Execution) -> None:
    """Free the tables of parts that no later step reads."""
    keep = needed(execution, ())
    for part in execution.parts:
        part.frames = {name: frame for name, frame in part.frames.items() if name in keep}


def foreseen(execution: Execution, later: Segments) -> tuple[Step, ...]:
    """Return the steps over all parts, where a part may be staged before all are read as if it were the only one."""
    steps = tuple(step for _, steps in later for step in steps)
    wanted = execution.options.load and execution.only is None and execution.pipeline.early
    return steps if wanted and not any(step.row_local or step.is_check for step in steps) else ()


def read_parts(
    execution: Execution, loader: Loader, workers: Executor, groups: Segments, parts: Sequence[Part]
) -> None:
    """Read parts and run the first row-local steps; those that turn out unchanged, or may fail, are taken over."""
    selection, report = execution.selection, execution.report
    before = len(report.failed)
    keep, then = needed(execution, groups[1:]), partial(stage_early, execution, loader) if execution.foreseen else None
    if execution.checkpoints:
        made_by = checkpoints.basis(execution.recipe, sources_of(execution), keep)
        execution.checkpoints = replace(execution.checkpoints, basis=made_by)
    done = transform_parts(
        execution, workers, parts, groups[0][1], keep, tell=True, then=then, kept=execution.checkpoints
    )
    if not is_incremental(execution.pipeline):
        done = with_unchanged(execution, workers, done, groups[0][1], keep)
    tell_of_checkpoints(execution, done)
    refuse_failed(execution, left=bool(done or execution.parts or selection.taken or execution.ledger))
    for failed in report.failed[before:]:
        if failed["part"] in execution.ledger:
            selection.taken[failed["part"]] = execution.ledger[failed["part"]]
        selection.notes.insert(0, kept(execution, failed["part"]))
    for part in done:
        if part.unchanged and part.known:
            selection.taken[part.name] = replace(part.known, fingerprint=part.fingerprint)
    execution.parts = selection.read = [*execution.parts, *(part for part in done if not part.unchanged)]
    report.taken = len(selection.taken) - sum(failed["part"] in execution.ledger for failed in report.failed)


def with_unchanged(
    execution: Execution, workers: Executor, done: list[Part], steps: Sequence[Step], keep: frozenset[str]
) -> list[Part]:
    """Read the parts whose content is as it was, too, where any other changed and no part's rows can be taken over."""
    same = [part for part in done if part.unchanged]
    if len(same) == len(done) and not execution.report.failed:
        return done
    for part in same:
        part.known, part.unchanged = None, False
    again = {part.name: part for part in transform_parts(execution, workers, same, steps, keep, tell=False)}
    return [again.get(part.name, part) for part in done]


def tell_of_checkpoints(execution: Execution, done: Sequence[Part]) -> None:
    """Note how many parts an earlier attempt had read, and how many another one would have to read again."""
    restored, unkept = [part for part in done if part.is_restored], [part for part in done if part.unkept]
    unit = execution.report.unit
    if restored:
        execution.steps.restored += len(restored)
        execution.selection.notes.append(f"resumed: {len(restored)} of {len(done)} {unit} had been read before")
    if unkept:
        execution.selection.notes.append(
            f"no checkpoint was kept of {len(unkept)} of {len(done)} {unit} ({unkept[0].unkept}): were this run to be "
            "resumed, it would read them again"
        )


def kept(execution: Execution, part: str) -> str:
    """Say what stays published of a part that failed and may, and how old that is."""
    described, record = execution.pipeline.describe(part), execution.ledger.get(part)
    if record is None:
        return f"{described} was not read, and nothing of it was published before."
    count = rows(record, execution.pipeline.compared)
    return f"{described} was not read: its {count:,} published rows are kept as run {record.run_id} read them."


def transform_whole(execution: Execution, loader: Loader, workers: Executor, groups: Segments) -> None:
    """Run the later steps; parts taken over whose rows no longer fit are read, and the steps are run again.

    Raises:
        ContractError: Such a part was not to be read. Production is unchanged.
    """
    recall(execution, loader)
    run_later(execution, workers, groups)
    outdated = execution.pipeline.outdated(execution.whole, execution.recalled)
    if not outdated:
        return
    if execution.only is not None:
        names = " ".join(f"--file {shlex.quote(name)}" for name in sorted(outdated | execution.only))
        raise ContractError(
            f"Rows of {', '.join(sorted(outdated))} share their key with rows of "
            f"{', '.join(sorted(execution.only))}, and would change. Nothing was published; production is "
            "unchanged.",
            f"Replace them together:\nfirn run {execution.run.pipeline} {names}",
        )
    unread = sorted(outdated & {failed["part"] for failed in execution.report.failed})
    if unread:
        raise ContractError(
            f"Rows of {', '.join(unread)}, which could not be read, share their key with rows that changed, and would "
            "change too. Nothing was published; production is unchanged.",
            f"Mend the file and run again:\nfirn run {execution.run.pipeline}",
        )
    for name in outdated:
        del execution.selection.taken[name]
        execution.listed[name].known = None
    read_parts(execution, loader, workers, groups, [execution.listed[name] for name in sorted(outdated)])
    execution.recalled.clear()
    recall(execution, loader)
    run_later(execution, workers, groups)


def run_later(execution: Execution, workers: Executor, groups: Segments) -> None:
    """Run all steps but the first row-local ones and those that run while staging."""
    for number, (local, steps) in enumerate(groups):
        if not local:
            for step in steps:
                with checking(execution) if step.is_check else nullcontext():
                    work = run_whole(step, execution.parts, execution.whole, execution.settings, execution.recalled)
                execution.work.setdefault(step.name, Work()).add(work)
        elif number:
            keep = needed(execution, groups[number + 1 :])
            execution.parts = transform_parts(execution, workers, execution.parts, steps, keep, tell=False)


def recall(execution: Execution, loader: Loader) -> None:
    """Read from production, of the parts taken over, the rows that steps over all parts need."""
    pipeline, taken = execution.pipeline, sorted(execution.selection.taken)
    asked = {name: step.columns(name) for step in pipeline.steps if not step.row_local for name in step.reads}
    own = {
        name: Recalled((name,), tuple(columns or ())) for name, columns in asked.items() if name in pipeline.publishes
    }
    for name, recalled in ({**own, **pipeline.recalled} if taken else {}).items():
        contracts = {table: pipeline.publishes[table] for table in recalled.tables}
        key = pipeline.parts[recalled.tables[0]]
        found = loader.published(contracts, key, taken, recalled.columns or None)
        if found is not None:
            execution.recalled[name] = found


def needed(execution: Execution, later: Sequence[tuple[bool, tuple[Step, ...]]]) -> frozenset[str]:
    """Name the tables of a part that something still to come will use; all others are let go."""
    steps = [step for _, steps in later for step in steps] + list(execution.staged_in_parts)
    used = {name for step in steps for name in step.reads}
    return frozenset(used | set(execution.pipeline.publishes) | set(execution.pipeline.kept))


def transform_parts(
    execution: Execution,
    workers: Executor,
    parts: Sequence[Part],
    steps: Sequence[Step],
    keep: frozenset[str],
    *,
    tell: bool,
    then: Callable[[Part], None] | None = None,
    kept: Checkpoints | None = None,
) -> list[Part]:
    """Run row-local steps over parts, then something with each; failed ones are set apart in the report.

    What could not be read for a moment is read again once all others are.

    Args:
        execution: The run.
        workers: Who runs them.
        parts: The parts.
        steps: The steps.
        keep: The tables to keep of each.
        tell: Whether somebody is told of each.
        then: What is done with each.
        kept: Where those are that an earlier attempt has read, and where they are kept for a later one.
    """
    describe, made, done = execution.pipeline.describe, dict[str, Part](), 0

    def told(part: Part) -> None:
        nonlocal done
        done += 1
        if tell:
            title = describe(part.name)
            title += "  FAILED" if part.error else "  as read before" if part.is_restored else ""
            execution.progress.step(done, len(parts), title, part.rows, sum(part.seconds.values()))

    def finished(part: Part) -> None:
        if not isinstance(part.error, Transient):  # which is told of once it is given up
            told(part)
        if then and not (part.error or part.unchanged):
            then(part)

    def attempt() -> dict[str, FirnError]:
        left = [part for part in parts if part.name not in made or is_passing(made[part.name].error)]
        tried = run_parts(workers, left, work, finished)
        made.update({part.name: part for part in tried})
        return {describe(part.name): part.error for part in tried if part.error}

    work = partial(run_kept, kept=kept, steps=steps, whole=execution.whole, settings=execution.settings, keep=keep)
    execution.retries.until_done(attempt)
    finished_parts = [made[part.name] for part in parts]
    for part in finished_parts:
        if part.error:
            set_apart(execution, part.name, part.error)
        if isinstance(part.error, Transient):
            told(part)
    return [part for part in finished_parts if not part.error]


def set_apart(execution: Execution, part: str, error: FirnError) -> None:
    """Put a part that failed into the report, and remember what kind of failure that was."""
    message = of_the_copy(execution, part, error.message)
    execution.report.failed.append({"part": part, "message": message, "hint": error.hint})
    if isinstance(error, Transient):
        execution.passing.add(part)
    if isinstance(error, SourceChanged):
        execution.changed.add(part)
