"""PostgreSQL as a target: which database, which schemas, and how long others may be made to wait."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path  # noqa: TC003 (pydantic reads the annotation)
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, field_validator, model_validator

from firn import PRODUCTION, Namespace, is_reference, reveal
from loaders import embedded
from loaders.changes import Isolation  # noqa: TC001 (the same)
from loaders.connections import Server, address
from loaders.postgres_loader import PostgresLoader
from loaders.spaces import Spaces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Postgres"]

SslMode: TypeAlias = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class Postgres(BaseModel):
    """A PostgreSQL database, and how firn may use it.

    Attributes:
        dsn: A libpq connection string or URI; without one, firn's own embedded server.
            Or where that is: ``env:NAME``, ``file:PATH`` or ``command:PROGRAM ARGUMENT ...``.
        password: Where the password is, in the same way; by default wherever libpq finds it.
        sslmode: Whether connections are encrypted, and what is verified, in libpq's words; by default as the dsn, the
            service or the environment has it.
        sslrootcert: The file of the CAs that may vouch for the server, or ``system``.
        home: The folder of the embedded server; by default the platform's.
        production: The schema that readers use; only publications and rollbacks write there.
        staging: Prefix of the schemas that runs stage into.
        previous: Prefix of the schemas that keep the generation before the visible one.
        state: The schema that remembers runs and publications.
        role: The server's role as which firn works, for which the login needs membership; by default the login's own.
        lock_budget_ms: How long readers may have to wait behind a publication that asks for its locks.
        keep_generations: How many earlier generations are kept, each to be shown again by a rollback.
        check_timeout_s: How long the checks after a publication may take together, before it is undone.
        max_wait_s: How long a publication waits for old snapshots and locks before it gives up.
        lease_s: After how long without a sign of life of a run another may take over its pipeline; signs are given four
            times as often.
        terminate_blockers: Roles and application names whose sessions firn may end when `max_wait_s` is nearly over and
            they hold a table or an old snapshot; each is recorded. By default nobody's.
        rebuild_inbound_fks: Whether foreign keys of tables that firn does not publish are made anew on the tables that
            it replaces; by default they refuse a swap.
        isolation: ``strict`` lets transactions that have read a table end before its rows change, within the budget;
            the lock for that is replayed on standbys too, where it ends queries on the table that outlast
            ``max_standby_streaming_delay``. ``read_committed`` makes no reader wait and ends no query on a standby; a
            transaction that reads several tables may see a change between them.
        refresh_views: Whether materialized views over tables whose rows change are refreshed in the same commit.
        batch_rows: How many rows are encoded at a time.
        staging_mb: How many megabytes of rows may be on their way to staging; who brings more waits.
        checkpoints: The folder in which runs keep what they have read until it is published, so that one that was
            killed need not read it again; by default beside the data of the embedded server, whichever the target is.
            One that several hosts share lets each of them resume what another began.
        checkpoints_mb: How many megabytes one run may keep there; 0 for nothing. What is beyond would be read again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dsn: SecretStr | None = None
    password: str | None = None
    sslmode: SslMode | None = None
    sslrootcert: Path | None = None
    home: Path | None = None
    production: str = Namespace().production
    staging: str = Namespace().staging
    previous: str = Namespace().previous
    state: str = Namespace().state
    role: str = ""
    lock_budget_ms: int = Field(default=50, ge=1)
    max_wait_s: float = Field(default=30.0, ge=0)
    lease_s: float = Field(default=60.0, ge=1)
    keep_generations: int = Field(default=1, ge=1)
    check_timeout_s: float = Field(default=60.0, gt=0)
    terminate_blockers: tuple[str, ...] = ()
    rebuild_inbound_fks: bool = False
    isolation: Isolation = "strict"
    refresh_views: bool = True
    batch_rows: int = Field(default=25_000, ge=1)
    staging_mb: int = Field(default=256, ge=1)
    checkpoints: Path | None = None
    checkpoints_mb: int = Field(default=4096, ge=0)
    _environment: str = PrivateAttr(default=PRODUCTION)

    @field_validator("password")
    @classmethod
    def _check_reference(cls, password: str | None) -> str | None:
        if password is not None and not is_reference(password):
            raise ValueError("must say where it is: env:NAME, file:PATH or command:PROGRAM ARGUMENT ...")
        return password

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = (self.production, self.staging, self.previous, self.state)
        if len(set(names)) < len(names) or not all(names):
            msg = f"production, staging, previous and state must be four different schemas, not {', '.join(names)}"
            raise ValueError(msg)
        return self

    @property
    def namespace(self) -> Namespace:
        """The schema of each role."""
        return Namespace(self.production, self.staging, self.previous, self.state, self._environment)

    @property
    def database(self) -> str:
        """Which database it is, as far as the settings say: equal texts mean the same one."""
        return address(_stated(self.dsn)) if self.dsn else str(self.home or embedded.default_home())

    def within(self, environment: str) -> Self:
        """Return the target as that of an environment."""
        made = self.model_copy()
        made._environment = environment  # noqa: SLF001 (a copy of itself)
        return made

    @property
    def exists(self) -> bool:
        """Whether there is a database to ask: the embedded server has none before its first use."""
        return self.dsn is not None or ((self.home or embedded.default_home()) / "data").exists()

    def psql(self, arguments: Sequence[str] = ()) -> int:
        """Run psql on the database, with this process's terminal, and return its exit code.

        Raises:
            ConfigError: No psql is installed, or the dsn is not one.
        """
        if self.dsn:
            return embedded.psql(self._conninfo(self.dsn), arguments, self.role)
        with embedded.serve(self.home) as server:
            return embedded.psql(server, arguments, self.role)

    @contextmanager
    def open(self) -> Iterator[PostgresLoader]:
        """Connect, starting the embedded server if there is no other.

        Raises:
            ConfigError: The dsn is not one, or the environment must not work in its database.
            TargetUnavailable: Nothing answers.
            LoadError: The server refuses the connection or the role. Production is unchanged.
        """
        with ExitStack() as stack:
            dsn = self._conninfo(self.dsn) if self.dsn else stack.enter_context(embedded.serve(self.home)).dsn
            loader = PostgresLoader(self, Server(dsn, self.role), Server(dsn))
            stack.callback(loader.close)
            loader.connect()
            loader.refuse_unfit()
            yield loader

    @contextmanager
    def spaces(self) -> Iterator[Spaces]:
        """Connect as the login, to make, look at and drop the schemas and the role of the environment.

        Raises:
            ConfigError: The dsn is not one.
            TargetUnavailable: Nothing answers.
            LoadError: The server refuses the connection. Production is unchanged.
        """
        with ExitStack() as stack:
            dsn = self._conninfo(self.dsn) if self.dsn else stack.enter_context(embedded.serve(self.home)).dsn
            connection = stack.enter_context(Server(dsn).statements())
            yield Spaces(connection, self.namespace, self.role, self.lock_budget_ms)

    def _conninfo(self, dsn: SecretStr) -> str:
        """Return what libpq is given, with the secrets in it: for drivers only."""
        from psycopg import ProgrammingError
        from psycopg.conninfo import make_conninfo

        text = _stated(dsn)
        more = {"sslmode": self.sslmode, "sslrootcert": self.sslrootcert and str(self.sslrootcert)}
        secret = {"password": reveal(self.password, "[target] password")} if self.password else {}
        try:
            return make_conninfo(text, **{key: value for key, value in more.items() if value}, **secret)
        except ProgrammingError:
            return text  # whoever uses it says what is wrong with it, without repeating it


def _stated(dsn: SecretStr) -> str:
    stated = dsn.get_secret_value()
    return reveal(stated, "[target] dsn") if is_reference(stated) else stated
