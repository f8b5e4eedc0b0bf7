"""Every record of an extract becomes a typed line or is accounted for: historical, repeated, or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple

import polars as pl

from transforms.commissions.columns import Lines
from transforms.commissions.identifiers import filled
from transforms.commissions.lines import Accounting, Rejects
from transforms.commissions.readings import exact, read, reason, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dataframely as dy

    from transforms.commissions.columns import ColumnOf, Records

__all__ = ["Sorted", "sort_out"]

CURRENT: Final = {"RecStatus": ("A",), "CertStatus": ("A", "ACTIVE")}
"""The statuses of a record that is in force, and of its certificate, in large letters, as they are written first."""

_OFTEN: Final = 4
"""A text that stands there at least so often, on average, is read once."""


class Sorted(NamedTuple, Generic[Lines]):
    """What the records of a file became.

    Attributes:
        lines: The typed lines, in the order of the file.
        rejects: The records that no line was made of.
        accounting: How many became what.
    """

    lines: dy.DataFrame[Lines]
    rejects: dy.DataFrame[Rejects]
    accounting: dy.DataFrame[Accounting]


def sort_out(raw: pl.DataFrame, extract: pl.DataFrame, ragged: pl.DataFrame, of: Records[Lines]) -> Sorted[Lines]:
    """Type the current records of a file, and reject those that lack a value that is needed.

    Args:
        raw: ``line`` and the columns of the extract, all text.
        extract: One row: the file, its table, and how many records it has.
        ragged: The records with too few or too many cells.
        of: The columns of the extract.
    """
    current = raw.filter(_is_current(raw, of))
    values, marks = _typed(current, of)
    refused = [marks[mark] for header in _refused(of) if (mark := ("cells_nulled", header)) in marks]
    lacking = values.select(pl.any_horizontal(pl.col(_needed(of)).is_null(), *refused)).to_series()
    lines = values.filter(~lacking)
    again = _again(lines, of)
    rejects = pl.concat([_of_ragged(ragged), _of_values(current.filter(lacking), of)])
    rejects = rejects.select(pl.lit(extract["file"][0]).alias("file"), pl.lit(of.table).alias("table"), pl.all())
    counts = [
        ("records_read", "", extract["records"][0]),
        ("records_active", "", lines.height - again.len()),
        ("records_historical", "", raw.height - current.height),
        ("records_repeated", "", again.len()),
        *(("records_rejected", why, count) for why, count in rejects["reason"].value_counts(sort=True).iter_rows()),
        *((figure, header, int((mark & ~lacking).sum())) for (figure, header), mark in marks.items()),
    ]
    return Sorted(
        of.lines.cast(
            _placed(lines.filter(~pl.col("line").is_in(again.implode())) if again.len() else lines, extract, of)
        ),
        Rejects.cast(rejects.select(Rejects.column_names()).sort("line")),
        _accounting(counts, extract),
    )


def _is_current(raw: pl.DataFrame, of: Records[Any]) -> pl.Expr:
    """Tell the current records by the ways in which a file writes their statuses, of which there are few."""
    ways = {name: raw.select(pl.col(name).unique()).filter(_says_current(name))[name] for name in _statuses(of)}
    return pl.all_horizontal(pl.lit(value=True), *(pl.col(name).is_in(said.implode()) for name, said in ways.items()))


def _says_current(header: str) -> pl.Expr:
    return _trimmed(header).str.to_uppercase().is_in(CURRENT[header])


def _statuses(of: Records[Any]) -> list[str]:
    return [column.header for column in of.columns if column.kind == "status"]


def _placed(lines: pl.DataFrame, extract: pl.DataFrame, of: Records[Any]) -> pl.DataFrame:
    """Say in which file lines stand, and that nothing is known of columns that were withheld."""
    withheld = {column.name: pl.lit(None, pl.String) for column in of.withheld if column.name not in lines.columns}
    return lines.with_columns(file=pl.lit(extract["file"][0]), **withheld)


def _trimmed(header: str) -> pl.Expr:
    return filled(pl.col(header)).alias(header)


def _value(column: ColumnOf, text: pl.Expr, of: Records[Any]) -> pl.Expr:
    return read(text, column.kind, _dtype(column, of)).alias(column.name)


def _dtype(column: ColumnOf, of: Records[Any]) -> pl.DataType:
    contract: type[dy.Schema] = of.lines
    return contract.columns()[column.name].dtype


def _needed(of: Records[Any]) -> list[str]:
    return [column.name for column in of.columns if column.needed]


def _refused(of: Records[Any]) -> list[str]:
    return [column.header for column in of.columns if column.refused]


def _of_ragged(ragged: pl.DataFrame) -> pl.DataFrame:
    return ragged.select("line", pl.lit("").alias("column"), "raw", pl.lit("ragged").alias("reason"))


def _of_values(rejected: pl.DataFrame, of: Records[Any]) -> pl.DataFrame:
    """Say of each record which is the first column that lacks a value, what stands there, and why that is none."""
    found = [
        pl.when(_lacks(column, of)).then(
            pl.struct(
                column=pl.lit(column.header),
                raw=pl.col(column.header),
                reason=reason(_trimmed(column.header), column.kind),
            )
        )
        for column in of.columns
        if column.needed or column.refused
    ]
    return rejected.select("line", first=pl.coalesce(found)).unnest("first")


def _lacks(column: ColumnOf, of: Records[Any]) -> pl.Expr:
    """Tell whether a record is rejected for a column."""
    text = _trimmed(column.header)
    return _value(column, text, of).is_null() & (pl.lit(column.needed) | text.is_not_null())


def _again(lines: pl.DataFrame, of: Records[Any]) -> pl.Series:
    """Find the lines that say all that an earlier one of their key says.

    Those that say something else stay: which of them is right does not depend on which stands first, and the routing
    knows a certificate that contradicts itself.
    """
    if not of.key:
        return lines["line"].clear()
    doubled = lines.filter(pl.struct(of.key).is_duplicated())
    return doubled.filter(~pl.struct(pl.exclude("line")).is_first_distinct())["line"]


def _typed(current: pl.DataFrame, of: Records[Any]) -> tuple[pl.DataFrame, dict[tuple[str, str], pl.Series]]:
    """Read the columns, and mark the cells that hold text and no value, those rounded, and those written otherwise.

    One column is read after the other: side by side their texts would take as much memory again.
    """
    values = [current["line"]]
    marks = {
        ("cells_recoded", name): current.select(_trimmed(name) != CURRENT[name][0]).to_series()
        for name in _statuses(of)
    }
    for column in (*of.columns, *of.withheld):
        if column.name and column.header in current.columns:
            read = _column(current[column.header], column, of)
            values.append(read[column.name])
            marks |= {(name, column.header): read[name] for name in read.columns[1:]}
    return pl.DataFrame(values), marks


def _column(raw: pl.Series, column: ColumnOf, of: Records[Any]) -> pl.DataFrame:
    """Read a column: its values, then ``cells_nulled``, ``cells_rounded`` and ``cells_recoded`` where any cell was."""
    distinct = raw if column.kind == "text" else raw.unique()
    if column.kind == "text" or distinct.len() * _OFTEN > raw.len():
        return _read(raw, column, of).drop(raw.name)
    # Most columns say the same thousands of times, and to look it up is several times faster than to read it.
    found = _read(distinct, column, of)
    return raw.to_frame().join(found, on=raw.name, how="left", nulls_equal=True, maintain_order="left").drop(raw.name)


def _read(raw: pl.Series, column: ColumnOf, of: Records[Any]) -> pl.DataFrame:
    """Read texts: as they are, their values, and the marks that any of them has."""
    text, number, name = pl.col("_text"), pl.col("_number"), column.name
    read = raw.to_frame().with_columns(_trimmed(raw.name).alias("_text"))
    if column.kind == "decimal":  # its text is looked at once for its value and for whether that was rounded
        read = read.with_columns(_number=exact(text))
    value = rounded(number, _dtype(column, of)).alias(name) if column.kind == "decimal" else _value(column, text, of)
    read = read.with_columns(value)
    marks = {}
    if column.kind in {"date", "whole", "decimal", "broker", "group", "code", "state", "flag"}:
        marks["cells_nulled"] = pl.col(name).is_null() & text.is_not_null()
    if column.kind in {"state", "group"}:
        marks["cells_recoded"] = (pl.col(name) != text).fill_null(value=False)
    if column.kind == "decimal":
        marks["cells_rounded"] = (number != pl.col(name)).fill_null(value=False)
    read = read.select(raw.name, name, **marks)
    return read.select(raw.name, name, *(mark for mark in marks if read[mark].any()))


def _accounting(counts: Iterable[tuple[str, str, int]], extract: pl.DataFrame) -> dy.DataFrame[Accounting]:
    place = extract.row(0)[:2]
    rows = [(*place, *count) for count in counts]
    return Accounting.cast(pl.DataFrame(rows, schema=Accounting.column_names(), orient="row"))
