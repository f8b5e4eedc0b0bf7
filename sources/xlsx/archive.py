"""A workbook's bytes as named parts: every part is inflated in pieces, counted, and its checksum compared."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from isal import isal_zlib

from sources.xlsx.limits import COPY_AGAIN, MEBIBYTE, Refused, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources.xlsx.limits import Limits

LOCAL_HEADER = b"PK\x03\x04"
LOCAL_HEADER_BYTES = 30
OLE2 = bytes.fromhex("D0CF11E0A1B11AE1")
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
SAVE_AS_XLSX = "Open it in Excel, choose File > Save As > Excel Workbook (.xlsx), and put that file in its place."
REMOVE_PROTECTION = (
    "Open it in Excel, choose File > Info > Protect Workbook > Encrypt with Password, empty the box, and save."
)
BEGINNINGS = {
    "a PDF document": (b"%pdf",),
    "a web page (HTML)": (b"<!doctype html", b"<html", b"<head", b"<table", b"<meta", b"<body"),
    "an XML file": (b"<?xml",),
}

FIRST_FEED = 1 << 14
"""Compressed bytes inflated at first, when only the top of a sheet may be wanted."""
FEED = 1 << 19
PIECE = 4 * MEBIBYTE
"""Bytes that a piece has at most. Arrays over a few MiB stay in the processor's cache and are long enough for two
threads that share Python's lock to seldom wait for each other."""
SMALL_PART = 16 * MEBIBYTE
ZIP_ENCRYPTED = 0x1


class Archive:
    """The parts of a workbook.

    Args:
        content: The bytes of the file.
        limits: What it may ask of this machine.

    Raises:
        Refused: The bytes are no archive, or one with more parts than allowed.
    """

    def __init__(self, content: bytes, limits: Limits) -> None:
        refuse_other_formats(content)
        listed = _directory(content)
        limits.check("max_parts", len(listed), "files inside")
        self._content = memoryview(content)
        self._limits = limits
        self._entries = {_part_name(entry.filename): entry for entry in listed}
        self._opened: dict[str, int] = {}
        if len(self._entries) < len(listed):
            raise damaged("two of its parts have one name")

    def __contains__(self, part: str) -> bool:
        return _part_name(part) in self._entries

    def read(self, part: str) -> bytes:
        """Return a whole part.

        Raises:
            Refused: It is missing, damaged or larger than allowed.
        """
        return b"".join(self.pieces(part))

    def pieces(self, part: str) -> Iterator[bytes]:
        """Inflate a part piece by piece, each of at most 4 MiB; a flipped bit is found at the last piece.

        Raises:
            Refused: It is missing, damaged or larger than allowed.
        """
        entry = self._entries.get(_part_name(part))
        if entry is None:
            raise Refused(f"its part {part} is missing", COPY_AGAIN)
        self._check_size(entry)
        compressed = _compressed(self._content, entry)
        inflated = _inflate(compressed, entry.filename) if entry.compress_type else _slices(compressed)
        return _verified(inflated, entry)

    def check_whole(self) -> None:
        """Check the size of every part, for a reader that will unpack them all.

        Raises:
            Refused: The workbook is larger than allowed.
        """
        for entry in self._entries.values():
            self._check_size(entry)

    def _check_size(self, entry: zipfile.ZipInfo) -> None:
        self._opened[entry.filename] = entry.file_size
        self._limits.check("max_inflated_bytes", sum(self._opened.values()), "bytes when unpacked")
        if entry.file_size > SMALL_PART:
            ratio = entry.file_size // max(entry.compress_size, 1)
            self._limits.check("max_ratio", ratio, f"unpacked bytes for each packed byte in {entry.filename}")


def refuse_other_formats(content: bytes) -> None:
    """Refuse, by name, the formats that are found under the name of a workbook.

    Raises:
        Refused: The bytes do not begin as a workbook's do.
    """
    if content.startswith(LOCAL_HEADER):
        return
    if content.startswith(OLE2) and ENCRYPTED in content:
        raise Refused("it is protected by a password", REMOVE_PROTECTION)
    if content.startswith(OLE2):
        raise Refused("it is in the format of Excel 97-2003 (.xls), whatever its name says", SAVE_AS_XLSX)
    if not content.strip(b"\0"):
        what = f"holds {len(content):,} zero bytes and nothing else" if content else "is empty (0 bytes)"
        raise Refused(f"it {what}", COPY_AGAIN)
    raise Refused(f"it is {_format_of(content[:4096])}, not an Excel workbook, whatever its name says", SAVE_AS_XLSX)


def _format_of(start: bytes) -> str:
    beginning = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for name, beginnings in BEGINNINGS.items():
        if beginning.startswith(beginnings):
            return name
    is_text = not any(byte < ord("\t") or ord("\r") < byte < ord(" ") for byte in start)
    return "a text or CSV file" if is_text else "a file of an unknown format"


def _directory(content: bytes) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise damaged("its directory is unreadable") from error


def _part_name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()


def _compressed(content: memoryview, entry: zipfile.ZipInfo) -> memoryview:
    if entry.flag_bits & ZIP_ENCRYPTED:
        raise Refused("it is protected by a password", REMOVE_PROTECTION)
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Refused(f"its part {entry.filename} is packed in a way that Excel does not use", SAVE_AS_XLSX)
    header = bytes(content[entry.header_offset : entry.header_offset + LOCAL_HEADER_BYTES])
    name, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    start = entry.header_offset + LOCAL_HEADER_BYTES + name + extra
    return content[start : start + entry.compress_size]


def _slices(stored: memoryview) -> Iterator[bytes]:
    for start in range(0, len(stored), PIECE):
        yield bytes(stored[start : start + PIECE])


def _inflate(compressed: memoryview, part: str) -> Iterator[bytes]:
    inflater = isal_zlib.decompressobj(-15)
    start, feed = 0, FIRST_FEED
    try:
        while start < len(compressed):
            rest: bytes | memoryview = compressed[start : start + feed]
            start, feed = start + feed, FEED
            while rest and not inflater.eof:
                yield inflater.decompress(rest, PIECE)
                rest = inflater.unconsumed_tail
        yield inflater.flush()
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
        raise damaged(part) from error


def _verified(pieces: Iterator[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    size = checksum = 0
    for piece in pieces:
        size += len(piece)
        if size > entry.file_size:
            raise damaged(f"{entry.filename} is larger than it says")
        checksum = isal_zlib.crc32(piece, checksum)
        yield piece
    if size != entry.file_size or checksum != entry.CRC:
        raise damaged(entry.filename)
