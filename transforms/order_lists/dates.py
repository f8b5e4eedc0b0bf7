"""How text becomes a date, and when it does not: a day that could be a month is not guessed."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from transforms.order_lists.numbers import number
from transforms.order_lists.readings import NULL_WORDS, Reading, plain_text

if TYPE_CHECKING:
    from transforms.order_lists.customers import DateOrder

__all__ = ["EARLIEST", "LATEST", "iso_dates", "read_date"]

EARLIEST: Final = dt.date(2000, 1, 1)
LATEST: Final = dt.date(2100, 12, 31)

_PLACEHOLDERS: Final = ("00/00/00", "tbc", "tba", "tbd")
_NOTHING: Final = dict.fromkeys(NULL_WORDS, "null_word") | dict.fromkeys(_PLACEHOLDERS, "placeholder_date")
_PLAINLY_ISO: Final = "^(20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}$"
_EPOCH: Final = dt.date(1970, 1, 1)
_MONTH_NAMES: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTHS: Final = {spelt: i for i, name in enumerate(_MONTH_NAMES, 1) for spelt in (name, name[:3])}
_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?", re.ASCII)
_NAMED: Final = re.compile(r"([a-z]+) +(\d{1,2})(?: *, *| +)(\d{4}|\d\d)", re.ASCII | re.IGNORECASE)
_NUMERIC: Final = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)", re.ASCII)


def iso_dates(text: pl.Expr) -> pl.Expr:
    """Read ``YYYY-MM-DD`` of the years 2000 to 2100; null where the text is anything else.

    Under the same format Polars would read ``24-1-5`` as a day of the year 24, hence the look at the text itself.
    """
    return pl.when(text.str.contains(_PLAINLY_ISO)).then(text.str.to_date("%Y-%m-%d", strict=False))


def read_date(text: str, order: DateOrder | None = None, *, date1904: bool = False) -> Reading:
    """Read a date in any of the notations that order lists were seen to use, where it is not plainly ``YYYY-MM-DD``.

    Args:
        text: The cell's text, not blank.
        order: ``day_first`` or ``month_first`` where the customer is known to write so; only asked where both fit.
        date1904: Whether the workbook counts its days from 1904-01-01.

    Returns:
        A date, by the rule ``date_from_text`` or ``date_from_serial``; or no value by ``null_word``,
        ``placeholder_date``, ``not_a_date``, ``time_of_day``, ``ambiguous_date`` or ``date_out_of_range``.
    """
    text = plain_text(text)
    if rule := _NOTHING.get(text.lower()):
        return Reading(None, rule)
    if match := _ISO.fullmatch(text):
        return _calendar(match[1], int(match[2]), int(match[3]), match[4])
    if match := _NAMED.fullmatch(text):
        return _calendar(match[3], _MONTHS.get(match[1].lower(), 0), int(match[2]))
    if match := _NUMERIC.fullmatch(text):
        return _numeric(match, order)
    days = number(text)
    return Reading.refuse("not_a_date") if days is None else _serial(days, date1904=date1904)


def _numeric(match: re.Match[str], order: DateOrder | None) -> Reading:
    """Two numbers and a year: day and month in either order, told by the one that can be no month."""
    first, second, year = int(match[1]), int(match[3]), match[4]
    could_be_either = max(first, second) <= 12 and first != second  # noqa: PLR2004 (months)
    if could_be_either and order is None:
        return Reading.refuse("ambiguous_date")
    # Where only one number can be a day, the customer's habit does not matter.
    day_first = order == "day_first" if could_be_either else second <= 12  # noqa: PLR2004
    day, month = (first, second) if day_first else (second, first)
    return _calendar(year, month, day)


def _serial(days: Decimal, *, date1904: bool) -> Reading:
    """A count of days. The 1900 system counts a 29 February 1900 that never was, so from March 1900 it starts early."""
    start = dt.date(1904, 1, 1) if date1904 else dt.date(1899, 12, 30)
    if not 0 <= days <= (dt.date.max - start).days:
        return Reading.refuse("date_out_of_range")
    if days != days.to_integral_value():
        return Reading.refuse("time_of_day")
    return _in_range(start + dt.timedelta(int(days)), "date_from_serial")


def _calendar(year: str, month: int, day: int, time: str | None = None) -> Reading:
    try:
        date = dt.date(int(year) if len(year) > 2 else 2000 + int(year), month, day)  # noqa: PLR2004 (digits)
    except ValueError:
        return Reading.refuse("not_a_date")
    if time and time.strip("0:."):
        return Reading.refuse("time_of_day")
    return _in_range(date, "date_from_text")


def _in_range(date: dt.date, rule: str) -> Reading:
    if not EARLIEST <= date <= LATEST:
        return Reading.refuse("date_out_of_range")
    return Reading(date, rule, Decimal((date - _EPOCH).days))
