"""Foreign keys of tables outside the publication, made a second time on the tables that will be referred to.

A shadow is added and validated while readers and writers go on; the publication puts it in the place of the key that it
stands for. Until then the child table satisfies both. What a dead process leaves is found in the state and removed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import PublishError
from loaders import queries
from loaders.ddl import cut

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from loaders.connections import Statements
    from loaders.locks import Locks

__all__ = ["Key", "Shadow", "Shadows", "clear", "dead", "drop", "keys", "left"]

_SQL = queries.read("shadows.sql")
_BUSY = "55P03"
_TRIES = 20  # to drop a shadow, each within a budget; one that stays is found in the state


class Key(NamedTuple):
    """A foreign key of another table.

    Attributes:
        oid: Its number in the catalogue.
        schema: The schema of the table that refers.
        child: That table.
        relation: Its number in the catalogue.
        name: The key.
        is_valid: Whether all rows were found to satisfy it.
        table: The table that is referred to.
        definition: The key as PostgreSQL prints it.
        target: How the definition names the table that is referred to.
        comment: What is said of it.
    """

    oid: int
    schema: str
    child: str
    relation: int
    name: str
    is_valid: bool
    table: str
    definition: str
    target: str
    comment: str | None

    @property
    def place(self) -> Identifier:
        """The table that refers."""
        return Identifier(self.schema, self.child)

    def moved(self, source: str) -> SQL:
        """Return the definition with the table of another schema as the one that is referred to."""
        there = f" REFERENCES {Identifier(source, self.table).as_string()}("
        late = " NOT VALID" if self.is_valid else ""
        return SQL(self.definition.replace(self.target, there, 1) + late)


class Shadow(NamedTuple):
    """A shadow as the state remembers it."""

    dataset: str
    schema: str
    child: str
    name: str

    def __str__(self) -> str:
        return f'constraint {self.name} of table "{self.schema}"."{self.child}"'

    def names(self, state: str) -> dict[str, Identifier | Literal]:
        """Return what the statements call it."""
        return {
            "state": Identifier(state),
            "dataset": Literal(self.dataset),
            "table": Identifier(self.schema, self.child),
            "name": Identifier(self.name),
            "schema": Literal(self.schema),
            "child": Literal(self.child),
            "shadow": Literal(self.name),
        }


@dataclass(slots=True)
class Shadows:
    """The shadows of one publication.

    Attributes:
        connection: Where statements go.
        state: The schema that remembers them.
        dataset: What is published.
        source: The schema of the tables that will be referred to.
        locks: The budget, and how long to wait in all.
    """

    connection: Statements
    state: str
    dataset: str
    source: str
    locks: Locks
    _made: dict[Key, Shadow] = field(default_factory=dict)
    _is_held: bool = False

    def make(self, wanted: Sequence[Key]) -> None:
        """Add a shadow for each key, and drop those that are not wanted any more.

        Raises:
            PublishError: Rows would refer to nothing; key and row are named. Production is unchanged.
            TargetUnavailable: The locks were not given in time. Production is unchanged.
        """
        if list(self._made) == list(wanted):
            return
        self.drop()
        if wanted:
            self._hold()
        for key in wanted:
            shadow = Shadow(self.dataset, key.schema, key.child, cut(f"{key.name}__firn"))
            self._run(key, _SQL["add"].format(definition=key.moved(self.source), **shadow.names(self.state)))
            self._made[key] = shadow
            if key.is_valid:
                self._run(key, _SQL["validate"].format(**shadow.names(self.state)))

    def statements(self) -> list[Composed]:
        """Return what puts the shadows in the place of the keys, once the new tables are in place."""
        return [
            _SQL["replace"].format(key=Identifier(key.name), comment=Literal(key.comment), **shadow.names(self.state))
            for key, shadow in self._made.items()
        ]

    def forget(self) -> None:
        """Take them for what they are now: keys like others."""
        self._made.clear()

    def drop(self) -> None:
        """Drop what was not put in place; what cannot be had in time is left to the next run."""
        for shadow in self._made.values():
            drop(self.connection, self.state, shadow, self.locks.budget_ms)
        self._made.clear()
        if self._is_held:
            self.connection.execute(_SQL["release"].format(dataset=Literal(self.dataset)))
            self._is_held = False

    def _hold(self) -> None:
        """Keep others from taking these shadows for those of a dead process."""
        while not self._is_held:
            self._is_held = _is_held(self.connection, self.dataset)
            if not self._is_held and not self.locks.patience.pause():
                raise PublishError(
                    f"Another process publishes {self.dataset}. Production is unchanged by this run.", "wait for it"
                )

    def _run(self, key: Key, statement: Composed) -> None:
        """Run a statement for which writers of the child table wait, each time for no longer than the budget."""
        while True:
            try:
                _run_within(self.connection, statement, self.locks.budget())
            except psycopg.errors.ForeignKeyViolation as exc:
                raise _orphaned(key, exc) from exc
            except psycopg.errors.LockNotAvailable as exc:
                self.locks.refused([key.table])
                if not self.locks.patience.pause():
                    raise self.locks.late([key.table, key.child]) from exc
            else:
                return


def keys(connection: Statements, oids: Collection[int]) -> list[Key]:
    """Return foreign keys by their numbers."""
    listed = _SQL["keys"].format(oids=Literal(sorted(oids)))
    return [Key(*row) for row in connection.execute(listed).fetchall()] if oids else []


def left(connection: Statements, state: str) -> list[Shadow]:
    """Return the shadows that the state remembers: those of publications at work, and of processes that died."""
    table = Literal(Identifier(state, "shadow").as_string(connection))
    if not connection.execute(_SQL["is_used"].format(table=table)).fetchall()[0].found:
        return []
    return [Shadow(*row) for row in connection.execute(_SQL["left"].format(state=Identifier(state))).fetchall()]


def dead(connection: Statements, state: str) -> list[Shadow]:
    """Return the shadows of processes that died, and leave them."""
    found = []
    for shadow in left(connection, state):
        if _is_held(connection, shadow.dataset):
            connection.execute(_SQL["release"].format(dataset=Literal(shadow.dataset)))
            found.append(shadow)
    return found


def clear(connection: Statements, state: str, budget_ms: int) -> list[Shadow]:
    """Drop the shadows of processes that died, and return them; one that is in use is left to the next call."""
    return [shadow for shadow in left(connection, state) if _cleared(connection, state, shadow, budget_ms)]


def drop(connection: Statements, state: str, shadow: Shadow, budget_ms: int) -> bool:
    """Drop a shadow and tell whether it is gone: readers of the child wait for no longer than the budget at a time."""
    for _ in range(_TRIES):
        with suppress(psycopg.errors.LockNotAvailable):
            _run_within(connection, _SQL["drop"].format(**shadow.names(state)), budget_ms)
            return True
    return False


def _cleared(connection: Statements, state: str, shadow: Shadow, budget_ms: int) -> bool:
    if not _is_held(connection, shadow.dataset):
        return False
    try:
        return drop(connection, state, shadow, budget_ms)
    finally:
        connection.execute(_SQL["release"].format(dataset=Literal(shadow.dataset)))


def _is_held(connection: Statements, dataset: str) -> bool:
    return bool(connection.execute(_SQL["hold"].format(dataset=Literal(dataset))).fetchall()[0].held)


def _run_within(connection: Statements, statement: Composed, budget_ms: int) -> None:
    with connection.transaction():
        connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(f"{budget_ms}ms")))
        connection.execute(statement)


def _orphaned(key: Key, exc: psycopg.Error) -> PublishError:
    return PublishError(
        f'Rows of {key.schema}.{key.child} would refer to nothing, by foreign key {key.name} to "{key.table}": '
        f"{exc.diag.message_detail} Production is unchanged.",
        "publish the rows that are referred to, or correct those that refer to them, then run again",
    )
