"""A private PostgreSQL that listens on loopback, for tools that know nothing else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

from loaders.binaries import find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Target", "serve_postgres"]

# A durable server that could have a standby: what most production servers are.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "replica",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Target:
    """A running server without a password.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        version: Such as ``18.4``.
        pid: Its first process, whose children serve the sessions.
        programs: The folder of its programs.
    """

    port: int
    version: str
    pid: int
    programs: Path

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres:none@127.0.0.1:{self.port}/{database}"

    def renew(self, database: str) -> None:
        """Make a database, empty."""
        with psycopg.connect(self.url(), autocommit=True) as session:
            session.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))
            session.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))
            session.execute("CHECKPOINT")  # nobody writes what another one left

    def drop(self, database: str) -> None:
        """Drop a database, which may be gone."""
        with psycopg.connect(self.url(), autocommit=True) as session:
            session.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))


@contextmanager
def serve_postgres() -> Iterator[Target]:
    """Run a server in a temporary folder until the end."""
    programs = find_binaries()
    with tempfile.TemporaryDirectory(prefix="firn-postgres-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        data = Path(name) / "data"
        first = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums"]
        _run([programs.folder / "initdb", "-D", data, *first], name)
        port = _free_port()
        options = " ".join(f"-c {key}={value}" for key, value in _SETTINGS.items())
        control: list[str | Path] = [programs.folder / "pg_ctl", "-D", data, "-w"]
        _run([*control, "-l", Path(name) / "log", "-o", f"{options} -p {port} -k {name}", "start"], name)
        try:
            pid = int((data / "postmaster.pid").read_text("ascii").split()[0])
            yield Target(port, programs.version, pid, programs.folder)
        finally:
            _run([*control, "-m", "immediate", "stop"], name)


def _run(command: list[str | Path], folder: str) -> None:
    """Run as an ordinary account: the server does not run as root."""
    account = "nobody" if os.geteuid() == 0 else None
    if account:
        shutil.chown(folder, account)
    subprocess.run(command, user=account, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
