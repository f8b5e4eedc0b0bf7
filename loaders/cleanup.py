"""Drops schemas that firn made: never CASCADE, so that nothing of anybody else's goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import SQL, Identifier, Literal

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loaders.connections import Statements

__all__ = ["drop_schema"]

_SQL = queries.read("staging.sql")


def drop_schema(connection: Statements, schema: str, budget_ms: int) -> Sequence[str]:
    """Drop a schema's tables one by one, then the schema, each within a budget of waiting for locks.

    Returns:
        The tables dropped; none where the schema does not exist.

    Raises:
        psycopg.Error: A table is in use or something depends on it; the others are gone.
    """
    if not connection.execute(_SQL["schema_exists"], {"schema": schema}).fetchall()[0].found:
        return []
    names = [row.name for row in connection.execute(_SQL["tables"], {"schema": schema}).fetchall()]
    # A transaction each: a lock taken for one table is not kept while another is waited for.
    for statement in (
        *(SQL("DROP TABLE {}").format(Identifier(schema, name)) for name in names),
        SQL("DROP SCHEMA {}").format(Identifier(schema)),
    ):
        with connection.transaction():
            connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{budget_ms}ms")))
            connection.execute(statement)
    return names
