"""How the tables of a replication stand: what is decided of each, what production shows of it, and when it was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.replication import catalogue
from pipelines.replication.catalogue import NOT_NULL, TIERS
from pipelines.replication.cursors import Cursor
from pipelines.replication.overrides import effective

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loaders.loader import Loader
    from pipelines.replication.overrides import Effective
    from pipelines.replication.replication import Replication

__all__ = ["MOST", "Standing", "described", "shortened", "standings"]

MOST = 20
"""How many tables a person is shown by name, unless that would leave out few."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One table.

    Attributes:
        name: Its name.
        settled: What is decided of it.
        rows: How many production shows; none where it is not published.
        cursor: What is remembered of the last time it was read.
    """

    name: str
    settled: Effective
    rows: int | None
    cursor: Cursor | None

    @property
    def purged(self) -> int:
        """How many rows the source has deleted that production keeps."""
        return self.cursor.purged if self.cursor else 0

    @property
    def archived(self) -> int:
        """How many rows were moved to its archive."""
        return self.cursor.archived if self.cursor else 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        entry, cursor = self.settled.entry, self.cursor
        return {
            "name": self.name,
            "tier": entry.tier,
            "tier_reason": entry.tier_reason,
            "strategy": entry.strategy,
            "reason": entry.strategy_reason,
            "owner": self.settled.policy.owner,
            "rows": self.rows,
            "read_at": cursor.read_at if cursor else None,
            "run_id": cursor.run_id if cursor else None,
            "rows_at_source": cursor.rows if cursor else None,
            "watermark": cursor.watermark if cursor else None,
            "purged": self.purged,
            "archived": self.archived,
            "columns": [
                {
                    "name": name,
                    "type": declared.removesuffix(NOT_NULL),
                    "nullable": not declared.endswith(NOT_NULL),
                    "key": name in entry.key,
                }
                for name, declared in entry.columns.items()
            ],
        }


def standings(replication: Replication, name: str, loader: Loader) -> list[Standing]:
    """Return how every table of the catalogue stands, by tier.

    Raises:
        ConfigError: There is no catalogue, or something is decided for a table that it does not have.
    """
    known = catalogue.read(replication.catalogue, name)
    settled = effective(known, replication.tables, replication.tiers, name)
    visible, cursors = loader.visible(name), loader.cursors(name)
    rows = visible.rows if visible else {}
    found = [Standing(table, own, rows.get(table), Cursor.of(cursors.get(table))) for table, own in settled.items()]
    return sorted(found, key=lambda one: (TIERS.index(one.settled.entry.tier), one.name))


def described(replication: Replication, name: str, loader: Loader) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe the tables as plain values, and in few lines: a line a tier, and those that a person asks about.

    Raises:
        ConfigError: There is no catalogue, or something is decided for a table that it does not have.
    """
    found = standings(replication, name, loader)
    shown = found if len(found) <= MOST else [one for one in found if _is_asked_about(one, replication)]
    lines = [*_tiers(found), "", *shortened([_line(one) for one in shown])]
    return [one.as_dict() for one in found], lines


def shortened(lines: Sequence[str]) -> list[str]:
    """Leave out what are too many lines, and say how many."""
    if len(lines) <= MOST:
        return list(lines)
    return [*lines[:MOST], f"  ... and {len(lines) - MOST:,} more: --json"]


def _is_asked_about(one: Standing, replication: Replication) -> bool:
    return one.settled.entry.tier == "critical" or one.name in replication.tables or bool(one.purged)


def _tiers(found: Iterable[Standing]) -> list[str]:
    by_tier = {tier: [one for one in found if one.settled.entry.tier == tier] for tier in TIERS}
    return [_tier(tier, ones) for tier, ones in by_tier.items() if ones]


def _tier(tier: str, ones: Sequence[Standing]) -> str:
    published = [one for one in ones if one.rows is not None]
    strategies = Counter(one.settled.entry.strategy for one in ones)
    told = ", ".join(f"{count} {strategy}" for strategy, count in strategies.most_common())
    rows = sum(one.rows or 0 for one in published)
    purged = sum(one.purged for one in ones)
    return f"  {tier:<10}{len(published):>6,} of {len(ones):,} published{rows:>14,} rows   {told}; {_read(ones)}" + (
        f"; the source has purged {purged:,} rows" if purged else ""
    )


def _read(ones: Sequence[Standing]) -> str:
    times = sorted(one.cursor.read_at[:16] for one in ones if one.cursor)
    if not times:
        return "never read"
    return f"last read {times[-1]}" + (f", the longest ago {times[0]}" if times[0] != times[-1] else "")


def _line(one: Standing) -> str:
    entry, cursor = one.settled.entry, one.cursor
    rows = "not published" if one.rows is None else f"{one.rows:,} rows"
    read = f"read {cursor.read_at[:19]}" if cursor else "never read"
    purged = f"; the source has purged {one.purged:,} rows" if one.purged else ""
    owner = "; a legacy pipeline's" if one.settled.policy.owner == "legacy" else ""
    return f"  {one.name:<26}{rows:>16}  {read}  {entry.strategy}: {entry.strategy_reason}{purged}{owner}"
