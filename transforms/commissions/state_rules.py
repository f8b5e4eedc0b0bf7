"""In which states and for which products each hierarchy is paid, and by which schedules."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.changes import Changed, changed
from transforms.commissions.columns import CERTIFICATES
from transforms.commissions.hierarchies import Hierarchies, HierarchyParticipants
from transforms.commissions.products import Products
from transforms.commissions.proposals_consolidated import ProposalMembers
from transforms.commissions.split_configs import CertConfigs
from transforms.commissions.states import STATES

__all__ = [
    "ALL_STATES",
    "HierarchySplits",
    "SplitDistributions",
    "StateRuleStates",
    "StateRuleTables",
    "StateRuleType",
    "StateRules",
    "state_rules",
]

ALL_STATES: Final = "ALL"
"""The short name of a rule that a policy falls under whose state has none of its own."""


class StateRuleType(IntEnum):
    """Which states a rule is for."""

    STATE = 0
    ALL = 1


class StateRules(dy.Schema):
    """A state in which certificates of a hierarchy were issued, or all states; ``type`` is a `StateRuleType`."""

    id = dy.String(primary_key=True)
    hierarchy_version_id = dy.String(nullable=False)
    short_name = dy.String(nullable=False)
    name = dy.String(nullable=False)
    type = dy.Int32(nullable=False, metadata={"numbers": StateRuleType})
    sort_order = dy.Int32(nullable=False, min=1)


class StateRuleStates(dy.Schema):
    """The state of a specific rule; a rule for all states has none."""

    id = dy.String(primary_key=True)
    state_rule_id = dy.String(nullable=False)
    state_code = dy.String(nullable=False)
    state_name = dy.String(nullable=False)


class HierarchySplits(dy.Schema):
    """A product that was sold under a rule."""

    id = dy.String(primary_key=True)
    state_rule_id = dy.String(nullable=False)
    product_id = dy.String(nullable=False)
    product_category = dy.String(nullable=True)
    product_name = dy.String(nullable=False)
    sort_order = dy.Int32(nullable=False, min=1)


class SplitDistributions(dy.Schema):
    """What a participant of a hierarchy is paid by for a product: ``percentage`` is that of the split."""

    id = dy.String(primary_key=True)
    hierarchy_split_id = dy.String(nullable=False)
    hierarchy_participant_id = dy.String(nullable=False)
    participant_broker_id = dy.Int64(nullable=True)
    percentage = dy.Decimal(18, 4, nullable=False)
    schedule_id = dy.Int64(nullable=True)
    schedule_code = dy.String(nullable=True)


class StateRuleTables(NamedTuple):
    """The tables that ``state_rules`` makes.

    Attributes:
        state_rules: The states of each hierarchy.
        state_rule_states: The state of each specific rule.
        hierarchy_splits: The products of each rule.
        split_distributions: The participants of each of those.
        distributions_changed: How many of those have a share that no certificate states.
    """

    state_rules: dy.DataFrame[StateRules]
    state_rule_states: dy.DataFrame[StateRuleStates]
    hierarchy_splits: dy.DataFrame[HierarchySplits]
    split_distributions: dy.DataFrame[SplitDistributions]
    distributions_changed: dy.DataFrame[Changed]


def state_rules(
    hierarchies: dy.DataFrame[Hierarchies],
    hierarchy_participants: dy.DataFrame[HierarchyParticipants],
    proposal_members: dy.DataFrame[ProposalMembers],
    cert_configs: dy.DataFrame[CertConfigs],
    products: dy.DataFrame[Products],
    *,
    collapse_single_state: bool = False,
) -> StateRuleTables:
    """Give each hierarchy version a rule per state in which its certificates were issued, and its products there.

    A rule is ``SR-<version>-<state>``; its products, those of the certificates issued in that state, are
    ``<rule>-<product>``, and the participants of the version under each ``<rule>-<product>-L<level>``, with the ending
    that the participant has. Certificates without a state stand under a rule for ``ALL`` states. A policy is looked up
    by its state first, then by ``ALL``, then under the only rule of the version, if it has but one.

    A participant gets the percent of his split; where that is missing, an even share of 100.

    Args:
        hierarchies: The chains.
        hierarchy_participants: Their brokers.
        proposal_members: The certificates of each proposal.
        cert_configs: The states and products of certificates.
        products: The names and categories of products.
        collapse_single_state: Whether the only rule of a version is made one for ``ALL`` states, as in the original.

    Returns:
        Four tables in the order of their ids, and how many values a rule set.
    """
    sold = _sold(hierarchies, proposal_members, cert_configs)
    if collapse_single_state:
        is_only = pl.col("state").n_unique().over("version_id") == 1
        sold = sold.with_columns(state=pl.when(is_only).then(pl.lit(ALL_STATES)).otherwise("state"))
    rule_id = pl.format("SR-{}-{}", "version_id", "state")
    ruled = sold.with_columns(rule_id=rule_id, split_id=pl.format("SR-{}-{}-{}", "version_id", "state", "product"))
    rules = _rules(ruled)
    return StateRuleTables(
        StateRules.cast(rules),
        StateRuleStates.cast(_states(rules)),
        HierarchySplits.cast(_splits(ruled, products)),
        SplitDistributions.cast(_distributions(ruled, hierarchy_participants)),
        changed(("even_share", CERTIFICATES, "split_percent", _even(ruled, hierarchy_participants))),
    )


def _sold(hierarchies: pl.DataFrame, proposal_members: pl.DataFrame, cert_configs: pl.DataFrame) -> pl.DataFrame:
    """The states and products of the certificates of each hierarchy version, in the order of ids."""
    places = cert_configs.select("certificate", "product", state=pl.col("state").fill_null(ALL_STATES))
    together = proposal_members.join(places, on="certificate").drop("certificate").unique()
    versions = hierarchies.select("proposal_id", "certificate", version_id="current_version_id")
    shared = versions.join(together, on="proposal_id").select("version_id", "state", "product")
    private = versions.join(places, on="certificate").select("version_id", "state", "product")
    return pl.concat([shared, private]).sort("version_id", "state", "product")


def _rules(sold: pl.DataFrame) -> pl.DataFrame:
    """The rules of the versions, numbered by state."""
    distinct = sold.unique("rule_id", keep="first", maintain_order=True)
    is_all = pl.col("state") == ALL_STATES
    return distinct.select(
        id="rule_id",
        hierarchy_version_id="version_id",
        short_name="state",
        name=_state_name(),
        type=pl.when(is_all).then(pl.lit(StateRuleType.ALL.value)).otherwise(pl.lit(StateRuleType.STATE.value)),
        sort_order=pl.int_range(1, pl.len() + 1).over("version_id"),
    ).sort("id")


def _state_name() -> pl.Expr:
    """Name a state; a code that is none names itself."""
    return pl.col("state").replace(STATES | {ALL_STATES: "All States"})


def _states(rules: pl.DataFrame) -> pl.DataFrame:
    """The state of each rule that is for one."""
    specific = rules.filter(pl.col("type") == StateRuleType.STATE.value)
    return specific.select(
        id=pl.format("{}-{}", "id", "short_name"), state_rule_id="id", state_code="short_name", state_name="name"
    ).sort("id")


def _splits(sold: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """The products of the rules, numbered by their codes; each has one category, whatever its certificates say."""
    named = sold.join(products.select("product_name", "category", product="id"), on="product", how="left")
    return named.select(
        "product_name",
        id="split_id",
        state_rule_id="rule_id",
        product_id="product",
        product_category="category",
        sort_order=pl.int_range(1, pl.len() + 1).over("rule_id"),
    ).sort("id")


def _distributions(sold: pl.DataFrame, hierarchy_participants: pl.DataFrame) -> pl.DataFrame:
    """Every participant of a version under every product of its rules."""
    even = (pl.lit(100).cast(pl.Decimal(18, 4)) / pl.len().cast(pl.Decimal(18, 4))).over("hierarchy_version_id")
    participants = hierarchy_participants.select(
        "schedule_id",
        "schedule_code",
        hierarchy_participant_id="id",
        version_id="hierarchy_version_id",
        participant_broker_id="broker_id",
        percentage=pl.coalesce("split_percent", even),
        level=pl.col("id").str.strip_prefix(pl.col("hierarchy_version_id")),
    )
    distributed = sold.select("version_id", hierarchy_split_id="split_id").join(participants, on="version_id")
    return distributed.with_columns(id=pl.concat_str("hierarchy_split_id", "level")).sort("id")


def _even(sold: pl.DataFrame, hierarchy_participants: pl.DataFrame) -> int:
    """Count the distributions whose participant has no percent."""
    without = hierarchy_participants.filter(pl.col("split_percent").is_null()).select("hierarchy_version_id")
    return sold.select("version_id").join(without, left_on="version_id", right_on="hierarchy_version_id").height
