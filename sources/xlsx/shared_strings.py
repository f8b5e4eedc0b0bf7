"""The texts that cells share: plain ones by array operations, formatted ones by an XML parser."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sources.xlsx.cell_values import unescape
from sources.xlsx.limits import Refused
from sources.xlsx.markup import (
    Blocks,
    Unrecognised,
    markup,
    opens_plainly,
    resolve,
    spans,
    strip_unless_kept,
    tag_name,
)
from sources.xlsx.xml_elements import BLANKS, SPREADSHEET, XML_SPACE, parser, split_name, well_formed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from sources.xlsx.limits import Limits
    from sources.xlsx.markup import Markup

DOCUMENT = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">', b"</sst>"
TEXTS = frozenset({("sst", "si", "t"), ("sst", "si", "r", "t")})
"""Where the text of an item is."""
PLAIN = 3
"""How many tags follow the first one in ``<si><t>...</t></si>``."""
BATCH = 50_000


def shared_strings(pieces: Iterable[bytes], part: str, limits: Limits) -> pl.Series:
    """Read the shared strings of a workbook.

    Args:
        pieces: The XML of the part; none where the workbook has no such part.
        part: Its name, for refusals.
        limits: How many strings there may be.

    Returns:
        String, in the order in which cells number them; null where the text is empty.

    Raises:
        Refused: It is not well-formed, declares entities, or holds too many strings.
    """
    read = [pl.Series(dtype=pl.String)]
    count = 0
    for texts in _texts(pieces, part):
        count += len(texts)
        limits.check("max_shared_strings", count, "different texts")
        read.append(unescape(texts).replace("", None))
    return pl.concat(read, rechunk=True)


def _texts(pieces: Iterable[bytes], part: str) -> Iterator[pl.Series]:
    blocks = Blocks(pieces, "sst", b"<si>")
    head = blocks.head()
    if opens_plainly(head, ["sst"]):
        for block in blocks:
            try:
                texts = _scan(block)
            except Unrecognised:
                blocks.put_back(block)
                break
            yield texts
    if part and not blocks.closed:
        yield from _parse(chain([head], blocks.rest()), part)


def _scan(xml: bytes) -> pl.Series:
    """Return the texts of whole items; those that are more than one ``t`` go through the parser.

    Raises:
        Unrecognised: Something in the block is not known for certain.
    """
    tags = markup(xml)
    starts, ends, plain = _items(tags)
    text = pl.repeat("", len(starts), dtype=pl.String, eager=True)
    at = np.flatnonzero(plain)
    text = text.scatter(at, _plain(tags, starts[at] + 1))
    at = np.flatnonzero(~plain)
    return text.scatter(at, _rich(tags, starts[at], ends[at])) if at.size else text


def _items(tags: Markup) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the tags that begin and end each item, and whether it is one plain text.

    Raises:
        Unrecognised: There is something outside the items.
    """
    names, lengths = tags.names(), tags.lengths()
    starts = np.flatnonzero((names == tag_name(b"si")) & (lengths == len("<si")))
    ends = np.flatnonzero((names == tag_name(b"/s")) & (lengths == len("</si")))
    ends = ends[tags.bytes[tags.opens[ends] + len("</s")] == ord("i")]
    edges = np.append(starts, len(names))
    if len(starts) != len(ends) or edges[0] != 0 or (edges[1:] != ends + 1).any():
        raise Unrecognised
    first, second = names[np.minimum(starts + 1, ends)], np.minimum(starts + 2, ends)
    plain = (ends - starts == PLAIN) & np.isin(first, (tag_name(b"t>"), tag_name(b"t ")))
    return starts, ends, plain & (names[second] == tag_name(b"/t")) & (lengths[second] == len("</t"))


def _plain(tags: Markup, openings: NDArray[np.int64]) -> pl.Series:
    text = spans(tags, tags.closes[openings] + 1, tags.opens[openings + 1])
    return strip_unless_kept(tags, openings, resolve(text) if tags.has_entities else text)


def _rich(tags: Markup, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> pl.Series:
    items = spans(tags, tags.opens[starts], tags.closes[ends] + 1)
    begin, end = DOCUMENT
    try:
        texts = pl.concat(_parse([begin, "".join(items).encode(), end], ""))
    except Refused as error:
        raise Unrecognised from error
    if len(texts) != len(items):
        raise Unrecognised
    return texts


def _parse(pieces: Iterable[bytes], part: str) -> Iterator[pl.Series]:
    """Read items by a parser: the runs of a rich text are joined, and how it is pronounced is left out."""
    items = _Items()
    reader = parser(part)
    reader.StartElementHandler = items.start
    reader.EndElementHandler = items.end
    reader.CharacterDataHandler = items.characters
    with well_formed(part):
        for piece in pieces:
            reader.Parse(piece, False)  # noqa: FBT003 (expat takes it by position only)
            if len(items.texts) >= BATCH:
                yield items.take()
        reader.Parse(b"", True)  # noqa: FBT003
    yield items.take()


class _Items:
    """Gathers the texts of items that expat reports."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._path: tuple[str, ...] = ()
        self._keep = [False]
        self._item: list[str] = []
        self._text: list[str] | None = None

    def take(self) -> pl.Series:
        """Return the texts gathered so far and begin anew."""
        taken, self.texts = pl.Series(self.texts, dtype=pl.String), []
        return taken

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        namespace, local = split_name(name)
        self._path = (*self._path, local if namespace in SPREADSHEET else "")
        space = attributes.get(XML_SPACE)
        self._keep.append(self._keep[-1] if space is None else space == "preserve")
        if self._path in TEXTS:
            self._text = []

    def end(self, _: str) -> None:
        """Leave an element."""
        keep = self._keep.pop()
        if self._text is not None and self._path in TEXTS:
            text = "".join(self._text)
            self._item.append(text if keep else text.strip(BLANKS))
            self._text = None
        elif self._path == ("sst", "si"):
            self.texts.append("".join(self._item))
            self._item = []
        self._path = self._path[:-1]

    def characters(self, text: str) -> None:
        """Keep the text of an item."""
        if self._text is not None and self._path in TEXTS:
            self._text.append(text)
