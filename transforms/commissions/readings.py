"""How the text of an extract becomes a value: a whole column at a time, and null where it is not plainly one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from transforms.commissions.identifiers import broker_num, filled, group_key, plan_key
from transforms.commissions.states import state_code

if TYPE_CHECKING:
    from transforms.commissions.columns import Kind

__all__ = ["exact", "read", "reason", "rounded"]

_EXACT: Final = pl.Decimal(38, 18)
_DAY: Final = r"^([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?$"
_AMERICAN: Final = r"^([0-9]{1,2}/[0-9]{1,2}/[1-9][0-9]{3})(?: 0?0:00(?::00)?| 12:00:00 AM)?$"
_FLAGS: Final = {"y": True, "true": True, "n": False, "false": False}
_FORM: Final = {"group": r"^[^\sG]\S*$", "code": r"^\S+$"}
_NUMBER: Final = r"^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,9}))?$"
_LONG: Final = r"\.[0-9]{19}|[eE]-"
_PLACES: Final = 18


def read(text: pl.Expr, kind: Kind, dtype: pl.DataType) -> pl.Expr:
    """Read trimmed text, null where it is missing; the value is null where it is no such value.

    Dates are ``YYYY-MM-DD`` or ``MM/DD/YYYY``, with or without midnight, of the year 1000 or later: one with leading
    zeros is a slip. Numbers have digits, a sign, one point and an exponent at most; a whole one may be written ``1.0``;
    decimals are rounded once, half away from zero, to the places of their column. Ids are made of the numbers of groups
    and of codes: these have no blank inside, and the number of a group at most one ``G`` before it. A flag is ``Y``
    or ``true``, ``N`` or ``false``, in letters of any size, and false where it is missing.
    """
    match kind:
        case "date":
            return _date(text)
        case "whole":
            return text.map_batches(partial(_whole_numbers, dtype=dtype), return_dtype=dtype)
        case "decimal":
            return rounded(exact(text), dtype)
        case "flag":
            said = text.str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
            return pl.when(text.is_null()).then(pl.lit(value=False)).otherwise(said)
    texts = {"broker": broker_num, "group": _group, "code": _code, "plan": plan_key, "state": state_code}
    return texts[kind](text) if kind in texts else text


def exact(text: pl.Expr) -> pl.Expr:
    """Read a number; null where it is none.

    It has up to 18 decimals: of one that has more, the last is 1 where anything but zeros is left out. So to round it
    to fewer decimals is as to round what stands there, and it is no whole number unless that is one.
    """
    return text.map_batches(_cut, return_dtype=pl.String).cast(_EXACT, strict=False)


def rounded(number: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Round a number half away from zero to the places of a decimal column; null where that has no room for it."""
    return number.round(dtype.scale, mode="half_away_from_zero").cast(dtype, strict=False)  # type: ignore[attr-defined]


def reason(text: pl.Expr, kind: Kind) -> pl.Expr:
    """Say why trimmed text has no value of a kind: one of ``REASONS``."""
    match kind:
        case "date":
            why = pl.lit("not_a_date")
        case "broker" | "group" | "code" | "state":
            why = pl.lit(f"not_a_{kind}")
        case _:
            fraction = _whole(text).is_null() if kind == "whole" else pl.lit(value=False)
            why = pl.when(exact(text).is_null()).then(pl.lit("not_a_number"))
            why = why.when(fraction).then(pl.lit("not_whole")).otherwise(pl.lit("out_of_range"))
    return pl.when(filled(text).is_null()).then(pl.lit("missing")).otherwise(why)


def _date(text: pl.Expr) -> pl.Expr:
    plain = text.str.extract(_DAY).str.to_date("%Y-%m-%d", strict=False)
    return pl.coalesce(plain, text.str.extract(_AMERICAN).str.to_date("%m/%d/%Y", strict=False))


def _whole(text: pl.Expr) -> pl.Expr:
    number = exact(text)
    return pl.when(number == number.round(0)).then(number)


def _whole_numbers(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Read whole numbers; hardly any has a point or an exponent, and only those are read as others are."""
    plain = text.cast(dtype, strict=False)
    odd = (plain.is_null() & text.is_not_null()).arg_true()
    found = text.gather(odd).to_frame("text").select(_whole(pl.col("text")).cast(dtype, strict=False))
    return plain.scatter(odd, found.to_series()) if odd.len() else plain


def _cut(text: pl.Series) -> pl.Series:
    """Write numbers with 18 decimals at most; most have, and the text of those stays."""
    long = text.str.contains(_LONG)
    if not long.any():
        return text
    parts = text.str.extract_groups(_NUMBER).struct.rename_fields([*"swfe"])
    sign, digits = pl.col("s"), pl.col("w") + pl.col("f")
    exponent = pl.col("e").cast(pl.Int64).fill_null(0)
    beyond = pl.max_horizontal(pl.col("f").str.len_chars().cast(pl.Int64) - exponent - (_PLACES - 1), pl.lit(0))
    kept, left = digits.str.head(-beyond), digits.str.tail(beyond).str.contains("[1-9]")
    written = (kept + pl.when(left).then(pl.lit("1")).otherwise(pl.lit("0"))).str.zfill(_PLACES + 1)
    number = pl.concat_str(sign, written.str.head(-_PLACES), pl.lit("."), written.str.tail(_PLACES))
    shorter = parts.struct.unnest().select(number=pl.when(beyond > 0).then(number)).to_series()
    return text.zip_with(~long | shorter.is_null(), shorter)


def _group(text: pl.Expr) -> pl.Expr:
    return _formed(group_key(text), "group")


def _code(text: pl.Expr) -> pl.Expr:
    return _formed(text, "code")


def _formed(text: pl.Expr, kind: str) -> pl.Expr:
    return pl.when(text.str.contains(_FORM[kind])).then(text)
