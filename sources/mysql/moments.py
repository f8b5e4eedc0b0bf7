"""Days and times, from the numbers and texts as which they are read.

A day is read as the number that its digits are, ``20240131``, a day with a time as ``20240131123059``, a length of time
as ``-8385959``: the server has a number for whatever it holds, also for a day that no calendar has, where a driver that
expects days panics. Numbers cost a tenth of what texts do. Fractions of a second are not whole numbers: columns that
have them are read as days and times, and as texts where that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_YEAR = 1
_NANOSECONDS = 1000
_SECOND = 1_000_000  # microseconds


def parsed(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return values in the frame's type, ``Date``, ``Datetime`` or ``Duration``; null where it is no day of a calendar.

    Args:
        values: As they were read: numbers or texts, else what the driver makes of days and times.
        dtype: The frame's type.
    """
    if values.dtype.is_integer():
        return _from_numbers(values, dtype)
    if values.dtype == pl.String:
        return _from_texts(values, dtype)
    if isinstance(dtype, pl.Duration):
        return (values.cast(pl.Int64) // _NANOSECONDS).cast(dtype)
    return _zoned(values, dtype)


def spelled(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return the texts, as the server spells them, of days that were read in whatever form."""
    if values.dtype == pl.String:
        return values
    if not values.dtype.is_integer():
        return values.dt.to_string("%F" if values.dtype == pl.Date else "%Y-%m-%d %H:%M:%S%.6f")
    digits = values.cast(pl.String).str.zfill(8 if dtype == pl.Date() else 14)
    groups = r"(\d{4})(\d\d)(\d\d)", "${1}-${2}-${3}"
    if dtype != pl.Date():
        groups = groups[0] + r"(\d\d)(\d\d)(\d\d)", groups[1] + " ${4}:${5}:${6}"
    return digits.str.replace(*groups)


def _from_numbers(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    numbers = values.cast(pl.Int64).fill_null(0).to_numpy()
    if isinstance(dtype, pl.Duration):
        lengths = pl.Series(values.name, np.sign(numbers) * _clock(np.abs(numbers)))
        return _kept(lengths, values.is_not_null()).cast(dtype)
    if isinstance(dtype, pl.Date):
        days, is_day = _days(numbers)
        return _kept(pl.Series(values.name, days.astype(np.int32)), pl.Series(is_day)).cast(dtype)
    digits, clock = np.divmod(numbers, 1_000_000)
    days, is_day = _days(digits)
    moments = pl.Series(values.name, days * (86_400 * _SECOND) + _clock(clock))
    return _zoned(_kept(moments, pl.Series(is_day)).cast(pl.Datetime("us")), dtype)


def _days(digits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return days since 1970, and whether they are of the calendar."""
    digits = digits.astype(np.int32)  # which is divided twice as fast
    year, rest = np.divmod(digits, 10_000)
    month, day = np.divmod(rest, 100)
    months = (year.astype(np.int64) - 1970) * 12 + month - 1
    first, following = _first_days(months), _first_days(months + 1)
    days = first + day - 1
    is_day = (year >= FIRST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1) & (days < following)  # noqa: PLR2004
    return days, is_day


def _first_days(months: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return found


def _clock(digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return microseconds."""
    hours, rest = np.divmod(digits, 10_000)
    minutes, seconds = np.divmod(rest, 100)
    return ((hours * 60 + minutes) * 60 + seconds) * _SECOND


def _kept(values: pl.Series, where: pl.Series) -> pl.Series:
    return values if where.all() else values.zip_with(where, pl.Series([None], dtype=values.dtype))


def _from_texts(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    if isinstance(dtype, pl.Duration):
        return _durations(values)
    if isinstance(dtype, pl.Date):
        return values.str.to_date("%Y-%m-%d", strict=False)
    return _zoned(values.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False), dtype)


def _durations(texts: pl.Series) -> pl.Series:
    """Read texts such as ``-838:59:59.000001``, whose fraction has up to six digits."""
    pieces: Any = texts.str.extract_groups(r"^(-?)(\d+):(\d\d):(\d\d)\.?(\d*)$").struct
    hours, minutes, seconds = (pieces[i].cast(pl.Int64) for i in (1, 2, 3))
    fraction = pieces[4].str.pad_end(6, "0").cast(pl.Int64)
    length = ((hours * 60 + minutes) * 60 + seconds) * _SECOND + fraction
    lengths: pl.Series = length.zip_with(pieces[0] != "-", -length).cast(pl.Duration("us")).alias(texts.name)
    return lengths


def _zoned(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    if not isinstance(dtype, pl.Datetime):
        return values.cast(dtype)
    return values.cast(pl.Datetime("us")).dt.replace_time_zone(dtype.time_zone)
