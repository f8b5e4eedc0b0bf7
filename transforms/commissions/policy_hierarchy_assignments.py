"""The private hierarchies of the policies that stand under no proposal."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.conformance_routing import EntryType, RoutedPha
from transforms.commissions.hierarchies import Hierarchies, HierarchyParticipants

__all__ = [
    "AssignedRows",
    "AssignmentTables",
    "PaidRates",
    "PolicyHierarchyAssignments",
    "PolicyHierarchyParticipants",
    "policy_hierarchy_assignments",
]

_ROW: Final = ("certificate", "split_seq", "level", "broker", "schedule", "split_percent")
_WRITING: Final = 1


class AssignedRows(dy.Schema):
    """What the rows of a certificate say beside its chains: who wrote it, and who is paid for whom."""

    certificate = dy.Int64(nullable=False)
    split_seq = dy.Int32(nullable=False)
    level = dy.Int32(nullable=False)
    broker = dy.Int64(nullable=True)
    schedule = dy.String(nullable=True)
    split_percent = dy.Decimal(18, 4, nullable=True)
    writing_broker = dy.Int64(nullable=True)
    reassigned_type = dy.String(nullable=True)
    paid_broker = dy.Int64(nullable=True)


class PaidRates(dy.Schema):
    """The rates that a payment was made by."""

    certificate = dy.Int64(nullable=False)
    broker = dy.Int64(nullable=True)
    rate = dy.Decimal(18, 4, nullable=True)
    real_rate = dy.Decimal(18, 4, nullable=True)


class PolicyHierarchyAssignments(dy.Schema):
    """A split of a policy that stands under no proposal, its private hierarchy, and why.

    ``non_conformant_reason`` is one of the ``REASONS`` of ``conformance_routing``; ``entry_type`` is its ``EntryType``.
    """

    id = dy.String(primary_key=True)
    policy_id = dy.String(nullable=False)
    certificate = dy.Int64(nullable=False)
    hierarchy_id = dy.String(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=True)
    writing_broker_id = dy.Int64(nullable=True)
    split_sequence = dy.Int32(nullable=False)
    is_non_conforming = dy.Bool(nullable=False)
    non_conformant_reason = dy.String(nullable=False)
    entry_type = dy.Int32(nullable=False, metadata={"numbers": EntryType})


class PolicyHierarchyParticipants(dy.Schema):
    """A broker of a private hierarchy: the highest rate that he was paid for the policy, and who is paid for him.

    ``commission_rate`` is null where nothing was paid.
    """

    id = dy.String(primary_key=True)
    policy_hierarchy_assignment_id = dy.String(nullable=False)
    hierarchy_participant_id = dy.String(nullable=False)
    broker_id = dy.Int64(nullable=True)
    broker_name = dy.String(nullable=True)
    level = dy.Int32(nullable=False)
    commission_rate = dy.Decimal(18, 4, nullable=True)
    schedule_code = dy.String(nullable=True)
    schedule_id = dy.Int64(nullable=True)
    reassigned_type = dy.String(nullable=True)
    paid_broker_id = dy.Int64(nullable=True)


class AssignmentTables(NamedTuple):
    """The tables that ``policy_hierarchy_assignments`` makes.

    Attributes:
        policy_hierarchy_assignments: One per split of a policy without a proposal.
        policy_hierarchy_participants: The brokers of each.
    """

    policy_hierarchy_assignments: dy.DataFrame[PolicyHierarchyAssignments]
    policy_hierarchy_participants: dy.DataFrame[PolicyHierarchyParticipants]


def policy_hierarchy_assignments(
    routed_pha: dy.DataFrame[RoutedPha],
    certificate_lines: dy.DataFrame[AssignedRows],
    hierarchies: dy.DataFrame[Hierarchies],
    hierarchy_participants: dy.DataFrame[HierarchyParticipants],
    commission_lines: dy.DataFrame[PaidRates],
) -> AssignmentTables:
    """Assign each split of a policy without a proposal to its private hierarchy.

    An assignment is ``PHA-<certificate>-<sequence number>``, a participant ``<assignment>-L<level>`` with the ending
    that the participant of the hierarchy has. The percent is that of the lowest level. Of several rows that say the
    same but for the writing broker, the reassignment or the broker who is paid, the least of each of these counts.

    Args:
        routed_pha: The policies, and why they stand under no proposal.
        certificate_lines: The active rows.
        hierarchies: The chains, private ones among them.
        hierarchy_participants: Their brokers.
        commission_lines: The payments.

    Returns:
        Both tables in the order of their ids.
    """
    private = hierarchies.drop_nulls("certificate").select(
        "certificate", hierarchy_id="id", split_seq="split", version_id="current_version_id"
    )
    id_ = pl.format("PHA-{}-{}", "certificate", "split_seq")
    assigned = private.join(routed_pha, on="certificate").with_columns(id=id_)
    lines = certificate_lines.join(routed_pha, on="certificate", how="semi")
    people = hierarchy_participants.rename({"id": "hierarchy_participant_id", "hierarchy_version_id": "version_id"})
    rows = assigned.join(people, on="version_id")
    return AssignmentTables(
        PolicyHierarchyAssignments.cast(_assignments(assigned, rows, lines).sort("id")),
        PolicyHierarchyParticipants.cast(_participants(rows, lines, commission_lines).sort("id")),
    )


def _assignments(assigned: pl.DataFrame, rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Add the percent and the writing broker of each split."""
    lowest = rows.filter(pl.col("sort_order") == 1).select("id", "split_percent")
    writers = lines.filter(pl.col("level") == _WRITING).group_by("certificate", "split_seq")
    named = assigned.join(
        writers.agg(writing_broker_id=pl.col("writing_broker").min()), on=["certificate", "split_seq"], how="left"
    )
    return named.join(lowest, on="id", how="left").with_columns(
        policy_id=pl.col("certificate").cast(pl.String),
        split_sequence="split_seq",
        is_non_conforming=pl.lit(value=True),
        non_conformant_reason="reason",
    )


def _participants(rows: pl.DataFrame, lines: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Add to the brokers of the chains what they were paid, and who is paid for them."""
    rate = pl.coalesce("real_rate", "rate").max()
    rates = payments.join(rows, on="certificate", how="semi").group_by("certificate", broker_id="broker")
    paid = rows.join(rates.agg(commission_rate=rate), on=["certificate", "broker_id"], how="left")
    keys = dict(zip(_ROW[3:], ("broker_id", "schedule_code", "split_percent"), strict=True))
    said = lines.group_by(_ROW).agg(pl.col("reassigned_type").min(), paid_broker_id=pl.col("paid_broker").min())
    joined = paid.join(said.rename(keys), on=[keys.get(name, name) for name in _ROW], how="left", nulls_equal=True)
    ending = pl.col("hierarchy_participant_id").str.strip_prefix(pl.col("version_id"))
    return joined.with_columns(id=pl.concat_str("id", ending), policy_hierarchy_assignment_id="id")
