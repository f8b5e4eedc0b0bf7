"""A private MySQL 9 for the tests, run from where ``tests/mysql.sh`` unpacked it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from benchmarks.mariadb import ADMIN, PASSWORD, PATIENCE_S, READER, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent / ".cache/mysql/root"


@contextmanager
def serve_mysql(*options: str) -> Iterator[int]:
    """Run a server in a temporary folder until the end; give its port."""
    assert (ROOT / "usr/sbin/mysqld").exists(), "The tests run on MySQL 9 too: make system"
    with tempfile.TemporaryDirectory(prefix="firn-mysql-", dir="/var/tmp") as name:
        folder = Path(name)
        _install(folder)
        port = free_port()
        server = _start(folder, port, options)
        try:
            _wait(server, folder, port)
            yield port
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _command(folder: Path) -> list[str]:
    """Start it with the loader and the libraries that it was linked to, which may be newer than the system's."""
    libraries = ":".join(map(str, [*ROOT.glob("usr/lib/*-linux-gnu"), ROOT / "usr/lib/mysql/private"]))
    loader = [str(next(ROOT.glob("usr/lib*/ld-linux-*"))), "--library-path", libraries]
    place = [f"--basedir={ROOT}/usr", f"--lc-messages-dir={ROOT}/usr/share/mysql", f"--datadir={folder}/data"]
    account = ["--user=root"] if os.geteuid() == 0 else []
    plugins = [f"--plugin-dir={ROOT}/usr/lib/mysql/plugin", "--secure-file-priv="]
    return [*loader, f"{ROOT}/usr/sbin/mysqld", "--no-defaults", *place, *plugins, *account]


def _install(folder: Path) -> None:
    done = subprocess.run([*_command(folder), "--initialize-insecure"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "first.sql").write_text(
        f"ALTER USER {ADMIN}@localhost IDENTIFIED BY '{PASSWORD}';\n"
        f"CREATE USER {ADMIN}@127.0.0.1 IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON *.* TO {ADMIN}@127.0.0.1 WITH GRANT OPTION;\n"
        f"CREATE USER {READER}@127.0.0.1 IDENTIFIED BY '{PASSWORD}';\n",
        encoding="utf-8",
    )


def _start(folder: Path, port: int, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    network = ["--bind-address=127.0.0.1", f"--port={port}", "--skip-name-resolve", "--mysqlx=OFF"]
    place = [f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--log-error={folder}/log"]
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--disable-log-bin"]
    first = f"--init-file={folder}/first.sql"
    return subprocess.Popen([*_command(folder), *network, *place, *quick, first, *options])


def _wait(server: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user=ADMIN, password=PASSWORD, ssl_disabled=True).close()
        except pymysql.Error:
            assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline, "the MySQL of the tests does not start"
            time.sleep(0.05)
        else:
            return
