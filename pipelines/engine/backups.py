"""Backups: what production shows with its state, or what the sources gave, kept apart, proven, and published again."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

from firn import PRODUCTION, ConfigError, Dataset, FirnError, PublishError, Run, StateError
from loaders import scratch
from loaders.ddl import contract_of, layout
from loaders.embedded import default_home, temporary
from pipelines.engine import commands, manifests, settings
from pipelines.engine.container_shelf import ContainerShelf
from pipelines.engine.manifests import Manifest
from pipelines.engine.report import Report
from pipelines.engine.shelf import Shelf
from pipelines.engine.stated import Backups
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import dataframely as dy

    from firn import Published, Strategy
    from loaders.backups import Backup, Held
    from loaders.postgres import Postgres
    from loaders.postgres_loader import PostgresLoader


Place: TypeAlias = "Shelf | ContainerShelf"


def shelf(config: Path | None) -> Place:
    """Find the place of the backups: that of the settings, or beside the data of the embedded server.

    Each environment beside production has a folder of its own in it, so none restores what is another's.

    Raises:
        ConfigError: Both a folder and a container are stated, or the container has no credential.
    """
    asked, target = settings.load_table(Backups, config), settings.load_target(config)
    environment = target.namespace.environment
    own = "" if environment == PRODUCTION else f"{environment}/"
    if asked.blobs is None:
        return Shelf((asked.folder or (target.home or default_home()) / "backups") / own)
    if asked.folder:
        raise ConfigError(
            "[backups] Both folder and blobs are set: backups go to exactly one place. Nothing was read or written.",
            "Set one of them in firn.toml, or as FIRN_BACKUPS__FOLDER or FIRN_BACKUPS__BLOBS__CONTAINER.",
        )
    # Tagging, so that what is said of missing rights names those to write.
    container = asked.blobs.model_copy(update={"processed": "tag"}).open()
    return ContainerShelf(container, f"{asked.blobs.prefixes[0]}{own}")


def take(pipeline: str | None, config: Path | None, *, verify: bool = True) -> list[dict[str, Any]]:
    """Back up what production shows of a pipeline, or of every one that is published, and drop what is too old.

    Raises:
        StateError: Nothing is published, or the backup cannot be written.
        LoadError: A table cannot be read, or what was written is not what was read.
    """
    if pipeline:
        settings.pipeline_class(pipeline)
    place, target = shelf(config), settings.load_target(config)
    with Typed(config=config).repeated(), target.open() as loader:
        names = [pipeline] if pipeline else [name for name in settings.names() if loader.visible(name)]
        if not names:
            raise StateError("Nothing is published here, so there is nothing to back up.", "firn run order_lists")
        return [_taken(loader, name, place, settings.load_table(Backups, config), verify=verify) for name in names]


def _taken(loader: PostgresLoader, pipeline: str, place: Place, asked: Backups, *, verify: bool) -> dict[str, Any]:
    _, name = named(f"{pipeline}_backup", place)
    with place.added(name) as folder:
        backup = loader.back_up(pipeline, folder)
        if verify:
            loader.try_out(backup, folder)
        proven = dt.datetime.now(dt.UTC) if verify else None
        manifest = Manifest(name, "tables", pipeline, backup.taken_at, version("firn"), proven, backup.run_id, backup)
        manifests.write(manifest, folder)
    return settled(loader, manifest, place, asked)


def named(kind: str, place: Place) -> tuple[dt.datetime, str]:
    """Name a backup by the second in which it is begun; where that has one already, wait for the next."""
    while True:
        now = dt.datetime.now(dt.UTC)
        name = f"{kind}_{now:%Y%m%d_%H%M%S}"
        if name not in place.names():
            return now, name
        time.sleep(1 - now.microsecond / 1_000_000)


def settled(loader: PostgresLoader, manifest: Manifest, place: Place, asked: Backups) -> dict[str, Any]:
    """Record a backup that was taken, let those go that are too old by now, and describe both."""
    record(loader, manifest, place)
    loader.act(Run(manifest.run_id, manifest.pipeline, manifest.taken_at), "backed_up", manifest.name)
    return {**described(manifest), "dropped": drop_old(loader, manifest.pipeline, manifest.kind, place, asked)}


def record(loader: PostgresLoader, manifest: Manifest, place: Place) -> None:
    """Have the target remember a backup."""
    backup = manifest.backup
    loader.keep_backup(
        name=manifest.name,
        dataset=manifest.pipeline,
        kind=manifest.kind,
        place=place.address,
        taken_at=manifest.taken_at,
        generation=backup.generation if backup else None,
        run_id=manifest.run_id,
        rows=manifest.rows,
        bytes=manifest.bytes,
        verified_at=manifest.verified_at,
    )


def drop_old(loader: PostgresLoader, pipeline: str, kind: str, place: Place, asked: Backups) -> list[str]:
    """Drop the backups of a pipeline that are too many and too old; never the last that was proven."""
    found = [one for one in manifests_of(place) if (one.pipeline, one.kind) == (pipeline, kind)]
    proven = {row["name"] for row in loader.backups() if row["verified_at"]}
    dropped = too_old(found, proven, asked, dt.datetime.now(dt.UTC))
    for name in dropped:
        place.drop(name)
        loader.forget_backup(pipeline, name)
    return dropped


def too_old(found: Sequence[Manifest], proven: Collection[str], asked: Backups, now: dt.datetime) -> list[str]:
    """Name the backups that need not be kept.

    Args:
        found: All backups of one kind and pipeline.
        proven: The names of those that were proven after they were taken.
        asked: How many are kept.
        now: What their age is counted to.
    """
    newest = sorted(found, key=lambda one: (one.taken_at, one.name), reverse=True)
    last = next((one.name for one in newest if one.verified_at or one.name in proven), None)
    young = now - dt.timedelta(days=asked.days)
    return [one.name for one in newest[asked.keep :] if one.name != last and one.taken_at < young]


def manifests_of(place: Place) -> list[Manifest]:
    """Read the manifests of all backups that are whole, the latest first; spoiled ones are left out."""
    found = []
    for name in place.names():
        with suppress(StateError):
            found.append(place.manifest(name))
    return sorted(found, key=lambda one: (one.taken_at, one.name), reverse=True)


def listed(config: Path | None) -> list[dict[str, Any]]:
    """Describe the backups of the shelf, with what the target remembers of them, the latest first."""
    place = shelf(config)
    known: Mapping[str, Mapping[str, Any]] = {}
    with suppress(FirnError), settings.load_target(config).open() as loader:  # they are wanted most where it is gone
        known = {row["name"]: row for row in loader.backups()}
    found = [described(one, known.get(one.name, {})) for one in manifests_of(place)]
    whole = {one["name"] for one in found}
    return found + [{"name": name, "spoiled": True} for name in place.names() if name not in whole]


def described(manifest: Manifest, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give a backup as plain values, as docs/reference/json.md describes them."""
    backup, known = manifest.backup, known or {}
    verified = [at for at in (manifest.verified_at, known.get("verified_at")) if at]
    return {
        "name": manifest.name,
        "kind": manifest.kind,
        "pipeline": manifest.pipeline,
        "taken_at": manifest.taken_at,
        "generation": backup.generation if backup else None,
        "run_id": manifest.run_id,
        "wal_lsn": backup.wal_lsn if backup else None,
        "rows": manifest.rows,
        "bytes": manifest.bytes,
        "tables": {one.table: one.rows for one in (backup.of("production") if backup else ())} or summed(manifest.raw),
        "verified_at": max(verified, default=None),
        "drilled_at": known.get("drilled_at"),
        "drill_seconds": known.get("drill_seconds"),
    }


def summed(raw: Sequence[manifests.RawFile]) -> dict[str, int]:
    """Add up the rows of raw files by table."""
    rows: dict[str, int] = {}
    for one in raw:
        rows[one.table] = rows.get(one.table, 0) + one.rows
    return rows


def find(place: Place, name: str, kind: str = "tables") -> str:
    """Find a backup by its name, or the latest of a pipeline.

    Raises:
        StateError: There is none; the latest are named.
    """
    if name in place.names():
        return name
    found = [one for one in manifests_of(place) if one.kind == kind]
    latest = next((one.name for one in found if one.pipeline == name), None)
    if latest is None:
        some = ", ".join(one.name for one in found[:3])
        raise StateError(
            f"There is no whole backup {name} in {place.address}. Production is unchanged.",
            f"The latest are {some}: firn backup list" if some else "firn backup",
        )
    return latest


@contextmanager
def opened(place: Place, name: str) -> Iterator[tuple[Manifest, Backup, Path]]:
    """Give a backup of tables with the folder of its files.

    Raises:
        StateError: There is none of that name, or it is spoiled, or a raw one.
    """
    name = find(place, name)
    with place.opened(name) as folder:
        manifest = manifests.read(folder)
        if manifest.backup is None:
            raise StateError(
                f"Backup {name} holds what the sources gave, not tables of production. Production is unchanged.",
                f"firn run {manifest.pipeline} --from-backup {name}",
            )
        yield manifest, manifest.backup, folder


def restore(name: str, config: Path | None, *, tables: Sequence[str] = (), publish: bool = True) -> Published | Report:
    """Publish the tables of a backup as a new generation, or only stage them.

    Raises:
        StateError: There is no such backup.
        PublishError: A table has other columns by now, or cannot be replaced. Production is unchanged.
        LoadError: The backup is not what was written. Production is unchanged.
    """
    target = settings.load_target(config)
    with Typed(config=config).repeated(), opened(shelf(config), name) as (manifest, backup, folder):
        with target.open() as loader:
            run = stage(loader, manifest, backup, folder, tables)
            if publish:
                loader.restore_companions(settings.pipeline_class(run.pipeline).dataset(run.pipeline), backup, folder)
        if not publish:
            return run
        published, _ = commands.publish(run.run_id, config, again=False)
        with target.open() as loader:
            loader.act(Run(run.run_id, run.pipeline, manifest.taken_at), "restored", f"from backup {manifest.name}")
        return published


def stage(
    loader: PostgresLoader, manifest: Manifest, backup: Backup, folder: Path, tables: Sequence[str] = ()
) -> Report:
    """Stage the tables of a backup as a run that is ready to be published.

    Raises:
        PublishError: A table has other columns by now, or cannot be replaced. Production is unchanged.
        LoadError: The backup is not what was written. Production is unchanged.
    """
    this, started = Run.start(manifest.pipeline), time.perf_counter()
    report = Report(this.id, this.pipeline, unit="tables")
    report.notes.append(
        f"restored from backup {manifest.name}: generation {backup.generation}, "
        f"run {backup.run_id or 'of another'}, as it was at {backup.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    try:
        with commands.audited(loader, this):
            dataset = restored(manifest, backup, tables)
            loader.restore(this, dataset, backup, folder)
    except BaseException as error:
        report.status, report.error = "failed", f"{type(error).__name__}: {error}"
        with suppress(FirnError):
            loader.finish(this, report.status, report.as_dict())
        raise
    report.tables = {held.table: held.rows for held in backup.of("production") if held.table in dataset.contracts}
    report.status, report.parts, report.rows_read = "ready", len(report.tables), sum(report.tables.values())
    report.seconds = time.perf_counter() - started
    loader.finish(this, report.status, report.as_dict())
    return report


def restored(manifest: Manifest, backup: Backup, tables: Sequence[str]) -> Dataset:
    """Say what a restore publishes: every table of the backup, whatever policy its pipeline has for new rows.

    Raises:
        PublishError: The pipeline publishes other tables or columns by now, or single ones cannot be restored.
        StateError: The backup has no such table.
    """
    cls = settings.pipeline_class(manifest.pipeline)
    held = {one.table: one for one in backup.of("production")}
    if tables:
        refuse_single(manifest, tables, held)
        held = {name: held[name] for name in tables}
    refuse_other_tables(manifest, held, cls.publishes if not tables else {})
    contracts = {name: contract(manifest.pipeline, one, cls.publishes) for name, one in held.items()}
    base = cls.dataset(manifest.pipeline)
    strategy: Strategy = "swap" if base.strategy == "swap" else "auto"
    return replace(base, contracts=contracts, strategy=strategy, deletes=1.0, policies={}, evolves=frozenset())


def contract(pipeline: str, held: Held, publishes: Mapping[str, type[dy.Schema]]) -> type[dy.Schema]:
    """Return the contract of a restored table: its pipeline's, where that states one."""
    own = {field.name: field for field in held.fields if field.name in held.published}
    if held.table not in publishes:
        return contract_of(held.table, {name: (f.type, not f.required) for name, f in own.items()}, held.key)
    stated = publishes[held.table]
    then, now = {name: field.type for name, field in own.items()}, layout(held.table, stated).types
    if told := scratch.differences(then, now):
        raise scratch.changed(pipeline, held.table, told)
    return stated


def refuse_other_tables(manifest: Manifest, held: Collection[str], publishes: Collection[str]) -> None:
    """Refuse a backup from before its pipeline published other tables: half a generation would be restored.

    Raises:
        PublishError: Names them. Production is unchanged.
    """
    if publishes and (other := sorted({*held} ^ {*publishes})):
        raise PublishError(
            f"Pipeline {manifest.pipeline} publishes other tables than when backup {manifest.name} was taken: "
            f"{', '.join(other)}. Nothing was restored; production is unchanged.",
            f"install firn {manifest.firn}, which took it; or look at it: firn restore {manifest.name} --into SCHEMA",
        )


def refuse_single(manifest: Manifest, tables: Sequence[str], held: Collection[str]) -> None:
    """Refuse single tables of a family that is published whole: they would be of two generations.

    Raises:
        StateError: The backup has not all of the tables.
        PublishError: They are replaced together. Production is unchanged.
    """
    for table in tables:
        if table not in held:
            raise StateError(
                f'Backup {manifest.name} has no table "{table}". Production is unchanged.',
                f"it has {', '.join(sorted(held))}",
            )
    if settings.pipeline_class(manifest.pipeline).publishes and {*tables} != {*held}:
        raise PublishError(
            f"The tables of {manifest.pipeline} are published together, so {', '.join(tables)} cannot be restored "
            "alone: readers would see two generations. Production is unchanged.",
            f"firn restore {manifest.name}\nor look beside production: firn restore {manifest.name} --into SCHEMA",
        )


def restore_beside(name: str, schema: str, config: Path | None) -> Manifest:
    """Restore the tables of a backup into a new schema, where they can be looked at and compared.

    Raises:
        StateError: There is no such backup.
        LoadError: There is such a schema already, or the backup is not what was written. Production is unchanged.
    """
    with Typed(config=config).repeated(), opened(shelf(config), name) as (manifest, backup, folder):
        with settings.load_target(config).open() as loader:
            loader.restore_beside(backup, folder, schema)
            loader.act(Run.start(manifest.pipeline), "restored_beside", f'backup {manifest.name} to schema "{schema}"')
        return manifest


def drill(name: str, config: Path | None) -> dict[str, Any]:
    """Restore a backup to a private server that is started for it, publish it there, and record how long that took.

    Raises:
        StateError: There is no such backup.
        LoadError: It cannot be restored. Production is unchanged.
    """
    target = settings.load_target(config)
    with Typed(config=config).repeated(), opened(shelf(config), name) as (manifest, backup, folder):
        started = time.perf_counter()
        with temporary() as server:
            ready = time.perf_counter()
            rehearsed = practice(target, server.dsn)
            with rehearsed.open() as loader:
                report = stage(loader, manifest, backup, folder)
                loader.restore_companions(restored(manifest, backup, ()), backup, folder)
                loader.publish(loader.find(report.run_id))
                rows = {table: found.rows for table, found in loader.totals(dict.fromkeys(report.tables, ())).items()}
            seconds, starting = time.perf_counter() - ready, ready - started
        with target.open() as loader:
            record(loader, manifest, shelf(config))
            loader.keep_drill(manifest.pipeline, manifest.name, seconds)
    return {"name": manifest.name, "tables": rows, "seconds": seconds, "server": server.version, "start": starting}


def practice(target: Postgres, dsn: str) -> Postgres:
    """Return a target with the same schemas on another server, which has no roles and no environments."""
    from pydantic import SecretStr

    return target.model_copy(update={"dsn": SecretStr(dsn), "role": ""}).within(PRODUCTION)
