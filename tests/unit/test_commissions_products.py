"""A product code is one product, whatever its lines say."""

import pytest

from firn import ContractError
from tests.unit.commission_tables import Row, certificates, schedule_lines, shuffled
from transforms.commissions.products import ProductTables, products


def made(sold: tuple[Row, ...] = (), offered: tuple[Row, ...] = ()) -> ProductTables:
    return products(certificates(*sold), schedule_lines(*offered))


def test_a_code_in_two_categories_is_one_product_and_one_code() -> None:
    sold = ({"category": "Dental"}, {"category": "Vision"}, {"category": "Vision"})
    tables = made(sold, ({"category": "Cancer"},))
    assert tables.products.select("id", "product_name", "category").rows() == [("DEN", "Vision", "Vision")]
    codes = tables.product_codes.select("code", "product_category", "categories").rows()
    assert codes == [("DEN", "Vision", "Cancer,Dental,Vision")]


def test_what_most_lines_say_is_taken_whole() -> None:
    one, two = {"master_category": "Z", "category": "A"}, {"master_category": "A", "category": "Z"}
    for sold in [(one, two), (two, one)]:
        assert made(sold).products.select("master_category", "category").rows() == [("A", "Z")]
    assert made((one, two, one)).products.select("master_category", "category").rows() == [("Z", "A")]


def test_products_that_only_schedules_have_follow_with_their_own_category() -> None:
    offered = ({"category": "Cancer", "series_type": "B"}, {"product": "VIS", "category": None}, {"product": None})
    tables = made(({"category": "Dental", "commission_type": "Level"},), offered)
    assert tables.products.select("id", "product_name", "commission_type", "series_type").rows() == [
        ("DEN", "Dental", "Level", "B"),
        ("VIS", "VIS", None, None),
    ]


def test_a_code_says_where_it_is_used() -> None:
    sold = (
        {"state": "TX", "group_key": "25"},
        {"state": "AL", "group_key": "LA0059"},
        {"state": "TX", "group_key": "00000"},
        {"state": None, "group_key": None},
    )
    offered = ({"schedule": "S1"}, {"schedule": "S2"}, {"schedule": "S2"}, {"product": "VIS"})
    counts = made(sold, offered).product_codes.select("code", "allowed_states", "groups_count", "schedules_count")
    assert counts.rows() == [("DEN", "AL,TX", 2, 2), ("VIS", None, 0, 1)]


def test_plans_are_those_that_certificates_name() -> None:
    tables = made(({"plan": "*"}, {"plan": "A"}, {"plan": "A"}, {"plan": "B", "product": "VIS"}))
    assert tables.plans.rows() == [("DEN-A", "DEN", "A", "A"), ("VIS-B", "VIS", "B", "B")]


def test_two_plans_whose_ids_are_alike_stop_the_run() -> None:
    with pytest.raises(ContractError, match=r"Table plans: 2 rows share their key \(id\)(.|\n)*'A-B-C'") as caught:
        made(({"product": "A", "plan": "B-C"}, {"product": "A-B", "plan": "C"}))
    assert "production is unchanged" in str(caught.value)


def test_another_order_of_the_lines_changes_nothing() -> None:
    sold = certificates(*({"product": f"P{n % 3}", "category": f"C{n % 4}", "state": f"S{n % 5}"} for n in range(24)))
    offered = schedule_lines(*({"product": f"P{n % 5}", "series_type": f"T{n % 4}"} for n in range(20)))
    expected = [table.rows() for table in products(sold, offered)]
    for seed in range(5):
        assert [table.rows() for table in products(shuffled(sold, seed), shuffled(offered, seed))] == expected
