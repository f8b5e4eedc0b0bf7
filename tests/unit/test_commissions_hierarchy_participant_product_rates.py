"""A participant is paid by the rate of his schedule for the product, the state and the size of the group."""

from datetime import date
from decimal import Decimal

import dataframely as dy
import polars as pl
import pytest

from tests.unit.commission_tables import DAY, Row, schedule_lines, table
from transforms.commissions.groups import EmployerGroups
from transforms.commissions.hierarchies import Hierarchies, HierarchyVersions
from transforms.commissions.hierarchy_participant_product_rates import (
    HierarchyParticipantProductRates,
    hierarchy_participant_product_rates,
)
from transforms.commissions.identifiers import surrogate
from transforms.commissions.schedule_rates import schedule_rates
from transforms.commissions.state_rules import HierarchySplits, SplitDistributions, StateRules, StateRuleStates

S1 = schedule_lines({}).select(surrogate(pl.col("schedule"))).item()
OF_GROUP = table(
    EmployerGroups, [{"id": "G25", "lives": 30, "group_number": "25", "group_name": "", "name_source": ""}]
)
HIERARCHY = table(Hierarchies, [{"id": "H", "group_id": "G25"}])
VERSION = table(HierarchyVersions, [{"id": "H-V1", "hierarchy_id": "H", "effective_from": DAY}])
RULES = table(
    StateRules, [{"id": "SR-TX", "hierarchy_version_id": "H-V1"}, {"id": "SR-ALL", "hierarchy_version_id": "H-V1"}]
)
STATES = table(StateRuleStates, [{"id": "SR-TX-TX", "state_rule_id": "SR-TX", "state_code": "TX"}])


def paid(
    *rates: Row, rule: str = "SR-TX", schedule: int | None = S1, product: str | None = "DEN"
) -> dy.DataFrame[HierarchyParticipantProductRates]:
    split = table(HierarchySplits, [{"id": "HS", "state_rule_id": rule, "product_id": product}])
    share = {"id": "D", "hierarchy_split_id": "HS", "hierarchy_participant_id": "P1", "schedule_id": schedule}
    published = schedule_rates(schedule_lines(*rates)).schedule_rates
    return hierarchy_participant_product_rates(
        table(SplitDistributions, [share]), split, RULES, STATES, VERSION, HIERARCHY, OF_GROUP, published
    )


def rate(level: int, **of: object) -> Row:
    return {"level": Decimal(level), **of}


def test_a_rate_has_the_id_of_its_distribution_and_the_state_of_its_rule() -> None:
    (row,) = paid({"year_1": Decimal(50), "year_2": Decimal(5)}).rows(named=True)
    assert (row["id"], row["hierarchy_participant_id"], row["product_code"], row["state"]) == ("D", "P1", "DEN", "TX")
    assert (row["first_year_rate"], row["renewal_rate"]) == (Decimal(50), Decimal(5))


@pytest.mark.parametrize(
    ("rates", "found"),
    [
        ([rate(1, state=None), rate(2, state="TX"), rate(3, state="OK")], [2]),
        ([rate(1, state=None), rate(3, state="OK")], [1]),
        ([rate(3, state="OK")], []),
        ([rate(3, product="VIS")], []),
        ([rate(1, size_from=1, size_to=29), rate(2, size_from=30, size_to=50), rate(3, size_from=51)], [2]),
        ([rate(1), rate(2, size_from=2), rate(3, size_from=10, size_to=30)], [3]),
        ([rate(1, state="TX", size_from=51), rate(2, state=None)], [1]),
        ([rate(1, size_to=9), rate(2, size_from=10, size_to=19), rate(3, size_from=90)], [2]),
    ],
)
def test_the_state_counts_before_the_size_and_the_nearest_size_before_others(
    rates: list[Row], found: list[int]
) -> None:
    assert paid(*rates)["first_year_rate"].to_list() == found


def test_a_rate_says_whether_the_group_has_its_size() -> None:
    assert paid(rate(1, size_from=1, size_to=30))["group_size_fits"].to_list() == [True]
    assert paid(rate(1, size_from=1, size_to=29))["group_size_fits"].to_list() == [False]


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        (None, None, True),
        (DAY, DAY, True),
        (date(2024, 1, 2), None, False),
        (None, date(2023, 12, 31), False),
    ],
)
def test_a_rate_says_whether_it_is_in_force_when_the_hierarchy_begins(
    start: date | None,
    end: date | None,
    fits: bool,  # noqa: FBT001
) -> None:
    assert paid(rate(1, start_date=start, end_date=end))["dates_fit"].to_list() == [fits]


def test_a_rule_for_all_states_is_paid_by_rates_of_all_states() -> None:
    assert paid(rate(1, state=None), rate(2, state="TX"), rule="SR-ALL")["first_year_rate"].to_list() == [1]


def test_a_distribution_without_a_schedule_or_a_product_has_no_rate() -> None:
    assert paid(rate(1), schedule=None).is_empty()
    assert paid(rate(1), product=None).is_empty()
