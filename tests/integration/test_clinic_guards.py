"""What each guard of a replication is for: taken away, rows are lost and nobody is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from firn import ContractError, FirnError, LoadError
from pipelines.replication import archive, passes, run
from tests.practice import Practice, practice

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def clinic(
    mariadb_port: int, server_home: tuple[object, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    with practice(mariadb_port, server_home[1], tmp_path_factory.mktemp("guards")) as made:
        made.source.execute(
            "ALTER TABLE patient ENGINE=InnoDB", "SET timestamp = 1750000000", "UPDATE patient SET LName = 'early'"
        )
        assert made.run().status == "published"
        yield made


@pytest.mark.parametrize("is_guarded", [False, True], ids=["without the guard", "guarded"])
def test_what_was_stamped_before_the_watermark_and_committed_after_it_is_found_by_comparing_stamps(
    clinic: Practice, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """No row more, no row less: only the stamps of all rows tell."""
    if not is_guarded:
        monkeypatch.setattr(passes, "stale", lambda *_: np.empty(0, np.int64))
    with clinic.source.connected() as late, late.cursor() as cursor:
        cursor.execute("SET timestamp = %s", [1750000100 + 1000 * is_guarded])
        cursor.execute("UPDATE patient SET LName = concat(LName, ', late') WHERE PatNum = 5")
        clinic.source.execute(
            f"SET timestamp = {1750000200 + 1000 * is_guarded}",
            "UPDATE patient SET LName = concat(LName, ', soon') WHERE PatNum = 6",
        )
        assert clinic.run().failed == []
        assert clinic.differing() == []
        late.commit()

    report = clinic.run()

    assert (report.status in {"published", "unchanged"}, report.failed) == (True, [])
    assert report.figures["tables read, incremental"] == 1
    assert (clinic.differing() == []) is is_guarded
    monkeypatch.undo()
    clinic.run(full_refresh=True)  # what was lost stays lost: the server proves that nobody wrote since
    assert clinic.differing() == []


@pytest.mark.parametrize("full", [False, True], ids=["appended to", "read whole"])
def test_an_audit_table_that_was_emptied_and_numbers_its_rows_anew_is_refused_and_keeps_its_rows(
    clinic: Practice, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    texts = 'SELECT "LogText" FROM securitylog ORDER BY "SecurityLogNum"'
    before = clinic.ask(texts)
    clinic.source.execute(
        "CREATE TABLE kept LIKE securitylog",
        "INSERT INTO kept SELECT * FROM securitylog",
        "TRUNCATE TABLE securitylog",
        "INSERT INTO securitylog (LogText, LogDateTime) SELECT concat('anew ', seq), '2026-02-02' FROM seq_1_to_9",
    )

    with pytest.raises(FirnError, match="was emptied at the source and numbers its rows anew") as refused:
        clinic.run(tables=("securitylog",), full_refresh=full)

    assert 'tables.securitylog.strategy = "full"' in refused.value.hint
    assert clinic.ask(texts) == before
    monkeypatch.setattr(passes, "_refuse_anew", lambda *_: None)
    assert clinic.run(tables=("securitylog",), full_refresh=full).failed == []
    assert (clinic.ask(texts)[:9] == before[:9]) is not full  # the new rows are lost, or old ones are
    monkeypatch.undo()
    clinic.source.execute("DROP TABLE securitylog", "RENAME TABLE kept TO securitylog")
    clinic.run(full_refresh=True)
    assert clinic.differing() == []
    assert clinic.ask(texts) == before


def test_rows_that_somebody_took_out_of_an_archive_are_missed_before_more_are_moved_to_it(
    clinic: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reconciliation sees it too, but not of a table that was written each time that it was read."""
    clinic.tables["securitylog"] |= {"business_date": "LogDateTime", "archive_after_days": 3650}
    clinic.settle()
    assert clinic.run().status == "published"
    counts = "SELECT (SELECT count(*) FROM securitylog), (SELECT count(*) FROM securitylog_archive)"
    assert clinic.ask(counts) == [(0, 300)]
    clinic.source.execute("INSERT INTO securitylog (LogText, LogDateTime) VALUES ('old', '2010-01-03')")
    assert clinic.run().status == "published"
    assert clinic.ask(counts) == [(1, 300)]
    clinic.ask('DELETE FROM securitylog_archive WHERE "SecurityLogNum" BETWEEN 5 AND 9')
    clinic.source.execute("DELETE FROM securitylog WHERE SecurityLogNum < 10")
    before = clinic.shown()

    with pytest.raises(LoadError, match="would have 296 rows, and 301 were moved to it") as refused:
        clinic.run()

    assert re.search("firn report .*clinic --compliance", refused.value.hint)
    assert clinic.shown() == before
    assert clinic.staged() == []
    monkeypatch.setattr(archive, "refuse_lost", lambda *_: None)
    with pytest.raises(ContractError, match='"securitylog", all rows'):
        clinic.run()
    monkeypatch.setattr(run, "reconcile", lambda *_: 0)
    assert clinic.run().status == "published"
    assert clinic.ask(counts) == [(0, 296)]
