"""A private PostgreSQL that listens on the network, encrypts, and asks for passwords, which firn's own does not."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from benchmarks.mariadb import free_port
from loaders.binaries import find_binaries
from loaders.cluster import server_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCESS = """local all all trust
hostssl all all all scram-sha-256
"""


@contextmanager
def serve_postgres(folder: Path, certificate: Path) -> Iterator[tuple[int, str]]:
    """Run a server until the end of the block.

    Args:
        folder: Where its data go; its account must reach it.
        certificate: What it shows to clients; its key stands beside it.

    Yields:
        Its port, and how its superuser reaches it.
    """
    programs, account, data = find_binaries("15").folder, server_account(), folder / "data"
    data.mkdir()
    key = certificate.with_name("key.pem")
    for path in (folder, data, key):
        os.chown(path, account.uid, account.gid)
    key.chmod(0o600)
    run = {"user": account.uid, "group": account.gid} if os.geteuid() == 0 else {}
    made = [programs / "initdb", "-D", data, "-U", "firn", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd="/", **run)  # type: ignore[call-overload]
    (data / "pg_hba.conf").write_text(ACCESS, encoding="utf-8")
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "ssl": "on",
        "ssl_cert_file": certificate,
        "ssl_key_file": key,
        "fsync": "off",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([programs / "postgres", "-D", data, *options], stderr=log, cwd="/", **run)  # type: ignore[call-overload]
    with server:
        try:
            dsn = f"host={folder} port={port} user=firn dbname=postgres"
            await_start(dsn)
            yield port, dsn
        finally:
            server.terminate()


def await_start(dsn: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 120
    while psycopg.pq.PGconn.ping(dsn.encode()) != psycopg.pq.Ping.OK:
        assert time.monotonic() < deadline, "the server of the tests does not start"
        time.sleep(0.05)
