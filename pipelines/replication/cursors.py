"""What is remembered of a table from one run to the next, in the target, beside the rows that it speaks of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping  # noqa: TC003 (dataclasses are made from stored values by their annotations)
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

__all__ = ["Cursor", "fingerprint", "stored", "until", "value_of"]

Value = dt.datetime | dt.date | int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a table was read for what production shows of it.

    Attributes:
        shape: What its columns and the rules for them were; another shape means other values of the same rows.
        mark: What the source said of its last write; empty where that proves nothing.
        created: When it was made, or made anew, by the source's clock.
        rows: How many rows it had.
        watermark: The highest value of the incremental column among the rows that were read.
        highest: The highest key.
        bits: How wide the ranges of ``checksums`` are.
        checksums: Of the content of each range, by its number.
        run_id: The run that read it last.
        read_at: When, by the source's clock.
        purged: How many rows of a table that is only appended to the source has deleted since it was loaded.
        archived: How many of its rows were moved to its archive.
    """

    shape: str
    mark: str = ""
    created: str = ""
    rows: int = 0
    watermark: str | int | None = None
    highest: int | None = None
    bits: int = 0
    checksums: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    read_at: str = ""
    purged: int = 0
    archived: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", {}, 0)}

    @classmethod
    def of(cls, recorded: Mapping[str, Any] | None) -> Cursor | None:
        """Read what was remembered; nothing where nothing was, or by a firn that remembered other things."""
        if not recorded or "shape" not in recorded or not set(recorded) <= set(cls.__slots__):
            return None
        return cls(**recorded)


def fingerprint(shape: str) -> str:
    """Return what is remembered of the shape of a table."""
    return sha256(shape.encode()).hexdigest()[:16]


def stored(value: Value | None) -> str | int | None:
    """Write a watermark as a value of JSON."""
    return value.isoformat() if isinstance(value, dt.date) else value


def until(value: Value | None, now: dt.datetime) -> Value | None:
    """Return a watermark that is no later than now: what is stamped later would hide what is stamped from here on.

    Args:
        value: The highest stamp.
        now: By the source's clock, in UTC, without a zone.
    """
    if isinstance(value, dt.datetime):
        return min(value, now.replace(tzinfo=value.tzinfo))
    return min(value, now.date()) if isinstance(value, dt.date) else value


def value_of(watermark: str | int) -> Value:
    """Read a watermark that was written so."""
    return dt.datetime.fromisoformat(watermark) if isinstance(watermark, str) else watermark
