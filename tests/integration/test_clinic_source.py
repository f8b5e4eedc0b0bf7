"""The clinic's source is filled with what was drawn, in every table and in both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.clinic_schema import Engine, tables
from benchmarks.clinic_source import fill
from benchmarks.clinic_values import ALL_DIRT, frame
from benchmarks.mariadb import Database, make_database

HELD = """
SELECT CAST(ProcNum AS CHAR), CAST(ProcDate AS CHAR), CAST(DateTStamp AS CHAR), CAST(ProcTime AS CHAR), BillingNote,
       ProcFee
FROM procedurelog ORDER BY procedurelog.ProcNum
"""


@pytest.fixture
def clinic(mariadb_port: int) -> Iterator[Database]:
    with make_database(mariadb_port) as made:
        yield made


def test_all_tables_are_filled_and_219_are_empty(clinic: Database) -> None:
    rows = fill(clinic, 0.001, dirt=ALL_DIRT)
    said = clinic.query("SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = database()")
    assert dict(said) == rows
    assert list(rows.values()).count(0) == 219
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = database()"
    assert clinic.query(columns) == [(4735,)]


@pytest.mark.parametrize("engine", ["MyISAM", "InnoDB"])
def test_the_server_holds_the_values_that_were_drawn(clinic: Database, engine: Engine) -> None:
    fill(clinic, 0.002, only=["procedurelog", "files"], engine=engine, dirt=ALL_DIRT)
    rows = frame(tables()["procedurelog"], 0.002, dirt=ALL_DIRT)
    held = clinic.query(HELD)
    drawn = rows.select("ProcNum", "ProcDate", "DateTStamp", "ProcTime", "BillingNote", "ProcFee").rows()
    assert [row[:5] for row in held] == [tuple(map(str, row[:5])) for row in drawn]
    assert [row[5] for row in held] == [row[5] for row in drawn]
    assert clinic.query("SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = database()") == [
        (engine,)
    ]


def test_a_private_server_has_temporary_tables_of_its_own(clinic: Database) -> None:
    ((temporary, data),) = clinic.query("SELECT @@tmpdir, @@datadir")
    assert Path(temporary).parent == Path(data).parent, "a server that starts empties the folder that all share"
