"""What the text of a cell means: numbers to 15 digits as Excel shows them, dates of both epochs, escaped characters."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sources.xlsx.xml_elements import BLANKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NUMBER = re.compile(r"([+-]?)(?:0*([0-9]+)(?:\.0*)?|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)", re.ASCII)
ESCAPES = re.compile("(?:_x[0-9A-Fa-f]{4}_)+")
ESCAPE = len("_x0000_")
TRUTH = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}
UNWRITTEN = "(formula without text)"
DIGITS = 15
"""Significant digits of a number in Excel."""
PLAIN_FROM, PLAIN_TO = 1e-4, 1e15
"""Between these Polars writes a float without an exponent, and the power of ten that is needed here is exact."""

DAY = 86_400_000
"""Milliseconds."""
EPOCH_1900 = -25_569 * DAY
EPOCH_1904 = -24_107 * DAY
"""1899-12-30 and 1904-01-01 in milliseconds since 1970."""
AFTER_LAST_DAY = 253_402_300_800_000
"""10000-01-01 in milliseconds since 1970."""
FALSE_LEAP_DAY = 60
"""The serial of 1900-02-29, which Excel shows and which never was."""


def number_text(raw: pl.Series) -> pl.Series:
    """Write numbers plainly: integers digit for digit, others to 15 significant digits, never with an exponent.

    Args:
        raw: The text of ``<v>``, String without nulls; what is no number is returned as it is.

    Returns:
        String, as long as ``raw``.
    """
    whole = raw.cast(pl.Int64, strict=False)
    text = whole.cast(pl.String)
    rest = np.flatnonzero(whole.is_null().to_numpy())
    return text.scatter(rest, decimal_text(raw.gather(rest))) if rest.size else text


def decimal_text(raw: pl.Series) -> pl.Series:
    """Write numbers that are not plain integers, by the rules of ``number_text``.

    A float is rounded to its 15 digits by a multiplication whose result is kept where no error of it can matter; the
    shortest text of the rounded float is then those digits. The few others are written one by one.
    """
    rounded, certain = _round_to_digits(_floats(raw))
    text = pl.Series(rounded).cast(pl.String).str.strip_suffix(".0")
    rest = np.flatnonzero(~certain)
    return text.scatter(rest, _each(raw.gather(rest), exact_number_text)) if rest.size else text


def exact_number_text(raw: str) -> str:
    """Write one number by the rules of ``number_text``."""
    found = NUMBER.fullmatch(raw.strip(BLANKS))
    if not found or not math.isfinite(value := float(found[0])):
        return raw
    text = found[1].strip("+") + found[2] if found[2] else format(Decimal(f"{value:.{DIGITS}g}"), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def date_text(raw: pl.Series, *, date1904: bool) -> pl.Series:
    """Write date serials as ``YYYY-MM-DD``, with ``HH:MM:SS[.mmm]`` where there is a time, alone where there is no day.

    What has no date stays a number: negative serials, days after 9999-12-31, and 1900-02-29.

    Args:
        raw: The text of ``<v>``, String without nulls.
        date1904: Whether day 0 is 1904-01-01.

    Returns:
        String, as long as ``raw``.
    """
    moment, has_day, valid = _moments(_floats(raw), date1904=date1904)
    text = _moment_text(moment, has_day)
    rest = np.flatnonzero(~valid)
    return text.scatter(rest, number_text(raw.gather(rest))) if rest.size else text


def truth_text(raw: pl.Series) -> pl.Series:
    """Write booleans as Excel shows them in English, ``TRUE`` and ``FALSE``."""
    return raw.replace(TRUTH)


def formula_text(raw: pl.Series) -> pl.Series:
    """Write formulas as Excel shows them, after ``=``; one that another cell has the text of says that it is one."""
    return pl.select("=" + raw.replace("", UNWRITTEN)).to_series()


def unescape(text: pl.Series) -> pl.Series:
    """Decode ``_x000D_`` and its like; what decodes to no character that a database can store stays as it is."""
    at = np.flatnonzero(text.str.contains("_x", literal=True).to_numpy())
    return text.scatter(at, _each(text.gather(at), unescape_one)) if at.size else text


def unescape_one(text: str) -> str:
    """Decode the escapes of one text, each run of them as UTF-16."""
    return ESCAPES.sub(_decode, text)


def _decode(found: re.Match[str]) -> str:
    units = (int(found[0][at + 2 : at + 6], 16) for at in range(0, len(found[0]), ESCAPE))
    try:
        decoded = b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le")
    except UnicodeDecodeError:
        return found[0]
    return found[0] if "\0" in decoded else decoded


def _each(text: pl.Series, function: Callable[[str], str]) -> pl.Series:
    once = text.unique()
    return text.replace_strict(once, pl.Series([function(value) for value in once], dtype=pl.String))


def _floats(raw: pl.Series) -> NDArray[np.float64]:
    value = raw.cast(pl.Float64, strict=False)
    if value.null_count():
        value = raw.str.strip_chars(BLANKS).cast(pl.Float64, strict=False)
    return value.fill_null(math.nan).to_numpy()


def _round_to_digits(value: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return floats rounded to 15 significant digits, and where that is certain."""
    size = np.abs(value)
    certain = (size >= PLAIN_FROM) & (size < PLAIN_TO)
    value = np.where(certain, value, 1.0)
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(value))))
    product = value * scale
    digits, size = np.rint(product), np.abs(product)
    certain &= np.abs(product - digits) < 0.5 - np.spacing(size)
    certain &= (size >= 10.0 ** (DIGITS - 1)) & (size <= 10.0**DIGITS)
    return digits / scale, certain


def _moments(
    serial: NDArray[np.float64], *, date1904: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return milliseconds since 1970, whether there is a day and not only a time, and whether there is either."""
    epoch = EPOCH_1904 if date1904 else EPOCH_1900
    with np.errstate(invalid="ignore", over="ignore"):
        elapsed = np.rint(serial * DAY)
    valid = (serial >= 0) & (elapsed < AFTER_LAST_DAY - epoch)
    elapsed = np.where(valid, elapsed, 0).astype(np.int64)
    day = elapsed // DAY
    if date1904:
        return elapsed + epoch, day > 0, valid
    before_leap_day = (day > 0) & (day < FALSE_LEAP_DAY)
    return elapsed + epoch + DAY * before_leap_day, day > 0, valid & (day != FALSE_LEAP_DAY)


def _moment_text(moment: NDArray[np.int64], has_day: NDArray[np.bool_]) -> pl.Series:
    when = pl.Series(moment).cast(pl.Datetime("ms"))
    text = when.cast(pl.Date).cast(pl.String)
    has_time, has_fraction = moment % DAY != 0, moment % 1000 != 0
    for some, pattern in (
        (has_day & has_time & ~has_fraction, "%Y-%m-%d %H:%M:%S"),
        (has_day & has_fraction, "%Y-%m-%d %H:%M:%S%.3f"),
        (~has_day & ~has_fraction, "%H:%M:%S"),
        (~has_day & has_fraction, "%H:%M:%S%.3f"),
    ):
        at = np.flatnonzero(some)
        if at.size:
            text = text.scatter(at, when.gather(at).dt.strftime(pattern))
    return text
