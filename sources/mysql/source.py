"""A MySQL or MariaDB database: its tables are listed with a few queries and read with exact values."""

from __future__ import annotations

import configparser
import os
import secrets
from collections.abc import Mapping  # noqa: TC003 (pydantic reads the annotations when the class is made)
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from firn import ConfigError, SourceError, Table, is_reference, reveal
from sources.mysql.changes import fingerprint
from sources.mysql.connections import Connections
from sources.mysql.database import Database
from sources.mysql.errors import UNCHANGED
from sources.mysql.grants import script
from sources.mysql.ranges import divided
from sources.mysql.rules import Rules
from sources.mysql.sessions import Login, Tls, open_session
from sources.mysql.tables import ListedTable, PartFrames
from sources.mysql.values import COUNTED, QUARANTINED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.grants import Consistency
    from sources.mysql.marks import Mark
    from sources.mysql.sessions import Server

__all__ = ["MySQL", "Rules"]

PASSWORD = "MYSQL_PWD"  # noqa: S105 (the name of a variable)
COUNTED_VALUES = "counted_values"
QUARANTINED_VALUES = "quarantined_values"
_OPTIONS = ("host", "port", "user", "password")
_MEGABYTE = 1_000_000


class MySQL(BaseModel):
    """The tables of a MySQL or MariaDB database.

    Every table is one part, or a part for each range of keys where it is large. Beside each part are two tables whose
    part is the table's name, a slash and the part:

    - ``counted_values``: ``table``, ``column``, ``rule`` and ``policy`` String, ``values`` Int64; how often each rule
      was applied.
    - ``quarantined_values``: ``table``, ``key`` as a JSON object, ``column``, ``rule`` and ``raw``, all String; the
      values that a rule set aside.

    The password itself is no setting: it is taken from where ``password`` says that it is, else from ``MYSQL_PWD``,
    else from the option file.

    Attributes:
        database: The database.
        host: The server; what is not stated of host, port and user is taken from the option file.
        port: Its port.
        user: The account, which needs SELECT and nothing else.
        password: Where the password is: ``env:NAME``, ``file:PATH`` or ``command:PROGRAM ARGUMENT ...``.
        option_file: A file as MySQL's own clients read it, of which the group ``[client]`` counts.
        tls: Whether connections are encrypted, and what is verified.
        ca: The file of the CAs that may vouch for the server; by default those of ``SSL_CERT_FILE``, or the system's.
        connect_timeout_s: How long the one attempt to connect may take.
        statement_timeout_s: After how long the server ends a statement.
        connections: How many connections are open at a time at most.
        chunk_mb: About how many megabytes one connection reads at a time.
        part_mb: Above this size a table is divided into parts of about this size.
        only: Patterns of the names of the tables that are read, such as ``proc*``.
        exclude: Patterns of those that are not.
        rules: What is done with values that PostgreSQL does not have.
        columns: The same for single columns, by ``table.column``; what it does not state is as in ``rules``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str
    host: str = "127.0.0.1"
    port: PositiveInt = 3306
    user: str = ""
    password: str | None = None
    option_file: Path = Path("~/.my.cnf")
    tls: Tls = "verify-identity"
    ca: Path | None = None
    connect_timeout_s: PositiveFloat = 3.0
    statement_timeout_s: NonNegativeFloat = 3600.0
    connections: PositiveInt = 4
    chunk_mb: PositiveFloat = 32.0
    part_mb: PositiveFloat = 256.0
    only: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    rules: Rules = Rules()
    columns: Mapping[str, Rules] = Field(default_factory=dict)

    @field_validator("password")
    @classmethod
    def _check_reference(cls, password: str | None) -> str | None:
        if password is not None and not is_reference(password):
            raise ValueError("must say where it is: env:NAME, file:PATH or command:PROGRAM ARGUMENT ...")
        return password

    def login(self) -> Login:
        """Return where to log in and as whom, with the password of the environment or the option file.

        Raises:
            ConfigError: No account is named, or the option file that is stated cannot be read.
        """
        options = self._options()
        host, port, user = (self._stated(name, options) for name in ("host", "port", "user"))
        if not user:
            raise ConfigError(
                "[mysql] names no user. Nothing was read or written.",
                f"set user, or write it into {self.option_file} under [client]",
            )
        if not port.isdecimal():
            raise _no_options(self.option_file, "its port is no number")
        return Login(
            host,
            int(port),
            user,
            reveal(self.password, "password of MySQL")
            if self.password
            else os.environ.get(PASSWORD, options.get("password", "")),
            database=self.database,
            tls=self.tls,
            ca=str(self.ca or ""),
            connect_timeout_s=self.connect_timeout_s,
            statement_timeout_s=self.statement_timeout_s,
        )

    def rights(self, consistency: Consistency = "detect") -> str:
        """Return the statements that make an account for this, which may do no more; nothing is asked."""
        return script(self.database, self._stated("user", self._options()) or "firn", self.tls, consistency)

    def preflight(self) -> Server:
        """Log in once, and return what the server says of itself.

        Raises:
            SourceUnavailable: Nothing answers in ``connect_timeout_s``.
            SourceError: The server refuses the account, the database or the encryption.
        """
        with open_session(self.login()) as session:
            return session.server

    def catalogue(self) -> Sequence[SourceTable]:
        """Return all tables of the database as they are declared, with the server's estimates.

        Raises:
            SourceError: The server does not answer, or refuses.
        """
        with self.open() as database:
            return database.tables()

    @contextmanager
    def open(self) -> Iterator[Database]:
        """Log in once, and give the database, whose sessions are kept until the end of the block.

        Raises:
            ConfigError: No account is named, or the option file that is stated cannot be read.
            SourceUnavailable: Nothing answers in ``connect_timeout_s``.
            SourceError: The server refuses the account, the database or the encryption.
        """
        login = replace(self.login(), mark=f"firn {secrets.token_hex(6)}")
        connections = Connections(login, self.connections)
        try:
            with connections.session() as session:
                server = session.server
            yield Database(connections, server, self._rules)
        finally:
            connections.close()

    def tables(self) -> Iterator[Table]:
        """List the tables by name, each with its contract, and divided into parts where it is large.

        A fingerprint is made from the time of a table's last write, where the server tells it and it has passed; every
        part also has ``content``, a checksum that the server computes of all values in the part.

        Raises:
            SourceError: The server does not answer or refuses, or has no table that matches.
        """
        with self.open() as database:
            found = self._chosen(database.tables())
            marks = database.marks([table.name for table in found])
            listed = [self._listed(database, table) for table in found]
        for one in listed:
            if isinstance(one, Table):
                yield one
            else:
                yield from self._parts(one, marks.get(one.declared.name))

    def _listed(self, database: Database, table: SourceTable) -> ListedTable | Table:
        """Return a table and its parts, or one that raises when it is collected."""
        try:
            declared = database.declared(table)
        except SourceError as error:
            return Table(table.name, pl.defer(partial(_raise, error), schema=pl.Schema()))
        ends = database.ends(declared) if self._is_large(table) else None
        parts = divided(table, ends, int(self.part_mb * _MEGABYTE))
        return ListedTable(database, declared, parts, int(self.chunk_mb * _MEGABYTE))

    def _parts(self, table: ListedTable, mark: Mark | None) -> Iterator[Table]:
        declared = table.declared
        login = self.login()
        place = f"{login.host}:{login.port}/{login.database}/{declared.name}"
        stamped = f"{place} {mark.stamp}" if mark and mark.stamp else ""
        for number, keys in table.parts.ranges or ((0, None),):
            frames = PartFrames(table, keys)
            part = str(keys or "")
            told = fingerprint(stamped, declared.shape, part)
            content = partial(table.content, number)
            yield Table(declared.name, _frame(frames, "rows", declared.schema), declared.contract, told, part, content)
            beside = f"{declared.name}/{part}"
            yield Table(COUNTED_VALUES, _frame(frames, "counted", COUNTED), None, told, beside, content)
            yield Table(QUARANTINED_VALUES, _frame(frames, "quarantined", QUARANTINED), None, told, beside, content)

    def _rules(self, table: str, column: str) -> Rules:
        return self.rules.overridden_by(self.columns.get(f"{table}.{column}"))

    def _is_large(self, table: SourceTable) -> bool:
        return table.range_column is not None and table.data_bytes > self.part_mb * _MEGABYTE

    def _chosen(self, found: Sequence[SourceTable]) -> list[SourceTable]:
        chosen = [t for t in found if _matches(t.name, self.only) and not _matches(t.name, self.exclude)]
        missing = [one for one in self.only if not any(fnmatchcase(table.name, one) for table in found)]
        if missing or not chosen:
            wanted = ", ".join(missing) or "that is not excluded"
            raise SourceError(
                f'Database "{self.database}" has no table {wanted}, or this account may not read it. {UNCHANGED}',
                f"check the spelling, and the rights: {self.login().client('SHOW GRANTS')}",
            )
        reserved = [table.name for table in chosen if table.name in (COUNTED_VALUES, QUARANTINED_VALUES)]
        if reserved:
            raise SourceError(
                f'Table "{reserved[0]}" has the name of a table that firn makes. {UNCHANGED}',
                f'leave it out: exclude = ["{reserved[0]}"]',
            )
        return chosen

    def _stated(self, name: str, options: Mapping[str, str]) -> str:
        """Return a setting that stands in the option file too, which counts less than a stated one."""
        return str(getattr(self, name) if name in self.model_fields_set else options.get(name, getattr(self, name)))

    def _options(self) -> dict[str, str]:
        """Read the option file; nothing where the usual one does not exist."""
        from pymysql.optionfile import Parser  # type: ignore[import-untyped]

        path = self.option_file.expanduser()
        if not path.exists() and "option_file" not in self.model_fields_set:
            return {}
        parser = Parser(allow_no_value=True, interpolation=None, strict=False)
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise _no_options(path, str(error.strerror)) from error
        except (configparser.Error, UnicodeDecodeError):  # which quote the line, and so maybe the password
            raise _no_options(path, "it is no option file") from None
        return {name: parser.get("client", name) for name in _OPTIONS if parser.has_option("client", name)}


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _frame(frames: PartFrames, name: str, schema: pl.Schema) -> pl.LazyFrame:
    return pl.defer(partial(frames.take, name), schema=schema)


def _raise(error: SourceError) -> pl.DataFrame:
    raise error


def _no_options(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"The option file {path} cannot be read: {why}. Nothing was read or written.",
        "correct the setting option_file, or the file: [client], then lines such as user = NAME",
    )
