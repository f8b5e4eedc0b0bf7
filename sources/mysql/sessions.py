"""Sessions with a MySQL or MariaDB server: read-only, in UTC, with a time-out, after one attempt to log in."""

from __future__ import annotations

import shlex
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote, urlencode

from firn import ConfigError
from sources.mysql.errors import NO_TLS, explained
from sources.mysql.statements import STATEMENTS, quoted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

Tls: TypeAlias = Literal["disabled", "required", "verify-ca", "verify-identity"]
SSL_MODES: Mapping[Tls, str] = {
    "disabled": "DISABLED",
    "required": "REQUIRED",
    "verify-ca": "VERIFY_CA",
    "verify-identity": "VERIFY_IDENTITY",
}
"""connectorx's words."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where the server is, and who asks; its text never shows the password.

    Attributes:
        host: Its name or address.
        port: Its TCP port.
        user: The account.
        password: Its password.
        database: The database.
        tls: Whether the connection is encrypted, and what is verified.
        ca: The file of the CAs that may vouch for the server; empty for those of ``SSL_CERT_FILE``, or the system's.
        connect_timeout_s: How long the one attempt to connect may take.
        statement_timeout_s: After how long the server ends a statement.
        mark: Stands behind every statement, as a remark, so that they can be told from those of others.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    tls: Tls = "verify-identity"
    ca: str = ""
    connect_timeout_s: float = 3.0
    statement_timeout_s: float = 3600.0
    mark: str = ""

    def __str__(self) -> str:
        """Name account and server in a sentence."""
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def quoted_database(self) -> str:
        """The database as an identifier."""
        return quoted(self.database)

    def marked(self, statement: str) -> str:
        """Return a statement with the mark behind it."""
        return f"{statement} /* {self.mark} */" if self.mark else statement

    def client(self, statement: str, database: str | None = None) -> str:
        """Return what to type to run a statement by hand; the client asks for the password."""
        named = shlex.quote(self.database if database is None else database) if database != "" else ""
        place = f"-h {shlex.quote(self.host)} -P {self.port} -u {shlex.quote(self.user)} -p"
        return f"mysql {place} {named} -e {shlex.quote(statement)}".replace("  ", " ")

    def url(self) -> str:
        """Return the address for connectorx, with the password in it: for that driver only."""
        user, password, database = (quote(part, safe="") for part in (self.user, self.password, self.database))
        trusted = {"ssl-ca": self.ca} if self.ca and self.tls != "disabled" else {}
        options = urlencode({"ssl-mode": SSL_MODES[self.tls], "prefer_socket": "false", **trusted}, quote_via=quote)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{user}:{password}@{host}:{self.port}/{database}?{options}"


@dataclass(frozen=True, slots=True)
class Server:
    """What the server said of itself.

    Attributes:
        version: Such as ``10.11.19-MariaDB`` or ``9.7.4``.
        sql_mode: Its own; sessions of firn have an empty one, which changes no value that is read.
        time_zone: Its own; sessions of firn have UTC.
        now: Its clock, in UTC, without a zone.
    """

    version: str
    sql_mode: str
    time_zone: str
    now: dt.datetime

    @property
    def is_mariadb(self) -> bool:
        """Whether it is MariaDB, which spells some settings in its own way."""
        return "mariadb" in self.version.lower()


class Session:
    """One connection for statements, whose rows come as tuples."""

    def __init__(self, connection: Any, login: Login) -> None:  # noqa: ANN401 (the driver has no types)
        self._connection, self._login = connection, login
        self.server = Server(*self.rows(STATEMENTS["server"], "Asking the server for its version")[0])
        for statement in [*settings(self.server, login), *_listing(self.server)]:
            self.rows(statement, "Setting up the session")
        self.server = Server(*self.rows(STATEMENTS["server"], "Asking the server for its version")[0])

    def rows(self, statement: str, what: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement.

        Args:
            statement: With ``%(word)s`` for each value, if there are values.
            what: What it does, as the subject of a sentence, for errors.
            values: The values by word.

        Raises:
            SourceUnavailable: The server does not answer, or may answer later.
            SourceChanged: A table or column is gone.
            SourceError: The server refused.
        """
        with border(what, self._login), self._connection.cursor() as cursor:
            cursor.execute(self._login.marked(statement), values)
            return list(cursor.fetchall())

    def stream(self, statement: str, what: str) -> Iterator[tuple[Any, ...]]:
        """Run a statement whose rows come one by one; nothing else may be asked before the last has come.

        Raises:
            SourceError: Or one of its kinds, as ``rows`` does.
        """
        from pymysql.cursors import SSCursor  # type: ignore[import-untyped]

        with border(what, self._login), self._connection.cursor(SSCursor) as cursor:
            cursor.execute(self._login.marked(statement))
            yield from iter(cursor.fetchone, None)

    def answers(self) -> bool:
        """Return whether the session still lives: a server ends those that ask nothing for long."""
        import pymysql  # type: ignore[import-untyped]

        try:
            self._connection.ping(reconnect=False)
        except (pymysql.Error, OSError):
            return False
        return True

    def close(self) -> None:
        """End the session, with the transaction and the locks that it has."""
        if self._connection.open:
            self._connection.close()


@contextmanager
def open_session(login: Login) -> Iterator[Session]:
    """Log in, with one attempt, and close the session at the end.

    Raises:
        SourceUnavailable: Nothing answers in ``connect_timeout_s``.
        SourceError: The server refuses the account, the database or the encryption.
    """
    session = log_in(login)
    try:
        yield session
    finally:
        session.close()


def log_in(login: Login) -> Session:
    """Log in, with one attempt.

    Raises:
        SourceUnavailable: Nothing answers in ``connect_timeout_s``.
        SourceError: The server refuses the account, the database or the encryption.
    """
    import pymysql

    what = f"Connecting to MySQL at {login.host}:{login.port}"
    with border(what, login):
        connection = pymysql.connect(
            host=login.host,
            port=login.port,
            user=login.user,
            password=login.password,
            database=login.database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=login.connect_timeout_s,
            read_timeout=login.connect_timeout_s,
            **_encryption(login),
        )
        # Once logged in, only the server ends a statement; the driver has no public way to say so.
        connection._read_timeout = login.statement_timeout_s + login.connect_timeout_s or None  # noqa: SLF001
    try:
        return Session(connection, login)
    except BaseException:
        connection.close()
        raise


def settings(server: Server, login: Login) -> list[str]:
    """Return the statements that begin a session that reads: nothing is written, and values do not depend on it."""
    if server.is_mariadb:
        timeout = f"SET SESSION max_statement_time = {login.statement_timeout_s:f}"
    else:
        timeout = f"SET SESSION max_execution_time = {int(login.statement_timeout_s * 1000)}"
    # PAD_CHAR_TO_FULL_LENGTH would change values that are read, and ANSI_QUOTES the meaning of a statement.
    return ["SET SESSION sql_mode = ''", "SET time_zone = '+00:00'", timeout, "SET SESSION TRANSACTION READ ONLY"]


def _listing(server: Server) -> list[str]:
    """MySQL remembers sizes and times of change for a day unless told not to."""
    return [] if server.is_mariadb else ["SET SESSION information_schema_stats_expiry = 0"]


def _encryption(login: Login) -> dict[str, Any]:
    if login.tls == "disabled":
        return {"ssl_disabled": True}
    try:
        trusted = ssl.create_default_context(cafile=login.ca or None)  # else of SSL_CERT_FILE, as connectorx does
    except OSError as error:
        raise ConfigError(
            f"The CA file {login.ca} of {login} cannot be used: {error.strerror or 'it holds no certificate'}. "
            "Nothing was read or written.",
            "change the setting ca: a file of certificates in PEM",
        ) from None
    trusted.check_hostname = login.tls == "verify-identity"
    trusted.verify_mode = ssl.CERT_NONE if login.tls == "required" else ssl.CERT_REQUIRED
    return {"ssl": trusted}


@contextmanager
def border(what: str, login: Login) -> Iterator[None]:
    """Turn the errors of PyMySQL that are raised inside into firn's.

    Args:
        what: What is being done, as the subject of a sentence.
        login: Where.

    Raises:
        SourceError: Or one of its kinds.
    """
    import pymysql

    try:
        yield
    except ssl.SSLError as error:
        raise explained(min(NO_TLS), error.reason or "no TLS", what, login) from error
    except pymysql.Error as error:
        number, said = (*error.args, 0, "")[:2] if error.args else (0, str(error))
        if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
            number = min(NO_TLS)
        raise explained(int(number or 0), str(said), what, login) from error
