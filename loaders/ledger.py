"""Which parts a generation holds and what they were made of, so that what has not changed is not made again.

The rows of an unchanged part are copied inside the server, from the visible generation to staging, and are proven there
by the digest that was recorded when they were read from their source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal
from psycopg.types.json import Jsonb

from firn import LoadError, PartRecord
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from firn import PartKey, Run
    from loaders.connections import Statements
    from loaders.ddl import Layout
    from loaders.staging import Staging

__all__ = ["Digests", "differing", "digests", "forget", "prove", "read", "relist", "take", "with_digests", "write"]

Digests = dict[str, dict[str, dict[str, Any]]]
"""Part -> table -> ``rows`` and ``digest``."""

_SQL = queries.read("ledger.sql")
_TRANSACTION = queries.read("staging.sql")["transaction"]
_TYPES = queries.read("staging.sql")["types"]
_NO_ROWS = {"rows": 0, "digest": None}


def read(statements: Statements, state: str, dataset: str) -> dict[str, PartRecord]:
    """Return the ledger of the visible generation: part -> what it holds; empty where nothing is recorded."""
    rows = statements.execute(_SQL["read"].format(state=Identifier(state)), {"dataset": dataset}).fetchall()
    return {row.part: PartRecord(**row._asdict()) for row in rows}


def write(statements: Statements, state: str, run: Run, records: Iterable[PartRecord]) -> None:
    """Record what a run holds; it counts once the run is visible."""
    names = {"state": Identifier(state)}
    values = [
        {
            "dataset": run.pipeline,
            "run": run.id,
            "part": record.part,
            "fingerprint": record.fingerprint,
            "content": record.content,
            "recipe": record.recipe,
            "read_by": record.run_id,
            "tables": Jsonb(dict(record.tables)),
            "copied_from": record.copied_from,
        }
        for record in records
    ]
    with statements.transaction(), statements.cursor() as cursor:
        cursor.execute(_SQL["forget_run"].format(**names), {"run": run.id})
        cursor.executemany(_SQL["write"].format(**names), values)


def relist(statements: Statements, state: str, dataset: str, generation: int, fingerprints: Mapping[str, str]) -> None:
    """Record under which fingerprints the parts of a generation are listed now; nothing once another is visible."""
    known = {"dataset": dataset, "generation": generation}
    values = [{**known, "part": part, "fingerprint": found} for part, found in fingerprints.items()]
    with statements.cursor() as cursor:
        cursor.executemany(_SQL["relist"].format(state=Identifier(state)), values)


def forget(statements: Statements, state: str, dataset: str, runs: Sequence[str]) -> None:
    """Delete the ledgers of runs that can no longer become visible; those of the runs named stay."""
    statements.execute(_SQL["forget"].format(state=Identifier(state)), {"dataset": dataset, "runs": list(runs)})


def take(statements: Statements, production: str, staging: Staging, parts: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Copy the rows of parts from production to staging, inside the server.

    Returns:
        Per table the transaction that wrote them, and how many there are.
    """
    taken = {}
    for name, key in staging.dataset.parts.items():
        columns = [Identifier(column.name) for column in staging.layouts[name].columns]
        query = _SQL["take_through" if key.table != name else "take"].format(
            staging=Identifier(staging.schema, name),
            columns=SQL(", ").join(columns),
            columns_of_t=SQL(", ").join(SQL("t.{}").format(column) for column in columns),
            parts=Literal(list(parts)),
            **_names(production, name, key),
        )
        with statements.transaction():
            transaction = statements.execute(_TRANSACTION).fetchall()[0][0]
            taken[name] = (str(transaction), statements.execute(query).rowcount)
    return taken


def digests(statements: Statements, schema: str, keys: Mapping[str, PartKey], layouts: Mapping[str, Layout]) -> Digests:
    """Return rows and digest of every part of every table that has parts, over the columns that are loaded."""
    found: Digests = {}
    held = hashed(statements, schema, layouts)
    for name, key in keys.items():
        names = {"row": held[name], **_names(schema, name, key)}
        query = _SQL["digests_through" if key.table != name else "digests"].format(**names)
        for row in statements.execute(query).fetchall():
            found.setdefault(row.part, {})[name] = {"rows": row.rows, "digest": row.digest}
    return found


def hashed(statements: Statements, schema: str, layouts: Mapping[str, Layout]) -> dict[str, Composed | SQL]:
    """Return what is hashed of a row ``t`` of each table: its loaded columns, in the contract's order and types."""
    held: dict[str, list[tuple[str, str]]] = {}
    for row in statements.execute(_TYPES, {"schema": schema}).fetchall():
        held.setdefault(row.table, []).append((row.name, row.type))
    return {
        # The hash of the whole row is the same, and faster.
        name: SQL("t.*") if held.get(name) == [(c.name, c.type) for c in one.columns] else _row(one)
        for name, one in layouts.items()
    }


def _row(layout: Layout) -> Composed:
    columns = [SQL("t.{}::{}").format(Identifier(c.name), SQL(c.type)) for c in layout.columns]
    return SQL("ROW({})").format(SQL(", ").join(columns))


def with_digests(record: PartRecord, found: Digests, tables: Iterable[str]) -> PartRecord:
    """Return a record with the digests of what is staged."""
    of_part = found.get(record.part, {})
    return replace(record, tables={name: of_part.get(name, _NO_ROWS) for name in tables})


def differing(records: Iterable[PartRecord], found: Digests) -> dict[str, list[str]]:
    """Return the tables in which parts are not as they were recorded: part -> tables."""
    wrong = {
        record.part: [
            name for name, was in record.tables.items() if found.get(record.part, {}).get(name, _NO_ROWS) != was
        ]
        for record in records
    }
    return {part: names for part, names in wrong.items() if names}


def prove(records: Iterable[PartRecord], found: Digests, dataset: str) -> None:
    """Compare parts with what was recorded of them when they were read from their source.

    Raises:
        LoadError: They differ; part and tables are named. Production is unchanged.
    """
    known = {record.part: record for record in records}
    for part, wrong in differing(known.values(), found).items():
        of_part, record = found.get(part, {}), known[part]
        told = ", ".join(
            f'"{name}" ({of_part.get(name, _NO_ROWS)["rows"]} rows, recorded {record.tables[name]["rows"]})'
            for name in wrong
        )
        raise LoadError(
            f"Production holds other rows of {part} than run {record.run_id} published, in table {told}: "
            "somebody wrote there. Nothing was published; production is unchanged.",
            f"Read everything again, which replaces what was written:\nfirn run {dataset} --full-refresh",
        )


def _names(schema: str, table: str, key: PartKey) -> dict[str, Identifier]:
    return {
        "table": Identifier(schema, table),
        "through": Identifier(schema, key.table),
        "key": Identifier(key.joined_by),
        "column": Identifier(key.column),
    }
