"""Proposals in the order of their group, with the years that they span."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.groups import EmployerGroups
from transforms.commissions.proposals_consolidated import ConsolidatedProposals
from transforms.commissions.proposals_differentiated import LABELS

__all__ = ["DatedProposalTables", "DatedProposals", "proposal_date_ranges"]

_NAME: Final = 100


class DatedProposals(dy.Schema):
    """A proposal in force from ``effective_from`` until the day before ``effective_to``; open where that is null.

    ``number`` counts the proposals of the group from 1 by their first days; it is no identity, since an earlier
    proposal moves it. ``date_range_to`` is the year of the last day.
    """

    id = dy.String(primary_key=True)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=False)
    situs_state = dy.String(nullable=True)
    number = dy.Int32(nullable=False, min=1)
    display_name = dy.String(nullable=False, max_length=_NAME)
    config_hash = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    date_range_from = dy.Int32(nullable=False)
    date_range_to = dy.Int32(nullable=True)
    label = dy.Enum(LABELS, nullable=False)


class DatedProposalTables(NamedTuple):
    """The table that ``proposal_date_ranges`` makes.

    Attributes:
        dated_proposals: The proposals by group and number.
    """

    dated_proposals: dy.DataFrame[DatedProposals]


def proposal_date_ranges(
    consolidated_proposals: dy.DataFrame[ConsolidatedProposals], employer_groups: dy.DataFrame[EmployerGroups]
) -> DatedProposalTables:
    """Number the proposals of each group by their first days, then ids, and name them ``<group> - <day> - <number>``.

    The days are those of the runs, which end where the next of their product and plan begins, so none is moved here; no
    two proposals of a product and plan share a day, which ``proposals_dated`` checks.

    Args:
        consolidated_proposals: The proposals.
        employer_groups: Their groups.

    Returns:
        The proposals by group and number.
    """
    ordered = consolidated_proposals.sort("group_id", "effective_from", "id")
    groups = employer_groups.select("group_name", "situs_state", group_id="id")
    named = ordered.with_columns(
        number=pl.int_range(1, pl.len() + 1).over("group_id"),
        date_range_from=pl.col("effective_from").dt.year(),
        date_range_to=pl.col("effective_to").dt.offset_by("-1d").dt.year(),
    ).join(groups, on="group_id", how="left", maintain_order="left")
    display_name = pl.format("{} - {} - {}", "group_name", "effective_from", "number").str.slice(0, _NAME)
    return DatedProposalTables(DatedProposals.cast(named.with_columns(display_name=display_name)))
