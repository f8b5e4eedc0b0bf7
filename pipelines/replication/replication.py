"""The Replication value: a pipeline whose tables are those of a catalogue, and not of a class body."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 (the same)
from pathlib import Path

from pydantic import Field

from pipelines.engine.pipeline import Pipeline
from pipelines.replication.catalogue import Tier  # noqa: TC001 (the same)
from pipelines.replication.overrides import Override, TierPolicy  # noqa: TC001 (the same)
from sources.mysql import MySQL  # noqa: TC001 (pydantic reads the annotation when the class is made)

__all__ = ["Replication"]


class Replication(Pipeline):
    """Replicates tables from MySQL into PostgreSQL under their own names.

    Attributes:
        source: Where they come from.
        catalogue: The file that discovery writes and every run reads.
        tables: What is decided for single tables, in place of what discovery found.
        tiers: What is decided for all tables of a tier.
    """

    source: MySQL
    catalogue: Path = Path("tables.yaml")
    tables: Mapping[str, Override] = Field(default_factory=dict)
    tiers: Mapping[Tier, TierPolicy] = Field(default_factory=dict)
