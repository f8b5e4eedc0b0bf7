"""Commissions: ten CSV extracts -> PostgreSQL.

The extracts of certificates, premiums, payments, rosters, schedules and groups become proposals, hierarchies, policies
and all that hangs on them: published together, with every record accounted for.
"""

from __future__ import annotations

import difflib
from pathlib import Path  # noqa: TC003 (pydantic reads the annotation when the class is made)
from typing import TYPE_CHECKING, Any, ClassVar, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from firn import Alias, ConfigError, Policy
from pipelines.engine.pipeline import Pipeline
from sources import AzureBlobs  # noqa: TC001 (pydantic reads the annotation when the class is made)
from sources.csvs import Csvs, Layout
from transforms.commissions import typed_lines
from transforms.commissions.broker_eo_insurances import BrokerEoInsurances, broker_eo_insurances
from transforms.commissions.broker_licenses import BrokerAppointments, BrokerLicenses, broker_licenses
from transforms.commissions.brokers import BrokerBankingInfos, Brokers, brokers
from transforms.commissions.columns import EXTRACTS, OTHERS, RENAMED, Records
from transforms.commissions.commission_assignments import (
    CommissionAssignmentRecipients,
    CommissionAssignmentVersions,
    commission_assignments,
)
from transforms.commissions.commission_changes import CommissionChanges, commission_changes
from transforms.commissions.commission_set_aside import CommissionSetAside, commission_set_aside
from transforms.commissions.completeness import fee_schedules_whole, schedules_linked, schedules_whole
from transforms.commissions.conformance_routing import EntropyThresholds, GroupConformance, conformance_routing
from transforms.commissions.conservation import records_accounted
from transforms.commissions.fees import FeeScheduleItems, FeeSchedules, FeeScheduleVersions, fee_schedules
from transforms.commissions.groups import EmployerGroups, employer_groups
from transforms.commissions.hierarchies import (
    Hierarchies,
    HierarchyParticipants,
    HierarchyVersions,
    hierarchies,
)
from transforms.commissions.hierarchy_participant_product_rates import (
    HierarchyParticipantProductRates,
    hierarchy_participant_product_rates,
)
from transforms.commissions.kinds import KINDS, stranded
from transforms.commissions.legacy import LEGACY
from transforms.commissions.master_checks import (
    brokers_accounted,
    eo_accounted,
    fees_accounted,
    groups_accounted,
    licenses_accounted,
    premiums_accounted,
    rates_accounted,
)
from transforms.commissions.overlaps import overlaps
from transforms.commissions.policies import ASSIGNMENT_SOURCES, Policies, policies
from transforms.commissions.policy_hierarchy_assignments import (
    PolicyHierarchyAssignments,
    PolicyHierarchyParticipants,
    policy_hierarchy_assignments,
)
from transforms.commissions.premium_splits import PremiumSplitParticipants, PremiumSplitVersions, premium_splits
from transforms.commissions.premium_transactions import PremiumTransactions, premium_transactions
from transforms.commissions.products import Plans, ProductCodes, Products, products
from transforms.commissions.proposal_checks import (
    certificates_routed,
    hierarchies_complete,
    identifiers_formed,
    incomplete_suspended,
    policies_find_their_rules,
    policies_have_one_home,
    proposal_keys_distinct,
    proposals_complete,
    proposals_dated,
    structures_kept,
)
from transforms.commissions.proposal_date_ranges import proposal_date_ranges
from transforms.commissions.proposal_keys import ProposalKeyMapping, ProposalProducts, Proposals, proposal_keys
from transforms.commissions.proposals_consolidated import proposals_consolidated
from transforms.commissions.proposals_differentiated import proposals_differentiated
from transforms.commissions.proposals_simple import proposals_simple
from transforms.commissions.references import references
from transforms.commissions.rejects import CommissionRejects, commission_rejects
from transforms.commissions.relations import references_resolve
from transforms.commissions.remarks import remarks
from transforms.commissions.sample import sample
from transforms.commissions.schedule_rates import (
    ScheduleRates,
    ScheduleRateTiers,
    SpecialScheduleRates,
    schedule_rates,
)
from transforms.commissions.schedules import Schedules, ScheduleVersions, schedules
from transforms.commissions.split_configs import split_configs
from transforms.commissions.state_rules import (
    HierarchySplits,
    SplitDistributions,
    StateRules,
    StateRuleStates,
    state_rules,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dataframely as dy

    from pipelines.engine.frames import Frames, Part
    from sources import Source

REJECTS = tuple(
    f"{name}_rejects"
    for name in (
        "certificate",
        "commission_line",
        "premium",
        "individual",
        "organization",
        "license",
        "eo",
        "schedule",
        "fee",
        "perf_group",
        "legacy_individual",
        "legacy_organization",
    )
)
SET_ASIDE = tuple(f"{name}_set_aside" for name in ("brokers", "eo", "fees", "licenses", "rates", "assignments"))
ACCOUNTING = tuple(name.replace("_line", "").replace("_rejects", "_accounting") for name in REJECTS)
EVERY = "*"
"""In place of a table's name: the policy of every table that is not named."""
INCOMPLETE = "incomplete_certificates"
FIGURES = {
    "records_active": "records typed",
    "records_historical": "records historical",
    "records_repeated": "records repeated",
    "records_rejected": "records rejected",
    "cells_nulled": "cells nulled",
    "cells_rounded": "cells rounded",
    "cells_recoded": "cells recoded",
}


class Patterns(BaseModel):
    """Which files belong to each extract, whatever the case of their names: one or more, of older rosters also none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    raw_certificate_info: str = "CertificateInfo*.csv"
    raw_commissions_detail: str = "CommissionsDetail*.csv"
    raw_premiums: str = "premiums*.csv"
    raw_individual_brokers: str = "IndividualRoster*.csv"
    raw_org_brokers: str = "OrganizationRoster*.csv"
    raw_licenses: str = "BrokerLicense*.csv"
    raw_eo_insurance: str = "BrokerEO*.csv"
    raw_schedule_rates: str = "*Perf_Schedule_model*.csv"
    raw_fees: str = "Fees*.csv"
    raw_perf_groups: str = "*Perf_Group_model*.csv"
    raw_individual_brokers_legacy: str = "individual-roster-old*.csv"
    raw_org_brokers_legacy: str = "org-old*.csv"


class SampleLimits(BaseModel):
    """How many rows ``--sample`` stages at most; a group that would exceed one of them is left out as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brokers: PositiveInt = 100
    groups: PositiveInt = 50
    policies: PositiveInt = 1000
    premiums: PositiveInt = 5000
    hierarchies: PositiveInt = 100
    proposals: PositiveInt = 50


def called_before(tables: Mapping[str, type[dy.Schema]]) -> dict[str, Alias]:
    """Say what the former pipeline called the tables and their columns."""
    return {
        name: Alias(one.table, {column: one.called(column) for column in tables[name].column_names()}, one.key)
        for name, one in LEGACY.items()
    }


class Commissions(Pipeline):
    """Reads the extracts of a folder or container and publishes all tables of commissions, all at once."""

    reads = (*(records.table for records in EXTRACTS), "extract", "ragged")
    transforms = (
        *(getattr(typed_lines, name) for name in typed_lines.__all__),
        overlaps,
        commission_rejects,
        references,
        brokers,
        broker_licenses,
        broker_eo_insurances,
        employer_groups,
        products,
        schedules,
        schedule_rates,
        split_configs,
        conformance_routing,
        proposals_simple,
        proposals_differentiated,
        proposals_consolidated,
        proposal_date_ranges,
        proposal_keys,
        premium_splits,
        hierarchies,
        state_rules,
        hierarchy_participant_product_rates,
        policies,
        premium_transactions,
        policy_hierarchy_assignments,
        commission_assignments,
        fee_schedules,
        commission_set_aside,
        commission_changes,
    )
    checks = (
        records_accounted,
        brokers_accounted,
        licenses_accounted,
        eo_accounted,
        groups_accounted,
        rates_accounted,
        fees_accounted,
        premiums_accounted,
        certificates_routed,
        proposals_complete,
        proposals_dated,
        proposal_keys_distinct,
        hierarchies_complete,
        structures_kept,
        policies_have_one_home,
        policies_find_their_rules,
        incomplete_suspended,
        identifiers_formed,
        schedules_whole,
        schedules_linked,
        fee_schedules_whole,
        references_resolve,
    )
    publishes: ClassVar = {
        "brokers": Brokers,
        "broker_banking_infos": BrokerBankingInfos,
        "broker_licenses": BrokerLicenses,
        "broker_appointments": BrokerAppointments,
        "broker_eo_insurances": BrokerEoInsurances,
        "employer_groups": EmployerGroups,
        "group_conformance": GroupConformance,
        "products": Products,
        "product_codes": ProductCodes,
        "plans": Plans,
        "schedules": Schedules,
        "schedule_versions": ScheduleVersions,
        "schedule_rates": ScheduleRates,
        "special_schedule_rates": SpecialScheduleRates,
        "schedule_rate_tiers": ScheduleRateTiers,
        "proposals": Proposals,
        "proposal_products": ProposalProducts,
        "proposal_key_mapping": ProposalKeyMapping,
        "premium_split_versions": PremiumSplitVersions,
        "premium_split_participants": PremiumSplitParticipants,
        "hierarchies": Hierarchies,
        "hierarchy_versions": HierarchyVersions,
        "hierarchy_participants": HierarchyParticipants,
        "state_rules": StateRules,
        "state_rule_states": StateRuleStates,
        "hierarchy_splits": HierarchySplits,
        "split_distributions": SplitDistributions,
        "hierarchy_participant_product_rates": HierarchyParticipantProductRates,
        "policies": Policies,
        "premium_transactions": PremiumTransactions,
        "policy_hierarchy_assignments": PolicyHierarchyAssignments,
        "policy_hierarchy_participants": PolicyHierarchyParticipants,
        "commission_assignment_versions": CommissionAssignmentVersions,
        "commission_assignment_recipients": CommissionAssignmentRecipients,
        "fee_schedules": FeeSchedules,
        "fee_schedule_versions": FeeScheduleVersions,
        "fee_schedule_items": FeeScheduleItems,
        "commission_rejects": CommissionRejects,
        "commission_set_aside": CommissionSetAside,
        "commission_changes": CommissionChanges,
    }
    policies: ClassVar = {table: kind.policy for kind in KINDS for table in kind.tables}
    aliases: ClassVar = called_before(publishes)
    kept = (*ACCOUNTING, "extract", INCOMPLETE)
    set_aside = (*REJECTS, *SET_ASIDE)
    strategy = "swap"
    places = ("folder", "blobs")
    understands = ("sample", "extract_to", "extract_from")

    folder: Path | None = None
    blobs: AzureBlobs | None = None
    patterns: Patterns = Patterns()
    sample: SampleLimits = SampleLimits()
    table_policies: dict[str, Policy] = Field(default_factory=dict)
    excluded_groups: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()
    entropy: EntropyThresholds | None = None
    banking: bool = False
    all_schedules: bool = False
    bridge_gaps: bool = False
    seq_sensitive: bool = False
    collapse_single_state: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.blobs is None):
            given = "Neither folder nor blobs is" if self.folder is None else "Both folder and blobs are"
            raise ConfigError(
                f"[commissions] {given} set: extracts come from exactly one place. Nothing was read or written.",
                "Set one of them in firn.toml, or as FIRN_COMMISSIONS__FOLDER or FIRN_COMMISSIONS__BLOBS__CONTAINER.",
            )
        return self

    @model_validator(mode="after")
    def _policies_agree(self) -> Self:
        for table in self.table_policies:
            if table not in {EVERY, *self.publishes}:
                close = difflib.get_close_matches(table, self.publishes, n=1)
                raise ConfigError(
                    f"[commissions.table_policies] There is no published table {table}. Nothing was read or written.",
                    f"Did you mean {close[0]}?"
                    if close
                    else f'Name one that firn show commissions lists, or "{EVERY}".',
                )
        if lost := stranded(self.stated_policies()):
            raise ConfigError(
                f"[commissions.table_policies] Rows of {lost.table} would stay while those of {lost.to}, to which "
                f"{lost.column} refers, would not. Nothing was read or written.",
                f'Set {lost.to} = "keep_missing" or "insert_only", too, or {lost.table} = "replace".',
            )
        return self

    def stated_policies(self) -> Mapping[str, Policy]:
        """Say which rows each table holds: as the settings state for it, or for all, else as its kind does."""
        every = self.table_policies.get(EVERY)
        usual = dict.fromkeys(self.publishes, every) if every else self.policies
        return {table: self.table_policies.get(table, policy) for table, policy in usual.items()}

    def reached(self) -> Sequence[str]:
        """Name the folder, which must be there, or the container."""
        return (self.extracts().reached(),)

    def rights(self) -> str:
        """Write down the least that a container must let firn do; a folder is granted by its own system."""
        return self.blobs.rights() if self.blobs else ""

    def sources(self) -> Sequence[Source]:
        """Read the extracts of one folder or container."""
        return (self.extracts(),)

    def extracts(self) -> Csvs:
        """Name the folder or container, and the files of each extract."""
        layouts = tuple(self._layout(records) for records in EXTRACTS)
        patterns = self.patterns.model_dump()
        return Csvs(folder=self.folder, blobs=self.blobs, layouts=layouts, patterns=patterns, others=OTHERS)

    def _layout(self, records: Records[Any]) -> Layout:
        more = tuple(column.header for column in records.withheld) if self.banking else ()
        return Layout(records.table, records.headers, RENAMED, more, records.optional)

    def sampled(self, whole: Frames) -> Frames:
        """Choose whole groups, and what they refer to, within the limits of the settings."""
        names = {"groups": "employer_groups", "premiums": "premium_transactions"}
        limits = {names.get(name, name): limit for name, limit in self.sample.model_dump().items()}
        return sample({name: whole[name] for name in self.publishes}, limits)

    def figures(self, parts: Sequence[Part], whole: Frames) -> dict[str, int]:
        """Count what became of records and cells over all files, of certificates, and of those who are to be paid."""
        counts = pl.concat([part.frames[name] for part in parts for name in ACCOUNTING if name in part.frames])
        summed = counts.group_by("figure", "item").agg(pl.col("count").sum()).filter(pl.col("count") > 0)
        found = {(figure, item): count for figure, item, count in summed.sort("item").iter_rows()}
        told = {
            f"{title}, {item}".removesuffix(", "): count
            for name, title in FIGURES.items()
            for (figure, item), count in found.items()
            if figure == name
        }
        told |= {"records overlapping": count} if (count := whole["overlapping"]["records"].sum()) else {}
        told |= ruled(whole["commission_changes"]) | routes(whole) | lacking(_of_files(parts), whole["policies"])
        return told | withheld(whole) | paid(whole)

    def notes(self, parts: Sequence[Part], whole: Frames) -> list[str]:
        """Name the columns that were not read, files that do not tell all, and what is unusual about the tables."""
        unread = [part.frames["extract"].row(0, named=True) for part in parts if "extract" in part.frames]
        notes = [f"{one['file']}: columns that are not read: {one['unread']}" for one in unread if one["unread"]]
        notes += [
            f"{file}: {count:,} rejected records do not tell of which certificate they are: any may lack one of them"
            for file, incomplete in _of_files(parts).items()
            if (count := incomplete["certificate"].null_count())
        ]
        notes += [
            f"{file}: {count:,} of its records stand in another file, too, and count once"
            for file, count in whole["overlapping"].select("file", "records").iter_rows()
        ]
        return notes + remarks(whole)


def _of_files(parts: Sequence[Part]) -> dict[str, pl.DataFrame]:
    """Give the incomplete certificates of each file of certificates."""
    return {part.name: part.frames[INCOMPLETE] for part in parts if INCOMPLETE in part.frames}


def lacking(incomplete: Mapping[str, pl.DataFrame], policies: pl.DataFrame) -> dict[str, int]:
    """Count the certificates of which every record was rejected, and the rejected records that tell of none."""
    if not incomplete:
        return {}
    certificates = pl.concat(incomplete.values())["certificate"]
    lost = certificates.drop_nulls().unique().is_in(policies["certificate"].implode())
    counts = {
        "certificates lost": lost.len() - int(lost.sum()),
        "certificate not told": certificates.null_count(),
    }
    return {title: count for title, count in counts.items() if count}


def ruled(changes: pl.DataFrame) -> dict[str, int]:
    """Count the values that rules over all files set, by rule."""
    over_all = changes.filter(pl.col("file") == "").group_by("rule").agg(pl.col("count").sum()).sort("rule")
    return {f"values set by rule, {rule}": count for rule, count in over_all.iter_rows()}


def routes(whole: Frames) -> dict[str, int]:
    """Count the certificates by how their proposal was found, and those that have none by the reason."""
    sources = whole["policies"]["proposal_assignment_source"].drop_nulls().value_counts()
    found = dict.fromkeys(ASSIGNMENT_SOURCES, 0) | dict(sources.iter_rows())
    assigned = whole["routed_pha"]["reason"].value_counts().sort("reason")
    return {f"with a proposal, {source}": count for source, count in found.items()} | {
        f"without a proposal, {reason}": count for reason, count in assigned.iter_rows()
    }


def withheld(whole: Frames) -> dict[str, int]:
    """Count the policies that have a premium and no transaction, as the posting that names them was rejected."""
    owed = whole["policies"].filter(pl.col("premium") > 0)
    count = owed.join(whole["premium_transactions"], on="certificate", how="anti").height
    return {"policies without a transaction, posting rejected": count} if count else {}


def paid(whole: Frames) -> dict[str, int]:
    """Count the split distributions that have a rate, those that have none by the reason, and rates that do not fit."""
    rates = whole["hierarchy_participant_product_rates"].select("id", "group_size_fits", "dates_fit")
    unpaid = whole["split_distributions"].join(rates, on="id", how="anti")
    named, known = pl.col("schedule_code").is_not_null(), pl.col("schedule_id").is_not_null()
    return {
        "distributions with a rate, in force": rates.filter("dates_fit", "group_size_fits").height,
        "distributions with a rate, of other group sizes": rates.filter("dates_fit", ~pl.col("group_size_fits")).height,
        "distributions with a rate, out of its dates": rates.filter(~pl.col("dates_fit")).height,
        "distributions without a rate, no schedule": unpaid.filter(~named).height,
        "distributions without a rate, schedule without rates": unpaid.filter(named, ~known).height,
        "distributions without a rate, none of product and state": unpaid.filter(known).height,
    }
