"""What tells one order line from another: the text of its key, and the hash of its whole content."""

from __future__ import annotations

import hashlib
from typing import Final

import polars as pl

from transforms.order_lists.columns import COLUMNS, CUSTOMER, KEY_COLUMNS
from transforms.order_lists.customers import canonical_name
from transforms.order_lists.readings import plain

__all__ = ["BETWEEN", "order_key", "row_hash"]

BETWEEN: Final = "\x1f"
"""The unit separator stands between the parts of a key."""

_BETWEEN_PIECES: Final = "\0"
"""Stands between the pieces of a hashed row: the one character that no text of a database holds."""


def order_key(values: pl.DataFrame) -> pl.Series:
    """Compose the text of each line's key.

    The canonical customer, the three unique keys and the four tie-breakers, always and in this order; compared with
    no-break spaces as spaces, trimmed, case-folded; blank or absent ones as nothing.

    Args:
        values: The published columns of a part.

    Returns:
        One text per row.
    """
    present = set(values.columns)
    parts = [plain(pl.col(name)).fill_null("") if name in present else pl.lit("") for name in KEY_COLUMNS]
    customers = values.with_columns(_canonical(values[CUSTOMER]))
    keys = customers.select(pl.concat_str(parts, separator=BETWEEN).str.to_lowercase().alias("order_key")).to_series()
    return _case_folded(keys)


def _canonical(names: pl.Series) -> pl.Series:
    distinct = names.drop_nulls().unique().to_list()
    canonical = [canonical_name(name) for name in distinct]
    return names.replace_strict(distinct, canonical, default=None, return_dtype=pl.String)


def _case_folded(lower: pl.Series) -> pl.Series:
    """Finish the folding of lower-case text: beyond ASCII the two differ, and Polars has only the first."""
    foreign = lower.filter(lower.str.len_bytes() != lower.str.len_chars()).unique().to_list()
    return lower.replace(foreign, [text.casefold() for text in foreign]) if foreign else lower


def row_hash(values: pl.DataFrame) -> pl.Series:
    """Hash the business columns of each row.

    SHA-256, in hexadecimal, of ``name=value`` of every column that is not null, in the order of the contract, with a
    zero byte between them. Dates are written ``YYYY-MM-DD``, decimals with all the places of their scale. A column that
    is blank, absent, or added to the contract later does not change it; nor do file, row or run.

    Args:
        values: The published columns of a part, in any order.

    Returns:
        64 characters per row.
    """
    # Most sheets leave a third of their columns blank; with no rows at all, none may be left out.
    filled = {name for name in values.columns if values[name].null_count() < max(values.height, 1)}
    pieces = [pl.format("{}={}", pl.lit(column.name), column.name) for column in COLUMNS if column.name in filled]
    lines = values.select(pl.concat_str(pieces, separator=_BETWEEN_PIECES, ignore_nulls=True).cast(pl.Binary))
    # A thousand at a time, so that their copies in Python stay in the processor's cache.
    hashes = [
        hashlib.sha256(line).hexdigest() for some in lines.iter_slices(1000) for line in some.to_series().to_list()
    ]
    return pl.Series("row_hash", hashes, dtype=pl.String)
