"""A driver's error becomes firn's by its SQLSTATE, with the place it names."""

from __future__ import annotations

import adbc_driver_manager as adbc
import psycopg
import pytest
from psycopg import errors

from firn import LoadError, PublishError, TargetUnavailable
from loaders.sqlstates import border, wrap


def copied(state: str, message: str, context: str = "", detail: str = "") -> adbc.Error:
    found = [(b"PG_DIAG_MESSAGE_PRIMARY", message.encode()), (b"PG_DIAG_CONTEXT", context.encode())]
    found += [(b"PG_DIAG_MESSAGE_DETAIL", detail.encode())] if detail else []
    return adbc.OperationalError(
        f"IO: {message}", status_code=adbc.AdbcStatusCode.IO, sqlstate=state or None, details=found
    )


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", TargetUnavailable),
        ("57P01", TargetUnavailable),
        ("57P03", TargetUnavailable),
        ("53300", TargetUnavailable),
        ("40001", TargetUnavailable),
        ("40P01", TargetUnavailable),
        ("55P03", TargetUnavailable),
        ("", TargetUnavailable),
        ("53100", LoadError),
        ("53200", LoadError),
        ("28P01", LoadError),
        ("42501", LoadError),
        ("25006", LoadError),
        ("57014", LoadError),
        ("22003", LoadError),
        ("23505", LoadError),
        ("XX000", LoadError),
    ],
)
def test_what_may_pass_by_itself_is_told_from_what_will_not(state: str, kind: type[LoadError]) -> None:
    assert type(wrap(copied(state, "no"), "Loading")) is kind


@pytest.mark.parametrize("state", ["53100", "28P01", "42501", "25006", "57014"])
def test_what_a_person_can_do_is_hinted(state: str) -> None:
    assert wrap(copied(state, "no"), "Loading").hint


def test_row_and_column_of_a_copy_are_named() -> None:
    error = copied("22021", "invalid byte sequence", 'COPY t, line 7, column say "x", line 3')

    assert wrap(error, 'Loading table "t"').message == (
        'Loading table "t" failed at row 7, column "say "x", line 3": invalid byte sequence (SQLSTATE 22021). '
        "Production is unchanged."
    )


def test_a_value_of_the_wrong_length_is_no_lost_connection_though_its_sqlstate_says_so() -> None:
    error = copied("08P01", "insufficient data left in message", "COPY t, line 1, column u")

    assert type(wrap(error, "Loading")) is LoadError


def test_the_detail_is_part_of_the_message() -> None:
    said = wrap(copied("23505", "duplicate key", detail="Key (id)=(1) already exists."), "Indexing").message

    assert "duplicate key: Key (id)=(1) already exists (SQLSTATE 23505)" in said


def test_an_error_keeps_its_cause() -> None:
    with pytest.raises(LoadError) as caught, border("Loading"):
        raise errors.InsufficientPrivilege("permission denied")

    assert isinstance(caught.value.__cause__, errors.InsufficientPrivilege)


def test_a_refusal_is_raised_as_what_the_caller_asks_for() -> None:
    with pytest.raises(PublishError), border("Publishing", PublishError):
        raise errors.DuplicateTable("relation exists")
    with pytest.raises(TargetUnavailable), border("Publishing", PublishError):
        raise psycopg.OperationalError("server closed the connection unexpectedly")


def test_firns_own_errors_pass_unchanged() -> None:
    with pytest.raises(PublishError, match="mine"), border("Publishing"):
        raise PublishError("mine")
