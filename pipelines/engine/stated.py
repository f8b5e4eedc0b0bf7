"""The tables of the settings that belong to no pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLES", "Emergency"]


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


TABLES: Mapping[str, type[BaseModel]] = {"emergency": Emergency}
"""By name."""
