"""All that can be wrong with a container: exit code, place, sentence on production, next command, same production."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_workbooks
from tests.conftest import Installation, empty
from tests.storage import CONNECTION_STRING, KEY, OTHER_KEY, SAS_TOKEN, make_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.storage import Relay, Store

ALDER, BIRCH = "USA/ALDER ORDER LIST (M3).xlsx", "EU/ALDER ORDER LIST (M3).xlsx"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bad_workbooks.valid(tmp_path_factory.mktemp("made") / "made.xlsx")


@pytest.fixture(scope="module")
def production(
    server_home: tuple[Path, str], account: str, content: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A production that two workbooks made, for all tests: each of them proves that it leaves it as it is."""
    made = Installation(tmp_path_factory.mktemp("azure"), *server_home)
    with make_store(account) as first, pytest.MonkeyPatch.context() as environment:
        for name in (ALDER, BIRCH):
            first.put(name, content)
        environment.setenv(CONNECTION_STRING, first.connection_string())
        configure(made, first)
        assert made.json("run", "order_lists")["status"] == "published"
    yield made
    empty(made.dsn)


@pytest.fixture
def published(
    production: Installation, store: Store, passing: Relay, content: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """That production, and the same two workbooks in a container of the test's own behind a relay."""
    monkeypatch.delenv(SAS_TOKEN, raising=False)
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    for name in (ALDER, BIRCH):
        store.put(name, content)
    configure(production, store)
    return production


def configure(at: Installation, store: Store, *more: str) -> None:
    lines = ["[order_lists.blobs]", f'container = "{store.name}"', 'prefixes = ["USA", "EU"]', *more]
    (at.folder / "firn.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def failed(at: Installation, *, code: int) -> str:
    """What a run says that must fail and leave production as it is, without any secret."""
    before = at.production()
    done = at.firn("run", "order_lists")
    said = done.stdout + done.stderr
    text = " ".join(said.replace("│", " ").split())
    assert done.returncode == code, said
    assert "production is unchanged" in text.lower()
    assert "Try: " in done.stderr
    assert "Traceback" not in said
    assert not [secret for secret in (KEY, OTHER_KEY, "sig=") if secret in said]
    assert at.production() == before
    return text


def test_wrong_credentials(published: Installation, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(key=OTHER_KEY))
    said = failed(published, code=1)
    assert f"may not be read with {CONNECTION_STRING}" in said
    assert f"Try: Set {CONNECTION_STRING} to what this prints: az storage account show-connection-string" in said


def test_an_expired_sas_token(published: Installation, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SAS_TOKEN, store.sas(hours=-2))
    configure(published, store, f'account_url = "{store.endpoint}"')
    said = failed(published, code=1)
    assert f"may not be read with {SAS_TOKEN} (expires 20" in said
    assert f"Try: Set {SAS_TOKEN} to what this prints: az storage container generate-sas" in said


def test_an_endpoint_that_is_down(published: Installation, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}/firnaccount"
        monkeypatch.setenv(CONNECTION_STRING, store.connection_string(down))
        said = failed(published, code=75)
    assert f"The container {down}/{store.name}" in said
    assert "did not answer" in said
    assert "Try: Run again" in said


def test_an_endpoint_that_falls_silent_after_the_listing_is_given_up_once_for_all_workbooks(
    published: Installation, store: Store, passing: Relay, content: Path
) -> None:
    for number in range(6):
        store.put(f"USA/{number}.xlsx", content)
    configure(published, store, "timeout_s = 2")

    def fall_silent(request: str) -> None:
        if "comp=list" not in request:
            passing.answer = 0

    sent = len(passing.downloads())
    passing.before = fall_silent
    said = failed(published, code=75)
    assert "8 of 8 files could not be used" in said
    assert len(passing.downloads()) - sent <= 3 * 4, "every worker may be under way with one when it falls silent"


def test_a_container_that_is_missing(published: Installation) -> None:
    (published.folder / "firn.toml").write_text('[order_lists.blobs]\ncontainer = "nowhere"\n', encoding="utf-8")
    said = failed(published, code=1)
    assert "There is no container nowhere at 127.0.0.1" in said
    assert "Try: Change the setting container, or make it: az storage container create" in said


def test_a_container_that_is_empty(published: Installation, store: Store) -> None:
    for name in store.names():
        store.remove(name)
    said = failed(published, code=1)
    assert f"{store.name} under USA/, EU/ has no file that matches *.xlsx" in said
    assert "az storage blob list" in said


def test_a_workbook_replaced_during_the_run(
    published: Installation, store: Store, passing: Relay, content: Path
) -> None:
    store.put(ALDER, content.read_bytes() + b" ")

    def replace(request: str) -> None:
        if request in passing.downloads():
            store.put(ALDER, content)

    passing.before = replace
    said = failed(published, code=75)
    assert f"customer ALDER in USA: {ALDER} was saved again while this run was under way" in said
    assert "firn run order_lists" in said


def test_a_workbook_deleted_during_the_run(
    published: Installation, store: Store, passing: Relay, content: Path
) -> None:
    store.put(ALDER, content.read_bytes() + b" ")

    def remove(request: str) -> None:
        if request in passing.downloads() and ALDER in store.names():
            store.remove(ALDER)

    passing.before = remove
    assert f"{ALDER} is not there, or no longer" in failed(published, code=1)
