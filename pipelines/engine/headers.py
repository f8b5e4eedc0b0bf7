"""What the headers of one workbook feed: a table for people, and the lines that they may paste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.engine import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["headers", "headers_text"]

WIDTH = 40
"""Longer headers are cut in the table, though not in the lines to paste."""


def headers(name: str, config: Path | None, flags: dict[str, str], file: str) -> dict[str, Any]:
    """Say what each header of a workbook feeds, and what the others may have meant.

    Args:
        name: The pipeline.
        config: The settings file.
        flags: Settings of the command line.
        file: The path of a workbook, or its name in the source.

    Raises:
        SourceError: The workbook cannot be read. Production is unchanged.
        ConfigError: The pipeline reads no workbooks.
    """
    return settings.load(name, config, flags).headers(file)


def headers_text(found: dict[str, Any]) -> str:
    """Lay the headers out for reading."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    rows = found["headers"]
    fed = [row for row in rows if row["column"]]
    place = f"{found['file']}, sheet {found['sheet']!r}, row {found['header_row']}"
    yield f"{place}: {len(fed)} of {len(rows)} headers feed a column"
    yield from (_line(row, row["column"]) for row in fed)
    loose = [row for row in rows if not row["column"]]
    if loose:
        yield "\nFeeding none:"
        yield from (_line(row, _meant(row)) for row in loose)
    if found["missing"]:
        yield f"\nMissing, without which nothing can be read: {', '.join(found['missing'])}"
    if found["paste"]:
        yield f"\nTo put into {found['paste_into']}, after a look at each line:"
        yield from found["paste"]


def _line(row: dict[str, Any], meaning: str) -> str:
    header = row["header"] or "(no header)"
    cut = header if len(header) <= WIDTH else f"{header[: WIDTH - 3]}..."
    return f"  {row['letter']:<4}{cut:<{WIDTH}}  {meaning}".rstrip()


def _meant(row: dict[str, Any]) -> str:
    told = {"duplicate": "there twice", "unnamed": ""}.get(row["role"], row["role"].replace("_", " "))
    return f"{told}: {row['proposal']}? {row['confidence']} %" if row["proposal"] else told
