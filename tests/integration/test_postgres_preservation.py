"""Nothing that a production table carries is lost: not in three publications, and not in a rollback."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import carried
import psycopg
import pytest
from pydantic import SecretStr
from test_postgres_rich import ALL, CONTRACTS, Rich, frames, make
from test_postgres_servers import VERSIONS

from firn import Dataset, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loaders.postgres import Postgres
    from loaders.postgres_loader import PostgresLoader

ROWS = dict.fromkeys(CONTRACTS, "diff") | {"loose": "rewrite"}


@dataclass(frozen=True)
class Case:
    """How the tables are published, by whom, and which parts of the rich schema that can carry."""

    strategy: str | Mapping[str, str]
    role: str
    parts: Sequence[str]


CASES = {
    "swap by a superuser": Case("swap", "firn", ("roles", "tables", "dependents", "forced", "others")),
    "swap by the owner": Case("swap", "keeper", ("roles", "tables", "dependents", "forced")),
    "rows by a superuser": Case(ROWS, "firn", ALL),
    "rows by the owner": Case(ROWS, "keeper", ("roles", "tables", "dependents", "inbound", "bound")),
}

# What each part of the rich schema shows of the newest generation, through every view and every function.
SHOWN = {
    "dependents": (
        "max(name) FROM app.customers",
        "max(name) FROM app.nested",
        "name FROM app.nested_twice",
        """max("Title of it") FROM shop."Beside; the tables" """,
        "max(name) FROM app.barrier",
        "max(label) FROM app.barrier_off WHERE label < 'h'",
        "max(name) FROM app.invoker",
        "max(name) FROM app.checked",
        "max(name) FROM app.checked_twice",
        "max(label) FROM app.checked_itself",
        "max(name) FROM app.grouped",
        """max("Mixed Case") FROM app.recursive""",
        "max(name) FROM app.elsewhere",
        "(SELECT label FROM app.loose WHERE batch = 'a')",
        "max(name) FROM app.of_functions",
        "app.by_text()",
        "app.by_definer()",
        "app.by_rowtype()",
        "app.by_parsed()",
        "max(label) FROM app.rows_parsed()",
        "app.parsed_twice()",
    ),
    "others": (
        "max(name) FROM app.of_clerk",
        "max(name) FROM app.of_clerk_invoker",
        "app.parsed_by_clerk()",
        "max(name) FROM app.of_reader",
    ),
    "bound": (
        "lower(max(app.title(c))) FROM shop.customer c",
        """max("Mixed Case") FROM app.all_orders()""",
        "max((customer).name) FROM app.whole_row",
    ),
}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def rich(version: str, case: Case) -> Iterator[Rich]:
    yield from make(version, case.parts)


def settings(rich: Rich, role: str) -> Postgres:
    """Settings that act as a role."""
    dsn = psycopg.conninfo.make_conninfo(rich.target.dsn, options=f"-c role={role}")
    return rich.target.with_settings(dsn=SecretStr(dsn))


def publish(loader: PostgresLoader, strategy: str | Mapping[str, str], generation: int) -> None:
    """Publish the rows of a generation."""
    run = Run.start("shop")
    loader.prepare(run, Dataset("shop", CONTRACTS, strategy=strategy))  # type: ignore[arg-type]
    for name, frame in frames(generation).items():
        loader.stage(run, name, "", frame)
    loader.verify(run)
    loader.publish(run)


def check(rich: Rich, parts: Sequence[str], before: carried.Picture, generation: int) -> None:
    """Compare what is carried with what was, and the rows with those of the generation."""
    assert carried.losses(before, rich.picture()) == {}
    for name, frame in frames(generation).items():
        columns = ", ".join(f'"{column.replace(chr(34), chr(34) * 2)}"' for column in frame.columns)
        found = rich.target.query(f'SELECT {columns} FROM shop."{name}"')  # noqa: S608
        assert sorted(map(str, found)) == sorted(map(str, frame.rows())), name
    shown = [query for part in parts for query in SHOWN.get(part, ())]
    assert [query for query in shown if rich.target.query(f"SELECT {query}") != [(f"generation {generation}",)]] == []


def test_three_publications_and_a_rollback_lose_nothing(rich: Rich, case: Case) -> None:
    tried, counted = carried.tried(rich.target.dsn), carried.counted(rich.target.dsn)
    before = rich.picture()

    with settings(rich, case.role).open() as loader:
        for generation in (2, 1, 3):
            publish(loader, case.strategy, generation)
            check(rich, case.parts, before, generation)
        loader.rollback("shop")

    check(rich, case.parts, before, 1)
    assert carried.tried(rich.target.dsn) == tried
    assert carried.breaks(counted, carried.counted(rich.target.dsn)) == {}


OTHERS_VALUES = (
    "SELECT id, mood, moods, tag, more, numbers, spot::text, said::text, internet, secret FROM shop.customer"
)


def test_columns_that_are_not_firns_keep_their_values_in_every_row_that_stays() -> None:
    with contextmanager(make)(VERSIONS[-1], ("roles", "tables", "dependents", "bound")) as rich:
        rich.target.query(
            "UPDATE shop.customer SET mood = 'so so', moods = '{fine}', tag = 'ours', more = '{}', numbers = ARRAY[id],"
            " spot = point(id, id), said = '{\"a\":  1}', internet = '10.0.0.1', secret = id::text"
        )
        before = {row[0]: row for row in rich.target.query(OTHERS_VALUES)}
        with settings(rich, "keeper").open() as loader:
            publish(loader, ROWS, 2)  # takes customer 6 away, and brings customer 7
            after = {row[0]: row for row in rich.target.query(OTHERS_VALUES)}
            loader.rollback("shop")

        assert after.pop(7)[1:6] == ("fine", None, "x", {"a": [1]}, [1, 2])
        stayed = {id_: row for id_, row in before.items() if id_ != 6}
        assert after == stayed
        assert {row[0]: row for row in rich.target.query(OTHERS_VALUES) if row[0] != 6} == stayed
