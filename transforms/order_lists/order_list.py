"""The published order list, and where each of its lines was read."""

# No future import: the engine reads the annotations, which are the contract.
import re
from typing import NamedTuple, cast

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.columns import COLUMNS
from transforms.order_lists.contract import OrderKeys, OrderList, OrderListOrigin, Run, Workbook

__all__ = ["OrderListTables", "order_list", "source_table"]


class OrderListTables(NamedTuple):
    """The tables that ``order_list`` makes.

    Attributes:
        order_list: The order lines, with the business columns that the sheet has.
        order_list_origin: Where each was read.
    """

    order_list: dy.DataFrame[OrderList]
    order_list_origin: dy.DataFrame[OrderListOrigin]


@row_local
def order_list(
    order_rows: pl.DataFrame,
    order_keys: dy.DataFrame[OrderKeys],
    workbook: dy.DataFrame[Workbook],
    run: dy.DataFrame[Run],
) -> OrderListTables:
    """Give each order line its identity, and keep what depends on the file or the run beside it.

    Args:
        order_rows: The order lines of one workbook.
        order_keys: The identities of all order lines.
        workbook: The workbook.
        run: The run that read it.

    Returns:
        The order list and its origin, in sheet order.
    """
    file, etag, sheet = workbook.select("file", "etag", "sheet").row(0)
    own = order_keys.filter(pl.col("file") == file).select("row", "record_uuid")
    lines = order_rows.join(own, on="row", how="left", maintain_order="left")
    business = [column.name for column in COLUMNS if column.name in lines.columns]
    source = pl.lit(source_table(file)).alias("_SOURCE_TABLE")
    published = lines.select("record_uuid", *business, source, "group_name", "item_name", "row_hash")
    origin = lines.select(
        "record_uuid",
        "order_key",
        "file",
        "row",
        sheet=pl.lit(sheet),
        etag=pl.lit(etag, dtype=pl.String),
        run_id=pl.lit(run["run_id"][0]),
    )
    # Absent columns stay absent until staging, which alone knows all of them.
    return OrderListTables(cast("dy.DataFrame[OrderList]", published), OrderListOrigin.cast(origin))


def source_table(file: str) -> str:
    """Name the landing table of a workbook: ``ASHFORD ORDER LIST (M3).xlsx`` is ``xASHFORD_ORDER_LIST_RAW``."""
    stem = file.rpartition("/")[2].rpartition(".")[0].replace("(M3)", "").replace("'", "")
    return f"x{re.sub(r'[^A-Za-z0-9]+', '_', stem).strip('_')}_RAW"
