"""The server's own way back: a base backup and the WAL, to just before a publication, whose position is recorded."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from test_postgres_replication import wait_until_reachable
from test_postgres_servers import Target, published

from loaders.embedded import find_binaries, temporary
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loaders.embedded import Server

VERSION = "15"
POSITIONS = "SELECT wal_lsn::text FROM firn.publication ORDER BY generation"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for the WAL and the base backup."""
    with tempfile.TemporaryDirectory(prefix="firn-wal-", dir="/var/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def archiving(place: Path) -> Iterator[Server]:
    """A server that keeps its WAL, and may be copied."""
    kept = {"wal_level": "replica", "max_wal_senders": "2", "archive_mode": "on"}
    with temporary(VERSION, {**kept, "archive_command": f"cp %p {place}/%f"}) as server:
        with (server.home / "pg_hba.conf").open("a") as rules:
            rules.write("local replication all peer map=firn\n")
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute("SELECT pg_reload_conf()")
        yield server


def copied(server: Server, place: Path) -> Path:
    """Take a base backup."""
    command = [find_binaries(server.version).folder / "pg_basebackup", "-D", place / "base", "-d", server.dsn]
    subprocess.run([*command, "-c", "fast", "-N"], check=True, capture_output=True)
    return place / "base"


def archived(server: Server) -> None:
    """Wait until all WAL so far is archived."""
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        last = admin.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchall()[0][0]
        while admin.execute("SELECT coalesce(last_archived_wal, '') < %s FROM pg_stat_archiver", [last]).fetchall()[0][
            0
        ]:
            admin.execute("SELECT pg_sleep(0.05)")


@contextmanager
def recovered(server: Server, base: Path, position: str) -> Iterator[str]:
    """Start a copy of the base backup that replays the WAL up to a position, and not beyond."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firn-copy-", dir="/var/tmp")))
        shutil.copytree(base, folder / "data")
        (folder / "data" / "recovery.signal").touch()
        owner = server.data.stat()
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, owner.st_uid, owner.st_gid)
        (folder / "data").chmod(0o700)
        command = shlex.split((server.data / "postmaster.opts").read_text())
        own = {
            "unix_socket_directories": str(folder),
            "archive_mode": "off",
            "restore_command": f"cp {base.parent}/%f %p",
            "recovery_target_lsn": position,
            "recovery_target_inclusive": "off",
            "recovery_target_action": "promote",
        }
        started = subprocess.Popen(
            [word.replace(str(server.data), str(folder / "data")) for word in command]
            + [word for name, value in own.items() for word in ("-c", f"{name}={value}")],
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(started.wait)
        stack.callback(started.terminate)
        dsn = make_conninfo(server.dsn, host=str(folder))
        wait_until_reachable(dsn)
        yield dsn


def test_a_base_backup_and_the_wal_lead_to_just_before_any_publication_by_the_position_it_recorded(place: Path) -> None:
    was = {}
    with archiving(place) as server:
        target = Target(server.dsn, Postgres(dsn=server.dsn, production="shop"))  # type: ignore[arg-type]
        published(target.settings, 1)
        was[1] = target.production()
        base = copied(server, place)
        for generation in (2, 3):
            published(target.settings, generation)
            was[generation] = target.production()
        positions = [position for (position,) in target.query(POSITIONS)]
        archived(server)
        for generation in (2, 3):
            with recovered(server, base, positions[generation - 1]) as dsn:
                copy = Target(dsn, Postgres(dsn=dsn, production="shop"))  # type: ignore[arg-type]
                assert copy.production() == was[generation - 1]
                assert copy.query("SELECT generation FROM firn.dataset") == [(generation - 1,)]
