"""The checks find whatever line a table has lost, or has too often."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.unit.commission_tables import (
    Row,
    certificates,
    fees,
    individuals,
    insurances,
    licenses,
    organizations,
    perf_groups,
    premiums,
    run_on,
    schedule_lines,
    table,
)
from transforms.commissions import master_checks
from transforms.commissions.broker_eo_insurances import broker_eo_insurances
from transforms.commissions.broker_licenses import broker_licenses
from transforms.commissions.brokers import brokers
from transforms.commissions.commission_assignments import commission_assignments
from transforms.commissions.commission_set_aside import commission_set_aside
from transforms.commissions.fees import fee_schedules
from transforms.commissions.groups import employer_groups
from transforms.commissions.policies import Policies
from transforms.commissions.premium_transactions import premium_transactions
from transforms.commissions.proposal_keys import Proposals
from transforms.commissions.references import ActiveBrokers
from transforms.commissions.rejected_postings import RejectedPostings
from transforms.commissions.schedule_rates import schedule_rates
from transforms.commissions.set_aside import REASONS


def of(file: str, *rows: Row) -> list[Row]:
    return [{"file": f"{file}.csv", **row} for row in rows]


PERSONS = individuals(*of("persons", {"broker": 1}, {"broker": 1, "party": "P001"}, {"broker": 2}))
FIRMS = organizations(*of("firms", {"broker": 2}, {"broker": 3}))
OLDER = individuals(*of("older", {"broker": 3}, {"broker": 4}))
LICENSES = licenses(*of("licenses", {}, {}, {"broker": 9}))
INSURANCES = insurances(*of("insurances", {}, {}, {"broker": 9}, {"policy": "A"}))
RATES = schedule_lines(*of("rates", {}, {}, {"product": None}))
FEES = fees(*of("fees", {}, {}, {"group_key": "26"}))
PAIRS = certificates(
    *of("certificates", *({"broker": 3, "paid_broker": other, "certificate": other} for other in (2, 1)))
)
SOLD = certificates({}, {"group_key": "LA0059"})
POSTED = premiums({}, {}, {"amount": Decimal("-2.50")})

ROSTER = brokers(PERSONS, FIRMS, OLDER, organizations(), table(ActiveBrokers, []), LICENSES, INSURANCES)
LICENSED = broker_licenses(LICENSES, run_on(date(2024, 1, 1)))
INSURED = broker_eo_insurances(INSURANCES)
RATED = schedule_rates(RATES)
CHARGED = fee_schedules(FEES, table(Proposals, [{"id": "P", "group_id": "G25"}]), ROSTER.brokers)
GROUPS = employer_groups(SOLD, perf_groups(), premiums(), ROSTER.brokers).employer_groups
ASSIGNED = commission_assignments(PAIRS, ROSTER.brokers)
PAID = premium_transactions(
    POSTED, table(Policies, [{"id": "7", "certificate": 7, "premium": Decimal(5)}]), table(RejectedPostings, [])
)

CASES: list[tuple[Callable[..., pl.DataFrame], tuple[Any, ...], int]] = [
    (
        master_checks.brokers_accounted,
        (PERSONS, FIRMS, OLDER, organizations(), ROSTER.brokers, ROSTER.brokers_set_aside),
        4,
    ),
    (master_checks.licenses_accounted, (LICENSES, LICENSED.broker_licenses, LICENSED.licenses_set_aside), 1),
    (master_checks.eo_accounted, (INSURANCES, INSURED.broker_eo_insurances, INSURED.eo_set_aside), 1),
    (master_checks.groups_accounted, (SOLD, GROUPS), 1),
    (master_checks.rates_accounted, (RATES, RATED.schedule_rates, RATED.rates_set_aside), 1),
    (master_checks.fees_accounted, (FEES, CHARGED.fee_schedule_items, CHARGED.fees_set_aside), 1),
    (master_checks.premiums_accounted, (POSTED, PAID), 1),
]
NAMES = [check.__name__ for check, _, _ in CASES]


@pytest.mark.parametrize(("check", "tables", "published"), CASES, ids=NAMES)
def test_lines_that_are_published_or_set_aside_are_accounted_for(
    check: Callable[..., pl.DataFrame], tables: tuple[Any, ...], published: int
) -> None:
    assert check(*tables).is_empty()
    assert tables[published].height


@pytest.mark.parametrize(("check", "tables", "published"), CASES, ids=NAMES)
def test_each_published_row_that_is_lost_is_found_but_those_that_are_made_of_no_line(
    check: Callable[..., pl.DataFrame], tables: tuple[Any, ...], published: int
) -> None:
    rows = tables[published]
    without = [(*tables[:published], rows.filter(rows["id"] != id_), *tables[published + 1 :]) for id_ in rows["id"]]
    unseen = [id_ for id_, less in zip(rows["id"], without, strict=True) if check(*less).is_empty()]
    assert unseen == {"brokers_accounted": [9], "groups_accounted": ["G00000"], "premiums_accounted": ["PT-P7"]}.get(
        check.__name__, []
    )


def test_a_cent_that_is_lost_is_found() -> None:
    cent = pl.lit(Decimal("0.01"), pl.Decimal(18, 2))
    less = PAID.with_columns((pl.col("premium_amount") - cent).cast(pl.Decimal(18, 2)))
    found = master_checks.premiums_accounted(POSTED, less)  # type: ignore[arg-type]
    assert found["figure"].to_list() == ["sum of postings"]


def test_a_broker_and_a_group_that_come_from_nowhere_are_found() -> None:
    stranger = ROSTER.brokers.with_columns(id=pl.col("id") + 100)
    found = master_checks.brokers_accounted(PERSONS, FIRMS, OLDER, organizations(), stranger, ROSTER.brokers_set_aside)  # type: ignore[arg-type]
    assert found["figure"].to_list() == ["brokers of no roster"]
    invented = GROUPS.with_columns(id=pl.col("id").replace("G25", "G26"))
    assert master_checks.groups_accounted(SOLD, invented).height == 2  # type: ignore[arg-type]


def test_two_latest_insurances_of_a_broker_are_found() -> None:
    both = INSURED.broker_eo_insurances.with_columns(is_latest=pl.lit(value=True))
    found = master_checks.eo_accounted(INSURANCES, both, INSURED.eo_set_aside)  # type: ignore[arg-type]
    assert found["figure"].to_list() == ["latest insurances"]


def test_all_lines_set_aside_are_in_one_table_with_their_reasons() -> None:
    found = commission_set_aside(
        ROSTER.brokers_set_aside,
        LICENSED.licenses_set_aside,
        INSURED.eo_set_aside,
        RATED.rates_set_aside,
        CHARGED.fees_set_aside,
        ASSIGNED.assignments_set_aside,
    )
    assert found.select("file", "line", "table", "column", "raw", "reason").rows() == [
        ("certificates.csv", 2, "raw_certificate_info", "PaidBrokerId", "2", "older_assignment"),
        ("fees.csv", 3, "raw_fees", None, None, "repeated_fee"),
        ("fees.csv", 4, "raw_fees", "PRDNUM", "26", "group_without_proposal"),
        ("firms.csv", 2, "raw_org_brokers", "PartyUniqueId", "P2", "repeated_broker"),
        ("insurances.csv", 3, "raw_eo_insurance", "PolicyId", None, "repeated_insurance"),
        ("licenses.csv", 3, "raw_licenses", "LicenseNumber", None, "repeated_license"),
        ("older.csv", 2, "raw_individual_brokers_legacy", "PartyUniqueId", "P3", "repeated_broker"),
        ("persons.csv", 2, "raw_individual_brokers", "PartyUniqueId", "P1", "repeated_broker"),
        ("rates.csv", 3, "raw_schedule_rates", "ProductCode", "DEN", "repeated_rate"),
        ("rates.csv", 4, "raw_schedule_rates", "ScheduleName", "S1", "rate_without_product"),
    ]
    assert set(found["reason"]) == REASONS.keys()
