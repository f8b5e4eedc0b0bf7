"""One agreement of a group is one proposal: one configuration for its products and plans, from day to day."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import get_args, get_type_hints

import polars as pl
import pytest

from tests.unit.commission_chain import STEPS, Frames, extracts, made, reasons, run, split, whole
from tests.unit.commission_tables import Row, shuffled

JANUARY, MARCH, JULY, NEXT = date(2024, 1, 1), date(2024, 3, 1), date(2024, 7, 1), date(2025, 1, 1)
TERMS = ("group_id", "effective_from", "effective_to", "notes", "product_codes", "plan_codes")


def sold(certificate: int, day: date, broker: int = 11, **said: object) -> list[Row]:
    return whole(certificate, broker, effective_date=day, **said)


def agreed(frames: Frames) -> list[tuple[object, ...]]:
    """The proposals by group and number."""
    return frames["dated_proposals"].select("group_id", "effective_from", "effective_to", "label").rows()


def homes(frames: Frames) -> list[set[int]]:
    """The certificates of each proposal, the one with the lowest first."""
    members = frames["proposal_members"].group_by("proposal_id").agg("certificate")["certificate"].to_list()
    return sorted((set(one) for one in members), key=min)


def test_a_group_with_one_configuration_has_one_open_proposal_for_everything() -> None:
    frames = made(sold(1, MARCH), sold(2, JANUARY, product="VIS", plan="A"), sold(3, NEXT))
    assert frames["proposals"].select(TERMS).rows() == [
        ("G25", JANUARY, None, "Simple group - single config", "*", "*")
    ]
    assert frames["proposal_products"].select("product_code", "plan_code").rows() == [("DEN", "*"), ("VIS", "A")]
    assert frames["proposal_key_mapping"].select("effective_year", "product_code", "plan_code").rows() == [
        (2024, "DEN", "*"),
        (2024, "VIS", "A"),
        (2025, "DEN", "*"),
    ]


def test_the_id_of_a_proposal_is_made_of_what_it_says() -> None:
    frames = made(sold(1, JANUARY), sold(2, MARCH, 12, plan="B"), sold(3, MARCH, 12, plan="A"))
    for one, pairs, end in ((1, "DEN\t*", ""), (2, "DEN\tA\nDEN\tB", "")):
        config, day = (
            frames["cert_configs"].filter(pl.col("certificate") == one).select("config_hash", "effective_date").row(0)
        )
        text = f"{config}\n{day}\n{end}\n{pairs}"
        expected = f"P-G25-{hashlib.sha256(text.encode()).hexdigest().upper()[:16]}"
        assert frames["proposal_members"].filter(pl.col("certificate") == one)["proposal_id"].item() == expected


def test_a_configuration_that_changes_in_the_middle_of_a_year_makes_two_proposals() -> None:
    frames = made(sold(1, JANUARY), sold(2, MARCH), sold(3, JULY, 12), sold(4, NEXT, 12))
    assert agreed(frames) == [("G25", JANUARY, JULY, "year"), ("G25", JULY, None, "year")]
    assert homes(frames) == [{1, 2}, {3, 4}]
    keys = frames["proposal_key_mapping"].select("effective_year", "effective_from", "effective_to").rows()
    assert keys == [(2024, JANUARY, JULY), (2024, JULY, None), (2025, JULY, None)]
    assert frames["dated_proposals"].select("number", "date_range_from", "date_range_to").rows() == [
        (1, 2024, 2024),
        (2, 2024, None),
    ]


def test_a_range_that_ends_on_new_year_ends_in_the_year_before() -> None:
    dated = made(sold(1, JANUARY), sold(2, NEXT, 12))["dated_proposals"]
    assert dated["date_range_to"].to_list() == [2024, None]


def test_a_configuration_that_comes_back_is_agreed_again() -> None:
    frames = made(sold(1, JANUARY), sold(2, MARCH, 12), sold(3, JULY), sold(4, NEXT))
    assert homes(frames) == [{1}, {2}, {3, 4}]
    assert frames["proposals"]["split_config_hash"].n_unique() == 2


def test_a_product_that_starts_later_does_not_close_another() -> None:
    frames = made(sold(1, JANUARY), sold(2, MARCH, 12, product="VIS"), sold(3, NEXT))
    assert agreed(frames) == [("G25", JANUARY, None, "granular"), ("G25", MARCH, None, "granular")]


def test_plans_of_a_product_that_differ_within_a_year_are_told_apart_by_plan() -> None:
    frames = made(sold(1, JANUARY, plan="A"), sold(2, MARCH, 12, plan="B"), sold(3, NEXT, plan="C"))
    assert [label for *_, label in agreed(frames)] == ["plan", "plan", "granular"]
    assert frames["proposals"].sort("effective_from")["plan_codes"].to_list() == ['["A"]', '["B"]', '["C"]']


def test_a_missing_plan_is_one_plan_however_it_is_written() -> None:
    frames = made(sold(1, JANUARY), sold(2, MARCH, 12, product="VIS"), sold(3, MARCH, 12, product="VIS", plan="P"))
    shown = frames["proposals"].sort("effective_from").select("plan_codes", "enable_plan_code_filtering")
    assert shown.rows() == [("*", False), ("*", False)]


def test_runs_that_agree_are_one_proposal_for_their_pairs_and_for_no_others() -> None:
    frames = made(sold(1, JANUARY, plan="A"), sold(2, JANUARY, product="VIS", plan="B"), sold(3, JANUARY, 12, plan="B"))
    assert homes(frames) == [{1, 2}, {3}]
    pairs = frames["proposal_products"].join(
        frames["proposal_members"].filter(pl.col("certificate") == 1), on="proposal_id"
    )
    assert pairs.select("product_code", "plan_code").rows() == [("DEN", "A"), ("VIS", "B")]


def test_of_several_labels_of_its_runs_a_proposal_has_the_first() -> None:
    frames = made(sold(1, JANUARY, plan="A"), sold(2, JANUARY, 12, plan="B"), sold(3, JANUARY, product="VIS"))
    assert homes(frames) == [{1, 3}, {2}]
    assert frames["dated_proposals"]["label"].to_list() == ["plan", "plan"]


def test_more_than_ten_plans_are_shown_as_any_but_matched_one_by_one() -> None:
    rows = [sold(n, JANUARY, plan=f"P{n:02}") for n in range(11)]
    rows += [sold(20 + n, JANUARY, 12, product="VIS", plan=f"P{n:02}") for n in range(10)]
    frames = made(*rows)
    ten = ",".join(f'"P{n:02}"' for n in range(10))
    assert sorted(frames["proposals"]["plan_codes"].to_list()) == ["*", f"[{ten}]"]
    assert frames["proposal_products"].height == 21


@pytest.mark.parametrize(("bridge_gaps", "proposals"), [(False, 3), (True, 2)])
def test_gaps_are_bridged_where_the_option_is_set(bridge_gaps: bool, proposals: int) -> None:  # noqa: FBT001
    rows = (sold(1, JANUARY), sold(2, NEXT, product="VIS"), sold(3, JANUARY, 12, product="LIFE"))
    frames = made(*rows, bridge_gaps=bridge_gaps)
    assert frames["proposals"].height == proposals
    assert homes(frames)[0] == ({1, 2} if bridge_gaps else {1})


def test_no_gap_is_bridged_in_which_something_else_of_the_pair_lies() -> None:
    rows = (sold(1, JANUARY), sold(2, MARCH, 12, product="VIS"), sold(3, NEXT, product="VIS"))
    assert homes(made(*rows, bridge_gaps=True)) == homes(made(*rows)) == [{1}, {2}, {3}]


def test_group_numbers_with_letters_stay_distinct_and_the_prefix_is_added_once() -> None:
    keys = ("LA0059", "MS0059", "59", "G59")
    frames = made(
        *(sold(n, JANUARY, 11 + n, group_key=key) for n, key in enumerate(keys[:3])),
        sold(3, MARCH, 13, group_key="G59"),
    )
    assert frames["proposals"]["group_id"].to_list() == ["G59", "GLA0059", "GMS0059"]
    assert frames["policies"]["group_id"].to_list() == ["GLA0059", "GMS0059", "G59", "G59"]


def test_the_broker_of_a_proposal_is_the_writing_one_with_the_largest_split() -> None:
    frames = made(split(1, 1, "20", 10, 9), split(1, 2, "40", 13, 8), split(1, 3, "40", 12))
    shown = frames["proposals"].select("broker_id", "broker_party_id", "broker_name", "proposal_number", "status")
    assert shown.rows() == [(12, "P12", "Broker 12", "G25-1", 2)]
    assert frames["proposals"]["display_name"].to_list() == ["Group 25 - 2024-01-01 - 1"]


def test_participants_are_the_writing_brokers_and_add_to_exactly_100() -> None:
    frames = made(split(1, 74, "33.33", 11, 21), split(1, 75, "33.33", 12), split(1, 76, "33.34", 13))
    proposal = frames["proposals"]["id"].item()
    assert frames["premium_split_versions"]["total_split_percent"].to_list() == [Decimal("100.0000")]
    found = (
        frames["premium_split_participants"].sort("sequence").select("id", "broker_id", "split_percent", "hierarchy_id")
    )
    assert found.rows() == [
        (f"PSP-{proposal}-{n}", 10 + n, Decimal(percent), f"H-{proposal}-{n}")
        for n, percent in enumerate(("33.3300", "33.3300", "33.3400"), 1)
    ]


def story() -> list[list[Row]]:
    """Groups with several configurations, contested keys, contradictions, and certificates without a group."""
    return [
        *(sold(n, date(2020 + n % 5, 1 + n % 12, 1), 11 + n // 7 % 3, plan="AB*"[n % 3]) for n in range(40)),
        *(sold(100 + n, JANUARY, group_key="31", product=f"V{n % 2}") for n in range(4)),
        split(200, 1, "60", 11, 12, group_key="31", effective_date=MARCH),
        split(200, 2, "40", 13, group_key="31", effective_date=MARCH),
        split(201, 1, "50", 11, 12, group_key="31"),
        sold(202, JANUARY, group_key=None),
        sold(203, JANUARY, group_key="31", product="V0", writing_broker=None),
        sold(204, MARCH, 50, group_key="31", product="V9"),
        sold(205, MARCH, 51, group_key="31", product="V9"),
        sold(206, MARCH, group_key="31") + sold(206, JULY, group_key="31"),
    ]


def test_every_table_keeps_its_contract() -> None:
    frames = made(*story())
    for function in STEPS:
        made_by = get_type_hints(function)["return"]
        tables = get_type_hints(made_by) if hasattr(made_by, "_fields") else {function.__name__: made_by}
        for name, of in tables.items():
            get_args(of)[0].validate(frames[name], cast=False)


def test_shuffled_rows_make_equal_tables() -> None:
    frames = extracts(row for rows in story() for row in rows)
    expected = run(frames)
    mixed = run(frames | {"certificate_lines": shuffled(frames["certificate_lines"], 7)})  # type: ignore[type-var]
    assert all(frame.equals(mixed[name]) for name, frame in expected.items() if not name.endswith("_lines"))
    assert expected["config_lines"].equals(mixed["config_lines"])


def test_another_group_changes_nothing_of_the_others() -> None:
    before, after = (
        made(*story()),
        made(*story(), *(sold(900 + n, MARCH, 50 + n % 2, group_key="90") for n in range(3))),
    )
    assert len(set(reasons(before).values())) == 5
    for name in ("proposals", "hierarchies", "premium_split_participants"):
        assert before[name].equals(after[name].filter(pl.col("group_id") != "G90"))
    for name in ("policies", "policy_hierarchy_assignments", "proposal_members"):
        assert before[name].equals(after[name].filter(pl.col("certificate") < 900))
    for name in ("hierarchy_participants", "state_rules", "split_distributions", "policy_hierarchy_participants"):
        assert before[name].join(after[name], on=before[name].columns, nulls_equal=True).height == before[name].height
