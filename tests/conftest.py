"""Real parts for every test: a private PostgreSQL and the real command line."""

from __future__ import annotations

import json
import os
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.mariadb import MariaDB
    from tests.storage import Relay, Store

hypothesis.settings.register_profile("firn", deadline=None)  # how long a test takes says nothing here
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
        """Run the real command line in the folder."""
        return subprocess.run(
            [FIRN, *arguments],
            cwd=self.folder,
            env=os.environ | {"FIRN_TARGET__HOME": str(self.home), "COLUMNS": "100"} | dict(env or {}),
            capture_output=True,
            text=True,
            check=False,
        )

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


@pytest.fixture(scope="session")
def server_home() -> Iterator[tuple[Path, str]]:
    with reachable_folder() as folder, serve(folder / "pg") as server:
        yield folder / "pg", server.dsn


@pytest.fixture
def installation(server_home: tuple[Path, str], tmp_path: Path) -> Iterator[Installation]:
    """An empty folder for workbooks, settings that name it, and an empty database."""
    home, dsn = server_home
    made = Installation(tmp_path, home, dsn)
    made.books.mkdir()
    (tmp_path / "firn.toml").write_text('[order_lists]\nfolder = "books"\n', encoding="utf-8")
    yield made
    empty(dsn)


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
