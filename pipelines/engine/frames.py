"""Runs bound steps over frames: once a part where a step is row-local, once on the union where it is not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from firn import ContractError, FirnError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    import dataframely as dy

    from firn import PartRecord, Table
    from pipelines.engine.pipeline import Step

Frames: TypeAlias = "dict[str, pl.DataFrame]"


@dataclass(slots=True)
class Work:
    """What a step did, over all parts that it ran on.

    Attributes:
        rows_in: Rows of the tables that it read.
        rows_out: Rows that it made, by table; of a check those that it found.
        seconds: Time spent.
    """

    rows_in: int = 0
    rows_out: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, other: Work) -> None:
        """Add what the step did elsewhere."""
        self.rows_in, self.seconds = self.rows_in + other.rows_in, self.seconds + other.seconds
        for table, rows in other.rows_out.items():
            self.rows_out[table] = self.rows_out.get(table, 0) + rows


@dataclass(slots=True)
class Part:
    """One part on its way through the row-local steps.

    Attributes:
        name: The workbook or key range; empty for tables without parts.
        tables: What its source listed, by table name.
        frames: The tables made so far, by name.
        error: Why it could not be read; its other fields then mean nothing.
        rows: Rows of the first table that its source listed.
        fingerprint: The fingerprint under which its source listed it.
        size: Bytes that have to be read for it, where that is known.
        content: The SHA-256 of its content, once it was read.
        known: What the ledger has of it, where the rows made of equal content would be equal.
        unchanged: Whether it turned out to have the content that the ledger knows; its frames are then not read.
        seconds: Time spent, by ``read``, ``transform`` and ``check``.
        work: What each step did.
        is_restored: Whether an earlier attempt at the run had read it, and kept its frames.
        unkept: Why it is not kept for another attempt; empty where it is, or need not be.
    """

    name: str
    tables: dict[str, Table]
    frames: Frames = field(default_factory=dict)
    error: FirnError | None = None
    rows: int = 0
    fingerprint: str = ""
    size: int = 0
    content: str = ""
    known: PartRecord | None = None
    unchanged: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    work: dict[str, Work] = field(default_factory=dict)
    is_restored: bool = False
    unkept: str = ""

    def content_hash(self) -> str:
        """Return the SHA-256 of the content; a source without one has fingerprints that are."""
        table = next(iter(self.tables.values()))
        return table.content() if table.content else table.fingerprint


def by_part(tables: Sequence[Table]) -> list[Part]:
    """Group the tables that a source listed by part, in the order listed."""
    parts: dict[str, Part] = {}
    for table in tables:
        part = Part(table.part, {}, fingerprint=table.fingerprint, size=table.size)
        parts.setdefault(table.part, part).tables[table.name] = table
    return list(parts.values())


def read(part: Part) -> None:
    """Collect the tables of a part."""
    try:
        part.content = part.content_hash()
        part.unchanged = part.known is not None and bool(part.content) and part.known.content == part.content
        if not part.unchanged:
            part.frames = {name: table.frame.collect() for name, table in part.tables.items()}
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SourceError(
            f"{part.name} could not be read ({type(error).__name__}: {error}). Production is unchanged.",
            "This is a fault of firn, not of the file: please report it with the file.",
        ) from error
    part.rows = next((frame.height for frame in part.frames.values()), 0)
    if not part.unchanged:  # its tables may be asked for yet, when its lines have to be numbered again
        part.tables = {}


def run_local(
    part: Part, steps: Sequence[Step], whole: Frames, settings: Mapping[str, Any], keep: frozenset[str]
) -> Part:
    """Read a part where that is still to do, run the row-local steps on it whose tables it has, and keep those named.

    An unreadable part is returned with its error; an error of the definition or the accounting is raised.

    Raises:
        ContractError: A check found rows.
    """
    try:
        if part.tables:
            timed(part, "read", partial(read, part))
        for step in () if part.unchanged else steps:
            if all(name in part.frames or name in whole for name in step.reads):
                kind = "check" if step.is_check else "transform"
                timed(part, kind, partial(apply_to, part, step, whole, settings))
    except SourceError as error:
        return Part(part.name, {}, error=error, fingerprint=part.fingerprint)
    part.frames = {name: frame for name, frame in part.frames.items() if name in keep}
    return part


def apply_to(part: Part, step: Step, whole: Frames, settings: Mapping[str, Any]) -> None:
    """Call a row-local step on a part, and remember what it did."""
    part.work.setdefault(step.name, Work()).add(apply(step, part.frames, whole, settings))


def timed(part: Part, name: str, work: Callable[[], None]) -> None:
    """Add the seconds that ``work`` takes to a part."""
    started = time.perf_counter()
    work()
    part.seconds[name] = part.seconds.get(name, 0.0) + time.perf_counter() - started


def apply(step: Step, frames: Frames, whole: Frames, settings: Mapping[str, Any]) -> Work:
    """Call a step and put what it makes among ``frames``.

    Raises:
        ContractError: A check found rows.
    """
    started = time.perf_counter()
    arguments = [frames[name] if name in frames else whole[name] for name in step.reads]
    result = step.function(*arguments, **{name: settings[name] for name in step.settings})
    made: Frames = {}
    if step.is_check:
        refuse_rows(step.name, eager(result))
    else:
        results = result if hasattr(result, "_fields") else (result,)
        made = dict(zip(step.makes, map(eager, results), strict=True))
        frames |= made
    rows = {name: frame.height for name, frame in made.items()}
    return Work(sum(frame.height for frame in arguments), rows, time.perf_counter() - started)


def eager(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Collect a frame where it is lazy."""
    return frame.collect() if isinstance(frame, pl.LazyFrame) else frame


def refuse_rows(check: str, found: pl.DataFrame) -> None:
    """Raise a ContractError that shows the first rows of what a check found, when it found any."""
    if found.height:
        rows = "\n".join(f"  {row}" for row in found.head(10).to_dicts())
        raise ContractError(
            f"Check {check} found {found.height} rows:\n{rows}\nNothing was published; production is unchanged.",
            "This check guards against loss: nothing will be published until it finds nothing.",
        )


def run_whole(
    step: Step, parts: Sequence[Part], whole: Frames, settings: Mapping[str, Any], recalled: Mapping[str, pl.DataFrame]
) -> Work:
    """Run a step on the union of the parts that have its tables, of just the columns that its contracts name.

    Args:
        step: The step.
        parts: The parts that were read.
        whole: The tables without parts; what the step makes is put there.
        settings: The pipeline's settings.
        recalled: The rows of the parts that were not read, by table.
    """
    frames = {
        name: narrowed(whole[name], step.columns(name))
        if name in whole
        else united_of(step, name, parts, recalled.get(name))
        for name in step.reads
    }
    work = apply(step, frames, whole, settings)
    whole |= {name: frames[name] for name in step.makes}
    return work


def united_of(step: Step, name: str, parts: Sequence[Part], recalled: pl.DataFrame | None) -> pl.DataFrame:
    """Stack one table as a step wants it; one that no part has, as its file need not be there, has no rows."""
    contract, found = step.contract(name), union(parts, name, step.columns(name), recalled)
    return contract.create_empty() if contract and not found.width else found


def union(
    parts: Sequence[Part], name: str, columns: Sequence[str] | None, recalled: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Stack one table of all parts that have it; a column that a part does not have is null there."""
    frames = [part.frames[name] for part in parts if name in part.frames]
    if recalled is not None:
        dtypes = frames[0].schema if frames else {}
        frames.append(recalled.cast({c: dtypes[c] for c in recalled.columns if c in dtypes}))
    frames = [narrowed(frame, columns) for frame in frames]
    return pl.concat(frames, how="diagonal") if frames else pl.DataFrame()


def narrowed(frame: pl.DataFrame, columns: Sequence[str] | None) -> pl.DataFrame:
    """Keep just the columns named, those of them that there are; all where none are."""
    return frame if columns is None else frame.select(c for c in columns if c in frame.columns)


def run_parts(
    executor: Executor, parts: Sequence[Part], work: Callable[[Part], Part], done: Callable[[Part], None]
) -> list[Part]:
    """Hand parts to any executor, the largest first, and tell of each as it is done; the order of parts is kept.

    Raises:
        ContractError: A check found rows in a part; parts not yet begun are left out.
    """
    # Were a large one the last, it would be read, sent and read back while all other cores idle.
    futures = {part.name: executor.submit(work, part) for part in sorted(parts, key=lambda part: -part.size)}
    try:
        for future in futures.values():
            done(future.result())
    finally:
        for future in futures.values():
            future.cancel()
    return [futures[part.name].result() for part in parts]


def check_contract(table: str, part: str, frame: pl.DataFrame, contract: type[dy.Schema]) -> None:
    """Check the columns that a part has against the contract; absent columns must be nullable.

    Raises:
        ContractError: A column is unknown, of another type, or null where it must not be.
    """
    columns, found = contract.columns(), frame.schema
    problems = [f"column {name} is not in the contract" for name in found if name not in columns]
    for name, column in columns.items():
        if name not in found:
            if not column.nullable:
                problems.append(f"column {name} is missing")
        elif found[name] != column.dtype:
            problems.append(f"column {name} is {found[name]}, not {column.dtype}")
        elif not column.nullable and (nulls := frame[name].null_count()):
            problems.append(f"column {name} is null in {nulls} rows")
    if problems:
        where = f"{table}, {part}" if part else table
        raise ContractError(f"{where}: {'; '.join(problems)}. Nothing was published; production is unchanged.")
