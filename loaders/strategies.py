"""How each table of a publication is published: by replacing it, or by changing its rows; and why so.

A publication is of one family. Who still reads an old snapshot sees the old rows of a table whose rows changed, and the
new ones of a table that was replaced; of a publication that did both, he would see two generations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from firn import PublishError
from loaders import delta, evolution, inventory, policies, shapes, wanted
from loaders.obstacles import obstacle

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from firn import Dataset, Namespace
    from loaders.connections import Statements
    from loaders.ddl import Layout
    from loaders.publish import Family, Plan
    from loaders.shapes import Shape

__all__ = ["choose", "decide", "family", "mark", "preferred", "show"]

_MOST_CHANGED = 0.3  # of the rows: from there on a swap writes less than the changes would
_ESTIMATED = "auto"
Choice = dict[str, tuple[str, str]]
"""Table -> strategy, and why."""


def family(dataset: Dataset) -> Family | None:
    """Return the family that a dataset states, if it does.

    Raises:
        PublishError: It states both. Production is unchanged.
    """
    stated = {name: dataset.strategy_of(name) for name in dataset.contracts}
    swapped = [name for name, word in stated.items() if word == "swap"]
    changed = [name for name, word in stated.items() if word not in ("swap", "auto")]
    if swapped and changed:
        raise PublishError(
            f'Dataset {dataset.name} would replace table "{swapped[0]}" and change rows of table "{changed[0]}" in one '
            "publication, in which old snapshots would see two generations. Production is unchanged.",
            "state swap for all of its tables, or for none",
        )
    return "swap" if swapped else "changes" if changed else None


def preferred(
    dataset: Dataset, layouts: Mapping[str, Layout], found: Mapping[str, Shape], production: str
) -> Family | None:
    """Return the family that a dataset states, or changes where rows stay and nothing is in the way of it.

    Who changes a row of production while a run loads is no obstacle to changes, and would be one to a swap that keeps
    rows.

    Raises:
        PublishError: It states both. Production is unchanged.
    """
    stated = family(dataset)
    if stated or not found or not policies.keeping(dataset):
        return stated
    words = {name: _word(dataset, layout) for name, layout in layouts.items()}
    return None if _obstacles(layouts, found, words, production, dataset.evolves) else "changes"


def choose(
    dataset: Dataset,
    layouts: Mapping[str, Layout],
    found: Mapping[str, Shape],
    production: str,
    refusal: PublishError | None,
) -> Choice:
    """Return how each table would be published.

    Args:
        dataset: What is stated.
        layouts: The contracts.
        found: What the tables of production look like; those that are missing there are new.
        production: The schema.
        refusal: Why the tables cannot be replaced.

    Raises:
        PublishError: What is stated is not possible, or nothing is. Production is unchanged.
    """
    stated = family(dataset)
    if stated == "swap" or (stated is None and not found):
        if refusal:
            raise refusal
        return {name: ("swap", f'{_there(name, found, "replaced")} in schema "{production}"') for name in layouts}
    why = "" if refusal is None else f": {_said(refusal)}"
    words = {name: _word(dataset, layout) for name, layout in layouts.items()}
    obstacles = _obstacles(layouts, found, words, production, dataset.evolves)
    if obstacles is None and stated is None and refusal is None and not policies.keeping(dataset):
        return {name: (_ESTIMATED, _estimated(name, found, production)) for name in layouts}
    if obstacles is None:
        where = f'in schema "{production}"{why}'
        return {name: (word, f"{_there(name, found, 'rows changed')} {where}") for name, word in words.items()}
    if stated is None and refusal is None:
        reason = f'replaced in schema "{production}": {_said(obstacles)}'
        return {name: ("swap", reason if name in found else f'new in schema "{production}"') for name in layouts}
    if refusal:
        raise PublishError(f"{_said(refusal)}. {obstacles.message}", f"{refusal.hint}; or {obstacles.hint}")
    raise obstacles


def mark(tables: Mapping[str, dict[str, Any]], choice: Choice, dataset: Dataset, layouts: Mapping[str, Layout]) -> Any:  # noqa: ANN401
    """Return what is recorded of tables, with how they are to be published and what that takes."""
    return {
        name: {
            **table,
            "strategy": choice[name][0],
            "reason": choice[name][1],
            "key": list(layouts[name].key),
            "columns": [column.name for column in layouts[name].columns],
            "deletes": dataset.deletes_of(name),
            **({"evolves": True} if name in dataset.evolves else {}),
            **({"policy": dataset.policy_of(name)} if dataset.policy_of(name) in policies.WORDS else {}),
        }
        if name in choice
        else table
        for name, table in tables.items()
    }


def decide(connection: Statements, namespace: Namespace, plan: Plan) -> Plan:
    """Return a plan with its family; where either would do, the share of rows that differ decides."""
    words = {str(table.get("strategy", "swap")) for table in plan.tables.values()}
    reason = next((str(table.get("reason", "")) for table in plan.tables.values()), "")
    if _ESTIMATED not in words:
        return replace(plan, family="swap" if words <= {"swap"} else "changes", reason=reason)
    changed = _as_changes(plan)
    try:
        with connection.transaction():
            connection.execute("SET LOCAL row_security = off")
            share = _share(connection, namespace, changed)
    except (PublishError, psycopg.errors.InsufficientPrivilege) as exc:
        return _as_swap(plan, f"rows cannot be changed: {_said(exc) if isinstance(exc, PublishError) else exc}")
    told = f"{share:.1%} of the rows differ"
    if share > _MOST_CHANGED:
        return _as_swap(plan, f"{told}, more than {_MOST_CHANGED:.0%}")
    return replace(changed, family="changes", reason=f"{told}, at most {_MOST_CHANGED:.0%}")


def show(connection: Statements, namespace: Namespace, plan: Plan, sample: int) -> dict[str, delta.Delta]:
    """Return what a publication would change, by table.

    Raises:
        PublishError: A table of production is not one that could be compared. Production is unchanged.
    """
    plan = _as_changes(plan)
    with connection.transaction():
        connection.execute("SET LOCAL row_security = off")
        found = shapes.read(connection, namespace.production, plan.tables)
        changes = wanted.changes(connection, namespace, plan, found, "")
        known = {name: delta.read(connection, change, sample) for name, change in changes.items()}
    return {name: known.get(name) or delta.Delta(int(plan.tables[name]["rows"]), 0, 0) for name in plan.tables}


def _word(dataset: Dataset, layout: Layout) -> str:
    kept, stated = policies.WORDS.get(dataset.policy_of(layout.table)), dataset.strategy_of(layout.table)
    return kept or (stated if stated != "auto" else "diff" if layout.key else "rewrite")


def _there(name: str, found: Mapping[str, Shape], word: str) -> str:
    return word if name in found else "new"


def _estimated(name: str, found: Mapping[str, Shape], production: str) -> str:
    if name not in found:
        return f'new in schema "{production}"'
    return f'rows changed in schema "{production}" if at most {_MOST_CHANGED:.0%} differ, otherwise replaced'


def _obstacles(
    layouts: Mapping[str, Layout],
    found: Mapping[str, Shape],
    words: Mapping[str, str],
    production: str,
    evolves: Collection[str],
) -> PublishError | None:
    for name, layout in layouts.items():
        if words[name] in ("diff", "merge", "insert", "append") and not layout.key:
            return _obstructed(name, production, "its contract has no key", "state a primary key, or rewrite")
        if name not in found:
            continue
        shape, types = found[name], layout.types
        if name in evolves:
            added = evolution.missing(shape, types)
            shape = evolution.evolved(shape, types)
            types = {column: type_ for column, type_ in types.items() if column not in added}
        stands = obstacle(shape, words[name], layout.key, types, production)
        if stands:
            return _obstructed(name, production, *stands)
    return None


def _obstructed(name: str, production: str, reason: str, hint: str) -> PublishError:
    return PublishError(
        f'Rows of table "{production}"."{name}" cannot be changed in place: {reason}. Production is unchanged.', hint
    )


def _said(exc: PublishError) -> str:
    return exc.message.removesuffix(" Production is unchanged.").removesuffix(".")


def _as_swap(plan: Plan, reason: str) -> Plan:
    tables = {name: {**table, "strategy": "swap"} for name, table in plan.tables.items()}
    return replace(plan, family="swap", reason=reason, tables=tables)


def _as_changes(plan: Plan) -> Plan:
    """Return a plan in which tables that may be replaced are compared row by row where they can be."""
    tables = {
        name: {**table, "strategy": "diff" if table.get("key") else "rewrite"}
        if table.get("strategy", "swap") in ("swap", _ESTIMATED)
        else table
        for name, table in plan.tables.items()
    }
    return replace(plan, tables=tables)


def _share(connection: Statements, namespace: Namespace, plan: Plan) -> float:
    found = shapes.read(connection, namespace.production, plan.tables)
    changes = wanted.changes(connection, namespace, plan, found, "")
    counts = [delta.count(connection, change) for change in changes.values()]
    new = sum(int(table["rows"]) for name, table in plan.tables.items() if name not in changes)
    held = sum(inventory.count(connection, namespace.production, name) for name in changes)
    touched = new + sum(sum(count.values()) for count in counts)
    total = held + new + sum(count["inserted"] for count in counts)
    return touched / total if total else 0.0
