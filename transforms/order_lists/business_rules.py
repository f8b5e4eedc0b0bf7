"""What the business makes of a line that is read: its customer, the state of its order, its group and its item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from transforms.order_lists.columns import CUSTOMER, ORDER_NUMBER, ORDER_TYPE, SOURCE_CUSTOMER
from transforms.order_lists.readings import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FILLING_RULES", "Ruled", "ruled"]

FILLING_RULES: Final = ("customer_filled_down", "customer_from_file")
"""The rules that publish a value where the cell is blank."""

_ORDER_TYPES: Final = {"active": "RECEIVED", "cancelled": "CANCELLED"}
_SEASONS: Final = ("CUSTOMER SEASON", "AAG SEASON")
_ITEM: Final = (
    ("ALIAS/RELATED ITEM", "CUSTOMER STYLE"),
    ("CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS", "CUSTOMER COLOUR DESCRIPTION"),
    (ORDER_NUMBER,),
    ("PO NUMBER", "CUSTOMER ALT PO"),
)
_NO_GROUP: Final = "check"


class Ruled(NamedTuple):
    """The lines of a part as they are published, and which of their cells a rule of the business changed.

    Attributes:
        values: The business columns, ``group_name`` and ``item_name``.
        applied: ``column``, ``rule``, ``cells``, ``amount`` of every rule that changed anything.
    """

    values: pl.DataFrame
    applied: pl.DataFrame


def ruled(values: pl.DataFrame, names: pl.DataFrame) -> Ruled:
    """Apply the rules of the business to the lines of a part.

    ``CUSTOMER NAME`` is the canonical name and ``SOURCE_CUSTOMER_NAME`` the cell as written. ``ORDER TYPE`` ``ACTIVE``
    is ``RECEIVED``, and ``Cancelled`` in any case is ``CANCELLED``. ``group_name`` is the customer and its own season,
    else the season of AAG, else ``check``. ``item_name`` is the related item or style, the colour's code or
    description, the order number, and the purchase order or its alternative. Both are looked up by others, so what
    they are made of is trimmed.

    Args:
        values: The typed columns of the lines.
        names: ``written``, ``said``, ``name`` of each line's customer.

    Returns:
        The lines and the rules applied.
    """
    customers = values.with_columns(names["written"].alias(SOURCE_CUSTOMER), names["name"].alias(CUSTOMER))
    renamed = _renamed_types(values)
    typed = customers.with_columns(pl.col(ORDER_TYPE).replace(renamed)) if renamed else customers
    present = set(typed.columns)
    applied = [*_customer_rules(names), *_type_rules(values, renamed)]
    schema = {"column": pl.String, "rule": pl.String, "cells": pl.UInt32, "amount": pl.String}
    return Ruled(
        typed.with_columns(_group_name(present), _item_name(present)),
        pl.DataFrame([(*rule, "0") for rule in applied if rule[2]], schema=schema, orient="row"),
    )


def _customer_rules(names: pl.DataFrame) -> Iterator[tuple[str, str, int]]:
    blank, unsaid = pl.col("written").is_null(), pl.col("said").is_null()
    counts = names.select(
        customer_filled_down=(blank & ~unsaid).sum(),
        customer_from_file=unsaid.sum(),
        canonical_customer=(pl.col("written") != pl.col("name")).sum(),
    )
    return ((CUSTOMER, rule, cells) for rule, cells in counts.row(0, named=True).items())


def _renamed_types(values: pl.DataFrame) -> dict[str, str]:
    """What each spelling of an order type is to be, where it is not so already."""
    found = values[ORDER_TYPE].drop_nulls().unique().to_list() if ORDER_TYPE in values.columns else []
    meant = {text: _ORDER_TYPES.get(plain_text(text).lower(), text) for text in found}
    return {text: name for text, name in meant.items() if text != name}


def _type_rules(values: pl.DataFrame, renamed: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    if renamed:
        yield ORDER_TYPE, "order_type_renamed", int(values[ORDER_TYPE].is_in(list(renamed)).sum())


def _group_name(present: set[str]) -> pl.Expr:
    season = _first(_SEASONS, present)
    named = pl.concat_str(pl.col(CUSTOMER).str.strip_chars(), season, separator=" ")
    return named.fill_null(_NO_GROUP).alias("group_name")


def _item_name(present: set[str]) -> pl.Expr:
    return pl.concat_str([_first(names, present) for names in _ITEM], separator=" ", ignore_nulls=True).alias(
        "item_name"
    )


def _first(names: tuple[str, ...], present: set[str]) -> pl.Expr:
    """The first of some columns that is not blank, trimmed; null where the part has none of them."""
    columns = [pl.col(name) for name in names if name in present]
    return pl.coalesce(*columns).str.strip_chars() if columns else pl.lit(None, dtype=pl.String)
