"""The records that no table takes, of all extracts; and the proof that every record is accounted for."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.lines import Accounting, Extract, Rejects

__all__ = ["CommissionRejects", "commission_rejects", "records_accounted"]


class CommissionRejects(dy.Schema):
    """The quarantine of the commissions: a row for each record that was rejected.

    Attributes:
        file: The file.
        line: The line on which the record begins.
        table: The raw table.
        column: The header of the column whose value is the reason; empty for a record that is ragged.
        raw: The value as the file has it, or the record where it is ragged; null where there is none.
        reason: Why: ``ragged``, ``missing``, ``not_a_date``, ``not_a_number``, ``not_whole``, ``out_of_range``
            or ``not_a_broker``.
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
    )
    return CommissionRejects.cast(pl.concat(rejects).sort("file", "line"))


class Unaccounted(dy.Schema):
    """A file whose records are not all accounted for."""

    file = dy.String(nullable=False)
    read = dy.Int64(nullable=False)
    accounted = dy.Int64(nullable=False)


def records_accounted(  # noqa: PLR0917 (a table is a parameter)
    extract: dy.DataFrame[Extract],
    certificate_accounting: dy.DataFrame[Accounting],
    commission_accounting: dy.DataFrame[Accounting],
    premium_accounting: dy.DataFrame[Accounting],
    individual_accounting: dy.DataFrame[Accounting],
    organization_accounting: dy.DataFrame[Accounting],
    license_accounting: dy.DataFrame[Accounting],
    eo_accounting: dy.DataFrame[Accounting],
    schedule_accounting: dy.DataFrame[Accounting],
    fee_accounting: dy.DataFrame[Accounting],
    perf_group_accounting: dy.DataFrame[Accounting],
) -> dy.DataFrame[Unaccounted]:
    """Find the files of which records read are not exactly those active, historical, repeated or rejected."""
    accounting = (
        certificate_accounting,
        commission_accounting,
        premium_accounting,
        individual_accounting,
        organization_accounting,
        license_accounting,
        eo_accounting,
        schedule_accounting,
        fee_accounting,
        perf_group_accounting,
    )
    became = pl.col("figure").is_in(["records_active", "records_historical", "records_repeated", "records_rejected"])
    accounted = pl.concat(accounting).filter(became).group_by("file").agg(accounted=pl.col("count").sum())
    both = extract.join(accounted, on="file", how="full", coalesce=True)
    found = both.select("file", pl.col("records").fill_null(0).alias("read"), pl.col("accounted").fill_null(0))
    return Unaccounted.cast(found.filter(pl.col("read") != pl.col("accounted")).sort("file"))
