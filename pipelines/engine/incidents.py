"""What is known of an incident: what production showed, what it shows, what happened until then, and what differs."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn import FirnError, Published

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from loaders.loader import Loader
    from pipelines.engine.hooks import Called

__all__ = ["Incident", "look", "text", "write"]

ACTS = 50
RUNS = 10


@dataclass(frozen=True, slots=True)
class Incident:
    """An emergency rollback, and what led to it.

    Attributes:
        pipeline: Whose.
        reason: Why, as it was given.
        at: When the pipeline was disabled, by the target's clock.
        person: Who did so.
        role: As which role of the target.
        before: What production showed.
        shown: What it shows now; none where it could not be led back.
        failure: Why not.
        run: What is recorded of the run that was undone, without its report.
        figures: What its report says of it: rows by table, notes, figures.
        tables: By table the rows ``before`` and ``after`` the generation that was undone, and how many of them it had
            ``inserted``, ``updated`` and ``deleted`` by key where that can be told.
        timeline: What happened, the first first: ``at``, ``what`` and ``who``.
        hook: What became of the program that was to be told.
        unwritten: Why there is no report; else empty.
    """

    pipeline: str
    reason: str
    at: dt.datetime
    person: str
    role: str
    before: Published | None
    shown: Published | None
    failure: str = ""
    run: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    timeline: Sequence[Mapping[str, Any]] = ()
    hook: Called | None = None
    unwritten: str = ""


def look(
    loader: Loader,
    name: str,
    reason: str,
    *,
    before: Published | None,
    shown: Published | None,
    error: FirnError | None,
) -> Incident:
    """Put together what the target knows; what it does not tell any more is left out, because production comes first.

    Args:
        loader: The target.
        name: The pipeline, which is disabled.
        reason: Why.
        before: What production showed.
        shown: What it shows now, if it was led back.
        error: Why it was not.
    """
    (disabled,) = loader.disabled(name)
    run, figures = _run(loader, before.run_id if before else "")
    tables: Mapping[str, Mapping[str, int]] = {}
    if shown:
        with suppress(FirnError):
            tables = loader.undone(name)
    return Incident(
        name,
        reason,
        disabled["at"],
        disabled["person"],
        disabled["role"],
        before,
        shown,
        error.message if error else "",
        run,
        figures,
        tables,
        _timeline(loader, name),
    )


def _run(loader: Loader, run_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if not run_id:
        return {}, {}
    row = loader.row(run_id)
    report = row["report"] or {}
    told = {name: row[name] for name in ("run_id", "status", "started_at", "finished_at")}
    return told, {name: report.get(name) for name in ("rows_read", "parts", "tables", "figures", "notes")}


def _timeline(loader: Loader, name: str) -> list[dict[str, Any]]:
    acts = [
        {"at": act["at"], "what": _act(act), "who": act["person"] or act["role"]} for act in loader.acts(name, ACTS)
    ]
    ends = [
        {"at": row["finished_at"], "what": f"run {row['run_id']} ended: {row['status']}", "who": ""}
        for row in loader.runs(name, RUNS)
        if row["finished_at"]
    ]
    return sorted([*acts, *ends], key=lambda event: event["at"])


def _act(act: Mapping[str, Any]) -> str:
    generation = f" generation {act['generation']}" if act["generation"] else ""
    run = f" of run {act['run_id']}" if act["run_id"] else ""
    detail = f": {act['detail']}" if act["detail"] else ""
    return f"{act['action']}{generation}{run}{detail}"


def write(incident: Incident, folder: Path, path: Path | None = None) -> Path:
    """Write the report, whole or not at all.

    Args:
        incident: What is known.
        folder: Where reports are; made where it is not there.
        path: A report of it that is replaced.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = path or folder.absolute() / f"{incident.pipeline}_{incident.at:%Y%m%d_%H%M%S}.md"
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".incident-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text(incident))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
    return path


def text(incident: Incident) -> str:
    """Lay an incident out in Markdown."""
    return "\n\n".join(_sections(incident)) + "\n"


def _sections(incident: Incident) -> Iterator[str]:
    yield f"# Incident: {incident.pipeline}, {_moment(incident.at)}"
    yield f"Reason: {incident.reason}"
    yield f"Declared by {incident.person or 'somebody'}, as role {incident.role}."
    yield _state(incident)
    if incident.hook:
        yield f"Hook: {incident.hook}."
    yield "## Tables\n\n" + _tables(incident)
    if incident.run:
        yield "## The run\n\n" + "\n".join(_figures(incident))
    yield "## Timeline (UTC)\n\n" + "\n".join(_events(incident))
    yield (
        f"## Next\n\nNothing of {incident.pipeline} is published until `firn enable {incident.pipeline}`. "
        "Mend the cause first: docs/runbooks/emergency.md."
    )


def _state(incident: Incident) -> str:
    was = _generation(incident.before) if incident.before else "nothing of it"
    if incident.shown is None:
        return f"Production showed {was}, and still does. It was not led back: {incident.failure}"
    return (
        f"Production showed {was}. Since {_moment(incident.shown.published_at)} it shows "
        f"{_generation(incident.shown)}; it was locked for {incident.shown.locked_ms:.1f} ms."
    )


def _generation(shown: Published) -> str:
    return f"generation {shown.generation} ({f'run {shown.run_id}' if shown.run_id else 'what was there before firn'})"


def _tables(incident: Incident) -> str:
    if not incident.tables:
        return "Nothing was undone."
    words = ("before", "after", "inserted", "updated", "deleted")
    rows = ["| table | rows before | rows after | added | changed | removed |", "|---|---:|---:|---:|---:|---:|"]
    for name, counts in incident.tables.items():
        figures = [f"{counts[word]:,}" if word in counts else "?" for word in words]
        rows.append(f"| {name} | {' | '.join(figures)} |")
    return "What was undone had changed the rows that were there before, and are shown again:\n\n" + "\n".join(rows)


def _figures(incident: Incident) -> Iterator[str]:
    yield from (f"- {name}: {value}" for name, value in incident.run.items())
    yield from (f"- {name}: {value}" for name, value in incident.figures.items() if value and name != "notes")
    yield from (f"- note: {note}" for note in incident.figures.get("notes") or ())


def _events(incident: Incident) -> Iterator[str]:
    for event in incident.timeline:
        yield f"- {_moment(event['at'])} {event['what']}" + (f" ({event['who']})" if event["who"] else "")


def _moment(at: dt.datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "?"
