"""What several files of one extract say together: a record that two of them have counts once."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.lines import CertificateLines, CommissionLines, PremiumLines

__all__ = ["OverlapTables", "Overlaps", "overlaps"]

_PLACE: Final = ("file", "line")


class Overlaps(dy.Schema):
    """How many records of a file another file has, too, and what they amount to, where they are payments or postings.

    They count in the other file.
    """

    file = dy.String(primary_key=True)
    table = dy.String(nullable=False)
    records = dy.Int64(nullable=False, min=1)
    amount = dy.Decimal(38, 2, nullable=True)


class OverlapTables(NamedTuple):
    """The tables that ``overlaps`` makes.

    Attributes:
        certificate_lines: The records of certificates of all files.
        commission_lines: The payments of all files.
        premium_lines: The postings of all files.
        overlapping: What is not among them, since another file has it.
    """

    certificate_lines: dy.DataFrame[CertificateLines]
    commission_lines: dy.DataFrame[CommissionLines]
    premium_lines: dy.DataFrame[PremiumLines]
    overlapping: dy.DataFrame[Overlaps]


def overlaps(
    typed_certificates: dy.DataFrame[CertificateLines],
    typed_commissions: dy.DataFrame[CommissionLines],
    typed_premiums: dy.DataFrame[PremiumLines],
) -> OverlapTables:
    """Put the files of each extract together, and count once what stands in several.

    Payments and postings that are alike in every column, their date among them, are as many as the file has that has
    most of them. A file has all payments or postings of the days that it is about: that two of one file are alike is
    true of both, and that two files have the same one means that both are about its day. Were they added up, a posting
    would be paid as often as it was delivered.

    Of certificates no file has a record twice. Records of two files that contradict one another all stay, and the
    routing knows a certificate that contradicts itself.

    Args:
        typed_certificates: The records of certificates, file by file.
        typed_commissions: The payments.
        typed_premiums: The postings.

    Returns:
        The same without what is repeated, in the same order, and how much that is.
    """
    certificates, of_certificates = _once("raw_certificate_info", typed_certificates)
    commissions, of_commissions = _once("raw_commissions_detail", typed_commissions)
    premiums, of_premiums = _once("raw_premiums", typed_premiums)
    return OverlapTables(
        CertificateLines.cast(certificates),
        CommissionLines.cast(commissions),
        PremiumLines.cast(premiums),
        Overlaps.cast(pl.concat([of_certificates, of_commissions, of_premiums])),
    )


def _once(table: str, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leave out the lines that another file has, too, and count them by file."""
    again = _again(lines)
    amount = pl.col("amount").cast(pl.Decimal(38, 2)).sum() if "amount" in lines.columns else pl.lit(None)
    counts = again.group_by("file", maintain_order=True).agg(records=pl.len(), amount=amount.cast(pl.Decimal(38, 2)))
    kept = lines.join(again, on=_PLACE, how="anti", maintain_order="left") if again.height else lines
    return kept, counts.select("file", pl.lit(table).alias("table"), pl.col("records").cast(pl.Int64), "amount")


def _again(lines: pl.DataFrame) -> pl.DataFrame:
    """Find the lines of which an earlier file has as many already."""
    content = [name for name in lines.columns if name not in _PLACE]
    if lines["file"].n_unique() == 1:
        return lines.clear()
    # Hardly any line is repeated: only those whose hash is have to be compared.
    doubled = lines.filter(lines.select(content).hash_rows().is_duplicated())
    numbered = doubled.with_columns(nth=pl.int_range(pl.len()).over("file", *content))
    return numbered.filter(~pl.struct(*content, "nth").is_first_distinct()).drop("nth")
