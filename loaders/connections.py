"""Two kinds of connection to one PostgreSQL: psycopg for statements, ADBC for rows."""

from __future__ import annotations

import getpass
import os
import re
import socket
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from adbc_driver_manager import Error as AdbcError
from psycopg import conninfo, pq
from psycopg.rows import namedtuple_row
from psycopg.sql import SQL, Composed, Literal

from firn import ConfigError, FirnError, LoadError, TargetUnavailable
from loaders.sqlstates import border, primary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import adbc_driver_postgresql.dbapi as adbc  # type: ignore[import-untyped]

__all__ = ["Copying", "Server", "Statements", "address"]

Statements: TypeAlias = "psycopg.Connection[Any]"
Copying: TypeAlias = "adbc.Connection"

# Seconds: to connect, and until a connection is given up whose other end is gone without a word.
_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
_UNKNOWN_OPTION = re.compile(r'(?:connection option|query parameter:?) "([a-z_]+)"')
_SETTINGS = {
    "search_path": "",  # every name is written with its schema, and the catalogue's functions print it that way
    "statement_timeout": "0",  # a role's default would cut off a long load; publish sets its own budget
    "lock_timeout": "5s",  # even to print a definition PostgreSQL waits for whoever keeps a table locked
    "idle_in_transaction_session_timeout": "0",  # between two parts a connection may wait for hours
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",  # under locks, publish must see what was done before them
    "TimeZone": "UTC",
}
_NO_SUCH_ROLE = ("22023", "42501")  # there is none of this name, or the login is no member of it
# Names in full: said before the path is set, in which somebody may have planted a function of that name.
_SET = SQL("pg_catalog.set_config({}, {}, false)")


class Server:
    """Where PostgreSQL is, and how to reach it; its text and errors never show the password.

    Args:
        dsn: A libpq connection string or URI; whatever it leaves out comes from libpq's own places (``PGSERVICE``,
            ``.pgpass``, environment).
        role: The role as which it works there; by default the login's own.

    Raises:
        ConfigError: It is not a connection string.
    """

    def __init__(self, dsn: str, role: str = "") -> None:
        try:
            found = conninfo.conninfo_to_dict(dsn, application_name="firn", client_encoding="UTF8")
        except psycopg.ProgrammingError as exc:
            # libpq quotes the part that it cannot read, which may be the password: so neither its text nor the cause.
            raise _not_a_dsn(dsn, str(exc)) from None
        # Both drivers get keywords: a URI that libpq misreads would be quoted in its message.
        self._password = str(found.get("password") or "")
        self._dsn = conninfo.make_conninfo("", **{**_PATIENCE, **found})
        self._options = str(found.get("options") or "")
        self._role = {"role": role} if role else {}

    def __repr__(self) -> str:
        shown = {k: v for k, v in conninfo.conninfo_to_dict(self._dsn).items() if k not in ("password", "sslpassword")}
        return f"Server({conninfo.make_conninfo('', **shown)!r})"

    def statements(self) -> Statements:
        """Open a connection for statements, each its own transaction.

        Raises:
            ConfigError: The connection string names no server that could be asked, such as an unknown service.
            TargetUnavailable: Nothing answers.
            LoadError: The server answers and refuses the connection.
        """
        connection: Statements = self._reached(
            lambda: psycopg.connect(self._dsn, autocommit=True, prepare_threshold=None, row_factory=namedtuple_row)
        )
        try:
            with border("Opening a connection"), self._let():
                connection.execute(_setting({**_SETTINGS, "firn.person": _person(), **self._role}))
        except LoadError:
            connection.close()
            raise
        self._options = connection.pgconn.options.decode()  # wherever libpq found them
        return connection

    def copying(self) -> Copying:
        """Open a connection for rows, which commits when told to.

        Raises:
            ConfigError: The connection string names no server that could be asked, such as an unknown service.
            TargetUnavailable: Nothing answers.
            LoadError: The server answers and refuses the connection.
        """
        import adbc_driver_postgresql.dbapi as adbc

        # The driver reads the catalogue before it can be told anything, with operators that somebody may have planted.
        dsn = conninfo.make_conninfo(self._dsn, options=f"{self._options} -c search_path=".lstrip())
        connection: Copying = self._reached(lambda: adbc.connect(dsn))
        settings = {**_SETTINGS, "synchronous_commit": "off"}  # publish commits with it on, after all of these
        try:
            with border("Opening a connection for rows"), self._let(), connection.cursor() as cursor:
                cursor.execute(_setting({**settings, **self._role}).as_string())
                cursor.fetchall()
                connection.commit()
        except LoadError:
            with suppress(AdbcError):
                connection.close()
            raise
        return connection

    @contextmanager
    def _let(self) -> Iterator[None]:
        """Say what is missing where the login may not work as the role."""
        try:
            yield
        except (psycopg.Error, AdbcError) as exc:
            if not self._role or exc.sqlstate not in _NO_SUCH_ROLE:
                raise
            raise LoadError(
                f'The login cannot work as role "{self._role["role"]}": {primary(exc)}. Production is unchanged.',
                "make role and schemas of the environment: firn env create NAME; or grant the role to the login",
            ) from exc

    def _reached(self, connect: Callable[[], Any]) -> Any:  # noqa: ANN401 (either driver's connection)
        try:
            return connect()
        except (psycopg.Error, AdbcError) as exc:
            raise self._unreached(exc) from exc

    def _unreached(self, exc: psycopg.Error | AdbcError) -> FirnError:
        """Tell a server that refuses from one that is not there: libpq reports no SQLSTATE before a session exists."""
        said = primary(exc)
        said = said.replace(self._password, "***") if self._password else said
        answer = pq.PGconn.ping(self._dsn.encode())
        if answer == pq.Ping.NO_ATTEMPT:
            return ConfigError(
                f"The target's dsn cannot be used: {said}. Nothing was read or written; production is unchanged.",
                "correct the dsn; a service stands in ~/.pg_service.conf, or in the file that PGSERVICEFILE names",
            )
        if answer != pq.Ping.OK and self._answers_in_plain():
            return LoadError(
                f"PostgreSQL answers, but not over a connection as safe as asked for: {said}. Production is unchanged.",
                "check the server's certificate, sslrootcert with its CA, and that host is as in the certificate",
            )
        if answer != pq.Ping.OK:
            return TargetUnavailable(
                f"PostgreSQL does not answer: {said}. Production is unchanged.", "check host and port, then run again"
            )
        if self._admits():
            return TargetUnavailable(
                f"A connection to PostgreSQL was lost while it was opened: {said}. Production is unchanged.",
                "run again; if a session was ended on purpose, ask who did it",
            )
        return LoadError(
            f"PostgreSQL refused the connection: {said}. Production is unchanged.",
            "check role, password, database and pg_hba.conf, or whether all its connections are in use",
        )

    def _answers_in_plain(self) -> bool:
        """Whether the server would answer if nothing were encrypted; it is asked nothing, and told no password."""
        plain = conninfo.make_conninfo(self._dsn, sslmode="disable", password="")
        return pq.PGconn.ping(plain.encode()) == pq.Ping.OK

    def _admits(self) -> bool:
        """Whether another connection can be opened: ADBC has no SQLSTATE for one that was ended, either."""
        try:
            psycopg.connect(self._dsn).close()
        except psycopg.Error:
            return False
        return True


def address(dsn: str) -> str:
    """Return which database a connection string or URI leads to, as far as it says so itself.

    Raises:
        ConfigError: It is not a connection string.
    """
    try:
        found = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as exc:
        raise _not_a_dsn(dsn, str(exc)) from None
    usual = {
        "host": os.environ.get("PGHOST", ""),
        "port": os.environ.get("PGPORT", "5432"),
        "dbname": found.get("user"),
    }
    stated = usual | {key: value for key, value in found.items() if value}
    return " ".join(f"{key}={stated.get(key)}" for key in ("service", "host", "port", "dbname"))


def _person() -> str:
    """Return who runs this process, and where: what the server knows is the role, which many may share."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may give its user no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _not_a_dsn(dsn: str, said: str) -> ConfigError:
    option = _UNKNOWN_OPTION.search(said)
    if option and _is_no_secret(option[1], dsn):
        known = [found.keyword.decode() for found in pq.Conninfo.get_defaults()]
        close = get_close_matches(option[1], known, n=1)
        return ConfigError(
            f"The target's dsn has an option {option[1]}, which PostgreSQL does not know. Nothing was read or written.",
            f"did you mean {close[0]}?" if close else "leave it out, or see the connection options of libpq",
        )
    return ConfigError(
        "The target's dsn is not a PostgreSQL connection string or URI.",
        "write postgresql://user@host:5432/database, with special characters of the password as %XX",
    )


def _is_no_secret(option: str, dsn: str) -> bool:
    """Tell an option that somebody misspelt from a piece of a password with an equals sign in it."""
    before, _, after = dsn.partition(f"{option}=")
    return bool(before or after) and "pass" not in before.lower() and "@" not in after


def _setting(settings: Mapping[str, str]) -> Composed:
    pairs = [_SET.format(Literal(name), Literal(value)) for name, value in settings.items()]
    return SQL("SELECT pg_catalog.concat({})").format(SQL(", ").join(pairs))
