"""The headers of the extracts, exactly as they are delivered, and the names of their files."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BANKING",
    "CORRECT_CARD_TYPE",
    "FILES",
    "HEADERS",
    "TYPED_CARD_TYPE",
    "WRONG_LAYOUT",
    "WRONG_LAYOUT_FILE",
]

TYPED_CARD_TYPE: Final = "CreaditCardType"
CORRECT_CARD_TYPE: Final = "CreditCardType"
BANKING: Final = ("BankRoutingNumber", "AccountNumber", "AccountType")
_YEARS = " ".join(f"Year{year}" for year in (*range(1, 17), 66, 99))

HEADERS: Final[dict[str, tuple[str, ...]]] = {
    table: tuple(names.split())
    for table, names in {
        "raw_certificate_info": "Company ProductMasterCategory ProductCategory GroupId Product PlanCode CertificateId "
        "CertEffectiveDate CertIssuedState CertStatus CertPremium CertSplitSeq CertSplitPercent CustomerId RecStatus "
        "HierDriver HierVersion CommissionsSchedule CommissionType WritingBrokerID SplitBrokerId SplitBrokerSeq "
        "ReassignedType PaidBrokerId",
        "raw_commissions_detail": "Company CertificateId CertEffectiveDate SplitBrokerId PmtPostedDate PaidToDate "
        "PaidAmount TransActionType InvoiceNumber CertInForceMonths CommissionRate RealCommissionRate PaidBrokerId "
        f"{TYPED_CARD_TYPE} TransactionId",
        "raw_premiums": "Company GroupNumber Policy OldPolicy LastName FirstName Product MasterCategory Category "
        "PayMode StateIssued Division CertificateEffectiveDate DatePost DatePaidTo Amount TransactionType "
        "InvoiceNumber CommissionType GroupName SplitPercentage SplitCommissionHierarchy SplitSalesHierarchy LionRecNo",
        "raw_individual_brokers": "PartyUniqueId IndividualLastName IndividualFirstName HireDate EmailAddress "
        "CurrentStatus BrokerType",
        "raw_org_brokers": "PartyUniqueId OrganizationName HireDate EmailAddress CurrentStatus",
        "raw_licenses": "PartyUniqueId StateCode CurrentStatus LicenseCode LicenseEffectiveDate LicenseExpirationDate "
        "IsResidenceLicense LicenseNumber ApplicableCounty",
        "raw_eo_insurance": "PartyUniqueId CarrierName PolicyId FromDate ToDate DeductibleAmount ClaimMaxAmount "
        "AnnualMaxAmount PolicyMaxAmount LiabilityLimit",
        "raw_schedule_rates": "ScheduleName ScheduleDescription Category ProductCode OffGroupLetterDescription State "
        f"GroupSizeFrom GroupSizeTo GroupSize EffectiveStartDate EffectiveEndDate SeriesType SpecialOffer {_YEARS} "
        "Level",
        "raw_fees": "PRDNUM PRODUCTCAT FREQ AMOUNT FormattedAmount AMTKIND DATEEND DATESTART MAINT FEECALCMETHOD "
        "FormattedFeeCalcMethod PERSISTPERIOD RECNOFEEPERSON FEETYPE PartyUniqueId",
        "raw_perf_groups": "GroupNum GroupName StateAbbreviation GroupSize BrokerUniqueId BrokerReportsToUniqueId "
        "AgencyName Product EffectiveDate FundingType CommissionTable FeeAgreement",
    }.items()
}

FILES: Final[dict[str, tuple[str, ...]]] = {
    "raw_certificate_info": ("CertificateInfo_20251231.csv",),
    "raw_commissions_detail": tuple(
        f"CommissionsDetail_{period}.csv"
        for period in ("20250101_20250331", "20250401_20250630", "20250701_20250930", "20251001_20251231")
    ),
    "raw_premiums": ("premiums.csv",),
    "raw_individual_brokers": ("IndividualRosterExtract_20251231.csv",),
    "raw_org_brokers": ("OrganizationRosterExtract_20251231.csv",),
    "raw_licenses": ("BrokerLicenseExtract_20251231.csv",),
    "raw_eo_insurance": ("BrokerEO_20251231.csv",),
    "raw_schedule_rates": ("APL-Perf_Schedule_model_20251231.csv",),
    "raw_fees": ("Fees_20251231.csv",),
    "raw_perf_groups": ("APL-Perf_Group_model_20251231.csv",),
}

WRONG_LAYOUT_FILE: Final = "CommissionsDetail_20260101_20260115.csv"
WRONG_LAYOUT: Final = (
    "Company",
    "WritingBrokerId",
    "HierDriver",
    "HierVersion",
    "SplitBrokerSeq",
    "ContractEffectiveDate",
    "SplitBrokerId",
    "ContractId",
    "CommissionsSchedule",
)
