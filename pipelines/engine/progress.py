"""What a run tells while it goes on: a progress display on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Progress(Protocol):
    """Hears of a run's start, its phases and its steps."""

    def start(self, run_id: str) -> None:
        """Say that a run begins."""
        ...

    def place(self, text: str) -> None:
        """Say where the run works, and what it reads: each was reached."""
        ...

    def phase(self, number: int, of: int, title: str) -> None:
        """Say that a phase begins."""
        ...

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:
        """Say that a step is done."""
        ...

    def note(self, text: str) -> None:
        """Say what a person should know while the run goes on."""
        ...

    def finish(self) -> None:
        """Say that the phase went well."""
        ...

    def close(self) -> None:
        """End the display."""
        ...


def rate(rows: int, seconds: float) -> str:
    """Write rows, rows per second and seconds in one way everywhere."""
    per_second = f"{rows / seconds:,.0f} rows/s" if seconds else "-"
    return f"{rows:,} rows  {per_second}  {seconds:.2f} s"


class Silent:
    """Says nothing."""

    def start(self, run_id: str) -> None:
        """Say nothing."""

    def place(self, text: str) -> None:
        """Say nothing."""

    def phase(self, number: int, of: int, title: str) -> None:
        """Say nothing."""

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines:
    """Writes one plain line a phase and a step to standard error."""

    def start(self, run_id: str) -> None:
        """Write the run's line."""
        sys.stderr.write(f"Start      {run_id}\n")

    def place(self, text: str) -> None:
        """Write the place's line."""
        sys.stderr.write(f"Place      {text}\n")

    def phase(self, number: int, of: int, title: str) -> None:
        """Write the phase's line."""
        sys.stderr.write(f"Phase {number}/{of}  {title}\n")

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:
        """Write the step's line."""
        sys.stderr.write(f"  Step {number}/{of}  {title}  {rate(rows, seconds)}\n")

    def note(self, text: str) -> None:
        """Write the note's line."""
        sys.stderr.write(f"  Note  {text}\n")

    def finish(self) -> None:
        """Write nothing: the next line says it."""

    def close(self) -> None:
        """Flush what was written."""
        sys.stderr.flush()


class Display:
    """Draws one bar a phase on a terminal, with the time that is left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self.bars: Bars = Bars(
            TextColumn("{task.fields[phase]:<10}"),
            TextColumn("{task.description:<22}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[last]}"),
            console=Console(stderr=True),
        )
        self.task: TaskID | None = None
        self.rows = 0
        self.started = 0.0
        self.bars.start()

    def start(self, run_id: str) -> None:
        """Write the run's line above the bars."""
        self.bars.console.print(f"Start      {run_id}", highlight=False)

    def place(self, text: str) -> None:
        """Write the place's line above the bars."""
        self.bars.console.print(f"Place      {text}", highlight=False)

    def phase(self, number: int, of: int, title: str) -> None:
        """Begin a bar for this phase."""
        self.rows, self.started = 0, time.perf_counter()
        self.task = self.bars.add_task(title, total=1, phase=f"Phase {number}/{of}", last="")

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:  # noqa: ARG002
        """Move the bar on; it shows the rate of the phase so far."""
        self.rows += rows
        if self.task is not None:
            last = f"{rate(self.rows, time.perf_counter() - self.started)}  {title[:36]}"
            self.bars.update(self.task, completed=number, total=of, last=last)

    def note(self, text: str) -> None:
        """Write the note above the bars."""
        self.bars.console.print(f"Note       {text}", highlight=False)

    def finish(self) -> None:
        """Fill the bar of the phase; one that broke off stays where it was."""
        if self.task is not None:
            total = self.bars.tasks[self.task].total or 1
            last = rate(self.rows, time.perf_counter() - self.started) if self.rows else ""
            self.bars.update(self.task, completed=total, last=last)

    def close(self) -> None:
        """Leave the bars on the screen and give the terminal back."""
        self.bars.stop()


def choose(*, quiet: bool) -> Progress:
    """Choose the display for a terminal, plain lines for anything else, and silence on request."""
    if quiet:
        return Silent()
    return Display() if sys.stderr.isatty() else Lines()
