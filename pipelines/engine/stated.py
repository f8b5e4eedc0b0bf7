"""The tables of the settings that belong to no pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from sources import AzureBlobs  # noqa: TC001 (pydantic reads the annotation)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLES", "Backups", "Emergency"]


class Emergency(BaseModel):
    """What an emergency rollback does besides.

    Attributes:
        folder: Where incident reports are written.
        hook: A program and its arguments that is told of it, by the report's JSON on its standard input and
            ``INCIDENT_PIPELINE``, ``INCIDENT_REASON`` and ``INCIDENT_REPORT`` in its environment; no shell reads them.
        hook_timeout_s: How long it may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Path("incidents")
    hook: tuple[str, ...] = ()
    hook_timeout_s: float = Field(default=30.0, gt=0)


class Backups(BaseModel):
    """Where backups are kept, and how many.

    Attributes:
        folder: The folder; by default ``backups`` beside the data of the embedded server.
        blobs: A container instead, and the folder in it where ``prefixes`` names one.
        keep: How many of a pipeline are kept at least, of each kind.
        days: Those that are younger are kept too.
        max_age_h: Hours after which ``firn doctor`` finds the newest proven backup of a pipeline too old; by default it
            only tells its age.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    blobs: AzureBlobs | None = None
    keep: int = Field(default=7, ge=1)
    days: int = Field(default=0, ge=0)
    max_age_h: float | None = Field(default=None, gt=0)


TABLES: Mapping[str, type[BaseModel]] = {"backups": Backups, "emergency": Emergency}
"""By name."""
