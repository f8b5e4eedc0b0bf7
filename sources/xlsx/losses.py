"""What a copy of a workbook lacks: found by comparing the two files part by part and cell by cell."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from sources.xlsx.package import open_package
from sources.xlsx.sheet_cells import read_cells
from sources.xlsx.sheet_tokens import column_letters
from sources.xlsx.sheet_xml import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sources.xlsx.limits import Limits
    from sources.xlsx.package import Package, Sheet

__all__ = ["losses"]

WRITTEN = re.compile(
    r"\[content_types\]\.xml|.*\.rels|docprops/(app|core|custom)\.xml|xl/(workbook|styles|sharedstrings|calcchain)\.xml"
    r"|xl/(theme|worksheets|tables|externallinks)/[^/]+\.xml|xl/comments[^/]*|xl/comments/.*|xl/drawings/.*\.vml"
)
"""The parts that a copy has in its own words, whose content is compared in other ways."""
KINDS = {
    "xl/pivot": "pivot tables",
    "xl/media/": "images",
    "xl/charts/": "charts",
    "xl/chartsheets/": "chart sheets",
    "xl/drawings/": "drawings",
    "xl/diagrams/": "diagrams",
    "xl/vba": "macros",
    "xl/macrosheets/": "macros",
    "xl/threadedcomments/": "threaded comments",
    "xl/persons/": "threaded comments",
    "xl/slicer": "slicers",
    "xl/timeline": "timelines",
    "xl/ctrlprops/": "form controls",
    "xl/activex/": "form controls",
    "xl/embeddings/": "embedded objects",
    "xl/connections": "data connections",
    "xl/querytables/": "data connections",
    "xl/model/": "the data model",
    "xl/printersettings/": "printer settings",
    "xl/richdata/": "linked data types",
    "xl/metadata": "dynamic arrays or linked data types",
    "customxml/": "custom XML",
    "customui/": "changes of the ribbon",
    "docprops/thumbnail": "the thumbnail",
    "_xmlsignatures/": "signatures",
}
EXTENSIONS = {
    "{78C0D931-6437-407D-A8EE-F0AAD7539E65}": "conditional formats",
    "{B025F937-C7B1-47D3-B67F-A62EFF666E3E}": "conditional formats",
    "{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}": "data validations",
    "{05C60535-1F16-4FD2-B633-F4F36F0B64E0}": "sparklines",
    "{A8765BA9-456A-4DAB-B4F3-ACF838C121DE}": "slicers",
    "{7E03D99C-DC04-49D9-9315-930204A7B6E9}": "timelines",
}
EXTENSION = re.compile(rb"<(?:\w+:)?ext\s[^>]*?uri=[\"']([^\"']+)[\"']")
SHOWN = 3


def losses(before: bytes, after: bytes, formulas: Mapping[str, Sequence[tuple[int, int]]], limits: Limits) -> list[str]:
    """Name what a copy of a workbook does not keep as it was, a line a kind.

    Args:
        before: The bytes of the workbook.
        after: The bytes of the copy.
        formulas: Row and column of the cells with a formula, by sheet: a copy has no computed values.
        limits: What a workbook may ask of this machine.

    Raises:
        Refused: One of the two is no workbook.
    """
    original, copy = open_package(before, limits), open_package(after, limits)
    copies = {sheet.name: sheet for sheet in copy.sheets}
    found = [*_parts(before, after), *_extensions(original)]
    if computed := sum(map(len, formulas.values())):
        found.append(
            f"the computed values of formulas ({computed:,}), which Excel computes again when it opens the copy"
        )
    for sheet in original.sheets:
        if sheet.name in copies:
            ours = _cells(original, sheet)
            found += _values(sheet.name, ours, _cells(copy, copies[sheet.name]), formulas.get(sheet.name, ()))
        else:
            found.append(f"sheet {sheet.name}")
    return found


def _parts(before: bytes, after: bytes) -> Iterator[str]:
    """Name the kinds of parts that the copy does not have byte by byte."""
    kept = set(_digests(after).values())
    counts = Counter(
        _kind(part) for part, digest in _digests(before).items() if not WRITTEN.fullmatch(part) and digest not in kept
    )
    for kind, count in counts.items():
        yield f"{kind} ({count} {'part' if count == 1 else 'parts'} of the file)"


def _digests(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.replace("\\", "/").lstrip("/").casefold(): hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith("/")
        }


def _kind(part: str) -> str:
    return next((kind for start, kind in KINDS.items() if part.startswith(start)), part)


def _extensions(package: Package) -> Iterator[str]:
    """Name the extensions of sheets, in which newer versions of Excel keep what older ones do not know."""
    for sheet in package.sheets:
        uris = [uri.decode().upper() for uri in EXTENSION.findall(package.archive.read(sheet.part))]
        for kind in dict.fromkeys(EXTENSIONS.get(uri, f"extension {uri}") for uri in uris):
            yield f"{kind} of sheet {sheet.name} that newer versions of Excel made"


def _cells(package: Package, sheet: Sheet) -> pl.DataFrame:
    cells = read_cells(tokens(package.archive.pieces(sheet.part), sheet.part), package)
    return pl.DataFrame({"row": cells.row, "column": cells.column, "text": cells.texts.gather(cells.text)})


def _values(
    sheet: str, before: pl.DataFrame, after: pl.DataFrame, formulas: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """Count the cells that hold something else in the copy, besides formulas, and name the first."""
    computed = pl.DataFrame(formulas, schema={"row": pl.UInt32, "column": pl.UInt32}, orient="row")
    both = before.join(after, on=["row", "column"], how="full", coalesce=True, suffix="_after")
    changed = both.filter(pl.col("text").ne_missing(pl.col("text_after"))).join(
        computed, on=["row", "column"], how="anti"
    )
    if changed.height:
        first = ", ".join(
            f"{column_letters(row['column'])}{row['row']} {row['text']!r} -> {row['text_after']!r}"
            for row in changed.sort("row", "column").head(SHOWN).to_dicts()
        )
        cells = "1 cell" if changed.height == 1 else f"{changed.height:,} cells"
        yield f"{cells} of sheet {sheet}, which the copy holds in another way: {first}"
