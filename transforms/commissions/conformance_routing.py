"""Which certificates stand under a proposal, and which are assigned to private hierarchies, and why."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["GroupConformance", "GroupEntropy", "RoutedPha", "RoutedProposal"]


class RoutedProposal(dy.Schema):
    """A certificate that stands under a proposal; on one date a group's product and plan have one configuration."""

    certificate = dy.Int64(primary_key=True)
    group_id = dy.String(nullable=False)
    product = dy.String(nullable=False)
    plan = dy.String(nullable=False)
    effective_date = dy.Date(nullable=False)
    config_hash = dy.String(nullable=False)


class RoutedPha(dy.Schema):
    """A certificate that gets private hierarchies, and the first rule that sends it there."""

    certificate = dy.Int64(primary_key=True)
    reason = dy.String(nullable=False)
    entry_type = dy.Int16(nullable=False)


class GroupConformance(dy.Schema):
    """How many certificates of a group stand under proposals."""

    group_id = dy.String(primary_key=True)
    group_name = dy.String(nullable=True)
    situs_state = dy.String(nullable=True)
    total_certificates = dy.Int32(nullable=False, min=1)
    conformant_certificates = dy.Int32(nullable=False, min=0)
    non_conformant_certificates = dy.Int32(nullable=False, min=0)
    conformance_percentage = dy.Decimal(5, 2, nullable=False)
    group_classification = dy.String(nullable=False)


class GroupEntropy(dy.Schema):
    """How scattered the configurations of a group are; ``shannon`` is in bits."""

    group_id = dy.String(primary_key=True)
    certificates = dy.Int32(nullable=False, min=1)
    configs = dy.Int32(nullable=False, min=1)
    unique_ratio = dy.Float64(nullable=False)
    dominant_share = dy.Float64(nullable=False)
    shannon = dy.Float64(nullable=False)
