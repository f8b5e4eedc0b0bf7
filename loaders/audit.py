"""Whether production still is what was published: its tables, their columns and rows, and the digest of every part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders import inventory, likeness
from loaders.ledger import differing, digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from firn import PartKey, PartRecord
    from loaders.connections import Statements
    from loaders.ddl import Layout
    from loaders.likeness import Likeness
    from loaders.state import Publication

__all__ = ["contents", "tables"]

_MOST_NAMED = 5

Found = tuple[str, bool, str]


def tables(
    statements: Statements, production: str, layouts: Sequence[Layout], current: Publication | None
) -> list[Found]:
    """Compare tables with their contracts, and their rows with those recorded."""
    held = likeness.read(statements, production, [layout.table for layout in layouts])
    recorded = current.tables if current else {}
    return [_table(statements, production, one, held.get(one.table), recorded.get(one.table)) for one in layouts]


def contents(
    statements: Statements,
    production: str,
    records: Iterable[PartRecord],
    keys: Mapping[str, PartKey],
    layouts: Sequence[Layout],
) -> Found:
    """Compare every part with the digest recorded of it, and look for parts that nobody published."""
    known = {record.part: record for record in records}
    found = digests(statements, production, keys, {layout.table: layout for layout in layouts})
    wrong = [f"{part} ({', '.join(names)})" for part, names in differing(known.values(), found).items()]
    wrong += [f"{part} (not published by firn)" for part in found if part not in known]
    if not known:
        return "contents", False, "nothing is recorded of what was published"
    more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
    detail = f"other rows than were published: {'; '.join(wrong[:_MOST_NAMED])}{more}" if wrong else ""
    return "contents", not wrong, detail or f"{len(known)} files, row by row as they were published"


def _table(statements: Statements, production: str, layout: Layout, found: Likeness | None, recorded: object) -> Found:
    name = f"table {layout.table}"
    if found is None:
        return name, False, "is not there"
    wanted = {column.name: column.type for column in layout.columns}
    held = {row.name: row for row in found.columns}
    wrong = [f"{c} is missing, not {type_}" for c, type_ in wanted.items() if c not in held]
    wrong += [f"{c} is {held[c].type}, not {wanted[c]}" for c in wanted if c in held and held[c].takes != wanted[c]]
    wrong += [f"{c} is not in the contract" for c, row in held.items() if c not in wanted and not row.is_generated]
    rows = inventory.count(statements, production, layout.table)
    if isinstance(recorded, dict) and recorded["rows"] != rows:
        wrong.append(f"{rows:,} rows, {recorded['rows']:,} were published")
    return name, not wrong, "; ".join(wrong[:_MOST_NAMED]) or f"{rows:,} rows, {len(wanted)} columns"
