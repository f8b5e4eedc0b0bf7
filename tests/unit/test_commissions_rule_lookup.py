"""A policy falls under the rule of its state, else under that for all states, else under the only one there is."""

import polars as pl
import pytest

from tests.unit.commission_tables import table
from transforms.commissions.rule_lookup import rules_found
from transforms.commissions.state_rules import StateRules, StateRuleType


@pytest.mark.parametrize(
    ("rules", "state", "found"),
    [
        (["TX", "OK"], "TX", "TX"),
        (["TX", "ALL"], "TX", "TX"),
        (["TX", "ALL"], "OK", "ALL"),
        (["TX", "ALL"], None, "ALL"),
        (["TX"], "OK", "TX"),
        (["TX"], None, "TX"),
        (["TX", "OK"], "LA", None),
        (["TX", "OK"], None, None),
    ],
)
def test_a_rule_is_found_by_the_state_then_for_all_states_then_as_the_only_one(
    rules: list[str], state: str | None, found: str | None
) -> None:
    kinds = {"ALL": StateRuleType.ALL.value}
    made = [
        {"id": f"SR-{version}-{name}", "hierarchy_version_id": version, "short_name": name, "type": kinds.get(name, 0)}
        for version, names in (("V", rules), ("W", ["LA", "ALL"]))
        for name in names
    ]
    places = pl.DataFrame({"hierarchy_version_id": ["V"], "state": [state]}, schema_overrides={"state": pl.String})
    expected = None if found is None else f"SR-V-{found}"
    assert rules_found(places, table(StateRules, made)).rows() == [("V", state, expected)]
