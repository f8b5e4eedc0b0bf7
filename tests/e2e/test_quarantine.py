"""The quarantine, worked on from the command line: listed, annotated, corrected, and marked once it is resolved."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from benchmarks.order_list_workbooks import cached
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

ASHFORD = "ASHFORD ORDER LIST (M3).xlsx"
ECHELON = "ECHELON OWN LABEL ORDER LIST (M3).xlsx"
ROSALIND = "ROSALIND ORDER LIST (M3).xlsx"
FIONA = "FIONA KATE ORDER LIST (M3).xlsx"
HIGHLIGHT = "FFFFB84D"


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """Three workbooks with cells in quarantine, published."""
    at = installed()
    made = cached(scale=0.02, seed=3) / "workbooks"
    for name in (ASHFORD, ECHELON, ROSALIND):
        shutil.copy(made / name, at.books / name)
    at.json("run", "order_lists")
    at.keep()
    return at


@pytest.fixture
def loaded(first: Installation) -> Iterator[Installation]:
    with restored(first) as at:
        yield at


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
    before, run = loaded.production(), listed(loaded)[0]["run_id"]
    workbook = openpyxl.load_workbook(loaded.books / ECHELON)
    workbook.save(loaded.books / ECHELON)
    done = loaded.firn("quarantine", "export", "--out", "annotated")
    assert done.returncode == 1
    assert "1 of 3 workbooks were not annotated" in done.stderr
    assert f"{ECHELON} is not what run {run} read: it was saved again since" in done.stderr
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


def replayed(at: Installation, *arguments: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Replay, and return what became of each workbook, and the run."""
    document = at.json("replay", *arguments)
    return document["files"], document["run"]


def others(at: Installation, file: str) -> list[tuple[Any, ...]]:
    """Every published row of all workbooks but one."""
    query = (
        "select t::text from order_list t join order_list_origin o using (record_uuid) where o.file <> %s order by 1"
    )
    return at.query(query, file)


def corrected(at: Installation, file: str) -> tuple[str, dict[str, Any]]:
    """Export a workbook, empty one bad cell of a published row as a person would, and return the copy and the entry."""
    at.json("quarantine", "export", "--file", file, "--out", "annotated")
    bad = next(e for e in listed(at, "--file", file) if e["reason"] in {"not_a_number", "not_whole"})
    workbook = openpyxl.load_workbook(at.folder / "annotated" / file)
    workbook[bad["sheet"]][bad["cell"]] = 59
    workbook.save(at.folder / "annotated" / file)
    return f"annotated/{file}", bad


def test_a_corrected_copy_is_replayed_and_only_its_workbook_is_replaced(loaded: Installation) -> None:
    before, kept = listed(loaded, "--file", ASHFORD), others(loaded, ASHFORD)
    copy, bad = corrected(loaded, ASHFORD)
    original = (loaded.books / ASHFORD).read_bytes()

    files, run = replayed(loaded, "--file", copy)

    count = len(before)
    assert files == [{"file": ASHFORD, "before": count, "after": count - 1, "resolved": 1, "new": 0}]
    assert run["status"] == "published"
    resolved = [e for e in listed(loaded, "--file", ASHFORD, "--all") if e["resolved_run"]]
    assert [(e["cell"], e["resolved_run"]) for e in resolved] == [(bad["cell"], run["run_id"])]
    assert others(loaded, ASHFORD) == kept
    assert (loaded.books / ASHFORD).read_bytes() == original
    column = bad["column"].replace('"', '""')
    query = f'select t."{column}"::int from order_list t join order_list_origin o using (record_uuid) '  # noqa: S608
    assert loaded.query(query + "where o.file = %s and o.row = %s", ASHFORD, bad["row"]) == [(59,)]


def test_a_replay_prints_the_cells_before_and_after_and_how_to_undo_it(loaded: Installation) -> None:
    copy, _ = corrected(loaded, ASHFORD)
    count = len(listed(loaded, "--file", ASHFORD))
    before = listed(loaded)
    done = loaded.firn("replay", "--file", copy)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if ASHFORD in line and "note" not in line]
    assert line.strip("│ ").removeprefix(ASHFORD).split() == [str(count), str(count - 1), "1", "0"]
    assert "undo: firn rollback order_lists" in done.stdout
    loaded.json("rollback", "order_lists")
    assert listed(loaded) == before


def test_a_replay_of_a_reason_reads_the_workbooks_that_have_it_and_no_other(loaded: Installation) -> None:
    having = {e["file"] for e in listed(loaded, "--reason", "time_of_day")}
    assert having
    assert having < {ASHFORD, ECHELON, ROSALIND}
    files, run = replayed(loaded, "--reason", "time_of_day")
    assert {one["file"] for one in files} == having
    assert (run["status"], run["taken"]) == ("unchanged", 3)
    files, run = replayed(loaded, "--reason", "time_of_day", "--set", "phantom_rows=keep")
    assert run["taken"] == 3 - len(having)
    assert all(one["before"] >= one["after"] for one in files)


def test_todays_rules_are_applied_when_a_workbook_is_replayed(loaded: Installation) -> None:
    """Phantom rows leave the quarantine once the setting keeps them, though no workbook has changed."""
    shutil.copy(cached(scale=0.02, seed=3) / "workbooks" / FIONA, loaded.books / FIONA)
    loaded.json("run", "order_lists")
    assert listed(loaded, "--reason", "phantom_row")
    files, _ = replayed(loaded, "--reason", "phantom_row", "--set", "phantom_rows=keep")
    assert listed(loaded, "--reason", "phantom_row") == []
    assert all(one["resolved"] > 0 for one in files)


def test_nothing_is_read_where_nothing_is_in_quarantine(loaded: Installation) -> None:
    before = loaded.production()
    done = loaded.firn("replay", "--reason", "unmapped_customer")
    assert done.returncode == 0
    assert done.stdout == (
        "Nothing of order_lists is in quarantine (--reason unmapped_customer): nothing was read. "
        "Next: firn run order_lists\n"
    )
    assert loaded.production() == before


def test_a_workbook_that_is_gone_is_not_dropped_by_a_replay_of_all(loaded: Installation) -> None:
    before = loaded.production()
    (loaded.books / ROSALIND).unlink()
    done = loaded.firn("replay")
    assert done.returncode == 1
    assert f"{ROSALIND} is published and gone from the source" in done.stderr
    assert "Production is unchanged" in done.stderr
    said = " ".join(done.stderr.replace("│", " ").split())
    assert f"Put it back, or let its rows go: firn run order_lists --accept-missing '{ROSALIND}'" in said
    assert loaded.production() == before


@pytest.mark.parametrize("verb", [("quarantine", "list"), ("quarantine", "export", "--out", "annotated"), ("replay",)])
@pytest.mark.parametrize(
    ("asked", "meant"),
    [(("--file", "ashfrd order list (m3).xlsx"), f"'{ASHFORD}'"), (("--reason", "time_of_dya"), "time_of_day")],
)
def test_a_misspelt_file_or_reason_does_not_read_as_if_all_were_well(
    loaded: Installation, verb: tuple[str, ...], asked: tuple[str, ...], meant: str
) -> None:
    before = loaded.production()
    done = loaded.firn(*verb, *asked)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{asked[0]} {asked[1]}: no " in done.stderr
    assert "Production is unchanged" in done.stderr
    assert done.stderr.splitlines()[-1] == f"Try: Did you mean {meant}?"
    assert loaded.production() == before
