"""What the generation had changed that a rollback undid: its rows beside those that production shows again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from firn import PublishError, StateError
from loaders import plans, strategies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.delta import Delta
    from loaders.publish import Plan
    from loaders.state import Publication, State

__all__ = ["compare"]


def compare(
    connection: Statements, namespace: Namespace, state: State, dataset: str
) -> Mapping[str, Mapping[str, int]]:
    """Compare what was undone with what production shows again, and write nothing.

    Returns:
        By table its rows ``before`` and ``after`` what was undone, and how many that had ``inserted``, ``updated`` and
        ``deleted`` by key; these are left out of a table whose rows are not kept any more, or cannot be compared.

    Raises:
        StateError: The latest publication is no rollback. Production is unchanged.
    """
    shown = state.current(dataset) if state.exists() else None
    if shown is None or shown.kind != "rolled_back":
        raise StateError(f"Nothing of {dataset} was rolled back last. Production is unchanged.", f"firn show {dataset}")
    gone = state.publication(dataset, shown.generation - 1)
    after = {name: int(table["rows"]) for name, table in gone.tables.items()} if gone else {}
    before = {name: int(table["rows"]) for name, table in shown.tables.items()}
    rows = {name: {"before": before.get(name, 0), "after": after.get(name, 0)} for name in sorted({*before, *after})}
    differing = _differing(connection, namespace, state, gone) if gone else {}
    return {name: {**counts, **differing.get(name, {})} for name, counts in rows.items()}


def _differing(
    connection: Statements, namespace: Namespace, state: State, gone: Publication
) -> Mapping[str, Mapping[str, int]]:
    """Return what showing the rows again that are gone would change; nothing where that cannot be told."""
    with suppress(PublishError):
        plan = plans.republication(state, connection, gone)
        found = strategies.show(connection, namespace, plan, 0)
        return {**{name: _counts(delta) for name, delta in found.items()}, **_left(plan)}
    return {}


def _counts(delta: Delta) -> dict[str, int]:
    return {"inserted": delta.inserted, "updated": delta.updated, "deleted": delta.deleted}


def _left(plan: Plan) -> dict[str, dict[str, int]]:
    """Tables that production has now and did not have in what is gone: all their rows had been deleted."""
    recorded = plan.current.tables if plan.current else {}
    names = [name for name in plan.leaving if name in recorded and name not in plan.tables]
    return {name: {"inserted": 0, "updated": 0, "deleted": int(recorded[name]["rows"])} for name in names}
