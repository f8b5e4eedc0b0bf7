"""What must hold of the long form of the sizes: it says what the order lines say, size by size and line by line."""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Iterator

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.checks import Figure, unaccounted
from transforms.order_lists.contract import HeaderMapping, OrderSizes, Unaccounted, Workbook

__all__ = ["sizes_accounted"]


@row_local
def sizes_accounted(
    order_rows: pl.DataFrame,
    order_sizes: dy.DataFrame[OrderSizes],
    unknown_sizes: dy.DataFrame[OrderSizes],
    header_mapping: dy.DataFrame[HeaderMapping],
    workbook: dy.DataFrame[Workbook],
) -> dy.DataFrame[Unaccounted]:
    """Check that each piece ordered stands in the long form once, under its size and its row.

    Args:
        order_rows: The order lines of one workbook.
        order_sizes: Their sizes.
        unknown_sizes: What is ordered of sizes that have no column.
        header_mapping: What each letter feeds.
        workbook: The workbook.

    Returns:
        The figures that do not close; none when all is well.
    """
    fed = header_mapping.filter(pl.col("role") == "size")["column"]
    sizes = [name for name in fed if name in order_rows.columns]
    ordered = order_rows.select("row", pl.col(sizes).clip(lower_bound=0))
    figures = [
        *_by_size(ordered.drop("row"), order_sizes, unknown_sizes),
        *_by_line(ordered, order_sizes.filter(pl.col("size").is_in(sizes))),
        Figure("", "sizes of which nothing is ordered", 0, int((order_sizes["quantity"] <= 0).sum())),
    ]
    return unaccounted(figures, workbook)


def _by_size(ordered: pl.DataFrame, lines: pl.DataFrame, unknown_sizes: pl.DataFrame) -> Iterator[Figure]:
    counts, sums = ordered.select((pl.all() > 0).sum()), ordered.select(pl.all().cast(pl.Int64).sum())
    wanted = {size: (counts[size][0] or 0, sums[size][0] or 0) for size in ordered.columns} | _counted(unknown_sizes)
    found = _counted(lines)
    for size in {**wanted, **found}:
        expected, got = wanted.get(size, (0, 0)), found.get(size, (0, 0))
        yield Figure(size, "order lines with a size", expected[0], got[0])
        yield Figure(size, "pieces", expected[1], got[1])


def _counted(lines: pl.DataFrame) -> dict[str, tuple[int, int]]:
    found = lines.group_by("size").agg(count=pl.len(), pieces=pl.col("quantity").cast(pl.Int64).sum())
    return {size: (count, pieces) for size, count, pieces in found.iter_rows()}


def _by_line(ordered: pl.DataFrame, lines: pl.DataFrame) -> Iterator[Figure]:
    pieces = pl.sum_horizontal(pl.exclude("row").cast(pl.Int64)) if ordered.width > 1 else pl.lit(0, pl.Int64)
    found = lines.group_by("row").agg(found=pl.col("quantity").cast(pl.Int64).sum())
    both = ordered.select("row", ordered=pieces).join(found, on="row", how="left")
    yield Figure("", "order lines with other pieces", 0, int((both["ordered"] != both["found"].fill_null(0)).sum()))
