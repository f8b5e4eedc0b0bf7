"""Which tables hold what the eighteen exports of the former pipeline wrote."""

from __future__ import annotations

from typing import Final

__all__ = ["ADDED", "EXPORTS"]

EXPORTS: Final[dict[str, tuple[str, ...]]] = {
    "02-brokers": ("brokers",),
    "05-groups": ("employer_groups",),
    "06-products": ("products", "product_codes"),
    "06a-plans": ("plans",),
    "01-schedules": ("schedules", "schedule_versions", "schedule_rates"),
    "07-proposals": ("proposals", "proposal_products"),
    "08-hierarchies": (
        "hierarchies",
        "hierarchy_versions",
        "hierarchy_participants",
        "state_rules",
        "state_rule_states",
        "hierarchy_splits",
        "split_distributions",
    ),
    "11-splits": ("premium_split_versions", "premium_split_participants"),
    "09-policies": ("policies",),
    "10-premium-transactions": ("premium_transactions",),
    "14-policy-hierarchy-assignments": ("policy_hierarchy_assignments", "policy_hierarchy_participants"),
    "12-assignments": ("commission_assignment_versions", "commission_assignment_recipients"),
    "13-licenses": ("broker_licenses", "broker_appointments", "broker_eo_insurances"),
    "15-fee-schedules": ("fee_schedules", "fee_schedule_versions", "fee_schedule_items"),
    "16-broker-banking-infos": ("broker_banking_infos",),
    "17-special-schedule-rates": ("special_schedule_rates",),
    "18-schedule-rate-tiers": ("schedule_rate_tiers",),
    "19-hierarchy-product-rates": ("hierarchy_participant_product_rates",),
}
"""Each export in the order in which it ran. Bank accounts are read only where the setting ``banking`` asks for them."""

ADDED: Final = (
    "proposal_key_mapping",
    "group_conformance",
    "commission_rejects",
    "commission_set_aside",
    "commission_changes",
)
"""Tables that no export wrote: how policies find their proposals, how groups conform, what was rejected or changed."""
