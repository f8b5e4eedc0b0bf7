"""Which sheet of a workbook is the list, and which of its rows has the headers."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sources.xlsx.header_pairs import join_rows
from sources.xlsx.limits import NoList, Refused
from sources.xlsx.sheet_cells import read_cells
from sources.xlsx.sheet_xml import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sources.xlsx.package import Package, Sheet
    from sources.xlsx.sheet_cells import Cells
    from sources.xlsx.sheet_tokens import Tokens

TOP_ROWS = 50
"""How many rows that hold anything are looked at to find the headers."""
TOP_BYTES = 1 << 16
"""Bytes by which the top of a sheet is read until it has so many rows."""
LEAST_GAIN = 2
"""How many more headers must be known with a second row; a single one could be a value of the first order."""
FEW = 2
"""How many headers are suggested for a missing one."""
ALIKE = 0.5
"""How alike, of 1, a header that nobody knows is to a missing one for it to be suggested."""


def normalise_header(header: str) -> str:
    """Return a header with every run of white space, line breaks and NBSP included, as one space, and none outside."""
    return " ".join(header.split())


class Expected(NamedTuple):
    """What is known of one workbook before it is opened.

    Attributes:
        sheet: The only sheet that may be the list; empty where any may.
        header_row: The only row that may have its headers; 0 where any may.
        headers: Headers of its own, each with the usual one that it stands for.
    """

    sheet: str = ""
    header_row: int = 0
    headers: tuple[tuple[str, str], ...] = ()


class Wanted(NamedTuple):
    """What to look for in a workbook.

    Attributes:
        sheet: The name that the sheet should have.
        headers: The headers known, normalised and case-folded.
        required: The headers without which a sheet is not the list, as they are spelt.
        aliases: Headers of this workbook alone that stand for others, both normalised and case-folded.
        row: The only row that may have the headers; 0 where any may.
        only: Whether no other sheet may be the list.
    """

    sheet: str
    headers: frozenset[str]
    required: tuple[str, ...]
    aliases: Mapping[str, str] = {}
    row: int = 0
    only: bool = False

    @classmethod
    def of(
        cls, sheet: str, headers: Iterable[str], required: Iterable[str], expected: Expected | None = None
    ) -> Wanted:
        """Return what to look for, from headers as they are spelt, and what is known of one workbook."""
        required, expected = tuple(required), expected or Expected()
        aliases = {_key(header): _key(name) for header, name in expected.headers}
        known = frozenset(_key(header) for header in (*headers, *required)) | aliases.keys()
        return cls(expected.sheet or sheet, known, required, aliases, expected.header_row, bool(expected.sheet))


class HeaderRow(NamedTuple):
    """The row of a sheet that fits best.

    Attributes:
        sheet: The sheet.
        row: Its Excel row, of two the lower one; 0 where the sheet is empty.
        headers: The text of its cells by column number.
        missing: The required headers that are not in it.
        score: How many of its headers are known.
        rows: How many rows the headers take.
    """

    sheet: Sheet
    row: int
    headers: Mapping[int, str]
    missing: tuple[str, ...]
    score: int
    rows: int = 1

    @property
    def fit(self) -> tuple[int, int]:
        """The larger, the better it fits."""
        return -len(self.missing), self.score


class Choice(NamedTuple):
    """A chosen sheet.

    Attributes:
        header: The sheet and its header row.
        reason: Why it was chosen.
    """

    header: HeaderRow
    reason: str


def choose_sheet(package: Package, wanted: Wanted) -> Choice:
    """Choose the sheet of the wanted name if its headers fit, else the visible sheet whose headers fit best.

    Raises:
        NoList: No sheet has the required headers.
        Refused: Two sheets fit equally well.
    """
    looked_at: list[HeaderRow] = []
    named = list(_named(package.sheets, wanted.sheet))
    for sheet, reason in named:
        looked_at.append(find_headers(package, sheet, wanted))
        if _fits(looked_at[-1], wanted):
            return Choice(looked_at[-1], reason)
    others = [sheet for sheet in package.sheets if sheet.state == "visible" and sheet not in dict(named)]
    others = [] if wanted.only else others
    looked_at += [find_headers(package, sheet, wanted) for sheet in others]
    fitting = sorted((found for found in looked_at if _fits(found, wanted)), key=lambda found: -found.score)
    if not fitting:
        raise _no_sheet(package, looked_at, wanted)
    if len(fitting) > 1 and fitting[0].score == fitting[1].score:
        raise _two_sheets(fitting, wanted)
    return Choice(fitting[0], _why_best(fitting, wanted))


def find_headers(package: Package, sheet: Sheet, wanted: Wanted) -> HeaderRow:
    """Find the row among the first 50 that hold anything with most of the required, then of the known headers.

    A row with all of the required headers and so many known ones that no other can have twice as many ends the search.
    Headers in two rows, one above the other, are taken together where that fits better.

    Raises:
        Refused: The sheet cannot be read.
    """
    cells = _top(package, sheet)
    rows, starts, widths = np.unique(cells.row, return_index=True, return_counts=True)
    widest = max(widths[:TOP_ROWS], default=0)
    best = HeaderRow(sheet, 0, {}, wanted.required, 0)
    for row, start, width in zip(rows[:TOP_ROWS].tolist(), starts.tolist(), widths.tolist(), strict=False):
        if wanted.row not in {0, row}:
            continue
        found = _score(sheet, row, _texts(cells, slice(start, start + width)), wanted)
        if not best.row or found.fit > best.fit:
            best = found
        if not best.missing and 2 * best.score > widest:
            break
    return _with_second_row(best, cells, wanted)


def _with_second_row(best: HeaderRow, cells: Cells, wanted: Wanted) -> HeaderRow:
    """Take two rows, one below the other, as the header row where more headers are known then.

    Where the best row lacks a required header, any two are tried: a name cut in two makes an order look the best.
    """
    uppers = cells.rows()[: TOP_ROWS - 1].tolist() if best.missing else [best.row, best.row - 1]
    uppers = [wanted.row - 1] if wanted.row else uppers
    least = best.fit[0], best.fit[1] + LEAST_GAIN
    pairs = (_pair(best.sheet, upper, cells, wanted) for upper in uppers)
    fitting = [found for found in pairs if found and found.fit >= least]
    return max(fitting, key=lambda found: found.fit, default=best)


def _pair(sheet: Sheet, upper: int, cells: Cells, wanted: Wanted) -> HeaderRow | None:
    above, below = (_texts(cells, np.flatnonzero(cells.row == row)) for row in (upper, upper + 1))
    joined = join_rows(above, below, lambda text: _key(text) in wanted.headers) if above and below else None
    return _score(sheet, upper + 1, joined, wanted)._replace(rows=2) if joined else None


def _score(sheet: Sheet, row: int, headers: Mapping[int, str], wanted: Wanted) -> HeaderRow:
    keys = {wanted.aliases.get(key, key) for key in map(_key, headers.values())}
    missing = tuple(name for name in wanted.required if _key(name) not in keys)
    return HeaderRow(sheet, row, headers, missing, len(keys & wanted.headers))


def _key(header: str) -> str:
    return normalise_header(header).casefold()


def _fits(found: HeaderRow, wanted: Wanted) -> bool:
    return bool(found.row and not found.missing and (found.score or not wanted.headers))


def _top(package: Package, sheet: Sheet) -> Cells:
    """Return the cells of the first rows that hold anything, and of others."""
    pieces = package.archive.pieces(sheet.part)
    small = (piece[at : at + TOP_BYTES] for piece in pieces for at in range(0, len(piece), TOP_BYTES))
    return read_cells(_first(tokens(small, sheet.part)), package)


def _texts(cells: Cells, here: slice | NDArray[np.int64]) -> dict[int, str]:
    """Return the text of some cells by column number."""
    return dict(zip(cells.column[here].tolist(), cells.texts.gather(cells.text[here]), strict=True))


def _first(blocks: Iterable[Tokens]) -> Iterator[Tokens]:
    rows: set[int] = set()
    for block in blocks:
        yield block
        rows.update(np.unique(block.row).tolist())
        if len(rows) > TOP_ROWS:
            return


def _named(sheets: Sequence[Sheet], name: str) -> Iterator[tuple[Sheet, str]]:
    for sheet in sheets:
        if sheet.name == name:
            yield sheet, f"it is named {name}"
    for sheet in sheets:
        if sheet.name != name and _key(sheet.name) == _key(name):
            yield sheet, f"its name {sheet.name!r} is {name} but for case and spaces"


def _why_best(fitting: Sequence[HeaderRow], wanted: Wanted) -> str:
    why = f"no fitting sheet is named {wanted.sheet}; it has {fitting[0].score} known headers"
    others = ", ".join(f"{found.sheet.name} {found.score}" for found in fitting[1:])
    return f"{why}, the others fewer ({others})" if others else f"{why}, and no other visible sheet fits"


def _two_sheets(fitting: Sequence[HeaderRow], wanted: Wanted) -> Refused:
    names = " and ".join(found.sheet.name for found in fitting if found.score == fitting[0].score)
    return Refused(
        f"the sheets {names} fit equally well, and neither is named {wanted.sheet}",
        f"Rename the right sheet to {wanted.sheet} and save the workbook.",
    )


def _no_sheet(package: Package, looked_at: Sequence[HeaderRow], wanted: Wanted) -> NoList:
    lines = [_what_is_missing(found, wanted) for found in looked_at]
    hidden = [s.name for s in package.sheets if s.state != "visible" and s not in [found.sheet for found in looked_at]]
    lines += [f"hidden sheets were not looked at: {', '.join(hidden)}"] if hidden else []
    nothing = (
        f"there is no sheet {wanted.sheet}, the only one that may be the list" if wanted.only else "it has no sheets"
    )
    listed = "".join(f"\n  {line}" for line in lines or [nothing])
    columns = ", ".join(wanted.required) or "that are known"
    return NoList(
        f"no sheet has a row with the headers {columns}:{listed}\n",
        f"Open it in Excel, give each column its header again, exactly as it is named above, and save it; the sheet "
        f"with the list should be named {wanted.sheet}.",
    )


def _what_is_missing(found: HeaderRow, wanted: Wanted) -> str:
    if not found.row and wanted.row:
        return f"sheet {found.sheet.name} has nothing in row {wanted.row}, where its headers should be"
    if not found.row:
        return f"sheet {found.sheet.name} is empty"
    headers = {_key(header): normalise_header(header) for header in found.headers.values()}
    unknown = {key: header for key, header in headers.items() if key not in wanted.headers}
    missing = "; ".join(_suggest(name, unknown) for name in found.missing) or "none of its headers is known"
    return f"sheet {found.sheet.name}, best row {found.row} with {found.score} known headers: {missing}"


def _suggest(name: str, unknown: Mapping[str, str]) -> str:
    alike = difflib.get_close_matches(_key(name), unknown, FEW, ALIKE) or (unknown if len(unknown) <= FEW else ())
    return f"{name} is missing" + (f" (is it {' or '.join(repr(unknown[key]) for key in alike)}?)" if alike else "")
