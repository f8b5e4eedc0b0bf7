"""Invented texts of a clinic: notes, names and codes, and the dirt that people leave in them."""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from benchmarks.clinic_schema import Column

__all__ = ["CONTROL", "NUL", "ODD", "takes", "texts"]

_POOL = 2000
_NOTES = (
    "patient called about crown seat and asked for the earliest visit upper left quadrant scaling root plan estimate "
    "insurance pending left message with spouse confirmed balance write off of 85.00 on 2021-03-04 paid by card "
    "treatment accepted recall due exam bitewings fluoride sealant extraction consult referred form signed image "
    "scanned note appended schedule moved to operatory two hygiene broken appointment late arrival statement sent"
)
_WORDS = _NOTES.split()
_FIRST = ("Ada", "Bram", "Célia", "Dov", "Eszter", "Fenna", "Goran", "Hülya", "Ilse", "Jonah", "Kaja", "Łucja")
_LAST = ("Ashgrove", "Birkwater", "Cloverly", "Dunmarsh", "Elmstead", "Fernhollow", "Gorseby", "Hazelwick", "O'Wren")
_CODES = (
    "D0120",
    "D0140",
    "D0150",
    "D0210",
    "D0274",
    "D1110",
    "D1120",
    "D2391",
    "D2740",
    "D8670.auto",
    "00040",
    "N4118",
)
# Characters that a format between the two servers may stumble over; all of them are legal in both.
ODD = ("😀 happy", "tab\there", "two\nlines", "back\\slash", "\\N", 'a "quoted" word', "it's; -- not a comment", "NULL")
CONTROL = "bell\x07 and escape\x1b"
NUL = "left\x00right"


def texts(column: Column, rng: np.random.Generator, rows: int) -> pl.Series:
    """Return clean texts for a column, as long as it takes them."""
    pool = _pool(_kind(column)).str.head(_longest(column))
    return pool.gather(rng.integers(0, len(pool), rows))


def takes(column: Column, text: str) -> bool:
    """Return whether a column is long enough for a text, and its character set wide enough."""
    narrow = column.extra.endswith("utf8mb3")
    return len(text) <= _longest(column) and not (narrow and max(text, default="") > "\uffff")


def _kind(column: Column) -> str:
    name = column.name
    if "Hash" in name or "GUID" in name or column.base == "char":
        return "hash"
    if "Phone" in name or "Fax" in name:
        return "phone"
    if "Code" in name or 0 < column.width <= len(_CODES[0]):
        return "code"
    if name.endswith("Name"):
        return "name"
    return "note" if column.base in {"text", "mediumtext"} else "word"


@cache
def _pool(kind: str) -> pl.Series:
    rng = np.random.default_rng(zlib.crc32(kind.encode()))
    match kind:
        case "hash":
            found = [rng.bytes(16).hex() for _ in range(_POOL)]
        case "phone":
            found = [f"(503)555-{number:04}" for number in rng.integers(0, 10_000, _POOL)]
        case "code":
            found = list(_CODES)
        case "name":
            found = [f"{first} {last}" for first in _FIRST for last in _LAST]
        case "note":
            found = [_sentence(rng, 2, 20) for _ in range(_POOL)]
        case _:
            found = [_sentence(rng, 1, 6) for _ in range(_POOL)]
    return pl.Series(found)


def _sentence(rng: np.random.Generator, least: int, most: int) -> str:
    return " ".join(_WORDS[at] for at in rng.integers(0, len(_WORDS), rng.integers(least, most)))


def _longest(column: Column) -> int:
    return column.width or 10_000
