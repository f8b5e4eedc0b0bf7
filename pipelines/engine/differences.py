"""What replacing one part changes, key by key: rows added, removed and changed, with samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES = 5
BEFORE = "\0before"


@dataclass(slots=True)
class Difference:
    """The difference between what a part was and what it becomes.

    Attributes:
        part: The part.
        table: The table compared.
        added: Rows with a new key.
        removed: Rows whose key is gone.
        changed: Rows with another value under their key.
        columns: In how many rows each column changed.
        samples: Some changed rows: ``key``, ``column``, ``before``, ``after``; added and removed ones have no column.
    """

    part: str
    table: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed)


def difference(  # noqa: PLR0917 (two states, and what to call them)
    part: str, table: str, before: pl.DataFrame, after: pl.DataFrame, key: Sequence[str], label: Sequence[str] = ()
) -> Difference:
    """Compare two states of a part.

    Args:
        part: Its name.
        table: The table's name.
        before: The rows that production shows.
        after: The rows that replace them; a column that is absent is null.
        key: The columns of the key.
        label: The columns by which a person knows a row; by default the key.
    """
    known = [name for name in (label or key) if name in before.columns]
    absent = [name for name in before.columns if name not in after.columns]
    after = after.with_columns(pl.lit(None, before.schema[name]).alias(name) for name in absent).select(before.columns)
    added, removed = after.join(before, on=key, how="anti"), before.join(after, on=key, how="anti")
    both = before.join(after, on=key, suffix=BEFORE)
    found = Difference(part, table, added.height, removed.height)
    values = [name for name in before.columns if name not in key]
    differ = both.select(pl.col(name).ne_missing(pl.col(name + BEFORE)) for name in values)
    found.changed = int(differ.select(pl.any_horizontal(pl.all()).sum()).item()) if values and both.height else 0
    found.columns = {name: count for name in values if found.changed and (count := int(differ[name].sum()))}
    for name in list(found.columns)[:SAMPLES]:
        row = both.filter(differ[name]).row(0, named=True)
        found.samples.append(sample(row, known, column=name, before=row[name], after=row[name + BEFORE]))
    found.samples += [sample(row, known, kind="added") for row in added.head(SAMPLES).to_dicts()]
    found.samples += [sample(row, known, kind="removed") for row in removed.head(SAMPLES).to_dicts()]
    return found


def sample(row: dict[str, Any], known: Sequence[str], **facts: object) -> dict[str, Any]:
    """Show one row by what a person knows it by."""
    return {"row": {name: plain(row[name]) for name in known}, **{name: plain(fact) for name, fact in facts.items()}}


def plain(value: object) -> object:
    """Give a value as JSON can have it."""
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, str | int | float) else str(value)


def text(found: Difference) -> list[str]:
    """Lay a difference out for reading, a line a fact."""
    if not found.any:
        return [f"{found.part}: no row differs from production"]
    lines = [f"{found.part}: {found.added:,} added, {found.removed:,} removed, {found.changed:,} changed rows"]
    lines += [f"  {name}: {count:,} rows" for name, count in found.columns.items()]
    for one in found.samples:
        row = ", ".join("blank" if value is None else str(value) for value in one["row"].values())
        if "kind" in one:
            lines.append(f"  {one['kind']}: {row}")
        else:
            lines.append(f"  {row}: {one['column']} {one['before']!r} -> {one['after']!r}")
    return lines
