"""psql in this process's terminal: Ctrl-C is its own, and no password stands on its command line."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firn import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loaders.binaries import Binaries

__all__ = ["as_role", "run_psql", "without_password"]


def run_psql(binaries: Binaries, dsn: str, arguments: Sequence[str], secrets: Mapping[str, str]) -> int:
    """Run psql with this process's terminal and with secrets in its environment, and return its exit code."""
    command = [str(binaries.folder / "psql"), dsn, *arguments]
    with _interrupts_left_to_child():
        return subprocess.run(command, check=False, env={**os.environ, **secrets}).returncode  # noqa: S603


def as_role(dsn: str, role: str) -> str:
    """Have a connection work as a role from its first statement on."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    if not role:
        return dsn
    stated = conninfo_to_dict(dsn).get("options") or os.environ.get("PGOPTIONS", "")
    escaped = role.replace("\\", "\\\\").replace(" ", "\\ ")
    return make_conninfo(dsn, options=f"{stated} -c role={escaped}".lstrip())


def without_password(dsn: str) -> tuple[str, dict[str, str]]:
    """A connection string fit for a command line, which every user of the machine can read, and what it lacks.

    Args:
        dsn: A libpq connection string or URI, perhaps with a password.

    Returns:
        The string without its password, and the variables of the environment that give it to libpq.

    Raises:
        ConfigError: It is not a connection string; the message does not repeat it.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        parts = conninfo_to_dict(dsn)
    except ProgrammingError:
        # What libpq says of it repeats its password.
        raise ConfigError(
            "The target is not a connection string of PostgreSQL.", "postgresql://USER@HOST/DATABASE"
        ) from None
    password = parts.pop("password", None)
    return make_conninfo("", **parts), {} if password is None else {"PGPASSWORD": str(password)}


@contextmanager
def _interrupts_left_to_child() -> Iterator[None]:
    """Ctrl-C cancels a query in psql; here it must not end the process that keeps the server running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
