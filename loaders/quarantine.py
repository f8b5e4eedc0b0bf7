"""Which quarantined cells are open, since when, and which run resolved them: a log that every publication continues.

A row of the log is the time that one cell was in quarantine: from the generation that first had it to the one that no
longer does. A cell that comes back gets another row. So a rollback is exact: what the undone generation opened goes,
and what it resolved is open again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from firn import StateError
from loaders import queries, shown
from loaders.state import State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.publish import Plan

__all__ = ["entries", "followed", "mark"]

_SQL = queries.read("quarantine.sql")
_LOG = "quarantine_log"
_MARK = "quarantine"
_OF_CELLS = ("file", "etag", "sheet", "cell", "row", "column")
CELLS, VALUES = "cells", "values"
"""What the entries of a quarantine are: of workbooks, or of tables."""


def mark(tables: Mapping[str, dict[str, Any]], quarantine: str, columns: Collection[str]) -> dict[str, Any]:
    """Return what is recorded of tables, with a mark on the one that is the quarantine.

    Args:
        tables: What is recorded.
        quarantine: Which one that is, if any.
        columns: Its columns: they say whether its entries are cells of workbooks or values of tables.
    """
    kind = CELLS if "file" in columns else VALUES
    return {name: {**table, _MARK: kind} if name == quarantine else table for name, table in tables.items()}


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
        _SQL["follow"].format(table=_cells(plan.source, name, kind), **values)
        for name, kind in _marked(plan.tables).items()
    ]
    return SQL(";\n").join([_SQL["hashed"], *statements, _SQL["as_before"]])


def entries(
    connection: Statements, names: Namespace, dataset: str, table: str, *, resolved: bool
) -> list[dict[str, Any]]:
    """Return the open entries that production shows and, on demand, the resolved ones.

    Returns:
        ``file``, ``etag``, ``sheet``, ``cell``, ``row``, ``column``, ``raw``, ``expected``, ``reason``, ``run_id``,
        ``first_run``, ``first_at``, ``resolved_run`` and ``resolved_at``, in reading order, the open ones first; those
        of values of tables have ``table`` and ``key`` in place of the first five.

    Raises:
        StateError: Production has no such table, or it was published by an older firn.
    """
    state = State(connection, names)
    if not shown.are_there(connection, names.production, [table]):
        raise StateError(f'Nothing of {dataset} is published: there is no table "{table}".', f"firn run {dataset}")
    if not state.exists():
        raise StateError(f'Table "{table}" was not published by this firn: there is no log.', f"firn run {dataset}")
    current = state.current(dataset)
    kind = _marked(current.tables).get(table, CELLS) if current else CELLS
    found = []
    with connection.transaction():
        connection.execute(_SQL["hashed"])
        for name in ("open", "resolved") if resolved else ("open",):
            query = _SQL[name].format(log=Identifier(names.state, _LOG), table=_cells(names.production, table, kind))
            found += connection.execute(query, {"dataset": dataset}).fetchall()
    return [_value(row._asdict()) if kind == VALUES else row._asdict() for row in found]


def _marked(tables: Mapping[str, Any]) -> dict[str, str]:
    return {name: VALUES if table[_MARK] == VALUES else CELLS for name, table in tables.items() if table.get(_MARK)}


def _cells(schema: str, table: str, kind: str) -> Composable:
    """Return a quarantine as the cells of workbooks that the log knows."""
    name = Identifier(schema, table)
    return SQL("({})").format(_SQL["values"].format(table=name)) if kind == VALUES else name


def _value(cell: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as the value of a table that it is."""
    place = {"table": cell["file"], "key": cell["cell"], "column": cell["column"]}
    return {**place, **{name: value for name, value in cell.items() if name not in _OF_CELLS}}
