"""How the published tables hang together: which column names a row of which table, and the proof that it is there."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

__all__ = ["RELATIONS", "Dangling", "Relation", "references_resolve"]


class Relation(NamedTuple):
    """A column whose values, where it has any, are those of a column of another table.

    Attributes:
        table: The table that refers.
        column: Its column.
        to: The table that is referred to.
        key: The column there.
        owned: Whether a row belongs to the row that it refers to, and means nothing without it.
    """

    table: str
    column: str
    to: str
    key: str
    owned: bool


def _relations(to: str, key: str, *columns: str) -> list[Relation]:
    """Read references such as ``policies.group_id``; one that owns the row begins with ``+``."""
    return [
        Relation(table.removeprefix("+"), column, to, key, table.startswith("+"))
        for table, column in (reference.split(".") for reference in columns)
    ]


RELATIONS: Final = (
    *_relations(
        "employer_groups",
        "id",
        "+proposals.group_id",
        "+hierarchies.group_id",
        "+policies.group_id",
        "+group_conformance.group_id",
        "+fee_schedules.group_id",
        "proposal_key_mapping.group_id",
        "premium_split_versions.group_id",
        "premium_split_participants.group_id",
    ),
    *_relations(
        "proposals",
        "id",
        "+proposal_products.proposal_id",
        "+proposal_key_mapping.proposal_id",
        "+premium_split_versions.proposal_id",
        "hierarchies.proposal_id",
        "policies.proposal_id",
        "fee_schedules.proposal_id",
    ),
    *_relations("premium_split_versions", "id", "+premium_split_participants.version_id"),
    *_relations(
        "hierarchies",
        "id",
        "+hierarchy_versions.hierarchy_id",
        "premium_split_participants.hierarchy_id",
        "policy_hierarchy_assignments.hierarchy_id",
    ),
    *_relations(
        "hierarchy_versions", "id", "+hierarchy_participants.hierarchy_version_id", "+state_rules.hierarchy_version_id"
    ),
    *_relations(
        "hierarchy_participants",
        "id",
        "+hierarchy_participant_product_rates.hierarchy_participant_id",
        "split_distributions.hierarchy_participant_id",
        "policy_hierarchy_participants.hierarchy_participant_id",
    ),
    *_relations("state_rules", "id", "+state_rule_states.state_rule_id", "+hierarchy_splits.state_rule_id"),
    *_relations("hierarchy_splits", "id", "+split_distributions.hierarchy_split_id"),
    *_relations("policies", "id", "+policy_hierarchy_assignments.policy_id"),
    *_relations("policy_hierarchy_assignments", "id", "+policy_hierarchy_participants.policy_hierarchy_assignment_id"),
    *_relations("fee_schedules", "id", "+fee_schedule_versions.fee_schedule_id"),
    *_relations("fee_schedule_versions", "id", "+fee_schedule_items.fee_schedule_version_id"),
    *_relations(
        "products",
        "id",
        "+plans.product_code",
        "+product_codes.code",
        "proposal_products.product_code",
        "proposal_key_mapping.product_code",
        "policies.product_code",
        "hierarchy_splits.product_id",
        "hierarchy_participant_product_rates.product_code",
    ),
    *_relations(
        "schedules",
        "id",
        "+schedule_versions.schedule_id",
        "hierarchy_participants.schedule_id",
        "split_distributions.schedule_id",
        "policy_hierarchy_participants.schedule_id",
    ),
    *_relations("schedule_versions", "id", "+schedule_rates.schedule_version_id"),
    *_relations(
        "schedule_rates",
        "id",
        "+special_schedule_rates.schedule_rate_id",
        "+schedule_rate_tiers.schedule_rate_id",
        "hierarchy_participant_product_rates.schedule_rate_id",
    ),
    *_relations(
        "brokers",
        "id",
        "+broker_licenses.broker_id",
        "+broker_appointments.broker_id",
        "+broker_eo_insurances.broker_id",
        "+broker_banking_infos.broker_id",
        "+commission_assignment_versions.broker_id",
        "commission_assignment_recipients.recipient_broker_id",
        "employer_groups.primary_broker_id",
        "proposals.broker_id",
        "premium_split_participants.broker_id",
        "hierarchies.broker_id",
        "hierarchy_participants.broker_id",
        "split_distributions.participant_broker_id",
        "policies.broker_id",
        "policy_hierarchy_assignments.writing_broker_id",
        "policy_hierarchy_participants.broker_id",
        "policy_hierarchy_participants.paid_broker_id",
        "fee_schedule_items.recipient_broker_id",
    ),
    *_relations("commission_assignment_versions", "id", "+commission_assignment_recipients.assignment_version_id"),
)
"""All of them but that of premiums to policies: a premium may be posted before its policy is in the extract."""

TABLES: Final = tuple(dict.fromkeys(name for relation in RELATIONS for name in (relation.table, relation.to)))
"""Every table that refers or is referred to."""

_MOST: Final = 5


class Dangling(dy.Schema):
    """Values of a column that no row of the other table has: how many, and the first of them."""

    table = dy.String(nullable=False)
    column = dy.String(nullable=False)
    to = dy.String(nullable=False)
    rows = dy.Int64(nullable=False)
    first = dy.String(nullable=False)


def references_resolve(*tables: pl.DataFrame) -> dy.DataFrame[Dangling]:
    """Find the references that lead nowhere, over all ``RELATIONS``."""
    named = dict(zip(TABLES, tables, strict=True))
    found = [(relation, _dangling(named, relation)) for relation in RELATIONS]
    rows = [
        (relation.table, relation.column, relation.to, lost.len(), ", ".join(map(str, lost.unique().sort()[:_MOST])))
        for relation, lost in found
        if lost.len()
    ]
    return Dangling.cast(pl.DataFrame(rows, schema=Dangling.column_names(), orient="row"))


# What a check reads are its parameters, and here they follow from the relations.
vars(references_resolve)["__signature__"] = Signature(
    [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in TABLES]
)


def _dangling(tables: dict[str, pl.DataFrame], relation: Relation) -> pl.Series:
    named = tables[relation.table].select(relation.column).drop_nulls()
    keys = tables[relation.to].select(relation.key)
    return named.join(keys, left_on=relation.column, right_on=relation.key, how="anti").to_series()
