"""What each side must let firn do, and no more: one script for the target, one for each source that is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import ConfigError
from loaders import grants as target_side
from pipelines.engine import settings

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["only", "scripts", "text"]


def scripts(config: Path | None) -> dict[str, str]:
    """Return the script of each side by its name: ``target``, and every pipeline whose source asks for rights.

    Nothing is asked or executed.

    Raises:
        ConfigError: The settings are wrong.
    """
    found = {"target": target_side.script(settings.load_target(config))}
    for name in settings.names():
        if not settings.is_stated(name, config):
            continue
        if script := settings.load(name, config).rights():
            found[name] = script
    return found


def only(found: dict[str, str], side: str | None) -> dict[str, str]:
    """Return the script of one side, or all.

    Raises:
        ConfigError: That side asks for no rights, or is not set up.
    """
    if side and side not in found:
        raise ConfigError(
            f"{side} needs no rights, or no setting of it is stated. Nothing was read or written.",
            f"one of: {', '.join(found)}",
        )
    return {side: found[side]} if side else found


def text(found: dict[str, str]) -> str:
    """Lay the scripts out, one after another."""
    return "\n\n".join(found.values())
