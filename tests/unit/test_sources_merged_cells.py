"""A header merged over columns with data is refused by its address; any other merge changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_order_lists
from benchmarks.bad_workbooks import HEADERS
from firn import SourceError
from sources import Workbooks
from sources.xlsx.merged_cells import Merged, merged_cells

if TYPE_CHECKING:
    from pathlib import Path

RANGES = b'<x:mergeCell ref="A1:A2"/><x:mergeCell  ref="H1:J1"/>'
XML = b'<x:sheetData><x:row r="1"/></x:sheetData><x:mergeCells count="2">' + RANGES + b"</x:mergeCells>"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_merged_cells_are_found_however_the_part_is_cut(size: int) -> None:
    pieces = [XML[at : at + size] for at in range(0, len(XML), size)]
    assert merged_cells(pieces) == [Merged(1, 1, 1, 2), Merged(8, 1, 10, 1)]


def test_what_stands_in_a_cell_is_no_merge() -> None:
    assert merged_cells([b'<sheetData><c><v><mergeCell ref="A1:B1"/></v></c></sheetData><pageMargins/>']) == []


def test_a_merged_range_is_written_as_excel_writes_it() -> None:
    assert str(Merged(8, 1, 28, 2)) == "H1:AB2"


def test_a_header_merged_over_columns_with_data_is_refused_by_its_address(tmp_path: Path) -> None:
    bad_order_lists.merged_over_columns(tmp_path / "a.xlsx")
    with pytest.raises(SourceError, match=r"in H1:J1 of sheet MASTER is merged .*stands in I and J\.") as caught:
        read(tmp_path)
    assert "unmerge H1:J1" in caught.value.hint


def test_headers_merged_over_two_rows_are_read(tmp_path: Path) -> None:
    bad_order_lists.merged_headers(tmp_path / "a.xlsx")
    assert read(tmp_path) == [*HEADERS]


def read(folder: Path) -> list[str | None]:
    tables = Workbooks(folder=folder, headers=frozenset(HEADERS), required=HEADERS[:2]).tables()
    found: list[str | None] = next(t for t in tables if t.name == "headers").frame.collect()["header"].to_list()
    return found
