"""XLSX workbooks in a folder: each is read once and exactly, into four tables."""

from __future__ import annotations

import hashlib
import logging
import re
import shlex
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 (pydantic reads the annotation when the class is made)
from typing import TYPE_CHECKING

import polars as pl
from pydantic import BaseModel, ConfigDict

from firn import SourceChanged, SourceError, SourceUnavailable, Table
from sources.xlsx.limits import Limits, NoList, Refused
from sources.xlsx.sheet_choice import Wanted
from sources.xlsx.workbook import TABLES, read_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Limits", "Workbooks"]

logger = logging.getLogger(__name__)

UNCHANGED = "Production is unchanged."
NOT_WORKBOOKS = ("~$", ".")
"""How the names of lock files, which Excel leaves beside open workbooks, and of hidden files begin."""


class Workbooks(BaseModel):
    """A folder of workbooks that have one list each.

    Every workbook is four tables whose part is its path in the folder:

    - ``cells``: ``row`` UInt32, the Excel row, then a String column for each used Excel column, named by its letters;
      the rows below the headers that hold anything. Null is an empty cell, an error, or an empty text.
    - ``headers``: ``letter`` String, ``header`` String as it is spelt, null where there is data and no header, ``row``
      UInt32; every column that has a header or data, in sheet order.
    - ``cell_errors``: ``row`` UInt32, ``letter`` String, ``raw`` String such as ``#N/A``; the cells below the headers
      that hold an error.
    - ``workbook``: one row of ``file``, ``etag`` (the SHA-256 of the bytes read), ``sheet``, ``sheet_reason``,
      ``other_sheets`` List(String), ``header_row`` and ``last_row`` UInt32, ``date1904`` Boolean, and ``filled_cells``
      UInt32, the cells below the headers that hold anything.

    Attributes:
        folder: Where the workbooks are.
        pattern: Which files are workbooks, whatever the case of their names; ``**/*.xlsx`` goes into folders too.
        sheet: The name of the sheet with the list.
        headers: Header spellings known, by which sheets and header rows are compared.
        required: Headers without which a sheet is not the list.
        limits: What a workbook may ask of this machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    pattern: str = "*.xlsx"
    sheet: str = "MASTER"
    headers: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    limits: Limits = Limits()

    def tables(self) -> Iterable[Table]:
        """List four tables for every workbook, by name; a fingerprint is the SHA-256 of the file's bytes.

        Raises:
            SourceError: The folder is missing or has no workbook.
        """
        for path in self._files():
            part = path.relative_to(self.folder).as_posix()
            fingerprint = _fingerprint(path, self.limits.max_file_bytes)
            reading = _Reading(self, path, part, fingerprint)
            for name in TABLES:
                yield Table(name, reading.frame(name), fingerprint=fingerprint, part=part)

    def content(self, part: str) -> bytes:
        """Return the bytes of one workbook.

        Raises:
            SourceError: It cannot be read, or is larger than allowed. Production is unchanged.
        """
        return _Reading(self, self.folder / part, part, "").content()

    def _files(self) -> list[Path]:
        if self.folder.is_file():
            raise SourceError(
                f"{self.folder} is a file, and the setting folder names the folder of the workbooks. {UNCHANGED}",
                f"Name the folder that it is in: --set {shlex.quote(f'folder={self.folder.parent}')}",
            )
        if not self.folder.is_dir():
            raise SourceError(
                f"There is no folder {self.folder}, so no workbook was read. {UNCHANGED}",
                "Make it and put the workbooks there, or change the setting folder: "
                f"mkdir -p {shlex.quote(str(self.folder))}",
            )
        found = sorted(path for path in self.folder.glob(_any_case(self.pattern)) if path.is_file())
        ignored = [path for path in found if path.name.startswith(NOT_WORKBOOKS)]
        if ignored:
            logger.info("Lock files and hidden files ignored in %s: %s", self.folder, [path.name for path in ignored])
        files = [path for path in found if path not in ignored]
        if not files:
            raise SourceError(
                f"The folder {self.folder} has no file that matches {self.pattern}. {UNCHANGED}",
                f"Put the workbooks there, or change the setting folder: ls {shlex.quote(str(self.folder))}",
            )
        return files


class _Reading:
    """One workbook, read when the first of its tables is collected, and let go of table by table.

    Polars passes on what the function raises that makes a frame, but not what the one raises that tells its schema.
    The workbook is therefore read when the schema is asked for, and what is wrong with it is raised with the frame.
    """

    def __init__(self, source: Workbooks, path: Path, part: str, fingerprint: str) -> None:
        self._source, self._path, self._part, self._fingerprint = source, path, part, fingerprint
        self._frames: dict[str, pl.DataFrame] = {}
        self._error: SourceError | None = None

    def frame(self, name: str) -> pl.LazyFrame:
        """Return a table of the workbook that is read when it is collected."""
        return pl.defer(lambda: self._take(name), schema=lambda: self._schema(name))

    def _schema(self, name: str) -> pl.Schema:
        if name not in self._frames:
            self._frames, self._error = {}, None
            try:
                self._frames = self._read()
            except SourceError as error:
                self._error = error
        return pl.Schema() if self._error else self._frames[name].schema

    def _take(self, name: str) -> pl.DataFrame:
        if self._error:
            raise self._error
        return self._frames.pop(name)

    def content(self) -> bytes:
        """Return the bytes of the workbook."""
        with self._border():
            return self._content()

    def _read(self) -> dict[str, pl.DataFrame]:
        source = self._source
        with self._border():
            content = self._content()
            wanted = Wanted.of(source.sheet, source.headers, source.required)
            return read_workbook(content, self._part, wanted, source.limits)

    @contextmanager
    def _border(self) -> Iterator[None]:
        """Raise what is wrong with the workbook as an error that names it."""
        try:
            yield
        except Refused as refused:
            made = SourceChanged if isinstance(refused, NoList) else SourceError
            end = "" if refused.reason.endswith("\n") else ". "
            raise made(f"{self._part} cannot be read: {refused.reason}{end}{UNCHANGED}", refused.hint) from refused
        except MemoryError as error:
            raise SourceError(
                f"{self._part} cannot be read: this machine has not enough memory for it. {UNCHANGED}",
                "Delete what does not belong in the workbook and save it, or use a machine with more memory.",
            ) from error

    def _content(self) -> bytes:
        try:
            self._source.limits.check("max_file_bytes", self._path.stat().st_size, "bytes")
            content = self._path.read_bytes()
        except (FileNotFoundError, PermissionError) as error:
            raise SourceError(
                f"{self._part} cannot be read: {error.strerror}. {UNCHANGED}",
                "Close it wherever it is open, and see whether this account may read it: "
                f"ls -l {shlex.quote(str(self._path))}",
            ) from error
        except OSError as error:
            raise SourceUnavailable(
                f"{self._part} could not be read just now: {error.strerror}. {UNCHANGED}", "Run again."
            ) from error
        if self._fingerprint not in {"", hashlib.sha256(content).hexdigest()}:
            raise SourceUnavailable(
                f"{self._part} was saved again while this run was under way. {UNCHANGED}", "Run again."
            )
        return content


def _fingerprint(path: Path, max_bytes: int) -> str:
    """Return the SHA-256 of a file; empty for one that cannot be read, which says so when it is collected."""
    try:
        if path.stat().st_size > max_bytes:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _any_case(pattern: str) -> str:
    """Return a glob pattern that matches whatever the case; sets in brackets stay as they are."""
    return re.sub(
        r"\[[^]]*\]|[^\W\d_]",
        lambda found: found[0] if len(found[0]) > 1 else f"[{found[0].lower()}{found[0].upper()}]",
        pattern,
    )
