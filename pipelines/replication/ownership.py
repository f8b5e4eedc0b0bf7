"""Who writes a table of production, a legacy pipeline or firn, and what is proven before that changes.

The target's audit remembers it, as what was done: a table was left to legacy, was found equal to what firn makes of it
in another schema, was taken from legacy. What was done last counts.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firn import ConfigError, Run, StateError
from pipelines.engine.against import held

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from loaders.contrast import Contrasts
    from loaders.loader import Loader

__all__ = ["FRESH", "Standing", "accept", "refuse_owned", "standings"]

FRESH = dt.timedelta(days=7)
"""How old a comparison may be: legacy goes on writing, and what was equal then says ever less of today."""

LEFT, EQUAL, TAKEN = "left to legacy", "found equal", "taken from legacy"
_MOST = 1_000_000
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """What the target remembers of a table that legacy owned at some time.

    Attributes:
        owner: ``legacy`` or ``firn``.
        equal_at: When it was last found equal since it was left to legacy.
    """

    owner: str
    equal_at: dt.datetime | None = None


def refuse_owned(
    loader: Loader, run: Run, owners: Mapping[str, str], wanted: Collection[str], *, remember: bool = True
) -> None:
    """Let a run go on only where firn owns every table that it would publish; to be asked before anything is read.

    Args:
        loader: The target.
        run: The run.
        owners: By table of the catalogue who owns it by the settings, ``legacy`` or ``firn``.
        wanted: The tables that this run would publish.
        remember: Whether the target is to remember who owns them now; a dry run writes nothing.

    Raises:
        ConfigError: Legacy owns one.
        StateError: Legacy owned one, and it was not found equal since, or too long ago.
    """
    known = standings(loader.acts(run.pipeline, _MOST))
    legacys = sorted(name for name, owner in owners.items() if owner == "legacy")
    if remember and (left := [name for name in legacys if name not in known or known[name].owner != "legacy"]):
        loader.act(run, LEFT, json.dumps(left))
    if refused := [name for name in legacys if name in wanted]:
        raise _left(run.pipeline, refused)
    taken = sorted(name for name in wanted if name in known and known[name].owner == "legacy")
    if unproven := {name: known[name].equal_at for name in taken if not _is_proven(known[name], run)}:
        raise _unproven(run.pipeline, unproven)
    if remember and taken:
        loader.act(run, TAKEN, json.dumps(taken))


def accept(loader: Loader, name: str, schema: str, found: Contrasts, allowed: Sequence[str]) -> list[str]:
    """Record which tables of production are equal to what firn shows of them in another schema, and name them.

    Raises:
        StateError: What the other schema shows was not published by firn, so equality with it says nothing of firn.
    """
    if not found.run_id:
        raise StateError(
            f'Schema "{schema}" shows nothing of {name} that firn published: that production is equal to it would say '
            "nothing of firn. Nothing was recorded.",
            "compare where legacy owns production with the schema into which firn publishes beside it",
        )
    run = Run(found.run_id, name, dt.datetime.now(dt.UTC))
    both = {table: one for table, one in found.tables.items() if one.here and one.there in found.published}
    equal = {table: one.rows for table, one in both.items() if not held(one, allowed)}
    if equal:
        loader.act(run, EQUAL, json.dumps({"schema": schema, "allowed": list(allowed), "tables": equal}))
    return sorted(equal)


def standings(acts: Iterable[Mapping[str, Any]]) -> dict[str, Standing]:
    """Work out how tables stand from what was done, the latest first."""
    found: dict[str, Standing] = {}
    for act in reversed([act for act in acts if act["action"] in {LEFT, EQUAL, TAKEN}]):
        detail = json.loads(act["detail"])
        for table in detail["tables"] if act["action"] == EQUAL else detail:
            found[table] = _after(act, found.get(table))
    return found


def _after(act: Mapping[str, Any], before: Standing | None) -> Standing:
    if act["action"] == EQUAL:
        return Standing(before.owner if before else "firn", act["at"])
    return Standing("legacy" if act["action"] == LEFT else "firn")


def _is_proven(standing: Standing, run: Run) -> bool:
    return standing.equal_at is not None and run.started_at - standing.equal_at <= FRESH


def _named(tables: Sequence[str]) -> str:
    more = len(tables) - _MOST_NAMED
    return ", ".join(tables[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _left(pipeline: str, tables: Sequence[str]) -> ConfigError:
    return ConfigError(
        f'Legacy owns {_named(tables)}: owner = "legacy" in [{pipeline}.tables.{tables[0]}], or for its tier. '
        "Nothing was read or written; production is unchanged.",
        f"firn run {pipeline} --exclude {','.join(tables)}",
    )


def _unproven(pipeline: str, tables: Mapping[str, dt.datetime | None]) -> StateError:
    never, late = "not found equal since", f"found equal more than {FRESH.days} days ago, on {{:%Y-%m-%d}}"
    named = _named([f"{name} ({late.format(at) if at else never})" for name, at in tables.items()])
    return StateError(
        f"Legacy owned {named}: firn writes a table of legacy's only after a clean comparison. "
        "Nothing was read or written; production is unchanged.",
        f"firn diff {pipeline} --against SCHEMA --tables {','.join(tables)} --accept",
    )
