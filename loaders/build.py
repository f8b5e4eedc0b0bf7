"""Makes the empty staging tables, and after the load their keys, indexes and statistics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from firn import LoadError, PublishError
from loaders import likeness, queries
from loaders.dressing import BEFORE_ROWS, BESIDE_ROWS, Dressing, analyze
from loaders.likeness import Likeness

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from loaders.connections import Statements
    from loaders.ddl import Layout
    from loaders.inventory import Item
    from loaders.lanes import Lanes

__all__ = ["Made", "finish_tables", "keep_log", "make_like", "make_plain"]

_SQL = queries.read("staging.sql")


class Made(NamedTuple):
    """Empty staging tables.

    Attributes:
        layouts: Their columns and keys.
        carries: Per table what firn makes of its contract.
        expected: What they will carry once they are dressed; nothing where they never will.
    """

    layouts: Mapping[str, Layout]
    carries: Mapping[str, Sequence[Item]]
    expected: Sequence[Item] = ()


def make_plain(
    connection: Statements,
    schema: str,
    layouts: Mapping[str, Layout],
    production: str,
    known: Collection[Item] = (),
) -> Made:
    """Make a schema with empty tables of the loaded columns alone, from which rows of production will be changed."""
    _create(connection, schema, layouts, dict.fromkeys(layouts, Likeness()), known)
    bare = Dressing(connection, production, schema, list(layouts), (), known)
    return _made(connection, layouts, replace(bare, own=bare.own_items()))


def make_like(
    connection: Statements,
    schema: str,
    layouts: Mapping[str, Layout],
    production: str,
    known: Collection[Item] = (),
    *,
    evolves: Collection[str] = (),
) -> Made:
    """Make a schema with empty tables like those of production, without what is cheaper to make once rows are there.

    Args:
        connection: Where statements go; in a transaction.
        schema: The new schema.
        layouts: What the contracts ask for.
        production: The schema of the tables that they will replace.
        known: What firn made when it published the current generation.
        evolves: The tables that keep columns which their contracts do not have, or no longer.

    Raises:
        LoadError: A column of production is of a type that what is sent cannot go to.
        PublishError: Production carries what the new tables cannot; it is named. Production is unchanged.
    """
    there = dict.fromkeys(layouts, Likeness()) | likeness.read(connection, production, layouts)
    fitted = {name: there[name].fit(layout, known) for name, layout in layouts.items()}
    for name, layout in fitted.items():
        if name in evolves:
            there[name] = there[name].keeping(layout)
        there[name].refuse_unknown(layout, known, production)
    _create(connection, schema, fitted, there, known)
    bare = Dressing(connection, production, schema, list(layouts), (), known)
    dressing = replace(bare, own=bare.own_items())
    made = _made(connection, fitted, dressing, dressing.rehearse())
    dressing.make(BEFORE_ROWS)
    return made


def _create(
    connection: Statements,
    schema: str,
    layouts: Mapping[str, Layout],
    there: Mapping[str, Likeness],
    known: Collection[Item],
) -> None:
    connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    for name, layout in layouts.items():
        connection.execute(there[name].create(schema, layout, known))
    _check_types(connection, schema, layouts, there)
    for layout in layouts.values():
        _add_keys(connection, schema, layout)


def _made(
    connection: Statements, layouts: Mapping[str, Layout], dressing: Dressing, expected: Sequence[Item] = ()
) -> Made:
    # An index is built in half the time, and half the log, once the rows are there.
    for layout in layouts.values():
        for key in layout.constraints():
            connection.execute(_drop_key(dressing.schema, layout.table, key))
    return Made(layouts, {name: [i for i in dressing.own if i.table == name] for name in layouts}, expected)


def keep_log(connection: Statements, schema: str, choice: Mapping[str, tuple[str, str]]) -> None:
    """Leave empty tables out of the server's log that can never be production's: half is written, none is decoded."""
    for name, (strategy, _) in choice.items():
        if strategy not in ("swap", "auto"):
            connection.execute(SQL("ALTER TABLE {} SET UNLOGGED").format(Identifier(schema, name)))


def finish_tables(
    lanes: Lanes, layouts: Mapping[str, Layout], dressing: Dressing, choice: Mapping[str, tuple[str, str]]
) -> None:
    """Add keys, and indexes and defaults to what may be production's, and make plans right from the first query.

    Raises:
        LoadError: A key is held twice; up to ten of them are named. Production is unchanged.
        PublishError: Something that production carries cannot be made on these rows; it is named.
    """
    schema, moves = dressing.schema, bool({"swap", "auto"} & {strategy for strategy, _ in choice.values()})
    lanes.each(layouts, lambda lane, name: _add_unique(lane, schema, layouts[name]))
    try:
        if moves:
            dressing.make(BESIDE_ROWS)
    except PublishError as exc:
        raise _told(dressing.connection, schema, layouts.values(), exc) from exc
    lanes.each(layouts, lambda lane, name: analyze(lane, schema, [name], vacuum=moves))


def _add_unique(connection: Statements, schema: str, layout: Layout) -> None:
    try:
        _add_keys(connection, schema, layout)
    except psycopg.errors.UniqueViolation as exc:
        raise _doubled(connection, schema, layout, str(exc.diag.constraint_name)) from exc


def _told(connection: Statements, schema: str, layouts: Iterable[Layout], exc: PublishError) -> LoadError:
    """Return the error that names the rows which stand in the way of a key that a contract asks for too."""
    found = exc.__cause__
    name = str(found.diag.constraint_name) if isinstance(found, psycopg.errors.UniqueViolation) else ""
    return next((_doubled(connection, schema, one, name) for one in layouts if name in one.covered), exc)


def _add_keys(connection: Statements, schema: str, layout: Layout) -> None:
    for statement in layout.add_constraints(schema):
        connection.execute(statement)


def _drop_key(schema: str, table: str, name: str) -> Composed:
    return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(Identifier(schema, table), Identifier(name))


def _check_types(
    connection: Statements, schema: str, layouts: Mapping[str, Layout], there: Mapping[str, Likeness]
) -> None:
    rows = connection.execute(_SQL["types"], {"schema": schema}).fetchall()
    found = {(row.table, row.name): row.type for row in rows}
    for layout in layouts.values():
        held = {row.name: row.type for row in there[layout.table].columns}
        for column in layout.columns:
            made = found.get((layout.table, column.name))
            if made not in (column.type, held.get(column.name)):
                raise LoadError(
                    f'Column "{column.name}" of table "{layout.table}" was made as {made}, not as {column.type}. '
                    "Nothing was sent; production is unchanged."
                )


def _doubled(connection: Statements, schema: str, layout: Layout, constraint: str) -> LoadError:
    _, columns = {**layout.constraints(), **layout.covered}[constraint]
    query = _SQL["duplicates"].format(
        table=Identifier(schema, layout.table), columns=SQL(", ").join(map(Identifier, columns))
    )
    rows: list[tuple[Any, ...]] = [tuple(row) for row in connection.execute(query).fetchall()]
    some = "; ".join(
        ", ".join(f"{c}={v}" for c, v in zip(columns, row, strict=False)) + f" ({row[-1]} rows)" for row in rows
    )
    return LoadError(
        f'Table "{layout.table}" holds {"keys" if len(rows) > 1 else "a key"} more than once: {some}. '
        "Production is unchanged.",
        "make the key unique in a transform, or widen it in the contract",
    )
