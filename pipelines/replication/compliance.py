"""What is kept of every audit table: from when to when, here, at the source and in the archive, and what was purged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from firn import ConfigError, FirnError, Span
from pipelines.engine import settings
from pipelines.engine.typed import Typed
from pipelines.replication.archive import archive_of
from pipelines.replication.hours import hours
from pipelines.replication.overrides import is_whole
from pipelines.replication.replication import Replication
from pipelines.replication.run import ARCHIVED, PURGE_SEEN
from pipelines.replication.standing import standings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loaders.loader import Loader
    from pipelines.replication.standing import Standing

__all__ = ["Kept", "document", "look", "text"]

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Act:
    """A purge that a run saw, or rows that it archived.

    Attributes:
        at: When, by the target's clock.
        run_id: The run.
        detail: How many rows.
    """

    at: str
    run_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Kept:
    """One audit table.

    Attributes:
        table: Its name.
        retention: How long its rows stay in it.
        target: The span of what production shows of it.
        archive: That of its archive.
        together: That of both, with the keys that neither has.
        source: How many rows the source has, none where it was not asked.
        not_asked: Why it was not; empty where it was.
        purged: How many the source has deleted since the table was first read.
        purges: Each purge that a run saw.
        archived: Each time that rows were archived.
    """

    table: str
    retention: str
    target: Span
    archive: Span
    together: Span
    source: int | None
    not_asked: str
    purged: int
    purges: tuple[Act, ...]
    archived: tuple[Act, ...]


def look(name: str, config: Path | None, flags: dict[str, str], *, anyway: bool = False) -> list[Kept]:
    """Look at every audit table that is published, and count its rows at the source where that answers.

    Args:
        name: The pipeline.
        config: The settings file.
        flags: Settings of the command line.
        anyway: Count them also in the source's office hours.

    Raises:
        ConfigError: The pipeline replicates nothing, or there is no catalogue.
    """
    if not issubclass(settings.pipeline_class(name), Replication):
        raise ConfigError(f"Pipeline {name} replicates no tables, so none is an audit table.", f"firn show {name}")
    replication = cast("Replication", settings.load(name, config, flags))
    with Typed(name, config, flags).repeated(), replication.target.open() as loader:
        asked = [one for one in standings(replication, name, loader) if _is_audit(one)]
        acts = loader.acts(name, _ALL)
        counts, why = _counts(replication, [one.name for one in asked], anyway=anyway)
        return [_kept(loader, one, counts.get(one.name), why, acts) for one in asked]


def _is_audit(one: Standing) -> bool:
    return one.rows is not None and one.settled.entry.strategy == "append" and is_whole(one.settled.entry)


def _counts(replication: Replication, names: Sequence[str], *, anyway: bool) -> tuple[dict[str, int], str]:
    """Count rows at the source; or say why not, where it does not answer, or is to be left alone."""
    try:
        with replication.source.open() as database:
            office = hours(replication)
            if office and office.include(database.server.now) and not anyway:
                return {}, f"its office hours are {office}; --anyway asks it"
            found = {table.name: table for table in database.tables()}
            counted = {name: database.figures(database.declared(found[name])).rows for name in names if name in found}
            return counted, ""
    except FirnError as error:  # what is kept can be told without it
        return {}, error.message


def _kept(loader: Loader, one: Standing, source: int | None, why: str, acts: Sequence[Mapping[str, Any]]) -> Kept:
    key, date, archive = one.settled.entry.key[0], one.settled.business_date, archive_of(one.name)
    days = one.settled.archive_after_days
    return Kept(
        one.name,
        f"{days} days of {date}, then in {archive}" if days else "for ever",
        loader.span([one.name], key, date),
        loader.span([archive], key, date),
        loader.span([one.name, archive], key, date),
        source,
        why or ("it has no such table" if source is None else ""),
        one.purged,
        _acts(acts, PURGE_SEEN, one.name),
        _acts(acts, ARCHIVED, one.name),
    )


def _acts(acts: Sequence[Mapping[str, Any]], action: str, table: str) -> tuple[Act, ...]:
    """Return what was recorded of a table, the first first."""
    return tuple(
        Act(f"{act['at']:%Y-%m-%d %H:%M:%S}", act["run_id"] or "", act["detail"].removeprefix(f"{table}: "))
        for act in reversed(acts)
        if act["action"] == action and act["detail"].startswith(f"{table}: ")
    )


def document(found: Sequence[Kept]) -> list[dict[str, Any]]:
    """Give what was found as plain values."""
    return [asdict(one) for one in found]


def text(found: Sequence[Kept]) -> str:
    """Lay what was found out for reading, a block a table."""
    return "\n".join(line for one in found for line in _lines(one)) or "No audit table is published."


def _lines(one: Kept) -> list[str]:
    source = f"not asked: {one.not_asked}" if one.source is None else f"{one.source:,} rows"
    gaps = ", ".join(f"{low:,} to {high:,}" for low, high in one.together.largest)
    more = "" if one.together.gaps <= len(one.together.largest) else ", ..."
    return [
        f"{one.table}: kept {one.retention}",
        f"  source     {source}; {one.purged:,} purged since it was first read",
        f"  target     {_span(one.target)}",
        *([f"  archive    {_span(one.archive)}"] if one.archive.rows else []),
        f"  gaps       {one.together.gaps:,}, {one.together.missing:,} keys" + (f": {gaps}{more}" if gaps else ""),
        *(f"  purge      {act.at}  {act.run_id}  {act.detail}" for act in one.purges),
        *(f"  archived   {act.at}  {act.run_id}  {act.detail}" for act in one.archived),
    ]


def _span(span: Span) -> str:
    if span.low is None:
        return "no rows"
    dates = f"; {span.first} to {span.last}" if span.first else ""
    return f"{span.rows:,} rows; keys {span.low:,} to {span.high:,}{dates}"
