"""What each participant of a hierarchy is paid for a product in a state."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final

import dataframely as dy
import polars as pl

from transforms.commissions.choices import first_of_each
from transforms.commissions.groups import EmployerGroups
from transforms.commissions.hierarchies import Hierarchies, HierarchyVersions
from transforms.commissions.keys import keyed
from transforms.commissions.schedule_rates import ScheduleRates
from transforms.commissions.state_rules import HierarchySplits, SplitDistributions, StateRules, StateRuleStates

__all__ = ["HierarchyParticipantProductRates", "hierarchy_participant_product_rates"]


class HierarchyParticipantProductRates(dy.Schema):
    """The rate by which a participant is paid for a product in a state; ``id`` is that of the split distribution.

    ``state`` is null where the rule is for all states. Rates are percents of the premium. ``group_size_fits`` tells
    whether the lives of the group are within the group sizes of the rate, ``dates_fit`` whether the rate is in force on
    the day from which the hierarchy is, both days of the rate included.
    """

    id = dy.String(primary_key=True)
    hierarchy_participant_id = dy.String(nullable=False)
    product_code = dy.String(nullable=False)
    state = dy.String(nullable=True)
    schedule_rate_id = dy.Int64(nullable=False)
    first_year_rate = dy.Decimal(18, 6, nullable=False)
    renewal_rate = dy.Decimal(18, 6, nullable=False)
    group_size_fits = dy.Bool(nullable=False)
    dates_fit = dy.Bool(nullable=False)


_RATE: Final = ("schedule_id", "product_code", "state", "lives")


def hierarchy_participant_product_rates(  # noqa: PLR0917 (the tables that it reads)
    split_distributions: dy.DataFrame[SplitDistributions],
    hierarchy_splits: dy.DataFrame[HierarchySplits],
    state_rules: dy.DataFrame[StateRules],
    state_rule_states: dy.DataFrame[StateRuleStates],
    hierarchy_versions: dy.DataFrame[HierarchyVersions],
    hierarchies: dy.DataFrame[Hierarchies],
    employer_groups: dy.DataFrame[EmployerGroups],
    schedule_rates: dy.DataFrame[ScheduleRates],
) -> dy.DataFrame[HierarchyParticipantProductRates]:
    """Look up the rate of each split distribution.

    It is the one of the schedule, product and state, else the one of all states. Of several, it is the one whose range
    of group sizes, both ends included, has the lives of the group or is nearest to them, then the one with the largest
    smallest size. Where the schedule has no rate for the product and state, the distribution has no row.

    Args:
        split_distributions: Which schedule pays which participant for which split.
        hierarchy_splits: The product of each split.
        state_rules: The version to which each rule of a split belongs.
        state_rule_states: The states of rules; a rule for all states has none.
        hierarchy_versions: The hierarchy of each version, and when it begins.
        hierarchies: The group of each hierarchy.
        employer_groups: The lives of each group.
        schedule_rates: All rates.

    Returns:
        At most one row per split distribution.
    """
    places = _places(state_rules, state_rule_states, hierarchy_versions, hierarchies, employer_groups)
    splits = hierarchy_splits.select("state_rule_id", hierarchy_split_id="id", product_code="product_id")
    asked = (
        split_distributions.drop_nulls("schedule_id")
        .join(splits.drop_nulls("product_code"), on="hierarchy_split_id")
        .join(places, on="state_rule_id")
    )
    found = _found(asked.select(_RATE).unique(), schedule_rates)
    rows = asked.join(found, on=_RATE, nulls_equal=True).with_columns(dates_fit=_dates_fit())
    return keyed("hierarchy_participant_product_rates", rows, HierarchyParticipantProductRates)


def _places(
    rules: pl.DataFrame, states: pl.DataFrame, versions: pl.DataFrame, hierarchies: pl.DataFrame, groups: pl.DataFrame
) -> pl.DataFrame:
    """Find the state, the lives and the first day for which a rule is."""
    of_version = versions.select(hierarchy_version_id="id", hierarchy="hierarchy_id", begin="effective_from")
    of_hierarchy = hierarchies.select("group_id", hierarchy="id")
    return (
        rules.select("hierarchy_version_id", state_rule_id="id")
        .join(states.select("state_rule_id", state="state_code"), on="state_rule_id", how="left")
        .join(of_version, on="hierarchy_version_id")
        .join(of_hierarchy, on="hierarchy")
        .join(groups.select("lives", group_id="id"), on="group_id")
        .select("state_rule_id", "state", "lives", "begin")
    )


def _found(asked: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Find the rate of each schedule, product, state and number of lives."""
    candidates = rates.select(
        "product_code",
        "first_year_rate",
        "renewal_rate",
        "group_size_from",
        "group_size_to",
        "effective_date",
        "end_date",
        schedule_id="schedule_version_id",
        rate_state="state",
        schedule_rate_id="id",
    )
    fits_state = pl.col("rate_state").is_null() | (pl.col("rate_state") == pl.col("state"))
    beside = pl.max_horizontal(
        pl.col("group_size_from") - pl.col("lives"), pl.col("lives") - pl.col("group_size_to"), 0
    )
    found = asked.join(candidates, on=["schedule_id", "product_code"]).filter(fits_state).with_columns(beside=beside)
    order = pl.col("rate_state").is_null(), pl.col("beside"), -pl.col("group_size_from")
    first = first_of_each(found, _RATE, *order).with_columns(group_size_fits=pl.col("beside") == 0)
    said = ("schedule_rate_id", "first_year_rate", "renewal_rate", "group_size_fits", "effective_date", "end_date")
    return first.select(*_RATE, *said)


def _dates_fit() -> pl.Expr:
    """Tell whether a rate is in force on the first day of the hierarchy; without dates it always is."""
    begun = (pl.col("effective_date") <= pl.col("begin")).fill_null(value=True)
    return begun & (pl.col("begin") <= pl.col("end_date")).fill_null(value=True)
