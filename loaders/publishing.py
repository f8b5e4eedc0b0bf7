"""Sees one publication through: whatever becomes of the connection, the server's record tells what was published."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg

from firn import LoadError, Published, PublishError, TargetUnavailable
from loaders import cleanup, ledger, plans, shadows
from loaders.changes import Changes
from loaders.ddl import cut
from loaders.generations import Generations
from loaders.locks import Locks
from loaders.patience import Patience
from loaders.swap import Swap

if TYPE_CHECKING:
    from collections.abc import Callable

    from loaders.connections import Statements
    from loaders.postgres import Postgres
    from loaders.publish import Plan
    from loaders.state import Publication, State

__all__ = ["Publishing"]


@dataclass(slots=True)
class Publishing:
    """One publication, from its plan to what is known of it.

    Attributes:
        settings: The target.
        plan: What is to become visible.
        connection: Where statements go.
        state: What the target remembers, over that connection.
        connect: Opens another connection when that one is lost.
        patience: How long it may wait for snapshots and locks.
    """

    settings: Postgres
    plan: Plan
    connection: Statements
    state: State
    connect: Callable[[], tuple[Statements, State]]
    patience: Patience

    def run(self) -> Published:
        """Publish, and keep no more earlier generations than are wanted.

        Raises:
            PublishError: Something would be lost, or another generation came first. Production is unchanged.
            TargetUnavailable: Snapshots or locks were in the way, or the connection was lost. The message says whether
                production is unchanged.
        """
        lost = TargetUnavailable(
            f"The connection was lost before {self.plan.dataset} was published. Production is unchanged.",
            f"firn publish {self.plan.run_id}",
        )
        try:
            self._family().run()
        except PublishError:
            if self._done() is None:  # the same run by another process
                raise
        except psycopg.OperationalError as exc:
            if not self.connection.broken:
                raise
            lost.code = exc.sqlstate or ""
        done = self._done()
        if done is None:
            shadows.clear(self.connection, self.settings.state, self.settings.lock_budget_ms)
            raise lost
        return replace(plans.told(done), kept_bytes=self._tidied())

    def _family(self) -> Swap | Changes:
        settings, plan, names = self.settings, self.plan, self.settings.namespace
        previous = cut(f"{settings.previous}_{plan.dataset}_g{plan.generation}")
        locks = Locks(self.connection, names.production, settings.lock_budget_ms, self.patience)
        if plan.family == "swap":
            asked = settings.rebuild_inbound_fks, settings.terminate_blockers
            return Swap(self.connection, names, plan, previous, locks, *asked)
        how = settings.isolation, settings.refresh_views, settings.terminate_blockers
        return Changes(self.connection, names, plan, previous, locks, *how)

    def _done(self) -> Publication | None:
        """Return the publication if it is recorded, whatever has become of the connection since it was sent."""
        plan = self.plan
        while True:
            try:
                found = self.state.publication(plan.dataset, plan.generation + 1)
            except psycopg.OperationalError:
                if not self.connection.broken:
                    raise
                self._reach_again()
            else:
                return found if found and (found.run_id, found.kind) == (plan.run_id, plan.kind) else None

    def _reach_again(self) -> None:
        """Wait until the server answers, and is no longer at it: only its record tells whether it was published.

        Raises:
            TargetUnavailable: The server does not answer in time.
        """
        patience = Patience(self.settings.max_wait_s)
        while True:
            try:
                self.connection, self.state = self.connect()
                self.state.wait_for(self.plan.dataset)
            except (LoadError, psycopg.OperationalError) as exc:  # it refuses connections while it recovers
                if not patience.pause():
                    error = TargetUnavailable(
                        f"The connection was lost while {self.plan.dataset} was being published, and PostgreSQL has "
                        f"not answered for {patience.waited:.0f} s. It is not known whether production shows "
                        f"run {self.plan.run_id}.",
                        f"firn publish {self.plan.run_id}",
                    )
                    error.lasting = True  # it was waited for
                    raise error from exc
            else:
                return

    def _tidied(self) -> int:
        """Drop what is empty by now, and the generations beyond those that are kept; return the bytes of these."""
        plan, settings = self.plan, self.settings
        with suppress(psycopg.Error):  # it is published, whatever happens now; the next publication tidies up again
            generations = Generations.read(self.state, plan.dataset)
            retained = generations.retained(settings.keep_generations)
            needed = {schema for schemas in retained.values() for schema in schemas}
            for schema in {*generations.kept, *([plan.source] if plan.kind == "published" else [])} - needed:
                with suppress(psycopg.Error):  # still read by somebody, or needed
                    cleanup.drop_schema(self.connection, schema, settings.lock_budget_ms)
            shown = filter(None, map(generations.shown, retained))
            runs = [plan.run_id, *(done.run_id for done in shown)]
            ledger.forget(self.connection, settings.state, plan.dataset, runs)
            return sum(map(generations.bytes, needed))
        return 0
