"""However keys lie, parts and chunks hold each of them once, and parts stay where they are."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sources.mysql.catalogue import SourceColumn, SourceTable
from sources.mysql.ranges import chunks, divided, number
from sources.mysql.windows import KeyRange, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIGNED = st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50)
UNSIGNED = st.integers(0, 2**64 - 1) | st.integers(0, 50)


def table(data_bytes: int = 0) -> SourceTable:
    return SourceTable("t", data_bytes=data_bytes, columns=(SourceColumn("k", "bigint", "bigint"),), key=("k",))


def index(keys: Sequence[int]) -> Callable[[str], list[tuple[int | None]]]:
    """Answer the two questions that are asked of an index, from a sorted list."""

    def ask(statement: str) -> list[tuple[int | None]]:
        if "MIN" in statement:
            low = int(re.findall(r"> (-?\d+)", statement)[0])
            return [(next(iter(keys[bisect_right(keys, low) :]), None),)]
        low, high, rows = map(int, re.findall(r"BETWEEN (-?\d+) AND (-?\d+) .* OFFSET (\d+)", statement)[0])
        found = keys[bisect_left(keys, low) : bisect_right(keys, high)]
        return [(found[rows],)] if rows < len(found) else []

    return ask


def held(keys: Sequence[int], within: KeyRange) -> list[int]:
    return [key for key in keys if within.low <= key <= within.high]


@given(st.lists(SIGNED, min_size=1, max_size=200).map(sorted), st.integers(1, 20))
def test_chunks_follow_one_another_and_have_as_many_rows_as_allowed(keys: list[int], most: int) -> None:
    part = KeyRange(keys[0] - 3, keys[-1] + 3)
    found = list(chunks(table(), Window(part), lambda: most, index(keys)))

    assert (found[0].low, found[-1].high) == (part.low, part.high)
    assert all(one.high + 1 == other.low for one, other in pairwise(found))
    for chunk in found:
        rows = held(keys, chunk)
        assert len(rows) <= most or len(set(rows)) == 1


@given(st.lists(SIGNED | UNSIGNED, min_size=1, max_size=50), st.integers(0, 2**40), st.integers(1, 2**30))
def test_parts_hold_every_key_once_and_begin_where_they_begin_for_other_keys(
    keys: list[int], data_bytes: int, part_bytes: int
) -> None:
    parts = divided(table(data_bytes), KeyRange(min(keys), max(keys)), part_bytes)

    assert parts.bits is not None
    assert sum(len(held(keys, part)) for _, part in parts.ranges) == len(keys)
    assert all(part == KeyRange(n << parts.bits, (n + 1 << parts.bits) - 1) for n, part in parts.ranges)


@given(SIGNED, st.integers(0, 63))
def test_the_server_s_shift_of_a_negative_key_tells_its_part(key: int, bits: int) -> None:
    shifted = (key % 2**64) >> bits

    assert number(shifted, bits, unsigned=False) == key >> bits


@given(UNSIGNED, st.integers(0, 63))
def test_the_server_s_shift_of_an_unsigned_key_is_its_part(key: int, bits: int) -> None:
    assert number(key >> bits, bits, unsigned=True) == key >> bits
