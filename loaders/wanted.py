"""What each table should hold: the staged rows, or those of an earlier generation, found by what leads back to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import PublishError
from loaders import delta, queries, ranges, shapes
from loaders.delta import Change, Others
from loaders.obstacles import obstacle
from loaders.sqlstates import primary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.publish import Plan
    from loaders.shapes import Shape

__all__ = ["changes"]

_SQL = queries.read("wanted.sql")
_MARKS = ("firn change", "firn after")


def changes(
    connection: Statements, namespace: Namespace, plan: Plan, found: Mapping[str, Shape], kept: str
) -> dict[str, Change]:
    """Return what each table of a publication should hold.

    Args:
        connection: Where statements go.
        namespace: The schemas.
        plan: The publication.
        found: What the tables of production look like.
        kept: The schema in which the changes will be written down.

    Raises:
        PublishError: A table is not one whose rows can be changed so, or rows were changed since by somebody else; up
            to ten are named. Production is unchanged.
    """
    if plan.back:
        return _undone(connection, namespace.production, plan, found, kept)
    return {
        name: _staged(connection, namespace.production, plan, found[name], kept)
        for name in sorted(plan.tables)
        if name in found
    }


def _staged(connection: Statements, production: str, plan: Plan, shape: Shape, kept: str) -> Change:
    recorded, name = plan.tables[shape.table], shape.table
    strategy, key, columns = str(recorded["strategy"]), recorded["key"], recorded["columns"]
    ours = shapes.read(connection, plan.source, [name])[name].columns
    reason = obstacle(shape, strategy, key, {column: ours[column].type for column in columns}, production)
    if reason:
        raise PublishError(
            f'Rows of table "{production}"."{name}" cannot be changed: {reason[0]}. Production is unchanged.', reason[1]
        )
    table, staged = Identifier(production, name), Identifier(plan.source, name)
    types = {column: shape.columns[column].type for column in columns}
    _refuse_bent(connection, plan, Identifier(production, name).as_string(), name, types)
    present = _present(connection, table, types, staged, recorded)
    change = Change(
        name,
        strategy,
        table,
        _inserted(table, types, staged, key, present) if strategy == "insert" else delta.relation(staged, types),
        present,
        Identifier(kept, name),
        tuple(key),
        tuple(columns),
        _others(shape, columns),
        Identifier(kept, delta.aside(name)),
    )
    _refuse_doubled(connection, change)
    return change


def _present(
    connection: Statements, table: Identifier, types: Mapping[str, str], staged: Identifier, recorded: Mapping[str, Any]
) -> Composed:
    """Return the rows of a table that staged ones are compared with: all, or those that they may touch."""
    if recorded["strategy"] not in ("merge", "insert", "append"):
        return delta.relation(table, types)
    concerned, replaced = staged, ranges.marked(recorded)
    if replaced:
        concerned = _concerned(
            connection, table, staged, recorded["key"], ranges.rows(replaced, types[recorded["key"][0]])
        )
    return delta.relation(table, types, _SQL["only"].format(staged=concerned, on=_on(recorded["key"], "s", "t")))


def _inserted(
    table: Identifier, types: Mapping[str, str], staged: Identifier, key: Sequence[str], present: Composed
) -> Composed:
    """Return the staged rows whose key is not there, and those that are there as they are."""
    new = delta.relation(staged, types, _SQL["absent"].format(table=table, on=_on(key, "p", "t")))
    return _SQL["inserted"].format(new=new, present=present)


def _concerned(
    connection: Statements, table: Identifier, staged: Identifier, key: Sequence[str], replaced: Composed
) -> Identifier:
    """Return a relation with the keys of all rows that may be touched, if more than the staged ones may be."""
    concerned = Identifier("pg_temp", delta.aside(str(staged.as_string())))
    parts = {"table": table, "staged": staged, "concerned": concerned, "key": delta.joined(map(Identifier, key))}
    connection.execute(_SQL["by_index"])
    gone = connection.execute(
        _SQL["gone"].format(
            ranges=replaced,
            key_of_t=delta.joined(Identifier("t", name) for name in key),
            first=Identifier(key[0]),
            on=_on(key, "s", "t"),
            **parts,
        )
    ).rowcount
    connection.execute(_SQL["as_before"])
    if not gone:
        return staged
    connection.execute(_SQL["also_staged"].format(**parts))
    return concerned


def _refuse_bent(connection: Statements, plan: Plan, place: str, name: str, types: Mapping[str, str]) -> None:
    """Refuse values that production's type of a column would make others of: a cast cuts and rounds without a word."""
    staged = shapes.read(connection, plan.source, [name])[name].columns
    for column, theirs in types.items():
        ours = staged[column].type
        told = _bent(connection, Identifier(plan.source, name), column, ours, theirs) if ours != theirs else ""
        if told:
            raise PublishError(
                f'Column "{column}" of table "{name}" is {theirs} in production, which cannot hold {told}. '
                "Production is unchanged.",
                f"widen the column in production: ALTER TABLE {place} ALTER COLUMN {Identifier(column).as_string()} "
                f"TYPE {ours}; or correct the value",
            )


def _bent(connection: Statements, staged: Identifier, column: str, ours: str, theirs: str) -> str:
    try:
        value = delta.bent(connection, staged, column, ours, theirs)
    except psycopg.DataError as exc:
        return f"every value of it: {primary(exc)}"
    return repr(value) if value is not None else ""


def _refuse_doubled(connection: Statements, change: Change) -> None:
    keys = delta.doubled(connection, change) if change.strategy == "append" else []
    if keys:
        raise PublishError(
            f'Table "{change.name}" holds keys already that were to be appended: {"; ".join(keys)}. '
            "Production is unchanged.",
            "append only rows that are new, or state the strategy merge",
        )


def _undone(
    connection: Statements, production: str, plan: Plan, found: Mapping[str, Shape], kept: str
) -> dict[str, Change]:
    chains: dict[str, list[tuple[Identifier, Shape]]] = {}
    asides: dict[str, list[tuple[Identifier, Shape]]] = {}
    for schema in plan.back:
        for name, shape in shapes.read_all(connection, schema).items():
            _refuse_emptied(connection, plan, Identifier(schema, name), name)
            found_in = asides if delta.OTHERS in shape.columns else chains
            found_in.setdefault(name, []).append((Identifier(schema, name), shape))
    undone = {}
    for name, chain in sorted(chains.items()):
        _refuse_unlike(plan, name, [shape for _, shape in chain], found.get(name))
        kind = _by_rows if "firn change" in chain[0][1].columns else _whole
        change = kind(connection, Identifier(production, name), chain, kept, plan)
        undone[name] = _with_others(change, found[name], kept, asides.get(delta.aside(name), []))
    return undone


def _others(shape: Shape, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        column.name for column in shape.columns.values() if not column.generated and column.name not in columns
    )


def _with_others(change: Change, now: Shape, kept: str, stored: Sequence[tuple[Identifier, Shape]]) -> Change:
    """Return a change by which rows come back with the values that others had given them."""
    if not change.by_rows:
        return change
    others = _others(now, change.columns)
    change = replace(change, others=others, aside=Identifier(kept, delta.aside(change.name)))
    columns = [name for name in others if all(name in shape.columns for _, shape in stored)]
    if not stored or not columns:
        return change
    key = delta.joined(map(Identifier, change.key))
    names = delta.joined(map(Identifier, columns))
    stack = SQL(" UNION ALL ").join(
        _SQL["stack_of_others"].format(key=key, others=names, place=Literal(place), kept=table)
        for place, (table, _) in enumerate(stored)
    )
    restored = Others(_SQL["restored"].format(key=key, stack=stack), columns)
    return replace(change, restored=restored)


def _refuse_emptied(connection: Statements, plan: Plan, kept: Identifier, name: str) -> None:
    if not delta.is_whole(connection, kept):
        raise PublishError(
            f'What led back to an earlier generation of table "{name}" was lost when the server crashed: where a '
            "publication sends all tables it is not logged. Production is unchanged.",
            f"correct the source and run again: firn run {plan.dataset}",
        )


def _refuse_unlike(plan: Plan, name: str, shapes_: Sequence[Shape], now: Shape | None) -> None:
    columns = [list(shape.columns) for shape in shapes_]
    missing = set(columns[0]) - {*_MARKS, *(now.columns if now else ())}
    if missing:
        raise PublishError(
            f'Table "{name}" no longer has {", ".join(sorted(missing))}, which generation {plan.generation} of '
            f"{plan.dataset} changed. Production is unchanged.",
            "firn runs",
        )
    if any(other != columns[0] for other in columns):
        raise PublishError(
            f'Generations of table "{name}" changed other columns, or in another way, and cannot be undone together. '
            "Production is unchanged.",
            f"firn rollback {plan.dataset}, one generation at a time",
        )


def _by_rows(
    connection: Statements, table: Identifier, chain: Sequence[tuple[Identifier, Shape]], kept: str, plan: Plan
) -> Change:
    shape = chain[0][1]
    columns = [name for name in shape.columns if name not in _MARKS]
    key = [name for name in columns if name in shape.keys[0]]
    parts: dict[str, Any] = {
        "columns": delta.joined(map(Identifier, columns)),
        "key": delta.joined(map(Identifier, key)),
        "table": table,
    }
    parts["stack"] = SQL(" UNION ALL ").join(
        _SQL["stack"].format(kept=one, place=Literal(i), **parts) for i, (one, _) in enumerate(chain)
    )
    present = _SQL["present"].format(on=_on(key, "k", "t"), **parts)
    wanted = _SQL["wanted"].format(**parts)
    change = Change(shape.table, "diff", table, wanted, present, Identifier(kept, shape.table), key, columns)
    query = _SQL["changed_since"].format(
        keys=delta.told(change, "d"),
        present=present,
        on=change.on("d", "p"),
        first=Identifier(key[0]),
        order=delta.joined(Identifier("d", name) for name in key),
        **{name: part for name, part in parts.items() if name in ("key", "stack")},
    )
    since = [str(row.key) for row in connection.execute(query).fetchall()]
    if since:
        raise _changed_since(plan, shape.table, f"rows {'; '.join(since)}")
    return change


def _whole(
    connection: Statements, table: Identifier, chain: Sequence[tuple[Identifier, Shape]], kept: str, plan: Plan
) -> Change:
    oldest, shape = chain[-1]
    types = {name: column.type for name, column in shape.columns.items()}
    wanted, present = delta.relation(oldest, types), delta.relation(table, types)
    recorded = plan.current.tables.get(shape.table, {}) if plan.current else {}
    if delta.content(connection, present)[1] != recorded.get("content"):
        raise _changed_since(plan, shape.table, "rows, which have no key,")
    return Change(shape.table, "rewrite", table, wanted, present, Identifier(kept, shape.table), (), tuple(types))


def _changed_since(plan: Plan, table: str, rows: str) -> PublishError:
    return PublishError(
        f'Somebody changed {rows} of table "{table}" since generation {plan.generation} of {plan.dataset} was '
        "published; rolling back would overwrite that. Production is unchanged.",
        f"undo that change, or correct the source and run again: firn run {plan.dataset}",
    )


def _on(key: Sequence[str], left: str, right: str) -> Composed:
    return SQL(" AND ").join(SQL("{} = {}").format(Identifier(left, n), Identifier(right, n)) for n in key)
