"""An opened container of Azure Blob storage: list it, read from it pinned to the etag, tag or move what is done."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from firn import SourceError, SourceUnavailable
from sources.azure_errors import explained, unanswered
from sources.blobs import UNCHANGED, Blob, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from azure.storage.blob import BlobProperties, ContainerClient

    from sources.azure_blobs import AzureBlobs
    from sources.azure_errors import Credential

_SILENT_S = 0.5  # shorter than the pause before another try, longer than failing takes for many workbooks


@dataclass(slots=True)
class Container:
    """An opened container; its etags are Azure's.

    When nothing answered, what is asked right then fails at once, so that a run over many workbooks is as soon done
    with them as with one; a moment later it is asked again.

    Attributes:
        settings: Which container, and which folders of it.
        client: Whom to ask.
        credential: How it was opened, for what to say when that is refused.
        silent_since: When nothing answered last, by the monotonic clock; none while it answers.
    """

    settings: AzureBlobs
    client: ContainerClient
    credential: Credential
    silent_since: float | None = None

    @property
    def title(self) -> str:
        """Name the container and its folders."""
        folders = [prefix for prefix in self.settings.prefixes if prefix]
        return f"The container {self.address}" + (f" under {', '.join(folders)}" if folders else "")

    @property
    def address(self) -> str:
        """Give the container's address without its query, which may be a SAS token."""
        return self.client.url.partition("?")[0]

    @property
    def host(self) -> str:
        """Name who answers, or does not."""
        return self.client.primary_hostname

    @property
    def look(self) -> str:
        """Say how to look into it."""
        return (
            "Put the files there, or change the setting container or prefixes: az storage blob list "
            f"--account-name {self.client.account_name} --container-name {self.settings.container} --output table"
        )

    def list_blobs(self, pattern: str) -> list[Blob]:
        """List the blobs of every folder by name; one that was moved, under its first name unless a newer one is there.

        Raises:
            SourceError: The container is missing, or not to be listed with this credential.
            SourceUnavailable: The account does not answer.
        """
        with self._asking(self.title):
            found = {blob.name: blob for prefix in self.settings.prefixes for blob in self._under(prefix, pattern)}
            if apart := self._apart:
                new = {name: blob for name, blob in found.items() if not name.startswith(apart)}
                moved = [blob for prefix in self.settings.prefixes for blob in self._under(apart + prefix, pattern)]
                found = {b.name.removeprefix(apart): replace(b, name=b.name.removeprefix(apart)) for b in moved} | new
        return [found[name] for name in sorted(found)]

    @property
    def _apart(self) -> str:
        return self.settings.processed_prefix if self.settings.processed == "move" else ""

    def _under(self, start: str, pattern: str) -> Iterator[Blob]:
        for item in self._items(start, deep="/" in pattern):
            if matches(item.name.removeprefix(start), pattern):
                yield _listed(item)

    def _items(self, start: str, *, deep: bool) -> Iterable[BlobProperties]:
        from azure.storage.blob import BlobProperties

        if deep:
            return self.client.list_blobs(name_starts_with=start or None)
        level = self.client.walk_blobs(name_starts_with=start or None, delimiter="/")
        return (item for item in level if isinstance(item, BlobProperties))

    def find(self, name: str) -> Blob:
        """Look at one blob, where it was put or where it was moved to.

        Raises:
            SourceError: There is none of that name, or it may not be looked at with this credential.
            SourceUnavailable: The account does not answer.
        """
        from azure.core.exceptions import ResourceNotFoundError

        with self._asking(name):
            try:
                found = self.client.get_blob_client(name).get_blob_properties()
            except ResourceNotFoundError:
                if not self._apart:
                    raise
                found = self.client.get_blob_client(self._apart + name).get_blob_properties()
        return replace(_listed(found), name=name)

    def read(self, blob: Blob) -> bytes:
        """Read a blob at the etag listed; the service refuses every piece of another.

        Raises:
            SourceError: It was deleted, or may not be read with this credential.
            SourceUnavailable: It was replaced after it was listed, or the account does not answer.
        """
        from azure.core.exceptions import ResourceModifiedError

        client = self.client.get_blob_client(blob.path)
        with self._asking(blob.name):
            try:
                content: bytes = client.download_blob(**_pinned(blob)).readall()
            except ResourceModifiedError:
                client.get_blob_properties()  # raises where it is gone, which If-Match does not tell from replaced
                raise
        return content

    def put(self, name: str, path: Path) -> None:
        """Write a file to a new blob.

        Raises:
            SourceError: There is a blob of that name, or it may not be written with this credential.
            SourceUnavailable: The account does not answer.
        """
        with self._asking(name, "written"), path.open("rb") as file:
            self.client.upload_blob(name, file)

    def fetch(self, name: str, path: Path) -> None:
        """Read a blob into a file, piece by piece.

        Raises:
            SourceError: It was deleted, or may not be read with this credential.
            SourceUnavailable: The account does not answer.
        """
        with self._asking(name), path.open("wb") as file:
            self.client.download_blob(name).readinto(file)

    def drop(self, name: str) -> None:
        """Delete a blob.

        Raises:
            SourceError: It may not be deleted with this credential, or is not there.
            SourceUnavailable: The account does not answer.
        """
        with self._asking(name, "deleted"):
            self.client.delete_blob(name)

    def finish(self, run_id: str, blobs: Iterable[Blob]) -> list[str]:
        """Tag or move blobs, as the settings say, each only while it is the one listed.

        Returns:
            What could not be done and why, a line a reason.
        """
        failed: dict[tuple[str, str], list[str]] = {}
        for blob in blobs:
            try:
                with self._asking(blob.name, "changed"):
                    self._tag(run_id, blob) if self.settings.processed == "tag" else self._move(blob)
            except SourceError as error:
                why = error.message.removeprefix(blob.name).replace(UNCHANGED, "").strip(" .")
                failed.setdefault((why, error.hint), []).append(blob.name)
        done = "tagged" if self.settings.processed == "tag" else f"moved to {self.settings.processed_prefix}"
        return [
            f"Published, but not {done}: {', '.join(names)} ({why}). {hint}" for (why, hint), names in failed.items()
        ]

    def _tag(self, run_id: str, blob: Blob) -> None:
        client = self.client.get_blob_client(blob.path)
        client.set_blob_tags({**client.get_blob_tags(), "firn_run": run_id, "firn_etag": blob.etag})

    def _move(self, blob: Blob) -> None:
        if blob.path != blob.name:
            return
        here = self.client.get_blob_client(blob.path)
        there = self.client.get_blob_client(self.settings.processed_prefix + blob.name)
        pinned = {f"source_{name}": value for name, value in _pinned(blob).items()}
        status = str(there.start_copy_from_url(here.url, **pinned)["copy_status"])
        deadline = time.monotonic() + self.settings.timeout_s
        while status == "pending" and time.monotonic() < deadline:
            time.sleep(0.1)
            status = str(there.get_blob_properties().copy.status)
        if status != "success":
            raise SourceError(f"{blob.name} could not be copied: the copy is {status}.")
        here.delete_blob(**_pinned(blob))

    @contextmanager
    def _asking(self, what: str, doing: str = "read") -> Iterator[None]:
        from azure.core.exceptions import AzureError

        if self.silent_since is not None and time.monotonic() - self.silent_since < _SILENT_S:
            raise unanswered(what, doing, self)
        try:
            yield
        except (AzureError, OSError) as error:
            made = explained(error, what, doing, self)
            if isinstance(made, SourceUnavailable) and getattr(error, "response", None) is None:
                self.silent_since = time.monotonic()
            raise made from None  # what azure says may have the address with its SAS token


def _pinned(blob: Blob) -> dict[str, Any]:
    from azure.core import MatchConditions

    return {"etag": f'"{blob.etag}"', "match_condition": MatchConditions.IfNotModified}


def _listed(item: BlobProperties) -> Blob:
    return Blob(item.name, item.size, item.etag.strip('"'), item.last_modified, path=item.name)
