"""Days of a clinic, and what real clinics do besides, replicated by the real command line and judged value by value."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.clinic_days import AUDIT, BUSY, DAYS, kept, live
from benchmarks.clinic_judge import judge
from benchmarks.clinic_schema import tables
from benchmarks.clinic_source import fill
from tests.mariadb import READER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Installation
    from tests.mariadb import MariaDB

SCALE = 0.0005
"""Five of the tables have some hundred rows: with chunks of 20 KB that is several of each."""
LOOKED_BACK = "paysplit"
UNTOUCHED = ("task", "tempimageconv2", "tmppatient", "zipcode")


class Clinic:
    """A generated source, and an installation of firn that replicates it."""

    def __init__(self, source: MariaDB, installation: Installation) -> None:
        self.source, self.firn = source, installation
        fill(source, SCALE, only=[*BUSY, *UNTOUCHED])
        self.settle()
        installation.json("discover", "clinic")

    def settle(self, own: Mapping[str, Mapping[str, object]] | None = None, **more: object) -> None:
        """State the settings; small tables are read by the strategies that discovery states for large ones."""
        place = {"host": "127.0.0.1", "port": self.source.port, "user": READER, "database": self.source.database}
        lines = ["[clinic]", *stated({"overlap_s": 0.0, **more})]
        lines += ["[clinic.source]", *stated({**place, "tls": "disabled", "chunk_mb": 0.02})]
        for name in set(BUSY) - set(AUDIT):
            settings = {**strategy(name), **(own or {}).get(name, {})}
            lines += [f"[clinic.tables.{name}]", *stated(settings)]
        (self.firn.folder / "firn.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def run(self, *options: str, code: int = 0) -> dict[str, Any]:
        """Run once the source's clock has gone on so far that it stamps the next write differently."""
        time.sleep(2.1)
        return self.firn.json("run", "clinic", *options, code=code)

    def judged(self, *but: str) -> list[str]:
        """Name every table of the source that production does not show exactly, with what differs."""
        names = [name for (name,) in self.source.query("SHOW TABLES") if name not in but]
        purged = kept(self.source)
        verdicts = [judge(self.source, self.firn.dsn, "public", name, purged=purged) for name in names]
        return [str(verdict) for verdict in verdicts if not verdict.exact]


def strategy(name: str) -> dict[str, object]:
    stamp = tables()[name].stamp
    found: dict[str, object] = (
        {"strategy": "incremental", "incremental_column": stamp} if stamp else {"strategy": "compare"}
    )
    return {**found, "business_date": "DatePay", "lookback_days": 40_000} if name == LOOKED_BACK else found


def stated(settings: Mapping[str, object]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in settings.items()]


@pytest.fixture
def clinic(mariadb: MariaDB, installation: Installation) -> Iterator[Clinic]:
    yield Clinic(mariadb, installation)
    mariadb.execute(f"DROP DATABASE IF EXISTS `{kept(mariadb).name}`")


def test_three_days_arrive_exactly_one_after_the_other(clinic: Clinic) -> None:
    assert clinic.run()["generation"] == 1
    assert clinic.judged() == []

    for number in DAYS:
        day = live(clinic.source, number)
        if day.schema:
            clinic.firn.json("discover", "clinic")
        if number == max(DAYS):
            time.sleep(2.1)  # so that the stamps of the last writes are ones that prove something

        report = clinic.run()

        assert (report["status"], report["failed"]) == ("published", []), report
        assert clinic.judged() == [], number
        told = [f"{name}: the source has purged {len(keys):,} rows" for name, keys in day.purged.items()]
        assert [note for note in report["notes"] if "purged" in note] == [f"{t}, which production keeps" for t in told]
    assert clinic.run()["status"] == "unchanged"


AWKWARD = (
    # A row deleted and brought back under its key, as it was long ago.
    "CREATE TABLE kept LIKE procedurelog",
    "INSERT INTO kept SELECT * FROM procedurelog WHERE ProcNum % 90 = 1",
    "UPDATE kept SET OldCode = 'back', DateTStamp = '2001-02-03 04:05:06'",
    "DELETE FROM procedurelog WHERE ProcNum % 90 = 1",
    "INSERT INTO procedurelog SELECT * FROM kept",
    "DROP TABLE kept",
    # Keys changed, the stamp not.
    (
        "UPDATE claimproc SET ClaimProcNum = ClaimProcNum + 1000000, SecDateTEdit = SecDateTEdit "
        "ORDER BY ClaimProcNum LIMIT 3"
    ),
    # A table made anew with other rows under the same keys and stamps.
    "CREATE TABLE anew LIKE claim",
    "INSERT INTO anew SELECT * FROM claim",
    "UPDATE anew SET PreAuthString = 'anew', SecDateTEdit = SecDateTEdit",
    "DROP TABLE claim",
    "RENAME TABLE anew TO claim",
    # Edited by hand, the stamp not moved: only the business date tells.
    "UPDATE paysplit SET SecurityHash = 'by hand', SecDateTEdit = SecDateTEdit WHERE SplitNum % 100 = 1",
    # Stamps that no calendar has, and that are yet to come.
    "UPDATE document SET Description = 'unstamped', DateTStamp = '0000-00-00' WHERE DocNum % 30 = 1",
    "UPDATE payment SET CheckNum = 'early', SecDateTEdit = '2037-01-01' ORDER BY PayNum LIMIT 1",
    "INSERT INTO securitylog (SecurityLogNum, LogDateTime) VALUES (5000010, '2026-01-01')",
)
AFTERWARDS = (
    "UPDATE document SET Description = 'still unstamped', DateTStamp = DateTStamp WHERE DateTStamp = 0",
    "UPDATE payment SET CheckNum = 'today' ORDER BY PayNum DESC LIMIT 2",
    # Numbered before the last one that was read, and committed after it.
    "INSERT INTO securitylog (SecurityLogNum, LogDateTime) VALUES (5000005, '2026-01-01')",
    "DELETE FROM sheetfield WHERE SheetFieldNum % 3 = 0",
)


def test_what_stamps_do_not_tell_arrives_too(clinic: Clinic) -> None:
    clinic.run()
    clinic.source.execute(*AWKWARD)

    report = clinic.run()

    assert report["failed"] == []
    assert report["figures"]["tables read, incremental"] >= 5
    assert clinic.judged() == []
    clinic.source.execute(*AFTERWARDS)
    clinic.run("--exclude", "payment")
    assert clinic.judged("payment") == []
    assert [verdict.partition(":")[0] for verdict in clinic.judged()] == ["payment"]
    clinic.firn.json("rollback", "clinic")
    clinic.run()
    assert clinic.judged() == []
