"""Every split has a chain of brokers, with rules for its states, its products there, and a schedule for each broker."""

from decimal import Decimal

import polars as pl

from tests.unit.commission_chain import Frames, made, split, whole


def under(frames: Frames, table: str, column: str, value: str) -> pl.DataFrame:
    return frames[table].filter(pl.col(column) == value)


def test_a_proposal_has_a_hierarchy_per_split_with_its_levels_and_schedules() -> None:
    frames = made(split(1, 1, "60", 11, 12), split(1, 2, "40", 13))
    first, second = (f"H-{frames['proposals']['id'].item()}-{n}" for n in (1, 2))
    shown = frames["hierarchies"].select("id", "broker_id", "name", "type", "status", "current_version_id")
    assert shown.rows() == [
        (first, 13, "Group 25 - Broker 13", 0, 1, f"{first}-V1"),
        (second, 11, "Group 25 - Broker 11", 0, 1, f"{second}-V1"),
    ]
    known = dict(frames["schedules"].select("external_id", "id").iter_rows())
    people = frames["hierarchy_participants"].select(
        "id", "level", "broker_id", "split_percent", "schedule_code", "schedule_id"
    )
    assert people.rows() == [
        (f"{first}-V1-L1", 1, 13, Decimal("40.0000"), "S1", known["S1"]),
        (f"{second}-V1-L1", 1, 11, Decimal("60.0000"), "S1", known["S1"]),
        (f"{second}-V1-L2", 2, 12, Decimal("60.0000"), "S2", known["S2"]),
    ]


def test_chains_of_different_certificates_are_never_mixed() -> None:
    frames = made(split(1, 1, "100", 11, 12), split(2, 1, "100", 11, 13, product="VIS"))
    people = frames["hierarchy_participants"].group_by("hierarchy_version_id").agg(pl.col("broker_id").sort())
    assert sorted(people["broker_id"].to_list()) == [[11, 12], [11, 13]]


def test_a_certificate_without_a_proposal_has_private_hierarchies_as_complete_as_any() -> None:
    frames = made(split(7, 74, "60", 11, 12, group_key=None), split(7, 75, "40", 13, group_key=None))
    assert frames["hierarchies"].select("id", "certificate", "type", "group_id").rows() == [
        ("H-PHA-7-74", 7, 1, "G00000"),
        ("H-PHA-7-75", 7, 1, "G00000"),
    ]
    assert frames["split_distributions"].select("id", "hierarchy_participant_id", "percentage").rows() == [
        ("SR-H-PHA-7-74-V1-TX-DEN-L1", "H-PHA-7-74-V1-L1", Decimal("60.0000")),
        ("SR-H-PHA-7-74-V1-TX-DEN-L2", "H-PHA-7-74-V1-L2", Decimal("60.0000")),
        ("SR-H-PHA-7-75-V1-TX-DEN-L1", "H-PHA-7-75-V1-L1", Decimal("40.0000")),
    ]


def test_brokers_of_one_level_that_contradict_one_another_are_all_kept() -> None:
    frames = made(split(1, 1, "100", 12) + split(1, 1, "100", 11))
    people = frames["hierarchy_participants"].select("id", "broker_id", "level", "sort_order")
    assert people.rows() == [("H-PHA-1-1-V1-L1", 11, 1, 1), ("H-PHA-1-1-V1-L1-2", 12, 1, 2)]
    assert frames["policy_hierarchy_participants"]["id"].to_list() == ["PHA-1-1-L1", "PHA-1-1-L1-2"]


def test_repeated_rows_of_a_private_hierarchy_are_one_participant() -> None:
    assert made(split(1, 1, "50", 11, 12) * 2)["hierarchy_participants"]["broker_id"].to_list() == [11, 12]


def test_each_state_has_its_rule_and_a_rule_the_products_sold_there() -> None:
    frames = made(whole(1, state="TX"), whole(2, state="OK"), whole(3, state="OK", product="VIS"))
    version = frames["hierarchy_versions"]["id"].item()
    rules = frames["state_rules"].select("id", "short_name", "name", "type", "sort_order")
    assert rules.rows() == [
        (f"SR-{version}-OK", "OK", "Oklahoma", 0, 1),
        (f"SR-{version}-TX", "TX", "Texas", 0, 2),
    ]
    assert frames["hierarchy_splits"]["id"].to_list() == [
        f"SR-{version}-OK-DEN",
        f"SR-{version}-OK-VIS",
        f"SR-{version}-TX-DEN",
    ]
    assert frames["state_rule_states"].select("id", "state_name").rows() == [
        (f"SR-{version}-OK-OK", "Oklahoma"),
        (f"SR-{version}-TX-TX", "Texas"),
    ]


def test_the_only_state_of_a_hierarchy_keeps_its_rule_unless_it_is_collapsed() -> None:
    rows = (whole(1, state="TX"), whole(2, state="OK", group_key="26"), whole(3, state="TX", group_key="26"))
    assert sorted(made(*rows)["state_rules"]["short_name"].to_list()) == ["OK", "TX", "TX"]
    frames = made(*rows, collapse_single_state=True)
    assert sorted(frames["state_rules"]["short_name"].to_list()) == ["ALL", "OK", "TX"]
    only = under(frames, "state_rules", "short_name", "ALL")
    assert only.select("name", "type").rows() == [("All States", 1)]
    assert under(frames, "state_rule_states", "state_rule_id", only["id"].item()).height == 0


def test_certificates_without_a_state_stand_under_a_rule_for_all() -> None:
    frames = made(whole(1, state=None), whole(2, state="ZZ"))
    shown = frames["state_rules"].select("short_name", "name", "type").rows()
    assert shown == [("ALL", "All States", 1), ("ZZ", "ZZ", 0)]


def test_a_code_in_two_categories_is_one_product_of_a_rule() -> None:
    frames = made(whole(1, category="Dental"), whole(2, category="Supplement"))
    assert frames["hierarchy_splits"].height == 1
    assert frames["hierarchy_splits"]["product_category"].item() == frames["products"]["category"].item()


def test_a_schedule_that_is_not_there_has_its_code_and_no_id() -> None:
    frames = made(whole(1, schedule="WH01"), whole(2, 12, schedule=None, product="VIS"))
    found = frames["split_distributions"].select("schedule_code", "schedule_id").rows()
    assert sorted(found, key=str) == [("WH01", None), (None, None)]


def test_a_missing_percent_is_an_even_share() -> None:
    frames = made(split(1, 1, "100", 11, 12, split_percent=None))
    assert frames["hierarchy_participants"]["split_percent"].to_list() == [None, None]
    assert frames["distributions_changed"].rows() == [("even_share", "raw_certificate_info", "CertSplitPercent", 2)]
    assert frames["split_distributions"]["percentage"].to_list() == [Decimal("50.0000")] * 2
