"""What changed at a source between two discoveries, and what is decided otherwise because of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipelines.engine.quarantine import counted
from pipelines.replication.retyping import effect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.replication.catalogue import Catalogue, Entry
    from pipelines.replication.retyping import Effect

__all__ = ["Change", "changes", "line", "lost"]

Kind = Literal[
    "database changed",
    "table added",
    "table dropped",
    "table renamed",
    "column added",
    "column dropped",
    "column renamed",
    "column retyped",
    "columns reordered",
    "key changed",
    "engine changed",
    "tier changed",
    "strategy changed",
]
DECISIONS: tuple[Kind, ...] = ("tier changed", "strategy changed")
"""The kinds that are no change at the source, but follow from one, or from its growth."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two catalogues.

    Attributes:
        kind: What happened.
        table: To which table, by its name of today where it still is there; empty for the database.
        column: To which column, likewise; empty for the table itself.
        before: What was declared or decided.
        after: What is.
        effect: Of a column that was declared anew; see ``Effect``.
        why: From which a rename is concluded, which the source does not tell; or the reason of a decision.
    """

    kind: Kind
    table: str
    column: str = ""
    before: str = ""
    after: str = ""
    effect: Effect | None = None
    why: str = ""


def changes(before: Catalogue, after: Catalogue) -> list[Change]:
    """Compare two catalogues; figures such as rows and sizes are no changes."""
    old, new = before.tables, after.tables
    renamed = renamed_tables(old, new)
    found = _databases(before.database, after.database)
    found += [Change("table dropped", name) for name in old if name not in {*new, *renamed}]
    found += [
        Change("table added", name, after=summary(new[name])) for name in new if name not in {*old, *renamed.values()}
    ]
    for was, name in renamed.items():
        why = f"the same {counted(len(old[was].columns), 'column')}"
        found.append(Change("table renamed", name, before=was, after=name, why=why))
    for name, entry in old.items():
        now = renamed.get(name, name)
        if now in new:
            found += _changed(now, entry, new[now])
    return sorted(found, key=lambda change: change.table)


def _databases(old: str, new: str) -> list[Change]:
    return [Change("database changed", "", before=old, after=new)] if old != new else []


def summary(entry: Entry) -> str:
    """Say in a few words what a table is."""
    return f"{counted(len(entry.columns), 'column')}, {counted(entry.rows, 'row')}, {entry.tier}, {entry.strategy}"


def lost(before: Catalogue, found: Sequence[Change]) -> tuple[int, float]:
    """Count the tables that are gone and not just renamed, and say which percentage of all they are."""
    gone = sum(change.kind == "table dropped" for change in found)
    return gone, 100 * gone / max(1, len(before.tables))


def renamed_tables(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> dict[str, str]:
    """Pair tables that are gone with new ones of exactly the same columns, those with the most similar names first."""
    came = [name for name in new if name not in old]
    pairs = [
        (gone, name)
        for gone in old
        if gone not in new
        for name in came
        if list(old[gone].columns.items()) == list(new[name].columns.items())
    ]
    return _matched(pairs)


def renamed_columns(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Pair columns that are gone with new ones of the same type at the same place, those of similar names first."""
    common = old.keys() & new.keys()
    pairs = [
        (gone, name)
        for gone in old
        if gone not in new
        for name in new
        if name not in old and old[gone] == new[name] and _place(gone, old, common) == _place(name, new, common)
    ]
    return _matched(pairs)


def _place(name: str, columns: Mapping[str, str], common: set[str]) -> str:
    """Name the last column before it that both have."""
    names = list(columns)
    return next((one for one in reversed(names[: names.index(name)]) if one in common), "")


def _matched(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for gone, came in sorted(pairs, key=lambda pair: -difflib.SequenceMatcher(None, *pair).ratio()):
        if gone not in found and came not in found.values():
            found[gone] = came
    return found


def _changed(table: str, old: Entry, new: Entry) -> list[Change]:
    return [*_columns(table, old.columns, new.columns), *_structure(table, old, new), *_decisions(table, old, new)]


def _columns(table: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    renamed = renamed_columns(old, new)
    common = old.keys() & new.keys()
    found = [
        Change("column renamed", table, now, was, now, why=f"both {new[now]}, at the same place")
        for was, now in renamed.items()
    ]
    found += [Change("column dropped", table, name, old[name]) for name in old if name not in {*new, *renamed}]
    found += [
        Change("column added", table, name, after=new[name]) for name in new if name not in {*old, *renamed.values()}
    ]
    found += [
        Change("column retyped", table, name, old[name], new[name], effect(old[name], new[name]))
        for name in new
        if name in common and old[name] != new[name]
    ]
    if [name for name in old if name in common] != [name for name in new if name in common]:
        found.append(Change("columns reordered", table))
    return found


def _structure(table: str, old: Entry, new: Entry) -> list[Change]:
    renamed = renamed_columns(old.columns, new.columns)
    found = []
    if tuple(renamed.get(column, column) for column in old.key) != new.key:
        found.append(Change("key changed", table, before=_key(old), after=_key(new)))
    if old.engine != new.engine:
        found.append(Change("engine changed", table, before=old.engine, after=new.engine))
    return found


def _key(entry: Entry) -> str:
    return ", ".join(entry.key) or "none"


def _decisions(table: str, old: Entry, new: Entry) -> list[Change]:
    found = []
    if old.tier != new.tier:
        found.append(Change("tier changed", table, before=old.tier, after=new.tier, why=new.tier_reason))
    if _strategy(old) != _strategy(new):
        why = new.strategy_reason
        found.append(Change("strategy changed", table, before=_strategy(old), after=_strategy(new), why=why))
    return found


def _strategy(entry: Entry) -> str:
    return entry.strategy + (f" from {entry.incremental_column}" if entry.incremental_column else "")


def line(change: Change) -> str:
    """Write one change as a line: ``+`` came, ``-`` is gone, ``~`` is otherwise."""
    place = f"{change.table}.{change.column}" if change.column else change.table
    kind = change.kind.removeprefix("column ").removeprefix("table ")
    match kind:
        case "added":
            return f"+ {place}: {change.after}"
        case "dropped":
            return f"- {place}" + (f": {change.before}" if change.before else "")
        case "renamed":
            was = f"{change.table}.{change.before}" if change.column else change.before
            return f"~ {was} -> {change.after}: probably renamed ({change.why})"
        case "retyped":
            return f"~ {place}: {change.before} -> {change.after} ({change.effect})"
        case _:
            return f"~ {_otherwise(change)}"


def _otherwise(change: Change) -> str:
    if change.kind == "columns reordered":
        return f"{change.table}: columns in another order"
    what = f"{change.kind.removesuffix(' changed')} {change.before} -> {change.after}"
    why = f" ({change.why})" if change.why else ""
    return f"{change.table}: {what}{why}" if change.table else what
