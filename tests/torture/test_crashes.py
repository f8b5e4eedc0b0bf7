"""Wherever a publication is interrupted, production shows one generation, and the run can be published exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from firn import Dataset, Run
from tests.conftest import reachable_folder
from tests.torture import shop
from tests.torture.crashes import HARMS, POINTS, Machine, Scene
from tests.torture.loading import CONTRACTS, load, named, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEFT = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn_stage%'"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A server, and on it a database in which the first generation is published."""
    with reachable_folder() as folder:
        made = Machine(folder / "pg")
        made.start()
        with psycopg.connect(made.dsn, autocommit=True) as admin:
            admin.execute("CREATE DATABASE first")
        with settings(psycopg.conninfo.make_conninfo(made.dsn, dbname="first")).open() as loader:
            load(loader, Run.start(shop.DATASET), lambda _: None)
        yield made
        made.close()


@pytest.fixture
def scene(machine: Machine) -> Scene:
    with psycopg.connect(machine.dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS scene WITH (FORCE)")
        admin.execute("CREATE DATABASE scene TEMPLATE first")
    return Scene(machine, psycopg.conninfo.make_conninfo(machine.dsn, dbname="scene"), Run.start(shop.DATASET).id)


def visible(scene: Scene) -> int:
    """The one generation that every row of production and the record agree on."""
    [(recorded,)] = scene.ask(shop.GENERATION)
    for name, rows, low, high in scene.ask(shop.ALL):
        assert (rows, low, high) == (shop.ROWS[name], recorded, recorded), name
    return int(recorded)


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("point", POINTS)
def test_an_interrupted_run_is_published_exactly_once(scene: Scene, point: str, harm: Callable[[Scene], None]) -> None:
    POINTS[point](scene)
    harm(scene)
    scene.release()

    generation, code = visible(scene), scene.publisher.ended()
    assert code in (-9, 0, 75), scene.publisher.said
    assert code != 0 or generation == 2
    assert code != 75 or ("Production is unchanged" in scene.publisher.said[-1] and generation == 1), (
        scene.publisher.said
    )

    with settings(scene.dsn).open() as loader:
        load(loader, named(scene.run), lambda _: None)
        assert visible(scene) == 2
        assert scene.ask("SELECT run_id FROM firn.publication WHERE generation > 1") == [(scene.run,)]
        following = Run.start(shop.DATASET)
        loader.prepare(following, Dataset(shop.DATASET, CONTRACTS))
        loader.discard(following)
    assert scene.ask(LEFT) == []
