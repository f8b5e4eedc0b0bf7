"""What firn remembers in the target: runs, generations and publications, written with the data they describe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier, Literal
from psycopg.types.json import Jsonb

from firn import Checksum, RunLocked, StateError
from loaders import queries

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from firn import Namespace, Run, StepRecord
    from loaders.connections import Statements

__all__ = ["Publication", "RunRecord", "State", "unknown_run"]

_SQL = queries.read("state.sql")
_VERSION = 5
_READABLE = 4  # what later versions added is read as not there


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the target remembers it.

    Attributes:
        run_id: The run's name.
        pipeline: The pipeline's name, which is also the dataset's.
        status: ``running``, ``extracted``, ``ready``, ``sample``, ``unchanged``, ``published``, ``failed``,
            ``discarded`` or ``rolled_back``.
        started_at: When it started.
        finished_at: When its end was recorded.
        generation: The generation that was visible when it was staged.
        staging_schema: Where its tables were staged.
        tables: Per table its rows and what it carries.
        report: What the engine recorded of it.
        error: Why it failed.
        published_as: The generation as which it was last published.
        wal_start: Where the server's log was when it began to stage.
        cursors: How far it has read its sources, by name.
        attempts: How often it began: once, and once more for every time that it was resumed.
        began_on: The generation that was visible when it began first.
        resumed_from: The phase at which the attempt before the last ended.
        asked: How it was asked for, as the command line resumes it.
        settings: Its settings, without secrets.
        fingerprints: Those of its ``inputs``, ``code`` and ``settings``.
    """

    run_id: str
    pipeline: str
    status: str
    started_at: dt.datetime
    finished_at: dt.datetime | None = None
    generation: int | None = None
    staging_schema: str | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] | None = None
    error: str | None = None
    published_as: int | None = None
    wal_start: str | None = None
    cursors: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    began_on: int | None = None
    resumed_from: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """A generation that was made visible.

    Attributes:
        dataset: Whose generation it is.
        generation: Its number.
        run_id: The run whose rows became visible; empty for tables that were there before firn.
        kind: ``published``, ``republished`` or ``rolled_back``.
        family: ``swap`` or ``changes``.
        reason: Why so.
        tables: Per table its rows, what it carries, its strategy, and the generation that made its rows.
        previous_schema: What keeps the generation that it replaced: its tables, or the changes that lead back to it.
        locked_ms: How long production was locked.
        attempts: How often the locks were asked for.
        longest_wait_ms: The longest that anybody can have waited behind it.
        wal_bytes: How much the server wrote to its log from the first staged row to the commit.
        published_at: When.
        cursors: How far the sources were read for it, by name.
        origin: The generation as which its rows were first published; 0 for what was there before firn. Generations of
            one origin are the same rows.
        touched: The tables that it replaced, changed, or took out of production; all others stayed as they were.
        wal_lsn: Where the server's log was just before it was committed: who recovers to there, and not beyond, has
            what production showed before it.
    """

    dataset: str
    generation: int
    run_id: str
    kind: str
    tables: Mapping[str, Any]
    previous_schema: str | None
    locked_ms: float
    attempts: int
    longest_wait_ms: float
    wal_bytes: int
    family: str
    reason: str
    published_at: dt.datetime
    cursors: Mapping[str, Any]
    origin: int
    touched: Sequence[str]
    wal_lsn: str | None = None


class State:
    """Reads and writes the state schema of one namespace.

    Args:
        connection: Where the statements go.
        namespace: Whose ``state`` schema it is.
    """

    def __init__(self, connection: Statements, namespace: Namespace) -> None:
        self._connection = connection
        schema = Identifier(namespace.state)
        parts = {name: _SQL[name].format(state=schema) for name in ("origin", "held", "leased")}
        self._names = {"state": schema, **parts}
        self._namespace = namespace

    def exists(self) -> bool:
        """Tell whether anything was ever recorded here, also by an older firn, whose state is left as it is.

        Raises:
            StateError: It was recorded by a firn that is newer or too old, or for another production schema.
        """
        version = self._version()
        if 0 < version < _READABLE:
            raise StateError(
                f'State in schema "{self._namespace.state}" has version {version}, made by an older firn; the next '
                f"run makes version {_VERSION} of it. Production is unchanged.",
                f"firn run {next(iter(self.datasets()), 'PIPELINE')}",
            )
        return version > 0

    def is_present(self) -> bool:
        """Tell whether the state tables are there with all that this firn knows, also what an older one did not have.

        Raises:
            StateError: They were made by a newer firn, or for another production schema.
        """
        return self._version() == _VERSION

    def make(self) -> None:
        """Make the state tables where they are missing, also those that an older firn did not have.

        Raises:
            StateError: They were made by a newer firn, or for another production schema.
        """
        if self._version() < _VERSION:
            values = {
                "number": Literal(_VERSION),
                "production": Literal(self._namespace.production),
                "environment": Literal(self._namespace.environment),
            }
            self._connection.execute(_SQL["make"].format(**values, **self._names))

    def upgrade(self) -> None:
        """Add to state tables that an older firn made what this one needs; make none.

        Raises:
            StateError: They were made by a newer firn, or for another production schema.
        """
        if self._version():
            self.make()

    def start(self, run: Run, *, ours: bool = False) -> None:
        """Record that a run is running; a failed or discarded one may start again.

        Args:
            run: The run.
            ours: Whether this process is known to work on it, also where an earlier session of it lingers.

        Raises:
            RunLocked: Another process works on this run.
            StateError: A run of this name is ready or was published, or its pipeline is disabled.
        """
        self.refuse_disabled(run.pipeline)
        if not self.hold(run.id) and not ours:
            raise RunLocked(f"Run {run.id} is worked on by another process. Production is unchanged.", "wait for it")
        values = {"run": run.id, "pipeline": run.pipeline, "started_at": run.started_at}
        if not self._rows("start", **values):
            raise StateError(
                f"Run {run.id} is {self.run(run.id).status} and cannot start again. Production is unchanged.",
                f"firn publish {run.id} or firn discard {run.id}",
            )
        self._do("dataset", dataset=run.pipeline)
        self._do("bury")

    def attempt(
        self, run_id: str, asked: Mapping[str, Any], settings: Mapping[str, Any], fingerprints: Mapping[str, str]
    ) -> int:
        """Record that a run is attempted, and how it was asked for; return which attempt it is, counted from 1."""
        told = {"asked": Jsonb(asked), "settings": Jsonb(settings), "fingerprints": Jsonb(fingerprints)}
        return int(self._row("attempt", run=run_id, **told).attempts)

    def set_fingerprints(self, run_id: str, fingerprints: Mapping[str, str]) -> None:
        """Record what a run is made of, in addition to what is recorded."""
        self._do("fingerprints", run=run_id, fingerprints=Jsonb(fingerprints))

    def record(self, run_id: str, steps: Iterable[StepRecord]) -> None:
        """Record steps of the attempt that goes on, in place of what was recorded of them in it."""
        values = [{"run": run_id, **asdict(step)} for step in steps]
        with self._connection.cursor() as cursor:
            cursor.executemany(_SQL["step"].format(**self._names), values)

    def steps(self, run_id: str) -> Sequence[dict[str, Any]]:
        """Return what is recorded of the steps of a run, in the order in which they began."""
        return [row._asdict() for row in self._rows("steps", run=run_id)] if self.is_present() else []

    def tell(self, run_id: str, report: Mapping[str, Any]) -> None:
        """Record how far a run is that goes on."""
        self._do("tell", run=run_id, report=Jsonb(report))

    def finish(
        self, run_id: str, status: str | None = None, report: Mapping[str, Any] | None = None, error: str = ""
    ) -> None:
        """Record how a run ended; one that was published stays so.

        Args:
            run_id: The run.
            status: Its new status; by default the one that it has.
            report: What the engine has to say of it.
            error: Why it failed.
        """
        self._do(
            "finish", run=run_id, status=status, report=None if report is None else Jsonb(report), error=error or None
        )

    def forget(self, run_id: str) -> None:
        """Record no longer that a run began; one that has staged anything stays recorded."""
        self._do("forget", run=run_id)

    def set_staging(self, run_id: str, schema: str, generation: int, tables: Mapping[str, Any]) -> None:
        """Record where a run stages, on top of which generation, and what its tables will carry."""
        self._do("staging", run=run_id, schema=schema, generation=generation, tables=Jsonb(tables))

    def set_unstaged(self, run_id: str) -> None:
        """Record that a run's staging tables are gone."""
        self._do("unstaged", run=run_id)

    def set_verified(self, run_id: str, tables: Mapping[str, Any], cursors: Mapping[str, Any]) -> None:
        """Record what was verified of what was staged, and how far its sources were read."""
        self._do("verified", run=run_id, tables=Jsonb(tables), cursors=Jsonb(cursors))

    def set_ready(self, run_id: str) -> None:
        """Record that a run can be published."""
        self._do("ready", run=run_id)

    def runs(self, pipeline: str | None = None, limit: int = 20) -> Sequence[RunRecord]:
        """Return the latest runs, of one pipeline or of all, newest first."""
        return [RunRecord(**row._asdict()) for row in self._rows("runs", pipeline=pipeline, limit=limit)]

    def run(self, run_id: str) -> RunRecord:
        """Return one run.

        Raises:
            StateError: There is none of this name; the closest names are listed.
        """
        made = self.exists()
        for row in self._rows("run", run=run_id) if made else []:
            return RunRecord(**row._asdict())
        raise unknown_run(run_id, [row.run_id for row in self._rows("run_ids")] if made else [])

    def success_before(self, run_id: str) -> RunRecord | None:
        """Return the latest run of the pipeline of another that began before it and went well."""
        return next((self.run(row.run_id) for row in self._rows("success_before", run=run_id)), None)

    def generation(self, dataset: str) -> int:
        """Return the number of the visible generation, 0 before the first publication."""
        rows = self._rows("generation", dataset=dataset) if self.exists() else []
        return next((int(row.generation) for row in rows), 0)

    def owners(self, dataset: str, tables: Iterable[str]) -> Mapping[str, str]:
        """Return which of the tables are published by another dataset, and by which."""
        rows = self._rows("owners", dataset=dataset, tables=list(tables)) if self.exists() else []
        return {row.name: row.dataset for row in rows}

    def current(self, dataset: str) -> Publication | None:
        """Return what is recorded of the visible generation."""
        return self.publication(dataset, self.generation(dataset))

    def publication(self, dataset: str, generation: int) -> Publication | None:
        """Return what is recorded of a generation; nothing of those before the first publication."""
        if generation < 1:
            return None
        rows = self._rows("publication", dataset=dataset, generation=generation)
        return next((Publication(**row._asdict()) for row in rows), None)

    def publications_of(self, run_id: str) -> Sequence[Publication]:
        """Return the publications that made a run's rows visible, newest first."""
        rows = self._rows("publications_of", run=run_id) if self.exists() else []
        return [Publication(**row._asdict()) for row in rows]

    def hold(self, run_id: str) -> bool:
        """Show other sessions that this one works on the run, until `release` or until it ends."""
        return bool(self._row("hold", run=run_id).held)

    def release(self, run_id: str) -> None:
        """Undo one `hold`."""
        self._do("release", run=run_id)

    def is_held(self, run_id: str) -> bool:
        """Tell whether a session works on a run."""
        return any(row.held for row in self._rows("is_held", run=run_id))

    def is_leased(self, run_id: str) -> bool:
        """Tell whether a run has its pipeline, and goes on though its session may be lost."""
        return self.is_present() and any(row.leased for row in self._rows("is_leased", run=run_id))

    def unpublished(self, run_id: str) -> Mapping[str, str]:
        """Return the staging schemas of verified runs of its pipeline whose processes ended before they published."""
        return {row.run_id: row.schema for row in self._rows("unpublished", run=run_id)}

    def unfinished(self) -> Mapping[str, str]:
        """Return the staging schemas of the runs that are running, failed or died."""
        return {row.run_id: row.staging_schema for row in self._rows("unfinished")}

    def emptied(self) -> Sequence[str]:
        """Return the staging schemas of published runs, which are left where a process died after its commit."""
        return [row.name for row in self._rows("emptied")]

    def staged(self) -> Sequence[Any]:
        """Return run, pipeline, status and schema of everything staged that nobody can publish."""
        return self._rows("staged")

    def stale(self) -> Sequence[Any]:
        """Return the ready runs that a newer generation has overtaken: run, pipeline, both generations."""
        return self._rows("stale") if self.exists() else []

    def datasets(self) -> Sequence[str]:
        """Return every dataset that anything was recorded of."""
        return [row.dataset for row in self._rows("datasets")]

    def schemas(self) -> set[str]:
        """Return the names of all schemas that were ever made for staging or to keep a generation."""
        return {row.name for row in self._rows("schemas")} if self.exists() else set()

    def publications(self, dataset: str) -> Sequence[Publication]:
        """Return the publications since the earliest that is kept, and the one before that, newest first."""
        rows = self._rows("publications", dataset=dataset) if self.exists() else []
        return [Publication(**row._asdict()) for row in rows]

    def origins(self, dataset: str) -> Mapping[int, int]:
        """Return, for every generation ever, the one as which its rows were first published."""
        rows = self._rows("origins", dataset=dataset) if self.exists() else []
        return {0: 0, **{int(row.generation): int(row.origin) for row in rows}}

    def kept(self, dataset: str) -> Mapping[str, Mapping[str, int]]:
        """Return the schemas that keep earlier generations, newest first, with their tables and the bytes of each."""
        schemas: dict[str, dict[str, int]] = {}
        for row in self._rows("kept", dataset=dataset) if self.exists() else []:
            tables = schemas.setdefault(row.schema, {})
            if row.table is not None:
                tables[row.table] = int(row.bytes)
        return schemas

    def cursors(self, dataset: str) -> Mapping[str, Any]:
        """Return how far the sources were read for what production shows, by name."""
        rows = self._rows("cursors", dataset=dataset) if self.exists() else []
        return {row.name: row.watermark for row in rows}

    def act(self, action: str, dataset: str, run_id: str | None = None, detail: str = "") -> None:
        """Record what somebody did; who, and from where, the session knows."""
        self._do("act", action=action, dataset=dataset, run=run_id, detail=detail)

    def disable(self, dataset: str, reason: str) -> None:
        """Have nothing of a dataset published from now on; who does so, the session knows."""
        self._do("disable", dataset=dataset, reason=reason)

    def enable(self, dataset: str) -> bool:
        """Have a dataset published again; tell whether it was disabled."""
        return bool(self._rows("enable", dataset=dataset))

    def disabled(self, dataset: str | None = None) -> Sequence[dict[str, Any]]:
        """Return who disabled a dataset, or any, when, and why; nothing of those that are not."""
        rows = self._rows("disabled", dataset=dataset) if self.is_present() else []
        return [row._asdict() for row in rows]

    def refuse_disabled(self, dataset: str) -> None:
        """Go on where a dataset may be published.

        Raises:
            StateError: It is disabled; the message says by whom, since when and why.
        """
        for found in self.disabled(dataset):
            raise StateError(
                f"Pipeline {dataset} is disabled since {found['at']:%Y-%m-%d %H:%M:%S} UTC, by "
                f"{found['person'] or 'somebody'} as role {found['role']}: {found['reason']}. Production is unchanged.",
                f"mend the cause, then: firn enable {dataset}",
            )

    def acts(self, dataset: str | None, limit: int) -> Sequence[dict[str, Any]]:
        """Return what was done to a dataset, or to any, the latest first."""
        rows = self._rows("acts", dataset=dataset, limit=limit) if self.exists() else []
        return [row._asdict() for row in rows]

    def keep_backup(self, **known: object) -> None:
        """Record a backup that was taken: the columns of table ``backup`` up to ``verified_at``."""
        self._do("backed_up", **known)

    def keep_drill(self, name: str, seconds: float) -> None:
        """Record that a backup was restored for practice, and proven, just now."""
        self._do("drilled", name=name, seconds=seconds)

    def keep_drop(self, name: str) -> None:
        """Record that a backup was dropped, to make room for later ones."""
        self._do("dropped", name=name)

    def backups(self) -> Sequence[dict[str, Any]]:
        """Return what is recorded of the backups taken here, the latest first."""
        return [row._asdict() for row in (self._rows("backups") if self.is_present() else [])]

    def elsewhere(self) -> Mapping[tuple[str, str], Checksum]:
        """Return what was recorded last of what lies outside the environment, by schema and object."""
        rows = [row._asdict() for row in self._rows("elsewhere")]
        return {(row.pop("schema"), row.pop("object")): Checksum(**row) for row in rows}

    def set_elsewhere(self, checksums: Mapping[tuple[str, str], Checksum]) -> None:
        """Record what lies outside the environment, in place of what was recorded."""
        found = [{"schema": s, "object": o, **asdict(one)} for (s, o), one in checksums.items()]
        self._do("set_elsewhere", found=Jsonb(found))

    def wait_for(self, dataset: str) -> None:
        """Return once no publication of the dataset is under way."""
        self._do("wait_for", dataset=dataset)

    def _version(self) -> int:
        """Return the version of the state tables, 0 where there are none; refuse those of a newer firn."""
        state = self._namespace.state
        table = Identifier(state, "version").as_string(self._connection)
        if self._connection.execute("SELECT to_regclass(%s) AS found", [table]).fetchall()[0].found is None:
            return 0
        found = self._row("version")
        if found.version > _VERSION:
            raise StateError(
                f'State in schema "{state}" has version {found.version}, this firn knows {_VERSION}. '
                "Production is unchanged.",
                "install the newer firn that wrote it",
            )
        if found.production != self._namespace.production:
            raise StateError(
                f'State in schema "{state}" is that of production schema "{found.production}", not of '
                f'"{self._namespace.production}". Production is unchanged.',
                "give each production schema a state schema of its own",
            )
        if found.environment != self._namespace.environment:
            raise StateError(
                f'State in schema "{state}" is that of environment {found.environment}, not of '
                f"{self._namespace.environment}. Production is unchanged.",
                "give each environment a state schema of its own, or another database",
            )
        return int(found.version)

    def _do(self, name: str, /, **values: object) -> None:
        self._connection.execute(_SQL[name].format(**self._names), values)

    def _rows(self, name: str, /, **values: object) -> list[Any]:
        return self._connection.execute(_SQL[name].format(**self._names), values or None).fetchall()

    def _row(self, name: str, /, **values: object) -> Any:  # noqa: ANN401 (a named tuple made by psycopg)
        return self._rows(name, **values)[0]


def unknown_run(run_id: str, known: Sequence[str]) -> StateError:
    """Return the error for a run that nobody recorded, with the names that come closest."""
    close = get_close_matches(run_id, known, n=3, cutoff=0.5)
    return StateError(
        f"There is no run {run_id}. Production is unchanged.",
        f"did you mean {', '.join(close)}?" if close else "firn runs",
    )
