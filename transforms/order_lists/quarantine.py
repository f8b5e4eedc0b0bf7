"""The cells that are not published: one entry each, with its address, what was expected there, and why it stays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from transforms.order_lists.casts import ENTRY
from transforms.order_lists.contract import OrderListQuarantine
from transforms.order_lists.dates import EARLIEST, LATEST

if TYPE_CHECKING:
    import dataframely as dy

__all__ = ["REASONS", "quarantined", "unpublished_cells"]

_EXPECTED_BY_REASON: Final = {
    "formula_without_value": "the computed value: open the workbook in Excel and save it",
    "keyless_row": "an order number in this row",
    "totals_row": "an order number, not a word for a sum",
    "phantom_row": "an order line, not only its number",
    "bad_key_row": "no error, and no formula without a value, in the columns that identify an order line",
    "unmapped_customer": "a customer whom customers.toml lists",
    "unknown_header": "a header that firn knows",
    "negative_quantity": "a quantity of 0 or more",
    "duplicate_header": "one column with this header",
    "unnamed_header": "a header",
    "ambiguous_date": "a date whose day and month cannot be swapped",
    "time_of_day": "a date without a time",
    "date_out_of_range": f"a date from {EARLIEST} to {LATEST}",
}
_PLAIN: Final = "a plain number without thousands separators, currency or percent sign"
_EXPECTED_BY_KIND: Final = {
    "date": "a date",
    "qty_size": "a whole number from -2147483648 to 2147483647",
    "qty_total": "a whole number from -2147483648 to 2147483647",
    "year": "a whole number from -32768 to 32767",
    "money": f"{_PLAIN}, of at most 14 digits before the point",
    "rate": f"{_PLAIN}, of at most 6 digits before the point",
}
REASONS: Final = (*_EXPECTED_BY_REASON, "not_a_date", "not_a_number", "not_whole", "out_of_range", "error_cell")
"""Why a cell may be in quarantine."""
_REASON_BY_ROLE: Final = {
    "unknown": "unknown_header",
    "duplicate": "duplicate_header",
    "unnamed": "unnamed_header",
}


def unpublished_cells(
    texts: pl.DataFrame, rules: pl.Series, cell_errors: pl.DataFrame, header_mapping: pl.DataFrame
) -> pl.DataFrame:
    """List the cells that no published column takes: of rows set aside, with errors, and under headers that feed none.

    Args:
        texts: ``row`` and one column of text per letter, blank cells null.
        rules: The rule that sets each row aside, null for order lines.
        cell_errors: ``row``, ``letter``, ``raw`` of the cells that hold an error or a formula without a value, which
            are blank in ``texts``.
        header_mapping: What each letter feeds.

    Returns:
        ``row``, ``letter``, ``raw``, ``reason``; a cell once, for its row before its column
        before itself.
    """
    by_row = texts.select("row", reason=rules)
    by_letter = header_mapping.filter(pl.col("kind").is_null()).select(
        "letter", unfed=pl.col("role").cast(pl.String).replace_strict(_REASON_BY_ROLE)
    )
    unfed = set(by_letter["letter"])
    aside = _cells(texts.with_columns(by_row["reason"]).drop_nulls("reason"), "reason")
    loose = _cells(texts.select("row", *(name for name in texts.columns if name in unfed)).filter(rules.is_null()))
    # An error is blank in the texts, so it comes from its own table, whatever row and column it stands in.
    errors = cell_errors.join(by_row, on="row", how="left").join(by_letter, on="letter", how="left")
    own = (
        pl.when(pl.col("raw").str.starts_with("="))
        .then(pl.lit("formula_without_value"))
        .otherwise(pl.lit("error_cell"))
    )
    entries = (
        aside,
        loose.join(by_letter.rename({"unfed": "reason"}), on="letter"),
        errors.with_columns(reason=pl.coalesce("reason", "unfed", own)),
    )
    return pl.concat([frame.select(*ENTRY) for frame in entries], how="vertical_relaxed")


def _cells(rows: pl.DataFrame, *also: str) -> pl.DataFrame:
    """The cells of rows that are not blank, one per row."""
    return rows.unpivot(index=["row", *also], variable_name="letter", value_name="raw").drop_nulls("raw")


def quarantined(
    entries: pl.DataFrame, header_mapping: pl.DataFrame, workbook: pl.DataFrame, run: pl.DataFrame
) -> dy.DataFrame[OrderListQuarantine]:
    """Make quarantine entries of cells.

    Args:
        entries: ``row``, ``letter``, ``raw``, ``reason``.
        header_mapping: What each letter feeds.
        workbook: The workbook they stand in.
        run: The run that read them.

    Returns:
        One entry per cell, in reading order.
    """
    expected = pl.coalesce(
        pl.col("reason").replace_strict(_EXPECTED_BY_REASON, default=None, return_dtype=pl.String),
        pl.col("kind").replace_strict(_EXPECTED_BY_KIND, default=None, return_dtype=pl.String),
        pl.lit("text"),
    )
    entries = (
        entries.join(header_mapping, on="letter", how="left")
        .sort("row", pl.col("letter").str.len_bytes(), "letter")
        .with_columns(
            cell=pl.concat_str("letter", "row"),
            column=pl.coalesce("column", "header"),
            expected=expected,
            **_constants(workbook, "file", "etag", "sheet"),
            **_constants(run, "run_id"),
        )
    )
    return OrderListQuarantine.cast(entries)


def _constants(one_row: pl.DataFrame, *names: str) -> dict[str, pl.Expr]:
    return {name: pl.lit(one_row[name][0], dtype=pl.String) for name in names}
