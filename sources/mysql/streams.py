"""Rows as lines of text over a session that is kept: where connectorx cannot follow, which makes a connection a call.

So rows come out of the snapshot that the session is in, and tables without ranges of keys come piece by piece. It is a
third as fast as connectorx, and several times as fast as rows as tuples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from firn import SourceError
from sources.mysql.errors import UNCHANGED
from sources.mysql.statements import composed, quoted
from sources.mysql.values import decode
from sources.mysql.windows import where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.sessions import Session
    from sources.mysql.types import Field
    from sources.mysql.values import Rows
    from sources.mysql.windows import Window


def stream(
    session: Session,
    table: SourceTable,
    fields: Sequence[Field],
    window: Window,
    *,
    size: int,
    order: Sequence[str] = (),
) -> Iterator[tuple[Rows, int]]:
    """Read the rows of a window in one query, piece by piece; at least one piece comes, if without rows.

    Args:
        session: Where to ask; nothing else may be asked of it meanwhile.
        table: The table.
        fields: Those of its columns that are read.
        window: Which rows.
        size: About how many bytes of text a piece has.
        order: The columns by which the server orders them; none for any order.

    Yields:
        Rows, and how many bytes of text they were.

    Raises:
        SourceUnavailable: The server does not answer.
        SourceChanged: The table or a column is gone.
        SourceError: The server refused, a value breaks a rule whose policy is to fail, or a row is longer than the
            server sends.
    """
    what = f'Reading table "{table.name}"{window}'
    lines: list[str] = []
    held, sent = 0, False
    for (line,) in session.stream(_query(table, fields, window, order), what):
        if line is None:
            raise _too_long(what)
        lines.append(line)
        held += len(line)
        if held >= size:
            yield _rows(lines, table, fields), held
            lines, held, sent = [], 0, True
    if lines or not sent:
        yield _rows(lines, table, fields), held


def _query(table: SourceTable, fields: Sequence[Field], window: Window, order: Sequence[str]) -> str:
    # One null makes the line null: so a value that the server cuts off, as too long, is not taken for an empty one. A
    # line ends with a column of its own, because one without any letters would not be a line.
    cells = ", ',', ".join(field.printed() for field in fields)
    return composed(
        "ordered" if order else "read",
        columns=f"CONCAT({cells}, ',0')",
        table=quoted(table.name),
        where=where(table, window),
        keys=", ".join(map(quoted, order)),
    )


def _too_long(what: str) -> SourceError:
    return SourceError(
        f"{what} failed: a row is longer than the server sends. {UNCHANGED}",
        "raise max_allowed_packet at the server: SHOW VARIABLES LIKE 'max_allowed_packet'",
    )


def _rows(lines: Sequence[str], table: SourceTable, fields: Sequence[Field]) -> Rows:
    schema = {**{f"c{i}": field.printed_dtype() for i, field in enumerate(fields)}, "end": pl.Int8()}
    text = "\n".join(lines).encode()
    raw = pl.read_csv(text, has_header=False, schema=schema) if lines else pl.DataFrame(schema=schema)
    raw = raw.drop("end")
    raw.columns = [field.name for field in fields]
    octets = [field.name for field in fields if field.kind.dtype == pl.Binary]
    raw = raw.with_columns(pl.col(octets).str.decode("hex"))
    return decode(raw, table.name, fields, table.key)
