"""Values that a rule sets aside: the table that lists them by address, published with the rows themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl

from sources.mysql.values import QUARANTINED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loaders.loader import Loader
    from pipelines.replication.decisions import Planned
    from pipelines.replication.reading import Outcome
    from pipelines.replication.replication import Replication
    from sources.mysql import Rules

__all__ = ["EXPECTED", "SetAside", "before", "entries", "is_listed", "open_keys"]

EXPECTED = {
    "zero_date": "a day that a calendar has",
    "sentinel": "a day that means itself",
    "not_boolean": "0 or 1",
    "nul": "a text without a NUL character",
}
"""What would have been taken, by the name of the rule that sets a value aside."""


class SetAside(dy.Schema):
    """One value that is null in production because a rule set it aside.

    ``key`` is the key of its row as a JSON object; in a table without a key, where all rows are always read, values of
    the same kind are numbered instead.
    """

    table = dy.String(primary_key=True)
    key = dy.String(primary_key=True)
    column = dy.String(primary_key=True)
    reason = dy.String(primary_key=True)
    raw = dy.String(nullable=False)
    expected = dy.String(nullable=False)
    run_id = dy.String(nullable=False)


_SCHEMA = {name: column.dtype for name, column in SetAside.columns().items()}


def is_listed(replication: Replication, name: str, loader: Loader) -> bool:
    """Tell whether a run publishes such a table: a rule sets values aside, or one did."""
    source = replication.source
    if any(map(_sets_aside, [source.rules, *source.columns.values()])):
        return True
    visible = loader.visible(name)
    return visible is not None and replication.quarantine_of(name) in visible.rows


def _sets_aside(rules: Rules) -> bool:
    return any(rules.policy(rule) == "quarantine" for rule in EXPECTED)


def before(replication: Replication, name: str, loader: Loader) -> pl.DataFrame:
    """Return the entries that production shows."""
    visible, table = loader.visible(name), replication.quarantine_of(name)
    if visible is None or table not in visible.rows:
        return pl.DataFrame(schema=_SCHEMA)
    return loader.shown({table: SetAside}, replication.target.check_timeout_s)[table]


def open_keys(found: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Return the keys of rows that have entries, by table."""
    return {str(table): frozenset(rows["key"]) for (table,), rows in found.group_by("table")}


def entries(known: pl.DataFrame, reads: Sequence[Planned], outcomes: Iterable[Outcome], run_id: str) -> pl.DataFrame:
    """Return the entries that production is to show.

    Args:
        known: Those that it shows.
        reads: The tables of the run.
        outcomes: Those whose rows it publishes; entries of other tables stay.
        run_id: The run.
    """
    planned, parts = {table.name: table for table in reads}, [known]
    for outcome in outcomes:
        parts = [_left(part, planned[outcome.table], outcome) for part in parts]
        parts.append(_new(planned[outcome.table], outcome, run_id))
    return pl.concat(parts).unique(["table", "key", "column", "reason"], keep="last", maintain_order=True)


def _new(planned: Planned, outcome: Outcome, run_id: str) -> pl.DataFrame:
    frame = pl.concat([pl.DataFrame(schema=QUARANTINED), *outcome.quarantined])
    if not planned.declared.table.key:
        number = pl.int_range(1, pl.len() + 1).over("column", "rule").cast(pl.String)
        frame = frame.with_columns(key="#" + number)
    expected = pl.col("rule").replace_strict(EXPECTED, return_dtype=pl.String)
    return frame.select(
        "table",
        "key",
        "column",
        pl.col("rule").alias("reason"),
        "raw",
        expected.alias("expected"),
        run_id=pl.lit(run_id),
    )


def _left(known: pl.DataFrame, planned: Planned, outcome: Outcome) -> pl.DataFrame:
    """Return entries without those of rows that were read again, or are gone."""
    of_table = known["table"] == outcome.table
    if outcome.how == "full" and not planned.is_kept:
        return known.filter(~of_table)
    first = planned.declared.table.key[0]
    again = [
        own and (key in outcome.again or _is_within(json.loads(key)[first], outcome.replaced))
        for own, key in zip(of_table, known["key"], strict=True)
    ]
    return known.filter(~pl.Series(again, dtype=pl.Boolean))


def _is_within(value: str | int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(low <= int(value) <= high for low, high in ranges)
