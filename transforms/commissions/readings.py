"""How the text of an extract becomes a value: a whole column at a time, and null where it is not plainly one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from transforms.commissions.identifiers import broker_num, filled, group_key, plan_key
from transforms.commissions.states import state_code

if TYPE_CHECKING:
    from transforms.commissions.columns import Kind

__all__ = ["exact", "read", "reason"]

_EXACT: Final = pl.Decimal(38, 18)
_DAY: Final = r"^([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?$"
_AMERICAN: Final = r"^([0-9]{1,2}/[0-9]{1,2}/[1-9][0-9]{3})(?: 0?0:00(?::00)?| 12:00:00 AM)?$"
_FLAGS: Final = {"y": True, "true": True, "n": False, "false": False}


def read(text: pl.Expr, kind: Kind, dtype: pl.DataType) -> pl.Expr:
    """Read trimmed text, null where it is missing; the value is null where it is no such value.

    Dates are ``YYYY-MM-DD`` or ``MM/DD/YYYY``, with or without midnight. Numbers have digits, a sign, one point and an
    exponent at most; decimals are rounded half away from zero to the places of their column. A flag is ``Y`` or
    ``true``, ``N`` or ``false``, in letters of any size, and false where it is missing.
    """
    match kind:
        case "date":
            return _date(text)
        case "whole":
            return text.cast(dtype, strict=False)
        case "decimal":
            return exact(text).round(dtype.scale, mode="half_away_from_zero").cast(dtype, strict=False)  # type: ignore[attr-defined]
        case "flag":
            said = text.str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
            return pl.when(text.is_null()).then(pl.lit(value=False)).otherwise(said)
    texts = {"broker": broker_num, "group": group_key, "plan": plan_key, "state": state_code}
    return texts[kind](text) if kind in texts else text


def exact(text: pl.Expr) -> pl.Expr:
    """Read a number with up to 18 decimals; null where it is none."""
    return text.cast(_EXACT, strict=False)


def reason(text: pl.Expr, kind: Kind) -> pl.Expr:
    """Say why trimmed text has no value of a kind: one of ``REASONS``."""
    match kind:
        case "date":
            why = pl.lit("not_a_date")
        case "broker":
            why = pl.lit("not_a_broker")
        case _:
            fraction = exact(text) != exact(text).round(0) if kind == "whole" else pl.lit(value=False)
            why = pl.when(exact(text).is_null()).then(pl.lit("not_a_number"))
            why = why.when(fraction).then(pl.lit("not_whole")).otherwise(pl.lit("out_of_range"))
    return pl.when(filled(text).is_null()).then(pl.lit("missing")).otherwise(why)


def _date(text: pl.Expr) -> pl.Expr:
    plain = text.str.extract(_DAY).str.to_date("%Y-%m-%d", strict=False)
    return pl.coalesce(plain, text.str.extract(_AMERICAN).str.to_date("%m/%d/%Y", strict=False))
