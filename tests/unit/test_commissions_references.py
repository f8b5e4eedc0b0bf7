"""What the extracts refer to is listed once, with the first place that names it."""

from datetime import date

from tests.unit.commission_tables import certificates, commissions, premiums
from transforms.commissions.references import references


def test_a_broker_is_listed_with_the_first_place_that_names_him() -> None:
    certificate_lines = certificates({"writing_broker": 1, "broker": 2, "paid_broker": 3}, {"broker": 1})
    commission_lines = commissions({"broker": 3, "paid_broker": 5}, {"broker": 4, "paid_broker": None})
    found = references(certificate_lines, premiums(), commission_lines).active_brokers
    assert found.rows() == [
        (1, "certificate_writing"),
        (2, "certificate_split"),
        (3, "certificate_paid"),
        (4, "commission_split"),
        (5, "commission_paid"),
    ]


def test_a_policy_whose_premiums_name_two_groups_has_that_of_the_latest_posting() -> None:
    lines = premiums(
        {"group_key": "25", "posted_date": date(2024, 2, 1)},
        {"group_key": "LA0059", "posted_date": date(2024, 3, 1)},
        {"group_key": "MS0059", "posted_date": date(2024, 3, 1)},
    )
    assert references(certificates(), lines, commissions()).active_certificates.rows() == [(1, "LA0059", "premiums")]


def test_certificates_that_only_have_commissions_have_the_group_of_their_lines_or_none() -> None:
    commission_lines = commissions({"certificate": 7}, {"certificate": 8}, {"certificate": 0}, {"certificate": 1})
    found = references(certificates({"certificate": 7}), premiums({}), commission_lines)
    expected = [(1, "25", "premiums"), (7, "25", "commissions"), (8, None, "commissions")]
    assert found.active_certificates.rows() == expected


def test_groups_have_the_name_of_their_premiums_and_no_invalid_number_is_one() -> None:
    certificate_lines = certificates({"group_key": "26", "certificate": 7}, {"group_key": "27", "certificate": 8})
    premium_lines = premiums({"group_name": "Oak"}, {"group_key": "00000"}, {"group_key": None}, {"group_key": "28"})
    found = references(certificate_lines, premium_lines, commissions({"certificate": 7})).active_groups
    assert found.rows() == [
        ("25", "Oak", "premiums"),
        ("26", "Group 26", "commissions"),
        ("28", "Group 28", "premiums"),
    ]


def test_a_schedule_says_whether_it_has_paid() -> None:
    lines = certificates(
        {"schedule": "S1", "broker": 1},
        {"schedule": "S2", "broker": 2},
        {"schedule": "S1", "broker": 2},
        {"schedule": None, "broker": 1},
    )
    found = references(lines, premiums(), commissions({"broker": 1})).active_schedules
    assert found.rows() == [("S1", "commission_detail"), ("S2", "certificate_info")]
