"""Keys are named in ranges that hold all that is gone and nothing that is there; sums are exact whatever is added."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.replication.figures import Figures, counted, differences
from pipelines.replication.keys import absent

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = st.sets(st.integers(-50, 50))
MONEY = st.one_of(
    st.decimals(-(10**9), 10**9, places=2).map(float),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(-1e15, 1e15),
    st.sampled_from([0.1, -0.0, 1e22, 5e-324, 252252.0, 0.00005]),
)


def keys(found: set[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(sorted(found), np.int64)


@given(ours=KEYS, theirs=KEYS)
def test_ranges_hold_every_key_that_is_gone_and_none_that_is_there(ours: set[int], theirs: set[int]) -> None:
    ranges = absent(keys(ours), keys(theirs))

    held = {key for low, high in ranges for key in range(low, high + 1)}
    assert held & ours == ours - theirs
    assert not held & theirs
    assert len(ranges) <= len(theirs) + 1, "as few as can be"


def exactly(values: Sequence[float | None]) -> Decimal:
    with localcontext(prec=800):
        return sum((Decimal(repr(value)) for value in values if value is not None), Decimal(0))


@given(st.lists(st.one_of(st.none(), MONEY)), st.lists(MONEY))
def test_sums_are_those_of_the_shortest_decimals_in_any_order(some: list[float | None], more: list[float]) -> None:
    figures = Figures()
    for part in (some, more):
        found = counted(pl.DataFrame({"fee": part}, schema={"fee": pl.Float64}), ["fee"])
        figures.add(found.rows, found.sums)

    wanted = exactly([*some, *more])
    assert figures.rows == len(some) + len(more)
    assert abs(figures.sums["fee"] - wanted) <= abs(wanted) * Decimal("1e-90")


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers_do_not_overflow(values: list[int]) -> None:
    found = counted(pl.DataFrame({"n": values}, schema={"n": pl.Int64}), ["n"])

    assert found.sums["n"] == sum(values)


def test_one_cent_is_a_difference() -> None:
    source, here = Figures(2, {"fee": Decimal("10.00")}), Figures(2, {"fee": Decimal("10.01")})

    assert differences(source, here) == ["fee: 10.00 at the source, 10.01 here"]
    assert differences(source, source) == []
