"""What the former pipeline called the tables and columns of its eighteen exports, so that both can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LEGACY", "Legacy"]


class Legacy(NamedTuple):
    """A table of the former pipeline.

    Attributes:
        table: Its name.
        columns: What it calls columns whose name is not that of the published table in Pascal's case; empty for those
            that mean something else there, above all ids: rows were numbered, and every run numbered them anew.
        key: The published columns by which rows are matched instead of by an id; without any, and where the id means
            nothing there, rows are compared by all that they hold.
    """

    table: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()

    def called(self, column: str) -> str:
        """The name of a column there: ``GroupName`` for ``group_name``; empty for one that means nothing there."""
        return self.columns.get(column, "".join(word.capitalize() for word in column.split("_")))


def _of(table: str, *ids: str, key: tuple[str, ...] = (), **columns: str) -> Legacy:
    """Name a table; ``ids`` are columns that mean nothing there, ``columns`` those with names of their own."""
    return Legacy(table, dict.fromkeys(ids, "") | columns, key)


LEGACY: Final[dict[str, Legacy]] = {
    "brokers": _of("Brokers"),
    "broker_licenses": _of("BrokerLicenses", "id", key=("broker_id", "license_number", "state")),
    "broker_appointments": _of("BrokerAppointments"),
    "broker_eo_insurances": _of("BrokerEOInsurances", "id", key=("broker_id", "policy_number")),
    "broker_banking_infos": _of("BrokerBankingInfos"),
    "employer_groups": _of("EmployerGroups", "group_size", lives="GroupSize"),
    "group_conformance": _of("GroupConformanceStatistics"),
    "products": _of("Products"),
    "product_codes": _of("ProductCodes", product_category="ProductId"),
    "plans": _of("Plans", product_code="ProductId", plan_name="Name"),
    "schedules": _of("Schedules", "id", "current_version_id", key=("external_id",), product_codes="ProductCodeList"),
    "schedule_versions": _of("ScheduleVersions", "id", "schedule_id"),
    "schedule_rates": _of("ScheduleRates", "id", "schedule_version_id"),
    "special_schedule_rates": _of("SpecialScheduleRates", "schedule_rate_id"),
    "schedule_rate_tiers": _of("ScheduleRateTiers", "id", "schedule_rate_id"),
    "proposals": _of(
        "Proposals",
        "id",
        "proposal_number",
        "split_config_hash",
        broker_party_id="BrokerUniquePartyId",
        effective_from="EffectiveDateFrom",
        effective_to="EffectiveDateTo",
    ),
    "proposal_products": _of("ProposalProducts", "proposal_id"),
    "premium_split_versions": _of("PremiumSplitVersions", "id", "proposal_id", "proposal_number"),
    "premium_split_participants": _of(
        "PremiumSplitParticipants", "id", "version_id", "hierarchy_id", broker_party_id="BrokerUniquePartyId"
    ),
    "hierarchies": _of("Hierarchies", "id", "proposal_id", "current_version_id"),
    "hierarchy_versions": _of("HierarchyVersions", "id", "hierarchy_id"),
    "hierarchy_participants": _of(
        "HierarchyParticipants",
        "id",
        "hierarchy_version_id",
        "schedule_id",
        broker_id="EntityId",
        broker_name="EntityName",
    ),
    "state_rules": _of("StateRules", "id", "hierarchy_version_id"),
    "state_rule_states": _of("StateRuleStates", "id", "state_rule_id"),
    "hierarchy_splits": _of(
        "HierarchySplits", "id", "state_rule_id", product_id="ProductCode", product_category="ProductId"
    ),
    "split_distributions": _of(
        "SplitDistributions",
        "id",
        "hierarchy_split_id",
        "hierarchy_participant_id",
        "schedule_id",
        participant_broker_id="ParticipantEntityId",
        schedule_code="ScheduleName",
    ),
    "hierarchy_participant_product_rates": _of(
        "HierarchyParticipantProductRates", "id", "hierarchy_participant_id", "schedule_rate_id"
    ),
    "policies": _of("Policies", "proposal_id", certificate="CertificateNumber"),
    "premium_transactions": _of(
        "PremiumTransactions",
        "id",
        key=("certificate", "transaction_date", "premium_amount"),
        certificate="CertificateId",
    ),
    "policy_hierarchy_assignments": _of(
        "PolicyHierarchyAssignments",
        "id",
        "hierarchy_id",
        key=("certificate", "split_sequence"),
        certificate="CertificateId",
    ),
    "policy_hierarchy_participants": _of(
        "PolicyHierarchyParticipants", "id", "policy_hierarchy_assignment_id", "schedule_id"
    ),
    "commission_assignment_versions": _of("CommissionAssignmentVersions", "id", key=("broker_id",)),
    "commission_assignment_recipients": _of("CommissionAssignmentRecipients", "id", "assignment_version_id"),
    "fee_schedules": _of("FeeSchedules", "id", "proposal_id"),
    "fee_schedule_versions": _of("FeeScheduleVersions", "id", "fee_schedule_id"),
    "fee_schedule_items": _of("FeeScheduleItems", "id", "fee_schedule_version_id", "fee_id", code="FeeTypeCode"),
}
"""Every table that an export wrote, by the name under which it is published now."""
