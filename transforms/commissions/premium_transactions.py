"""Premiums as transactions of certificates."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final

import dataframely as dy
import polars as pl

from transforms.commissions.identifiers import surrogate
from transforms.commissions.keys import keyed, natural_key
from transforms.commissions.lines import PremiumLines
from transforms.commissions.policies import Policies
from transforms.commissions.rejected_postings import RejectedPostings

__all__ = ["PremiumTransactions", "TransactionSource", "premium_transactions"]


class TransactionSource(IntEnum):
    """What a transaction was made of: a premium that was posted, or a policy that has none."""

    PREMIUM = 0
    POLICY = 1


class PremiumTransactions(dy.Schema):
    """A premium of a certificate, in dollars; ``source`` is a `TransactionSource`.

    ``id`` is ``PT-<hash of the posting>-<number among its equals>``, or ``PT-P<policy>`` where the source is a policy.
    """

    id = dy.String(primary_key=True)
    certificate = dy.Int64(nullable=False)
    transaction_date = dy.Date(nullable=False)
    premium_amount = dy.Decimal(18, 2, nullable=False)
    billing_period_start = dy.Date(nullable=True)
    billing_period_end = dy.Date(nullable=True)
    transaction_type = dy.String(nullable=True)
    invoice = dy.String(nullable=True)
    source = dy.Int16(nullable=False, metadata={"numbers": TransactionSource})


_CONTENT: Final = (
    "company",
    "certificate",
    "posted_date",
    "paid_to_date",
    "amount",
    "transaction_type",
    "invoice",
    "record",
)
"""What tells postings apart; all that is published of them is made of it."""


def premium_transactions(
    premium_lines: dy.DataFrame[PremiumLines],
    policies: dy.DataFrame[Policies],
    rejected_postings: dy.DataFrame[RejectedPostings],
) -> dy.DataFrame[PremiumTransactions]:
    """Make a transaction of every premium posting, and one of every policy that has a premium but no posting.

    A policy that a rejected posting names has none of its own: it was posted, in a record that could not be read.

    A posting is billed for the month that begins on the day to which it is paid; a policy is posted on the day it takes
    effect, and nothing is known of its billing. Postings that are alike are numbered, never dropped: the ids are the
    same whatever the order of the lines.

    Args:
        premium_lines: Premium postings; their certificates need have no policy.
        policies: All policies.
        rejected_postings: The certificates of postings that were rejected.

    Returns:
        As many transactions as postings, with the same sum, and those of policies.
    """
    owed = policies.filter(pl.col("premium") > 0)
    unposted = owed.join(premium_lines, on="certificate", how="anti").join(
        rejected_postings, on="certificate", how="anti"
    )
    rows = pl.concat([_posted(premium_lines), _expected(unposted)], how="diagonal")
    return keyed("premium_transactions", rows, PremiumTransactions)


def _posted(lines: pl.DataFrame) -> pl.DataFrame:
    hashed = lines.select(*_CONTENT, content=surrogate(natural_key(*_CONTENT)))
    return _numbered(hashed).select(
        "certificate",
        "transaction_type",
        "invoice",
        id=pl.format("PT-{}-{}", "content", "number"),
        transaction_date="posted_date",
        premium_amount="amount",
        billing_period_start="paid_to_date",
        billing_period_end=pl.col("paid_to_date").dt.offset_by("1mo"),
        source=pl.lit(TransactionSource.PREMIUM.value, pl.Int16),
    )


def _numbered(lines: pl.DataFrame) -> pl.DataFrame:
    """Number postings that are alike from 1; hashes that collide have 1 twice, which stops the run."""
    repeats = lines["content"].is_duplicated()
    number = pl.int_range(1, pl.len() + 1).over(_CONTENT)
    alone = lines.filter(~repeats).with_columns(number=pl.lit(1, pl.Int64))
    return pl.concat([alone, lines.filter(repeats).with_columns(number=number)])


def _expected(policies: pl.DataFrame) -> pl.DataFrame:
    return policies.select(
        "certificate",
        id=pl.format("PT-P{}", "id"),
        transaction_date="effective_date",
        premium_amount="premium",
        source=pl.lit(TransactionSource.POLICY.value, pl.Int16),
    )
