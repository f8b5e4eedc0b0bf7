"""The typed lines of each extract: one step for each, run once for each of its files."""

# No future import: the engine reads the annotations, which are the contract.
from typing import NamedTuple

import dataframely as dy
import polars as pl

from transforms import row_local
from transforms.commissions import columns
from transforms.commissions.incomplete_certificates import IncompleteCertificates, incomplete_certificates
from transforms.commissions.lines import (
    Accounting,
    CertificateLines,
    CommissionLines,
    EoLines,
    Extract,
    FeeLines,
    IndividualLines,
    LicenseLines,
    OrganizationLines,
    PerfGroupLines,
    PremiumLines,
    RaggedRecords,
    Rejects,
    ScheduleLines,
)
from transforms.commissions.rejected_postings import RejectedPostings, rejected_postings
from transforms.commissions.sorted_records import sort_out

__all__ = [
    "certificate_lines",
    "commission_lines",
    "eo_lines",
    "fee_lines",
    "individual_lines",
    "legacy_individual_lines",
    "legacy_organization_lines",
    "license_lines",
    "organization_lines",
    "perf_group_lines",
    "premium_lines",
    "schedule_lines",
]


class CertificateRecords(NamedTuple):
    """What the records of the current records of certificates became."""

    typed_certificates: dy.DataFrame[CertificateLines]
    certificate_rejects: dy.DataFrame[Rejects]
    certificate_accounting: dy.DataFrame[Accounting]
    incomplete_certificates: dy.DataFrame[IncompleteCertificates]


@row_local
def certificate_lines(
    raw_certificate_info: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> CertificateRecords:
    """Type the current records of certificates, and tell which certificates lack one."""
    found = sort_out(raw_certificate_info, extract, ragged, columns.CERTIFICATES)
    return CertificateRecords(*found, incomplete_certificates(raw_certificate_info, ragged, found.rejects))


class CommissionRecords(NamedTuple):
    """What the records of the payments of commissions became."""

    typed_commissions: dy.DataFrame[CommissionLines]
    commission_line_rejects: dy.DataFrame[Rejects]
    commission_accounting: dy.DataFrame[Accounting]


@row_local
def commission_lines(
    raw_commissions_detail: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> CommissionRecords:
    """Type the payments of commissions."""
    return CommissionRecords(*sort_out(raw_commissions_detail, extract, ragged, columns.COMMISSIONS))


class PremiumRecords(NamedTuple):
    """What the records of the postings of premiums became."""

    typed_premiums: dy.DataFrame[PremiumLines]
    premium_rejects: dy.DataFrame[Rejects]
    premium_accounting: dy.DataFrame[Accounting]
    rejected_postings: dy.DataFrame[RejectedPostings]


@row_local
def premium_lines(
    raw_premiums: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> PremiumRecords:
    """Type the postings of premiums, and tell which certificates have one that was rejected."""
    found = sort_out(raw_premiums, extract, ragged, columns.PREMIUMS)
    return PremiumRecords(*found, rejected_postings(raw_premiums, found.rejects))


class IndividualRecords(NamedTuple):
    """What the records of the roster of persons became."""

    individual_lines: dy.DataFrame[IndividualLines]
    individual_rejects: dy.DataFrame[Rejects]
    individual_accounting: dy.DataFrame[Accounting]


@row_local
def individual_lines(
    raw_individual_brokers: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> IndividualRecords:
    """Type the roster of persons."""
    return IndividualRecords(*sort_out(raw_individual_brokers, extract, ragged, columns.INDIVIDUALS))


class OrganizationRecords(NamedTuple):
    """What the records of the roster of organizations became."""

    organization_lines: dy.DataFrame[OrganizationLines]
    organization_rejects: dy.DataFrame[Rejects]
    organization_accounting: dy.DataFrame[Accounting]


@row_local
def organization_lines(
    raw_org_brokers: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> OrganizationRecords:
    """Type the roster of organizations."""
    return OrganizationRecords(*sort_out(raw_org_brokers, extract, ragged, columns.ORGANIZATIONS))


class LicenseRecords(NamedTuple):
    """What the records of the licences of brokers became."""

    license_lines: dy.DataFrame[LicenseLines]
    license_rejects: dy.DataFrame[Rejects]
    license_accounting: dy.DataFrame[Accounting]


@row_local
def license_lines(
    raw_licenses: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> LicenseRecords:
    """Type the licences of brokers."""
    return LicenseRecords(*sort_out(raw_licenses, extract, ragged, columns.LICENSES))


class EoRecords(NamedTuple):
    """What the records of the errors-and-omissions insurances of brokers became."""

    eo_lines: dy.DataFrame[EoLines]
    eo_rejects: dy.DataFrame[Rejects]
    eo_accounting: dy.DataFrame[Accounting]


@row_local
def eo_lines(
    raw_eo_insurance: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> EoRecords:
    """Type the errors-and-omissions insurances of brokers."""
    return EoRecords(*sort_out(raw_eo_insurance, extract, ragged, columns.EO))


class ScheduleRecords(NamedTuple):
    """What the records of the rates of schedules became."""

    schedule_lines: dy.DataFrame[ScheduleLines]
    schedule_rejects: dy.DataFrame[Rejects]
    schedule_accounting: dy.DataFrame[Accounting]


@row_local
def schedule_lines(
    raw_schedule_rates: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> ScheduleRecords:
    """Type the rates of schedules."""
    return ScheduleRecords(*sort_out(raw_schedule_rates, extract, ragged, columns.SCHEDULES))


class FeeRecords(NamedTuple):
    """What the records of the fees of groups became."""

    fee_lines: dy.DataFrame[FeeLines]
    fee_rejects: dy.DataFrame[Rejects]
    fee_accounting: dy.DataFrame[Accounting]


@row_local
def fee_lines(
    raw_fees: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> FeeRecords:
    """Type the fees of groups."""
    return FeeRecords(*sort_out(raw_fees, extract, ragged, columns.FEES))


class PerfGroupRecords(NamedTuple):
    """What the records of the groups of the performance system became."""

    perf_group_lines: dy.DataFrame[PerfGroupLines]
    perf_group_rejects: dy.DataFrame[Rejects]
    perf_group_accounting: dy.DataFrame[Accounting]


@row_local
def perf_group_lines(
    raw_perf_groups: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> PerfGroupRecords:
    """Type the groups of the performance system."""
    return PerfGroupRecords(*sort_out(raw_perf_groups, extract, ragged, columns.PERF_GROUPS))


class LegacyIndividualRecords(NamedTuple):
    """What the records of an older roster of persons became."""

    legacy_individual_lines: dy.DataFrame[IndividualLines]
    legacy_individual_rejects: dy.DataFrame[Rejects]
    legacy_individual_accounting: dy.DataFrame[Accounting]


@row_local
def legacy_individual_lines(
    raw_individual_brokers_legacy: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> LegacyIndividualRecords:
    """Type an older roster of persons, where there is one."""
    return LegacyIndividualRecords(
        *sort_out(raw_individual_brokers_legacy, extract, ragged, columns.LEGACY_INDIVIDUALS)
    )


class LegacyOrganizationRecords(NamedTuple):
    """What the records of an older roster of organizations became."""

    legacy_organization_lines: dy.DataFrame[OrganizationLines]
    legacy_organization_rejects: dy.DataFrame[Rejects]
    legacy_organization_accounting: dy.DataFrame[Accounting]


@row_local
def legacy_organization_lines(
    raw_org_brokers_legacy: pl.DataFrame, extract: dy.DataFrame[Extract], ragged: dy.DataFrame[RaggedRecords]
) -> LegacyOrganizationRecords:
    """Type an older roster of organizations, where there is one."""
    return LegacyOrganizationRecords(*sort_out(raw_org_brokers_legacy, extract, ragged, columns.LEGACY_ORGANIZATIONS))
