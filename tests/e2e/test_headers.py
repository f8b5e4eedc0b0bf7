"""What the headers of a workbook feed is shown before anything is read, with lines to paste."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from benchmarks.xlsx_writer import Sheet, raw_workbook

if TYPE_CHECKING:
    from tests.conftest import Installation

NAME = "MEADOW ORDER LIST (M3).xlsx"
HEADERS = ("AAG ORDER NO", "CUSTOMER NAME", "CUSTOMER STYLE", "UNIT OF MEASURE", "S", "TOTAL QTY")
MORE = ("PLANNED DELIVERY METHOD", "CUSTOMER COLOR DESCRIPTION", "NOTES", "NOTES")


def written(at: Installation) -> None:
    raw_workbook(at.books / NAME, [Sheet("READ ME", [["Hello"]]), Sheet("LIST", [[*HEADERS, *MORE], ["A-1"]])])


def test_headers_that_feed_nothing_are_shown_with_the_lines_to_paste(installation: Installation) -> None:
    written(installation)
    done = installation.firn("show", "order_lists", "--headers", NAME)
    assert done.returncode == 0, done.stderr
    assert f"{NAME}, sheet 'LIST', row 1: 7 of 10 headers feed a column" in done.stdout
    assert "unknown: AAG ORDER NUMBER?" in done.stdout
    assert "Missing, without which nothing can be read: AAG ORDER NUMBER" in done.stdout
    assert 'headers."CUSTOMER COLOR DESCRIPTION" = "CUSTOMER COLOUR DESCRIPTION"   # 9' in done.stdout
    assert "there twice" in done.stdout
    assert installation.production() == {}


def test_the_headers_of_a_local_file_are_a_document_for_programs(installation: Installation) -> None:
    written(installation)
    found = installation.json("show", "order_lists", "--headers", str(installation.books / NAME))
    assert (found["file"], found["sheet"], found["header_row"]) == (NAME, "LIST", 1)
    first = found["headers"][0]
    assert (first["letter"], first["role"], first["proposal"]) == ("A", "unknown", "AAG ORDER NUMBER")
    assert found["paste"][:2] == ["[[customers]]", 'canonical = "MEADOW"']


def test_a_workbook_that_is_not_there_is_named(installation: Installation) -> None:
    error = installation.json("show", "order_lists", "--headers", "NONE.xlsx", code=1)
    assert "NONE.xlsx" in error["error"]
    assert "Production is unchanged." in error["error"]
    assert error["hint"]


def test_a_misspelt_name_is_answered_with_the_line_that_works(installation: Installation) -> None:
    written(installation)
    error = installation.json("show", "order_lists", "--headers", "MEADOWS order list.xlsx", code=1)
    assert "MEADOWS order list.xlsx. Production is unchanged." in error["error"]
    pasted = shlex.split(error["hint"])
    assert installation.json(*pasted[1:])["file"] == NAME
