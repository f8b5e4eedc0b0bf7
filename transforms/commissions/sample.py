"""A sample of the published tables: whole groups with all that belongs to them, and whatever they refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from transforms.commissions.identifiers import surrogate
from transforms.commissions.relations import RELATIONS, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LIMITED", "sample"]

LIMITED: Final = ("brokers", "employer_groups", "policies", "premium_transactions", "hierarchies", "proposals")
"""The tables of which a sample has at most so many rows."""

_GROUPS: Final = "employer_groups"
_MASTERS: Final = ("products", "schedules", "brokers")
_PREMIUMS: Final = Relation("premium_transactions", "certificate", "policies", "certificate", owned=True)
_OF_GROUPS: Final = "_group"
Frames = dict[str, pl.DataFrame]


def sample(tables: Mapping[str, pl.DataFrame], limits: Mapping[str, int]) -> Frames:
    """Keep some groups, in the order of a hash of their ids, and let no reference lead out of what is kept.

    A group of which a table would have more rows than its limit is left out as a whole, and the next one is tried: what
    belongs to a group is there completely, and the same groups are chosen whatever the order of the rows.

    Args:
        tables: All published tables.
        limits: The most rows of each of ``LIMITED``.

    Returns:
        Every published table; rejected records are no part of a sample.
    """
    owned = _owned_by_groups(tables)
    chosen = _chosen(tables, owned, limits)
    kept = {name: frame.join(chosen, on=_OF_GROUPS, how="semi").drop(_OF_GROUPS) for name, frame in owned.items()}
    for master in _MASTERS:
        kept |= _masters(tables, kept, master)
    return {name: kept.get(name, frame.clear()) for name, frame in tables.items()}


def _owned_by_groups(tables: Mapping[str, pl.DataFrame]) -> Frames:
    """Every table whose rows belong to a group, with that group as ``_group``; parents come before what they own."""
    found = {_GROUPS: tables[_GROUPS].with_columns(pl.col("id").alias(_OF_GROUPS))}
    for name in list(found):
        _follow(tables, found, name)
    return found


def _follow(tables: Mapping[str, pl.DataFrame], found: Frames, parent: str) -> None:
    for relation in (*RELATIONS, _PREMIUMS):
        if relation.owned and relation.to == parent and relation.table not in found:
            groups = found[parent].select(pl.col(relation.key).alias(relation.column), _OF_GROUPS)
            found[relation.table] = tables[relation.table].join(groups, on=relation.column, maintain_order="left")
            _follow(tables, found, relation.table)


def _chosen(tables: Mapping[str, pl.DataFrame], owned: Frames, limits: Mapping[str, int]) -> pl.DataFrame:
    """Go through the groups in the order of their hashes, and take each that still finds room."""
    order = tables[_GROUPS].select("id").sort(surrogate(pl.col("id")), "id")["id"]
    counts = {name: dict(owned[name][_OF_GROUPS].value_counts().iter_rows()) for name in limits if name != "brokers"}
    brokers = dict(_brokers(tables, owned).group_by(_OF_GROUPS).agg("broker").iter_rows())
    left, known, chosen = dict(limits), set[int](), list[str]()
    for group in order:
        more = {name: count.get(group, 0) for name, count in counts.items()}
        new = set(brokers.get(group, ())) - known
        if len(new) <= left["brokers"] and all(count <= left[name] for name, count in more.items()):
            left = {name: room - (len(new) if name == "brokers" else more[name]) for name, room in left.items()}
            known |= new
            chosen.append(group)
    return pl.DataFrame({_OF_GROUPS: chosen}, schema={_OF_GROUPS: pl.String})


def _brokers(tables: Mapping[str, pl.DataFrame], owned: Frames) -> pl.DataFrame:
    """The brokers of each group: those that its rows name, and those to whom these have assigned their commissions."""
    named = [
        owned[relation.table].select(_OF_GROUPS, broker=relation.column).drop_nulls()
        for relation in RELATIONS
        if relation.to == "brokers" and relation.table in owned
    ]
    found = pl.concat(named).unique()
    versions = tables["commission_assignment_versions"].select("broker_id", assignment_version_id="id")
    recipients = tables["commission_assignment_recipients"].join(versions, on="assignment_version_id")
    assigned = found.join(recipients, left_on="broker", right_on="broker_id")
    return pl.concat([found, assigned.select(_OF_GROUPS, broker="recipient_broker_id")]).unique()


def _masters(tables: Mapping[str, pl.DataFrame], kept: Frames, master: str) -> Frames:
    """The rows of a table that anything kept refers to, and what belongs to them."""
    references = [relation for relation in RELATIONS if relation.to == master and not relation.owned]
    keys = [kept[r.table].select(id=r.column).drop_nulls() for r in references if r.table in kept]
    named = pl.concat(keys).unique()
    if master == "brokers":
        versions = tables["commission_assignment_versions"].join(named, left_on="broker_id", right_on="id", how="semi")
        recipients = tables["commission_assignment_recipients"].join(
            versions, left_on="assignment_version_id", right_on="id", how="semi"
        )
        own = {"commission_assignment_versions": versions, "commission_assignment_recipients": recipients}
        named = pl.concat([named, recipients.select(id="recipient_broker_id")]).unique()
    else:
        own = {}
    found = {master: tables[master].join(named, on="id", how="semi", maintain_order="left")} | own
    _keep_owned(tables, found, master)
    return found


def _keep_owned(tables: Mapping[str, pl.DataFrame], found: Frames, parent: str) -> None:
    for relation in RELATIONS:
        if relation.owned and relation.to == parent and relation.table not in found:
            keys = found[parent].select(pl.col(relation.key).alias(relation.column))
            found[relation.table] = tables[relation.table].join(
                keys, on=relation.column, how="semi", maintain_order="left"
            )
            _keep_owned(tables, found, relation.table)
