"""Three days in the clinic, applied to a filled source by SQL, and what a copy of it must look like afterwards.

Day 1 is an ordinary day. Day 2 changes columns, brings a table and a mass purge of ``histappointment``. Day 3 renames a
column, drops a table and purges once more. Each day ends with many rows stamped in the same second, and the next begins
with rows that are stamped in that second too: they were committed late. The session's clock is set to the day: nothing
depends on when it is run, and equal sources stay equal.

The truth is the source itself, as its own client shows it: ``digests``. Rows purged from a table that must never shrink
are kept in a second database.
"""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.mariadb import Database

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AUDIT", "BUSY", "DAYS", "Day", "Digest", "change", "digests", "kept", "live"]

DAYS = (1, 2, 3)
_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)\n(?=-- name: |\Z)", re.MULTILINE | re.DOTALL)
_SQL = dict(_NAMED.findall(Path(__file__).with_suffix(".sql").read_text("utf-8")))
_FIRST_EVENING = 1_749_232_800  # 2025-06-06 18:00:00 UTC
_DAY_S = 86_400
# Tables whose rows never change and that only grow; what the clinic purges from them is gone at the source only.
AUDIT = ("securitylog", "securityloghash", "histappointment", "inseditlog")
BUSY = (
    *AUDIT,
    *("adjustment", "appointment", "claim", "claimproc", "commlog", "document", "patient", "payment", "paysplit"),
    *("periomeasure", "procedurelog", "procnote", "schedule", "sheet", "sheetfield", "statement", "toothinitial"),
)
_INSERTED, _UPDATED, _DELETED, _BLOCK = 0.0015, 0.002, 0.001, 0.004
# histappointment went from 673,710 rows to 6,910 between two nights.
_PURGED = {("histappointment", 2): 1 - 6_910 / 673_710, ("histappointment", 3): 0.02}
# Columns that say when a row came to be.
_CREATED = frozenset({"LogDateTime", "HistDateTStamp", "DateTEntry", "SecDateTEntry", "DateTimeEntry", "SecDateEntry"})
_SCHEMA: dict[int, tuple[tuple[str, str], ...]] = {
    2: (
        ("procedurelog", "ADD COLUMN `IsMirrored` tinyint(4) NOT NULL DEFAULT 0 AFTER `ProcFee`"),
        ("paysplit", "ADD COLUMN `SplitNote` varchar(60) NULL"),
        ("sheetfield", "MODIFY `RadioButtonValue` varchar(400) NOT NULL"),
        ("procedurelog", "MODIFY `UnitQty` bigint(20) NOT NULL"),
    ),
    3: (
        ("sheetfield", "CHANGE `ReportableName` `ReportName` varchar(255) NULL DEFAULT NULL"),
        ("task", "CHANGE `TriageCategory` `TriageKind` bigint(20) NOT NULL"),
    ),
}
_DROPPED = {3: ("tempimageconv2", "tmppatient")}
_NEW_TABLE_DAY = 2


@dataclass(frozen=True)
class Day:
    """What happened at the source on a day.

    Attributes:
        number: 1, 2 or 3.
        at: Seconds since 1970 at which the day ended; its last changes are stamped with it.
        changes: Rows by table and kind: ``inserted``, ``stamped`` and ``unstamped`` (updates), ``deleted``, ``purged``,
            ``late`` (stamped with the second in which the day before ended).
        purged: Keys of the rows that are gone from tables that must not shrink, in order.
        schema: The statements that changed tables.
    """

    number: int
    at: int
    changes: dict[str, Counter[str]] = field(default_factory=dict)
    purged: dict[str, list[int]] = field(default_factory=dict)
    schema: list[str] = field(default_factory=list)


class Digest(NamedTuple):
    """What the source's own client shows of a table: rows, and a digest of every value in the order of the key."""

    rows: int
    digest: str


@dataclass(frozen=True)
class _Live:
    """A table as it is now."""

    name: str
    columns: tuple[str, ...]
    key: str
    stamp: str
    edited: dict[str, str]
    rows: int


def live(database: Database, number: int) -> Day:
    """Let a day pass at the source; days come in their order.

    Tables that the source lacks are passed over.
    """
    day = Day(number, _FIRST_EVENING + number * _DAY_S)
    present = {name for (name,) in database.query("SHOW TABLES")}
    _reshape(database, day, present)
    busy = [_look(database, name) for name in BUSY if name in present]
    session = _Session(database, day)
    if number > 1:
        session.clock(day.at - _DAY_S)
        for table in busy:
            session.late(table)
    session.clock(day.at - 3600)
    for table in busy:
        session.insert(table)
        session.delete(table)
    session.clock(day.at)
    for table in busy:
        if table.name not in AUDIT:
            session.edit(table, "stamped" if table.stamp else "unstamped", _every(table, _UPDATED, number))
    session.close()
    return day


def change(database: Database, share: float, at: int = _FIRST_EVENING + 9 * _DAY_S) -> int:
    """Edit a share of the rows of every busy table but logs, spread over its keys; return how many were edited."""
    present = {name for (name,) in database.query("SHOW TABLES")}
    day = Day(9, at)
    session = _Session(database, day)
    session.clock(at)
    for table in (_look(database, name) for name in BUSY if name in present - set(AUDIT)):
        session.edit(table, "edited", _every(table, share, 0))
    session.close()
    return sum(changes["edited"] for changes in day.changes.values())


def kept(database: Database) -> Database:
    """Return the database that holds the rows purged from tables that must not shrink."""
    return Database(database.port, f"{database.name}_purged")


def digests(database: Database, names: Iterable[str] | None = None) -> dict[str, Digest]:
    """Return what the source's own client shows of its tables."""
    every = names or [name for (name,) in database.query("SHOW TABLES")]
    return {name: _digest(database, name) for name in every}


class _Session:
    """One connection, whose clock is set, and what it changed."""

    def __init__(self, database: Database, day: Day) -> None:
        self._connection = database.connected(autocommit=True)
        self._database, self._day = database, day
        self._run("SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES'")

    def clock(self, at: int) -> None:
        self._run(f"SET timestamp = {at}")

    def insert(self, table: _Live, kind: str = "inserted") -> None:
        """Add copies of the newest rows under new keys, the same ones in every engine; the server stamps them."""
        own = [f"`{name}`" for name in table.columns if name not in {table.key, table.stamp}]
        values = ["current_timestamp()" if name.strip("`") in _CREATED else name for name in own]
        rows = max(1, round(table.rows * _INSERTED))
        highest = self._database.query(_SQL["highest"].format(table=table.name, key=table.key))[0][0]
        parts = {"columns": ", ".join(own), "values": ", ".join(values), "highest": highest}
        self._count(table, kind, "insert", rows=rows, **parts)

    def late(self, table: _Live) -> None:
        """Commit rows in the second in which the day before ended."""
        if table.name in AUDIT:
            self.insert(table, "late")
        else:
            self.edit(table, "late", f"`{table.key}` % 499 = {self._day.number}")

    def edit(self, table: _Live, kind: str, where: str) -> None:
        """Change a text, an amount or a number of some rows; whether the server stamps them is up to the table."""
        sets = [_SQL[f"edit_{how}"].format(column=name, day=self._day.number) for how, name in table.edited.items()]
        self._count(table, kind, "edit", sets=", ".join(sets), where=where)

    def delete(self, table: _Live) -> None:
        """Delete rows here and there, and a block; from tables that must not shrink, purge."""
        number = self._day.number
        if table.name in AUDIT:
            self._purge(table, math.ceil(table.rows * _PURGED.get((table.name, number), 0)))
            return
        block = round(table.rows * _BLOCK)
        self._count(table, "deleted", "delete", where=_every(table, _DELETED, number + 3))
        self._count(table, "deleted", "delete_block", offset=number * 2 * block, rows=block)

    def _purge(self, table: _Live, rows: int) -> None:
        """Delete the oldest rows and keep a copy of them in the other database."""
        if not rows:
            return
        names = {"kept": kept(self._database).name, "table": table.name, "key": table.key, "rows": rows}
        for step in ("keep_database", "keep_table", "keep_rows"):
            self._run(_SQL[step].format(**names))
        oldest = self._database.query(_SQL["oldest"].format(**names))
        self._day.purged[table.name] = [key for (key,) in oldest]
        self._count(table, "purged", "purge", rows=rows)

    def _count(self, table: _Live, kind: str, statement: str, **parts: object) -> None:
        rows = self._run(_SQL[statement].format(table=table.name, key=table.key, **parts))
        self._day.changes.setdefault(table.name, Counter())[kind] += rows

    def _run(self, statement: str) -> int:
        with self._connection.cursor() as cursor:
            return int(cursor.execute(statement))

    def close(self) -> None:
        self._connection.close()


def _every(table: _Live, share: float, offset: int) -> str:
    step = max(2, round(1 / share))
    return f"`{table.key}` % {step} = {(offset * 7 + 1) % step}"


def _reshape(database: Database, day: Day, present: set[str]) -> None:
    statements = [f"ALTER TABLE `{name}` {how}" for name, how in _SCHEMA.get(day.number, ()) if name in present]
    statements += [f"DROP TABLE `{name}`" for name in _DROPPED.get(day.number, ()) if name in present]
    statements += [_SQL["new_table"], _SQL["new_rows"]] if day.number == _NEW_TABLE_DAY else []
    database.execute(*statements)
    day.schema.extend(statements)


_TEXTS, _LONG_ENOUGH = {"varchar", "text"}, 20


def _look(database: Database, name: str) -> _Live:
    columns = database.query(_SQL["columns"].format(table=name))
    return _Live(
        name,
        tuple(column[0] for column in columns),
        _first(column[0] for column in columns if column[2] == "PRI"),
        _first(column[0] for column in columns if "on update" in column[3].lower()),
        _edited([column for column in columns if not column[2]]),
        database.query(_SQL["count"].format(table=name))[0][0],
    )


def _edited(columns: list[tuple[Any, ...]]) -> dict[str, str]:
    """Return the first column that takes an edit, by the kind of edit."""
    text = _first(name for name, kind, _, _, longest in columns if kind in _TEXTS and longest >= _LONG_ENOUGH)
    money = _first(name for name, kind, *_ in columns if kind == "double")
    whole = "" if text or money else _first(name for name, kind, *_ in columns if kind == "smallint")
    return {how: name for how, name in (("text", text), ("money", money), ("whole", whole)) if name}


def _first(names: Iterable[Any]) -> str:
    return next((str(name) for name in names), "")


def _digest(database: Database, name: str) -> Digest:
    columns = [(column[0], column[1]) for column in database.query(_SQL["columns"].format(table=name))]
    shown = ", ".join(f"HEX(`{c}`)" if kind.endswith("blob") else f"CAST(`{c}` AS CHAR)" for c, kind in columns)
    order = ", ".join(str(position + 1) for position in range(len(columns)))
    show = _SQL["show"].format(values=shown, table=name, order=order)
    command = database.client("--skip-column-names", "--quick", f"--execute={show}")
    digest, rows = hashlib.sha256(), 0
    with subprocess.Popen(command, env=database.secret, stdout=subprocess.PIPE) as client:
        for line in client.stdout or ():
            digest.update(line)
            rows += 1
    if client.returncode:
        raise RuntimeError(f"the client could not show {name}")
    return Digest(rows, digest.hexdigest())
