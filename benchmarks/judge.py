"""The truth of one sheet, worked out from its distinct cells by the oracle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from benchmarks import business
from benchmarks.identities import CUSTOMER, lines_of
from benchmarks.oracle import (
    NUMBER_KINDS,
    ORDER_NUMBER,
    PHANTOM_BLANKS,
    TOTAL,
    Outcome,
    Reason,
    as_text,
    fields,
    is_blank,
    line_outcome,
    outcome,
    plain,
)
from benchmarks.truth import ColumnTruth, FileTruth
from benchmarks.xlsx_writer import Style, column_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from benchmarks.grid import Column, Rows
    from benchmarks.oracle import Field
    from benchmarks.xlsx_writer import Cell

    Mask = npt.NDArray[np.bool_]

QUARANTINE_COLUMNS = ("file", "sheet", "cell", "row", "column", "raw", "reason")


class Verdict(NamedTuple):
    """What a correct run must find in one workbook.

    Attributes:
        truth: Its counts.
        expected: ``file``, ``row``, ``column``, ``value`` of its published cells.
        quarantine: Its cells in quarantine.
        lines: ``file``, ``row``, ``order_key``, ``row_hash`` of its published lines.
        sizes: ``file``, ``row``, ``size``, ``quantity`` of what its published lines order.
    """

    truth: FileTruth
    expected: pl.DataFrame
    quarantine: pl.DataFrame
    lines: pl.DataFrame
    sizes: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Judged:
    """One column with what becomes of each of its distinct cells.

    Attributes:
        column: The column of the sheet.
        field: Where its cells go.
        letters: Its letters in the sheet.
        outcomes: What becomes of each distinct cell, in the order of ``column.cells``.
        filled: For each row, whether its cell is not blank.
        date1904: Whether day 0 is 1904-01-01.
    """

    column: Column
    field: Field
    letters: str
    outcomes: list[Outcome]
    filled: Mask
    date1904: bool

    def entries(self, rows: Rows) -> list[tuple[int, str]]:
        """Return for each of ``rows`` its number and what its cell reads as."""
        codes = self.column.codes[rows].tolist()
        texts = {code: as_text(self.column.cells[code], date1904=self.date1904) for code in set(codes)}
        return [(row, texts[code]) for row, code in zip(rows.tolist(), codes, strict=True)]


def judge(columns: Sequence[Column], truth: FileTruth, first_column: int) -> Verdict:
    """Return what a correct run must find in a sheet.

    Args:
        columns: The columns, left to right.
        truth: Where the sheet stands; its counts are filled in.
        first_column: The number of the first column.
    """
    found = fields([column.header for column in columns])
    judged = [
        _judged(column, field, column_letters(first_column + position), truth.date1904)
        for position, (column, field) in enumerate(zip(columns, found, strict=True))
    ]
    mapped = {item.field.column: item for item in judged if item.field.reason is None and not item.field.is_line}
    lined = {item.field.column: item for item in judged if item.field.is_line}
    fate = _fates(judged, mapped)
    published = np.flatnonzero(fate == _PUBLISHED)
    aside = np.flatnonzero((fate == _KEYLESS) | (fate == _PHANTOM))
    for item in mapped.values():
        truth.columns[item.field.column] = _column_truth(item, published, aside)
    for size, item in lined.items():
        truth.sizes[size] = _column_truth(item, published, aside)
    truth.unmapped = [_unmapped(item) for item in judged if item.field.reason is not None]
    truth.rows |= _row_counts(fate)
    truth.names = _names(mapped[CUSTOMER], published)
    truth.dirt = _dirt(columns, np.flatnonzero(fate != _BLANK))
    said = _customers(mapped[CUSTOMER], fate)
    values, truth.rules = business.applied(
        _values(mapped, published), [said[row] for row in published.tolist()], truth.file
    )
    excel = pl.Series("row", published + truth.header_row + 1, dtype=pl.Int32)
    lines = lines_of(truth.file, excel, values)
    truth.alike = _alike(values[ORDER_NUMBER], lines)
    known = {name: item for name, item in mapped.items() if item.field.kind == "qty_size"}
    sizes = _sizes(truth.file, excel, _values(known | lined, published))
    return Verdict(truth, _expected(truth.file, excel, values), _quarantine(truth, judged, fate), lines, sizes)


_BLANK, _PUBLISHED, _KEYLESS, _PHANTOM = range(4)
_ROW_REASONS = {_KEYLESS: Reason.KEYLESS, _PHANTOM: Reason.PHANTOM}


def _judged(column: Column, field: Field, letters: str, date1904: bool) -> Judged:  # noqa: FBT001
    filled = np.array([not is_blank(cell) for cell in column.cells])[column.codes]
    if field.is_line:
        outcomes = [line_outcome(cell) for cell in column.cells]
    elif field.reason is None:
        outcomes = [outcome(cell, field.kind, date1904=date1904) for cell in column.cells]
    else:
        outcomes = [Outcome() if is_blank(cell) else Outcome(reason=field.reason) for cell in column.cells]
    return Judged(column, field, letters, outcomes, filled, date1904)


def _fates(judged: Sequence[Judged], mapped: Mapping[str, Judged]) -> Rows:
    """Return for each row whether it is blank, published, or set aside by which rule."""
    some = np.logical_or.reduce([item.filled for item in judged])
    told = [mapped[name].filled for name in PHANTOM_BLANKS if name in mapped]
    total = mapped[TOTAL]
    zero = np.array([found.value == "0" for found in total.outcomes])[total.column.codes]
    phantom = ~np.logical_or.reduce(told) & (~total.filled | zero)
    fate = np.where(phantom, _PHANTOM, _PUBLISHED)
    fate[~mapped[ORDER_NUMBER].filled] = _KEYLESS
    fate[~some] = _BLANK
    return fate


def _row_counts(fate: Rows) -> dict[str, int]:
    count = np.bincount(fate, minlength=4)
    return {
        "landed": len(fate) - int(count[_BLANK]),
        "published": int(count[_PUBLISHED]),
        "keyless": int(count[_KEYLESS]),
        "phantom": int(count[_PHANTOM]),
        "blank": int(count[_BLANK]),
    }


def _column_truth(item: Judged, published: Rows, aside: Rows) -> ColumnTruth:
    cells = len(item.outcomes)
    counts = np.bincount(item.column.codes[published], minlength=cells)
    aside_counts = np.bincount(item.column.codes[aside], minlength=cells)
    nulled: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    values = 0
    for found, count in zip(item.outcomes, counts.tolist(), strict=True):
        values += count if found.value is not None else 0
        nulled[found.nulled] += count
        reasons[str(found.reason or "")] += count
    truth = ColumnTruth(
        filled=int(item.filled.sum()),
        published=values,
        nulled=_named(nulled),
        quarantined=_named(reasons),
        set_aside=int(item.filled[aside].sum()),
    )
    if item.field.kind in NUMBER_KINDS:
        _sums(truth, item.outcomes, counts.tolist(), aside_counts.tolist())
    return truth


def _named(counts: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if name and count}


def _sums(truth: ColumnTruth, outcomes: Sequence[Outcome], counts: Sequence[int], aside: Sequence[int]) -> None:
    read = published = numbers = Decimal(0)
    for found, count, without in zip(outcomes, counts, aside, strict=True):
        if found.number is None or not count + without:
            continue
        read += found.number * (count + without)
        if found.value is not None:
            value = Decimal(found.value)
            published += value * count
            numbers += found.number * count
            truth.rounded += count if value != found.number else 0
    sums = {"read": read, "published": published, "rounding": numbers - published, "set_aside": read - numbers}
    truth.sums = {name: plain(number) for name, number in sums.items()}


def _unmapped(item: Judged) -> dict[str, str | int]:
    cells = int(item.filled.sum())
    return {"header": item.field.column, "letters": item.letters, "reason": str(item.field.reason), "cells": cells}


def _names(item: Judged, published: Rows) -> dict[str, int]:
    counts = Counter(item.column.codes[published].tolist())
    names: Counter[str] = Counter()
    for code, count in counts.items():
        names[item.outcomes[code].value or ""] += count
    return dict(sorted(names.items()))


def _values(mapped: Mapping[str, Judged], published: Rows) -> pl.DataFrame:
    """Return the published rows as they are to be read back: a column of texts for each column that has any."""
    codes = pl.DataFrame({name: item.column.codes[published] for name, item in mapped.items()})
    return codes.select(
        pl.lit(pl.Series([found.value for found in item.outcomes], dtype=pl.String)).gather(pl.col(name)).alias(name)
        for name, item in mapped.items()
    )


def _customers(item: Judged, fate: Rows) -> dict[int, str | None]:
    """Return for each row with an order number what is said of its customer, in it or above it."""
    numbered = np.flatnonzero((fate == _PUBLISHED) | (fate == _PHANTOM)).tolist()
    written = [item.outcomes[item.column.codes[row]].value for row in numbered]
    return dict(zip(numbered, business.said(written), strict=True))


def _alike(numbers: pl.Series, lines: pl.DataFrame) -> dict[str, int]:
    folded = numbers.str.replace_all("\u00a0", " ").str.strip_chars().str.to_lowercase()
    return {
        "order_number": lines.height - folded.n_unique(),
        "key": lines.height - lines["order_key"].n_unique(),
        "identical": lines.height - lines["row_hash"].n_unique(),
    }


def _dirt(columns: Sequence[Column], landed: Rows) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for column in columns:
        found = np.bincount(column.codes[landed], minlength=len(column.cells)).tolist()
        for cell, label, count in zip(column.cells, column.labels, found, strict=True):
            counts[label] += count
            counts[_form(cell, column.kind)] += count
    return _named(counts)


def _form(cell: Cell, kind: str) -> str:
    """Return what is particular about the way in which a cell is stored, not about what it says."""
    if cell.formula:
        return "stored_formula"
    if cell.type == "inlineStr":
        return "stored_inline"
    if cell.style == Style.PERCENT:
        return "stored_as_percent"
    return "stored_number_in_text_column" if cell.type == "n" and cell.raw and kind == "text" else ""


def _expected(file: str, rows: pl.Series, values: pl.DataFrame) -> pl.DataFrame:
    cells = values.with_columns(rows).unpivot(index="row", variable_name="column").drop_nulls("value")
    return cells.select(pl.lit(file).alias("file"), "row", "column", "value")


def _sizes(file: str, rows: pl.Series, values: pl.DataFrame) -> pl.DataFrame:
    ordered = values.with_columns(rows).unpivot(index="row", variable_name="size", value_name="quantity")
    pieces = ordered.with_columns(pl.col("quantity").cast(pl.Int32)).filter(pl.col("quantity") > 0)
    return pieces.select(pl.lit(file).alias("file"), "row", "size", "quantity")


def _quarantine(truth: FileTruth, judged: Sequence[Judged], fate: Rows) -> pl.DataFrame:
    found: list[tuple[str, str, str, int, str, str, str]] = []
    published = np.flatnonzero(fate == _PUBLISHED)
    for item in judged:
        for kind, reason in _ROW_REASONS.items():
            found += _entries(truth, item, np.flatnonzero((fate == kind) & item.filled), reason)
        for reason in sorted({cell.reason for cell in item.outcomes if cell.reason}):
            wanted = np.array([cell.reason == reason for cell in item.outcomes])
            found += _entries(truth, item, published[wanted[item.column.codes[published]]], reason)
    schema = {name: pl.Int32 if name == "row" else pl.String for name in QUARANTINE_COLUMNS}
    return pl.DataFrame(found, schema=schema, orient="row")


def _entries(
    truth: FileTruth, item: Judged, rows: Rows, reason: Reason
) -> Iterator[tuple[str, str, str, int, str, str, str]]:
    for row, raw in item.entries(rows):
        excel = row + truth.header_row + 1
        yield truth.file, truth.sheet, f"{item.letters}{excel}", excel, item.field.column, raw, reason.value
