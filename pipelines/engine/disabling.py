"""Whether anything of a pipeline may be published: until somebody enables it again, nothing of a disabled one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firn import ConfigError
from pipelines.engine import settings
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["disable", "enable", "text"]


def disable(name: str, config: Path | None, reason: str) -> dict[str, Any]:
    """Have nothing of a pipeline published from now on.

    Raises:
        ConfigError: There is no such pipeline, or no reason is given. Nothing was written.
        FirnError: The target does not answer, or refuses.
    """
    settings.pipeline_class(name)
    if not reason.strip():
        raise ConfigError("A reason is needed; it is told to whoever is refused. Nothing was written.", "--reason TEXT")
    with Typed(name, config).repeated(), settings.load_target(config).open() as loader:
        loader.disable(name, reason)
        (found,) = loader.disabled(name)
    return {"pipeline": name, "disabled": True, **{key: found[key] for key in ("at", "person", "role", "reason")}}


def enable(name: str, config: Path | None) -> dict[str, Any]:
    """Let a pipeline be published again; tell whether it was disabled.

    Raises:
        ConfigError: There is no such pipeline. Nothing was written.
        FirnError: The target does not answer, or refuses.
    """
    settings.pipeline_class(name)
    with Typed(name, config).repeated(), settings.load_target(config).open() as loader:
        return {"pipeline": name, "disabled": False, "was_disabled": loader.enable(name)}


def text(found: dict[str, Any]) -> str:
    """Say what holds now, and what to type next."""
    name = found["pipeline"]
    if found["disabled"]:
        return f"Nothing of {name} is published from now on. Production is unchanged. Next: firn enable {name}"
    if not found["was_disabled"]:
        return f"Pipeline {name} was not disabled."
    return f"Pipeline {name} is enabled. Next: firn run {name} --dry-run"
