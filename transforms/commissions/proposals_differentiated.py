"""Groups that have several configurations: of each product and plan the runs of dates with one of them."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.conformance_routing import RoutedProposal
from transforms.commissions.proposals_simple import SimpleRuns

__all__ = ["LABELS", "DifferentiatedRunTables", "DifferentiatedRuns", "proposals_differentiated"]

LABELS: Final = ("simple", "plan", "year", "granular")
"""What tells the runs of a group apart, if there are several; of those that hold, the first counts."""

_PAIR: Final = ("group_id", "product", "plan")


class DifferentiatedRuns(dy.Schema):
    """A configuration that a product and plan of a group has from one date until another, where the next begins."""

    group_id = dy.String(primary_key=True)
    product = dy.String(primary_key=True)
    plan = dy.String(primary_key=True)
    effective_from = dy.Date(primary_key=True)
    effective_to = dy.Date(nullable=True)
    config_hash = dy.String(nullable=False)
    label = dy.Enum(LABELS, nullable=False)


class DifferentiatedRunTables(NamedTuple):
    """The table that ``proposals_differentiated`` makes.

    Attributes:
        differentiated_runs: The runs of groups that have several configurations.
    """

    differentiated_runs: dy.DataFrame[DifferentiatedRuns]


def proposals_differentiated(
    routed_proposal: dy.DataFrame[RoutedProposal], simple_runs: dy.DataFrame[SimpleRuns]
) -> DifferentiatedRunTables:
    """Cut the dates of each product and plan of a group where its configuration changes.

    A run begins on the first date that has its configuration and ends where the next begins; the last is open. Years
    mean nothing for this, so a change in the middle of one makes two runs.

    A run is labelled ``plan`` where another plan of the product has another configuration in a year in which this one
    has only the run's, else ``year`` where its product and plan have several runs, else ``granular``.

    Args:
        routed_proposal: The certificates that stand under proposals.
        simple_runs: The groups that have one configuration.

    Returns:
        The runs of all other groups.
    """
    certificates = routed_proposal.join(simple_runs, on="group_id", how="anti")
    dates = certificates.select(*_PAIR, "effective_date", "config_hash").unique().sort(*_PAIR, "effective_date")
    pair, config = pl.struct(_PAIR), pl.col("config_hash")
    begins = ((pair != pair.shift()) | (config != config.shift())).fill_null(value=True)
    numbered = dates.with_columns(run=begins.cum_sum())
    runs = numbered.filter(begins).rename({"effective_date": "effective_from"})
    until = pl.when(pair == pair.shift(-1)).then(pl.col("effective_from").shift(-1))
    labelled = runs.with_columns(
        effective_to=until,
        label=pl.when(pl.col("run").is_in(_by_plan(numbered).implode()))
        .then(pl.lit("plan"))
        .when(pair.is_duplicated())
        .then(pl.lit("year"))
        .otherwise(pl.lit("granular")),
    )
    return DifferentiatedRunTables(DifferentiatedRuns.cast(labelled))


def _by_plan(dates: pl.DataFrame) -> pl.Series:
    """Name the runs that have a year to themselves in which their product has several configurations."""
    year = ["group_id", "product", "year"]
    years = dates.select(*_PAIR, "config_hash", "run", year=pl.col("effective_date").dt.year()).unique()
    alone = years.filter(~years.select(*_PAIR, "year").is_duplicated())
    several = years.select(*year, "config_hash").unique()
    several = several.filter(several.select(year).is_duplicated()).select(year).unique()
    return alone.join(several, on=year, how="semi")["run"].unique()
