"""What discovery decides of the 446 tables of the clinic is the same where a real server declares them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.clinic_schema import tables
from pipelines.replication.discovery import discover
from tests.clinic_catalogue import clinic

if TYPE_CHECKING:
    from benchmarks.clinic_schema import Engine
    from tests.mariadb import MariaDB


def selects(mariadb: MariaDB) -> int:
    """How many queries the server has answered, by its own count."""
    return int(mariadb.query("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])


@pytest.mark.parametrize("engine", ["MyISAM", "InnoDB"])
def test_a_servers_own_spelling_of_types_defaults_and_stamps_leads_to_the_same_catalogue(
    mariadb: MariaDB, engine: Engine
) -> None:
    mariadb.execute(*(table.create(engine) for table in tables().values()))
    expected, before = clinic(), selects(mariadb)

    found = mariadb.source().catalogue()

    assert selects(mariadb) - before == 5, "twice the server's version, then tables, columns and keys of all 446"
    figures = ("engine", "rows", "row_bytes", "data_bytes", "index_bytes", "auto_increment")
    filled = [
        replace(table, **{figure: getattr(expected[table.name], figure) for figure in figures}) for table in found
    ]
    assert discover("practice", filled) == discover("practice", list(expected.values()))
    assert {table.engine for table in found} == {engine}
