"""The lines that were read well and are not published, of all tables."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.keys import keyed
from transforms.commissions.set_aside import SetAside

__all__ = ["CommissionSetAside", "commission_set_aside"]


class CommissionSetAside(dy.Schema):
    """A line that is not published, though it was read well.

    Attributes:
        file: The file.
        line: The line of the file on which the record begins.
        table: The raw table.
        column: The header of the column that says most about the line; null where that is all of it.
        raw: The value of that column.
        reason: Why: ``repeated_broker``, ``repeated_license``, ``repeated_insurance``, ``repeated_rate``,
            ``rate_without_product``, ``repeated_fee``, ``group_without_proposal``, which is said of a fee, or
            ``older_assignment``: the last certificate on which a broker has a recipient who is not his newest.
    """

    file = dy.String(primary_key=True)
    line = dy.Int64(primary_key=True)
    table = dy.String(nullable=False)
    column = dy.String(nullable=True)
    raw = dy.String(nullable=True)
    reason = dy.String(nullable=False)


def commission_set_aside(  # noqa: PLR0917 (a table is a parameter)
    brokers_set_aside: dy.DataFrame[SetAside],
    licenses_set_aside: dy.DataFrame[SetAside],
    eo_set_aside: dy.DataFrame[SetAside],
    rates_set_aside: dy.DataFrame[SetAside],
    fees_set_aside: dy.DataFrame[SetAside],
    assignments_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[CommissionSetAside]:
    """List these lines by file and line, of which each is set aside once."""
    tables = (
        brokers_set_aside,
        licenses_set_aside,
        eo_set_aside,
        rates_set_aside,
        fees_set_aside,
        assignments_set_aside,
    )
    return keyed("commission_set_aside", pl.concat(tables), CommissionSetAside)
