"""Copies tables by way of dlt or pandas, in a Python of their own: ``clinic_peers.txt`` says which versions.

```
python clinic_peers.py dlt-connectorx SOURCE TARGET FOLDER TABLE=ROWS ...
```
SOURCE and TARGET are URLs for SQLAlchemy. Each tool is used as its documentation advises for speed.
"""

from __future__ import annotations

import sys
from itertools import starmap


def dlt(backend: str, source: str, target: str, folder: str, tables: dict[str, int]) -> None:
    """Replace the tables, read as Arrow and written as CSV by COPY."""
    import dlt as tool  # type: ignore[import-not-found]
    from dlt.sources.sql_database import sql_database  # type: ignore[import-not-found]

    connectorx = {"conn": source.replace("mysql+pymysql", "mysql"), "return_type": "arrow"}
    read = sql_database(
        source,
        table_names=list(tables),
        backend=backend,
        chunk_size=50_000,
        reflection_level="full_with_precision",
        backend_kwargs=connectorx if backend == "connectorx" else {},
    )
    destination = tool.destinations.postgres(target)
    pipeline = tool.pipeline("clinic", destination=destination, dataset_name="clinic", pipelines_dir=folder)
    pipeline.run(read, write_disposition="replace", loader_file_format="csv").raise_on_failed_jobs()


def pandas(source: str, target: str, tables: dict[str, int]) -> None:
    """Append the first rows of each table in pieces, as most scripts do."""
    import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import sqlalchemy  # type: ignore[import-not-found]

    read, write = (sqlalchemy.create_engine(url) for url in (source, target))

    def copy(table: str, rows: int) -> None:
        wanted = f"SELECT * FROM {table} LIMIT {rows}"  # noqa: S608 (the benchmark's own names)
        for piece in pd.read_sql(wanted, read, chunksize=10_000):
            piece.to_sql(table, write, schema="clinic", if_exists="append", index=False)

    with write.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE SCHEMA IF NOT EXISTS clinic"))
    list(starmap(copy, tables.items()))


def main() -> None:
    """Copy as the arguments say."""
    way, source, target, folder, *named = sys.argv[1:]
    tables = {name: int(rows) for name, _, rows in (argument.partition("=") for argument in named)}
    if way == "pandas":
        pandas(source, target, tables)
    else:
        dlt(way.removeprefix("dlt-"), source, target, folder, tables)


if __name__ == "__main__":
    main()
