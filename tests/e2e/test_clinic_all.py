"""All 446 tables of the clinic, of which 219 are empty, appear at once, each with its columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import yaml

from benchmarks.clinic_judge import judge
from benchmarks.clinic_schema import tables
from benchmarks.clinic_source import fill
from tests.mariadb import READER

if TYPE_CHECKING:
    from benchmarks.clinic_schema import Engine
    from tests.conftest import Installation
    from tests.mariadb import MariaDB

SCALE = 0.0001
ENGINE = cast("Engine", os.environ.get("CLINIC_ENGINE", "MyISAM"))
ENGINES = "SELECT ENGINE, count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() GROUP BY ENGINE"
COLUMNS = "SELECT count(*), count(DISTINCT table_name) FROM information_schema.columns WHERE table_schema = 'public'"


def test_every_table_is_published_in_one_transaction(mariadb: MariaDB, installation: Installation) -> None:
    rows = fill(mariadb, SCALE, engine=ENGINE)
    assert mariadb.query(ENGINES) == [(ENGINE, 446)]
    (installation.folder / "firn.toml").write_text(
        f'[clinic.source]\nhost = "127.0.0.1"\nport = {mariadb.port}\nuser = "{READER}"\ntls = "disabled"\n'
        f'database = "{mariadb.database}"\n',
        encoding="utf-8",
    )
    installation.json("discover", "clinic")
    known = yaml.safe_load((installation.folder / "tables.yaml").read_text(encoding="utf-8"))["tables"]

    plan = installation.json("run", "clinic", "--dry-run")
    report = installation.json("run", "clinic")

    assert (report["status"], report["generation"], report["parts"]) == ("published", 1, 446), report["error"]
    assert report["strategies"] == dict.fromkeys(tables(), "swap")
    tiers = {tier: sum(one["tier"] == tier for one in known.values()) for tier in {t["tier"] for t in plan["tables"]}}
    assert {tier: report["figures"][f"tables of tier, {tier}"] for tier in tiers} == tiers
    assert [one["group"] for one in plan["tables"]] == sorted(one["group"] for one in plan["tables"])
    assert report["tables"] == rows
    assert sum(not count for count in rows.values()) == 219
    assert installation.query(COLUMNS) == [(sum(len(table.columns) for table in tables().values()), 446)]
    for name in ("patient", "procedurelog", "document", "tmppatient"):
        verdict = judge(mariadb, installation.dsn, "public", name)
        assert (verdict.rows, verdict.missing, verdict.extra, verdict.changed) == (rows[name], 0, 0, 0), verdict
    assert installation.firn("report").stdout.count("\n") < 60
    again = installation.json("run", "clinic")["status"]
    assert again == "unchanged" or ENGINE == "InnoDB"  # which may have forgotten when tables were written
