"""What the headers of a workbook feed, and what those that feed nothing may have meant: lines to paste."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, Final

from transforms.order_lists.columns import COLUMNS, REQUIRED_COLUMNS, SOURCE_CUSTOMER, Column
from transforms.order_lists.customers import CUSTOMERS, folded_name, named_by_file, profile_of
from transforms.order_lists.header_mapping import loosely_mapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

__all__ = ["Proposal", "header_proposals", "lines_to_paste"]

SURE: Final = 85
"""Percent from which a line to paste is in force; below it, it is commented out."""
LIKELY: Final = 60
"""Percent from which a proposal is worth a line."""
POSSIBLE: Final = 40
"""Percent from which a proposal is worth a look."""

_ROLES: Final = {"unknown": False, "unknown_size": True}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One header of a sheet.

    Attributes:
        letter: Its column in the sheet.
        header: Its text with whitespace collapsed; None where there is none.
        role: What it is, one of the roles of a header mapping.
        column: The column that it feeds; None where it feeds none.
        proposal: The column that it may have meant.
        confidence: How sure that is, in percent.
    """

    letter: str
    header: str | None
    role: str
    column: str | None
    proposal: str | None = None
    confidence: int = 0


def header_proposals(headers: pl.DataFrame, file: str) -> list[Proposal]:
    """Say what each header of a sheet feeds, and propose a column for those that feed none.

    Only columns that no header feeds are proposed, each once: of two headers the likelier has it. Nothing is said
    against a sheet that lacks a required column: it is just then that its headers are looked at.

    Args:
        headers: ``letter`` and ``header`` of the header row.
        file: The workbook, whose customer may have headers of its own.

    Returns:
        One entry per column of the sheet, from left to right.
    """
    mapping = loosely_mapped(headers, profile_of(file))
    entries = [Proposal(*row) for row in mapping.select("letter", "header", "role", "column").iter_rows()]
    fed = {entry.column for entry in entries}
    free = [column for column in COLUMNS if column.name not in fed and column.name != SOURCE_CUSTOMER]
    chosen = _chosen(entries, free)
    return [chosen.get(entry.letter, entry) for entry in entries]


def _chosen(entries: Iterable[Proposal], free: Sequence[Column]) -> dict[str, Proposal]:
    """The best proposal for each letter, no column proposed twice."""
    likelihoods = sorted(
        (
            (_confidence(entry.header or "", column), column.name in REQUIRED_COLUMNS, entry.letter, entry, column.name)
            for entry in entries
            if entry.role in _ROLES
            for column in free
            if column.is_size is _ROLES[entry.role]
        ),
        key=lambda found: (-found[0], not found[1], found[2], found[4]),
    )
    chosen: dict[str, Proposal] = {}
    taken: set[str] = set()
    for percent, _, letter, entry, name in likelihoods:
        if percent >= POSSIBLE and letter not in chosen and name not in taken:
            chosen[letter] = Proposal(letter, entry.header, entry.role, None, name, percent)
            taken.add(name)
    return chosen


def _confidence(header: str, column: Column) -> int:
    """How likely a header means a column, in percent; a size with other numbers is another size."""
    spellings = (column.name, *column.aliases)
    if column.is_size:
        spellings = tuple(spelling for spelling in spellings if _numbers(spelling) == _numbers(header))
    return max((_alike(header, spelling) for spelling in spellings), default=0)


@cache
def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"[0-9]+", text)))


def _alike(header: str, spelling: str) -> int:
    """How alike two headers are in percent, word order and punctuation aside; never sure, or one would be known."""
    words, others = _words(header), _words(spelling)
    if not words or not others:
        return 0
    plain = SequenceMatcher(None, " ".join(words), " ".join(others)).ratio()
    ordered = SequenceMatcher(None, " ".join(sorted(words)), " ".join(sorted(others))).ratio()
    return min(95, round(100 * max(plain, ordered)))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def lines_to_paste(file: str, proposals: Iterable[Proposal]) -> list[str]:
    """Write the lines of ``customers.toml`` that make the likely proposals true; none where there is none.

    A line of which nobody can be sure is commented out until somebody has looked at it.

    Args:
        file: The workbook.
        proposals: Its headers.
    """
    name = named_by_file(file)
    new = {entry.header: entry for entry in proposals if entry.proposal and entry.confidence >= LIKELY}
    if not new:
        return []
    known = CUSTOMERS.get(folded_name(name))
    kept = [_line(header, column) for header, column in (known.profile.headers if known else ())]
    found = [_proposed(entry) for entry in new.values()]
    place = [f"# in the table of {name}, in place of its headers"] if known else ["[[customers]]"]
    own = [] if known else [f"canonical = {_quoted(name)}"]
    return [*place, *own, *kept, *found]


def _proposed(entry: Proposal) -> str:
    line = _line(entry.header or "", str(entry.proposal))
    sure = entry.confidence >= SURE
    return f"{line}   # {entry.confidence} %" if sure else f"# {line}   # unsure, {entry.confidence} %"


def _line(header: str, column: str) -> str:
    """A header as a dotted key, which may stand on a line of its own as an inline table's may not."""
    return f"headers.{_quoted(header)} = {_quoted(column)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
