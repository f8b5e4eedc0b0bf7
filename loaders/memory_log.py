"""The log of quarantined cells, in memory."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

__all__ = ["MemoryLog"]

Entry = dict[str, Any]

_IDENTITY = ("file", "sheet", "cell", "reason", "raw")
_OF_VALUES = ("table", "column", "key", "reason", "raw")


@dataclass(slots=True)
class MemoryLog:
    """Which cells were in quarantine from which generation to which; a cell that comes back is there twice.

    Attributes:
        table: The quarantine; empty where there is none, and then nothing is ever logged.
    """

    table: str
    _open: dict[tuple[Any, ...], Entry] = field(default_factory=dict)
    _resolved: list[Entry] = field(default_factory=list)

    def follow(self, tables: Mapping[str, pl.DataFrame], run_id: str, generation: int) -> None:
        """Open what a generation has and the one before had not, and resolve what it no longer has."""
        if self.table not in tables:
            return
        now, found = dt.datetime.now(dt.UTC), {_identity(row): row for row in tables[self.table].to_dicts()}
        for gone in self._open.keys() - found.keys():
            resolved = {"resolved_run": run_id, "resolved_at": now, "resolved_generation": generation}
            self._resolved.append({**self._open.pop(gone), **resolved})
        for new in found.keys() - self._open.keys():
            first = {"first_run": run_id, "first_at": now, "first_generation": generation}
            self._open[new] = {**found[new], **first, "resolved_run": None, "resolved_at": None}

    def undo(self, generation: int) -> None:
        """Forget what the generations after one opened and resolved."""
        self._open = {key: entry for key, entry in self._open.items() if entry["first_generation"] <= generation}
        for entry in self._resolved:
            if entry["first_generation"] <= generation < entry["resolved_generation"]:
                self._open[_identity(entry)] = {**entry, "resolved_run": None, "resolved_at": None}
        self._resolved = [entry for entry in self._resolved if entry["resolved_generation"] <= generation]

    def entries(self, rows: pl.DataFrame, *, resolved: bool) -> list[Entry]:
        """Return the entries of the published quarantine and, on demand, the resolved ones."""
        unknown = {"first_run": None, "first_at": None, "resolved_run": None, "resolved_at": None}
        found = [{**unknown, **self._open.get(_identity(row), {}), **row} for row in rows.to_dicts()]
        return [*_ordered(found), *(_ordered(self._resolved) if resolved else [])]


def _identity(entry: Entry) -> tuple[Any, ...]:
    return tuple(entry[name] for name in (_IDENTITY if "file" in entry else _OF_VALUES))


def _ordered(found: list[Entry]) -> list[Entry]:
    shown = [{k: v for k, v in entry.items() if not k.endswith("_generation")} for entry in found]
    return sorted(shown, key=_place)


def _place(entry: Entry) -> tuple[Any, ...]:
    """Return by what entries are put into reading order."""
    if "file" not in entry:
        return entry["table"], entry["column"], 0, len(entry["key"]), entry["key"]
    return entry["file"], entry["sheet"], entry["row"], len(entry["cell"]), entry["cell"]
