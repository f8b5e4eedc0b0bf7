"""Liability insurances (errors and omissions) of brokers."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["BrokerEoInsurances"]


class BrokerEoInsurances(dy.Schema):
    """A liability insurance (errors and omissions) of a broker; amounts are dollars.

    ``id`` is the surrogate of broker, carrier, policy and effective date; ``is_latest`` marks one of each broker.
    """

    id = dy.Int64(primary_key=True)
    broker_id = dy.Int64(nullable=False)
    policy_number = dy.String(nullable=True)
    carrier = dy.String(nullable=True)
    deductible_amount = dy.Decimal(18, 2, nullable=True)
    claim_max_amount = dy.Decimal(18, 2, nullable=True)
    annual_max_amount = dy.Decimal(18, 2, nullable=True)
    policy_max_amount = dy.Decimal(18, 2, nullable=True)
    liability_limit = dy.Decimal(18, 2, nullable=True)
    effective_date = dy.Date(nullable=True)
    expiration_date = dy.Date(nullable=True)
    is_latest = dy.Bool(nullable=False)
