"""The private hierarchies of the policies that stand under no proposal."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["PolicyHierarchyAssignments", "PolicyHierarchyParticipants"]


class PolicyHierarchyAssignments(dy.Schema):
    """A split of a policy that stands under no proposal, its private hierarchy, and why."""

    id = dy.String(primary_key=True)
    policy_id = dy.String(nullable=False)
    certificate = dy.Int64(nullable=False)
    hierarchy_id = dy.String(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=True)
    writing_broker_id = dy.Int64(nullable=True)
    split_sequence = dy.Int32(nullable=False)
    is_non_conforming = dy.Bool(nullable=False)
    non_conformant_reason = dy.String(nullable=False)
    entry_type = dy.Int16(nullable=False)


class PolicyHierarchyParticipants(dy.Schema):
    """A broker of a private hierarchy: the highest rate that he was paid for the policy, and who is paid for him."""

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
