"""Where files lie, behind one small interface: a local folder here, a container of Azure in ``azure_blobs``."""

from __future__ import annotations

import datetime as dt
import hashlib
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from firn import SourceError, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNCHANGED = "Production is unchanged."


@dataclass(frozen=True, slots=True)
class Blob:
    """One file as it was listed.

    Attributes:
        name: Its path in the place, with slashes; no two files of a listing have the same.
        size: Bytes.
        etag: Another whenever the content is another; empty for a file that cannot be opened or is too large.
        modified: When it was written last, in UTC.
        sha256: The SHA-256 of its content, where the place knows it without sending it.
        path: Where it lies, which is not its name when it was moved.
    """

    name: str
    size: int
    etag: str
    modified: dt.datetime
    sha256: str = ""
    path: str = ""


class Blobs(Protocol):
    """A place with files.

    Attributes:
        title: What to call it at the start of a sentence.
        address: What makes the name of a file unique among all places; never a secret.
        look: The command that shows what is there.
    """

    @property
    def title(self) -> str: ...  # noqa: D102 (said above)
    @property
    def address(self) -> str: ...  # noqa: D102
    @property
    def look(self) -> str: ...  # noqa: D102

    def list_blobs(self, pattern: str) -> Sequence[Blob]:
        """List the files whose names match a pattern, by name, without reading more than it takes to know the etag.

        Raises:
            SourceError: The place is missing, or not to be listed with these rights.
            SourceUnavailable: It does not answer.
        """
        ...

    def find(self, name: str) -> Blob:
        """Look at one file.

        Raises:
            SourceError: There is none of that name, or it may not be looked at.
            SourceUnavailable: The place does not answer.
        """
        ...

    def read(self, blob: Blob) -> bytes:
        """Read the content that was listed: all of it, and never that of another etag.

        Raises:
            SourceError: The file is gone, or may not be read.
            SourceUnavailable: It was replaced after it was listed, or could not be read just now.
        """
        ...


def reached(place: Blobs) -> str:
    """Name a place that is there; a container says so when it is listed.

    Raises:
        SourceError: There is no such folder.
    """
    if isinstance(place, Folder):
        place.refuse_missing()
    return f"source {place.address}"


class Folder:
    """A local folder, whose etags are the SHA-256 of the content: two saves within one second are told apart.

    Args:
        folder: Where it is.
        max_bytes: Above this size a file gets no etag, because it is not going to be read.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    @property
    def title(self) -> str:
        """Name the folder."""
        return f"The folder {self._folder}"

    @property
    def address(self) -> str:
        """Give the folder's path."""
        return self._folder.as_posix()

    @property
    def look(self) -> str:
        """Say how to look into it."""
        return f"Put the files there, or change the setting folder: ls {shlex.quote(str(self._folder))}"

    def list_blobs(self, pattern: str) -> list[Blob]:
        """List its files by name.

        Raises:
            SourceError: There is no such folder.
        """
        self.refuse_missing()
        paths = self._folder.rglob("*") if "/" in pattern else self._folder.iterdir()
        names = {path.relative_to(self._folder).as_posix(): path for path in paths if path.is_file()}
        return [self._listed(name, names[name]) for name in sorted(names) if matches(name, pattern)]

    def refuse_missing(self) -> None:
        """Raise a SourceError where there is no such folder."""
        if self._folder.is_file():
            raise SourceError(
                f"{self._folder} is a file, and the setting folder names the folder of the files. {UNCHANGED}",
                f"Name the folder that it is in: --set {shlex.quote(f'folder={self._folder.parent}')}",
            )
        if not self._folder.is_dir():
            raise SourceError(
                f"There is no folder {self._folder}, so nothing was read. {UNCHANGED}",
                "Make it and put the files there, or change the setting folder: "
                f"mkdir -p {shlex.quote(str(self._folder))}",
            )

    def find(self, name: str) -> Blob:
        """Look at one file.

        Raises:
            SourceError: There is none of that name.
        """
        path = self._folder / name
        with _border(name, path):
            return self._listed(name, path)

    def _listed(self, name: str, path: Path) -> Blob:
        status = path.stat()
        digest = _sha256(path) if status.st_size <= self._max_bytes else ""
        modified = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)
        return Blob(name, status.st_size, digest, modified, sha256=digest, path=name)

    def read(self, blob: Blob) -> bytes:
        """Read a file.

        Raises:
            SourceError: It is gone, or this account may not read it.
            SourceUnavailable: It was saved after it was listed, or the disk failed.
        """
        path = self._folder / blob.path
        with _border(blob.name, path):
            content = path.read_bytes()
        if blob.etag not in {"", hashlib.sha256(content).hexdigest()}:
            raise replaced(blob.name)
        return content


@contextmanager
def _border(name: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        raise SourceError(
            f"{name} cannot be read: {error.strerror}. {UNCHANGED}",
            f"Close it wherever it is open, and see whether this account may read it: ls -l {shlex.quote(str(path))}",
        ) from error
    except OSError as error:
        raise SourceUnavailable(
            f"{name} could not be read just now: {error.strerror}. {UNCHANGED}", "Run again."
        ) from error


def replaced(name: str) -> SourceUnavailable:
    """Make the error of a file that is no longer the one that was listed."""
    error = SourceUnavailable(f"{name} was saved again while this run was under way. {UNCHANGED}", "Run again.")
    error.lasting = True  # what was listed is gone: only another run lists it again
    return error


def matches(name: str, pattern: str) -> bool:
    """Say whether a path matches a pattern such as ``**/*.xlsx``, whatever the case; ``**`` is any folders or none."""
    return _match(name.lower().split("/"), pattern.lower().split("/"))


def _match(names: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not names
    if patterns[0] == "**":
        return _match(names, patterns[1:]) or (bool(names) and _match(names[1:], patterns))
    return bool(names) and fnmatchcase(names[0], patterns[0]) and _match(names[1:], patterns[1:])


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file; empty for one that cannot be read, which says so when it is collected."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
