"""Makes staged tables carry what those of production carry, all of it before production is locked.

What a table carries is read in pieces, each with the statement that makes it and the one that takes it away. The same
is read of the staged tables, and what differs is made or taken away until nothing does. So a table that was dressed
before is dressed again to what production carries today: a right that was withdrawn since is not given back by a
rollback.

The pieces say what firn knows to make; the inventory says what is there, and is written independently. What they leave
different is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import PublishError
from loaders import inventory, planned, queries
from loaders.inventory import Item
from loaders.sqlstates import primary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from loaders.connections import Statements

__all__ = ["BEFORE_ROWS", "BESIDE_ROWS", "Dressing", "Outward", "analyze", "moved", "outward"]

_SQL = queries.read("dressing.sql")
_ROUNDS = 4
# The phases of dressing.sql
BEFORE_ROWS = range(20)
BESIDE_ROWS = range(40)
_OUTWARD = 41
_ALL = range(100)
_IN_PLACE = 90
# Who owns a table decides who has granted what of it, so what is held is read anew in between.
_STEPS = (range(60), range(60, 70), range(70, 100))
_PASSING = ("08", "57P", "53", "40", "55P03")
_OWN = ("column", "not null of column", "constraint")
# ANALYZE reads 300 rows per unit. At PostgreSQL's own 100 a table of 411 columns takes 1.1 s, at 25 it takes 0.25 s.
_STATISTICS_TARGET = 25


class Piece(NamedTuple):
    """One thing that a table carries, and how it is made and taken away.

    Attributes:
        phase: When it is made.
        table: The table.
        kind: What it is, in the inventory's words.
        name: Its name.
        definition: Its definition, in the inventory's words.
        made: The statements that make it; the first is None where the definition is not understood.
        dropped: The statement that takes it away; None where another takes its place.
        right: The GRANT that making it may need.
    """

    phase: int
    table: str
    kind: str
    name: str
    definition: str
    made: Sequence[str | None]
    dropped: str | None
    right: str | None

    @property
    def item(self) -> Item:
        """What the inventory calls it."""
        return Item(self.table, self.kind, self.name, self.definition)

    @property
    def key(self) -> tuple[object, ...]:
        """By what it is told from others."""
        return self.table, self.kind, self.name, tuple(self.made)

    @property
    def column(self) -> tuple[str, str, str]:
        """Name the column that it says something of, as the inventory does."""
        return self.table, "column", self.name


class Outward(NamedTuple):
    """A foreign key from a table to one that is not published with it.

    Attributes:
        table: The table.
        name: The constraint.
        referenced: The other table, which is locked when the constraint is dropped.
        oid: The number of the other table in the catalogue.
        may_lock: Whether firn's role may lock it.
    """

    table: str
    name: str
    referenced: Identifier
    oid: int
    may_lock: bool

    def refusal(self, role: str) -> str:
        """Return why a role that may not lock the other table cannot move it, and the way out."""
        place = self.referenced.as_string()
        return (
            f'"{self.table}": constraint {self.name} refers to {place}, which {role} may not lock '
            f'(GRANT UPDATE ON {place} TO {role}; or publish with strategy = "diff")'
        )

    def dropped(self, schema: str) -> Composed:
        """Return the statement that drops it from the table, which is in a schema."""
        return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(Identifier(schema, self.table), Identifier(self.name))


@dataclass(frozen=True, slots=True)
class Dressing:
    """The tables of a schema, which are to carry what those of production carry.

    Attributes:
        connection: Where statements go.
        production: The schema to be like.
        schema: Where the tables are.
        tables: Their names.
        own: What firn makes of the contracts: it stays although production does not carry it.
        known: What firn made when it published the current generation: what is not its own now goes.
        budget_ms: How long a lock on a table outside may be waited for; 0 for as long as it takes.
    """

    connection: Statements
    production: str
    schema: str
    tables: Sequence[str]
    own: Collection[Item]
    known: Collection[Item]
    budget_ms: int = 0

    def make(self, phases: Collection[int] = _ALL, without: Collection[tuple[str, ...]] = ()) -> set[str]:
        """Make what is missing and take away what is too much, again until nothing is.

        Args:
            phases: Which of the phases.
            without: Constraints to leave out, each as table, kind and name.

        Returns:
            The tables whose statistics should be gathered anew.

        Raises:
            PublishError: A piece cannot be made; it is named. Production is unchanged.
        """
        present, made = self._present(), list[Piece]()
        wanted, held = self._wanted(present), self._pieces(self.schema)
        for _ in range(_ROUNDS):
            before = len(made)
            for step in _STEPS:
                if done := self._step(present, wanted, held, {p for p in step if p in phases}, without):
                    made, held = made + done, self._pieces(self.schema)
            if len(made) == before:
                break
        return {piece.table for piece in made if piece.phase in BESIDE_ROWS}

    def rehearse(self) -> list[Item]:
        """Return what the tables will carry once they are dressed; nothing is made, nobody outside is waited for.

        Raises:
            PublishError: A piece cannot be made; it is named. Production is unchanged.
        """
        present = self._present()
        outside = {p.item[:3] for p in self._pieces(self.production) if p.phase == _OUTWARD}
        with self.connection.transaction(force_rollback=True):
            self.make(without=outside)
            found = self.carried()
        return found + [item for item in present if _constraint(item) in outside]

    def carried(self) -> list[Item]:
        """Return what the tables carry, and what they are given in place.

        Raises:
            PublishError: They carry what neither production nor a contract asks for; it is named.
        """
        found, present = self._found(), self._present()
        there, allowed = {item.table for item in present}, {*present, *self.own}
        # What others hold of staged tables, such as a shadow of their foreign key, is judged where dependents are.
        own = [item for item in found if item.kind != "dependent"]
        more = [item for item in own if item.table in there and item not in allowed]
        if more:
            raise PublishError(
                f'The tables that replace those of schema "{self.production}" would carry what those do not: '
                f"{'; '.join(map(str, more))}. Production is unchanged.",
                "look for event triggers that change new tables; or it was dropped since: make it again",
            )
        return found + self._late(found, present)

    def own_items(self) -> list[Item]:
        """Return what firn has made of the contracts: columns and keys that production lacks, or that it made there."""
        others = set(self._present()) - set(self.known)
        return [item for item in self._found() if item.kind in _OWN and item not in others]

    def _step(
        self,
        present: Collection[Item],
        pieces: Iterable[Piece],
        there: Iterable[Piece],
        phases: Collection[int],
        without: Collection[tuple[str, ...]],
    ) -> list[Piece]:
        wanted = {piece.key: piece for piece in pieces if piece.phase in phases}
        held = {piece.key: piece for piece in there if piece.phase in phases}
        surplus = [piece for key, piece in held.items() if key not in wanted and piece.dropped]
        dropped = self._not_own(present, surplus, {piece.item[:3] for piece in wanted.values()})
        made = [piece for key, piece in wanted.items() if key not in held and _constraint(piece.item) not in without]
        for piece in reversed(dropped):
            self._run(piece, [piece.dropped])
        for piece in made:
            self._run(piece, piece.made)
        return dropped + made

    def _wanted(self, present: Iterable[Item]) -> list[Piece]:
        """Return what production carries, without what firn made there and no longer makes."""
        known = [item for item in present if item in self.known]
        gone = inventory.dropped(known, self.own)
        made = {item[:3] for item in known if item.kind == "column"}
        return [
            piece
            for piece in self._pieces(self.production)
            if piece.phase < _IN_PLACE
            and not (piece.item in self.known and piece.item not in self.own)
            and not piece.item.is_of(gone)
            and not (piece.kind == "not null of column" and piece.column in made)
        ]

    def _not_own(
        self, present: Iterable[Item], surplus: Iterable[Piece], wanted: Collection[tuple[str, ...]]
    ) -> list[Piece]:
        """Return what may be taken away: all but what firn makes and nobody has changed in production."""
        others = {item[:3] for item in present if item.kind == "column" and item not in self.known}
        made = {item[:3] for item in self.own if item.kind == "column"} - others
        there = {item.table for item in present}
        return [
            piece
            for piece in surplus
            if piece.table in there
            and (piece.item not in self.own or piece.item[:3] in wanted)
            and not (piece.kind == "not null of column" and piece.column in made)
        ]

    def _pieces(self, schema: str) -> list[Piece]:
        names = {"schema": Literal(schema), "into": Literal(self.schema), "tables": Literal(sorted(self.tables))}
        return [Piece(*row) for row in planned.fetch(self.connection, _SQL["pieces"].format(**names))]

    def _present(self) -> list[Item]:
        """Return what the tables of production carry; a view or anything else there is no table to be like."""
        found = inventory.carried(self.connection, self.production, self.tables)
        others = {item.table for item in found if item.kind == "kind of relation"}
        return [item for item in found if item.table not in others]

    def _found(self) -> list[Item]:
        return inventory.carried(self.connection, self.schema, self.tables, self.production)

    def _run(self, piece: Piece, statements: Iterable[str | None]) -> None:
        for place, statement in enumerate(statements):
            if statement is None and place == 0:
                raise self._refused(piece, "its definition is not understood")
            if statement is not None:
                self._execute(piece, statement)

    def _execute(self, piece: Piece, statement: str) -> None:
        message = _SQL["made"].format(budget=Literal(f"{self.budget_ms}ms"), statement=SQL(statement))
        try:
            self.connection.execute(message)
        except psycopg.Error as exc:
            if not exc.sqlstate or exc.sqlstate.startswith(_PASSING):
                raise
            raise self._refused(piece, primary(exc), exc) from exc

    def _refused(self, piece: Piece, reason: str, exc: psycopg.Error | None = None) -> PublishError:
        denied = isinstance(exc, psycopg.errors.InsufficientPrivilege)
        right = f"{piece.right};" if denied and piece.right else ""
        return PublishError(
            f'Table "{piece.table}" of schema "{self.production}" carries {piece.kind} {piece.name}, which the table '
            f"that replaces it cannot carry: {reason}. Production is unchanged.",
            right or "drop it, or change it so that it can, then run again",
        )

    def _late(self, found: Iterable[Item], present: Iterable[Item]) -> list[Item]:
        """Return what the tables are given in place."""
        columns = {(item.table, item.name) for item in found if item.kind == "column"}
        late = {(p.table, p.kind, p.name) for p in self._pieces(self.production) if p.phase >= _IN_PLACE}
        return [
            item
            for item in present
            if item[:3] in late or (item.kind == "owned sequence" and (item.table, item.definition) in columns)
        ]


def _constraint(item: Item) -> tuple[str, str, str]:
    """Name a constraint that an item is, or says something of, as the inventory does."""
    return item.table, item.kind.removeprefix("comment on "), item.name


def analyze(connection: Statements, schema: str, tables: Iterable[str], *, vacuum: bool = True) -> None:
    """Make plans right from the first query.

    Args:
        connection: Where statements go.
        schema: Where the tables are.
        tables: The tables.
        vacuum: Whether they may be production's, and are to be read by their indexes alone.
    """
    connection.execute(SQL("SET default_statistics_target = {}").format(Literal(_STATISTICS_TARGET)))
    for name in sorted(tables):
        word = SQL("VACUUM (ANALYZE)" if vacuum else "ANALYZE")
        connection.execute(SQL("{} {}").format(word, Identifier(schema, name)))


def moved(
    connection: Statements, production: str, source: str, previous: str, tables: Sequence[str]
) -> tuple[list[SQL], list[SQL]]:
    """Return the statements that move what does not move with its table: those before the tables move, those after.

    Args:
        connection: Where the catalogue is asked.
        production: The schema that tables leave and come to.
        source: The schema that they come from.
        previous: The schema that they leave to.
        tables: Every table that moves.
    """
    names = {"production": production, "source": source, "previous": previous, "tables": sorted(tables)}
    rows = connection.execute(_SQL["moved"].format(**_literals(names))).fetchall()
    policies = _SQL["pieces"].format(**_literals({"schema": production, "into": production, "tables": sorted(tables)}))
    late = [Piece(*row) for row in planned.fetch(connection, policies) if row.phase >= _IN_PLACE]
    after = [row.text for row in rows if row.is_after] + [text for piece in late for text in piece.made if text]
    return [SQL(row.text) for row in rows if not row.is_after], [SQL(text) for text in after]


def outward(connection: Statements, production: str, tables: Sequence[str]) -> list[Outward]:
    """Return the references of tables to others."""
    names = {"production": production, "tables": sorted(tables)}
    rows = connection.execute(_SQL["outward"].format(**_literals(names))).fetchall()
    return [Outward(r.table, r.name, Identifier(r.schema, r.referenced), r.oid, r.may_lock) for r in rows]


def _literals(names: Mapping[str, Any]) -> dict[str, Literal]:
    return {name: Literal(value) for name, value in names.items()}
