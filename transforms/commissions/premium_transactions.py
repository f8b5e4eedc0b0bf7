"""Premiums as transactions of certificates."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum

import dataframely as dy

__all__ = ["PremiumTransactions", "TransactionSource"]


class TransactionSource(IntEnum):
    """What a transaction was made of: a premium that was posted, or a policy that has none."""

    PREMIUM = 0
    POLICY = 1


class PremiumTransactions(dy.Schema):
    """A premium of a certificate, in dollars; ``source`` is a :class:`TransactionSource`.

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
    source = dy.Int32(nullable=False)
