"""Reads a range of keys with connectorx: plainly, and once more with guards where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from firn import SourceError
from sources.mysql.errors import UNCHANGED, explained_text
from sources.mysql.sessions import settings
from sources.mysql.statements import composed, quoted
from sources.mysql.values import Rows, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.ranges import KeyRange
    from sources.mysql.sessions import Login, Server
    from sources.mysql.types import Field


class _PanickedError(Exception):
    """The driver met a value that it cannot hold; its own error is no Exception, and cannot be imported."""


def read_chunk(
    login: Login, server: Server, table: SourceTable, fields: Sequence[Field], keys: KeyRange | None
) -> tuple[Rows, int]:
    """Read the rows of a range of keys, or all.

    Args:
        login: Where.
        server: What it said of itself.
        table: The table.
        fields: Its columns.
        keys: The range; none for all rows.

    Returns:
        The rows, and how many bytes the driver read.

    Raises:
        SourceUnavailable: The server does not answer.
        SourceChanged: The table or a column is gone.
        SourceError: The server refused, or a value breaks a rule whose policy is to fail.
    """
    where = f'Reading table "{table.name}"' + (f", keys {keys}" if keys else "")
    guarded = False
    try:
        raw = _read(login, server, _query(table, fields, keys, guarded=False), where)
    except _PanickedError:
        guarded = True
        try:
            raw = _read(login, server, _query(table, fields, keys, guarded=True), where)
        except _PanickedError:
            raise _unreadable(where, login, table) from None
    raw.columns = [field.name for field in fields]
    return decode(raw, table.name, fields, table.key, guarded=guarded), int(raw.estimated_size())


def _query(table: SourceTable, fields: Sequence[Field], keys: KeyRange | None, *, guarded: bool) -> str:
    # Numbered, because a name may be anything.
    columns = ", ".join(f"{field.read(guarded=guarded)} AS c{i}" for i, field in enumerate(fields))
    if keys is None:
        return composed("whole", columns=columns, table=quoted(table.name))
    key = quoted(table.key[0])
    return composed("range", columns=columns, table=quoted(table.name), key=key, low=keys.low, high=keys.high)


def _read(login: Login, server: Server, query: str, where: str) -> pl.DataFrame:
    import connectorx

    try:
        read = connectorx.read_sql(login.url(), query, return_type="arrow", pre_execution_query=settings(server, login))
    except RuntimeError as error:
        raise explained_text(str(error), where, login) from None  # it may quote the statement
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _PanickedError from None
    return pl.DataFrame(read)


def _unreadable(where: str, login: Login, table: SourceTable) -> SourceError:
    return SourceError(
        f"{where} failed: the driver could not decode what the server sent. {UNCHANGED}",
        f"run again; if it happens twice, check the table: {login.client(f'CHECK TABLE {quoted(table.name)}')}",
    )
