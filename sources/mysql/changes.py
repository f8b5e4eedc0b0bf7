"""Whether a table is what it was: by the time of its last write where the server can be trusted, else by checksums."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256
from typing import TYPE_CHECKING

from sources.mysql.ranges import bucket, number
from sources.mysql.statements import composed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.ranges import Parts
    from sources.mysql.sessions import Login, Server, Session
    from sources.mysql.types import Field

SETTLED = dt.timedelta(seconds=2)
"""A write is stamped with a whole second: another one in the same second would not show."""
_STAMPED = ("MyISAM", "InnoDB")
"""The engines that stamp a write when it is made; Aria, for one, does so when it writes its pages to disk."""
_COUNTED = ("MyISAM",)
"""The engines that know how many rows they have."""


def stamp(table: SourceTable, server: Server, login: Login) -> str:
    """Return a text that stays the same as long as a table is not written; empty where the server cannot tell."""
    if table.engine not in _STAMPED or table.updated is None or table.updated + SETTLED > server.now:
        return ""
    rows = str(table.rows) if table.engine in _COUNTED else ""
    place = f"{login.host}:{login.port}/{login.database}/{table.name}"
    return f"{place} {table.engine} {table.created} {table.updated} {rows}".rstrip()


def fingerprint(stamped: str, shape: str, part: str) -> str:
    """Return the fingerprint of a part of a table with a stamp; empty without one."""
    return stamped and sha256(f"{stamped}\n{shape}\n{part}".encode()).hexdigest()


def shape(fields: Sequence[Field]) -> str:
    """Return a text that changes whenever other values, or other types, would be read of the same rows."""
    return "\n".join(
        f"{f.name!r} {f.column.declared} {f.column.nullable} {f.column.charset} {f.rules.model_dump_json()}"
        for f in fields
    )


def absent(fields: Sequence[Field]) -> str:
    """Return the SHA-256 of a part without rows."""
    return sha256(f"{shape(fields)}\nno rows".encode()).hexdigest()


def checksums(session: Session, table: SourceTable, fields: Sequence[Field], parts: Parts) -> Mapping[int, str]:
    """Return the SHA-256 of each part's content by its number, in one pass at the source.

    Rows are hashed with MD5 of all their values, and the sums of both halves of the hashes are exact: no order
    matters, and equal rows do not cancel out.

    Raises:
        SourceError: The server refused, or was lost.
    """
    key = table.range_column
    query = composed(
        "checksums",
        bucket=bucket("place", parts.bits),
        place=quoted(key.name) if key and parts.bits is not None else "0",
        texts=", ',', ".join(field.hashed() for field in fields),
        table=quoted(table.name),
    )
    sums = session.rows(query, f'Computing checksums of table "{table.name}"')
    told = shape(fields)
    unsigned = bool(key and key.unsigned)
    return {
        number(int(place), parts.bits, unsigned=unsigned): sha256(f"{told}\n{figures}".encode()).hexdigest()
        for place, *figures in ((row[0], *map(str, row[1:])) for row in sums)
    }
