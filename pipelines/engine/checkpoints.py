"""Parts that a run has read and typed, kept until it is published, so that a run that was killed need not read them.

One file a part, named for what its rows were made of: the fingerprints under which its source listed it, code, data
files, settings, and how the source is read. A file under another name is never looked at, so nothing that changed can
be taken for what it was. Its first line says how long the rest is and what it hashes to; what does not fit is not
there. Writing is what a run can do without: where it fails, the part would be read again.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import shutil
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel

from firn import PRODUCTION
from loaders.embedded import default_home
from pipelines.engine.frames import Part, Work, run_local

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from firn import Run
    from loaders.postgres import Postgres
    from pipelines.engine.frames import Frames
    from pipelines.engine.pipeline import Step
    from sources import Source

__all__ = ["Checkpoints", "basis", "run_kept"]

SUFFIX = ".part"
MEGABYTE = 2**20
PUBLISHED = "published"
KEPT = 3
"""Of how many runs of a pipeline that did not end well the checkpoints are kept."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run.

    Attributes:
        folder: Where they are.
        limit: How many bytes they may take.
        basis: The fingerprint of everything that the rows of a part depend on besides its source's content.
    """

    folder: Path
    limit: int
    basis: str = ""

    @classmethod
    def of(cls, run: Run, target: Postgres) -> Checkpoints:
        """Return those of a run, where the settings of its target have them; each environment has its own."""
        home = target.checkpoints or (target.home or default_home()) / "checkpoints"
        environment = target.namespace.environment
        home = home if environment == PRODUCTION else home / environment
        return cls(home / run.id, target.checkpoints_mb * MEGABYTE)

    def load(self, part: Part) -> Part | None:
        """Return a part as it was kept; nothing where it was not, or is not as it was written."""
        path = self.path(part)
        if path is None:
            return None
        try:
            return restored(part, path.read_bytes())
        except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
            return None

    def save(self, part: Part, listed: Part) -> None:
        """Keep a part that was read, in place of no other, or note on it why it is not kept.

        Args:
            part: The part with its frames.
            listed: The same as its source listed it.
        """
        path = self.path(listed)
        if path is None or part.error or part.unchanged:
            return
        content = as_bytes(part)
        try:
            if self.size() + len(content) > self.limit:
                part.unkept = f"all checkpoints of a run may take {self.limit // MEGABYTE:,} MB"
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(path, content)
        except OSError as error:
            part.unkept = error.strerror or type(error).__name__

    def size(self) -> int:
        """Return the bytes that are kept."""
        return sum(file.stat().st_size for file in self.folder.glob(f"*{SUFFIX}"))

    def remove(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def prune(self, pipeline: str) -> None:
        """Remove those of all but the latest other runs of the pipeline."""
        others = [path for path in self.folder.parent.glob(f"{pipeline}_*") if path != self.folder]
        for old in sorted(others, key=_written, reverse=True)[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)

    def settle(self, pipeline: str, status: str) -> None:
        """Remove what no run of the pipeline can need any more, now that one has ended well."""
        old = self.folder.parent.glob(f"{pipeline}_*") if status == PUBLISHED else [self.folder]
        for folder in old:  # a run that a newer generation has overtaken is not resumed
            shutil.rmtree(folder, ignore_errors=True)

    def path(self, part: Part) -> Path | None:
        """Return where a part is kept; nothing where its source does not say that content is equal."""
        prints = [(name, table.fingerprint) for name, table in sorted(part.tables.items())]
        if not self.basis or not self.limit or not prints or not all(found for _, found in prints):
            return None
        name = hashlib.sha256(repr((self.basis, part.name, prints)).encode()).hexdigest()
        return self.folder / f"{name}{SUFFIX}"


def basis(recipe: str, sources: Iterable[Source], keep: Collection[str]) -> str:
    """Return the fingerprint of what the rows of parts depend on besides content.

    Args:
        recipe: That of code, data files and the settings of steps.
        sources: How and where parts are read.
        keep: The tables that are kept of each.
    """
    read = [said(source) for source in sources]
    return hashlib.sha256("\0".join([recipe, *read, *sorted(keep)]).encode()).hexdigest()


def said(value: object) -> str:
    """Say a value in words that are the same in every process: sets have no order, and functions an address."""
    if isinstance(value, BaseModel):
        return f"{type(value).__qualname__}{said(dict(value))}"
    if isinstance(value, Mapping):
        return said([(str(key), one) for key, one in value.items()])
    if isinstance(value, AbstractSet):
        return said(sorted(map(said, value)))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(said, value))}]"
    return f"{value.__module__}.{value.__qualname__}" if inspect.isfunction(value) else repr(value)


def run_kept(
    part: Part,
    *,
    kept: Checkpoints | None,
    steps: Sequence[Step],
    whole: Frames,
    settings: Mapping[str, Any],
    keep: frozenset[str],
) -> Part:
    """Take a part from its checkpoint, else run the row-local steps on it and keep what they made.

    Raises:
        ContractError: A check found rows.
    """
    if kept is None:
        return run_local(part, steps, whole, settings, keep)
    found = kept.load(part)
    if found is None:
        listed = replace(part)
        found = run_local(part, steps, whole, settings, keep)
        kept.save(found, listed)
    return found


def as_bytes(part: Part) -> bytes:
    """Return a part as it is written: a line of JSON, then its frames as Arrow IPC."""
    body, lengths = io.BytesIO(), []
    for name, frame in part.frames.items():
        before = body.tell()
        frame.write_ipc(body, compression="lz4")
        lengths.append((name, body.tell() - before))
    content = body.getvalue()
    work = {name: asdict(done) for name, done in part.work.items()}
    told = {"frames": lengths, "rows": part.rows, "content": part.content, "work": work}
    head = json.dumps({"bytes": len(content), "sha256": digest(told, content), **told})
    return head.encode() + b"\n" + content


def restored(listed: Part, written: bytes) -> Part:
    """Read a part as `as_bytes` wrote it.

    Raises:
        ValueError: It is not as it was written.
    """
    head, _, content = written.partition(b"\n")
    told: dict[str, Any] = json.loads(head)
    length, found = told.pop("bytes"), told.pop("sha256")
    if length != len(content) or digest(told, content) != found:
        raise ValueError("not as it was written")
    part, at = Part(listed.name, {}, fingerprint=listed.fingerprint, size=listed.size, is_restored=True), 0
    for name, size in told["frames"]:
        part.frames[name] = pl.read_ipc(io.BytesIO(content[at : at + size]))
        at += size
    part.rows, part.content = told["rows"], told["content"]
    part.work = {name: Work(**work) for name, work in told["work"].items()}
    return part


def digest(told: dict[str, Any], content: bytes) -> str:
    """Return the SHA-256 of all that is told of a part and its frames."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode() + b"\0" + content).hexdigest()


def write(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all, also after the machine has lost its power.

    Raises:
        OSError: It could not be written, and nothing of it is left.
    """
    partial = path.with_suffix(f".{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def _written(folder: Path) -> int:
    with suppress(OSError):
        return folder.stat().st_mtime_ns
    return 0
