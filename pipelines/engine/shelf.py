"""Where backups are kept: a folder, in which each is a folder of its own that appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firn import StateError
from pipelines.engine.manifests import FILE, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.engine.manifests import Manifest

__all__ = ["Shelf"]

UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of the backups."""

    folder: Path

    @property
    def address(self) -> str:
        """Say where it is."""
        return str(self.folder)

    @contextmanager
    def added(self, name: str) -> Iterator[Path]:
        """Give an empty folder to write a backup into, which is on the shelf once that went well.

        Raises:
            StateError: There is a backup of that name, or the folder cannot be written.
        """
        unfinished = self.folder / f"{UNFINISHED}{name}"
        with self._border():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._tidy_up()
            if (self.folder / name).exists():
                raise StateError(f"There is a backup {name} already. Nothing was written.", "run the same again")
            unfinished.mkdir(mode=0o700)
        with _held(unfinished):
            try:
                with self._border():
                    yield unfinished
                    _sync(unfinished)
                    unfinished.rename(self.folder / name)
                    _sync(self.folder)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise

    def names(self) -> list[str]:
        """Name the backups that are whole."""
        return sorted(file.parent.name for file in self.folder.glob(f"[!.]*/{FILE}"))

    def manifest(self, name: str) -> Manifest:
        """Read what a backup says of itself.

        Raises:
            StateError: It is spoiled.
        """
        return read(self.folder / name)

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Give the folder of a backup for reading."""
        yield self.folder / name

    def drop(self, name: str) -> None:
        """Drop a backup; half of it is never taken for a whole one."""
        gone = self.folder / f"{UNFINISHED}{name}"
        (self.folder / name).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _tidy_up(self) -> None:
        """Remove what dead processes left of theirs; who still writes holds a lock on it."""
        for left in self.folder.glob(f"{UNFINISHED}*"):
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(descriptor)

    @contextmanager
    def _border(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateError(
                f"A backup cannot be written to {self.folder}: {error.strerror or error}. None was made; production is "
                "unchanged.",
                "make room there or name another folder: [backups] folder in firn.toml",
            ) from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
