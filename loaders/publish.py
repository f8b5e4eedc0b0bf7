"""What every publication writes beside the rows, in the same transaction, whatever its strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from psycopg.sql import Composed, Identifier, Literal
from psycopg.types.json import Json

from firn import PublishError
from loaders import inventory, queries, ranges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import psycopg

    from loaders.connections import Statements
    from loaders.locks import Locks
    from loaders.state import Publication

__all__ = [
    "DISABLED",
    "DRIFTED",
    "FENCED",
    "OVERTAKEN",
    "Family",
    "Plan",
    "check_rows",
    "clock",
    "fence",
    "fenced",
    "quoted",
    "record",
]

FENCED = "FN001"
DRIFTED = "FN002"
DISABLED = "FN004"
OVERTAKEN = "FN005"
Family = OneOf["swap", "changes"]

_SQL = queries.read("publish.sql")


@dataclass(frozen=True, slots=True)
class Plan:
    """One publication, as it will be recorded.

    Attributes:
        dataset: Whose generation it is.
        generation: The generation that is visible now, and must still be when the rows appear.
        run_id: The run whose rows become visible.
        kind: ``published``, ``republished`` or ``rolled_back``.
        source: The schema that the tables, or the changes, come from.
        tables: Per table its rows, what it carries, and its ``strategy``.
        current: What is recorded of the visible generation.
        leaving: Tables that leave production besides those that are replaced.
        family: ``swap`` puts other tables in place; ``changes`` changes rows of those that are there.
        reason: Why this family.
        deletes: The share of a table's rows that may be deleted in place.
        back: The schemas whose stored changes lead back to an earlier generation, in the order in which they apply.
        to: The earlier generation that becomes visible again; none for a new one.
        origin: The generation as which the rows were first published; of a new one, 0.
        cursors: How far the sources were read for what becomes visible, by name.
        others: What is recorded of the dataset's tables that stay as they are.
        token: Of the lease that must still be the run's; 0 where it needs none.
    """

    dataset: str
    generation: int
    run_id: str
    kind: str
    source: str
    tables: Mapping[str, Any]
    current: Publication | None
    leaving: Sequence[str] = ()
    family: Family = "swap"
    reason: str = ""
    deletes: float = 1.0
    back: Sequence[str] = ()
    to: int | None = None
    origin: int = 0
    cursors: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    token: int = 0

    @property
    def names(self) -> list[str]:
        """Every table of production that the publication touches."""
        return sorted({*self.tables, *self.leaving})

    @property
    def shown(self) -> Mapping[str, Any]:
        """What is recorded of those of its tables that production shows now."""
        recorded = self.current.tables if self.current else {}
        return {name: recorded[name] for name in self.names if name in recorded}


def check_rows(connection: Statements, plan: Plan) -> None:
    """Count the rows that are about to be published once more.

    Raises:
        PublishError: They are not as many as were verified. Production is unchanged.
    """
    for name, recorded in plan.tables.items():
        found = inventory.count(connection, plan.source, name)
        if found != recorded["rows"]:
            raise PublishError(
                f'Table "{name}" holds {found} rows, {recorded["rows"]} were recorded: did the server '
                "crash, or somebody write there? Production is unchanged.",
                "run again",
            )


def fence(state: str, plan: Plan) -> Composed:
    """Return the body of a DO that makes the generation the next, or fails where another came first."""
    return _SQL["fence"].format(**_values(state, plan))


def record(state: str, plan: Plan, previous: str | None, tables: Mapping[str, Any] | None = None) -> Composed:
    """Return the statements that record a publication.

    Args:
        state: The schema of the state.
        plan: The publication.
        previous: The schema that keeps what it replaces; none where it replaces nothing.
        tables: What is recorded of the tables, where it is more than the plan knows.
    """
    recorded = plan.tables if tables is None else tables
    if plan.kind == "published":
        made = {"made": plan.generation + 1}
        recorded = {name: {**ranges.forgotten(table), **made} for name, table in recorded.items()}
    values = {
        "tables": Literal(Json({**plan.others, **recorded})),
        "touched": Literal(plan.names),
        "cursors": Literal(Json(plan.cursors)),
        "previous": Literal(previous),
        "origin": Literal(plan.origin),
        "detail": Literal(plan.reason),
        "undone_until": Literal(plan.current.origin if plan.current and plan.kind == "rolled_back" else 0),
    }
    return _SQL["record"].format(**values, **_values(state, plan))


def clock(state: str, plan: Plan, locks: Locks) -> Composed:
    """Return the statement that records how long others waited; the last one before COMMIT."""
    waits = {"attempts": Literal(locks.attempts), "longest": Literal(locks.longest_ms)}
    return _SQL["clock"].format(**waits, **_values(state, plan))


def quoted(connection: Statements, body: Composed) -> Literal:
    """Return the body of a DO as the literal that it is sent as."""
    return Literal(body.as_string(connection))


def fenced(plan: Plan, exc: psycopg.Error) -> PublishError:
    """Return the error for a publication that came second, or after its pipeline was disabled."""
    if exc.sqlstate == DISABLED:
        refused = PublishError(
            f"Pipeline {plan.dataset} was disabled before run {plan.run_id} was published. Production is unchanged.",
            f"firn show {plan.dataset}",
        )
        refused.__cause__ = exc
        return refused
    error = PublishError(
        f"Another generation of {plan.dataset} was published since generation {plan.generation}, on "
        f"which run {plan.run_id} was staged. Production is unchanged by this run.",
        f"firn run {plan.dataset}",
    )
    error.__cause__ = exc
    return error


def _values(state: str, plan: Plan) -> dict[str, Identifier | Literal]:
    return {
        "state": Identifier(state),
        "dataset": Literal(plan.dataset),
        "generation": Literal(plan.generation),
        "next": Literal(plan.generation + 1),
        "token": Literal(plan.token),
        "run": Literal(plan.run_id),
        "kind": Literal(plan.kind),
        "family": Literal(plan.family),
        "reason": Literal(plan.reason),
    }
