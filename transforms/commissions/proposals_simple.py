"""Groups that have one configuration: one open run each, for every product and plan."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["SimpleRuns"]


class SimpleRuns(dy.Schema):
    """The one configuration of a group, from its first certificate on."""

    group_id = dy.String(primary_key=True)
    config_hash = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
