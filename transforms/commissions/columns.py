"""The columns of the ten extracts: what the files call each, and the column of the typed line that it feeds."""

from __future__ import annotations

from typing import Final, Generic, Literal, NamedTuple, TypeVar

import dataframely as dy
import polars as pl

from transforms.commissions.lines import (
    YEARS,
    CertificateLines,
    CommissionLines,
    EoLines,
    FeeLines,
    IndividualLines,
    LicenseLines,
    OrganizationLines,
    PerfGroupLines,
    PremiumLines,
    ScheduleLines,
)

__all__ = ["EXTRACTS", "OTHERS", "RENAMED", "ColumnOf", "Kind", "Records"]

Lines = TypeVar("Lines", bound=dy.Schema)

Kind = Literal["text", "date", "whole", "decimal", "broker", "group", "plan", "code", "state", "flag", "status"]
"""How the text of a column is read; a ``status`` says whether a record is current, and feeds no column."""


class ColumnOf(NamedTuple):
    """A column of an extract.

    Attributes:
        header: What the files call it.
        name: The column of the typed line; empty for a status.
        kind: How its text is read.
        needed: Whether a record without a good value there is rejected.
        refused: Whether a record is rejected whose text there is no good value, though it may have none.
    """

    header: str
    name: str
    kind: Kind
    needed: bool
    refused: bool = False


class Records(NamedTuple, Generic[Lines]):
    """The records of an extract.

    Attributes:
        table: The raw table.
        lines: The contract of its typed lines.
        columns: Its columns, in the order of the files; one that feeds two columns of the line is there twice.
        key: The columns of which two current records may not share all values; empty for none.
        withheld: Columns that are read only where settings ask for them, and that not every file has.
        optional: Whether there may be no file.
    """

    table: str
    lines: type[Lines]
    columns: tuple[ColumnOf, ...]
    key: tuple[str, ...] = ()
    withheld: tuple[ColumnOf, ...] = ()
    optional: bool = False

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers, in the order of the files."""
        return tuple(dict.fromkeys(column.header for column in self.columns))

    def header(self, name: str) -> str:
        """The header of the column that feeds a column of the typed line."""
        return next(column.header for column in (*self.columns, *self.withheld) if column.name == name)


_KINDS: Final[dict[str, Kind]] = {
    "*": "broker", "#": "group", "%": "code", "~": "plan", "^": "state", "?": "flag"
}  # fmt: skip


def _records(table: str, lines: type[Lines], *columns: str, key: tuple[str, ...] = ()) -> Records[Lines]:
    """Read declarations such as ``PaidAmount amount``; a mark before the second word says what its type does not.

    Text that is no good value rejects a record where the first word ends with a ``!``.
    """
    return Records(table, lines, tuple(_column(lines, *column.split()) for column in columns), key)


def _column(lines: type[dy.Schema], header: str, name: str = "") -> ColumnOf:
    if not name:
        return ColumnOf(header, "", "status", needed=False)
    header, refused = header.rstrip("!"), header.endswith("!")
    kind = _KINDS.get(name[0])
    name = name[1:] if kind else name
    column = lines.columns()[name]
    needed = not column.nullable and kind not in {"plan", "flag"}
    return ColumnOf(header, name, kind or _kind(column.dtype), needed, refused)


def _kind(dtype: pl.DataType) -> Kind:
    if dtype == pl.Date:
        return "date"
    if dtype.is_integer():
        return "whole"
    return "decimal" if dtype.is_decimal() else "text"


def _banking(lines: type[dy.Schema]) -> tuple[ColumnOf, ...]:
    """The columns of bank accounts, which newer rosters have."""
    headers = {"BankRoutingNumber": "bank_routing", "AccountNumber": "bank_account", "AccountType": "bank_account_type"}
    return tuple(_column(lines, header, name) for header, name in headers.items())


CERTIFICATES: Final = _records(
    "raw_certificate_info",
    CertificateLines,
    "Company company",
    "ProductMasterCategory master_category",
    "ProductCategory category",
    "GroupId! #group_key",
    "Product %product",
    "PlanCode ~plan",
    "CertificateId certificate",
    "CertEffectiveDate effective_date",
    "CertIssuedState ^state",
    "CertStatus",
    "CertPremium premium",
    "CertSplitSeq split_seq",
    "CertSplitPercent! split_percent",
    "CustomerId customer",
    "RecStatus",
    "HierDriver hier_driver",
    "HierVersion hier_version",
    "CommissionsSchedule schedule",
    "CommissionType commission_type",
    "WritingBrokerID *writing_broker",
    "SplitBrokerId! *broker",
    "SplitBrokerSeq level",
    "ReassignedType reassigned_type",
    "PaidBrokerId! *paid_broker",
    key=("certificate", "split_seq", "level"),
)
COMMISSIONS: Final = _records(
    "raw_commissions_detail",
    CommissionLines,
    "Company company",
    "CertificateId certificate",
    "CertEffectiveDate effective_date",
    "SplitBrokerId *broker",
    "PmtPostedDate posted_date",
    "PaidToDate paid_to_date",
    "PaidAmount amount",
    "TransActionType transaction_type",
    "InvoiceNumber invoice",
    "CertInForceMonths in_force_months",
    "CommissionRate rate",
    "RealCommissionRate real_rate",
    "PaidBrokerId *paid_broker",
    "CreditCardType credit_card_type",
    "TransactionId transaction_id",
)
PREMIUMS: Final = _records(
    "raw_premiums",
    PremiumLines,
    "Company company",
    "GroupNumber #group_key",
    "Policy certificate",
    "OldPolicy old_policy",
    "LastName last_name",
    "FirstName first_name",
    "Product product",
    "MasterCategory master_category",
    "Category category",
    "PayMode pay_mode",
    "StateIssued ^state",
    "Division division",
    "CertificateEffectiveDate effective_date",
    "DatePost posted_date",
    "DatePaidTo paid_to_date",
    "Amount amount",
    "TransactionType transaction_type",
    "InvoiceNumber invoice",
    "CommissionType commission_type",
    "GroupName group_name",
    "SplitPercentage split_percent",
    "SplitCommissionHierarchy commission_hierarchy",
    "SplitSalesHierarchy sales_hierarchy",
    "LionRecNo record",
)
INDIVIDUALS: Final = _records(
    "raw_individual_brokers",
    IndividualLines,
    "PartyUniqueId *broker",
    "PartyUniqueId party",
    "IndividualLastName last_name",
    "IndividualFirstName first_name",
    "HireDate hire_date",
    "EmailAddress email",
    "CurrentStatus status",
    "BrokerType broker_type",
)._replace(withheld=_banking(IndividualLines))
ORGANIZATIONS: Final = _records(
    "raw_org_brokers",
    OrganizationLines,
    "PartyUniqueId *broker",
    "PartyUniqueId party",
    "OrganizationName name",
    "HireDate hire_date",
    "EmailAddress email",
    "CurrentStatus status",
)._replace(withheld=_banking(OrganizationLines))
LICENSES: Final = _records(
    "raw_licenses",
    LicenseLines,
    "PartyUniqueId *broker",
    "StateCode ^state",
    "CurrentStatus status",
    "LicenseCode code",
    "LicenseEffectiveDate effective_date",
    "LicenseExpirationDate expiration_date",
    "IsResidenceLicense ?is_residence",
    "LicenseNumber number",
    "ApplicableCounty county",
)
EO: Final = _records(
    "raw_eo_insurance",
    EoLines,
    "PartyUniqueId *broker",
    "CarrierName carrier",
    "PolicyId policy",
    "FromDate from_date",
    "ToDate to_date",
    "DeductibleAmount deductible",
    "ClaimMaxAmount claim_max",
    "AnnualMaxAmount annual_max",
    "PolicyMaxAmount policy_max",
    "LiabilityLimit liability_limit",
)
SCHEDULES: Final = _records(
    "raw_schedule_rates",
    ScheduleLines,
    "ScheduleName schedule",
    "ScheduleDescription description",
    "Category category",
    "ProductCode %product",
    "OffGroupLetterDescription off_group_letter",
    "State! ^state",
    "GroupSizeFrom size_from",
    "GroupSizeTo size_to",
    "GroupSize size",
    "EffectiveStartDate start_date",
    "EffectiveEndDate end_date",
    "SeriesType series_type",
    "SpecialOffer special_offer",
    *(f"Year{year} year_{year}" for year in YEARS),
    "Level level",
)
FEES: Final = _records(
    "raw_fees",
    FeeLines,
    "PRDNUM #group_key",
    "PRODUCTCAT category",
    "FREQ frequency",
    "AMOUNT amount",
    "FormattedAmount formatted_amount",
    "AMTKIND kind",
    "DATEEND end_date",
    "DATESTART start_date",
    "MAINT maintenance",
    "FEECALCMETHOD method",
    "FormattedFeeCalcMethod formatted_method",
    "PERSISTPERIOD persist_period",
    "RECNOFEEPERSON record",
    "FEETYPE type",
    "PartyUniqueId *broker",
)
LEGACY_INDIVIDUALS: Final = INDIVIDUALS._replace(table="raw_individual_brokers_legacy", optional=True)
LEGACY_ORGANIZATIONS: Final = ORGANIZATIONS._replace(table="raw_org_brokers_legacy", optional=True)
PERF_GROUPS: Final = _records(
    "raw_perf_groups",
    PerfGroupLines,
    "GroupNum #group_key",
    "GroupName name",
    "StateAbbreviation ^state",
    "GroupSize size",
    "BrokerUniqueId *broker",
    "BrokerReportsToUniqueId *reports_to",
    "AgencyName agency",
    "Product product",
    "EffectiveDate effective_date",
    "FundingType funding",
    "CommissionTable commission_table",
    "FeeAgreement fee_agreement",
)
EXTRACTS: Final = (
    CERTIFICATES,
    COMMISSIONS,
    PREMIUMS,
    INDIVIDUALS,
    ORGANIZATIONS,
    LICENSES,
    EO,
    SCHEDULES,
    FEES,
    PERF_GROUPS,
    LEGACY_INDIVIDUALS,
    LEGACY_ORGANIZATIONS,
)
"""Every extract that a table is made of."""

RENAMED: Final = {"CreaditCardType": "CreditCardType"}
"""Headers of older files, with what newer ones call them."""

OTHERS: Final = {
    "the extract CommHierarchy": (
        "Company",
        "WritingBrokerId",
        "HierDriver",
        "HierVersion",
        "SplitBrokerSeq",
        "ContractEffectiveDate",
        "SplitBrokerId",
        "ContractId",
        "CommissionsSchedule",
    ),
    "the extract BrokerMGARelationships": ("ChildBrokerId", "ParentBrokerId", "RelationshipType"),
    "the extract CommRateMaximum": ("Product", "RateYearApplied", "RateType", "RateMaxValue"),
}
"""Extracts that no table is made of: one of them has arrived under the name of another."""
