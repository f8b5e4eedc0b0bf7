"""A private MySQL 9 for the tests, run from where ``tests/mysql.sh`` unpacked it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mariadb import ADMIN, PASSWORD, PATIENCE_S, READER, await_start, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE = Path(__file__).parent.parent / ".cache/mysql/tree"


@contextmanager
def serve_mysql(*options: str) -> Iterator[int]:
    """Run a server in a temporary folder until the end; give its port."""
    assert (TREE / "usr/sbin/mysqld").exists(), "The tests run on MySQL 9 too: make system"
    with tempfile.TemporaryDirectory(prefix="firn-mysql-", dir="/var/tmp") as name:
        folder = Path(name)
        _install(folder)
        port = free_port()
        server = _start(folder, port, options)
        try:
            await_start(server, folder, port)
            yield port
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _command(folder: Path) -> list[str]:
    """Start it with the loader and the libraries that it was linked to, which may be newer than the system's."""
    libraries = ":".join(map(str, [*TREE.glob("usr/lib/*-linux-gnu"), TREE / "usr/lib/mysql/private"]))
    loader = [str(next(TREE.glob("usr/lib*/ld-linux-*"))), "--library-path", libraries]
    place = [f"--basedir={TREE}/usr", f"--lc-messages-dir={TREE}/usr/share/mysql", f"--datadir={folder}/data"]
    account = ["--user=root"] if os.geteuid() == 0 else []
    plugins = [f"--plugin-dir={TREE}/usr/lib/mysql/plugin", "--secure-file-priv="]
    return [*loader, f"{TREE}/usr/sbin/mysqld", "--no-defaults", *place, *plugins, *account]


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
