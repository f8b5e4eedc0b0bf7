"""Every posting is a transaction, to the cent, under an id that its content makes."""

from datetime import date
from decimal import Decimal

import dataframely as dy
import polars as pl

from pipelines.commissions import withheld
from tests.unit.commission_tables import DAY, Row, premiums, shuffled, table
from transforms.commissions.policies import Policies
from transforms.commissions.premium_transactions import PremiumTransactions, TransactionSource, premium_transactions
from transforms.commissions.rejected_postings import RejectedPostings

NO_POLICIES = table(Policies, [])
NONE_REJECTED = table(RejectedPostings, [])


def policies(*rows: Row) -> dy.DataFrame[Policies]:
    return table(Policies, rows, id="1", certificate=1, effective_date=DAY)


def test_a_posting_is_billed_for_the_month_after_the_day_to_which_it_is_paid() -> None:
    lines = premiums({"posted_date": date(2024, 1, 20), "paid_to_date": date(2024, 1, 31)}, {"paid_to_date": None})
    found = premium_transactions(lines, NO_POLICIES, NONE_REJECTED).sort("billing_period_start", nulls_last=True)
    columns = found.select("transaction_date", "billing_period_start", "billing_period_end", "source")
    assert columns.rows() == [
        (date(2024, 1, 20), date(2024, 1, 31), date(2024, 2, 29), TransactionSource.PREMIUM),
        (DAY, None, None, TransactionSource.PREMIUM),
    ]


def test_equal_postings_are_all_kept_and_numbered() -> None:
    found = premium_transactions(premiums({}, {}, {}, {"invoice": "I2"}), NO_POLICIES, NONE_REJECTED)
    assert found["id"].n_unique() == 4
    assert sorted(found.filter(pl.col("invoice").is_null())["id"].str.slice(-2)) == ["-1", "-2", "-3"]
    assert found["premium_amount"].sum() == Decimal("40.00")


def test_a_policy_without_a_posting_has_one_transaction_of_its_own_premium() -> None:
    rows = policies(
        {"premium": Decimal("9.99")},
        {"id": "2", "certificate": 2, "premium": Decimal("12.34")},
        {"id": "3", "certificate": 3, "premium": Decimal(0)},
        {"id": "4", "certificate": 4, "premium": None},
    )
    found = premium_transactions(premiums({}), rows, NONE_REJECTED).filter(source=TransactionSource.POLICY.value)
    columns = found.select("id", "transaction_date", "premium_amount", "billing_period_start")
    assert columns.rows() == [("PT-P2", DAY, Decimal("12.34"), None)]


def test_a_policy_of_which_the_only_posting_was_rejected_has_no_transaction_and_is_counted() -> None:
    rows = policies(
        {"premium": Decimal("9.99")},
        {"id": "2", "certificate": 2, "premium": Decimal("12.34")},
        {"id": "3", "certificate": 3, "premium": None},
    )
    rejected = table(RejectedPostings, [{"certificate": 1}, {"certificate": 1}, {"certificate": 3}, {"certificate": 9}])
    found = premium_transactions(premiums(), rows, rejected)
    assert found["id"].to_list() == ["PT-P2"]
    counted = withheld({"policies": rows, "premium_transactions": found})
    assert counted == {"policies without a transaction, posting rejected": 1}
    all_there = premium_transactions(premiums(), rows, NONE_REJECTED)
    assert all_there["id"].to_list() == ["PT-P1", "PT-P2"]
    assert withheld({"policies": rows, "premium_transactions": all_there}) == {}


def test_a_posting_that_cancels_another_is_kept() -> None:
    lines = premiums({"amount": Decimal("-10.00")}, {"amount": Decimal("10.00")})
    assert premium_transactions(lines, NO_POLICIES, NONE_REJECTED)["premium_amount"].sum() == 0


def test_another_order_of_the_lines_or_another_line_changes_no_other() -> None:
    lines = premiums(*({"certificate": n % 4, "amount": Decimal(n % 3), "invoice": f"I{n % 2}"} for n in range(40)))
    expected = premium_transactions(lines, NO_POLICIES, NONE_REJECTED)
    for seed in range(5):
        assert premium_transactions(shuffled(lines, seed), NO_POLICIES, NONE_REJECTED).equals(expected)
    more = premium_transactions(pl.concat([premiums({"certificate": 99}), lines]), NO_POLICIES, NONE_REJECTED)  # type: ignore[arg-type]
    assert more.filter(PremiumTransactions.certificate.col != 99).equals(expected)
