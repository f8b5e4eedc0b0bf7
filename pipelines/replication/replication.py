"""The Replication value: a pipeline whose tables are those of a catalogue, and not of a class body."""

from __future__ import annotations

from pathlib import Path

from pipelines.engine.pipeline import Pipeline
from sources.mysql import MySQL  # noqa: TC001 (pydantic reads the annotation when the class is made)

__all__ = ["Replication"]


class Replication(Pipeline):
    """Replicates tables from MySQL into PostgreSQL under their own names.

    Attributes:
        source: Where they come from.
        catalogue: The file that discovery writes and every run reads.
    """

    source: MySQL
    catalogue: Path = Path("tables.yaml")
