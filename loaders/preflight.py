"""Everything about the target itself that can be refused before a row is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.sql import Identifier, Literal

from firn import LoadError
from loaders import queries

if TYPE_CHECKING:
    from firn import Namespace
    from loaders.connections import Statements

__all__ = ["check_target"]

_SQL = queries.read("preflight.sql")
_OLDEST = 150000


def check_target(connection: Statements, namespace: Namespace) -> None:
    """Check version, kind of connection and rights.

    Raises:
        LoadError: Something is missing; role, object and the GRANT to type are named. Production is unchanged.
    """
    query = _SQL["rights"].format(
        production=Literal(Identifier(namespace.production).as_string(connection)),
        state=Literal(namespace.state),
    )
    found = connection.execute(query).fetchall()[0]
    _check_server(found, connection.info.backend_pid)
    _check_rights(found, namespace)


def _check_server(found: Any, pid: int) -> None:  # noqa: ANN401 (a named tuple made by psycopg)
    if found.version < _OLDEST:
        raise LoadError(f"The target is PostgreSQL {found.version // 10000}; firn needs 15 or newer.")
    if found.is_standby:
        raise LoadError("The target is a standby and read-only.", "connect to the primary server")
    if found.pid != pid:
        raise LoadError(
            f"The connection goes through a proxy or pooler: it was opened with session {pid}, and session {found.pid} "
            "answers. The next transaction may reach yet another. Nothing was sent; production is unchanged.",
            "connect to the server itself",
        )


def _check_rights(found: Any, namespace: Namespace) -> None:  # noqa: ANN401 (a named tuple made by psycopg)
    role, database = f'"{found.role}"', f'"{found.database}"'
    if not found.may_create_schemas:
        raise LoadError(
            f"Role {role} may not create schemas in database {database}. Nothing was sent; production is unchanged.",
            f"GRANT CREATE ON DATABASE {database} TO {role};",
        )
    if not found.may_create_in_production:
        raise LoadError(
            f'Role {role} may not create tables in schema "{namespace.production}" of database {database}. '
            "Nothing was sent; production is unchanged.",
            f'GRANT USAGE, CREATE ON SCHEMA "{namespace.production}" TO {role};',
        )
    if not found.owns_state:
        raise LoadError(
            f'Role {role} does not own the tables of state schema "{namespace.state}". '
            "Nothing was sent; production is unchanged.",
            "run as the role that made them, or let it own them: GRANT the owner's role to this one",
        )
