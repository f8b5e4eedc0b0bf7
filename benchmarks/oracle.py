"""What a correct run must make of a cell: written from the rules alone, one cell at a time, slowly and plainly."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own, needed nowhere else

from benchmarks.xlsx_writer import EPOCH, EPOCH_1904, Cell, Style

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(__file__).parent / "data"
QUANTITY_KINDS = frozenset({"qty_size", "qty_total"})
DECIMAL_DIGITS = {"money": (18, 4), "rate": (12, 6)}
NUMBER_KINDS = QUANTITY_KINDS | DECIMAL_DIGITS.keys()
WHOLE_BITS = {"qty_size": 32, "qty_total": 32, "year": 16}
DATE_STYLES = frozenset({Style.DATE, Style.DATE_DMY, Style.DATETIME})
FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2100, 12, 31)
LAST_SERIAL = 2_958_466  # the day after 9999-12-31
NULL_WORDS = frozenset({"nan", "null", "none"})
DATE_PLACEHOLDERS = frozenset({"00/00/00", "tbc", "tba", "tbd"})
ERROR_TYPE = "e"
TEXT_TYPES = frozenset({"s", "inlineStr", "str"})
ORDER_NUMBER = "AAG ORDER NUMBER"
TOTAL = "TOTAL QTY"
PHANTOM_BLANKS = (
    "PLANNED DELIVERY METHOD",
    "CUSTOMER STYLE",
    "PO NUMBER",
    "CUSTOMER ALT PO",
    "AAG SEASON",
    "CUSTOMER SEASON",
    "CUSTOMER COLOUR DESCRIPTION",
)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3}) +(\d{1,2}),? +(\d{4})")
_THREE_PARTS = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d{2})")
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}


class Reason(StrEnum):
    """Why a cell is in quarantine; ``KEYLESS`` and ``PHANTOM`` speak of its whole row, the last three of its column."""

    KEYLESS = "keyless"
    PHANTOM = "phantom"
    ERROR = "error_cell"
    AMBIGUOUS_DAY = "ambiguous_day"
    NOT_A_DATE = "not_a_date"
    DATE_RANGE = "date_out_of_range"
    TIME_OF_DAY = "time_of_day"
    NOT_A_NUMBER = "not_a_number"
    NOT_WHOLE = "not_whole"
    NUMBER_RANGE = "number_out_of_range"
    NEGATIVE = "negative_quantity"
    UNKNOWN_HEADER = "unknown_header"
    DUPLICATE_HEADER = "duplicate_header"
    UNNAMED_HEADER = "unnamed_header"


class Outcome(NamedTuple):
    """What becomes of one cell.

    Attributes:
        value: The published value as PostgreSQL prints it, or ``None``.
        reason: Why it is in quarantine, or ``None``.
        nulled: The rule that made it null without quarantine, or empty.
        number: The number that the cell holds before it is rounded to the column's scale, where it holds one.
    """

    value: str | None = None
    reason: Reason | None = None
    nulled: str = ""
    number: Decimal | None = None


class Field(NamedTuple):
    """Where the cells under a header go.

    Attributes:
        column: The column they feed, or the header itself where they feed none.
        kind: The column's kind, or empty.
        reason: Why they all go to quarantine, or ``None``.
        is_line: Whether they are quantities of a size that has no column: ordered pieces become lines of their own.
    """

    column: str
    kind: str
    reason: Reason | None = None
    is_line: bool = False


@cache
def schema() -> dict[str, Any]:
    """Return the order list table as ``order_list_schema.yml`` states it."""
    return load("order_list_schema.yml")


def load(name: str) -> dict[str, Any]:
    """Return a file of the ``data`` folder."""
    with (DATA / name).open("rb") as stream:
        content: dict[str, Any] = yaml.load(stream, Loader=yaml.CSafeLoader)
    return content


@cache
def kinds() -> dict[str, str]:
    """Return the kind of every column that a workbook can feed."""
    return {c["name"]: c["kind"] for c in schema()["columns"] if c["group"].startswith("g")}


@cache
def _aliases() -> dict[str, str]:
    return {alias: c["name"] for c in schema()["columns"] for alias in c.get("aliases", ())}


def collapse(header: str) -> str:
    """Return a header with every run of white space, line breaks and non-breaking blanks as one blank."""
    return " ".join(header.split())


def fields(headers: Sequence[str]) -> list[Field]:
    """Return where the cells under each header of a row go; of two headers for one column the first one feeds it."""
    names = [collapse(header) for header in headers]
    sizes = range(names.index("UNIT OF MEASURE") + 1, names.index(TOTAL))
    found: list[Field] = []
    for position, name in enumerate(names):
        found.append(_field(name, {field.column for field in found}, is_size=position in sizes))
    return found


def _field(name: str, taken: set[str], *, is_size: bool) -> Field:
    column = name if name in kinds() else _aliases().get(name, "")
    if not name:
        return Field("", "", Reason.UNNAMED_HEADER)
    if (column or name) in taken and (column or is_size):
        return Field(name, "", Reason.DUPLICATE_HEADER)
    if not column:
        return Field(name, "qty_size", is_line=True) if is_size else Field(name, "", Reason.UNKNOWN_HEADER)
    return Field(column, kinds()[column])


def line_outcome(cell: Cell) -> Outcome:
    """Return what becomes of ``cell`` under a size that has no column."""
    found = outcome(cell, "qty_size")
    if found.value == "0":
        return Outcome(nulled="zero_quantity", number=found.number)
    if found.value and int(found.value) < 0:
        return Outcome(reason=Reason.NEGATIVE, number=found.number)
    return found


def is_blank(cell: Cell) -> bool:
    """Return whether a cell counts as empty."""
    return not cell.raw.strip()


def outcome(cell: Cell, kind: str, *, date1904: bool = False) -> Outcome:
    """Return what becomes of ``cell`` under a column of ``kind``."""
    if is_blank(cell):
        return Outcome()
    if cell.type == ERROR_TYPE:
        return Outcome(reason=Reason.ERROR)
    if kind in {"text", "text_numeric_like"}:
        return Outcome(as_text(cell, date1904=date1904))
    text = _trimmed(cell)
    if cell.type in TEXT_TYPES and text.lower() in NULL_WORDS:
        return Outcome(nulled="null_word")
    if kind == "date":
        return _date(cell, text, date1904=date1904)
    return _number(cell, text, kind)


def as_text(cell: Cell, *, date1904: bool = False) -> str:
    """Return what a cell reads as in a text column and in quarantine."""
    if cell.type == "b":
        return "TRUE" if cell.raw == "1" else "FALSE"
    if cell.type != "n":
        return cell.raw
    if cell.style in DATE_STYLES:
        moment = _moment(fifteen_digits(cell.raw), date1904=date1904)
        return f"{moment:%Y-%m-%d}" if moment.time() == dt.time() else f"{moment:%Y-%m-%d %H:%M:%S}"
    return plain(fifteen_digits(cell.raw))


def fifteen_digits(raw: str) -> Decimal:
    """Return the number that Excel shows for a stored one: Excel keeps 15 significant digits."""
    return Decimal(f"{float(raw):.14e}")


def plain(number: Decimal) -> str:
    """Return ``number`` without exponent, trailing zeros or a trailing point."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _trimmed(cell: Cell) -> str:
    return cell.raw.replace("\u00a0", " ").strip()


def _moment(number: Decimal, *, date1904: bool) -> dt.datetime:
    epoch = EPOCH_1904 if date1904 else EPOCH
    seconds = round(number % 1 * 86400)
    return dt.datetime.combine(epoch, dt.time()) + dt.timedelta(days=int(number // 1), seconds=seconds)


def _date(cell: Cell, text: str, *, date1904: bool) -> Outcome:
    if cell.type in TEXT_TYPES and text.lower() in DATE_PLACEHOLDERS:
        return Outcome(nulled="date_placeholder")
    if cell.type == "n" or _DECIMAL.fullmatch(text):
        number = fifteen_digits(cell.raw) if cell.type == "n" else Decimal(text)
        return _serial(number, date1904=date1904)
    if iso := _ISO.fullmatch(text):
        return _calendar(int(iso[1]), int(iso[2]), int(iso[3]), iso[4] or "")
    if (words := _MONTH_FIRST.fullmatch(text)) and words[1].lower() in _MONTHS:
        return _calendar(int(words[3]), _MONTHS[words[1].lower()], int(words[2]))
    if parts := _THREE_PARTS.fullmatch(text):
        return _three_parts(int(parts[1]), int(parts[3]), parts[4])
    return Outcome(reason=Reason.NOT_A_DATE)


def _serial(number: Decimal, *, date1904: bool) -> Outcome:
    if not 0 <= number < LAST_SERIAL:
        return Outcome(reason=Reason.DATE_RANGE)
    return _day(_moment(number, date1904=date1904))


def _three_parts(first: int, second: int, year: str) -> Outcome:
    full_year = int(year) if len(year) == len("2024") else 2000 + int(year)
    months = range(1, 13)
    if first in months and second in months and first != second:
        return Outcome(reason=Reason.AMBIGUOUS_DAY)
    return _calendar(full_year, first, second) if first in months else _calendar(full_year, second, first)


def _calendar(year: int, month: int, day: int, time: str = "") -> Outcome:
    try:
        moment = dt.datetime.combine(dt.date(year, month, day), dt.time.fromisoformat(time or "00:00"))
    except ValueError:
        return Outcome(reason=Reason.NOT_A_DATE)
    return _day(moment)


def _day(moment: dt.datetime) -> Outcome:
    if moment.time() != dt.time():
        return Outcome(reason=Reason.TIME_OF_DAY)
    if not FIRST_DAY <= moment.date() <= LAST_DAY:
        return Outcome(reason=Reason.DATE_RANGE)
    return Outcome(moment.date().isoformat())


def _number(cell: Cell, text: str, kind: str) -> Outcome:
    if cell.type == "n":
        number = fifteen_digits(cell.raw)
    elif cell.type in TEXT_TYPES and _DECIMAL.fullmatch(text):
        number = Decimal(text)
    else:
        return Outcome(reason=Reason.NOT_A_NUMBER)
    return _decimal(number, *DECIMAL_DIGITS[kind]) if kind in DECIMAL_DIGITS else _whole(number, WHOLE_BITS[kind])


def _decimal(number: Decimal, precision: int, scale: int) -> Outcome:
    if abs(number) >= Decimal(10) ** (precision - scale):
        return Outcome(reason=Reason.NUMBER_RANGE, number=number)
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if abs(rounded) >= Decimal(10) ** (precision - scale):
        return Outcome(reason=Reason.NUMBER_RANGE, number=number)
    return Outcome(f"{rounded + 0:f}", number=number)


def _whole(number: Decimal, bits: int) -> Outcome:
    if number % 1:
        return Outcome(reason=Reason.NOT_WHOLE, number=number)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        return Outcome(reason=Reason.NUMBER_RANGE, number=number)
    return Outcome(str(int(number)), number=number)
