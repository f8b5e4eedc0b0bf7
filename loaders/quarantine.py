"""Which quarantined cells are open, since when, and which run resolved them: a log that every publication continues.

A row of the log is the time that one cell was in quarantine: from the generation that first had it to the one that no
longer does. A cell that comes back gets another row. So a rollback is exact: what the undone generation opened goes,
and what it resolved is open again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import StateError
from loaders import queries, shown
from loaders.state import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.publish import Plan

__all__ = ["entries", "followed", "mark"]

_SQL = queries.read("quarantine.sql")
_LOG = "quarantine_log"
_MARK = "quarantine"


def mark(tables: Mapping[str, dict[str, Any]], quarantine: str) -> dict[str, Any]:
    """Return what is recorded of tables, with a mark on the one that is the quarantine."""
    return {name: {**table, _MARK: True} if name == quarantine else table for name, table in tables.items()}


def followed(state: str, plan: Plan) -> Composed:
    """Return the statements by which the log follows a publication; they run before production is locked.

    Args:
        state: The schema of the log.
        plan: The publication; its tables still stand where they come from.
    """
    values = {
        "log": Identifier(state, _LOG),
        "dataset": Literal(plan.dataset),
        "run": Literal(plan.run_id),
        "generation": Literal(plan.generation + 1),
        "to": Literal(plan.to),
    }
    undone = plan.kind == "rolled_back" and plan.current is not None and _marked(plan.current.tables)
    statements = [_SQL["undo"].format(**values)] if undone else []
    statements += [
        _SQL["follow"].format(table=Identifier(plan.source, name), **values) for name in _marked(plan.tables)
    ]
    return SQL(";\n").join([_SQL["hashed"], *statements, _SQL["as_before"]])


def entries(
    connection: Statements, names: Namespace, dataset: str, table: str, *, resolved: bool
) -> list[dict[str, Any]]:
    """Return the open entries that production shows and, on demand, the resolved ones.

    Returns:
        ``file``, ``etag``, ``sheet``, ``cell``, ``row``, ``column``, ``raw``, ``expected``, ``reason``, ``run_id``,
        ``first_run``, ``first_at``, ``resolved_run`` and ``resolved_at``, in reading order, the open ones first.

    Raises:
        StateError: Production has no such table, or it was published by an older firn.
    """
    state = State(connection, names)
    if not shown.are_there(connection, names.production, [table]):
        raise StateError(f'Nothing of {dataset} is published: there is no table "{table}".', f"firn run {dataset}")
    if not state.exists():
        raise StateError(f'Table "{table}" was not published by this firn: there is no log.', f"firn run {dataset}")
    found = []
    with connection.transaction():
        connection.execute(_SQL["hashed"])
        for name in ("open", "resolved") if resolved else ("open",):
            query = _SQL[name].format(log=Identifier(names.state, _LOG), table=Identifier(names.production, table))
            found += connection.execute(query, {"dataset": dataset}).fetchall()
    return [row._asdict() for row in found]


def _marked(tables: Mapping[str, Any]) -> Sequence[str]:
    return [name for name, table in tables.items() if table.get(_MARK)]
