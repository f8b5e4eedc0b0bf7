"""Whether everything is fit for the next publication: the target, every pipeline, and what dead runs left."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from firn import ConfigError, FirnError, Health
from pipelines.engine import backup_age, examination, settings
from pipelines.engine.stated import Backups
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loaders.loader import Loader
    from loaders.postgres_loader import PostgresLoader

__all__ = ["document", "is_well", "look", "text"]

WIDTH = 28


def look(config: Path | None, name: str = "", *, fix: bool) -> list[Health]:
    """Judge the target, and ask it of every pipeline whether its tables could be published now.

    Args:
        config: The settings file.
        name: A pipeline that is looked at alone, and closer: its sources are listed too.
        fix: Drop what dead runs left.

    Raises:
        FirnError: The target does not answer, or the settings are wrong.
    """
    target = settings.load(name, config).target if name else settings.load_target(config)
    names = [name] if name else settings.names()
    with Typed(name, config).repeated(), target.open() as loader:
        found = [*loader.health(fix=fix), *examination.drivers()]
        if not found[0].passed:
            return found
        found += [one for each in names for one in _pipeline(each, config, loader)]
        if name:
            now = dt.datetime.now(dt.UTC)
            found += examination.examined(settings.load(name, config), name, loader, now)
        return [*found, *_backups(names, config, loader)]


def _backups(names: Sequence[str], config: Path | None, loader: PostgresLoader) -> Sequence[Health]:
    published = [name for name in names if loader.visible(name)]
    asked = settings.load_table(Backups, config)
    return backup_age.judged(published, loader.backups(), asked, dt.datetime.now(dt.UTC))


def _pipeline(name: str, config: Path | None, loader: Loader) -> Sequence[Health]:
    pipeline, title = settings.pipeline_class(name), f"pipeline {name}"
    try:
        return list(pipeline.fitness(name, lambda: settings.load(name, config), loader))
    except FirnError as error:
        if isinstance(error, ConfigError) and not settings.is_stated(name, config):
            return [Health(title, passed=True, detail="not set up: no setting of it is stated")]
        return [Health(title, passed=False, detail=error.message, hint=error.hint)]


def is_well(found: Sequence[Health]) -> bool:
    """Tell whether nothing has to be done."""
    return all(health.passed for health in found)


def document(found: Sequence[Health]) -> dict[str, Any]:
    """Give what was found as plain values."""
    return {"passed": is_well(found), "findings": [asdict(health) for health in found]}


def text(found: Sequence[Health]) -> str:
    """Lay what was found out for reading; what to type stands below what is wrong."""
    lines = []
    for health in found:
        lines.append(f"{'pass' if health.passed else 'FAIL'}  {health.check:<{WIDTH}}{health.detail}")
        lines += [f"{'':<{WIDTH + 6}}Try: {health.hint}"] if health.hint and not health.passed else []
    wrong = sum(not health.passed for health in found)
    return "\n".join([*lines, f"{wrong} to see to" if wrong else "All is well."])
