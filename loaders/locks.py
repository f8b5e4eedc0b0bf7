"""How a publication asks for locks on production: in one statement, under a budget, and never behind a long holder.

The budget is far below ``deadlock_timeout``: a reader that waits behind the request goes on when the budget is spent,
and never becomes the victim of a deadlock. Whoever holds a lock for long is waited for without asking.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import TargetUnavailable
from loaders import queries
from loaders.sessions import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loaders.connections import Statements
    from loaders.patience import Patience

__all__ = ["BLOCKED", "Locks", "asked"]

_SQL = queries.read("locks.sql")
# Lock not available, statement cancelled by the budget, deadlock, serialization: each leaves production as it was, and
# may pass.
BLOCKED = ("55P03", "57014", "40P01", "40001")
_LADDER_S = 5.0
_HIGH_BUDGET = 3  # times the first budget, once the ladder's seconds have passed
_PEEK = 0.4  # of a budget: who holds a lock that long would outlast it too


@dataclass(slots=True)
class Locks:
    """The locks of one publication, over all attempts to get them.

    Attributes:
        connection: Where statements go.
        schema: The schema of the tables.
        budget_ms: How long the locks may be waited for at a time.
        patience: How long in all.
        attempts: How often the locks were asked for.
        longest_ms: The longest that a request which failed can have made others wait.
        beside: Relations that are locked beside the tables, by their numbers in the catalogue.
    """

    connection: Statements
    schema: str
    budget_ms: int
    patience: Patience
    attempts: int = 0
    longest_ms: int = 0
    beside: Sequence[int] = ()
    _highest_ms: int = 0
    _blockers: list[int] = field(default_factory=list)

    def budget(self) -> int:
        """Return the milliseconds to ask for, never near the time after which PostgreSQL looks for a deadlock."""
        if not self._highest_ms:
            # A reader that waits behind firn so long is looked at for deadlocks, and could be the one that is ended.
            timeout = self.connection.execute(_SQL["deadlock_timeout"]).fetchall()[0].ms
            self._highest_ms = max(1, int(timeout / 3))
        wanted = self.budget_ms * (1 if self.patience.waited < _LADDER_S else _HIGH_BUDGET)
        return min(wanted, self._highest_ms)

    def are_free(self, tables: Sequence[str], modes: Sequence[str] | None = None) -> bool:
        """Tell whether nobody holds a lock on the tables for as long as asking for it would take.

        Args:
            tables: The tables.
            modes: The locks that stand in the way, as ``pg_locks`` names them; by default any.
        """
        first = self._holders(tables, modes)
        if not first:
            return True
        time.sleep(self.budget() * _PEEK / 1000)
        lasting = first.items() & self._holders(tables, modes).items()
        self._blockers = [pid for _, pid in lasting] or self._blockers
        return not lasting

    def refused(self, tables: Sequence[str]) -> None:
        """Remember who held the tables when the locks were asked for in vain."""
        self.longest_ms = max(self.longest_ms, self.budget())
        self._blockers = self.holders(tables) or self._blockers

    def holders(self, tables: Sequence[str], modes: Sequence[str] | None = None) -> list[int]:
        """Return the process ids of those who hold the tables now, with locks of some modes or any."""
        return list(self._holders(tables, modes).values())

    def late(self, tables: Sequence[str]) -> TargetUnavailable:
        """Return the error for locks that were not given in time; those who hold them are named."""
        sessions = self.connection.execute(_SQL["sessions"], {"pids": self._blockers}).fetchall()
        error = TargetUnavailable(
            f"The locks on {', '.join(tables)} were not given in {self.patience.waited:.0f} s "
            f"({self.attempts} attempts); held by {told(sessions)}. Production is unchanged.",
            "wait until it ends, or end it with SELECT pg_terminate_backend(pid), then publish the run again",
        )
        error.code, error.lasting = BLOCKED[0], True  # it was waited for
        return error

    def _holders(self, tables: Sequence[str], modes: Sequence[str] | None = None) -> dict[str, int]:
        values: dict[str, Any] = {"schema": self.schema, "tables": list(tables), "beside": list(self.beside)}
        values["modes"] = list(modes) if modes else None
        return {row.virtualtransaction: row.pid for row in self.connection.execute(_SQL["holders"], values).fetchall()}


def asked(
    connection: Statements,
    schema: str,
    tables: Sequence[str],
    views: Sequence[tuple[Identifier, Identifier]] = (),
    others: Sequence[Identifier] = (),
) -> Composed | SQL:
    """Return the statement that locks tables, and what is changed with them, against everybody.

    Args:
        connection: By which text is quoted.
        schema: The schema of the tables.
        tables: The tables; none is no statement at all.
        views: Views and their owners, in the order in which readers lock them: outermost first.
        others: Tables of other schemas.
    """
    if not tables:
        return SQL("SELECT")
    names = [*(Identifier(schema, name) for name in sorted(tables)), *others]
    lock = _SQL["lock"].format(tables=SQL(", ONLY ").join(names))
    if not views:
        return lock
    # A reader locks a view before the tables under it: who locks them the other way round can end in a deadlock.
    given = SQL(";\n    ").join(_SQL["give"].format(view=view, owner=owner) for view, owner in views)
    return SQL("DO {}").format(Literal(_SQL["lock_with_views"].format(views=given, lock=lock).as_string(connection)))
