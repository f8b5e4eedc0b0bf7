"""Liability insurances (errors and omissions) of brokers."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.choices import choose, first_of_each, latest, set_aside
from transforms.commissions.columns import EO
from transforms.commissions.identifiers import surrogate
from transforms.commissions.keys import keyed, natural_key
from transforms.commissions.lines import EoLines
from transforms.commissions.set_aside import SetAside

__all__ = ["BrokerEoInsurances", "EoTables", "broker_eo_insurances"]


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


class EoTables(NamedTuple):
    """The tables that ``broker_eo_insurances`` makes.

    Attributes:
        broker_eo_insurances: One row per insurance.
        eo_set_aside: The lines for which another stands.
    """

    broker_eo_insurances: dy.DataFrame[BrokerEoInsurances]
    eo_set_aside: dy.DataFrame[SetAside]


_KEY: Final = ("broker_id", "carrier", "policy_number", "effective_date")
_AMOUNTS: Final = {
    "deductible_amount": "deductible",
    "claim_max_amount": "claim_max",
    "annual_max_amount": "annual_max",
    "policy_max_amount": "policy_max",
    "liability_limit": "liability_limit",
}


def broker_eo_insurances(eo_lines: dy.DataFrame[EoLines]) -> EoTables:
    """List insurances, and mark the latest of each broker.

    Of several lines with the same broker, carrier, policy and effective date, the one that ends last stands for all.
    The latest of a broker is the one that ends last, then the one that begins last, then the first by its content; one
    without an end comes after those that state one.

    Args:
        eo_lines: Insurances.

    Returns:
        The insurances, and the lines that are not published.
    """
    chosen = choose(_insurances(eo_lines), _KEY, latest("expiration_date"))
    rows = chosen.kept.with_columns(id=surrogate(natural_key(*_KEY)))
    last = first_of_each(rows, ["broker_id"], latest("expiration_date"), latest("effective_date"))
    marked = rows.with_columns(is_latest=pl.col("id").is_in(last["id"].implode()))
    return EoTables(
        keyed("broker_eo_insurances", marked, BrokerEoInsurances),
        set_aside(EO, chosen.others, "repeated_insurance", "policy", "policy_number"),
    )


def _insurances(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(
        "file",
        "line",
        broker_id="broker",
        policy_number="policy",
        carrier="carrier",
        effective_date="from_date",
        expiration_date="to_date",
        **_AMOUNTS,
    )
