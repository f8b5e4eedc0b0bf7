"""A private PostgreSQL: the target of whoever has none, found or started on first use and stopped after the last.

```python
with serve() as server:
    connection = psycopg.connect(server.dsn)
```

It is owned by `loaders.supervisor`, which lives while any process is inside `serve`, so that later processes attach
and the death of the first disturbs nobody. `loaders.binaries` finds its programs and `loaders.cluster` makes its data.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from firn import LoadError, TargetUnavailable
from loaders import supervisor
from loaders.binaries import Binaries, find_binaries, in_reach, refuse_closed
from loaders.cluster import (
    DURABLE,
    ENVIRONMENT,
    PORT,
    THROWAWAY,
    fitting_binaries,
    major_of,
    make_home,
    prepare,
    server_account,
    server_command,
    tail,
)
from loaders.psql import as_role, run_psql, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Binaries", "Server", "default_home", "find_binaries", "psql", "serve", "temporary"]

_LOG_BYTES = 10_000_000
_START_SECONDS = 300.0
_LOCK_CHECK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded PostgreSQL. It has no password, so everything here may be printed.

    Attributes:
        home: The folder of everything that belongs to it: data, log and locks.
        sockets: The folder of its socket.
        version: Its major version, such as ``18``.
        port: Part of the socket's name; nothing listens on the network.
    """

    home: Path
    sockets: Path
    version: str
    port: int = PORT

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "server.log"

    @property
    def dsn(self) -> str:
        """The libpq URI of its superuser and database, both named ``firn``."""
        # An empty hostaddr keeps PGHOSTADDR of the environment from leading elsewhere.
        return f"postgresql://firn@/firn?host={quote(str(self.sockets), safe='')}&port={self.port}&hostaddr="


@contextmanager
def serve(
    home: Path | None = None,
    *,
    binaries: Binaries | None = None,
    settings: Mapping[str, str] | None = None,
    timeout: float = _START_SECONDS,
) -> Iterator[Server]:
    """Keep the embedded PostgreSQL of a folder running: attach to it, or start it and make its data on first use.

    It is stopped cleanly after the last process has left, by whatever way. A forked or executed child does not count.

    Args:
        home: The folder of data, log and locks; by default `default_home`.
        binaries: The programs to use; by default those that fit the data, from `find_binaries`.
        settings: Server settings besides firn's own. A server that already runs keeps its programs and settings.
        timeout: How many seconds a start may take, recovery after a power failure included.

    Raises:
        ConfigError: No binaries, or none of the data's version; or the folder belongs to somebody else.
        LoadError: The data cannot be made or the server does not start; the end of its log is in the message.
        TargetUnavailable: It did not start, or an earlier one did not stop, within the timeout.
    """
    folder = make_home(default_home() if home is None else home)
    deadline = time.monotonic() + timeout
    with _locked(folder / "clients.lock", fcntl.LOCK_SH, deadline):
        yield _running(folder, binaries, {**DURABLE, **(settings or {})}, deadline)


@contextmanager
def temporary(version: str = "", settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run an empty PostgreSQL that is not durable and leaves nothing behind, for tests.

    Args:
        version: Its major version, such as ``15``; by default the one that `find_binaries` prefers.
        settings: Server settings besides firn's own.

    Raises:
        ConfigError: No binaries of that version.
        LoadError: The server does not start.
    """
    binaries = find_binaries(version)
    folder = Path(tempfile.mkdtemp(prefix="firn-")).resolve()
    if os.geteuid() == 0:
        folder.chmod(0o755)
    deadline = time.monotonic() + _START_SECONDS
    try:
        with _locked(folder / "clients.lock", fcntl.LOCK_SH, deadline):
            yield _running(folder, binaries, {**THROWAWAY, **(settings or {})}, deadline, discard=True)
    finally:
        _wait_until_stopped(folder)
        shutil.rmtree(folder, ignore_errors=True)


def default_home() -> Path:
    """The folder of the embedded PostgreSQL: ``FIRN_HOME``, or the platform's place for data."""
    chosen, data = os.environ.get("FIRN_HOME", ""), os.environ.get("XDG_DATA_HOME", "")
    if chosen:
        return Path(chosen).expanduser()
    if os.geteuid() == 0:
        return Path("/var/lib/firn")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "firn"
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "firn"


def psql(target: Server | str, arguments: Sequence[str] = (), role: str = "") -> int:
    """Run psql with this process's terminal, and return its exit code.

    Args:
        target: A server of `serve`, or the connection string of any other, whose password psql gets unseen by others.
        arguments: What psql gets besides the connection string.
        role: The role as which it works; by default the login's own.

    Raises:
        ConfigError: No psql is installed, or the connection string is none.
    """
    if isinstance(target, Server):
        binaries = find_binaries(target.version, home=target.home)
        return run_psql(binaries, as_role(target.dsn, role), arguments, {})
    dsn, secrets = without_password(target)
    return run_psql(find_binaries(), as_role(dsn, role), arguments, secrets)


def _running(
    home: Path, binaries: Binaries | None, settings: Mapping[str, str], deadline: float, *, discard: bool = False
) -> Server:
    """The server of a folder, found or started; the caller holds the clients' lock."""
    with _locked(home / "start.lock", fcntl.LOCK_EX, deadline):
        _wait_for_supervisor(home, deadline)
        if (found := _attached(home)) is not None:
            return found
        try:
            _start(home, binaries, settings, deadline, discard=discard)
        except OSError as exc:
            raise _cannot_prepare(home, exc) from exc
        if (started := _attached(home)) is not None:
            return started
        raise _late(home)


def _attached(home: Path) -> Server | None:
    found = supervisor.postmaster(home / "data")
    if found is None or not supervisor.answers(found) or not supervisor.is_locked(home / "supervisor.lock"):
        return None
    return Server(home, found.sockets, major_of(home / "data"), found.port)


def _wait_for_supervisor(home: Path, deadline: float) -> None:
    """Wait while a supervisor is starting or ending its server; at once if there is none or its server answers."""
    while supervisor.is_locked(home / "supervisor.lock") and _attached(home) is None:
        _sleep_before(deadline, home)


def _start(
    home: Path, binaries: Binaries | None, settings: Mapping[str, str], deadline: float, *, discard: bool
) -> None:
    account = server_account()
    if account.is_other:
        refuse_closed(home, account.name)
    found = binaries or fitting_binaries(home)
    if account.is_other:
        found = in_reach(found, home, account.name, keep=not discard)
    sockets = prepare(home, found, account, durable=not discard)
    after = "discard" if discard else "keep"
    owner = [str(home), str(sockets), str(account.uid), str(account.gid), after]
    _launch(home, [*owner, *server_command(home, found, sockets, settings)], deadline)


def _launch(home: Path, arguments: Sequence[str], deadline: float) -> None:
    """Run the supervisor, which lets go of its standard output when the server is ready or has failed."""
    with _open_log(home / "server.log") as log:
        begin = log.tell()
        try:
            said = subprocess.run(  # noqa: S603 (the command is firn's own)
                [sys.executable, "-IS", supervisor.__file__, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
                timeout=max(deadline - time.monotonic(), 0),
            ).stdout
        except subprocess.TimeoutExpired as exc:
            raise _late(home) from exc
    if said != supervisor.READY:
        raise _not_started(home, begin, LoadError if said == supervisor.FAILED else TargetUnavailable)


def _open_log(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_size > _LOG_BYTES:
        os.truncate(descriptor, 0)
    log = os.fdopen(descriptor, "ab")
    log.seek(0, os.SEEK_END)
    return log


_held: set[int] = set()


def _close_held() -> None:
    # A lock belongs to the open file, which fork(2) shares: closing the child's copy leaves the parent's lock alone.
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_close_held)


@contextmanager
def _locked(path: Path, kind: int, deadline: float) -> Iterator[None]:
    try:
        descriptor = supervisor.open_lock(path)
    except OSError as exc:
        raise _cannot_prepare(path.parent, exc) from exc
    _held.add(descriptor)
    try:
        while not supervisor.try_lock(descriptor, kind):
            _sleep_before(deadline, path.parent)
        yield
    finally:
        if descriptor in _held:
            _held.remove(descriptor)
            os.close(descriptor)


def _sleep_before(deadline: float, home: Path) -> None:
    if time.monotonic() > deadline:
        raise _late(home)
    time.sleep(_LOCK_CHECK_SECONDS)


def _wait_until_stopped(home: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with suppress(FileNotFoundError):
        while supervisor.is_locked(home / "supervisor.lock"):
            _sleep_before(deadline, home)


def _late(home: Path) -> TargetUnavailable:
    error = TargetUnavailable(
        f"The embedded database in {home} was not ready in time; it may still be starting, recovering or stopping.",
        f"tail {shlex.quote(str(home / 'server.log'))}, then run the same command again",
    )
    error.lasting = True  # it was waited for
    return error


def _cannot_prepare(home: Path, cause: OSError) -> LoadError:
    return LoadError(
        f"The embedded database in {home} cannot be prepared; data that it had is kept.\n{cause}",
        f"look at the folder with ls -la {shlex.quote(str(home))}, remove the cause and run the same command again",
    )


def _not_started(home: Path, begin: int, kind: type[LoadError]) -> LoadError:
    """The server refused to start, or its supervisor ended before that was known."""
    with (home / "server.log").open("rb") as log:
        log.seek(begin)
        said = tail(log.read())
    return kind(
        f"The embedded database in {home} did not start; its data is kept.\n{said}",
        f"tail -50 {shlex.quote(str(home / 'server.log'))}, remove the cause and run the same command again",
    )
