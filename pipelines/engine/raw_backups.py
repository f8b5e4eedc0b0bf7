"""Raw backups: what the sources gave, so that a pipeline can be run again when they are gone."""

from __future__ import annotations

import datetime as dt
import hashlib
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl

from firn import SourceError
from pipelines.engine import backups, commands, extracts, manifests, settings
from pipelines.engine.manifests import Manifest, RawFile
from pipelines.engine.stated import Backups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["opened", "take"]


def take(pipeline: str, config: Path | None, *, quiet: bool) -> dict[str, Any]:
    """Read the sources of a pipeline, and keep what they give: a file a table and part, with rows and checksum.

    Raises:
        SourceError: A part of them could not be read; no backup was made.
        StateError: The backup cannot be written.
    """
    place, asked = backups.shelf(config), settings.load_table(Backups, config)
    now, name = backups.named("etl_backup", place)
    with place.added(name) as folder:
        report = commands.run(pipeline, config, options=replace(commands.EVERYTHING, extract_to=folder), quiet=quiet)
        raw = list(_files(folder, report.run_id))
        proven = dt.datetime.now(dt.UTC)
        manifest = Manifest(name, "raw", pipeline, now, version("firn"), proven, report.run_id, raw=raw)
        manifests.write(manifest, folder)
    with settings.load_target(config).open() as loader:
        return backups.settled(loader, manifest, place, asked)


def _files(folder: Path, run_id: str) -> Iterator[RawFile]:
    """Read every file of an extract from the disk, to its end."""
    for part, table, path in extracts.files(folder / run_id):
        rows = pl.read_ipc(path).height
        file = path.relative_to(folder).as_posix()
        yield RawFile(file, table, part, rows, _sha256(path), path.stat().st_size)


@contextmanager
def opened(name: str, pipeline: str, config: Path | None) -> Iterator[Path]:
    """Give the extract in a raw backup, or in the latest of the pipeline, once every file of it is proven.

    Raises:
        StateError: There is none of that name, or it is spoiled.
        SourceError: It is another pipeline's, or holds no extract, or a file is not what was written.
    """
    place = backups.shelf(config)
    name = backups.find(place, name, "raw")
    manifest = place.manifest(name)
    if manifest.kind != "raw" or manifest.pipeline != pipeline:
        is_raw = manifest.kind == "raw"
        raise SourceError(
            f"Backup {name} holds {'what the sources gave' if is_raw else 'tables of production'} of "
            f"{manifest.pipeline}, not what the sources of {pipeline} gave. Production is unchanged.",
            f"firn run {manifest.pipeline} --from-backup {name}" if is_raw else f"firn restore {name}",
        )
    with place.opened(name) as folder:
        for one in manifest.raw:
            _prove(one, folder)
        yield folder / manifest.run_id


def _prove(one: RawFile, folder: Path) -> None:
    path = folder / one.file
    try:
        found = _sha256(path)
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror})") from error
    if found != one.sha256:
        raise _refused(path, "is not what was written")


def _refused(path: Path, what: str) -> SourceError:
    return SourceError(
        f"The file {path} of a raw backup {what}. Nothing was read; production is unchanged.",
        "firn backup list shows the others",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
