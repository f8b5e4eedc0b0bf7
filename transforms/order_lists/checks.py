"""What must hold before anything is published: no row, no cell and no number of a workbook is lost on the way.

Both checks count the workbook's cells again from their raw text, with nothing but Polars and ``decimal``, and compare
with the tables made of them. They use none of the code that made those tables, so they cannot share its mistakes.
"""

# No future import: the engine reads the annotations, which are the contract.
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from itertools import chain
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl
import polars.selectors as cs

from transforms import row_local
from transforms.order_lists.contract import (
    AppliedRules,
    CellErrors,
    HeaderMapping,
    OrderListQuarantine,
    OrderSizes,
    Unaccounted,
    Workbook,
)

__all__ = ["Figure", "cells_accounted", "rows_accounted", "unaccounted"]

_ROW_REASONS: Final = ("keyless_row", "totals_row", "phantom_row", "bad_key_row", "unmapped_customer")
_NULLING_RULES: Final = ("null_word", "placeholder_date", "zero_quantity")
_FILLING_RULES: Final = ("customer_filled_down", "customer_from_file")
_RENAMING_RULES: Final = ("order_type_renamed",)
_VERBATIM: Final = {"CUSTOMER NAME": "SOURCE_CUSTOMER_NAME"}
_DATE_RULES: Final = ("date_from_text", "date_from_serial")
_WHOLE_KINDS: Final = ("qty_size", "qty_total", "year")
_AMOUNT_KINDS: Final = ("money", "rate")
_TEXT_KINDS: Final = ("text", "text_numeric_like")
_EXACT: Final = Context(prec=100_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
_ZERO: Final = Decimal(0)


class Figure(NamedTuple):
    """What one figure must be, and what it is."""

    column: str
    figure: str
    expected: Decimal | int
    found: Decimal | int


class _Sides(NamedTuple):
    """The cells of a workbook before and after.

    Attributes:
        read: The raw cells, without the columns that have none.
        published: The order lines.
        kept_out: ``letter`` and ``raw`` of the cells in quarantine that are no errors.
        rules: ``column``, ``rule``, ``cells``, ``amount`` of the named rules.
        fed: ``letter``, ``column``, ``kind`` of what is published.
    """

    read: pl.DataFrame
    published: pl.DataFrame
    kept_out: pl.DataFrame
    rules: pl.DataFrame
    fed: list[tuple[str, str, str]]

    def letters(self, *kinds: str) -> dict[str, str]:
        """The published column that each letter of some kinds feeds."""
        return {letter: column for letter, column, kind in self.fed if kind in kinds}

    def applied(self, *rules: str) -> dict[str, tuple[int, Decimal]]:
        """How many cells of a column some rules changed, and by how much."""
        sums: dict[str, tuple[int, Decimal]] = {}
        for column, rule, cells, amount in self.rules.select("column", "rule", "cells", "amount").iter_rows():
            if rule in rules:
                before = sums.get(column, (0, _ZERO))
                sums[column] = before[0] + cells, _EXACT.add(before[1], Decimal(amount))
        return sums


@row_local
def rows_accounted(
    cells: pl.DataFrame,
    cell_errors: dy.DataFrame[CellErrors],
    order_rows: pl.DataFrame,
    order_list_quarantine: dy.DataFrame[OrderListQuarantine],
    workbook: dy.DataFrame[Workbook],
) -> dy.DataFrame[Unaccounted]:
    """Check that every row read is either published once, or in quarantine whole, or blank.

    Args:
        cells: The raw cells of a workbook.
        cell_errors: Its cells that hold an error or a formula without a value.
        order_rows: The order lines made of it.
        order_list_quarantine: Its cells that are not published.
        workbook: The workbook.

    Returns:
        The figures that do not close; none when all is well.
    """
    read, published = cells["row"], order_rows["row"]
    aside = order_list_quarantine.filter(pl.col("reason").is_in(_ROW_REASONS))["row"].cast(pl.UInt32).unique()
    elsewhere = pl.concat([published, aside, cell_errors["row"]]).implode()
    rest = cells.filter(~pl.col("row").is_in(elsewhere))
    blank = rest.height - rest.unpivot(index="row").filter(pl.col("value").str.strip_chars() != "")["row"].n_unique()
    figures = (
        Figure("", "rows", read.len(), published.len() + aside.len() + blank),
        Figure("", "rows published once", published.len(), published.n_unique()),
        Figure("", "rows published and also set aside", 0, int(aside.is_in(published.implode()).sum())),
        Figure("", "rows published that were not read", 0, int((~published.is_in(read.implode())).sum())),
    )
    return unaccounted(figures, workbook)


@row_local
def cells_accounted(  # noqa: PLR0917 (the tables that it reads)
    cells: pl.DataFrame,
    cell_errors: dy.DataFrame[CellErrors],
    header_mapping: dy.DataFrame[HeaderMapping],
    order_rows: pl.DataFrame,
    order_list_quarantine: dy.DataFrame[OrderListQuarantine],
    order_list_rules: dy.DataFrame[AppliedRules],
    unknown_sizes: dy.DataFrame[OrderSizes],
    workbook: dy.DataFrame[Workbook],
) -> dy.DataFrame[Unaccounted]:
    """Check, column by column, that what was written is published, null by a named rule, or in quarantine.

    Cells are counted; numbers are summed exactly, before and after rounding; dates are summed as days; text is compared
    cell by cell, since it is published as it stands: the customer's in SOURCE_CUSTOMER_NAME, and all but the order
    types that a rule renamed.

    Args:
        cells: The raw cells of a workbook.
        cell_errors: Its cells that hold an error or a formula without a value.
        header_mapping: What each letter feeds.
        order_rows: The order lines made of it.
        order_list_quarantine: Its cells that are not published.
        order_list_rules: The named rules that changed what is published.
        unknown_sizes: What is ordered of sizes that have no column.
        workbook: The workbook.

    Returns:
        The figures that do not close; none when all is well.
    """
    entries = order_list_quarantine.select(
        "raw", pl.col("row").cast(pl.UInt32), letter=pl.col("cell").str.extract(r"^([A-Z]+)")
    )
    kept_out = entries.join(cell_errors, on=["row", "letter"], how="anti")
    # A size without a column has one here, so that it is counted and summed as the others are.
    known = header_mapping.drop_nulls("kind").with_columns(pl.coalesce("column", pl.format("size {}", "header")))
    fed = list(known.select("letter", "column", "kind").iter_rows())
    order_rows = _with_sizes(order_rows, unknown_sizes)
    written = [text.name for text in cells.iter_columns() if text.name == "row" or text.null_count() < text.len()]
    sides = _Sides(cells.select(written), order_rows, kept_out, order_list_rules, fed)
    counts = _counts(sides, Counter(cell_errors["letter"]), Counter(entries["letter"]))
    return unaccounted(chain(counts, _sums_of_numbers(sides), _sums_of_days(sides), _texts(sides)), workbook)


def _with_sizes(order_rows: pl.DataFrame, unknown_sizes: pl.DataFrame) -> pl.DataFrame:
    for (size,), quantities in unknown_sizes.group_by("size"):
        found = quantities.select("row", pl.col("quantity").alias(f"size {size}"))
        order_rows = order_rows.join(found, on="row", how="left", maintain_order="left")
    return order_rows


def _counts(sides: _Sides, errors: Mapping[str, int], kept_out: Mapping[str, int]) -> Iterator[Figure]:
    """Compare the cells written with those published, null by a named rule, and kept out."""
    read = _row(sides.read.select((cs.string().str.strip_chars() != "").sum()))
    published = _row(sides.published.select(pl.all().count()))
    nulled, filled = sides.applied(*_NULLING_RULES), sides.applied(*_FILLING_RULES)
    names = {letter: column for letter, column, _ in sides.fed}
    for letter in {**read, **errors, **kept_out}:
        name = names.get(letter, letter)
        found = _sum(
            published.get(names.get(letter, ""), 0),
            nulled.get(name, (0,))[0],
            -filled.get(name, (0,))[0],
            kept_out.get(letter, 0),
        )
        yield Figure(name, "cells", read.get(letter, 0) + errors.get(letter, 0), found)


def _sums_of_numbers(sides: _Sides) -> Iterator[Figure]:
    """Compare the numbers written with those published, what rounding took from them, and those kept out."""
    whole, amounts = sides.letters(*_WHOLE_KINDS), sides.letters(*_AMOUNT_KINDS)
    text = cs.by_name(*amounts, require_all=False)
    exact = (text.str.len_bytes() <= 19) & ~text.str.contains_any(["e", "E"])  # noqa: PLR2004 (at most 18 decimals)
    plain = sides.read.select(
        # 128 bits hold the sum of a million 64-bit integers, and of a million decimals below 10**13.
        cs.by_name(*whole, require_all=False).cast(pl.Int64, strict=False).cast(pl.Int128),
        pl.when(exact).then(text).cast(pl.Decimal(38, 18), strict=False),
    ).with_columns(pl.when(cs.decimal().abs() < 10**13).then(cs.decimal()))
    read = _added(_row(plain.select(pl.all().sum())), _others(sides.read, plain))
    numbers = sides.kept_out.filter(pl.col("letter").is_in([*whole, *amounts]))
    kept_out = _added({}, numbers.select("letter", "raw").iter_rows())
    published = _row(sides.published.select(cs.decimal().sum(), cs.integer().cast(pl.Int64).sum()))
    rounded = sides.applied("rounded")
    for letter, name in {**whole, **amounts}.items():
        found = _sum(published.get(name, 0), rounded.get(name, (0, _ZERO))[1], kept_out.get(letter, 0))
        yield Figure(name, "sum of numbers", read.get(letter, 0), found)


def _sums_of_days(sides: _Sides) -> Iterator[Figure]:
    """Compare the dates written year-month-day with those published, less those read from other text, and kept out."""
    letters = sides.letters("date")
    read = _row(sides.read.select(_days(cs.by_name(*letters, require_all=False)).sum()))
    kept_out = dict(sides.kept_out.group_by("letter").agg(_days(pl.col("raw")).sum()).iter_rows())
    published = _row(sides.published.select(cs.date().dt.epoch("d").cast(pl.Int64).sum()))
    other = sides.applied(*_DATE_RULES)
    for letter, name in letters.items():
        found = _sum(published.get(name, 0), -other.get(name, (0, _ZERO))[1], kept_out.get(letter, 0))
        yield Figure(name, "sum of days", read.get(letter, 0), found)


def _texts(sides: _Sides) -> Iterator[Figure]:
    """Compare the text of each order line with the text in its row."""
    present = {*sides.read.columns, *sides.published.columns}
    verbatim = {letter: _VERBATIM.get(name, name) for letter, name in sides.letters(*_TEXT_KINDS).items()}
    letters = {letter: name for letter, name in verbatim.items() if {letter, name} <= present}
    rows = sides.read.select("row", *letters).filter(pl.col("row").is_in(sides.published["row"].implode()))
    if rows["row"].equals(sides.published["row"]):
        differ = rows.select((pl.col(letter) != sides.published[name]).sum() for letter, name in letters.items())
        renamed = {name: cells for name, (cells, _) in sides.applied(*_RENAMING_RULES).items()}
        for letter, found in _row(differ).items():
            yield Figure(letters[letter], "texts that differ", renamed.get(letters[letter], 0), found)
    else:
        yield Figure("", "rows in the order of the sheet", sides.published.height, 0)


def _others(cells: pl.DataFrame, plain: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """The letter and text of the cells that were not read at once."""
    letters = [letter for letter in plain.columns if plain[letter].null_count() > cells[letter].null_count()]
    rest = cells.select(pl.when(pl.lit(plain[letter]).is_null()).then(pl.col(letter)) for letter in letters)
    return rest.unpivot().drop_nulls().iter_rows()


def _added(sums: Mapping[str, Decimal | int], texts: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    """Add to sums by letter what parses as a number among texts."""
    exact = {letter: Decimal(found) for letter, found in sums.items()}
    for letter, text in texts:
        exact[letter] = _EXACT.add(exact.get(letter, _ZERO), _number(text))
    return exact


def _number(text: str) -> Decimal:
    try:
        found = Decimal(text.replace("\u00a0", " ").strip())
    except InvalidOperation:
        return _ZERO
    # What no column could hold and no digits could spell out counts for nothing, on either side.
    return found if found.is_finite() and abs(found.adjusted()) < _EXACT.prec // 2 else _ZERO


def _sum(*figures: Decimal | int) -> Decimal:
    total = _ZERO
    for figure in figures:
        total = _EXACT.add(total, Decimal(figure))
    return total


def _days(text: pl.Expr) -> pl.Expr:
    """The day number of dates written year-month-day, null for all else."""
    date = pl.when(text.str.len_bytes() == len("2000-01-01")).then(text).str.to_date("%Y-%m-%d", strict=False)
    return date.dt.epoch("d").cast(pl.Int64)


def _row(frame: pl.DataFrame) -> dict[str, Decimal | int]:
    """The one row of a frame of sums, where nothing sums to 0; a frame without columns has none."""
    return {name: found or 0 for name, found in next(frame.iter_rows(named=True), {}).items()}


def unaccounted(figures: Iterable[Figure], workbook: pl.DataFrame) -> dy.DataFrame[Unaccounted]:
    """Keep the figures that do not close."""
    file = workbook["file"][0]
    rows = [
        (file, column, figure, f"{_sum(expected):f}", f"{_sum(found):f}", f"{_sum(found, -expected):f}")
        for column, figure, expected, found in figures
        if expected != found
    ]
    none = Unaccounted.create_empty()
    return Unaccounted.cast(pl.DataFrame(rows, schema=none.schema, orient="row")) if rows else none
