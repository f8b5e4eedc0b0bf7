"""Which certificates lack a record, because it was rejected: what is left of them may be a part of their chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dataframely as dy
import polars as pl

from transforms.commissions.columns import CERTIFICATES
from transforms.commissions.identifiers import filled
from transforms.commissions.readings import read

if TYPE_CHECKING:
    from transforms.commissions.lines import RaggedRecords, Rejects

__all__ = ["IncompleteCertificates", "incomplete_certificates"]

_ID, _DATE = "CertificateId", "CertEffectiveDate"
_PLACES: Final = {header: place for place, header in enumerate(CERTIFICATES.headers) if header in {_ID, _DATE}}


class IncompleteCertificates(dy.Schema):
    """A rejected record of certificates, and the certificate that it is of; null where that cannot be told.

    Of a ragged record that may be two, one row says the first certificate and another that there may be more. Any is
    that has more cells than the header: a line end may have been lost wherever the first was cut.
    """

    line = dy.Int64(nullable=False)
    certificate = dy.Int64(nullable=True)


def incomplete_certificates(
    raw: pl.DataFrame, ragged: dy.DataFrame[RaggedRecords], rejects: dy.DataFrame[Rejects]
) -> dy.DataFrame[IncompleteCertificates]:
    """Tell the certificate of each rejected record of a file.

    That of a ragged record is told only where its cells up to the date are plainly in their places: a whole number
    stands where the certificate has to, and a date where its date has to. No other column has dates; where a file has
    columns that are not read, which might, it is told and yet may be another.

    Args:
        raw: The records of the file as text, in its order.
        ragged: Those with too few or too many cells.
        rejects: Those that were rejected, ragged ones among them.

    Returns:
        One row for each rejected record, and one more for each that is told and may be two, or another.
    """
    lines = rejects.filter(pl.col("reason") != "ragged")["line"]
    known = raw.select("line", _ID)[raw["line"].search_sorted(lines)]
    aligned = ragged.select("line", **{name: _text(place) for name, place in _PLACES.items()})
    is_dated = read(filled(pl.col(_DATE)), "date", pl.Date()).is_not_null()
    told = aligned.select("line", certificate=pl.when(is_dated).then(_certificate(pl.col(_ID))))
    unsure = ragged.filter(_is_unsure()).select("line", certificate=pl.lit(None, pl.Int64))
    found = pl.concat([known.select("line", certificate=_certificate(pl.col(_ID))), told, unsure])
    return IncompleteCertificates.cast(found.unique().sort("line", "certificate"))


def _certificate(text: pl.Expr) -> pl.Expr:
    return read(filled(text), "whole", pl.Int64())


def _text(place: int) -> pl.Expr:
    return pl.col("texts").list.get(place, null_on_oob=True)


def _is_unsure() -> pl.Expr:
    """Tell the records that may be two, a part and a whole one, and those of files with columns that may have dates."""
    return (pl.col("cells") > pl.col("header")) | (pl.col("header") > len(CERTIFICATES.headers))
