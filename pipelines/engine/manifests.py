"""What a backup says of itself: one JSON file, written last, with a hash of all that it says."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from firn import PartRecord, StateError
from loaders.backups import Backup, Field, Held

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["FILE", "Manifest", "RawFile", "read", "write"]

FILE = "backup.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class RawFile:
    """A table of one part of the sources, in a raw backup.

    Attributes:
        file: Its file.
        table: The table.
        part: The part.
        rows: Its rows.
        sha256: The SHA-256 of the file.
        bytes: The size of the file.
    """

    file: str
    table: str
    part: str
    rows: int
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is.

    Attributes:
        name: Its name.
        kind: ``tables`` for what production shows with its state, ``raw`` for what the sources gave.
        pipeline: Whose.
        taken_at: The moment that it shows, in UTC.
        firn: The version of firn that took it.
        verified_at: When all of it was restored and proven, where that was done.
        run_id: The run whose rows these are, or that read the sources.
        backup: What it holds, of kind ``tables``.
        raw: What it holds, of kind ``raw``.
    """

    name: str
    kind: Literal["tables", "raw"]
    pipeline: str
    taken_at: dt.datetime
    firn: str
    verified_at: dt.datetime | None = None
    run_id: str = ""
    backup: Backup | None = None
    raw: Sequence[RawFile] = ()

    @property
    def held(self) -> Sequence[Held | RawFile]:
        """Its files."""
        return self.backup.tables if self.backup else self.raw

    @property
    def rows(self) -> int:
        """The rows of the tables that readers see, or of what the sources gave."""
        return sum(one.rows for one in (self.backup.of("production") if self.backup else self.raw))

    @property
    def bytes(self) -> int:
        """The size of its files."""
        return sum(one.bytes for one in self.held)


def write(manifest: Manifest, folder: Path) -> None:
    """Write a manifest into the folder of its backup, to the disk."""
    said = json.loads(json.dumps({"format": FORMAT, **asdict(manifest)}, default=_plain))
    text = json.dumps({"sha256": _digest(said), "backup": said}, indent=1)
    (folder / FILE).write_text(text, encoding="utf-8")


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        StateError: It cannot be read, is not what was written, or a newer firn wrote it.
    """
    try:
        whole = json.loads((folder / FILE).read_text(encoding="utf-8"))
        said, sha256 = whole["backup"], whole["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _spoiled(folder, f"cannot be read ({type(error).__name__})") from error
    if _digest(said) != sha256:
        raise _spoiled(folder, "is not what was written")
    if said.pop("format") > FORMAT:
        raise StateError(f"A newer firn wrote backup {folder.name}. Production is unchanged.", "install that firn")
    return _manifest(said)


def _manifest(said: dict[str, Any]) -> Manifest:
    times = {name: _time(said[name]) for name in ("taken_at", "verified_at")}
    held = {"backup": _backup(said["backup"]) if said["backup"] else None, "raw": [RawFile(**f) for f in said["raw"]]}
    return Manifest(**{**said, **times, **held})


def _backup(said: dict[str, Any]) -> Backup:
    tables = [Held(**{**one, "fields": [Field(**field) for field in one["fields"]]}) for one in said["tables"]]
    parts = [PartRecord(**part) for part in said["parts"]]
    return Backup(**{**said, "taken_at": _time(said["taken_at"]), "tables": tables, "parts": parts})


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _spoiled(folder: Path, what: str) -> StateError:
    return StateError(
        f"{folder / FILE}, which says what backup {folder.name} holds, {what}. Production is unchanged.",
        "firn backup list shows the others",
    )
