"""Publishes by changing rows of the tables that are there: everything on the tables stays, and nobody sees half of it.

Writers of the tables wait from the first lock to the commit, readers do not. A reader sees the rows of its snapshot
exactly. Only who reads several tables in several statements, each with a snapshot of its own, could see the old rows of
one and the new rows of another: the barrier makes such readers finish first, and lasts as long as the commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from typing import Literal as OneOf

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import PublishError
from loaders import (
    companions,
    delta,
    evolution,
    inventory,
    lease,
    policies,
    publish,
    quarantine,
    queries,
    references,
    refreshes,
    shapes,
    wanted,
)
from loaders.approval import refuse_taken
from loaders.blockers import Blockers
from loaders.locks import BLOCKED, Locks
from loaders.sqlstates import primary
from loaders.state import State
from loaders.writes import Writes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.delta import Change, Counts
    from loaders.publish import Plan
    from loaders.refreshes import MaterializedView
    from loaders.shapes import Shape

__all__ = ["Changes", "Isolation"]

_SQL = queries.read("changes.sql")
_NOTHING = SQL("SELECT")
_NULL = Composed([SQL("NULL")])
Isolation = OneOf["strict", "read_committed"]
_WRITING = (
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)


@dataclass(slots=True)
class Changes:
    """The loop that asks for the locks until the publication is done, refused, or late.

    Attributes:
        connection: Where statements go.
        namespace: The schemas.
        plan: The publication.
        previous: Where the changes are written down that lead back.
        locks: The locks on production.
        isolation: ``strict`` lets readers of several tables finish before the new rows appear; ``read_committed`` makes
            no reader wait.
        refresh_views: Whether materialized views that read the tables change in the same commit.
        terminable: Roles and application names whose sessions may be ended at last.
    """

    connection: Statements
    namespace: Namespace
    plan: Plan
    previous: str
    locks: Locks
    isolation: Isolation = "strict"
    refresh_views: bool = True
    terminable: Sequence[str] = ()
    _blockers: Blockers = field(init=False)
    _ended: bool = False
    _present: list[str] = field(default_factory=list)
    _views: Sequence[MaterializedView] = ()
    _counts: dict[str, Counts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan, state = self.plan, State(self.connection, self.namespace)
        self._blockers = Blockers(
            self.connection, state, plan.dataset, plan.run_id, self.terminable, self.locks.patience
        )

    def run(self) -> None:
        """Publish.

        Raises:
            PublishError: It is refused, or another generation came first. Production is unchanged.
            TargetUnavailable: The locks were not given in time; those who hold them are named. Production is unchanged.
        """
        refuse_taken(self.connection, self.namespace, self.plan.dataset, self.plan.names)
        self._present = sorted(self._shapes())
        try:
            while not (self.locks.are_free(self._present, _WRITING) and self._done()):
                self._pause(ended=self._ended or self._blockers.end(self.locks.holders(self._present, _WRITING)))
                self._ended = False
        finally:
            if not self.connection.broken:
                self.connection.rollback()

    def _pause(self, *, ended: bool = False) -> None:
        if not self.locks.patience.pause() and not ended:
            raise self.locks.late(self._present)

    def _done(self) -> bool:
        """Publish if the locks are given; otherwise leave everything as it was."""
        self.locks.attempts += 1
        try:
            self._begin()
            self._change()
            if self._committed():
                return True
        except psycopg.Error as exc:
            if exc.sqlstate is None or self.connection.broken:
                raise  # whether it was done is not known; only the record can tell
            self.connection.rollback()
            self._answer(exc)
        self.connection.rollback()
        return False

    def _answer(self, exc: psycopg.Error) -> None:
        """Let the loop go on where that can help.

        Raises:
            PublishError: It cannot.
        """
        if exc.sqlstate in (publish.FENCED, publish.DISABLED):
            raise publish.fenced(self.plan, exc)
        if exc.sqlstate == publish.OVERTAKEN:
            raise lease.lost(self.plan.run_id, self.plan.dataset) from exc
        if exc.sqlstate == "42501":
            raise _not_allowed(exc) from exc
        if exc.sqlstate not in BLOCKED:
            raise exc
        self.locks.refused(self._present)

    def _begin(self) -> None:
        found = self._shapes()
        self._present = sorted(found)
        message = _SQL["begin"].format(
            dataset=Literal(self.plan.dataset),
            budget=Literal(f"{self.locks.budget()}ms"),
            fence=publish.quoted(self.connection, publish.fence(self.namespace.state, self.plan)),
            lock=self._lock(found),
            lock_private=self._lock_private(),
        )
        self.connection.execute(message)

    def _lock(self, found: Mapping[str, Shape]) -> Composed | SQL:
        if not found:
            return _NOTHING
        sequences = sorted(self._sequences(found).values())
        tables = SQL(", ONLY ").join(Identifier(self.namespace.production, name) for name in sorted(found))
        lock = _SQL["lock"].format(tables=tables, sequences=Literal(sequences), exclusive=self._lock_evolving(found))
        return SQL("DO {}").format(publish.quoted(self.connection, lock))

    def _lock_evolving(self, found: Mapping[str, Shape]) -> Composed | SQL:
        """Keep readers out of tables that are given columns, which would otherwise wait for them without an end."""
        evolving = self._evolving(found)
        if not evolving:
            return SQL("")
        tables = SQL(", ONLY ").join(Identifier(self.namespace.production, name) for name in sorted(evolving))
        return _SQL["lock_evolving"].format(tables=tables)

    def _evolving(self, found: Mapping[str, Shape]) -> dict[str, dict[str, str]]:
        """Return the columns of the tables that lack some, or have narrower or stricter ones, and may be given them."""
        tables = {} if self.plan.back else self.plan.tables
        names = [name for name, table in tables.items() if name in found and table.get("evolves")]
        staged = shapes.read(self.connection, self.plan.source, names) if names else {}
        types = {name: {c: staged[name].columns[c].type for c in tables[name]["columns"]} for name in names}
        ways = (evolution.missing, evolution.retyped, evolution.relaxed)
        return {name: own for name, own in types.items() if any(way(found[name], own) for way in ways)}

    def _evolve(self) -> None:
        found, production = self._shapes(), self.namespace.production
        for name, types in self._evolving(found).items():
            evolution.refuse_used(self.connection, production, found[name], types)
            evolution.evolve(self.connection, production, found[name], types)

    def _lock_private(self) -> Composed | SQL:
        """Keep a loader that was given up from writing to the staging tables after they were counted."""
        if self.plan.back:
            return _NOTHING
        tables = delta.joined(Identifier(self.plan.source, name) for name in sorted(self.plan.tables))
        return _SQL["lock_private"].format(tables=tables)

    def _change(self) -> None:
        """Write down what differs, apply it, and record it."""
        if not self.plan.back:
            publish.check_rows(self.connection, self.plan)
        self._make_schemas()
        self._evolve()
        found, production = self._shapes(), self.namespace.production
        changes = wanted.changes(self.connection, self.namespace, self.plan, found, self._kept)
        before = {name: inventory.count(self.connection, production, name) for name in changes}
        self._counts = {name: delta.write(self.connection, change) for name, change in changes.items()}
        self._refuse_deletes(before)
        keys = references.read(self.connection, production, changes)
        Writes(self.connection, production, changes, self._counts, found, keys).run()
        after = self._counted(before)
        self._advance(found)
        self._refresh()
        self._record(changes, after)

    @property
    def _kept(self) -> str:
        """The schema in which changes are written down; for tables that were not there nothing leads back."""
        return self.previous if self._present else "pg_temp"

    def _make_schemas(self) -> None:
        wanted = [self.namespace.production, *([self.previous] if self._present else [])]
        for schema in wanted:
            self.connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(schema)))
        if not self.plan.back:
            for name in sorted(set(self.plan.tables) - set(self._present)):
                self._make_table(name)

    def _make_table(self, name: str) -> None:
        """Make a table that production lacks like its staging table, empty: so old snapshots see no row of it."""
        table, staged = Identifier(self.namespace.production, name), Identifier(self.plan.source, name)
        self.connection.execute(_SQL["create"].format(table=table, staged=staged))
        values = {"schema": self.plan.source, "table": name}
        for row in self.connection.execute(_SQL["constraints"], values).fetchall():
            names = {"table": table, "name": Identifier(row.name), "definition": SQL(row.definition)}
            self.connection.execute(_SQL["constrain"].format(**names))

    def _refuse_deletes(self, before: Mapping[str, int]) -> None:
        """Refuse to delete more of a table than its dataset allows: a source that is half empty is an accident."""
        for name, counts in self._counts.items() if self.plan.kind == "published" else ():
            share = self.plan.tables[name].get("deletes", self.plan.deletes)
            gone = counts["deleted"] - (counts["inserted"] if self._strategy(name) == "rewrite" else 0)
            if gone > share * before[name]:
                raise PublishError(
                    f'{gone} of the {before[name]} rows of table "{name}" would be deleted; at most '
                    f"{share:.0%} may be in one publication. Production is unchanged.",
                    f"firn diff {self.plan.run_id} shows them; a share of {gone / before[name]:.2f} allows them: "
                    "deletes of the pipeline, or the setting may_delete of a replication",
                )

    def _strategy(self, name: str) -> str:
        return str(self.plan.tables[name].get("strategy", "diff"))

    def _counted(self, before: Mapping[str, int]) -> dict[str, int]:
        """Return how many rows the tables now hold, and make sure that nothing else took or brought any."""
        after = {}
        for name, counts in self._counts.items():
            after[name] = inventory.count(self.connection, self.namespace.production, name)
            expected = before[name] + counts["inserted"] - counts["deleted"]
            if after[name] != expected:
                raise PublishError(
                    f'Table "{name}" would hold {after[name]} rows and not {expected}: a trigger or a rule of '
                    "production added or deleted some. Production is unchanged.",
                    f'look at the triggers and rules of "{name}" and of the tables around it, then run again',
                )
        return after

    def _sequences(self, found: Mapping[str, Shape]) -> dict[tuple[str, str], str]:
        """Return the sequences that give numbers to columns which firn writes, by table and column."""
        return {
            (name, column.name): column.sequence
            for name, shape in found.items()
            for column in shape.columns.values()
            if column.sequence and column.name in self.plan.tables.get(name, {}).get("columns", ())
        }

    def _advance(self, found: Mapping[str, Shape]) -> None:
        """Move sequences past the numbers that were written, so that the next number is free."""
        for (name, column), sequence in self._sequences(found).items():
            if self._counts.get(name, {}).get("inserted"):
                parts = {"column": Identifier(column), "table": Identifier(self.namespace.production, name)}
                self.connection.execute(
                    _SQL["advance"].format(sequence=Literal(sequence), sequence_name=SQL(sequence), **parts)
                )

    @property
    def _changed(self) -> list[str]:
        return sorted(name for name, counts in self._counts.items() if any(counts.values()))

    def _refresh(self) -> None:
        self._views = []
        if self.refresh_views and self._changed:
            self._views = refreshes.read(self.connection, self.namespace.production, self._changed)
            self.locks.beside = [view.oid for view in self._views]
            refreshes.check(self._views)
        if self._views:
            # Each is filled as its owner, whom policies may rightly restrict.
            self.connection.execute("SET LOCAL row_security = on")
        for view in self._views:
            self.connection.execute(view.refresh())

    def _record(self, changes: Mapping[str, Change], after: Mapping[str, int]) -> None:
        tables = {name: self._told(name, recorded, changes, after) for name, recorded in self.plan.tables.items()}
        state, production = self.namespace.state, self.namespace.production
        kept = self.previous if self._present else None
        self.connection.execute(companions.added(production, production, tables))
        self.connection.execute(quarantine.followed(state, replace(self.plan, source=production)))
        self.connection.execute(publish.record(state, self.plan, kept, tables))
        if kept is None:
            for change in changes.values():
                written = delta.joined(table for table in (change.kept, change.aside) if table is not None)
                self.connection.execute(SQL("DROP TABLE IF EXISTS {}").format(written))

    def _told(
        self, name: str, recorded: Mapping[str, Any], changes: Mapping[str, Change], after: Mapping[str, int]
    ) -> dict[str, Any]:
        """Return what is recorded of a table: what a later rollback must find is the content of one without a key."""
        if name not in changes:
            return dict(recorded)
        told = {**recorded, "rows": after[name], "changes": self._counts[name]}
        if recorded.get("policy") and self.plan.kind == "published":
            told["settled"] = policies.figures(recorded["policy"], recorded["rows"], *self._before(name, after))
        if changes[name].strategy == "rewrite":
            told["content"] = delta.content(self.connection, changes[name].present)[1]
        return told

    def _before(self, name: str, after: Mapping[str, int]) -> tuple[int, int]:
        """Return how many rows a table held, and how many have come."""
        counts = self._counts[name]
        return after[name] - counts["inserted"] + counts["deleted"], counts["inserted"]

    def _committed(self) -> bool:
        """Commit, in the same message as the last locks; tell whether it was done.

        Raises:
            TargetUnavailable: The locks were not given in time; those who hold them are named.
        """
        strict = self.isolation == "strict"
        while True:
            if not strict or self.locks.are_free(self._changed):
                try:
                    self.connection.execute(self._message(strict=strict))
                except psycopg.Error as exc:
                    if exc.sqlstate not in BLOCKED or self.connection.broken:
                        raise
                    self.connection.execute(_SQL["barrier_undo"])
                    self.locks.refused(self._changed)
                else:
                    return True
                self.locks.attempts += 1
            if self._is_waited_for() or self._is_due():
                return False
            self._pause()

    def _is_due(self) -> bool:
        """End sessions that may be ended; only without a transaction is each surely recorded, so the work is lost."""
        if not self._blockers.is_due:
            return False
        holders = self.locks.holders(self._changed)
        self.connection.rollback()
        self._ended = self._blockers.end(holders)
        return True

    def _is_waited_for(self) -> bool:
        values = {"schema": self.namespace.production, "tables": self._present}
        return bool(self.connection.execute(_SQL["waited_for"], values).fetchall()[0].found)

    def _message(self, *, strict: bool) -> Composed:
        return _SQL["barrier"].format(
            budget=Literal(f"{self.locks.budget()}ms"),
            lock=self._barrier() if strict else _NOTHING,
            views=self._pointed(),
            clock=publish.clock(self.namespace.state, self.plan, self.locks),
        )

    def _barrier(self) -> Composed | SQL:
        """Return the statement that waits for whoever has read one of the tables; it locks as readers do."""
        production = self.namespace.production
        if not self._changed:
            return _NOTHING
        own = [
            _SQL["give"].format(view=Identifier(production, name), owner=Identifier(owner))
            for name, owner in self._own_views().items()
        ]
        views = SQL(";\n    ").join([*own, *(view.lock() for view in reversed(self._views))] or [_NULL])
        tables = SQL(", ONLY ").join(Identifier(production, name) for name in self._changed)
        lock = _SQL["barrier_lock"].format(views=views, tables=tables)
        return SQL("DO {}").format(publish.quoted(self.connection, lock))

    def _pointed(self) -> Composed | SQL:
        """Return the statements that make the views over companions, where they are not what they should be."""
        remade = companions.remade(companions.marked(self.plan.tables), self.plan.shown)
        right = [name for name in self._own_views() if name not in remade]
        return companions.pointed(self.namespace.production, self.plan.tables, self.plan.shown, right)

    def _own_views(self) -> dict[str, str]:
        """Return the views that firn made and that are there, with their owners: others may have given them away."""
        values = {"schema": self.namespace.production, "views": companions.views(self.plan.shown)}
        return {row.name: row.owner for row in self.connection.execute(_SQL["views"], values).fetchall()}

    def _shapes(self) -> dict[str, Shape]:
        return shapes.read(self.connection, self.namespace.production, self.plan.names)


def _not_allowed(exc: psycopg.Error) -> PublishError:
    return PublishError(
        f"A right is missing: {primary(exc)}. Production is unchanged.",
        "ask the owner of what is named for the right; where a row-level security policy is named, firn's role must "
        "see every row: ALTER ROLE with BYPASSRLS",
    )
