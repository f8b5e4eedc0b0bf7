"""Builds small tables of commissions: a test writes only what its fact is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from transforms.commissions.broker_licenses import RunStart
from transforms.commissions.lines import (
    CertificateLines,
    CommissionLines,
    EoLines,
    FeeLines,
    IndividualLines,
    LicenseLines,
    OrganizationLines,
    PerfGroupLines,
    PremiumLines,
    ScheduleLines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import dataframely as dy

Contract = TypeVar("Contract", bound="dy.Schema")
Row = dict[str, Any]

DAY = date(2024, 1, 1)


def table(contract: type[Contract], rows: Iterable[Mapping[str, Any]], **defaults: object) -> dy.DataFrame[Contract]:
    """Make a table: what a row does not say is as in ``defaults``, else null; lines are numbered from 2."""
    full = [{"file": "x.csv", "line": number, **defaults, **row} for number, row in enumerate(rows, 2)]
    schema = contract.create_empty().schema
    return contract.cast(pl.DataFrame([{name: row.get(name) for name in schema} for row in full], schema=schema))


def certificates(*rows: Row) -> dy.DataFrame[CertificateLines]:
    numbered = {"product": "DEN", "plan": "*", "split_seq": 1, "level": 1, "effective_date": DAY, "certificate": 1}
    return table(CertificateLines, rows, **numbered, split_percent=Decimal(100), group_key="25")


def premiums(*rows: Row) -> dy.DataFrame[PremiumLines]:
    return table(PremiumLines, rows, certificate=1, posted_date=DAY, amount=Decimal("10.00"), group_key="25")


def commissions(*rows: Row) -> dy.DataFrame[CommissionLines]:
    return table(CommissionLines, rows, certificate=1, posted_date=DAY, amount=Decimal("1.00"))


def individuals(*rows: Row) -> dy.DataFrame[IndividualLines]:
    return table(IndividualLines, map(_named, rows), broker=1, status="Active")


def organizations(*rows: Row) -> dy.DataFrame[OrganizationLines]:
    return table(OrganizationLines, map(_named, rows), broker=1, status="Active")


def _named(row: Row) -> Row:
    """Give a broker the number as it is delivered."""
    return {"party": f"P{row.get('broker', 1)}", **row}


def licenses(*rows: Row) -> dy.DataFrame[LicenseLines]:
    return table(LicenseLines, rows, broker=1, state="TX", status="Active", is_residence=False)


def insurances(*rows: Row) -> dy.DataFrame[EoLines]:
    return table(EoLines, rows, broker=1)


def schedule_lines(*rows: Row) -> dy.DataFrame[ScheduleLines]:
    return table(ScheduleLines, rows, schedule="S1", product="DEN", state="TX")


def fees(*rows: Row) -> dy.DataFrame[FeeLines]:
    return table(FeeLines, rows, group_key="25")


def perf_groups(*rows: Row) -> dy.DataFrame[PerfGroupLines]:
    return table(PerfGroupLines, rows, group_key="25")


def run_on(day: date) -> dy.DataFrame[RunStart]:
    return RunStart.cast(pl.DataFrame({"started_at": [datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)]}))


def shuffled(lines: dy.DataFrame[Contract], seed: int) -> dy.DataFrame[Contract]:
    """Put lines in another order, and number them anew as another file would."""
    mixed = lines.sample(fraction=1.0, shuffle=True, seed=seed)
    return mixed.with_columns(line=pl.int_range(2, pl.len() + 2, dtype=pl.Int64))  # type: ignore[return-value]
