"""One run of a replication: decide, read and stage, verify, publish; all tables that changed at once, or none."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from firn import ContractError, FirnError, LoadError
from pipelines.engine import staging
from pipelines.replication import archive, set_aside
from pipelines.replication.hours import ACT, refuse_office_hours
from pipelines.replication.planning import dataset, plan
from pipelines.replication.reconciliation import reconcile
from pipelines.replication.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loaders.loader import Loader
    from pipelines.engine.execution import Execution
    from pipelines.replication.archive import Archive
    from pipelines.replication.decisions import Planned
    from pipelines.replication.reading import Outcome
    from pipelines.replication.replication import Replication
    from sources.mysql.database import Database

__all__ = ["ARCHIVED", "PURGE_SEEN", "rehearse", "replicate"]

ARCHIVED, PURGE_SEEN = "archived", "purge seen"
"""How the audit names rows that were moved to an archive, and rows that the source no longer has."""


def replicate(replication: Replication, execution: Execution, loader: Loader) -> None:
    """Replicate what has changed.

    Raises:
        FirnError: What went wrong; production is unchanged.
    """
    report = execution.report
    report.unit = "tables"
    with replication.source.open() as database:
        with execution.phase("Check source and target"):
            told = refuse_office_hours(replication, execution, database.server.now)
            planned = plan(replication, execution, loader, database, writes=True)
            archives = archive.due(planned, loader, database.server.now.date())
            planned = archive.planned_for(planned, archives)
            reads = [table for table in planned if table.decision.how != "unchanged"]
            report.parts, report.taken = len(planned), len(planned) - len(reads)
            name = execution.run.pipeline
            listed = replication.quarantine_of(name) if set_aside.is_listed(replication, name, loader) else ""
            known = set_aside.before(replication, name, loader)
            if reads:
                loader.prepare(
                    execution.run, dataset(name, reads, replication.may_delete, quarantine=listed, archived=archives)
                )
            if told:
                loader.act(execution.run, ACT, told)
        if not reads:
            report.status = "unchanged"
            return
        how = "lock" if execution.options.lock else replication.consistency
        outcomes: list[Outcome] = []
        try:
            archived = archive.move(execution.run, reads, archives, loader, replication.target.check_timeout_s)
            work = Work(replication, execution, loader, reads, set_aside.open_keys(known), archived, outcomes)
            with execution.phase("Read and stage") as phase, still(how, database, reads) as source:
                work.run(source, is_still=how != "detect")
                phase.rows = report.rows_read = sum(outcome.rows for outcome in outcomes)
            settle_failures(execution, reads, outcomes)
        except FirnError:
            with suppress(FirnError):  # the first error is the one to show
                loader.discard(execution.run)
            raise
        finally:
            tell(execution, reads, outcomes)
    for outcome in outcomes:
        archive.marked(outcome, archives)
    done = changing(execution, loader, outcomes, archives)
    if done and listed:
        found = set_aside.entries(known, reads, done, execution.run.id)
        loader.stage(execution.run, listed, "", found)
        report.tables[listed] = found.height
    publish(execution, loader, done, archives)


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
    with replication.source.open() as database:
        with execution.phase("Check source and target"):
            refuse_office_hours(replication, execution, database.server.now)
            reads = plan(replication, execution, loader, database)
            report.parts = len(reads)
            loader.check(dataset(execution.run.pipeline, reads, replication.may_delete))
        work = Work(replication, execution, None, reads)
        with execution.phase("Read") as phase:
            work.run(database)
            phase.rows = report.rows_read = sum(outcome.rows for outcome in work.outcomes)
    tell(execution, reads, work.outcomes)
    settle_failures(execution, reads, work.outcomes)
    report.status = "checked"


def settle_failures(execution: Execution, reads: Sequence[Planned], outcomes: Sequence[Outcome]) -> None:
    """Stop where a table failed that must not; other failed ones are left as production shows them.

    Raises:
        FirnError: The error of the table that must not fail, or one that names all such tables.
    """
    policies = {table.name: table.policy for table in reads}
    errors = {outcome.table: outcome.error for outcome in outcomes if outcome.error and not outcome.cancelled}
    late = {one["table"] for one in execution.report.overruns if one["policy"] == "fail"}
    errors |= {outcome.table: outcome.error for outcome in outcomes if outcome.error and outcome.table in late}
    stopping = [table for table in errors if policies[table].on_failure == "fail" or table in late]
    execution.report.failed += [
        {"part": table, "message": error.message, "hint": error.hint} for table, error in errors.items()
    ]
    if len(stopping) == 1:
        raise errors[stopping[0]]
    if stopping:
        told = "\n".join(f"  {table}: {errors[table]}" for table in stopping)
        raise ContractError(
            f"{len(stopping)} tables failed that must not:\n{told}\nNothing was published; production is unchanged.",
            f"firn run {execution.run.pipeline}",
        )
    left = [outcome.table for outcome in outcomes if outcome.error]
    execution.report.notes += [f"{table} was not read, and stays as production shows it" for table in left]


def changing(
    execution: Execution, loader: Loader, outcomes: Sequence[Outcome], archives: Mapping[str, Archive]
) -> list[Outcome]:
    """Return the tables of which something is published; leave out those that failed, or turned out to be unchanged."""
    done = [outcome for outcome in outcomes if not outcome.error and not outcome.changes_nothing]
    if not done:
        loader.discard(execution.run)
        execution.report.status = "unchanged"
    elif len(done) < len(outcomes):
        left = {o.table for o in outcomes} - {o.table for o in done}
        loader.leave(execution.run, left | {archive.archive_of(table) for table in left & archives.keys()})
    return done


def publish(execution: Execution, loader: Loader, done: Sequence[Outcome], archives: Mapping[str, Archive]) -> None:
    """Verify what was staged, and publish it."""
    if not done:
        return
    with execution.phase("Verify") as phase:
        cursors = {outcome.table: outcome.cursor.as_json() for outcome in done if outcome.cursor}
        replaced = {outcome.table: outcome.replaced for outcome in done if outcome.replaced}
        loader.verify(execution.run, (), (), cursors, replaced)
        phase.rows = sum(outcome.rows for outcome in done)
    with execution.phase("Reconcile"):
        try:
            execution.report.figures["reconciled"] = reconcile(loader, execution.run, done)
            archive.refuse_lost(execution.run, done, archives, loader)
        except (ContractError, LoadError):
            with suppress(FirnError):  # the first error is the one to show
                loader.discard(execution.run)
            raise
    execution.report.tables |= {outcome.table: outcome.rows for outcome in done}
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
