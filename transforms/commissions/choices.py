"""Which line stands for several: always a whole one, and the same whatever the order of the lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from transforms.commissions.set_aside import SetAside

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy

__all__ = ["Chosen", "choose", "commonest", "counted", "first_of_each", "latest", "set_aside"]

_LINE: Final = "line"


class Chosen(NamedTuple):
    """The lines that stand for a key, and those that do not.

    Attributes:
        kept: One line of each key.
        others: All other lines.
    """

    kept: pl.DataFrame
    others: pl.DataFrame


def choose(lines: pl.DataFrame, key: Sequence[str], *order: pl.Expr) -> Chosen:
    """Choose the first line of each key, by ``order`` and then by all columns; its place in the file comes last."""
    repeated = lines.select(pl.struct(key).is_duplicated()).to_series()
    content = [name for name in lines.columns if name != _LINE]
    place = [name for name in lines.columns if name == _LINE]
    ordered = lines.filter(repeated).sort(*key, *order, *content, *place, nulls_last=True)
    is_first = ordered.select(pl.struct(key).is_first_distinct()).to_series()
    return Chosen(pl.concat([lines.filter(~repeated), ordered.filter(is_first)]), ordered.filter(~is_first))


def first_of_each(lines: pl.DataFrame, key: Sequence[str], *order: pl.Expr) -> pl.DataFrame:
    """Choose as :func:`choose` does, where the others need not be known."""
    return choose(lines, key, *order).kept


def counted(lines: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Count the ``lines`` that have the same in some columns."""
    counts = lines.lazy().group_by(columns).agg(lines=pl.len().cast(pl.Int64))
    # Many lines are alike: streamed, they are counted before they are gathered, in a quarter of the time.
    return counts.collect(engine="streaming")


def commonest(counts: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Find what most lines of each key have, by their counts; of equally many the first by its content."""
    return first_of_each(counts, key, -pl.col("lines")).drop("lines")


def latest(date: str) -> pl.Expr:
    """Order by a date, the latest first and lines without one last."""
    return -pl.col(date).dt.epoch("d")


def set_aside(table: str, lines: pl.DataFrame, reason: str, column: str | None = None) -> dy.DataFrame[SetAside]:
    """List lines that are not published, for one reason, and what they have in the column that decided."""
    raw = pl.lit(None, pl.String) if column is None else pl.col(column).cast(pl.String)
    decided = pl.lit(column, pl.String)
    entries = lines.select(pl.lit(table).alias("table"), _LINE, column=decided, raw=raw, reason=pl.lit(reason))
    return SetAside.cast(entries)
