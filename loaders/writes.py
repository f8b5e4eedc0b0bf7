"""Applies deltas to the tables of production, in an order that foreign keys and unique values allow.

Rows come and change from parents to children, and go from children to parents. Where the unique value of a row that
goes is taken by another, they go first. Where rows trade unique values, they are deleted and inserted, if nothing else
refers to them or is kept in them. Each order is tried in turn; if none is possible, what stopped the first is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import PublishError
from loaders import delta, queries
from loaders.references import parents_first
from loaders.sqlstates import primary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loaders.connections import Statements
    from loaders.delta import Change, Counts
    from loaders.references import ForeignKey
    from loaders.shapes import Shape

__all__ = ["Writes"]

_SQL = queries.read("writes.sql")
_CLASHES = (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation)
_REFUSALS = (*_CLASHES, psycopg.errors.ForeignKeyViolation, PublishError)
_GONE, _NEW, _CHANGED = "d", "i", "u"


@dataclass(slots=True)
class Writes:
    """The deltas of one publication, on their way into production.

    Attributes:
        connection: Where statements go; inside a transaction.
        schema: Production.
        changes: What each table should hold; its delta is written down.
        counts: How many rows come, change and go, by table.
        shapes: What the tables look like.
        references: The foreign keys that lead to them.
    """

    connection: Statements
    schema: str
    changes: Mapping[str, Change]
    counts: Mapping[str, Counts]
    shapes: Mapping[str, Shape]
    references: Sequence[ForeignKey]

    def run(self) -> None:
        """Apply them.

        Raises:
            PublishError: They cannot be applied, would take rows of others along, or did not arrive as they were.
        """
        refused: list[Exception] = []
        for way in (self._come_first, self._go_first, self._replace):
            try:
                with self.connection.transaction():  # a savepoint: another order may do
                    way()
                    self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            except _REFUSALS as exc:
                refused.append(exc)
            else:
                break
        else:
            raise _refusal(refused[0])
        for change in self._ordered():
            self._check(change)

    def _come_first(self) -> None:
        for change in self._ordered():
            if not change.by_rows:
                self._delete(change)
            self._update(change)
            self._insert(change)
        for change in reversed(self._ordered()):
            if change.by_rows:
                self._delete(change)

    def _go_first(self) -> None:
        for change in reversed(self._ordered()):
            self._delete(change)
        for change in self._ordered():
            self._update(change)
            self._insert(change)

    def _replace(self) -> None:
        """Delete and insert the rows that change, in tables where nobody can tell."""
        replaced = [change.name for change in self._ordered() if self._may_replace(change)]
        for change in reversed(self._ordered()):
            self._delete(change, _GONE + _CHANGED if change.name in replaced else _GONE)
        for change in self._ordered():
            if change.name not in replaced:
                self._update(change)
            self._insert(change, _NEW + _CHANGED if change.name in replaced else _NEW)

    def _ordered(self) -> list[Change]:
        touched = [name for name, counts in self.counts.items() if any(counts.values())]
        return [self.changes[name] for name in parents_first(touched, self.schema, self.references)]

    def _may_replace(self, change: Change) -> bool:
        columns = self.shapes[change.name].columns.values()
        referenced = any(key.parent == change.name for key in self.references)
        return not referenced and all(column.generated or column.name in change.columns for column in columns)

    def _delete(self, change: Change, kinds: str = _GONE) -> None:
        wanted = self._rows(change, kinds)
        if not wanted:
            return
        self._refuse_eating(change, kinds)
        parts = {"table": change.table, "kept": change.kept}
        if change.by_rows:
            query = _SQL["delete"].format(kinds=_listed(kinds), on_pd=change.on("p", "d"), **parts)
        else:
            query = _SQL["delete_all"].format(**parts)
        self._do(change, [query], "deleted", wanted)

    def _update(self, change: Change) -> None:
        identities = {c.name for c in self.shapes[change.name].columns.values() if c.identity == "a"}
        names = [name for name in change.columns if name not in {*change.key, *identities}]
        if not self._rows(change, _CHANGED) or not names:
            return
        values = delta.joined(SQL("{0} = s.{0}").format(Identifier(name)) for name in names)
        query = _SQL["update"].format(
            values=values, on_sd=change.on("s", "d"), on_pd=change.on("p", "d"), **change.parts()
        )
        self._do(change, [query], "updated", self._rows(change, _CHANGED))

    def _insert(self, change: Change, kinds: str = _NEW) -> None:
        wanted = self._rows(change, kinds)
        if not wanted:
            return
        if change.by_rows:
            columns_of_s = delta.joined(Identifier("s", name) for name in change.columns)
            parts = {**change.parts(), "columns_of_s": columns_of_s, "on_sd": change.on("s", "d")}
            restored, besides = self._restored(change, {**parts, "kinds": _listed(kinds)})
            queries = [_SQL["insert"].format(kinds=_listed(kinds), besides=besides, **parts), *restored]
        else:
            queries = [_SQL["insert_all"].format(**change.parts())]
        self._do(change, queries, "inserted", wanted)

    def _restored(self, change: Change, parts: Mapping[str, Any]) -> tuple[list[Composed], Composed | SQL]:
        """Return what inserts rows with the values that others had given them, and how to leave these out elsewhere."""
        if change.restored is None:
            return [], SQL("")
        names = change.restored.columns
        theirs = {"restored": change.restored.rows, "on_os": change.on("o", "s")}
        others = {
            "others": delta.joined(map(Identifier, names)),
            "others_of_o": delta.joined(Identifier("o", name) for name in names),
        }
        query = _SQL["insert_restored"].format(**others, **theirs, **parts)
        return [query], _SQL["not_restored"].format(**theirs)

    def _rows(self, change: Change, kinds: str) -> int:
        counts = self.counts[change.name]
        by_kind = {_GONE: counts["deleted"], _NEW: counts["inserted"], _CHANGED: counts["updated"]}
        return sum(by_kind[kind] for kind in kinds)

    def _do(self, change: Change, queries: Sequence[Composed], word: str, wanted: int) -> None:
        done = sum(self.connection.execute(query).rowcount for query in queries)
        if done != wanted:
            raise PublishError(
                f'Of {wanted} rows of table "{change.name}" that were to be {word}, {done} were: a trigger or a rule '
                "of production stands in the way. Production is unchanged.",
                f'look at the triggers and rules of "{change.name}", then run again',
            )

    def _refuse_eating(self, change: Change, kinds: str) -> None:
        """Refuse to delete a parent whose children would go, or lose their reference, without a word."""
        for key in self.references:
            if key.parent == change.name and key.eats:
                found = self.connection.execute(self._eaten(change, key, kinds)).fetchall()[0]
                if found.rows:
                    raise PublishError(
                        f'Deleting rows of table "{change.name}" would take along or empty {found.rows} rows of '
                        f'"{key.child_schema}"."{key.child}" through foreign key "{key.name}", such as '
                        f"{found.example}. Production is unchanged.",
                        "delete or move those rows first, or make the foreign key one without ON DELETE",
                    )

    def _eaten(self, change: Change, key: ForeignKey, kinds: str) -> Composed:
        pairs = zip(key.child_columns, key.parent_columns, strict=True)
        own = (key.child_schema, key.child) == (self.schema, change.name)
        dying = _dying(change, "p", kinds)
        shown = delta.joined(
            SQL("{} || c.{}::text").format(Literal(f"{name}="), Identifier(name)) for name in key.child_columns
        )
        return _SQL["eaten"].format(
            shown=SQL("concat_ws(', ', {})").format(shown),
            child=Identifier(key.child_schema, key.child),
            table=change.table,
            on_cp=SQL(" AND ").join(SQL("c.{} = p.{}").format(Identifier(c), Identifier(p)) for c, p in pairs),
            dying=dying,
            dies_too=_dying(change, "c", kinds) if own else SQL("false"),
        )

    def _check(self, change: Change) -> None:
        """Compare what a table now holds with what was wanted.

        Raises:
            PublishError: A trigger or a rule of production made something else of it.
        """
        altered = self._altered(change)
        if altered:
            raise PublishError(
                f'A trigger or a rule of table "{change.name}" made another row of what was written, at {altered}. '
                "Production is unchanged.",
                f'let no trigger of "{change.name}" change columns that firn writes, then run again',
            )

    def _altered(self, change: Change) -> str:
        if change.by_rows:
            keys = delta.told(change, "d")
            query = _SQL["altered"].format(keys=keys, on_pd=change.on("p", "d"), **change.parts())
            return next((str(row.key) for row in self.connection.execute(query).fetchall()), "")
        held = [delta.content(self.connection, rows) for rows in (change.wanted, change.present)]
        return "" if held[0] == held[1] else "a row that has no key"


def _listed(kinds: str) -> Composed:
    return delta.joined(map(Literal, kinds))


def _dying(change: Change, alias: str, kinds: str) -> Composed | SQL:
    if not change.by_rows:
        return SQL("true")
    return _SQL["dying"].format(kept=change.kept, kinds=_listed(kinds), on=change.on(alias, "d"))


def _refusal(exc: Exception) -> Exception:
    """Return the error for what stopped the first order."""
    if isinstance(exc, _CLASHES):
        error = PublishError(
            f'Rows of table "{exc.diag.table_name}" take or trade values of constraint "{exc.diag.constraint_name}", '
            f"which holds at every moment: {primary(exc)}. Production is unchanged.",
            "drop the constraint and add it again as DEFERRABLE, or correct the rows",
        )
        error.__cause__ = exc
        return error
    return exc
