"""Statements about several tables, as many at a time as there are connections."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from loaders.connections import Statements

__all__ = ["Lanes", "several"]

_Result = TypeVar("_Result")


class Lanes:
    """Connections of which each does one table's work at a time.

    Args:
        connections: They see the same tables, so what one of them does must be committed.
    """

    def __init__(self, connections: Sequence[Statements]) -> None:
        self._connections = connections

    def each(self, tables: Iterable[str], work: Callable[[Statements, str], _Result]) -> dict[str, _Result]:
        """Do the work of every table; once all of it has ended, return what it returned or raise its first error."""
        idle: queue.SimpleQueue[Statements] = queue.SimpleQueue()
        for connection in self._connections:
            idle.put(connection)

        def one(table: str) -> _Result:
            connection = idle.get()
            try:
                return work(connection, table)
            finally:
                idle.put(connection)

        with ThreadPoolExecutor(len(self._connections), thread_name_prefix="firn-tables") as threads:
            futures = {table: threads.submit(one, table) for table in tables}
            wait(futures.values())
        return {table: future.result() for table, future in futures.items()}


@contextmanager
def several(first: Statements, connect: Callable[[], Statements], number: int) -> Iterator[Lanes]:
    """Use some connections more than the one that there is, and close them.

    Args:
        first: The one that stays open.
        connect: Opens another.
        number: How many there are to be.
    """
    connections = [first]
    try:
        connections += (connect() for _ in range(number - 1))
        yield Lanes(connections)
    finally:
        for connection in connections[1:]:
            connection.close()
