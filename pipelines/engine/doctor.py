"""Whether everything is fit for the next publication: the target, every pipeline, and what dead runs left."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from firn import ConfigError, FirnError, Health
from pipelines.engine import backup_age, settings
from pipelines.engine.stated import Backups
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loaders.loader import Loader
    from loaders.postgres_loader import PostgresLoader

__all__ = ["document", "is_well", "look", "text"]

WIDTH = 28


def look(config: Path | None, *, fix: bool) -> list[Health]:
    """Judge the target, and ask it of every pipeline whether its tables could be published now.

    Raises:
        FirnError: The target does not answer, or the settings are wrong.
    """
    with Typed(config=config).repeated(), settings.load_target(config).open() as loader:
        found = list(loader.health(fix=fix))
        well = found[0].passed
        found += [one for name in settings.names() if well for one in _pipeline(name, config, loader)]
        return [*found, *(_backups(config, loader) if well else ())]


def _backups(config: Path | None, loader: PostgresLoader) -> Sequence[Health]:
    published = [name for name in settings.names() if loader.visible(name)]
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
