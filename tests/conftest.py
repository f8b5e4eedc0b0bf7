"""Real parts for every test: a private PostgreSQL and the real command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest

from loaders.embedded import serve
from loaders.supervisor import is_locked
from tests import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.mariadb import MariaDB
    from tests.storage import Relay, Store

# How long a test takes says nothing here, and a commit is judged by the same examples wherever it is tested.
hypothesis.settings.register_profile("firn", deadline=None, derandomize=True)
hypothesis.settings.register_profile("exploring", deadline=None)
hypothesis.settings.load_profile("firn")

FIRN = Path(sys.executable).with_name("firn")


@dataclass(frozen=True)
class Installation:
    """firn in a folder of its own, with a PostgreSQL of its own."""

    folder: Path
    home: Path
    dsn: str

    @property
    def books(self) -> Path:
        return self.folder / "books"

    def firn(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder, in a process of its own; see `tests.program`."""
        return program.run(arguments, self.folder, self.environment(env))

    def as_installed(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the program itself in the folder, as it was installed."""
        return subprocess.run(
            [FIRN, *arguments],
            cwd=self.folder,
            env=self.environment(env),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        hurried = {"FIRN_RETRY__FIRST_DELAY_S": "0.1"}
        return os.environ | {"FIRN_TARGET__HOME": str(self.home), "COLUMNS": "100"} | hurried | dict(more or {})

    def json(self, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run a command for its JSON document, and check its exit code."""
        done = self.firn(*arguments, "--json", env=env)
        assert done.returncode == code, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the target."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(sql, values or None).fetchall()  # type: ignore[arg-type]

    def execute(self, *statements: str) -> None:
        """Change the target behind firn's back."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    def keep(self) -> None:
        """Keep the folder and the database as they are, for `restore`."""
        shutil.copytree(self.folder, self.kept, symlinks=True)
        copy_database(self.dsn, "firn", self.kept.name)

    def restore(self) -> None:
        """Bring the folder and the database back to what was kept."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder, symlinks=True)
        copy_database(self.dsn, self.kept.name, "firn")

    @property
    def kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-kept")

    def production(self) -> dict[str, str]:
        """A checksum of every table in production."""
        tables = self.query("select table_name from information_schema.tables where table_schema = 'public'")
        content = "select md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from {} t"
        return {name: self.query(content.format(name))[0][0] for (name,) in tables}


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that the server's own user can reach, which pytest's is not when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="firn-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        wait_until_stopped(Path(name))


def wait_until_stopped(folder: Path) -> None:
    """Wait for the servers in a folder, which stop by themselves after their last client."""
    deadline = time.monotonic() + 60
    while any(is_locked(lock) for lock in folder.glob("*/supervisor.lock")):
        assert time.monotonic() < deadline, f"a server in {folder} does not stop"
        time.sleep(0.05)


@pytest.fixture(scope="session", autouse=True)
def _program() -> Iterator[None]:
    yield
    program.stop()


@pytest.fixture(scope="session")
def server_home() -> Iterator[tuple[Path, str]]:
    """The embedded server, which the command line finds running; it may forget what it was told, should it crash."""
    with reachable_folder() as folder, serve(folder / "pg", settings={"fsync": "off"}) as server:
        yield folder / "pg", server.dsn


def install(folder: Path, home: Path, dsn: str) -> Installation:
    """Make an empty folder for workbooks, and settings that name it."""
    made = Installation(folder, home, dsn)
    made.books.mkdir()
    (folder / "firn.toml").write_text('[order_lists]\nfolder = "books"\n', encoding="utf-8")
    return made


@pytest.fixture
def installation(server_home: tuple[Path, str], tmp_path: Path) -> Iterator[Installation]:
    """An installation of firn that has read nothing, and an empty database."""
    made = install(tmp_path, *server_home)
    yield made
    empty(made.dsn)


@pytest.fixture(scope="module")
def installed(
    server_home: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Installation]]:
    """Makes installations for all tests of a module: what one has published is kept, and each test begins with it."""
    made: list[Installation] = []

    def make() -> Installation:
        made.append(install(tmp_path_factory.mktemp("installed"), *server_home))
        return made[-1]

    yield make
    for one in made:
        drop_database(one.dsn, one.kept.name)


@contextmanager
def restored(kept: Installation) -> Iterator[Installation]:
    """Give a test what is kept, and leave the database empty."""
    kept.restore()
    yield kept
    empty(kept.dsn)


def copy_database(dsn: str, original: str, name: str) -> None:
    """Make one database of a server the copy of another."""
    drop_database(dsn, name)
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{original}"')  # type: ignore[arg-type]


def drop_database(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')  # type: ignore[arg-type]


def empty(dsn: str) -> None:
    """Leave the database as it was before the test."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        schemas = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)'"
        ).fetchall()
        for (schema,) in schemas:
            connection.execute(f'drop schema "{schema}" cascade')  # type: ignore[arg-type]
        connection.execute("create schema public")


@pytest.fixture(scope="session")
def account() -> Iterator[str]:
    """The address of a real Blob service's account."""
    from tests.storage import serve_account

    with serve_account() as endpoint:
        yield endpoint


@pytest.fixture
def store(account: str) -> Iterator[Store]:
    """An empty container of a real Blob service."""
    from tests.storage import make_store

    with make_store(account) as made:
        yield made


@pytest.fixture
def passing(account: str) -> Iterator[Relay]:
    """What passes between firn and that service, where a test names this address instead of the service's own."""
    from tests.storage import relay

    with relay(account) as made:
        yield made


@pytest.fixture(scope="session")
def mariadb_port() -> Iterator[int]:
    """Where a private MariaDB listens."""
    from tests.mariadb import serve_mariadb

    with serve_mariadb() as port:
        yield port


@pytest.fixture
def mariadb(mariadb_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[MariaDB]:
    """An empty database of it, with its reader's password in the environment."""
    from tests.mariadb import PASSWORD, make_database

    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with make_database(mariadb_port) as made:
        yield made
