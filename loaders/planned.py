"""Statements that take longer to plan than to run: a connection plans each of them once, and runs it many times.

psycopg would prepare them too, but it forgets all that is prepared whenever something is altered or dropped, which a
publication does all the time.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier

from loaders import queries

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from loaders.connections import Statements

__all__ = ["fetch"]

_SQL = queries.read("planned.sql")
_MOST = 16  # a plan may take a megabyte of the server's memory


def fetch(connection: Statements, statement: Composed) -> list[Any]:
    """Return the rows of a statement without parameters; its plan is kept for the next time."""
    name = f"firn_planned_{blake2b(statement.as_bytes(connection), digest_size=16).hexdigest()}"
    held = [row.name for row in connection.execute(_SQL["held"]).fetchall()]
    if name not in held:
        for oldest in held[: max(0, len(held) + 1 - _MOST)]:
            connection.execute(_SQL["forget"].format(name=Identifier(oldest)))
        connection.execute(_SQL["plan"].format(name=Identifier(name), statement=statement))
    return connection.execute(_SQL["run"].format(name=Identifier(name))).fetchall()
