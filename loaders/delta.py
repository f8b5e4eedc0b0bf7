"""What differs between the rows that a table should hold and those that it holds, counted, shown, or written down.

The delta that a publication writes down is at once what it applies and what leads back: the old images of the rows that
change or go, the keys of those that come, and a hash of what each becomes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal

from loaders import queries
from loaders.ddl import cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loaders.connections import Statements

__all__ = [
    "OTHERS",
    "Change",
    "Counts",
    "Delta",
    "Difference",
    "Others",
    "aside",
    "bent",
    "content",
    "count",
    "doubled",
    "joined",
    "read",
    "relation",
    "told",
    "write",
]

_SQL = queries.read("delta.sql")
_WORDS = {"i": "inserted", "u": "updated", "d": "deleted"}
Counts = dict[str, int]
OTHERS = "firn others"
"""The column that marks a table in which values of others are written down."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that a publication would change, or a row that it would insert or delete.

    Attributes:
        change: ``inserted``, ``updated`` or ``deleted``.
        key: The row's key, as ``id=3``.
        column: The column; empty for a whole row.
        old: What production shows, as text.
        new: What it would show.
    """

    change: str
    key: str
    column: str = ""
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """What a publication would change in one table.

    Attributes:
        inserted: Rows that would come.
        updated: Rows that would change.
        deleted: Rows that would go.
        sample: Some of them, by key.
    """

    inserted: int
    updated: int
    deleted: int
    sample: Sequence[Difference] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Others:
    """Values of columns that others fill, as they were in rows that went.

    Attributes:
        rows: A relation of the table's key and those columns.
        columns: The columns.
    """

    rows: Composed
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Change:
    """One table, and what it should hold.

    Attributes:
        name: The table's name.
        strategy: ``diff``, ``merge``, ``insert``, ``append`` or ``rewrite``.
        table: The table, with its schema.
        wanted: The rows that it should hold, as a relation of exactly `columns`, in the table's own types.
        present: The rows of the table that are compared with them, the same way.
        kept: Where what leads back is written.
        key: The columns that tell a row from all others; only rewriting needs none.
        columns: The columns that are compared and written, in order.
        others: The columns that others fill.
        aside: Where their values in rows that go are written down.
        restored: What was written down of them, for rows that come back: the key and those columns.
    """

    name: str
    strategy: str
    table: Identifier
    wanted: Composed
    present: Composed
    kept: Identifier
    key: Sequence[str]
    columns: Sequence[str]
    others: Sequence[str] = ()
    aside: Identifier | None = None
    restored: Others | None = None

    @property
    def by_rows(self) -> bool:
        """Whether rows change one by one, and not all of them together."""
        return self.strategy != "rewrite"

    def parts(self) -> dict[str, Composed | Identifier]:
        """Return the fragments of which statements about the table are composed."""
        return {
            "table": self.table,
            "wanted": self.wanted,
            "present": self.present,
            "kept": self.kept,
            "columns": joined(map(Identifier, self.columns)),
        }

    def keyed(self) -> dict[str, Composed | Identifier]:
        """Return the fragments of statements that tell rows by their key."""
        first = Identifier(self.key[0])
        parts = {**self.parts(), "first": first, "key": joined(map(Identifier, self.key)), "on": self.on("s", "p")}
        return {**parts, "difference": _SQL["difference"].format(**parts), "kind": _SQL["kind"].format(first=first)}

    def on(self, left: str, right: str) -> Composed:
        """Return the condition that two aliases stand for rows of the same key."""
        pairs = [SQL("{} = {}").format(Identifier(left, name), Identifier(right, name)) for name in self.key]
        return SQL(" AND ").join(pairs)


def joined(fragments: Any) -> Composed:  # noqa: ANN401 (any iterable of what can be composed)
    """Return fragments in a list with commas."""
    together: Composed = SQL(", ").join(fragments)
    return together


def relation(table: Identifier, types: Mapping[str, str], where: Composed | SQL = SQL("true")) -> Composed:  # noqa: B008
    """Return a table's rows as a relation of some of its columns.

    Args:
        table: The table.
        types: The columns in order, and the type as which each is read.
        where: Which rows.
    """
    columns = joined(SQL("{0}::{1} AS {0}").format(Identifier(name), SQL(type_)) for name, type_ in types.items())
    return SQL("(SELECT {} FROM {} AS t WHERE {})").format(columns, table, where)


def write(connection: Statements, change: Change) -> Counts:
    """Write down what differs, and return how many rows come, change and go.

    Whoever subscribes to all tables would be sent what is written down, and has no such table: there it is not logged.
    """
    name = _name(connection, change.kept)
    followed = connection.execute(_SQL["followed"].format(kept_name=name)).fetchall()[0].found
    unlogged = SQL("UNLOGGED" if followed else "")
    counts = _written(connection, change, unlogged) if change.by_rows else _written_whole(connection, change, unlogged)
    if followed and (change.by_rows or any(counts.values())):
        _mark(connection, change.kept)
    return counts


def aside(table: str) -> str:
    """Return the name of the table in which the values of others in a table are written down."""
    return cut(f"{table} of others")


def _mark(connection: Statements, kept: Identifier) -> None:
    connection.execute(_SQL["mark"].format(kept=kept, kept_name=_name(connection, kept)))


def _written(connection: Statements, change: Change, unlogged: SQL) -> Counts:
    images = joined(_image(change, name) for name in change.columns)
    connection.execute(_SQL["write"].format(images=images, unlogged=unlogged, **change.keyed()))
    connection.execute(_SQL["key"].format(**change.keyed()))
    connection.execute(_SQL["analyze"].format(kept=change.kept))
    counts = _counted(connection.execute(_SQL["counts"].format(kept=change.kept)).fetchall()[0])
    if counts["deleted"] and change.others and change.aside is not None:
        columns = joined(Identifier("p", name) for name in (*change.key, *change.others))
        parts = {"aside": change.aside, "columns": columns, "unlogged": unlogged, "mark": Identifier(OTHERS)}
        connection.execute(
            _SQL["write_aside"].format(table=change.table, kept=change.kept, on_pd=change.on("p", "d"), **parts)
        )
        if unlogged.as_string(connection):
            _mark(connection, change.aside)
    return counts


def _written_whole(connection: Statements, change: Change, unlogged: SQL) -> Counts:
    counts = count(connection, change)
    if any(counts.values()):
        connection.execute(_SQL["write_all"].format(unlogged=unlogged, **change.parts()))
    return counts


def is_whole(connection: Statements, kept: Identifier) -> bool:
    """Tell whether what was written down is still there: a table that is not logged does not outlive a crash."""
    query = _SQL["whole"].format(kept=kept, kept_name=_name(connection, kept))
    return bool(connection.execute(query).fetchall()[0].found)


def _name(connection: Statements, table: Identifier) -> Literal:
    return Literal(table.as_string(connection))


def count(connection: Statements, change: Change) -> Counts:
    """Return how many rows would come, change and go."""
    if change.by_rows:
        return _counted(connection.execute(_SQL["count"].format(**change.keyed())).fetchall()[0])
    (new, is_new), (old, was) = content(connection, change.wanted), content(connection, change.present)
    return {"inserted": 0, "updated": 0, "deleted": 0} if was == is_new else _all(new, old)


def read(connection: Statements, change: Change, sample: int) -> Delta:
    """Return what differs, with some of the rows."""
    return Delta(**count(connection, change), sample=_sampled(connection, change, sample) if change.by_rows else ())


def content(connection: Statements, rows: Composed) -> tuple[int, str]:
    """Return how many rows a relation has, and a digest of them that is free of their order."""
    found = connection.execute(_SQL["content"].format(relation=rows)).fetchall()[0]
    return int(found.rows), str(found.digest)


def doubled(connection: Statements, change: Change) -> list[str]:
    """Return up to ten keys of rows that are wanted and there already."""
    order = joined(Identifier("s", name) for name in change.key)
    query = _SQL["doubled"].format(keys=told(change, "s", "s"), order=order, **change.keyed())
    return [str(row.key) for row in connection.execute(query).fetchall()]


def bent(connection: Statements, staged: Identifier, column: str, ours: str, theirs: str) -> str | None:
    """Return a value that does not come back from another type as it was; none where all do."""
    names = {"staged": staged, "column": Identifier(column), "ours": SQL(ours), "theirs": SQL(theirs)}
    row = connection.execute(_SQL["bent"].format(**names)).fetchall()[0]
    return str(row.example) if row.rows else None


def _all(new: int, old: int) -> Counts:
    return {"inserted": new, "updated": 0, "deleted": old}


def _counted(row: Any) -> Counts:  # noqa: ANN401 (a named tuple made by psycopg)
    return {word: int(getattr(row, word)) for word in _WORDS.values()}


def _image(change: Change, name: str) -> Composed:
    if name in change.key:
        return SQL("coalesce(p.{0}, s.{0}) AS {0}").format(Identifier(name))
    return SQL("p.{}").format(Identifier(name))


def told(change: Change, *aliases: str) -> Composed:
    """Return the expression that names a row by its key."""
    parts = [
        SQL("{} || coalesce({})").format(
            Literal(f"{name}="), joined(SQL("{}::text").format(Identifier(alias, name)) for alias in aliases)
        )
        for name in change.key
    ]
    return SQL("concat_ws(', ', {})").format(joined(parts))


def _sampled(connection: Statements, change: Change, most: int) -> list[Difference]:
    values = {
        alias: SQL("ARRAY[{}]").format(joined(SQL("{}::text").format(Identifier(alias, n)) for n in change.columns))
        for alias in ("s", "p")
    }
    order = joined(SQL("coalesce(s.{0}, p.{0})").format(Identifier(name)) for name in change.key)
    query = _SQL["sample"].format(
        keys=told(change, "s", "p"),
        olds=values["p"],
        news=values["s"],
        order=order,
        most=Literal(most),
        **change.keyed(),
    )
    return [difference for row in connection.execute(query).fetchall() for difference in _differences(change, row)]


def _differences(change: Change, row: Any) -> list[Difference]:  # noqa: ANN401 (a named tuple made by psycopg)
    word = _WORDS[row.kind]
    if word != "updated":
        return [Difference(word, row.key)]
    values = zip(change.columns, row.old, row.new, strict=True)
    return [Difference(word, row.key, name, old, new) for name, old, new in values if old != new]
