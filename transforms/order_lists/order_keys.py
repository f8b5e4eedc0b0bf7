"""The identity of every order line of the whole set: the same line has the same one in every run."""

# No future import: the engine reads the annotations, which are the contract.
import hashlib
from typing import Final
from uuid import UUID

import dataframely as dy
import polars as pl

from transforms.order_lists.contract import OrderKeys, OrderRowKeys
from transforms.order_lists.identity import BETWEEN

__all__ = ["NAMESPACE", "order_keys", "uuid5_bytes"]

NAMESPACE: Final = UUID("8f0d1c5e-2b47-5d3a-9c61-6e1f52a7b0d4")
"""The namespace of every ``record_uuid``. It must never change: with it every identity would."""

_VERSION_5: Final = [bytes([byte & 0x0F | 0x50]) for byte in range(256)]
_VARIANT: Final = [bytes([byte & 0x3F | 0x80]) for byte in range(256)]


def order_keys(order_rows: dy.DataFrame[OrderRowKeys]) -> dy.DataFrame[OrderKeys]:
    """Number the lines that share a key, and name each line.

    Lines of one key are ordered by the hash of their content, so that the numbers do not depend on the order of files
    or rows. Lines equal in every column are numbered too, never dropped, and all but the first marked as duplicates.
    The ``record_uuid`` is the version 5 UUID of key and number.

    Args:
        order_rows: The keys and hashes of all lines of all workbooks.

    Returns:
        One identity per line.
    """
    # Equal keys stand together once sorted; a window over each key costs twenty times as much.
    index = pl.int_range(pl.len(), dtype=pl.UInt32)
    is_first = (pl.col("order_key") != pl.col("order_key").shift()).fill_null(value=True)
    numbered = order_rows.sort("order_key", "row_hash", "file", "row").with_columns(
        occurrence=index - pl.when(is_first).then(index).forward_fill() + 1,
        is_duplicate=~is_first & (pl.col("row_hash") == pl.col("row_hash").shift()).fill_null(value=False),
    )
    names = numbered.select(pl.concat_str("order_key", "occurrence", separator=BETWEEN)).to_series().to_list()
    uuids = pl.Series("record_uuid", [uuid5_bytes(name) for name in names], dtype=pl.Binary)
    return OrderKeys.cast(numbered.with_columns(uuids))


def uuid5_bytes(name: str) -> bytes:
    """Make the 16 bytes of ``uuid5(NAMESPACE, name)``, four times as fast as the library."""
    digest = hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()
    return digest[:6] + _VERSION_5[digest[6]] + digest[7:8] + _VARIANT[digest[8]] + digest[9:16]
