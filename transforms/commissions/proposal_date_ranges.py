"""Proposals in the order of their group, with the years that they span."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["DatedProposals"]


class DatedProposals(dy.Schema):
    """A proposal in force from ``effective_from`` until the day before ``effective_to``; open where that is null.

    ``number`` counts the proposals of the group from 1 by their first days; it is no identity, since an earlier
    proposal moves it. ``date_range_to`` is the year of the last day.
    """

    id = dy.String(primary_key=True)
    group_id = dy.String(nullable=False)
    number = dy.Int32(nullable=False, min=1)
    display_name = dy.String(nullable=False, max_length=100)
    config_hash = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    date_range_from = dy.Int32(nullable=False)
    date_range_to = dy.Int32(nullable=True)
    label = dy.String(nullable=False)
