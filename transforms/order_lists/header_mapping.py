"""Which published column each column of a sheet feeds: one header feeds one column, and one column has one header."""

# No future import here or in any transform: the engine reads the annotations, which are the contract.
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from firn import SourceChanged
from transforms import row_local
from transforms.order_lists.columns import (
    COLUMNS,
    FIRST_AFTER_SIZES,
    LAST_BEFORE_SIZES,
    REQUIRED_COLUMNS,
    SIZE_KIND,
    SOURCE_CUSTOMER,
    Column,
)
from transforms.order_lists.contract import HeaderMapping, Headers, Workbook
from transforms.order_lists.customers import profile_of
from transforms.order_lists.profiles import Profile

__all__ = ["collapsed", "header_mapping", "loosely_mapped"]


class _Spellings(NamedTuple):
    """What a header may say to mean a column; the earlier the dictionary, the better the fit."""

    own: Mapping[str, Column]
    alias: Mapping[str, Column]
    folded: Mapping[str, Column]


class _Fit(NamedTuple):
    """The header at a position means a column; the smaller of two fits feeds it."""

    misfit: int
    position: int
    column: Column


def _spellings(columns: Iterable[Column]) -> _Spellings:
    own: dict[str, Column] = {}
    alias: dict[str, Column] = {}
    folded: dict[str, set[Column]] = {}
    for column in columns:
        own[column.name] = column
        alias.update(dict.fromkeys(column.aliases, column))
        for spelling in (column.name, *column.aliases):
            folded.setdefault(spelling.casefold(), set()).add(column)
    return _Spellings(own, alias, {fold: owners.pop() for fold, owners in folded.items() if len(owners) == 1})


_SCHEMA: Final = HeaderMapping.create_empty().schema
_SIZES: Final = _spellings(column for column in COLUMNS if column.is_size)
_OTHERS: Final = _spellings(column for column in COLUMNS if not column.is_size and column.name != SOURCE_CUSTOMER)


class _Known(NamedTuple):
    """The spellings of sizes, and of all other columns."""

    sizes: _Spellings
    others: _Spellings


@cache
def _known(profile: Profile) -> _Known:
    """The spellings that a workbook with a profile may use: everybody's and its own."""
    known = _Known(_SIZES, _OTHERS)
    for is_size, spellings in ((True, known.sizes), (False, known.others)):
        own = {header: column for header, column in profile.columns if column.is_size is is_size}
        folded = {header.casefold(): column for header, column in own.items()}
        widened = spellings._replace(alias={**spellings.alias, **own}, folded={**spellings.folded, **folded})
        known = known._replace(**{"sizes" if is_size else "others": widened})
    return known


@row_local
def header_mapping(headers: dy.DataFrame[Headers], workbook: dy.DataFrame[Workbook]) -> dy.DataFrame[HeaderMapping]:
    """Map the columns of a sheet to the published columns.

    A header names a column by the column's own name, else by a listed alias, else by either in another case where
    that means one column only; a header of the customer's own profile counts as an alias. Where two headers name a
    column, the better fit feeds it, or of equals the first; the other is a ``duplicate``. What stands between UNIT OF
    MEASURE and TOTAL QTY is a size and nothing else is, by the positional rule of the order lists: ``34`` is a waist
    there, and unknown anywhere else. A size that no column knows is one by its header; where two have the same, the
    other is a ``duplicate``.

    Args:
        headers: The header row of one sheet.
        workbook: The workbook, which errors name.

    Returns:
        One row per column of the sheet, from left to right.

    Raises:
        SourceChanged: A column is missing without which the sheet is no order list, or the size markers are swapped.
    """
    by_letter = _texts(headers)
    known = _known(profile_of(workbook["file"][0]))
    return _mapped(by_letter, known, _size_positions(list(by_letter.values()), known, workbook))


def loosely_mapped(headers: pl.DataFrame, profile: Profile) -> dy.DataFrame[HeaderMapping]:
    """Map the columns of a sheet that may lack any column, the size markers too.

    Args:
        headers: ``letter`` and ``header`` of one sheet.
        profile: What is known of its workbook.

    Returns:
        One row per column of the sheet, from left to right.
    """
    by_letter, known = _texts(headers), _known(profile)
    return _mapped(by_letter, known, _likely_sizes(list(by_letter.values()), known))


def _likely_sizes(texts: Sequence[str | None], known: _Known) -> range:
    """The positions between the size markers; where one is missing, from the first or to the last known size."""
    fed = _fed(_fits(texts, range(0), known))
    places = {column.name: position for position, column in fed.items()}
    sizes = [i for i, text in enumerate(texts) if text and i not in fed and _meaning(text, known.sizes)]
    first = places.get(LAST_BEFORE_SIZES, min(sizes, default=0) - 1)
    return range(first + 1, places.get(FIRST_AFTER_SIZES, max(sizes, default=first) + 1))


def _texts(headers: pl.DataFrame) -> dict[str, str | None]:
    """The collapsed header of each letter, from left to right."""
    # B stands before AA: shorter letters come first.
    rows = sorted(headers.select("letter", "header").iter_rows(), key=lambda row: (len(row[0]), row[0]))
    return {letter: collapsed(header) for letter, header in rows}


def _mapped(by_letter: Mapping[str, str | None], known: _Known, sizes: range) -> dy.DataFrame[HeaderMapping]:
    letters, texts = list(by_letter), list(by_letter.values())
    fits = _fits(texts, sizes, known)
    fed = _fed(fits)
    meant = {i: texts[i] for i in sizes if texts[i] in texts[sizes.start : i]}
    meant |= {fit.position: fit.column.name for fit in fits}
    rows = [
        (letter, text, *_target(fed.get(i), text, meant.get(i), is_size=i in sizes))
        for i, (letter, text) in enumerate(zip(letters, texts, strict=True))
    ]
    return HeaderMapping.cast(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))


def collapsed(header: str | None) -> str | None:
    """Turn every run of whitespace, line breaks and no-break spaces included, into one space; None for nothing."""
    return " ".join((header or "").split()) or None


def _size_positions(texts: Sequence[str | None], known: _Known, workbook: pl.DataFrame) -> range:
    """The positions between the two size markers, once every required column is known to be there."""
    fed = _fed(_fits(texts, range(0), known))
    places = {column.name: position for position, column in fed.items()}
    missing = [name for name in REQUIRED_COLUMNS if name not in places]
    if missing:
        raise _missing(missing, [text for i, text in enumerate(texts) if text and i not in fed], workbook)
    first, last = places[LAST_BEFORE_SIZES], places[FIRST_AFTER_SIZES]
    if first > last:
        raise SourceChanged(
            f"{_place(workbook)}: {FIRST_AFTER_SIZES!r} stands before {LAST_BEFORE_SIZES!r}, so no column is known to "
            "be a size. Production is unchanged.",
            "Put the sizes between the two columns.",
        )
    return range(first + 1, last)


def _fits(texts: Sequence[str | None], sizes: range, known: _Known) -> list[_Fit]:
    return [
        _Fit(misfit, i, column)
        for i, text in enumerate(texts)
        if text
        for misfit, column in _meaning(text, known.sizes if i in sizes else known.others)
    ]


def _meaning(text: str, spellings: _Spellings) -> list[tuple[int, Column]]:
    """The one column that a header means and how ill it fits, as a list of one or none."""
    found = (spellings.own.get(text), spellings.alias.get(text), spellings.folded.get(text.casefold()))
    return [(misfit, column) for misfit, column in enumerate(found) if column][:1]


def _fed(fits: Iterable[_Fit]) -> dict[int, Column]:
    """Which position feeds which column, each column once."""
    fed: dict[Column, int] = {}
    for fit in sorted(fits, key=lambda fit: (fit.misfit, fit.position)):
        fed.setdefault(fit.column, fit.position)
    return {position: column for column, position in fed.items()}


def _target(
    column: Column | None, text: str | None, meant: str | None, *, is_size: bool
) -> tuple[str | None, str | None, str, str | None]:
    """The columns ``column``, ``kind``, ``role`` and ``suggestion`` of one header."""
    if column:
        return column.name, column.kind, "size" if is_size else "column", None
    if text is None:
        return None, None, "unnamed", None
    if meant:
        return None, None, "duplicate", meant
    if is_size:
        return None, SIZE_KIND, "unknown_size", _suggestion(text, _SIZES)
    return None, None, "unknown", _suggestion(text, _OTHERS)


def _suggestion(text: str, spellings: _Spellings) -> str | None:
    close = get_close_matches(text.casefold(), spellings.folded, n=1, cutoff=0.8)
    return spellings.folded[close[0]].name if close else None


def _missing(missing: Sequence[str], loose: Sequence[str], workbook: pl.DataFrame) -> SourceChanged:
    close = {name: get_close_matches(name, loose, n=1) for name in missing}
    renamed = [f"rename {found[0]!r} to {name!r}" for name, found in close.items() if found]
    return SourceChanged(
        f"{_place(workbook)}: no column {', '.join(map(repr, missing))}, without which the sheet is no order list. "
        "Production is unchanged.",
        f"In the workbook, {', '.join(renamed)}; or list the header as an alias in columns.csv."
        if renamed
        else "Check that this is the sheet and the row of the headers.",
    )


def _place(workbook: pl.DataFrame) -> str:
    file, sheet, row = workbook.select("file", "sheet", "header_row").row(0)
    return f"{file}, sheet {sheet!r}, row {row}"
