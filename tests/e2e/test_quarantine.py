"""The quarantine, worked on from the command line: listed, annotated, corrected, and marked once it is resolved."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from benchmarks.order_list_workbooks import cached

if TYPE_CHECKING:
    from tests.conftest import Installation

ASHFORD = "ASHFORD ORDER LIST (M3).xlsx"
ECHELON = "ECHELON OWN LABEL ORDER LIST (M3).xlsx"
ROSALIND = "ROSALIND ORDER LIST (M3).xlsx"
HIGHLIGHT = "FFFFB84D"


@pytest.fixture
def loaded(installation: Installation) -> Installation:
    """Three workbooks with cells in quarantine, published."""
    made = cached(scale=0.02, seed=3) / "workbooks"
    for name in (ASHFORD, ECHELON, ROSALIND):
        shutil.copy(made / name, installation.books / name)
    installation.json("run", "order_lists")
    return installation


def listed(at: Installation, *arguments: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = at.json("quarantine", "list", *arguments)["entries"]
    return entries


def sheet_and_cell(entries: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(entry["sheet"], entry["cell"]) for entry in entries}


def notes(at: Installation, path: str) -> dict[tuple[str, str], str]:
    """The comments of all highlighted cells, by sheet and address."""
    workbook = openpyxl.load_workbook(at.folder / path)
    return {
        (sheet.title, cell.coordinate): cell.comment.text
        for sheet in workbook
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fgColor.rgb == HIGHLIGHT
    }


def test_the_list_is_what_production_shows(loaded: Installation) -> None:
    document = loaded.json("quarantine", "list")
    columns = ["file", "etag", "sheet", "cell", "row", "column", "raw", "expected", "reason", "run_id"]
    names = ", ".join(f'"{name}"' for name in columns)
    shown = loaded.query(f"select {names} from order_list_quarantine")  # noqa: S608
    assert sorted(tuple(entry[name] for name in columns) for entry in document["entries"]) == sorted(shown)
    assert document["open"] == len(shown) > 0
    assert {entry["first_run"] for entry in document["entries"]} == {shown[0][-1]}
    assert {entry["resolved_run"] for entry in document["entries"]} == {None}


def test_the_list_is_summed_up_by_file_and_reason_and_ends_with_the_line_to_type_next(loaded: Installation) -> None:
    counts = Counter((entry["file"], entry["reason"]) for entry in listed(loaded))
    done = loaded.firn("quarantine", "list", "order_lists", "--limit", "100")
    assert done.returncode == 0
    for (file, reason), count in counts.items():
        assert file in done.stdout
        assert any(line.split()[:2] == [f"{count:,}", reason] for line in done.stdout.splitlines())
    assert done.stdout.splitlines()[-1] == (
        f"Next: firn quarantine export order_lists --file '{ASHFORD}' --out annotated"
    )
    brief = loaded.firn("quarantine", "list", "--limit", "2").stdout
    assert f"--limit {len(counts) + 3}" in brief


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        (["--file", ECHELON], "file", ECHELON),
        (["--customer", "echelon own label"], "file", ECHELON),
        (["--reason", "keyless_row"], "reason", "keyless_row"),
    ],
)
def test_the_list_can_be_narrowed(loaded: Installation, options: list[str], key: str, value: str) -> None:
    everything = listed(loaded)
    assert listed(loaded, *options) == [entry for entry in everything if entry[key] == value] != []


def test_every_cell_in_quarantine_is_highlighted_and_no_other(loaded: Installation) -> None:
    copies = loaded.json("quarantine", "export", "--out", "annotated")
    assert {copy["file"] for copy in copies} == {ASHFORD, ECHELON, ROSALIND}  # type: ignore[index]
    for copy in copies:
        entries = listed(loaded, "--file", copy["file"])  # type: ignore[index]
        found = notes(loaded, copy["path"])  # type: ignore[index]
        assert found.keys() == sheet_and_cell(entries)
        for entry in entries:
            text = found[entry["sheet"], entry["cell"]]
            assert f"Expected {entry['expected']}" in text
            assert entry["reason"] in text


def test_the_original_is_never_touched_and_a_copy_is_not_overwritten(loaded: Installation) -> None:
    before = hashlib.sha256((loaded.books / ASHFORD).read_bytes()).hexdigest()
    loaded.json("quarantine", "export", "--file", ASHFORD, "--out", "annotated")
    assert hashlib.sha256((loaded.books / ASHFORD).read_bytes()).hexdigest() == before
    copy = loaded.folder / "annotated" / ASHFORD
    copy.write_bytes(b"corrections of a person")
    done = loaded.firn("quarantine", "export", "--file", ASHFORD, "--out", "annotated")
    assert done.returncode == 1
    assert f"{ASHFORD} exists" in done.stderr
    assert "production is unchanged" in done.stderr
    assert "--force" in done.stderr.splitlines()[-1]
    assert copy.read_bytes() == b"corrections of a person"
    loaded.json("quarantine", "export", "--file", ASHFORD, "--out", "annotated", "--force")
    assert notes(loaded, f"annotated/{ASHFORD}")
    assert [path.name for path in copy.parent.iterdir()] == [ASHFORD]


def test_copies_are_not_written_where_the_pipeline_reads(loaded: Installation) -> None:
    done = loaded.firn("quarantine", "export", "--out", "books/annotated", "--force")
    assert done.returncode == 2
    assert "production is unchanged" in done.stderr
    assert done.stderr.splitlines()[-1] == "Try: Name another folder: --out annotated"
    assert sorted(path.name for path in loaded.books.iterdir()) == [ASHFORD, ECHELON, ROSALIND]


def test_a_workbook_saved_again_since_is_refused_by_name_and_the_others_are_annotated(loaded: Installation) -> None:
    before = loaded.production()
    workbook = openpyxl.load_workbook(loaded.books / ECHELON)
    workbook.save(loaded.books / ECHELON)
    done = loaded.firn("quarantine", "export", "--out", "annotated")
    assert done.returncode == 1
    assert "1 of 3 workbooks were not annotated" in done.stderr
    assert f"{ECHELON} was saved again since run" in done.stderr
    assert "production is unchanged" in done.stderr
    assert f"firn replay order_lists --file '{ECHELON}'" in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in (loaded.folder / "annotated").iterdir()) == [ASHFORD, ROSALIND]
    forced = loaded.json("quarantine", "export", "--file", ECHELON, "--out", "annotated", "--force")
    assert [copy["file"] for copy in forced] == [ECHELON]  # type: ignore[index]
    assert loaded.production() == before


def test_a_workbook_that_is_gone_or_damaged_fails_alone(loaded: Installation) -> None:
    (loaded.books / ECHELON).unlink()
    (loaded.books / ROSALIND).write_bytes((loaded.books / ROSALIND).read_bytes()[:5000])
    done = loaded.firn("quarantine", "export", "--out", "annotated", "--force")
    assert done.returncode == 1
    assert "2 of 3 workbooks were not annotated" in done.stderr
    assert f"{ECHELON} cannot be read" in done.stderr
    assert f"{ROSALIND} could not be annotated: the file is damaged" in done.stderr
    assert [path.name for path in (loaded.folder / "annotated").iterdir()] == [ASHFORD]


def test_a_corrected_workbook_resolves_its_entries_and_a_rollback_opens_them_again(loaded: Installation) -> None:
    before = listed(loaded)
    bad = next(e for e in before if e["file"] == ROSALIND)
    workbook = openpyxl.load_workbook(loaded.books / ROSALIND)
    workbook[bad["sheet"]][bad["cell"]] = None
    workbook.save(loaded.books / ROSALIND)
    run = loaded.json("run", "order_lists")["run_id"]
    resolved = [e for e in listed(loaded, "--all") if e["resolved_run"]]
    assert [(e["file"], e["cell"], e["resolved_run"]) for e in resolved if e["cell"] == bad["cell"]] == [
        (ROSALIND, bad["cell"], run)
    ]
    assert f"resolved by {run}" in loaded.firn("quarantine", "list", "--all", "--limit", "100").stdout
    loaded.json("rollback", "order_lists")
    assert listed(loaded, "--all") == before


def test_without_a_publication_there_is_no_quarantine(installation: Installation) -> None:
    done = installation.firn("quarantine", "list")
    assert done.returncode == 5
    assert 'there is no table "order_list_quarantine"' in done.stderr
    assert done.stderr.splitlines()[-1] == "Try: firn run order_lists"
