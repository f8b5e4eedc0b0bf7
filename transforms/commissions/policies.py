"""The policies: one per certificate, with the proposal under which it stands."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final

import dataframely as dy
import polars as pl

from transforms.commissions.conformance_routing import RoutedPha
from transforms.commissions.proposal_keys import ProposalKeyMapping, Proposals
from transforms.commissions.proposals_consolidated import ProposalMembers
from transforms.commissions.split_configs import CertConfigs

__all__ = ["ASSIGNMENT_SOURCES", "Payments", "Policies", "PolicyRows", "PolicyStatus", "PolicyType", "policies"]

ASSIGNMENT_SOURCES: Final = ("exact", "year_adjacent", "group_fallback")
"""How the proposal of a policy was found: by its configuration, or by one of the fallbacks."""

_COPIED: Final = ("company", "master_category", "category", "premium", "customer", "writing_broker")


class PolicyType(IntEnum):
    """What a policy is; the extracts tell no kinds apart."""

    CERTIFICATE = 0


class PolicyStatus(IntEnum):
    """The state of a policy; only active certificates are read."""

    ACTIVE = 0
    TERMINATED = 1
    CANCELLED = 2
    LAPSED = 3


class PolicyRows(dy.Schema):
    """What the rows of a certificate say of the policy."""

    certificate = dy.Int64(nullable=False)
    split_seq = dy.Int32(nullable=False)
    level = dy.Int32(nullable=False)
    company = dy.String(nullable=True)
    master_category = dy.String(nullable=True)
    category = dy.String(nullable=True)
    premium = dy.Decimal(18, 2, nullable=True)
    customer = dy.String(nullable=True)
    writing_broker = dy.Int64(nullable=True)


class Payments(dy.Schema):
    """Until when a commission was paid."""

    certificate = dy.Int64(nullable=False)
    paid_to_date = dy.Date(nullable=True)


class Policies(dy.Schema):
    """A certificate as a policy; ``policy_type`` is a `PolicyType`, ``status`` a `PolicyStatus`.

    ``proposal_id`` is null where it is assigned to private hierarchies instead; ``proposal_assignment_source`` is one
    of ``ASSIGNMENT_SOURCES``. ``broker_id`` is the writing broker. What the extract does not say is null: no company,
    date or broker is made up.
    """

    id = dy.String(primary_key=True)
    policy_number = dy.String(nullable=False)
    certificate = dy.Int64(nullable=False)
    policy_type = dy.Int32(nullable=False, metadata={"numbers": PolicyType})
    status = dy.Int32(nullable=False, metadata={"numbers": PolicyStatus})
    broker_id = dy.Int64(nullable=True)
    group_id = dy.String(nullable=False)
    carrier_name = dy.String(nullable=True)
    product_code = dy.String(nullable=False)
    product_name = dy.String(nullable=False)
    plan_code = dy.String(nullable=False)
    master_category = dy.String(nullable=True)
    category = dy.String(nullable=True)
    insured_name = dy.String(nullable=False)
    customer_id = dy.String(nullable=True)
    premium = dy.Decimal(18, 2, nullable=True)
    effective_date = dy.Date(nullable=False)
    state = dy.String(nullable=True)
    paid_through_date = dy.Date(nullable=True)
    proposal_id = dy.String(nullable=True)
    proposal_assignment_source = dy.String(nullable=True)


def policies(  # noqa: PLR0917 (the tables that it reads)
    certificate_lines: dy.DataFrame[PolicyRows],
    cert_configs: dy.DataFrame[CertConfigs],
    proposal_members: dy.DataFrame[ProposalMembers],
    routed_pha: dy.DataFrame[RoutedPha],
    proposal_key_mapping: dy.DataFrame[ProposalKeyMapping],
    proposals: dy.DataFrame[Proposals],
    commission_lines: dy.DataFrame[Payments],
) -> dy.DataFrame[Policies]:
    """Make a policy of each certificate, and find the proposal under which it stands.

    What a policy says is on one row of the certificate: that of the lowest level of the split with the lowest sequence
    number; of several such rows the least, column by column in the order of ``PolicyRows``.

    The proposal is exactly that of which the certificate is a member. Fallbacks are for certificates that were never
    routed, of which there are none unless a step between loses some: ``year_adjacent`` is the proposal of the group,
    product and plan whose days are nearest, of two as near the earlier; ``group_fallback`` that of the group that is
    open, begins last, and has the lowest id, in this order. ``policies_have_one_home`` refuses a policy without either.

    Args:
        certificate_lines: The active rows.
        cert_configs: The group, product, plan, date and state of each certificate.
        proposal_members: The certificates that stand under proposals.
        routed_pha: The certificates that get private hierarchies.
        proposal_key_mapping: The days of the proposals of each group, product and plan.
        proposals: The proposals.
        commission_lines: The payments.

    Returns:
        The policies in the order of their certificates.
    """
    paid = commission_lines.group_by("certificate").agg(paid_through_date=pl.col("paid_to_date").max())
    unrouted = cert_configs.join(
        pl.concat([proposal_members.select("certificate"), routed_pha.select("certificate")]),
        on="certificate",
        how="anti",
    )
    sources = pl.concat(
        [proposal_members.with_columns(source=pl.lit("exact")), _fallbacks(unrouted, proposal_key_mapping, proposals)]
    )
    certificates = cert_configs.join(_first_rows(certificate_lines), on="certificate", how="left")
    complete = certificates.join(sources, on="certificate", how="left").join(paid, on="certificate", how="left")
    text = pl.col("certificate").cast(pl.String)
    policies = complete.with_columns(
        id=text,
        policy_number=text,
        policy_type=pl.lit(PolicyType.CERTIFICATE.value),
        status=pl.lit(PolicyStatus.ACTIVE.value),
        broker_id="writing_broker",
        carrier_name="company",
        product_code="product",
        product_name=pl.concat_str("category", "product", separator=" - ", ignore_nulls=True),
        plan_code="plan",
        insured_name=pl.coalesce("customer", pl.format("Insured-{}", "certificate")),
        customer_id="customer",
        proposal_assignment_source="source",
    )
    return Policies.cast(policies.sort("certificate"))


def _first_rows(certificate_lines: pl.DataFrame) -> pl.DataFrame:
    """The row of each certificate that says what its policy is."""
    # One number for both orders them a third faster than the two.
    place = pl.col("split_seq").cast(pl.Int64) * 2**32 + pl.col("level")
    placed = certificate_lines.with_columns(place=place)
    lowest = placed.group_by("certificate").agg(pl.col("place").min())
    first = placed.join(lowest, on=["certificate", "place"], how="semi").drop("place")
    several = first["certificate"].is_duplicated()
    least = first.filter(several).sort("certificate", *_COPIED).unique("certificate", keep="first", maintain_order=True)
    return pl.concat([first.filter(~several), least])


def _fallbacks(unrouted: pl.DataFrame, mapping: pl.DataFrame, proposals: pl.DataFrame) -> pl.DataFrame:
    """Find the nearest proposal for certificates that were never routed."""
    adjacent = _adjacent(unrouted, mapping).with_columns(source=pl.lit("year_adjacent"))
    begin, is_closed = pl.col("effective_from"), pl.col("effective_to").is_not_null()
    ranked = proposals.sort(is_closed, begin, "id", descending=[False, True, False])
    best = ranked.unique("group_id", keep="first", maintain_order=True).select("group_id", proposal_id="id")
    rest = unrouted.join(adjacent, on="certificate", how="anti").join(best, on="group_id")
    group = rest.select("certificate", "proposal_id", source=pl.lit("group_fallback"))
    return pl.concat([adjacent, group])


def _adjacent(unrouted: pl.DataFrame, mapping: pl.DataFrame) -> pl.DataFrame:
    """The proposal of the same group, product and plan whose days are nearest to the date of a certificate."""
    keyed = mapping.select(
        "group_id", "effective_from", "effective_to", "proposal_id", product="product_code", plan="plan_code"
    )
    found = unrouted.join(keyed.unique(), on=["group_id", "product", "plan"])
    date = pl.col("effective_date")
    last = pl.col("effective_to").dt.offset_by("-1d")
    days = pl.max_horizontal(
        pl.lit(0), (pl.col("effective_from") - date).dt.total_days(), (date - last).dt.total_days()
    )
    nearest = found.with_columns(days=days).sort("certificate", "days", "effective_from", "proposal_id")
    return nearest.unique("certificate", keep="first", maintain_order=True).select("certificate", "proposal_id")
