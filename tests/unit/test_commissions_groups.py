"""Every certificate has a group, and a group is described by one line, whole."""

from datetime import date

import dataframely as dy
import pytest

from tests.unit.commission_tables import Row, certificates, perf_groups, premiums, shuffled, table
from transforms.commissions.brokers import Brokers
from transforms.commissions.groups import EmployerGroups, employer_groups

BROKERS = table(
    Brokers, [{"id": n, "external_party_id": f"P{n}", "name": f"B{n}", "is_placeholder": False} for n in (1, 2)]
)


def groups(
    sold: tuple[Row, ...] = ({},), known: tuple[Row, ...] = (), billed: tuple[Row, ...] = ()
) -> dy.DataFrame[EmployerGroups]:
    return employer_groups(certificates(*sold), perf_groups(*known), premiums(*billed), BROKERS).employer_groups


def group(*known: Row, billed: tuple[Row, ...] = (), sold: tuple[Row, ...] = ({},)) -> Row:
    return groups(sold, known, billed).row(by_predicate=EmployerGroups.id.col == "G25", named=True)


def test_groups_whose_numbers_differ_in_letters_stay_distinct_and_have_one_prefix() -> None:
    sold = ({"group_key": "LA0059"}, {"group_key": "MS0059"}, {"group_key": "0059"})
    assert groups(sold)["id"].to_list() == ["G00000", "G0059", "GLA0059", "GMS0059"]


@pytest.mark.parametrize("key", [None, "0", "00000", "000"])
def test_certificates_without_a_group_are_direct_to_consumer(key: str | None) -> None:
    sold = ({"group_key": key, "customer": "a"}, {"group_key": None, "customer": "a"})
    known = ({"group_key": "00000", "name": "Not this", "state": "TX", "broker": 1},)
    (row,) = groups(sold, known, ({"group_key": "00000", "group_name": "Nor this"},)).rows(named=True)
    assert (row["id"], row["group_name"], row["name_source"], row["lives"]) == (
        "G00000",
        "Direct to Consumer",
        "rule",
        1,
    )
    assert (row["situs_state"], row["primary_broker_id"]) == (None, None)


def test_the_sentinel_is_there_without_any_certificate_of_its_own() -> None:
    assert groups()["lives"].to_list() == [0, 0]


def test_lives_are_distinct_customers() -> None:
    sold = tuple({"customer": customer} for customer in ("a", "a", "b", None))
    assert group(sold=sold)["lives"] == 2


def test_of_conflicting_lines_the_latest_stands_whole() -> None:
    old = {"name": "Zinc Works", "state": "WY", "broker": 2, "size": "L", "effective_date": date(2020, 1, 1)}
    new = {"name": "Acorn Mills", "state": "AL", "broker": 1, "effective_date": date(2022, 1, 1)}
    nameless = {"name": None, "state": "TX", "effective_date": date(2024, 1, 1)}
    row = group(old, new, nameless)
    assert (row["group_name"], row["situs_state"], row["primary_broker_id"], row["group_size"]) == (
        "Acorn Mills",
        "AL",
        1,
        None,
    )


def test_lines_of_one_date_do_not_mix() -> None:
    lines = [{"name": "Acorn", "state": "WY", "broker": 1}, {"name": "Zinc", "state": "AL", "broker": 2}]
    assert [group(*order)["situs_state"] for order in (lines, lines[::-1])] == ["WY", "WY"]


def test_a_group_that_no_roster_knows_is_named_by_its_latest_premium() -> None:
    billed = (
        {"group_name": "Old Oak", "state": "OK", "posted_date": date(2023, 1, 1)},
        {"group_name": "New Oak", "state": "TX", "posted_date": date(2024, 1, 1)},
        {"group_name": None, "state": "WY", "posted_date": date(2025, 1, 1)},
    )
    row = group(billed=billed)
    assert (row["group_name"], row["name_source"], row["situs_state"]) == ("New Oak", "premiums", "TX")


def test_a_group_that_nobody_names_is_generic_and_has_the_state_of_its_latest_certificate() -> None:
    sold = ({"state": "TX", "effective_date": date(2020, 1, 1)}, {"state": "OK", "effective_date": date(2021, 1, 1)})
    row = group(sold=sold)
    assert (row["group_name"], row["name_source"], row["situs_state"]) == ("Group 25", "generic", "OK")


def test_a_primary_broker_whom_no_table_has_is_left_out() -> None:
    assert group({"name": "Oak", "broker": 99})["primary_broker_id"] is None


def test_another_order_of_the_lines_changes_nothing() -> None:
    sold = certificates(*({"group_key": str(n % 4), "state": f"S{n % 5}", "customer": f"c{n % 7}"} for n in range(30)))
    known = perf_groups(*({"group_key": str(n % 3), "name": f"N{n % 5}", "broker": n % 3} for n in range(20)))
    billed = premiums(*({"group_key": str(n % 4), "group_name": f"M{n % 6}"} for n in range(20)))
    expected = employer_groups(sold, known, billed, BROKERS).employer_groups
    for seed in range(5):
        mixed = shuffled(sold, seed), shuffled(known, seed), shuffled(billed, seed)
        assert employer_groups(*mixed, BROKERS).employer_groups.equals(expected)
