"""The extract of commission payments, a file a quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import chance, choose, marked
from benchmarks.commissions_source.extract import (
    BAD_DATES,
    BAD_IDS,
    BAD_NUMBERS,
    MISSING,
    Extract,
    Fault,
    arrange,
    finish,
    money,
    party,
)

if TYPE_CHECKING:
    from benchmarks.commissions_source.certificate_rows import CertificateRows
    from benchmarks.commissions_source.world import World

__all__ = ["payment_rows"]

_TABLE: Final = "raw_commissions_detail"
_FAULTS: Final = (
    Fault("CertificateId", "missing", MISSING, "bad_ids"),
    Fault("CertificateId", "not_a_number", BAD_IDS, "bad_ids"),
    Fault("PmtPostedDate", "missing", MISSING, "bad_dates"),
    Fault("PmtPostedDate", "not_a_date", BAD_DATES, "bad_dates"),
    Fault("PaidAmount", "missing", MISSING, "bad_numbers"),
    Fault("PaidAmount", "not_a_number", BAD_NUMBERS, "bad_numbers"),
)
_SLIPS: Final = (Fault("PaidToDate", "not_a_date", BAD_DATES, "bad_dates"),)
_YEAR: Final = "2025-01-01"
_DAYS: Final = 365
_CHARGED_BACK: Final = 0.04


def payment_rows(world: World, certificates: CertificateRows) -> Extract:
    """Return a payment per row: each belongs to a row of a certificate, active or historical."""
    rng = chance(world.seed, "payments")
    count = world.sizes.commissions
    paid_for = certificates.lines(rng.integers(0, len(certificates.line) // 2, count))
    day = np.datetime64(_YEAR) + rng.integers(0, _DAYS, count)
    cents = np.round(np.exp(rng.normal(2.5, 1.1, count)) * 100).astype(np.int64) + 1
    cents[marked(rng, _CHARGED_BACK, count)] *= -1
    rate = pl.Series(rng.integers(1, 200, count) * 25)
    rows = paid_for.select(
        Company=pl.lit("NLC"),
        CertificateId="certificate",
        CertEffectiveDate="date",
        SplitBrokerId=party(pl.col("broker")),
        PmtPostedDate=pl.Series(day).cast(pl.Date),
        PaidToDate=pl.Series(day - rng.integers(0, 62, count)).cast(pl.Date),
        PaidAmount=money(pl.Series(cents)),
        TransActionType=choose(rng, ["FY", "RN", "RN", "ADJ"], count),
        InvoiceNumber="INV" + pl.Series(rng.integers(1, 40_000, count)).cast(pl.String).str.zfill(6),
        CertInForceMonths=pl.Series(rng.integers(0, 200, count)),
        CommissionRate=money(rate),
        RealCommissionRate=pl.when(pl.Series(~marked(rng, 0.1, count))).then(money(rate - rate // 10)),
        PaidBrokerId=party(pl.col("paid")),
        CreaditCardType=choose(rng, [None, None, None, "Visa", "Mastercard"], count),
        TransactionId="T" + pl.Series(5_000_000 + rng.permutation(count)).cast(pl.String),
        _file=pl.Series(day).cast(pl.Date).dt.quarter().cast(pl.Int64) - 1,
    )
    order = arrange(world.seed, _TABLE, count, _FAULTS, world.dirt)
    made = finish(
        _TABLE,
        lambda take: rows[take],
        order,
        world.dirt,
        world.seed,
        slips=_SLIPS,
        padded=("SplitBrokerId", "CertificateId"),
    )
    made.truth.sums["PaidAmount"] = f"{cents.sum() / 100:.2f}"
    return made
