"""How text becomes a number: exactly, and rounded at most once.

Each kind is read twice over. An expression reads what is plainly written, a whole column at a time, and leaves null
where it will not decide; a function then decides about each such text, and is the definition of the kind.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import polars as pl

from transforms.order_lists.readings import EXACT, NULL_WORDS, Reading, plain_text

__all__ = ["EXACT_DECIMAL", "exact_amounts", "number", "read_amount", "read_whole", "rounded", "whole_numbers"]

EXACT_DECIMAL: Final = pl.Decimal(38, 18)

_PLAINLY_EXACT: Final = 19
"""Text this short without an exponent has at most 18 decimals and 19 digits: ``EXACT_DECIMAL`` holds it unrounded."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def whole_numbers(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read digits with an optional sign; null where the text is anything else."""
    return text.cast(dtype, strict=False)


def exact_amounts(text: pl.Expr) -> pl.Expr:
    """Read short numbers without an exponent, with all their decimals; null where the text is anything else."""
    plainly = (text.str.len_bytes() <= _PLAINLY_EXACT) & ~text.str.contains_any(["e", "E"])
    return pl.when(plainly).then(text).cast(EXACT_DECIMAL, strict=False)


def rounded(amount: pl.Expr, scale: int) -> pl.Expr:
    """Round half away from zero, as PostgreSQL does; Polars' casts round half to even."""
    return amount.round(scale, mode="half_away_from_zero")


def number(text: str) -> Decimal | None:
    """Read a number: a sign, digits with one point, an exponent; no separators, currency signs or units.

    Args:
        text: Comparable text.

    Returns:
        Exactly what is written, None where it is no number.
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def read_whole(text: str, bits: int) -> Reading:
    """Read a whole number, in whatever notation it is written.

    Args:
        text: The cell's text, not blank.
        bits: The width of the signed integer that must hold it.

    Returns:
        An integer, or no value by ``null_word``, ``not_a_number``, ``not_whole`` or ``out_of_range``.
    """
    text = plain_text(text)
    if text.lower() in NULL_WORDS:
        return Reading(None, "null_word")
    exact = number(text)
    if exact is None:
        return Reading.refuse("not_a_number")
    if exact != exact.to_integral_value():
        return Reading.refuse("not_whole")
    beyond = 2 ** (bits - 1)
    return Reading(int(exact)) if -beyond <= exact < beyond else Reading.refuse("out_of_range")


def read_amount(text: str, precision: int, scale: int) -> Reading:
    """Read an amount and round it half away from zero to ``scale`` decimals.

    Args:
        text: The cell's text, not blank.
        precision: How many digits the column holds.
        scale: How many of them are decimals.

    Returns:
        A decimal, with the rule ``rounded`` where decimals were dropped; or no value by ``null_word``,
        ``not_a_number`` or ``out_of_range``.
    """
    text = plain_text(text)
    if text.lower() in NULL_WORDS:
        return Reading(None, "null_word")
    exact = number(text)
    if exact is None:
        return Reading.refuse("not_a_number")
    value = exact.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)
    if value.copy_abs() >= 10 ** (precision - scale):
        return Reading.refuse("out_of_range")
    return Reading(value, "" if value == exact else "rounded", EXACT.subtract(exact, value))
