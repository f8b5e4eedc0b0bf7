"""Identifiers in their one form: every transform writes and compares them as these functions make them."""

from __future__ import annotations

from typing import Final, cast

import polars as pl

__all__ = [
    "ANY_PLAN",
    "DIRECT_GROUP",
    "broker_num",
    "filled",
    "group_id",
    "group_key",
    "is_invalid_group",
    "plan_key",
    "surrogate",
]

ANY_PLAN: Final = "*"
"""The plan of a certificate that names none."""

DIRECT_GROUP: Final = "G00000"
"""The group of policies that were sold without one: direct to consumer."""

_BLOCK: Final = 8
_INCREMENT: Final = 0x9E3779B97F4A7C15
_FACTORS: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_POSITIVE: Final = 2**63 - 1


def filled(text: pl.Expr) -> pl.Expr:
    """Trim text; null where it is blank or the word ``NULL``, which the extracts write for what is missing."""
    trimmed = text.str.strip_chars()
    return pl.when(~trimmed.is_in(["", "NULL"])).then(trimmed)


def broker_num(text: pl.Expr) -> pl.Expr:
    """Read a broker's number, ``P12345`` or ``12345``, as Int64; null where it is missing or anything else.

    One leading ``P`` is left out, and no other letter: ``PP1`` and ``1P1`` are no numbers.
    """
    return text.str.strip_chars().str.extract("^P?([0-9]{1,18})$").cast(pl.Int64)


def group_key(text: pl.Expr) -> pl.Expr:
    """Trim a group's number and leave out one leading ``G``; null where it is missing.

    The extracts write numbers without that prefix, so it is only there where somebody has put it before. All other
    letters are part of the number: ``LA0059`` and ``MS0059`` are two groups.
    """
    return filled(filled(text).str.strip_prefix("G"))


def is_invalid_group(text: pl.Expr) -> pl.Expr:
    """Tell whether a group's number names no group: missing, or only zeros, with or without the ``G``."""
    return group_key(text).str.contains("^0+$").fill_null(value=True)


def group_id(text: pl.Expr) -> pl.Expr:
    """Make the id of a group, ``G`` and its number, once however often it is applied; ``G00000`` where it names none.

    No other function adds the prefix.
    """
    return pl.when(is_invalid_group(text)).then(pl.lit(DIRECT_GROUP)).otherwise("G" + group_key(text))


def plan_key(text: pl.Expr) -> pl.Expr:
    """Trim a plan code; ``*`` where it is missing, blank, ``NULL`` or ``N/A``."""
    plan = filled(text)
    return pl.when(plan.is_null() | (plan == "N/A")).then(pl.lit(ANY_PLAN)).otherwise(plan)


def surrogate(text: pl.Expr) -> pl.Expr:
    """Hash text to a number that never changes: Int64 from 0 to 2^63 - 1, the same on every machine and release.

    Eight bytes at a time are mixed into 64 bits by the finisher of SplitMix64; the sign is dropped. Whoever makes a key
    of it sees to it that it is unique: among a million texts the odds of a collision are 1 in 10 million.
    """
    return text.map_batches(_hashed, return_dtype=pl.Int64, is_elementwise=True)


def _hashed(text: pl.Series) -> pl.Series:
    size = text.str.len_bytes().cast(pl.UInt64)
    longest = cast("int", size.max() or 0)
    padded = text.cast(pl.Binary) + pl.Series([bytes(_BLOCK)])
    state = _mixed(size + _INCREMENT)
    for start in range(0, longest, _BLOCK):
        block = padded.bin.slice(start, _BLOCK).bin.reinterpret(dtype=pl.UInt64, endianness="little")
        # Where a text has ended, its state stays: what else is hashed beside it does not count.
        state = _mixed(state ^ block).zip_with(size > start, state)
    return (state & _POSITIVE).cast(pl.Int64)


def _mixed(state: pl.Series) -> pl.Series:
    """Spread each bit over all 64; the products wrap around."""
    state = (state ^ (state // 2**30)) * _FACTORS[0]
    state = (state ^ (state // 2**27)) * _FACTORS[1]
    return state ^ (state // 2**31)
