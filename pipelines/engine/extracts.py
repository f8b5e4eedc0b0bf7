"""What the sources gave, stored under the run that read it, so that it can be transformed again without them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from firn import PRODUCTION, SourceError, Table
from loaders.embedded import default_home

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from firn import Run
    from loaders.postgres import Postgres
    from pipelines.engine.frames import Part

__all__ = ["Extract", "files", "find", "home", "store"]

MANIFEST = "manifest.json"
"""Written last: an extract without it was not finished."""
KEPT = 3
"""How many extracts of a pipeline are kept."""


def home(target: Postgres) -> Path:
    """Return the folder of the extracts: beside the data of the embedded server, whichever the target is.

    Each environment beside production has one of its own, so that none transforms what another has read.
    """
    folder, environment = (target.home or default_home()) / "extracts", target.namespace.environment
    return folder if environment == PRODUCTION else folder / environment


def store(home: Path, run: Run, parts: Sequence[Part]) -> Path:
    """Store the frames of parts, and let the oldest extracts of the pipeline go.

    Returns:
        The folder of this extract, named for the run.
    """
    folder = home / run.id
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt at the run that did not get to its end
    folder.mkdir(mode=0o700, parents=True)
    listed = []
    for number, part in enumerate(parts):
        for name, frame in part.frames.items():
            frame.write_ipc(folder / f"{number}.{name}.arrow", compression="lz4")
        listed.append(
            {"part": part.name, "fingerprint": part.fingerprint, "content": part.content, "tables": [*part.frames]}
        )
    manifest = {"run_id": run.id, "pipeline": run.pipeline, "parts": listed}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for old in stored(home, run.pipeline)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def stored(home: Path, pipeline: str) -> list[Path]:
    """Return the finished extracts of a pipeline, newest first."""
    found = home.glob(f"{pipeline}_*/{MANIFEST}")
    return [file.parent for file in sorted(found, key=lambda file: file.stat().st_mtime_ns, reverse=True)]


def files(folder: Path) -> list[tuple[str, str, Path]]:
    """Return part, table and file of everything that an extract holds.

    Raises:
        SourceError: The extract cannot be read.
    """
    listed = enumerate(Extract(folder).manifest()["parts"])
    return [(part["part"], name, folder / f"{n}.{name}.arrow") for n, part in listed for name in part["tables"]]


def find(home: Path, pipeline: str, run_id: str | None) -> Path:
    """Find the extract of a run, by default the newest of the pipeline.

    Raises:
        SourceError: There is none.
    """
    known = stored(home, pipeline)
    for path in known:
        if run_id in {None, path.name}:
            return path
    what = f"of run {run_id}" if run_id else f"of {pipeline}"
    newest = f"Stored are: {', '.join(path.name for path in known)}" if known else f"firn run {pipeline} --extract-only"
    raise SourceError(f"There is no stored extract {what} in {home}. Production is unchanged.", newest)


@dataclass(frozen=True, slots=True)
class Extract:
    """A Source that reads what an earlier run stored.

    Attributes:
        folder: The folder of the extract.
    """

    folder: Path

    def tables(self) -> Iterable[Table]:
        """List what is stored; a frame is read when it is collected.

        Raises:
            SourceError: The extract cannot be read.
        """
        manifest = self.manifest()
        for number, part in enumerate(manifest["parts"]):
            for name in part["tables"]:
                path = self.folder / f"{number}.{name}.arrow"
                yield self._table(name, path, part)

    def _table(self, name: str, path: Path, part: dict[str, Any]) -> Table:
        content = partial(str, part["content"])
        frame = pl.scan_ipc(path)
        return Table(name, frame, fingerprint=part["fingerprint"], part=part["part"], content=content)

    def manifest(self) -> dict[str, Any]:
        """Read what it says of itself.

        Raises:
            SourceError: It cannot be read.
        """
        try:
            found: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SourceError(
                f"The stored extract {self.folder} cannot be read ({type(error).__name__}). Production is unchanged.",
                "Extract again: firn run PIPELINE --extract-only",
            ) from error
        return found
