"""The lines that were read well and are not published, of all tables."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.set_aside import SetAside

__all__ = ["CommissionSetAside", "commission_set_aside"]


class CommissionSetAside(dy.Schema):
    """A line that is not published, though it was read well.

    Attributes:
        table: The raw table.
        line: The line of the file on which the record begins.
        number: Which of several such lines, where a table comes from several files.
        column: The column that says most about the line; null where that is all of it.
        raw: The value of that column.
        reason: Why: ``repeated_broker``, ``repeated_license``, ``repeated_insurance``, ``repeated_rate``,
            ``rate_without_product``, ``repeated_fee``, or ``group_without_proposal``, which is said of a fee.
    """

    table = dy.String(primary_key=True)
    line = dy.Int64(primary_key=True)
    number = dy.Int32(primary_key=True, min=1)
    column = dy.String(nullable=True)
    raw = dy.String(nullable=True)
    reason = dy.String(nullable=False)


def commission_set_aside(
    brokers_set_aside: dy.DataFrame[SetAside],
    licenses_set_aside: dy.DataFrame[SetAside],
    eo_set_aside: dy.DataFrame[SetAside],
    rates_set_aside: dy.DataFrame[SetAside],
    fees_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[CommissionSetAside]:
    """List these lines by table and line."""
    tables = (brokers_set_aside, licenses_set_aside, eo_set_aside, rates_set_aside, fees_set_aside)
    lines = pl.concat(tables).sort("table", "line", "reason", "raw")
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("table", "line")
    return CommissionSetAside.cast(lines.with_columns(number=number))
