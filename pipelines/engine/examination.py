"""What firn doctor looks at for one pipeline: the drivers, its sources, who has it, and how old things are."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from firn import FirnError, Health

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from loaders.postgres_loader import PostgresLoader
    from pipelines.engine.pipeline import Pipeline

__all__ = ["drivers", "examined"]

CORRUPTING = {
    "adbc-driver-postgresql": ((1, 12), "older ones load other decimals than they are given: 44.123456 as 4412.3456"),
    "connectorx": ((0, 4, 6), "older ones read DECIMAL and BIGINT UNSIGNED as numbers with 15 digits"),
}
"""Drivers whose older versions change values without a word: the first version that does not, and what others do."""


def drivers() -> Iterator[Health]:
    """Tell whether the drivers are of versions that change no values."""
    for name, (least, why) in CORRUPTING.items():
        found = importlib.metadata.version(name)
        fits = _numbers(found) >= least
        wanted = ".".join(map(str, least))
        detail = f"{name} {found}" if fits else f"{name} {found} changes values: {why}"
        yield Health("drivers", passed=fits, detail=detail, hint="" if fits else f"pip install '{name}>={wanted}'")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def examined(pipeline: Pipeline, name: str, loader: PostgresLoader, now: dt.datetime) -> Iterator[Health]:
    """Look at the sources of a pipeline, at who has it, and at what was last published and run."""
    yield from _sources(pipeline, name)
    yield _lease(name, loader)
    yield _published(name, loader, now)
    yield _latest(name, loader)


def _sources(pipeline: Pipeline, name: str) -> Iterator[Health]:
    if not pipeline.reads:  # what replicates looks at its source by itself
        return
    try:
        places = ", ".join(pipeline.reached())
        count = sum(1 for source in pipeline.sources() for _ in source.tables())
    except FirnError as error:
        yield Health(f"{name} source", passed=False, detail=error.message, hint=error.hint)
    else:
        yield Health(f"{name} source", passed=True, detail=f"{places} answers; {count:,} tables are listed")


def _lease(name: str, loader: PostgresLoader) -> Health:
    found = loader.holder(name)
    if found is None:
        return Health(f"{name} lease", passed=True, detail="nobody runs it")
    whose, is_alive = found
    over = "" if is_alive else "; its lease is over, and the next run takes over"
    return Health(f"{name} lease", passed=True, detail=f"{whose}{over}")


def _published(name: str, loader: PostgresLoader, now: dt.datetime) -> Health:
    visible = loader.visible(name)
    if visible is None or visible.published_at is None:
        return Health(f"{name} age", passed=True, detail="nothing was published yet")
    age = _age(now - visible.published_at)
    told = f"generation {visible.generation} of run {visible.run_id}, published {age} ago"
    return Health(f"{name} age", passed=True, detail=told)


def _latest(name: str, loader: PostgresLoader) -> Health:
    latest = next(iter(loader.runs(name, 1)), None)
    if latest is None:
        return Health(f"{name} latest run", passed=True, detail="none")
    failed = latest["status"] == "failed"
    why = f": {(latest['error'] or '').partition(chr(10))[0]}" if failed else ""
    told = f"{latest['run_id']} {latest['status']}{why}"
    return Health(f"{name} latest run", passed=not failed, detail=told, hint=f"firn report {latest['run_id']}")


def _age(since: dt.timedelta) -> str:
    hours = since.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h"  # noqa: PLR2004 (two days)
