"""Which certificates a rejected posting names: they have been billed, though no line says how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl

from transforms.commissions.columns import PREMIUMS
from transforms.commissions.identifiers import filled
from transforms.commissions.readings import read

if TYPE_CHECKING:
    from transforms.commissions.lines import Rejects

__all__ = ["RejectedPostings", "rejected_postings"]


class RejectedPostings(dy.Schema):
    """A rejected record of premiums that tells its certificate."""

    line = dy.Int64(nullable=False)
    certificate = dy.Int64(nullable=False)


def rejected_postings(raw: pl.DataFrame, rejects: dy.DataFrame[Rejects]) -> dy.DataFrame[RejectedPostings]:
    """Tell the certificates of the rejected records of a file; a ragged one tells none, as its cells may have shifted.

    Args:
        raw: The records of the file as text, without ragged ones.
        rejects: Those that were rejected, ragged ones among them.
    """
    text = filled(pl.col(PREMIUMS.header("certificate")))
    rejected = raw.filter(pl.col("line").is_in(rejects["line"].implode()))
    told = rejected.select("line", certificate=read(text, "whole", pl.Int64()))
    return RejectedPostings.cast(told.drop_nulls())
