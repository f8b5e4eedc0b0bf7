"""One run of a replication: decide, read and stage, verify, publish; all tables that changed at once, or none."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from firn import ContractError, FirnError, LoadError
from pipelines.engine import staging
from pipelines.replication import archive, set_aside
from pipelines.replication.hours import ACT, refuse_office_hours
from pipelines.replication.planning import Plan, dataset, plan
from pipelines.replication.reconciliation import reconcile
from pipelines.replication.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from loaders.loader import Loader
    from pipelines.engine.execution import Execution
    from pipelines.engine.report import Phase
    from pipelines.replication.archive import Archive
    from pipelines.replication.decisions import Planned
    from pipelines.replication.reading import Outcome
    from pipelines.replication.replication import Replication
    from sources import MySQL
    from sources.mysql.database import Database

__all__ = ["ARCHIVED", "PURGE_SEEN", "rehearse", "replicate"]

ARCHIVED, PURGE_SEEN = "archived", "purge seen"
"""How the audit names rows that were moved to an archive, and rows that the source no longer has."""


class Task(NamedTuple):
    """What a run was found to have to do.

    Attributes:
        reads: The tables to read, in order.
        refused: Those that cannot be read as they are now, and are left as production shows them.
        archives: What is moved to the archives of tables.
        known: The values that were set aside before.
        listed: The table of production that lists them; empty where there is none.
        outcomes: What became of the tables that were read.
    """

    reads: list[Planned]
    refused: dict[str, FirnError]
    archives: dict[str, Archive]
    known: pl.DataFrame
    listed: str
    outcomes: list[Outcome]


def place(source: MySQL, database: Database) -> str:
    """Name a source that was reached."""
    login = source.login()
    return f"source {login}, database {login.database}, {database.server.version}"


def replicate(replication: Replication, execution: Execution, loader: Loader) -> None:
    """Replicate what has changed.

    Raises:
        FirnError: What went wrong; production is unchanged.
    """
    execution.report.unit = "tables"
    with opened(replication, execution) as database:
        execution.progress.place(place(replication.source, database))
        with told(execution, loader, "Check source and target"):
            task = prepare(replication, execution, loader, database)
        outcomes = task.outcomes
        if task.reads:
            try:
                read(replication, execution, loader, database, task)
                settle_failures(execution, task.reads, outcomes)
            except FirnError:
                execution.report.tables = {}
                with suppress(FirnError):  # the first error is the one to show
                    loader.discard(execution.run)
                raise
            finally:
                tell(execution, task.reads, outcomes)
    for outcome in outcomes:
        archive.marked(outcome, task.archives)
    done = [outcome for outcome in outcomes if not outcome.error and not outcome.changes_nothing]
    execution.report.tables = {outcome.table: outcome.rows for outcome in done}
    if done:
        try:
            leave(execution, loader, task, done)
            publish(execution, loader, done, task.archives)
        except FirnError:
            execution.report.tables = {}
            raise
        return
    if task.reads:
        loader.discard(execution.run)
    failed = {outcome.table: outcome.error for outcome in outcomes if outcome.error}
    refuse_failed(execution, task.refused | failed)
    execution.report.status = "unchanged"


@contextmanager
def opened(replication: Replication, execution: Execution) -> Iterator[Database]:
    """Open the source.

    Raises:
        SourceError: It does not answer, or refuses.
    """
    with ExitStack() as stack:
        yield execution.retries.run("Opening the source", lambda: stack.enter_context(replication.source.open()))


@contextmanager
def told(execution: Execution, loader: Loader, title: str) -> Iterator[Phase]:
    """Time a phase, and tell of it whoever watches the run."""
    with execution.phase(title) as phase:
        execution.again("Recording the run", loader, lambda: loader.tell(execution.run, execution.report.as_dict()))
        yield phase


def prepare(replication: Replication, execution: Execution, loader: Loader, database: Database) -> Task:
    """Decide what is read, and make the place where it is staged.

    Raises:
        FirnError: Something stands in the way of reading, or of publishing.
    """
    report, name = execution.report, execution.run.pipeline
    hours = refuse_office_hours(replication, execution, database.server.now)
    tables, refused = plan(replication, execution, loader, database, writes=True)
    archives = archive.due(tables, loader, database.server.now.date())
    tables = archive.planned_for(tables, archives)
    reads = Plan(tables, refused).reads
    report.parts, report.taken = len(tables) + len(refused), len(tables) - len(reads)
    list_failed(execution, refused)
    listed = replication.quarantine_of(name) if set_aside.is_listed(replication, name, loader) else ""
    if reads:
        what = dataset(name, reads, replication.may_delete, quarantine=listed, archived=archives)
        execution.again("Preparing the target", loader, lambda: loader.prepare(execution.run, what))
    if hours:
        loader.act(execution.run, ACT, hours)
    return Task(reads, refused, archives, set_aside.before(replication, name, loader), listed, [])


def read(replication: Replication, execution: Execution, loader: Loader, database: Database, task: Task) -> None:
    """Read and stage the tables."""
    how = "lock" if execution.options.lock else replication.consistency
    archived = archive.move(execution.run, task.reads, task.archives, loader, replication.target.check_timeout_s)
    work = Work(replication, execution, loader, task.reads, set_aside.open_keys(task.known), archived, task.outcomes)
    with told(execution, loader, "Read and stage") as phase, still(how, database, task.reads) as source:
        work.run(source, is_still=how != "detect")
        phase.rows = execution.report.rows_read = sum(outcome.rows for outcome in task.outcomes)


@contextmanager
def still(how: str, database: Database, reads: Sequence[Planned]) -> Iterator[Database]:
    """Give the source in which nothing moves while it is read, where that is asked for.

    Raises:
        SourceError: It cannot be had: the right is missing, or a table is of another engine.
    """
    if how == "lock":
        with database.locked([table.name for table in reads]):
            yield database
    elif how == "snapshot":
        with database.snapshot([table.declared for table in reads]) as frozen:
            yield frozen
    else:
        yield database


def rehearse(replication: Replication, execution: Execution, loader: Loader) -> None:
    """Read every table whole, as a first run would, and stage nothing.

    Raises:
        FirnError: A table failed that must not.
    """
    report = execution.report
    report.unit = "tables"
    execution.options = replace(execution.options, full_refresh=True)
    with opened(replication, execution) as database:
        execution.progress.place(place(replication.source, database))
        with execution.phase("Check source and target"):
            refuse_office_hours(replication, execution, database.server.now)
            reads, refused = plan(replication, execution, loader, database)
            report.parts = len(reads) + len(refused)
            list_failed(execution, refused)
            loader.check(dataset(execution.run.pipeline, reads, replication.may_delete))
        work = Work(replication, execution, None, reads)
        with execution.phase("Read") as phase:
            work.run(database)
            phase.rows = report.rows_read = sum(outcome.rows for outcome in work.outcomes)
    tell(execution, reads, work.outcomes)
    settle_failures(execution, reads, work.outcomes)
    report.status = "checked"


def list_failed(execution: Execution, errors: Mapping[str, FirnError]) -> None:
    """Put tables that could not be read into the report."""
    execution.report.failed += [
        {"part": table, "message": error.message, "hint": error.hint} for table, error in errors.items()
    ]
    note_left(execution, errors)


def note_left(execution: Execution, tables: Iterable[str]) -> None:
    """Note the tables that are left as they were."""
    execution.report.notes += [f"{table} was not read, and stays as production shows it" for table in tables]


def refuse_failed(execution: Execution, errors: Mapping[str, FirnError]) -> None:
    """Stop where tables failed and nothing else can be published.

    Raises:
        FirnError: The error of the only one, or one that names them all.
    """
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        listed = "\n".join(f"  {table}: {error}" for table, error in errors.items())
        raise ContractError(
            f"{len(errors)} tables failed:\n{listed}\nNothing was published; production is unchanged.",
            f"firn run {execution.run.pipeline}",
        )


def settle_failures(execution: Execution, reads: Sequence[Planned], outcomes: Sequence[Outcome]) -> None:
    """Stop where a table failed that must not; other failed ones are left as production shows them.

    Raises:
        FirnError: The error of the table that must not fail, or one that names all such tables.
    """
    policies = {table.name: table.policy for table in reads}
    late = {one["table"] for one in execution.report.overruns if one["policy"] == "fail"}
    stopped = [outcome.table for outcome in outcomes if outcome.cancelled and outcome.table not in late]
    errors = {outcome.table: outcome.error for outcome in outcomes if outcome.error and outcome.table not in stopped}
    list_failed(execution, errors)
    note_left(execution, stopped)
    stopping = [table for table in errors if policies[table].on_failure == "fail" or table in late]
    refuse_failed(execution, {table: errors[table] for table in stopping})


def leave(execution: Execution, loader: Loader, task: Task, done: Sequence[Outcome]) -> None:
    """Leave out the tables that failed, or turned out to be unchanged; list the values set aside of the others."""
    left = {outcome.table for outcome in task.outcomes} - {outcome.table for outcome in done}
    if left:
        loader.leave(execution.run, left | {archive.archive_of(table) for table in left & task.archives.keys()})
    if task.listed:
        found = set_aside.entries(task.known, task.reads, done, execution.run.id)
        loader.stage(execution.run, task.listed, "", found)
        execution.report.tables[task.listed] = found.height


def publish(execution: Execution, loader: Loader, done: Sequence[Outcome], archives: Mapping[str, Archive]) -> None:
    """Verify what was staged, and publish it."""
    with told(execution, loader, "Verify") as phase:
        execution.again("Staging", loader, lambda: loader.arrived(execution.run))
        cursors = {outcome.table: outcome.cursor.as_json() for outcome in done if outcome.cursor}
        replaced = {outcome.table: outcome.replaced for outcome in done if outcome.replaced}
        loader.verify(execution.run, (), (), cursors, replaced, ready=False)
        phase.rows = sum(outcome.rows for outcome in done)
    with told(execution, loader, "Reconcile"):
        try:
            archive.refuse_lost(execution.run, done, archives, loader)
            execution.report.figures["reconciled"] = reconcile(loader, execution.run, done)
            loader.ready(execution.run)
        except (ContractError, LoadError):
            with suppress(FirnError):  # the first error is the one to show
                loader.discard(execution.run)
            raise
    execution.report.status = "ready"
    if execution.options.publish:
        staging.publish(execution, loader)
    for outcome in done:
        if outcome.purged > 0:
            loader.act(execution.run, PURGE_SEEN, f"{outcome.table}: {outcome.purged} rows")
        if outcome.table in archives:
            loader.act(execution.run, ARCHIVED, archives[outcome.table].told)
            execution.report.notes.append(archives[outcome.table].told)


def tell(execution: Execution, reads: Sequence[Planned], outcomes: Sequence[Outcome]) -> None:
    """Put into the report how tables were read, and what the rules did to their values."""
    execution.report.under_way = []
    done = [outcome for outcome in outcomes if not outcome.error]
    ruled = Counter[str]()
    for outcome in done:
        for frame in outcome.ruled:
            for table, column, rule, policy, values in frame.iter_rows():
                ruled[f"values ruled, {table}.{column} {rule} {policy}"] += values
    execution.report.notes += [
        f"{outcome.table}: the source has purged {outcome.purged:,} rows, which production keeps"
        for outcome in done
        if outcome.purged > 0
    ]
    execution.report.figures = {
        **Counter(f"tables of tier, {table.entry.tier}" for table in reads),
        **Counter(f"tables read, {outcome.how}" for outcome in done),
        **Counter(f"consistency, {outcome.consistency}" for outcome in done),
        **ruled,
    }
