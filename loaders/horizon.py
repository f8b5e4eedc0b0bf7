"""Proves that no snapshot is older than the rows about to be published.

A reader whose snapshot is older than the load sees the new tables empty once they are moved into place. VACUUM (FREEZE)
of a table that nobody writes can advance its ``relfrozenxid`` just as far as the oldest snapshot of this database
allows, so comparing that with a transaction taken after the load tells, without any privilege.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import Identifier

from firn import TargetUnavailable
from loaders import queries
from loaders.sessions import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from loaders.connections import Statements
    from loaders.patience import Patience

__all__ = ["wait_until_passed"]

_SQL = queries.read("horizon.sql")


def wait_until_passed(
    connection: Statements, schema: str, patience: Patience, end: Callable[[list[int]], bool]
) -> None:
    """Return once no snapshot in this database is older than this call.

    Args:
        connection: Where statements go.
        schema: The state schema, which holds the table that is frozen.
        patience: How long to wait.
        end: Ends those of the sessions that may be ended, and tells whether one is gone.

    Raises:
        TargetUnavailable: Such a snapshot was still held at the end; its sessions are named. Production is unchanged.
    """
    mark = connection.execute(_SQL["mark"]).fetchall()[0].mark
    table = Identifier(schema, "horizon")
    values = {"mark": mark, "horizon": table.as_string(connection)}
    while True:
        connection.execute(_SQL["freeze"].format(horizon=table))
        if connection.execute(_SQL["passed"], values).fetchall()[0].passed:
            return
        oldest = connection.execute(_SQL["oldest"], {"mark": mark}).fetchall()
        ended = end([row.pid for row in oldest if row.pid is not None])
        if not patience.pause() and not ended:
            error = TargetUnavailable(
                f"A transaction older than the staged rows is still open after {patience.waited:.0f} s, and would see "
                f"the new tables empty: {told(oldest)}. Production is unchanged.",
                "wait until it ends, or end it with SELECT pg_terminate_backend(pid), then publish the run again",
            )
            error.lasting = True  # it was waited for
            raise error
