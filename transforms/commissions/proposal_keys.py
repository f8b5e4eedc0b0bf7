"""The published proposals, their products and plans, and the key by which a certificate finds its proposal."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.brokers import Brokers
from transforms.commissions.identifiers import ANY_PLAN
from transforms.commissions.products import Products
from transforms.commissions.proposal_date_ranges import DatedProposals
from transforms.commissions.proposals_consolidated import ProposalMembers
from transforms.commissions.split_configs import CertConfigs, ConfigLines

__all__ = [
    "ProposalKeyMapping",
    "ProposalKeyTables",
    "ProposalProducts",
    "ProposalStatus",
    "Proposals",
    "proposal_keys",
]

_MOST_PLANS: Final = 10
_NOTES: Final = {
    "simple": "Simple group - single config",
    "plan": "Plan-differentiated",
    "year": "Year-differentiated",
    "granular": "Granular",
}


class ProposalStatus(IntEnum):
    """How far a proposal has come; those made of certificates are approved."""

    INACTIVE = 0
    ACTIVE = 1
    APPROVED = 2
    EXPIRED = 3


class Proposals(dy.Schema):
    """An agreement with a group, in force from ``effective_from`` until the day before ``effective_to``.

    ``product_codes`` and ``plan_codes`` show what it is for, as JSON lists or ``*``; what counts are the pairs in
    ``proposal_products``. ``plan_codes`` is ``*`` where there are more than 10 plans or none. The broker is the writing
    broker with the largest split, of several the one with the lowest number. ``status`` is a `ProposalStatus`.
    """

    id = dy.String(primary_key=True)
    proposal_number = dy.String(nullable=False)
    display_name = dy.String(nullable=False, max_length=100)
    status = dy.Int32(nullable=False, metadata={"numbers": ProposalStatus})
    submitted_date = dy.Date(nullable=False)
    proposed_effective_date = dy.Date(nullable=False)
    situs_state = dy.String(nullable=True)
    broker_id = dy.Int64(nullable=False)
    broker_party_id = dy.String(nullable=False)
    broker_name = dy.String(nullable=False)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=False)
    notes = dy.String(nullable=False)
    product_codes = dy.String(nullable=False)
    plan_codes = dy.String(nullable=False)
    split_config_hash = dy.String(nullable=False, regex="^[0-9A-F]{64}$")
    date_range_from = dy.Int32(nullable=False)
    date_range_to = dy.Int32(nullable=True)
    enable_plan_code_filtering = dy.Bool(nullable=False)
    enable_effective_date_filtering = dy.Bool(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)


class ProposalProducts(dy.Schema):
    """A product and plan for which certificates stand under a proposal; the plan ``*`` is that of none."""

    proposal_id = dy.String(primary_key=True)
    product_code = dy.String(primary_key=True)
    plan_code = dy.String(primary_key=True)
    product_name = dy.String(nullable=False)


class ProposalKeyMapping(dy.Schema):
    """The proposal of a group's product and plan in a year, on the days from ``effective_from`` to ``effective_to``.

    A year in which the configuration changes has a row for each; their days never overlap, so a date finds one.
    """

    group_id = dy.String(primary_key=True)
    effective_year = dy.Int32(primary_key=True)
    product_code = dy.String(primary_key=True)
    plan_code = dy.String(primary_key=True)
    effective_from = dy.Date(primary_key=True)
    effective_to = dy.Date(nullable=True)
    proposal_id = dy.String(nullable=False)
    split_config_hash = dy.String(nullable=False)


class ProposalKeyTables(NamedTuple):
    """The tables that ``proposal_keys`` makes.

    Attributes:
        proposals: The proposals.
        proposal_products: The pairs of product and plan of each.
        proposal_key_mapping: Which proposal a group, year, product, plan and date finds.
    """

    proposals: dy.DataFrame[Proposals]
    proposal_products: dy.DataFrame[ProposalProducts]
    proposal_key_mapping: dy.DataFrame[ProposalKeyMapping]


def proposal_keys(  # noqa: PLR0917 (the tables that it reads)
    dated_proposals: dy.DataFrame[DatedProposals],
    proposal_members: dy.DataFrame[ProposalMembers],
    cert_configs: dy.DataFrame[CertConfigs],
    config_lines: dy.DataFrame[ConfigLines],
    brokers: dy.DataFrame[Brokers],
    products: dy.DataFrame[Products],
) -> ProposalKeyTables:
    """Complete the proposals with their brokers, products and plans, and map the keys of their certificates to them.

    Args:
        dated_proposals: The proposals.
        proposal_members: Which certificates stand under each.
        cert_configs: The products, plans and dates of those.
        config_lines: The brokers of the configurations.
        brokers: The names of brokers.
        products: The names of products.

    Returns:
        Three tables in the order of their keys.
    """
    sold = _sold(proposal_members, cert_configs)
    pairs = sold.select("proposal_id", product_code="product", plan_code="plan").unique()
    named = pairs.join(products.select("category", product_code="id"), on="product_code", how="left")
    product_name = pl.concat_str("category", "product_code", separator=" - ", ignore_nulls=True)
    return ProposalKeyTables(
        Proposals.cast(_proposals(dated_proposals, pairs, _writers(config_lines, brokers))),
        ProposalProducts.cast(named.with_columns(product_name=product_name).sort(ProposalProducts.primary_key())),
        ProposalKeyMapping.cast(_mapping(dated_proposals, sold)),
    )


def _sold(proposal_members: pl.DataFrame, cert_configs: pl.DataFrame) -> pl.DataFrame:
    """The products and plans of each proposal, by the year in which certificates were sold."""
    dates = cert_configs.select("certificate", "product", "plan", effective_year=pl.col("effective_date").dt.year())
    return proposal_members.join(dates, on="certificate").drop("certificate").unique()


def _writers(config_lines: pl.DataFrame, brokers: pl.DataFrame) -> pl.DataFrame:
    """The writing broker of each configuration that has the largest split."""
    writers = config_lines.filter(pl.col("level") == 1).sort(
        "config_hash", "percent", "broker", descending=[False, True, False]
    )
    names = brokers.select(broker_id="id", broker_party_id="external_party_id", broker_name="name")
    first = writers.unique("config_hash", keep="first", maintain_order=True)
    return first.select("config_hash", broker_id="broker").join(names, on="broker_id", how="left")


def _proposals(dated: pl.DataFrame, pairs: pl.DataFrame, writers: pl.DataFrame) -> pl.DataFrame:
    """Add what is shown of each proposal to what it is."""
    shown = pairs.group_by("proposal_id").agg(product_codes=_listed("product_code"), plan_codes=_plans())
    is_simple = pl.col("label") == "simple"
    complete = dated.join(shown, left_on="id", right_on="proposal_id", how="left").join(
        writers, on="config_hash", how="left"
    )
    codes = complete.with_columns(
        pl.when(is_simple).then(pl.lit(ANY_PLAN)).otherwise(pl.col("product_codes", "plan_codes")).name.keep()
    )
    return codes.with_columns(
        proposal_number=pl.format("{}-{}", "group_id", "number"),
        status=pl.lit(ProposalStatus.APPROVED.value),
        submitted_date="effective_from",
        proposed_effective_date="effective_from",
        notes=pl.col("label").cast(pl.String).replace_strict(_NOTES),
        split_config_hash="config_hash",
        enable_plan_code_filtering=pl.col("plan_codes") != ANY_PLAN,
        enable_effective_date_filtering=~is_simple,
    ).sort("id")


def _listed(column: str) -> pl.Expr:
    """Write the distinct values of a column as a JSON list, sorted."""
    quoted = pl.col(column).unique().sort().str.replace_all(r'(["\\\\])', r"\\$1")
    return '["' + quoted.str.join('","') + '"]'


def _plans() -> pl.Expr:
    """List the plans of a proposal; ``*`` where they are too many to show, or one is that of no plan."""
    plan = pl.col("plan_code")
    is_any = (plan == ANY_PLAN).any() | (plan.n_unique() > _MOST_PLANS)
    return pl.when(is_any).then(pl.lit(ANY_PLAN)).otherwise(_listed("plan_code"))


def _mapping(dated: pl.DataFrame, sold: pl.DataFrame) -> pl.DataFrame:
    """Map each group, year, product and plan to its proposals, with the days of each."""
    terms = dated.select(
        "group_id", "effective_from", "effective_to", proposal_id="id", split_config_hash="config_hash"
    )
    mapped = sold.join(terms, on="proposal_id").rename({"product": "product_code", "plan": "plan_code"})
    return mapped.sort(ProposalKeyMapping.primary_key())
