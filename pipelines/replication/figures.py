"""What is counted and summed of the same rows at the source and here, so that both can be held against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Figures", "counted", "differences"]

_DIGITS = 100  # more than any sum of values has
_PLACES = 4
_SCALE = 10**_PLACES
_EXACT = 2**53 / _SCALE


@dataclass(slots=True)
class Figures:
    """Rows, and exact sums of columns.

    A float counts as the shortest decimal number that is read back as it, as at the source: so no order of adding
    matters, and nothing is lost.
    """

    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, rows: int, sums: Mapping[str, Decimal]) -> None:
        """Add those of other rows."""
        self.rows += rows
        for column, value in sums.items():
            self.sums[column] = _added([self.sums.get(column, 0), value])


def counted(frame: pl.DataFrame, columns: Sequence[str]) -> Figures:
    """Count and sum the rows of a frame."""
    return Figures(frame.height, {column: _sum(frame[column].drop_nulls()) for column in columns})


def _sum(values: pl.Series) -> Decimal:
    if values.dtype.is_integer():
        return Decimal(int(values.cast(pl.Int128).sum() or 0))
    if not values.dtype.is_float():
        return _added(values)  # decimals, or those of more than 38 digits as text
    wide = values.cast(pl.Float64)
    scaled = (wide * _SCALE).round()
    is_short = (scaled / _SCALE == wide) & (wide.abs() < _EXACT)  # most money is: whole ten-thousandths
    short = Decimal(int(scaled.filter(is_short).cast(pl.Int64).cast(pl.Int128).sum() or 0)) / _SCALE
    return _added([short, *map(repr, wide.filter(~is_short))])


def _added(values: Iterable[Any]) -> Decimal:
    with localcontext(prec=_DIGITS):
        total: Decimal = sum(map(Decimal, values), Decimal(0))
    return total


def differences(source: Figures, here: Figures) -> list[str]:
    """Say where the figures of the source and ours are not the same; nothing where they are."""
    told = [] if source.rows == here.rows else [f"{source.rows:,} rows at the source, {here.rows:,} here"]
    return told + [
        f"{column}: {source.sums[column]} at the source, {here.sums.get(column, Decimal(0))} here"
        for column in source.sums
        if source.sums[column] != here.sums.get(column, Decimal(0))
    ]
