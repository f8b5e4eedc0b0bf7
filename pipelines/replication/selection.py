"""Which tables a run is about: all of the catalogue, or those that are named, themselves or by their tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import ConfigError
from pipelines.engine.suggestions import refuse_unknown
from pipelines.replication.catalogue import TIERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.replication.overrides import Effective

__all__ = ["chosen"]


def chosen(tables: Mapping[str, Effective], named: Sequence[str], excluded: Sequence[str]) -> dict[str, Effective]:
    """Return the tables of a run.

    Args:
        tables: All of them.
        named: The tables or tiers that are asked for; all where none is named.
        excluded: Those that are not.

    Raises:
        ConfigError: A name is neither a table's nor a tier's, or nothing is left.
    """
    known = [*TIERS, *tables]
    refuse_unknown("--tables", named, known, "neither a table of the catalogue nor a tier is called so")
    refuse_unknown("--exclude", excluded, known, "neither a table of the catalogue nor a tier is called so")
    found = {
        name: table
        for name, table in tables.items()
        if (not named or _is_named(name, table, named)) and not _is_named(name, table, excluded)
    }
    if not found:
        raise ConfigError("No table is left to replicate. Production is unchanged.", f"Tiers: {', '.join(TIERS)}")
    return found


def _is_named(name: str, table: Effective, names: Sequence[str]) -> bool:
    return name in names or table.entry.tier in names
