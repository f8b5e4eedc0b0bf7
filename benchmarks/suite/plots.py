"""Plots as SVG, in the style of the other drawings: bars on a logarithmic scale, and lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "Line", "bars", "lines"]

_INK, _PALE = "#39424e", "#b0b8c0"
_COLOURS = {"ours": ("#dff0dc", "#4d8f45"), "theirs": ("#dbe9f6", "#4a7fb5"), "limit": ("#f0f0f0", "#b0b8c0")}
_LINES = ("#4d8f45", "#4a7fb5", "#c0392b", "#8e6bb0", "#b5894a", "#39424e")
_WIDTH, _LEFT, _RIGHT, _ROW = 760, 190, 150, 26
_HEIGHT, _TOP, _BOTTOM, _MARGIN = 320, 40, 50, 70
_WHOLE = 100


@dataclass(frozen=True)
class Bar:
    """A bar: its name, its value, what stands behind it, and whose it is: ours, theirs or a limit."""

    name: str
    value: float
    text: str
    whose: str


@dataclass(frozen=True)
class Line:
    """A line: its name, and its points."""

    name: str
    points: Sequence[tuple[float, float]]


def bars(title: str, shown: Sequence[Bar]) -> str:
    """Draw bars below one another, their lengths by the logarithm of their values."""
    least = 10 ** math.floor(math.log10(min(bar.value for bar in shown) * 0.99))
    most = max(bar.value for bar in shown)
    room = _WIDTH - _LEFT - _RIGHT
    drawn = []
    for number, bar in enumerate(shown):
        top = _TOP + number * _ROW
        length = room * math.log(bar.value / least) / math.log(max(most / least, 1.01))
        fill, edge = _COLOURS[bar.whose]
        drawn += [
            f'<text x="{_LEFT - 8}" y="{top + 15}" text-anchor="end" fill="{_INK}">{escape(bar.name)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="20" rx="3" fill="{fill}" stroke="{edge}"/>',
            f'<text x="{_LEFT + length + 8:.1f}" y="{top + 15}" fill="{_INK}">{escape(bar.text)}</text>',
        ]
    return _page(title, _TOP + len(shown) * _ROW + 14, drawn)


def lines(title: str, x_name: str, y_name: str, shown: Sequence[Line], *, logarithmic: bool = True) -> str:
    """Draw lines through points; axes are marked at the least and the most."""
    place = math.log10 if logarithmic else float
    xs = [place(x) for line in shown for x, _ in line.points]
    ys = [place(y) for line in shown for _, y in line.points]
    drawn = _axes(x_name, y_name, *(_ends(shown, axis) for axis in (0, 1)))
    for number, line in enumerate(shown):
        colour = _LINES[number % len(_LINES)]
        spots = [(_across(place(x), xs), _down(place(y), ys)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        text = (
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{_TOP + 14 + 18 * number}" fill="{colour}">{escape(line.name)}</text>'
        )
        drawn.append(text)
    return _page(title, _HEIGHT, drawn)


def _ends(shown: Sequence[Line], axis: int) -> tuple[float, float]:
    values = [point[axis] for line in shown for point in line.points]
    return min(values), max(values)


def _axes(x_name: str, y_name: str, x: tuple[float, float], y: tuple[float, float]) -> list[str]:
    floor, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    return [
        f'<line x1="{_MARGIN}" y1="{floor}" x2="{right}" y2="{floor}" stroke="{_PALE}"/>',
        f'<line x1="{_MARGIN}" y1="{_TOP}" x2="{_MARGIN}" y2="{floor}" stroke="{_PALE}"/>',
        f'<text x="{_MARGIN}" y="{floor + 18}" fill="{_INK}">{_plain(x[0])}</text>',
        f'<text x="{right}" y="{floor + 18}" text-anchor="end" fill="{_INK}">{_plain(x[1])} {escape(x_name)}</text>',
        f'<text x="{_MARGIN - 6}" y="{floor}" text-anchor="end" fill="{_INK}">{_plain(y[0])}</text>',
        f'<text x="{_MARGIN - 6}" y="{_TOP + 10}" text-anchor="end" fill="{_INK}">{_plain(y[1])}</text>',
        f'<text x="{_MARGIN + 8}" y="{_TOP + 10}" fill="{_INK}">{escape(y_name)}</text>',
    ]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:,.3g}"


def _across(value: float, every: Sequence[float]) -> float:
    return _MARGIN + (_WIDTH - _RIGHT - _MARGIN) * _share(value, every)


def _down(value: float, every: Sequence[float]) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * _share(value, every)


def _share(value: float, every: Sequence[float]) -> float:
    least, most = min(every), max(every)
    return (value - least) / (most - least) if most > least else 0.5


def _page(title: str, height: int, drawn: Sequence[str]) -> str:
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        f"  <title>{escape(title)}</title>",
        f'  <rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'  <text x="10" y="22" fill="{_INK}" font-weight="bold">{escape(title)}</text>',
    ]
    return "\n".join([*head, *(f"  {element}" for element in drawn), "</svg>", ""])
