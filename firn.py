"""The words that every part of firn shares: tables, runs, what was staged and published, and the errors.

Only the standard library is imported here, so any part may import this module at no cost.

```
FirnError                      message + hint; the command line prints "Error: ..." and "Try: ..."
├── ConfigError                exit 2    settings or definition wrong; nothing was read or written
├── SourceError                exit 1    a source could not be read; production unchanged
│   ├── SourceUnavailable      exit 75   transient; attempts ran out
│   └── SourceChanged          exit 3    its columns are not those that the contract names
├── ContractError              exit 3    data broke a contract or a check; nothing published
├── LoadError                  exit 1    the target refused data; production unchanged
│   ├── TargetUnavailable      exit 75   transient; attempts ran out
│   └── PublishError           exit 4    refused or undone; production unchanged
├── StateError                 exit 5    the run cannot start, resume or be found
│   └── RunLocked              exit 75   another run holds the pipeline
└── IsolationError             exit 7    a schema changed that a run outside production must not touch
```
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shlex
import subprocess
from dataclasses import dataclass, field
from decimal import Decimal  # noqa: TC003 (a sum is one)
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import dataframely as dy
    import polars as pl

__all__ = [
    "Alias",
    "Checksum",
    "Companion",
    "ConfigError",
    "ContractError",
    "Dataset",
    "FirnError",
    "Health",
    "IsolationError",
    "KeptGeneration",
    "LoadError",
    "Namespace",
    "PartKey",
    "PartRecord",
    "Policy",
    "PublishError",
    "Published",
    "Run",
    "RunLocked",
    "SourceChanged",
    "SourceError",
    "SourceUnavailable",
    "Span",
    "Staged",
    "StateError",
    "StepRecord",
    "Strategy",
    "Table",
    "TargetUnavailable",
    "Totals",
    "Transient",
    "is_reference",
    "reveal",
]


PRODUCTION: Final = "production"
"""The environment that readers use, where settings say no other."""
Strategy = Literal["auto", "swap", "diff", "merge", "append", "rewrite"]
"""How a table of a dataset is published; `Dataset` says what each word means."""
Policy = Literal["replace", "keep_missing", "insert_only"]
"""Which rows a table of a dataset holds once it is published; `Dataset` says what each word means."""


@dataclass(frozen=True, slots=True)
class Table:
    """A named table, or one part of it: parts of one name are one table.

    Attributes:
        name: The name by which transforms ask for it and under which it is published.
        frame: The rows; nothing is read until the frame is collected.
        contract: What the columns must be, where that is known.
        fingerprint: Equal fingerprints mean equal content.
        part: The workbook or key range that these rows come from; empty for a whole table.
        content: Returns the SHA-256 of the content; asked only where the fingerprint is not known, because it may cost
            a read. ``None`` where the fingerprint is that hash.
        size: Bytes that have to be read for it, where that is known: the largest parts are begun first.
    """

    name: str
    frame: pl.LazyFrame
    contract: type[dy.Schema] | None = None
    fingerprint: str = ""
    part: str = ""
    content: Callable[[], str] | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Namespace:
    """The schema that plays each role; nothing else in firn names a schema.

    ``staging`` and ``previous`` are prefixes: every run stages into a schema of its own, and every kept generation
    lives in one of its own. ``environment`` is whose schemas these are.
    """

    production: str = "public"
    staging: str = "firn_stage"
    previous: str = "firn_previous"
    state: str = "firn"
    environment: str = PRODUCTION

    @classmethod
    def of(cls, environment: str) -> Namespace:
        """Name the schemas of an environment that has not named its own."""
        if environment == PRODUCTION:
            return cls()
        return cls(
            f"{environment}_production",
            f"{environment}_staging",
            f"{environment}_previous",
            f"{environment}_state",
            environment,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a pipeline.

    Attributes:
        id: ``<pipeline>_YYYYMMDD_HHMMSS_<suffix>``, in UTC; unique, and the name under which it is published.
        pipeline: The pipeline's name, which is also the dataset's.
        started_at: When it started, in UTC.
    """

    id: str
    pipeline: str
    started_at: dt.datetime

    @classmethod
    def start(cls, pipeline: str) -> Run:
        """Name a new run of ``pipeline``, starting now."""
        now = dt.datetime.now(dt.UTC)
        return cls(f"{pipeline}_{now:%Y%m%d_%H%M%S}_{secrets.token_hex(2)}", pipeline, now)


@dataclass(frozen=True, slots=True)
class PartKey:
    """Where a published table says which part a row belongs to.

    Attributes:
        table: The table that says it: the table itself, or another that is joined to it.
        column: The column of that table that names the part.
        joined_by: The column that both tables have; not needed where it is the table itself.
    """

    table: str
    column: str
    joined_by: str = ""


@dataclass(frozen=True, slots=True)
class Companion:
    """A table beside a published one in which others keep what they know of its rows, and a view that shows both.

    Attributes:
        of: The published table.
        table: The companion; a publication adds keys that are new to it and changes nothing else in it.
        key: The uuid column that both have.
        columns: The companion's other columns: name -> PostgreSQL type with its default.
        view: The view; empty for none.
        shown: The columns of the view, in order.
    """

    of: str
    table: str
    key: str
    columns: Mapping[str, str]
    view: str = ""
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """What another pipeline calls a published table.

    Attributes:
        table: Its name there.
        columns: The name there of every column; empty for those that are not compared.
        key: The columns by which rows are matched; none where a key of the tables is as good.
    """

    table: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What a generation holds of one part, and what that was made of: the ledger's line.

    Attributes:
        part: The part.
        fingerprint: The fingerprint under which its source listed it.
        content: The SHA-256 of its content.
        recipe: The fingerprint of the code, the data files and the settings that made its rows.
        run_id: The run that read it.
        tables: Per table its ``rows`` and the ``digest`` of them, which is free of order.
        copied_from: The local file that was read in its place; empty for the source's own.
    """

    part: str
    fingerprint: str
    content: str
    recipe: str
    run_id: str
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    copied_from: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The tables that a pipeline publishes together, and how.

    Attributes:
        name: The pipeline's name; generations are counted by it.
        contracts: Every table with its columns.
        parts: Where each table says which part a row belongs to; the ledger needs all of them.
        quarantine: The table whose rows are cells that are not published; publications keep a log of them.
        companions: The tables beside them.
        strategy: How tables are published, for all or by table: ``swap`` replaces them, ``diff`` changes the rows that
            differ, ``merge`` does so but deletes none outside the ranges that a run replaces, ``append`` adds all,
            ``rewrite`` deletes all and adds all where anything differs; ``auto`` chooses between them.
        deletes: The share of a table's rows that one publication may delete, for all or by table.
        evolves: The tables of production to which a publication may add columns, and whose types it may widen where no
            row is rewritten. Columns that their contracts no longer have stay, also where the tables are replaced.
        policies: Which rows tables hold once they are published, where these are not the new rows alone:
            ``keep_missing`` keeps the rows of production whose key is not among the new ones, ``insert_only`` keeps all
            rows of production as they are and adds the new ones whose key is not there; ``replace`` keeps none.
    """

    name: str
    contracts: Mapping[str, type[dy.Schema]]
    parts: Mapping[str, PartKey] = field(default_factory=dict)
    quarantine: str = ""
    companions: Sequence[Companion] = ()
    strategy: Strategy | Mapping[str, Strategy] = "auto"
    deletes: float | Mapping[str, float] = 0.5
    evolves: frozenset[str] = frozenset()
    policies: Mapping[str, Policy] = field(default_factory=dict)

    def strategy_of(self, table: str) -> Strategy:
        """Return how one of the tables is to be published."""
        return self.strategy if isinstance(self.strategy, str) else self.strategy.get(table, "auto")

    def deletes_of(self, table: str) -> float:
        """Return the share of the rows of one of the tables that may be deleted."""
        return self.deletes if isinstance(self.deletes, int | float) else self.deletes.get(table, 0.5)

    def policy_of(self, table: str) -> Policy:
        """Return which rows one of the tables is to hold."""
        return self.policies.get(table, "replace")


@dataclass(frozen=True, slots=True)
class Staged:
    """One part of a table as it was sent to staging.

    Attributes:
        table: The table's name.
        part: The part, empty for a whole table.
        rows: How many rows were sent.
    """

    table: str
    part: str
    rows: int


@dataclass(frozen=True, slots=True)
class Published:
    """A generation that readers now see.

    Attributes:
        dataset: The pipeline's name.
        generation: Counts up by one with every publication and every rollback.
        run_id: The run whose rows these are.
        rows: Rows by table, also of the dataset's tables that the publication did not touch.
        locked_ms: How long production was locked, by the server's clock.
        attempts: How often the locks were asked for.
        strategies: How each table was published that it touched.
        reason: Why so.
        changes: Per table that was changed in place the rows ``inserted``, ``updated`` and ``deleted``.
        policies: Per table whose policy keeps rows of production how many were ``added``, ``kept`` as they were, and
            ``ignored``, which are new rows that gave way to those that were there.
        longest_wait_ms: The longest that anybody can have waited behind it, by the server's clock.
        wal_bytes: How much the server wrote to its log from the first staged row to the commit, for others too.
        kept_bytes: The disk that the earlier generations take which are kept now.
        published_at: When it became visible, by the target's clock.
    """

    dataset: str
    generation: int
    run_id: str
    rows: Mapping[str, int] = field(default_factory=dict)
    locked_ms: float = 0.0
    attempts: int = 1
    strategies: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    changes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    longest_wait_ms: float = 0.0
    wal_bytes: int = 0
    kept_bytes: int = 0
    published_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptGeneration:
    """An earlier generation that can be shown again.

    Attributes:
        generation: Its number, the latest where the same rows were shown more than once; 0 for what was there before
            firn.
        run_id: The run whose rows these are; empty for what was there before firn.
        published_at: When it was published, in UTC; unknown for what was there before firn.
        strategy: How it would be shown again: ``swap`` by the tables that are kept, ``changes`` by the changes that
            lead back to it.
        rows: Rows by table; empty for what was there before firn.
        bytes: The disk that it takes.
    """

    generation: int
    run_id: str
    published_at: dt.datetime | None
    strategy: str
    rows: Mapping[str, int]
    bytes: int

    def __str__(self) -> str:
        return f"{self.generation} ({f'run {self.run_id}' if self.run_id else 'what was there before firn'})"


@dataclass(frozen=True, slots=True)
class Totals:
    """What all rows of a table come to.

    Attributes:
        rows: How many there are.
        sums: The exact sums of some of its columns, nulls left out.
    """

    rows: int
    sums: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where the rows of a table reach.

    Attributes:
        rows: How many there are.
        low: The lowest key, none where there are no rows.
        high: The highest.
        first: The earliest day or time among them, as text, where one is known.
        last: The latest.
        gaps: How many ranges of keys between them no row has.
        missing: How many keys these are.
        largest: The widest of these ranges, both ends included.
    """

    rows: int
    low: int | None = None
    high: int | None = None
    first: str | None = None
    last: str | None = None
    gaps: int = 0
    missing: int = 0
    largest: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Checksum:
    """What an object of a database is, so that a change of it is seen.

    Attributes:
        definition: A hash of all that the catalogue says of it.
        rows: How many rows it holds, where they were counted.
        contents: A hash of them that is free of order; or what the server counted of writes to it.
        is_exact: Whether every row was read: equal contents are then equal rows.
    """

    definition: str
    rows: int | None = None
    contents: str = ""
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """What is found of one thing that a publication needs, or that a dead one left.

    Attributes:
        check: What was looked at.
        passed: Whether nothing has to be done about it.
        detail: The figures, or what is wrong.
        hint: What to do or type about it.
    """

    check: str
    passed: bool
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How far one step of a run is.

    Attributes:
        step: Its name: the title of a phase, or the name of a transform or check.
        kind: ``phase`` or ``step``.
        status: ``running``, ``done`` or ``failed``.
        rows_in: Rows that it read.
        rows_out: Rows that it made, or that went through it.
        rejects: Rows that it set aside.
        seconds: How long it took.
        fingerprint: That of the inputs, the code and the settings that its rows depend on; empty while not known.
        resumed_from: The attempt of the run whose checkpoints spared it work; none where it did all of it.
    """

    step: str
    kind: Literal["phase", "step"]
    status: Literal["running", "done", "failed"]
    rows_in: int = 0
    rows_out: int = 0
    rejects: int = 0
    seconds: float = 0.0
    fingerprint: str = ""
    resumed_from: int | None = None


class FirnError(Exception):
    """Anything that firn reports to a person: what is wrong and where, what still holds, and what to type next.

    Args:
        message: What is wrong, where, and what is still true of production.
        hint: What to do or type next; printed after ``Try:``.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Transient:
    """Marks the errors that may pass by themselves: the only ones that a run tries again.

    Attributes:
        code: What the driver calls it: a SQLSTATE, a number of MySQL's, a status of HTTP; empty where it says none.
        lasting: Whether it was waited for already, or seconds do not help: the run ends, and another may succeed.
    """

    code: str = ""
    lasting: bool = False


class ConfigError(FirnError):
    """Settings or a definition are wrong. Nothing was read or written; production is unchanged."""

    exit_code = 2


class SourceError(FirnError):
    """A source could not be read. Production is unchanged."""


class SourceUnavailable(SourceError, Transient):  # noqa: N818 (the state it names, not "...Error")
    """A source did not answer. Production is unchanged."""

    exit_code = 75


class SourceChanged(SourceError):  # noqa: N818
    """A source no longer has the columns that its contract names. Production is unchanged."""

    exit_code = 3


class ContractError(FirnError):
    """Data broke a contract, a check or the accounting. Nothing was published; production is unchanged."""

    exit_code = 3


class LoadError(FirnError):
    """The target refused data. Production is unchanged."""


class TargetUnavailable(LoadError, Transient):  # noqa: N818
    """The target did not answer, or did not give a lock in time. Production is unchanged."""

    exit_code = 75


class PublishError(LoadError):
    """A publication or a rollback was refused or undone. Production is unchanged."""

    exit_code = 4


class StateError(FirnError):
    """A run cannot start, resume, or be found. Production is unchanged."""

    exit_code = 5


class RunLocked(StateError):  # noqa: N818
    """Another run holds the pipeline. Production is unchanged."""

    exit_code = 75


class IsolationError(FirnError):
    """A schema is not what it was that an environment must not touch.

    Nothing was published there by the run, and the message says what differs: whether production is unchanged.
    """

    exit_code = 7


REFERENCES = ("env:", "file:", "command:")
"""How a reference to a secret begins."""
SECRET_S = 30.0
"""How many seconds a program may take to tell a secret."""


def is_reference(text: str) -> bool:
    """Tell whether a setting says where a secret is, and is none itself."""
    return text.startswith(REFERENCES)


def reveal(reference: str, what: str) -> str:
    """Fetch a secret from where a setting says that it is; at the last moment, and kept nowhere.

    Args:
        reference: ``env:NAME``; ``file:PATH``, of which the newline at the end does not count; or
            ``command:PROGRAM ARGUMENT ...``, what it prints, likewise. No shell reads the command.
        what: The setting, for what is said when it is not there.

    Raises:
        ConfigError: It is not there; nothing of what was found is in the message.
    """
    kind, _, place = reference.partition(":")
    try:
        found = {"env": _of_environment, "file": _of_file, "command": _of_command}[kind](place)
    except (OSError, UnicodeDecodeError, ValueError, subprocess.SubprocessError) as error:
        raise ConfigError(
            f"The secret {what} could not be had from {kind} {place.split(' ')[0]}: {_why(error)}. "
            "Nothing was read or written.",
            f"see that {kind}:{place.split(' ')[0]} tells it to whoever runs firn",
        ) from None
    if not found:
        raise ConfigError(
            f"The secret {what} is empty in {kind} {place.split(' ')[0]}. Nothing was read or written.",
            f"see that {kind}:{place.split(' ')[0]} tells it to whoever runs firn",
        )
    return found


def _of_environment(name: str) -> str:
    return os.environ.get(name, "")


def _of_file(path: str) -> str:
    return Path(path).expanduser().read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


def _of_command(line: str) -> str:
    done = subprocess.run(  # noqa: S603 (the command is the user's own)
        shlex.split(line), stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=SECRET_S
    )
    return done.stdout.decode().removesuffix("\n").removesuffix("\r")


def _why(error: Exception) -> str:
    """Say why a secret could not be had, with nothing of what a program printed."""
    if isinstance(error, subprocess.CalledProcessError):
        return f"it ended with exit code {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {SECRET_S:g} s"
    return (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is not text, or no command"
