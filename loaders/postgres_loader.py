"""PostgreSQL as a target: stage beside production, verify what arrived, publish everything at once or nothing."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from firn import PRODUCTION, Published, PublishError, Run, RunLocked, Staged, StateError
from loaders import (
    audit,
    backups,
    build,
    cleanup,
    completion,
    contrast,
    dependents,
    foreseen,
    health,
    isolation,
    lease,
    ledger,
    plans,
    policies,
    readback,
    scratch,
    sessions,
    shadows,
    shown,
    spans,
    strategies,
    totals,
    undone,
)
from loaders.contrast import Schemas
from loaders.ddl import cut, layout
from loaders.generations import Generations
from loaders.lanes import Lanes, several
from loaders.lease import Lease
from loaders.patience import Patience
from loaders.preflight import check_target
from loaders.preparation import dressing, make_staging
from loaders.publishing import Publishing
from loaders.quarantine import entries
from loaders.sqlstates import border
from loaders.state import State
from loaders.streams import Streams

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    import dataframely as dy
    import polars as pl

    from firn import Alias, Checksum, Dataset, Health, KeptGeneration, PartKey, PartRecord, Span, StepRecord, Totals
    from loaders.backups import Backup
    from loaders.connections import Server, Statements
    from loaders.contrast import Contrasts
    from loaders.delta import Delta
    from loaders.ledger import Digests
    from loaders.postgres import Postgres
    from loaders.publish import Plan
    from loaders.ranges import Range
    from loaders.staging import Staging

__all__ = ["PostgresLoader"]

_LANES = 2
_FEW = 50_000  # rows: opening a connection takes longer than what it would spare
_STREAMS = 2  # the client encodes for one while the server takes from the other; more gain nothing on two cores


class PostgresLoader:
    """A Loader over one connection for statements and one for rows; used from one thread.

    Attributes:
        state: Runs and publications, for the engine to record and to show.
        seconds: How long each of prepare, stage, verify, publish and rollback took so far, and how long the last
            publication waited for snapshots and locks.
        leftovers: The staging schemas of dead runs that `prepare` dropped.
    """

    state: State

    def __init__(self, settings: Postgres, server: Server, login: Server | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self.leftovers: list[str] = []
        self._settings = settings
        self._names = settings.namespace
        self._server = server
        self._login = login or server
        self._stack = ExitStack()
        self._staging: dict[str, Staging] = {}
        self._leases: dict[str, Lease] = {}

    def connect(self) -> None:
        """Open the connection for statements; again after it was lost.

        Raises:
            TargetUnavailable: Nothing answers. Production is unchanged.
            LoadError: The server refuses. Production is unchanged.
        """
        self._stack.close()
        self._statements: Statements = self._stack.enter_context(self._server.statements())
        self._streams = Streams(self._server.copying, _STREAMS)
        self._stack.callback(self._streams.close)
        self.state = State(self._statements, self._names)
        with border("Connecting"):
            self._session = sessions.own(self._statements)

    def lease(self, run: Run, wait_s: float = 0.0, tell: Callable[[str], None] = lambda _: None) -> str:
        """Take the pipeline of a run, so that no other runs it until this one has finished or died.

        Args:
            run: The run.
            wait_s: How long to wait for another run that has it.
            tell: Hears once for whom is waited.

        Returns:
            Of whom it was taken over, in words: a run that died; empty where nobody had it.

        Raises:
            RunLocked: Another run has it. Production is unchanged.
            LoadError: A right is missing. Production is unchanged.
        """
        with border("Taking the pipeline"):
            check_target(self._statements, self._names)
            self.state.make()
            taken = Lease(self._server.statements, self._names.state, run, self._settings.lease_s)
            taken.take(self._statements, Patience(wait_s), tell)
            self._leases[run.id] = taken
            return taken.before

    def holder(self, dataset: str) -> tuple[str, bool] | None:
        """Return in words which run has a pipeline, and whether its lease holds; nothing where none has."""
        with border("Reading who runs it"):
            schema = self._names.state
            found = lease.holder(self._statements, schema, dataset) if self.state.is_present() else None
            return (lease.told(found), bool(found.is_valid)) if found else None

    def _let_go(self, run: Run) -> None:
        """Let others have the pipeline of a run."""
        if taken := self._leases.pop(run.id, None):
            taken.end(self._statements)

    def _refuse_lost(self, run: Run) -> int:
        """Return the token of a run's lease, 0 where it has none.

        Raises:
            RunLocked: It had one, and another run has taken over.
        """
        taken = self._leases.get(run.id)
        if taken:
            taken.refuse_lost()
        return taken.token if taken else 0

    def reconnect(self) -> None:
        """Open the connection for statements again where it was lost; rows under way have connections of their own.

        Raises:
            TargetUnavailable: Nothing answers. Production is unchanged.
            LoadError: The server refuses. Production is unchanged.
        """
        sessions.notice(self._statements)
        if self._statements.closed:
            earlier, self._statements = self._session, self._stack.enter_context(self._server.statements())
            self.state = State(self._statements, self._names)
            self._streams.renew()  # whoever ended the one session may have ended those that were idle too
            with border("Connecting again"):
                # The server may not have noticed yet that nobody is there any more, and keep its locks.
                sessions.end(self._statements, earlier)
                self._session = sessions.own(self._statements)
                for run_id in self._leases:
                    self.state.hold(run_id)

    def close(self) -> None:
        """Close the connections, and let go of the pipelines; what is staged stays."""
        for taken in self._leases.values():
            taken.end(self._statements)
        self._leases.clear()
        self._stack.close()

    def whereabouts(self) -> dict[str, str]:
        """Say which ``environment`` this is, on which ``server``, in which ``database``, as ``login`` and ``role``."""
        with border("Asking where this is"):
            return {"environment": self._names.environment, **isolation.whereabouts(self._statements)}

    def refuse_unfit(self) -> None:
        """Refuse a database that the environment must not work in.

        Raises:
            ConfigError: It is no database for tests, or its production schema is that of another environment.
        """
        if self._names.environment != PRODUCTION:
            with border("Looking at other environments"), self._elsewhere() as elsewhere:
                isolation.refuse_unfit(self._names, self.whereabouts(), elsewhere.producing())

    def elsewhere(self, how: isolation.How) -> Mapping[tuple[str, str], Checksum]:
        """Return checksums of all that lies in the database outside the environment, by schema and object."""
        with border("Reading what lies outside the environment"), self._elsewhere() as elsewhere:
            return elsewhere.checksums(how)

    def reach(self) -> Sequence[str]:
        """Return what the role may write outside the environment, in words; nothing where the server refuses it."""
        with border("Reading rights"), self._elsewhere() as elsewhere:
            return elsewhere.reach(self.whereabouts()["role"])

    def recorded_elsewhere(self) -> Mapping[tuple[str, str], Checksum]:
        """Return what was recorded last of what lies outside the environment; nothing where that never was."""
        with border("Reading what was recorded"):
            return self.state.elsewhere() if self.state.is_present() else {}

    def record_elsewhere(self, checksums: Mapping[tuple[str, str], Checksum]) -> None:
        """Record what lies outside the environment now."""
        with border("Recording what lies outside the environment"):
            self.state.make()
            self.state.set_elsewhere(checksums)

    @contextmanager
    def _elsewhere(self) -> Iterator[isolation.Elsewhere]:
        with self._login.statements() as connection:
            yield isolation.Elsewhere(connection, self._names)

    def check(self, dataset: Dataset) -> dict[str, tuple[str, str]]:
        """Check what can be refused before rows are sent, write nothing, and say what would happen to each table.

        Raises:
            TargetUnavailable: The target does not answer. Production is unchanged.
            PublishError: Replacing a table would lose something; each object is named. Production is unchanged.
            LoadError: A right or an exact column type is missing. Production is unchanged.
        """
        with border("Checking the target"):
            check_target(self._statements, self._names)
            with self._statements.transaction(force_rollback=True):
                choice = self._made(f"{self._names.staging}_check", dataset).choice
                return policies.told(dataset, dependents.shown(self._statements, self._names.production, choice))

    def health(self, *, fix: bool) -> Sequence[Health]:
        """Judge the target, and name what dead runs left there.

        Args:
            fix: Drop what is left, never with CASCADE.

        Raises:
            TargetUnavailable: The target does not answer. Production is unchanged.
        """
        settings = self._settings
        with border("Looking at the target"):
            found = health.target(self._statements, self._names, settings.lock_budget_ms)
            if not found[0].passed:
                return found
            keep, budget = settings.keep_generations, settings.lock_budget_ms
            left = health.leftovers(self._statements, self.state, self._names, keep, budget)
            return [*found, *health.judged(self._statements, self.state, self._names, left, fix=fix)]

    def start(self, run: Run) -> None:
        """Record that a run has begun.

        Raises:
            RunLocked: Another process works on this run. Production is unchanged.
            StateError: A run of this name is ready or was published. Production is unchanged.
            LoadError: A right is missing. Production is unchanged.
        """
        with border("Recording the run"):
            check_target(self._statements, self._names)
            self.state.make()
            self.state.start(run, ours=run.id in self._leases)

    def attempt(
        self, run: Run, asked: Mapping[str, Any], settings: Mapping[str, Any], fingerprints: Mapping[str, str]
    ) -> int:
        """Record that a run that has begun is attempted, and how it was asked for; return which attempt it is."""
        with border("Recording the run"):
            return self.state.attempt(run.id, asked, settings, fingerprints)

    def record(self, run: Run, steps: Sequence[StepRecord], fingerprints: Mapping[str, str] | None = None) -> None:
        """Record how far the steps of the attempt that goes on are.

        Raises:
            TargetUnavailable: The connection was lost.
        """
        with border("Recording the run"):
            if fingerprints:
                self.state.set_fingerprints(run.id, fingerprints)
            self.state.record(run.id, steps)

    def steps(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        """Return what is recorded of the steps of a run, in the order in which they began."""
        with border("Reading the runs"):
            return self.state.steps(run_id)

    def tell(self, run: Run, report: Mapping[str, Any]) -> None:
        """Record how far a run is that goes on.

        Raises:
            TargetUnavailable: The connection was lost. Production is unchanged.
        """
        with border("Recording the run"):
            self.state.tell(run.id, report)

    def finish(self, run: Run, status: str, report: Mapping[str, Any]) -> None:
        """Record how a run ended, with its report; one that was published stays so.

        Raises:
            TargetUnavailable: The target does not answer. Production is as the run left it.
        """
        with border("Recording the run"):
            self.reconnect()
            self.state.finish(run.id, status, report, str(report.get("error") or ""))
        self._let_go(run)

    def forget(self, run: Run) -> None:
        """Record no longer that a run began that has staged nothing."""
        with border("Forgetting the run"):
            self.state.forget(run.id)
            self.state.release(run.id)
        self._let_go(run)

    def runs(self, dataset: str | None = None, last: int = 20) -> Sequence[dict[str, Any]]:
        """Return the latest runs, of one pipeline or of all, newest first."""
        with border("Reading the runs"):
            return [asdict(run) for run in self.state.runs(dataset, last)] if self.state.exists() else []

    def row(self, run_id: str) -> dict[str, Any]:
        """Return what is recorded of a run.

        Raises:
            StateError: There is no such run; the closest names are listed.
        """
        with border("Reading the runs"):
            return asdict(self.state.run(run_id))

    def success_before(self, run_id: str) -> dict[str, Any] | None:
        """Return what is recorded of the latest run of the same pipeline that began before and went well."""
        with border("Reading the runs"):
            found = self.state.success_before(run_id)
            return asdict(found) if found else None

    def is_worked_on(self, run_id: str) -> bool:
        """Tell whether a process works on a run; one that is running and has none will not end by itself."""
        with border("Reading the runs"):
            return self.state.is_held(run_id)

    def find(self, run_id: str) -> Run:
        """Return a recorded run.

        Raises:
            StateError: There is no such run; the closest names are listed.
        """
        found = self.row(run_id)
        return Run(found["run_id"], found["pipeline"], found["started_at"])

    def prepare(self, run: Run, dataset: Dataset) -> None:
        """Check what can be refused before rows are sent, then make empty staging tables in a schema of the run's own.

        The staging schemas of runs that failed or died are dropped.

        Args:
            run: The run that will stage and publish.
            dataset: The tables that it will publish.

        Raises:
            TargetUnavailable: The target does not answer. Production is unchanged.
            PublishError: Replacing a table would lose something; each object is named. Production is unchanged.
            LoadError: A right or an exact column type is missing. Production is unchanged.
            StateError: A run of this name is ready or published. Production is unchanged.
        """
        schema = cut(f"{self._names.staging}_{run.id}")
        with self._timed("prepare"), border("Preparing the target"):
            self.start(run)
            self._stop(run)
            budget = self._settings.lock_budget_ms
            shadows.clear(self._statements, self._names.state, budget)
            self.leftovers += cleanup.clear_leftovers(self._statements, self.state, run.id, budget)
            with self._statements.transaction():
                staging = self._made(schema, dataset)
                build.keep_log(self._statements, staging.schema, staging.choice)
                generation = self.state.generation(dataset.name)
                self.state.set_staging(run.id, schema, generation, staging.recorded())
        staging.bound(self._settings.staging_mb * 2**20)
        self._staging[run.id] = staging

    def stage(self, run: Run, table: str, part: str, frame: pl.DataFrame) -> Staged:
        """Begin to send one part to staging, in place of what an earlier try sent of it.

        What the server has to say of it is raised by the next call, or by `verify`. While ``staging_mb`` of rows are
        under way, this waits.

        Raises:
            LoadError: A column is not of the exact type of its contract, and nothing of the part was sent; or the
                server refused a value of a part sent before: table, part, row and column are named, and nothing of
                that part is staged. Production is unchanged.
            TargetUnavailable: The connection was lost, with this part or one before it; the same call sends what did
                not arrive. Production is unchanged.
        """
        with self._timed("stage"):
            self._staged(run).send(self._streams, table, part, frame, self._settings.batch_rows)
            return Staged(table, part, frame.height)

    def arrived(self, run: Run) -> None:
        """Wait until every part that was sent is in staging.

        Raises:
            LoadError: The server refused a value; table, part, row and column are named. Production is unchanged.
            TargetUnavailable: The connection was lost; the same call sends what did not arrive.
        """
        with self._timed("stage"):
            self._staged(run).arrive(self._streams)

    def leave(self, run: Run, tables: Collection[str]) -> None:
        """Publish nothing of some tables of a run: what was sent of them is dropped, and production keeps its own.

        Raises:
            TargetUnavailable: The connection was lost. Production is unchanged.
        """
        staging = self._staged(run)
        with border("Leaving tables out"):
            staging.leave(tables)
            cleanup.drop_tables(self._statements, staging.schema, tables, self._settings.lock_budget_ms)

    def generation(self, dataset: str) -> int:
        """Return the number of the generation that readers see, 0 before the first publication."""
        with border("Reading the generation"):
            return self.state.generation(dataset)

    def ledger(self, dataset: str) -> Mapping[str, PartRecord]:
        """Return what the visible generation holds, by part; empty where nothing is recorded of it."""
        with border("Reading the ledger"):
            return ledger.read(self._statements, self._names.state, dataset) if self.state.exists() else {}

    def relist(self, run: Run, generation: int, fingerprints: Mapping[str, str]) -> None:
        """Record under which fingerprints the parts of a generation are listed now; nothing once another is visible."""
        with border("Writing the ledger"):
            ledger.relist(self._statements, self._names.state, run.pipeline, generation, fingerprints)

    def take(self, run: Run, parts: Sequence[str]) -> Mapping[str, int]:
        """Copy the rows of parts from production to staging, inside the server; rows by table.

        Raises:
            LoadError: Production no longer has the columns of the contract. Production is unchanged.
        """
        staging = self._staged(run)
        with self._timed("take"), border("Copying the rows of unchanged parts"):
            staging.taken = ledger.take(self._statements, self._names.production, staging, parts)
        return {table: rows for table, (_, rows) in staging.taken.items()}

    def cursors(self, dataset: str) -> Mapping[str, Any]:
        """Return how far the sources were read for what production shows, by name."""
        with border("Reading the cursors"):
            return self.state.cursors(dataset)

    def visible(self, dataset: str) -> Published | None:
        """Return the generation that readers see, nothing before the first publication."""
        with border("Reading the generations"):
            current = self.state.current(dataset) if self.state.exists() else None
            return plans.told(current) if current else None

    def previous(self, dataset: str) -> int:
        """Return the generation before the one that first had the visible rows, 0 where there is none."""
        with border("Reading the generations"):
            return Generations.read(self.state, dataset).before

    def kept(self, dataset: str) -> Sequence[KeptGeneration]:
        """Return the earlier generations that can be shown again, newest first."""
        with border("Reading the generations"):
            return Generations.read(self.state, dataset).listed()

    def acts(self, dataset: str | None = None, last: int = 20) -> Sequence[dict[str, Any]]:
        """Return what people did to a dataset, or to any, the latest first."""
        with border("Reading who did what"):
            return self.state.acts(dataset, last)

    def disable(self, dataset: str, reason: str) -> None:
        """Have nothing of a dataset published from now on, whoever is at it, but what a rollback shows again.

        Raises:
            LoadError: A right is missing. Production is unchanged.
        """
        with border(f"Disabling {dataset}"):
            check_target(self._statements, self._names)
            self.state.make()
            self.state.disable(dataset, reason)

    def enable(self, dataset: str) -> bool:
        """Have a dataset published again; tell whether it was disabled."""
        with border(f"Enabling {dataset}"):
            self.state.upgrade()
            return self.state.exists() and self.state.enable(dataset)

    def disabled(self, dataset: str | None = None) -> Sequence[dict[str, Any]]:
        """Return who disabled a dataset, or any, when, and why; nothing of those that are not."""
        with border("Reading what is disabled"):
            return self.state.disabled(dataset)

    def refuse_disabled(self, dataset: str) -> None:
        """Go on where a dataset may be published.

        Raises:
            StateError: It is disabled; the message says by whom, since when and why.
        """
        with border("Reading what is disabled"):
            self.state.refuse_disabled(dataset)

    def undone(self, dataset: str) -> Mapping[str, Mapping[str, int]]:
        """Return what the generation had changed that the latest rollback of a dataset undid.

        Returns:
            By table its rows ``before`` and ``after`` it, and how many it had ``inserted``, ``updated`` and ``deleted``
            by key; these are left out of a table whose rows are not kept any more.

        Raises:
            StateError: Its latest publication is no rollback. Production is unchanged.
        """
        with border(f"Comparing what was undone of {dataset}"):
            return undone.compare(self._statements, self._names, self.state, dataset)

    def act(self, run: Run, action: str, detail: str) -> None:
        """Record what somebody did with a run."""
        with border("Recording who did what"):
            self.state.make()
            self.state.act(action, run.pipeline, run.id or None, detail)

    def back_up(self, dataset: str, folder: Path) -> Backup:
        """Write what production shows of a dataset, and its state, into an empty folder, all as of one moment.

        Raises:
            StateError: Nothing of it is published.
            LoadError: A table may not be read, or its file does not hold what was written.
            TargetUnavailable: The connection was lost.
            OSError: A file cannot be written.
        """
        with self._timed("back up"), border(f"Backing up {dataset}"):
            return backups.take(self._statements, self._names, dataset, folder)

    def backups(self) -> Sequence[dict[str, Any]]:
        """Return what is recorded of the backups taken here, the latest first."""
        with border("Reading the backups"):
            return self.state.backups()

    def keep_backup(self, **known: Any) -> None:  # noqa: ANN401 (the columns of the table)
        """Record a backup that is not recorded yet."""
        with border("Recording the backup"):
            self.state.make()
            self.state.keep_backup(**known)

    def keep_drill(self, dataset: str, name: str, seconds: float) -> None:
        """Record that a backup was restored for practice, and proven, and how many seconds that took."""
        with border("Recording the drill"):
            self.state.make()
            self.state.keep_drill(name, seconds)
            self.state.act("drilled", dataset, None, f"{name} in {seconds:.1f} s")

    def forget_backup(self, dataset: str, name: str) -> None:
        """Record that a backup was dropped, to make room for later ones."""
        with border("Recording the backup"):
            self.state.keep_drop(name)
            self.state.act("dropped_backup", dataset, None, name)

    def try_out(self, backup: Backup, folder: Path) -> None:
        """Restore every table of a backup where nobody looks, prove it, and leave nothing behind.

        Raises:
            LoadError: One is not what was backed up. Production is unchanged.
        """
        with self._timed("try out"):
            scratch.try_out(self._statements, backup, folder)

    def restore_beside(self, backup: Backup, folder: Path, schema: str) -> None:
        """Restore the tables that readers saw into a new schema, and prove them.

        Raises:
            LoadError: There is such a schema, or a table is not what was backed up; nothing is left of it then.
        """
        with self._timed("restore"), border(f'Restoring {backup.dataset} into schema "{schema}"'):
            scratch.keep(self._statements, backup, folder, schema)

    def restore(self, run: Run, dataset: Dataset, backup: Backup, folder: Path) -> None:
        """Stage the tables of a backup as those of a run, which is ready then; nobody sees them before it is published.

        Args:
            run: A new run.
            dataset: The tables, and how they are published; not all of the backup's need be among them.
            backup: What was backed up.
            folder: Where its files are.

        Raises:
            RunLocked: Another run has the pipeline. Production is unchanged.
            PublishError: Replacing a table would lose something; each object is named. Production is unchanged.
            LoadError: A file is not what was written, or a table not what was backed up. Production is unchanged.
        """
        backups.check_files(backup, folder)
        with border("Looking at the target"):
            current = self.state.current(dataset.name) if self.state.exists() else None
            scratch.refuse_changed(self._statements, self._names.production, dataset.contracts, backup, current)
        self.lease(run)
        self.prepare(run, dataset)
        staging = self._staged(run)
        with self._timed("restore"), border(f"Restoring {dataset.name}"):
            staging.taken = scratch.fill(self._statements, backup, folder, staging)
        self.verify(run, (), backup.parts, backup.cursors)

    def restore_companions(self, dataset: Dataset, backup: Backup, folder: Path) -> None:
        """Restore the tables beside published ones that are gone, with what others had written there.

        Raises:
            LoadError: One is not what was backed up.
        """
        with border(f"Restoring what is beside {dataset.name}"):
            scratch.fill_companions(self._statements, self._names.production, dataset.companions, backup, folder)

    def verify(
        self,
        run: Run,
        read: Sequence[PartRecord] = (),
        taken: Sequence[PartRecord] = (),
        cursors: Mapping[str, Any] | None = None,
        replaced: Mapping[str, Sequence[Range]] | None = None,
        *,
        ready: bool = True,
    ) -> None:
        """Compare what staging holds with what was sent, then add keys and statistics; the run is then ready.

        Args:
            run: The run.
            read: The parts that were sent; they are recorded in the ledger.
            taken: The parts that were copied from production, as the ledger has them.
            cursors: How far the sources were read, by name, as JSON; visible with the rows, and undone with them.
            replaced: By table whose strategy is ``merge``, ranges of its first key column, both ends included: rows of
                production in them that are not staged are deleted.
            ready: Whether it is; where more is to be judged of it, `ready` says so.

        Raises:
            LoadError: Something differs, or a key is held twice; table, column and up to ten keys are named. Or a table
                cannot have ranges, or rows that its policy keeps do not fit it. Production is unchanged.
        """
        staging = self._staged(run)
        self._refuse_lost(run)
        self.arrived(run)
        with self._timed("verify"), border("Verifying staging"), self._lanes(staging) as lanes:
            wanted = bool(read)
            found = readback.compare(staging, self._statements, lanes, self._streams, hashed=wanted)
            completed = completion.complete(lanes, self._names.production, staging)
            dress = dressing(self._statements, self._names, self.state, staging)
            build.finish_tables(lanes, staging.layouts, dress, staging.choice)
            self._record(run, staging, found, read, taken)
            tables = completion.mark(staging.recorded(replaced or {}), completed)
            self.state.set_verified(run.id, tables, cursors or {})
            if ready:
                self.state.set_ready(run.id)
        staging.stop()

    def ready(self, run: Run) -> None:
        """Let a verified run be published."""
        with border("Recording the run"):
            self.state.set_ready(run.id)

    def published(
        self,
        tables: Mapping[str, type[dy.Schema]],
        key: PartKey,
        parts: Sequence[str],
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame | None:
        """Read parts of published tables, joined by their common key, as production shows them.

        Args:
            tables: The tables and their contracts.
            key: Where they say which part a row belongs to, and by which column they are joined.
            parts: The parts.
            columns: The columns wanted; by default those of the first table.

        Returns:
            The rows; None where production lacks one of the tables.

        Raises:
            LoadError: Production no longer has the columns of the contract. Production is unchanged.
        """
        production = self._names.production
        with border(f"Reading what production shows of {', '.join(tables)}"):
            if not shown.are_there(self._statements, production, [*tables, key.table]):
                return None
            layouts = [layout(name, contract) for name, contract in tables.items()]
            return self._streams.submit(
                lambda reader: shown.read_rows(reader, production, layouts, key, parts=parts, columns=columns)
            ).result()

    def shown(self, contracts: Mapping[str, type[dy.Schema]], seconds: float) -> Mapping[str, pl.DataFrame]:
        """Read published tables as production shows them, all in one snapshot; safe to call from another thread.

        Raises:
            LoadError: A table or a column is not there, or the time was up. Production is unchanged.
        """
        layouts = [layout(name, contract) for name, contract in contracts.items()]
        with border(f"Reading what production shows of {', '.join(contracts)}"):
            return self._streams.submit(
                lambda reader: shown.read_tables(reader, self._names.production, layouts, seconds)
            ).result()

    def aged(
        self, table: str, contract: type[dy.Schema], key: str, date: str, *, before: dt.date, above: int, most: int
    ) -> pl.DataFrame:
        """Return rows of a published table from before a day, by their key."""
        wanted, schema = layout(table, contract), self._names.production
        with border(f'Reading the rows of "{table}" from before {before}'):
            return self._streams.submit(
                lambda reader: shown.read_aged(reader, schema, wanted, key, date, before=before, above=above, most=most)
            ).result()

    def totals(self, tables: Mapping[str, Sequence[str]]) -> Mapping[str, Totals]:
        """Count the rows of published tables, and sum columns of theirs exactly; what is gone is left out."""
        with border("Adding up what is published"):
            return totals.compute(self._statements, self._names.production, tables)

    def span(self, tables: Sequence[str], key: str, date: str | None = None) -> Span:
        """Say from which key and day to which the rows of published tables reach together, and what is missing."""
        with border("Looking at keys"):
            return spans.compute(self._statements, self._names.production, tables, key, date)

    def audit(
        self, dataset: str, contracts: Mapping[str, type[dy.Schema]], parts: Mapping[str, PartKey]
    ) -> Sequence[tuple[str, bool, str]]:
        """Compare what production shows with the contracts, and with what was recorded when it was published.

        Returns:
            Per check its name, whether it passes, and the figures or what is wrong.
        """
        layouts = [layout(name, contract) for name, contract in contracts.items()]
        with border("Checking what is published"):
            current = self.state.current(dataset) if self.state.exists() else None
            found = audit.tables(self._statements, self._names.production, layouts, current)
            if parts and all(passes for _, passes, _ in found):
                records = self.ledger(dataset).values()
                found.append(audit.contents(self._statements, self._names.production, records, parts, layouts))
            return found

    def quarantined(self, dataset: str, table: str, *, resolved: bool = False) -> Sequence[dict[str, Any]]:
        """Return the cells that production does not show, and on demand those that an earlier generation did not.

        Raises:
            StateError: Production has no such table, or it was published by an older firn.
        """
        with border("Reading the quarantine"):
            return entries(self._statements, self._names, dataset, table, resolved=resolved)

    def publish(self, run: Run, *, again: bool = False) -> Published:
        """Make every staged table of the run visible in one transaction.

        A table that an earlier generation published and this one does not stays in production as it is.

        Args:
            run: The run; one that was published already is not published twice.
            again: Publish a run that was rolled back once more, from the tables that were kept.

        Raises:
            PublishError: Refused: something would be lost, a newer generation came first, or the run was rolled back.
                Production is unchanged.
            TargetUnavailable: Old snapshots or locks did not go away in time; who holds them is named.
                Production is unchanged.
            StateError: There is no such run, or it is not verified. Production is unchanged.
        """
        with self._timed("publish"), border(f"Publishing run {run.id}", PublishError):
            check_target(self._statements, self._names)
            self.state.upgrade()
            self.state.refuse_disabled(run.pipeline)
            done = self.state.publications_of(run.id)
            if done and (not again or plans.is_visible(self.state, done[0])):
                return plans.already(self.state, done[0])
            if done:
                return self._published(plans.republication(self.state, self._statements, done[0]))
            token = self._refuse_lost(run)
            plan = strategies.decide(self._statements, self._names, plans.publication(self.state, run.id))
            return self._published(replace(plan, token=token))

    def delta(self, run: Run, sample: int = 10) -> Mapping[str, Delta]:
        """Compare what a verified run staged with what production shows, and write nothing.

        Args:
            run: The run.
            sample: How many rows of each table to show; none are shown of tables without a key.

        Returns:
            By table how many rows would be inserted, updated and deleted, and some of them, column by column.

        Raises:
            StateError: There is no such run, or it is not verified.
            PublishError: A newer generation came first, or a table of production cannot be compared.
        """
        with border(f"Comparing run {run.id} with production"):
            plan = plans.publication(self.state, run.id)
            return strategies.show(self._statements, self._names, plan, sample)

    def foreseen(
        self, run: Run, table: str, sums: Sequence[str], since: tuple[str, dt.date] | None = None
    ) -> tuple[int, Mapping[str, Decimal]]:
        """Return how many rows a table will have once a verified run is published, and what columns add up to.

        Args:
            run: The run.
            table: The table.
            sums: The columns; a float counts as the shortest decimal number that is read back as it.
            since: A column of days or times, and the day from which rows count.

        Raises:
            StateError: There is no such run, or nothing of it is staged.
            PublishError: A newer generation came first, or rows of the table cannot be changed.
        """
        with border(f"Computing figures of run {run.id}"):
            plan = plans.publication(self.state, run.id, of=("running", "ready"))
            return foreseen.read(self._statements, self._names, plan, table, sums=sums, since=since)

    def contrast(
        self,
        dataset: str,
        schema: str,
        tables: Sequence[str] | None = None,
        sample: int = 10,
        aliases: Mapping[str, Alias] = MappingProxyType({}),
    ) -> Contrasts:
        """Compare what production shows with the tables of another schema, in one snapshot, and write nothing.

        Args:
            dataset: Whose tables.
            schema: The other schema, of the same database.
            tables: Which tables; by default those that the dataset publishes here or there, and all others there.
            sample: How many rows and values of each class to show.
            aliases: What another pipeline calls tables, where they are not there under their own names.

        Raises:
            StateError: There is no such schema or table, or nothing to compare.
        """
        with border(f'Comparing production with schema "{schema}"'):
            return contrast.compare(self._statements, Schemas(self._names, schema, dataset, aliases), tables, sample)

    def rollback(self, dataset: str, to: int | None = None, *, of: int | None = None, why: str = "") -> Published:
        """Make an earlier generation visible again, in one transaction, under a new number.

        What it replaces is kept like what any publication replaces, so it can be brought back by another rollback or
        by ``publish(run, again=True)``.

        Args:
            dataset: The pipeline's name.
            to: The generation; by default the one before the rows that are visible. Before the first publication there
                may have been nothing: then tables leave production, but only when asked for as generation 0.
            of: The generation that is to be undone; another one that is visible by now is left alone.
            why: What is recorded of it.

        Raises:
            PublishError: It is not kept, or something would be lost. Production is unchanged.
            TargetUnavailable: The locks were not given in time; who holds them is named. Production is unchanged.
        """
        with self._timed("rollback"), border(f"Rolling back {dataset}", PublishError):
            check_target(self._statements, self._names)
            self.state.upgrade()
            return self._published(plans.rollback(self.state, self._statements, dataset, to, of=of, why=why))

    def discard(self, run: Run) -> Sequence[str]:
        """Drop what the run staged, and name the tables dropped.

        Raises:
            RunLocked: Another process works on it. Production is unchanged.
            StateError: There is no such run, or it was published. Production is unchanged.
            LoadError: Something depends on a staging table. Production is unchanged.
        """
        with border(f"Discarding run {run.id}"):
            self._stop(run)
            record = self.state.run(run.id)
            if record.status in ("published", "rolled_back"):
                raise StateError(f"Run {run.id} is {record.status}: nothing of it is staged.", "firn runs")
            if not self.state.hold(run.id):
                raise RunLocked(
                    f"Run {run.id} is worked on by another process. Production is unchanged.", "wait for it"
                )
            budget, schema = self._settings.lock_budget_ms, record.staging_schema
            shadows.clear(self._statements, self._names.state, budget)
            dropped = cleanup.drop_schema(self._statements, schema, budget) if schema else []
            self.state.finish(run.id, "discarded")
            self.state.set_unstaged(run.id)
            self.state.release(run.id)
            return dropped

    def _record(
        self,
        run: Run,
        staging: Staging,
        found: Digests,
        read: Sequence[PartRecord],
        taken: Sequence[PartRecord],
    ) -> None:
        keys = staging.dataset.parts
        if taken:
            copied = ledger.digests(self._statements, staging.schema, keys, staging.layouts)
            ledger.prove(taken, copied, run.pipeline)
        if read or taken:
            records = [*(ledger.with_digests(record, found, keys) for record in read), *taken]
            ledger.write(self._statements, self._names.state, run, records)

    def _lanes(self, staging: Staging) -> AbstractContextManager[Lanes]:
        """Use another connection where there is more than one table, and enough of them to be worth it."""
        rows = sum(sent.height for sent in staging.sent())
        number = _LANES if len(staging.layouts) > 1 and rows > _FEW else 1
        return several(self._statements, self._server.statements, number)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - started

    def _staged(self, run: Run) -> Staging:
        if run.id not in self._staging:
            raise StateError(f"Run {run.id} is not prepared here. Production is unchanged.", "prepare it first")
        return self._staging[run.id]

    def _stop(self, run: Run) -> None:
        """Wait until nothing of an earlier try is being sent any more: it would arrive in the tables of the next."""
        if run.id in self._staging:
            self._staging.pop(run.id).stop()

    def _made(self, schema: str, dataset: Dataset) -> Staging:
        asked = self._settings.rebuild_inbound_fks
        return make_staging(self._statements, self._names, self.state, schema, dataset, rebuild=asked)

    def _published(self, plan: Plan) -> Published:
        patience = Patience(self._settings.max_wait_s)
        done = Publishing(self._settings, plan, self._statements, self.state, self._connected, patience).run()
        self.seconds["wait"] = patience.slept
        return done

    def _connected(self) -> tuple[Statements, State]:
        self.connect()
        return self._statements, self.state
