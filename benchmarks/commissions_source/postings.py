"""The extract of premium postings: several of a policy, and none of some."""

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
)
from benchmarks.commissions_source.products import categories, master_categories, product_codes
from benchmarks.commissions_source.words import FIRST_NAMES, LAST_NAMES

if TYPE_CHECKING:
    from benchmarks.commissions_source.chance import Mask
    from benchmarks.commissions_source.world import World

__all__ = ["posting_rows"]

_TABLE: Final = "raw_premiums"
_FAULTS: Final = (
    Fault("Policy", "missing", MISSING, "bad_ids"),
    Fault("Policy", "not_a_number", BAD_IDS, "bad_ids"),
    Fault("DatePost", "missing", MISSING, "bad_dates"),
    Fault("DatePost", "not_a_date", BAD_DATES, "bad_dates"),
    Fault("Amount", "missing", MISSING, "bad_numbers"),
    Fault("Amount", "not_a_number", BAD_NUMBERS, "bad_numbers"),
)
_SLIPS: Final = (Fault("DatePaidTo", "not_a_date", BAD_DATES, "bad_dates"),)
_PADDED: Final = ("GroupNumber", "Policy", "GroupName")
_POSTED_POLICIES: Final = 0.6
_ORPHANS: Final = 0.01
_FIRST_ORPHAN: Final = 900_000_000
_YEAR: Final = "2025-01-01"
_DAYS: Final = 365


def posting_rows(world: World, named: Mask) -> Extract:
    """Return a posting per row; only groups that are named have a name here, the others say ``NULL``.

    ``truth.dirt["orphans"]`` counts postings of policies that no certificate has, ``truth.dirt["unposted"]`` the active
    certificates that have a premium and no posting.
    """
    rng = chance(world.seed, "postings")
    count, products = world.sizes.premiums, world.sizes.products
    posted = np.flatnonzero(marked(rng, _POSTED_POLICIES, world.certificates.height))
    orphan = marked(rng, _ORPHANS, count)
    at = rng.choice(posted, count)
    policies = world.certificates[at]
    numbers = np.where(orphan, _FIRST_ORPHAN + np.arange(count), policies["certificate"].to_numpy())
    day = np.datetime64(_YEAR) + rng.integers(0, _DAYS, count)
    cents = np.round(np.exp(rng.normal(3.6, 0.7, count)) * 100).astype(np.int64)
    cents[marked(rng, 0.02, count)] *= -1
    names = world.groups.select("group", name=pl.when(pl.Series(named)).then("name").otherwise(pl.lit("NULL")))
    rows = policies.join(names, on="group", how="left", maintain_order="left").select(
        Company=pl.lit("NLC"),
        GroupNumber="raw_group",
        Policy=pl.Series(numbers),
        OldPolicy=pl.when(pl.Series(marked(rng, 0.1, count))).then("OLD" + pl.Series(numbers).cast(pl.String)),
        LastName=choose(rng, LAST_NAMES, count),
        FirstName=choose(rng, FIRST_NAMES, count),
        Product=product_codes(products).gather(policies["product"]),
        MasterCategory=master_categories(products).gather(policies["product"]),
        Category=categories(products).gather(policies["product"]),
        PayMode=choose(rng, ["M", "M", "Q", "A"], count),
        StateIssued="state",
        Division=choose(rng, ["01", "02", None], count),
        CertificateEffectiveDate="date",
        DatePost=pl.Series(day).cast(pl.Date),
        DatePaidTo=pl.Series(day + 15).cast(pl.Date),
        Amount=money(pl.Series(cents)),
        TransactionType=choose(rng, ["PREM", "PREM", "REV"], count),
        InvoiceNumber="INV" + pl.Series(rng.integers(1, 40_000, count)).cast(pl.String),
        CommissionType=choose(rng, ["Level", "Heaped", None], count),
        GroupName="name",
        SplitPercentage=choose(rng, ["100", "100.00", "50", None], count),
        SplitCommissionHierarchy="HD" + pl.Series(rng.integers(0, 97, count)).cast(pl.String),
        SplitSalesHierarchy=choose(rng, [None, "S1", "S2"], count),
        LionRecNo=pl.Series(1 + np.arange(count)),
    )
    order = arrange(world.seed, _TABLE, count, _FAULTS, world.dirt)
    made = finish(_TABLE, lambda take: rows[take], order, world.dirt, world.seed, slips=_SLIPS, padded=_PADDED)
    made.truth.sums["Amount"] = f"{cents.sum() / 100:.2f}"
    owed = world.certificates["premium"].fill_null(0).to_numpy() > 0
    owed[at[~orphan]] = False
    made.truth.dirt |= {"orphans": int(orphan.sum()), "unposted": int(owed.sum())}
    return made
