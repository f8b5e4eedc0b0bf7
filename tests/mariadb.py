"""A private MariaDB for the tests, whose databases are sources of firn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks import mariadb
from benchmarks.mariadb import ADMIN, PASSWORD, READER, Database, serve_mariadb
from sources import MySQL

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ADMIN", "PASSWORD", "READER", "MariaDB", "make_database", "serve_mariadb"]


class MariaDB(Database):
    """An empty database of a private server."""

    @property
    def database(self) -> str:
        return self.name

    def source(self, **settings: Any) -> MySQL:  # noqa: ANN401 (whatever the model takes)
        """Return the database as a source, read by an account that may do nothing else."""
        stated = {"host": "127.0.0.1", "port": self.port, "user": READER, "database": self.name, "tls": "disabled"}
        return MySQL(**{**stated, **settings})


@contextmanager
def make_database(port: int, name: str = "") -> Iterator[MariaDB]:
    """Make an empty database that the reader may read, and drop it."""
    with mariadb.make_database(port, name) as made:
        yield MariaDB(made.port, made.name)
