"""The sizes that no column knows: what is ordered of them is published all the same, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from transforms.order_lists.casts import ENTRY, cast_cells
from transforms.order_lists.contract import OrderSizes

if TYPE_CHECKING:
    import dataframely as dy

__all__ = ["OfUnknownSizes", "of_unknown_sizes"]

_APPLIED: Final = {"column": pl.String, "rule": pl.String, "cells": pl.UInt32, "amount": pl.String}


class OfUnknownSizes(NamedTuple):
    """What is ordered of sizes that have no column, and what did not become a quantity.

    Attributes:
        quantities: ``row``, ``size``, ``quantity``.
        refused: ``row``, ``letter``, ``raw``, ``reason`` of every cell that goes to quarantine.
        applied: ``column``, ``rule``, ``cells``, ``amount`` of every named rule; the column is ``size`` and the header.
    """

    quantities: dy.DataFrame[OrderSizes]
    refused: pl.DataFrame
    applied: pl.DataFrame


def of_unknown_sizes(lines: pl.DataFrame, header_mapping: pl.DataFrame, customers: pl.Series) -> OfUnknownSizes:
    """Read the cells of order lines under sizes that no column knows.

    A size of which nothing is ordered is no line: a 0 is left out by the rule ``zero_quantity``. Less than nothing
    cannot be published without a column, and is refused as ``negative_quantity``.

    Args:
        lines: ``row`` and one column of text per letter, blank cells null, of the order lines.
        header_mapping: What each letter feeds.
        customers: The customer of each line.

    Returns:
        The quantities, the cells refused, and the rules applied.
    """
    unknown = header_mapping.filter(pl.col("role") == "unknown_size").select("letter", "header")
    sizes = {letter: header for letter, header in unknown.iter_rows() if letter in lines.columns}
    if not sizes:
        return OfUnknownSizes(OrderSizes.create_empty(), pl.DataFrame(schema=ENTRY), pl.DataFrame(schema=_APPLIED))
    # By letters, since a header may be spelt like a column.
    cast = cast_cells(
        lines.select("row", *sizes),
        {letter: letter for letter in sizes},
        customers,
        dtypes=dict.fromkeys(sizes, pl.Int32()),
    )
    read = cast.values.with_columns(lines["row"]).unpivot(index="row", variable_name="letter", value_name="quantity")
    named = pl.col("letter").replace_strict(sizes)
    zero = read.filter(pl.col("quantity") == 0).group_by("letter", maintain_order=True).len("cells")
    applied = [
        cast.applied.with_columns(pl.col("column").replace_strict(sizes, return_dtype=pl.String)),
        zero.select(
            column=named, rule=pl.lit("zero_quantity"), cells=pl.col("cells").cast(pl.UInt32), amount=pl.lit("0")
        ),
    ]
    return OfUnknownSizes(
        OrderSizes.cast(read.filter(pl.col("quantity") > 0).select("row", named.alias("size"), "quantity")),
        pl.concat([cast.refused, _negative(read, lines)]),
        pl.concat(applied).with_columns(pl.format("size {}", "column").alias("column")),
    )


def _negative(read: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The cells that hold less than nothing, as they are written."""
    negative = read.filter(pl.col("quantity") < 0).select("row", "letter")
    raw = lines.select("row", *negative["letter"].unique()).unpivot(
        index="row", variable_name="letter", value_name="raw"
    )
    return negative.join(raw, on=["row", "letter"]).select("row", "letter", "raw", reason=pl.lit("negative_quantity"))
