"""The policies: one per certificate, with the proposal under which it stands."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["Policies"]


class Policies(dy.Schema):
    """A certificate as a policy. ``proposal_id`` is null where it is assigned to private hierarchies instead."""

    id = dy.String(primary_key=True)
    policy_number = dy.String(nullable=False)
    certificate = dy.Int64(nullable=False)
    policy_type = dy.Int16(nullable=False)
    status = dy.Int16(nullable=False)
    broker_id = dy.Int64(nullable=True)
    group_id = dy.String(nullable=False)
    carrier_name = dy.String(nullable=True)
    product_code = dy.String(nullable=True)
    product_name = dy.String(nullable=True)
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
