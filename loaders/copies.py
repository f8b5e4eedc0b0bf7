r"""Rows in a file: a line a row, as COPY writes them, compressed with zstd.

That text is PostgreSQL's own, so it is exact for every type there is, and ``zstd -dc FILE`` gives what any psql reads
with ``\copy``. COPY writes a line break within a value as ``\\n``, so lines are rows.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Written", "read", "sum_up", "write"]

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds once it is unpacked.

    Attributes:
        rows: Its lines.
        sha256: The SHA-256 of them all.
    """

    rows: int
    sha256: str


def write(path: Path, pieces: Iterable[bytes | bytearray | memoryview]) -> Written:
    """Write pieces of text to a new file, to the disk, and say what they were.

    Raises:
        OSError: It cannot be written.
    """
    digest, rows = hashlib.sha256(), 0
    path.touch(mode=0o600, exist_ok=False)
    with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as packed:
        for piece in map(bytes, pieces):
            digest.update(piece)
            rows += piece.count(b"\n")
            packed.write(piece)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return Written(rows, digest.hexdigest())


def read(path: Path) -> Iterator[bytes]:
    """Unpack a file, piece by piece.

    Raises:
        OSError: It cannot be read, or was changed.
    """
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as packed:
        while piece := packed.read(_PIECE):
            yield piece


def sum_up(path: Path) -> Written:
    """Read a file to its end, and say what it holds.

    Raises:
        OSError: It cannot be read, or was changed.
    """
    digest, rows = hashlib.sha256(), 0
    for piece in read(path):
        digest.update(piece)
        rows += piece.count(b"\n")
    return Written(rows, digest.hexdigest())
