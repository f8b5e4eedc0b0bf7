"""Owns one embedded PostgreSQL: starts it, waits until no process needs it any more, and stops it cleanly.

This file is run as a script by `loaders.embedded`, in a session of its own, so that it outlives whoever started it:

```
python -IS supervisor.py HOME SOCKETS UID GID keep|discard POSTGRES [ARGUMENT ...]
```

Three files in HOME are locked with flock(2), which the kernel releases however a process ends:

- ``clients.lock``: shared, by every process that uses the server; exclusively by the supervisor while it stops it.
- ``supervisor.lock``: exclusively, by the supervisor for as long as it lives; it holds the supervisor's pid.
- ``start.lock``: exclusively, by the one process that looks for a running server or starts a new one.

The standard library alone is imported, and little of it: every start of a server waits for this.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FAILED", "READY", "Postmaster", "answers", "is_locked", "open_lock", "postmaster", "try_lock"]

READY, FAILED = b"ready", b"failed"
_CLIENT_CHECK_SECONDS = 0.2
_READY_CHECK_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1
_ORPHAN_SECONDS = 60.0
_STATUS_LINE = 7


class Postmaster(NamedTuple):
    """What ``postmaster.pid`` says of a server."""

    pid: int
    port: int
    sockets: Path
    status: str


def postmaster(data: Path) -> Postmaster | None:
    """Read ``postmaster.pid`` of a data directory, however much of it is written; None where it names no process."""
    try:
        lines = os.fsdecode((data / "postmaster.pid").read_bytes()).split("\n")
        lines += [""] * (_STATUS_LINE + 1 - len(lines))
        # A negative number is the pid of a single-user server; to kill(2) it would mean a group of processes.
        pid = abs(int(lines[0]))
        return Postmaster(pid, int(lines[3] or 0), Path(lines[4]), lines[_STATUS_LINE].strip()) if pid else None
    except (OSError, ValueError):
        return None


def answers(server: Postmaster) -> bool:
    """Whether the server is ready for queries and accepts a connection on its socket."""
    if server.status != "ready":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(server.sockets / f".s.PGSQL.{server.port}"))
        except OSError:
            return False
    return True


def open_lock(path: Path) -> int:
    """Open a lock file, made if need be, that neither an exec'd child nor a symbolic link can borrow."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a shared or exclusive lock if that is possible at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Whether some process holds the file exclusively."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def supervise(home: Path, sockets: Path, uid: int, gid: int, command: Sequence[str]) -> None:
    """Run the server from its start to its clean stop."""
    alone = open_lock(home / "supervisor.lock")
    fcntl.flock(alone, fcntl.LOCK_EX)
    os.truncate(alone, 0)
    os.write(alone, f"{os.getpid()}\n".encode())
    end_orphan(home / "data", sockets)
    server = start(command, uid, gid)
    try:
        ready = becomes_ready(server, home / "data")
        tell_starter(READY if ready else FAILED)
        if ready:
            wait_for_last_client(server, home / "clients.lock")
    finally:
        stop(server)
        with suppress(OSError):
            sockets.rmdir()


def start(command: Sequence[str], uid: int, gid: int) -> subprocess.Popen[bytes]:
    """Start the server as the given account, to be stopped cleanly by the kernel if this process dies."""
    other = uid != os.geteuid()
    return subprocess.Popen(  # noqa: S603 (the command is firn's own)
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        user=uid if other else None,
        group=gid if other else None,
        extra_groups=[] if other else None,
        preexec_fn=_stop_with_parent(),  # noqa: PLW1509 (this process has one thread)
    )


def _stop_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    # Runs after setuid(2), which would clear the request.
    def request() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return request


def becomes_ready(server: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait, through crash recovery if need be, until the server answers; False if it ends instead."""
    while server.poll() is None:
        found = postmaster(data)
        if found and found.pid == server.pid and answers(found):
            return True
        time.sleep(_READY_CHECK_SECONDS)
    return False


def tell_starter(outcome: bytes) -> None:
    """Say how the start went, and let go of the pipe on which the starter listens."""
    with suppress(BrokenPipeError):
        os.write(1, outcome)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)


def wait_for_last_client(server: subprocess.Popen[bytes], clients: Path) -> None:
    """Return, holding the clients' lock, once nobody else holds it, or when the server has ended by itself."""
    descriptor = open_lock(clients)
    while server.poll() is None and not try_lock(descriptor, fcntl.LOCK_EX):
        time.sleep(_CLIENT_CHECK_SECONDS)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ask for a fast shutdown, which ends sessions and writes a checkpoint, and wait for it."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        server.wait()


def end_orphan(data: Path, sockets: Path) -> None:
    """End a server whose supervisor was killed, and forget one of which only files are left."""
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while (found := postmaster(data)) and (runs := _runs(found.pid, data)) is not False:
        if runs:
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGINT)
        if time.monotonic() > deadline:
            return
        time.sleep(_READY_CHECK_SECONDS)
    # PostgreSQL takes an empty file, or the pid of a zombie or of an unrelated program, for a server that runs.
    for left in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        left.unlink(missing_ok=True)


def _runs(pid: int, data: Path) -> bool | None:
    """Whether the process is a server on this data directory; None if its command line cannot be read."""
    try:
        os.kill(pid, 0)
        line = _command_line(pid)
    except (ProcessLookupError, PermissionError):
        return False
    return None if line is None else b" -D " + os.fsencode(data) + b" -c " in line


def _command_line(pid: int) -> bytes | None:
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            return None
    return subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False).stdout  # noqa: S603, S607


def detach() -> None:
    """Go on as a child of init, so that nobody has to collect this process."""
    if os.fork():
        os._exit(0)
    os.chdir("/")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())


def main(home: str, sockets: str, uid: str, gid: str, after: str, *command: str) -> None:
    """Detach, supervise, and remove a throw-away server's folder."""
    detach()
    try:
        supervise(Path(home), Path(sockets), int(uid), int(gid), command)
    finally:
        if after == "discard":
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
