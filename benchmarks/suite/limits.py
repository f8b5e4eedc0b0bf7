"""What the machine can do at best: the same bytes inflated, and the same rows copied, with nothing else done to them.

```
python -m benchmarks.suite.limits inflate FOLDER        # every sheet of every workbook
python -m benchmarks.suite.limits copy URL FOLDER       # every FILE to the table of its name, two sessions at a time
```
Each prints the seconds that it took, without the start of Python.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.suite.contest import Entry, Refused, told
from benchmarks.suite.process import Command
from benchmarks.suite.trial import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.suite.process import Ran

__all__ = ["copying", "inflating", "itself"]

_SESSIONS = 2
_BLOCK = 1 << 20
_BARE = "limit_copy"


def itself(*arguments: str, module: str = "benchmarks.suite.limits") -> tuple[str, ...]:
    """Return the words that start a module of the benchmarks."""
    return (sys.executable, "-m", module, *arguments)


def inflating(workbooks: Path, rows: int) -> Entry:
    """Return the entry that inflates every sheet by zlib, on as many threads as firn reads with."""
    root = Path(__file__).parents[2]
    return Entry(
        "limit: inflate",
        rows,
        lambda _: Command(itself("inflate", str(workbooks)), root),
        lambda ran: finding(ran, rows),
    )


def copying(url: Callable[[], str], schema: str, tables: Iterable[str], rows: int, folder: Path) -> Entry:
    """Return the entry that copies into bare tables what firn published, in binary, by two sessions.

    Args:
        url: Asked when the entry first runs: a database where firn has published.
        schema: Where.
        tables: What.
        rows: Rows of the source that these tables were made of.
        folder: Empty; what is copied lies there until the scenario ends.
    """
    names, root = tuple(tables), Path(__file__).parents[2]

    def prepare(_: Path) -> Command:
        try:
            _make_bare(url(), schema, names, folder)
        except psycopg.Error as missing:
            raise Refused(f"firn has published nothing that could be copied: {missing}") from missing
        return Command(itself("copy", url(), str(folder)), root)

    return Entry("limit: copy", rows, prepare, lambda ran: finding(ran, rows))


def finding(ran: Ran, rows: int) -> Finding:
    """Return what a limit printed of itself."""
    return Finding(problem=told(ran)) if ran.code else Finding(json.loads(ran.said)["seconds"], arrived=rows)


def _make_bare(url: str, schema: str, tables: Iterable[str], folder: Path) -> None:
    """Keep what is published as files, the first time, and make bare tables for it."""
    with psycopg.connect(url, autocommit=True) as session:
        if not any(folder.iterdir()):
            _export(session, schema, tables, folder)
        session.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(_BARE)))
        session.execute(SQL("CREATE SCHEMA {}").format(Identifier(_BARE)))
        for table in tables:
            new, like = Identifier(_BARE, table), Identifier(schema, table)
            session.execute(SQL("CREATE TABLE {} (LIKE {})").format(new, like))
        session.execute("CHECKPOINT")


def _export(session: psycopg.Connection, schema: str, tables: Iterable[str], folder: Path) -> None:
    for table in tables:
        statement = SQL("COPY {} TO STDOUT (FORMAT binary)").format(Identifier(schema, table))
        with session.cursor().copy(statement) as rows, (folder / table).open("wb") as file:
            file.writelines(bytes(block) for block in rows)


def inflate(folder: str) -> None:
    """Inflate every sheet of every workbook, the biggest first."""
    books = sorted(Path(folder).iterdir(), key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(_SESSIONS) as pool:
        list(pool.map(_inflate, books))


def _inflate(path: Path) -> None:
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            with book.open(name) as part:
                while part.read(_BLOCK):
                    pass


def copy(url: str, folder: str) -> None:
    """Copy every file to the bare table of its name, the largest first."""
    files = sorted(Path(folder).iterdir(), key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(_SESSIONS) as pool:
        list(pool.map(lambda file: _copy(url, file), files))


def _copy(url: str, file: Path) -> None:
    statement = SQL("COPY {} FROM STDIN (FORMAT binary)").format(Identifier(_BARE, file.name))
    with psycopg.connect(url) as session, session.cursor().copy(statement) as copied, file.open("rb") as rows:
        while block := rows.read(_BLOCK):
            copied.write(block)


def main() -> None:
    """Do what the arguments say, and print the seconds."""
    what, *arguments = sys.argv[1:]
    start = time.perf_counter()
    inflate(*arguments) if what == "inflate" else copy(*arguments)
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
