"""What a run does with each table, and why: nothing where the source proves it unchanged, else as little as will do."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipelines.replication.cursors import fingerprint, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.replication.catalogue import Entry, Tier
    from pipelines.replication.cursors import Cursor, Value
    from pipelines.replication.overrides import Effective, Policy
    from sources.mysql.database import Declared
    from sources.mysql.marks import Mark

__all__ = ["Decision", "How", "Planned", "decide", "grouped", "ordered"]

How = Literal["unchanged", "full", "incremental", "compare", "append"]

_ORDER: tuple[tuple[Tier, ...], ...] = (("critical",), ("important",), ("audit",), ("reference", "standard"))
_SMALL_MB = 1.0


@dataclass(frozen=True, slots=True)
class Decision:
    """How a table is read.

    Attributes:
        how: In a word.
        reason: The facts from which that follows.
        since: Of an incremental table: the stamp from which rows are read.
        above: Of one that is appended to: the key above which they are.
        bits: Of one that is compared: how wide its ranges of keys are.
        checksums: The content of each range when it was read, by its number.
    """

    how: How
    reason: str
    since: Value = 0
    above: int = 0
    bits: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """One table of a run.

    Attributes:
        name: The table.
        settled: What the catalogue says of it, with what people say otherwise.
        declared: Its columns and contract as they are now.
        mark: What the source said of its last write before anything was read.
        cursor: What the last run remembers of it.
        decision: What is done with it.
        is_published: Whether production shows rows of it that an earlier run published.
    """

    name: str
    settled: Effective
    declared: Declared
    mark: Mark
    cursor: Cursor | None
    decision: Decision
    is_published: bool = False

    @property
    def entry(self) -> Entry:
        """What the catalogue says of it."""
        return self.settled.entry

    @property
    def policy(self) -> Policy:
        """What is done when something goes wrong with it."""
        return self.settled.policy

    @property
    def is_kept(self) -> bool:
        """Whether production may hold rows of it that the source has no longer, and keeps them."""
        return self.entry.strategy == "append" and self.is_published

    @property
    def is_small(self) -> bool:
        """Whether it is read together with others on one worker."""
        return self.entry.size_mb < _SMALL_MB


def decide(
    entry: Entry,
    declared: Declared,
    mark: Mark,
    cursor: Cursor | None,
    *,
    since: dt.datetime,
    full: bool = False,
) -> Decision:
    """Decide how a table is read.

    Args:
        entry: What the catalogue says of it.
        declared: Its columns as they are now.
        mark: What the source says of its last write.
        cursor: What the last run remembers of it.
        since: Nothing is trusted that was remembered earlier.
        full: Whether everything is asked for.
    """
    if cursor is None:
        return Decision("full", "nothing of it is published")
    if full:
        return Decision("full", "asked for")
    if cursor.shape != fingerprint(declared.shape):
        return Decision("full", "its columns, or the rules for their values, are others than when it was read")
    if mark.stamp and mark.stamp == cursor.mark:
        return Decision("unchanged", f"not written since {mark.updated}")
    why = _why_forgotten(entry, mark, cursor, since)
    return Decision("full", why) if why else _known(entry, declared, cursor)


def _why_forgotten(entry: Entry, mark: Mark, cursor: Cursor, since: dt.datetime) -> str:
    """Say why what is remembered is not built upon; nothing where it is."""
    if dt.datetime.fromisoformat(cursor.read_at) < since:
        return f"last read on {cursor.read_at}, which is too long ago"
    if entry.strategy == "incremental" and str(mark.created) != cursor.created:
        return f"made anew at {mark.created}: other rows may have the same keys and stamps"
    return ""


def _known(entry: Entry, declared: Declared, cursor: Cursor) -> Decision:
    ranged = declared.table.range_column is not None
    single = ranged and len(declared.table.key) == 1
    if entry.strategy == "incremental" and single and cursor.watermark is not None:
        reason = f"{entry.incremental_column} from {cursor.watermark} on, and keys and stamps compared"
        return Decision("incremental", reason, since=value_of(cursor.watermark))
    if entry.strategy == "append" and single and cursor.highest is not None:
        return Decision("append", f"keys above {cursor.highest:,}, and keys compared", above=cursor.highest)
    if entry.strategy == "compare" and ranged and cursor.checksums:
        reason = f"checksums of {len(cursor.checksums):,} ranges of keys"
        return Decision("compare", reason, bits=cursor.bits, checksums=cursor.checksums)
    return Decision("full", _why_full(entry, ranged=ranged))


def _why_full(entry: Entry, *, ranged: bool) -> str:
    if entry.strategy == "full":
        return entry.strategy_reason
    return f"{entry.strategy} needs a history, which it has not yet" if ranged else "its key is no whole number"


def ordered(tables: Sequence[Planned]) -> list[Planned]:
    """Sort tables by tier, then by priority, the largest first."""
    place = {tier: number for number, tiers in enumerate(_ORDER) for tier in tiers}
    return sorted(tables, key=lambda t: (place[t.entry.tier], t.entry.priority, -t.entry.size_mb, t.name))


def grouped(tables: Sequence[Planned]) -> list[tuple[Planned, ...]]:
    """Group tables for the workers, in order: small ones of a tier together, every other alone."""
    groups: list[tuple[Planned, ...]] = []
    for tiers in _ORDER:
        own = [table for table in tables if table.entry.tier in tiers]
        groups += [(table,) for table in own if not table.is_small]
        small = tuple(table for table in own if table.is_small)
        groups += [small] if small else []
    return groups
