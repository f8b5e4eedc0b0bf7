"""The published sizes: what is ordered of each, beside the identity of its order line."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.contract import OrderListLines, OrderListOrigin, OrderSizes

__all__ = ["order_list_lines"]


@row_local
def order_list_lines(
    order_sizes: dy.DataFrame[OrderSizes], order_list_origin: dy.DataFrame[OrderListOrigin]
) -> dy.DataFrame[OrderListLines]:
    """Give each size of an order line the identity of the line.

    Args:
        order_sizes: What is ordered of each size in each row of one workbook.
        order_list_origin: Which order line was read in each row.

    Returns:
        One row per order line and size.
    """
    lines = order_list_origin.select("record_uuid", pl.col("row").cast(pl.UInt32))
    return OrderListLines.cast(order_sizes.join(lines, on="row", how="left"))
