"""The orders before anything is wrong with them: what a tidy workbook of a customer says."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.oracle import ORDER_NUMBER, TOTAL, load
from benchmarks.xlsx_writer import Cell, Style, column_letters, serial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.grid import Chance, Column, RowPlan, Rows
    from benchmarks.workbook_profile import Profile

    Columns = Mapping[str, Column]

VALUES = load("order_values.yml")
COLOURS, GARMENTS, FABRICS, SEASONS, SENTENCES = VALUES["words"].values()
LEFT_OUT = 0.3
ORDER_TYPE, CANCELLED, CANCELLED_SHARE = "ORDER TYPE", ("CANCELLED", "Cancelled"), 0.04
PURCHASE_ORDERS = {"numeric": 0.36, "coded": 0.36, "alternative": 0.21, "none": 0.07}
SIZES_ORDERED = {3: 0.1, 4: 0.4, 5: 0.4, 6: 0.1}
ZERO_SHARE = 0.05
DISTINCT = 300
# In one file of four the total is a formula, and two files of five write the day before the month.
COMPUTED_TOTAL, DAY_FIRST = (4, 2), 5


def fill(profile: Profile, columns: Columns, rows: RowPlan, chance: Chance) -> None:
    """Fill every column of a workbook with tidy values; phantom rows get their order number only."""
    _order_numbers(columns[ORDER_NUMBER], rows.numbered, chance)
    _customers(columns["CUSTOMER NAME"], profile.names, rows.data, chance)
    _purchase_orders(columns, rows.data, chance)
    _order_types(columns[ORDER_TYPE], rows.data, chance)
    _quantities(profile, columns, rows.data, chance)
    _dates(profile, columns, rows.data, chance)
    done = {ORDER_NUMBER, "CUSTOMER NAME", "PO NUMBER", "CUSTOMER ALT PO", "ORIGINAL PO NUMBER", ORDER_TYPE, TOTAL}
    for name, column in columns.items():
        if name not in done and name not in profile.sizes and column.kind != "date":
            _other(profile, name, column, rows.data, chance)


def price(value: float) -> Cell:
    """Return a price as Excel stores it: as few digits as name the number."""
    return Cell(repr(value).removesuffix(".0"), style=Style.MONEY)


def quantity(value: int) -> Cell:
    """Return a whole number."""
    return Cell(str(value))


def _order_numbers(column: Column, rows: Rows, chance: Chance) -> None:
    prefix = "".join(chance.one.choices("ABCDEFGHJKLMNPRSTVW", k=3))
    numbers = chance.one.randint(1, 9000) + np.arange(len(rows))
    column.place(rows, [column.text(f"{prefix}-{number:05d}") for number in numbers])


def _customers(column: Column, names: Mapping[str, float], rows: Rows, chance: Chance) -> None:
    cells = [column.text(name) for name in names]
    column.place(rows, [cells[i] for i in chance.many.choice(len(cells), len(rows), p=list(names.values()))])


def _purchase_orders(columns: Columns, rows: Rows, chance: Chance) -> None:
    """Half of them are numbers; where there is none there may be an alternative one."""
    kinds = list(PURCHASE_ORDERS)
    drawn = chance.many.choice(len(kinds), len(rows), p=list(PURCHASE_ORDERS.values()))
    numbers = chance.many.integers(10_000, 90_000_000, len(rows))
    main = columns["PO NUMBER"]
    for column, kind, make in (
        (main, "numeric", quantity),
        (main, "coded", lambda number: main.text(f"PO{number % 97:02d}-{number:X}")),
        (columns.get("CUSTOMER ALT PO"), "alternative", lambda number: Cell(f"ALT {number}", "s")),
        (columns.get("ORIGINAL PO NUMBER"), "coded", lambda number: Cell(f"{number}-R", "s")),
    ):
        if column is not None:
            chosen = drawn == kinds.index(kind)
            column.place_numbers(rows[chosen], numbers[chosen], make)


def _order_types(column: Column, rows: Rows, chance: Chance) -> None:
    column.draw(chance, rows, [column.text(word) for word in VALUES["one_of"][ORDER_TYPE]])
    column.draw(chance, chance.some(rows, CANCELLED_SHARE), [column.text(word) for word in CANCELLED], "cancelled")


def _quantities(profile: Profile, columns: Columns, rows: Rows, chance: Chance) -> None:
    """Four or five sizes in a row are ordered, most others blank and some 0; a cancelled order has 0 in them."""
    shape = (len(rows), len(profile.sizes))
    run = chance.many.choice(list(SIZES_ORDERED), (len(rows), 1), p=list(SIZES_ORDERED.values()))
    start = (chance.many.random((len(rows), 1)) * np.maximum(shape[1] - run + 1, 1)).astype(int)
    place = np.arange(shape[1])[None, :]
    ordered = (place >= start) & (place < start + run)
    active = ~_cancelled(columns[ORDER_TYPE], rows)[:, None]
    quantities = np.where(ordered & active, chance.many.integers(4, 700, shape), 0)
    shown = ordered | (chance.many.random(shape) < ZERO_SHARE)
    for position, size in enumerate(profile.sizes):
        columns[size].place_numbers(rows[shown[:, position]], quantities[shown[:, position], position], quantity)
    columns[TOTAL].place_numbers(rows, quantities.sum(axis=1), _total(profile))


def _cancelled(column: Column, rows: Rows) -> np.ndarray:
    return np.array([label == "cancelled" for label in column.labels])[column.codes[rows]]


def _total(profile: Profile) -> Callable[[int], Cell]:
    """Return what makes a total: where it is computed the formula is the same in every row."""
    first = profile.headers.index("UNIT OF MEASURE") + 1 + profile.layout.first_column
    block = f"{column_letters(first)}:{column_letters(first + len(profile.sizes) - 1)}"
    every, which = COMPUTED_TOTAL
    formula = f"SUM(INDEX({block},ROW(),0))" if profile.index % every == which else ""
    return lambda number: Cell(str(number), formula=formula)


def _dates(profile: Profile, columns: Columns, rows: Rows, chance: Chance) -> None:
    start = serial(dt.date(2023, 6, 1), date1904=profile.layout.date1904)
    received = start + chance.many.integers(0, 900, len(rows))
    shipped = received + chance.many.integers(45, 160, len(rows))
    arrives = shipped + chance.many.integers(7, 50, len(rows))
    days = {"ORDER DATE PO RECEIVED": received, "EX FACTORY DATE": shipped, "ETA CUSTOMER WAREHOUSE DATE": arrives}
    for number, (name, serials) in enumerate(days.items()):
        style = Style.DATE if (profile.index + number) % DAY_FIRST else Style.DATE_DMY
        chosen = chance.many.random(len(rows)) < VALUES["filled"][name]
        columns[name].place_numbers(rows[chosen], serials[chosen], _dated(style))


def _dated(style: Style) -> Callable[[int], Cell]:
    return lambda number: Cell(str(number), style=style)


def _other(profile: Profile, name: str, column: Column, rows: Rows, chance: Chance) -> None:
    filled = VALUES["filled"]
    if name in VALUES["always_empty"] or (name not in filled and chance.one.random() < LEFT_OUT):
        return
    share = filled.get(name, VALUES["filled_by_kind"].get(column.kind, 0.0))
    chosen = rows[chance.many.random(len(rows)) < share]
    column.draw(chance, chosen, _pool(name, column, max(3, min(len(rows) // 3, DISTINCT)), chance))
    if name in profile.long_text:
        longest = column.text(_long(profile.long_text[name], chance))
        column.place(chosen[-1:], [longest] * len(chosen[-1:]), "long_text")


def _pool(name: str, column: Column, size: int, chance: Chance) -> list[Cell]:
    match column.kind:
        case "money":
            return [price(round(chance.one.uniform(2, 95), 2)) for _ in range(size)]
        case "rate":
            return [Cell(f"{chance.one.randrange(0, 330, 5) / 1000:g}", style=Style.PERCENT) for _ in range(12)]
        case "text_numeric_like":
            digits = 4 if "4 Dec" in name else 2
            return [Cell(f"{chance.one.uniform(0.2, 60):.{digits}f}".rstrip("0").rstrip(".")) for _ in range(size)]
        case "year":
            return [quantity(year) for year in (2024, 2025, 2026)]
        case _:
            words = VALUES["one_of"].get(name)
            make = WORDS.get(name, _code)
            return [column.text(word) for word in words or (make(chance) for _ in range(size))]


def _long(length: int, chance: Chance) -> str:
    return " ".join(chance.one.choices(SENTENCES, k=length // 20))[: length - 1] + "."


def _code(chance: Chance) -> str:
    return "".join(chance.one.choices("ABCDEFGHKLMNPRSTVW", k=2)) + f"{chance.one.randrange(100):02d}"


def _style(chance: Chance) -> str:
    letters = "".join(chance.one.choices("ABCDEFGHKLMNPRSTVW", k=2))
    number = chance.one.randrange(1000, 99999)
    forms = (f"{letters}{number}", f"{letters}{number} {letters[0]}", f"{letters}-{number}-{number % 100:02d}")
    return chance.one.choice((*forms, f"{number}{letters}"))


def _colour(chance: Chance) -> str:
    name, other = chance.one.choice(COLOURS), chance.one.choice(COLOURS)
    code = chance.one.randrange(1, 999)
    return chance.one.choice((name, f"{code:03d} - {name}", f"{code:03d}-{name}", f"{name}/{other}"))


def _description(chance: Chance) -> str:
    return f"{chance.one.choice(COLOURS)} {chance.one.choice(FABRICS)} {chance.one.choice(GARMENTS)}".title()


def _season(chance: Chance) -> str:
    year, quarter = chance.one.choice((2024, 2025, 2026)), chance.one.randint(1, 4)
    season, next_season = chance.one.choice(SEASONS), chance.one.choice(SEASONS)
    return chance.one.choice((f"{year} {season}", f"{year} Q{quarter}", f"{year} {season}/{next_season}"))


def _customer_season(chance: Chance) -> str:
    year, quarter = chance.one.choice((24, 25, 26)), chance.one.randint(1, 4)
    season = chance.one.choice(SEASONS)
    codes = (f"SP{year}", f"SS{year}", season, f"Q{quarter} 20{year}", f"Q{quarter}", f"{season} {year}-1")
    return chance.one.choice((*codes, "RE-BUY 2", "MARCH", "ECOMM", "CAPSULE", "TBD"))


def _hs_code(chance: Chance) -> str:
    heading, one = chance.one.choice((6109, 6110, 6203, 6204, 6211)), chance.one.randrange(10)
    return f"{heading}.{chance.one.randrange(100):02d}.{one}0"


def _note(chance: Chance) -> str:
    return " ".join(chance.one.choices(SENTENCES, k=chance.one.randint(1, 3)))


def _tracking(chance: Chance) -> str:
    return f"1Z{chance.one.randrange(10**10, 10**11)}"


WORDS: dict[str, Callable[[Chance], str]] = {
    "AAG SEASON": _season,
    "CUSTOMER SEASON": _customer_season,
    "CUSTOMER STYLE": _style,
    "ALIAS/RELATED ITEM": _style,
    "ORIGINAL ALIAS/RELATED ITEM": _style,
    "STYLE DESCRIPTION": _description,
    "PATTERN/STYLE NAME": _description,
    "CUSTOMER COLOUR DESCRIPTION": _colour,
    "TRACKING NUMBER": _tracking,
    "NOTES": _note,
    "NOTES FOR PRICE": _note,
    "HDPR": _note,
    "HS CODE": _hs_code,
}
