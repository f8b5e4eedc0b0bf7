"""Groups that have several configurations: of each product and plan the runs of dates with one of them."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["DifferentiatedRuns"]


class DifferentiatedRuns(dy.Schema):
    """A configuration that a product and plan of a group has from one date until another, where the next begins."""

    group_id = dy.String(primary_key=True)
    product = dy.String(primary_key=True)
    plan = dy.String(primary_key=True)
    effective_from = dy.Date(primary_key=True)
    effective_to = dy.Date(nullable=True)
    config_hash = dy.String(nullable=False)
    label = dy.String(nullable=False)
