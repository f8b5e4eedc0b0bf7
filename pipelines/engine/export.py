"""Copies of workbooks in which every quarantined cell is highlighted and says what was expected there."""

from __future__ import annotations

import hashlib
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from firn import ConfigError, FirnError, SourceError
from pipelines.engine import quarantine, settings
from pipelines.engine.children import Failed, alone
from pipelines.engine.quarantine import counted
from pipelines.engine.runner import WORKERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.engine.pipeline import Pipeline
    from pipelines.engine.quarantine import Entry, Wanted
    from sources.xlsx.annotation import Note
    from sources.xlsx.limits import Limits

LISTED = ("table", "key", "column", "raw", "expected", "reason", "run_id", "first_run", "first_at")
"""The columns of the list of values of a table."""
UNCHANGED = "The original is untouched; production is unchanged."


@dataclass(frozen=True, slots=True)
class Export:
    """What is asked of every copy.

    Attributes:
        name: The name of the pipeline.
        pipeline: Where the workbooks come from.
        out: The folder for the copies.
        force: Annotate a workbook that has changed since it was read, and replace copies made before.
    """

    name: str
    pipeline: Pipeline
    out: Path
    force: bool


@dataclass(slots=True)
class Copy:
    """One annotated workbook.

    Attributes:
        file: The workbook.
        path: The copy.
        cells: How many cells have a note.
        losses: What the copy does not keep as it was.
        error: Why there is no copy.
        hint: What to do about it.
    """

    file: str
    path: str
    cells: int = 0
    losses: list[str] = field(default_factory=list)
    error: str = ""
    hint: str = ""


def export(
    name: str, config: Path | None, flags: dict[str, str], wanted: Wanted, out: Path, *, force: bool = False
) -> list[Copy]:
    """Annotate the workbooks that have open entries, each in a process of its own.

    Args:
        name: The pipeline.
        config: The settings file.
        flags: Settings of the command line.
        wanted: Which entries.
        out: The folder for the copies.
        force: Annotate a workbook that has changed since it was read, and replace copies made before.

    Returns:
        One for each workbook, also for those that failed.

    Raises:
        ConfigError: The folder is one that the pipeline reads.
        StateError: Nothing was published yet.
    """
    pipeline = settings.load(name, config, flags)
    refuse_source(pipeline, out)
    with pipeline.target.open() as loader:
        found = quarantine.entries(name, pipeline, loader, wanted)
    by_file: dict[str, list[Entry]] = {}
    for entry in found:
        by_file.setdefault(quarantine.place(entry), []).append(entry)
    work = copied if pipeline.quarantine else listed
    with ThreadPoolExecutor(WORKERS) as workers:
        job = Export(name, pipeline, out, force)
        made = [workers.submit(work, job, file, group) for file, group in by_file.items()]
        return [one.result() for one in made]


def refuse_source(pipeline: Pipeline, out: Path) -> None:
    """Refuse to write where the pipeline reads: the copies would be read as workbooks.

    Raises:
        ConfigError: The folder is, or is inside, a folder of the pipeline's settings.
    """
    for setting in type(pipeline).model_fields:
        folder = getattr(pipeline, setting)
        if isinstance(folder, Path) and out.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(
                f"{out} is where the pipeline reads its workbooks, and copies there would be read too. "
                "Nothing was written; production is unchanged.",
                "Name another folder: --out annotated",
            )


def copied(job: Export, file: str, group: Sequence[Entry]) -> Copy:
    """Annotate one workbook; what is wrong with it is told with it, so that others are still annotated."""
    copy = Copy(file, str(job.out / file))
    try:
        refuse_outside(job.out, file)
        content, limits = job.pipeline.workbook(file)
        if not job.force:
            refuse_overwriting(copy)
            refuse_changed(job.name, file, content, group)
        copy.losses = written(job, file, content, limits, notes(group))
        copy.cells = len(group)
    except FirnError as error:
        copy.error, copy.hint = error.message, error.hint
    return copy


def listed(job: Export, table: str, group: Sequence[Entry]) -> Copy:
    """Write the values of one table that were set aside as CSV, whole or not at all."""
    copy = Copy(table, str(job.out / f"{table}.csv"))
    path = Path(copy.path)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        refuse_outside(job.out, path.name)
        if not job.force:
            refuse_overwriting(copy)
        part.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame(group, infer_schema_length=None).select(LISTED).write_csv(part)
        part.replace(path)
        copy.cells = len(group)
    except FirnError as error:
        copy.error, copy.hint = error.message, error.hint
    except OSError as error:
        copy.error, copy.hint = f"{path} cannot be written: {error.strerror}. {UNCHANGED}", "Name another --out."
    finally:
        part.unlink(missing_ok=True)
    return copy


def refuse_outside(out: Path, file: str) -> None:
    """Refuse a name that leads out of the folder, which a blob can have.

    Raises:
        SourceError: It does.
    """
    if not (out / file).resolve().is_relative_to(out.resolve()):
        raise SourceError(
            f"{file} has a name that leads out of {out}, and is not written. {UNCHANGED}", "Rename it at the source."
        )


def refuse_overwriting(copy: Copy) -> None:
    """Refuse to replace a file.

    Raises:
        ConfigError: There is one of this name.
    """
    if Path(copy.path).exists():
        raise ConfigError(
            f"{copy.path} exists, perhaps with corrections. {UNCHANGED}",
            "Name another folder with --out, or replace it with --force.",
        )


def refuse_changed(name: str, file: str, content: bytes, group: Sequence[Entry]) -> None:
    """Refuse a workbook whose bytes are not those whose cells were quarantined.

    Raises:
        SourceError: It was saved again since, or a copy was read; addresses may not fit.
    """
    known = {entry["etag"] for entry in group} - {None}
    if known - {hashlib.sha256(content).hexdigest()}:
        raise SourceError(
            f"{file} is not what run {group[0]['run_id']} read: it was saved again since, or a corrected copy was "
            f"read in its place; so the addresses may not fit. {UNCHANGED}",
            "Publish it as it is now, then export again (or use --force): "
            f"firn replay {name} --file {shlex.quote(file)}",
        )


def notes(group: Sequence[Entry]) -> list[Note]:
    """Say of every cell what was expected there, what it holds, and why it stays out."""
    from sources.xlsx.annotation import Note

    return [
        Note(
            e["sheet"],
            e["cell"],
            f"Expected {e['expected']}.\nFound: {e['raw']}\nColumn: {e['column'] or 'without a header'}\n"
            f"Not published: {e['reason']}",
        )
        for e in group
    ]


def written(job: Export, file: str, content: bytes, limits: Limits, said: Sequence[Note]) -> list[str]:
    """Write one copy in a child process, whole or not at all, and say what it does not keep.

    Raises:
        SourceError: The workbook could not be copied, or the folder cannot be written.
    """
    path = job.out / file
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refused, losses = alone(write_copy, content, list(said), limits, part)
        if refused:
            raise SourceError(f"{file} could not be annotated: {refused}. {UNCHANGED}", f"firn run {job.name}")
        part.replace(path)
    except Failed as failed:
        raise SourceError(
            f"{file} could not be annotated: {failed}. {UNCHANGED}",
            f"Look its cells up by address instead: firn quarantine list {job.name} --json --file {shlex.quote(file)}",
        ) from failed
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}. {UNCHANGED}", "Name another --out.") from error
    finally:
        part.unlink(missing_ok=True)
    return losses


def write_copy(content: bytes, said: list[Note], limits: Limits, path: Path) -> tuple[str, list[str]]:
    """Annotate and write a workbook; returns why it was refused, and what the copy does not keep."""
    from sources.xlsx.annotation import annotate
    from sources.xlsx.limits import Refused

    try:
        copy, losses = annotate(content, said, limits)
    except Refused as refused:
        return refused.reason, []
    path.write_bytes(copy)
    return "", losses


def document(copies: Sequence[Copy]) -> list[dict[str, Any]]:
    """Give copies as plain values."""
    return [{name: getattr(copy, name) for name in Copy.__slots__} for copy in copies]


def text(name: str, copies: Sequence[Copy]) -> str:
    """Say which copies were made, and what each does not keep."""
    if not copies:
        return "Nothing is in quarantine: nothing to export."
    lines = [line for copy in copies for line in copy_lines(copy)]
    made = [copy for copy in copies if not copy.error]
    again = (
        f"--table {made[0].file}"
        if made and is_list(made[0])
        else f"--file {shlex.quote(made[0].path)}"
        if made
        else ""
    )
    after = f"Next, once it is corrected: firn replay {name} {again}" if made else ""
    return "\n".join([*lines, *([after] if after else [])])


def is_list(copy: Copy) -> bool:
    """Tell whether it is a list of the values of a table, and no workbook."""
    return Path(copy.path).name == f"{copy.file}.csv"


def copy_lines(copy: Copy) -> list[str]:
    """Write what became of one workbook."""
    if copy.error:
        return [f"{copy.file}: not exported"]
    if is_list(copy):
        return [f"{copy.path}: {counted(copy.cells, 'value')}"]
    return [f"{copy.path}: {counted(copy.cells)} highlighted", *(f"    not kept: {loss}" for loss in copy.losses)]


def refuse_failed(copies: Sequence[Copy]) -> None:
    """Raise what was wrong with the workbooks that were not annotated.

    Raises:
        SourceError: Names each, and why.
    """
    failed = [copy for copy in copies if copy.error]
    if failed:
        told = "\n".join(f"  {copy.error.replace(UNCHANGED, '').strip()}" for copy in failed)
        raise SourceError(
            f"{len(failed)} of {len(copies)} workbooks were not annotated:\n{told}\n"
            "The originals are untouched; production is unchanged.",
            failed[0].hint,
        )
