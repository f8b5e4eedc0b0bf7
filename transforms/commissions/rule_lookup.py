"""Which state rule of a hierarchy a policy falls under."""

from __future__ import annotations

import polars as pl

from transforms.commissions.state_rules import StateRuleType

__all__ = ["rules_found"]


def rules_found(places: pl.DataFrame, state_rules: pl.DataFrame) -> pl.DataFrame:
    """Look up the rule of each place: that of its state, else that for all states, else the only one of the version.

    Args:
        places: ``hierarchy_version_id`` and ``state``, which may be null, beside other columns.
        state_rules: All rules.

    Returns:
        The places, in any order, with ``state_rule_id``; null where no rule holds.
    """
    version = "hierarchy_version_id"
    rules = state_rules.select(version, "type", "short_name", state_rule_id="id")
    of_state = rules.filter(type=StateRuleType.STATE.value).select(version, "state_rule_id", state="short_name")
    of_all = rules.filter(type=StateRuleType.ALL.value).select(version, all_states="state_rule_id")
    counted = rules.group_by(version).agg(pl.col("state_rule_id").first().alias("only"), pl.len())
    alone = counted.filter(pl.col("len") == 1).select(version, "only")
    found = places.join(of_state, on=[version, "state"], how="left").join(of_all, on=version, how="left")
    found = found.join(alone, on=version, how="left")
    chosen = pl.coalesce("state_rule_id", "all_states", "only").alias("state_rule_id")
    return found.with_columns(chosen).drop("all_states", "only")
