"""Two certificates have one configuration where their splits say the same, however they are numbered."""

import hashlib
from decimal import Decimal

import polars as pl
import pytest

from tests.unit.commission_chain import apart, made, reasons, split, whole
from tests.unit.commission_tables import DAY, Row, certificates, shuffled
from transforms.commissions.split_configs import split_configs


def configs(*splits: list[Row], seq_sensitive: bool = False) -> pl.DataFrame:
    rows = [row for rows in splits for row in rows]
    return split_configs(certificates(*rows), seq_sensitive=seq_sensitive).cert_configs


def same(*splits: list[Row], seq_sensitive: bool = False) -> bool:
    """Whether certificates 1 and 2 have one configuration."""
    first, second = configs(*splits, seq_sensitive=seq_sensitive)["config_hash"].to_list()
    assert first
    assert second
    return bool(first == second)


def test_the_hash_is_that_of_the_documented_text() -> None:
    text = "33.3300\n1\t12\tS1\n2\t11\t\n\n66.6700\n1\t11\tS1"
    upline = {"certificate": 1, "split_seq": 8, "split_percent": Decimal("33.33"), "writing_broker": 12}
    rows = [upline | {"level": 2, "broker": 11}, upline | {"level": 1, "broker": 12, "schedule": "S1"}]
    found = configs(split(1, 7, "66.67", 11), rows).row(0, named=True)
    assert found["config_hash"] == hashlib.sha256(text.encode()).hexdigest().upper()
    assert (found["total_percent"], found["n_splits"], found["names_brokers"]) == (Decimal("100.0000"), 2, True)


def test_where_numbers_count_the_text_has_them_and_is_in_their_order() -> None:
    text = "9\t60.0000\n1\t11\tS1\n\n10\t40.0000\n1\t12\tS1"
    found = configs(split(1, 10, "40", 12), split(1, 9, "60", 11), seq_sensitive=True)["config_hash"].item()
    assert found == hashlib.sha256(text.encode()).hexdigest().upper()


def test_a_configuration_is_written_out_once_in_its_canonical_order() -> None:
    tables = split_configs(
        certificates(*(row for c in (1, 2) for row in (*split(c, 1, "60", 11, 13), *split(c, 2, "40", 12))))
    )
    assert tables.config_lines.select("split", "level", "broker", "schedule", "percent").rows() == [
        (1, 1, 12, "S1", Decimal("40.0000")),
        (2, 1, 11, "S1", Decimal("60.0000")),
        (2, 2, 13, "S2", Decimal("60.0000")),
    ]


def test_numbers_of_splits_do_not_count_unless_they_are_asked_to() -> None:
    splits = (split(1, 1, "60", 11), split(1, 2, "40", 12), split(2, 74, "60", 11), split(2, 75, "40", 12))
    assert same(*splits)
    assert not same(*splits, seq_sensitive=True)


def test_splits_in_another_order_are_one_configuration_unless_numbers_count() -> None:
    splits = (split(1, 1, "60", 11), split(1, 2, "40", 12), split(2, 1, "40", 12), split(2, 2, "60", 11))
    assert same(*splits)
    assert not same(*splits, seq_sensitive=True)
    assert same(*splits[:2], split(2, 1, "60", 11), split(2, 2, "40", 12), seq_sensitive=True)


@pytest.mark.parametrize(
    "other",
    [
        split(2, 1, "100", 12, 13),
        split(2, 1, "100", 11, 12),
        split(2, 1, "100", 11),
        split(2, 1, "99.9999", 11, 13),
        split(2, 1, "100", 11, 13, schedule="S9"),
        [*split(2, 1, "50", 11, 13), *split(2, 2, "50", 11, 13)],
    ],
)
def test_brokers_levels_schedules_and_percents_count(other: list[Row]) -> None:
    assert not same(split(1, 1, "100", 11, 13), other)


def test_who_is_paid_and_who_is_insured_do_not_count() -> None:
    assert same(whole(1), whole(2, paid_broker=99, customer="C2", premium=Decimal(5)))


def test_a_broker_may_stand_in_two_splits() -> None:
    frames = made(split(1, 1, "50", 11, 12), split(1, 2, "50", 11, 12))
    assert frames["policies"]["proposal_assignment_source"].to_list() == ["exact"]
    assert frames["premium_split_participants"]["split_percent"].to_list() == [Decimal("50.0000")] * 2
    assert frames["hierarchy_participants"].height == 4


def test_repeated_rows_count_once() -> None:
    assert same(split(1, 1, "100", 11, 12), split(2, 1, "100", 11, 12) + split(2, 1, "100", 11, 12)[1:])


CONTRADICTIONS = [
    split(1, 1, "100", 11, 12) + split(1, 1, "100", 13),
    split(1, 1, "60", 11) + split(1, 1, "60", 11, schedule="S9"),
    split(1, 1, "100", 11) + split(1, 1, "60", 11, 12)[1:],
    split(1, 1, "100", 11) + split(1, 2, "40", 11, 12)[1:],
    split(1, 1, "50", 11) + split(1, 2, "50", 11, group_key="26"),
    split(1, 1, "50", 11) + split(1, 2, "50", 11, product="VIS"),
    split(1, 1, "50", 11, plan="A") + split(1, 2, "50", 11, plan="B"),
    split(1, 1, "50", 11) + split(1, 2, "50", 11, state="OK"),
    split(1, 1, "50", 11) + split(1, 2, "50", 11, effective_date=DAY.replace(year=2025)),
]


def test_rows_that_contradict_one_another_have_no_configuration_and_keep_what_they_say() -> None:
    frames = made(*apart(CONTRADICTIONS), whole(99, group_key="99"))
    numbers = range(1, len(CONTRADICTIONS) + 1)
    assert frames["cert_configs"]["config_hash"].is_null().to_list() == [*(True for _ in numbers), False]
    assert reasons(frames) == dict.fromkeys(numbers, "InconsistentLines")
    chains = frames["hierarchies"].select("certificate", hierarchy_version_id="current_version_id")
    people = frames["hierarchy_participants"].join(chains.drop_nulls("certificate"), on="hierarchy_version_id")
    counts = dict(people.group_by("certificate").len().iter_rows())
    assert counts == {number: len(rows) for number, rows in enumerate(CONTRADICTIONS, 1)}


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_told_of_rows_that_contradict_one_another_stands_on_one_of_them(turned: bool) -> None:  # noqa: FBT001
    rows = [
        split(1, 1, "50", 11, group_key="26", product="VIS", state="TX"),
        split(1, 2, "50", 11, group_key="25", product="DEN", state="OK"),
    ]
    found = configs(*(rows[::-1] if turned else rows)).row(0, named=True)
    assert (found["group_id"], found["product"], found["state"]) == ("G26", "VIS", "TX")
    assert found["config_hash"] is None


def test_a_row_that_leaves_out_group_plan_or_state_says_nothing_of_them() -> None:
    blank = split(1, 2, "50", 11, group_key=None, plan="*", state=None)
    found = configs(split(1, 1, "50", 11, group_key="LA0059", plan="A"), blank).row(0, named=True)
    assert (found["group_id"], found["plan"], found["state"]) == ("GLA0059", "A", "TX")
    assert found["config_hash"]


def test_levels_are_not_summed_and_an_unknown_percent_is_no_total() -> None:
    found = configs(split(1, 1, "100", 11, 12, 13), split(2, 1, "100", 11), split(2, 2, "1", 11, split_percent=None))
    assert found["total_percent"].to_list() == [Decimal("100.0000"), None]


def test_shuffled_rows_have_the_same_configurations() -> None:
    lines = certificates(*split(1, 1, "60", 11, 12), *split(1, 2, "40", 13), *whole(2), *split(3, 1, "9", 11, 12, 13))
    first, second = split_configs(lines), split_configs(shuffled(lines, 5))
    assert first.cert_configs.equals(second.cert_configs)
    assert first.config_lines.equals(second.config_lines)
