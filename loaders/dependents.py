"""What other objects hold of the tables, and which of it can be pointed at the tables that replace them.

The world is closed here too: every edge of ``pg_depend`` on a table, its row type, indexes and constraints is of a kind
that is carried, or it is refused with its reason and a way out. Nothing is ever dropped to get it out of the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.sql import Literal

from loaders import planned, queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from psycopg.sql import Composed

    from loaders.connections import Statements
    from loaders.inventory import Item

__all__ = ["CARRIED", "KEY", "Dependent", "marks", "read", "refused", "role", "shown"]

_SQL = queries.read("dependents.sql")
CARRIED = ("view", "function", "policy")
KEY = "foreign key"
_INSIDE = "foreign key between them"
_DIFF = 'publish with strategy = "diff"'
_REFERS = "would go on referring to the old rows"
# Why an object cannot be pointed at another table, and what to do about it.
_REASONS = {
    "materialized view": ("would go on reading the old rows", _DIFF),
    "row type": ("is bound to the row type of the table that would go", _DIFF),
    "rule": ("is a rewrite rule and would act on the old table", _DIFF),
    "aggregate": ("would stay bound to the old table", _DIFF),
    "default": ("holds the number of the table that would go", _DIFF),
    "check": ("holds the number of the table that would go", _DIFF),
    "child": ("inherits from the table", "end that with ALTER TABLE ... NO INHERIT"),
    "publication": ("would go on sending the old rows: subscribers would silently keep them", _DIFF),
    "member of an extension": ("belongs to an extension, and is not firn's to change", _DIFF),
    "temporary": ("is a temporary object of another session", "end that session"),
    KEY: (_REFERS, f"publish its table too, {_DIFF}, or set rebuild_inbound_fks = true"),
    "foreign key of a partition": (_REFERS, f"publish its table too, or {_DIFF}"),
    "foreign key that is switched off": (_REFERS, f"enable its triggers, publish its table too, or {_DIFF}"),
}
_UNKNOWN = ("is of a kind that firn does not know", _DIFF)


class Dependent(NamedTuple):
    """One object that knows a table.

    Attributes:
        table: The table.
        name: The object, as PostgreSQL describes it.
        kind: What it is; those of CARRIED are pointed at the new table.
        oid: Its number in the catalogue.
        columns: The columns of the table that it uses.
        constraints: The constraints of the table that it counts on.
        owner: Who owns it.
        may: Whether firn's role may act as its owner.
        schema: Where it is made anew; none for what keeps its place.
        may_create: Whether firn's role may make objects there.
        is_privileged: Whether only a superuser may make it anew.
        sibling: The name of a view in the schema of the tables.
    """

    table: str
    name: str
    kind: str
    oid: int
    columns: Sequence[str]
    constraints: Sequence[str]
    owner: str | None
    may: bool | None
    schema: str | None
    may_create: bool
    is_privileged: bool
    sibling: str | None


def read(connection: Statements, schema: str, tables: Collection[str]) -> list[Dependent]:
    """Return what other objects hold of tables; a row for each object and table."""
    return [Dependent(*row) for row in planned.fetch(connection, _query("held", schema, tables))]


def role(connection: Statements) -> str:
    """Return the role that acts, as it is written in a statement."""
    return str(connection.execute(_SQL["role"]).fetchall()[0].role)


def shown(connection: Statements, schema: str, choice: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return how each table will be published, and why, with the foreign keys of others that will be made anew.

    Args:
        connection: Where statements go.
        schema: The schema of the tables.
        choice: Strategy and reason by table; what stands in its way was refused before.
    """
    swapped = [name for name, (strategy, _) in choice.items() if strategy == "swap"]
    rebuilt: dict[str, list[str]] = {}
    for dependent in read(connection, schema, swapped):
        if dependent.kind == KEY:
            rebuilt.setdefault(dependent.table, []).append(f"makes {dependent.name} anew")
    return {name: (how, "; ".join([why, *rebuilt.get(name, ())])) for name, (how, why) in choice.items()}


def marks(schema: str, tables: Collection[str]) -> Composed:
    """Return the statement whose rows change whenever something that holds a table is changed."""
    return _query("marks", schema, tables)


def refused(
    held: Iterable[Dependent],
    present: Collection[Item],
    expected: Collection[Item],
    role: str,
    *,
    leaving: Collection[str] = (),
    rebuilt: Collection[str] = (),
) -> list[str]:
    """Return what cannot be pointed at the new tables, each with its reason and the way out.

    Args:
        held: What others hold of the tables of production.
        present: What those carry.
        expected: What the new tables will carry.
        role: The role that publishes.
        leaving: The tables that nothing replaces.
        rebuilt: Kinds that are carried only on demand, and are demanded.
    """
    before, after = _columns(present), _columns(expected)
    keys = {(item.table, item.name) for item in expected if item.kind == "constraint"}
    judged = [
        _reasons(dependent, rebuilt, leaving) or _misfits(dependent, before, after, keys) or _rights(dependent, role)
        for dependent in held
        if dependent.kind != _INSIDE
    ]
    return list(dict.fromkeys(reason for reasons in judged for reason in reasons))


def _query(name: str, schema: str, tables: Collection[str]) -> Composed:
    parts = _SQL["parts"].format(schema=Literal(schema), tables=Literal(sorted(tables)))
    return _SQL[name].format(parts=parts, schema=Literal(schema))


def _reasons(dependent: Dependent, rebuilt: Collection[str], leaving: Collection[str]) -> list[str]:
    if dependent.kind in {*CARRIED, *rebuilt}:
        gone = dependent.table in leaving
        return [_told(dependent, "needs the table, which leaves production", "change it first")] if gone else []
    reason, way = _REASONS.get(dependent.kind, _UNKNOWN)
    return [_told(dependent, reason, way)]


def _columns(items: Iterable[Item]) -> dict[tuple[str, str], str]:
    """Return type and collation of each column, as far as a view's own columns have to agree with them."""
    found: dict[tuple[str, str], str] = {}
    for item in sorted(items, key=lambda item: item.kind, reverse=True):
        if item.kind == "column":
            found[item.table, item.name] = item.definition.removesuffix(" NOT NULL")
        elif item.kind == "collation of column":
            found[item.table, item.name] = f"{found.get((item.table, item.name), '')} COLLATE {item.definition}"
    return found


def _misfits(
    dependent: Dependent,
    before: Mapping[tuple[str, str], str],
    after: Mapping[tuple[str, str], str],
    keys: Collection[tuple[str, str]],
) -> list[str]:
    table, way = dependent.table, "change it first, or keep the column as it is"
    needed = [name for name in dependent.constraints if (table, name) not in keys]
    lost = [_told(dependent, f"needs constraint {name}, which would be gone", "keep it") for name in needed]
    for column in dependent.columns:
        was, will = before.get((table, column)), after.get((table, column))
        if will is None:
            lost.append(_told(dependent, f"needs column {column}, which would be gone", way))
        elif was != will:
            lost.append(_told(dependent, f"needs column {column}, which would be {will} in place of {was}", way))
    return lost


def _rights(dependent: Dependent, role: str) -> list[str]:
    if dependent.is_privileged:
        return [_told(dependent, "can be made anew by a superuser only", "publish as one")]
    if not dependent.may:
        return [_told(dependent, f"belongs to {dependent.owner}", f"GRANT {dependent.owner} TO {role};")]
    if not dependent.may_create:
        grant = f"GRANT USAGE, CREATE ON SCHEMA {dependent.schema} TO {role};"
        return [_told(dependent, f"is in a schema where {role} may make nothing", grant)]
    return []


def _told(dependent: Dependent, reason: str, way: str) -> str:
    return f'"{dependent.table}": {dependent.name} {reason} ({way})'
