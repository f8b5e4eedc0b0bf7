"""Brokers, licences, appointments and insurances: nothing that the extracts do not say."""

from datetime import date

import pytest

from tests.unit.commission_tables import (
    Row,
    individuals,
    insurances,
    licenses,
    organizations,
    run_on,
    shuffled,
    table,
)
from transforms.commissions.broker_eo_insurances import broker_eo_insurances
from transforms.commissions.broker_licenses import LicenseStatus, broker_licenses
from transforms.commissions.brokers import (
    AccountType,
    BrokerStatus,
    BrokerTables,
    BrokerType,
    PaymentPreference,
    brokers,
)
from transforms.commissions.references import ActiveBrokers

TODAY = run_on(date(2024, 6, 15))


def made(
    persons: tuple[Row, ...] = (),
    firms: tuple[Row, ...] = (),
    referred: tuple[int, ...] = (),
    licensed: int = 0,
    older: tuple[tuple[Row, ...], tuple[Row, ...]] = ((), ()),
    *,
    banking: bool = False,
) -> BrokerTables:
    active = table(ActiveBrokers, [{"broker": broker, "source": "certificate_paid"} for broker in referred])
    licence = licenses(*([{"broker": licensed}] if licensed else []))
    rosters = individuals(*persons), organizations(*firms), individuals(*older[0]), organizations(*older[1])
    return brokers(*rosters, active, licence, insurances(), banking=banking)


def test_persons_and_organizations_have_their_names_and_party_ids() -> None:
    persons = ({"broker": 10, "last_name": "Lark", "first_name": "Ada"}, {"broker": 11, "last_name": "Wren"}, {})
    found = made(persons, ({"broker": 12, "name": "Larch & Sons"},)).brokers
    assert found.select("id", "external_party_id", "name", "type").rows() == [
        (1, "P1", "Broker 1", BrokerType.INDIVIDUAL),
        (10, "P10", "Lark, Ada", BrokerType.INDIVIDUAL),
        (11, "P11", "Wren", BrokerType.INDIVIDUAL),
        (12, "P12", "Larch & Sons", BrokerType.ORGANIZATION),
    ]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Active", BrokerStatus.ACTIVE),
        ("Terminated", BrokerStatus.TERMINATED),
        ("terminated  residuals", BrokerStatus.TERMINATED_RESIDUALS),
        ("Pending Review", BrokerStatus.PENDING_REVIEW),
        ("On leave", None),
        (None, None),
    ],
)
def test_a_status_has_its_number_and_what_is_none_is_counted(text: str | None, status: BrokerStatus | None) -> None:
    tables = made(({"status": text},))
    assert tables.brokers["status"].to_list() == [status]
    counts = [("unknown_status", "raw_individual_brokers", "CurrentStatus", 1)] if text and status is None else []
    assert tables.brokers_changed.rows() == counts


def test_a_party_id_is_as_it_is_delivered() -> None:
    found = made(({"broker": 7, "party": "P007"}, {"broker": 8, "party": "8"}), referred=(9,)).brokers
    assert found["external_party_id"].to_list() == ["P007", "8", "P9"]


def test_of_two_lines_of_a_roster_the_one_hired_last_stands_whole_whatever_their_order() -> None:
    old = {"last_name": "Lark", "first_name": "Zoe", "email": "zoe@example.org", "hire_date": date(2010, 1, 1)}
    new = {"last_name": "Crow", "hire_date": date(2020, 1, 1), "status": "Terminated"}
    for persons in [(old, new), (new, old)]:
        tables = made(persons)
        (row,) = tables.brokers.rows(named=True)
        assert (row["name"], row["email"], row["status"]) == ("Crow", None, BrokerStatus.TERMINATED)
        (aside,) = tables.brokers_set_aside.rows(named=True)
        assert (aside["table"], aside["reason"]) == ("raw_individual_brokers", "repeated_broker")
        assert aside["line"] == 2 + persons.index(old)


def test_a_broker_of_both_rosters_is_an_individual() -> None:
    tables = made(({"last_name": "Lark"},), ({"name": "Larch", "hire_date": date(2024, 1, 1)},))
    assert tables.brokers.select("name", "type").rows() == [("Lark", BrokerType.INDIVIDUAL)]
    assert tables.brokers_set_aside["table"].to_list() == ["raw_org_brokers"]


def test_older_rosters_have_brokers_that_no_newer_one_has_and_persons_come_first() -> None:
    older = (({"broker": 2, "last_name": "Old"}, {"broker": 3, "last_name": "Wren"}), ({"broker": 3}, {"broker": 4}))
    tables = made(({"last_name": "Lark"},), ({"broker": 2, "name": "Larch"},), older=older)
    assert tables.brokers.select("name", "type").rows() == [
        ("Lark", BrokerType.INDIVIDUAL),
        ("Larch", BrokerType.ORGANIZATION),
        ("Wren", BrokerType.INDIVIDUAL),
        ("Broker 4", BrokerType.ORGANIZATION),
    ]
    assert tables.brokers_set_aside.select("table", "raw").rows() == [
        ("raw_individual_brokers_legacy", "P2"),
        ("raw_org_brokers_legacy", "P3"),
    ]


def test_a_bank_account_is_published_as_it_stands_or_counted() -> None:
    account = {"bank_routing": "012345678", "bank_account": "00012", "bank_account_type": "checking"}
    wrong: list[Row] = [{"bank_routing": "12345678"}, {"bank_account": "1" * 18}, {"bank_account_type": None}]
    firms = tuple({"broker": at, **account, **one} for at, one in enumerate(wrong, 3))
    persons, firms = ({}, {"broker": 2, **account}), (*firms, {"broker": 9, **account, "bank_account_type": "S"})
    assert made(persons, firms).broker_banking_infos.is_empty()
    tables = made(persons, firms, banking=True)
    assert tables.broker_banking_infos.rows() == [
        (2, PaymentPreference.ACH, "012345678", "00012", AccountType.CHECKING),
        (9, PaymentPreference.ACH, "012345678", "00012", AccountType.SAVINGS),
    ]
    assert tables.brokers_changed.rows() == [("partial_bank_account", "raw_org_brokers", "AccountNumber", 3)]


def test_who_is_only_referred_to_is_a_placeholder_of_which_nothing_is_invented() -> None:
    found = made(({"last_name": "Lark"},), referred=(1, 2), licensed=3).brokers.filter("is_placeholder")
    assert found.select("id", "name", "type", "status", "hire_date").rows() == [
        (2, "Broker 2", None, None, None),
        (3, "Broker 3", None, None, None),
    ]


def test_licences_state_no_date_that_the_extract_does_not() -> None:
    (row,) = broker_licenses(licenses({"status": "Active"}), TODAY).broker_licenses.rows(named=True)
    assert (row["effective_date"], row["expiration_date"], row["license_number"]) == (None, None, None)


@pytest.mark.parametrize(("text", "status"), [("active", 0), ("Inactive", 1), ("Lapsed", 2), (None, 2)])
def test_a_licence_has_the_number_of_its_status(text: str | None, status: int) -> None:
    found = broker_licenses(licenses({"status": text}), TODAY)
    assert found.broker_licenses["status"].to_list() == [LicenseStatus(status)]
    assert found.licenses_changed["count"].to_list() == ([1] if status == LicenseStatus.OTHER else [])


def test_of_two_lines_of_a_licence_the_one_that_expires_last_stands_and_one_without_an_end_before_it() -> None:
    lines = [{"expiration_date": date(2024, 1, 1)}, {"expiration_date": None}, {"expiration_date": date(2030, 1, 1)}]
    without_end = broker_licenses(licenses(*lines), TODAY)
    assert without_end.broker_licenses["expiration_date"].to_list() == [None]
    assert without_end.licenses_set_aside["reason"].to_list() == ["repeated_license"] * 2
    ended = broker_licenses(licenses(lines[0], lines[2]), TODAY).broker_licenses
    assert ended["expiration_date"].to_list() == [date(2030, 1, 1)]


def test_a_licence_for_another_county_is_another_licence() -> None:
    found = broker_licenses(licenses({"county": "Dade"}, {"county": "Lee"}, {"number": "7"}), TODAY)
    assert found.broker_licenses["id"].n_unique() == 3
    assert found.licenses_set_aside.is_empty()


@pytest.mark.parametrize(
    ("lines", "is_active"),
    [
        ([{"expiration_date": date(2024, 6, 15)}], True),
        ([{"expiration_date": date(2024, 6, 14)}], False),
        ([{"expiration_date": None}], True),
        ([{"status": "Inactive", "expiration_date": date(2030, 1, 1)}], False),
        ([{"number": "1", "expiration_date": date(2020, 1, 1)}, {"number": "2"}], True),
    ],
)
def test_an_appointment_is_active_while_a_licence_is_active_and_unexpired(lines: list[Row], is_active: bool) -> None:  # noqa: FBT001
    assert broker_licenses(licenses(*lines), TODAY).broker_appointments["is_active"].to_list() == [is_active]


def test_an_appointment_begins_with_the_earliest_licence_of_the_state() -> None:
    lines = licenses(
        {"number": "1", "effective_date": date(2020, 5, 1)},
        {"number": "2", "effective_date": date(2019, 5, 1)},
        {"number": "3", "effective_date": None},
        {"number": "4", "effective_date": date(2001, 1, 1), "state": "OK"},
        {"number": "5", "state": None},
    )
    found = broker_licenses(lines, TODAY).broker_appointments
    assert found.select("state", "effective_date").rows() == [("OK", date(2001, 1, 1)), ("TX", date(2019, 5, 1))]


def test_one_insurance_of_each_broker_is_the_latest() -> None:
    lines = insurances(
        {"policy": "A", "to_date": date(2024, 1, 1), "from_date": date(2023, 1, 1)},
        {"policy": "B", "to_date": date(2025, 1, 1), "from_date": date(2024, 1, 1)},
        {"policy": "C", "to_date": None},
        {"policy": "D", "broker": 2},
    )
    found = broker_eo_insurances(lines).broker_eo_insurances.filter("is_latest")
    assert sorted(found["policy_number"]) == ["B", "D"]


def test_a_repeated_insurance_stands_once_with_its_last_end() -> None:
    tables = broker_eo_insurances(insurances({"to_date": date(2024, 1, 1)}, {"to_date": date(2025, 1, 1)}))
    assert tables.broker_eo_insurances["expiration_date"].to_list() == [date(2025, 1, 1)]
    assert tables.eo_set_aside["line"].to_list() == [2]


def test_another_order_of_the_lines_changes_nothing() -> None:
    persons = individuals(*({"broker": n % 3, "last_name": f"L{n}", "email": f"{n}@example.org"} for n in range(12)))
    licence = licenses(*({"broker": n % 3, "number": str(n % 2), "status": f"S{n % 4}"} for n in range(12)))
    insured = insurances(*({"broker": n % 3, "policy": str(n % 2), "carrier": f"C{n % 4}"} for n in range(12)))
    none = table(ActiveBrokers, [])

    def results(seed: int | None) -> list[object]:
        mixed = [one if seed is None else shuffled(one, seed) for one in (persons, licence, insured)]
        return [
            brokers(mixed[0], organizations(), individuals(), organizations(), none, mixed[1], mixed[2]).brokers.rows(),  # type: ignore[arg-type]
            broker_licenses(mixed[1], TODAY).broker_licenses.rows(),  # type: ignore[arg-type]
            broker_eo_insurances(mixed[2]).broker_eo_insurances.rows(),  # type: ignore[arg-type]
        ]

    assert all(results(seed) == results(None) for seed in range(5))
