"""Whether a target is fit to be published to: its settings, who is in the way right now, and what dead runs left.

What is left is recognised by the record alone. A schema that only looks like one of firn's is named, never dropped.
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import Literal

from firn import FirnError, Health
from loaders import cleanup, clocks, queries, shadows
from loaders.generations import Generations
from loaders.preflight import check_target
from loaders.sessions import told
from loaders.sqlstates import primary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.state import State

__all__ = ["Leftover", "judged", "leftovers", "target"]

_SQL = queries.read("health.sql")
_OLD_S = 60
_HELD_S = 5
_COPIES = 2  # of production: the tables that come, and the log of writing them
_HERE = ("", "localhost", "127.0.0.1", "::1")
_LOCKS_OF_A_RELATION = 4  # of the table that goes and of the one that comes, each in two schemas' worth of objects
_THIRD = 3


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that firn made and nobody needs any more.

    Attributes:
        dataset: Whose it was.
        what: What it is, by name.
        why: Why nobody needs it.
        drop: Drops it, and tells whether it is gone; raises ``psycopg.Error`` where somebody uses or needs it.
    """

    dataset: str
    what: str
    why: str
    drop: Callable[[], bool]


def target(connection: Statements, names: Namespace, budget_ms: int) -> list[Health]:
    """Judge the server, its settings, and who is in the way of a publication now."""
    try:
        check_target(connection, names)
    except FirnError as error:
        return [Health("target", passed=False, detail=error.message, hint=error.hint)]
    server = connection.execute(_SQL["server"].format(production=Literal(names.production))).fetchall()[0]
    rights = f"PostgreSQL {server.version}, reached directly, with the rights that a publication needs"
    taken, shown = (f"{count / 1e6:,.0f} MB" for count in (server.bytes, server.production_bytes))
    size = f"the database takes {taken}, of it production {shown}: a swap takes as much again"
    return [
        Health("target", passed=True, detail=rights),
        _deadlock(int(server.deadlock_ms), budget_ms),
        _locks(int(server.locks), int(server.relations)),
        _publications(connection, server.wal_level),
        _snapshots(connection),
        _blockers(connection, names),
        _prepared(connection),
        _disk(connection, size, int(server.production_bytes)),
        _clock(connection),
    ]


def leftovers(connection: Statements, state: State, names: Namespace, keep: int, budget_ms: int) -> list[Leftover]:
    """Return what dead runs left, and earlier generations beyond those that are kept."""

    def without(schema: str) -> bool:
        cleanup.drop_schema(connection, schema, budget_ms)
        return True

    def unshadowed(shadow: shadows.Shadow) -> bool:
        shadows.clear(connection, names.state, budget_ms)
        return shadow not in shadows.left(connection, names.state)

    if not state.exists():
        return []
    schemas = [*_staged(state), *_beyond(state, keep)]
    return [
        *(Leftover(dataset, f'schema "{name}"', why, partial(without, name)) for name, dataset, why in schemas),
        *(
            Leftover(shadow.dataset, str(shadow), "was made for a publication that died", partial(unshadowed, shadow))
            for shadow in shadows.dead(connection, names.state)
        ),
    ]


def judged(
    connection: Statements, state: State, names: Namespace, left: Sequence[Leftover], *, fix: bool
) -> Iterator[Health]:
    """Say what is left, and drop it where that is asked for.

    Yields:
        For each thing what became of it; one line where nothing is left.
    """
    yield from (_dropped(state, leftover) if fix else _would(leftover) for leftover in left)
    for name in _strangers(connection, state, names):
        wrong = f'schema "{name}" is called like one of firn\'s, and nothing is recorded of it'
        yield Health("leftovers", passed=False, detail=wrong, hint=f'look into it, then DROP SCHEMA "{name}"')
    for run in state.stale():
        wrong = f"run {run.run_id} waits to be published on generation {run.generation}, and {run.visible} is visible"
        yield Health("leftovers", passed=False, detail=wrong, hint=f"firn discard {run.run_id}")
    if not left:
        yield Health("leftovers", passed=True, detail="nothing is left of dead runs")


def _would(leftover: Leftover) -> Health:
    return Health(
        "leftovers", passed=False, detail=f"{leftover.what} {leftover.why}", hint="firn doctor --fix drops it"
    )


def _dropped(state: State, leftover: Leftover) -> Health:
    try:
        why = "" if leftover.drop() else "somebody uses it"
    except psycopg.Error as exc:
        why = primary(exc)
    if why:
        wrong = f"{leftover.what} {leftover.why}, and could not be dropped: {why}"
        return Health("leftovers", passed=False, detail=wrong, hint="firn doctor --fix, once nobody needs it")
    state.act("removed", leftover.dataset, detail=leftover.what)
    return Health("leftovers", passed=True, detail=f"dropped {leftover.what}: it {leftover.why}")


def _strangers(connection: Statements, state: State, names: Namespace) -> list[str]:
    prefixes = {"staging": Literal(names.staging), "previous": Literal(names.previous)}
    found = [row.name for row in connection.execute(_SQL["schemas"].format(**prefixes)).fetchall()]
    known = state.schemas() if found else set()
    return [name for name in found if name not in known]


def _staged(state: State) -> Iterator[tuple[str, str, str]]:
    for run in state.staged():
        if state.is_leased(run.run_id) or not state.hold(run.run_id):
            continue  # another process works on it
        state.release(run.run_id)
        yield run.schema, run.pipeline, f"was staged by run {run.run_id}, which is {run.status}"


def _beyond(state: State, keep: int) -> Iterator[tuple[str, str, str]]:
    for dataset in state.datasets():
        generations = Generations.read(state, dataset)
        needed = {schema for schemas in generations.retained(keep).values() for schema in schemas}
        for schema in sorted(generations.kept.keys() - needed):
            yield schema, dataset, f"is not needed for what keep_generations = {keep} keeps of {dataset}"


def _deadlock(deadlock_ms: int, budget_ms: int) -> Health:
    fits = budget_ms * _THIRD <= deadlock_ms
    return Health(
        "deadlock_timeout",
        passed=fits,
        detail=f"{deadlock_ms} ms; readers wait {budget_ms} ms at most" + ("" if fits else ", which is too near to it"),
        hint="" if fits else f"set target.lock_budget_ms to {max(1, deadlock_ms // _THIRD)} or less",
    )


def _locks(locks: int, relations: int) -> Health:
    needed = _LOCKS_OF_A_RELATION * relations
    fits = needed <= locks
    return Health(
        "max_locks_per_transaction",
        passed=fits,
        detail=f"room for {locks:,} locks; publishing all {relations:,} relations of production may take {needed:,}",
        hint="" if fits else "raise max_locks_per_transaction, and restart the server",
    )


def _publications(connection: Statements, wal_level: str) -> Health:
    named = [row.name for row in connection.execute(_SQL["publications"]).fetchall()]
    return Health(
        "publications",
        passed=not named,
        detail=f"wal_level {wal_level}; "
        + (
            f"{', '.join(named)} of ALL TABLES would send staging rows to subscribers"
            if named
            else "none of ALL TABLES"
        ),
        hint='strategy = "diff" in the pipeline, or name the tables of the publication' if named else "",
    )


def _snapshots(connection: Statements) -> Health:
    query = _SQL["snapshots"].format(old=Literal(f"{_OLD_S} s"))
    found = connection.execute(query).fetchall()
    return Health(
        "transactions",
        passed=not found,
        detail=f"open for more than {_OLD_S} s: {told(found)}" if found else f"none is open for more than {_OLD_S} s",
        hint="wait until it ends, or end it with SELECT pg_terminate_backend(pid)" if found else "",
    )


def _blockers(connection: Statements, names: Namespace) -> Health:
    query = _SQL["blockers"].format(production=Literal(names.production), old=Literal(f"{_HELD_S} s"))
    found = connection.execute(query).fetchall()
    return Health(
        "blockers",
        passed=not found,
        detail=f"hold tables of production: {told(found)}" if found else f"nobody holds a table for {_HELD_S} s",
        hint="wait until it ends, or end it with SELECT pg_terminate_backend(pid)" if found else "",
    )


def _disk(connection: Statements, size: str, needed: int) -> Health:
    """Compare what is free with what a swap may take, where the server's disk is this machine's."""
    place = connection.execute(_SQL["place"]).fetchall()[0].folder
    host = connection.info.host
    if place is None or not (host.startswith("/") or host in _HERE) or not Path(place).is_dir():
        return Health("disk", passed=True, detail=f"{size}; what is free there cannot be seen from here")
    free, wanted = shutil.disk_usage(place).free, _COPIES * needed
    fits = free >= wanted
    detail = f"{size}; {free / 1e6:,.0f} MB are free"
    return Health("disk", passed=fits, detail=detail, hint="" if fits else f"free {wanted / 1e6:,.0f} MB: df {place}")


def _clock(connection: Statements) -> Health:
    before = dt.datetime.now(dt.UTC)
    theirs = connection.execute(_SQL["clock"]).fetchall()[0].now
    return clocks.compared("clock", theirs, before, dt.datetime.now(dt.UTC))


def _prepared(connection: Statements) -> Health:
    found = connection.execute(_SQL["prepared"]).fetchall()
    named = "; ".join(f"{row.gid} of role {row.role}, {row.seconds} s ago" for row in found)
    return Health(
        "prepared transactions",
        passed=not found,
        detail=named or "none",
        hint=f"COMMIT PREPARED or ROLLBACK PREPARED '{found[0].gid}'" if found else "",
    )
