"""Which identity every order line must have: its key, its number among the lines of that key, and its UUID."""

from __future__ import annotations

import hashlib
import uuid
from functools import cache
from itertools import groupby
from operator import itemgetter

import polars as pl

from benchmarks.oracle import kinds, load

CUSTOMER = "CUSTOMER NAME"
KEY = (
    "AAG ORDER NUMBER",
    "PLANNED DELIVERY METHOD",
    "CUSTOMER STYLE",
    "PO NUMBER",
    "ORDER TYPE",
    "ALIAS/RELATED ITEM",
    "CUSTOMER ALT PO",
)
NAMESPACE = uuid.UUID("8f0d1c5e-2b47-5d3a-9c61-6e1f52a7b0d4")
SEPARATOR = "\x1f"
LINE = {"file": pl.String, "row": pl.Int32, "order_key": pl.String, "row_hash": pl.String}


def folded(text: str | None) -> str:
    """Return a text as keys compare it."""
    return (text or "").replace("\u00a0", " ").strip().casefold()


@cache
def _customers() -> dict[str, str]:
    listed = load("canonical_customers.yml")
    return {folded(name): canonical for canonical, others in listed.items() for name in (canonical, *others)}


def canonical(name: str) -> str:
    """Return the name of the customer that ``name`` stands for; an unlisted one stands for itself."""
    return _customers().get(folded(name), name)


def lines_of(file: str, rows: pl.Series, values: pl.DataFrame) -> pl.DataFrame:
    """Return ``file``, ``row``, ``order_key`` and ``row_hash`` of the published lines of a workbook.

    Args:
        file: The workbook.
        rows: The Excel row of each line.
        values: The published values as PostgreSQL prints them, a column of texts for each column that has any.
    """
    made = zip(rows.to_list(), _keys(values), _hashes(values), strict=True)
    return pl.DataFrame([(file, *line) for line in made], schema=LINE, orient="row")


def numbered(lines: pl.DataFrame) -> pl.DataFrame:
    """Add ``record_uuid`` to the lines of all workbooks: those of one key are numbered by what is in them."""
    found: list[tuple[str, int, str, str, str]] = []
    by_key = sorted(lines.iter_rows(), key=itemgetter(2, 3, 0, 1))
    for key, alike in groupby(by_key, itemgetter(2)):
        for number, line in enumerate(alike, 1):
            found.append((*line, key if number == 1 else str(uuid.uuid5(uuid.UUID(key), str(number)))))
    return pl.DataFrame(found, schema=LINE | {"record_uuid": pl.String}, orient="row")


def _keys(values: pl.DataFrame) -> list[str]:
    nothing = [None] * values.height
    columns = [values[name].to_list() if name in values.columns else nothing for name in (CUSTOMER, *KEY)]
    return [str(uuid.uuid5(NAMESPACE, SEPARATOR.join(map(folded, parts)))) for parts in zip(*columns, strict=True)]


def _hashes(values: pl.DataFrame) -> list[str]:
    present = [pl.col(name).fill_null("") if name in values.columns else pl.lit("") for name in kinds()]
    whole = values.select(pl.concat_str(present, separator=SEPARATOR)).to_series().str.strip_chars_end(SEPARATOR)
    return [hashlib.sha256(line.encode()).hexdigest() for line in whole.to_list()]
