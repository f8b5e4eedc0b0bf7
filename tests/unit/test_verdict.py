"""Checks on production: what passes stays, and what does not is undone at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import dataframely as dy
import polars as pl
import pytest

from firn import ConfigError, Run, Table
from loaders.memory import Memory as MemoryLoader
from loaders.postgres import Postgres
from pipelines.engine import checkup
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.progress import Silent
from pipelines.engine.report import Report
from pipelines.engine.runner import Options, execute
from pipelines.engine.texts import error_document, error_text
from pipelines.engine.verdict import Undone
from sources import Memory
from transforms import row_local

if TYPE_CHECKING:
    from collections.abc import Callable


class Sales(dy.Schema):
    """What is sold, by shop."""

    shop = dy.String(primary_key=True)
    pieces = dy.Int64(nullable=True)


class Pieces(dy.Schema):
    """The one column that the checks read."""

    pieces = dy.Int64(nullable=True)


@row_local
def sales(lines: pl.DataFrame) -> pl.DataFrame:
    return lines


def not_too_many(sales: dy.DataFrame[Pieces], *, most: int) -> pl.DataFrame:
    assert sales.columns == ["pieces"]
    return sales.filter(pl.col("pieces") > most)


def broken(sales: dy.DataFrame[Pieces]) -> pl.DataFrame:
    return sales.select("shop")


def endless(sales: pl.DataFrame) -> pl.DataFrame:
    threading.Event().wait()
    return sales


def pipeline(*checks: Callable[..., pl.DataFrame], pieces: int = 1, seconds: float = 60.0) -> Pipeline:
    class Shops(Pipeline):
        reads = ("lines",)
        transforms = (sales,)
        publishes: ClassVar = {"sales": Sales}
        after_publish = checks
        most: int = 9
        told: ClassVar[list[object]] = []

        def sources(self) -> tuple[Memory, ...]:
            return (Memory((Table("lines", pl.LazyFrame({"shop": ["north"], "pieces": [pieces]}), part="north"),)),)

        def finished(self, run: Run, parts: object) -> tuple[str, ...]:
            del run
            self.told.append(parts)
            return ()

    return Shops(target=Postgres(check_timeout_s=seconds))


def run(loader: MemoryLoader, given: Pipeline) -> Report:
    this = Run.start("shops")
    loader.start(this)
    return execute(given, this, loader, Options(), Silent())


def refused(loader: MemoryLoader, given: Pipeline) -> Undone:
    with pytest.raises(Undone) as caught:
        run(loader, given)
    return caught.value


def test_a_publication_that_passes_stays_and_says_so() -> None:
    loader = MemoryLoader()
    report = run(loader, pipeline(not_too_many))
    assert [(one.check, one.passed, one.detail) for one in report.after_publish] == [("not_too_many", True, "")]
    assert (report.status, report.phases[-1].name) == ("published", "Check production")
    assert Report.from_dict(report.as_dict()) == report


def test_a_publication_that_does_not_pass_is_undone_and_the_rows_are_named() -> None:
    loader = MemoryLoader()
    run(loader, pipeline(not_too_many, pieces=3))
    wrong = pipeline(not_too_many, pieces=10)

    error = refused(loader, wrong)

    assert loader.production["sales"]["pieces"].to_list() == [3]
    assert error.exit_code == 3
    assert "Check not_too_many found 1 row:\n  {'pieces': 10}" in error.message
    assert "Production shows the rows of generation 1 again, as generation 3." in error.message
    assert error.hint.endswith("\nfirn run shops")
    assert wrong.told == []  # type: ignore[attr-defined]
    report: Report = error.report  # type: ignore[attr-defined]
    assert (report.status, report.generation) == ("rolled_back", 2)
    assert loader.row(report.run_id)["status"] == "rolled_back"
    assert "ROLLED BACK" in error_text(error)
    assert error_document(error)["report"]["after_publish"][0]["passed"] is False
    assert loader.acts("shops")[0]["detail"] == "back to generation 1: Check not_too_many found 1 row"


def test_without_the_check_the_wrong_rows_would_stay() -> None:
    loader = MemoryLoader()
    run(loader, pipeline(pieces=3))
    run(loader, pipeline(pieces=10))
    assert loader.production["sales"]["pieces"].to_list() == [10]


@pytest.mark.parametrize(
    ("check", "words"),
    [(broken, "Check broken failed with ColumnNotFoundError"), (endless, "Check endless came to no end within 0.2 s")],
)
def test_a_check_that_fails_or_never_ends_undoes_the_publication_too(check: Any, words: str) -> None:  # noqa: ANN401
    loader = MemoryLoader()
    run(loader, pipeline(pieces=3))
    assert words in refused(loader, pipeline(check, pieces=4, seconds=0.2)).message
    assert loader.production["sales"]["pieces"].to_list() == [3]


def test_a_first_publication_that_does_not_pass_leaves_nothing() -> None:
    loader = MemoryLoader()
    assert "Production shows no table of it" in refused(loader, pipeline(not_too_many, pieces=10)).message
    assert loader.production == {}


def test_what_could_not_be_undone_is_said_with_what_to_type() -> None:
    loader = MemoryLoader()
    run(loader, pipeline(pieces=3))

    def overtaken(sales: pl.DataFrame) -> pl.DataFrame:
        loader.rollback("shops", 1)  # somebody else was faster
        return sales

    error = refused(loader, pipeline(overtaken, pieces=10))

    assert "It could not be undone: Generation 2 of shops is not visible any more" in error.message
    assert error.hint == "firn rollback shops --to 1"
    assert error.report.status == "published"  # type: ignore[attr-defined]


def test_a_later_check_is_not_made_once_one_has_failed() -> None:
    began = time.monotonic()
    report: Report = refused(MemoryLoader(), pipeline(broken, endless)).report  # type: ignore[attr-defined]
    assert [one.check for one in report.after_publish] == ["broken"]
    assert time.monotonic() - began < 30


def test_the_same_checks_are_made_on_demand() -> None:
    loader = MemoryLoader()
    run(loader, pipeline(pieces=10))
    found = checkup.check_published(pipeline(not_too_many), "shops", loader)
    assert [(one.check, one.passed) for one in found.findings if one.check == "not_too_many"] == [
        ("not_too_many", False)
    ]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda tales: tales, "there is no published table tales"),
        (lambda sales, *, least: sales, "there is no setting least"),  # noqa: ARG005
    ],
)
def test_a_check_of_what_is_not_published_is_refused_on_import(check: Any, words: str) -> None:  # noqa: ANN401
    with pytest.raises(ConfigError, match=words):
        pipeline(check)


def test_a_check_of_a_column_that_is_not_published_is_refused_on_import() -> None:
    class Price(dy.Schema):
        price = dy.Int64()

    def dear(sales: pl.DataFrame) -> pl.DataFrame:
        return sales

    dear.__annotations__["sales"] = dy.DataFrame[Price]
    with pytest.raises(ConfigError, match="there is no column of sales price"):
        pipeline(dear)
