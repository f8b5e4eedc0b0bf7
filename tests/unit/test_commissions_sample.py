"""A sample of the commissions has whole groups, complete chains, and no more rows than it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from benchmarks.commissions_source import generate
from firn import Run
from loaders.memory import Memory
from pipelines.commissions import Commissions, SampleLimits
from pipelines.engine.progress import Silent
from pipelines.engine.runner import Options, execute
from transforms.commissions.relations import RELATIONS, TABLES, references_resolve
from transforms.commissions.sample import sample

if TYPE_CHECKING:
    from pathlib import Path

Tables = dict[str, pl.DataFrame]
TEN = dict.fromkeys(("employer_groups", "policies", "premium_transactions", "hierarchies", "proposals"), 10)


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("commissions"), scale=0.0045).path


@pytest.fixture(scope="module")
def tables(extracts: Path) -> Tables:
    loader = Memory()
    execute(Commissions(folder=extracts), Run.start("commissions"), loader, Options(), Silent())
    return loader.production


@pytest.mark.parametrize(
    "limits", [TEN | {"brokers": 10}, TEN | {"brokers": 100, "employer_groups": 3, "policies": 40}]
)
def test_a_sample_has_whole_groups_within_its_limits_and_every_reference_resolves(
    tables: Tables, limits: dict[str, int]
) -> None:
    found = sample(tables, limits)
    assert found.keys() == tables.keys()
    assert all(found[name].height <= limit for name, limit in limits.items())
    assert references_resolve(*(found[name] for name in TABLES)).is_empty()
    groups = set(found["employer_groups"]["id"])
    assert groups
    for name in ("proposals", "policies", "hierarchies"):
        assert found[name].height == tables[name].filter(pl.col("group_id").is_in(groups)).height
    # A broker who is there because others assigned commissions to him brings no assignments of his own.
    for relation in (r for r in RELATIONS if r.owned and r.table != "commission_assignment_versions"):
        kept = found[relation.to].select(pl.col(relation.key).alias(relation.column))
        whole = tables[relation.table].join(kept, on=relation.column, how="semi")
        assert found[relation.table].height == whole.height, relation


def rows_of(tables: Tables, group: str) -> dict[str, int]:
    """Count what belongs to a group, with none of the code that follows references."""
    policies = tables["policies"].filter(group_id=group)
    billed = tables["premium_transactions"].filter(pl.col("certificate").is_in(policies["certificate"].implode()))
    own = {name: tables[name].filter(group_id=group).height for name in ("proposals", "hierarchies")}
    return {"employer_groups": 1, "policies": policies.height, "premium_transactions": billed.height} | own


def in_order_of_hash(groups: pl.Series) -> list[str]:
    """Sort the ids of groups by their hashes, told again in whole numbers."""
    return sorted(groups, key=lambda group: (hashed(group.encode()), group))


def hashed(text: bytes) -> int:
    state = mixed(len(text) + 0x9E3779B97F4A7C15)
    for at in range(0, len(text), 8):
        state = mixed(state ^ int.from_bytes(text[at : at + 8], "little"))
    return state & (2**63 - 1)


def mixed(state: int) -> int:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> shift)) * factor % 2**64
    return state ^ (state >> 31)


@pytest.mark.parametrize("limits", [TEN, TEN | {"policies": 300, "hierarchies": 200, "premium_transactions": 400}])
def test_groups_are_taken_in_the_order_of_their_hashes_and_one_that_would_exceed_a_limit_is_skipped(
    tables: Tables, limits: dict[str, int]
) -> None:
    left, chosen, skipped = dict(limits), list[str](), list[str]()
    order = in_order_of_hash(tables["employer_groups"]["id"])
    for group in order:
        rows = rows_of(tables, group)
        fits = all(count <= left[name] for name, count in rows.items())
        (chosen if fits else skipped).append(group)
        left = {name: room - fits * rows[name] for name, room in left.items()}
    found = sample(tables, limits | {"brokers": 100_000})["employer_groups"]["id"]
    assert set(found) == set(chosen)
    assert order.index(skipped[0]) < order.index(chosen[-1])
    assert order != sorted(order)


def test_the_same_groups_are_chosen_whatever_the_order_of_the_rows(tables: Tables) -> None:
    limits = TEN | {"brokers": 20}
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=1) for name, frame in tables.items()}
    first, second = sample(tables, limits), sample(shuffled, limits)
    assert all(first[name].sort(pl.all()).equals(second[name].sort(pl.all())) for name in first)


def test_a_run_stages_its_sample_and_publishes_nothing(extracts: Path) -> None:
    loader, limits = Memory(), SampleLimits(groups=2)
    pipeline = Commissions(folder=extracts, sample=limits)
    report = execute(pipeline, Run.start("commissions"), loader, Options(sample=True), Silent())
    assert report.status == "sample"
    assert 0 < report.tables["employer_groups"] <= 2
    assert report.tables["policies"] <= 1000
    assert not loader.production
