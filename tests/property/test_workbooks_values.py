"""Numbers, dates and escapes come out as their definitions say, whatever the value."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sources.xlsx.cell_values import date_text, number_text, truth_text, unescape

EPOCH = {False: dt.datetime(1899, 12, 30), True: dt.datetime(1904, 1, 1)}  # noqa: DTZ001 (workbooks have no time zones)
LAST_SERIAL = {False: 2_958_465, True: 2_957_003}


def one_number(raw: str) -> str:
    return number_text(pl.Series([raw], dtype=pl.String)).item()


def one_date(raw: str, *, date1904: bool) -> str:
    return date_text(pl.Series([raw], dtype=pl.String), date1904=date1904).item()


def plain(value: float) -> str:
    """The definition: 15 significant digits, no exponent, no zeros at the end."""
    text = format(Decimal(f"{value:.15g}"), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=-1e6, max_value=1e6),
    st.floats(min_value=-100, max_value=100).map(lambda x: round(x, 2) * 1.1),
    st.integers(min_value=10**14, max_value=10**17).map(lambda n: n / 1000),
    st.integers(min_value=-40, max_value=40).map(lambda n: 10.0**n),
    st.integers(min_value=1, max_value=10**15).map(lambda n: (n + 0.5) / 10.0 ** (len(str(n)) - 1)),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(floats, min_size=1, max_size=50))
@example(
    [999999999999.998, 0.1 + 0.2, 33.949999999999996, 9.9999999999999995, 0.99999999999999989, 1e15 - 0.5, 5e-324, -0.0]
)
def test_a_decimal_has_fifteen_significant_digits_and_no_exponent(values: list[float]) -> None:
    raw = [repr(value) if "." in repr(value) or "e" in repr(value) else f"{value!r}.0" for value in values]
    expected = [str(int(Decimal(text))) if re.fullmatch(r"-?\d+\.0", text) else plain(float(text)) for text in raw]
    assert number_text(pl.Series(raw)).to_list() == expected


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(min_value=10**14, max_value=10**15 - 1), min_size=1), st.integers(-12, 12))
def test_a_number_half_way_between_fifteen_digit_numbers_is_rounded_as_python_rounds_it(
    digits: list[int], shift: int
) -> None:
    values = [math.ldexp(2 * n + 1, -1) * 10.0**-14 * 2.0**shift for n in digits]
    assert number_text(pl.Series([repr(v) for v in values])).to_list() == [
        str(int(Decimal(repr(v)))) if re.fullmatch(r"\d+\.0", repr(v)) else plain(v) for v in values
    ]


@settings(deadline=None)
@given(st.integers(), st.sampled_from(["", "+"]), st.integers(0, 3), st.sampled_from(["", ".", ".0", ".000"]))
def test_an_integer_keeps_every_digit(value: int, sign: str, zeros: int, end: str) -> None:
    raw = f"{'-' if value < 0 else sign}{'0' * zeros}{abs(value)}{end}"
    assert one_number(raw) == str(value)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**15 - 1), st.integers(1, 20))
def test_text_of_at_most_fifteen_digits_keeps_them(digits: int, places: int) -> None:
    decimal = Decimal(digits).scaleb(-places)
    assert Decimal(one_number(format(decimal, "f"))) == decimal
    assert "e" not in one_number(format(decimal, "e")).lower()
    assert Decimal(one_number(format(decimal, "e"))) == decimal


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="0123456789+-.eEinfa_ x\t,", max_size=12))
def test_what_is_no_number_stays_as_it_is(raw: str) -> None:
    number = re.fullmatch(r"[ \t]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t]*", raw, re.ASCII)
    if not number or math.isinf(float(raw)):
        assert one_number(raw) == raw
    elif not re.fullmatch(r"[ \t]*[+-]?\d+(\.0*)?[ \t]*", raw):
        assert one_number(raw) == plain(float(raw))


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2_958_465 * 86_400_000), st.booleans())
def test_a_serial_is_the_moment_that_excel_shows(milliseconds: int, date1904: bool) -> None:  # noqa: FBT001
    day, time = divmod(milliseconds, 86_400_000)
    raw = repr(milliseconds / 86_400_000)
    shown = one_date(raw, date1904=date1904)
    if day == 60 and not date1904:
        assert shown == one_number(raw)
        return
    if day > LAST_SERIAL[date1904]:
        assert shown == one_number(raw)
        return
    shift = 1 if 0 < day < 60 and not date1904 else 0
    moment = EPOCH[date1904] + dt.timedelta(days=day + shift, milliseconds=time)
    fraction = f".{time % 1000:03d}" if time % 1000 else ""
    clock = f"{moment:%H:%M:%S}{fraction}"
    date = f"{moment.date().isoformat()}"
    assert shown == (clock if day == 0 else f"{date} {clock}" if time else date)


@settings(deadline=None)
@given(st.dates(dt.date(1900, 1, 1), dt.date(9999, 12, 31)))
def test_every_date_of_the_1900_epoch_comes_back(date: dt.date) -> None:
    serial = (date - dt.date(1899, 12, 30)).days
    serial -= 1 if date < dt.date(1900, 3, 1) else 0
    assert one_date(str(serial), date1904=False) == date.isoformat()


@settings(deadline=None)
@given(st.dates(dt.date(1904, 1, 2), dt.date(9999, 12, 31)))
def test_every_date_of_the_1904_epoch_comes_back(date: dt.date) -> None:
    assert one_date(str((date - dt.date(1904, 1, 1)).days), date1904=True) == date.isoformat()


def escaped(text: str) -> str:
    """What Excel writes: control characters as escapes, and the start of what looks like one."""
    guarded = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
    return re.sub("[\x01-\x1f]", lambda found: f"_x{ord(found[0]):04X}_", guarded)


@settings(deadline=None)
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("_x0A5F\r\n\x07"), st.characters(exclude_categories=["Cs"])), max_size=30
    )
)
def test_escaped_text_comes_back(text: str) -> None:
    text = text.replace("\0", "")
    assert unescape(pl.Series([escaped(text)], dtype=pl.String)).item() == text


def test_booleans_read_as_excel_shows_them() -> None:
    assert truth_text(pl.Series(["1", "0", "true", "false"])).to_list() == ["TRUE", "FALSE", "TRUE", "FALSE"]
