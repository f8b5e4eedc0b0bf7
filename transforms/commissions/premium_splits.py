"""How the premium of each proposal is split among writing brokers."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["PremiumSplitParticipants", "PremiumSplitVersions"]


class PremiumSplitVersions(dy.Schema):
    """The one split of a proposal; its participants add to ``total_split_percent``, which is 100."""

    id = dy.String(primary_key=True)
    proposal_id = dy.String(nullable=False)
    proposal_number = dy.String(nullable=False)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=True)
    version_number = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    total_split_percent = dy.Decimal(18, 4, nullable=False)
    status = dy.Int16(nullable=False)
    source = dy.Int16(nullable=False)


class PremiumSplitParticipants(dy.Schema):
    """A writing broker's share of a proposal, and the hierarchy that is paid on it."""

    id = dy.String(primary_key=True)
    version_id = dy.String(nullable=False)
    sequence = dy.Int32(nullable=False, min=1)
    broker_id = dy.Int64(nullable=False)
    broker_party_id = dy.String(nullable=False)
    broker_name = dy.String(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=False)
    is_writing_agent = dy.Bool(nullable=False)
    hierarchy_id = dy.String(nullable=False)
    group_id = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
