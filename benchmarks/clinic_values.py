"""Invented values for any column of the clinic, with the dirt of the original in its proportions.

Values depend on the seed, the table and the column only, and not on a clock, nor on which other tables are made.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.clinic_schema import tables
from benchmarks.clinic_text import CONTROL, NUL, ODD, takes, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.clinic_schema import Column, Table

    Whole = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

__all__ = ["ALL_DIRT", "Dirt", "frame", "keys"]

_DAY_S = 86_400
# 2004-01-01 to 2025-06-06, the day of the catalogue's row counts, in days since 1970.
_FIRST_DAY, _LAST_DAY = 12_418, 20_245
_FUTURE_DAYS = 400
_SENTINEL_DAY = -719_162  # 0001-01-01
_DIED_DAY = -25_567  # 1900-01-01
_SLIP = 1001  # 252.00 typed as 252252.00
_BLACK = -16_777_216  # a colour as a signed number
_DEFINITIONS = 700

# Shares of the values of a kind of column.
DELETED, DELETED_BLOCKS = 0.1, 1 / 3000
ORPHANS, NO_LINK = 0.004, 0.35
SLIPS, NEGATIVE_ZEROS, NEGATIVES, ZEROS, PLACEHOLDERS = 0.0005, 0.002, 0.05, 0.3, 0.6
SENTINEL_DATES, SENTINEL_TIMES, FUTURE = 0.05, 0.3, 0.001
EMPTY, BLANK, NULLS, ODD_TEXTS = 0.4, 0.01, 0.3, 0.004
TIES, LATE_EDITS = 0.2, 0.1
ZERO_DATES, PARTIAL_DATES, ODD_TIMES, NULS = 0.001, 0.0002, 0.01, 0.001
# Shares that were counted in the original: of sentinels, of empty texts, of absent links and of zero amounts.
COUNTED = {
    ("paysplit", "ProcDate"): 85_654 / 1_430_787,
    ("commlog", "DateTEntry"): 0.905,
    ("commlog", "UserNum"): 0.432,
    ("commlog", "ProgramNum"): 0.517,
    ("patient", "Birthdate"): 2_200 / 32_930,
    ("patient", "SecUserNumEntry"): 0.87,
    ("insplan", "PlanType"): 0.9968,
    ("toothinitial", "ToothNum"): 360 / 192_275,
    ("inssub", "DateEffective"): 0.05,
    ("payment", "PayAmt"): 1_110 / 11_766,
    ("sheetfield", "DateTimeSig"): 0.97,
    ("histappointment", "PatNum"): 0.01,
    ("securitylog", "PatNum"): 0.2,
}
# What a column holds, and how often in hundred.
CHOICES: dict[tuple[str, str], dict[int | str, float]] = {
    ("procedurelog", "ProcStatus"): {1: 19.5, 2: 55.6, 3: 4.6, 4: 0.6, 5: 1.4, 6: 14.4, 7: 3.9, 8: 0.1},
    ("commlog", "Mode_"): {4: 37.3, 5: 22.1, 1: 20.1, 3: 16.8, 0: 3.5, 2: 0.2},
    ("claim", "ClaimType"): {"P": 91.69, "S": 8.12, "Other": 0.19},
    ("claim", "ClaimStatus"): {"R": 88, "S": 8, "H": 2, "W": 1.98, "U": 0.02},
    ("patient", "PatStatus"): {0: 85, 1: 5, 2: 10},
}


@dataclass(frozen=True)
class Dirt:
    """Values that some readers and PostgreSQL do not take; the other dirt is always there.

    Attributes:
        zero_dates: ``0000-00-00`` in dates, datetimes and timestamps.
        partial_dates: Dates and datetimes without a month.
        odd_times: Times of day that are negative, or longer than a day.
        nul_bytes: NUL in texts.
    """

    zero_dates: bool = False
    partial_dates: bool = False
    odd_times: bool = False
    nul_bytes: bool = False

    @property
    def impossible(self) -> bool:
        """Whether there are days that no calendar has."""
        return self.zero_dates or self.partial_dates


ALL_DIRT = Dirt(zero_dates=True, partial_dates=True, odd_times=True, nul_bytes=True)


@dataclass(frozen=True)
class _Draw:
    """What the values of one column are drawn from."""

    table: Table
    column: Column
    rows: int
    scale: float
    seed: int
    dirt: Dirt
    rng: np.random.Generator

    def some(self, share: float) -> Mask:
        """Return which rows are among a share of all."""
        return self.rng.random(self.rows) < share

    def counted(self, share: float) -> float:
        """Return the share counted in the original, or the one given."""
        return COUNTED.get((self.table.name, self.column.name), share)


def keys(table: Table, scale: float, seed: int) -> Whole:
    """Return the keys of a table in order, with the gaps that deletes leave: single ones and whole blocks."""
    rng = _rng(seed, table.name, "its keys")
    rows = table.scaled(scale)
    steps = 1 + (rng.random(rows) < DELETED) * rng.integers(1, 6, rows)
    steps += (rng.random(rows) < DELETED_BLOCKS) * rng.integers(100, 1000, rows)
    return np.cumsum(steps)


def frame(table: Table, scale: float, seed: int = 1, dirt: Dirt = Dirt()) -> pl.DataFrame:
    """Return the rows of a table, in the order of its key; blobs are in hexadecimal."""
    return pl.DataFrame([_series(table, column, scale, seed, dirt).alias(column.name) for column in table.columns])


def _series(table: Table, column: Column, scale: float, seed: int, dirt: Dirt) -> pl.Series:
    rng = _rng(seed, table.name, column.name)
    draw = _Draw(table, column, table.scaled(scale), scale, seed, dirt, rng)
    choices = CHOICES.get((table.name, column.name))
    if column.key == "primary":
        return pl.Series(_primary(draw))
    if choices:
        return _chosen(draw, choices)
    return _nulls(draw, _KINDS[column.base](draw))


def _rng(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def _nulls(draw: _Draw, values: pl.Series) -> pl.Series:
    if not draw.column.nullable:
        return values
    return pl.select(pl.when(pl.Series(draw.some(NULLS))).then(None).otherwise(values)).to_series()


def _chosen(draw: _Draw, choices: dict[int | str, float]) -> pl.Series:
    weights = np.array([*choices.values()])
    at = draw.rng.choice(len(choices), draw.rows, p=weights / weights.sum())
    return pl.Series(list(choices)).gather(at)


@cache
def _owners() -> dict[str, Table]:
    """Return the largest table by the name of its key."""
    found: dict[str, Table] = {}
    for table in sorted(tables().values(), key=lambda table: -table.rows):
        key = table.columns[0]
        if key.key == "primary" and key.extra and table.rows:
            found.setdefault(key.name, table)
    return found


def _primary(draw: _Draw) -> Whole:
    owner = _owners().get(draw.column.name, draw.table)  # patientnote has the key of its patient
    found = keys(owner, draw.scale, draw.seed)[: draw.rows]
    return found if len(found) == draw.rows else keys(draw.table, draw.scale, draw.seed)


def _bigint(draw: _Draw) -> pl.Series:
    name = draw.column.name
    owner = _owners().get(name) or next((_owners()[key] for key in _longest_first() if key in name), None)
    if owner is None:
        found = draw.rng.integers(1, _DEFINITIONS, draw.rows)
    else:
        there = keys(owner, draw.scale, draw.seed)
        found = there[draw.rng.integers(0, len(there), draw.rows)]
        orphans = draw.some(ORPHANS)
        found[orphans] = there[-1] + draw.rng.integers(1, 1000, int(orphans.sum()))
    found[draw.some(draw.counted(NO_LINK))] = 0
    return pl.Series(found)


@cache
def _longest_first() -> list[str]:
    return sorted(_owners(), key=lambda name: (-len(name), name))


def _int(draw: _Draw) -> pl.Series:
    found = draw.rng.integers(0, 1000, draw.rows)
    if "Color" in draw.column.name:
        found = np.where(draw.some(0.9), _BLACK, found - 1000)
    return pl.Series(_placeheld(draw, found))


def _small(most: int) -> Callable[[_Draw], pl.Series]:
    def draw_small(draw: _Draw) -> pl.Series:
        flag = draw.column.name.startswith(("Is", "Has", "Do", "Show", "Use")) or draw.column.width == 1
        found = draw.some(0.1).astype(np.int64) if flag else draw.rng.integers(0, most, draw.rows)
        return pl.Series(_placeheld(draw, found))

    return draw_small


def _placeheld(draw: _Draw, found: Whole) -> Whole:
    return np.where(draw.some(PLACEHOLDERS), -1, found) if draw.column.default == "'-1'" else found


def _double(draw: _Draw) -> pl.Series:
    found = draw.rng.integers(100, 150_000, draw.rows) / 100
    found[draw.some(NEGATIVES)] *= -1
    slips = draw.some(SLIPS)
    found[slips] = np.round(found[slips]) * _SLIP
    found[draw.some(draw.counted(ZEROS))] = 0.0
    found[draw.some(NEGATIVE_ZEROS)] = -0.0  # MySQL keeps it, MariaDB stores 0
    if draw.column.default == "'-1'" or draw.column.name.endswith("Override"):
        found[draw.some(PLACEHOLDERS)] = -1.0
    return pl.Series(found)


def _float(draw: _Draw) -> pl.Series:
    found = draw.rng.choice([0.0, 0.5, 1.0, 8.25, 9.5, 11.0, 0.1, -0.0], draw.rows).astype(np.float32)
    return pl.Series(found)


def _days(draw: _Draw, sentinels: float) -> Whole:
    """Return days that grow with the key, as those of a log do, with future ones and sentinels among them."""
    found = np.linspace(_FIRST_DAY, _LAST_DAY, draw.rows).astype(np.int64) - draw.rng.integers(0, 60, draw.rows)
    found[draw.some(FUTURE)] = _LAST_DAY + draw.rng.integers(1, _FUTURE_DAYS)
    if draw.column.name == "DateTimeDeceased":
        found[draw.some(0.5)] = _DIED_DAY
    found[draw.some(draw.counted(sentinels))] = _SENTINEL_DAY
    return found


def _date(draw: _Draw) -> pl.Series:
    days = pl.Series(_days(draw, SENTINEL_DATES)).cast(pl.Int32).cast(pl.Date)
    return _impossible(draw, days.dt.to_string("%Y-%m-%d"), "") if draw.dirt.impossible else days


def _datetime(draw: _Draw) -> pl.Series:
    days = _days(draw, SENTINEL_TIMES)
    seconds = days * _DAY_S + np.where(days == _SENTINEL_DAY, 0, draw.rng.integers(7 * 3600, 19 * 3600, draw.rows))
    return _moments(draw, seconds)


def _timestamp(draw: _Draw) -> pl.Series:
    """Return when rows last changed: in the order of the key but for late edits, many in the same second."""
    found = np.sort(draw.rng.integers(_FIRST_DAY * _DAY_S, _LAST_DAY * _DAY_S, draw.rows))
    late = draw.some(LATE_EDITS)
    found[late] = draw.rng.integers((_LAST_DAY - 90) * _DAY_S, _LAST_DAY * _DAY_S, int(late.sum()))
    first_of_tie = np.maximum.accumulate(np.where(draw.some(TIES), 0, np.arange(draw.rows)))
    return _moments(draw, found[first_of_tie])


def _moments(draw: _Draw, seconds: Whole) -> pl.Series:
    found = pl.from_epoch(pl.Series(seconds), "s").cast(pl.Datetime("us"))
    if not draw.dirt.impossible:
        return found
    return _impossible(draw, found.dt.to_string("%Y-%m-%d %H:%M:%S"), " 00:00:00")


def _impossible(draw: _Draw, found: pl.Series, end: str) -> pl.Series:
    """Return days of which some are none."""
    dirt, stamp = draw.dirt, draw.column.base == "timestamp"
    zero = pl.Series(draw.some(ZERO_DATES * dirt.zero_dates))
    partial = pl.Series(draw.some(PARTIAL_DATES * (dirt.partial_dates and not stamp)))
    start = pl.when(zero).then(pl.lit(f"0000-00-00{end}")).when(partial).then(pl.lit(f"2011-00-15{end}"))
    return pl.select(start.otherwise(found)).to_series()


def _time(draw: _Draw) -> pl.Series:
    seconds = draw.rng.integers(7 * 3600, 19 * 3600, draw.rows)
    seconds[draw.some(ZEROS)] = 0
    found = (pl.Series(seconds) * 1_000_000_000).cast(pl.Time)
    if not draw.dirt.odd_times:
        return found
    odd = pl.Series(["-00:30:00", "26:15:00", "838:59:59", "-838:59:59"]).gather(draw.rng.integers(0, 4, draw.rows))
    strange = pl.Series(draw.some(ODD_TIMES))
    return pl.select(pl.when(strange).then(odd).otherwise(found.dt.to_string("%H:%M:%S"))).to_series()


def _text(draw: _Draw) -> pl.Series:
    found = texts(draw.column, draw.rng, draw.rows)
    for share, dirty in _dirty_texts(draw):
        taken = pl.Series([text for text in dirty if takes(draw.column, text)] or [""])
        values = taken.gather(draw.rng.integers(0, len(taken), draw.rows))
        found = found.zip_with(~pl.Series(draw.some(share)), values)
    return found


def _dirty_texts(draw: _Draw) -> list[tuple[float, tuple[str, ...]]]:
    counted = (draw.table.name, draw.column.name) in COUNTED
    usual = [] if counted else [(BLANK, (" ",)), (ODD_TEXTS, (*ODD, CONTROL))]
    nul = [(NULS, (NUL,))] if draw.dirt.nul_bytes else []
    return [*usual, (draw.counted(EMPTY), ("",)), *nul]


def _blob(draw: _Draw) -> pl.Series:
    pool = pl.Series([draw.rng.bytes(size).hex().upper() for size in (0, 1, 50, 4000)])
    return pool.gather(draw.rng.integers(0, len(pool), draw.rows))


_KINDS: dict[str, Callable[[_Draw], pl.Series]] = {
    "bigint": _bigint,
    "int": _int,
    "smallint": _small(400),
    "tinyint": _small(8),
    "double": _double,
    "float": _float,
    "date": _date,
    "datetime": _datetime,
    "timestamp": _timestamp,
    "time": _time,
    "char": _text,
    "varchar": _text,
    "text": _text,
    "mediumtext": _text,
    "mediumblob": _blob,
}
