"""What a run did: the figures that are stored with it, shown after it, and promised as JSON."""

from __future__ import annotations

import re
import resource
import sys
import textwrap
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.engine.differences import Difference, text
from pipelines.engine.progress import rate
from pipelines.engine.retries import Retried
from pipelines.engine.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firn import Published

UNCHANGED = " Production is unchanged."
NAME_WIDTH, LINE_WIDTH = 26, 110
MOST_TOLD = 20
"""Of how many tables one by one a person is told; of all in the JSON."""
READING = 2
"""The phase in which files are read, counted from 1."""
FIGURES_OF_PUBLICATION = (
    "generation",
    "locked_ms",
    "attempts",
    "longest_wait_ms",
    "strategies",
    "reason",
    "changes",
    "policies",
    "wal_bytes",
    "kept_bytes",
)
STATUSES = (
    "running",
    "checked",
    "extracted",
    "sample",
    "ready",
    "unchanged",
    "published",
    "failed",
    "discarded",
    "rolled_back",
)


@dataclass(slots=True)
class Phase:
    """One phase of a run: its name, the rows that went through it, and its seconds."""

    name: str
    rows: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class StepFigures:
    """One transform or check: the rows that it read, made and set aside, over all parts, and its seconds."""

    name: str
    rows_in: int = 0
    rows_out: int = 0
    rejects: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """The figures of a run; every field is part of the JSON contract in docs/reference/json.md.

    Attributes:
        run_id: The run.
        pipeline: Its pipeline.
        status: One of ``STATUSES``.
        seconds: From the first listing to the end.
        phases: What each phase did.
        steps: What each transform and check did; their seconds overlap where files are read beside one another.
        unit: What the parts are: ``files`` or ``tables``.
        parts: Workbooks or tables listed, or taken over.
        taken: How many of them were taken over from production as they are.
        failed: Parts that could not be read: ``part``, ``message``, ``hint``.
        rows_read: Rows that the source gave.
        figures: The pipeline's own counts, such as rows set aside and cells quarantined.
        tables: Rows by published table.
        under_way: Of a run that goes on: the tables that are read now, with ``tier`` and ``seconds`` so far.
        overruns: Tables that took longer than they may: ``table``, ``tier``, ``max_minutes``, ``policy``.
        retries: Attempts that failed and were followed by another; see ``Retried``.
        notes: What a person should know, such as unmapped headers.
        differences: What replacing single parts changes, where that was asked for; see ``Difference``.
        generation: The generation published, else 0.
        locked_ms: How long production was locked.
        attempts: How often its locks were asked for.
        longest_wait_ms: The longest that anybody can have waited behind it.
        strategies: How each table was published.
        reason: Why so.
        changes: Per table that was changed in place the rows ``inserted``, ``updated`` and ``deleted``.
        policies: Per table whose policy keeps rows of production the rows ``added``, ``kept`` and ``ignored``.
        wal_bytes: How much the server wrote to its log from the first staged row to the commit.
        kept_bytes: The disk that the earlier generations take which are kept.
        after_publish: What the checks on production found; see ``Verdict``.
        isolation: Outside production what was compared of the rest of the database, before and after; else empty.
        peak_memory_mb: The most memory that the process held.
        error: Why the run failed.
        hint: What to type next.
    """

    run_id: str
    pipeline: str
    status: str = "running"
    seconds: float = 0.0
    phases: list[Phase] = field(default_factory=list)
    steps: list[StepFigures] = field(default_factory=list)
    unit: str = "files"
    parts: int = 0
    taken: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    rows_read: int = 0
    figures: dict[str, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    under_way: list[dict[str, Any]] = field(default_factory=list)
    overruns: list[dict[str, Any]] = field(default_factory=list)
    retries: list[Retried] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    generation: int = 0
    locked_ms: float = 0.0
    attempts: int = 0
    longest_wait_ms: float = 0.0
    strategies: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    policies: dict[str, dict[str, int]] = field(default_factory=dict)
    wal_bytes: int = 0
    kept_bytes: int = 0
    after_publish: list[Verdict] = field(default_factory=list)
    isolation: dict[str, Any] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    error: str = ""
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Report:
        """Read a report that was stored with its run."""
        phases = [Phase(**phase) for phase in stored["phases"]]
        differences = [Difference(**one) for one in stored.get("differences", [])]
        verdicts = [Verdict(**one) for one in stored.get("after_publish", [])]
        steps = [StepFigures(**step) for step in stored.get("steps", [])]
        retries = [Retried(**one) for one in stored.get("retries", [])]
        told = {"phases": phases, "steps": steps, "differences": differences, "after_publish": verdicts}
        told["retries"] = retries
        return cls(**{**stored, **told})

    def tell(self, published: Published) -> None:
        """Take over the figures of the publication."""
        for name in FIGURES_OF_PUBLICATION:
            setattr(self, name, getattr(published, name))

    @property
    def success_rate(self) -> float:
        """The share of parts that were read, in percent; 0 when there were none."""
        return 100 * (self.parts - len(self.failed)) / self.parts if self.parts else 0.0


def peak_memory_mb() -> float:
    """Measure the most memory that this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells there was the parent's, if that held more when it started this process
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii", errors="replace"))
        if found:
            return int(found[1]) / (1 << 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def lines(report: Report, *, brief: bool = False) -> list[str]:
    """Lay a report out for reading, a line a fact; the brief form is for a run that failed."""
    facts = [
        ("run", report.run_id),
        ("status", report.status),
        ("duration", f"{report.seconds:.2f} s"),
        *((f"  {phase.name}", phase_rate(phase)) for phase in report.phases),
        (report.unit, files(report)),
        ("rows extracted", f"{report.rows_read:,}"),
        *([] if brief else details(report)),
    ]
    return [line for name, text in facts for line in wrapped(name, text)]


def steps(report: Report) -> list[str]:
    """Lay out what each transform and check did, a line a step in the order in which they ran; nothing without any."""
    if not report.steps:
        return []
    width = max(len(step.name) for step in report.steps)
    head = f"{'step':<{width}}{'seconds':>10}{'rows in':>14}{'rows out':>14}{'rejects':>10}"
    return [
        head,
        *(
            f"{step.name:<{width}}{step.seconds:>10.2f}{step.rows_in:>14,}{step.rows_out:>14,}{step.rejects:>10,}"
            for step in report.steps
        ),
    ]


def files(report: Report) -> str:
    """Say how many files were read, and how many did not need to be; of a run that broke off, how many there were."""
    if report.status == "failed" and not report.failed and len(report.phases) <= READING:
        return f"{report.parts} listed; the run ended before all of them were read and transformed"
    read = f"{report.parts - len(report.failed)} ok of {report.parts} ({report.success_rate:.1f} %)"
    return f"{read}, {report.taken} of them unchanged" if report.taken else read


def details(report: Report) -> list[tuple[str, str]]:
    """List the figures of the pipeline, the tables, and what a person should know."""
    done = "published" if report.generation else "staged"
    return [
        *grouped(report.figures),
        *((done, line) for line in few({name: f"{count:,} rows" for name, count in report.tables.items()})),
        ("peak memory", f"{report.peak_memory_mb:,.0f} MB"),
        *publication(report),
        *(("difference", line) for one in report.differences for line in text(one)),
        *(("not read", failed["message"].replace(UNCHANGED, "")) for failed in report.failed),
        *(("overrun", late(one)) for one in report.overruns),
        *(("tried again", again(one)) for one in report.retries),
        *(("note", note) for note in report.notes),
    ]


def few(told: Mapping[str, str]) -> list[str]:
    """Say something of each table, or of the first 20, and how many others there are."""
    shown = [f"{name}: {text}" for name, text in list(told.items())[:MOST_TOLD]]
    more = len(told) - len(shown)
    return [*shown, *([f"and of {more} tables more: --json"] if more else [])]


def late(overrun: dict[str, Any]) -> str:
    """Say which table took too long, and what was done about it."""
    done = {"warn": "waited for", "cancel": "left as it was", "fail": "the run failed"}[overrun["policy"]]
    return f"{overrun['table']} took longer than {overrun['max_minutes']} minutes: {done}"


def again(one: Retried) -> str:
    """Say what failed for a moment, and how long was waited."""
    return f"{one.unit}, after {one.waited_s:.1f} s: {one.message.replace(UNCHANGED, '')}"


def phase_rate(phase: Phase) -> str:
    """Write a phase's rate; a phase that no rows went through has only seconds."""
    return rate(phase.rows, phase.seconds) if phase.rows else f"{phase.seconds:.2f} s"


def grouped(figures: dict[str, int]) -> list[tuple[str, str]]:
    """Sum figures such as ``rows set aside, keyless_row`` up by what stands before the comma."""
    groups: dict[str, dict[str, int]] = {}
    for name, count in figures.items():
        group, _, item = name.partition(", ")
        groups.setdefault(group, {})[item] = count
    return [(f"  {group}", f"{sum(items.values()):,}{itemised(items)}") for group, items in groups.items()]


def itemised(items: dict[str, int]) -> str:
    """List the parts of a figure, the largest first."""
    named = sorted(((count, item) for item, count in items.items() if item), reverse=True)
    return f" ({', '.join(f'{item} {count:,}' for count, item in named)})" if named else ""


def publication(report: Report) -> list[tuple[str, str]]:
    """Say which generation was published and how, what it cost, and what the checks on production found."""
    if not report.generation:
        return []
    return [("generation", str(report.generation)), *cost(report), *map(proof, report.after_publish)]


def cost(published: Report | Published) -> list[tuple[str, str]]:
    """Say how tables were published, for how long others waited, and what it wrote and keeps."""
    tries = f"{published.attempts} attempt{'s' if published.attempts > 1 else ''}"
    return [
        *strategy(published),
        *(("changed", line) for line in few(counted(published.changes))),
        *(("policies", line) for line in few(counted(published.policies))),
        (
            "locks",
            f"held {published.locked_ms:.1f} ms, {tries}; nobody waited longer than {published.longest_wait_ms:.0f} ms",
        ),
        ("written", f"{size(published.wal_bytes)} of the server's log, staging included"),
        *([("kept", f"{size(published.kept_bytes)} for earlier generations")] if published.kept_bytes else []),
    ]


def counted(figures: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Write down the figures of tables in words."""
    return {name: ", ".join(f"{count:,} {what}" for what, count in counts.items()) for name, counts in figures.items()}


def strategy(published: Report | Published) -> list[tuple[str, str]]:
    """Say how the tables were published, and why so."""
    tables: dict[str, list[str]] = {}
    for name, chosen in published.strategies.items():
        tables.setdefault(chosen, []).append(name)
    why = f": {published.reason}" if published.reason else ""
    told = {
        how: ", ".join(names) if len(names) <= MOST_TOLD else f"{len(names)} tables" for how, names in tables.items()
    }
    return [("strategy", "; ".join(f"{chosen} ({names})" for chosen, names in told.items()) + why)]


def proof(verdict: Verdict) -> tuple[str, str]:
    """Say what one check on production found."""
    found = "passed" if verdict.passed else verdict.detail
    return "after publish", f"{verdict.check} {found} ({verdict.seconds:.2f} s)"


def size(count: int) -> str:
    """Write a number of bytes with three digits or so."""
    units = ("B", "kB", "MB", "GB", "TB")
    power = min(len(units) - 1, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.{1 if power else 0}f} {units[power]}"


def wrapped(name: str, text: str, *, indent: int = NAME_WIDTH) -> list[str]:
    """Write a fact beside its name, on as many lines as it takes."""
    margin = " " * indent
    return [
        piece
        for number, line in enumerate(text.splitlines() or [""])
        for piece in textwrap.wrap(
            line,
            LINE_WIDTH,
            initial_indent=f"{name:<{indent}}" if number == 0 else margin,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [margin]
    ]


def box(title: str, body: list[str], following: list[str]) -> str:
    """Draw the box that ends every run; its last lines are what to type next."""
    content = [*body, "", *following] if following else body
    flat = [piece for line in content for piece in line.splitlines() or [""]]
    width = max(len(title) + 2, *(len(line) for line in flat))
    top = f"┌─ {title} {'─' * (width - len(title) - 1)}┐"
    return "\n".join([top, *(f"│ {line:<{width}} │" for line in flat), f"└{'─' * (width + 2)}┘"])
