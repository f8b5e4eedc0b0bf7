"""What must hold of proposals, hierarchies and policies before anything is published.

Each check lists what breaks it; nothing when all is well. None of them uses the code that made the tables.
"""

# No future import: the engine reads the annotations, which are the contract.
from decimal import Decimal
from typing import Final

import dataframely as dy
import polars as pl

from transforms.commissions.conformance_routing import RoutedPha
from transforms.commissions.groups import EmployerGroups
from transforms.commissions.hierarchies import (
    ChainRows,
    Hierarchies,
    HierarchyParticipants,
    HierarchyStatus,
    HierarchyVersions,
)
from transforms.commissions.incomplete_certificates import IncompleteCertificates
from transforms.commissions.policies import Policies
from transforms.commissions.policy_hierarchy_assignments import PolicyHierarchyAssignments, PolicyHierarchyParticipants
from transforms.commissions.premium_splits import PremiumSplitParticipants, PremiumSplitVersions
from transforms.commissions.proposal_keys import ProposalKeyMapping, ProposalProducts, Proposals
from transforms.commissions.proposals_consolidated import ProposalMembers
from transforms.commissions.rule_lookup import rules_found
from transforms.commissions.split_configs import CertConfigs, ConfigLines
from transforms.commissions.state_rules import HierarchySplits, SplitDistributions, StateRules

__all__ = [
    "Breaches",
    "certificates_routed",
    "hierarchies_complete",
    "identifiers_formed",
    "incomplete_suspended",
    "policies_find_their_rules",
    "policies_have_one_home",
    "proposal_keys_distinct",
    "proposals_complete",
    "proposals_dated",
    "structures_kept",
]

_WHOLE: Final = Decimal(100)


class Breaches(dy.Schema):
    """A row that breaks a rule: its table, its key as text, and what is wrong with it."""

    table = dy.String(nullable=False)
    key = dy.String(nullable=False)
    breach = dy.String(nullable=False)


def certificates_routed(
    certificate_lines: dy.DataFrame[ChainRows],
    cert_configs: dy.DataFrame[CertConfigs],
    proposal_members: dy.DataFrame[ProposalMembers],
    routed_pha: dy.DataFrame[RoutedPha],
    policies: dy.DataFrame[Policies],
) -> dy.DataFrame[Breaches]:
    """Check that each certificate of the active rows is there once on every step, and nothing else is.

    It has a configuration or contradicts itself, it is a member of one proposal or routed to private hierarchies, and
    it is a policy.
    """
    read = certificate_lines.select("certificate").unique()
    routed = pl.concat([proposal_members.select("certificate"), routed_pha.select("certificate")])
    frames = {"cert_configs": cert_configs, "proposal_members, routed_pha": routed, "policies": policies}
    return _breaches(
        *(_alone(read, frame, table, "certificate") for table, frame in frames.items()),
        *(_repeated(frame, table, "certificate") for table, frame in frames.items()),
    )


def proposals_complete(
    proposals: dy.DataFrame[Proposals],
    premium_split_versions: dy.DataFrame[PremiumSplitVersions],
    premium_split_participants: dy.DataFrame[PremiumSplitParticipants],
    proposal_products: dy.DataFrame[ProposalProducts],
    hierarchies: dy.DataFrame[Hierarchies],
) -> dy.DataFrame[Breaches]:
    """Check that each proposal has one split version, products, and participants with a hierarchy that add to 100."""
    versions, participants = premium_split_versions, premium_split_participants
    summed = participants.group_by(id="version_id").agg(summed=pl.col("split_percent").sum())
    totals = versions.join(summed, on="id", how="left")
    is_whole = (pl.col("summed") == pl.col("total_split_percent")) & (pl.col("total_split_percent") == _WHOLE)
    return _breaches(
        _repeated(versions, "premium_split_versions", "proposal_id"),
        _childless(proposals, "proposals", versions["proposal_id"], "no split version"),
        _childless(proposals, "proposals", proposal_products["proposal_id"], "no product"),
        _childless(versions, "premium_split_versions", participants["version_id"], "no participant"),
        _orphans(participants, "premium_split_participants", "hierarchy_id", hierarchies["id"]),
        _named(totals.filter(~is_whole.fill_null(value=False)), "premium_split_versions", "id", "not 100 in total"),
    )


def hierarchies_complete(  # noqa: PLR0917 (the tables that it reads)
    hierarchies: dy.DataFrame[Hierarchies],
    hierarchy_versions: dy.DataFrame[HierarchyVersions],
    hierarchy_participants: dy.DataFrame[HierarchyParticipants],
    state_rules: dy.DataFrame[StateRules],
    hierarchy_splits: dy.DataFrame[HierarchySplits],
    split_distributions: dy.DataFrame[SplitDistributions],
) -> dy.DataFrame[Breaches]:
    """Check that each hierarchy goes down to a distribution for every participant, state and product."""
    versions, rules, splits = hierarchy_versions, state_rules, hierarchy_splits
    counts = hierarchy_participants.group_by(hierarchy_version_id="hierarchy_version_id").agg(expected=pl.len())
    owners = rules.select("hierarchy_version_id", state_rule_id="id").join(counts, on="hierarchy_version_id")
    found = split_distributions.group_by(id="hierarchy_split_id").agg(
        found=pl.len(), people=pl.col("hierarchy_participant_id").n_unique()
    )
    judged = splits.join(owners, on="state_rule_id", how="left").join(found, on="id", how="left")
    is_full = (pl.col("found") == pl.col("expected")) & (pl.col("people") == pl.col("expected"))
    return _breaches(
        _childless(hierarchies, "hierarchies", versions["hierarchy_id"], "no version"),
        _childless(versions, "hierarchy_versions", hierarchy_participants["hierarchy_version_id"], "no participant"),
        _childless(versions, "hierarchy_versions", rules["hierarchy_version_id"], "no state rule"),
        _childless(rules, "state_rules", splits["state_rule_id"], "no product"),
        _named(
            judged.filter(~is_full.fill_null(value=False)),
            "hierarchy_splits",
            "id",
            "not one distribution per participant",
        ),
    )


def policies_have_one_home(
    policies: dy.DataFrame[Policies],
    proposals: dy.DataFrame[Proposals],
    policy_hierarchy_assignments: dy.DataFrame[PolicyHierarchyAssignments],
) -> dy.DataFrame[Breaches]:
    """Check that each policy has a proposal or assignments, never both, never neither."""
    is_assigned = pl.col("id").is_in(policy_hierarchy_assignments["policy_id"].unique().implode())
    has_proposal = pl.col("proposal_id").is_not_null()
    return _breaches(
        _named(policies.filter(is_assigned & has_proposal), "policies", "id", "both a proposal and an assignment"),
        _named(policies.filter(~is_assigned & ~has_proposal), "policies", "id", "neither a proposal nor an assignment"),
        _orphans(policies, "policies", "proposal_id", proposals["id"]),
    )


def policies_find_their_rules(
    policies: dy.DataFrame[Policies],
    hierarchies: dy.DataFrame[Hierarchies],
    state_rules: dy.DataFrame[StateRules],
    hierarchy_splits: dy.DataFrame[HierarchySplits],
) -> dy.DataFrame[Breaches]:
    """Check that each policy falls under a state rule of each of its hierarchies, and its product under that rule."""
    versions = hierarchies.select("proposal_id", "certificate", hierarchy_version_id="current_version_id")
    said = policies.select("id", "proposal_id", "certificate", "state", product_id="product_code")
    proposed = said.drop("certificate").join(versions.drop("certificate"), on="proposal_id").drop("proposal_id")
    private = said.drop("proposal_id").join(versions.drop("proposal_id"), on="certificate").drop("certificate")
    ruled = rules_found(pl.concat([proposed, private.select(proposed.columns)]), state_rules)
    sold = ruled.drop_nulls("state_rule_id").join(hierarchy_splits, on=["state_rule_id", "product_id"], how="anti")
    return _breaches(
        _named(ruled.filter(pl.col("state_rule_id").is_null()), "policies", "id", "no state rule of its hierarchy"),
        _named(sold, "policies", "id", "its product is not under the state rule of its hierarchy"),
    )


def incomplete_suspended(
    incomplete_certificates: dy.DataFrame[IncompleteCertificates],
    policies: dy.DataFrame[Policies],
    hierarchies: dy.DataFrame[Hierarchies],
    hierarchy_versions: dy.DataFrame[HierarchyVersions],
) -> dy.DataFrame[Breaches]:
    """Check that nothing can be paid for a certificate of which a record was rejected, and that no other waits.

    It has no proposal, and its hierarchies and their versions are suspended; all others are not.
    """
    suspended = pl.col("status") == HierarchyStatus.SUSPENDED.value
    lacking = incomplete_certificates.drop_nulls("certificate")
    held = hierarchies.join(lacking, on="certificate", how="semi")
    others = hierarchies.join(lacking, on="certificate", how="anti")
    versions = hierarchy_versions.join(held, left_on="hierarchy_id", right_on="id", how="semi")
    proposed = policies.drop_nulls("proposal_id").join(lacking, on="certificate", how="semi")
    return _breaches(
        _named(proposed, "policies", "id", "a proposal, though a record was rejected"),
        _named(held.filter(~suspended), "hierarchies", "id", "not suspended, though a record was rejected"),
        _named(versions.filter(~suspended), "hierarchy_versions", "id", "not suspended, though a record was rejected"),
        _named(others.filter(suspended), "hierarchies", "id", "suspended, though no record was rejected"),
    )


def structures_kept(
    certificate_lines: dy.DataFrame[ChainRows],
    policies: dy.DataFrame[Policies],
    hierarchies: dy.DataFrame[Hierarchies],
    hierarchy_participants: dy.DataFrame[HierarchyParticipants],
) -> dy.DataFrame[Breaches]:
    """Check, of every certificate, that its proposal or its private hierarchies say what its active rows say.

    Compared are the splits, each with the level, broker, percent and schedule of its rows, as sums of 64-bit hashes;
    repeated rows count once, and numbers of splits do not count.
    """
    rows = ["level", "broker_id", "schedule_code", "split_percent"]
    names = {"broker": "broker_id", "schedule": "schedule_code"}
    read = _structures(certificate_lines.rename(names), ["certificate", "split_seq"], rows).rename({"sum": "read"})
    chains = hierarchies.select("proposal_id", "certificate", "split", hierarchy_version_id="current_version_id")
    said = hierarchy_participants.join(chains, on="hierarchy_version_id", how="left")
    proposed = _structures(said.drop_nulls("proposal_id"), ["proposal_id", "split"], rows)
    private = _structures(said.drop_nulls("certificate"), ["certificate", "split"], rows)
    homes = policies.select("certificate", "proposal_id").join(proposed, on="proposal_id", how="left")
    homes = homes.join(private, on="certificate", how="left", suffix="_private")
    kept = read.join(homes.with_columns(said=pl.coalesce("sum", "sum_private")), on="certificate", how="left")
    lost = kept.filter(pl.col("read").ne_missing(pl.col("said")))
    return _breaches(_named(lost, "certificate_lines", "certificate", "not what its hierarchies say"))


def proposals_dated(
    proposals: dy.DataFrame[Proposals],
    proposal_products: dy.DataFrame[ProposalProducts],
    policies: dy.DataFrame[Policies],
) -> dy.DataFrame[Breaches]:
    """Check that proposals end after they begin, hold the dates of their policies, and share no day of a product.

    A proposal for all products is the only one of its group.
    """
    begin, end, date = pl.col("effective_from"), pl.col("effective_to"), pl.col("effective_date")
    days = proposals.select("id", "group_id", "product_codes", "effective_from", "effective_to")
    pairs = days.join(proposal_products, left_on="id", right_on="proposal_id")
    pair = ["group_id", "product_code", "plan_code"]
    ordered = pairs.sort(*pair, "effective_from", "id")
    is_same = pl.struct(pair) == pl.struct(pair).shift(-1)
    overlaps = ordered.filter(is_same & (end.is_null() | (end > begin.shift(-1))))
    whole = days.filter((pl.col("product_codes") == "*") & (pl.len().over("group_id") > 1))
    held = policies.drop_nulls("proposal_id").join(days, left_on="proposal_id", right_on="id")
    return _breaches(
        _named(days.filter(end <= begin), "proposals", "id", "ends before it begins"),
        _named(overlaps, "proposals", "id", "shares days with the next of its product and plan"),
        _named(whole, "proposals", "id", "for all products, but not the only one of its group"),
        _named(held.filter((date < begin) | (date >= end)), "policies", "certificate", "outside of its proposal"),
    )


def proposal_keys_distinct(
    proposals: dy.DataFrame[Proposals],
    proposal_key_mapping: dy.DataFrame[ProposalKeyMapping],
    config_lines: dy.DataFrame[ConfigLines],
    *,
    seq_sensitive: bool = False,
) -> dy.DataFrame[Breaches]:
    """Check that an agreement has one proposal, a key and a day one mapping, and a configuration one hash.

    One agreement is one configuration of a group in one range of dates; a configuration that comes back after another
    is agreed again. Where the numbers of splits are part of configurations, several may say the same otherwise.
    """
    agreement = ["group_id", "split_config_hash", "effective_from", "effective_to"]
    key = ["group_id", "effective_year", "product_code", "plan_code"]
    mapped = proposal_key_mapping.sort(*key, "effective_from")
    end, next_begin = pl.col("effective_to"), pl.col("effective_from").shift(-1)
    is_same = pl.struct(key) == pl.struct(key).shift(-1)
    shared = mapped.filter(is_same & (end.is_null() | (end > next_begin)))
    said = ["split", "level", "broker", "schedule", "percent"]
    contents = config_lines.sort("config_hash", "split", "level").group_by("config_hash").agg(said)
    is_hash = pl.col("config_hash").str.contains("^[0-9A-F]{64}$")
    known = config_lines["config_hash"]
    return _breaches(
        _repeated(proposals, "proposals", "id"),
        _repeated(proposals, "proposals", *agreement),
        _named(shared, "proposal_key_mapping", "proposal_id", "shares a day with another of its key"),
        _repeated(config_lines, "config_lines", "config_hash", "split", "level"),
        _repeated(contents.clear() if seq_sensitive else contents, "config_lines", *said, key="config_hash"),
        _named(config_lines.filter(~is_hash), "config_lines", "config_hash", "not 64 upper-case hexadecimal digits"),
        _orphans(proposals, "proposals", "split_config_hash", known),
    )


def identifiers_formed(  # noqa: PLR0917 (the tables that it reads)
    proposals: dy.DataFrame[Proposals],
    hierarchies: dy.DataFrame[Hierarchies],
    hierarchy_splits: dy.DataFrame[HierarchySplits],
    policies: dy.DataFrame[Policies],
    policy_hierarchy_participants: dy.DataFrame[PolicyHierarchyParticipants],
    employer_groups: dy.DataFrame[EmployerGroups],
) -> dy.DataFrame[Breaches]:
    """Check that ids hold no blanks and are distinct, and that those of groups begin with exactly one ``G``.

    All other tables name groups of ``employer_groups`` only, as ``references_resolve`` proves.
    """
    tables: dict[str, pl.DataFrame] = {
        "proposals": proposals,
        "hierarchies": hierarchies,
        "hierarchy_splits": hierarchy_splits,
        "policies": policies,
        "policy_hierarchy_participants": policy_hierarchy_participants,
    }
    has_blank = pl.col("id").str.contains(r"\s")
    is_group = pl.col("group_id").str.contains(r"^G[^G\s]\S*$")
    groups = employer_groups.select(group_id="id")
    grouped = {name: frame for name, frame in tables.items() if "group_id" in frame.columns} | {
        "employer_groups": groups
    }
    return _breaches(
        *(_named(frame.filter(has_blank), table, "id", "a blank in its id") for table, frame in tables.items()),
        *(_repeated(frame, table, "id") for table, frame in tables.items()),
        *(_named(frame.filter(~is_group), table, "group_id", "no id of a group") for table, frame in grouped.items()),
    )


def _structures(rows: pl.DataFrame, split: list[str], columns: list[str]) -> pl.DataFrame:
    """Hash what the splits of each owner say, whatever their order; ``split`` is the owner and the split's number."""
    # A hash depends on the type of what is hashed, so that both sides are given the same.
    hashed = rows.select(*split, row=pl.struct(pl.col(column).cast(_TYPES[column]) for column in columns).hash())
    splits = hashed.unique().group_by(split).agg(pl.col("row").sum(), count=pl.len())
    owners = splits.with_columns(sum=pl.struct("row", "count").hash()).group_by(split[0])
    return owners.agg(pl.struct(pl.col("sum").sum(), count=pl.len()).hash())


_TYPES: Final[dict[str, pl.DataType]] = {
    "level": pl.Int32(),
    "broker_id": pl.Int64(),
    "schedule_code": pl.String(),
    "split_percent": pl.Decimal(18, 4),
}


def _breaches(*found: pl.DataFrame) -> dy.DataFrame[Breaches]:
    return Breaches.cast(pl.concat(found))


def _named(rows: pl.DataFrame, table: str, key: str, breach: str) -> pl.DataFrame:
    """Name the rows that break a rule."""
    key_text = pl.col(key).cast(pl.String)
    return rows.select(table=pl.lit(table), key=key_text, breach=pl.lit(breach))


def _repeated(rows: pl.DataFrame, table: str, *columns: str, key: str | None = None) -> pl.DataFrame:
    """Find the rows whose columns together stand on another."""
    repeated = rows.filter(rows.select(columns).is_duplicated())
    return _named(repeated, table, key or columns[0], f"not the only one with its {', '.join(columns)}")


def _childless(rows: pl.DataFrame, table: str, parents: pl.Series, breach: str) -> pl.DataFrame:
    """Find the rows that none of the children names."""
    return _named(rows.filter(~pl.col("id").is_in(parents.unique().implode())), table, "id", breach)


def _orphans(rows: pl.DataFrame, table: str, column: str, known: pl.Series) -> pl.DataFrame:
    """Find the rows that name what is not there."""
    orphans = rows.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(known.unique().implode()))
    return _named(orphans, table, column, f"its {column} is not there")


def _alone(read: pl.DataFrame, made: pl.DataFrame, table: str, key: str) -> pl.DataFrame:
    """Find what was read and not made, and what was made and not read."""
    lost = _named(read.join(made, on=key, how="anti"), "certificate_lines", key, f"not in {table}")
    return pl.concat([lost, _named(made.join(read, on=key, how="anti"), table, key, "in no active row")])
