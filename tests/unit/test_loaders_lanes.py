"""Work on several tables is done side by side, and has ended before anybody hears of it."""

from __future__ import annotations

from threading import Barrier
from typing import Any

import pytest

from loaders.lanes import Lanes


def test_as_many_tables_are_worked_on_at_a_time_as_there_are_connections() -> None:
    both: list[Any] = ["first", "second"]
    met = Barrier(2, timeout=10)

    found = Lanes(both).each("abcd", lambda connection, table: (met.wait() >= 0, connection in both, table))

    assert found == {table: (True, True, table) for table in "abcd"}


def test_the_first_error_is_raised_once_every_other_work_has_ended() -> None:
    done: list[str] = []

    def work(_: object, table: str) -> None:
        if table in "bc":
            raise ValueError(table)
        done.append(table)

    one: list[Any] = ["only"]
    with pytest.raises(ValueError, match="b"):
        Lanes(one).each("abcd", work)
    assert done == ["a", "d"]
