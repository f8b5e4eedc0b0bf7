"""What a set of rows amounts to, so that two sides can be compared without keeping either.

Every figure is free of order and adds up over batches: counts, exact sums, extremes, and sums of 64-bit hashes that
wrap around. The hashes of single columns cannot see two values trade places between rows; that of whole rows does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ColumnProfile", "Profile", "plain", "profile", "total"]

_SEED = 1
_WRAP = 2**64
_LONGEST_INT64 = 18  # digits of a decimal that always fit into 64 bits


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column's figures.

    Attributes:
        nulls: How many values are null.
        total: Their exact sum; of texts and bytes the sum of their lengths.
        low: The least value.
        high: The greatest value.
        digest: The sum of the values' hashes.
    """

    nulls: int
    total: int
    low: Any
    high: Any
    digest: int

    def __add__(self, other: ColumnProfile) -> ColumnProfile:
        lows = [low for low in (self.low, other.low) if low is not None]
        highs = [high for high in (self.high, other.high) if high is not None]
        return ColumnProfile(
            self.nulls + other.nulls,
            self.total + other.total,
            min(lows, default=None),
            max(highs, default=None),
            (self.digest + other.digest) % _WRAP,
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """The figures of a set of rows.

    Attributes:
        rows: How many.
        digest: The sum of the hashes of whole rows.
        columns: Per column its figures.
    """

    rows: int = 0
    digest: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    def __add__(self, other: Profile) -> Profile:
        if not self.columns or not other.columns:
            return other if other.columns else self
        columns = {name: mine + other.columns[name] for name, mine in self.columns.items()}
        return Profile(self.rows + other.rows, (self.digest + other.digest) % _WRAP, columns)

    def differing(self, other: Profile) -> list[str]:
        """Return the columns whose figures differ from another's; all of them where only whole rows differ."""
        found = [name for name, mine in self.columns.items() if other.columns.get(name) != mine]
        return found or ([] if (self.rows, self.digest) == (other.rows, other.digest) else list(self.columns))


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the values as both sides can have them exactly: texts, bytes, truths and whole numbers."""
    return frame.with_columns(_plain(column) for column in frame.get_columns() if not _is_plain(column.dtype))


def profile(frame: pl.DataFrame) -> Profile:
    """Return the figures of plain rows."""
    if not frame.height:
        return Profile()
    # One query for all figures: Polars then computes them in parallel.
    figures = frame.select(f for i, (name, dtype) in enumerate(frame.schema.items()) for f in _figures(i, name, dtype))
    row = figures.row(0)
    columns = {name: ColumnProfile(*row[5 * i : 5 * i + 5]) for i, name in enumerate(frame.columns)}
    return Profile(frame.height, int(frame.hash_rows(_SEED).sum()) % _WRAP, columns)


def total(profiles: Iterable[Profile]) -> Profile:
    """Return the figures of several sets of rows together."""
    return reduce(Profile.__add__, profiles, Profile())


def _is_plain(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Binary, pl.Boolean, pl.Int16, pl.Int32, pl.Int64)


def _plain(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.Decimal):
        fits = values.dtype.precision <= _LONGEST_INT64
        return values.to_physical().cast(pl.Int64 if fits else pl.Int128)
    if values.dtype in (pl.Float64, pl.Float32):
        return _bits(values, pl.Int64() if values.dtype == pl.Float64 else pl.Int32())
    return values.to_physical()


def _bits(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return floats as their bits: sums of floats depend on their order, and -0.0 hashes like 0.0."""
    bits = pl.Series(values.name, values.fill_null(0.0).to_numpy().view(f"{dtype}".lower()))
    return bits.zip_with(values.is_not_null(), pl.Series([None], dtype=dtype))


def _figures(i: int, name: str, dtype: pl.DataType) -> list[pl.Expr]:
    values = pl.col(name)
    numbers = values.str.len_bytes() if dtype == pl.String else values.bin.size() if dtype == pl.Binary else values
    return [
        values.null_count().alias(f"{i} nulls"),
        numbers.cast(pl.Int128).sum().alias(f"{i} total"),
        values.min().alias(f"{i} low"),
        values.max().alias(f"{i} high"),
        values.hash(_SEED).sum().alias(f"{i} digest"),
    ]
