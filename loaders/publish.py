"""Makes staged tables visible: every table of a publication is moved into production in one short transaction.

The whole transaction is one message, so a client that freezes or dies in the middle holds no lock. The locks are asked
for in one statement under a budget far below ``deadlock_timeout``: a reader that waits behind it goes on when the
budget is spent, and never becomes the victim of a deadlock. Whoever holds a lock for long is waited for without asking.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Json

from firn import PublishError, TargetUnavailable
from loaders import companions, inventory, quarantine, queries
from loaders.approval import approve
from loaders.horizon import wait_until_passed
from loaders.sessions import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.patience import Patience
    from loaders.state import Publication

__all__ = ["Plan", "Swap"]

_SQL = queries.read("publish.sql")
_FENCED = "FN001"
_DRIFTED = "FN002"
# Lock not available, statement cancelled by the budget, deadlock: each leaves production as it was, and may pass.
_BLOCKED = ("55P03", "57014", "40P01")
_LADDER_S = 5.0
_HIGH_BUDGET = 3  # times the first budget, once the ladder's seconds have passed
_PEEK = 0.4  # of a budget: who holds a lock that long would outlast it too


@dataclass(frozen=True, slots=True)
class Plan:
    """One publication, as it will be recorded.

    Attributes:
        dataset: Whose generation it is.
        generation: The generation that is visible now, and must still be when the tables move.
        run_id: The run whose rows become visible.
        kind: ``published``, ``republished`` or ``rolled_back``.
        source: The schema that the tables come from.
        tables: Per table its rows and what it carries.
        leaving: Tables that leave production besides those that are replaced.
        current: What is recorded of the visible generation.
    """

    dataset: str
    generation: int
    run_id: str
    kind: str
    source: str
    tables: Mapping[str, Any]
    current: Publication | None
    leaving: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """Every table of production that the publication touches."""
        return sorted({*self.tables, *self.leaving})


@dataclass(slots=True)
class Swap:
    """The loop that asks for the locks until the publication is done, refused, or late.

    Attributes:
        connection: Where statements go.
        namespace: The schemas.
        plan: The publication.
        previous: Where the tables go that it replaces.
        budget_ms: How long the locks may be waited for at a time.
        patience: How long in all.
        attempts: How often the locks were asked for.
    """

    connection: Statements
    namespace: Namespace
    plan: Plan
    previous: str
    budget_ms: int
    patience: Patience
    attempts: int = 0
    _highest_ms: int = 1
    _approved: str = ""
    _present: list[str] = field(default_factory=list)
    _blockers: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Publish.

        Raises:
            PublishError: Something would be lost, or another generation came first. Production is unchanged.
            TargetUnavailable: The locks were not given in time; those who hold them are named. Production is unchanged.
        """
        self._check_rows()
        # A reader queued behind firn is looked at for deadlocks after this time, and could be the one that is ended.
        timeout = self.connection.execute(_SQL["deadlock_timeout"]).fetchall()[0].ms
        self._highest_ms = max(1, int(timeout / 3))
        listing = inventory.query(self.namespace.production, self.plan.names)
        self.connection.execute(_SQL["prepare"].format(inventory=listing))
        try:
            self._approve()
            if self.plan.kind == "published":  # the tables of other kinds are older than every snapshot
                wait_until_passed(self.connection, self.namespace.state, self.patience)
            while not (self._is_free() and self._moved()):
                if not self.patience.pause():
                    raise self._late()
        finally:
            if not self.connection.broken:
                self.connection.execute(_SQL["deallocate"])

    def budget(self) -> int:
        """Return the milliseconds to ask for, never near the time after which PostgreSQL looks for a deadlock."""
        wanted = self.budget_ms * (1 if self.patience.waited < _LADDER_S else _HIGH_BUDGET)
        return min(wanted, self._highest_ms)

    def _check_rows(self) -> None:
        for name, recorded in self.plan.tables.items():
            found = inventory.count(self.connection, self.plan.source, name)
            if found != recorded["rows"]:
                raise PublishError(
                    f'Table "{name}" holds {found} rows, {recorded["rows"]} were recorded: did the server '
                    "crash, or somebody write there? Production is unchanged.",
                    "run again",
                )

    def _approve(self) -> None:
        """Refuse what would be lost, and remember what production carries so that a later change is noticed."""
        self._approved = self.connection.execute(_SQL["digest"]).fetchall()[0].digest
        expected = inventory.items(self.plan.tables)
        self._present = approve(self.connection, self.namespace, self.plan.dataset, self.plan.names, expected)

    def _is_free(self) -> bool:
        """Tell whether nobody holds a lock on production for as long as asking for it would take."""
        first = self._holders()
        if not first:
            return True
        time.sleep(self.budget() * _PEEK / 1000)
        lasting = first.items() & self._holders().items()
        self._blockers = [pid for _, pid in lasting] or self._blockers
        return not lasting

    def _holders(self) -> dict[str, int]:
        values = {"schema": self.namespace.production, "tables": self._present}
        return {row.virtualtransaction: row.pid for row in self.connection.execute(_SQL["holders"], values).fetchall()}

    def _moved(self) -> bool:
        self.attempts += 1
        message = self._message()
        try:
            self.connection.execute(message)
        except psycopg.Error as exc:
            if exc.sqlstate is None or self.connection.broken:
                raise  # whether it was done is not known; only the record can tell
            self.connection.rollback()
            self._answer(exc)
            return False
        return True

    def _answer(self, exc: psycopg.Error) -> None:
        """Let the loop go on where that can help.

        Raises:
            PublishError: It cannot.
        """
        if exc.sqlstate == _FENCED:
            raise PublishError(
                f"Another generation of {self.plan.dataset} was published since generation {self.plan.generation}, on "
                f"which run {self.plan.run_id} was staged. Production is unchanged by this run.",
                f"firn run {self.plan.dataset}",
            ) from exc
        if exc.sqlstate == _DRIFTED:
            self._approve()
        elif exc.sqlstate in _BLOCKED:
            self._blockers = list(self._holders().values()) or self._blockers
        else:
            raise exc

    def _late(self) -> TargetUnavailable:
        sessions = self.connection.execute(_SQL["sessions"], {"pids": self._blockers}).fetchall()
        return TargetUnavailable(
            f"The locks on {', '.join(self._present)} were not given in {self.patience.waited:.0f} s "
            f"({self.attempts} attempts); held by {told(sessions)}. Production is unchanged.",
            "wait until it ends, or end it with SELECT pg_terminate_backend(pid), then publish the run again",
        )

    def _message(self) -> Composed:
        budget = Literal(f"{self.budget()}ms")
        drift = _SQL["drift"].format(approved=Literal(self._approved))
        return _SQL["message"].format(
            dataset=Literal(self.plan.dataset),
            budget=budget,
            fence=self._quoted(_SQL["fence"].format(**self._values())),
            schemas=self._schemas(),
            lock_private=self._lock(self.plan.source, list(self.plan.tables)),
            lock_production=self._lock(self.namespace.production, self._present, companions.views(self._shown)),
            drift=self._quoted(drift),
            moves=SQL(";\n").join(self._moves()),
            companions=companions.added(self.namespace.production, self.plan.source, self.plan.tables),
            views=companions.pointed(self.namespace.production, self.plan.tables, self._shown),
            record=_SQL["record"].format(**self._values()),
            log=quarantine.followed(self.namespace.state, self.plan),
            clock=_SQL["clock"].format(**self._values()),
        )

    @property
    def _shown(self) -> Mapping[str, Any]:
        """What is recorded of the tables that production shows now."""
        return self.plan.current.tables if self.plan.current else {}

    def _values(self) -> dict[str, Composed | Identifier | Literal]:
        plan = self.plan
        return {
            "state": Identifier(self.namespace.state),
            "dataset": Literal(plan.dataset),
            "generation": Literal(plan.generation),
            "next": Literal(plan.generation + 1),
            "run": Literal(plan.run_id),
            "kind": Literal(plan.kind),
            "tables": Literal(Json(plan.tables)),
            "previous": Literal(self.previous if self._present else None),
            "attempts": Literal(self.attempts),
            "undone": Literal(plan.current.run_id if plan.current and plan.kind == "rolled_back" else None),
        }

    def _quoted(self, body: Composed) -> Literal:
        return Literal(body.as_string(self.connection))

    def _schemas(self) -> Composed:
        wanted = [self.namespace.production, *([self.previous] if self._present else [])]
        return SQL(";\n").join(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)) for name in wanted)

    def _lock(self, schema: str, tables: Sequence[str], views: Sequence[str] = ()) -> Composed | SQL:
        if not tables:
            return SQL("SELECT")
        lock = _SQL["lock"].format(tables=SQL(", ONLY ").join(Identifier(schema, name) for name in sorted(tables)))
        if not views:
            return lock
        # A reader locks a view before the tables under it: who locks them the other way round can end in a deadlock.
        given = [_SQL["give"].format(view=Identifier(schema, name)) for name in sorted(views)]
        body = _SQL["lock_with_views"].format(views=SQL(";\n    ").join(given), lock=lock)
        return SQL("DO {}").format(self._quoted(body))

    def _moves(self) -> list[Composed]:
        out = [(self.namespace.production, name, self.previous) for name in self._present]
        into = [(self.plan.source, name, self.namespace.production) for name in self.plan.tables]
        return [
            _SQL["move"].format(table=Identifier(schema, name), schema=Identifier(target))
            for schema, name, target in out + into
        ]
