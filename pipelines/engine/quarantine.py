"""The cells that production does not show: which are open, of which workbook, why, and what to type next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from firn import ConfigError, StateError
from pipelines.engine import settings
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.suggestions import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from loaders.loader import Loader

Entry = dict[str, Any]

LINES = 20
"""How many lines a person is shown who does not say how many."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; what is empty asks for all.

    Attributes:
        customer: Those of the workbooks of a customer.
        file: Those of a workbook, by its name in the source, or by the path of a copy of it.
        reason: Those that were set aside for a reason.
        table: Those of a table of a replication.
    """

    customer: str = ""
    file: str = ""
    reason: str = ""
    table: str = ""

    def __str__(self) -> str:
        """Say it as it was typed."""
        given = {"--customer": self.customer, "--file": self.file, "--reason": self.reason, "--table": self.table}
        return " ".join(f"{option} {shlex.quote(value)}" for option, value in given.items() if value)


def pipeline_name(given: str | None) -> str:
    """Take the pipeline given, or the only one that has a quarantine.

    Raises:
        ConfigError: The pipeline has none, or several have one and none was named.
    """
    if given and has_one(settings.pipeline_class(given)):
        return given
    having = [name for name in settings.names() if has_one(settings.pipeline_class(name))]
    if given:
        raise ConfigError(f"Pipeline {given} has no quarantine.", f"These have one: {', '.join(having)}.")
    usual = [name for name in having if settings.pipeline_class(name).quarantine]
    if len(usual) != 1:
        raise ConfigError("Which pipeline?", f"Name one of {', '.join(having)}.")
    return usual[0]


def has_one(pipeline: type[Pipeline]) -> bool:
    """Tell whether a pipeline may have a quarantine: it always has, or its settings decide."""
    return bool(pipeline.quarantine) or pipeline.quarantine_of is not Pipeline.quarantine_of


def place(entry: Entry) -> str:
    """Return the workbook or the table that an entry is of."""
    return str(entry["file"] if "file" in entry else entry["table"])


def entries(
    name: str, pipeline: Pipeline, loader: Loader, wanted: Wanted, *, resolved: bool = False
) -> Sequence[Entry]:
    """Return the entries asked for, in reading order, the open ones first.

    Raises:
        ConfigError: No workbook holds the customer or has that name, or the pipeline knows no such reason.
        StateError: Nothing was published yet.
    """
    refuse_foreign(name, pipeline, wanted)
    table = pipeline.quarantine_of(name)
    if not pipeline.quarantine and not loader.totals({table: ()}):
        raise StateError(
            f'No value of {name} was set aside by a rule: there is no table "{table}".',
            'state the policy "quarantine" for a rule in firn.toml, then: firn run ' + name,
        )
    found = [dict(entry) for entry in loader.quarantined(name, table, resolved=resolved)]
    if not pipeline.quarantine:
        return of_tables(found, wanted)
    files: Sequence[str] = list(dict.fromkeys(entry["file"] for entry in found))
    published = list(dict.fromkeys([*files, *loader.ledger(name)]))
    if wanted.file and not any(file in published for file in files_of(published, wanted.file)):
        refuse_unknown("--file", [wanted.file], published, "no workbook of that name is published")
    if wanted.reason:
        reasons = list(dict.fromkeys([*pipeline.reasons, *(entry["reason"] for entry in found)]))
        refuse_unknown("--reason", [wanted.reason], reasons, "no cell is ever set aside for that reason")
    if wanted.customer:
        files = list(pipeline.parts_of(wanted.customer, published, loader))
    files = files_of(files, wanted.file)
    return [e for e in found if e["file"] in files and wanted.reason in ("", e["reason"])]


def refuse_foreign(name: str, pipeline: Pipeline, wanted: Wanted) -> None:
    """Refuse an option that means nothing to a pipeline.

    Raises:
        ConfigError: Names it.
    """
    given = {"--customer": wanted.customer, "--file": wanted.file} if not pipeline.quarantine else {}
    given |= {"--table": wanted.table} if pipeline.quarantine else {}
    for option, value in given.items():
        if value:
            raise ConfigError(f"{option} means nothing to the quarantine of pipeline {name}.", "leave it out")


def of_tables(found: Sequence[Entry], wanted: Wanted) -> Sequence[Entry]:
    """Return the values asked for of those of a replication.

    Raises:
        ConfigError: No value is of the table, or was set aside for the reason.
    """
    for option, value, column in (("--table", wanted.table, "table"), ("--reason", wanted.reason, "reason")):
        known = list(dict.fromkeys(str(entry[column]) for entry in found))
        if value:
            refuse_unknown(option, [value], known, "no value in quarantine is of it")
    return [e for e in found if wanted.table in ("", e["table"]) and wanted.reason in ("", e["reason"])]


def files_of(files: Sequence[str], wanted: str) -> Sequence[str]:
    """Pick the file of a name or, where none has it, of the last part of a path; all where none is wanted."""
    if not wanted or wanted in files:
        return [wanted] if wanted else files
    return [file for file in files if PurePath(file).name == PurePath(wanted).name]


def listing(
    name: str,
    config: Path | None,
    flags: dict[str, str],
    wanted: Wanted,
    *,
    limit: int | None = None,
    resolved: bool = False,
) -> dict[str, Any]:
    """List entries: ``pipeline``, ``table``, ``asked``, counts ``open`` and ``resolved``, and ``entries``.

    Raises:
        StateError: Nothing was published yet.
    """
    pipeline = settings.load(name, config, flags)
    with pipeline.target.open() as loader:
        found = entries(name, pipeline, loader, wanted, resolved=resolved)
    still = sum(is_open(entry) for entry in found)
    return {
        "pipeline": name,
        "table": pipeline.quarantine_of(name),
        "asked": str(wanted),
        "open": still,
        "resolved": len(found) - still,
        "entries": found[:limit],
    }


def is_open(entry: Entry) -> bool:
    """Tell whether production still lacks the cell."""
    return entry["resolved_at"] is None


def listing_text(document: dict[str, Any], limit: int | None) -> str:
    """Sum entries up by file and reason, with the line to type next."""
    name, found = document["pipeline"], document["entries"]
    asked = f" ({document['asked']})" if document["asked"] else ""
    if not found:
        return f"Nothing of {name} is in quarantine{asked}. Next: firn run {name}"
    cell, file = ("cell", "file") if "file" in found[0] else ("value", "table")
    lines = [line for one, group in groupby(found, key=place) for line in file_lines(one, group)]
    shown = lines[: limit or LINES]
    if len(lines) > len(shown):
        shown.append(
            f"... and {len(lines) - len(shown):,} more lines: --limit {len(lines)}, or --json for every {cell}"
        )
    files = len({place(entry) for entry in found if is_open(entry)})
    head = f"In quarantine{asked}: {counted(document['open'], cell)} of {counted(files, file)}"
    head += f"; resolved: {counted(document['resolved'], cell)}" if document["resolved"] else ""
    return "\n".join([head, "", *shown, "", f"Next: {following(name, found)}"])


def following(name: str, found: Sequence[Entry]) -> str:
    """Say what to type next: the export of the first workbook that has an open entry."""
    first = next((entry for entry in found if is_open(entry)), None)
    if first is None:
        return f"firn runs {name}"
    of = "--file" if "file" in first else "--table"
    return f"firn quarantine export {name} {of} {shlex.quote(place(first))} --out annotated"


def file_lines(file: str, group: Iterable[Entry]) -> list[str]:
    """Write a line for a file, and one for each reason, with what was expected and the first cell."""
    by_reason: dict[tuple[str, str], list[Entry]] = {}
    for entry in group:
        by_reason.setdefault((entry["reason"], entry["resolved_run"] or ""), []).append(entry)
    return [file, *(reason_line(why, run, found) for (why, run), found in by_reason.items())]


def reason_line(reason: str, resolved_run: str, found: Sequence[Entry]) -> str:
    """Write one reason of one file."""
    first = found[0]
    where = f"{address(first)} {short(first['raw'])}"
    since = f", since {first['first_at']:%Y-%m-%d}" if "table" in first and first["first_at"] else ""
    end = f"  resolved by {resolved_run}" if resolved_run else f"  expected {first['expected']}{since}"
    return f"{len(found):>8,}  {reason:<20}{where}{end}"


def address(entry: Entry) -> str:
    """Say where an entry is in its workbook or table."""
    return f"{entry['sheet']}!{entry['cell']}" if "file" in entry else f"{entry['column']} of {entry['key']}"


def counted(count: int, noun: str = "cell") -> str:
    """Write a number of things."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def short(raw: str, most: int = 30) -> str:
    """Quote what a cell holds, cut where it is long."""
    return repr(raw if len(raw) <= most else f"{raw[: most - 1]}…")
