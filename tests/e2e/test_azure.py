"""Order lists from a real Blob service through the real command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_workbooks
from tests.storage import CONNECTION_STRING, SAS_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Installation
    from tests.storage import Relay, Store

ALDER, BIRCH = "USA/ALDER ORDER LIST (M3).xlsx", "EU/ALDER ORDER LIST (M3).xlsx"


def configure(at: Installation, store: Store, *more: str) -> None:
    lines = ["[order_lists.blobs]", f'container = "{store.name}"', 'prefixes = ["USA", "EU"]', *more]
    (at.folder / "firn.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return bad_workbooks.valid(tmp_path / "made.xlsx")


@pytest.fixture
def published(
    installation: Installation, store: Store, passing: Relay, content: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """A production that two workbooks of one name in two regions made, read through a relay."""
    monkeypatch.delenv(SAS_TOKEN, raising=False)
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    for name in (ALDER, BIRCH):
        store.put(name, content)
    configure(installation, store)
    assert installation.json("run", "order_lists")["status"] == "published"
    return installation


def test_equal_names_in_two_regions_are_two_workbooks_in_production(published: Installation) -> None:
    found = published.query("select file, count(*) from order_list_origin group by 1 order by 1")
    assert [file for file, _ in found] == [BIRCH, ALDER]
    assert len({count for _, count in found}) == 1


def test_unchanged_workbooks_are_not_sent_for_and_equal_bytes_uploaded_again_only_once(
    published: Installation, store: Store, passing: Relay, content: Path
) -> None:
    before = published.production()
    assert published.json("run", "order_lists")["status"] == "unchanged"
    assert len(passing.downloads()) == 2, "one for each workbook, when they were published"
    store.put(ALDER, content)
    for _ in range(2):
        assert published.json("run", "order_lists")["status"] == "unchanged"
    assert len(passing.downloads()) == 3
    assert published.production() == before


def test_a_sas_token_is_enough_and_is_shown_nowhere(
    published: Installation, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONNECTION_STRING)
    monkeypatch.setenv(SAS_TOKEN, store.sas())
    configure(published, store, f'account_url = "{store.endpoint}"')
    done = published.firn("run", "order_lists", "--full-refresh", "--json")
    assert done.returncode == 0, done.stderr
    assert "sig=" not in done.stdout + done.stderr
    assert "sig=" not in str(published.query("select * from firn.run"))


def test_published_workbooks_are_moved_and_stay_part_of_the_source(published: Installation, store: Store) -> None:
    configure(published, store, 'processed = "move"')
    report = published.json("run", "order_lists", "--full-refresh")
    assert report["status"] == "published"
    assert not [note for note in report["notes"] if note.startswith("Published, but")]
    assert store.names() == [f"processed/{BIRCH}", f"processed/{ALDER}"]
    assert published.json("run", "order_lists")["status"] == "unchanged"
    before = published.production()["order_list"]
    assert published.json("run", "order_lists", "--full-refresh")["status"] == "published"
    assert published.production()["order_list"] == before


def test_nothing_is_moved_by_a_run_that_does_not_publish(published: Installation, store: Store) -> None:
    configure(published, store, 'processed = "move"')
    assert published.json("run", "order_lists", "--full-refresh", "--no-publish")["status"] == "ready"
    assert store.names() == [BIRCH, ALDER]


def test_a_run_is_published_whatever_becomes_of_the_tags(
    published: Installation, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SAS_TOKEN, store.sas("rl"))
    configure(published, store, 'processed = "tag"', f'account_url = "{store.endpoint}"')
    report = published.json("run", "order_lists", "--full-refresh")
    assert report["status"] == "published"
    (note,) = [note for note in report["notes"] if note.startswith("Published, but not tagged")]
    assert f"{BIRCH}, {ALDER}" in note
    assert published.json("report")["notes"] == report["notes"]
