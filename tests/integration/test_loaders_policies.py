"""What tables hold once they are published is what their policies say, whatever publishes them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from test_postgres_servers import Lines, Orders, fresh

from firn import Dataset, LoadError, PartKey, PublishError, Run
from loaders.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import dataframely as dy
    from test_postgres_servers import Target

    from firn import Policy, Published, Strategy
    from loaders.loader import Loader

    Place = tuple[Loader, Strategy, Callable[[str], list[tuple[Any, ...]]]]

ALL: Mapping[str, Policy] = {"mine": "replace", "missing": "keep_missing", "only": "insert_only"}
CONTRACTS: Mapping[str, type[dy.Schema]] = dict.fromkeys(ALL, Orders)
FIRST = {1: "old", 2: "old", 3: "old"}
SECOND = {2: "new", 3: "old", 4: "new"}


PLACES = ["memory", "15 swap", "16 diff", "18 swap", "18 diff"]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A loader, the strategy to publish with, and a way to read what its readers see."""
    if request.param == "memory":
        memory = Memory()
        yield memory, "auto", lambda name: sorted(memory.production[name].select("id", "name").rows())
        return
    version, way = request.param.split()
    for target in fresh(version):
        with target.settings.open() as loader:
            yield loader, way, partial(seen, target)


def seen(target: Target, name: str) -> list[tuple[Any, ...]]:
    return target.query(f"SELECT id, name FROM shop.{name} ORDER BY id")  # noqa: S608


def named(names: Mapping[int, str]) -> pl.DataFrame:
    """Make orders of given names."""
    ids = pl.Series("id", list(names), dtype=pl.Int32)
    return pl.DataFrame([ids, pl.Series("name", list(names.values()), dtype=pl.String)])


def publish(loader: Loader, names: Mapping[int, str], strategy: Strategy) -> Published:
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", CONTRACTS, strategy=strategy, policies=ALL, deletes=1.0))
    for name in ALL:
        loader.stage(run, name, "", named(names))
    loader.verify(run)
    foreseen = {name: loader.foreseen(run, name, [])[0] for name in ALL}
    done = loader.publish(run)
    assert done.rows == foreseen
    return done


def test_all_three_policies_hold_in_one_publication_and_a_rollback_restores_all(place: Place) -> None:
    loader, strategy, see = place
    first = publish(loader, FIRST, strategy)
    assert first.policies == {name: {"added": 3, "kept": 0, "ignored": 0} for name in ("missing", "only")}

    second = publish(loader, SECOND, strategy)

    assert see("mine") == [(2, "new"), (3, "old"), (4, "new")]
    assert see("missing") == [(1, "old"), (2, "new"), (3, "old"), (4, "new")]
    assert see("only") == [(1, "old"), (2, "old"), (3, "old"), (4, "new")]
    assert second.policies == {
        "missing": {"added": 1, "kept": 1, "ignored": 0},
        "only": {"added": 1, "kept": 3, "ignored": 2},
    }
    assert second.rows == {"mine": 3, "missing": 4, "only": 4}
    assert loader.visible("shop").policies == second.policies  # type: ignore[union-attr]

    undone = loader.rollback("shop")

    assert undone.policies == {}
    assert {name: see(name) for name in ALL} == dict.fromkeys(ALL, sorted(FIRST.items()))
    loader.publish(Run(second.run_id, "shop", second.published_at), again=True)  # type: ignore[arg-type]
    assert see("only") == [(1, "old"), (2, "old"), (3, "old"), (4, "new")]


@pytest.mark.parametrize("place", ["memory", "18 swap", "18 diff"], indirect=True)
def test_what_policies_keep_is_told_before(place: Place) -> None:
    loader, strategy, _ = place
    publish(loader, FIRST, strategy)

    told = loader.check(Dataset("shop", CONTRACTS, strategy=strategy, policies=ALL))

    assert told["only"][1].endswith("; insert_only: rows that are there stay as they are")
    assert told["missing"][1].endswith("; keep_missing: rows whose key is not among the new ones stay")
    assert "policy" not in told["mine"][1]


@pytest.mark.parametrize("place", PLACES[:2], indirect=True)
def test_a_policy_that_a_table_cannot_have_is_refused_before_anything_is_sent(place: Place) -> None:
    loader = place[0]
    refused: dict[str, dict[str, Any]] = {
        "its contract has no key": {"contracts": {"lines": Lines}},
        "its rows belong to parts": {"parts": {"lines": PartKey("lines", "name")}},
        "the strategy merge says otherwise": {"strategy": "merge"},
    }
    for said, settings in refused.items():
        dataset = Dataset("shop", **{"contracts": {"lines": Orders}, "policies": {"lines": "insert_only"}, **settings})
        for way in (loader.check, partial(loader.prepare, Run.start("shop"))):
            with pytest.raises(PublishError, match=f'"lines" cannot have the policy insert_only: {said}') as caught:
                way(dataset)
            assert "Production is unchanged." in caught.value.message


@pytest.mark.parametrize("place", PLACES[:2], indirect=True)
def test_a_table_that_keeps_rows_takes_no_ranges_in_which_they_would_be_deleted(place: Place) -> None:
    loader, _, see = place
    dataset = Dataset("shop", {"only": Orders}, policies={"only": "keep_missing"})
    for number in (1, 2):
        run = Run.start("shop")
        loader.prepare(run, dataset)
        loader.stage(run, "only", "", named(FIRST if number == 1 else SECOND))
        if number == 1:
            loader.verify(run)
            loader.publish(run)
        else:
            with pytest.raises(LoadError, match=r'Ranges of table "only" cannot be replaced: its policy keep_missing'):
                loader.verify(run, replaced={"only": [(1, 9)]})

    assert see("only") == sorted(FIRST.items())
