"""Which tables a publication or a rollback moves, worked out from what the target remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firn import Published, PublishError, StateError
from loaders import inventory, queries
from loaders.generations import Generations
from loaders.publish import Plan

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loaders.connections import Statements
    from loaders.state import Publication, State

__all__ = ["already", "is_visible", "publication", "republication", "rollback", "told"]

_SQL = queries.read("staging.sql")


def publication(state: State, run_id: str, of: Collection[str] = ("ready",)) -> Plan:
    """Plan the first publication of a run.

    Args:
        state: What the target remembers.
        run_id: The run.
        of: What its status may be.

    Raises:
        StateError: There is no such run, or it is not verified.
        PublishError: A newer generation was published since it was staged.
    """
    run = state.run(run_id)
    if run.status not in of or run.staging_schema is None or run.generation is None:
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
    cursors = {**(current.cursors if current else {}), **run.cursors}
    return Plan(
        run.pipeline,
        visible,
        run_id,
        "published",
        run.staging_schema,
        run.tables,
        current,
        cursors=cursors,
        others=_others(current, run.tables),
    )


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
    """Tell whether production shows the rows of a publication now."""
    current = state.current(done.dataset)
    return current is not None and current.origin == done.origin


def republication(state: State, connection: Statements, done: Publication) -> Plan:
    """Plan to publish a run again that was rolled back.

    Raises:
        PublishError: Its rows are not kept.
    """
    generations = Generations.read(state, done.dataset)
    if generations.way(done.generation) is None:
        raise PublishError(
            f"The rows of run {done.run_id} are not kept, so it cannot be published again. Production is unchanged.",
            f"firn run {done.dataset}",
        )
    return _shown_again(generations, connection, done.generation, "republished", f"run {done.run_id} again")


def rollback(
    state: State, connection: Statements, dataset: str, to: int | None = None, *, of: int | None = None, why: str = ""
) -> Plan:
    """Plan to make an earlier generation visible again, by default the one before the visible rows.

    Args:
        state: What the target remembers.
        connection: Where statements go.
        dataset: Whose generation.
        to: Its number.
        of: The generation that must be visible still.
        why: What is recorded of it.

    Raises:
        PublishError: It is not kept, or another generation is visible meanwhile.
    """
    generations = Generations.read(state, dataset)
    if of is not None and generations.number != of:
        raise PublishError(
            f"Generation {of} of {dataset} is not visible any more: generation {generations.number} is, and stays.",
            f"firn show {dataset}",
        )
    way = generations.way(generations.before if to is None else to)
    if to is None and (way is None or not way.keeps):
        raise _nothing_before(generations)
    if to is None:
        to = generations.before
    if way is None:
        raise generations.refuse(to)
    return _shown_again(generations, connection, to, "rolled_back", why or f"back to generation {to}")


def _nothing_before(generations: Generations) -> PublishError:
    visible = generations.visible
    if visible is None or visible.kind != "rolled_back":
        return PublishError(
            f"No generation of {generations.dataset} before generation {generations.number} is kept. "
            "Production is unchanged.",
            f"firn rollback {generations.dataset} --to 0 takes its tables out of production: before it there were none"
            if generations.before == 0 and generations.way(0)
            else f"firn runs {generations.dataset}",
        )
    listed = generations.listed()
    return PublishError(
        f"Generation {visible.generation - 1} of {generations.dataset} was rolled back already, and none before "
        f"generation {visible.generation} is kept. Production is unchanged.",
        f"firn publish {listed[0].run_id} --again" if listed and listed[0].run_id else "firn runs",
    )


def _shown_again(generations: Generations, connection: Statements, to: int, kind: str, reason: str) -> Plan:
    """Plan to make an earlier generation visible again, for which there is a way."""
    way, origin, current = generations.way(to), generations.origin(to), generations.visible
    if way is None or origin is None or current is None:
        raise generations.refuse(to)
    shown = generations.shown(origin)
    source = way.schemas[0] if way.schemas else ""
    recorded: Mapping[str, Any] = shown.tables if shown else {}
    tables = {name: table for name, table in recorded.items() if name in way.tables}
    if way.replaced is not None:
        before = generations.before_that(way.replaced)
        tables = _kept(connection, source, way.replaced, before) if source else {}
    leaving = generations.leaving(way)
    return Plan(
        generations.dataset,
        current.generation,
        shown.run_id if shown else "",
        kind,
        source,
        tables,
        current,
        leaving=leaving,
        family=way.family,
        reason=reason,
        back=() if way.replaced else way.schemas,
        to=to,
        origin=origin,
        cursors=shown.cursors if shown else {},
        others=_others(shown, {*tables, *leaving}),
    )


def told(done: Publication) -> Published:
    """Return a publication as the engine knows it."""
    rows = {name: int(table["rows"]) for name, table in done.tables.items()}
    touched = {name: table for name, table in done.tables.items() if name in done.touched}
    strategies = {name: str(table.get("strategy", "swap")) for name, table in touched.items()}
    changes = {name: table["changes"] for name, table in touched.items() if "changes" in table}
    settled = touched if done.kind == "published" else {}
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
        {name: table["settled"] for name, table in settled.items() if "settled" in table},
        done.longest_wait_ms,
        done.wal_bytes,
        published_at=done.published_at,
    )


def _others(shown: Publication | None, touched: Collection[str]) -> Mapping[str, Any]:
    """Return what is recorded of the dataset's tables that a publication does not touch."""
    return {name: table for name, table in shown.tables.items() if name not in touched} if shown else {}


def _kept(connection: Statements, schema: str, replaced: Publication, before: Publication | None) -> dict[str, Any]:
    """Return what is recorded of the kept tables; of tables that firn did not make, what they are now."""
    names = [row.name for row in connection.execute(_SQL["tables"], {"schema": schema}).fetchall()]
    # A table that was not published then was never moved: production still shows it.
    moved = set(before.tables) & set(replaced.touched) if before else set()
    if moved - set(names):
        raise PublishError(
            f'Schema "{schema}" should keep {", ".join(sorted(moved))} and holds {", ".join(names)}. '
            "Production is unchanged.",
            f"firn show {replaced.dataset}",
        )
    recorded = dict(before.tables) if before else {}
    unknown = inventory.recorded(connection, schema, [name for name in names if name not in recorded])
    return {name: recorded.get(name) or unknown[name] for name in names}
