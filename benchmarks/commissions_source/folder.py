"""Folders of extracts: made, or found where they were made before."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.commissions_source.certificate_rows import CertificateRows
from benchmarks.commissions_source.counts import count_dirt, count_objects, count_routes, write_tables
from benchmarks.commissions_source.dirt import Dirt
from benchmarks.commissions_source.group_rows import fee_rows, named_groups, perf_group_rows
from benchmarks.commissions_source.headers import WRONG_LAYOUT, WRONG_LAYOUT_FILE
from benchmarks.commissions_source.payments import payment_rows
from benchmarks.commissions_source.postings import posting_rows
from benchmarks.commissions_source.rate_rows import rate_rows
from benchmarks.commissions_source.rosters import individual_rows, insurance_rows, license_rows, organization_rows
from benchmarks.commissions_source.truth import EXTRACTS, Truth, all_dirt
from benchmarks.commissions_source.world import draw_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.commissions_source.chance import Mask
    from benchmarks.commissions_source.extract import Extract
    from benchmarks.commissions_source.world import World

__all__ = ["CACHE", "cached", "generate"]

CACHE: Final = Path(__file__).resolve().parent.parent.parent / ".cache" / "commissions"


def generate(
    folder: Path,
    *,
    scale: float = 1.0,
    seed: int = 1,
    preset: str = "documented",
    dirt: Dirt = Dirt(),  # noqa: B008 (frozen)
) -> Truth:
    """Write the extracts and the truth about them into ``folder``.

    Args:
        folder: Made if it is not there; files of the same names are replaced.
        scale: 1.0 is 1,550,752 certificate rows and 1,133,420 schedule rates; the least is 600 certificates.
        seed: Other seeds give other values in the same shape.
        preset: One of ``PRESETS``.
        dirt: What is irregular.
    """
    (folder / EXTRACTS).mkdir(parents=True, exist_ok=True)
    world = draw_world(preset, scale, dirt, seed)
    named = named_groups(world)
    extracts = {}
    for extract in _extracts(world, named):
        extract.write(folder / EXTRACTS, dirt)
        extracts[extract.table] = extract.truth
    if dirt.wrong_layout:
        _write_wrong_layout(folder / EXTRACTS / WRONG_LAYOUT_FILE)
    write_tables(world, named, folder)
    settings = {"scale": scale, "seed": seed, "preset": preset, "dirt": asdict(dirt)}
    irregular = dict(sorted((all_dirt(extracts) | _told(world, dirt)).items()))
    truth = Truth(folder, settings, extracts, count_objects(world, extracts), count_routes(world), irregular)
    truth.save()
    return truth


def cached(
    scale: float = 1.0,
    seed: int = 1,
    *,
    preset: str = "documented",
    dirt: Dirt = Dirt(),  # noqa: B008 (frozen)
    cache: Path = CACHE,
) -> Path:
    """Return a folder with the extracts of these arguments, making it if this generator has not made it before.

    The arguments are those of ``generate``. A folder under ``cache`` is complete or absent: it is made under another
    name and renamed.
    """
    settings = json.dumps([scale, seed, preset, asdict(dirt)])
    folder = cache / hashlib.sha256(settings.encode() + _generator()).hexdigest()[:16]
    if not folder.exists():
        making = cache / f"{folder.name}.{secrets.token_hex(4)}"
        generate(making, scale=scale, seed=seed, preset=preset, dirt=dirt)
        _rename(making, folder)
    return folder


def _extracts(world: World, named: Mask) -> Iterator[Extract]:
    certificates = CertificateRows(world)
    yield certificates.extract()
    yield payment_rows(world, certificates)
    yield posting_rows(world, named)
    yield individual_rows(world)
    yield organization_rows(world)
    yield license_rows(world)
    yield insurance_rows(world)
    yield rate_rows(world)
    yield fee_rows(world)
    yield perf_group_rows(world, named)


def _write_wrong_layout(path: Path) -> None:
    row = ["NLC", "P10001", "HD1", "1", "1", "2026-01-02", "P10002", "1", "SC00001"]
    path.write_text("".join(",".join(cells) + "\n" for cells in (WRONG_LAYOUT, row)), "utf-8")


def _told(world: World, dirt: Dirt) -> dict[str, int]:
    return count_dirt(world) | {"wrong_layout": int(dirt.wrong_layout)}


def _generator() -> bytes:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sources)


def _rename(making: Path, folder: Path) -> None:
    try:
        making.rename(folder)
    except OSError:  # another process made it meanwhile
        shutil.rmtree(making)
