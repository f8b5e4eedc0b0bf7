"""Reads tables as it was decided, hands their rows on, and proves them by the source's own figures."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firn import ContractError, FirnError
from pipelines.replication.cursors import Cursor, fingerprint, stored, until
from pipelines.replication.figures import Figures, differences
from pipelines.replication.passes import CancelledError, Means, Pass, Recent

if TYPE_CHECKING:
    import polars as pl

    from pipelines.engine.retries import Retries
    from pipelines.replication.decisions import Planned
    from pipelines.replication.keys import Ranges
    from sources.mysql.marks import Mark

__all__ = ["Outcome", "Reader"]


@dataclass(slots=True)
class Outcome:
    """What became of one table.

    Attributes:
        table: Its name.
        how: How it was read.
        rows: Rows that were staged.
        parts: Parts in which they were.
        replaced: Ranges of keys whose rows in production go where they are not staged.
        purged: Rows that the source has deleted of a table that is only appended to: production keeps them.
        expected: How many rows production must then have; unknown where only some ranges were read.
        recent: The source's figures of the latest business days.
        cursor: What the next run will remember.
        passes: How often it was read.
        moved: Whether it was written each time.
        ruled: Per column, rule and policy how many values a rule was applied to.
        quarantined: The values set aside.
        again: The keys of rows with values set aside earlier that were read again.
        figures: The source's.
        error: Why it could not be read.
        cancelled: Whether that was because it was not to be read to its end.
        seconds: How long it took.
    """

    table: str
    how: str
    rows: int = 0
    parts: int = 0
    replaced: Ranges = field(default_factory=list)
    purged: int = 0
    expected: int | None = None
    recent: Recent | None = None
    cursor: Cursor | None = None
    passes: int = 0
    moved: bool = False
    ruled: list[pl.DataFrame] = field(default_factory=list)
    quarantined: list[pl.DataFrame] = field(default_factory=list)
    again: frozenset[str] = frozenset()
    figures: Figures = field(default_factory=Figures)
    error: FirnError | None = None
    cancelled: bool = False
    seconds: float = 0.0

    @property
    def consistency(self) -> str:
        """``exact``, ``re-read N`` or ``moving``."""
        return "moving" if self.moved else f"re-read {self.passes - 1}" if self.passes > 1 else "exact"

    @property
    def changes_nothing(self) -> bool:
        """Whether nothing of it has to be published."""
        return self.how != "full" and not (self.rows or self.replaced or self.purged)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads tables; each on the thread that asks, its chunks on others.

    Attributes:
        means: What reading takes.
        run_id: The run.
        passes: How often a table is read at most that is written meanwhile.
        retries: How a table is read again whose source is away for a moment.
    """

    means: Means
    run_id: str
    passes: int
    retries: Retries

    def read(self, planned: Planned) -> Outcome:
        """Read one table, again where the source is away for a moment; what goes wrong is part of the outcome."""
        outcome = Outcome(planned.name, planned.decision.how)
        started = time.monotonic()
        try:
            self.retries.run(f"Reading {planned.name}", lambda: self._read(planned, outcome))
        except FirnError as error:
            outcome.error, outcome.cancelled = error, isinstance(error, CancelledError)
        outcome.seconds = time.monotonic() - started
        return outcome

    def _read(self, planned: Planned, outcome: Outcome) -> None:
        for outcome.passes in range(1, self.passes + 1):
            still = self.means.is_still
            before = planned.mark if outcome.passes == 1 and not still else self.means.database.mark(planned.name)
            made = self._passed(planned, outcome)
            after = self.means.database.mark(planned.name)
            told = differences(made.source, made.here)
            outcome.moved = not still and (bool(told) or (after != before and made.statements > 1))
            if not outcome.moved:
                break
        if told:
            raise _unequal(planned.name, told, moved=outcome.moved and not before.proves(after))
        _refuse_altered(made)
        _tell(outcome, made, self._remembered(made, before, moved=outcome.moved))

    def _passed(self, planned: Planned, outcome: Outcome) -> Pass:
        """Read the table once, in place of what an earlier pass staged of it."""
        made = Pass(planned, self.means)
        try:
            made.run()
        finally:
            staged, outcome.parts = outcome.parts, max(outcome.parts, made.parts)
        self._forget(planned, made.parts, staged)
        return made

    def _forget(self, planned: Planned, parts: int, before: int) -> None:
        """Stage nothing in place of the parts of an earlier pass that this one did not need."""
        for part in range(parts, before):
            self.means.stage(planned.name, str(part), planned.declared.contract.create_empty())

    def _remembered(self, made: Pass, before: Mark, *, moved: bool) -> Cursor:
        planned, known = made.planned, made.planned.cursor
        highest = made.highest if made.highest is not None or known is None else known.highest
        return Cursor(
            fingerprint(planned.declared.shape),
            "" if moved else before.stamp,
            str(before.created),
            made.total or 0,
            stored(until(made.watermark, self.means.database.server.now)),
            highest,
            made.bits,
            {} if moved else made.checksums,
            self.run_id,
            self.means.database.server.now.isoformat(),
            (known.purged if known else 0) + made.purged,
            known.archived if known else 0,
        )


def _tell(outcome: Outcome, made: Pass, cursor: Cursor) -> None:
    outcome.rows, outcome.cursor = made.rows, cursor
    outcome.replaced, outcome.purged, outcome.recent = made.replaced, made.purged, made.recent
    outcome.expected = None if made.total is None else made.total + cursor.purged
    outcome.ruled, outcome.quarantined, outcome.figures = made.ruled, made.quarantined, made.source
    outcome.again = frozenset(made.again)


def _refuse_altered(made: Pass) -> None:
    """Refuse a table too many of whose values a rule changed or set aside."""
    planned, altered = made.planned, Counter[str]()
    for frame in made.ruled:
        for _, column, rule, policy, values in frame.iter_rows():
            altered[f"{column} {rule}"] += values if policy != "keep" else 0
    threshold = planned.entry.monitoring.quality_threshold
    quality = 1 - altered.total() / max(1, made.rows * len(planned.declared.fields))
    if quality < threshold:
        told = ", ".join(f"{name} {count:,}" for name, count in altered.most_common(5))
        raise ContractError(
            f'Table "{planned.name}": {quality:.2%} of its values arrived unaltered, not {threshold:.2%}: {told}. '
            "Nothing of it was published; production is unchanged.",
            f"correct them at the source, or lower the threshold: tables.{planned.name}.quality_threshold",
        )


def _unequal(table: str, told: list[str], *, moved: bool) -> ContractError:
    figures = f"{'; '.join(told)}. Nothing of it was published; production is unchanged."
    if moved:
        return ContractError(
            f'Table "{table}" was written each time that it was read, last: {figures}',
            "run when fewer write, or keep them from it: --lock",
        )
    return ContractError(
        f'Table "{table}" was not written while it was read, and yet: {figures}',
        "run again; if it happens twice, this is a fault of firn: please report it",
    )
