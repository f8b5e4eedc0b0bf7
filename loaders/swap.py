"""Publishes by putting other tables in place: every table of a publication is moved in one short transaction.

The whole transaction is one message, so a client that freezes or dies in the middle holds no lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import companions, completion, dependents, dressing, inventory, lease, publish, quarantine, queries
from loaders.approval import approve
from loaders.bindings import Bindings
from loaders.blockers import Blockers
from loaders.dressing import Dressing
from loaders.horizon import wait_until_passed
from loaders.locks import BLOCKED, Locks, asked
from loaders.shadows import Shadows
from loaders.state import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.dressing import Outward
    from loaders.inventory import Item
    from loaders.publish import Plan

__all__ = ["Swap"]

_SQL = queries.read("swap.sql")
# A schema, relation, function or other object of the message is not there any more.
_GONE = ("3F000", "42P01", "42883", "42704")


@dataclass(slots=True)
class Swap:
    """The loop that asks for the locks until the publication is done, refused, or late.

    Attributes:
        connection: Where statements go.
        namespace: The schemas.
        plan: The publication.
        previous: Where the tables go that it replaces.
        locks: The locks on production.
        rebuild: Whether foreign keys of tables outside the publication are made anew.
        terminable: Roles and application names whose sessions may be ended at last.
    """

    connection: Statements
    namespace: Namespace
    plan: Plan
    previous: str
    locks: Locks
    rebuild: bool = False
    terminable: Sequence[str] = ()
    _approved: str = ""
    _present: list[str] = field(default_factory=list)
    _bindings: Bindings = field(default_factory=lambda: Bindings([], [], [], [], []))
    _following: Collection[str] = ()
    _outward: list[Outward] = field(default_factory=list)
    _shadows: Shadows = field(init=False)
    _blockers: Blockers = field(init=False)

    def __post_init__(self) -> None:
        plan, state = self.plan, State(self.connection, self.namespace)
        self._shadows = Shadows(self.connection, self.namespace.state, plan.dataset, plan.source, self.locks)
        self._blockers = Blockers(
            self.connection, state, plan.dataset, plan.run_id, self.terminable, self.locks.patience
        )

    def run(self) -> None:
        """Publish.

        Raises:
            PublishError: Something would be lost, or another generation came first. Production is unchanged.
            TargetUnavailable: The locks were not given in time; those who hold them are named. Production is unchanged.
        """
        if self.plan.kind == "published":  # kept tables are not counted: a rollback takes no longer for more rows
            publish.check_rows(self.connection, self.plan)
        carried = inventory.marks(self.namespace.production, self.plan.names)
        marks = dependents.marks(self.namespace.production, self.plan.names)
        self.connection.execute(_SQL["prepare"].format(carried=carried, marks=marks))
        try:
            self._approve()
            if self.plan.kind == "published":  # the tables of other kinds are older than every snapshot
                wait_until_passed(self.connection, self.namespace.state, self.locks.patience, self._blockers.end)
            while not (self._is_ready() and self._moved()):
                ended = self._blockers.end(self.locks.holders(self._present))
                if not self.locks.patience.pause() and not ended:
                    raise self.locks.late(self._present)
        finally:
            if not self.connection.broken:
                self._shadows.drop()
                self.connection.execute(_SQL["deallocate"])

    def _approve(self) -> None:
        """Refuse what would be lost, and remember what production carries so that a later change is noticed."""
        self._approved = self.connection.execute(_SQL["digest"]).fetchall()[0].digest
        self._present, self._bindings, self._following = approve(
            self.connection,
            self.namespace,
            self.plan.dataset,
            self.plan.names,
            self._dressed(),
            beside=companions.marked(self.plan.tables),
            leaving=[name for name in self.plan.names if name not in self.plan.tables],
            rebuild=self.rebuild,
        )
        self._outward = dressing.outward(self.connection, self.namespace.production, self._present)
        self.locks.beside = [*self._bindings.oids, *(reference.oid for reference in self._outward)]

    def _dressed(self) -> list[Item]:
        """Make the tables carry what production carries, and return what that is."""
        own, names = inventory.items(self.plan.tables), self.namespace
        known, tables = inventory.items(self.plan.shown), list(self.plan.tables)
        budget = self.locks.budget()
        dressed = Dressing(self.connection, names.production, self.plan.source, tables, own, known, budget)
        while True:
            try:
                dressing.analyze(self.connection, self.plan.source, dressed.make())
                return dressed.carried() + self._leaving()
            except psycopg.errors.LockNotAvailable:
                if not self.locks.patience.pause():
                    raise

    def _leaving(self) -> list[Item]:
        """Return what tables carry that leave and are not replaced: they keep it, and bring it back."""
        names = [name for name in self.plan.names if name not in self.plan.tables]
        found = inventory.carried(self.connection, self.namespace.production, names)
        return [item for item in found if item.kind != "column"]  # those who read the table cannot go on

    def _is_ready(self) -> bool:
        self._shadows.make(self._bindings.keys)
        return self.locks.are_free(self._present)

    def _moved(self) -> bool:
        self.locks.attempts += 1
        message = self._message()
        try:
            self.connection.execute(message)
        except psycopg.Error as exc:
            if exc.sqlstate is None or self.connection.broken:
                raise  # whether it was done is not known; only the record can tell
            self.connection.rollback()
            self._answer(exc)
            return False
        self._shadows.forget()
        return True

    def _answer(self, exc: psycopg.Error) -> None:
        """Let the loop go on where that can help.

        Raises:
            PublishError: It cannot.
        """
        if exc.sqlstate in (publish.FENCED, publish.DISABLED):
            raise publish.fenced(self.plan, exc)
        if exc.sqlstate == publish.OVERTAKEN:
            raise lease.lost(self.plan.run_id, self.plan.dataset) from exc
        if exc.sqlstate == completion.CHANGED:
            raise completion.changed(self.plan, exc)
        if exc.sqlstate == publish.DRIFTED:
            self._approve()
        elif exc.sqlstate in _GONE:
            self._check_drift(exc)
        elif exc.sqlstate in BLOCKED:
            self.locks.refused(self._present)
        else:
            raise exc

    def _check_drift(self, exc: psycopg.Error) -> None:
        """Look again at what production carries, and raise the error unless that has changed."""
        approved = self._approved
        self._approve()
        if self._approved == approved:
            raise exc

    def _message(self) -> Composed:
        state, production = self.namespace.state, self.namespace.production
        bound = self._bindings
        return _SQL["message"].format(
            dataset=Literal(self.plan.dataset),
            budget=Literal(f"{self.locks.budget()}ms"),
            fence=publish.quoted(self.connection, publish.fence(state, self.plan)),
            schemas=self._schemas(),
            lock_private=asked(self.connection, self.plan.source, list(self.plan.tables)),
            hold=completion.hold(self.connection, self.plan, production, self._present, self.locks.budget()),
            lock_production=asked(
                self.connection,
                production,
                self._present,
                bound.views,
                [*bound.tables, *(reference.referenced for reference in self._outward)],
            ),
            drift=publish.quoted(self.connection, _SQL["drift"].format(approved=Literal(self._approved))),
            moves=SQL(";\n").join(self._moves()),
            companions=companions.added(production, self.plan.source, self.plan.tables),
            views=companions.pointed(production, self.plan.tables, self.plan.shown, self._following),
            bindings=SQL(";\n").join([*bound.statements, *self._shadows.statements()] or [SQL("SELECT")]),
            record=publish.record(state, self.plan, self.previous if self._present else None),
            log=quarantine.followed(state, self.plan),
            clock=publish.clock(state, self.plan, self.locks),
        )

    def _schemas(self) -> Composed:
        wanted = [self.namespace.production, *([self.previous] if self._present else [])]
        return SQL(";\n").join(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)) for name in wanted)

    def _moves(self) -> list[SQL | Composed]:
        names = self.namespace.production, self.plan.source, self.previous
        before, after = dressing.moved(self.connection, *names, self.plan.names)
        # Kept, they would stand in the way of those who delete there.
        dropped = [reference.dropped(self.previous) for reference in self._outward]
        return [*before, *self._table_moves(), *after, *dropped]

    def _table_moves(self) -> list[Composed]:
        out = [(self.namespace.production, name, self.previous) for name in self._present]
        into = [(self.plan.source, name, self.namespace.production) for name in self.plan.tables]
        return [
            _SQL["move"].format(table=Identifier(schema, name), schema=Identifier(target))
            for schema, name, target in out + into
        ]
