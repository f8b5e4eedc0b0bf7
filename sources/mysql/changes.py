"""Whether a table is what it was, by checksums that the server computes."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from sources.mysql.ranges import bucket, number
from sources.mysql.statements import composed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.sessions import Session
    from sources.mysql.types import Field


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


def checksums(session: Session, table: SourceTable, fields: Sequence[Field], bits: int | None) -> Mapping[int, str]:
    """Return the SHA-256 of the rows of each range of 2 to the power of ``bits`` keys by its number, in one query.

    Rows are hashed with MD5 of all their values, and the sums of both halves of the hashes are exact: no order
    matters, and equal rows do not cancel out.

    Raises:
        SourceError: The server refused, or was lost.
    """
    key = table.range_column
    query = composed(
        "checksums",
        bucket=bucket("place", bits),
        place=quoted(key.name) if key and bits is not None else "0",
        texts=", ',', ".join(field.hashed() for field in fields),
        table=quoted(table.name),
    )
    sums = session.rows(query, f'Computing checksums of table "{table.name}"')
    told = shape(fields)
    unsigned = bool(key and key.unsigned)
    return {
        number(int(place), bits, unsigned=unsigned): sha256(f"{told}\n{figures}".encode()).hexdigest()
        for place, *figures in ((row[0], *map(str, row[1:])) for row in sums)
    }
