"""Which line stands for several: always a whole one, and the same whatever the order of the lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from transforms.commissions.set_aside import SetAside

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy

    from transforms.commissions.columns import Records

__all__ = ["Chosen", "choose", "commonest", "counted", "first_of_each", "latest", "set_aside"]

_PLACE: Final = ("file", "line")


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
    content = [name for name in lines.columns if name not in _PLACE]
    place = [name for name in _PLACE if name in lines.columns]
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


def set_aside(
    records: Records[Any], lines: pl.DataFrame, reason: str, name: str | None = None, decided: str | None = None
) -> dy.DataFrame[SetAside]:
    """List lines that are not published, for one reason.

    Args:
        records: The extract that they are of.
        lines: The lines.
        reason: Why they are not published.
        name: The column of the typed line that decided; none where the line as a whole did.
        decided: What that column is called in ``lines``, where it is called otherwise.
    """
    raw = pl.lit(None, pl.String) if name is None else pl.col(decided or name).cast(pl.String)
    header = pl.lit(records.header(name) if name else None, pl.String)
    entries = lines.select(*_PLACE, table=pl.lit(records.table), column=header, raw=raw, reason=pl.lit(reason))
    return SetAside.cast(entries)
