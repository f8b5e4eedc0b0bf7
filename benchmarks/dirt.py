"""Everything that is wrong with workbooks typed by hand, at the rates seen; every kind of it is counted by name."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.grid import Column
from benchmarks.oracle import ORDER_NUMBER, TOTAL, plain
from benchmarks.oracle import fifteen_digits as rounded
from benchmarks.xlsx_writer import Cell, Style, serial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.grid import Chance, RowPlan, Rows
    from benchmarks.workbook_profile import Profile

    Columns = Mapping[str, Column]

KEY_COLUMNS = frozenset(
    {
        "AAG ORDER NUMBER",
        "CUSTOMER NAME",
        "PLANNED DELIVERY METHOD",
        "CUSTOMER STYLE",
        "PO NUMBER",
        "ORDER TYPE",
        "ALIAS/RELATED ITEM",
        "CUSTOMER ALT PO",
        "ORIGINAL ALIAS/RELATED ITEM",
        "PATTERN ID",
    }
)
DATE, TEXT, SIZE = frozenset({"date"}), frozenset({"text"}), frozenset({"qty_size"})
MONEY, NUMBER = frozenset({"money"}), frozenset({"money", "rate"})
LIKE_NUMBERS = frozenset({"text_numeric_like"})
TYPED = DATE | NUMBER | SIZE
ANY = TYPED | TEXT | LIKE_NUMBERS
ERRORS = ("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?")
RUN_TOGETHER_FILE, RUN_TOGETHER = "GREY HERON", ("1.25 2.40 3.10", "0.85/1.10", "2.5020.75")
CUSTOMER = "CUSTOMER NAME"
UNNAMED_FIRST_FILE = "LOIRE"
DESCRIPTIONS = frozenset(
    {"CUSTOMER COLOUR DESCRIPTION", "STYLE DESCRIPTION", "NOTES", "NOTES FOR PRICE", "HDPR", "RANGE / COLLECTION"}
)
FRACTIONAL_SIZES = frozenset({"32", "36", "38"})
CURLY = (
    "EARLYBIRD\u2019S BLUE",
    "CR\u00c8ME BR\u00dbL\u00c9E",
    "GR\u00dcN",
    '5" STRIPE',
    "\u201cSOFT\u201d PINK",
    "RED, WHITE",
)
# A header and the one that it stands before; an empty name is a column without header.
ODD_HEADERS: dict[str, dict[str, str]] = {
    "BILLIE K": {"BUYER COMMENTS": "NOTES FOR PRICE"},
    "LANEWRIGHT": {"PLANNER": "UNIT OF MEASURE"},
    "MYSTIC ROGUE": {"XL ": "TOTAL QTY"},
    "PRSMR": {"": "NOTES"},
    "RULE 9": {"SHOP\u00a0NAME": "NOTES FOR PRICE"},
    "SALLY HAD": {"": "the end"},
    "VANTI TORINO": {"62": "TOTAL QTY"},
}
ODD_QUANTITIES = (Cell("0"), Cell("-6"), Cell("12.0"), Cell("7.5"), Cell("?", "s"), Cell("none", "s"))
# Headers that one customer spells in a way of its own.
OWN_HEADERS = {"OCTSENSE": {"CUSTOMER STYLE": "STYLE NO.", "UNIT OF MEASURE": "Unit"}}
NUMERIC_HEADERS, BLANK_AFTER_HEADER = 0.5, 0.03
FIRST_DRAWN, LAST_DRAWN, EPOCHS_APART = 40_000, 50_000, 1462
BROKEN_LINES = ("First drop\nSecond drop", "Hold\nuntil the 5th", "A\n\nB")


class Rule(NamedTuple):
    """One kind of dirt that replaces cells.

    Attributes:
        label: Its name in the truth file.
        kinds: The kinds of column it is found in.
        rate: The share of the filled cells of such a column.
        make: Draws a cell.
        columns: The only columns it is found in; empty for all of those kinds but CUSTOMER NAME.
    """

    label: str
    kinds: frozenset[str]
    rate: float
    make: Callable[[Chance], Cell]
    columns: frozenset[str] = frozenset()


class Change(NamedTuple):
    """One kind of dirt that spoils what is in a cell; the attributes are those of ``Rule``."""

    label: str
    kinds: frozenset[str]
    rate: float
    change: Callable[[Cell], Cell]


def soil(profile: Profile, columns: Columns, rows: RowPlan, chance: Chance) -> None:
    """Spoil the cells of the orders, each at most once, then make some rows alike."""
    for name, column in columns.items():
        if name not in {ORDER_NUMBER, TOTAL}:
            _soil_column(name, column, rows.data, chance, date1904=profile.layout.date1904)
    _blank_customers(columns[CUSTOMER], rows.data, chance)
    if profile.customer == UNNAMED_FIRST_FILE:
        columns[CUSTOMER].draw(chance, rows.data[:1], [Cell("\u00a0", "s")], "blank_customer")
    _wrong_totals(columns[TOTAL], rows.data, chance)
    if profile.customer == RUN_TOGETHER_FILE:
        _run_together(columns["FREIGHT"], rows.data)
    make_alike(columns, rows.data, chance)


def make_alike(columns: Columns, rows: Rows, chance: Chance) -> None:
    """Repeat some order numbers, some rows in all but their notes, and some rows whole."""
    everything = set(columns)
    for start in chance.some(np.arange(len(rows)), 0.005):
        run = rows[start : start + chance.one.choice((2, 2, 2, 3, 4, 8))]
        columns[ORDER_NUMBER].codes[run] = columns[ORDER_NUMBER].codes[run[0]]
    _repeat(columns, everything - {"NOTES", "CUSTOMER PRICE"}, chance.some(rows, 0.001), rows)
    _repeat(columns, everything, chance.some(rows, 0.0005), rows)


def header_cell(header: str, chance: Chance) -> Cell:
    """Return a header as people type it: broken over lines, with odd blanks, or as a number."""
    if header.isdecimal() and str(int(header)) == header and chance.one.random() < NUMERIC_HEADERS:
        return Cell(header, style=Style.HEADER)
    for gap, share in (("\n", 0.12), ("  ", 0.06), ("\u00a0", 0.06)):
        if " " in header and chance.one.random() < share:
            return Cell(header.replace(" ", gap, 1), "s", Style.HEADER)
    return Cell(header + " " if chance.one.random() < BLANK_AFTER_HEADER else header, "s", Style.HEADER)


def _soil_column(name: str, column: Column, rows: Rows, chance: Chance, *, date1904: bool) -> None:
    filled = len(column.regular(rows))
    for rule in RULES:
        wanted = name in rule.columns or not (rule.columns or name == CUSTOMER)
        if column.kind in rule.kinds and wanted:
            chosen = chance.some(column.regular(rows), rule.rate) if filled else rows[:0]
            cells = [rule.make(chance) for _ in range(min(len(chosen), 60))]
            if cells:
                column.draw(chance, chosen, [_in_epoch(cell, date1904) for cell in cells], rule.label)
    for change in CHANGES:
        if column.kind in change.kinds and filled:
            chosen = chance.some(column.regular(rows), change.rate)
            column.change(_changeable(column, chosen, change), change.change, change.label)
    if name not in KEY_COLUMNS and filled:
        column.draw(chance, chance.some(column.regular(rows), 0.0003), [Cell(e, "e") for e in ERRORS], "error_cell")


def _changeable(column: Column, rows: Rows, change: Change) -> Rows:
    distinct, codes = np.unique(column.codes[rows], return_inverse=True)
    changes = np.array([change.change(column.cells[code]) != column.cells[code] for code in distinct], bool)
    changeable: Rows = rows[changes[codes]]
    return changeable


def _in_epoch(cell: Cell, date1904: bool) -> Cell:  # noqa: FBT001
    """Serial numbers are drawn for the usual epoch; in the other one the same day has a lower number."""
    number = cell.raw.replace(".", "", 1)
    if not date1904 or not number.isdecimal() or not FIRST_DRAWN < float(cell.raw) < LAST_DRAWN:
        return cell
    return cell._replace(raw=plain(rounded(cell.raw) - EPOCHS_APART))


def _blank_customers(column: Column, rows: Rows, chance: Chance) -> None:
    blanks = [Cell("", style=Style.TEXT), Cell("\u00a0", "s"), Cell("  ", "s")]
    column.draw(chance, chance.some(rows, 0.005), blanks, "blank_customer")


def _wrong_totals(column: Column, rows: Rows, chance: Chance) -> None:
    chosen = chance.some(column.regular(rows), 0.003)
    column.change(chosen, lambda cell: cell._replace(raw=str(int(cell.raw) + 12)), "total_is_not_the_sum")


def _run_together(column: Column, rows: Rows) -> None:
    column.place(rows[: len(RUN_TOGETHER)], [Cell(t, "s") for t in RUN_TOGETHER[: len(rows)]], "values_run_together")


def _repeat(columns: Columns, names: set[str], chosen: Rows, rows: Rows) -> None:
    """Copy cells from the row of an order to that of the next."""
    sources = chosen[chosen < rows[-1]]
    targets = rows[rows.searchsorted(sources) + 1]
    for name in names:
        columns[name].codes[targets] = columns[name].codes[sources]


def _day(chance: Chance) -> dt.date:
    return dt.date(2024, 1, 1) + dt.timedelta(days=chance.one.randrange(1000))


def _text(*texts: str) -> Callable[[Chance], Cell]:
    return lambda chance: Cell(chance.one.choice(texts), "s")


def _dated(*formats: str) -> Callable[[Chance], Cell]:
    return lambda chance: Cell(f"{_day(chance):{chance.one.choice(formats)}}", "s")


def _serial(kind: str) -> Callable[[Chance], Cell]:
    return lambda chance: Cell(str(serial(_day(chance))), kind)


def _time_of_day(chance: Chance) -> Cell:
    stored = Cell(f"{serial(_day(chance))}.5", style=Style.DATETIME)
    return chance.one.choice((stored, Cell(f"{_day(chance)} 14:30:00", "s")))


def _far_date(chance: Chance) -> Cell:
    stored = (Cell("0", style=Style.DATE), Cell("366", style=Style.DATE_DMY))
    return chance.one.choice((*stored, Cell("2204-05-01", "s"), Cell("31/12/1999", "s")))


def _money_text(pattern: str) -> Callable[[Chance], Cell]:
    return lambda chance: Cell(pattern.format(chance.one.uniform(1000, 9000)), "s")


def _computed(chance: Chance) -> Cell:
    value = chance.one.choice((chance.one.uniform(3, 90) / 3, chance.one.randrange(100, 9000) / 100 + 0.00005))
    return Cell(repr(value), style=Style.MONEY)


def _boolean(chance: Chance) -> Cell:
    return Cell(chance.one.choice("01"), "b")


def _long_id(chance: Chance) -> Cell:
    return Cell(str(chance.one.randrange(10**17, 10**18)), "s")


def _month(chance: Chance) -> Cell:
    return Cell(str(serial(_day(chance).replace(day=1))), style=Style.DATE)


def _noise(cell: Cell) -> Cell:
    """Return the neighbour of a number: what arithmetic leaves of 33.95 is 33.949999999999996."""
    if cell.type != "n" or cell.formula or "." not in cell.raw:
        return cell
    number = float(cell.raw)
    noisy = repr(math.nextafter(number, 0 if int(number * 100) % 2 else math.inf))
    return cell._replace(raw=noisy) if rounded(noisy) == rounded(cell.raw) else cell


def _ending(blanks: str) -> Callable[[Cell], Cell]:
    return lambda cell: cell if cell.type == "n" else cell._replace(raw=cell.raw + blanks)


def _words(rate: float, label: str, kinds: frozenset[str]) -> Rule:
    return Rule(label, kinds, rate, _text("nan", "None", "null", "NULL"))


RULES = (
    Rule("date_placeholder", DATE, 0.01, _text("00/00/00", "TBC", "TBA", "TBD", "TBC ")),
    Rule("day_month_year", DATE, 0.0015, _dated("%d/%m/%Y", "%-d/%-m/%Y")),
    Rule("month_day_year", DATE, 0.0015, _dated("%m/%d/%Y", "%-m/%-d/%Y")),
    Rule("two_digit_year", DATE, 0.0007, _dated("%d/%m/%y", "%m/%d/%y")),
    Rule("month_name", DATE, 0.0007, _dated("%b %d %Y", "%b %-d %Y")),
    Rule("dashed_date", DATE, 0.0006, _dated("%m-%d-%Y", "%d-%m-%Y")),
    Rule("iso_text_date", DATE, 0.002, _dated("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%d ")),
    Rule("serial_as_text", DATE, 0.002, _serial("s")),
    Rule("serial_as_number", DATE, 0.002, _serial("n")),
    Rule("time_of_day", DATE, 0.0005, _time_of_day),
    Rule("date_out_of_range", DATE, 0.0005, _far_date),
    Rule("not_a_date", DATE, 0.0005, _text("ASAP", "wk 32", "end of March", "31/02/2025", "Q3")),
    Rule("beyond_the_scale", NUMBER, 0.03, _computed),
    Rule("computed_number", LIKE_NUMBERS, 0.02, _computed),
    Rule("exponent", NUMBER | LIKE_NUMBERS, 0.001, lambda _: Cell("4.9000000000000002E-6")),
    Rule("beyond_the_precision", NUMBER, 0.0001, lambda _: Cell("1.5E+15")),
    Rule("currency_text", NUMBER, 0.0005, _text("$12.00", "USD 9.50", "\u20ac7,20", "\u00a345")),
    Rule("thousands_separator", NUMBER, 0.0005, _money_text("{:,.2f}")),
    Rule("percent_text", NUMBER, 0.0005, _text("12%", "16.5 %", "0%")),
    Rule("number_as_text", NUMBER, 0.002, _text("12.50", " 9.95", "7", "-1.25\u00a0", "1.5E+1", "0.00005")),
    Rule("fractional_quantity", SIZE, 0.005, lambda c: Cell(repr(c.one.randrange(9, 99) + 0.5)), FRACTIONAL_SIZES),
    Rule("quantity_as_text", SIZE, 0.001, _text("12", "24.0", " 36", "48\u00a0")),
    Rule("quantity_with_point", SIZE, 0.0005, lambda _: Cell("60.0")),
    Rule("not_a_quantity", SIZE, 0.0003, _text("12 pcs", "1,200", "TBC", "-", "x")),
    _words(0.0004, "null_word_in_typed", TYPED),
    _words(0.001, "null_word_in_text", TEXT | LIKE_NUMBERS),
    Rule("quotes_and_accents", TEXT, 0.02, _text(*CURLY), DESCRIPTIONS),
    Rule("line_break", TEXT, 0.01, _text(*BROKEN_LINES), DESCRIPTIONS),
    Rule("odd_style", TEXT, 0.01, _text("TBD", "AB1O45", "AB1045,AB1046,AB1047"), frozenset({"CUSTOMER STYLE"})),
    Rule("boolean", TEXT, 0.02, _boolean, frozenset({"FINAL PRICES Y/N", "VALIDATION2", "VALIDATION3"})),
    Rule("date_in_text", TEXT, 0.02, _month, frozenset({"MONTH", "DROP", "COLLECTION DELIVERY"})),
    Rule("long_id_as_text", TEXT, 0.02, _long_id, frozenset({"TRACKING NUMBER", "SHOP CODE", "PATTERN ID"})),
    Rule("long_id_as_number", TEXT, 0.002, lambda _: Cell("1.2345678901234568E+17"), frozenset({"TRACKING NUMBER"})),
)

CHANGES = (
    Change("float_noise", NUMBER | LIKE_NUMBERS, 0.30, _noise),
    Change("trailing_blank", TEXT, 0.012, _ending(" ")),
    Change("trailing_blanks", TEXT, 0.003, _ending("  ")),
    Change("trailing_no_break_space", TEXT, 0.006, _ending("\u00a0")),
)


def with_odd_headers(customer: str, columns: list[Column], rows: RowPlan, chance: Chance) -> list[Column]:
    """Return the columns with those that feed no column of the table: repeated, unknown and unnamed ones."""
    for header, before in ODD_HEADERS.get(customer, {}).items():
        extra = Column(header, "", len(columns[0].codes))
        cells = (
            [*(Cell(str(n)) for n in range(12, 90, 6)), *ODD_QUANTITIES]
            if before == TOTAL
            else [Cell(t, "s") for t in ("A", "B", "ok")]
        )
        extra.draw(chance, chance.some(rows.data, 0.2), cells, "under_an_odd_header")
        position = next((i for i, column in enumerate(columns) if column.header == before), len(columns))
        columns = [*columns[:position], extra, *columns[position:]]
    return columns
