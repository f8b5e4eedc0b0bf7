"""Wherever a publication is interrupted, production shows one generation, and the run can be published exactly once."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import psycopg
import pytest

from firn import Dataset, PublishError, Run
from tests.conftest import reachable_folder
from tests.torture import shop
from tests.torture.crashes import HARMS, POINTS, Machine, Scene
from tests.torture.loading import CONTRACTS, load, named, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from firn import Strategy


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A server, and on it a database in which the first generation is published."""
    with reachable_folder() as folder:
        made = Machine(folder / "pg")
        made.start()
        with psycopg.connect(made.dsn, autocommit=True) as admin:
            admin.execute("CREATE DATABASE first")
        dsn = psycopg.conninfo.make_conninfo(made.dsn, dbname="first")
        with settings(dsn).open() as loader:
            load(loader, Run.start(shop.DATASET), lambda _: None)
        with psycopg.connect(dsn, autocommit=True) as admin:
            admin.execute(shop.SURROUNDINGS)
            admin.execute(shop.KEYS)
        yield made
        made.close()


@pytest.fixture
def scene(machine: Machine) -> Iterator[Scene]:
    with psycopg.connect(machine.dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS scene WITH (FORCE)")
        admin.execute("CREATE DATABASE scene TEMPLATE first")
    made = Scene(machine, psycopg.conninfo.make_conninfo(machine.dsn, dbname="scene"), Run.start(shop.DATASET).id)
    yield made
    made.close()


def visible(scene: Scene) -> int:
    """The one generation that every row of production and the record agree on."""
    [(recorded,)] = scene.ask(shop.GENERATION)
    for name, rows, low, high in scene.ask(shop.EVERYTHING):
        assert (rows, low, high) == (shop.ROWS[name], recorded, recorded), name
    return int(recorded)


def again(scene: Scene) -> None:
    """Publish the run under its name: as it stands, or anew where the server says that what was staged is lost."""
    run = named(scene.run)
    with settings(scene.dsn).open() as loader:
        try:
            load(loader, run, lambda _: None, scene.strategy)
        except PublishError as lost:
            # Only the staging tables of this strategy are not written to the server's log.
            if scene.strategy != "diff" or not re.search("holds 0 rows, .* Production is unchanged", lost.message):
                raise
            loader.discard(run)
            load(loader, run, lambda _: None, scene.strategy)


def leftovers_after_the_next_run(scene: Scene) -> list[str]:
    """The staging schemas that are left once another run has begun and gone."""
    following = Run.start(shop.DATASET)
    with settings(scene.dsn).open() as loader:
        loader.prepare(following, Dataset(shop.DATASET, CONTRACTS, strategy=scene.strategy))
        loader.discard(following)
    return [name for (name,) in scene.ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn_stage%'")]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize(
    ("strategy", "point"), [(strategy, point) for strategy in POINTS for point in POINTS[strategy]]
)
def test_an_interrupted_run_is_published_exactly_once(
    scene: Scene, strategy: Strategy, point: str, harm: Callable[[Scene], None]
) -> None:
    scene.strategy = strategy
    POINTS[strategy][point](scene)
    harm(scene)
    scene.release()
    said, code = scene.publisher.said[-1], scene.publisher.ended()

    # It is dead, or it is right: published, or production is as it was.
    assert code == -signal.SIGKILL or (code, visible(scene)) in {(0, 2), (75, 1)}, said
    assert code != 75 or "Production is unchanged" in said
    assert visible(scene) in {1, 2}

    again(scene)
    assert visible(scene) == 2
    assert scene.ask("SELECT run_id FROM firn.publication WHERE generation > 1") == [(scene.run,)]
    assert leftovers_after_the_next_run(scene) == []
