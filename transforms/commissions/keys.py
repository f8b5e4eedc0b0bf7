"""Keys of the tables: unique, or nothing is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import polars as pl

from firn import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy

__all__ = ["keyed", "natural_key"]

Contract = TypeVar("Contract", bound="dy.Schema")

_SEPARATOR = "\x1f"


def keyed(table: str, rows: pl.DataFrame, contract: type[Contract]) -> dy.DataFrame[Contract]:
    """Give the rows of a table the columns and types of its contract, sorted by its key.

    Raises:
        ContractError: Two rows have the same key: two hashes collide, or a rule that chooses among rows has a gap.
    """
    key = contract.primary_key()
    ordered = rows.select(contract.column_names())
    for name in reversed(key):  # one column at a time costs a third of sorting by all at once
        ordered = ordered.sort(name, maintain_order=True)
    # Rows with the same key stand together once sorted; hashing them all again would cost more.
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in key).fill_null(value=False)
    repeats = ordered.select(same).to_series()
    if repeats.any():
        raise _repeated(table, key, ordered.filter(repeats | repeats.shift(-1, fill_value=False)))
    return contract.cast(ordered)


def _repeated(table: str, key: Sequence[str], rows: pl.DataFrame) -> ContractError:
    one, other = rows.head(2).to_dicts()
    return ContractError(
        f"Table {table}: {rows.height} rows share their key ({', '.join(key)}) with another:\n"
        f"  {one}\n  {other}\nNothing was published; production is unchanged.",
        "Compare both records in the extract: they may not have the same identifier.",
    )


def natural_key(*columns: str) -> pl.Expr:
    """Write several columns as one text, which differs wherever one of them does."""
    texts = [pl.col(column).cast(pl.String).fill_null("") for column in columns]
    return pl.concat_str(texts, separator=_SEPARATOR)
