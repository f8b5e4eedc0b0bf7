"""XML as arrays: where its tags are in a block of bytes, and the text between them, without a copy of either."""

from __future__ import annotations

import re
import sys
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from sources.xlsx.limits import MEBIBYTE, Refused
from sources.xlsx.xml_elements import BLANKS, SPREADSHEET, parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

BRACKETS = 0b1111_1101
"""``<`` and ``>`` differ in the one bit that is missing here."""
ENTITY = re.compile("&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
CHARACTER = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML counts as a character."""
PRESERVE = '<t xml:space="preserve"'
LARGEST_BLOCK = 16 * MEBIBYTE
"""Bytes without a whole element after which the parser takes over, which needs them only piece by piece."""

PADDING = bytes(16)
"""Follows a block, so that a word can be read at each of its bytes."""
BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks of the first bytes of a word."""
VIEW = np.dtype([("head", "<u8"), ("tail", "<u8")], align=True)
"""An element of an Arrow string view: length and first four bytes, then eight more, or the buffer and offset."""
INLINE = 12
"""Bytes that an element of a string view holds itself."""
HEAD_MASK = np.array([int(BYTES[min(count, 4)]) << 32 for count in range(INLINE + 1)], np.uint64)
TAIL_MASK = np.array([int(BYTES[max(count - 4, 0)]) for count in range(INLINE + 1)], np.uint64)


Buffers = list[pa.Buffer]
"""The texts that a string view points into."""


class Unrecognised(Exception):  # noqa: N818 (a state: XML may be right and still not be of the form known here)
    """The arrays do not know this XML for certain; the parser does."""


class Markup(NamedTuple):
    """A block of XML and its tags.

    Attributes:
        bytes: The block and padding, UInt8.
        words: The eight bytes from every position on, as one UInt64, without a copy.
        opens: Where each ``<`` is, Int64.
        closes: Where its ``>`` is, Int64, as long as ``opens``.
        has_entities: Whether there is an ``&``.
    """

    bytes: NDArray[np.uint8]
    words: NDArray[np.uint64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    has_entities: bool

    def names(self) -> NDArray[np.uint16]:
        """Return the first two bytes of every tag as one number; ``tag_name`` says which."""
        names = self.bytes[1:][self.opens].astype(np.uint16)
        names <<= 8
        names |= self.bytes[2:][self.opens]
        return names

    def lengths(self) -> NDArray[np.int64]:
        """Return how far each tag's ``>`` lies from its ``<``."""
        return self.closes - self.opens


def tag_name(start: bytes) -> int:
    """Return the number by which ``names`` gives tags whose first two bytes are ``start``."""
    return int.from_bytes(start, "big")


def markup(xml: bytes) -> Markup:
    """Find the tags of a block.

    Raises:
        Unrecognised: A bracket stands alone, or the bytes are not characters as XML has them.
    """
    if b"\r" in xml:
        xml = xml.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    _require_characters(xml)
    content = np.frombuffer(xml + PADDING, np.uint8)
    brackets = np.flatnonzero((content & BRACKETS) == ord("<"))
    opens, closes = np.ascontiguousarray(brackets[0::2]), np.ascontiguousarray(brackets[1::2])
    if len(opens) != len(closes) or (content[opens] != ord("<")).any() or (content[closes] != ord(">")).any():
        raise Unrecognised
    words = np.ndarray((len(content) - 7,), "<u8", buffer=content, strides=(1,))
    return Markup(content, words, opens, closes, b"&" in xml)


def _require_characters(xml: bytes) -> None:
    content = np.frombuffer(xml, np.uint8)
    control = content < ord(" ")
    if control.any() and not np.isin(content[control], (ord("\t"), ord("\n"))).all():
        raise Unrecognised
    if not xml.isascii():
        whole = pa.py_buffer(np.array([0, len(xml)], np.int64))
        try:
            pa.LargeStringArray.from_buffers(1, whole, pa.py_buffer(xml)).validate(full=True)
        except pa.ArrowInvalid as error:
            raise Unrecognised from error


def spans(tags: Markup, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pl.Series:
    """Return the text from each start to its end, String.

    The elements of an Arrow string view are made here: up to twelve bytes lie in the element itself, longer text stays
    where it is in the block. Other ways to make strings from positions keep the other threads of Python waiting.
    """
    size = ends - starts
    inside = np.minimum(size, INLINE)
    views = np.empty(len(starts), VIEW)
    views["head"] = tags.words[starts] << 32 & HEAD_MASK.take(inside) | size.view(np.uint64)
    views["tail"] = tags.words[starts + 4] & TAIL_MASK.take(inside)
    np.copyto(views["tail"], starts.view(np.uint64) << 32, where=size > INLINE)
    return string_series(views, [pa.py_buffer(tags.bytes)])


def string_series(
    views: NDArray[np.void], texts: Buffers, valid: NDArray[np.bool_] | None = None, name: str = ""
) -> pl.Series:
    """Return a String series from the elements of an Arrow string view and the texts that they point into."""
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pl.Series(name, pa.Array.from_buffers(pa.string_view(), len(views), [mask, pa.py_buffer(views), *texts]))


def own_bytes(text: pl.Series) -> pl.Series:
    """Copy the text out of the block that it lies in, so that the block can be freed."""
    return pl.Series(text.to_arrow(compat_level=pl.CompatLevel.oldest()))


def strip_unless_kept(tags: Markup, openings: NDArray[np.int64], text: pl.Series) -> pl.Series:
    """Strip texts whose ``t`` tags do not ask for their spaces to be kept.

    Args:
        tags: The block.
        openings: The tag that opens each text.
        text: The texts.

    Raises:
        Unrecognised: A tag has other attributes.
    """
    opening = spans(tags, tags.opens[openings], tags.closes[openings])
    keep = opening == PRESERVE
    if not (keep | (opening == "<t")).all():
        raise Unrecognised
    return text.zip_with(keep, text.str.strip_chars(BLANKS))


def resolve(text: pl.Series) -> pl.Series:
    """Resolve the character references and the five entities that XML itself has.

    Raises:
        Unrecognised: There is another entity.
    """
    at = np.flatnonzero(text.str.contains("&", literal=True).to_numpy())
    if not at.size:
        return text
    once = text.gather(at).unique()
    resolved = pl.Series([_resolve_one(value) for value in once], dtype=pl.String)
    return text.scatter(at, text.gather(at).replace_strict(once, resolved))


def _resolve_one(text: str) -> str:
    if text.count("&") != len(ENTITY.findall(text)):
        raise Unrecognised
    return ENTITY.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return NAMED[found[1]]
    code = int(found[2]) if found[2] else int(found[3], 16)
    if code > sys.maxunicode or not CHARACTER.fullmatch(chr(code)):
        raise Unrecognised
    return chr(code)


class Blocks:
    """XML cut before elements that repeat: a head, then blocks of whole elements.

    Attributes:
        closed: Whether all blocks up to the end tag of the container were returned.

    Args:
        pieces: The XML of a whole part.
        container: The element around those that repeat: ``sheetData``.
        opening: How each of those begins: ``<row ``.
    """

    def __init__(self, pieces: Iterable[bytes], container: str, opening: bytes) -> None:
        self._pieces = iter(pieces)
        self._kept = b""
        self._begin, self._end = f"<{container}".encode(), f"</{container}>".encode()
        self._opening = opening
        self.closed = False

    def head(self) -> bytes:
        """Return everything up to and with the start tag of the container; nothing where there is none to be found."""
        for piece in self._pieces:
            self._kept += piece
            start = self._kept.find(self._begin)
            end = self._kept.find(b">", start) + 1 if start >= 0 else 0
            if end:
                head, self._kept = self._kept[:end], self._kept[end:]
                return head
            if len(self._kept) > LARGEST_BLOCK:
                break
        return b""

    def __iter__(self) -> Iterator[bytes]:
        """Cut the content of the container into blocks; what is not returned stays for ``rest``.

        The end tag is looked for only when everything has been read: nothing after it begins as its elements do.
        """
        for piece in chain([b""], self._pieces):
            block = self._kept + piece
            cut = len(block) if len(block) > LARGEST_BLOCK else max(block.rfind(self._opening), 0)
            self._kept = block[cut:]
            if cut:
                yield block[:cut]
        end = self._kept.find(self._end)
        self.closed = end >= 0
        if end > 0:
            last, self._kept = self._kept[:end], self._kept[end:]
            yield last

    def put_back(self, block: bytes) -> None:
        """Let ``block`` be the first of what has not been returned."""
        self._kept, self.closed = block + self._kept, False

    def rest(self) -> Iterator[bytes]:
        """Return what has not been returned yet."""
        yield self._kept
        yield from self._pieces


def opens_plainly(head: bytes, path: Sequence[str]) -> bool:
    """Tell whether a head leads, in UTF-8 and by the elements of ``path``, into a container of the spreadsheet.

    The elements inside are then in the default namespace, and nothing around them says that spaces are to be kept.
    """
    encodings: list[str | None] = []
    inside: list[str] = []
    reader = parser("")
    reader.XmlDeclHandler = lambda _version, encoding, _standalone: encodings.append(encoding)
    reader.StartElementHandler = lambda name, _: inside.append(name)
    reader.EndElementHandler = lambda _: inside.pop()
    try:
        reader.Parse(head, False)  # noqa: FBT003 (expat takes it by position only)
    except (expat.ExpatError, LookupError, ValueError, Refused):
        return False
    utf8 = all((encoding or "utf-8").lower() == "utf-8" for encoding in encodings)
    return (
        utf8 and any(inside == [f"{uri} {name}" for name in path] for uri in SPREADSHEET) and b"xml:space" not in head
    )
