"""A table is read as it is: again where it is written meanwhile or the source is away, and in the end not at all."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pymysql
import pytest

from firn import ContractError, SourceUnavailable
from pipelines.engine.progress import Silent
from pipelines.engine.retries import Retries, Retry
from pipelines.replication.catalogue import Entry, Monitoring
from pipelines.replication.decisions import Decision, Planned
from pipelines.replication.overrides import POLICIES, Effective
from pipelines.replication.passes import Means
from pipelines.replication.reading import Outcome, Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.mysql.values import Rows
    from tests.mariadb import MariaDB

ROWS = 500
ENTRY = Entry(
    rows=ROWS,
    size_mb=1,
    engine="MyISAM",
    key=("id",),
    tier="critical",
    tier_reason="",
    strategy="full",
    strategy_reason="",
    incremental_column=None,
    batch_rows=100,
    priority=1,
    money=("fee",),
    monitoring=Monitoring(alert=False, max_minutes=1, quality_threshold=0.99),
    columns={},
)


class Staging(dict[str, pl.DataFrame]):
    """Where rows go: parts by name; something may happen whenever one arrives."""

    def __init__(self, happens: Callable[[int], object]) -> None:
        super().__init__()
        self.happens, self.arrived = happens, 0

    def __call__(self, table: str, part: str, frame: pl.DataFrame) -> None:
        assert table == "visit"
        self[part] = frame
        self.arrived += 1
        self.happens(self.arrived)

    def rows(self) -> int:
        return sum(frame.height for frame in self.values())


@pytest.fixture
def visits(mariadb: MariaDB) -> MariaDB:
    mariadb.execute(
        "CREATE TABLE visit (id bigint PRIMARY KEY, note varchar(200), fee double) ENGINE=MyISAM",
        f"INSERT INTO visit SELECT seq, repeat('x', 200), seq * 0.1 FROM seq_1_to_{ROWS}",  # noqa: S608
    )
    return mariadb


def read(
    source: MariaDB,
    staging: Staging,
    cancelled: Callable[[str], bool] = lambda _: False,
    losing: Callable[[Rows], Rows] | None = None,
) -> Outcome:
    with source.source().open() as database, ThreadPoolExecutor(2) as chunks:
        (table,) = database.tables()
        mark = database.marks(["visit"])["visit"]
        settled = Effective(ENTRY, POLICIES["critical"])
        planned = Planned("visit", settled, database.declared(table), mark, None, Decision("full", ""))
        if losing:
            whole = database.read
            database.read = lambda *arguments: losing(whole(*arguments))  # type: ignore[method-assign]
        means = Means(
            database, chunks, staging, lambda _: np.empty(0, np.int64), cancelled, 20_000, dt.timedelta(0), 30
        )
        return Reader(means, "run", 3, Retries(Retry(first_delay_s=0), Silent())).read(planned)


def written(source: MariaDB, arrivals: Callable[[int], bool]) -> Callable[[int], object]:
    """Delete the row of the highest key whenever a part arrives whose number is one of these."""
    delete = "DELETE FROM visit ORDER BY id DESC LIMIT 1"
    return lambda arrived: source.execute(delete) if arrivals(arrived) else None


def test_a_table_that_nobody_writes_is_read_once_in_several_parts(visits: MariaDB) -> None:
    staging = Staging(lambda _: None)

    outcome = read(visits, staging)

    assert (outcome.error, outcome.consistency, outcome.rows) == (None, "exact", ROWS)
    assert len(staging) > 2
    assert staging.rows() == ROWS


def test_a_table_that_is_written_while_it_is_read_is_read_again(visits: MariaDB) -> None:
    staging = Staging(written(visits, lambda arrived: arrived == 1))

    outcome = read(visits, staging)

    assert (outcome.error, outcome.consistency) == (None, "re-read 1")
    assert staging.rows() == outcome.rows == ROWS - 1


def test_a_table_that_is_written_each_time_is_not_published(visits: MariaDB) -> None:
    outcome = read(visits, Staging(written(visits, lambda _: True)))

    assert isinstance(outcome.error, ContractError)
    assert 'Table "visit" was written each time that it was read' in outcome.error.message
    assert "--lock" in outcome.error.hint


def test_rows_that_are_lost_on_the_way_are_noticed_by_the_sources_own_figures(visits: MariaDB) -> None:
    """Without the comparison the outcome would have no error: the staged rows alone look well."""
    outcome = read(
        visits,
        Staging(lambda _: None),
        losing=lambda rows: type(rows)(rows.frame.filter(pl.col("id") != 7), rows.counted, rows.quarantined),
    )

    assert outcome.error is not None
    assert f"{ROWS} rows at the source, {ROWS - 1} here" in outcome.error.message
    assert "fee: " in outcome.error.message


def test_a_source_that_is_away_for_a_moment_is_asked_again(visits: MariaDB) -> None:
    def kill(arrived: int) -> None:
        if arrived == 1:
            for (number,) in visits.query("SELECT id FROM information_schema.processlist WHERE user = 'reader'"):
                with suppress(pymysql.OperationalError):  # one that has just ended by itself
                    visits.execute(f"KILL {number}")

    staging = Staging(kill)

    outcome = read(visits, staging)

    assert (outcome.error, outcome.rows, staging.rows()) == (None, ROWS, ROWS)


def test_a_table_that_is_not_to_be_read_to_its_end_is_left(visits: MariaDB) -> None:
    outcome = read(visits, Staging(lambda _: None), cancelled=lambda _: True)

    assert outcome.cancelled
    assert not isinstance(outcome.error, SourceUnavailable)
