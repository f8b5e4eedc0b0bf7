"""The identity of every order line of the whole set: the same line has the same one in every run."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.order_lists.contract import OrderKeys, OrderRowKeys
from transforms.order_lists.identity import uuid5_bytes

__all__ = ["order_keys"]


def order_keys(order_rows: dy.DataFrame[OrderRowKeys]) -> dy.DataFrame[OrderKeys]:
    """Number the lines that share a key, and name each line.

    Lines of one key are ordered by the hash of their content, so that the numbers do not depend on the order of files
    or rows. Lines equal in every column are numbered too, never dropped, and all but the first marked as duplicates.
    The ``record_uuid`` of the first line of a key is the key itself; that of a later one is the version 5 UUID of its
    number, with the key as the namespace.

    Args:
        order_rows: The keys and hashes of all lines of all workbooks.

    Returns:
        One identity per line.
    """
    repeats = order_rows["order_key"].is_duplicated()
    alone = order_rows.filter(~repeats).with_columns(
        pl.lit(1, pl.UInt32).alias("occurrence"), is_duplicate=pl.lit(value=False), record_uuid="order_key"
    )
    return OrderKeys.cast(pl.concat([alone, _numbered(order_rows.filter(repeats))]))


def _numbered(order_rows: pl.DataFrame) -> pl.DataFrame:
    """Number and name the lines whose keys stand on more than one."""
    # Equal keys stand together once sorted; a window over each key costs twenty times as much.
    index = pl.int_range(pl.len(), dtype=pl.UInt32)
    is_first = (pl.col("order_key") != pl.col("order_key").shift()).fill_null(value=True)
    numbered = order_rows.sort("order_key", "row_hash", "file", "row").with_columns(
        occurrence=(index - pl.when(is_first).then(index).forward_fill() + 1).cast(pl.UInt32),
        is_duplicate=~is_first & (pl.col("row_hash") == pl.col("row_hash").shift()).fill_null(value=False),
    )
    names = [
        key if occurrence == 1 else uuid5_bytes(key, str(occurrence))
        for key, occurrence in numbered.select("order_key", "occurrence").iter_rows()
    ]
    return numbered.with_columns(pl.Series("record_uuid", names, dtype=pl.Binary))
