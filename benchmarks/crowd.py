"""Publishes 20 tables while 50 readers, that are pgbench's, query all of them at once; prints what both found.

```
python -m benchmarks.crowd URL PROGRAMS FOLDER STRATEGY ROWS
```
A reader that sees two generations, or a table without rows, divides by zero and ends: it is counted as an error.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl
import psycopg

from firn import Dataset, Run
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firn import Published
    from loaders.loader import Loader

_TABLES, _READERS = 20, 50
_READS_PER_S = 500
_BEFORE_S, _READ_S = 2.0, 12
_TEXTS = 4


class Row(dy.Schema):
    """What every table holds."""

    id = dy.Int32(primary_key=True)
    generation = dy.Int32()
    for _number in range(_TEXTS):
        vars()[f"t{_number}"] = dy.String(nullable=True)


_NAMES = [f"t{number}" for number in range(_TABLES)]
_SEEN = " UNION ALL ".join(f"(SELECT generation FROM public.{name} LIMIT 1)" for name in _NAMES)  # noqa: S608
_READ = f"SELECT 1 / (count(*) = {_TABLES} AND min(generation) = max(generation))::int FROM ({_SEEN}) seen;\n"  # noqa: S608


def main() -> None:
    """Publish one generation in peace and the next among readers."""
    url, programs, folder, strategy, rows = sys.argv[1:]
    dataset = Dataset("crowd", dict.fromkeys(_NAMES, Row), strategy=strategy)  # type: ignore[arg-type]
    settings = Postgres(dsn=url, max_wait_s=60)  # type: ignore[arg-type]
    with settings.open() as loader:
        loader.publish(staged(loader, dataset, int(rows), 1))
    with settings.open() as loader:
        run = staged(loader, dataset, int(rows), 2)
        with readers(url, programs, folder) as found:
            time.sleep(_BEFORE_S)
            start = time.perf_counter()
            published = loader.publish(run)
            seconds = time.perf_counter() - start
    print(json.dumps({**told(published), **found, "seconds": seconds, "rows": shown(url, 2)}))


def staged(loader: Loader, dataset: Dataset, rows: int, generation: int) -> Run:
    """Stage and verify a generation of every table."""
    run = Run.start(dataset.name)
    loader.prepare(run, dataset)
    ids = pl.int_range(1, rows + 1, eager=True, dtype=pl.Int32).alias("id")
    texts = [pl.format("text {} of {}", pl.lit(number), "id").alias(f"t{number}") for number in range(_TEXTS)]
    frame = pl.DataFrame([ids]).with_columns(pl.lit(generation, pl.Int32).alias("generation"), *texts)
    for name in _NAMES:
        loader.stage(run, name, "", frame)
    loader.verify(run)
    return run


@contextmanager
def readers(url: str, programs: str, folder: str) -> Iterator[dict[str, object]]:
    """Let readers read, and after the block wait for them and tell what they found."""
    script, found = Path(folder) / "read.sql", dict[str, object]()
    script.write_text(_READ, encoding="utf-8")
    often = [f"--client={_READERS}", "--jobs=2", f"--rate={_READS_PER_S}", f"--time={_READ_S}"]
    command = [f"{programs}/pgbench", "--no-vacuum", *often, f"--file={script}", "--log", f"--log-prefix={folder}/log"]
    process = subprocess.Popen([*command, url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield found
        if process.poll() is not None:
            raise RuntimeError(f"The readers ended before the publication: {process.communicate()[1]}")
        _, said = process.communicate()
        found.update(read(Path(folder), said))
    finally:
        process.kill()
        process.wait()


def read(folder: Path, said: str) -> dict[str, object]:
    """Return what pgbench's log says: a line a read, with its microseconds and, last, how long it was sent too late."""
    lines = [line.split() for path in folder.glob("log.*") for line in path.read_text("ascii").splitlines()]
    ms = [(int(line[2]) - int(line[-1])) / 1000 for line in lines if line[2].isdigit()]
    errors = said.count("aborted in command")
    return {
        "readers": _READERS,
        "reads": len(ms),
        "usual_read_ms": round(statistics.median(ms), 3),
        "longest_read_ms": max(ms),
        "errors": errors,
        "said": " ".join(said.split())[-300:] if errors else "",
    }


def told(published: Published) -> dict[str, float]:
    """Return what the server's clock says of the locks."""
    return {"locked_ms": published.locked_ms, "longest_wait_ms": published.longest_wait_ms}


def shown(url: str, generation: int) -> int:
    """Return how many rows of all tables show a generation."""
    counts = " UNION ALL ".join(f"SELECT count(*) FROM {name} WHERE generation = %(g)s" for name in _NAMES)  # noqa: S608
    with psycopg.connect(url) as session:
        ((rows,),) = session.execute(f"SELECT sum(count)::bigint FROM ({counts}) counts", {"g": generation}).fetchall()  # noqa: S608
    return int(rows)


if __name__ == "__main__":
    main()
