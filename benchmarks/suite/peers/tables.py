"""Copies tables of MySQL to PostgreSQL by dlt, pandas or Polars; runs in the peers' Python, as a script.

```
python tables.py dlt-connectorx SOURCE TARGET FOLDER TABLE=ROWS ...
```
SOURCE and TARGET are URLs without the driver, ``mysql://...`` and ``postgresql://...``. Each tool is used as its
documentation advises for speed. The seconds that are printed begin after its import.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = "clinic"


def dlt(backend: str, source: str, target: str, folder: str, tables: dict[str, int]) -> Callable[[], object]:
    """Replace the tables, read as Arrow and written as CSV by COPY."""
    import dlt as tool  # type: ignore[import-not-found]
    from dlt.sources.sql_database import sql_database  # type: ignore[import-not-found]

    connectorx = {"conn": source, "return_type": "arrow"}

    def copy() -> None:
        read = sql_database(
            source.replace("mysql://", "mysql+pymysql://"),
            table_names=list(tables),
            backend=backend,
            chunk_size=50_000,
            reflection_level="full_with_precision",
            backend_kwargs=connectorx if backend == "connectorx" else {},
        )
        destination = tool.destinations.postgres(target)
        pipeline = tool.pipeline("clinic", destination=destination, dataset_name=SCHEMA, pipelines_dir=folder)
        pipeline.run(read, write_disposition="replace", loader_file_format="csv").raise_on_failed_jobs()

    return copy


def pandas(source: str, target: str, tables: dict[str, int]) -> Callable[[], object]:
    """Append the first rows of each table in pieces, as most scripts do."""
    import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import sqlalchemy  # type: ignore[import-not-found]

    read, write = (sqlalchemy.create_engine(url) for url in (source.replace("mysql://", "mysql+pymysql://"), target))

    def copy(table: str, rows: int) -> None:
        wanted = f"SELECT * FROM {table} LIMIT {rows}"  # noqa: S608 (the benchmark's own names)
        for piece in pd.read_sql(wanted, read, chunksize=10_000):
            piece.to_sql(table, write, schema=SCHEMA, if_exists="append", index=False)

    return lambda: list(starmap(copy, tables.items()))


def polars(source: str, target: str, tables: dict[str, int]) -> Callable[[], object]:
    """Read each table whole and write it whole, in the two lines that its documentation shows."""
    import polars as pl

    def copy(table: str) -> None:
        frame = pl.read_database_uri(f"SELECT * FROM {table}", source, engine="connectorx")  # noqa: S608 (the same)
        frame.write_database(f"{SCHEMA}.{table}", target, engine="adbc")

    return lambda: list(map(copy, tables))


def main() -> None:
    """Copy as the arguments say."""
    way, source, target, folder, *named = sys.argv[1:]
    tables = {name: int(rows) for name, _, rows in (argument.partition("=") for argument in named)}
    ways = {
        "pandas": partial(pandas, source, target, tables),
        "polars": partial(polars, source, target, tables),
        "dlt-connectorx": partial(dlt, "connectorx", source, target, folder, tables),
        "dlt-pyarrow": partial(dlt, "pyarrow", source, target, folder, tables),
    }
    copy = ways[way]()
    start = time.perf_counter()
    copy()
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
