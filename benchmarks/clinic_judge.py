"""Whether PostgreSQL holds exactly what MariaDB shows, value by value, for every column of a table.

```
python -m benchmarks.clinic_judge --port 3306 --database clinic --dsn postgresql://... --schema clinic
```
Both servers turn every value into text (``CAST(... AS CHAR)`` and ``::text``) and every row into a digest of these
texts; rows are merged by key as they stream, and where digests differ the values themselves are compared. A table
without a whole number for a key is compared as a bag of rows. This shares no code with what it judges.

What may differ, and no more: days that no calendar has are null, texts are without NUL, a truth is 0 or 1.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pymysql  # type: ignore[import-untyped]
import pymysql.cursors  # type: ignore[import-untyped]
from psycopg.sql import SQL, Composed, Identifier

from benchmarks.mariadb import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    Keyed = tuple[Any, str]

__all__ = ["Difference", "Verdict", "judge", "main"]

_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)\n(?=-- name: |\Z)", re.MULTILINE | re.DOTALL)
_SQL = dict(_NAMED.findall(Path(__file__).with_suffix(".sql").read_text("utf-8")))
_WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_DAYS = frozenset({"date", "datetime", "timestamp"})
_NUMBERS = frozenset({"float", "double", "decimal", "time", *_WHOLE})
_SESSION = "SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES'"
_AT_ONCE = 20_000


@dataclass(frozen=True)
class Difference:
    """A value that differs.

    Attributes:
        table: Its table.
        key: The key of its row, or the row's digest in a table without a whole number for a key.
        column: Its column; empty if the row is missing or too many.
        source: What MariaDB shows, ``None`` for null.
        target: What PostgreSQL shows.
    """

    table: str
    key: object
    column: str
    source: str | None
    target: str | None


@dataclass
class Verdict:
    """What became of a table.

    Attributes:
        table: Its name.
        rows: Rows whose keys are on both sides.
        missing: Rows that only the source has.
        extra: Rows that only the target has.
        changed: Rows of the same key that differ.
        columns: Columns that the target lacks. Columns that only the target has are not looked at.
        differences: The first of them.
    """

    table: str
    rows: int = 0
    missing: int = 0
    extra: int = 0
    changed: int = 0
    columns: tuple[str, ...] = ()
    differences: list[Difference] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether all columns are there and all values are equal."""
        return not (self.missing or self.extra or self.changed or self.columns)

    def __str__(self) -> str:
        if self.exact:
            return f"{self.table}: {self.rows:,} rows are equal"
        counts = f"{self.missing:,} rows missing, {self.extra:,} too many, {self.changed:,} changed"
        return f"{self.table}: {counts}, columns missing: {self.columns}; first: {self.differences[:3]}"


@dataclass(frozen=True)
class _Column:
    name: str
    kind: str
    held: str = ""

    @property
    def source(self) -> str:
        name = f"`{self.name}`"
        if self.kind in _DAYS:
            real = f"YEAR({name}) > 0 AND MONTH({name}) > 0 AND DAYOFMONTH({name}) > 0"
            return f"IF({real}, CAST({name} AS CHAR), NULL)"
        if self.kind in _BYTES:
            return f"LOWER(HEX({name}))"
        if self.kind in _TEXTS:
            return f"REPLACE({name}, CHAR(0 USING utf8mb4), '')"
        inner = {"float": f"CAST({name} AS DOUBLE)", "time": f"TIME_TO_SEC({name})", "bit": f"{name} + 0"}
        return f"CAST({inner.get(self.kind, name)} AS CHAR)"

    @property
    def target(self) -> Composed:
        name = Identifier(self.name)
        form: LiteralString = "{}::text"
        if self.held == "boolean":
            form = "{}::int::text"
        elif self.kind in _BYTES:
            form = "encode({}, 'hex')"
        elif self.kind == "float":
            form = "{}::float8::text"
        elif self.kind == "time":
            form = "trim_scale(extract(epoch FROM {}))::text"
        elif self.held == "timestamp with time zone":
            form = "({} AT TIME ZONE 'UTC')::text"
        return SQL(form).format(name)


def judge(
    database: Database,
    dsn: str,
    schema: str,
    table: str,
    *,
    purged: Database | None = None,
    shown: int = 20,
) -> Verdict:
    """Compare a table with its copy of the same name.

    Args:
        database: The source.
        dsn: The target's.
        schema: Where the copy is.
        table: The table.
        purged: A database whose table of that name holds rows that are gone at the source and must be in the copy.
        shown: How many differences are named.
    """
    with database.connected(cursorclass=pymysql.cursors.SSCursor) as source, psycopg.connect(dsn) as target:
        _settle(source, target)
        return _Judged(source, target, schema, table, purged=purged, shown=shown).verdict()


def _settle(source: pymysql.Connection[Any], target: psycopg.Connection[Any]) -> None:
    with source.cursor() as cursor:
        cursor.execute(_SESSION)
    target.execute("SET timezone = 'UTC'")
    target.execute("SET datestyle = 'ISO'")


class _Judged:
    """A table and its copy."""

    def __init__(
        self,
        source: pymysql.Connection[Any],
        target: psycopg.Connection[Any],
        schema: str,
        table: str,
        *,
        purged: Database | None,
        shown: int,
    ) -> None:
        self._source, self._target, self._shown = source, target, shown
        self._table, self._copy = table, Identifier(schema, table)
        self._places = [f"`{table}`"]
        if purged and self._ask(_SQL["has"], purged.name, table) == [(1,)]:
            self._places.append(f"`{purged.name}`.`{table}`")
        types = dict(target.execute(_SQL["target_columns"], [self._copy.as_string(target)]).fetchall())
        found = self._ask(_SQL["source_columns"].format(table=table))
        self._columns = [_Column(name, kind, types[name]) for name, kind, _ in found if name in types]
        keys = [(name, kind) for name, kind, key in found if key == "PRI"]
        self._key = keys[0][0] if len(keys) == 1 and keys[0][1] in _WHOLE else ""
        self._verdict = Verdict(table, columns=tuple(name for name, *_ in found if name not in types))

    def verdict(self) -> Verdict:
        """Merge the rows of both by key."""
        ours, theirs = self._source_rows(), self._target_rows()
        changed = []
        left, right = next(ours, None), next(theirs, None)
        while left or right:
            if right is None or (left and left[0] < right[0]):
                self._differ("missing", left)
                left = next(ours, None)
            elif left is None or right[0] < left[0]:
                self._differ("extra", right)
                right = next(theirs, None)
            else:
                self._verdict.rows += 1
                if left[1] != right[1]:
                    changed.append(left[0])
                left, right = next(ours, None), next(theirs, None)
        for key in changed:
            self._compare(key)
        return self._verdict

    def _differ(self, kind: str, row: Keyed | None) -> None:
        setattr(self._verdict, kind, getattr(self._verdict, kind) + 1)
        key = row[0] if row else None
        source, target = ("a row", None) if kind == "missing" else (None, "a row")
        self._name(Difference(self._table, key, "", source, target))

    def _name(self, difference: Difference) -> None:
        if len(self._verdict.differences) < self._shown:
            self._verdict.differences.append(difference)

    def _compare(self, key: object) -> None:
        """Compare the values of a row whose digests differ: numbers are the same in more than one notation."""
        values = ", ".join(column.source for column in self._columns)
        wanted = [
            _SQL["source_row"].format(values=values, place=place, key=f"`{self._key}`", value=key)
            for place in self._places
        ]
        rows = [row for statement in wanted for row in self._ask(statement)]
        held = self._target_row(key)
        pairs = zip(self._columns, rows[0], held, strict=True)
        different = [
            (column.name, ours, theirs) for column, ours, theirs in pairs if not _same(column.kind, ours, theirs)
        ]
        self._verdict.changed += bool(different)
        for name, ours, theirs in different:
            self._name(Difference(self._table, key, name, ours, theirs))

    def _source_rows(self) -> Iterator[Keyed]:
        values = ", ".join(_SQL["source_value"].format(value=column.source) for column in self._columns)
        digest = _SQL["source_hash"].format(values=values)
        key = f"`{self._key}`" if self._key else digest
        parts = [_SQL["source_rows"].format(key=key, hash=digest, place=place) for place in self._places]
        with self._source.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts) + " ORDER BY k")
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from rows

    def _target_row(self, key: object) -> tuple[Any, ...]:
        values = SQL(", ").join(column.target for column in self._columns)
        query = SQL(_SQL["target_row"]).format(values=values, table=self._copy, key=Identifier(self._key))
        return self._target.execute(query, [key]).fetchone() or ()

    def _target_rows(self) -> Iterator[Keyed]:
        digest = SQL(_SQL["target_hash"]).format(values=SQL(", ").join(column.target for column in self._columns))
        key = Identifier(self._key) if self._key else SQL('{} COLLATE "C"').format(digest)
        query = SQL(_SQL["target_rows"]).format(key=key, hash=digest, table=self._copy)
        with self._target.cursor("judged") as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from rows

    def _ask(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        with self._source.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


def _same(kind: str, ours: str | None, theirs: str | None) -> bool:
    if ours == theirs or ours is None or theirs is None:
        return ours == theirs
    if kind in {"float", "double"}:
        return str(float(ours)) == str(float(theirs))
    if kind in _DAYS:
        return _without_zeros(ours) == _without_zeros(theirs)
    return kind in _NUMBERS and _number(ours) == _number(theirs)


def _without_zeros(moment: str) -> str:
    return moment.rstrip("0").rstrip(".") if "." in moment else moment


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def main() -> None:
    """Judge tables from the command line; the exit code says whether all are exact."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic_judge", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of a MariaDB that benchmarks.clinic_source serves")
    parser.add_argument("--database", default="clinic")
    parser.add_argument("--dsn", default=os.environ.get("FIRN_TARGET__DSN", ""))
    parser.add_argument("--schema", default="clinic")
    parser.add_argument("tables", nargs="*", help="all if none is named")
    given = parser.parse_args()
    database = Database(given.port, given.database)
    names = given.tables or [name for (name,) in database.query("SHOW TABLES")]
    verdicts = [judge(database, given.dsn, given.schema, name) for name in names]
    print("\n".join(str(verdict) for verdict in verdicts if not verdict.exact or len(names) == 1))
    print(f"{sum(verdict.exact for verdict in verdicts)} of {len(verdicts)} tables are exact")
    sys.exit(not all(verdict.exact for verdict in verdicts))


if __name__ == "__main__":
    main()
