"""What lies in a database outside an environment, as checksums; and whether the environment's role may write there.

The login reads, not the environment's role, which needs no right outside its own schemas for it. Each table is read in
a statement of its own: one snapshot over all of them would make the publications of others wait for its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg.sql import Composed, Identifier
from psycopg.sql import Literal as Value

from firn import Checksum, ConfigError
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Namespace
    from loaders.connections import Statements

__all__ = ["Elsewhere", "How", "refuse_unfit", "whereabouts"]

How = Literal["rows", "counters"]
_SQL = queries.read("isolation.sql")
_TEST = "test"
_EVERYTHING = "write everything, as a superuser"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Everything of a database that is not an environment's.

    Attributes:
        connection: Who looks.
        names: The environment's schemas.
    """

    connection: Statements
    names: Namespace

    def checksums(self, how: How) -> Mapping[tuple[str, str], Checksum]:
        """Return by schema and object what is defined, and what tables hold.

        Args:
            how: ``rows`` reads every row of every table that may be read; ``counters`` has the server say how often it
                counted that rows were written. Tables that may not be read whole have their counters compared.
        """
        held = {(row.schema, row.table): self._contents(row, how) for row in self._rows("stored")}
        found = {}
        for key, digest in self.definitions().items():
            rows, contents, is_exact = held.get(key, (None, "", True))
            found[key] = Checksum(digest, rows, contents, is_exact)
        return found

    def definitions(self) -> Mapping[tuple[str, str], str]:
        """Return by schema and object what is defined, as a hash."""
        return {(row.schema, row.object): row.digest for row in self._rows("catalogue")}

    def reach(self, role: str) -> Sequence[str]:
        """Return what a role may write here, in words; nothing means that the server refuses whatever it tries."""
        found = sorted(row.what for row in self._rows("reach", role=Value(role)))
        return [_EVERYTHING] if _EVERYTHING in found else found

    def producing(self) -> Mapping[str, str]:
        """Return the production schema of every other state schema that may be read."""
        found = {}
        for row in self._rows("states"):
            version = {"version": Identifier(row.schema, "version")}
            for kept in self.connection.execute(_SQL["production"].format(**version)).fetchall():
                found[row.schema] = kept.production
        return found

    def _contents(self, stored: Any, how: How) -> tuple[int | None, str, bool]:  # noqa: ANN401 (a named tuple made by psycopg)
        if how == "counters" or not stored.is_readable:
            return None, stored.counters, False
        query = _SQL["counter" if stored.is_sequence else "rows"].format(table=Identifier(stored.schema, stored.table))
        try:
            (found,) = self.connection.execute(query).fetchall()
        except psycopg.errors.UndefinedTable:  # somebody drops it: then its definition is not there, either
            return None, "", True
        return found.rows, found.digest, True

    def _rows(self, name: str, **values: Composed | Value) -> list[Any]:
        names = self.names
        own = {"own": Value([names.production, names.state, names.staging, names.previous])}
        elsewhere = _SQL["elsewhere"].format(prefixes=Value([names.staging, names.previous]), **own)
        return self.connection.execute(_SQL[name].format(elsewhere=elsewhere, **values)).fetchall()


def whereabouts(connection: Statements) -> dict[str, str]:
    """Say which server, database, login and role a connection has."""
    info, found = connection.info, connection.execute(_SQL["whereabouts"]).fetchall()[0]
    place = f"{info.host}:{info.port}" if not info.host.startswith("/") else f"socket {info.host}, port {info.port}"
    return {
        "server": f"{place}, PostgreSQL {found.version}",
        **{k: getattr(found, k) for k in ("database", "login", "role")},
    }


def refuse_unfit(names: Namespace, found: Mapping[str, str], producing: Mapping[str, str]) -> None:
    """Refuse a database that an environment must not work in.

    Raises:
        ConfigError: A test environment would work in a database that is not named as one for tests, or another
            environment of the database has the same production schema.
    """
    if names.environment.startswith(_TEST) and _TEST not in found["database"].lower():
        raise ConfigError(
            f'Environment {names.environment} works only in databases with "{_TEST}" in their names, and this is '
            f'"{found["database"]}" on {found["server"]}. Nothing was read or written.',
            f"name another in [env.{names.environment}.target] dsn",
        )
    for state, production in producing.items():
        if production == names.production:
            raise ConfigError(
                f'Schema "{production}" of database "{found["database"]}" is the production of another environment, '
                f'whose state is in schema "{state}". Nothing was read or written.',
                f"give [env.{names.environment}.target] a production schema of its own",
            )
