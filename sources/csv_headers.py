"""Whether a file has the columns that its table needs, and if not, in what it differs."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 (pydantic reads the annotation when a source is made)
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Chosen", "Layout", "choose", "differences"]


class Layout(NamedTuple):
    """The columns that the files of a table have.

    Attributes:
        table: The table.
        columns: Their headers, in the order of the files.
        renamed: What a header was called in other files, with what it is called here.
        more: Columns that a file may have besides, wherever they stand; where it has not, all their cells are null.
        optional: Whether there may be no file.
    """

    table: str
    columns: tuple[str, ...]
    renamed: Mapping[str, str] = {}
    more: tuple[str, ...] = ()
    optional: bool = False


class Chosen(NamedTuple):
    """Which columns of a file are read.

    Attributes:
        positions: For each column of the layout its place in the file, from 0; none for one that the file has not.
        unread: The headers of the other columns.
    """

    positions: tuple[int | None, ...]
    unread: tuple[str, ...]


def choose(header: Sequence[str], layout: Layout) -> Chosen | None:
    """Find the columns of a layout: all of them, once each and in their order; nothing where they are not there."""
    names = [layout.renamed.get(name, name) for name in header]
    known = [name for name in names if name in layout.columns]
    if known != list(layout.columns):
        return None
    wanted = (*layout.columns, *layout.more)
    places = tuple(names.index(name) if name in names else None for name in wanted)
    return Chosen(places, tuple(name for name in names if name not in wanted))


def differences(header: Sequence[str], layout: Layout, others: Mapping[str, Sequence[str]]) -> list[str]:
    """Say in what a header differs, a line a kind.

    Args:
        header: The headers of the file.
        layout: The columns that its table needs.
        others: The columns of other extracts, by what they are called.
    """
    names = [layout.renamed.get(name, name) for name in header]
    same = [other for other, columns in others.items() if other != layout.table and set(columns) <= set(names)]
    if same and not set(layout.columns) <= set(names):
        return [f"it has the columns of {same[0]}: {', '.join(header)}"]
    return [line for line in _kinds(names, layout) if line]


def _kinds(names: Sequence[str], layout: Layout) -> Iterator[str]:
    missing = [name for name in layout.columns if name not in names]
    extra = [name for name in names if name and name not in layout.columns]
    yield _told("missing", [_meant(name, extra) for name in missing])
    yield _told("extra", [f"{name} (column {names.index(name) + 1})" for name in extra])
    twice = sorted({name for name in layout.columns if names.count(name) > 1})
    yield _told("twice", [f"{name} (columns {_places(names, name)})" for name in twice])
    yield _told("moved", list(_moved(names, layout)))
    if len(names) == 1:
        marks = {";": "semicolons", "\t": "tabs", "|": "bars"}
        yield from (
            f"its cells seem to have {told} between them, not commas" for m, told in marks.items() if m in names[0]
        )


def _told(kind: str, names: Sequence[str]) -> str:
    return f"{kind}: {', '.join(names)}" if names else ""


def _meant(name: str, extra: Sequence[str]) -> str:
    folded = {other.casefold(): other for other in extra}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return f"{name} (is it {folded[close[0]]}?)" if close else name


def _places(names: Sequence[str], name: str) -> str:
    return " and ".join(str(place) for place, other in enumerate(names, start=1) if other == name)


def _moved(names: Sequence[str], layout: Layout) -> Iterator[str]:
    """Name the columns that stand elsewhere among those that both have."""
    wanted = [name for name in layout.columns if name in names]
    found = list(dict.fromkeys(name for name in names if name in layout.columns))
    kept = {
        name
        for block in SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks()
        for name in wanted[block.a : block.a + block.size]
    }
    for name in (name for name in wanted if name not in kept):
        yield f"{name} (column {names.index(name) + 1}, not {layout.columns.index(name) + 1})"
