"""What a run staged in memory, and what tables will hold once it is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from loaders import policies, ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firn import Dataset, PartKey
    from loaders.ddl import Layout

__all__ = ["MemoryStage"]


@dataclass(slots=True)
class MemoryStage:
    """The tables of one run, and what they make of those that readers see.

    Attributes:
        layouts: Their columns and keys.
        generation: The generation that readers saw when the run began.
        dataset: What the run will publish.
        parts: What was sent: table, part -> rows.
        replaced: By table the ranges of its key that the rows replace.
    """

    layouts: Mapping[str, Layout]
    generation: int
    dataset: Dataset
    parts: dict[tuple[str, str], pl.DataFrame] = field(default_factory=dict)
    replaced: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def keys(self) -> Mapping[str, PartKey]:
        """Where each table says which part a row belongs to."""
        return self.dataset.parts

    def table(self, name: str) -> pl.DataFrame:
        """Return a table's parts together, with null where a part lacks a column."""
        layout = self.layouts[name]
        empty = pl.DataFrame(schema={column.name: column.dtype for column in layout.columns})
        return pl.concat([empty, *(f for (table, _), f in self.parts.items() if table == name)], how="diagonal")

    def wanted(self, name: str, present: pl.DataFrame | None) -> pl.DataFrame:
        """Return what a table should hold, where it holds other rows now."""
        staged, strategy, key = self.table(name), self.dataset.strategy_of(name), self.layouts[name].key
        policy = self.dataset.policy_of(name)
        if present is not None and policy == "insert_only":
            return pl.concat([present, staged.join(present, on=key, how="anti", nulls_equal=True)], how="diagonal")
        if present is None or (strategy not in ("merge", "append") and policy != "keep_missing"):
            return staged
        kept = present.join(staged, on=key, how="anti", nulls_equal=True)
        for low, high in ranges.marked(self.replaced.get(name, {})):
            kept = kept.filter(~pl.col(key[0]).is_between(low, high))
        return pl.concat([kept, staged], how="diagonal")

    def settled(self, production: Mapping[str, pl.DataFrame]) -> dict[str, policies.Figures]:
        """Return what the policies do to the tables that keep rows."""
        return {
            name: policies.figures(self.dataset.policy_of(name), *self._counts(name, production.get(name)))
            for name in policies.keeping(self.dataset)
            if name in self.layouts
        }

    def _counts(self, name: str, present: pl.DataFrame | None) -> tuple[int, int, int]:
        staged = self.table(name)
        if present is None:
            return staged.height, 0, staged.height
        return staged.height, present.height, staged.join(present, on=self.layouts[name].key, how="anti").height
