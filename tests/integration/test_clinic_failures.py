"""What fails half-way leaves production as it was, is told as it is, and the next run is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from firn import ContractError, FirnError, LoadError, Run, SourceChanged, SourceError
from loaders.memory import Memory
from pipelines.engine import commands, plan, settings
from pipelines.engine.progress import Silent
from pipelines.engine.runner import Options, execute
from sources.mysql import types
from tests.practice import EVERYWHERE, Practice, practice

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from firn import Staged
    from pipelines.engine.report import Report


@pytest.fixture(scope="module")
def made(
    mariadb_port: int, server_home: tuple[object, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    with practice(mariadb_port, server_home[1], tmp_path_factory.mktemp("failures")) as found:
        assert found.run().status == "published"
        yield found


@pytest.fixture
def clinic(made: Practice) -> Iterator[Practice]:
    """The clinic, published and changed since; a test leaves it as the source is."""
    stated = {table: {**own} for table, own in made.tables.items()}
    made.source.execute(*EVERYWHERE)
    yield made
    made.tables, made.rules = stated, {}
    made.settle()
    assert made.run().failed == []
    assert made.differing() == []
    assert made.staged() == []


def failed(clinic: Practice, **options: Any) -> FirnError:  # noqa: ANN401 (whatever options there are)
    """Replicate in vain: production is as it was, and nobody is told otherwise."""
    before, cursors, generation = clinic.shown(), clinic.cursors(), clinic.generation()
    with pytest.raises(FirnError) as raised:
        clinic.run(**options)
    assert (clinic.shown(), clinic.cursors(), clinic.generation()) == (before, cursors, generation)
    report: Report = raised.value.report  # type: ignore[attr-defined]
    assert (report.status, report.generation, report.tables) == ("failed", 0, {})
    assert "production is unchanged" in raised.value.message.lower()
    assert raised.value.hint
    kept = commands.report(report.run_id, clinic.config)
    assert (kept.status, kept.error, kept.failed) == ("failed", report.error, report.failed)
    return raised.value


def test_a_critical_table_with_a_value_that_must_not_be_stops_the_others_until_it_is_mended(clinic: Practice) -> None:
    clinic.rules = {"patient.DateTStamp": {"zero_date": "fail"}}
    clinic.settle()
    clinic.source.execute("UPDATE patient SET DateTStamp = 0 ORDER BY PatNum LIMIT 1")

    error = failed(clinic, full_refresh=True)

    assert "patient" in error.message
    assert [one["part"] for one in error.report.failed] == ["patient"]  # type: ignore[attr-defined]
    clinic.source.execute("UPDATE patient SET DateTStamp = now() WHERE DateTStamp = 0")


def test_a_row_that_the_target_refuses_stops_the_run_whatever_its_table_is(clinic: Practice) -> None:
    clinic.ask('ALTER TABLE zipcode ADD CONSTRAINT no_bend CHECK ("City" <> $$Bend$$)')
    clinic.source.execute("UPDATE zipcode SET City = 'Bend' WHERE ZipCodeNum = 97203")

    error = failed(clinic)

    assert "no_bend" in error.message
    clinic.source.execute("UPDATE zipcode SET City = 'Salem' WHERE ZipCodeNum = 97203")
    assert clinic.run().status == "published"
    clinic.ask("ALTER TABLE zipcode DROP CONSTRAINT no_bend")


class Refusing(Memory):
    """A target that says of the rows of one table only when those of another come that it did not take them."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self.refused, self.is_refusing, self.said = table, False, 0

    def stage(self, run: Run, table: str, part: str, frame: pl.DataFrame) -> Staged:
        if self.is_refusing and table != self.refused:
            self.said += 1
            raise LoadError(f'Table "{self.refused}", part 0: refused. Production is unchanged.', "look at it")
        return super().stage(run, table, part, frame)


@pytest.mark.parametrize("table", ["patient", "zipcode"])
def test_what_the_target_says_late_of_one_table_stops_the_run_and_is_no_failure_of_the_table_that_came_next(
    clinic: Practice, table: str
) -> None:
    target = Refusing(table)
    replication = settings.load("clinic", clinic.config)

    def run() -> Report:
        this = Run.start("clinic")
        target.start(this)
        return execute(replication, this, target, Options(), Silent())

    assert run().status == "published"
    before, cursors = dict(target.production), target.cursors("clinic")
    clinic.source.execute(*EVERYWHERE)
    target.is_refusing = True

    with pytest.raises(LoadError, match=f'Table "{table}", part 0: refused') as raised:
        run()

    report: Report = raised.value.report  # type: ignore[attr-defined]
    assert (report.status, report.tables, report.failed) == ("failed", {}, [])
    assert target.said >= 1
    assert {name: target.production[name] is frame for name, frame in before.items()} == dict.fromkeys(before, True)
    assert target.cursors("clinic") == cursors
    target.is_refusing = False
    assert run().status == "published"
    for name in clinic.tables:
        [(rows,)] = clinic.source.query(f"SELECT count(*) FROM {name}")  # noqa: S608 (own names)
        assert target.production[name].height == rows


CANNOT = {
    "less than before": (
        "ALTER TABLE zipcode MODIFY City varchar(20)",
        "City was varchar(50) and is varchar(20)",
    ),
    "no exact type": ("ALTER TABLE zipcode ADD COLUMN Address inet6", "there is no exact type"),
}
MENDED = ("ALTER TABLE zipcode DROP COLUMN IF EXISTS Address", "ALTER TABLE zipcode MODIFY City varchar(50)")


@pytest.mark.parametrize("why", CANNOT)
def test_a_table_that_may_be_left_and_cannot_be_read_as_it_is_now_is_named_and_the_others_are_published(
    clinic: Practice, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(types._KINDS, "inet6")  # noqa: SLF001 (all types that the server has are known)
    change, told = CANNOT[why]
    before = clinic.shown()["zipcode"]
    clinic.source.execute(change)

    planned, text = plan.plan("clinic", clinic.config, {}, Options(), transform_only=False, from_run=None)
    assert told in planned["refused"]["zipcode"]
    assert f"not read: zipcode: {planned['refused']['zipcode']}" in text

    report = clinic.run()

    assert (report.status, report.parts) == ("published", 5)
    assert [(one["part"], told in one["message"], bool(one["hint"])) for one in report.failed] == [
        ("zipcode", True, True)
    ]
    assert "zipcode was not read, and stays as production shows it" in report.notes
    assert clinic.differing("zipcode") == []
    assert clinic.shown()["zipcode"] == before

    error = failed(clinic, tables=("zipcode",))
    assert isinstance(error, SourceChanged if why == "less than before" else SourceError)
    assert told in error.message
    clinic.tables["zipcode"]["on_failure"] = "fail"
    clinic.settle()
    clinic.source.execute("UPDATE patient SET LName = 'Fir' ORDER BY PatNum LIMIT 1")
    assert told in failed(clinic).message
    clinic.source.execute(*MENDED)


def test_several_tables_that_fail_with_nothing_else_to_publish_are_all_named(
    clinic: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(types._KINDS, "inet6")  # noqa: SLF001 (the same)
    assert clinic.run().status == "published"
    clinic.source.execute(CANNOT["no exact type"][0], "ALTER TABLE procnote ADD COLUMN Address inet6")

    error = failed(clinic, tables=("zipcode", "procnote"))

    assert isinstance(error, ContractError)
    assert "2 tables failed" in error.message
    assert "  zipcode: " in error.message
    assert "  procnote: " in error.message
    clinic.source.execute("ALTER TABLE procnote DROP COLUMN Address", *MENDED)
