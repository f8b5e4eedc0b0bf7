"""Eras: which configuration a group has, for which products and plans, from when until when.

A track is a set of (product, plan) pairs of a group that change their configuration together; no pair is in two tracks.
The eras of a track follow one another, and neighbours differ. Hence an era is a proposal, by construction: at its first
day every pair of it has a certificate, and from the first day of the next one no pair has any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import chance, marked, shared

if TYPE_CHECKING:
    from benchmarks.commissions_source.chance import Whole
    from benchmarks.commissions_source.dirt import Dirt
    from benchmarks.commissions_source.presets import Sizes

__all__ = ["NO_PLAN", "draw_eras", "draw_pairs"]

NO_PLAN: Final = 0
_CHAINS: Final = (0.2, 0.4, 0.25, 0.15)
_PRODUCTS: Final = {1: 0.75, 2: 0.095, 3: 0.06, 4: 0.04, 5: 0.031, 6: 0.024}
_PLANS: Final = (0.6, 0.3, 0.1)
_CODED: Final = 0.6
_FIRST_YEAR, _LAST_YEAR = 2008, 2020
_RETURN_AFTER: Final = 2
_WRAP: Final = 1000


def draw_eras(groups: pl.DataFrame, sizes: Sizes, dirt: Dirt, seed: int) -> pl.DataFrame:
    """Return one row per era, those of a group and of a track together and in order.

    Columns: ``era``, ``group``, ``track``, ``position`` in the track, ``start`` and ``until`` (months since year 0, the
    end exclusive, null for an open end), ``change`` (``first``, ``year`` or ``mid_year``), ``returned`` (whether it has
    the configuration of the era two before it).
    """
    rng = chance(seed, "eras")
    chain = _chains(rng, sizes.groups, dirt)
    counts = _counts(rng, groups, sizes.proposals)
    group = np.repeat(np.arange(sizes.groups), counts)
    within = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    position = within % chain[group]
    eras = pl.DataFrame({"group": group, "position": position}).with_columns(
        track=(pl.col("position") == 0).cum_sum().cast(pl.Int64) - 1
    )
    return _with_months(eras, rng, dirt).with_row_index("era").with_columns(pl.col("era").cast(pl.Int64))


def draw_pairs(eras: pl.DataFrame, sizes: Sizes, dirt: Dirt, seed: int) -> pl.DataFrame:
    """Return the (product, plan) pairs of each track.

    Columns: ``track``, ``product`` (its position among those sold), ``plan`` (``NO_PLAN``, or a number), ``sibling``
    (whether the track has the products of the track before it, with other plans).
    """
    rng = chance(seed, "pairs")
    tracks = _tracks(eras, sizes, dirt, rng)
    plans = np.where(tracks["coded"], 1 + rng.choice(len(_PLANS), tracks.height, p=_PLANS), 1)
    expanded = (
        tracks.with_columns(plans=pl.Series(plans))
        .with_columns(offset=pl.int_ranges(pl.col("products")), number=pl.int_ranges(pl.col("plans")))
        .explode("offset")
        .explode("number")
    )
    at = pl.col("first") + pl.col("offset")
    unlike = pl.col("number") + len(_PLANS) * (pl.col("siblings") + _WRAP * (at // sizes.sold_products))
    return expanded.select(
        "track",
        product=(at + pl.col("base")) % sizes.sold_products,
        plan=pl.when("coded").then(1 + unlike).otherwise(NO_PLAN),
        sibling=pl.col("siblings") > 0,
    ).cast({"product": pl.Int64, "plan": pl.Int64})


def _chains(rng: np.random.Generator, groups: int, dirt: Dirt) -> Whole:
    """Return how many eras a track of each group has at most."""
    if dirt.year_changes + dirt.mid_year_changes == 0:
        return np.ones(groups, np.int64)
    return 1 + rng.choice(len(_CHAINS), groups, p=_CHAINS)


def _counts(rng: np.random.Generator, groups: pl.DataFrame, total: int) -> Whole:
    single = groups["single"].to_numpy()
    counts = np.where(single, 1, 2)
    many = np.flatnonzero(~single)
    counts[many] += shared(rng, total - int(counts.sum()), np.sqrt(groups["weight"].to_numpy()[many]))
    return counts


def _with_months(eras: pl.DataFrame, rng: np.random.Generator, dirt: Dirt) -> pl.DataFrame:
    first = eras["position"].to_numpy() == 0
    weight = dirt.year_changes + dirt.mid_year_changes
    year = ~first & (rng.random(eras.height) < dirt.year_changes / (weight or 1))
    month = np.where(year, 0, rng.integers(1, 12, eras.height))
    base = rng.integers(_FIRST_YEAR, _LAST_YEAR, eras.height)[
        np.maximum.accumulate(np.where(first, range(len(first)), 0))
    ]
    position = eras["position"].to_numpy()
    third = np.flatnonzero(position == _RETURN_AFTER)
    returned = np.zeros(eras.height, np.bool_)
    returned[third[marked(rng, dirt.returns, len(third))]] = True
    return eras.with_columns(
        start=pl.Series((base + position) * 12 + month),
        change=pl.Series(np.select([first, year], ["first", "year"], "mid_year")),
        returned=pl.Series(returned),
    ).with_columns(until=pl.col("start").shift(-1).over("track"))


def _tracks(eras: pl.DataFrame, sizes: Sizes, dirt: Dirt, rng: np.random.Generator) -> pl.DataFrame:
    """Return one row per track: its products, and whether it repeats those of the track before it with other plans."""
    tracks = eras.group_by("track", maintain_order=True).agg(pl.col("group").first())
    count = tracks.height
    coded, base = rng.random(sizes.groups) < _CODED, rng.integers(0, sizes.sold_products, sizes.groups)
    follows = (tracks["group"] == tracks["group"].shift(1)).fill_null(value=False).to_numpy()
    drawn = rng.choice(list(_PRODUCTS), count, p=list(_PRODUCTS.values()))
    group = tracks["group"].to_numpy()
    made = tracks.with_columns(
        drawn=pl.Series(drawn),
        follows=pl.Series(follows & (rng.random(count) < dirt.plan_differences)),
        base=pl.Series(base[group]),
    ).with_columns(family=(~pl.col("follows")).cum_sum())
    made = made.with_columns(
        products=pl.col("drawn").first().over("family"),
        siblings=pl.int_range(pl.len()).over("family"),
    )
    own = pl.when(pl.col("siblings") == 0).then(pl.col("products")).otherwise(0)
    made = made.with_columns(end=own.cum_sum().over("group")).with_columns(
        first=pl.col("end") - pl.col("products"),
        coded=pl.Series(coded[group])
        | (pl.col("siblings") > 0).any().over("group")
        | (pl.col("end").max().over("group") > sizes.sold_products),
    )
    return made.select("track", "group", "base", "products", "first", "siblings", "coded")
