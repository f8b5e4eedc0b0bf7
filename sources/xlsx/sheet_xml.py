"""Sheets as Excel and its like write them, a block of rows at a time by array operations.

A block is taken only if every tag in it is known and in its place, every value's cell has an address of its own row,
and nothing needs a parser to be understood. From the first block that is not so, the parser goes on.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sources.xlsx import sheet_xml_general
from sources.xlsx.markup import (
    BYTES,
    Blocks,
    Unrecognised,
    markup,
    opens_plainly,
    resolve,
    spans,
    strip_unless_kept,
    tag_name,
)
from sources.xlsx.sheet_tokens import FORMULA, LETTERS, MAX_COLUMN, MAX_ROW, TEXTS, Kind, Tokens
from sources.xlsx.xml_elements import BLANKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from sources.xlsx.markup import Markup

# Every tag of a block has one of these codes; an empty-element tag has its start tag's code plus one.
ROW, ROW_EMPTY, ROW_END, C, C_EMPTY, C_END, V, V_EMPTY, V_END, F, F_EMPTY, F_END = range(1, 13)
IS, _, IS_END, T, T_EMPTY, T_END = range(13, 19)
CODES = {
    b"ro": ROW, b"c ": C, b"v>": V, b"v/": V, b"f>": F, b"f ": F, b"f/": F, b"is": IS, b"t>": T, b"t ": T, b"t/": T,
    b"/r": ROW_END, b"/c": C_END, b"/v": V_END, b"/f": F_END, b"/i": IS_END, b"/t": T_END,
}  # fmt: skip
"""What the first two bytes of a tag say."""
LENGTHS = {V: 2, V_EMPTY: 3, IS: 3, ROW_END: 5, C_END: 3, V_END: 3, F_END: 3, IS_END: 4, T_END: 3}
"""How far ``>`` lies from ``<`` in tags that have no attributes."""
NEXT = {
    ROW: (C, C_EMPTY, ROW_END),
    C: (V, V_EMPTY, F, F_EMPTY, IS, C_END),
    F: (F_END,),
    V: (V_END,),
    IS: (T, T_EMPTY),
    T: (T_END,),
    **dict.fromkeys((F_END, F_EMPTY), (V, V_EMPTY, C_END)),
    **dict.fromkeys((V_END, V_EMPTY, IS_END), (C_END,)),
    **dict.fromkeys((T_END, T_EMPTY), (IS_END,)),
    **dict.fromkeys((C_END, C_EMPTY), (C, C_EMPTY, ROW_END)),
    **dict.fromkeys((ROW_END, ROW_EMPTY), (ROW, ROW_EMPTY)),
}
"""Which tags may follow which."""
FIRST, LAST = (ROW, ROW_EMPTY), (ROW_END, ROW_EMPTY)
SIZE = 32
"""More than the highest code."""


def _table(values: Mapping[int, int], size: int) -> NDArray[np.uint8]:
    table = np.zeros(size, np.uint8)
    table[list(values)] = list(values.values())
    return table


CODE_OF_NAME = _table({tag_name(start): code for start, code in CODES.items()}, 1 << 16)
LENGTH_OF_CODE = _table(LENGTHS, SIZE)
ALLOWED = _table({before * SIZE + after: 1 for before, all_after in NEXT.items() for after in all_after}, SIZE * SIZE)

ROW_OPENING, CELL_OPENING = b'<row r="', b'<c r="'
MAX_DIGITS = 7
ATTRIBUTE = re.compile(' (?:s="([0-9]{1,9})"|t="([A-Za-z]+)"|(?:cm|vm|ph)="[0-9A-Za-z]*")')


def tokens(pieces: Iterable[bytes], part: str) -> Iterator[Tokens]:
    """Tokenise a sheet, a few MiB of XML at a time.

    Args:
        pieces: The XML of the whole part.
        part: Its name, for refusals.

    Raises:
        Refused: It is not well-formed, declares entities, or a cell lies outside Excel's grid.
    """
    blocks = Blocks(pieces, "sheetData", b"<row ")
    head = blocks.head()
    scan = Scan()
    if opens_plainly(head, ["worksheet", "sheetData"]):
        for block in blocks:
            try:
                found = scan.block(block)
            except Unrecognised:
                blocks.put_back(block)
                break
            yield found
    if not blocks.closed:
        yield from sheet_xml_general.tokens(chain([head], blocks.rest()), part, scan.row)


class Scan:
    """Scans blocks of one sheet; what the attributes of cells mean is learned once for all blocks.

    Attributes:
        row: The last row of the blocks so far.
    """

    def __init__(self) -> None:
        self.row = 0
        self._attributes: list[str] = []
        self._kinds: list[Kind] = []

    def block(self, xml: bytes) -> Tokens:
        """Return the cells of whole rows that have a value or a formula.

        Raises:
            Unrecognised: Something in the block is not known for certain.
        """
        tags = markup(xml)
        codes = tag_codes(tags)
        cells, rows = np.flatnonzero(codes == C), np.flatnonzero((codes == ROW) | (codes == ROW_EMPTY))
        of_row = np.repeat(np.arange(len(rows)), np.diff(np.searchsorted(cells, np.append(rows, len(codes)))))
        values, present, formulas = value_tags(codes, cells)
        bare = formulas[~present[formulas] | empty(tags, values[formulas])]
        present[bare] = True
        bare = np.searchsorted(np.flatnonzero(present), bare) if bare.size else bare
        cells, values, of_row = cells[present], values[present], of_row[present]
        numbers, digits = row_numbers(tags, tags.opens[rows])
        columns, ends = cell_columns(tags, tags.opens[cells], tags.opens[rows][of_row], digits[of_row])
        kind = self._kinds_of(spans(tags, ends, tags.closes[cells]))
        text = self._texts(tags, values, kind, inline=codes[values] == T)
        if bare.size:
            blank = self._are_texts(kind[bare]) & (codes[values[bare]] != C_END)
            text = text.scatter(bare, formula_texts(tags, cells[bare] + 1, blank))
            kind = kind.copy()
            kind[bare[~blank]] = len(self._kinds)
        self.row = int(numbers[-1]) if numbers.size else self.row
        return Tokens(numbers[of_row], columns, kind, (*self._kinds, FORMULA), text)

    def _kinds_of(self, attributes: pl.Series) -> NDArray[np.uint32]:
        code = attributes.cast(pl.Enum(self._attributes), strict=False)
        if code.null_count():
            for text in attributes.filter(code.is_null()).unique():
                self._kinds.append(parse_kind(text))
                self._attributes.append(text)
            code = attributes.cast(pl.Enum(self._attributes))
        return code.to_physical().cast(pl.UInt32).to_numpy()

    def _are_texts(self, kind: NDArray[np.uint32]) -> NDArray[np.bool_]:
        return np.array([kind.type in TEXTS for kind in self._kinds], np.bool_)[kind]

    def _texts(
        self, tags: Markup, values: NDArray[np.int64], kind: NDArray[np.uint32], inline: NDArray[np.bool_]
    ) -> pl.Series:
        text = spans(tags, tags.closes[values] + 1, tags.opens[values + 1])
        text = resolve(text) if tags.has_entities else text
        said_inline = np.array([kind.type == "inlineStr" for kind in self._kinds], np.bool_)[kind]
        if (said_inline != inline).any():
            raise Unrecognised
        at = np.flatnonzero(inline)
        return text.scatter(at, strip_unless_kept(tags, values[at], text.gather(at))) if at.size else text


def tag_codes(tags: Markup) -> NDArray[np.uint8]:
    """Name every tag.

    Raises:
        Unrecognised: A tag is unknown, or follows one that it may not follow.
    """
    codes = CODE_OF_NAME.take(tags.names())
    codes += tags.bytes[tags.closes - 1] == ord("/")
    length = LENGTH_OF_CODE.take(codes)
    pairs = codes[:-1].astype(np.uint16)
    pairs *= SIZE
    pairs += codes[1:]
    if not (((length == tags.lengths()) | (length == 0)).all() and ALLOWED.take(pairs).all()):
        raise Unrecognised
    if codes.size and (codes[0] not in FIRST or codes[-1] not in LAST):
        raise Unrecognised
    return codes


def value_tags(
    codes: NDArray[np.uint8], cells: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Return the tag that opens each cell's value, whether it has a value, and which cells have a formula before it."""
    tag = cells + 1
    first = codes[tag]
    written, unwritten = first == F, first == F_EMPTY
    tag += 2 * written + unwritten
    tag += codes[tag] == IS
    value = codes[tag]
    return tag, (value == V) | (value == T), np.flatnonzero(written | unwritten)


def empty(tags: Markup, values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether nothing follows the tags of some values before the next tag."""
    nothing: NDArray[np.bool_] = tags.opens[values + 1] - tags.closes[values] == 1
    return nothing


def formula_texts(tags: Markup, formulas: NDArray[np.int64], blank: NDArray[np.bool_]) -> pl.Series:
    """Return the text of some formulas, and nothing for those of which a blank is the value.

    Args:
        tags: The block.
        formulas: Their tags.
        blank: Which have a blank for a value.
    """
    text = spans(tags, tags.closes[formulas] + 1, tags.opens[formulas + 1])
    text = (resolve(text) if tags.has_entities else text).str.strip_chars(BLANKS)
    return text.scatter(np.flatnonzero(blank), "")


def row_numbers(tags: Markup, start: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return each row's number and how many digits it has.

    Args:
        tags: The block.
        start: Where each row's tag opens.

    Raises:
        Unrecognised: A row does not begin with its number.
    """
    number, digits = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
    more = tags.words[start] == int.from_bytes(ROW_OPENING, "little")
    for place in range(MAX_DIGITS + 1):
        digit = tags.bytes[start + len(ROW_OPENING) + place] - np.uint8(ord("0"))
        more &= digit < len("0123456789")
        number = np.where(more, number * 10 + digit, number)
        digits += more
    ended = tags.bytes[start + len(ROW_OPENING) + digits] == ord('"')
    if not (ended & (number > 0) & (number <= MAX_ROW) & (digits <= MAX_DIGITS)).all():
        raise Unrecognised
    return number.astype(np.uint32), digits


def cell_columns(
    tags: Markup, start: NDArray[np.int64], row_start: NDArray[np.int64], digits: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return each cell's column number and where its address ends.

    Args:
        tags: The block.
        start: Where each cell's tag opens.
        row_start: Where the tag of its row opens.
        digits: How many digits the number of its row has.

    Raises:
        Unrecognised: A cell does not begin with its address, or the address is not in the cell's row.
    """
    opening = tags.words[start]
    right = opening & BYTES[len(CELL_OPENING)] == int.from_bytes(CELL_OPENING, "little")
    first, second = ((opening >> shift).astype(np.uint8) - np.uint8(ord("A")) for shift in (48, 56))
    third = tags.bytes[start + len('<c r="AA')] - np.uint8(ord("A"))
    two = second < LETTERS
    three = two & (third < LETTERS)
    column = first.astype(np.uint32) + 1
    column = np.where(two, column * LETTERS + second + 1, column)
    column = np.where(three, column * LETTERS + third + 1, column)
    number = start + len('<c r="A') + two + three
    row_number = tags.words[row_start + len(ROW_OPENING)]
    right &= (tags.words[number] ^ row_number) & BYTES[digits] == 0
    end = number + digits
    right &= (first < LETTERS) & (column <= MAX_COLUMN) & (tags.bytes[end] == ord('"'))
    if not right.all():
        raise Unrecognised
    return column, end + 1


def parse_kind(attributes: str) -> Kind:
    """Read the attributes that follow a cell's address.

    Raises:
        Unrecognised: They are not written the way that Excel writes them.
    """
    found = ATTRIBUTE.findall(attributes)
    styles, types = [style for style, _ in found if style], [kind for _, kind in found if kind]
    if ATTRIBUTE.sub("", attributes) or len(styles) > 1 or len(types) > 1:
        raise Unrecognised
    return Kind(types[0] if types else "n", int(styles[0]) if styles else 0)
