"""What kinds of tables are published, and which rows each kind holds once it is: its policy, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from transforms.commissions.relations import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firn import Policy
    from transforms.commissions.relations import Relation

__all__ = ["KINDS", "Kind", "stranded"]


class Kind(NamedTuple):
    """Tables that are alike.

    Attributes:
        title: What they are.
        policy: Which rows they hold, unless the settings say otherwise.
        reason: Why.
        tables: Their names.
    """

    title: str
    policy: Policy
    reason: str
    tables: tuple[str, ...]


KINDS: Final = (
    Kind(
        "master data",
        "keep_missing",
        "Others refer to these rows by their ids: one that the extracts no longer have stays.",
        ("brokers", "employer_groups", "products", "product_codes", "plans"),
    ),
    Kind(
        "credentials",
        "replace",
        "The extracts have all of them: one that they no longer have must not let a broker sell.",
        ("broker_licenses", "broker_appointments", "broker_eo_insurances", "broker_banking_infos"),
    ),
    Kind(
        "rates and fees",
        "replace",
        "The extracts have all of them: one that they no longer have must not be paid.",
        (
            "schedules",
            "schedule_versions",
            "schedule_rates",
            "special_schedule_rates",
            "schedule_rate_tiers",
            "fee_schedules",
            "fee_schedule_versions",
            "fee_schedule_items",
        ),
    ),
    Kind(
        "history",
        "replace",
        "The extracts have all postings: one corrected since, or made of a policy that had none, would count twice.",
        ("premium_transactions",),
    ),
    Kind(
        "derived",
        "replace",
        "Made of all certificates at once: what the checks prove of the rows of one run is not true of those of two.",
        (
            "group_conformance",
            "proposals",
            "proposal_products",
            "proposal_key_mapping",
            "premium_split_versions",
            "premium_split_participants",
            "hierarchies",
            "hierarchy_versions",
            "hierarchy_participants",
            "hierarchy_participant_product_rates",
            "state_rules",
            "state_rule_states",
            "hierarchy_splits",
            "split_distributions",
            "policies",
            "policy_hierarchy_assignments",
            "policy_hierarchy_participants",
            "commission_assignment_versions",
            "commission_assignment_recipients",
        ),
    ),
    Kind(
        "quarantine",
        "replace",
        "What is wrong with the extracts as they are now.",
        ("commission_rejects", "commission_set_aside", "commission_changes"),
    ),
)
"""Every published table, once."""


def stranded(policies: Mapping[str, Policy]) -> Relation | None:
    """Find a reference from a table whose rows stay to one whose rows do not: it would come to lead nowhere.

    Where there is none, and no reference of the new rows leads nowhere, none of production's does either.
    """
    return next((one for one in RELATIONS if policies[one.table] != "replace" == policies[one.to]), None)
