"""What the business's objects are, counted from what was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from benchmarks.commissions_source.configs import ABSENT_CODES, PERCENT_UNITS
from benchmarks.commissions_source.eras import NO_PLAN
from benchmarks.commissions_source.extract import money
from benchmarks.commissions_source.products import plan_codes, product_codes
from benchmarks.commissions_source.truth import CERTIFICATES, CONFIG_LINES, GROUPS, PROPOSAL_PAIRS, PROPOSALS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.commissions_source.chance import Mask
    from benchmarks.commissions_source.truth import ExtractTruth
    from benchmarks.commissions_source.world import World

__all__ = ["active_lines", "count_dirt", "count_objects", "count_routes", "write_tables"]

_THREE_LEVELS: Final = 3


def count_objects(world: World, extracts: dict[str, ExtractTruth]) -> dict[str, int]:
    """Return how many there are of everything; ``groups`` without the one of those who have none."""
    certificates, rates = world.certificates, extracts["raw_schedule_rates"]
    eras = world.eras.join(world.pairs, on="track")
    premiums = extracts["raw_premiums"]
    unrouted = certificates.filter(pl.col("reason").is_not_null())
    lines = active_lines(world)
    splits = lines.filter(pl.col("level") == 1)
    return {
        "brokers": len(world.brokers.rostered) + len(world.brokers.absent),
        "brokers_absent": len(world.brokers.absent),
        "groups": certificates["group"].drop_nulls().n_unique(),
        "products": world.sizes.products,
        "products_sold": certificates["product"].n_unique(),
        "plans": certificates.filter(pl.col("plan") != NO_PLAN).select("product", "plan").n_unique(),
        "schedules": rates.dirt["schedules"],
        "schedules_named": lines["schedule"].n_unique(),
        "schedule_rates": rates.kept,
        "policies": certificates.height,
        "premium_transactions": premiums.kept + premiums.dirt["unposted"],
        "proposals": world.eras.height,
        "proposal_pairs": eras.height,
        "configs": lines.filter(pl.col("reason").is_null())["config"].n_unique(),
        "proposal_splits": world.eras.join(world.config_lines.filter(level=1), on="config").height,
        "proposal_lines": world.eras.join(world.config_lines, on="config").height,
        "certificates_to_pha": unrouted.height,
        "pha_splits": splits.filter(pl.col("reason").is_not_null()).height,
        "pha_lines": lines.filter(pl.col("reason").is_not_null()).height,
        "single_config_groups": int(world.groups["single"].sum()),
    }


def active_lines(world: World) -> pl.DataFrame:
    """Return the lines of each certificate, but for the last one of those that are torn."""
    place = pl.int_range(1, pl.len() + 1).over("config")
    lines = world.config_lines.with_columns(is_last=place == pl.len().over("config"))
    held = world.certificates.select("certificate", "config", "reason", "torn").join(lines, on="config")
    return held.filter(~(pl.col("torn") & pl.col("is_last")))


def count_routes(world: World) -> dict[str, int]:
    """Return the active certificates by why they have no proposal; ``proposal`` for those that have one."""
    found = world.certificates.select(pl.col("reason").fill_null("proposal")).to_series().value_counts()
    return dict(sorted(found.iter_rows()))


def count_dirt(world: World) -> dict[str, int]:
    """Return how often the irregularities occur that are in no cell, but in what the cells tell."""
    eras, lines = world.eras, world.config_lines
    configs = lines.group_by("config").agg(
        pl.col("level").max(),
        pl.col("percent").filter(level=1).sum().alias("total"),
        pl.col("percent").filter(level=1).alias("set"),
        twice=pl.col("writer").filter(level=1).is_duplicated().any(),
    )
    of_certificates = world.certificates.select("config").join(configs, on="config", how="left", maintain_order="left")
    thirds = pl.col("set").list.sort() == pl.lit([333_300, 333_300, 333_400], pl.List(pl.Int64))
    siblings = world.pairs.filter("sibling")["track"].unique()
    letters = world.groups["key"].str.contains("[A-Z]")
    return {
        "year_changes": eras.filter(change="year").height,
        "mid_year_changes": eras.filter(change="mid_year").height,
        "returns": int(eras["returned"].sum()),
        "plan_differences": eras.filter(pl.col("track").is_in(siblings.implode())).height,
        "same_broker": int(of_certificates["twice"].sum()),
        "three_level_whole_splits": of_certificates.filter(
            (pl.col("level") == _THREE_LEVELS)
            & (pl.col("set").list.len() == 1)
            & (pl.col("total") == 100 * PERCENT_UNITS)
        ).height,
        "thirds": of_certificates.filter(thirds).height,
        "absent_brokers": len(world.brokers.absent),
        "absent_schedules": lines.filter(pl.col("schedule").is_in(list(ABSENT_CODES)))["schedule"].n_unique(),
        "alphanumeric_groups": int(letters.sum()),
        "multiple_configs": world.conflicts.height,
        "multiple_configs_groups": world.conflicts["group"].n_unique(),
        "wrong_totals": world.certificates.filter(reason="CertificateSplitMismatch").height,
        "invalid_brokers": world.certificates.filter("bad_writer").height,
        "incomplete": world.certificates.filter(reason="RejectedRecords").height,
        "torn": int(world.certificates["torn"].sum()),
    }


def write_tables(world: World, named: Mask, folder: Path) -> None:
    """Write the tables of the truth, whose columns the methods of ``Truth`` tell."""
    codes = product_codes(world.sizes.products)
    keys = world.groups.select("group", "key")
    plan = plan_codes(pl.col("plan")).fill_null("*")
    certificates = world.certificates.with_columns(codes.gather(world.certificates["product"]).alias("product"))
    certificates.join(keys, on="group", how="left").select(
        "certificate",
        pl.col("key").alias("group_key"),
        "product",
        plan.alias("plan"),
        pl.col("date").alias("effective_date"),
        "state",
        money(pl.col("premium")).cast(pl.Decimal(18, 2)).alias("premium"),
        pl.col("era").alias("proposal"),
        "reason",
        "config",
        "torn",
    ).sort("certificate").write_parquet(folder / CERTIFICATES)
    world.eras.join(keys, on="group").sort("era").select(
        pl.col("era").alias("proposal"),
        pl.col("key").alias("group_key"),
        "config",
        *(_first_day(name) for name in ("start", "until")),
    ).write_parquet(folder / PROPOSALS)
    pairs = world.pairs.with_columns(codes.gather(world.pairs["product"]).alias("product"), plan.alias("plan"))
    world.eras.select(pl.col("era").alias("proposal"), "track").join(pairs, on="track").select(
        "proposal", "product", "plan"
    ).sort("proposal", "product", "plan").write_parquet(folder / PROPOSAL_PAIRS)
    world.config_lines.drop("splits", "writer").write_parquet(folder / CONFIG_LINES)
    name = pl.when(pl.Series(named)).then("name").otherwise("Group " + pl.col("key"))
    state = pl.col("home")
    world.groups.select(pl.col("key").alias("group_key"), name=name, state=state, named=pl.Series(named)).sort(
        "group_key"
    ).write_parquet(folder / GROUPS)


def _first_day(month: str) -> pl.Expr:
    return pl.date(pl.col(month) // 12, pl.col(month) % 12 + 1, 1).alias(month)
