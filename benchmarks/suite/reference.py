"""Work of the same nature as firn's that no change of firn can touch: what the gate measures firn by.

```
python -m benchmarks.suite.reference URL
```
Python starts and imports Polars; many small tables of text are parsed, cast, joined and digested in one thread; they
are copied to PostgreSQL, where their rows are counted by digest. Nothing of firn is imported.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import adbc_driver_postgresql.dbapi  # type: ignore[import-untyped]
import polars as pl
import psycopg

__all__ = ["main", "table"]

_TABLES, _ROWS, _COLUMNS = 24, 2_000, 40
_COUNT = "SELECT count(DISTINCT md5(r::text)) FROM reference r"


def main() -> None:
    """Do the work, and fail if a row is lost."""
    (url,) = sys.argv[1:]
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        for number in range(_TABLES):
            mode = "append" if number else "create"
            cursor.adbc_ingest("reference", cast(table(number)).to_arrow(), mode=mode)
        connection.commit()
    with psycopg.connect(url) as session:
        ((rows,),) = session.execute(_COUNT).fetchall()
    if rows != _TABLES * _ROWS:
        sys.exit(f"{rows:,} of {_TABLES * _ROWS:,} rows arrived")


def table(number: int) -> pl.DataFrame:
    """Make a table of texts: numbers, days and words, none of which is chance."""
    ids = pl.int_range(number * _ROWS, (number + 1) * _ROWS, eager=True)
    rows = pl.DataFrame([ids.alias("id")])
    day = pl.date(2020, 1, 1) + pl.duration(days=pl.col("id") % 2_000)
    kinds = [
        pl.format(" {}.{} ", "id", pl.col("id") % 90 + 10),
        day.dt.strftime("%d/%m/%Y"),
        pl.format("Text {} of\t{}", pl.col("id") % 97, "id"),
        pl.format("{}", pl.col("id") * 7_919 % 104_729),
    ]
    return rows.with_columns(kinds[n % len(kinds)].alias(f"c{n}") for n in range(_COLUMNS))


def cast(texts: pl.DataFrame) -> pl.DataFrame:
    """Clean and cast every column by itself, as its texts say, and add a digest of the row."""
    casts = [
        lambda c: c.str.strip_chars().cast(pl.Decimal(18, 4)),
        lambda c: c.str.to_date("%d/%m/%Y"),
        lambda c: c.str.replace_all(r"\s+", " ").str.to_uppercase(),
        lambda c: c.cast(pl.Int64),
    ]
    found = texts.with_columns(casts[n % len(casts)](pl.col(f"c{n}")) for n in range(_COLUMNS))
    for n in range(2, _COLUMNS, len(casts)):
        words = found.select(pl.col(f"c{n}").unique(maintain_order=True)).with_row_index(f"w{n}")
        found = found.join(words, on=f"c{n}", how="left", maintain_order="left")
    digests = [hash(row) & 0x7FFF_FFFF for row in found.select("id", "c0", "c1", "c3").iter_rows()]
    return found.select(texts.columns).with_columns(pl.Series("digest", digests))


if __name__ == "__main__":
    main()
