"""Read locks on tables, and what to grant where the account may not take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import SourceError, SourceUnavailable
from sources.mysql.statements import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.mysql.sessions import Login, Session

WAIT_S = 5
"""While a lock is waited for, nobody else begins to write either."""


def lock(session: Session, names: Sequence[str], login: Login) -> None:
    """Lock tables against writing, in a session, until it unlocks them or ends.

    Raises:
        SourceUnavailable: Somebody writes one of them, for longer than is waited.
        SourceError: The account may not lock them.
    """
    session.rows(f"SET SESSION lock_wait_timeout = {WAIT_S}", "Setting up the session")
    try:
        session.rows(f"LOCK TABLES {', '.join(f'{quoted(name)} READ' for name in names)}", "Locking tables")
    except SourceUnavailable:
        raise
    except SourceError as error:
        raise SourceError(
            f"The tables cannot be locked while they are read: {error.message}",
            f"GRANT LOCK TABLES ON {login.quoted_database}.* TO '{login.user}'@'...', or read without --lock",
        ) from error
