"""What every place with files promises, proven for a local folder and for a real Blob service."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from benchmarks.bad_workbooks import valid
from benchmarks.xlsx_writer import Sheet, raw_workbook
from firn import SourceError, SourceUnavailable
from sources import AzureBlobs, Workbooks
from sources.blobs import Folder
from tests.storage import CONNECTION_STRING

if TYPE_CHECKING:
    from pathlib import Path

    from firn import Table
    from sources.blobs import Blobs
    from tests.storage import Store

KEY = "AAG ORDER NUMBER"


class Place(Protocol):
    """A place to fill from outside, and how firn opens it."""

    def put(self, name: str, content: bytes) -> object: ...
    def remove(self, name: str) -> object: ...
    def open(self) -> Blobs: ...
    def workbooks(self, pattern: str) -> Workbooks: ...


@dataclass
class LocalPlace:
    folder: Path

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(content)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def open(self) -> Folder:
        return Folder(self.folder, 1 << 30)

    def workbooks(self, pattern: str = "*.xlsx") -> Workbooks:
        return Workbooks(folder=self.folder, pattern=pattern, required=(KEY,))


@dataclass
class AzurePlace:
    store: Store

    def put(self, name: str, content: bytes) -> None:
        self.store.put(name, content)

    def remove(self, name: str) -> None:
        self.store.remove(name)

    def open(self) -> Blobs:
        return AzureBlobs(container=self.store.name).open()

    def workbooks(self, pattern: str = "*.xlsx") -> Workbooks:
        return Workbooks(blobs=AzureBlobs(container=self.store.name), pattern=pattern, required=(KEY,))


@pytest.fixture(params=["folder", "azure"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "folder":
        return LocalPlace(tmp_path)
    store: Store = request.getfixturevalue("store")
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string())
    return AzurePlace(store)


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own for what is put there."""
    return tmp_path_factory.mktemp("made")


def test_files_are_listed_by_name_with_their_size_and_the_time_of_their_last_change(place: Place) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    for name, content in {"b.xlsx": b"12", "a.xlsx": b"1", "C.XLSX": b"", "notes.txt": b"1"}.items():
        place.put(name, content)
    found = place.open().list_blobs("*.xlsx")
    assert [(blob.name, blob.size) for blob in found] == [("C.XLSX", 0), ("a.xlsx", 1), ("b.xlsx", 2)]
    assert all(before <= blob.modified <= dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2) for blob in found)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    {
        "*.xlsx": ["a.xlsx"],
        "**/*.xlsx": ["EU/a.xlsx", "EU/west/a.xlsx", "USA/A LIST.xlsx", "USA/a.xlsx", "a.xlsx"],
        "*/A*.xlsx": ["EU/a.xlsx", "USA/A LIST.xlsx", "USA/a.xlsx"],
        "usa/**/*.xlsx": ["USA/A LIST.xlsx", "USA/a.xlsx"],
        "**/*list.xlsx": ["USA/A LIST.xlsx"],
        "[!b].xlsx": ["a.xlsx"],
        "?.xlsx": ["a.xlsx"],
    }.items(),
)
def test_a_pattern_says_which_files_and_in_which_folders(place: Place, pattern: str, expected: list[str]) -> None:
    for name in ("a.xlsx", "USA/a.xlsx", "USA/A LIST.xlsx", "EU/a.xlsx", "EU/west/a.xlsx", "EU/a.xlsx.bak"):
        place.put(name, b"1")
    assert [blob.name for blob in place.open().list_blobs(pattern)] == expected


def test_a_file_is_read_as_it_was_written(place: Place) -> None:
    contents = {"a.xlsx": b"", "b.xlsx": b"\x00\r\n\xff" * 3, "Märchen & 50 % #1?.xlsx": os.urandom(3_000_000)}
    for name, content in contents.items():
        place.put(name, content)
    opened = place.open()
    assert {blob.name: opened.read(blob) for blob in opened.list_blobs("*")} == contents


def test_an_overwrite_within_the_same_second_and_of_the_same_size_has_another_etag(place: Place) -> None:
    place.put("a.xlsx", b"one")
    (first,) = place.open().list_blobs("*")
    (again,) = place.open().list_blobs("*")
    place.put("a.xlsx", b"two")
    (then,) = place.open().list_blobs("*")
    assert first.etag == again.etag
    assert first.etag != then.etag


def test_a_file_replaced_after_it_was_listed_is_never_read_as_the_one_listed(place: Place) -> None:
    place.put("a.xlsx", b"one")
    opened = place.open()
    (blob,) = opened.list_blobs("*")
    place.put("a.xlsx", b"two")
    with pytest.raises(
        SourceUnavailable, match=r"^a\.xlsx was saved again while this run was.*Production is unchanged"
    ):
        opened.read(blob)
    (now,) = opened.list_blobs("*")
    assert opened.read(now) == b"two"


def test_a_file_deleted_after_it_was_listed_is_named(place: Place) -> None:
    place.put("a.xlsx", b"one")
    opened = place.open()
    (blob,) = opened.list_blobs("*")
    place.remove("a.xlsx")
    with pytest.raises(SourceError, match=r"^a\.xlsx .*Production is unchanged") as caught:
        opened.read(blob)
    assert caught.value.hint
    assert not isinstance(caught.value, SourceUnavailable)


def test_a_place_without_workbooks_is_named_with_what_shows_its_content(place: Place) -> None:
    place.put("notes.txt", b"1")
    place.put("~$a.xlsx", b"1")
    with pytest.raises(SourceError, match=r"has no file that matches \*\.xlsx\. Production is unchanged") as caught:
        list(place.workbooks("*.xlsx").tables())
    assert place.open().address in caught.value.message
    assert "Put the files there" in caught.value.hint


def parts(tables: list[Table]) -> dict[str, dict[str, Table]]:
    found: dict[str, dict[str, Table]] = {}
    for table in tables:
        found.setdefault(table.part, {})[table.name] = table
    return found


def test_workbooks_are_the_same_tables_wherever_they_lie(place: Place, made: Path) -> None:
    content = valid(made / "x.xlsx").read_bytes()
    other = raw_workbook(made / "y.xlsx", [Sheet("MASTER", [[KEY], ["K-1"]])]).read_bytes()
    for name in ("USA/ALDER.xlsx", "EU/ALDER.xlsx"):
        place.put(name, other if name.startswith("EU") else content)
    found = parts(list(place.workbooks("[EU]*/*.xlsx").tables()))
    assert list(found) == ["EU/ALDER.xlsx", "USA/ALDER.xlsx"]
    workbook = found["EU/ALDER.xlsx"]["workbook"].frame.collect()
    assert workbook["file"].to_list() == ["EU/ALDER.xlsx"]
    assert workbook["etag"].to_list() == [hashlib.sha256(other).hexdigest()]
    assert found["EU/ALDER.xlsx"]["cells"].frame.collect().rows() == [(2, "K-1")]


def test_the_bytes_of_one_workbook_can_be_had_by_its_name(place: Place) -> None:
    place.put("USA/a.xlsx", b"one")
    assert place.workbooks("**/*.xlsx").content("USA/a.xlsx") == b"one"
    with pytest.raises(SourceError, match=r"^EU/a\.xlsx .*Production is unchanged"):
        place.workbooks("**/*.xlsx").content("EU/a.xlsx")


def test_the_hash_of_the_content_is_the_fingerprint_or_can_be_asked(place: Place, made: Path) -> None:
    content = valid(made / "x.xlsx").read_bytes()
    place.put("a.xlsx", content)
    for table in place.workbooks("*.xlsx").tables():
        known = table.content() if table.content else table.fingerprint
        assert known == hashlib.sha256(content).hexdigest()


def test_equal_bytes_uploaded_again_have_the_same_hash(place: Place, made: Path) -> None:
    content = valid(made / "x.xlsx").read_bytes()
    hashes = []
    for _ in range(2):
        place.put("a.xlsx", content)
        table = next(iter(place.workbooks("*.xlsx").tables()))
        hashes.append(table.content() if table.content else table.fingerprint)
    assert hashes[0] == hashes[1]


def test_two_files_have_two_fingerprints(place: Place) -> None:

    place.put("a.xlsx", b"one")
    place.put("b.xlsx", b"two")
    fingerprints = [table.fingerprint for table in place.workbooks("*.xlsx").tables() if table.name == "cells"]
    assert len(set(fingerprints)) == 2
