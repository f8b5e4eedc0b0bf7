"""Whether a replication is fit for its next run: its catalogue, what is decided beside it, the source, the target."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from firn import ConfigError, Dataset, FirnError, Health
from loaders import clocks
from pipelines.replication import catalogue
from pipelines.replication.overrides import effective, gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loaders.loader import Loader
    from pipelines.replication.catalogue import Catalogue
    from pipelines.replication.replication import Replication
    from sources.mysql.database import Database

__all__ = ["look"]

_MOST = 5


def look(replication: Replication, name: str, loader: Loader) -> Iterator[Health]:
    """Judge what the next run needs; nothing is written."""
    try:
        known = catalogue.read(replication.catalogue, name)
    except ConfigError as error:
        yield Health(f"{name} catalogue", passed=False, detail=error.message, hint=error.hint)
        known = None
    if known:
        yield _catalogue(replication, name, known)
        yield _decisions(replication, name, known)
    before = dt.datetime.now(dt.UTC)
    try:
        with replication.source.open() as database:
            theirs = database.server.now.replace(tzinfo=dt.UTC)
            yield clocks.compared(f"{name} clock", theirs, before, dt.datetime.now(dt.UTC))
            yield from _source(replication, name, known, database, loader)
    except FirnError as error:
        yield Health(f"{name} source", passed=False, detail=error.message, hint=error.hint)


def _catalogue(replication: Replication, name: str, known: Catalogue) -> Health:
    written = dt.datetime.fromtimestamp(replication.catalogue.stat().st_mtime, dt.UTC)
    days = (dt.datetime.now(dt.UTC) - written).days
    age = f"{len(known.tables):,} tables, written {written:%Y-%m-%d %H:%M} UTC, {days} days ago"
    return Health(f"{name} catalogue", passed=True, detail=age)


def _decisions(replication: Replication, name: str, known: Catalogue) -> Health:
    title, decided = f"{name} decisions", f"for {len(replication.tables)} tables and {len(replication.tiers)} tiers"
    missing = gone(known, replication.tables)
    if missing:
        more = f" and {len(missing) - _MOST} more" if len(missing) > _MOST else ""
        told = f"of {len(missing)} tables that the catalogue does not have: {', '.join(missing[:_MOST])}{more}"
        return Health(title, passed=False, detail=told, hint=f"take them out of firn.toml, or: firn discover {name}")
    try:
        effective(known, replication.tables, replication.tiers, name)
    except ConfigError as error:
        return Health(title, passed=False, detail=error.message, hint=error.hint)
    return Health(title, passed=True, detail=decided)


def _source(
    replication: Replication, name: str, known: Catalogue | None, database: Database, loader: Loader
) -> Iterator[Health]:
    login, server = replication.source.login(), database.server
    rights = "; ".join(database.rights())
    yield Health(
        f"{name} source", passed=True, detail=f"{login} answers, {server.version}; may {rights or 'read nothing'}"
    )
    if known is None:
        return
    found = {table.name: table for table in database.tables()}
    lacking = sorted(set(known.tables) - set(found))
    new = sorted(set(found) - set(known.tables))
    told = f"{len(found):,} tables; {len(new):,} not in the catalogue, {len(lacking):,} of it gone"
    some = f": {', '.join([*lacking, *new][:_MOST])}" if lacking or new else ""
    yield Health(f"{name} tables", passed=not lacking, detail=told + some, hint=f"firn discover {name}")
    contracts = {table: database.declared(found[table]).contract for table in known.tables if table in found}
    try:
        ways = ", ".join(sorted({way for way, _ in loader.check(Dataset(name, contracts)).values()}))
    except FirnError as error:
        yield Health(f"{name} target", passed=False, detail=error.message, hint=error.hint)
        return
    yield Health(f"{name} target", passed=True, detail=f"{len(contracts):,} tables could be published by {ways}")
