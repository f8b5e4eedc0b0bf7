"""Reads again the workbooks that have cells in quarantine, under today's rules, and publishes just these."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.engine import commands, settings
from pipelines.engine.execution import Options
from pipelines.engine.quarantine import Wanted, entries, place
from pipelines.engine.report import Report, box, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.engine.quarantine import Entry
    from pipelines.engine.typed import Typed

IDENTITY = ("sheet", "cell", "key", "column", "reason", "raw")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did to the entries of one workbook.

    Attributes:
        file: The workbook.
        before: How many cells of it were in quarantine.
        after: How many are now.
        resolved: How many of those before are not there any more.
        new: How many of those now were not there before.
    """

    file: str
    before: int
    after: int
    resolved: int
    new: int


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay: its run, or None where nothing was asked for that is in quarantine, and its workbooks."""

    run: Report | None
    files: Sequence[Replayed]

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {"run": self.run.as_dict() if self.run else None, "files": [asdict(one) for one in self.files]}


def replay(
    name: str, config: Path | None, flags: dict[str, str], wanted: Wanted, *, anyway: bool = False, quiet: bool
) -> Replay:
    """Read the workbooks that have the entries asked for again, and publish them.

    Args:
        name: The pipeline.
        config: The settings file.
        flags: Settings of the command line.
        wanted: Which entries; where ``file`` is the path of a local copy, that is read in place of the workbook.
        anyway: Read the source also in hours in which it is to be left alone.
        quiet: Tell of no phases and steps.

    Raises:
        FirnError: What went wrong; production is unchanged.
    """
    asked = opened(name, config, flags, wanted)
    files = list(dict.fromkeys(map(place, asked)))
    if not files:
        return Replay(None, [])
    before = opened(name, config, flags, Wanted())
    options = of_workbooks(wanted, files) if "file" in asked[0] else Options(tables=tuple(files), full_refresh=True)
    report = commands.run(name, config, flags, options=replace(options, anyway=anyway), quiet=quiet)
    after = opened(name, config, flags, Wanted())
    return Replay(report, [compared(file, before, after) for file in files])


def of_workbooks(wanted: Wanted, files: Sequence[str]) -> Options:
    """Return what has a run read workbooks, or a local copy in place of one."""
    local = wanted.file not in files and Path(wanted.file).is_file()
    return Options(files=(wanted.file,) if local else tuple(files), keep_copies=not wanted.file)


def opened(name: str, config: Path | None, flags: dict[str, str], wanted: Wanted) -> Sequence[Entry]:
    """Return the open entries asked for."""
    pipeline = settings.load(name, config, flags)
    with pipeline.target.open() as loader:
        return entries(name, pipeline, loader, wanted)


def compared(file: str, before: Sequence[Entry], after: Sequence[Entry]) -> Replayed:
    """Compare the entries of one workbook."""
    old, new = identities(file, before), identities(file, after)
    return Replayed(file, len(old), len(new), len(old - new), len(new - old))


def identities(file: str, found: Sequence[Entry]) -> set[tuple[Any, ...]]:
    """Return what tells the entries of one workbook apart."""
    return {tuple(entry.get(name) for name in IDENTITY) for entry in found if place(entry) == file}


def text(name: str, wanted: Wanted, done: Replay, typed: Typed) -> str:
    """Say for each workbook how many cells were and are in quarantine, with the line to type next."""
    if done.run is None:
        again = f"firn run {name} --file {shlex.quote(wanted.file)}" if wanted.file else f"firn run {name}"
        asked = f" ({wanted})" if str(wanted) else ""
        return typed.again(f"Nothing of {name} is in quarantine{asked}: nothing was read. Next: {again}")
    width = max(len(one.file) for one in done.files)
    rows = [f"{'in quarantine':<{width}}  before   after  resolved     new"]
    rows += [
        f"{one.file:<{width}}{one.before:>8,}{one.after:>8,}{one.resolved:>10,}{one.new:>8,}" for one in done.files
    ]
    notes = [line for note in done.run.notes for line in wrapped("", f"note: {note}", indent=0)]
    left = any(one.after for one in done.files)
    following = f"firn quarantine list {name}" if left else f"firn quarantine list {name} --all"
    undo = typed.again(f"firn rollback {name}")
    title = f"{done.run.status.upper()} {done.run.run_id}"
    return box(title, [*rows, *notes], [f"Next: {typed.again(following)}   (undo: {undo})"])
