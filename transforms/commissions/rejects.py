"""The records that no table takes, of all extracts."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.lines import Rejects

__all__ = ["CommissionRejects", "commission_rejects"]


class CommissionRejects(dy.Schema):
    """The quarantine of the commissions: a row for each record that was rejected.

    Attributes:
        file: The file.
        line: The line on which the record begins.
        table: The raw table.
        column: The header of the column whose value is the reason; empty for a record that is ragged.
        raw: The value as the file has it, or the record where it is ragged; null where there is none.
        reason: Why: ``ragged``, ``missing``, ``not_a_date``, ``not_a_number``, ``not_whole``, ``out_of_range``,
            ``not_a_broker``, ``not_a_group``, ``not_a_code`` or ``not_a_state``.
    """

    file = dy.String(primary_key=True)
    line = dy.Int64(primary_key=True)
    table = dy.String(nullable=False)
    column = dy.String(nullable=False)
    raw = dy.String(nullable=True)
    reason = dy.String(nullable=False)


def commission_rejects(  # noqa: PLR0917 (a table is a parameter)
    certificate_rejects: dy.DataFrame[Rejects],
    commission_line_rejects: dy.DataFrame[Rejects],
    premium_rejects: dy.DataFrame[Rejects],
    individual_rejects: dy.DataFrame[Rejects],
    organization_rejects: dy.DataFrame[Rejects],
    license_rejects: dy.DataFrame[Rejects],
    eo_rejects: dy.DataFrame[Rejects],
    schedule_rejects: dy.DataFrame[Rejects],
    fee_rejects: dy.DataFrame[Rejects],
    perf_group_rejects: dy.DataFrame[Rejects],
    legacy_individual_rejects: dy.DataFrame[Rejects],
    legacy_organization_rejects: dy.DataFrame[Rejects],
) -> dy.DataFrame[CommissionRejects]:
    """List the rejected records of all files, by file and line."""
    rejects = (
        certificate_rejects,
        commission_line_rejects,
        premium_rejects,
        individual_rejects,
        organization_rejects,
        license_rejects,
        eo_rejects,
        schedule_rejects,
        fee_rejects,
        perf_group_rejects,
        legacy_individual_rejects,
        legacy_organization_rejects,
    )
    return CommissionRejects.cast(pl.concat(rejects).sort("file", "line"))
