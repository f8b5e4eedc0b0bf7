"""Rows that are under way take room, and who brings more waits for it."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from loaders.room import Room


@pytest.mark.parametrize(("first", "second", "waits"), [(5, 3, False), (5, 4, True), (9, 1, True), (0, 99, False)])
def test_who_brings_more_than_there_is_room_for_waits_until_something_is_gone(
    first: int, second: int, *, waits: bool
) -> None:
    room, came = Room(8), Event()
    room.take(first)

    def bring() -> None:
        room.take(second)
        came.set()

    thread = Thread(target=bring)
    thread.start()
    assert came.wait(0.1 if waits else 10) is not waits
    room.free(first)
    thread.join()
    assert came.is_set()


def test_room_that_nobody_may_wait_for_is_given_while_there_is_some() -> None:
    room = Room(8)

    assert [room.has(size) for size in (5, 4, 3, 1)] == [True, False, True, False]
