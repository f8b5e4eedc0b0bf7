"""What counts as a difference: the image of a row, not a type's idea of equality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg.sql import SQL, Composed, Identifier
from test_postgres_servers import Target, newest, target

from loaders import delta
from loaders.connections import Server
from loaders.delta import Change, Delta, Difference

if TYPE_CHECKING:
    from loaders.delta import Counts

__all__ = ["newest", "target"]

# Type, what production shows, what is staged, and whether the operator = would tell them apart.
UNLIKE = {
    "scale of a numeric": ("numeric", "1.0", "1.00", False),
    "sign of a zero": ("double precision", "0.0", "-0.0", False),
    "way to say an interval": ("interval", "1 day", "24 hours", False),
    "text": ("text", "a", "b", True),
    "null": ("text", None, "", None),
}
LIKE = {
    "null": ("text", None),
    "NaN": ("double precision", "NaN"),
    "json": ("json", '{"a": 1}'),
    "point": ("point", "(1,2)"),
}


def counted(newest: Target, type_: str, old: str | None, new: str | None) -> Counts:
    """Count what differs between two tables of one row."""
    newest.query(f"CREATE TABLE old (id int PRIMARY KEY, v {type_}); CREATE TABLE new (LIKE old INCLUDING ALL)")
    newest.query("INSERT INTO old VALUES (1, %s)", old)
    newest.query("INSERT INTO new VALUES (1, %s)", new)
    with Server(newest.dsn).statements() as connection:
        return delta.count(connection, change(type_))


def change(type_: str) -> Change:
    """Compare two tables of one column and a key."""
    types = {"id": "integer", "v": type_}
    rows: list[Composed] = [delta.relation(Identifier("public", name), types) for name in ("new", "old")]
    return Change("old", "diff", Identifier("public", "old"), *rows, Identifier("public", "kept"), ("id",), ("id", "v"))


@pytest.mark.parametrize("what", UNLIKE)
def test_values_that_look_different_are_changed_even_where_their_type_calls_them_equal(
    newest: Target, what: str
) -> None:
    type_, old, new, told_apart = UNLIKE[what]

    assert counted(newest, type_, old, new) == {"inserted": 0, "updated": 1, "deleted": 0}
    assert newest.query("SELECT o.v <> n.v FROM old o, new n") == [(told_apart,)]


@pytest.mark.parametrize("what", LIKE)
def test_equal_values_are_left_alone_also_of_types_that_cannot_be_compared(newest: Target, what: str) -> None:
    type_, value = LIKE[what]

    assert counted(newest, type_, value, value) == {"inserted": 0, "updated": 0, "deleted": 0}


def test_documents_that_say_the_same_in_another_way_differ(newest: Target) -> None:
    assert counted(newest, "json", '{"a": 1}', '{"a":1}')["updated"] == 1


def test_a_sample_shows_rows_by_key_and_only_the_columns_that_differ(newest: Target) -> None:
    newest.query(
        "CREATE TABLE old AS SELECT g AS id, 'same' AS v FROM generate_series(1, 4) g; CREATE TABLE new AS TABLE old;"
        "UPDATE new SET v = 'other' WHERE id = 2; DELETE FROM new WHERE id = 3; INSERT INTO new VALUES (9, 'more')"
    )

    with Server(newest.dsn).statements() as connection:
        found = delta.read(connection, change("text"), 2)

    assert found == Delta(1, 1, 1, [Difference("updated", "id=2", "v", "same", "other"), Difference("deleted", "id=3")])


def test_the_digest_of_a_table_without_a_key_is_free_of_order_and_sees_one_row_more(newest: Target) -> None:
    newest.query("CREATE TABLE old (v text); INSERT INTO old VALUES ('a'), ('b'), ('b')")
    newest.query("CREATE TABLE new (v text); INSERT INTO new VALUES ('b'), ('a'), ('b')")
    rows = [delta.relation(Identifier("public", name), {"v": "text"}) for name in ("old", "new")]
    more = SQL("({} UNION ALL SELECT 'a')").format(rows[0])
    with Server(newest.dsn).statements() as connection:
        old, new, longer = (delta.content(connection, one) for one in (*rows, more))

    assert old == new
    assert longer != old
