"""Completes staged tables with the rows of production that their policies keep, before they take production's place.

It is done inside the server, and proven there: each row that is kept is compared with the one it was copied from. What
production holds is remembered by who wrote its rows, and looked at once more under the locks of the swap: a row that
anybody wrote or deleted since would be lost, so the swap is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import PublishError
from loaders import delta, inventory, policies, publish, queries, shapes
from loaders.delta import Change
from loaders.sqlstates import primary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from firn import Policy
    from loaders.connections import Statements
    from loaders.ddl import Layout
    from loaders.lanes import Lanes
    from loaders.policies import Figures
    from loaders.publish import Plan
    from loaders.shapes import Shape
    from loaders.staging import Staging

__all__ = ["CHANGED", "Completed", "changed", "complete", "hold", "mark"]

CHANGED = "FN003"
_SQL = queries.read("completion.sql")
_MOST_SHOWN = 3
_UNFIT = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.CannotCoerce,
    psycopg.errors.UndefinedFunction,
)


@dataclass(frozen=True, slots=True)
class Completed:
    """A staged table that holds what production is to hold.

    Attributes:
        rows: How many rows it has.
        figures: What its policy did.
        since: What production held, as `CHANGED` is found out by; none where there was no such table.
    """

    rows: int
    figures: Figures
    since: str | None


def complete(lanes: Lanes, production: str, staging: Staging) -> dict[str, Completed]:
    """Copy to staged tables the rows that their policies keep, and take out those that give way to them.

    Args:
        lanes: Where statements go; not in a transaction.
        production: The schema of the tables that will be replaced.
        staging: The staged tables, which have no keys yet; those whose rows will change in place are left alone.

    Raises:
        PublishError: A row that stays does not fit its staged table exactly. Production is unchanged.
    """
    dataset, layouts = staging.dataset, staging.layouts
    kept = [name for name in policies.keeping(dataset) if name in layouts and staging.choice[name][0] == "swap"]
    return lanes.each(
        kept, lambda lane, name: _complete(lane, production, staging.schema, layouts[name], dataset.policy_of(name))
    )


def _complete(connection: Statements, production: str, schema: str, layout: Layout, policy: Policy) -> Completed:
    name = layout.table
    with connection.transaction():
        connection.execute(_SQL["begin"])
        sent = inventory.count(connection, schema, name)
        there = shapes.read(connection, production, [name])
        if name not in there:
            return Completed(sent, policies.figures(policy, sent, 0, sent), None)
        ours = shapes.read(connection, schema, [name])[name]
        copying = _Copying(
            connection, Identifier(schema, name), Identifier(production, name), there[name], ours, layout.key
        )
        held = connection.execute(_SQL["version"].format(table=copying.table)).fetchall()[0]
        try:
            added = copying.give_way() if policy == "insert_only" else sent - held.rows + copying.keep()
        except _UNFIT as exc:
            raise _unfit(name, primary(exc)) from exc
    figures = policies.figures(policy, sent, held.rows, added)
    return Completed(sent - figures["ignored"] + figures["kept"], figures, held.version)


def mark(tables: Mapping[str, dict[str, Any]], completed: Mapping[str, Completed]) -> dict[str, dict[str, Any]]:
    """Return what is recorded of tables, with what became of those that were completed."""
    return {
        name: {**table, "rows": done.rows, "settled": done.figures, "since": done.since}
        if (done := completed.get(name))
        else table
        for name, table in tables.items()
    }


def hold(
    connection: Statements, plan: Plan, production: str, present: Collection[str], budget_ms: int
) -> Composed | SQL:
    """Return the statements that keep writers out, and fail where production holds other rows than were taken over.

    Args:
        connection: By which text is quoted.
        plan: A swap.
        production: The schema of production.
        present: Which of the tables exist.
        budget_ms: How long the locks may be waited for.
    """
    since = {name: table["since"] for name, table in plan.tables.items() if "since" in table}
    if plan.kind != "published" or not since:
        return SQL("SELECT")
    locked = sorted(since.keys() & set(present))
    tables = SQL(", ONLY ").join(Identifier(production, name) for name in locked)
    body = _SQL["body"].format(checks=SQL("\n    ").join(_checks(since, production, locked)))
    return _SQL["hold"].format(
        budget=Literal(f"{budget_ms}ms"),
        lock=_SQL["lock"].format(tables=tables) if locked else SQL("SELECT"),
        body=publish.quoted(connection, body),
    )


def changed(plan: Plan, exc: psycopg.Error) -> PublishError:
    """Return the error for a table that somebody wrote to after its rows were taken over."""
    error = PublishError(
        f'Somebody wrote to table "{exc.diag.message_primary}" after run {plan.run_id} had taken over the rows that '
        "stay; replacing the table would undo that. Production is unchanged.",
        f"firn discard {plan.run_id} && firn run {plan.dataset}; where others write all the time, state the strategy "
        "diff",
    )
    error.__cause__ = exc
    return error


@dataclass(frozen=True, slots=True)
class _Copying:
    """A staged table, and the table of production whose rows it takes over."""

    connection: Statements
    staged: Identifier
    table: Identifier
    there: Shape
    ours: Shape
    key: tuple[str, ...]

    def give_way(self) -> int:
        """Let production's rows stand, with the new ones behind them whose key is not there; return how many these are.

        The others are not deleted one by one: their space would be production's.
        """
        added = self.connection.execute(_SQL["set_aside"].format(**self._parts())).rowcount
        self.connection.execute(_SQL["empty"].format(**self._parts()))
        self.keep()
        self.connection.execute(_SQL["add"].format(**self._parts()))
        return added

    def keep(self) -> int:
        """Copy the rows of production whose key is not staged, and prove that they are the same; return how many."""
        missing = _SQL["missing"].format(**self._parts())
        kept = self.connection.execute(_SQL["keep"].format(missing=missing, **self._parts())).rowcount
        self._prove(missing)
        return kept

    def _prove(self, missing: Composed) -> None:
        """Compare rows of production, in its types, with those that are copies of them.

        All columns count that both have, also those that are generated and those of others.
        """
        types = {name: column.type for name, column in self.there.columns.items() if name in self.ours.columns}
        copied = delta.relation(self.staged, types, _SQL["own"])
        copied_from = delta.relation(self.table, types, missing)
        change = Change(self.there.table, "diff", self.table, copied, copied_from, self.staged, self.key, tuple(types))
        if any(delta.count(self.connection, change).values()):
            found = delta.read(self.connection, change, _MOST_SHOWN).sample
            raise _unfit(change.name, "; ".join(f"{d.key} {d.column}: {d.old} becomes {d.new}" for d in found))

    def _parts(self) -> dict[str, Composed | Identifier]:
        columns = [name for name, column in self.ours.columns.items() if not column.generated]
        return {
            "staged": self.staged,
            "table": self.table,
            "all_columns": delta.joined(map(Identifier, columns)),
            "columns": delta.joined(Identifier(name) for name in columns if name in self.there.columns),
            "on": _on(self.key),
        }


def _on(key: Iterable[str]) -> Composed:
    """Return the condition that a staged row has the key of one of production."""
    return SQL(" AND ").join(SQL("s.{0} = t.{0}").format(Identifier(name)) for name in key)


def _checks(since: Mapping[str, str | None], production: str, locked: Collection[str]) -> list[Composed]:
    now = {name: _now(Identifier(production, name)) if name in locked else SQL("NULL") for name in since}
    return [_SQL["check"].format(now=now[name], since=Literal(since[name]), name=Literal(name)) for name in sorted(now)]


def _now(table: Identifier) -> Composed:
    return _SQL["now"].format(version=_SQL["version"].format(table=table))


def _unfit(table: str, why: str) -> PublishError:
    return PublishError(
        f'Rows of table "{table}" that its policy keeps do not fit what the contract makes of it: {why}. '
        "Production is unchanged.",
        "let the contract have what production has, correct the rows in production, or state the policy replace",
    )
