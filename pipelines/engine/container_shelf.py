"""A container of Azure Blob storage as the place of backups: written beside first, sent, read back, and named last."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from firn import StateError
from pipelines.engine.manifests import FILE, Manifest, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources.azure_container import Container

__all__ = ["ContainerShelf"]


@dataclass(frozen=True, slots=True)
class ContainerShelf:
    """Backups in a container: each is a folder of blobs, which counts once its ``backup.json`` is there.

    Attributes:
        container: The container.
        prefix: The folder in it, empty or with a slash at its end.
    """

    container: Container
    prefix: str

    @property
    def address(self) -> str:
        """Say where it is."""
        return f"{self.container.address}/{self.prefix}"

    @contextmanager
    def added(self, name: str) -> Iterator[Path]:
        """Give an empty folder to write a backup into, which is on the shelf once all of it was sent and read back.

        Raises:
            StateError: There is a backup of that name, or what arrived is not what was sent.
            SourceError: The container may not be written.
            SourceUnavailable: The account does not answer.
        """
        with TemporaryDirectory(prefix="firn-backup-") as scratch:
            folder = Path(scratch, name)
            folder.mkdir()
            if name in self.names():
                raise StateError(f"There is a backup {name} already. Nothing was written.", "run the same again")
            yield folder
            for file in [*self._files(folder), folder / FILE]:
                self._send(file, f"{self.prefix}{name}/{file.relative_to(folder).as_posix()}", Path(scratch, "back"))

    def names(self) -> list[str]:
        """Name the backups that are whole."""
        return [name for name, _, file in self._listed() if file == FILE]

    def manifest(self, name: str) -> Manifest:
        """Read what a backup says of itself.

        Raises:
            StateError: It is spoiled.
        """
        with TemporaryDirectory(prefix="firn-backup-") as scratch:
            folder = Path(scratch, name)
            folder.mkdir()
            self.container.fetch(f"{self.prefix}{name}/{FILE}", folder / FILE)
            return read(folder)

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Give the folder of a backup for reading, fetched for the time being."""
        with TemporaryDirectory(prefix="firn-backup-") as scratch:
            folder = Path(scratch, name)
            for blob, file in [(blob, file) for of, blob, file in self._listed() if of == name]:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                self.container.fetch(blob, folder / file)
            yield folder

    def drop(self, name: str) -> None:
        """Drop a backup; half of it is never taken for a whole one."""
        blobs = [(file != FILE, blob) for of, blob, file in self._listed() if of == name]
        for _, blob in sorted(blobs):
            self.container.drop(blob)

    def _listed(self) -> list[tuple[str, str, str]]:
        """List every blob of every backup: the backup, the blob, and its path in the backup."""
        names = [blob.name for blob in self.container.list_blobs("**/*") if blob.name.startswith(self.prefix)]
        parts = [(name, *name.removeprefix(self.prefix).partition("/")) for name in names]
        return [(backup, name, file) for name, backup, _, file in parts if backup and file]

    def _files(self, folder: Path) -> list[Path]:
        return [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != FILE]

    def _send(self, file: Path, blob: str, back: Path) -> None:
        self.container.put(blob, file)
        self.container.fetch(blob, back)
        if _sha256(back) != _sha256(file):
            raise StateError(
                f"{blob} does not hold what was sent to it. No backup was made; production is unchanged.",
                "run the same again",
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
