"""Fees of a group become items of a fee schedule of each of its proposals, exactly."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from tests.unit.commission_tables import Row, fees, shuffled, table
from transforms.commissions.brokers import Brokers
from transforms.commissions.fees import FeeTables, fee_schedules
from transforms.commissions.proposal_keys import Proposals

PROPOSALS = table(Proposals, [{"id": "P-G25-1", "group_id": "G25"}, {"id": "P-G25-2", "group_id": "G25"}])
ONE = table(Proposals, [{"id": "P-G25-1", "group_id": "G25"}])
BROKERS = table(Brokers, [{"id": 7, "external_party_id": "P7", "name": "Lark", "is_placeholder": False}])
PERCENT = "Percent of Collected Premium Per Month"


def made(*lines: Row) -> FeeTables:
    return fee_schedules(fees(*lines), ONE, BROKERS)


@pytest.mark.parametrize(
    ("method", "code", "frequency", "basis"),
    [
        ("Fee per Certificate $ Per Month", "CERT_FEE", "monthly", "certificates"),
        ("Flat Fee $ Per Month", "FLAT_FEE", "monthly", "fixed"),
        ("New Annual Production Fee Per Month", "PROD_FEE", "monthly", "percent"),
        ("One Time Flat Fee $", "ONETIME_FEE", "one_time", "fixed"),
        ("percent of  collected premium per month", "PREM_FEE_M", "monthly", "percent"),
        ("Percent of Collected Premium Per Year", "PREM_FEE_A", "annual", "percent"),
        ("Something else", "OTHER_FEE", "monthly", "fixed"),
        (None, "OTHER_FEE", "monthly", "fixed"),
    ],
)
def test_a_fee_is_coded_by_its_calculation_method(method: str | None, code: str, frequency: str, basis: str) -> None:
    items = made({"formatted_method": method}).fee_schedule_items
    assert items.select("code", "frequency", "basis").rows() == [(code, frequency, basis)]


@pytest.mark.parametrize(
    ("method", "kind", "basis", "rules"),
    [
        ("Something else", "PCT", "percent", ["other_fee_method"]),
        ("Something else", "FLAT", "fixed", ["other_fee_method"]),
        (None, None, "fixed", ["other_fee_method"]),
        (PERCENT, "FLAT", "percent", ["contradicting_fee_kind"]),
        ("One Time Flat Fee $", "pct", "fixed", ["contradicting_fee_kind"]),
        (PERCENT, "PCT", "percent", []),
        (PERCENT, None, "percent", []),
    ],
)
def test_a_method_that_is_not_known_or_contradicts_the_kind_is_counted(
    method: str | None, kind: str | None, basis: str, rules: list[str]
) -> None:
    tables = made({"formatted_method": method, "kind": kind, "formatted_amount": Decimal("0.03")})
    (item,) = tables.fee_schedule_items.rows(named=True)
    assert item["basis"] == basis
    assert (item["percent"], item["amount"]) == ((3, None) if basis == "percent" else (None, Decimal("0.03")))
    assert tables.fees_changed["rule"].to_list() == rules


def test_a_percentage_is_multiplied_before_anything_is_rounded() -> None:
    items = made({"formatted_method": PERCENT, "formatted_amount": Decimal("0.035"), "amount": Decimal(4)})
    assert items.fee_schedule_items.select("percent", "amount").rows() == [(Decimal("3.5"), None)]


def test_a_fixed_fee_has_its_formatted_amount_and_without_one_its_amount() -> None:
    lines = ({"formatted_amount": Decimal("2.75"), "amount": Decimal(275)}, {"amount": Decimal("1.5")})
    items = [made(line).fee_schedule_items.select("amount", "percent").row(0) for line in lines]
    assert items == [(Decimal("2.75"), None), (Decimal("1.5"), None)]


def test_every_proposal_of_the_group_has_a_fee_schedule() -> None:
    tables = fee_schedules(fees({"broker": 7, "start_date": date(2024, 3, 1)}), PROPOSALS, BROKERS)
    assert tables.fee_schedules["id"].to_list() == ["FS-P-G25-1", "FS-P-G25-2"]
    assert tables.fee_schedule_versions["id"].to_list() == ["FSV-P-G25-1-1.0", "FSV-P-G25-2-1.0"]
    fee = tables.fee_schedule_items["fee_id"].unique().item()
    assert fee.startswith("FEE-G25-7-OTHER_FEE-20240301-")
    assert tables.fee_schedule_items["id"].to_list() == [f"{fee}-P-P-G25-1", f"{fee}-P-P-G25-2"]


def test_a_fee_whose_group_has_no_proposal_is_set_aside() -> None:
    tables = made({"group_key": "26"}, {"group_key": "00000"})
    assert tables.fee_schedules.is_empty()
    assert tables.fees_set_aside.sort("line").select("raw", "reason").rows() == [
        ("26", "group_without_proposal"),
        ("00000", "group_without_proposal"),
    ]


def test_a_line_that_is_there_twice_is_one_fee() -> None:
    tables = made({"amount": Decimal(1)}, {"amount": Decimal(1)}, {"amount": Decimal(2)})
    assert tables.fee_schedule_items.height == 2
    assert tables.fees_set_aside.select("line", "reason").rows() == [(3, "repeated_fee")]


def test_a_recipient_whom_no_table_has_is_left_out() -> None:
    said = {"formatted_method": PERCENT}
    tables = made({"broker": 7} | said, {"broker": 8} | said, {"broker": None} | said)
    assert tables.fee_schedule_items["recipient_broker_id"].drop_nulls().to_list() == [7]
    assert tables.fees_changed.rows() == [("unknown_recipient", "raw_fees", "PartyUniqueId", 1)]


def test_a_version_spans_its_fees_and_is_open_while_one_is() -> None:
    first = {"start_date": date(2024, 1, 1), "end_date": date(2024, 12, 31)}
    second = {"start_date": date(2024, 6, 1), "end_date": date(2025, 12, 31)}
    dates = pl.col("effective_from", "effective_to")
    assert made(first, second).fee_schedule_versions.select(dates).rows() == [(date(2024, 1, 1), date(2026, 1, 1))]
    open_end = made(first, {"start_date": date(2024, 6, 1)}).fee_schedule_versions.select(dates)
    assert open_end.rows() == [(date(2024, 1, 1), None)]


def test_another_order_of_the_lines_changes_nothing() -> None:
    lines = fees(*({"amount": Decimal(n % 7), "category": f"C{n % 3}", "broker": n % 9} for n in range(30)))
    expected = [table.rows() for table in fee_schedules(lines, PROPOSALS, BROKERS)[:3]]
    for seed in range(5):
        tables = fee_schedules(shuffled(lines, seed), PROPOSALS, BROKERS)[:3]
        assert [table.rows() for table in tables] == expected
