"""The schemas and the role of an environment: made, looked at, dropped, and filled with a sample of another's tables.

The login does this: the environment's own role may do nothing outside its schemas, and need not be able to log in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import LoadError, RunLocked, StateError
from loaders import queries
from loaders.isolation import Elsewhere
from loaders.sqlstates import border

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Namespace
    from loaders.connections import Statements

__all__ = ["Copied", "Spaces"]

_SQL = queries.read("spaces.sql")
_HELD = queries.read("state.sql")["held"]


class Copied(NamedTuple):
    """A table that was copied: how many rows, of how many."""

    table: str
    rows: int
    of: int


@dataclass(frozen=True, slots=True)
class Spaces:
    """The place of one environment in its database.

    Attributes:
        connection: Who makes and drops: the login.
        names: The environment's schemas.
        role: The environment's role; empty where it works as the login.
        budget_ms: How long locks may be waited for.
    """

    connection: Statements
    names: Namespace
    role: str
    budget_ms: int

    def schemas(self) -> dict[str, str]:
        """Return the schemas of the environment that are there, and whose they are."""
        roles = ("production", "state", "staging", "previous")
        values = {role: Literal(getattr(self.names, role)) for role in roles}
        with border("Looking at schemas"):
            return {row.name: row.owner for row in self._rows("schemas", **values)}

    def reach(self) -> Sequence[str]:
        """Return what the environment's role may write outside its schemas, in words."""
        with border("Reading rights"):
            return Elsewhere(self.connection, self.names).reach(self.role or self._look().login)

    def lacking(self) -> list[str]:
        """Return the statements that make what is missing: role, rights and schemas."""
        with border("Looking at role and schemas"):
            return [statement.as_string(self.connection) for statement in self._lacking()]

    def create(self) -> list[str]:
        """Make what is missing of role, rights and schemas; return what was executed.

        Raises:
            LoadError: The login may not. Nothing was made.
        """
        try:
            with self.connection.transaction():
                made = self._lacking()
                self._execute(made)
        except psycopg.errors.InsufficientPrivilege as exc:
            raise LoadError(
                f"The login may not make environment {self.names.environment}: {exc.diag.message_primary}. "
                "Nothing was made; production is unchanged.",
                f"have an administrator execute what this prints: firn env create {self.names.environment} --sql",
            ) from exc
        except psycopg.Error as exc:
            with border(f"Making environment {self.names.environment}"):
                raise exc from None
        return [statement.as_string(self.connection) for statement in made]

    def reset(self) -> list[str]:
        """Drop the environment's schemas and all in them, and make it anew, empty; return the schemas dropped.

        Raises:
            RunLocked: A run of it goes on.
            LoadError: A schema is somebody else's, or something outside would go with them. Nothing was dropped.
        """
        with border(f"Resetting environment {self.names.environment}"), self.connection.transaction():
            self._rows("patience", milliseconds=Literal(f"{max(self.budget_ms, 1000)}"))
            self._refuse_worked_on()
            found = self.schemas()
            self._refuse_foreign(found)
            elsewhere = Elsewhere(self.connection, self.names)
            before = elsewhere.definitions()
            self._execute([_SQL["drop"].format(schema=Identifier(schema)) for schema in found])
            self._refuse_lost(before, elsewhere.definitions())
            self._execute(self._lacking())
        return list(found)

    def copy(self, of: Namespace, most: int | None) -> list[Copied]:
        """Copy the tables that another environment of this database shows, or a sample of each.

        A sample has the rows whose keys have the lowest hashes: the same ones each time, and of tables with the same
        first key column the same keys. Columns, defaults, checks, keys and indexes are copied; foreign keys, views,
        triggers, policies and grants are not, nor defaults that would draw numbers from sequences of the other.

        Args:
            of: The other environment's schemas.
            most: How many rows of a table; none for all.

        Raises:
            StateError: The other shows nothing, or a table is there already. Nothing was copied.
            LoadError: The login may not read or write. Nothing was copied.
        """
        with border(f"Copying tables of environment {of.environment}"), self.connection.transaction():
            self._execute([_SQL["whole"]])
            return [self._copied(of.production, table, most) for table in self._shown(of)]

    def _shown(self, of: Namespace) -> list[Any]:
        dataset = Identifier(of.state, "dataset").as_string(self.connection)
        known = self._rows("has_runs", run=Literal(dataset))[0].found
        production, state = Literal(of.production), Identifier(of.state)
        found = self._rows("published", production=production, state=state) if known else []
        if not found:
            raise StateError(
                f"Environment {of.environment} shows no table in this database. Nothing was copied.", "firn runs"
            )
        return found

    def _copied(self, schema: str, table: Any, most: int | None) -> Copied:  # noqa: ANN401 (a named tuple made by psycopg)
        names = {"table": Identifier(self.names.production, table.name), "original": Identifier(schema, table.name)}
        key = SQL("t.{}").format(Identifier(table.key)) if table.key else SQL("ROW(t.*)")
        columns = SQL(", ").join(map(Identifier, table.columns))
        try:
            self._execute([_SQL["like"].format(**names)])
        except psycopg.errors.DuplicateTable as exc:
            raise StateError(
                f'Table "{table.name}" is in environment {self.names.environment} already. Nothing was copied.',
                f"firn env reset {self.names.environment}",
            ) from exc
        self._execute([_SQL["unnumbered"].format(column=Identifier(one), **names) for one in table.numbered])
        self._execute([_SQL["copy"].format(columns=columns, key=key, limit=Literal(most), **names)])
        if self.role:
            self._execute([_SQL["owner"].format(role=Identifier(self.role), **names)])
        (counts,) = self._rows("counts", **names)
        return Copied(table.name, counts.copied, counts.of)

    def _lacking(self) -> list[Composed]:
        found, have, made = self._look(), self.schemas(), []
        database, role = Identifier(found.database), Identifier(self.role)
        if self.role:
            made += [] if found.has_role else [_SQL["role"].format(role=role)]
            made += [] if found.is_member else [_SQL["member"].format(role=role)]
            made += [] if found.may_create else [_SQL["rights"].format(role=role, database=database)]
        kind = _SQL["owned_schema" if self.role else "schema"]
        wanted = [name for name in (self.names.production, self.names.state) if name not in have]
        return made + [kind.format(schema=Identifier(name), role=role) for name in wanted]

    def _look(self) -> Any:  # noqa: ANN401 (a named tuple made by psycopg)
        return self._rows("look", role=Literal(self.role))[0]

    def _refuse_worked_on(self) -> None:
        run = Literal(Identifier(self.names.state, "run").as_string(self.connection))
        known = self._rows("has_runs", run=run)[0].found
        state = Identifier(self.names.state)
        for row in self._rows("worked_on", state=state, held=_HELD) if known else []:
            raise RunLocked(
                f"Run {row.run_id} of environment {self.names.environment} goes on. Nothing was dropped.", "wait for it"
            )

    def _refuse_foreign(self, found: dict[str, str]) -> None:
        for schema, owner in found.items():
            if self.role and owner != self.role:
                raise LoadError(
                    f'Schema "{schema}" belongs to role "{owner}", not to "{self.role}" of environment '
                    f"{self.names.environment}. Nothing was dropped.",
                    f'if it is the environment\'s: ALTER SCHEMA "{schema}" OWNER TO "{self.role}";',
                )

    def _refuse_lost(self, before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]) -> None:
        lost = sorted(key for key, digest in before.items() if after.get(key) != digest)
        if lost:
            named = ", ".join(f'"{schema}"."{name}"' for schema, name in lost)
            raise LoadError(
                f"With the schemas of environment {self.names.environment} would go {named}. Nothing was dropped.",
                "drop what depends on them first, if nobody needs it",
            )

    def _execute(self, statements: Sequence[Composed | SQL]) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def _rows(self, name: str, **values: Any) -> list[Any]:  # noqa: ANN401 (anything that is composed)
        return self.connection.execute(_SQL[name].format(**values)).fetchall()
