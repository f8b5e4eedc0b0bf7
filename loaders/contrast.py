"""How tables of production differ from those of another schema: row by row, column by column, and in which way.

The other schema's rows are the old ones, production's the new: of a value that differs both are shown in this order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier, Literal

from firn import PRODUCTION, Alias, Namespace, StateError
from loaders import cells, queries
from loaders.counterparts import named_alike, pairs, read
from loaders.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loaders.connections import Statements
    from loaders.counterparts import Column, Pair, Side
    from loaders.state import Publication

__all__ = ["CLASSES", "ColumnContrast", "Contrast", "Contrasts", "Schemas", "Unlike", "compare"]

_SQL = queries.read("contrast.sql")
ROWS = {"-": "missing", "+": "extra", "*": "changed"}
"""In which ways a row can differ, by the letter that the statement gives it."""

CLASSES = {
    "c": "changed",
    "r": "rounding",
    "n": "value_to_null",
    "v": "null_to_value",
    "e": "empty_to_null",
    "f": "null_to_empty",
}
"""In which ways a value can differ, by the letter that the statement gives it."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """A row that one side alone has, or a value that differs.

    Attributes:
        key: The row's key, as ``id=3``; without a key the row itself.
        old: The other schema's value, as text of at most 1,000 characters.
        new: Production's.
    """

    key: str
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnContrast:
    """A column that differs in anything.

    Attributes:
        name: Its name; production's, where it is there.
        there: Its name in the other schema; empty where it is production's alone.
        here: Its name in production; empty where it is the other schema's alone.
        type: Its type in production.
        type_there: Its type in the other schema.
        moved: Whether it stands at another place among the columns that both have.
        values: How many values differ, by class; see `CLASSES`.
        samples: Some of them, by class.
    """

    name: str
    there: str = ""
    here: str = ""
    type: str = ""
    type_there: str = ""
    moved: bool = False
    values: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, Sequence[Unlike]] = field(default_factory=dict)

    @property
    def kinds(self) -> set[str]:
        """The classes in which it differs; neither its case nor its place is one."""
        if not (self.here and self.there):
            return {"columns"}
        return {*self.values, *(("type",) if self.type != self.type_there else ())}


@dataclass(frozen=True, slots=True)
class Contrast:
    """A table of production beside the table of its name in another schema.

    Attributes:
        here: Its name in production; empty where it is not there.
        there: Its name in the other schema; empty where it is not there.
        rows: Its rows in production.
        rows_there: Its rows in the other schema.
        matched_by: The columns by which rows are told apart; none where a row is known only by all that it holds.
        missing: Rows that only the other schema has.
        extra: Rows that only production has.
        changed: Rows that both have, with another value.
        columns: The columns that differ, in production's order.
        samples: Some of the rows that are ``missing`` and ``extra``.
    """

    here: str
    there: str
    rows: int = 0
    rows_there: int = 0
    matched_by: Sequence[str] = ()
    missing: int = 0
    extra: int = 0
    changed: int = 0
    columns: Sequence[ColumnContrast] = ()
    samples: Mapping[str, Sequence[Unlike]] = field(default_factory=dict)

    @property
    def kinds(self) -> set[str]:
        """The classes in which it differs; none where both are equal."""
        if not (self.here and self.there):
            return {"tables"}
        rows = {word for word in ("missing", "extra") if getattr(self, word)}
        return rows.union(*(column.kinds for column in self.columns))


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Tables of production beside those of another schema, all as they were at one moment.

    Attributes:
        tables: By name.
        generation: The generation that production shows, 0 where nothing of the dataset is published there.
        run_id: The run whose rows the other schema shows, where firn publishes the dataset there too.
        published: The tables that this run's generation has there.
    """

    tables: Mapping[str, Contrast]
    generation: int = 0
    run_id: str = ""
    published: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Schemas:
    """Two schemas, and whose tables are compared in them.

    Attributes:
        names: Production, and the state that goes with it.
        other: The other schema.
        dataset: Whose tables.
        aliases: What the tables are called there, where they have not their own names.
    """

    names: Namespace
    other: str
    dataset: str
    aliases: Mapping[str, Alias] = field(default_factory=dict)


def compare(statements: Statements, schemas: Schemas, tables: Sequence[str] | None, sample: int) -> Contrasts:
    """Compare tables of two schemas in one snapshot, and write nothing.

    Args:
        statements: A connection outside of a transaction.
        schemas: The schemas.
        tables: Which tables; by default those that the dataset publishes here or there, and all others there.
        sample: How many rows and values of each class to show.

    Raises:
        StateError: There is no such schema or table, or nothing to compare.
    """
    with statements.transaction():
        statements.execute(_SQL["one_snapshot"])
        statements.execute(_SQL["exactly"])
        _refuse_schema(statements, schemas)
        ours = State(statements, schemas.names)
        current = ours.current(schemas.dataset) if ours.exists() else None
        beside = _publication(statements, schemas)
        published = {name for done in (current, beside) if done for name in done.tables}
        found = _compared(statements, schemas, _matches(statements, schemas, published, tables), sample)
        known = frozenset(beside.tables) if beside else frozenset()
        return Contrasts(found, current.generation if current else 0, beside.run_id if beside else "", frozenset(known))


def _refuse_schema(statements: Statements, schemas: Schemas) -> None:
    known = [row.name for row in statements.execute(_SQL["schemas"]).fetchall()]
    if schemas.other == schemas.names.production:
        raise StateError(f'Schema "{schemas.other}" is production itself.', "name the schema to compare it with")
    if schemas.other not in known:
        close = get_close_matches(schemas.other, known, n=1)
        raise StateError(
            f'There is no schema "{schemas.other}" in this database. Nothing was compared.',
            f"did you mean {close[0]}?" if close else "it has to be a schema of the target's own database",
        )


def _publication(statements: Statements, schemas: Schemas) -> Publication | None:
    """Return what a firn whose production the other schema is shows there of the dataset."""
    for row in statements.execute(_SQL["states"]).fetchall():
        query = _SQL["state_of"].format(state=Identifier(row.name), usual=Literal(PRODUCTION))
        for theirs in statements.execute(query, {"schema": schemas.other}).fetchall():
            names = Namespace(production=schemas.other, state=row.name, environment=theirs.environment)
            state = State(statements, names)
            if state.exists() and (current := state.current(schemas.dataset)):
                return current
    return None


def _matches(
    statements: Statements, schemas: Schemas, published: Iterable[str], tables: Sequence[str] | None
) -> list[tuple[str, str]]:
    """Return which table of production, by name, stands for which of the other schema; empty for none."""
    here, there = (_relations(statements, schema) for schema in (schemas.names.production, schemas.other))
    wanted = sorted(published) if tables is None else _known(schemas, tables, [*here, *there])
    if not wanted:
        raise StateError(
            f'Nothing of {schemas.dataset} is published, here or in schema "{schemas.other}", that could be compared.',
            f"firn diff {schemas.dataset} --against {schemas.other} --tables a,b",
        )
    ours = named_alike(wanted, here)
    theirs = named_alike([ours.get(name, name) for name in wanted], there)
    theirs = _aliased(schemas, [name for name in wanted if name not in theirs], there.keys() - theirs.values()) | theirs
    found = [(ours.get(name, ""), theirs.get(ours.get(name, name), "")) for name in wanted]
    if tables is None:
        found += [("", name) for name, stored in there.items() if stored and name not in theirs.values()]
    return found


def _aliased(schemas: Schemas, names: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """Find tables that are not there under their own names under those that another pipeline gave them."""
    called = {name: schemas.aliases[name].table for name in names if name in schemas.aliases}
    found = named_alike(called.values(), there)
    return {name: found[other] for name, other in called.items() if other in found}


def _relations(statements: Statements, schema: str) -> dict[str, bool]:
    rows = statements.execute(_SQL["relations"], {"schema": schema}).fetchall()
    return {row.name: row.stored for row in rows}


def _known(schemas: Schemas, tables: Sequence[str], known: Sequence[str]) -> list[str]:
    found = named_alike(dict.fromkeys(tables), known)
    for name in (name for name in tables if name not in found):
        close = get_close_matches(name, known, n=1)
        raise StateError(
            f'Neither "{schemas.names.production}" nor "{schemas.other}" has a table "{name}". Nothing was compared.',
            f"did you mean {close[0]}?" if close else f"firn show {schemas.dataset}",
        )
    return list(dict.fromkeys(tables))


def _compared(
    statements: Statements, schemas: Schemas, matches: Sequence[tuple[str, str]], sample: int
) -> dict[str, Contrast]:
    here = read(statements, schemas.names.production, [name for name, other in matches if name and other])
    there = read(statements, schemas.other, [other for name, other in matches if name and other])
    return {
        name or other: _table(statements, here[name], there[other], schemas.aliases.get(name), sample)
        if name and other
        else Contrast(name, other)
        for name, other in matches
    }


def _table(statements: Statements, here: Side, there: Side, alias: Alias | None, sample: int) -> Contrast:
    called = _called(here, there, alias)
    both = pairs(here, there, called.columns)
    key = [pair for pair in both if pair.here.name in called.key] or _key(here, there, both)
    values = [pair for pair in both if pair not in key]
    query = (
        cells.by_key(statements, here, there, key, values, sample)
        if key
        else cells.by_content(here, there, both, sample)
    )
    found = statements.execute(query).fetchall()
    counted = statements.execute(_SQL["count"].format(ours=here.relation, theirs=there.relation)).fetchall()[0]
    whole = {ROWS[row.code]: row for row in found if row.code in ROWS}
    differing = {pair: [row for row in found if row.at == at] for at, pair in enumerate(values, 1)} if key else {}
    return Contrast(
        here=here.table,
        there=there.table,
        rows=counted.here,
        rows_there=counted.there,
        matched_by=tuple(pair.here.name for pair in key),
        **{word: row.rows for word, row in whole.items()},
        columns=_columns(here, there, both, differing, called.columns),
        samples={word: _unlike(row) for word, row in whole.items() if row.sample},
    )


def _called(here: Side, there: Side, alias: Alias | None) -> Alias:
    """Say what columns are called there: as another pipeline called them, unless more are there by their own names."""
    own = Alias(there.table, {})
    if alias is None or len(pairs(here, there, alias.columns)) < len(pairs(here, there, own.columns)):
        return own
    return alias


def _key(here: Side, there: Side, both: Sequence[Pair]) -> list[Pair]:
    """Choose what rows are matched by: a key of production's, else one of the other's, of columns that both have."""
    ours, theirs = {pair.here.name: pair for pair in both}, {pair.there.name: pair for pair in both}
    for keys, known in ((here.keys, ours), (there.keys, theirs)):
        for key in keys:
            if set(key) <= known.keys():
                return [known[name] for name in key]
    return []


def _columns(
    here: Side, there: Side, both: Sequence[Pair], differing: Mapping[Pair, list[Any]], called: Mapping[str, str]
) -> tuple[ColumnContrast, ...]:
    order = [pair.there.name for pair in both]
    places = [column.name for column in there.columns if column.name in order]
    paired = {pair.here.name: pair for pair in both}
    found = [
        _column(paired[column.name], places.index(paired[column.name].there.name) != at, differing)
        if column.name in paired
        else ColumnContrast(column.name, here=column.name, type=column.type)
        for at, column in _placed(here, paired)
    ]
    found += [
        ColumnContrast(column.name, there=column.name, type_there=column.type)
        for column in there.columns
        if column.name not in order
    ]
    return tuple(
        column
        for column in found
        if column.kinds or column.moved or column.there != called.get(column.here, column.here)
    )


def _placed(here: Side, paired: Mapping[str, Pair]) -> list[tuple[int, Column]]:
    """Number the columns by their place among those that both tables have."""
    at = accumulate((column.name in paired for column in here.columns), initial=0)
    return list(zip(at, here.columns, strict=False))


def _column(pair: Pair, moved: bool, differing: Mapping[Pair, list[Any]]) -> ColumnContrast:  # noqa: FBT001 (a fact)
    rows = differing.get(pair, [])
    return ColumnContrast(
        pair.here.name,
        pair.there.name,
        pair.here.name,
        pair.here.type,
        pair.there.type,
        moved,
        {CLASSES[row.code]: row.rows for row in rows if row.code in CLASSES},
        {CLASSES[row.code]: _unlike(row) for row in rows if row.code in CLASSES},
    )


def _unlike(row: Any) -> list[Unlike]:  # noqa: ANN401 (a named tuple made by psycopg)
    return [Unlike(*one) for one in row.sample]
