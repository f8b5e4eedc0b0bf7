"""Reads a range of keys with connectorx: plainly, and once more with guards where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from firn import SourceError
from sources.mysql.errors import UNCHANGED, explained_text
from sources.mysql.sessions import settings
from sources.mysql.silence import silence
from sources.mysql.statements import composed, quoted
from sources.mysql.values import Rows, decode
from sources.mysql.windows import where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.mysql.catalogue import SourceTable
    from sources.mysql.sessions import Login, Server
    from sources.mysql.types import Field
    from sources.mysql.windows import Window


class _PanickedError(Exception):
    """The driver met a value that it cannot hold; its own error is no Exception, and cannot be imported."""


def read_chunk(
    login: Login,
    server: Server,
    table: SourceTable,
    fields: Sequence[Field],
    window: Window,
    *,
    order: Sequence[str] = (),
) -> tuple[Rows, int]:
    """Read the rows of a window.

    Args:
        login: Where.
        server: What it said of itself.
        table: The table.
        fields: Those of its columns that are read.
        window: Which rows.
        order: The columns by which the server orders them; none for any order.

    Returns:
        The rows, and how many bytes the driver read.

    Raises:
        SourceUnavailable: The server does not answer.
        SourceChanged: The table or a column is gone.
        SourceError: The server refused, or a value breaks a rule whose policy is to fail.
    """
    what = f'Reading table "{table.name}"{window}'
    try:
        raw = _read(login, server, query(table, fields, window, guarded=False, order=order), what)
    except _PanickedError:
        try:
            raw = _read(login, server, query(table, fields, window, guarded=True, order=order), what)
        except _PanickedError:
            raise _unreadable(what, login, table) from None
    raw.columns = [field.name for field in fields]
    return decode(raw, table.name, fields, table.key), int(raw.estimated_size())


def query(
    table: SourceTable, fields: Sequence[Field], window: Window, *, guarded: bool, order: Sequence[str] = ()
) -> str:
    """Return the statement that reads columns of the rows of a window."""
    return composed(
        "ordered" if order else "read",
        # Numbered, because a name may be anything.
        columns=", ".join(f"{field.read(guarded=guarded)} AS c{i}" for i, field in enumerate(fields)),
        table=quoted(table.name),
        where=where(table, window),
        keys=", ".join(map(quoted, order)),
    )


def _read(login: Login, server: Server, query: str, where: str) -> pl.DataFrame:
    import connectorx

    try:
        with silence():
            read = connectorx.read_sql(
                login.url(), login.marked(query), return_type="arrow", pre_execution_query=settings(server, login)
            )
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
