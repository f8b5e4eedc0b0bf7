"""Headers written in two rows: group titles over names, names merged over both rows, or one name cut in two."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def join_rows(
    upper: Mapping[int, str], lower: Mapping[int, str], is_known: Callable[[str], bool]
) -> dict[int, str] | None:
    """Return the headers that two rows make together, or None where the lower one is no header row.

    A column's header is both texts where together they are known, else the lower one, else the upper one. A text under
    a header that is known by itself is a value: the row below a header row then is an order.

    Args:
        upper: The texts of the upper row by column number.
        lower: Those of the row below it.
        is_known: Whether a header is known.
    """
    headers = dict(upper)
    for column, text in lower.items():
        over = upper.get(column, "")
        both = f"{over} {text}"
        if over and is_known(both):
            headers[column] = both
        elif is_known(over):
            return None
        else:
            headers[column] = text
    return headers
