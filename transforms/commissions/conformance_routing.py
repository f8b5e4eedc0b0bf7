"""Which certificates stand under a proposal, and which are assigned to private hierarchies, and why."""

# No future import: the engine reads the annotations, which are the contract.
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.groups import EmployerGroups
from transforms.commissions.identifiers import DIRECT_GROUP
from transforms.commissions.incomplete_certificates import IncompleteCertificates
from transforms.commissions.split_configs import CertConfigs

__all__ = [
    "INCOMPLETE",
    "REASONS",
    "EntropyThresholds",
    "EntryType",
    "GroupConformance",
    "GroupEntropy",
    "RoutedPha",
    "RoutedProposal",
    "RoutingTables",
    "conformance_routing",
]


class EntryType(IntEnum):
    """What kind of exception an assignment to a private hierarchy is.

    ``INCOMPLETE`` is one by which nothing may be paid: a part of the chain may be missing. 3 and 4 stand for outliers
    and for changes of regime in later versions of the original.
    """

    ERROR = 1
    BUSINESS = 2
    INCOMPLETE = 5


INCOMPLETE: Final = "RejectedRecords"
"""The reason of a certificate of which a record was rejected."""

REASONS: Final = {
    INCOMPLETE: EntryType.INCOMPLETE,
    "DTC-NoGroup": EntryType.BUSINESS,
    "Excluded": EntryType.BUSINESS,
    "InconsistentLines": EntryType.ERROR,
    "CertificateSplitMismatch": EntryType.ERROR,
    "InvalidBroker": EntryType.ERROR,
    "MultipleConfigs": EntryType.BUSINESS,
    "BusinessDrivenEntropy": EntryType.BUSINESS,
    "HumanErrorOutlier": EntryType.ERROR,
}
"""Why a certificate stands under no proposal, in the order of the rules; the first that holds counts."""

_KEY: Final = ("group_id", "effective_date", "product", "plan")
_WHOLE: Final = Decimal(100)
_NEARLY: Final = 95


@dataclass(frozen=True)
class EntropyThresholds:
    """From where on the configurations of a group are too scattered for proposals.

    Attributes:
        unique_ratio: More configurations per certificate than this send the whole group to private hierarchies.
        shannon: So does a Shannon entropy of its configurations above this, in bits.
        dominant_share: So does a most frequent configuration with less than this share of the certificates.
        cluster_size: In other groups configurations of fewer certificates than this are outliers.
        places: Decimals to which the three figures of a group are rounded before they are compared.
    """

    unique_ratio: float = 0.2
    shannon: float = 5.0
    dominant_share: float = 0.5
    cluster_size: int = 3
    places: int = 9


class RoutedProposal(dy.Schema):
    """A certificate that stands under a proposal; on one date a group's product and plan have one configuration."""

    certificate = dy.Int64(primary_key=True)
    group_id = dy.String(nullable=False)
    product = dy.String(nullable=False)
    plan = dy.String(nullable=False)
    effective_date = dy.Date(nullable=False)
    config_hash = dy.String(nullable=False)


class RoutedPha(dy.Schema):
    """A certificate that gets private hierarchies, and the first rule that sends it there."""

    certificate = dy.Int64(primary_key=True)
    reason = dy.String(nullable=False)
    entry_type = dy.Int32(nullable=False)


class GroupConformance(dy.Schema):
    """How many certificates of a group stand under proposals; ``conformance_percentage`` is rounded half up."""

    group_id = dy.String(primary_key=True)
    group_name = dy.String(nullable=False)
    situs_state = dy.String(nullable=True)
    total_certificates = dy.Int32(nullable=False, min=1)
    conformant_certificates = dy.Int32(nullable=False, min=0)
    non_conformant_certificates = dy.Int32(nullable=False, min=0)
    conformance_percentage = dy.Decimal(5, 2, nullable=False)
    group_classification = dy.String(nullable=False)


class GroupEntropy(dy.Schema):
    """How scattered the configurations of a group are; ``shannon`` is in bits."""

    group_id = dy.String(primary_key=True)
    certificates = dy.Int32(nullable=False, min=1)
    configs = dy.Int32(nullable=False, min=1)
    unique_ratio = dy.Float64(nullable=False)
    dominant_share = dy.Float64(nullable=False)
    shannon = dy.Float64(nullable=False)


class RoutingTables(NamedTuple):
    """The tables that ``conformance_routing`` makes.

    Attributes:
        routed_proposal: The certificates that stand under proposals.
        routed_pha: All others.
        group_conformance: How many of each group are which, of groups that may have proposals.
        group_entropy: How scattered the configurations of each group are that rules about its certificates left.
    """

    routed_proposal: dy.DataFrame[RoutedProposal]
    routed_pha: dy.DataFrame[RoutedPha]
    group_conformance: dy.DataFrame[GroupConformance]
    group_entropy: dy.DataFrame[GroupEntropy]


def conformance_routing(
    cert_configs: dy.DataFrame[CertConfigs],
    employer_groups: dy.DataFrame[EmployerGroups],
    incomplete_certificates: dy.DataFrame[IncompleteCertificates],
    *,
    excluded_groups: tuple[str, ...] = (),
    excluded_names: tuple[str, ...] = (),
    entropy: EntropyThresholds | None = None,
) -> RoutingTables:
    """Route each certificate by the first rule that holds; where none does, it stands under a proposal.

    1. ``RejectedRecords``: one of its records was rejected. What is left may look whole and not be: an upline that
       went missing would be paid to nobody, and a split that did would leave its share to the others. So this rule is
       the first; whatever else its rows seem to say is not certain. It gets private hierarchies of the rows that were
       read, as every policy has a home and every row a place in it, and these are suspended: nothing may be paid by
       them until the record is corrected.
    2. ``DTC-NoGroup``: it has no group.
    3. ``Excluded``: its group is excluded, by its id or by how its name begins.
    4. ``InconsistentLines``: its rows contradict one another, so it has no configuration.
    5. ``CertificateSplitMismatch``: the percents of its splits do not add to exactly 100.
    6. ``InvalidBroker``: a split has no writing broker, or a level no broker.
    7. ``MultipleConfigs``: among the certificates that no rule above took, those of its group, date, product and plan
       have several configurations; all of them go, since none of them says which is the agreement.
    8. Only where ``entropy`` is set, of those left: ``BusinessDrivenEntropy``, its group is too scattered, else
       ``HumanErrorOutlier``, too few certificates of the group have its configuration.

    Args:
        cert_configs: The certificates.
        employer_groups: Their groups.
        incomplete_certificates: The certificates that rejected records are of.
        excluded_groups: Ids of groups that get no proposals.
        excluded_names: So do groups whose names begin with one of these.
        entropy: The thresholds of rule 8.

    Returns:
        The certificates by where they go, and what that means for each group.
    """
    excluded = _excluded(employer_groups, excluded_groups, excluded_names)
    lacking = incomplete_certificates["certificate"].drop_nulls().unique()
    alone = cert_configs.with_columns(reason=_reason(pl.col("certificate").is_in(lacking.implode()), excluded))
    one = _without_contest(alone.filter(pl.col("reason").is_null()))
    clusters = _clusters(one.filter(pl.col("reason").is_null()))
    group_entropy = _entropy(clusters, entropy or EntropyThresholds())
    if entropy is not None:
        one = _without_scatter(one, clusters, group_entropy, entropy)
    routed = pl.concat([alone.filter(pl.col("reason").is_not_null()), one]).sort("certificate")
    aside = routed.filter(pl.col("reason").is_not_null())
    return RoutingTables(
        RoutedProposal.cast(routed.filter(pl.col("reason").is_null())),
        RoutedPha.cast(aside.with_columns(entry_type=pl.col("reason").replace_strict(REASONS, return_dtype=pl.Int32))),
        GroupConformance.cast(_conformance(routed.filter(~_is_apart(excluded)), employer_groups)),
        GroupEntropy.cast(group_entropy),
    )


def _excluded(groups: pl.DataFrame, ids: tuple[str, ...], names: tuple[str, ...]) -> pl.Expr:
    """Tell whether a certificate is of an excluded group."""
    begins = pl.any_horizontal(pl.lit(value=False), *(pl.col("group_name").str.starts_with(name) for name in names))
    return pl.col("group_id").is_in([*ids, *groups.filter(begins)["id"]])


def _is_apart(excluded: pl.Expr) -> pl.Expr:
    """Tell whether a certificate is of a group that can have no proposals."""
    return excluded | (pl.col("group_id") == DIRECT_GROUP)


def _reason(is_incomplete: pl.Expr, excluded: pl.Expr) -> pl.Expr:
    """Name the first rule about the certificate itself that holds."""
    is_whole = (pl.col("total_percent") == _WHOLE).fill_null(value=False)
    return (
        pl.when(is_incomplete)
        .then(pl.lit(INCOMPLETE))
        .when(pl.col("group_id") == DIRECT_GROUP)
        .then(pl.lit("DTC-NoGroup"))
        .when(excluded)
        .then(pl.lit("Excluded"))
        .when(pl.col("config_hash").is_null())
        .then(pl.lit("InconsistentLines"))
        .when(~is_whole)
        .then(pl.lit("CertificateSplitMismatch"))
        .when(~pl.col("names_brokers"))
        .then(pl.lit("InvalidBroker"))
    )


def _without_contest(certificates: pl.DataFrame) -> pl.DataFrame:
    """Set aside the certificates whose key stands for several configurations."""
    stated = certificates.select(*_KEY, "config_hash").unique()
    contested = stated.filter(stated.select(_KEY).is_duplicated()).select(_KEY).unique()
    aside = certificates.join(contested, on=_KEY, how="semi").with_columns(reason=pl.lit("MultipleConfigs"))
    return pl.concat([certificates.join(contested, on=_KEY, how="anti"), aside])


def _clusters(certificates: pl.DataFrame) -> pl.DataFrame:
    """Count the certificates of each group and configuration, the largest first."""
    clusters = certificates.group_by("group_id", "config_hash").agg(size=pl.len())
    return clusters.sort("group_id", "size", "config_hash", descending=[False, True, False])


def _entropy(clusters: pl.DataFrame, thresholds: EntropyThresholds) -> pl.DataFrame:
    """Measure how scattered each group is; sums are taken from the largest cluster on, so they never vary."""
    size, share = pl.col("size"), pl.col("size") / pl.col("size").sum()
    figures = clusters.group_by("group_id", maintain_order=True).agg(
        certificates=size.sum(),
        configs=pl.len(),
        unique_ratio=pl.len() / size.sum(),
        dominant_share=share.first(),
        shannon=-(share * share.log(2)).sum(),
    )
    return figures.with_columns(pl.col(pl.Float64).round(thresholds.places) + 0.0)


def _without_scatter(
    certificates: pl.DataFrame, clusters: pl.DataFrame, group_entropy: pl.DataFrame, thresholds: EntropyThresholds
) -> pl.DataFrame:
    """Set aside the certificates of scattered groups, and the outliers of the others."""
    scattered = (
        (pl.col("unique_ratio") > thresholds.unique_ratio)
        | (pl.col("shannon") > thresholds.shannon)
        | (pl.col("dominant_share") < thresholds.dominant_share)
    )
    judged = clusters.join(group_entropy.select("group_id", is_scattered=scattered), on="group_id")
    reason = (
        pl.when("is_scattered")
        .then(pl.lit("BusinessDrivenEntropy"))
        .when(pl.col("size") < thresholds.cluster_size)
        .then(pl.lit("HumanErrorOutlier"))
    )
    judged = judged.select("group_id", "config_hash", scatter=reason)
    joined = certificates.join(judged, on=["group_id", "config_hash"], how="left")
    return joined.with_columns(reason=pl.coalesce("reason", "scatter")).drop("scatter")


def _conformance(routed: pl.DataFrame, employer_groups: pl.DataFrame) -> pl.DataFrame:
    """Classify the groups."""
    total, conformant = pl.col("total_certificates"), pl.col("conformant_certificates")
    counts = routed.group_by("group_id").agg(
        total_certificates=pl.len().cast(pl.Int64),
        conformant_certificates=pl.col("reason").is_null().sum().cast(pl.Int64),
    )
    # Half a hundredth is added in whole numbers, so that the percentage is rounded exactly.
    hundredths = (conformant * 20_000 + total) // (total * 2)
    classes = (
        pl.when(conformant == total)
        .then(pl.lit("Conformant"))
        .when(conformant * 100 >= total * _NEARLY)
        .then(pl.lit("Nearly Conformant (>=95%)"))
        .otherwise(pl.lit("Non-Conformant"))
    )
    named = counts.join(employer_groups, left_on="group_id", right_on="id", how="left").sort("group_id")
    return named.with_columns(
        non_conformant_certificates=total - conformant,
        conformance_percentage=hundredths.cast(pl.Decimal(18, 2)) / _WHOLE,
        group_classification=classes,
    )
