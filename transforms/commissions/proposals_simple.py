"""Groups that have one configuration: one open run each, for every product and plan."""

# No future import: the engine reads the annotations, which are the contract.
from typing import NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.conformance_routing import RoutedProposal

__all__ = ["SimpleRunTables", "SimpleRuns", "proposals_simple"]


class SimpleRuns(dy.Schema):
    """The one configuration of a group, from its first certificate on."""

    group_id = dy.String(primary_key=True)
    config_hash = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)


class SimpleRunTables(NamedTuple):
    """The table that ``proposals_simple`` makes.

    Attributes:
        simple_runs: One open run per group that has one configuration.
    """

    simple_runs: dy.DataFrame[SimpleRuns]


def proposals_simple(routed_proposal: dy.DataFrame[RoutedProposal]) -> SimpleRunTables:
    """Find the groups whose certificates, of those that stand under proposals, all have one configuration.

    Args:
        routed_proposal: The certificates that stand under proposals.

    Returns:
        One open run per such group.
    """
    configs = routed_proposal.group_by("group_id", "config_hash").agg(effective_from=pl.col("effective_date").min())
    return SimpleRunTables(SimpleRuns.cast(configs.filter(~pl.col("group_id").is_duplicated()).sort("group_id")))
