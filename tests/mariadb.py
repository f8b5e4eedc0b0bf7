"""A private MariaDB for the tests, and its own client as a witness that shares no code with firn."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql

from sources import MySQL

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "a pass/word@with:%41 signs"  # noqa: S105 (invented, for a server that lives as long as the tests)
PATIENCE_S = 60
ADMIN = "root"
READER = "reader"


@dataclass(frozen=True)
class MariaDB:
    """An empty database of a private server.

    Attributes:
        port: Where the server listens, on 127.0.0.1.
        database: The database; its name has a space and a quote in it, as nothing forbids that.
    """

    port: int
    database: str

    def execute(self, *statements: str, mode: str = "ALLOW_INVALID_DATES") -> None:
        """Run statements as the administrator, in a session that takes every value that the server can hold."""
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute("SET sql_mode = %s, time_zone = '+00:00'", (mode,))
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask as the administrator."""
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def source(self, **settings: Any) -> MySQL:  # noqa: ANN401 (whatever the model takes)
        """Return the database as a source, read by an account that may do nothing else."""
        stated = {"host": "127.0.0.1", "port": self.port, "user": READER, "database": self.database, "tls": "disabled"}
        return MySQL(**{**stated, **settings})

    def connected(self) -> pymysql.Connection[Any]:
        return pymysql.connect(host="127.0.0.1", port=self.port, user=ADMIN, password=PASSWORD, database=self.database)

    def witness(self, statement: str) -> list[list[str | None]]:
        """Ask through the server's own client, whose answer must be digits, letters and ``NULL`` only."""
        place = ["--host=127.0.0.1", f"--port={self.port}", f"--user={ADMIN}", f"--database={self.database}"]
        form = ["--batch", "--skip-column-names", "--default-character-set=utf8mb4"]
        session = "SET time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES'"
        said = subprocess.run(
            ["mariadb", "--no-defaults", *place, *form, f"--execute={session}; {statement}"],
            env={**os.environ, "MYSQL_PWD": PASSWORD},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return [[None if cell == "NULL" else cell for cell in line.split("\t")] for line in said.splitlines()]


@contextmanager
def serve_mariadb(*options: str) -> Iterator[int]:
    """Run a server in a temporary folder until the end; give its port."""
    assert shutil.which("mariadbd") or Path("/usr/sbin/mariadbd").exists(), "The tests run on MariaDB: make system"
    with tempfile.TemporaryDirectory(prefix="firn-mariadb-", dir="/var/tmp") as name:
        folder, account = Path(name), _account()
        folder.chmod(0o755)
        _install(folder, account)
        port = _free_port()
        server = _start(folder, account, port, options)
        try:
            _wait(server, folder, port)
            yield port
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _account() -> str:
    """An ordinary account: the server does not like to run as root, nor do its users."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _install(folder: Path, account: str) -> None:
    first = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    done = subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--user={account}", f"--datadir={folder / 'data'}", *first],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "first.sql").write_text(
        f"ALTER USER root@localhost IDENTIFIED BY '{PASSWORD}';\n"
        f"CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION;\n"
        f"CREATE OR REPLACE USER {READER}@127.0.0.1 IDENTIFIED BY '{PASSWORD}';\n",
        encoding="utf-8",
    )
    shutil.chown(folder, account)


def _start(folder: Path, account: str, port: int, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    place = [f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"]
    network = ["--bind-address=127.0.0.1", f"--port={port}", "--skip-name-resolve"]
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
    log = [f"--log-error={folder / 'log'}", f"--init-file={folder / 'first.sql'}"]
    return subprocess.Popen([program, "--no-defaults", f"--user={account}", *place, *network, *quick, *log, *options])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user=ADMIN, password=PASSWORD).close()
        except pymysql.Error:
            assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline, "the MariaDB of the tests does not start"
            time.sleep(0.05)
        else:
            return


@contextmanager
def make_database(port: int) -> Iterator[MariaDB]:
    """Make an empty database that the reader may read, and drop it."""
    made = MariaDB(port, f"it's {uuid.uuid4().hex[:8]}")
    quoted = f"`{made.database}`"
    admin = pymysql.connect(host="127.0.0.1", port=port, user=ADMIN, password=PASSWORD)
    with admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4")
        cursor.execute(f"GRANT SELECT ON {quoted}.* TO {READER}@127.0.0.1")
        yield made
        cursor.execute(f"DROP DATABASE {quoted}")
        cursor.execute(f"REVOKE ALL ON {quoted}.* FROM {READER}@127.0.0.1")
