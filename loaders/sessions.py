"""Names other sessions of the server to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["told"]

_HIDDEN = "<insufficient privilege>"
_SHOWN_BY = "GRANT pg_read_all_stats shows it"


def told(sessions: Sequence[Any]) -> str:
    """Return pid, role, state, age and query of each session."""
    return "; ".join(_one(session) for session in sessions) or f"a session that this role may not see ({_SHOWN_BY})"


def _one(session: Any) -> str:  # noqa: ANN401 (a named tuple made by psycopg)
    who = f"{f'pid {session.pid}' if session.pid is not None else 'no pid'}, role {session.role or 'unknown'}"
    query = " ".join((session.query or "").split())
    if query == _HIDDEN:
        return f"{who}, doing what this role may not see ({_SHOWN_BY})"
    return f"{who}, {session.state}, open for {session.seconds} s, last said: {query}"
