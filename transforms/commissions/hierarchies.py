"""The chains of brokers: one per split of a proposal, and one per split of a certificate that stands under none."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.brokers import Brokers
from transforms.commissions.conformance_routing import INCOMPLETE, RoutedPha
from transforms.commissions.groups import EmployerGroups
from transforms.commissions.proposal_keys import Proposals
from transforms.commissions.schedules import Schedules
from transforms.commissions.split_configs import CertConfigs, ConfigLines

__all__ = [
    "ChainRows",
    "Hierarchies",
    "HierarchyParticipants",
    "HierarchyStatus",
    "HierarchyTables",
    "HierarchyType",
    "HierarchyVersions",
    "hierarchies",
]

_VERSION: Final = 1
_CHAIN: Final = ("proposal_id", "certificate", "split", "group_id", "effective_date", "status")
_ROW: Final = ("level", "broker", "schedule", "percent")


class HierarchyStatus(IntEnum):
    """Whether a hierarchy, or a version of it, is in use; nothing may be paid by one that is suspended."""

    INACTIVE = 0
    ACTIVE = 1
    SUSPENDED = 2


class HierarchyType(IntEnum):
    """For whom a hierarchy stands."""

    PROPOSAL = 0
    PRIVATE = 1


class ChainRows(dy.Schema):
    """What a private hierarchy is made of: the active rows of its certificate."""

    certificate = dy.Int64(nullable=False)
    split_seq = dy.Int32(nullable=False)
    level = dy.Int32(nullable=False)
    broker = dy.Int64(nullable=True)
    schedule = dy.String(nullable=True)
    split_percent = dy.Decimal(18, 4, nullable=True)


class Hierarchies(dy.Schema):
    """A chain of brokers; of a proposal's split, or private to a split of one certificate.

    Exactly one of ``proposal_id`` and ``certificate`` is there. ``split`` is the place of the split in the proposal's
    configuration, or the sequence number that it has on the certificate. ``type`` is a `HierarchyType`,
    ``status`` a `HierarchyStatus`.
    """

    id = dy.String(primary_key=True)
    name = dy.String(nullable=False)
    type = dy.Int32(nullable=False, metadata={"numbers": HierarchyType})
    status = dy.Int32(nullable=False, metadata={"numbers": HierarchyStatus})
    proposal_id = dy.String(nullable=True)
    certificate = dy.Int64(nullable=True)
    split = dy.Int32(nullable=False)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=False)
    broker_id = dy.Int64(nullable=True)
    broker_name = dy.String(nullable=True)
    situs_state = dy.String(nullable=True)
    effective_date = dy.Date(nullable=False)
    current_version_id = dy.String(nullable=False)
    current_version_number = dy.Int32(nullable=False)


class HierarchyVersions(dy.Schema):
    """The one version of a hierarchy; ``status`` is a `HierarchyStatus`."""

    id = dy.String(primary_key=True)
    hierarchy_id = dy.String(nullable=False)
    version = dy.Int32(nullable=False)
    status = dy.Int32(nullable=False, metadata={"numbers": HierarchyStatus})
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)


class HierarchyParticipants(dy.Schema):
    """A broker of a hierarchy, from level 1, who writes, upward, and the schedule that pays that level.

    ``broker_id`` is null where the extract names no broker, in private hierarchies only. ``schedule_id`` is null
    where there is no such schedule. ``sort_order`` is the level's; where the rows of a certificate name several brokers
    for one level, it numbers them all.
    """

    id = dy.String(primary_key=True)
    hierarchy_version_id = dy.String(nullable=False)
    level = dy.Int32(nullable=False)
    sort_order = dy.Int32(nullable=False, min=1)
    broker_id = dy.Int64(nullable=True)
    broker_name = dy.String(nullable=True)
    split_percent = dy.Decimal(18, 4, nullable=True)
    schedule_code = dy.String(nullable=True)
    schedule_id = dy.Int64(nullable=True)


class HierarchyTables(NamedTuple):
    """The tables that ``hierarchies`` makes.

    Attributes:
        hierarchies: The chains.
        hierarchy_versions: One per chain.
        hierarchy_participants: The brokers of each.
    """

    hierarchies: dy.DataFrame[Hierarchies]
    hierarchy_versions: dy.DataFrame[HierarchyVersions]
    hierarchy_participants: dy.DataFrame[HierarchyParticipants]


def hierarchies(  # noqa: PLR0917 (the tables that it reads)
    proposals: dy.DataFrame[Proposals],
    config_lines: dy.DataFrame[ConfigLines],
    routed_pha: dy.DataFrame[RoutedPha],
    cert_configs: dy.DataFrame[CertConfigs],
    certificate_lines: dy.DataFrame[ChainRows],
    employer_groups: dy.DataFrame[EmployerGroups],
    brokers: dy.DataFrame[Brokers],
    schedules: dy.DataFrame[Schedules],
) -> HierarchyTables:
    """Make the chain of every split, shared by the certificates of a proposal or private to one certificate.

    That of the n-th split of a proposal is ``H-<proposal>-<n>``; that of a split of a certificate without a proposal is
    ``H-PHA-<certificate>-<sequence number>``. Private ones are as complete as the others: with versions, participants,
    state rules, splits and distributions. The version is ``<hierarchy>-V1``, a participant ``<version>-L<level>``.
    Where rows contradict one another and name several brokers for a level, all are kept: ``-2`` and so on is added to
    the second and later ones. Rows that repeat another make one participant.

    Those of a certificate of which a record was rejected are suspended: they say what the other records say, of which
    nobody knows whether it is the whole chain.

    Args:
        proposals: The proposals.
        config_lines: What their configurations say.
        routed_pha: The certificates without proposals.
        cert_configs: The groups and dates of those.
        certificate_lines: Their rows.
        employer_groups: The names and states of groups.
        brokers: The names of brokers.
        schedules: The ids of schedules.

    Returns:
        Three tables in the order of their ids.
    """
    rows = pl.concat([_shared(proposals, config_lines), _private(routed_pha, cert_configs, certificate_lines)])
    named = rows.join(brokers.select(broker="id", broker_name="name"), on="broker", how="left")
    known = schedules.select(schedule="external_id", schedule_id="id")
    ordered = named.join(known, on="schedule", how="left").sort("id", *_ROW)
    chains = ordered.unique("id", keep="first", maintain_order=True)
    described = chains.join(employer_groups.rename({"id": "group_id"}), on="group_id", how="left")
    return HierarchyTables(
        Hierarchies.cast(_hierarchies(described)),
        HierarchyVersions.cast(_versions(chains)),
        HierarchyParticipants.cast(_participants(ordered)),
    )


def _shared(proposals: pl.DataFrame, config_lines: pl.DataFrame) -> pl.DataFrame:
    """The rows of the chains of proposals."""
    terms = proposals.select("group_id", "split_config_hash", proposal_id="id", effective_date="effective_from")
    rows = terms.join(config_lines, left_on="split_config_hash", right_on="config_hash")
    chain = pl.format("H-{}-{}", "proposal_id", "split")
    nobody, status = pl.lit(None, pl.Int64), pl.lit(HierarchyStatus.ACTIVE.value)
    return rows.with_columns(certificate=nobody, status=status).select(*_CHAIN, *_ROW, id=chain)


def _private(routed_pha: pl.DataFrame, cert_configs: pl.DataFrame, certificate_lines: pl.DataFrame) -> pl.DataFrame:
    """The rows of the chains of certificates without proposals."""
    is_incomplete = pl.col("reason") == INCOMPLETE
    status = pl.when(is_incomplete).then(HierarchyStatus.SUSPENDED.value).otherwise(HierarchyStatus.ACTIVE.value)
    homes = routed_pha.select("certificate", status=status)
    lines = certificate_lines.join(homes, on="certificate").unique()
    terms = cert_configs.select("certificate", "group_id", "effective_date")
    rows = lines.rename({"split_seq": "split", "split_percent": "percent"}).join(terms, on="certificate", how="left")
    chain = pl.format("H-PHA-{}-{}", "certificate", "split")
    return rows.with_columns(proposal_id=pl.lit(None, pl.String)).select(*_CHAIN, *_ROW, id=chain)


def _hierarchies(chains: pl.DataFrame) -> pl.DataFrame:
    """Describe each chain by its lowest row."""
    return chains.with_columns(
        name=pl.concat_str("group_name", "broker_name", separator=" - ", ignore_nulls=True),
        type=pl.when(pl.col("certificate").is_null())
        .then(pl.lit(HierarchyType.PROPOSAL.value))
        .otherwise(pl.lit(HierarchyType.PRIVATE.value)),
        broker_id="broker",
        current_version_id=_version_id(),
        current_version_number=pl.lit(_VERSION),
    )


def _versions(chains: pl.DataFrame) -> pl.DataFrame:
    """Give each chain its one version, open from its first day on."""
    return chains.select(
        "status",
        id=_version_id(),
        hierarchy_id="id",
        version=pl.lit(_VERSION),
        effective_from="effective_date",
        effective_to=pl.lit(None, pl.Date),
    )


def _participants(rows: pl.DataFrame) -> pl.DataFrame:
    """Number the brokers of each chain from its lowest level up."""
    place = pl.int_range(1, pl.len() + 1)
    numbered = rows.with_columns(sort_order=place.over("id"), of_level=place.over("id", "level"))
    number = pl.when(pl.col("of_level") > 1).then(pl.format("-{}", "of_level")).otherwise(pl.lit(""))
    return numbered.select(
        "level",
        "sort_order",
        "broker_name",
        "schedule_id",
        id=pl.concat_str(_version_id(), pl.lit("-L"), "level", number),
        hierarchy_version_id=_version_id(),
        broker_id="broker",
        split_percent="percent",
        schedule_code="schedule",
    )


def _version_id() -> pl.Expr:
    return pl.format(f"{{}}-V{_VERSION}", "id")
