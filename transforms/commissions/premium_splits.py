"""How the premium of each proposal is split among writing brokers."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.brokers import Brokers
from transforms.commissions.proposal_keys import Proposals
from transforms.commissions.split_configs import ConfigLines

__all__ = [
    "PremiumSplitParticipants",
    "PremiumSplitTables",
    "PremiumSplitVersions",
    "SplitSource",
    "SplitStatus",
    "premium_splits",
]

_VERSION: Final = "1.0"


class SplitStatus(IntEnum):
    """Whether a split is in use."""

    DRAFT = 0
    ACTIVE = 1


class SplitSource(IntEnum):
    """Where a split comes from."""

    MIGRATION = 0


class PremiumSplitVersions(dy.Schema):
    """The one split of a proposal; its participants add to ``total_split_percent``, which is 100.

    ``status`` is a `SplitStatus` and ``source`` a `SplitSource`.
    """

    id = dy.String(primary_key=True)
    proposal_id = dy.String(nullable=False)
    proposal_number = dy.String(nullable=False)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=False)
    version_number = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    total_split_percent = dy.Decimal(18, 4, nullable=False)
    status = dy.Int32(nullable=False, metadata={"numbers": SplitStatus})
    source = dy.Int32(nullable=False, metadata={"numbers": SplitSource})


class PremiumSplitParticipants(dy.Schema):
    """A writing broker's share of a proposal, and the hierarchy that is paid on it."""

    id = dy.String(primary_key=True)
    version_id = dy.String(nullable=False)
    sequence = dy.Int32(nullable=False, min=1)
    broker_id = dy.Int64(nullable=False)
    broker_party_id = dy.String(nullable=False)
    broker_name = dy.String(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=False)
    is_writing_agent = dy.Bool(nullable=False)
    hierarchy_id = dy.String(nullable=False)
    group_id = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)


class PremiumSplitTables(NamedTuple):
    """The tables that ``premium_splits`` makes.

    Attributes:
        premium_split_versions: One per proposal.
        premium_split_participants: One per split of its configuration.
    """

    premium_split_versions: dy.DataFrame[PremiumSplitVersions]
    premium_split_participants: dy.DataFrame[PremiumSplitParticipants]


def premium_splits(
    proposals: dy.DataFrame[Proposals], config_lines: dy.DataFrame[ConfigLines], brokers: dy.DataFrame[Brokers]
) -> PremiumSplitTables:
    """Write the configuration of each proposal as a split version, ``PSV-<proposal>``, and its participants.

    A participant, ``PSP-<proposal>-<n>``, is the level 1 of the n-th split of the configuration, with its percent; it
    points at the hierarchy ``H-<proposal>-<n>``. The percents are decimals and summed over level 1 only.

    Args:
        proposals: The proposals.
        config_lines: What their configurations say.
        brokers: The names of brokers.

    Returns:
        Both tables in the order of their ids.
    """
    shares = config_lines.filter(pl.col("level") == 1).rename({"config_hash": "split_config_hash"})
    totals = shares.group_by("split_config_hash").agg(total_split_percent=pl.col("percent").sum())
    versions = proposals.join(totals, on="split_config_hash", how="left").with_columns(
        id=pl.format("PSV-{}", "id"),
        proposal_id="id",
        version_number=pl.lit(_VERSION),
        status=pl.lit(SplitStatus.ACTIVE.value),
        source=pl.lit(SplitSource.MIGRATION.value),
    )
    return PremiumSplitTables(
        PremiumSplitVersions.cast(versions.sort("id")),
        PremiumSplitParticipants.cast(_participants(proposals, shares, brokers).sort("id")),
    )


def _participants(proposals: pl.DataFrame, shares: pl.DataFrame, brokers: pl.DataFrame) -> pl.DataFrame:
    """Give each proposal the level 1 of every split of its configuration."""
    agreed = proposals.select("id", "split_config_hash", "group_id", "effective_from", "effective_to")
    names = brokers.select(broker="id", broker_party_id="external_party_id", broker_name="name")
    shared = agreed.join(shares, on="split_config_hash").join(names, on="broker", how="left")
    return shared.select(
        "broker_party_id",
        "broker_name",
        "group_id",
        "effective_from",
        "effective_to",
        id=pl.format("PSP-{}-{}", "id", "split"),
        version_id=pl.format("PSV-{}", "id"),
        sequence="split",
        broker_id="broker",
        split_percent="percent",
        is_writing_agent=pl.lit(value=True),
        hierarchy_id=pl.format("H-{}-{}", "id", "split"),
    )
