"""Runs that say the same become one proposal, whose id is made of what it says."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["ConsolidatedProposals", "ProposalMembers"]


class ConsolidatedProposals(dy.Schema):
    """An agreement of a group: one configuration for some products and plans, from one date until another."""

    id = dy.String(primary_key=True)
    group_id = dy.String(nullable=False)
    config_hash = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    label = dy.String(nullable=False)


class ProposalMembers(dy.Schema):
    """The proposal under which a certificate stands."""

    certificate = dy.Int64(primary_key=True)
    proposal_id = dy.String(nullable=False)
