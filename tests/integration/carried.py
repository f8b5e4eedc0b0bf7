"""What a database carries beside its rows, read in three ways: by pg_dump, from the catalogue, and by trying it.

It knows nothing of firn: what it compares is the database before with the database after.
"""

from __future__ import annotations

import difflib
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Picture", "breaks", "counted", "dump", "losses", "take", "tried"]

_FOLDER = Path(__file__).parent
_PARTS = re.compile(r"^-- name: (.*)\n", re.MULTILINE).split((_FOLDER / "carried.sql").read_text())[1:]
_FACTS = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))
_ATTEMPTS = [line for line in (_FOLDER / "rich/attempts.sql").read_text().splitlines() if line.endswith(";")]
_ENTRY = re.compile(r"^-- Name: (?P<name>.*); Type: (?P<type>.*); Schema: (?P<schema>.*); Owner: .*$", re.MULTILINE)

ROLES = ("keeper", "reader", "clerk", "auditor", "Head of Sales", "stranger")
_FIRED = "SELECT string_agg(what, '; ' ORDER BY ctid) FROM app.audit WHERE xmin = pg_current_xact_id()::xid"

# An insert for every column that takes its value from a sequence; each also meets the table's keys.
_COUNTED = {
    "identity by default, and a shared sequence": (
        "INSERT INTO shop.customer (code, name) VALUES ('counted', 'counted') RETURNING id, position"
    ),
    "identity always, and serial": (
        """INSERT INTO shop."Order" (customer_id, starts, ends, paid)"""
        """ VALUES (1, '1999-01-01', '1999-01-02', false) RETURNING id, number"""
    ),
    "a shared sequence": "INSERT INTO shop.line (order_id, nr, qty) VALUES (10, 99, 10) RETURNING position",
    "a default made by hand": "INSERT INTO shop.loose (label) VALUES ('counted') RETURNING counted",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What is read of a database at one moment: per name of a class its entries."""

    text: str
    dumped: Mapping[str, Mapping[str, str]]
    known: Mapping[str, Sequence[str]]


def take(dsn: str, programs: Path) -> Picture:
    """Read what a database carries; ``programs`` is the folder of a pg_dump of its version or a later one."""
    text = dump(dsn, programs)
    with psycopg.connect(dsn) as connection:
        # Every name is written in full, whatever the path of the server's default is.
        connection.execute("SET search_path = ''")
        known = {name: _rows(connection, query) for name, query in _FACTS.items()}
    return Picture(text, _entries(text), known)


def dump(dsn: str, programs: Path) -> str:
    """Return the text of ``pg_dump -s``, without firn's own schemas."""
    command = [programs / "pg_dump", "-s", "-d", dsn, "-N", "firn", "-N", "firn_*", "--restrict-key=rich"]
    return subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout


def losses(before: Picture, after: Picture) -> dict[str, list[str]]:
    """Return what differs, by class; nothing where the text of the dump is the same and every fact holds."""
    found: dict[str, list[str]] = {}
    for kind in sorted(before.dumped | after.dumped):
        changed = _changed(before.dumped.get(kind, {}), after.dumped.get(kind, {}))
        found |= {f"pg_dump: {kind}": changed} if changed else {}
    for name, rows in before.known.items():
        changed = [line for line in difflib.ndiff(rows, after.known[name]) if line[0] in "+-"]
        found |= {name: changed} if changed else {}
    if not found and before.text != after.text:
        found["pg_dump: order"] = list(difflib.unified_diff(before.text.splitlines(), after.text.splitlines()))
    return found


def tried(dsn: str) -> dict[str, str]:
    """Try every statement as every role, each in a transaction that is rolled back; return what came of it."""
    with psycopg.connect(dsn) as connection:
        return {
            f"{role}: {statement}": _attempted(connection, role, statement) for role in ROLES for statement in _ATTEMPTS
        }


def counted(dsn: str) -> dict[str, tuple[int, ...]]:
    """Insert rows that take their numbers from sequences, and return the numbers; only the sequences keep count."""
    numbers: dict[str, tuple[int, ...]] = {}
    with psycopg.connect(dsn) as connection:
        for name, statement in _COUNTED.items():
            numbers[name] = connection.execute(statement).fetchall()[0]  # type: ignore[call-overload]
            connection.rollback()
    return numbers


def breaks(
    before: Mapping[str, Sequence[int]], later: Mapping[str, Sequence[int]]
) -> dict[str, tuple[Sequence[int], Sequence[int]]]:
    """Return the sequences that did not go on after the number before, or not from near it."""
    return {
        name: (numbers, later[name])
        for name, numbers in before.items()
        if not all(0 < b - a < 1000 for a, b in zip(numbers, later[name], strict=True))
    }


def _attempted(connection: psycopg.Connection[Any], role: str, statement: str) -> str:
    try:
        connection.execute(f'SET LOCAL ROLE "{role}"')  # type: ignore[call-overload]
        cursor = connection.execute(statement)  # type: ignore[call-overload]
        result = cursor.fetchall() if cursor.description else cursor.rowcount
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return f"{result}, fired: {connection.execute(_FIRED).fetchall()[0][0]}"
    except psycopg.Error as exc:
        return f"{exc.sqlstate} {exc.diag.message_primary}"
    finally:
        connection.rollback()


def _rows(connection: psycopg.Connection[Any], query: str) -> list[str]:
    return sorted(map(str, connection.execute(query).fetchall()))  # type: ignore[call-overload]


def _entries(text: str) -> dict[str, dict[str, str]]:
    """Take a dump apart: kind of object -> schema and name -> text."""
    found: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    heads = list(_ENTRY.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        found[head["type"]][f"{head['schema']} {head['name']}"] += text[head.start() : end].strip("-\n ")
    return found


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    lines = [difflib.ndiff(before.get(n, "").splitlines(), after.get(n, "").splitlines()) for n in names]
    return [line for each in lines for line in each if line[0] in "+-"]
