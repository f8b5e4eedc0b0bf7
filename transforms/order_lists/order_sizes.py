"""The pieces ordered of each size, a row a size: the long form of the size columns, and of sizes that have none."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.columns import COLUMNS
from transforms.order_lists.contract import OrderSizes

__all__ = ["order_sizes"]

_SIZES: Final = frozenset(column.name for column in COLUMNS if column.is_size)


@row_local
def order_sizes(order_rows: pl.DataFrame, unknown_sizes: dy.DataFrame[OrderSizes]) -> dy.DataFrame[OrderSizes]:
    """List the sizes of each order line of which anything is ordered.

    Args:
        order_rows: The order lines of one workbook.
        unknown_sizes: What is ordered of sizes that have no column.

    Returns:
        One row per order line and size, the size by the name of its column or else by its header.
    """
    sizes = [name for name in order_rows.columns if name in _SIZES]
    known = order_rows.select("row", *sizes).unpivot(index="row", variable_name="size", value_name="quantity")
    # A part without any size has quantities of no type.
    ordered = known.cast({"quantity": pl.Int32}).filter(pl.col("quantity") > 0)
    return OrderSizes.cast(pl.concat([ordered, unknown_sizes]))
