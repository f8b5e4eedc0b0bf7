"""A few connections for rows, each with a thread: one connection encodes and the server waits, or the other way round.

Two of them keep two cores busy: sending 10.7 million fields takes 1.8 s through one and 1.0 s through two.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from adbc_driver_manager import Error as AdbcError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from loaders.connections import Copying

__all__ = ["Streams"]

_Result = TypeVar("_Result")


class Streams:
    """Runs work that needs a connection for rows, on a thread of its own.

    Args:
        connect: Opens such a connection; called on first use, and again after one failed.
        number: How many there are at most.

    Attributes:
        stopping: Set once nothing more is wanted; work that takes long looks at it.
    """

    def __init__(self, connect: Callable[[], Copying], number: int) -> None:
        self.stopping = threading.Event()
        self._connect = connect
        self._idle: queue.SimpleQueue[Copying] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="firn-rows")

    def submit(self, work: Callable[[Copying], _Result]) -> Future[_Result]:
        """Start work as soon as a connection is idle."""
        return self._threads.submit(self._run, work)

    def renew(self) -> None:
        """Close the connections that are idle, so that what comes next opens others."""
        with suppress(queue.Empty):
            while True:
                _close(self._idle.get_nowait())

    def close(self) -> None:
        """Stop what is under way, and close the connections."""
        self.stopping.set()
        self._threads.shutdown(cancel_futures=True)
        self.renew()  # threads have ended, so nothing is put back meanwhile

    def _run(self, work: Callable[[Copying], _Result]) -> _Result:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            result = work(connection)
            connection.rollback()  # what was not committed was only read, and holds locks no longer
        except BaseException:
            _close(connection)  # whatever state it is in
            raise
        self._idle.put(connection)
        return result


def _close(connection: Copying) -> None:
    with suppress(AdbcError):
        connection.close()
