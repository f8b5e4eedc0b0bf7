"""The extracts about groups: what the performance system knows of them, and their fees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import Mask, chance, choose, marked
from benchmarks.commissions_source.extract import MISSING, Extract, Fault, arrange, finish, money, party
from benchmarks.commissions_source.products import categories, product_codes
from benchmarks.commissions_source.words import PLACES, STATES

if TYPE_CHECKING:
    from benchmarks.commissions_source.world import World

__all__ = ["fee_rows", "named_groups", "perf_group_rows"]

_NAMED: Final = 0.97
_UNKNOWN: Final = 0.01
_DAYS_APART: Final = 30
_METHODS: Final = {
    "Fee per Certificate $ Per Month": "FLAT",
    "Flat Fee $ Per Month": "FLAT",
    "New Annual Production Fee Per Month": "PCT",
    "One Time Flat Fee $": "FLAT",
    "Percent of Collected Premium Per Month": "PCT",
    "Percent of Collected Premium Per Year": "PCT",
    "Something Else": "FLAT",
}


def named_groups(world: World) -> Mask:
    """Return which groups the performance system names."""
    return marked(chance(world.seed, "named groups"), _NAMED, world.sizes.groups)


def perf_group_rows(world: World, named: Mask) -> Extract:
    """Return some ten rows of each named group: the newest has its name and state, older ones may have others."""
    rng = chance(world.seed, "perf groups")
    known = np.flatnonzero(named)
    unknown = round(_UNKNOWN * world.sizes.perf_group_rows)
    count = max(world.sizes.perf_group_rows - unknown, len(known))
    group = np.concatenate([known, rng.choice(known, count - len(known))])
    rows = world.groups[group].with_columns(nth=pl.int_range(pl.len()).over("group"), of=pl.len().over("group"))
    older = (rows["nth"] < rows["of"] - 1).to_numpy()
    renamed = older & (rng.random(count) < world.dirt.conflicting_names)
    rows = rows.with_columns(
        GroupNum="key",
        GroupName=pl.when(pl.Series(renamed)).then("ZZ " + pl.col("name")).otherwise("name"),
        StateAbbreviation=pl.when(pl.Series(renamed)).then(choose(rng, STATES, count)).otherwise("home"),
        EffectiveDate=pl.date(2010, 1, 1)
        + pl.duration(days=pl.col("nth") * _DAYS_APART + pl.col("group") % _DAYS_APART),
    ).select("GroupNum", "GroupName", "StateAbbreviation", "EffectiveDate")
    others = pl.select(
        GroupNum="9" + pl.Series(90_000 + np.arange(unknown)).cast(pl.String),
        GroupName=choose(rng, PLACES, unknown),
        StateAbbreviation=choose(rng, STATES, unknown),
        EffectiveDate=pl.Series(np.full(unknown, np.datetime64("2012-01-01"))).cast(pl.Date),
    )
    made = _with_perf_details(pl.concat([rows, others]), world, rng)
    made.truth.dirt["conflicting_names"] = int(renamed.sum())
    return made


def _with_perf_details(rows: pl.DataFrame, world: World, rng: np.random.Generator) -> Extract:
    count, products = rows.height, world.sizes.products
    brokers = world.brokers.rostered
    rows = rows.with_columns(
        GroupSize=choose(rng, ["S", "M", "L", "51-100"], count),
        BrokerUniqueId=party(pl.Series(rng.choice(brokers, count))),
        BrokerReportsToUniqueId=pl.when(pl.Series(marked(rng, 0.7, count))).then(
            party(pl.Series(rng.choice(brokers, count)))
        ),
        AgencyName=choose(rng, PLACES, count) + " Agency",
        Product=product_codes(products).gather(rng.integers(0, products, count)),
        FundingType=choose(rng, ["Voluntary", "Employer", None], count),
        CommissionTable=choose(rng, ["Standard", None], count),
        FeeAgreement=choose(rng, ["N", "Y", None], count),
    )
    table = "raw_perf_groups"
    order = arrange(world.seed, table, count, (Fault("GroupNum", "missing", MISSING, "bad_ids"),), world.dirt)
    return finish(table, lambda take: rows[take], order, world.dirt, world.seed, padded=("GroupNum", "GroupName"))


def fee_rows(world: World) -> Extract:
    """Return fees of groups; their dates are MM/DD/YYYY, some have ended, and each belongs to a broker."""
    rng = chance(world.seed, "fees")
    count = world.sizes.fees
    method = rng.integers(0, len(_METHODS), count)
    kind = pl.Series(list(_METHODS.values())).gather(method)
    share, cents = rng.integers(1, 200, count) * 5, rng.integers(100, 50_000, count)
    percent = pl.Series(kind == "PCT")
    start = np.datetime64("2012-01-01") + rng.integers(0, 4_000, count)
    rows = pl.select(
        PRDNUM=world.groups["key"].gather(rng.integers(0, world.sizes.groups, count)),
        PRODUCTCAT=categories(count),
        FREQ=choose(rng, ["M", "A", "O"], count),
        AMOUNT=pl.when(percent).then(money(pl.Series(share * 10))).otherwise(money(pl.Series(cents))),
        FormattedAmount=pl.when(percent)
        .then("0." + pl.Series(share).cast(pl.String).str.zfill(4))
        .otherwise(money(pl.Series(cents))),
        AMTKIND=kind,
        DATEEND=pl.when(pl.Series(marked(rng, 0.3, count))).then(pl.Series(start + 700).cast(pl.Date)),
        DATESTART=pl.Series(start).cast(pl.Date),
        MAINT=choose(rng, ["A", None], count),
        FEECALCMETHOD=pl.Series(method).cast(pl.String),
        FormattedFeeCalcMethod=pl.Series(list(_METHODS)).gather(method),
        PERSISTPERIOD=choose(rng, ["0", "12", None], count),
        RECNOFEEPERSON=pl.Series(1 + np.arange(count)).cast(pl.String),
        FEETYPE=choose(rng, ["ADM", "SVC"], count),
        PartyUniqueId=party(pl.Series(rng.choice(world.brokers.rostered, count))),
    )
    table = "raw_fees"
    order = arrange(world.seed, table, count, (Fault("PRDNUM", "missing", MISSING, "bad_ids"),), world.dirt)
    return finish(table, lambda take: rows[take], order, world.dirt, world.seed, padded=("PRDNUM",), us_dates=1)
