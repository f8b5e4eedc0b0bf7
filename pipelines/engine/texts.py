"""What the verbs print: results for people, errors with what to type next, and both as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipelines.engine.report import Report, box, cost, lines, steps, wrapped

if TYPE_CHECKING:
    from firn import FirnError, Published
    from pipelines.engine.typed import Typed


def completed(report: Report, typed: Typed) -> str:
    """Draw the box of a run that went well, with the line to type next."""
    following = {
        "published": f"firn report {report.run_id}   (undo: firn rollback {report.pipeline})",
        "ready": f"firn publish {report.run_id}   (or: firn discard {report.run_id})",
        "sample": f"firn run {report.pipeline}   (a sample is never published)",
        "checked": f"firn run {report.pipeline}",
        "extracted": f"firn run {report.pipeline} --transform-only --from-run {report.run_id}",
        "unchanged": f"firn runs {report.pipeline}   (production shows all of it already)",
    }
    next_line = typed.again(following.get(report.status, ""))
    return box(f"{report.status.upper()} {report.run_id}", lines(report), [f"Next: {next_line}"] if next_line else [])


def report_text(report: Report) -> str:
    """Lay a stored report out for reading, with what each step did."""
    table = ["", *steps(report)] if report.steps else []
    failure = [f"error          {report.error}"] if report.error else []
    hint = [f"Try: {report.hint}"] if report.hint else []
    return "\n".join([*lines(report), *table, *failure, *hint])


def discarded_text(done: dict[str, Any]) -> str:
    """Say what a discard dropped, or why there was nothing to drop."""
    run, dropped = done["run_id"], done["dropped"]
    if dropped:
        return f"Dropped what run {run} had staged: {', '.join(dropped)}. Production is unchanged."
    already = "was discarded already" if done["was"] == "discarded" else f"was {done['was']}"
    return f"Run {run} {already}: nothing of it is staged. Production is unchanged."


def published_text(published: Published, before: int = 0) -> str:
    """Say what readers now see, or that they saw it already, or that others were published since."""
    if before == published.generation:
        return (
            f"Run {published.run_id} was visible already, as generation {before} of {published.dataset}. "
            "Production was not changed."
        )
    if before > published.generation:
        return (
            f"Run {published.run_id} was published before, as generation {published.generation} of "
            f"{published.dataset}. Production shows generation {before}, and was not changed."
        )
    rows = [f"  {table}: {count:,} rows" for table, count in published.rows.items()]
    of = f"run {published.run_id}" if published.run_id else "what was there before firn"
    shown = f"Production now shows generation {published.generation} of {published.dataset}, {of}:"
    return "\n".join([shown, *rows, *(f"{name}: {text}" for name, text in cost(published))])


def rolled_back_text(published: Published) -> str:
    """Say what readers now see, and that a rollback holds nothing back."""
    return (
        f"{published_text(published)}\nNot held back: the next firn run {published.dataset} publishes its sources "
        "again as they are. Mend them or stop the schedule first."
    )


def document(published: Published) -> dict[str, Any]:
    """Give a publication as plain values."""
    return asdict(published)


def runs_text(found: list[dict[str, Any]]) -> str:
    """Lay runs out as a table."""
    if not found:
        return "No run is recorded in this target."
    return "\n".join(
        f"{row['run_id']:<42}{row['status']:<13}{row['started_at']:%Y-%m-%d %H:%M:%S}  {run_figures(row)}"
        for row in found
    )


def run_figures(row: dict[str, Any]) -> str:
    """Sum a run up in one line; a run without a report has no figures."""
    if row["parts"] is None:
        return ""
    unfinished = row["status"] == "failed" and not row["failed"]
    files = f"{row['parts']}" if unfinished else f"{row['parts'] - row['failed']} of {row['parts']}"
    return f"{row['rows_read']:>9,} rows  {files} {row['unit'] or 'files'}  {row['seconds']:.1f} s"


def error_text(error: FirnError) -> str:
    """Draw the box of a failed run, or the two lines of any other error."""
    carried: Report | None = getattr(error, "report", None)
    if carried is None:
        return f"Error: {error.message}" + (f"\nTry: {error.hint}" if error.hint else "")
    body = [line for text in f"Error: {error.message}".splitlines() for line in wrapped("", text, indent=0)]
    body += ["", *lines(carried, brief=True)]
    what = {"rolled_back": "ROLLED BACK", "published": "PUBLISHED, DOES NOT PASS"}.get(carried.status, "FAILED")
    return box(f"{what} {carried.run_id}", body, hint_lines(error.hint))


def hint_lines(hint: str) -> list[str]:
    """Lay a hint out for the box; a line that is a command stays whole, so that it can be pasted."""
    text = f"Try: {hint}" if hint else ""
    return [
        piece
        for line in text.splitlines()
        for piece in ([line] if line.startswith("firn ") else wrapped("", line, indent=0))
    ]


def error_document(error: FirnError) -> dict[str, Any]:
    """Give an error as plain values."""
    carried: Report | None = getattr(error, "report", None)
    return {
        "error": error.message,
        "hint": error.hint,
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "report": carried.as_dict() if carried else None,
    }
