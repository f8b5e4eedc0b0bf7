"""Bad input: exit code, place, the sentence on production, the next command, and an unchanged production."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_order_lists, bad_workbooks
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Installation

NAME = "MEADOW ORDER LIST (M3).xlsx"

UNREADABLE: dict[Callable[[Path], Path], str] = {
    bad_workbooks.zero_byte: "is empty",
    bad_workbooks.truncated: "damaged|cut off|not complete|incomplete",
    bad_workbooks.bit_flipped: "damaged",
    bad_workbooks.encrypted: "password",
    bad_workbooks.renamed_xls: "old Excel format|\\.xls",
    bad_workbooks.html: "web page|HTML",
    bad_workbooks.csv: "text|CSV",
    bad_workbooks.zip_bomb: "inflate|unpacked|too large",
    bad_workbooks.billion_laughs: "entit",
    bad_workbooks.missing_key_column: "AAG ORDER NUMBER",
    bad_workbooks.zip_without_workbook: "workbook",
    bad_order_lists.merged_over_columns: "header in H1:J1 of sheet MASTER is merged .* what stands in I and J",
    bad_order_lists.two_lists: "sheets SPRING and AUTUMN fit equally well",
    bad_order_lists.renamed_size_marker: "row 1 .* UNIT OF MEASURE is missing .is it 'MEASUREMENT UNIT'",
}


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """A production that one good workbook made."""
    at = installed()
    bad_workbooks.valid(at.books / "ALDER ORDER LIST (M3).xlsx")
    at.json("run", "order_lists")
    at.keep()
    return at


@pytest.fixture
def published(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


@pytest.mark.parametrize("spoil", UNREADABLE, ids=lambda f: f.__name__)
def test_an_unreadable_workbook(published: Installation, spoil: Callable[[Path], Path]) -> None:
    before = published.production()
    spoil(published.books / NAME)
    error = published.json("run", "order_lists", code=1)
    (failed,) = error["report"]["failed"]
    assert failed["part"] == NAME
    assert NAME in failed["message"]
    assert_matches(UNREADABLE[spoil], failed["message"])
    assert failed["hint"]
    assert "Nothing was published; production is unchanged." in error["error"]
    assert f"firn run order_lists --allow-failed '{NAME}'" in error["hint"]
    assert published.production() == before


def assert_matches(pattern: str, text: str) -> None:
    import re

    assert re.search(pattern, text, re.IGNORECASE), text


def test_a_stray_cell_at_the_far_end_of_the_sheet_is_kept_with_its_address(installation: Installation) -> None:
    bad_workbooks.far_stray_cell(installation.books / NAME)
    report = installation.json("run", "order_lists")
    assert report["status"] == "published"
    assert installation.query("select count(*) from order_list_quarantine where cell = 'XFD1048576'") == [(1,)]


def test_newer_error_codes_are_kept_with_their_address(installation: Installation) -> None:
    bad_workbooks.spill_error(installation.books / NAME)
    installation.json("run", "order_lists")
    found = installation.query("select raw, reason from order_list_quarantine where reason = 'error_cell'")
    assert ("#SPILL!", "error_cell") in found


def test_an_empty_folder(published: Installation) -> None:
    before = published.production()
    shutil.rmtree(published.books)
    published.books.mkdir()
    error = published.json("run", "order_lists", code=1)
    assert str(published.books) in error["error"]
    assert "roduction is unchanged" in error["error"]
    assert error["hint"]
    assert published.production() == before


def test_a_missing_folder(published: Installation) -> None:
    before = published.production()
    shutil.rmtree(published.books)
    error = published.json("run", "order_lists", code=1)
    assert str(published.books) in error["error"]
    assert error["hint"]
    assert published.production() == before


@pytest.fixture
def reader(published: Installation) -> Iterator[str]:
    """The DSN of a role that may only look."""
    published.execute("create role reader login", "grant usage on schema public to reader")
    yield published.dsn.replace("//firn@", "//reader@")
    published.execute("drop owned by reader cascade", "drop role reader")


def test_a_target_without_the_right_to_create_a_schema(published: Installation, reader: str) -> None:
    before = published.production()
    done = published.firn("run", "order_lists", env={"FIRN_TARGET__DSN": reader})
    assert done.returncode == 1
    assert 'Role "reader" may not create schemas in database "firn"' in done.stderr
    assert "production is unchanged" in done.stderr
    assert 'Try: GRANT CREATE ON DATABASE "firn" TO "reader";' in done.stderr
    assert published.production() == before


def test_a_target_that_does_not_answer(published: Installation) -> None:
    before = published.production()
    dsn = "postgresql://firn:hidden@127.0.0.1:1/firn"
    done = published.firn("run", "order_lists", env={"FIRN_TARGET__DSN": dsn})
    assert done.returncode == 75
    assert "hidden" not in done.stdout + done.stderr
    assert "production is unchanged" in done.stderr.lower()
    assert "Try: " in done.stderr
    assert published.production() == before
