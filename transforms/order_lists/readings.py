"""What it means to read one cell's text as a value: the value, or the named rule that leaves none."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["EXACT", "NULL_WORDS", "Reading", "filled", "plain_text"]

NULL_WORDS: Final = frozenset({"nan", "null", "none"})
"""What other programs write for nothing. Text columns keep these words: they may be meant."""

EXACT: Final = Context(prec=100_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Arithmetic without rounding for whatever a cell can spell out; Excel's longest text has 32,767 characters."""


class Reading(NamedTuple):
    """What one cell's text was read as.

    Attributes:
        value: The value to publish, None where there is none.
        rule: The named rule that applied; empty where the text was simply read.
        amount: What the rule moved: before - after of a rounding, the day number of a date.
        refused: Whether the rule sends the cell to quarantine.
    """

    value: dt.date | int | Decimal | None
    rule: str = ""
    amount: Decimal = Decimal(0)
    refused: bool = False

    @property
    def applied(self) -> bool:
        """Whether a named rule changed what is published."""
        return bool(self.rule) and not self.refused

    @classmethod
    def refuse(cls, reason: str) -> Reading:
        """Publish nothing and keep the cell in quarantine."""
        return cls(None, reason, refused=True)


def filled(text: pl.Expr) -> pl.Expr:
    """Turn blank text, which is empty or whitespace of any kind, into null; other text stays as it is."""
    return pl.when(text.str.strip_chars() != "").then(text)


def plain_text(text: str) -> str:
    """Make text comparable: no-break spaces become spaces, the ends are trimmed."""
    return text.replace("\u00a0", " ").strip()
