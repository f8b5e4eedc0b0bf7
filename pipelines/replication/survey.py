"""One discovery: the source is asked, what it says is compared with the catalogue, and the catalogue is replaced."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from firn import ConfigError, FirnError, Run, SourceChanged, SourceError
from pipelines.engine import settings
from pipelines.engine.quarantine import counted
from pipelines.engine.suggestions import likely
from pipelines.engine.typed import Typed
from pipelines.replication import catalogue as files
from pipelines.replication.catalogue import TIERS
from pipelines.replication.catalogue_changes import DECISIONS, Change, changes, line, lost
from pipelines.replication.discovery import discover
from pipelines.replication.overrides import gone
from pipelines.replication.replication import Replication

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelines.replication.catalogue import Catalogue, Entry
    from sources.mysql import MySQL
    from sources.mysql.catalogue import SourceTable

__all__ = ["LOST_PERCENT", "UNCHANGED", "Survey", "document", "survey", "text"]

LOST_PERCENT = 20
"""Which share of its tables a source may lose without being asked about."""

UNCHANGED = 6
"""The exit code that ``--exit-code`` gives a discovery that found nothing changed."""

UNTOUCHED = "Catalogue and production are unchanged."

Status = Literal["made", "replaced", "unchanged"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a discovery found.

    Attributes:
        pipeline: Whose.
        path: The catalogue's file.
        status: Whether it is the first one, or something changed, or only figures such as rows and sizes, or not even
            they.
        written: Whether the file was written.
        found: What was discovered.
        changes: How that differs from what the file said before.
        gone: Tables that firn.toml decides something for, and that are not there, each with the likely one or nothing.
        seconds: How long the source took to answer.
        unrecorded: Why the target's audit has nothing of it; else empty.
    """

    pipeline: str
    path: Path
    status: Status
    written: bool
    found: Catalogue
    changes: tuple[Change, ...]
    gone: Mapping[str, str]
    seconds: float
    unrecorded: str = ""


def survey(
    name: str, config: Path | None, flags: dict[str, str], *, dry_run: bool = False, accept_loss: bool = False
) -> Survey:
    """Discover the tables of a pipeline's source and replace its catalogue, keeping a copy of the one before.

    Raises:
        ConfigError: The pipeline replicates nothing, its settings are wrong, or its catalogue is damaged.
        SourceError: The source does not answer or refuses, or has no tables.
        SourceChanged: It lost too many tables.
    """
    with Typed(name, config, flags).repeated():
        pipeline = _replication(name, config, flags)
        before = files.read(pipeline.catalogue, name) if pipeline.catalogue.exists() else None
        begun = time.monotonic()
        found = discover(pipeline.source.database, _listed(pipeline.source))
        seconds = time.monotonic() - begun
        differing = changes(before, found) if before else []
        if before and not accept_loss:
            _refuse_loss(before, found, differing, name)
        written = not dry_run and found != before
        if written:
            if differing:  # a copy that is only as old as the last figures would be of no use
                shutil.copyfile(pipeline.catalogue, files.copy_of(pipeline.catalogue))
            files.write(found, pipeline.catalogue, name)
        status: Status = "made" if before is None else "replaced" if differing else "unchanged"
        missing = {table: likely(table, list(found.tables)) for table in gone(found, pipeline.tables)}
        done = Survey(name, pipeline.catalogue, status, written, found, tuple(differing), missing, seconds)
        return done if dry_run else replace(done, unrecorded=_recorded(pipeline, done))


def _recorded(pipeline: Replication, done: Survey) -> str:
    """Record in the target's audit that somebody discovered, and say why not where it does not answer or refuses."""
    told = f"{len(done.found.tables)} tables of {done.found.database}, {len(done.changes)} changes: {done.status}"
    if not pipeline.target.exists:
        return "there is no target yet."
    try:
        with pipeline.target.open() as loader:
            loader.act(replace(Run.start(done.pipeline), id=""), "discovered", told)
    except FirnError as error:
        return error.message.removesuffix(" Production is unchanged.")
    return ""


def _replication(name: str, config: Path | None, flags: dict[str, str]) -> Replication:
    if not issubclass(settings.pipeline_class(name), Replication):
        raise ConfigError(
            f"Pipeline {name} has tables of its own: there is nothing to discover. Production is unchanged.",
            f"firn show {name}",
        )
    return cast("Replication", settings.load(name, config, flags))


def _listed(source: MySQL) -> Sequence[SourceTable]:
    found = source.catalogue()
    if not found:
        login = source.login()
        raise SourceError(
            f'Database "{login.database}" has no tables, or {login} may read none. {UNTOUCHED}',
            f"check the setting database, and the rights: {login.client('SHOW GRANTS')}",
        )
    return found


def _refuse_loss(before: Catalogue, found: Catalogue, differing: Sequence[Change], name: str) -> None:
    gone, percent = lost(before, differing)
    if percent > LOST_PERCENT:
        some = ", ".join(change.table for change in differing if change.kind == "table dropped")
        raise SourceChanged(
            f"{found.database} has lost {gone} of {len(before.tables)} tables, {percent:.0f} %: {_shortened(some)}. "
            f"{UNTOUCHED}",
            f"check database and rights of the account; if they are gone indeed: firn discover {name} --accept-loss",
        )


def _shortened(names: str, length: int = 100) -> str:
    return names if len(names) <= length else f"{names[:length].rpartition(', ')[0]}, ..."


def text(done: Survey) -> str:
    """Say what was found and what changed, for people."""
    source = [line(change) for change in done.changes if change.kind not in DECISIONS]
    decided = [line(change) for change in done.changes if change.kind in DECISIONS]
    blocks = [
        [_headline(done), *_tiers(done.found)],
        ["Changed at the source:", *source] if source else [],
        ["Decided otherwise:", *decided] if decided else [],
        [_unknown(done.pipeline, table, meant) for table, meant in done.gone.items()],
        [_fate(done), *([f"Not recorded in the audit: {done.unrecorded}"] if done.unrecorded else [])],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _headline(done: Survey) -> str:
    return f"{done.found.database}: {counted(len(done.found.tables), 'table')}, asked in {done.seconds:.2f} s"


def _tiers(found: Catalogue) -> list[str]:
    entries = {tier: [one for one in found.tables.values() if one.tier == tier] for tier in TIERS}
    return [
        f"  {tier:<10}{len(ones):>6,}{sum(one.rows for one in ones):>14,} rows"
        f"{sum(one.size_mb for one in ones):>11,.1f} MB   {_strategies(ones)}"
        for tier, ones in entries.items()
        if ones
    ]


def _strategies(entries: Sequence[Entry]) -> str:
    return ", ".join(
        f"{count} {strategy}" for strategy, count in Counter(one.strategy for one in entries).most_common()
    )


def _unknown(pipeline: str, table: str, meant: str) -> str:
    hint = f" Did you mean {meant}?" if meant else ""
    return f"firn.toml decides something for a table that is not there: [{pipeline}.tables.{table}].{hint}"


def _fate(done: Survey) -> str:
    if done.status == "made":
        return f"{done.path} is {'made' if done.written else 'not made: this was a dry run'}."
    if done.status == "replaced":
        kept = f"replaced; the one before is {files.copy_of(done.path).name}"
        return f"{done.path} is {kept if done.written else 'as it was: this was a dry run'}."
    return f"Nothing changed but figures. {done.path} " + ("has today's." if done.written else "is as it was.")


def document(done: Survey) -> dict[str, Any]:
    """Return the same for programs."""
    entries = done.found.tables.values()
    return {
        "pipeline": done.pipeline,
        "catalogue": str(done.path),
        "status": done.status,
        "written": done.written,
        "tables": len(entries),
        "tiers": dict(Counter(entry.tier for entry in entries)),
        "strategies": dict(Counter(entry.strategy for entry in entries)),
        "changes": [asdict(change) for change in done.changes],
        "overrides_without_table": dict(done.gone),
        "seconds": round(done.seconds, 3),
        "unrecorded": done.unrecorded,
    }
