"""XLSX workbooks in a folder or in blob storage: each is read once and exactly, into four tables."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable  # noqa: TC003 (pydantic reads the annotation when the class is made)
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, model_validator

from firn import ConfigError, FirnError, SourceChanged, SourceError, Table
from sources.azure_blobs import AzureBlobs  # noqa: TC001 (pydantic reads the annotation when the class is made)
from sources.blobs import UNCHANGED, Folder, reached
from sources.xlsx.limits import Limits, NoList, Refused
from sources.xlsx.sheet_choice import Expected, Wanted
from sources.xlsx.workbook import TABLES, read_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from firn import Run
    from sources.blobs import Blob, Blobs

__all__ = ["Expected", "Limits", "Workbooks"]

logger = logging.getLogger(__name__)

NOT_WORKBOOKS = ("~$", ".")
"""How the names of lock files, which Excel leaves beside open workbooks, and of hidden files begin."""


class Workbooks(BaseModel):
    """Workbooks that have one list each, in a folder or in blob storage.

    Every workbook is four tables whose part is its path in the folder, or in the container with its prefix:

    - ``cells``: ``row`` UInt32, the Excel row, then a String column for each used Excel column, named by its letters;
      the rows below the headers that hold anything. Null is an empty cell, an error, a formula without a value, or an
      empty text.
    - ``headers``: ``letter`` String, ``header`` String as it is spelt, null where there is data and no header, ``row``
      UInt32; every column that has a header or data, in sheet order.
    - ``cell_errors``: ``row`` UInt32, ``letter`` String, ``raw`` String such as ``#N/A``, or ``=SUM(A2:B2)``; the cells
      below the headers that hold an error, or a formula without the value that Excel computes. Only formulas begin
      with ``=``.
    - ``workbook``: one row of ``file``, ``etag`` (the SHA-256 of the bytes read), ``sheet``, ``sheet_reason``,
      ``other_sheets`` List(String), ``header_row`` and ``last_row`` UInt32, ``date1904`` Boolean, and ``filled_cells``
      UInt32, the cells below the headers that hold anything.

    Attributes:
        folder: Where the workbooks are.
        blobs: Or the container where they are; exactly one of the two is given.
        pattern: Which files are workbooks, whatever the case of their names; ``**/*.xlsx`` goes into folders too.
        sheet: The name of the sheet with the list.
        headers: Header spellings known, by which sheets and header rows are compared.
        required: Headers without which a sheet is not the list.
        limits: What a workbook may ask of this machine.
        expected: What is known of the workbook of a name; nothing where this is left out.
        part: What to call the one workbook that matches, where that is not its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    blobs: AzureBlobs | None = None
    pattern: str = "*.xlsx"
    sheet: str = "MASTER"
    headers: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    limits: Limits = Limits()
    expected: Callable[[str], Expected] | None = None
    part: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.blobs is None):
            raise ConfigError("Workbooks come from exactly one place. Nothing was read.", "Give it folder, or blobs.")
        return self

    def tables(self) -> Iterable[Table]:
        """List four tables for every workbook, by name.

        A fingerprint is the SHA-256 of the file's bytes, or the address and etag of a blob, whose tables then have
        ``content`` to ask for that hash: it sends for the bytes, which are kept until they are read into tables.

        Raises:
            SourceError: The place is missing, cannot be listed, or has no workbook.
        """
        place = self._place()
        for blob in self._listed(place):
            reading = _Reading(self, place, blob)
            content = reading.sha256 if blob.etag and not blob.sha256 else None
            for name in TABLES:
                fingerprint = _fingerprint(place, blob)
                frame = reading.frame(name)
                yield Table(name, frame, fingerprint=fingerprint, part=blob.name, content=content, size=blob.size)

    def content(self, part: str) -> bytes:
        """Return the bytes of one workbook, as it is now.

        Raises:
            SourceError: It cannot be read, or is larger than allowed. Production is unchanged.
        """
        place = self._place()
        return _Reading(self, place, place.find(part)).content()

    def finished(self, run: Run, parts: Mapping[str, str]) -> Sequence[str]:
        """Tag or move the workbooks of a run whose rows are published, where the settings ask for it.

        Args:
            run: The run.
            parts: The fingerprints that its workbooks were listed with; one that has another by now is left alone.

        Returns:
            What could not be done and why, a line a reason.
        """
        if self.blobs is None or self.blobs.processed == "keep":
            return ()
        try:
            container = self.blobs.open()
            listed = container.list_blobs(self.pattern)
        except FirnError as error:
            return (f"Published, but no workbook was tagged or moved. {error.message.replace(UNCHANGED, '').strip()}",)
        return container.finish(run.id, [b for b in listed if parts.get(b.name) == _fingerprint(container, b)])

    def reached(self) -> str:
        """Name the folder, which must be there, or the container, which is reached when it is listed.

        Raises:
            SourceError: There is no such folder.
        """
        return reached(self._place())

    def _place(self) -> Blobs:
        return self.blobs.open() if self.blobs else Folder(self.folder or Path(), self.limits.max_file_bytes)

    def _listed(self, place: Blobs) -> list[Blob]:
        found = place.list_blobs(self.pattern)
        ignored = [blob for blob in found if blob.name.rpartition("/")[2].startswith(NOT_WORKBOOKS)]
        if ignored:
            names = [blob.name for blob in ignored]
            logger.info("Lock files and hidden files ignored in %s: %s", place.address, names)
        workbooks = [replace(blob, name=self.part or blob.name) for blob in found if blob not in ignored]
        if not workbooks:
            raise SourceError(f"{place.title} has no file that matches {self.pattern}. {UNCHANGED}", place.look)
        return workbooks


class _Reading:
    """One workbook, read when the first of its tables is collected, and let go of table by table.

    Polars passes on what the function raises that makes a frame, but not what the one raises that tells its schema.
    The workbook is therefore read when the schema is asked for, and what is wrong with it is raised with the frame.
    """

    def __init__(self, source: Workbooks, place: Blobs, blob: Blob) -> None:
        self._source, self._place, self._blob = source, place, blob
        self._frames: dict[str, pl.DataFrame] = {}
        self._error: SourceError | None = None
        self._content: bytes | None = None

    def content(self) -> bytes:
        """Send for the workbook, unless it was sent before, and keep its bytes until they are read into tables.

        Raises:
            SourceError: It cannot be read.
        """
        with self._border():
            self._content = self._bytes()
        return self._content

    def sha256(self) -> str:
        """Return the SHA-256 of the bytes that were, or are now, sent."""
        return hashlib.sha256(self.content()).hexdigest()

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

    def _read(self) -> dict[str, pl.DataFrame]:
        source = self._source
        with self._border():
            content, self._content = self._bytes(), None
            expected = source.expected(self._blob.name) if source.expected else None
            wanted = Wanted.of(source.sheet, source.headers, source.required, expected)
            return read_workbook(content, self._blob.name, wanted, source.limits)

    def _bytes(self) -> bytes:
        if self._content is not None:
            return self._content
        self._source.limits.check("max_file_bytes", self._blob.size, "bytes")
        return self._place.read(self._blob)

    @contextmanager
    def _border(self) -> Iterator[None]:
        """Raise what is wrong with the workbook as an error that names it."""
        part = self._blob.name
        try:
            yield
        except Refused as refused:
            made = SourceChanged if isinstance(refused, NoList) else SourceError
            end = "" if refused.reason.endswith("\n") else ". "
            raise made(f"{part} cannot be read: {refused.reason}{end}{UNCHANGED}", refused.hint) from refused
        except MemoryError as error:
            raise SourceError(
                f"{part} cannot be read: this machine has not enough memory for it. {UNCHANGED}",
                "Delete what does not belong in the workbook and save it, or use a machine with more memory.",
            ) from error


def _fingerprint(place: Blobs, blob: Blob) -> str:
    return blob.sha256 or (blob.etag and f"{place.address}/{blob.path}#{blob.etag}")
