"""The command line as the tests call it: every call is a process, forked from one that has imported what it needs.

A new process imports for longer than most commands work, and the tests need a thousand of them. What is forked has its
own arguments, environment, folder and descriptors, runs ``main`` and ends as any process does; only its imports were
made before, by a process that has done nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import uuid
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IMPORTED = (
    "adbc_driver_postgresql.dbapi",
    "azure.identity",
    "azure.storage.blob",
    "connectorx",
    "openpyxl",
    "pipelines.clinic",
    "pipelines.commissions",
    "pipelines.engine.runner",
    "pipelines.engine.texts",
    "pipelines.replication.survey",
    "pymysql",
    "rich.progress",
)
"""All but what computes with Polars when it is imported: a fork would wait for threads that it does not have."""
ASLEEP = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that a fork does without: the allocator's, which makes its own again, and one that waits to tidy up."""
DESCRIPTORS = 3


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, and wait for its end."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        socket.socket(socket.AF_UNIX) as call,
        Path(os.devnull).open() as nothing,
    ):
        call.connect(started()[0])
        socket.send_fds(call, [b"!"], [nothing.fileno(), out.fileno(), err.fileno()])
        call.sendall(json.dumps([["firn", *arguments], str(folder), dict(environment)]).encode())
        call.shutdown(socket.SHUT_WR)
        code = int(received(call))
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["firn", *arguments], code, out.read(), err.read())


def received(call: socket.socket) -> bytes:
    """Take all that the other side says."""
    return b"".join(iter(lambda: call.recv(1 << 16), b""))


@cache
def started() -> tuple[str, subprocess.Popen[bytes]]:
    """Start the process that is forked, which ends with this one; give its address too."""
    address = f"firn-test-{uuid.uuid4()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.program", address],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return f"\0{address}", process


def stop() -> None:
    """End that process, if it was started."""
    if started.cache_info().currsize:
        started()[1].communicate()


def listen(address: str) -> socket.socket:
    """Import, and fork for every call; return the call in the process that is to answer it."""
    for module in IMPORTED:
        import_module(module)
    refuse_threads()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{address}")
        listener.listen(64)
        os.write(1, b"ready\n")
        while True:
            if sys.stdin in select.select([sys.stdin, listener], [], [])[0]:
                sys.exit()
            call, _ = listener.accept()
            if not os.fork():
                return call
            call.close()
            bury()


def refuse_threads() -> None:
    """Fail where an import has started threads that a fork would miss."""
    others = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    names = {(task / "comm").read_text(encoding="utf-8").strip() for task in others}
    assert names <= ASLEEP, names - ASLEEP


def bury() -> None:
    """Take leave of the forks that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def answer(call: socket.socket) -> None:
    """Fork once more, tell how that process ended, and return in it, which is now as the call asks."""
    _, descriptors, _, _ = socket.recv_fds(call, 1, DESCRIPTORS)
    arguments, folder, environment = json.loads(received(call))
    if forked := os.fork():
        _, status = os.waitpid(forked, 0)
        call.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    call.close()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments


if __name__ == "__main__":
    answer(listen(sys.argv[1]))
    import_module("pipelines.engine.cli").main()
