"""What is irregular about the extracts; each knob is settable, and each is counted in the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CLEAN", "Dirt"]


@dataclass(frozen=True, slots=True)
class Dirt:
    """The knobs: shares of rows, of cells or of certificates, multiples of a documented count, or on and off.

    Attributes:
        bom: Whether every other file begins with a byte order mark.
        crlf: Whether every third file has Windows' line ends.
        padding: Share of the cells of codes and names that have blanks around them.
        null_words: Share of the blank cells that say ``NULL``.
        na_plans: Share of the missing plans that say ``N/A``.
        us_dates: Share of the rows whose dates are MM/DD/YYYY; those of fees always are.
        ragged: Share of the rows with a blank cell too many, which is none; a tenth as many rows, added, lack cells,
            and as many have a filled one too many.
        bad_ids: Share of the rows, added to all others, whose id is missing or not numeric.
        bad_dates: Share of the rows, added, whose needed date is none; and of rows whose other date is none.
        bad_numbers: Share of the rows, added, whose needed number is none.
        incomplete: Multiple of the assumed certificates of which rows are rejected. Every corrupted or ragged row that
            tells its certificate is of one of them.
        torn: Share of those of which the last row has no good copy; of the others the corrupted rows are copies.
        duplicates: Share of the active certificate rows that stand there twice.
        header_typo: Whether the older commission files have the header ``CreaditCardType``.
        wrong_layout: Whether there is one more commission file, with other columns; it cannot be read.
        banking: Whether the rosters have the columns of newer extracts, with invented accounts.
        seq_starts: Share of the certificates whose split numbers do not begin with 1, but with 2 or 74.
        reordered: Share of the certificates whose splits stand in the opposite order.
        percent_styles: Share of the percents that are written with more decimals than they need.
        group_less: Multiple of the documented certificates without a group, blank or zeros.
        multiple_configs: Multiple of the documented keys that have several configurations.
        wrong_totals: Multiple of the documented certificates whose splits are not 100 in all.
        invalid_brokers: Multiple of the documented certificates without a numeric writing broker.
        year_changes: Weight of changes of the splits at the turn of a year.
        mid_year_changes: Weight of those during a year.
        returns: Share of the third ranges that have the configuration of the first again.
        plan_differences: Share of the ranges that differ from another by their plans only.
        same_broker: Share of the configurations of several splits in which one broker writes two of them.
        absent_brokers: Whether some referenced brokers are in no roster.
        absent_schedules: Whether certificates name WH01 and WH02, which have no rates.
        roster_duplicates: Whether brokers are repeated, in one roster or in both.
        alphanumeric_groups: Whether there are groups such as LA0059 and MS0059.
        conflicting_names: Share of the older rows of groups that have another name.
    """

    bom: bool = True
    crlf: bool = True
    padding: float = 0.01
    null_words: float = 0.3
    na_plans: float = 0.3
    us_dates: float = 0.1
    ragged: float = 0.0005
    bad_ids: float = 0.0002
    bad_dates: float = 0.0002
    bad_numbers: float = 0.0002
    incomplete: float = 1.0
    torn: float = 0.5
    duplicates: float = 0.0005
    header_typo: bool = True
    wrong_layout: bool = False
    banking: bool = False
    seq_starts: float = 0.1
    reordered: float = 0.1
    percent_styles: float = 0.2
    group_less: float = 1.0
    multiple_configs: float = 1.0
    wrong_totals: float = 1.0
    invalid_brokers: float = 1.0
    year_changes: float = 0.55
    mid_year_changes: float = 0.45
    returns: float = 0.3
    plan_differences: float = 0.2
    same_broker: float = 0.1
    absent_brokers: bool = True
    absent_schedules: bool = True
    roster_duplicates: bool = True
    alphanumeric_groups: bool = True
    conflicting_names: float = 0.05


CLEAN: Final = Dirt(
    bom=False,
    crlf=False,
    padding=0,
    null_words=0,
    na_plans=0,
    us_dates=0,
    ragged=0,
    bad_ids=0,
    bad_dates=0,
    bad_numbers=0,
    incomplete=0,
    torn=0,
    duplicates=0,
    header_typo=False,
    seq_starts=0,
    reordered=0,
    percent_styles=0,
    group_less=0,
    multiple_configs=0,
    wrong_totals=0,
    invalid_brokers=0,
    year_changes=0,
    mid_year_changes=0,
    returns=0,
    plan_differences=0,
    same_broker=0,
    absent_brokers=False,
    absent_schedules=False,
    roster_duplicates=False,
    alphanumeric_groups=False,
    conflicting_names=0,
)
