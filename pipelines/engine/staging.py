"""Sends what a run made to the loader, takes over what it did not make anew, and has it verified and published."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from firn import ContractError, PartRecord
from pipelines.engine.differences import difference
from pipelines.engine.execution import Early
from pipelines.engine.frames import Frames, Part, check_contract, run_local, run_whole
from pipelines.engine.verdict import Undone, Verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Published
    from loaders.loader import Loader
    from pipelines.engine.execution import Execution

__all__ = ["leave", "publish", "stage", "stage_early", "verify"]


def leave(execution: Execution, loader: Loader) -> None:
    """End a run that would change nothing: production already shows all of it."""
    fingerprints = {name: record.fingerprint for name, record in execution.selection.taken.items()}
    loader.relist(execution.run, execution.generation, fingerprints)
    execution.report.notes = list(execution.selection.notes)
    execution.report.status = "unchanged"


def stage(execution: Execution, loader: Loader) -> None:
    """Run the last row-local steps and send every published table, part by part, then the tables without parts."""
    report, taken = execution.report, sorted(execution.selection.taken)
    report.tables = dict.fromkeys(execution.pipeline.publishes, 0)
    with execution.phase("Stage") as phase:
        parts = [part for part in execution.parts if execution.staged_in_parts or part.frames.keys() & report.tables]
        for number, part in enumerate(parts, start=1):
            started = time.perf_counter()
            rows = staged_early(execution, part) or stage_part(execution, loader, part)
            report.tables = {name: count + rows.get(name, 0) for name, count in report.tables.items()}
            part.frames = {}
            seconds = time.perf_counter() - started
            title = execution.pipeline.describe(part.name)
            execution.progress.step(number, len(parts), title, max(rows.values(), default=0), seconds)
        report.tables |= stage_whole(execution, loader)
        if taken:
            for table, count in loader.take(execution.run, taken).items():
                report.tables[table] += count
        phase.rows = sum(report.tables.values())
    refuse_shrinking(execution)


def stage_whole(execution: Execution, loader: Loader) -> dict[str, int]:
    """Stage the published tables that have no parts, and let go of each; return rows by table."""
    names = [name for name in execution.pipeline.publishes if name in execution.whole]
    rows: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        started = time.perf_counter()
        rows |= stage_frames(execution, loader, "", {name: execution.whole.pop(name)})
        execution.progress.step(number, len(names), name, rows[name], time.perf_counter() - started)
    return rows


def refuse_shrinking(execution: Execution) -> None:
    """Stop before a publication that would take away more rows than anybody would expect.

    Raises:
        ContractError: Names the rows before and now, and how to allow it. Production is unchanged.
    """
    table, gone = execution.pipeline.compared, execution.selection.gone
    records = [record for name, record in execution.ledger.items() if name not in gone]
    before = sum(int(record.tables[table]["rows"]) for record in records if table in record.tables)
    now = execution.report.tables.get(table, 0)
    if allow := execution.pipeline.allow_loss(before, now):
        raise ContractError(
            f"{table} would go from {before:,} to {now:,} rows. Nothing was published; production is unchanged.",
            f"Look which file lost its rows. If it is meant:\nfirn run {execution.run.pipeline} {allow}",
        )


def stage_early(execution: Execution, loader: Loader, part: Part) -> None:
    """Stage a part while others are still read, as if none of them had anything to do with its rows."""
    alone = execution.whole.copy()
    for step in execution.foreseen:
        run_whole(step, [part], alone, execution.settings, {})
    rows = stage_frames(execution, loader, part.name, finish(execution, part, alone))
    execution.early[part.name] = Early({name: alone[name] for name in execution.pipeline.early}, rows)


def staged_early(execution: Execution, part: Part) -> Mapping[str, int]:
    """Return the rows of a part that was staged early by table; none where other parts have to do with its rows."""
    early = execution.early.pop(part.name, None)
    if early is None:
        return {}
    own = {name: execution.whole[name].filter(pl.col(by) == part.name) for name, by in execution.pipeline.early.items()}
    return early.rows if all(own[name].equals(frame) for name, frame in early.whole.items()) else {}


def stage_part(execution: Execution, loader: Loader, part: Part) -> Mapping[str, int]:
    """Stage a part, in place of what was staged of it early; return rows by table."""
    frames = finish(execution, part, execution.whole)
    if execution.only is not None:
        compare(execution, loader, part.name, frames)
    return stage_frames(execution, loader, part.name, frames)


def finish(execution: Execution, part: Part, whole: Frames) -> Frames:
    """Run the last row-local steps on a part."""
    keep = frozenset(execution.pipeline.publishes)
    frames = part.frames.copy()
    return run_local(replace(part, frames=frames), execution.staged_in_parts, whole, execution.settings, keep).frames


def compare(execution: Execution, loader: Loader, part: str, frames: Frames) -> None:
    """Put into the report what replacing a part changes."""
    pipeline = execution.pipeline
    table = pipeline.compared
    if table in frames:
        contract = pipeline.publishes[table]
        columns = [name for name in contract.column_names() if name not in pipeline.uncompared]
        found = loader.published({table: contract}, pipeline.parts[table], [part], columns)
        before = contract.create_empty().select(columns) if found is None else found
        key = contract.primary_key()
        execution.report.differences.append(difference(part, table, before, frames[table], key, pipeline.label))


def stage_frames(execution: Execution, loader: Loader, part: str, frames: Frames) -> dict[str, int]:
    """Check and send the published tables among some frames; return rows by table."""
    publishes = execution.pipeline.publishes
    rows = {}
    for name in (name for name in publishes if name in frames):
        check_contract(name, part, frames[name], publishes[name])
        send = partial(loader.stage, execution.run, name, part, frames[name])
        rows[name] = execution.again(f"Staging {name}", loader, send).rows
    return rows


def verify(execution: Execution, loader: Loader) -> None:
    """Have staging compared with what was sent, and what was taken over with what the ledger says of it."""
    with execution.phase("Verify") as phase:
        execution.again("Staging", loader, lambda: loader.arrived(execution.run))
        run_id = execution.run.id
        copies = {name: str(path.resolve()) for name, path in execution.local.items()}
        read = [
            PartRecord(
                part.name,
                part.fingerprint,
                part.content,
                execution.recipe,
                run_id,
                copied_from=copies.get(part.name, ""),
            )
            for part in execution.parts
        ]
        loader.verify(execution.run, read, list(execution.selection.taken.values()))
        phase.rows = sum(execution.report.tables.values())


def publish(execution: Execution, loader: Loader) -> None:
    """Publish what was staged, and make the pipeline's checks on what readers then see.

    Raises:
        Undone: One did not pass, and what was there before is visible again.
    """
    report, name = execution.report, execution.run.pipeline
    before = execution.again("Reading the generation", loader, lambda: loader.generation(name))
    with execution.phase("Publish") as phase:
        published = execution.again("Publishing", loader, lambda: loader.publish(execution.run))
        phase.rows = sum(report.tables.values())
    report.status = "published"
    report.tell(published)
    if execution.pipeline.proofs:
        with execution.phase("Check production"):
            prove(execution, loader, published, before)
    report.notes += finished(execution)


def prove(execution: Execution, loader: Loader, published: Published, before: int) -> None:
    """Make the checks on production, and undo the publication when one does not pass."""
    pipeline, report = execution.pipeline, execution.report
    verdicts = Verdicts(pipeline.proofs, pipeline.publishes, execution.settings, pipeline.target.check_timeout_s)
    try:
        report.after_publish = verdicts.stand(loader, published, before)
    except Undone as error:
        report.after_publish, report.status = list(error.verdicts), error.status
        raise


def finished(execution: Execution) -> Sequence[str]:
    """Tell the pipeline which parts of its sources were read and published; what goes wrong there is a note."""
    if execution.options.extract_from:
        return ()
    parts = {part.name: part.fingerprint for part in execution.parts if part.name not in execution.local}
    try:
        return execution.pipeline.finished(execution.run, parts)
    except Exception as error:  # noqa: BLE001 (readers see the rows already: nothing may undo that)
        return (f"Published, but the source could not be told ({type(error).__name__}).",)
