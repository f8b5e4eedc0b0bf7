"""Backups of order lists: taken, production broken, restored, rolled back; and what is refused."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.order_list_workbooks import cached
from loaders import copies
from tests.conftest import empty, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation
    from tests.storage import Store


PAGE = Path(__file__).parents[2] / "docs" / "runbooks" / "restore_a_backup.md"
SYNC = "SELECT md5(string_agg(t::text, ',' ORDER BY record_uuid)) FROM order_list_sync t"


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> tuple[Installation, dict[str, Any]]:
    """Order lists that are published and backed up, in which others have written too."""
    at = installed()
    shutil.copytree(cached(scale=0.01, seed=3) / "workbooks", at.books, dirs_exist_ok=True)
    settings = at.folder / "firn.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + '[backups]\nfolder = "backups"\n', encoding="utf-8")
    at.json("run", "order_lists")
    at.execute("UPDATE order_list_sync SET sync_state = 'SYNCED', api_request_payload = '{\"a\": 1}'")
    (backup,) = at.json("backup", "order_lists")
    at.keep()
    return at, backup


@pytest.fixture
def published(first: tuple[Installation, dict[str, Any]]) -> Iterator[Installation]:
    with restored(first[0]) as at:
        yield at


@pytest.fixture
def backup(first: tuple[Installation, dict[str, Any]]) -> dict[str, Any]:
    return first[1]


def commands() -> list[list[str]]:
    """Every command of the runbook, as it stands there."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def test_the_runbook_is_followed_to_a_restored_production_and_back(
    published: Installation, backup: dict[str, Any]
) -> None:
    before, run = published.production(), published.json("runs")[0]["run_id"]
    published.execute("UPDATE order_list SET row_hash = 'broken'", "DELETE FROM order_list_origin")
    broken = published.production()
    done = [published.firn(*line[1:]) for line in commands()[:4]]
    listed, beside, differs, restore = done
    assert [one.returncode for one in done] == [0, 0, 1, 0], [one.stderr for one in done]
    assert listed.stdout.startswith(backup["name"])
    assert "firn diff order_lists --against look_at_it" in beside.stdout
    assert "order_list_origin" in differs.stdout
    assert "generation 2" in restore.stdout
    assert published.production() == before
    check, plan, back = (published.firn(*line[1:]) for line in commands()[4:])
    assert (check.returncode, plan.returncode, back.returncode) == (0, 0, 0), check.stdout + back.stderr
    assert published.production() == broken
    told = dict(published.query("SELECT action, detail FROM firn.audit"))
    assert told["restored"] == f"from backup {backup['name']}"
    assert run != published.json("runs")[0]["run_id"]


def other_content(file: Path) -> None:
    """Change one byte of what a file holds once it is unpacked, and pack it again."""
    whole = b"".join(copies.read(file))
    at = len(whole) // 2
    file.unlink()
    copies.write(file, [whole[:at], bytes([whole[at] ^ 1]), whole[at + 1 :]])


def flipped(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)


def test_a_file_that_is_not_what_was_written_is_refused_before_anything_is_touched(
    published: Installation, backup: dict[str, Any]
) -> None:
    file = published.folder / "backups" / backup["name"] / "0.production.zst"
    whole, before, runs = file.read_bytes(), published.production(), published.json("runs")
    harms: tuple[Callable[[Path], Any], ...] = (other_content, flipped, Path.unlink)
    for harm in harms:
        file.write_bytes(whole)
        harm(file)
        done = published.firn("restore", backup["name"])
        assert done.returncode == 1
        assert str(file) in done.stderr
        assert "production is unchanged" in done.stderr
        assert "firn backup list" in done.stderr
        assert (published.production(), published.json("runs")) == (before, runs)


def test_what_a_backup_says_of_itself_is_believed_only_as_it_was_written(
    published: Installation, backup: dict[str, Any]
) -> None:
    manifest = published.folder / "backups" / backup["name"] / "backup.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"rows": 9', '"rows": 8', 1), encoding="utf-8")
    done = published.firn("restore", backup["name"])
    assert done.returncode == 5
    assert "not what was written" in done.stderr
    assert [one["spoiled"] for one in published.json("backup", "list")] == [True]


def test_a_drill_restores_elsewhere_and_the_doctor_and_the_audit_tell_of_it(
    published: Installation, backup: dict[str, Any]
) -> None:
    before = published.production()
    done = published.json("backup", "drill", "order_lists")
    assert done["tables"] == backup["tables"]
    assert done["seconds"] > 0
    (listed,) = published.json("backup", "list")
    assert (listed["name"], listed["drill_seconds"]) == (backup["name"], done["seconds"])
    assert published.production() == before
    acts = published.query("SELECT action, detail FROM firn.audit WHERE action IN ('backed_up', 'drilled') ORDER BY at")
    assert [action for action, _ in acts] == ["backed_up", "drilled"]
    assert all(backup["name"] in detail for _, detail in acts)
    finding = next(one for one in published.json("doctor")["findings"] if one["check"] == "backup order_lists")
    assert finding["passed"]
    assert f"{backup['name']}, " in finding["detail"]
    assert "drilled" in finding["detail"]


def test_as_many_are_kept_as_asked_for_and_half_of_one_never_counts(
    published: Installation, backup: dict[str, Any]
) -> None:
    backups = published.folder / "backups"
    (backups / ".unfinished-order_lists_backup_20260101_000000").mkdir()
    (backups / "order_lists_backup_20990101_000000").mkdir()
    settings = {"FIRN_BACKUPS__KEEP": "1"}
    (second,) = published.json("backup", "order_lists", "--no-verify", env=settings)
    assert (second["verified_at"], second["dropped"]) == (None, [])
    assert not list(backups.glob(".*"))
    (third,) = published.json("backup", env=settings)
    assert sorted(third["dropped"]) == sorted([backup["name"], second["name"]])
    assert [one["name"] for one in published.json("backup", "list")] == [third["name"]]
    assert "PASSWORD" not in (backups / third["name"] / "backup.json").read_text(encoding="utf-8").upper()


def test_a_database_that_lost_everything_has_it_again_also_what_others_wrote(
    published: Installation, backup: dict[str, Any]
) -> None:
    before, sync = published.production(), published.query(SYNC)
    empty(published.dsn)
    assert published.json("restore", backup["name"])["generation"] == 1
    assert (published.production(), published.query(SYNC)) == (before, sync)
    assert published.query("SELECT count(DISTINCT sync_state) FROM order_list_full") == [(1,)]
    assert published.json("run", "order_lists")["status"] == "unchanged"


def test_backups_lie_in_a_container_too(published: Installation, store: Store) -> None:
    before = published.production()
    env = {"AZURE_STORAGE_CONNECTION_STRING": store.connection_string(), "FIRN_BACKUPS__BLOBS__CONTAINER": store.name}
    settings = published.folder / "firn.toml"
    settings.write_text(settings.read_text(encoding="utf-8").partition("[backups]")[0], encoding="utf-8")
    (taken,) = published.json("backup", "order_lists", env=env)
    name = taken["name"]
    assert {blob.partition("/")[0] for blob in store.names()} == {name}
    assert [one["name"] for one in published.json("backup", "list", env=env)] == [name]

    published.execute("DELETE FROM order_list")
    broken, file = published.production(), f"{name}/0.production.zst"
    whole = store.get(file)
    store.put(file, whole[:-1] + bytes([whole[-1] ^ 1]))
    refused = published.firn("restore", name, env=env)
    assert refused.returncode == 1
    assert "0.production.zst" in refused.stderr
    assert published.production() == broken

    store.put(file, whole)
    published.json("restore", "order_lists", env=env)
    assert published.production() == before
    (later,) = published.json("backup", env={**env, "FIRN_BACKUPS__KEEP": "1"})
    assert later["dropped"] == [name]
    assert {blob.partition("/")[0] for blob in store.names()} == {later["name"]}
