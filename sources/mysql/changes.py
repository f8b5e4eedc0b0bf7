"""Whether a table is what it was, by checksums that the server computes."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from sources.mysql.ranges import bucket, number
from sources.mysql.statements import composed, quoted
from sources.mysql.windows import where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.sessions import Session
    from sources.mysql.types import Field
    from sources.mysql.windows import Window


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


def checksums(
    session: Session, table: SourceTable, fields: Sequence[Field], window: Window, bits: int | None
) -> Mapping[int, str]:
    """Return the SHA-256 of the rows of each range of 2 to the power of ``bits`` keys by its number, in one query.

    Each row counts with 64 bits of a digest of all its values, and their sum is exact: no order matters, and equal rows
    do not cancel out. MariaDB is quickest with MD5; MySQL 9 has only SHA2 left.

    Raises:
        SourceError: The server refused, or was lost.
    """
    key = table.range_column
    digest = "MD5({})" if session.server.is_mariadb else "SHA2({}, 256)"
    # A separator that is binary: no value is converted, and no two collations meet.
    values = f"CONCAT_WS(X'2C', {', '.join(field.hashed(digest) for field in fields)})"
    query = composed(
        "checksums",
        bucket=bucket(quoted(key.name) if key else "0", bits),
        digest=digest.format(values),
        table=quoted(table.name),
        where=where(table, window),
    )
    sums = session.rows(query, f'Computing checksums of table "{table.name}"')
    told = shape(fields)
    unsigned = bool(key and key.unsigned)
    return {
        number(int(place), bits, unsigned=unsigned): sha256(f"{told}\n{rows} {total}".encode()).hexdigest()
        for place, rows, total in sums
    }
