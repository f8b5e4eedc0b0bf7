"""The first rule that holds sends a certificate to private hierarchies; where none does, it gets a proposal."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import pytest

from tests.unit.commission_chain import apart, made, reasons, split, whole
from tests.unit.commission_tables import Row
from transforms.commissions.conformance_routing import REASONS, EntropyThresholds

CASES: list[tuple[list[Row], str | None]] = [
    (whole(1), None),
    (split(1, 1, "100", 11, 12, 13), None),
    (split(1, 1, "33.33", 11) + split(1, 2, "33.33", 12) + split(1, 3, "33.34", 13), None),
    (split(1, 1, "33.33", 11) + split(1, 2, "33.33", 12) + split(1, 3, "33.33", 13), "CertificateSplitMismatch"),
    (split(1, 1, "50", 11, 12), "CertificateSplitMismatch"),
    (whole(1, split_percent=None), "CertificateSplitMismatch"),
    (split(1, 1, "100.0001", 11), "CertificateSplitMismatch"),
    (whole(1, group_key=None), "DTC-NoGroup"),
    (whole(1, group_key="0000"), "DTC-NoGroup"),
    (split(1, 1, "50", 11, group_key=None), "DTC-NoGroup"),
    (whole(1, writing_broker=None), "InvalidBroker"),
    (split(1, 1, "100", 11, 12, broker=None), "InvalidBroker"),
    (split(1, 1, "50", 11, writing_broker=None), "CertificateSplitMismatch"),
    (whole(1, plan="A"), None),
    (whole(1, schedule=None), None),
]


@pytest.fixture(scope="module")
def routes() -> Mapping[int, str]:
    return reasons(made(*apart(rows for rows, _ in CASES)))


@pytest.mark.parametrize("number", range(1, len(CASES) + 1))
def test_a_certificate_is_routed_by_the_first_rule_that_holds(routes: Mapping[int, str], number: int) -> None:
    assert routes.get(number) == CASES[number - 1][1]


def test_groups_are_excluded_by_id_or_by_how_their_names_begin() -> None:
    rows = (whole(1, group_key="25"), whole(2, group_key="26"), whole(3, group_key="LA7", split_percent=Decimal(9)))
    assert reasons(made(*rows, excluded_groups=("GLA7",))) == {3: "Excluded"}
    assert reasons(made(*rows, excluded_names=("Group 2",))) == {
        1: "Excluded",
        2: "Excluded",
        3: "CertificateSplitMismatch",
    }


def test_all_certificates_of_a_key_with_several_configurations_go_and_no_others() -> None:
    later = {"effective_date": date(2024, 2, 1)}
    rows = (
        whole(1),
        whole(2),
        whole(3, 12),
        whole(4, 12, plan="A"),
        whole(5, 12, product="VIS"),
        whole(6, 12, **later),
    )
    assert reasons(made(*rows)) == dict.fromkeys((1, 2, 3), "MultipleConfigs")


def test_a_certificate_that_another_rule_took_does_not_contest_a_key() -> None:
    assert reasons(made(whole(1), split(2, 1, "99", 12), whole(3))) == {2: "CertificateSplitMismatch"}


def test_certificates_that_differ_only_in_numbers_of_splits_contest_a_key_only_where_these_count() -> None:
    rows = (split(1, 1, "50", 11), split(1, 2, "50", 12), split(2, 74, "50", 11), split(2, 75, "50", 12))
    assert reasons(made(*rows)) == {}
    assert set(reasons(made(*rows, seq_sensitive=True)).values()) == {"MultipleConfigs"}


def scattered(brokers: Sequence[int], group: int = 25) -> list[list[Row]]:
    """A certificate a month, each of one broker."""
    days = [date(2000 + month // 12, month % 12 + 1, 1) for month in range(len(brokers))]
    numbered = enumerate(zip(brokers, days, strict=True), group * 100)
    return [whole(n, broker, effective_date=day, group_key=str(group)) for n, (broker, day) in numbered]


SCATTERED: list[tuple[list[int], dict[int, str]]] = [
    ([11] * 10, {}),
    ([11] * 8 + [12, 12], dict.fromkeys((8, 9), "HumanErrorOutlier")),
    ([11] * 7 + [12] * 3, {}),
    ([11] * 7 + [12] * 2 + [13], dict.fromkeys(range(10), "BusinessDrivenEntropy")),
    ([11] * 9 + [12] * 10, {}),
    ([11] * 7 + [12] * 7 + [13] * 7, dict.fromkeys(range(21), "BusinessDrivenEntropy")),
]


def test_scattered_groups_and_outliers_go_only_where_thresholds_are_set() -> None:
    rows = [row for group, (brokers, _) in enumerate(SCATTERED, 1) for row in scattered(brokers, group)]
    expected = {group * 100 + n: why for group, (_, outcome) in enumerate(SCATTERED, 1) for n, why in outcome.items()}
    assert reasons(made(*rows)) == {}
    assert reasons(made(*rows, entropy=EntropyThresholds())) == expected


@pytest.mark.parametrize(
    ("entropy", "scatters"),
    [
        (EntropyThresholds(unique_ratio=0.49, shannon=9.0, dominant_share=0.0, cluster_size=0), True),
        (EntropyThresholds(unique_ratio=0.5, shannon=5.3, dominant_share=0.0, cluster_size=0), True),
        (EntropyThresholds(unique_ratio=0.5, shannon=9.0, dominant_share=0.026, cluster_size=0), True),
        (EntropyThresholds(unique_ratio=0.5, shannon=9.0, dominant_share=0.025, cluster_size=2), False),
    ],
)
def test_each_threshold_alone_is_enough_to_scatter_a_group(entropy: EntropyThresholds, scatters: bool) -> None:  # noqa: FBT001
    # 40 configurations of 2 certificates each: 5.32 bits, half a configuration per certificate, 2.5 % the most.
    found = reasons(made(*scattered([100 + number // 2 for number in range(80)]), entropy=entropy))
    assert set(found.values()) == ({"BusinessDrivenEntropy"} if scatters else set())


def test_the_entropy_of_a_group_is_told() -> None:
    figures = made(*scattered([11, 11, 12, 13]))["group_entropy"].row(0, named=True)
    assert figures == {
        "group_id": "G25",
        "certificates": 4,
        "configs": 3,
        "unique_ratio": 0.75,
        "dominant_share": 0.5,
        "shannon": 1.5,
    }


def test_groups_are_classified_by_exact_counts() -> None:
    rows = [whole(n, group_key="25") for n in range(57)] + [split(n, 1, "1", 11, group_key="25") for n in range(57, 60)]
    rows += [whole(n, group_key="26") for n in range(100, 102)] + [split(102, 1, "1", 11, group_key="26")]
    rows += [whole(200, group_key="27"), whole(201, group_key=None), whole(202, group_key="28")]
    found = made(*rows, excluded_groups=("G28",))["group_conformance"]
    assert found.select(
        "group_id", "conformant_certificates", "conformance_percentage", "group_classification"
    ).rows() == [
        ("G25", 57, Decimal("95.00"), "Nearly Conformant (>=95%)"),
        ("G26", 2, Decimal("66.67"), "Non-Conformant"),
        ("G27", 1, Decimal("100.00"), "Conformant"),
    ]


def test_every_reason_has_one_entry_type() -> None:
    pha = made(whole(1, group_key=None), split(2, 1, "1", 11))["routed_pha"]
    assert pha["entry_type"].to_list() == [2, 1]
    assert {reason for reason, kind in REASONS.items() if kind not in {1, 2}} == {"RejectedRecords"}
