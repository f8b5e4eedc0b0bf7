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
