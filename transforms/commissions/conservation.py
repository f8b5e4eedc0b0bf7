"""The proof that every record is accounted for: what was read is what was made of it, to the record and to the cent."""

from __future__ import annotations

from decimal import Decimal
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from transforms.commissions.master_checks import unbalanced

if TYPE_CHECKING:
    import dataframely as dy

    from transforms.commissions.master_checks import Unbalanced

__all__ = ["TYPED", "Typed", "records_accounted"]


class Typed(NamedTuple):
    """The frames that the records of an extract become.

    Attributes:
        table: The raw table.
        lines: The typed lines, file by file.
        rejects: The records that were rejected.
        accounting: How many became what, as their files say.
        united: The lines of all files together, where a record of two files counts once; else empty.
        amount: The column that is a sum of money of the business, where there is one.
    """

    table: str
    lines: str
    rejects: str
    accounting: str
    united: str = ""
    amount: str = ""


TYPED: Final = (
    Typed(
        "raw_certificate_info",
        "typed_certificates",
        "certificate_rejects",
        "certificate_accounting",
        "certificate_lines",
    ),
    Typed(
        "raw_commissions_detail",
        "typed_commissions",
        "commission_line_rejects",
        "commission_accounting",
        "commission_lines",
        "amount",
    ),
    Typed("raw_premiums", "typed_premiums", "premium_rejects", "premium_accounting", "premium_lines", "amount"),
    *(
        Typed(table, f"{name}_lines", f"{name}_rejects", f"{name}_accounting")
        for table, name in {
            "raw_individual_brokers": "individual",
            "raw_org_brokers": "organization",
            "raw_licenses": "license",
            "raw_eo_insurance": "eo",
            "raw_schedule_rates": "schedule",
            "raw_fees": "fee",
            "raw_perf_groups": "perf_group",
            "raw_individual_brokers_legacy": "legacy_individual",
            "raw_org_brokers_legacy": "legacy_organization",
        }.items()
    ),
)
"""Every extract, and what becomes of it."""

_READ: Final = ("extract", "overlapping")
_FRAMES: Final = tuple(name for one in TYPED for name in one[1:5] if name)
_CENTS: Final = pl.Decimal(38, 2)


def records_accounted(*tables: pl.DataFrame) -> dy.DataFrame[Unbalanced]:
    """Check, of each extract, that the records read are the lines and rejects made and those left out by a rule.

    Those left out are known by number only: historical ones, and those that say what another one says, in the same file
    or in another. Of payments and postings the sums are compared, too.
    """
    frames = dict(zip((*_READ, *_FRAMES), tables, strict=True))
    return unbalanced(*(figure for one in TYPED for figure in _figures(one, frames)))


# What a check reads are its parameters, and here they follow from the extracts.
vars(records_accounted)["__signature__"] = Signature(
    [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in (*_READ, *_FRAMES)]
)


def _figures(of: Typed, frames: dict[str, pl.DataFrame]) -> list[tuple[str, object, object]]:
    accounting, lines, rejects = frames[of.accounting], frames[of.lines], frames[of.rejects]
    read = frames["extract"].filter(table=of.table)["records"].sum()
    if not (read or accounting.width):  # its file need not be there
        return []
    told = dict(accounting.group_by("figure").agg(pl.col("count").sum()).iter_rows())
    left_out = told.get("records_historical", 0) + told.get("records_repeated", 0)
    found = [
        ("records", read, lines.height + rejects.height + left_out),
        ("records told", read, told.get("records_read", 0)),
        ("lines told", lines.height, told.get("records_active", 0)),
        ("rejects told", rejects.height, told.get("records_rejected", 0)),
    ]
    again = frames["overlapping"].filter(table=of.table)
    if of.united:
        found.append(("lines of all files", lines.height, frames[of.united].height + int(again["records"].sum())))
    if of.amount:
        both = _sum(frames[of.united], of.amount) + _sum(again, "amount")
        found.append(("sum of all files", _sum(lines, of.amount), both))
    return [(f"{of.table}, {name}", expected, there) for name, expected, there in found]


def _sum(rows: pl.DataFrame, column: str) -> Decimal:
    return Decimal(rows[column].cast(_CENTS).sum() or 0)
