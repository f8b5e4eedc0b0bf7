"""A broker who is not paid himself has assigned his commissions to the one who was paid last."""

from datetime import date
from decimal import Decimal

from tests.unit.commission_tables import Row, certificates, shuffled, table
from transforms.commissions.brokers import Brokers
from transforms.commissions.commission_assignments import AssignmentTables, commission_assignments

BROKERS = table(
    Brokers, [{"id": n, "external_party_id": f"P{n}", "name": f"B{n}", "is_placeholder": False} for n in range(1, 6)]
)


def made(*lines: Row) -> AssignmentTables:
    return commission_assignments(certificates(*lines), BROKERS)


def test_a_broker_who_pays_himself_or_nobody_has_assigned_nothing() -> None:
    tables = made({"broker": 1, "paid_broker": 1}, {"broker": 2}, {"paid_broker": 3})
    assert tables.commission_assignment_versions.is_empty()
    assert tables.commission_assignment_recipients.is_empty()


def test_the_newest_pair_of_a_broker_stands_and_is_in_force_since_its_first_certificate() -> None:
    tables = made(
        {"broker": 1, "paid_broker": 2, "effective_date": date(2023, 1, 1)},
        {"broker": 1, "paid_broker": 3, "effective_date": date(2022, 1, 1)},
        {"broker": 1, "paid_broker": 3, "effective_date": date(2024, 1, 1)},
    )
    (version,) = tables.commission_assignment_versions.rows(named=True)
    assert (version["id"], version["broker_name"], version["effective_from"]) == ("CA-1-3", "B1", date(2022, 1, 1))
    assert (version["status"], version["type"], version["total_assigned_percent"]) == (1, 1, Decimal(100))
    (recipient,) = tables.commission_assignment_recipients.rows(named=True)
    assert (recipient["assignment_version_id"], recipient["recipient_broker_id"]) == ("CA-1-3", 3)
    assert (recipient["id"], recipient["recipient_broker_name"]) == ("CA-1-3-R1", "B3")


def test_of_two_pairs_as_new_the_recipient_with_the_lowest_number_is_paid() -> None:
    lines: list[Row] = [{"broker": 1, "paid_broker": 5}, {"broker": 1, "paid_broker": 4}]
    for order in (lines, lines[::-1]):
        assert made(*order).commission_assignment_recipients["recipient_broker_id"].to_list() == [4]


def test_another_order_of_the_lines_changes_nothing() -> None:
    lines = certificates(*({"broker": n % 3 + 1, "paid_broker": n % 5 + 1} for n in range(30)))
    expected = [table.rows() for table in commission_assignments(lines, BROKERS)[:2]]
    for seed in range(5):
        assert [table.rows() for table in commission_assignments(shuffled(lines, seed), BROKERS)[:2]] == expected


def test_each_recipient_who_is_not_the_newest_is_listed_with_the_line_of_the_last_certificate_that_names_him() -> None:
    days = [date(2024, month, 1) for month in (1, 3, 2, 2)]
    said = zip((4, 5, 4, 1), days, strict=True)
    lines: list[Row] = [{"broker": 1, "paid_broker": to, "effective_date": day} for to, day in said]
    found = made(*lines).assignments_set_aside
    assert found.rows(named=True) == [
        {
            "file": "x.csv",
            "table": "raw_certificate_info",
            "line": 4,
            "column": "PaidBrokerId",
            "raw": "4",
            "reason": "older_assignment",
        }
    ]
