"""Which tables a publication or a rollback moves, worked out from what the target remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firn import Published, PublishError, StateError
from loaders import inventory, queries
from loaders.publish import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.connections import Statements
    from loaders.state import Publication, State

__all__ = ["already", "publication", "republication", "rollback", "told"]

_SQL = queries.read("staging.sql")


def publication(state: State, run_id: str) -> Plan:
    """Plan the first publication of a run.

    Raises:
        StateError: There is no such run, or it is not verified.
        PublishError: A newer generation was published since it was staged.
    """
    run = state.run(run_id)
    if run.status != "ready" or run.staging_schema is None or run.generation is None:
        raise StateError(
            f"Run {run_id} is {run.status}; only a verified run can be published. Production is unchanged.",
            f"firn run {run.pipeline}",
        )
    visible = state.generation(run.pipeline)
    current = state.publication(run.pipeline, visible)
    if visible != run.generation:
        raise PublishError(
            f"Run {run_id} was staged on generation {run.generation} of {run.pipeline}; since then generation "
            f"{visible} was published by run {current.run_id if current else ''}. Production is unchanged.",
            f"firn discard {run_id} && firn run {run.pipeline}",
        )
    return Plan(run.pipeline, visible, run_id, "published", run.staging_schema, run.tables, current)


def already(state: State, done: Publication) -> Published:
    """Return a publication made earlier.

    Raises:
        PublishError: It was rolled back since.
    """
    if state.run(done.run_id).status == "rolled_back":
        raise PublishError(
            f"Run {done.run_id} was published as generation {done.generation} and rolled back since. "
            "Production is unchanged.",
            f"firn publish {done.run_id} --again",
        )
    return told(done)


def is_visible(state: State, done: Publication) -> bool:
    """Tell whether production shows a publication now."""
    return state.generation(done.dataset) == done.generation


def republication(state: State, done: Publication) -> Plan:
    """Plan to publish a run again that the last rollback undid.

    Raises:
        PublishError: It was not, so its tables are not kept.
    """
    visible = state.generation(done.dataset)
    current = state.publication(done.dataset, visible)
    undone = state.publication(done.dataset, visible - 1)
    if (
        current is None
        or undone is None
        or current.kind != "rolled_back"
        or undone.run_id != done.run_id
        or current.previous_schema is None
    ):
        raise PublishError(
            f"The tables of run {done.run_id} are not kept: only the run that the last rollback undid can be published "
            "again. Production is unchanged.",
            f"firn run {done.dataset}",
        )
    return Plan(
        done.dataset,
        visible,
        done.run_id,
        "republished",
        current.previous_schema,
        undone.tables,
        current,
        leaving=list(current.tables),
    )


def rollback(state: State, connection: Statements, dataset: str) -> Plan:
    """Plan to make the generation before the visible one visible again.

    Raises:
        PublishError: None is kept.
    """
    visible = state.generation(dataset)
    current = state.publication(dataset, visible)
    if current is not None and current.kind == "rolled_back":
        raise _already_undone(state, current)
    if current is None or current.previous_schema is None:
        raise PublishError(
            f"No generation of {dataset} before generation {visible} is kept. Production is unchanged.", "firn runs"
        )
    kept = state.publication(dataset, visible - 1)
    tables = _kept(connection, current, kept)
    run_id = kept.run_id if kept else ""
    return Plan(
        dataset, visible, run_id, "rolled_back", current.previous_schema, tables, current, leaving=list(current.tables)
    )


def _already_undone(state: State, current: Publication) -> PublishError:
    undone = state.publication(current.dataset, current.generation - 1)
    again = f"firn publish {undone.run_id} --again" if undone and current.previous_schema else "firn runs"
    return PublishError(
        f"Generation {current.generation - 1} of {current.dataset} was rolled back already, and only one generation is "
        "kept. Production is unchanged.",
        again,
    )


def told(done: Publication) -> Published:
    """Return a publication as the engine knows it."""
    rows = {name: int(table["rows"]) for name, table in done.tables.items()}
    strategies = {name: str(table.get("strategy", "swap")) for name, table in done.tables.items()}
    changes = {name: table["changes"] for name, table in done.tables.items() if "changes" in table}
    return Published(
        done.dataset,
        done.generation,
        done.run_id,
        rows,
        done.locked_ms,
        done.attempts,
        strategies,
        done.reason,
        changes,
        done.longest_wait_ms,
        done.wal_bytes,
    )


def _kept(connection: Statements, current: Publication, kept: Publication | None) -> Mapping[str, Any]:
    """Return what is recorded of the kept tables; of tables that firn did not make, what they are now."""
    schema = str(current.previous_schema)
    names = [row.name for row in connection.execute(_SQL["tables"], {"schema": schema}).fetchall()]
    # A table that left the set was never moved: production still shows it.
    replaced = set(kept.tables) & set(current.tables) if kept else set()
    if not names or replaced - set(names):
        raise PublishError(
            f'Schema "{schema}" should keep {", ".join(sorted(replaced)) or "tables"} and holds '
            f"{', '.join(names) or 'none'}. Production is unchanged."
        )
    recorded = dict(kept.tables) if kept else {}
    unknown = inventory.recorded(connection, schema, [name for name in names if name not in recorded])
    return {name: recorded.get(name) or unknown[name] for name in names}
