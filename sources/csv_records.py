"""From the bytes of a CSV file to its records, exactly: every record with its line, and none shifted or cut silently.

Polars reads a file at full speed, and some things without a word (measured with 2.1): a record with fewer cells than
the header is filled with null, a blank line becomes a record of nulls, and a carriage return inside a line is dropped.
Where quotes stand inside cells that are not quoted, all between two of them may become one cell. Cells too many, quotes
that are not closed and text that is not UTF-8 are errors, without their line.

So a file without quotes, in which every line is a record, is read with the commas of each line counted beside it. Of
one with quotes, what Polars read is compared with the bytes: there must be as many separators and line ends outside of
cells as its records need, and no quote inside a cell. Then no record has a cell too few, for none may have one too
many. Where that is not so, the csv module of the standard library reads it, which takes some 15 us a record.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Malformed", "Records", "read_header", "read_records"]

RAGGED: Final = pl.Schema({"line": pl.Int64(), "cells": pl.Int64(), "raw": pl.String(), "texts": pl.List(pl.String)})
_BATCH: Final = 50_000
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_NO_SEPARATOR: Final = "\x01"
_AGAIN: Final = "Ask for the extract again."


class Malformed(Exception):  # noqa: N818 (it is why a file cannot be read)
    """Bytes that are no CSV file of commas and UTF-8.

    Args:
        reason: What is wrong, and where, without a full stop.
        hint: What to do about it.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class Records(NamedTuple):
    """The records of a file.

    Attributes:
        frame: ``line`` Int64, the line on which a record begins, and a String column for each column of the header,
            named ``0``, ``1`` and so on; the text as it is written, without quotes. An empty cell is null or empty.
        ragged: ``line``, ``cells``, ``raw`` and the ``texts`` of its cells of the records that have more or fewer cells
            than the header.
    """

    frame: pl.DataFrame
    ragged: pl.DataFrame


def read_header(content: bytes) -> list[str]:
    """Return the cells of the first record, trimmed, without the blank ones at its end.

    Raises:
        Malformed: The file is empty, or no text.
    """
    _refuse_foreign(content)
    try:
        header = next(csv.reader(_text(content), strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise _malformed(content, 1, error) from error
    cells = [cell.strip() for cell in header]
    while cells and not cells[-1]:
        cells.pop()
    if not cells:
        raise Malformed("it is empty, or its first line is blank", _AGAIN)
    return cells


def read_records(content: bytes, named: int) -> Records:
    """Read all records below the header.

    Args:
        content: The file.
        named: How many columns its header has, blank ones at the end left out; blank cells beyond them are none.

    Raises:
        Malformed: Its text is not UTF-8, holds NUL, or has quotes that do not end.
    """
    width = len(next(csv.reader(_text(content), strict=True)))
    at_once = _quoted if b'"' in content else _by_line
    read = at_once(content, width, named) if content.count(b"\r") == content.count(b"\r\n") else None
    return read or _one_by_one(content, named)


def _refuse_foreign(content: bytes) -> None:
    if content.startswith(_UTF16):
        raise Malformed("it is UTF-16, not UTF-8", 'Save it as "CSV UTF-8", or: iconv -f UTF-16 -t UTF-8')
    if content.startswith(b"PK\x03\x04"):
        raise Malformed("it is a workbook or a ZIP file, not CSV", 'Save it as "CSV UTF-8".')
    if (nul := content.find(b"\0")) >= 0:
        raise Malformed(f"line {_line(content, nul)} holds a NUL byte, which no text has", _AGAIN)


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")


def _malformed(content: bytes, line: int, error: csv.Error | UnicodeDecodeError) -> Malformed:
    if isinstance(error, csv.Error):
        return Malformed(
            f"the record that begins on line {line} has a quote that does not open or close a cell ({error})",
            "Inside a quoted cell a quote is written twice. " + _AGAIN,
        )
    try:
        content.decode()
    except UnicodeDecodeError as exact:
        where, byte = _line(content, exact.start), content[exact.start]
        return Malformed(
            f"line {where} holds the byte 0x{byte:02X}, which is not UTF-8",
            'Save it as "CSV UTF-8", or, where it was written by Windows: iconv -f WINDOWS-1252 -t UTF-8',
        )
    return Malformed(str(error), _AGAIN)


# --- The whole file at once -------------------------------------------------------------------------------------------


def _quoted(content: bytes, width: int, named: int) -> Records | None:
    """Read a file in which every record has as many cells as the header; nothing where that is not proven."""
    try:
        cells = _parsed(content, width, quote='"')
    except pl.exceptions.PolarsError:
        return None
    breaks, commas = _breaks(cells), _occurrences(cells, ",")
    ends = content.count(b"\n") + (not content.endswith(b"\n"))
    whole = ends == cells.height + breaks.sum() and content.count(b",") == (width - 1) * cells.height + commas
    if not whole or _occurrences(cells, '"') or _beyond(cells, named).any():
        return None
    return Records(_below_header(cells, named, breaks), RAGGED.to_frame())


def _parsed(content: bytes, width: int, *, quote: str | None, cut: bool = False) -> pl.DataFrame:
    """All records, the header among them; ``cut`` leaves out the cells that the header has no column for."""
    schema = {str(number): pl.String for number in range(width)}
    return pl.read_csv(content, has_header=False, schema=schema, quote_char=quote, truncate_ragged_lines=cut)


def _breaks(cells: pl.DataFrame) -> pl.Series:
    """Count the line ends inside the cells of each record."""
    within = [pl.col(name) for name in cells.columns if cells[name].str.contains("\n", literal=True).any()]
    counts = [column.str.count_matches("\n", literal=True).fill_null(0).cast(pl.Int64) for column in within]
    found = cells.select(breaks=pl.sum_horizontal(counts)) if counts else pl.DataFrame()
    return found["breaks"] if counts else pl.zeros(cells.height, dtype=pl.Int64, eager=True)


def _occurrences(cells: pl.DataFrame, text: str) -> int:
    return sum(cells.select(pl.all().str.count_matches(text, literal=True).sum()).row(0))


def _beyond(cells: pl.DataFrame, named: int) -> pl.Series:
    """Tell which records below the header have text under a blank header."""
    unnamed = [pl.col(name).str.strip_chars().fill_null("") != "" for name in cells.columns[named:]]
    if not unnamed:
        return pl.Series(dtype=pl.Boolean)
    return cells.slice(1).select(beyond=pl.any_horizontal(unnamed)).to_series()


def _below_header(cells: pl.DataFrame, named: int, breaks: pl.Series) -> pl.DataFrame:
    """Number the records by their lines, and leave out the header and its blank columns."""
    line = pl.int_range(1, cells.height + 1, dtype=pl.Int64, eager=True) + breaks.cum_sum() - breaks
    return cells.select(line.alias("line"), *cells.columns[:named]).slice(1)


# --- Record by record -------------------------------------------------------------------------------------------------


def _by_line(content: bytes, width: int, named: int) -> Records | None:
    """Read a file without quotes, in which every line is a record: those that are ragged are told by their commas."""
    if _NO_SEPARATOR.encode() in content:
        return None
    try:
        odd = _odd_lines(content, named)
        cells = _parsed(content, width, quote=None, cut=True)
    except pl.exceptions.PolarsError:
        return None
    numbered = cells.select(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"), *cells.columns[:named])
    ragged = odd.filter("there", ~pl.col("fits")).with_columns(texts=pl.col("raw").str.split(","))
    out = odd.filter(~pl.col("there") | ~pl.col("fits"))["line"]
    return Records(numbered.filter(~pl.col("line").is_in(out.implode())).slice(1), ragged.select(RAGGED.names()))


def _odd_lines(content: bytes, named: int) -> pl.DataFrame:
    """The lines with another number of cells: whether anything is ``there``, and ``fits`` but for blank cells."""
    lines = pl.read_csv(content, has_header=False, schema={"raw": pl.String}, separator=_NO_SEPARATOR, quote_char=None)
    raw = pl.col("raw").fill_null("")
    cells = lines.select(_commas(raw) + 1).to_series()
    numbers = pl.int_range(1, lines.height + 1, dtype=pl.Int64, eager=True)
    odd = pl.DataFrame([numbers.alias("line"), cells.alias("cells"), lines["raw"]])
    odd = odd.filter((cells != named) | (named == 1)).with_columns(raw)
    return odd.with_columns(
        there=raw.str.strip_chars() != "",
        fits=(pl.col("cells") >= named) & (_commas(raw.str.strip_chars_end(", \t")) < named),
    )


def _commas(text: pl.Expr) -> pl.Expr:
    return text.str.count_matches(",", literal=True).cast(pl.Int64)


def _one_by_one(content: bytes, named: int) -> Records:
    """Read any file that the csv module can, some at a time."""
    frames, ragged = [_frame([], named)], [RAGGED.to_frame()]
    for batch in _batches(_numbered(content)):
        frames.append(_frame([(line, *row[:named]) for line, row in batch if _fits(row, named)], named))
        odd = [(line, len(row), _written(row), row) for line, row in batch if not _fits(row, named)]
        ragged.append(pl.DataFrame(odd, schema=RAGGED, orient="row"))
    return Records(pl.concat(frames), pl.concat(ragged))


def _numbered(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Give each record below the header with the line on which it begins."""
    reader, line = csv.reader(_text(content), strict=True), 1
    try:
        next(reader)
        line = reader.line_num + 1
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise _malformed(content, line, error) from error


def _batches(rows: Iterator[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _fits(row: Sequence[str], named: int) -> bool:
    return len(row) == named or (len(row) > named and not any(map(str.strip, row[named:])))


def _written(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()[:-1]


def _frame(rows: Sequence[tuple[object, ...]], named: int) -> pl.DataFrame:
    schema = {"line": pl.Int64} | {str(number): pl.String for number in range(named)}
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pl.DataFrame([pl.Series(n, cells, t) for (n, t), cells in zip(schema.items(), columns, strict=True)])
