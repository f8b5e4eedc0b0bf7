"""A folder of workbooks as tables: what is listed, when it is read, and what stays in memory."""

from __future__ import annotations

import hashlib
import logging
import shlex
import threading
from typing import TYPE_CHECKING

import polars as pl
import pytest

from benchmarks.bad_workbooks import valid, zero_byte
from benchmarks.xlsx_writer import Sheet, raw_workbook
from firn import SourceError, SourceUnavailable, Transient
from sources import Workbooks

if TYPE_CHECKING:
    from pathlib import Path

    from firn import Table

KEY = "AAG ORDER NUMBER"


def listed(folder: Path, **settings: object) -> dict[str, dict[str, Table]]:
    """The tables of a folder by part and name."""
    found: dict[str, dict[str, Table]] = {}
    for table in Workbooks.model_validate({"folder": folder, "required": (KEY,), **settings}).tables():
        found.setdefault(table.part, {})[table.name] = table
    return found


def workbook(path: Path, *values: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return raw_workbook(path, [Sheet("MASTER", [[KEY], *([value] for value in values)])])


def test_every_workbook_is_four_tables_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.xlsx", "a.xlsx", "C.XLSX"):
        valid(tmp_path / name)
    parts = listed(tmp_path)
    assert list(parts) == ["C.XLSX", "a.xlsx", "b.xlsx"]
    assert all(list(tables) == ["cells", "headers", "cell_errors", "workbook"] for tables in parts.values())


def test_a_fingerprint_is_the_hash_of_the_content_and_stands_in_the_workbook_table(tmp_path: Path) -> None:
    content = workbook(tmp_path / "a.xlsx", "K-1").read_bytes()
    tables = listed(tmp_path)["a.xlsx"]
    assert {table.fingerprint for table in tables.values()} == {hashlib.sha256(content).hexdigest()}
    assert tables["workbook"].frame.collect()["etag"].item() == hashlib.sha256(content).hexdigest()


def test_the_tables_have_the_columns_that_are_documented(tmp_path: Path) -> None:
    rows = [["ORDERS"], [KEY, None, "NOTES ", "  "], ["K-1", "x"], [], ["K-2", None, None, None, None]]
    raw_workbook(tmp_path / "a.xlsx", [Sheet("OTHER", [["x"]]), Sheet("MASTER", rows)])
    tables = {name: table.frame.collect() for name, table in listed(tmp_path)["a.xlsx"].items()}
    assert tables["cells"].schema == {"row": pl.UInt32, "A": pl.String, "B": pl.String, "C": pl.String}
    assert tables["cells"].rows() == [(3, "K-1", "x", None), (5, "K-2", None, None)]
    assert tables["headers"].schema == {"letter": pl.String, "header": pl.String, "row": pl.UInt32}
    assert tables["headers"].rows() == [("A", KEY, 2), ("B", None, 2), ("C", "NOTES ", 2)]
    assert tables["cell_errors"].schema == {"row": pl.UInt32, "letter": pl.String, "raw": pl.String}
    assert tables["cell_errors"].is_empty()
    etag = tables["workbook"]["etag"].item()
    assert tables["workbook"].row(0, named=True) == {
        "file": "a.xlsx",
        "etag": etag,
        "sheet": "MASTER",
        "sheet_reason": "it is named MASTER",
        "other_sheets": ["OTHER"],
        "header_row": 2,
        "last_row": 5,
        "date1904": False,
        "filled_cells": 3,
    }


def test_a_workbook_with_headers_only_has_columns_and_no_rows(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx")
    tables = listed(tmp_path)["a.xlsx"]
    assert tables["cells"].frame.collect().schema == {"row": pl.UInt32, "A": pl.String}
    assert tables["cells"].frame.collect().height == 0
    assert tables["workbook"].frame.collect()["last_row"].item() == 1


def test_lock_files_and_hidden_files_are_ignored_and_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.xlsx", "~$a.xlsx", ".b.xlsx", "notes.txt"):
        valid(tmp_path / name)
    (tmp_path / "folder.xlsx").mkdir()
    with caplog.at_level(logging.INFO):
        assert list(listed(tmp_path)) == ["a.xlsx"]
    assert "~$a.xlsx" in caplog.text
    assert ".b.xlsx" in caplog.text


def test_a_pattern_can_go_into_folders_whatever_the_case(tmp_path: Path) -> None:
    for name in ("USA/ALDER Order List (M3).xlsx", "EU/ALDER Order List (M3).XLSX", "EU/other.xlsx"):
        workbook(tmp_path / name, "K-1")
    found = listed(tmp_path, pattern="**/*ORDER LIST*.xlsx")
    assert list(found) == ["EU/ALDER Order List (M3).XLSX", "USA/ALDER Order List (M3).xlsx"]
    assert found["EU/ALDER Order List (M3).XLSX"]["cells"].frame.collect()["A"].to_list() == ["K-1"]


def test_a_pattern_may_have_sets_of_characters(tmp_path: Path) -> None:
    for name in ("list1.xlsx", "list2.xlsx", "list3.xlsx"):
        workbook(tmp_path / name)
    assert list(listed(tmp_path, pattern="LIST[12].xlsx")) == ["list1.xlsx", "list2.xlsx"]


def test_a_missing_folder_says_where_and_what_to_type(tmp_path: Path) -> None:
    folder = tmp_path / "it's nowhere"
    with pytest.raises(SourceError, match=r"There is no folder .*nowhere.*Production is unchanged") as caught:
        listed(folder)
    assert caught.value.hint.endswith(f"mkdir -p {shlex.quote(str(folder))}")


def test_a_folder_without_workbooks_says_where_and_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"has no file that matches \*\.xlsx\. Production is unchanged") as caught:
        listed(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint.endswith(f"ls {shlex.quote(str(tmp_path))}")


def test_a_bad_workbook_is_listed_and_stops_no_other(tmp_path: Path) -> None:
    zero_byte(tmp_path / "a.xlsx")
    workbook(tmp_path / "b.xlsx", "K-1")
    parts = listed(tmp_path)
    for table in parts["a.xlsx"].values():
        with pytest.raises(SourceError, match=r"a\.xlsx cannot be read: it is empty"):
            table.frame.collect()
    assert parts["b.xlsx"]["cells"].frame.collect().height == 1


def test_a_workbook_is_read_once_for_all_its_tables(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", "K-1", "K-2")
    tables = listed(tmp_path)["a.xlsx"]
    assert tables["cells"].frame.collect().height == 2
    path.unlink()
    assert [tables[name].frame.collect().height for name in ("headers", "cell_errors", "workbook")] == [1, 0, 1]


def test_what_was_collected_is_not_kept(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", "K-1")
    tables = listed(tmp_path)["a.xlsx"]
    tables["cells"].frame.collect()
    path.unlink()
    with pytest.raises(SourceError, match=r"a.xlsx cannot be read: No such file.*Production is unchanged"):
        tables["cells"].frame.collect()


def test_a_table_can_be_collected_again(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", "K-1")
    tables = listed(tmp_path)["a.xlsx"]
    assert tables["cells"].frame.collect().equals(tables["cells"].frame.collect())
    assert tables["headers"].frame.collect_schema().names() == ["letter", "header", "row"]


def test_tables_are_collected_together_and_in_other_threads(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", "K-1")
    collected: list[list[pl.DataFrame]] = []
    frames = [table.frame for table in listed(tmp_path)["a.xlsx"].values()]
    thread = threading.Thread(target=lambda: collected.append(pl.collect_all(frames)))
    thread.start()
    thread.join()
    assert [frame.height for frame in collected[0]] == [1, 1, 0, 1]


def test_a_frame_is_as_lazy_as_any(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", "K-1", "K-2")
    frame = listed(tmp_path)["a.xlsx"]["cells"].frame
    assert frame.filter(pl.col("A") == "K-2").select("row").collect().rows() == [(3,)]


def test_a_workbook_saved_while_the_run_is_under_way_is_not_read_under_its_old_fingerprint(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", "K-1")
    tables = listed(tmp_path)["a.xlsx"]
    content = path.read_bytes()
    workbook(path, "K-2")
    with pytest.raises(SourceUnavailable, match=r"a.xlsx was saved again.*Production is unchanged") as caught:
        tables["cells"].frame.collect()
    assert isinstance(caught.value, Transient)
    path.write_bytes(content)
    assert tables["cells"].frame.collect()["A"].to_list() == ["K-1"]


def test_a_disk_that_fails_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").symlink_to("/proc/self/mem")
    table = listed(tmp_path)["a.xlsx"]["cells"]
    with pytest.raises(SourceUnavailable, match=r"a.xlsx could not be read just now: .*error") as caught:
        table.frame.collect()
    assert caught.value.hint == "Run again."
    assert table.fingerprint == ""


def test_a_file_above_the_limit_is_neither_hashed_nor_read(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", "K-1")
    table = listed(tmp_path, limits={"max_file_bytes": 100})["a.xlsx"]["cells"]
    assert table.fingerprint == ""
    with pytest.raises(SourceError, match=r"a.xlsx cannot be read: it has [\d,]+ bytes, and 100 are allowed") as caught:
        table.frame.collect()
    assert "max_file_bytes" in caught.value.hint
