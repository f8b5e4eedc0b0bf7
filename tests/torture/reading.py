"""A process that reads the shop in one of eight ways, over and over, and says at the end what it found.

```
python -m tests.torture.reading DSN KIND SEED AGE READS
```

AGE is the longest time, in seconds, for which a snapshot is kept before the first table is touched. It imports nothing
of firn. Its first line says that it reads, its second that it has made READS good reads, its last what it found, as
JSON, once its standard input is closed.
"""

from __future__ import annotations

import json
import random
import select
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg

from tests.torture.shop import ALL, ROWS, SUMMARY

if TYPE_CHECKING:
    from collections.abc import Callable

Connection = psycopg.Connection[Any]
Sight = tuple[str, int, int | None, int | None]
"""Of one table: its name, how many rows were seen, and the lowest and the highest generation among them."""

_PAUSE_S = 0.05
_AGE_S = float(sys.argv[4]) if __name__ == "__main__" else 0.0
_BETWEEN_S = 0.004


def one_statement(connection: Connection, _: random.Random) -> list[Sight]:
    """All tables in one statement."""
    return connection.execute(ALL).fetchall()


def view(connection: Connection, _: random.Random) -> list[Sight]:
    """Three tables through a view of a view."""
    return connection.execute("SELECT * FROM public.sold_in_all").fetchall()


def prepared(connection: Connection, _: random.Random) -> list[Sight]:
    """All tables in a statement that was prepared once, with a plan that is kept."""
    connection.execute("SET plan_cache_mode = force_generic_plan")
    return connection.execute(ALL, prepare=True).fetchall()


def read_committed(connection: Connection, chance: random.Random) -> list[Sight]:
    """A transaction of a statement per table, in any order, each with a snapshot of its own."""
    with connection.transaction():
        return _each(connection, chance)


def repeatable_before(connection: Connection, chance: random.Random) -> list[Sight]:
    """A snapshot that was taken a while before the first table is touched."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT * FROM public.unrelated")
        time.sleep(chance.uniform(0, _AGE_S))
        return _each(connection, chance)


def repeatable_after(connection: Connection, chance: random.Random) -> list[Sight]:
    """A snapshot that is taken by the first table."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return _each(connection, chance)


def cursor(connection: Connection, chance: random.Random) -> list[Sight]:
    """A cursor on one table that is kept open while all are read."""
    with connection.transaction(), connection.cursor("kept") as kept:
        kept.execute("SELECT generation FROM shop.lines")
        seen = [row[0] for row in kept.fetchmany(10)]
        others = _each(connection, chance)
        seen += [row[0] for row in kept.fetchall()]
        return [*others, ("lines", len(seen), min(seen, default=None), max(seen, default=None))]


def function(connection: Connection, _: random.Random) -> list[Sight]:
    """A STABLE function of a statement per table, which all have the caller's snapshot."""
    return connection.execute("SELECT * FROM public.generations()").fetchall()


def _each(connection: Connection, chance: random.Random) -> list[Sight]:
    sights: list[Sight] = []
    for name in chance.sample(list(ROWS), k=len(ROWS)):
        sights += connection.execute(SUMMARY.format(name)).fetchall()
        time.sleep(chance.uniform(0, _BETWEEN_S))
    return sights


KINDS: dict[str, Callable[[Connection, random.Random], list[Sight]]] = {
    kind.__name__: kind
    for kind in (
        one_statement,
        view,
        prepared,
        read_committed,
        repeatable_before,
        repeatable_after,
        cursor,
        function,
    )
}


def judge(sights: list[Sight], latest: int) -> str:
    """What is wrong with a read, in a word; ``latest`` is the generation that the same reader saw before."""
    generations = {bound for _, _, *bounds in sights for bound in bounds}
    if any(rows == 0 for _, rows, *_ in sights):
        return "empty"
    if any(rows != ROWS[name] for name, rows, *_ in sights):
        return "incomplete"
    if len(generations) != 1:
        return "mixed"
    return "backwards" if max(generations) < latest else "good"  # type: ignore[type-var]


def watch(dsn: str, kind: str, seed: int, reads: int) -> dict[str, Any]:
    """Read until standard input ends, and count what was found; each error of the server is told once."""
    chance, found, errors, generations = random.Random(seed), Counter[str](), Counter[str](), {0}  # noqa: S311
    connection = psycopg.connect(dsn, autocommit=True)
    KINDS[kind](connection, chance)
    print("reading", flush=True)  # noqa: T201 (the pipe to whoever started it)
    while not select.select([sys.stdin], [], [], chance.uniform(0, _PAUSE_S))[0]:
        try:
            sights = KINDS[kind](connection, chance)
        except psycopg.Error as exc:
            errors[f"{exc.sqlstate}: {str(exc).splitlines()[0]}"] += 1
            if connection.closed:
                connection = psycopg.connect(dsn, autocommit=True)
            continue
        verdict = judge(sights, max(generations))
        found[verdict] += 1
        if verdict == "good":
            generations.add(sights[0][2] or 0)
        if verdict == "good" and found["good"] == reads:
            print("enough", flush=True)  # noqa: T201 (the same)
    connection.close()
    return {"kind": kind, "found": found, "errors": errors, "generations": len(generations) - 1}


def start(dsn: str, kind: str, seed: int, age_s: float, reads: int) -> subprocess.Popen[str]:
    """Start such a process."""
    command = [sys.executable, "-m", "tests.torture.reading", dsn, kind, str(seed), str(age_s), str(reads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def has_enough(process: subprocess.Popen[str]) -> bool:
    """Tell whether a reader has said that it made as many good reads as it was asked for."""
    return bool(select.select([process.stdout], [], [], 0)[0])


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[5]))))  # noqa: T201 (the same)
