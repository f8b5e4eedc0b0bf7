"""Which column of the published tables names a row of which other, listed by hand: nothing of firn is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

__all__ = ["NAMES_NOTHING", "REFERENCES", "Reference", "lost"]


class Reference(NamedTuple):
    """A column whose values are those of a column of another table."""

    table: str
    column: str
    to: str
    key: str


def _read(text: str) -> Iterator[Reference]:
    for line in text.split("\n"):
        target, _, referring = line.strip().partition(": ")
        for one in referring.split():
            yield Reference(*one.split("."), *target.split("."))


REFERENCES: Final = tuple(
    one
    for one in _read(
        """
        employer_groups.id: proposals.group_id hierarchies.group_id policies.group_id group_conformance.group_id
        employer_groups.id: fee_schedules.group_id proposal_key_mapping.group_id premium_split_versions.group_id
        employer_groups.id: premium_split_participants.group_id
        proposals.id: proposal_products.proposal_id proposal_key_mapping.proposal_id premium_split_versions.proposal_id
        proposals.id: hierarchies.proposal_id policies.proposal_id fee_schedules.proposal_id
        premium_split_versions.id: premium_split_participants.version_id
        hierarchies.id: hierarchy_versions.hierarchy_id premium_split_participants.hierarchy_id
        hierarchies.id: policy_hierarchy_assignments.hierarchy_id
        hierarchy_versions.id: hierarchy_participants.hierarchy_version_id state_rules.hierarchy_version_id
        hierarchy_versions.id: hierarchies.current_version_id
        hierarchy_participants.id: hierarchy_participant_product_rates.hierarchy_participant_id
        hierarchy_participants.id: split_distributions.hierarchy_participant_id
        hierarchy_participants.id: policy_hierarchy_participants.hierarchy_participant_id
        state_rules.id: state_rule_states.state_rule_id hierarchy_splits.state_rule_id
        hierarchy_splits.id: split_distributions.hierarchy_split_id
        split_distributions.id: hierarchy_participant_product_rates.id
        policies.id: policy_hierarchy_assignments.policy_id
        policies.certificate: hierarchies.certificate policy_hierarchy_assignments.certificate
        policy_hierarchy_assignments.id: policy_hierarchy_participants.policy_hierarchy_assignment_id
        products.id: plans.product_code product_codes.code proposal_products.product_code policies.product_code
        products.id: proposal_key_mapping.product_code hierarchy_splits.product_id schedule_rates.product_code
        products.id: hierarchy_participant_product_rates.product_code
        schedules.id: schedule_versions.schedule_id hierarchy_participants.schedule_id split_distributions.schedule_id
        schedules.id: policy_hierarchy_participants.schedule_id
        schedule_versions.id: schedule_rates.schedule_version_id schedules.current_version_id
        schedule_rates.id: special_schedule_rates.schedule_rate_id schedule_rate_tiers.schedule_rate_id
        schedule_rates.id: hierarchy_participant_product_rates.schedule_rate_id
        fee_schedules.id: fee_schedule_versions.fee_schedule_id
        fee_schedule_versions.id: fee_schedule_items.fee_schedule_version_id
        commission_assignment_versions.id: commission_assignment_recipients.assignment_version_id
        brokers.id: broker_licenses.broker_id broker_appointments.broker_id broker_eo_insurances.broker_id
        brokers.id: broker_banking_infos.broker_id
        brokers.id: commission_assignment_versions.broker_id commission_assignment_recipients.recipient_broker_id
        brokers.id: employer_groups.primary_broker_id proposals.broker_id premium_split_participants.broker_id
        brokers.id: hierarchies.broker_id hierarchy_participants.broker_id split_distributions.participant_broker_id
        brokers.id: policies.broker_id policy_hierarchy_assignments.writing_broker_id
        brokers.id: policy_hierarchy_participants.broker_id policy_hierarchy_participants.paid_broker_id
        brokers.id: fee_schedule_items.recipient_broker_id
        brokers.external_party_id: proposals.broker_party_id premium_split_participants.broker_party_id
        """
    )
)
"""What every value of a column has to be, where it has any."""

NAMES_NOTHING: Final = {
    "brokers.external_party_id",
    "schedules.external_id",
    "policies.customer_id",
    "fee_schedule_items.fee_id",
}
"""Columns that are called as if they did, and tell of something outside of the tables, or repeat what another says."""


def lost(reference: Reference, tables: Mapping[str, pl.DataFrame]) -> set[object]:
    """Find the values of a column that no row of the other table has."""
    return set(tables[reference.table][reference.column].drop_nulls()) - set(tables[reference.to][reference.key])
