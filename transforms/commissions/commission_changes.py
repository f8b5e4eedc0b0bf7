"""How many values a rule changed on the way, of all extracts."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final

import dataframely as dy
import polars as pl

from transforms.commissions.changes import Changed
from transforms.commissions.keys import keyed
from transforms.commissions.lines import Accounting

__all__ = ["CommissionChanges", "commission_changes"]

_CELLS: Final = {"cells_nulled": "nulled", "cells_rounded": "rounded", "cells_recoded": "recoded"}


class CommissionChanges(dy.Schema):
    """How many values of a column a rule changed or set.

    Not counted is what every text of a column is read as: trimmed, dates and numbers by their value, ``P007`` as the
    broker 7, ``N/A`` as the plan ``*``, and a missing flag of residence as no.

    Attributes:
        table: The raw table.
        column: The header of the column.
        rule: The rule, as this page lists them.
        file: The file; empty where the rule looks at all files of the table at once.
        count: How many values.
    """

    table = dy.String(primary_key=True)
    column = dy.String(primary_key=True)
    rule = dy.String(primary_key=True)
    file = dy.String(primary_key=True)
    count = dy.Int64(nullable=False, min=1)


def commission_changes(  # noqa: PLR0917 (a table is a parameter)
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
    legacy_individual_accounting: dy.DataFrame[Accounting],
    legacy_organization_accounting: dy.DataFrame[Accounting],
    brokers_changed: dy.DataFrame[Changed],
    licenses_changed: dy.DataFrame[Changed],
    groups_changed: dy.DataFrame[Changed],
    rates_changed: dy.DataFrame[Changed],
    fees_changed: dy.DataFrame[Changed],
    distributions_changed: dy.DataFrame[Changed],
) -> dy.DataFrame[CommissionChanges]:
    """List the rules that changed any value: those of single cells by file, the others by table."""
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
        legacy_individual_accounting,
        legacy_organization_accounting,
    )
    rules = (brokers_changed, licenses_changed, groups_changed, rates_changed, fees_changed, distributions_changed)
    cells = pl.concat(accounting).filter(pl.col("figure").is_in(list(_CELLS)), pl.col("count") > 0)
    by_file = cells.select("table", "file", "count", column="item", rule=pl.col("figure").replace_strict(_CELLS))
    by_table = pl.concat(rules).with_columns(file=pl.lit(""))
    return keyed("commission_changes", pl.concat([by_file, by_table], how="diagonal"), CommissionChanges)
