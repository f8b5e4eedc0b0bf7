"""Transactions that several sessions begin at the same state of InnoDB's tables: each reads, all read the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sources.mysql.locks import lock
from sources.mysql.marks import read_position
from sources.mysql.statements import STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.mysql.sessions import Login, Session

_ATTEMPTS = 200
_REPEATABLE = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
_WHAT = "Beginning a snapshot"


def begin_together(sessions: Sequence[Session], other: Session, names: Sequence[str], login: Login) -> None:
    """Begin transactions that all see the same rows.

    Where MariaDB keeps a log of all writes, each transaction knows its place in it, and no lock is needed: those that
    begin at different places are begun again. Elsewhere the tables are locked while the transactions begin, which takes
    some milliseconds; what they read later is not.

    Args:
        sessions: Those that will read.
        other: One more, which locks.
        names: The tables.
        login: Where.

    Raises:
        SourceUnavailable: Somebody writes one of the tables for longer than is waited.
        SourceError: The account may not lock them.
    """
    if other.server.is_mariadb and read_position(other) and _met(sessions):
        return
    lock(other, names, login)
    try:
        begin(sessions)
    finally:
        other.rows("UNLOCK TABLES", "Unlocking tables")


def begin(sessions: Sequence[Session]) -> None:
    """Begin a transaction in each session, that sees what is committed by then.

    Raises:
        SourceError: The server refused, or was lost.
    """
    for statement in (_REPEATABLE, _BEGIN):
        _say(sessions, statement)


def _met(sessions: Sequence[Session]) -> bool:
    """Begin until all transactions stand at one place of the log; where writes are too many, say that they do not."""
    _say(sessions, _REPEATABLE)
    for _ in range(_ATTEMPTS):
        _say(sessions, _BEGIN)
        places = {session.rows(STATEMENTS["snapshot_position"], _WHAT)[0][0] for session in sessions}
        if len(places) == 1 and None not in places:
            return True
    return False


def _say(sessions: Sequence[Session], statement: str) -> None:
    for session in sessions:
        session.rows(statement, _WHAT)


def end(sessions: Sequence[Session]) -> None:
    """End the transactions of sessions that still live."""
    for session in sessions:
        if session.answers():
            session.rows("ROLLBACK", "Ending a snapshot")
