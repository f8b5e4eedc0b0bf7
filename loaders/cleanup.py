"""Drops schemas that firn made, those of dead runs too: never CASCADE, so that nothing of others goes with them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from loaders.connections import Statements
    from loaders.state import State

__all__ = ["clear_leftovers", "drop_schema", "drop_tables"]

_SQL = queries.read("staging.sql")


def drop_schema(connection: Statements, schema: str, budget_ms: int) -> Sequence[str]:
    """Drop a schema's tables, then the schema, each within a budget of waiting for locks.

    Returns:
        The tables dropped; none where the schema does not exist.

    Raises:
        psycopg.Error: A table is in use or something depends on it; the others are gone.
    """
    if not connection.execute(_SQL["schema_exists"], {"schema": schema}).fetchall()[0].found:
        return []
    names = [row.name for row in connection.execute(_SQL["tables"], {"schema": schema}).fetchall()]
    drop_tables(connection, schema, names, budget_ms)
    _drop(connection, SQL("DROP SCHEMA {}").format(Identifier(schema)), budget_ms)
    return names


def drop_tables(connection: Statements, schema: str, names: Collection[str], budget_ms: int) -> None:
    """Drop tables of a schema, each within a budget of waiting for locks.

    Raises:
        psycopg.Error: A table is in use or something depends on it; the others are gone.
    """
    left = [Identifier(schema, name) for name in names]
    while left:
        stuck = [table for table in left if not _is_dropped(connection, table, budget_ms)]
        if stuck == left:  # their foreign keys refer to one another
            _drop(connection, SQL("DROP TABLE {}").format(SQL(", ").join(left)), budget_ms)
            break
        left = stuck


def _is_dropped(connection: Statements, table: Identifier, budget_ms: int) -> bool:
    """Drop a table unless something depends on it, such as a foreign key of one that can be dropped first."""
    try:
        _drop(connection, SQL("DROP TABLE {}").format(table), budget_ms)
    except psycopg.errors.DependentObjectsStillExist:
        return False
    return True


def _drop(connection: Statements, statement: Composed, budget_ms: int) -> None:
    # A transaction each: a lock taken for one table is not kept while another is waited for.
    with connection.transaction():
        connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{budget_ms}ms")))
        connection.execute(statement)


def clear_leftovers(connection: Statements, state: State, run_id: str, budget_ms: int) -> list[str]:
    """Drop what runs staged that failed or died, and what an earlier try of this run did, and empty schemas.

    Args:
        connection: Where statements go.
        state: The runs.
        run_id: The run about to stage.
        budget_ms: How long a lock may be waited for.

    Returns:
        The schemas of dead runs that were dropped; one that somebody looks at is left to the next run.
    """
    dropped = []
    for other, schema in state.unfinished().items():
        if other == run_id:
            drop_schema(connection, schema, budget_ms)
        elif not state.is_leased(other) and state.hold(other):
            with suppress(psycopg.Error):
                if other in state.unfinished():  # it may have been verified just before its process ended
                    drop_schema(connection, schema, budget_ms)
                    dropped.append(schema)
                    state.finish(other, "failed", error="its process ended, or it was not discarded")
                    state.set_unstaged(other)
            state.release(other)
    for other, schema in state.unpublished(run_id).items():
        with suppress(psycopg.Error):
            drop_schema(connection, schema, budget_ms)
            dropped.append(schema)
            state.finish(other, "failed", error="its process ended before it published the run")
            state.set_unstaged(other)
    for schema in state.emptied():
        with suppress(psycopg.Error):
            drop_schema(connection, schema, budget_ms)
            dropped.append(schema)
    return dropped
