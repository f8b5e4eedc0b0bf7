"""In which states and for which products each hierarchy is paid, and by which schedules."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["HierarchySplits", "SplitDistributions", "StateRuleStates", "StateRules"]


class StateRules(dy.Schema):
    """A state in which certificates of a hierarchy were issued, or all states."""

    id = dy.String(primary_key=True)
    hierarchy_version_id = dy.String(nullable=False)
    short_name = dy.String(nullable=False)
    name = dy.String(nullable=False)
    type = dy.Int16(nullable=False)
    sort_order = dy.Int32(nullable=False, min=1)


class StateRuleStates(dy.Schema):
    """The state of a specific rule; a rule for all states has none."""

    id = dy.String(primary_key=True)
    state_rule_id = dy.String(nullable=False)
    state_code = dy.String(nullable=False)
    state_name = dy.String(nullable=False)


class HierarchySplits(dy.Schema):
    """A product that was sold under a rule; null where the extract names none, which only private hierarchies have."""

    id = dy.String(primary_key=True)
    state_rule_id = dy.String(nullable=False)
    product_id = dy.String(nullable=True)
    product_category = dy.String(nullable=True)
    product_name = dy.String(nullable=True)
    sort_order = dy.Int32(nullable=False, min=1)


class SplitDistributions(dy.Schema):
    """What a participant of a hierarchy is paid by for a product: ``percentage`` is that of the split."""

    id = dy.String(primary_key=True)
    hierarchy_split_id = dy.String(nullable=False)
    hierarchy_participant_id = dy.String(nullable=False)
    participant_broker_id = dy.Int64(nullable=True)
    percentage = dy.Decimal(18, 4, nullable=False)
    schedule_id = dy.Int64(nullable=True)
    schedule_code = dy.String(nullable=True)
