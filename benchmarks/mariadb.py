"""A private MariaDB, for tests and benchmarks, and its own client as a witness that shares no code with firn."""

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

import pymysql  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "a pass/word@with:%41 signs"  # noqa: S105 (invented, for a server that lives as long as its block)
PATIENCE_S = 60
ADMIN = "root"
READER = "reader"
# What a server with a few gigabytes has: the index and the rows of every measured table fit, so that readers are
# compared and not the disk. Everybody who is measured reads from the same server.
ROOMY = (
    "--key-buffer-size=128M",
    "--innodb-buffer-pool-size=512M",
    "--innodb-log-file-size=256M",
    "--myisam-sort-buffer-size=128M",
    "--max-allowed-packet=64M",
    "--max-connections=100",
)


@dataclass(frozen=True)
class Database:
    """An empty database of a private server.

    Attributes:
        port: Where the server listens, on 127.0.0.1.
        name: The database.
    """

    port: int
    name: str

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

    def connected(self, **settings: Any) -> pymysql.Connection[Any]:  # noqa: ANN401 (whatever the driver takes)
        """Connect as the administrator."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=ADMIN,
            password=PASSWORD,
            database=self.name,
            ssl_disabled=True,  # making a TLS context costs more than all else of a connection
            **settings,
        )

    def client(self, *options: str) -> list[str]:
        """Return the command of the server's own client; it wants ``secret`` in its environment."""
        place = ["--host=127.0.0.1", f"--port={self.port}", f"--user={ADMIN}", f"--database={self.name}"]
        return ["mariadb", "--no-defaults", *place, "--batch", "--default-character-set=utf8mb4", *options]

    @property
    def secret(self) -> dict[str, str]:
        """The environment of the server's own client."""
        return {**os.environ, "MYSQL_PWD": PASSWORD}

    def witness(self, statement: str) -> list[list[str | None]]:
        """Ask through the server's own client, whose answer must be digits, letters and ``NULL`` only."""
        session = "SET time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES'"
        command = self.client("--skip-column-names", f"--execute={session}; {statement}")
        said = subprocess.run(command, env=self.secret, capture_output=True, text=True, check=True).stdout
        return [[None if cell == "NULL" else cell for cell in line.split("\t")] for line in said.splitlines()]


@contextmanager
def serve_mariadb(*options: str) -> Iterator[int]:
    """Run a server in a temporary folder until the end; give its port."""
    if not (shutil.which("mariadbd") or Path("/usr/sbin/mariadbd").exists()):
        raise FileNotFoundError("mariadbd is not installed: make system names the package")
    with tempfile.TemporaryDirectory(prefix="firn-mariadb-", dir="/var/tmp") as name:
        folder, account = Path(name), _account()
        folder.chmod(0o755)
        _install(folder, account)
        port = free_port()
        server = _start(folder, account, port, options)
        try:
            await_start(server, folder, port)
            yield port
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


@contextmanager
def make_database(port: int, name: str = "") -> Iterator[Database]:
    """Make an empty database that the reader may read, and drop it.

    Args:
        port: Of a server that ``serve_mariadb`` runs.
        name: If none is given it has a space and a quote in it, as nothing forbids that.
    """
    made = Database(port, name or f"it's {uuid.uuid4().hex[:8]}")
    quoted = f"`{made.name}`"
    admin = pymysql.connect(host="127.0.0.1", port=port, user=ADMIN, password=PASSWORD, ssl_disabled=True)
    with admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4")
        cursor.execute(f"GRANT SELECT ON {quoted}.* TO {READER}@127.0.0.1")
        yield made
        cursor.execute(f"DROP DATABASE {quoted}")
        cursor.execute(f"REVOKE ALL ON {quoted}.* FROM {READER}@127.0.0.1")


def _account() -> str:
    """An ordinary account: the server does not like to run as root, nor do its users."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _install(folder: Path, account: str) -> None:
    # A server that starts removes what it takes for its own remains in the folder of temporary tables, so that no two
    # may share one.
    (folder / "tmp").mkdir()
    shutil.chown(folder / "tmp", account)
    first = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    done = subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--user={account}",
            f"--datadir={folder / 'data'}",
            f"--tmpdir={folder / 'tmp'}",
            *first,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
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
    place.append(f"--tmpdir={folder / 'tmp'}")
    network = ["--bind-address=127.0.0.1", f"--port={port}", "--skip-name-resolve"]
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
    log = [f"--log-error={folder / 'log'}", f"--init-file={folder / 'first.sql'}"]
    return subprocess.Popen([program, "--no-defaults", f"--user={account}", *place, *network, *quick, *log, *options])


def free_port() -> int:
    """Return a port of 127.0.0.1 at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def await_start(server: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    """Wait until a server that was just started answers.

    Raises:
        RuntimeError: It does not; with the end of its log.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user=ADMIN, password=PASSWORD, ssl_disabled=True).close()
        except pymysql.Error as failure:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text(encoding="utf-8")[-2000:]) from failure
            time.sleep(0.05)
        else:
            return
