"""What takes long to plan is planned once by a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg.sql import SQL, Literal
from test_postgres_servers import Target, fresh, newest, published, target

from loaders import dependents, inventory, planned
from loaders.connections import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.sql import Composed

    from loaders.connections import Statements

__all__ = ["fresh", "newest", "target"]

_PLANS = "SELECT name FROM pg_prepared_statements ORDER BY prepare_time, name"


@pytest.fixture
def connection(newest: Target) -> Iterator[Statements]:
    with Server(newest.dsn).statements() as made:
        yield made


def number(value: int) -> Composed:
    return SQL("SELECT {} AS number, '100%' AS whole").format(Literal(value))


def test_a_statement_is_planned_once_and_run_as_often_as_asked(connection: Statements) -> None:
    assert [planned.fetch(connection, number(7)) for _ in range(3)] == [[(7, "100%")]] * 3
    assert len(connection.execute(_PLANS).fetchall()) == 1


def test_a_statement_is_planned_again_where_every_plan_was_discarded(connection: Statements) -> None:
    planned.fetch(connection, number(7))
    connection.execute("DISCARD ALL")

    assert planned.fetch(connection, number(7))[0].number == 7


def test_of_many_plans_the_oldest_are_given_up(connection: Statements) -> None:
    assert [planned.fetch(connection, number(value))[0].number for value in range(20)] == list(range(20))

    kept = connection.execute(_PLANS).fetchall()
    planned.fetch(connection, number(19))
    assert len(kept) == 16
    assert connection.execute(_PLANS).fetchall() == kept


def test_what_tables_carry_and_who_knows_them_is_planned_once(newest: Target, connection: Statements) -> None:
    published(newest.settings)

    for _ in range(3):
        assert inventory.carried(connection, "shop", ["orders"])
        assert dependents.read(connection, "shop", ["orders"]) == []

    assert connection.execute("SELECT generic_plans FROM pg_prepared_statements").fetchall() == [(3,), (3,)]
