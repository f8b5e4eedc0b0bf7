"""CSV extracts in a folder or in blob storage: every file is read whole and exactly, into three tables."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping  # noqa: TC003 (pydantic reads the annotation when the class is made)
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from firn import ConfigError, SourceChanged, SourceError, Table
from sources.azure_blobs import AzureBlobs  # noqa: TC001 (pydantic reads the annotation when the class is made)
from sources.blobs import UNCHANGED, Folder, reached
from sources.csv_headers import Layout, choose, differences
from sources.csv_records import Malformed, read_header, read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sources.blobs import Blob, Blobs

__all__ = ["Csvs", "Layout"]

EXTRACT = "extract"
RAGGED = "ragged"
_EXTRACT = pl.Schema({"file": pl.String, "table": pl.String, "records": pl.Int64, "unread": pl.String})
_RAGGED = pl.Schema(
    {"line": pl.Int64(), "cells": pl.Int64(), "header": pl.Int64(), "raw": pl.String(), "texts": pl.List(pl.String)}
)


class Csvs(BaseModel):
    """Extracts of which each table has one file or more, in a folder or in blob storage.

    Every file is three tables whose part is its path in the folder, or in the container with its prefix:

    - the table that it belongs to: ``line`` Int64, the line on which a record begins, and the columns of its layout,
      all String, verbatim; an empty cell is null or empty.
    - ``extract``: one row of ``file``, ``table``, ``records`` Int64, and ``unread``, the headers that no layout has.
    - ``ragged``: ``line``, ``cells`` and ``raw`` of the records that have more or fewer cells than the header, which no
      other table has; ``header``, how many that has; and ``texts``, what stands where the columns of the layout are.
      ``raw`` is null in a file with columns that are not to be read.

    Blank cells beyond the end of a header are none. Columns that no layout has are not read, wherever they
    stand; without all the columns of its layout in their order a file is refused.

    Attributes:
        folder: Where the files are.
        blobs: Or the container where they are; exactly one of the two is given.
        layouts: The columns of each table.
        patterns: Which files belong to each table, such as ``premiums*.csv``, whatever the case of their names; every
            table has a file unless its layout says otherwise, and no file two tables.
        others: The columns of extracts that belong to no table, by what to call them when one is found.
        max_file_bytes: Larger files are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    blobs: AzureBlobs | None = None
    layouts: tuple[Layout, ...] = ()
    patterns: Mapping[str, str] = {}
    others: Mapping[str, tuple[str, ...]] = {}
    max_file_bytes: PositiveInt = 8 << 30

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.blobs is None):
            raise ConfigError("Extracts come from exactly one place. Nothing was read.", "Give it folder, or blobs.")
        return self

    def tables(self) -> Iterable[Table]:
        """List three tables for every file, table by table, then by name.

        A fingerprint is the SHA-256 of the file's bytes, or the address and etag of a blob, whose tables then have
        ``content`` to ask for that hash.

        Raises:
            SourceError: The place is missing, cannot be listed, or a table has no file; or a file has two tables.
        """
        place = self._place()
        belongs: dict[str, str] = {}
        for layout in self.layouts:
            for blob in self._listed(place, layout):
                if other := belongs.get(blob.name):
                    raise self._claimed_twice(blob.name, other, layout.table)
                belongs[blob.name] = layout.table
                yield from self._tables(place, blob, layout)

    def _listed(self, place: Blobs, layout: Layout) -> list[Blob]:
        table, pattern = layout.table, self.patterns[layout.table]
        found = [blob for blob in place.list_blobs(pattern) if not blob.name.rpartition("/")[2].startswith(".")]
        if not (found or layout.optional):
            raise SourceError(
                f"{place.title} has no file for {table}: none matches {pattern}. {UNCHANGED}",
                f"Put the extract there, or say what it is called: --set patterns.{table}={shlex.quote(pattern)}",
            )
        return found

    def reached(self) -> str:
        """Name the folder, which must be there, or the container, which is reached when it is listed.

        Raises:
            SourceError: There is no such folder.
        """
        return reached(self._place())

    def _place(self) -> Blobs:
        return self.blobs.open() if self.blobs else Folder(self.folder or Path(), self.max_file_bytes)

    def _claimed_twice(self, name: str, one: str, other: str) -> SourceError:
        return SourceError(
            f"{name} matches the patterns of both {one} ({self.patterns[one]}) and {other} ({self.patterns[other]}). "
            f"{UNCHANGED}",
            f"Make one of them exact: --set patterns.{other}={shlex.quote(self.patterns[other])}",
        )

    def _tables(self, place: Blobs, blob: Blob, layout: Layout) -> Iterator[Table]:
        reading = _Reading(self, place, blob, layout)
        content = reading.sha256 if blob.etag and not blob.sha256 else None
        fingerprint = blob.sha256 or (blob.etag and f"{place.address}/{blob.path}#{blob.etag}")
        schemas = {layout.table: _schema(layout), EXTRACT: _EXTRACT, RAGGED: _RAGGED}
        for name, schema in schemas.items():
            frame = pl.defer(partial(reading.take, name), schema=schema)
            yield Table(name, frame, fingerprint=fingerprint, part=blob.name, content=content, size=blob.size)


def _schema(layout: Layout) -> pl.Schema:
    return pl.Schema({"line": pl.Int64} | dict.fromkeys((*layout.columns, *layout.more), pl.String))


def _cells(place: int | None) -> pl.Expr:
    return pl.lit(None, pl.String) if place is None else pl.col(str(place))


def _texts(places: Iterable[int | None]) -> pl.Expr:
    """Take what stands in places of ragged records; null where one has ended."""
    found = [pl.col("texts").list.get(place, null_on_oob=True) for place in places if place is not None]
    return pl.concat_list(found).alias("texts")


class _Reading:
    """One file, read when the first of its tables is collected, and let go of table by table."""

    def __init__(self, source: Csvs, place: Blobs, blob: Blob, layout: Layout) -> None:
        self._source, self._place, self._blob, self._layout = source, place, blob, layout
        self._frames: dict[str, pl.DataFrame] = {}
        self._content: bytes | None = None

    def sha256(self) -> str:
        """Return the SHA-256 of the bytes, which are sent for once and kept until they are read."""
        self._content = self._bytes()
        return hashlib.sha256(self._content).hexdigest()

    def take(self, name: str) -> pl.DataFrame:
        """Return a table, reading the file when it is not at hand."""
        if name not in self._frames:
            self._frames = self._read()
        return self._frames.pop(name)

    def _bytes(self) -> bytes:
        if self._content is not None:
            return self._content
        if self._blob.size > self._source.max_file_bytes:
            raise SourceError(
                f"{self._blob.name} has {self._blob.size:,} bytes, and {self._source.max_file_bytes:,} are allowed. "
                f"{UNCHANGED}",
                f"--set max_file_bytes={self._blob.size}",
            )
        return self._place.read(self._blob)

    def _read(self) -> dict[str, pl.DataFrame]:
        content, self._content = self._bytes(), None
        with self._border():
            header = read_header(content)
            chosen = choose(header, self._layout) or self._refuse(header)
            frame, ragged = read_records(content, len(header))
        names = (*self._layout.columns, *self._layout.more)
        columns = [_cells(place).alias(name) for name, place in zip(names, chosen.positions, strict=True)]
        extract = [self._blob.name, self._layout.table, frame.height + ragged.height, ", ".join(chosen.unread)]
        # A record whose cells have shifted may show what is not to be read, or not by everybody.
        hidden = pl.when(pl.lit(not (chosen.unread or self._layout.more))).then("raw").alias("raw")
        texts = _texts(chosen.positions[: len(self._layout.columns)])
        return {
            self._layout.table: frame.select("line", *columns),
            EXTRACT: pl.DataFrame([extract], schema=_EXTRACT, orient="row"),
            RAGGED: ragged.select("line", "cells", pl.lit(len(header), pl.Int64).alias("header"), hidden, texts),
        }

    def _refuse(self, header: Sequence[str]) -> NoReturn:
        others = {layout.table: layout.columns for layout in self._source.layouts} | dict(self._source.others)
        told = "\n".join(f"  {line}" for line in differences(header, self._layout, others))
        raise SourceChanged(
            f"{self._blob.name} does not have the columns of {self._layout.table}:\n{told}\n{UNCHANGED}",
            "Ask for the extract in the layout that is documented: docs/reference/commissions.md",
        )

    @contextmanager
    def _border(self) -> Iterator[None]:
        try:
            yield
        except Malformed as error:
            raise SourceError(f"{self._blob.name} cannot be read: {error.reason}. {UNCHANGED}", error.hint) from error
