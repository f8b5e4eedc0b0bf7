"""How a run was asked for, in the form in which state keeps it, so that it can be resumed from anywhere."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn import ConfigError, FirnError, LoadError, Transient
from pipelines.engine.execution import Options
from pipelines.engine.settings import config_path, is_secret
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from firn import Run
    from pipelines.engine.checkpoints import Checkpoints
    from pipelines.engine.pipeline import Pipeline

__all__ = ["again", "changed", "folder", "offer", "options", "settings_of", "told"]

PLACES = ("extract_to", "extract_from")
"""Options that are paths."""
COMMAND = "command:"
"""How a reference to a secret begins that a program tells."""


def told(pipeline: Pipeline, options: Options, typed: Typed) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return what state keeps of how a run is asked for: the command line, the settings, and their fingerprints."""
    from pipelines.engine.recipe import code

    path = config_path(typed.config)
    stated = {
        key: value for key, value in typed.flags.items() if not is_secret(typed.pipeline, key) and COMMAND not in value
    }
    asked = {
        "folder": str(Path.cwd()),
        "config": str(path.resolve()) if path else None,
        "flags": stated,
        "secrets": sorted(typed.flags.keys() - stated),
        "options": dict(plain(options)),
    }
    settings = settings_of(pipeline)
    return asked, settings, {"code": code(type(pipeline)), "settings": fingerprint(settings)}


def settings_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return the settings as they may be kept and shown: of a command that tells a secret, the program."""
    return {key: without_arguments(value) for key, value in pipeline.model_dump(mode="json").items()}


def without_arguments(value: Any) -> Any:  # noqa: ANN401 (a value of JSON)
    """Cut each reference to a command, however deep, to its first word: its arguments may be secrets themselves."""
    if isinstance(value, dict):
        return {key: without_arguments(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_arguments(one) for one in value]
    return value.split(" ")[0] if isinstance(value, str) and value.startswith(COMMAND) else value


def plain(options: Options) -> Iterator[tuple[str, Any]]:
    """Yield the options that are not as they are by default, as values of JSON."""
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            listed = (
                sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value
            )
            yield field.name, str(listed) if isinstance(listed, Path) else listed


def options(asked: Mapping[str, Any]) -> Options:
    """Return the options that `told` was given."""
    kept = dict(asked["options"])
    for field in fields(Options):
        if field.name in kept and isinstance(field.default, tuple | frozenset):
            kept[field.name] = type(field.default)(kept[field.name])
        elif field.name in kept and field.name in PLACES:
            kept[field.name] = Path(kept[field.name])
    return Options(**kept)


def again(run_id: str, pipeline: str, asked: Mapping[str, Any], config: Path | None, flags: Mapping[str, str]) -> Typed:
    """Return the settings by which a run goes on: those that it was asked with, where no others are given.

    Raises:
        ConfigError: They are not here. Nothing was read or written.
    """
    missing = [key for key in asked["secrets"] if key not in flags]
    if missing:
        typed = " ".join(f"--set {key}=..." for key in missing)
        raise ConfigError(
            f"Run {run_id} was asked for with secret settings, which were not kept: {', '.join(missing)}. Nothing was "
            "read or written.",
            f"firn resume {run_id} {typed}",
        )
    path = config or (Path(asked["config"]) if asked["config"] else None)
    if path and not path.is_file():
        raise ConfigError(
            f"The settings file of run {run_id}, {path}, is not here. Nothing was read or written.",
            f"firn resume {run_id} --config PATH",
        )
    return Typed(pipeline, path, {**asked["flags"], **flags})


def folder(asked: Mapping[str, Any]) -> Path:
    """Return the folder in which a run was asked for, from which its paths count; where it is gone, this one."""
    found = Path(asked["folder"])
    return found if found.is_dir() else Path.cwd()


def changed(before: Mapping[str, Any], now: Mapping[str, Any], of: str = "") -> Iterator[str]:
    """Name the settings that differ, by dotted key."""
    for key in sorted({*before, *now}):
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from changed(one, other, f"{of}{key}.")
        elif one != other:
            yield f"{of}{key}"


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def offer(error: BaseException, this: Run, kept: Checkpoints, typed: Typed) -> None:
    """Say in the hint of a run that failed how it goes on, where it has kept something and may succeed as it was asked.

    What the source or the target has of the wrong kind is to be mended, or allowed, first: such an error says so.
    """
    report = getattr(error, "report", None)
    if not isinstance(error, FirnError) or not isinstance(error, Transient | LoadError):
        return
    if not isinstance(error, Transient) and "firn " in error.hint:
        return
    if report and report.status == "failed" and kept.size():
        line = typed.again(f"firn resume {this.id}")
        error.hint = f"{error.hint}\nThen, to read only what was not read yet:\n{line}".lstrip("\n")
        report.hint = error.hint
