"""Discovery: from what a database declares of its tables to what is decided of each, and why.

Every rule looks at what three queries of ``information_schema`` say, and at no row. A table's decision depends on fixed
limits and not on its rank among others, so that a table that grows changes no other one's tier.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.engine.quarantine import counted
from pipelines.replication.catalogue import NOT_NULL, Catalogue, Entry, Strategy, Tier, monitoring, priority

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sources.mysql.catalogue import SourceColumn, SourceTable

__all__ = ["discover"]

CRITICAL = 7
IMPORTANT = 5
"""Scores from which a table belongs to these tiers; twelve is the most."""

FEWEST_CRITICAL = 100
"""Rows under which no score makes a table critical."""

LOOKUP = 10_000
"""Rows under which a table that others refer to is one to look things up in."""

SHARED = 8
"""A column that is the key of more tables than this, such as ``id``, does not say which of them it refers to."""

SMALL_MB = 1.0
"""Under this size a table is read whole, faster than anything could be compared."""

CHUNK_BYTES = 32_000_000
FEWEST_ROWS, MOST_ROWS = 1_024, 1_048_576
"""How much one connection reads at a time, and between what its number of rows lies."""

AUDIT = re.compile(r"^hist|hist$|history$|(?<!cata)(?<!dia)log$|logs$|loghash$|audit", re.IGNORECASE)
DEFINITION = re.compile(r"(def|type|code|category|status|lookup)s?$", re.IGNORECASE)
MONEY = re.compile(
    "allowed|amount|amt|bal|balance|charge|copay|cost|credit|debit|ded|discount|due|est|fee|interest|paid|pay|payment|"
    "price|principal|tax|total|writeoff",
    re.IGNORECASE,
)
"""Words of a column's name, of which one says that its fractional number is an amount of money."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at.

    Attributes:
        table: As it is declared.
        carriers: The other tables that have a column of the name of its key.
        money: Its columns that hold money, by type and name.
        stamp: The column that the server sets on every change of a row.
    """

    table: SourceTable
    carriers: tuple[str, ...]
    money: tuple[str, ...]
    stamp: str | None

    @property
    def size_mb(self) -> float:
        """Data and indexes in millions of bytes."""
        return round((self.table.data_bytes + self.table.index_bytes) / 1e6, 2)

    @property
    def numbered(self) -> bool:
        """Whether its key is one column, which the server counts up."""
        return len(self.table.key) == 1 and _is_numbered(self.table)


def discover(database: str, tables: Sequence[SourceTable]) -> Catalogue:
    """Decide tier, strategy and everything that follows for every table of a database."""
    carriers = carriers_of(tables)
    facts = [Facts(table, carriers[table.name], money_of(table), stamp_of(table)) for table in tables]
    return Catalogue(database=database, tables={one.table.name: _entry(one) for one in facts})


def _entry(facts: Facts) -> Entry:
    tier, tier_reason = tier_of(facts)
    strategy, column, strategy_reason = strategy_of(facts, tier)
    return Entry(
        rows=facts.table.rows,
        size_mb=facts.size_mb,
        engine=facts.table.engine,
        key=facts.table.key,
        tier=tier,
        tier_reason=tier_reason,
        strategy=strategy,
        strategy_reason=strategy_reason,
        incremental_column=column,
        batch_rows=batch_rows(facts.table),
        priority=priority(tier, facts.size_mb),
        money=facts.money,
        monitoring=monitoring(tier, facts.size_mb),
        columns={column.name: _declared(column) for column in facts.table.columns},
    )


def _declared(column: SourceColumn) -> str:
    return column.declared + ("" if column.nullable else NOT_NULL)


# Facts


def carriers_of(tables: Sequence[SourceTable]) -> Mapping[str, tuple[str, ...]]:
    """Name, for each table, the others that refer to it: those with a column of the name of its key.

    No foreign key need be declared. Of several tables with the same key the one with the most rows is meant, then the
    one with the shortest name. A table that counts the numbers of such a column up itself refers to nobody by it.
    """
    having: dict[str, list[SourceTable]] = defaultdict(list)
    for table in tables:
        for column in table.columns:
            having[column.name.casefold()].append(table)
    keys = Counter(_key(table) for table in tables)
    owners: dict[str, str] = {}
    for table in sorted(tables, key=lambda one: (-one.rows, len(one.name), one.name)):
        owners.setdefault(_key(table), table.name)
    return {table.name: _carriers(table, owners, keys, having) for table in tables}


def _carriers(
    table: SourceTable, owners: Mapping[str, str], keys: Mapping[str, int], having: Mapping[str, Sequence[SourceTable]]
) -> tuple[str, ...]:
    key = _key(table)
    if not key or owners[key] != table.name or keys[key] > SHARED:
        return ()
    return tuple(
        sorted(
            other.name
            for other in having[key]
            if other.name != table.name and not (_key(other) == key and _is_numbered(other))
        )
    )


def _key(table: SourceTable) -> str:
    """Return the name of a key of one column, in lower case; empty for any other."""
    return table.key[0].casefold() if len(table.key) == 1 else ""


def _is_numbered(table: SourceTable) -> bool:
    column = table.range_column
    return column is not None and "auto_increment" in column.extra.lower()


def money_of(table: SourceTable) -> tuple[str, ...]:
    """Name the columns that hold money: of type double, or decimal with digits behind the point, and named for it."""
    return tuple(column.name for column in table.columns if _is_fraction(column) and _is_money(column.name))


def _is_fraction(column: SourceColumn) -> bool:
    return column.data_type == "double" or (column.data_type == "decimal" and bool(column.scale))


def _is_money(name: str) -> bool:
    words = _WORD.findall(name)
    pairs = map("".join, itertools.pairwise(words))  # WriteOff
    return any(MONEY.fullmatch(word) for word in itertools.chain(words, pairs))


def stamp_of(table: SourceTable) -> str | None:
    """Name the column that the server sets when a row is made and whenever it changes, an indexed one first."""
    found = [column.name for column in table.columns if _is_stamp(column)]
    leading = {columns[0] for columns in table.keys.values() if columns}
    return next((name for name in found if name in leading), next(iter(found), None))


def _is_stamp(column: SourceColumn) -> bool:
    made = "current_timestamp" in (column.default or "").lower()
    return made and not column.nullable and "on update current_timestamp" in column.extra.lower()


# Tier


def tier_of(facts: Facts) -> tuple[Tier, str]:
    """Say how much depends on a table, and from which figures that follows.

    - ``audit``: named a log or a history, with one key that the server counts up, and no table but such refers to it.
    - ``critical`` from a score of 7 and 100 rows, ``important`` from a score of 5; see ``score_of``.
    - ``reference``: fewer than 10,000 rows, and other tables refer to it, or it is named for definitions.
    - ``standard``: the rest, and any other table without rows.
    """
    rows = facts.table.rows
    if _is_audit(facts):
        return "audit", f"named like a log or history, {counted(rows, 'row')}, no other table with {_key_text(facts)}"
    if not rows:
        return "standard", "0 rows"
    score, points = score_of(facts)
    if score >= CRITICAL and rows >= FEWEST_CRITICAL:
        return "critical", f"{points}: from {CRITICAL} critical"
    if score >= IMPORTANT:
        few = f", but under {FEWEST_CRITICAL} rows not critical" if score >= CRITICAL else ""
        return "important", f"{points}: from {IMPORTANT} important{few}"
    return _lesser(facts, points)


def _lesser(facts: Facts, points: str) -> tuple[Tier, str]:
    rows, carriers = facts.table.rows, len(facts.carriers)
    if rows < LOOKUP and carriers:
        return "reference", f"{rows:,} rows, and {counted(carriers, 'other table')} with {facts.table.key[0]}"
    if rows < LOOKUP and DEFINITION.search(facts.table.name):
        return "reference", f"{rows:,} rows, and named for definitions"
    return "standard", f"{points}: under {IMPORTANT}, and no lookup table"


def _is_audit(facts: Facts) -> bool:
    named = bool(AUDIT.search(facts.table.name))
    return named and facts.numbered and all(AUDIT.search(other) for other in facts.carriers)


def score_of(facts: Facts) -> tuple[int, str]:
    """Count what depends on a table, with the figures counted.

    - Other tables that have its key: 1 for one, 2 for two, 3 for four, 4 for eight and more.
    - Columns with money: 2 for one, 3 for more.
    - Rows: 1 from 1,000, 2 from 10,000, 3 from 100,000, 4 from 1,000,000.
    - A stamp that the server sets on every change: 1.
    """
    rows, carriers, money = facts.table.rows, len(facts.carriers), len(facts.money)
    points = [
        (min(4, carriers.bit_length()), counted(carriers, "other table") + f" with {_key_text(facts)}"),
        (min(3, money + 1) if money else 0, counted(money, "column") + " with money"),
        (min(4, max(0, len(str(rows)) - 3)), counted(rows, "row")),
        (1 if facts.stamp else 0, f"changes stamped in {facts.stamp}"),
    ]
    score = sum(point for point, _ in points)
    told = [f"{point} for {fact}" for point, fact in points if point]
    return score, f"score {score}" + (f" ({', '.join(told)})" if told else f" ({counted(rows, 'row')})")


def _key_text(facts: Facts) -> str:
    return ", ".join(facts.table.key)


# Strategy


def strategy_of(facts: Facts, tier: Tier) -> tuple[Strategy, str | None, str]:
    """Say how a table is read once it has been loaded, from which column on, and why.

    - Without a unique key: ``full``, whatever its size, as no row can be told from another.
    - ``append`` for audit tables, from the highest key on.
    - Under 1 MB: ``full``.
    - ``incremental`` only by a stamp that the server sets when a row is made and whenever it changes.
    - ``compare`` by ranges of a key that is a whole number.
    - ``full`` for the rest.
    """
    key, size = _key_text(facts), f"{facts.size_mb:,.2f} MB"
    if not facts.table.key:
        return "full", None, f"no unique key: its {size} are read whole"
    if tier == "audit":
        return "append", facts.table.key[0], f"rows are only added, with a higher {key}{_churn(facts)}"
    if facts.size_mb < SMALL_MB:
        return "full", None, f"{size}, and under {SMALL_MB:g} MB a table is read whole"
    if facts.stamp:
        return "incremental", facts.stamp, f"the server stamps every change in {_stamp_text(facts)}{_churn(facts)}"
    if facts.table.range_column:
        return "compare", None, f"no stamp set by the server: ranges of {key} in {size} are compared{_churn(facts)}"
    return "full", None, f"no stamp set by the server, and {key} does not begin with a whole number: {size} read whole"


def _stamp_text(facts: Facts) -> str:
    leading = any(columns[0] == facts.stamp for columns in facts.table.keys.values() if columns)
    return f"{facts.stamp}, which an index leads" if leading else f"{facts.stamp}, which no index leads"


def _churn(facts: Facts) -> str:
    """Say how many numbers are gone of those that the server gave out, where more are than are left."""
    given = (facts.table.auto_increment or 1) - 1
    lost = given - facts.table.rows
    return f"; {lost:,} of {given:,} numbers are gone" if lost > max(facts.table.rows, FEWEST_CRITICAL) else ""


def batch_rows(table: SourceTable) -> int:
    """Say how many rows of a table are about 32 MB: a power of two from 1,024 to 1,048,576, at or under that.

    A power of two stays the same while the server's estimates of a row's length move.
    """
    mean = max(1, table.row_bytes or table.data_bytes // max(1, table.rows))
    return min(MOST_ROWS, max(FEWEST_ROWS, 1 << (CHUNK_BYTES // mean).bit_length() - 1 if mean <= CHUNK_BYTES else 0))
