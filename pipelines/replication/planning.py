"""What a run would do with every table, in which order, and how the tables are published together."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from firn import Dataset, FirnError, SourceChanged, SourceError
from pipelines.replication import catalogue, drift
from pipelines.replication.archive import archive_of
from pipelines.replication.cursors import Cursor
from pipelines.replication.decisions import Planned, decide, grouped, ordered
from pipelines.replication.overrides import effective
from pipelines.replication.ownership import refuse_owned
from pipelines.replication.selection import chosen
from pipelines.replication.set_aside import SetAside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from firn import Strategy
    from loaders.loader import Loader
    from pipelines.engine.execution import Execution
    from pipelines.replication.overrides import Effective
    from pipelines.replication.replication import Replication
    from sources.mysql.database import Database

__all__ = ["Plan", "dataset", "document", "lines", "plan", "strategies"]

_TOLD = 10  # tables that a message names


class Plan(NamedTuple):
    """What a run does.

    Attributes:
        tables: The tables, in the order in which they are read.
        refused: Those that cannot be read as they are now, whose policy is to leave them as production shows them.
    """

    tables: list[Planned]
    refused: dict[str, FirnError]

    @property
    def reads(self) -> list[Planned]:
        """The tables of which something is read."""
        return [table for table in self.tables if table.decision.how != "unchanged"]


def plan(
    replication: Replication, execution: Execution, loader: Loader, database: Database, *, writes: bool = False
) -> Plan:
    """Decide what is done with every table of a run.

    Args:
        replication: The settings.
        execution: The run.
        loader: The target.
        database: The source.
        writes: Whether the run will write, so that the target may remember who owns its tables.

    Raises:
        ConfigError: There is no catalogue, or a table is named that it does not have.
        StateError: A table was a legacy pipeline's, and was not found equal since.
        SourceChanged: The source has not a table of the catalogue any more, or other columns of one that must not fail.
    """
    name, options = execution.run.pipeline, execution.options
    known = catalogue.read(replication.catalogue, name)
    settled = dated(effective(known, replication.tables, replication.tiers, name), replication.business_dates)
    asked = _owned(execution, chosen(settled, options.tables, options.exclude))
    owners = {table: own.policy.owner for table, own in settled.items()}
    refuse_owned(loader, execution.run, owners, asked, remember=writes)
    found = {table.name: table for table in database.tables()}
    marks, cursors, visible = database.marks(list(asked)), loader.cursors(name), loader.visible(name)
    _refuse_gone(name, [table for table in asked if table not in found or table not in marks])
    since = database.server.now - dt.timedelta(days=replication.longest_gap_days)
    planned, refused = [], dict[str, FirnError]()
    for table, own in asked.items():
        try:
            columns, notes = drift.settle(found[table], own, name)
            declared, cursor = database.declared(found[table], columns), Cursor.of(cursors.get(table))
            drift.refuse_lossy(declared, own, name, replication.target.production)
        except SourceError as error:
            if own.policy.on_failure == "fail":
                raise
            refused[table] = error
            continue
        execution.report.notes += notes
        decision = decide(own.entry, declared, marks[table], cursor, since=since, full=options.full_refresh)
        is_published = visible is not None and table in visible.rows
        planned.append(Planned(table, own, declared, marks[table], cursor, decision, is_published))
    return Plan(ordered(planned), refused)


def dated(settled: Mapping[str, Effective], usual: Mapping[str, str]) -> dict[str, Effective]:
    """Give tables the business date that they usually have, where they have that column and none is stated."""
    return {
        name: replace(own, business_date=usual[name])
        if own.business_date is None and usual.get(name) in own.entry.columns
        else own
        for name, own in settled.items()
    }


def _owned(execution: Execution, asked: dict[str, Effective]) -> dict[str, Effective]:
    """Leave out what a legacy pipeline owns, unless it was asked for by its own name: then it is refused."""
    named = execution.options.tables
    legacys = [table for table, own in asked.items() if own.policy.owner == "legacy" and table not in named]
    if not legacys:
        return asked
    execution.report.notes.append(f"{len(legacys)} tables are a legacy pipeline's and left alone")
    return {table: own for table, own in asked.items() if table not in legacys}


def _refuse_gone(pipeline: str, gone: Sequence[str]) -> None:
    if gone:
        told = gone if len(gone) <= _TOLD else [*gone[:_TOLD], "..."]
        raise SourceChanged(
            f"The source no longer has {', '.join(told)}. Nothing was published; production is unchanged.",
            f"firn discover {pipeline}\nor, without them: firn run {pipeline} --exclude {','.join(gone)}",
        )


def dataset(
    name: str, reads: Sequence[Planned], may_delete: float, *, quarantine: str = "", archived: Collection[str] = ()
) -> Dataset:
    """Return what a run publishes: the tables that it reads, and which of them follow the source's columns.

    Args:
        name: The pipeline.
        reads: The tables.
        may_delete: The share of the rows of a table that may be deleted.
        quarantine: The table of the values that rules set aside, if it publishes one.
        archived: The tables of which rows are moved to their archives.
    """
    contracts = {table.name: table.declared.contract for table in reads}
    evolves = frozenset(table.name for table in reads if table.policy.on_drift == "evolve")
    ways, deletes = strategies(reads), dict.fromkeys(contracts, may_delete)
    for table in (one for one in reads if one.name in archived):
        contracts[archive_of(table.name)] = table.declared.contract
        deletes[table.name] = 1.0  # all that it has may be due
        ways = ways if isinstance(ways, str) else {**ways, archive_of(table.name): "merge"}
        evolves |= {archive_of(table.name)} if table.name in evolves else set()
    if quarantine:
        contracts[quarantine] = SetAside
        deletes[quarantine] = 1.0  # what is mended at the source may be all of it
        ways = ways if isinstance(ways, str) else {**ways, quarantine: "diff"}
    return Dataset(name, contracts, quarantine=quarantine, strategy=ways, deletes=deletes, evolves=evolves)


def strategies(reads: Sequence[Planned]) -> Strategy | Mapping[str, Strategy]:
    """Say how the tables of one publication are published: replaced where all are read whole, otherwise changed.

    A table that is only ever appended to is not replaced once it is published: it may hold rows that the source has
    purged since.
    """
    if all(table.decision.how == "full" and not table.is_kept for table in reads):
        return "swap"
    return {table.name: _strategy(table) for table in reads}


def _strategy(table: Planned) -> Strategy:
    if table.decision.how == "full" and not table.is_kept:
        return "diff" if table.declared.contract.primary_key() else "rewrite"
    return "merge"


def document(execution: Execution, plan: Plan) -> dict[str, Any]:
    """Describe a plan as plain values: every table with its place in the order, and why it is read as it is."""
    reads = plan.reads
    published = strategies(reads)
    groups = {table.name: number for number, group in enumerate(grouped(reads), start=1) for table in group}
    return {
        "pipeline": execution.run.pipeline,
        "publishes": execution.options.publish and bool(reads),
        "family": "swap" if published == "swap" else "changes",
        "tables": [
            {
                "name": table.name,
                "tier": table.entry.tier,
                "group": groups.get(table.name),
                "rows": table.entry.rows,
                "read": table.decision.how,
                "reason": table.decision.reason,
                "strategy": published if isinstance(published, str) else published.get(table.name),
            }
            for table in plan.tables
        ],
        "refused": {table: error.message for table, error in plan.refused.items()},
        "notes": execution.report.notes,
    }


def lines(plan: Mapping[str, Any]) -> list[str]:
    """Lay a plan out for reading."""
    reads = [table for table in plan["tables"] if table["group"]]
    shown = [
        f"  {t['group']:>3}  {t['tier']:<10}{t['name']:<26}{t['rows']:>12,} rows  {t['read']}: {t['reason']}"
        for t in sorted(reads, key=lambda t: t["group"])
    ]
    how = {"swap": "by replacing tables", "changes": "by changing rows"}[plan["family"]]
    will = f"publishes them, all at once, {how}" if plan["publishes"] else "publishes nothing"
    still = len(plan["tables"]) - len(reads)
    told = [f"not read: {table}: {message}" for table, message in plan["refused"].items()]
    notes = [f"note: {note}" for note in plan["notes"]]
    return [f"reads {len(reads)} tables; {still} are proven unchanged", *shown, *told, *notes, will]
