"""Retention of audit tables: rows past their days move to an archive, in the publication of the run's other changes.

The rows are read from production, staged for ``<table>_archive``, counted and hashed; the ranges of their keys are
replaced by nothing in the table. Readers see each row in one of the two, at any moment.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import dataframely as dy
import numpy as np
import polars as pl

from firn import ConfigError, LoadError
from pipelines.replication.cursors import fingerprint
from pipelines.replication.decisions import Decision
from pipelines.replication.keys import absent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Run
    from loaders.loader import Loader
    from pipelines.replication.decisions import Planned
    from pipelines.replication.keys import Keys, Ranges
    from pipelines.replication.reading import Outcome

__all__ = ["Archive", "archive_of", "due", "marked", "move", "planned_for", "refuse_lost"]

_ROWS = 200_000
"""How many rows are read from production at a time."""
_LEAST = -(2**63)
_NONE: Keys = np.empty(0, np.int64)


def archive_of(table: str) -> str:
    """Name the archive of a table."""
    return f"{table}_archive"


@dataclass(slots=True)
class Archive:
    """The rows of one table that are due.

    Attributes:
        planned: The table.
        before: Rows whose business date is before this day are.
        keys: Their keys, sorted.
        ranges: As few ranges of keys as hold them and no other row of the table.
        digest: The SHA-256 of the rows by key.
    """

    planned: Planned
    before: dt.date
    keys: Keys = field(default_factory=lambda: _NONE)
    ranges: Ranges = field(default_factory=list)
    digest: str = ""

    @property
    def told(self) -> str:
        """Which rows were moved, and the hash of them."""
        return f"{self.planned.name}: {self.keys.size} rows from before {self.before}, SHA-256 {self.digest}"


def due(tables: Sequence[Planned], loader: Loader, today: dt.date) -> dict[str, Archive]:
    """Return what is to be moved, by table; a table of which nothing is due, or whose columns changed, has nothing.

    Raises:
        ConfigError: A table with an archive is not only appended to, or rows are not told apart by one whole number.
    """
    found = {}
    for one in tables:
        days = one.settled.archive_after_days
        if days is None:
            continue
        _refuse_impossible(one)
        before = today - dt.timedelta(days=days)
        if one.cursor and one.cursor.shape == fingerprint(one.declared.shape) and _aged(one, before, loader, 1).height:
            found[one.name] = Archive(one, before)
    return found


def planned_for(tables: Sequence[Planned], archives: Mapping[str, Archive]) -> list[Planned]:
    """Return the tables of a run; one that is unchanged at the source, and of which rows are due, is of it too."""
    return [
        replace(one, decision=_new_rows(one))
        if one.name in archives and one.decision.how == "unchanged" and one.cursor
        else one
        for one in tables
    ]


def _new_rows(one: Planned) -> Decision:
    cursor = one.cursor
    highest = cursor.highest if cursor and cursor.highest is not None else _LEAST
    return Decision("append", "rows are due for its archive", above=highest)


def _refuse_impossible(one: Planned) -> None:
    table, date = one.declared.table, one.settled.business_date
    wrong = ""
    if one.entry.strategy != "append":
        wrong = f"its strategy is {one.entry.strategy}, not append"
    elif len(table.key) != 1 or table.range_column is None:
        wrong = "its rows are not told apart by one whole number"
    elif not one.declared.schema[date or ""].is_temporal():
        wrong = f"{date} is neither a day nor a time"
    if wrong:
        raise ConfigError(
            f'Table "{one.name}" cannot have an archive: {wrong}. Production is unchanged.',
            f"take archive_after_days out of tables.{one.name}",
        )


def _aged(one: Planned, before: dt.date, loader: Loader, most: int, above: int = _LEAST) -> pl.DataFrame:
    key, date = one.declared.table.key[0], one.settled.business_date or ""
    return loader.aged(one.name, one.declared.contract, key, date, before=before, above=above, most=most)


def _keys(table: str, one: Planned, loader: Loader, seconds: float) -> Keys:
    """Return the keys that production shows of a table with the columns of another, none where it is not there."""
    if not loader.totals({table: ()}):
        return np.empty(0, np.int64)
    key = one.declared.table.key[0]
    column = type(one.declared.contract.columns()[key])
    contract = type("Keys", (dy.Schema,), {"key": column(primary_key=True, alias=key)})
    keys: Keys = np.sort(loader.shown({table: contract}, seconds)[table].to_series().cast(pl.Int64).to_numpy())
    return keys


def move(
    run: Run, tables: Sequence[Planned], archives: Mapping[str, Archive], loader: Loader, seconds: float
) -> dict[str, Keys]:
    """Stage the rows that are due for their archives.

    Returns:
        By table the keys of all rows that its archive will have: they are not to be copied back.
    """
    for archive in archives.values():
        _stage(run, archive, loader, seconds)
    having = [one for one in tables if one.is_kept and (one.name in archives or (one.cursor and one.cursor.archived))]
    moved = {one.name: archives[one.name].keys if one.name in archives else _NONE for one in having}
    return {one.name: np.union1d(_keys(archive_of(one.name), one, loader, seconds), moved[one.name]) for one in having}


def _stage(run: Run, archive: Archive, loader: Loader, seconds: float) -> None:
    one, above, part, digest = archive.planned, _LEAST, 0, hashlib.sha256()
    key, keys = one.declared.table.key[0], [_NONE]
    while (rows := _aged(one, archive.before, loader, _ROWS, above)).height:
        digest.update(rows.cast(pl.String, strict=False).write_csv(include_header=False).encode())
        loader.stage(run, archive_of(one.name), str(part), rows)
        keys.append(rows[key].cast(pl.Int64).to_numpy())
        above, part = int(keys[-1][-1]), part + 1
    archive.keys, archive.digest = np.concatenate(keys), digest.hexdigest()
    left = np.setdiff1d(_keys(one.name, one, loader, seconds), archive.keys, assume_unique=True)
    archive.ranges = absent(archive.keys, left)


def marked(outcome: Outcome, archives: Mapping[str, Archive]) -> None:
    """Have a table's outcome say that the rows which are moved leave it, and that those moved before are not in it."""
    archive, cursor = archives.get(outcome.table), outcome.cursor
    if cursor is None:
        return
    if archive:
        outcome.replaced = [*outcome.replaced, *archive.ranges]
        outcome.cursor = cursor = replace(cursor, archived=cursor.archived + archive.keys.size)
    if outcome.expected is not None:
        outcome.expected -= cursor.archived


def refuse_lost(run: Run, outcomes: Sequence[Outcome], archives: Mapping[str, Archive], loader: Loader) -> None:
    """Count the rows that archives will have.

    Raises:
        LoadError: They are not all that ever were moved. Production is unchanged.
    """
    for outcome in outcomes:
        if outcome.table in archives and outcome.cursor:
            archive, moved = archive_of(outcome.table), outcome.cursor.archived
            rows, _ = loader.foreseen(run, archive, [])
            if rows != moved:
                raise LoadError(
                    f'Table "{archive}" would have {rows:,} rows, and {moved:,} were moved to it. Nothing was '
                    "published; production is unchanged.",
                    f"somebody else added rows to it, or deleted some: firn report {run.pipeline} --compliance",
                )
