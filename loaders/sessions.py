"""Sessions of the server: named to a person, and ended where they are this process's own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loaders.connections import Statements

__all__ = ["end", "notice", "own", "told"]

_SQL = queries.read("sessions.sql")
_DYING_MS = 5000
_READS = 3  # what the server said last, and that nothing more comes, take one each; none of them waits
_HIDDEN = "<insufficient privilege>"
_SHOWN_BY = "GRANT pg_read_all_stats shows it"


def notice(connection: Statements) -> None:
    """Let a connection notice that its session was ended while nothing was asked of it."""
    with suppress(psycopg.OperationalError):
        for _ in range(_READS):
            connection.pgconn.consume_input()


def own(connection: Statements) -> tuple[int, str]:
    """Return what tells the session of a connection from every other, also from later ones of its process id.

    A role that is not the login's may not see when its session began; it cannot end it either.
    """
    found = connection.execute(_SQL["own"]).fetchall()[0]
    return int(found.pid), str(found.since or "")


def end(connection: Statements, session: tuple[int, str]) -> None:
    """End a session of this role, if it is still there."""
    if session[1]:
        connection.execute(_SQL["end"], {"pid": session[0], "since": session[1], "milliseconds": _DYING_MS})


def told(sessions: Sequence[Any]) -> str:
    """Return pid, role, state, age and query of each session."""
    return "; ".join(_one(session) for session in sessions) or f"a session that this role may not see ({_SHOWN_BY})"


def _one(session: Any) -> str:  # noqa: ANN401 (a named tuple made by psycopg)
    who = f"{f'pid {session.pid}' if session.pid is not None else 'no pid'}, role {session.role or 'unknown'}"
    query = " ".join((session.query or "").split())
    if query == _HIDDEN:
        return f"{who}, doing what this role may not see ({_SHOWN_BY})"
    return f"{who}, {session.state}, open for {session.seconds} s, last said: {query}"
