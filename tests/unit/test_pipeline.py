"""A pipeline is validated when its class is made, and its steps are ordered by name."""

from typing import NamedTuple

import dataframely as dy
import polars as pl
import pytest

from firn import ConfigError, Policy
from loaders.memory import Memory
from pipelines.engine.overview import described
from pipelines.engine.pipeline import Pipeline, segments
from pipelines.engine.report import Report, publication
from transforms import row_local


class Counts(dy.Schema):
    """Rows by file."""

    file = dy.String()
    rows = dy.UInt32()


class Two(NamedTuple):
    """Two tables of one step."""

    clean: pl.DataFrame
    rejected: pl.DataFrame


@row_local
def two(raw: pl.DataFrame, *, keep: bool = False) -> Two:
    return Two(raw if keep else raw.head(1), raw)


def total(counts: dy.DataFrame[Counts]) -> pl.DataFrame:
    return counts


@row_local
def counts(clean: pl.DataFrame) -> pl.DataFrame:
    return clean


def nothing_rejected(rejected: pl.DataFrame) -> pl.DataFrame:
    return rejected


def test_steps_run_after_what_they_read_and_row_local_ones_first() -> None:
    class Ordered(Pipeline):
        reads = ("raw",)
        transforms = (total, counts, two)
        checks = (nothing_rejected,)
        keep: bool = True

    names = [s.name for s in Ordered.steps]
    assert names[:2] == ["two", "counts"]
    assert sorted(names[2:]) == ["nothing_rejected", "total"]
    assert [local for local, _ in segments(Ordered.steps)] == [True, False]


def test_a_named_tuple_makes_several_tables_and_a_check_makes_none() -> None:
    class Several(Pipeline):
        reads = ("raw",)
        transforms = (two,)
        checks = (nothing_rejected,)
        keep: bool = True

    assert [s.makes for s in Several.steps] == [("clean", "rejected"), ()]


def test_a_contract_in_the_signature_names_the_columns_that_are_needed() -> None:
    class Contracted(Pipeline):
        reads = ("counts",)
        transforms = (total,)

    assert Contracted.steps[0].columns("counts") == ["file", "rows"]


def test_an_unknown_table_is_answered_with_the_likely_one() -> None:
    with pytest.raises(ConfigError, match="there is no table clean") as error:

        class Misspelt(Pipeline):
            reads = ("cleen",)
            transforms = (counts,)

    assert error.value.hint == "Did you mean cleen?"


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no setting keep"):

        class WithoutSetting(Pipeline):
            reads = ("raw",)
            transforms = (two,)


def test_a_table_has_one_producer() -> None:
    with pytest.raises(ConfigError, match="table counts is made 2 times"):

        class Twice(Pipeline):
            reads = ("clean", "counts")
            transforms = (counts,)


def test_publishing_what_nothing_makes_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no table totals"):

        class Unmade(Pipeline):
            reads = ("counts",)
            publishes = {"totals": Counts}  # noqa: RUF012


class Keyed(dy.Schema):
    """Rows by file, which tells them apart."""

    file = dy.String(primary_key=True)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"count": "insert_only"}, "policies: there is no published table count"),
        ({"counts": "insert_only"}, "policies: there is no key by which rows are kept in table counts"),
        ({"keyed": "keep"}, "policies: there is no policy keep"),
    ],
)
def test_a_policy_that_a_table_cannot_have_is_refused(stated: dict[str, Policy], said: str) -> None:
    with pytest.raises(ConfigError, match=said):

        class Kept(Pipeline):
            reads = ("counts", "keyed")
            publishes = {"counts": Counts, "keyed": Keyed}  # noqa: RUF012
            policies = stated


def test_what_a_pipeline_keeps_of_production_is_shown_before_and_after_a_run() -> None:
    class Kept(Pipeline):
        reads = ("files", "keyed")
        publishes = {"files": Keyed, "keyed": Keyed}  # noqa: RUF012
        policies = {"files": "replace", "keyed": "insert_only"}  # noqa: RUF012

    tables, lines = described(Kept(), "kept", Memory())
    report = Report("kept_1", "kept", generation=2, policies={"keyed": {"added": 1, "kept": 2000, "ignored": 3}})

    assert [table["policy"] for table in tables] == ["replace", "insert_only"]
    assert lines[1].endswith("swap: new in memory; insert_only: rows that are there stay as they are")
    assert ("policies", "keyed: 1 added, 2,000 kept, 3 ignored") in publication(report)


def test_transforms_that_need_one_another_are_refused() -> None:
    def egg(hen: pl.DataFrame) -> pl.DataFrame:
        return hen

    def hen(egg: pl.DataFrame) -> pl.DataFrame:
        return egg

    with pytest.raises(ConfigError, match="in a circle"):

        class Circle(Pipeline):
            transforms = (egg, hen)
