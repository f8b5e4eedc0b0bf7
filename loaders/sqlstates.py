"""The border to PostgreSQL: a driver's error becomes one of firn's, once, by its SQLSTATE and never by its text."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from adbc_driver_manager import Error as AdbcError

from firn import LoadError, TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["border", "primary", "wrap"]

# The session was ended, the server starts or stops, has no connection left, or others were in the way: all may pass. A
# full disk and a cancelled statement need a person.
_PASSING = ("57P01", "57P02", "57P03", "57P05", "53300", "40001", "40003", "40P01", "55P03")
_HINTS = {
    "28": "check the role, its password and pg_hba.conf",
    "23": "correct the rows where they come from, or change what is demanded of them here",
    "42501": "ask the owner of the object for the right that is missing",
    "53100": "free disk space on the server, then run again",
    "53200": "the server is out of memory; lower its load, then run again",
    "25006": "connect to the primary server, with a role that may write",
    "57014": "the statement was cancelled on the server; look for a statement_timeout of this role or database",
}
_COPY_PLACE = re.compile(r"line (\d+)(?:, column (.*))?$", re.DOTALL)


@contextmanager
def border(doing: str, refusal: type[LoadError] = LoadError) -> Iterator[None]:
    """Turn the driver errors raised inside into firn's.

    Args:
        doing: What was being done, as the subject of a sentence: ``Loading table "orders"``.
        refusal: What to raise when the server refused.

    Raises:
        TargetUnavailable: The server did not answer, or may answer later. Production is unchanged.
        LoadError: The server refused. Production is unchanged.
    """
    try:
        yield
    except (psycopg.Error, AdbcError) as exc:
        raise wrap(exc, doing, refusal) from exc


def wrap(exc: psycopg.Error | AdbcError, doing: str, refusal: type[LoadError] = LoadError) -> LoadError:
    """Return the error to raise in place of a driver's."""
    state = exc.sqlstate or ""
    place = _place(_detail(exc, "CONTEXT"))
    message = f"{doing} failed{place}: {primary(exc)}. Production is unchanged."
    if _is_operational(exc) and _may_pass(state, place):
        error = TargetUnavailable(message, "run again when the server answers")
        error.code = state
        return error
    return refusal(message, next((hint for start, hint in _HINTS.items() if state.startswith(start)), ""))


def primary(exc: psycopg.Error | AdbcError) -> str:
    """Return what the server said in one line, its detail included."""
    said = _detail(exc, "MESSAGE_PRIMARY") or str(exc).strip().partition("\n")[0]
    detail = _detail(exc, "MESSAGE_DETAIL")
    state = f" (SQLSTATE {exc.sqlstate})" if exc.sqlstate else ""
    return f"{said}{': ' + detail.rstrip('.') if detail else ''}{state}".rstrip(".")


def _may_pass(state: str, place: str) -> bool:
    """Tell it by the SQLSTATE; what a COPY says of a value may have none, or that of a lost connection."""
    return state in _PASSING or (not place and (not state or state.startswith("08")))


def _is_operational(exc: psycopg.Error | AdbcError) -> bool:
    return isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError | AdbcError)


def _detail(exc: psycopg.Error | AdbcError, field: str) -> str:
    if isinstance(exc, psycopg.Error):
        return str(getattr(exc.diag, field.lower(), None) or "")
    found = dict(exc.details).get(f"PG_DIAG_{field}".encode(), b"")  # type: ignore[call-overload]
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def _place(context: str) -> str:
    """Name the row and column that a COPY stumbled over; the context of anything else is of no use to a reader."""
    found = _COPY_PLACE.search(context) if context.startswith("COPY") else None
    if found is None:
        return ""
    line, column = found.groups()
    return f" at row {line}" + (f', column "{column}"' if column else "")
