"""Invented customers' order lists, 45 workbooks with all that people do to them, and the truth about every cell.

```
python -m benchmarks.order_list_workbooks --out DIR --scale 0.1 --seed 1
```
writes ``DIR/workbooks/*.xlsx``, ``DIR/truth.json`` and, as Parquet, the cells expected, those in quarantine and the
identities of the lines. The same arguments give byte-identical workbooks, and a workbook does not depend on the others.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from benchmarks import dirt, order_values, stray_rows
from benchmarks.grid import Chance, Column, plan_rows
from benchmarks.identities import numbered
from benchmarks.judge import judge
from benchmarks.oracle import fields
from benchmarks.sheet_rows import render_order_list
from benchmarks.truth import EXPECTED, LINES, QUARANTINE, SIZES, WORKBOOKS, FileTruth, Truth
from benchmarks.workbook_profile import Profile, profiles
from benchmarks.xlsx_writer import (
    Cell,
    SharedStrings,
    Sheet,
    SheetXml,
    Style,
    Value,
    column_letters,
    render,
    workbook_parts,
    write_zip,
)

if TYPE_CHECKING:
    from benchmarks.grid import RowPlan
    from benchmarks.judge import Verdict

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "workbooks"
MODULES = (
    "business",
    "dirt",
    "grid",
    "identities",
    "judge",
    "oracle",
    "order_list_workbooks",
    "order_values",
    "sheet_rows",
    "stray_rows",
    "truth",
    "workbook_profile",
    "xlsx_writer",
)
INLINE_EVERY = 4
COMPRESSION = 4


def generate(
    folder: Path,
    *,
    scale: float = 1.0,
    seed: int = 1,
    files: int | None = None,
    dirty: bool = True,
    phantom: bool = True,
) -> Truth:
    """Write the workbooks and the truth about them into ``folder``.

    Args:
        folder: Made if it is not there; workbooks of the same names are replaced.
        scale: 1.0 is 101,662 rows in all; every file has at least one row with an order number.
        seed: Other seeds give other values in the same shape.
        files: Only this many workbooks, as they would be among all 45.
        dirty: Whether anything is wrong with the cells, headers and sheets; there are rows of totals all the same.
        phantom: Whether one large file has rows with nothing but an order number.
    """
    settings = {"scale": scale, "seed": seed, "files": files, "dirty": dirty, "phantom": phantom}
    (folder / WORKBOOKS).mkdir(parents=True, exist_ok=True)
    found = [
        _workbook(folder / WORKBOOKS, profile, seed, dirty=dirty)
        for profile in profiles(scale=scale, dirty=dirty, phantom=phantom)[:files]
    ]
    pl.concat([verdict.expected for verdict in found]).write_parquet(folder / EXPECTED)
    pl.concat([verdict.quarantine for verdict in found]).write_parquet(folder / QUARANTINE)
    numbered(pl.concat([verdict.lines for verdict in found])).write_parquet(folder / LINES)
    pl.concat([verdict.sizes for verdict in found]).write_parquet(folder / SIZES)
    truth = Truth(folder, settings, tuple(verdict.truth for verdict in found))
    truth.save()
    return truth


def cached(
    scale: float = 1.0,
    seed: int = 1,
    *,
    files: int | None = None,
    dirty: bool = True,
    phantom: bool = True,
    cache: Path = CACHE,
) -> Path:
    """Return a folder with the workbooks of these arguments, making it if this generator has not made it before.

    The arguments are those of ``generate``. A folder under ``cache`` is complete or absent: it is made under another
    name and renamed.
    """
    settings = {"scale": scale, "seed": seed, "files": files, "dirty": dirty, "phantom": phantom}
    folder = cache / hashlib.sha256(json.dumps(settings).encode() + _generator()).hexdigest()[:16]
    if not folder.exists():
        making = cache / f"{folder.name}.{secrets.token_hex(4)}"
        generate(making, scale=scale, seed=seed, files=files, dirty=dirty, phantom=phantom)
        _rename(making, folder)
    return folder


def main() -> None:
    """Write workbooks from the command line and print what is in them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order_list_workbooks", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is 101,662 rows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, help="only the first so many workbooks")
    parser.add_argument("--clean", action="store_true", help="nothing wrong with the cells, headers and sheets")
    parser.add_argument("--no-phantom", action="store_true", help="no rows with nothing but an order number")
    given = parser.parse_args()
    start = time.perf_counter()
    truth = generate(
        given.out,
        scale=given.scale,
        seed=given.seed,
        files=given.files,
        dirty=not given.clean,
        phantom=not given.no_phantom,
    )
    _print(truth, time.perf_counter() - start)


def _print(truth: Truth, seconds: float) -> None:
    size = sum(path.stat().st_size for path in truth.workbooks.iterdir())
    print(f"{len(truth.files)} workbooks, {size / 1e6:.1f} MB, {seconds:.1f} s: {truth.workbooks}")
    print(", ".join(f"{count:,} {kind}" for kind, count in truth.totals.items()))


def _generator() -> bytes:
    here = Path(__file__).parent
    sources = [*(here / f"{name}.py" for name in MODULES), *sorted((here / "data").iterdir())]
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sources)


def _rename(making: Path, folder: Path) -> None:
    try:
        making.rename(folder)
    except OSError:  # another process made it meanwhile
        shutil.rmtree(making)


def _workbook(folder: Path, profile: Profile, seed: int, *, dirty: bool) -> Verdict:
    chance = Chance(seed, profile.index)
    rows = plan_rows(
        chance, data=profile.orders - profile.phantom, phantom=profile.phantom, keyless=profile.keyless, dirty=dirty
    )
    columns = _columns(profile, rows, chance, dirty=dirty)
    layout = profile.layout
    place = FileTruth(
        profile.file, layout.sheet, layout.titles + 1, column_letters(layout.first_column), layout.date1904, {}
    )
    strings = SharedStrings()
    own = dirt.OWN_HEADERS.get(profile.customer, {}) if dirty else {}
    headers = [_header(own.get(column.header, column.header), chance, dirty=dirty) for column in columns]
    order_list = render_order_list(layout, headers, columns, rows, strings)
    sheets = [
        *(_other_sheet(name, state, profile, strings) for name, state in layout.before.items()),
        SheetXml(layout.sheet, order_list),
        *(_other_sheet(name, state, profile, strings) for name, state in layout.after.items()),
    ]
    parts = workbook_parts(sheets, strings, date1904=layout.date1904)
    write_zip(folder / profile.file, parts, level=COMPRESSION)
    return judge(columns, place, layout.first_column)


def _columns(profile: Profile, rows: RowPlan, chance: Chance, *, dirty: bool) -> list[Column]:
    kinds = [field.kind for field in fields(profile.headers)]
    columns = [
        Column(header, kind, rows.count, _text_type(profile, position))
        for position, (header, kind) in enumerate(zip(profile.headers, kinds, strict=True))
    ]
    by_header = {column.header: column for column in columns}
    order_values.fill(profile, by_header, rows, chance)
    if not dirty:
        stray_rows.totals(by_header, profile.sizes, rows)
        return columns
    stray_rows.template(by_header, rows, chance)
    dirt.soil(profile, by_header, rows, chance)
    stray_rows.stray(by_header, profile.sizes, rows, chance)
    return dirt.with_odd_headers(profile.customer, columns, rows, chance)


def _text_type(profile: Profile, position: int) -> str:
    return "inlineStr" if profile.index % INLINE_EVERY == 1 and position % INLINE_EVERY == 0 else "s"


def _header(header: str, chance: Chance, *, dirty: bool) -> Cell:
    return dirt.header_cell(header, chance) if dirty else Cell(header, "s", Style.HEADER)


def _other_sheet(name: str, state: str, profile: Profile, strings: SharedStrings) -> SheetXml:
    """Return a sheet that is not the order list, though an old copy of it looks like one."""
    rows: list[list[Value]] = [[f"{profile.customer} order list"], ["Updated weekly."], [None, 45_000, 12.5]]
    if name.startswith("MASTER"):
        rows = [list(profile.headers), ["OLD-00001", "OLD COPY"]]
    return render(Sheet(name, rows, state), strings)


if __name__ == "__main__":
    main()
