"""Azure Blob storage as it fails, and what becomes of a workbook that is done: against a real Blob service."""

from __future__ import annotations

import socket
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.bad_workbooks import valid
from firn import ConfigError, FirnError, Run, SourceError, SourceUnavailable
from sources import AzureBlobs, Workbooks
from tests.storage import CONNECTION_STRING, KEY, OTHER_KEY, SAS_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.storage import Relay, Store

LISTING = "comp=list"
HEADER = "AAG ORDER NUMBER"


@pytest.fixture(autouse=True)
def environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credential of the account, and none that this machine may have."""
    for name in (CONNECTION_STRING, SAS_TOKEN, "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string())


def opened(store: Store, **settings: Any) -> Any:  # noqa: ANN401 (a Container, which is no part of the interface)
    return AzureBlobs.model_validate({"container": store.name, **settings}).open()


def workbooks(store: Store, **settings: Any) -> Workbooks:  # noqa: ANN401 (settings of any type)
    blobs = AzureBlobs.model_validate({"container": store.name, **settings})
    return Workbooks(blobs=blobs, required=(HEADER,))


def refused(ask: Callable[[], object], kind: type[FirnError] = SourceError) -> FirnError:
    """The error that something raises, after a look that it holds no secret and nothing that azure said."""
    with pytest.raises(kind) as caught:
        ask()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.hint
    for secret in (KEY, OTHER_KEY, "sig=", "Signature"):
        assert secret not in shown
    assert "azure.core" not in shown
    return caught.value


def test_a_wrong_key_says_which_variable_to_set(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(key=OTHER_KEY))
    error = refused(lambda: opened(store).list_blobs("*"))
    assert not isinstance(error, SourceUnavailable)
    assert f"{store.name} may not be read with {CONNECTION_STRING}" in error.message
    assert "Production is unchanged" in error.message
    assert f"Set {CONNECTION_STRING} to" in error.hint
    assert "az storage account show-connection-string --name firnaccount" in error.hint


@pytest.mark.parametrize("key", ["not base64!", "x"])
def test_a_key_that_can_be_none_is_refused_like_a_wrong_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(key=key))
    assert f"Set {CONNECTION_STRING} to" in refused(lambda: opened(store).list_blobs("*")).hint


@pytest.mark.parametrize("given", ["nonsense", "AccountKey=secret-key;", "https://x.invalid/?sig=x"])
def test_what_is_no_connection_string_is_refused_without_being_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, given)
    error = refused(lambda: opened(store), ConfigError)
    assert f"{CONNECTION_STRING} is no connection string. Nothing was read or written." in error.message
    assert "secret-key" not in error.message + error.hint


def test_no_credential_at_all_says_what_to_set(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONNECTION_STRING)
    error = refused(lambda: opened(store), ConfigError)
    assert "has no account_url" in error.message
    assert CONNECTION_STRING in error.hint


def test_an_identity_that_cannot_be_found_says_how_to_get_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    url = store.endpoint.replace("http:", "https:")
    error = refused(lambda: opened(store, account_url=url).list_blobs("*"))
    assert "may not be read with the identity that azure-identity found" in error.message
    assert "az login" in error.hint
    assert "Storage Blob Data Reader" in error.hint


def test_a_sas_token_opens_the_account_that_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a.xlsx", b"one")
    for token in (store.sas(), f"?{store.sas()}\n"):
        monkeypatch.setenv(SAS_TOKEN, token)
        container = opened(store, account_url=store.endpoint + "/")
        assert [container.read(blob) for blob in container.list_blobs("*")] == [b"one"]
        assert "sig=" not in container.address + container.title + container.look + repr(container.settings)


def test_an_expired_sas_token_says_when_it_expired_and_what_to_set(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SAS_TOKEN, store.sas(hours=-2))
    error = refused(lambda: opened(store, account_url=store.endpoint).list_blobs("*"))
    assert f"may not be read with {SAS_TOKEN} (expires 20" in error.message
    assert f"Set {SAS_TOKEN} to what this prints: az storage container generate-sas" in error.hint
    assert "--permissions rl " in error.hint


def test_a_sas_token_that_may_not_list_is_refused_and_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SAS_TOKEN, store.sas("r"))
    assert "--permissions rl " in refused(lambda: opened(store, account_url=store.endpoint).list_blobs("*")).hint


@pytest.mark.parametrize(
    "url", ["https://x.invalid/?sv=1&sig=abc", "https://me:abc@x.invalid", "https://x.invalid#abc"]
)
def test_an_address_with_a_secret_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match=f"put what stands behind the question mark into {SAS_TOKEN}") as caught:
        AzureBlobs(container="lists", account_url=url)
    assert "abc" not in caught.value.errors(include_input=False)[0]["msg"]  # type: ignore[attr-defined]


def test_a_missing_container_is_named(store: Store) -> None:
    error = refused(lambda: opened(store, container="nowhere").list_blobs("*"))
    assert "There is no container nowhere at 127.0.0.1" in error.message
    assert "az storage container create --account-name firnaccount --name nowhere" in error.hint


def test_a_container_deleted_after_it_was_listed_is_named(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.storage import make_store

    with make_store(account) as other:
        monkeypatch.setenv(CONNECTION_STRING, other.connection_string())
        other.put("a.xlsx", b"one")
        container = opened(other)
        (blob,) = container.list_blobs("*")
        with other.client as client:
            client.delete_container()
        assert f"There is no container {other.name}" in refused(lambda: container.read(blob)).message
        with other.client as client:
            client.create_container()


def test_an_endpoint_that_is_down_is_asked_three_times(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:  # bound, so that nobody else takes the port, and not listening
        nobody.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}/firnaccount"
        monkeypatch.setenv(CONNECTION_STRING, store.connection_string(down))
        error = refused(lambda: opened(store).list_blobs("*"), SourceUnavailable)
    assert error.exit_code == 75
    assert "127.0.0.1" in error.message
    assert "did not answer. Production is unchanged" in error.message
    assert "account_url" in error.hint


def received(silent: socket.socket) -> list[str]:
    """What was asked of a socket that took every connection and never read: complete once who asked has given up."""
    silent.settimeout(0)
    asked = []
    with suppress(BlockingIOError):
        while True:
            connection, _ = silent.accept()
            with connection:
                asked.append(connection.recv(65536).decode().partition(" HTTP/")[0])
    return asked


def test_a_silent_endpoint_is_asked_three_times_and_then_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        store.put(name, b"one")
    blobs = opened(store).list_blobs("*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/firnaccount"
        monkeypatch.setenv(CONNECTION_STRING, store.connection_string(address))
        container = opened(store, timeout_s=0.3)
        for blob in blobs:
            error = refused(lambda blob=blob: container.read(blob), SourceUnavailable)  # type: ignore[misc]
            assert error.message.startswith(f"{blob.name} could not be read just now")
        assert received(silent) == [f"GET /firnaccount/{store.name}/a.xlsx"] * 3


def test_a_busy_service_is_worth_another_try_and_its_answer_is_told(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a.xlsx", b"one")
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    container = opened(store)
    passing.answer = 503
    assert "answered 503" in refused(lambda: container.list_blobs("*"), SourceUnavailable).message
    passing.answer = None
    assert [container.read(blob) for blob in container.list_blobs("*")] == [b"one"]


def test_an_answer_that_nothing_is_known_about_is_told_with_its_number(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    passing.answer = 418
    error = refused(lambda: opened(store).list_blobs("*"))
    assert "answered 418" in error.message
    assert "az storage blob list" in error.hint


def test_content_that_is_cut_off_on_the_way_is_not_taken_for_the_whole(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a.xlsx", b"one" * 1000)
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    container = opened(store)
    (blob,) = container.list_blobs("*")
    passing.cut = True
    refused(lambda: container.read(blob), SourceUnavailable)


def test_a_large_workbook_replaced_between_two_pieces_of_its_download_is_refused(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 40 << 20
    store.put("a.xlsx", b"1" * size)
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    container = opened(store, timeout_s=60)
    (blob,) = container.list_blobs("*")
    once = threading.Lock()

    def replace(_: str) -> None:
        if len(passing.downloads()) == 2 and once.acquire(blocking=False):
            store.put("a.xlsx", b"2" * size)

    passing.before = replace
    assert "was saved again" in refused(lambda: container.read(blob), SourceUnavailable).message
    assert len(passing.downloads()) >= 2
    (now,) = container.list_blobs("*")
    assert set(container.read(now)) == {ord("2")}


def test_equal_file_names_in_two_regions_are_two_workbooks(store: Store, tmp_path: Path) -> None:
    content = valid(tmp_path / "x.xlsx")
    for name in ("USA/ALDER.xlsx", "EU/ALDER.xlsx", "EU/old/ALDER.xlsx", "ALDER.xlsx", "USALDER.xlsx"):
        store.put(name, content)
    source = workbooks(store, prefixes=["USA", "/EU/", "EU/"])
    assert list(dict.fromkeys(table.part for table in source.tables())) == ["EU/ALDER.xlsx", "USA/ALDER.xlsx"]


def test_a_listing_of_one_level_does_not_ask_for_what_lies_deeper(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    opened(store, prefixes=["EU"]).list_blobs("*.xlsx")
    opened(store).list_blobs("**/*.xlsx")
    assert ["delimiter" in request for request in passing.requests] == [True, False]


def test_a_workbook_whose_content_was_asked_for_is_not_sent_for_again(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.put("a.xlsx", valid(tmp_path / "x.xlsx"))
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    tables = list(workbooks(store).tables())
    assert passing.downloads() == []
    asked = {table.content() for table in tables if table.content}
    assert len(asked) == 1
    frames = {table.name: table.frame.collect() for table in tables}
    assert frames["workbook"]["etag"].item() in asked
    assert len(passing.downloads()) == 1


def test_a_fingerprint_is_the_address_with_the_etag_and_no_hash(store: Store, tmp_path: Path) -> None:
    etag = store.put("EU/a.xlsx", valid(tmp_path / "x.xlsx"))
    table = next(iter(workbooks(store, prefixes=["EU"]).tables()))
    assert table.fingerprint == f"{store.endpoint}/{store.name}/EU/a.xlsx#{etag}"


def test_a_workbook_above_the_limit_is_not_sent_for(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.put("a.xlsx", valid(tmp_path / "x.xlsx"))
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    source = Workbooks.model_validate({"blobs": {"container": store.name}, "limits": {"max_file_bytes": 100}})
    table = next(iter(source.tables()))
    assert table.content
    for ask in (table.content, table.frame.collect):
        assert "a.xlsx cannot be read: it has" in refused(ask).message
    assert passing.downloads() == []


RUN = Run.start("order_lists")


def listed(source: Workbooks) -> dict[str, str]:
    return {table.part: table.fingerprint for table in source.tables()}


def test_nothing_is_done_to_a_workbook_unless_it_is_asked_for(store: Store) -> None:
    store.put("a.xlsx", b"one")
    source = workbooks(store)
    assert source.finished(RUN, listed(source)) == ()
    assert store.names() == ["a.xlsx"]
    assert store.tags("a.xlsx") == {}


def test_a_tag_says_which_run_published_which_version_and_leaves_other_tags_and_the_etag(store: Store) -> None:
    etag = store.put("EU/a.xlsx", b"one")
    with store.client as client:
        client.get_blob_client("EU/a.xlsx").set_blob_tags({"owner": "sales"})
    source = workbooks(store, processed="tag", prefixes=["EU"])
    before = listed(source)
    assert source.finished(RUN, before) == []
    assert store.tags("EU/a.xlsx") == {"owner": "sales", "firn_run": RUN.id, "firn_etag": etag}
    assert listed(source) == before


def test_a_workbook_that_was_not_published_or_was_replaced_since_is_left_alone(store: Store) -> None:
    for processed in ("tag", "move"):
        for name in ("a.xlsx", "b.xlsx"):
            store.put(name, b"one")
        source = workbooks(store, processed=processed)
        published = listed(source)
        del published["a.xlsx"]
        store.put("b.xlsx", b"two")
        assert source.finished(RUN, published) == []
        assert store.names() == ["a.xlsx", "b.xlsx"]
        assert store.tags("b.xlsx") == {}


def test_a_moved_workbook_is_still_read_under_its_name_until_a_newer_one_comes(store: Store) -> None:
    store.put("EU/a.xlsx", b"one")
    source = workbooks(store, processed="move", prefixes=["EU"])
    assert source.finished(RUN, listed(source)) == []
    assert store.names() == ["processed/EU/a.xlsx"]
    assert list(listed(source)) == ["EU/a.xlsx"]
    container = source.blobs.open()  # type: ignore[union-attr]
    assert [container.read(blob) for blob in container.list_blobs("*")] == [b"one"]
    assert source.content("EU/a.xlsx") == b"one"
    store.put("EU/a.xlsx", b"two")
    assert [container.read(blob) for blob in container.list_blobs("*")] == [b"two"]
    assert source.finished(RUN, listed(source)) == []
    assert store.names() == ["processed/EU/a.xlsx"]
    assert store.get("processed/EU/a.xlsx") == b"two"


def test_what_was_moved_is_left_where_it_is_when_it_is_read_again(store: Store) -> None:
    store.put("processed/a.xlsx", b"one")
    source = workbooks(store, processed="move", prefixes=[""])
    assert source.finished(RUN, listed(source)) == []
    assert store.names() == ["processed/a.xlsx"]


def test_folders_of_processed_workbooks_are_never_read_as_new_ones(store: Store) -> None:
    for name in ("a.xlsx", "processed/a.xlsx", "processed/b.xlsx"):
        store.put(name, b"one")
    blobs = AzureBlobs(container=store.name, processed="move").open().list_blobs("**/*.xlsx")
    assert [(blob.name, blob.path) for blob in blobs] == [("a.xlsx", "a.xlsx"), ("b.xlsx", "processed/b.xlsx")]


def test_a_workbook_replaced_while_it_is_moved_is_not_lost(
    store: Store, passing: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a.xlsx", b"one")
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string(passing.endpoint))
    source = workbooks(store, processed="move")
    published = listed(source)

    def replace(request: str) -> None:
        if request.startswith("DELETE"):
            store.put("a.xlsx", b"two")

    passing.before = replace
    (note,) = source.finished(RUN, published)
    assert note.startswith("Published, but not moved to processed/: a.xlsx (was saved again")
    assert store.get("a.xlsx") == b"two"
    assert store.get("processed/a.xlsx") == b"one"


@pytest.mark.parametrize("processed", ["tag", "move"])
def test_what_a_credential_may_not_do_is_one_note_that_names_every_workbook(
    store: Store, monkeypatch: pytest.MonkeyPatch, processed: str
) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        store.put(name, b"one")
    monkeypatch.setenv(SAS_TOKEN, store.sas("rl"))
    source = workbooks(store, processed=processed, account_url=store.endpoint)
    (note,) = source.finished(RUN, listed(source))
    assert note.startswith("Published, but not ")
    assert "a.xlsx, b.xlsx" in note
    assert f"may not be changed with {SAS_TOKEN}" in note
    assert store.names() == ["a.xlsx", "b.xlsx"]


def test_an_account_that_is_gone_by_then_is_a_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a.xlsx", b"one")
    source = workbooks(store, processed="tag")
    published = listed(source)
    monkeypatch.delenv(CONNECTION_STRING)
    (note,) = source.finished(RUN, published)
    assert note.startswith("Published, but no workbook was tagged or moved. ")
