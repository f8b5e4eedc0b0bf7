"""Which rows are no order lines: the named rules that set a whole row aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from transforms.order_lists.columns import FIRST_AFTER_SIZES, KEY_COLUMNS, ORDER_NUMBER
from transforms.order_lists.numbers import read_whole
from transforms.order_lists.readings import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BLANK", "ROW_RULES", "PhantomRows", "row_rules"]

PhantomRows = Literal["keep", "set_aside"]

BLANK: Final = "blank_row"
ROW_RULES: Final = ("keyless_row", "totals_row", "phantom_row", "bad_key_row", "unmapped_customer")
"""The rules whose rows go to quarantine whole; a row that several fit goes by the first."""

_TOTALS: Final = frozenset({"total", "totals", "grand total", "grand totals", "sub total", "subtotal", "sum"})
"""What stands in the place of an order number in a row that sums up others; it would count them twice."""

_PHANTOM_LACKS: Final = (
    "PLANNED DELIVERY METHOD",
    "CUSTOMER STYLE",
    "PO NUMBER",
    "CUSTOMER ALT PO",
    "AAG SEASON",
    "CUSTOMER SEASON",
    "CUSTOMER COLOUR DESCRIPTION",
)


def row_rules(
    texts: pl.DataFrame,
    cell_errors: pl.DataFrame,
    letters: Mapping[str, str],
    *,
    phantom_rows: PhantomRows,
    unmapped: pl.Series | None = None,
) -> pl.Series:
    """Name the rule that sets each row aside.

    ``blank_row``: nothing stands in any cell. ``keyless_row``: no order number. ``totals_row``: a word such as TOTAL in
    its place. ``phantom_row``, by the deployed definition: delivery method, style, both purchase orders, both seasons
    and colour are blank, and the quantity is blank, unreadable or 0. ``bad_key_row``: a part of the key is an Excel
    error or a formula without a value, so that the line cannot be told from others. ``unmapped_customer``: nobody has
    listed its customer.

    Args:
        texts: ``row`` and one column of text per letter, blank cells null.
        cell_errors: ``row`` and ``letter`` of the cells that hold an error or a formula without a value.
        letters: The letter that feeds each published column.
        phantom_rows: Whether phantom rows are set aside.
        unmapped: Per row whether its customer keeps it out; none where that keeps nothing out.

    Returns:
        One rule per row, null for order lines.
    """
    keys = [letters[name] for name in KEY_COLUMNS if name in letters]
    bad_keys = cell_errors.filter(pl.col("letter").is_in(keys))["row"]
    keyless = pl.col(letters[ORDER_NUMBER]).is_null()
    # A blank row lacks its order number too, so only the few rows without one are looked at across all columns.
    written = pl.concat([texts.filter(keyless).unpivot(index="row").drop_nulls("value")["row"], cell_errors["row"]])
    rule = (
        pl.when(keyless & ~pl.col("row").is_in(written.implode()))
        .then(pl.lit(BLANK))
        .when(keyless)
        .then(pl.lit("keyless_row"))
        .when(_totals(texts, letters[ORDER_NUMBER]))
        .then(pl.lit("totals_row"))
        .when(_phantom(texts, letters) if phantom_rows == "set_aside" else pl.lit(value=False))
        .then(pl.lit("phantom_row"))
        .when(pl.col("row").is_in(bad_keys.implode()))
        .then(pl.lit("bad_key_row"))
        .when(pl.lit(value=False) if unmapped is None else unmapped)
        .then(pl.lit("unmapped_customer"))
    )
    return texts.select(rule.alias("rule"))["rule"]


def _totals(texts: pl.DataFrame, letter: str) -> pl.Expr:
    # Nearly all order numbers have digits: looking at the others alone is twenty times as fast.
    numbers = texts[letter].filter(~texts[letter].str.contains("[0-9]")).unique()
    return pl.col(letter).is_in([text for text in numbers if plain_text(text).casefold().rstrip(" :.") in _TOTALS])


def _phantom(texts: pl.DataFrame, letters: Mapping[str, str]) -> pl.Expr:
    present = set(texts.columns)
    lacks = pl.all_horizontal(
        pl.col(letters[name]).is_null() for name in _PHANTOM_LACKS if letters.get(name) in present
    )
    quantity = letters[FIRST_AFTER_SIZES]
    # "1,234" is unreadable and so null, as it was in the deployed definition, which looked at the typed column.
    found = texts.select(pl.col(quantity).filter(lacks).drop_nulls().unique()).to_series()
    nothing = [text for text in found if not read_whole(text, 32).value]
    return lacks & (pl.col(quantity).is_null() | pl.col(quantity).is_in(nothing))
