"""The published proposals, their products and plans, and the key by which a certificate finds its proposal."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["ProposalKeyMapping", "ProposalProducts", "Proposals"]


class Proposals(dy.Schema):
    """An agreement with a group, in force from ``effective_from`` until the day before ``effective_to``.

    ``product_codes`` and ``plan_codes`` show what it is for, as JSON lists or ``*``; what counts are the pairs in
    ``proposal_products``. The broker is the writing broker with the largest split.
    """

    id = dy.String(primary_key=True)
    proposal_number = dy.String(nullable=False)
    display_name = dy.String(nullable=False, max_length=100)
    status = dy.Int16(nullable=False)
    submitted_date = dy.Date(nullable=False)
    proposed_effective_date = dy.Date(nullable=False)
    situs_state = dy.String(nullable=True)
    broker_id = dy.Int64(nullable=False)
    broker_party_id = dy.String(nullable=False)
    broker_name = dy.String(nullable=False)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=True)
    notes = dy.String(nullable=False)
    product_codes = dy.String(nullable=False)
    plan_codes = dy.String(nullable=False)
    split_config_hash = dy.String(nullable=False, regex="^[0-9A-F]{64}$")
    date_range_from = dy.Int32(nullable=False)
    date_range_to = dy.Int32(nullable=True)
    enable_plan_code_filtering = dy.Bool(nullable=False)
    enable_effective_date_filtering = dy.Bool(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)


class ProposalProducts(dy.Schema):
    """A product and plan for which certificates stand under a proposal; the plan ``*`` is that of none."""

    proposal_id = dy.String(primary_key=True)
    product_code = dy.String(primary_key=True)
    plan_code = dy.String(primary_key=True)
    product_name = dy.String(nullable=False)


class ProposalKeyMapping(dy.Schema):
    """The proposal of a group's product and plan in a year, on the days from ``effective_from`` to ``effective_to``.

    A year in which the configuration changes has a row for each; their days never overlap, so a date finds one.
    """

    group_id = dy.String(primary_key=True)
    effective_year = dy.Int32(primary_key=True)
    product_code = dy.String(primary_key=True)
    plan_code = dy.String(primary_key=True)
    effective_from = dy.Date(primary_key=True)
    effective_to = dy.Date(nullable=True)
    proposal_id = dy.String(nullable=False)
    split_config_hash = dy.String(nullable=False)
