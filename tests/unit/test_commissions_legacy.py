"""The former tables and columns are those of the former exports, as their description names them."""

import pytest

from pipelines.commissions import Commissions
from transforms.commissions.legacy import LEGACY

EXPORTED = """
    Brokers EmployerGroups Products ProductCodes Plans Schedules ScheduleVersions ScheduleRates Proposals
    ProposalProducts Hierarchies HierarchyVersions HierarchyParticipants StateRules StateRuleStates HierarchySplits
    SplitDistributions PremiumSplitVersions PremiumSplitParticipants Policies PremiumTransactions
    PolicyHierarchyAssignments CommissionAssignmentVersions CommissionAssignmentRecipients BrokerLicenses
    BrokerAppointments BrokerEOInsurances FeeSchedules FeeScheduleVersions FeeScheduleItems BrokerBankingInfos
    SpecialScheduleRates ScheduleRateTiers HierarchyParticipantProductRates
"""
"""Every table that the eighteen exports wrote."""
BESIDE = {"GroupConformanceStatistics", "PolicyHierarchyParticipants"}
"""Tables of the former pipeline that it made and no export wrote."""
NAMED = [
    ("employer_groups", "id", "Id"),
    ("employer_groups", "group_number", "GroupNumber"),
    ("employer_groups", "group_name", "GroupName"),
    ("employer_groups", "situs_state", "SitusState"),
    ("employer_groups", "lives", "GroupSize"),
    ("brokers", "id", "Id"),
    ("brokers", "type", "Type"),
    ("brokers", "status", "Status"),
    ("brokers", "external_party_id", "ExternalPartyId"),
    ("plans", "plan_code", "PlanCode"),
    ("plans", "plan_name", "Name"),
    ("schedules", "product_codes", "ProductCodeList"),
    ("proposals", "broker_party_id", "BrokerUniquePartyId"),
    ("proposals", "broker_name", "BrokerName"),
    ("proposals", "effective_to", "EffectiveDateTo"),
    ("proposal_products", "product_code", "ProductCode"),
    ("premium_split_versions", "group_id", "GroupId"),
    ("premium_transactions", "certificate", "CertificateId"),
    ("premium_transactions", "transaction_date", "TransactionDate"),
    ("premium_transactions", "premium_amount", "PremiumAmount"),
    ("policy_hierarchy_assignments", "policy_id", "PolicyId"),
    ("policy_hierarchy_assignments", "writing_broker_id", "WritingBrokerId"),
    ("special_schedule_rates", "year", "Year"),
    ("fee_schedules", "group_id", "GroupId"),
]
"""The columns that the description of the exports names, and that are published."""


def test_every_table_that_an_export_wrote_is_known_by_its_name() -> None:
    assert sorted(one.table for one in LEGACY.values()) == sorted({*EXPORTED.split(), *BESIDE})


@pytest.mark.parametrize(("table", "column", "former"), NAMED)
def test_a_column_is_called_as_the_former_exports_called_it(table: str, column: str, former: str) -> None:
    assert column in Commissions.publishes[table].column_names()
    assert LEGACY[table].called(column) == former
