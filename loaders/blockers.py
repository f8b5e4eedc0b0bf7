"""Ends sessions that stand in the way of a publication, where the settings name their role or application; no other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from loaders import queries
from loaders.sessions import told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from loaders.connections import Statements
    from loaders.patience import Patience
    from loaders.state import State

__all__ = ["Blockers"]

_SQL = queries.read("blockers.sql")
_DYING_MS = 5000
_NEARLY = 0.8  # of the time that a publication waits in all


@dataclass(frozen=True, slots=True)
class Blockers:
    """What may be done about sessions that do not let go.

    Attributes:
        connection: Where statements go.
        state: Where each session that is ended is recorded.
        dataset: What is published.
        run_id: By which run.
        names: Roles and application names whose sessions may be ended.
        patience: How long the publication waits.
    """

    connection: Statements
    state: State
    dataset: str
    run_id: str
    names: Sequence[str]
    patience: Patience

    def end(self, pids: Sequence[int]) -> bool:
        """End those of the sessions that may be ended, once the time for waiting is nearly over.

        Returns:
            Whether one is gone, so that it is worth while to try once more.
        """
        if not pids or not self.is_due:
            return False
        values = {"pids": list(pids), "names": list(self.names)}
        ended = [self._is_ended(session) for session in self.connection.execute(_SQL["named"], values).fetchall()]
        return any(ended)

    @property
    def is_due(self) -> bool:
        """Whether the time for waiting is nearly over, and the settings name anybody."""
        return bool(self.names) and self.patience.waited >= self.patience.seconds * _NEARLY

    def _is_ended(self, session: Any) -> bool:  # noqa: ANN401 (a named tuple made by psycopg)
        values = {"pid": session.pid, "milliseconds": _DYING_MS}
        # Who may not end it waits on, and names it in the end like any other.
        with suppress(psycopg.errors.InsufficientPrivilege), self.connection.transaction():
            self.state.act("terminated", self.dataset, self.run_id, told([session]))
            return bool(self.connection.execute(_SQL["end"], values).fetchall()[0].is_gone)
        return False
