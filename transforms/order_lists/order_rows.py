"""The order lines of a workbook, typed; the cells that are not published; and the rules that changed the others."""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.order_lists.business_rules import ruled
from transforms.order_lists.casts import cast_cells
from transforms.order_lists.columns import COLUMNS, REQUIRED_COLUMNS
from transforms.order_lists.contract import (
    AppliedRules,
    CellErrors,
    HeaderMapping,
    OrderListQuarantine,
    OrderSizes,
    Run,
    Workbook,
)
from transforms.order_lists.customer_names import UnmappedCustomers, customer_names, is_unlisted, refuse_unlisted
from transforms.order_lists.identity import order_key, row_hash
from transforms.order_lists.quarantine import quarantined, unpublished_cells
from transforms.order_lists.readings import filled
from transforms.order_lists.set_aside import PhantomRows, row_rules
from transforms.order_lists.unknown_sizes import of_unknown_sizes

__all__ = ["OrderRows", "order_rows"]


class OrderRows(NamedTuple):
    """The tables that ``order_rows`` makes.

    Attributes:
        order_rows: ``file`` and ``row``, the published columns in which the sheet has anything, ``group_name``,
            ``item_name``, ``order_key`` and ``row_hash``.
        order_list_quarantine: The cells that are not published.
        order_list_rules: The named rules that changed what is published.
        unknown_sizes: What is ordered of sizes that have no column.
    """

    order_rows: pl.DataFrame
    order_list_quarantine: dy.DataFrame[OrderListQuarantine]
    order_list_rules: dy.DataFrame[AppliedRules]
    unknown_sizes: dy.DataFrame[OrderSizes]


@row_local
def order_rows(
    cells: pl.DataFrame,
    cell_errors: dy.DataFrame[CellErrors],
    header_mapping: dy.DataFrame[HeaderMapping],
    workbook: dy.DataFrame[Workbook],
    run: dy.DataFrame[Run],
    *,
    phantom_rows: PhantomRows = "set_aside",
    unmapped_customers: UnmappedCustomers = "keep",
) -> OrderRows:
    """Cast the rows of a sheet that are order lines, and keep every cell that is not published in quarantine.

    Blank text is null. Text columns hold the rest verbatim; typed ones hold what ``numbers`` and ``dates`` read. Then
    the ``business_rules`` apply.

    Args:
        cells: ``row``, the Excel row, and one column of text per letter; null where a cell is empty or an error.
        cell_errors: The cells that hold an error or a formula without a value.
        header_mapping: What each letter feeds.
        workbook: The workbook.
        run: The run that reads it.
        phantom_rows: Whether rows that hold little but an order number are set aside, or kept as order lines.
        unmapped_customers: Whether lines of a customer whom nobody listed are kept, set aside, or refused.

    Returns:
        The order lines in sheet order, the quarantine, the rules applied, and the sizes that have no column.

    Raises:
        SourceError: A customer is not listed, and ``unmapped_customers`` is ``fail``.
    """
    file = workbook["file"][0]
    letters = dict(header_mapping.drop_nulls("column").select("column", "letter").iter_rows())
    texts = _texts(cells, [letters[name] for name in REQUIRED_COLUMNS])
    names = customer_names(texts, letters, file)
    unmapped = is_unlisted(names["name"]) if unmapped_customers == "quarantine" else None
    rules = row_rules(texts, cell_errors, letters, phantom_rows=phantom_rows, unmapped=unmapped)
    lines, names = texts.filter(rules.is_null()), names.filter(rules.is_null())
    if unmapped_customers == "fail":
        refuse_unlisted(names["name"], file)
    cast = cast_cells(lines, _fed(letters, texts), names["name"], date1904=workbook["date1904"][0])
    values, applied = ruled(cast.values, names)
    sizes = of_unknown_sizes(lines, header_mapping, names["name"])
    entries = pl.concat([cast.refused, sizes.refused, unpublished_cells(texts, rules, cell_errors, header_mapping)])
    of_file = pl.lit(file).alias("file")
    return OrderRows(
        values.select(of_file, lines["row"], pl.all(), order_key(values), row_hash(values)),
        quarantined(entries, header_mapping, workbook, run),
        AppliedRules.cast(pl.concat([cast.applied, applied, sizes.applied]).with_columns(of_file)),
        sizes.quantities,
    )


def _texts(cells: pl.DataFrame, required: Sequence[str]) -> pl.DataFrame:
    """The text of the cells, blank ones null, without the columns that are blank all through unless required."""
    # A third of the columns of most sheets is blank all through: not casting them saves a third of the time.
    written = [name for name in cells.columns[1:] if cells[name].null_count() < cells.height]
    lacking = [letter for letter in required if letter not in set(written)]
    return cells.select(
        "row", filled(pl.col(written)), *(pl.lit(None, dtype=pl.String).alias(name) for name in lacking)
    )


def _fed(letters: Mapping[str, str], texts: pl.DataFrame) -> dict[str, str]:
    """The published column that each letter feeds, in the order of the contract."""
    present = set(texts.columns)
    return {letters[column.name]: column.name for column in COLUMNS if letters.get(column.name) in present}
