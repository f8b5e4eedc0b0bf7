"""A MariaDB with the clinic's tables at any scale, filled with invented rows.

```
python -m benchmarks.clinic_source --scale 0.1
```
starts a private server, fills it and keeps it until Enter is pressed. At scale 0.1 the five headline tables have
802,787 rows. The same arguments make the same rows.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.clinic_schema import HEADLINE, tables
from benchmarks.clinic_values import ALL_DIRT, Dirt, frame
from benchmarks.mariadb import ADMIN, PASSWORD, ROOMY, make_database, serve_mariadb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.clinic_schema import Engine, Table
    from benchmarks.mariadb import Database

__all__ = ["fill", "main"]

_LOAD = (
    "LOAD DATA LOCAL INFILE '{path}' INTO TABLE `{table}` CHARACTER SET utf8mb4 "
    "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({columns}){sets}"
)


def fill(
    database: Database,
    scale: float,
    seed: int = 1,
    *,
    only: Iterable[str] | None = None,
    engine: Engine = "MyISAM",
    dirt: Dirt = Dirt(),  # noqa: B008 (frozen)
    workers: int = 2,
) -> dict[str, int]:
    """Make the tables in an empty database and fill them; return their rows by name.

    Args:
        database: Empty.
        scale: 1.0 is the clinic: 17.8 million rows in 446 tables, of which 219 are empty.
        seed: Other seeds give other values in the same shape.
        only: Only these tables; ``HEADLINE`` are the five that hold more than half of the bytes.
        engine: MyISAM, as the clinic has, or InnoDB.
        dirt: What some readers stumble over.
        workers: How many tables are made at once.

    Raises:
        ValueError: The server changed a value that it was given.
    """
    chosen = [tables()[name] for name in (tables() if only is None else only)]
    database.execute(*(table.create(engine) for table in chosen))
    filled = [table for table in chosen if table.scaled(scale)]
    with tempfile.TemporaryDirectory(prefix="clinic-") as folder, ThreadPoolExecutor(workers) as pool:
        largest_first = sorted(filled, key=lambda table: -table.rows)
        list(
            pool.map(lambda table: _load(database, table, frame(table, scale, seed, dirt), Path(folder)), largest_first)
        )
    database.execute("FLUSH TABLES")
    return {table.name: table.scaled(scale) for table in chosen}


def _load(database: Database, table: Table, rows: pl.DataFrame, folder: Path) -> None:
    path = folder / f"{table.name}.csv"
    rows.with_columns(_escaped(pl.col(pl.String))).write_csv(
        path,
        include_header=False,
        null_value="\\N",
        quote_style="non_numeric",
        datetime_format="%Y-%m-%d %H:%M:%S",
        time_format="%H:%M:%S",
    )
    blobs = [column.name for column in table.columns if column.base.endswith("blob")]
    columns = ", ".join(f"@{name}" if name in blobs else f"`{name}`" for name in rows.columns)
    sets = " SET " + ", ".join(f"`{name}` = UNHEX(@{name})" for name in blobs) if blobs else ""
    with database.connected(local_infile=True, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', unique_checks = 0")
        loaded = cursor.execute(_LOAD.format(path=path, table=table.name, columns=columns, sets=sets))
        warnings = connection.show_warnings() if connection._result.warning_count else ()  # noqa: SLF001 (no other way)
    path.unlink()
    if loaded != rows.height or warnings:
        raise ValueError(f"{table.name}: {loaded:,} of {rows.height:,} rows, {warnings[:3]}")


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all("\\", "\\\\", literal=True).str.replace_all("\x00", "\\0", literal=True)


def main() -> None:
    """Serve a filled source until Enter is pressed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic_source", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1.0 is 17.8 million rows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--headline", action="store_true", help="only the five largest tables")
    parser.add_argument("--innodb", action="store_true", help="instead of MyISAM")
    parser.add_argument("--dirty", action="store_true", help="zero and partial dates, odd times and NUL bytes too")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped then too
    dirt = ALL_DIRT if given.dirty else Dirt()
    only = HEADLINE if given.headline else None
    with serve_mariadb(*ROOMY) as port, make_database(port, "clinic") as database:
        start = time.perf_counter()
        engine: Engine = "InnoDB" if given.innodb else "MyISAM"
        rows = fill(database, given.scale, given.seed, only=only, engine=engine, dirt=dirt)
        took = time.perf_counter() - start
        print(f"{sum(rows.values()):,} rows in {len(rows)} tables, {took:.1f} s: 127.0.0.1:{port}, database clinic")
        input(f"User {ADMIN}, password {PASSWORD!r}. Enter ends it.")


if __name__ == "__main__":
    main()
