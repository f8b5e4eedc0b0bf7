"""What each customer's workbook looks like: its headers, how many rows of each kind, its sheets and its names."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.oracle import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LANDED, KEYLESS = 101_662, 258
SUFFIX = " ORDER LIST (M3).xlsx"
WITHOUT_ROW_COUNT = "LEISURE COHORT"
PHANTOM_FILE, PHANTOM_SHARE = "FIONA KATE", 0.30
KEYLESS_BY_FILE_LIMIT = 24
FORMATTED_EVERY = 4
# Counts of the day whose total is LANDED, a few days after those in order_list_raw_headers.yml.
LATER_ROWS = {"FIONA KATE": 18_225, "ASHFORD": 5_321}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the order list stands in its workbook.

    Attributes:
        sheet: The order list's sheet.
        before: The sheets before it, by name, with their states.
        after: The sheets after it.
        titles: Rows above the header row.
        first_column: The number of its first column.
        date1904: Whether day 0 is 1904-01-01.
        empty_tail: Rows below the last one that are formatted but empty.
        wrong_dimension: Whether the sheet's ``<dimension>`` says ``A1``, as some exporters write.
        formatted_blanks: Whether blank size cells stand in the XML because they have a format.
    """

    sheet: str = "ORDER LIST"
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    titles: int = 0
    first_column: int = 1
    date1904: bool = False
    empty_tail: int = 0
    wrong_dimension: bool = False
    formatted_blanks: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """One workbook to make.

    Attributes:
        index: Its place in ``order_list_raw_headers.yml``, which with the seed decides all that is drawn.
        customer: The file's stem.
        headers: The header row.
        sizes: The headers of the size block.
        orders: Rows with an order number, phantom rows among them.
        phantom: Rows with nothing but an order number.
        keyless: Rows without an order number.
        long_text: The longest text by column, where longer than 100 characters.
        names: What CUSTOMER NAME says, by share.
        layout: Where the order list stands.
    """

    index: int
    customer: str
    headers: tuple[str, ...]
    sizes: tuple[str, ...]
    orders: int
    phantom: int
    keyless: int
    long_text: Mapping[str, int]
    names: Mapping[str, float]
    layout: Layout

    @property
    def file(self) -> str:
        """The workbook's file name."""
        return self.customer + SUFFIX


KNOWN_LAYOUTS = ("OCTSENSE",)
"""Customers of whom firn is told where their order lists stand."""
# A file's customer is not always in its cells: legal names, regions, sister brands and strangers are.
NAMES: dict[str, dict[str, float]] = {
    "ASHFORD": {"ASHFORD OUTFITTERS": 1.0},
    "COOPER BUILT": {"COOPER BUILT": 0.9, "COOPERBUILT": 0.1},
    "ECHELON OWN LABEL": {"Echelon Own Label": 1.0},
    "EWES": {"KELVIN LABS, INC (EWES)": 1.0},
    "FIONA KATE": {"FIONA KATE (AU)": 0.58, "FIONA KATE (NZ)": 0.42},
    "FRVT": {"FORM REVOLT LLC (US)": 1.0},
    "GREY HERON": {"GREY HERON (AU)": 1.0},
    "MON DAY BLUE": {"MON DAY BLUE": 0.94, "COOPER BUILT": 0.06},
    "NASC GREY HERON": {"GREY HERON (AU)": 1.0},
    "NHOOD": {"N'HOOD": 1.0},
    "NORTHSTAR": {"NORTHSTAR CHARITY (AU)": 1.0},
    "OMNIPLN": {"OMNIPLN (US)": 1.0},
    "ORO": {"ORO KINETICA (AU)": 1.0},
    "PILOTWEAR": {"PILOTWEAR (AU)": 0.95, "PILOTS OF THE NORTH": 0.05},
    "ROSALIND": {"ROSALIND (AU)": 1.0},
    "SOLO PIECE": {"SOLO PIECE (AU)": 1.0},
    "TEMPO": {"TEMPO (AU)": 0.5, "TEMPO (US)": 0.45, "TEMPO": 0.05},
    "TI MARVEL": {"TIMARVEL": 1.0},
    "TROPIC KINETICA": {"TROPICA": 0.7, "TROPIC_KINETICA": 0.3},
}

LAYOUTS: dict[str, Layout] = {
    "ASHFORD": Layout("MASTER", before={"READ ME": "visible"}, after={"PIVOT": "visible", "LISTS": "hidden"}),
    "BILLIE K": Layout("MASTER", before={"SIZE CHART": "visible"}),
    "CEDAR GOLF": Layout(titles=1),
    "EVASIO": Layout(first_column=2),
    "FIONA KATE": Layout("MASTER", after={"LISTS": "hidden"}),
    "GREY HERON": Layout("ORDERS", before={"LISTS": "veryHidden"}),
    "LOIRE": Layout(empty_tail=200),
    "MADE ANCIENT": Layout("MASTER", before={"MASTER (2)": "visible"}),
    "OCTSENSE": Layout("ORDERS 2025", before={"MASTER": "visible"}, titles=1),
    "OMNIPLN": Layout(wrong_dimension=True),
    "PILOTWEAR": Layout("ORDERS 2025", before={"NOTES": "visible"}),
    "ROSALIND": Layout("ORDER LIST", before={"LISTS": "hidden"}),
    "SOLSTICE": Layout("MASTER", after={"PIVOT": "visible"}),
    "TEMPO": Layout(date1904=True),
    "VANTI TORINO": Layout("Sheet1", after={"Sheet2": "visible"}),
    "WINTERMINT": Layout(titles=3),
}


def profiles(*, scale: float = 1.0, dirty: bool = True, phantom: bool = True) -> list[Profile]:
    """Return the 45 workbooks whose row counts are known.

    Args:
        scale: 1.0 is 101,662 rows in all; every file keeps at least one row with an order number.
        dirty: Whether sheets stand elsewhere than Excel puts them, also where nothing says so beforehand.
        phantom: Whether one file has rows with nothing but an order number.
    """
    whole = _whole()
    keyless = apportion(round(KEYLESS * scale), [p.keyless for p in whole], least=0)
    orders = apportion(round((LANDED - KEYLESS) * scale), [p.orders for p in whole], least=1)
    return [
        replace(
            p,
            orders=rows,
            keyless=without,
            phantom=round(rows * PHANTOM_SHARE) if phantom and p.customer == PHANTOM_FILE else 0,
            layout=p.layout if dirty or p.customer in KNOWN_LAYOUTS else Layout(),
        )
        for p, rows, without in zip(whole, orders, keyless, strict=True)
    ]


def apportion(total: int, weights: Sequence[int], *, least: int) -> list[int]:
    """Split ``total`` by ``weights``, at least ``least`` each, largest remainders first."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [max(least, math.floor(share)) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for position in range(max(total - sum(parts), 0)):
        parts[by_remainder[position % len(parts)]] += 1
    for position in sorted(range(len(parts)), key=lambda i: -parts[i])[: max(sum(parts) - total, 0)]:
        parts[position] = max(least, parts[position] - 1)
    return parts


@cache
def _whole() -> list[Profile]:
    raw = load("order_list_raw_headers.yml")
    known = [w | {"customer": w["file"].removesuffix(SUFFIX)} for w in raw["workbooks"] if w["rows"]]
    rows = _rows_on_the_day([LATER_ROWS.get(w["customer"], w["rows"]) for w in known])
    keyless = _keyless([(w["rows"], w["orders_documented"]) for w in known])
    return [
        Profile(
            index=index,
            customer=w["customer"],
            headers=(*raw["pre"][w["pre"]], *w["sizes"], *raw["post"][w["post"]]),
            sizes=tuple(w["sizes"]),
            orders=count - without,
            phantom=0,
            keyless=without,
            long_text=w.get("long_text", {}),
            names=NAMES.get(w["customer"], {w["customer"]: 1.0}),
            layout=replace(
                LAYOUTS.get(w["customer"], Layout("MASTER") if index % 3 == 0 else Layout()),
                formatted_blanks=index % FORMATTED_EVERY == FORMATTED_EVERY - 1,
            ),
        )
        for index, (w, count, without) in enumerate(zip(known, rows, keyless, strict=True))
    ]


def _rows_on_the_day(rows: Sequence[int]) -> list[int]:
    grown = apportion(LANDED - sum(rows), rows, least=0)
    return [count + more for count, more in zip(rows, grown, strict=True)]


def _keyless(counts: Sequence[tuple[int, int | None]]) -> list[int]:
    """Return rows without order number by file: as counted where that was on one day, else by the size of the file."""
    known = [rows - orders if orders and 1 <= rows - orders <= KEYLESS_BY_FILE_LIMIT else 0 for rows, orders in counts]
    weights = [0 if count else math.isqrt(rows) + 60 for count, (rows, _) in zip(known, counts, strict=True)]
    spread = apportion(KEYLESS - sum(known), weights, least=0)
    return [count or more for count, more in zip(known, spread, strict=True)]
