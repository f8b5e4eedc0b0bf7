"""A merge deletes where a run says which ranges of the key it replaces, and nowhere else."""

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_postgres_changes import oldest
from test_postgres_servers import CONTRACTS, Target, fresh, newest, orders

from firn import Dataset, LoadError, PublishError, Run
from loaders import ranges
from loaders.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from firn import Published, Strategy
    from loaders.loader import Loader

    Rows = Mapping[tuple[int, str], int | None]

__all__ = ["newest", "oldest"]

_EDITS = 10


class Visits(dy.Schema):
    """A table whose key has two columns."""

    patient = dy.Int32(primary_key=True)
    kind = dy.String(primary_key=True)
    fee = dy.Int64(nullable=True)


class Huge(dy.Schema):
    """A table with keys beyond 64 bits."""

    id = dy.Decimal(20, 0, primary_key=True)


def visits(rows: Rows) -> pl.DataFrame:
    listed = [(patient, kind, fee) for (patient, kind), fee in rows.items()]
    return pl.DataFrame(listed, schema={"patient": pl.Int32, "kind": pl.String, "fee": pl.Int64}, orient="row")


def merge(
    loader: Loader,
    name: str,
    contract: type[dy.Schema],
    frame: pl.DataFrame,
    replaced: Sequence[ranges.Range] = (),
    **settings: Any,  # noqa: ANN401 (those of a dataset)
) -> Published:
    run = Run.start("clinic")
    loader.prepare(run, Dataset("clinic", {name: contract}, **{"strategy": "merge", "deletes": 1.0, **settings}))
    loader.stage(run, name, "", frame)
    loader.verify(run, replaced={name: replaced} if replaced else {})
    return loader.publish(run)


@pytest.fixture(params=["memory", "15", "18"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Loader, Callable[[], set[Any]]]]:
    """A loader, and what it shows of the visits."""
    if request.param == "memory":
        memory = Memory(keep=9)
        yield memory, lambda: set(memory.production["visits"].rows())
        return
    for target in fresh(request.param):
        with target.with_settings(keep_generations=99).open() as loader:
            yield loader, partial(seen, target)


def seen(target: Target) -> set[Any]:
    return set(target.query("SELECT patient, kind, fee FROM shop.visits"))


def edited(source: dict[tuple[int, str], int | None], chance: random.Random) -> list[ranges.Range]:
    """Change a source as people do, and return ranges that cover every change."""
    covering: list[ranges.Range] = []
    for _ in range(chance.randrange(_EDITS)):
        patient, kind = chance.randrange(-20, 60), chance.choice("abc")
        if chance.random() < 0.5:
            source.pop((patient, kind), None)
        else:
            source[patient, kind] = chance.choice([None, 1, 2, 3])
        covering.append((patient - chance.randrange(4), patient + chance.randrange(4)))
    return covering


@pytest.mark.parametrize("seed", range(3))
def test_any_edits_of_a_source_arrive_through_the_ranges_that_cover_them(
    place: tuple[Loader, Callable[[], set[Any]]], seed: int
) -> None:
    (loader, shown), chance = place, random.Random(seed)  # noqa: S311 (edits are no secret)
    source: dict[tuple[int, str], int | None] = {(i, "a"): i for i in range(40)}
    merge(loader, "visits", Visits, visits(source))
    was = {1: shown()}
    for generation in range(2, 9):
        covering = edited(source, chance)
        read = {key: fee for key, fee in source.items() if any(low <= key[0] <= high for low, high in covering)}

        merge(loader, "visits", Visits, visits(read), covering)

        was[generation] = shown()
        assert was[generation] == {(*key, fee) for key, fee in source.items()}
    for generation in (5, 2, 7, 1):
        loader.rollback("clinic", generation)
        assert shown() == was[generation]


def test_rows_outside_the_ranges_stay_and_without_ranges_all_do(oldest: Target) -> None:
    with oldest.settings.open() as loader:
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=9))

        assert merge(loader, "orders", CONTRACTS["orders"], orders(rows=2)).changes["orders"]["deleted"] == 0
        done = merge(loader, "orders", CONTRACTS["orders"], orders(rows=2), [(7, 8), (2, 3), (8, 8)])

    assert done.changes == {"orders": {"inserted": 0, "updated": 0, "deleted": 3}}
    assert oldest.query("SELECT id FROM shop.orders ORDER BY 1") == [(1,), (2,), (4,), (5,), (6,), (9,)]


def test_ranges_are_of_one_publication_and_are_not_kept(oldest: Target) -> None:
    with oldest.settings.open() as loader:
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=9))
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=2), [(3, 3)])
        assert oldest.query("SELECT tables->'orders' ? 'replaced' FROM firn.publication") == [(False,), (False,)]

        merge(loader, "orders", CONTRACTS["orders"], orders(rows=3))
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=2))

    assert oldest.query("SELECT count(*) FROM shop.orders") == [(9,)]


def test_deletions_beyond_the_share_of_their_table_are_refused_and_allowed_by_its_name(oldest: Target) -> None:
    with oldest.settings.open() as loader:
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=10))
        for share in (0.5, {"other": 1.0}):
            with pytest.raises(PublishError, match='8 of the 10 rows of table "orders" would be deleted; at most 50%'):
                merge(loader, "orders", CONTRACTS["orders"], orders(rows=2), [(1, 10)], deletes=share)
        assert oldest.query("SELECT count(*) FROM shop.orders") == [(10,)]

        merge(loader, "orders", CONTRACTS["orders"], orders(rows=2), [(1, 10)], deletes={"orders": 0.8})

    assert oldest.query("SELECT count(*) FROM shop.orders") == [(2,)]


def test_keys_and_ranges_beyond_64_bits_are_whole_numbers_like_any_other(oldest: Target) -> None:
    def huge(*ids: int) -> pl.DataFrame:
        return pl.DataFrame({"id": [str(i) for i in ids]}).cast(pl.Decimal(20, 0))

    with oldest.settings.open() as loader:
        merge(loader, "huge", Huge, huge(1, 2**64 - 2, 2**64 - 1))
        merge(loader, "huge", Huge, huge(2**64 - 2), [(2**63, 2**64 - 1)])
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=3))
        merge(loader, "orders", CONTRACTS["orders"], orders(rows=1), [(-(2**70), 2), (2**65, 2**66)])

    assert oldest.query("SELECT id::text FROM shop.huge ORDER BY id") == [("1",), (str(2**64 - 2),)]
    assert oldest.query("SELECT id FROM shop.orders ORDER BY id") == [(1,), (3,)]


@pytest.mark.parametrize(
    ("replaced", "strategy", "said"),
    [
        ({"orders": [(1, 2)]}, "diff", "its strategy is diff, not merge"),
        ({"others": [(1, 2)]}, "merge", "the run does not publish it"),
        ({"orders": [(1, 2), (5, 4)]}, "merge", "5 to 4 ends before it begins"),
        ({"names": [(1, 2)]}, "merge", 'its first key column "name" is String, not a whole number'),
    ],
)
@pytest.mark.parametrize("kind", ["memory", "15"])
def test_ranges_that_mean_nothing_are_refused(
    kind: str, replaced: Mapping[str, Any], strategy: Strategy, said: str
) -> None:
    class Names(dy.Schema):
        name = dy.String(primary_key=True)

    def refused(loader: Loader) -> None:
        run = Run.start("clinic")
        contracts = {"orders": CONTRACTS["orders"], "names": Names}
        loader.prepare(run, Dataset("clinic", contracts, strategy=strategy))
        with pytest.raises(LoadError, match=said) as caught:
            loader.verify(run, replaced=replaced)
        assert "Production is unchanged" in caught.value.message

    if kind == "memory":
        refused(Memory())
    for target in fresh(kind) if kind != "memory" else ():
        with target.settings.open() as loader:
            refused(loader)


def test_thousands_of_ranges_are_replaced_at_once(newest: Target) -> None:
    many = [(i, i + 2) for i in range(1, 200_000, 50)]
    frame = orders(rows=200_000)
    with newest.settings.open() as loader:
        merge(loader, "orders", CONTRACTS["orders"], frame)

        done = merge(loader, "orders", CONTRACTS["orders"], frame.filter((pl.col("id") - 1) % 50 == 0), many)

    assert done.changes["orders"] == {"inserted": 0, "updated": 0, "deleted": 8_000}


@given(st.lists(st.tuples(st.integers(-30, 30), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1]))))
def test_joined_ranges_hold_the_same_values_and_never_touch(found: list[ranges.Range]) -> None:
    joined = ranges.joined(found)

    assert {i for low, high in joined for i in range(low, high + 1)} == {
        i for low, high in found for i in range(low, high + 1)
    }
    assert all(left[1] + 1 < right[0] for left, right in pairwise(joined))
