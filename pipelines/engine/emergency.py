"""What is done at once when production shows what it must not: lead it back, stop what would spoil it again, tell."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from firn import ConfigError, FirnError, Published, PublishError
from pipelines.engine import incidents, settings, texts
from pipelines.engine.hooks import Called, call
from pipelines.engine.stated import Emergency
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loaders.loader import Loader

__all__ = ["Handled", "document", "handle", "text"]


@dataclass(frozen=True, slots=True)
class Handled:
    """What was done.

    Attributes:
        incident: What is known of it.
        report: Where that is written; none where it could not be, which ``incident`` says.
        error: Why production was not led back.
    """

    incident: incidents.Incident
    report: Path | None
    error: FirnError | None = None


def handle(name: str, config: Path | None, reason: str, to: int | None = None) -> Handled:
    """Disable a pipeline, show an earlier generation of it, and tell of it.

    Nothing of it is published from the first moment on. What can fail after production was led back does not undo that:
    it is told.

    Args:
        name: The pipeline.
        config: The settings file.
        reason: Why; it is recorded.
        to: The generation to show; by default the one before the visible rows.

    Raises:
        ConfigError: The settings are wrong, or no reason is given. Nothing was done.
        TargetUnavailable: The target does not answer; nothing was done, or the message says what was.
    """
    settings.pipeline_class(name)
    if not reason.strip():
        raise ConfigError("An emergency needs a reason, which is recorded. Nothing was done.", 'add --reason "..."')
    emergency = settings.load_table(Emergency, config)
    with Typed(name, config).repeated(), settings.load_target(config).open() as loader:
        before = loader.visible(name)
        # Known before others can publish yet another generation; what was there before firn has to be asked for.
        wanted = (loader.previous(name) or None) if to is None else to
        loader.disable(name, reason)
        shown, error = _led_back(loader, name, wanted, reason)
        incident = incidents.look(loader, name, reason, before=before, shown=shown, error=error)
    path, incident = _written(emergency, incident)
    if emergency.hook:
        hook = _called(emergency, incident, path)
        path, incident = _written(emergency, replace(incident, hook=hook), path)
    return Handled(incident, path, error)


def _led_back(loader: Loader, name: str, to: int | None, reason: str) -> tuple[Published | None, FirnError | None]:
    """Roll back; once more where a publication that was under way came in between, because no other can follow it."""
    why = f"emergency: {reason}"
    try:
        try:
            return loader.rollback(name, to, why=why), None
        except PublishError:
            return loader.rollback(name, to, why=why), None
    except FirnError as error:
        return None, error


def _called(emergency: Emergency, incident: incidents.Incident, path: Path | None) -> Called:
    told = {
        "INCIDENT_PIPELINE": incident.pipeline,
        "INCIDENT_REASON": incident.reason,
        "INCIDENT_REPORT": str(path or ""),
    }
    return call(emergency.hook, json.dumps(document(incident, path), default=str), told, emergency.hook_timeout_s)


def _written(
    emergency: Emergency, incident: incidents.Incident, path: Path | None = None
) -> tuple[Path | None, incidents.Incident]:
    try:
        return incidents.write(incident, emergency.folder, path), incident
    except OSError as error:
        return None, replace(incident, unwritten=f"{emergency.folder}: {error.strerror}")


def document(incident: incidents.Incident, path: Path | None) -> dict[str, Any]:
    """Give what was done as plain values."""
    return {**asdict(incident), "report": str(path) if path else None}


def text(handled: Handled) -> str:
    """Say what was done, and what is to be done next."""
    return "\n".join(_lines(handled.incident, handled.report, handled.error))


def _lines(incident: incidents.Incident, path: Path | None, error: FirnError | None) -> Iterator[str]:
    yield texts.published_text(incident.shown) if incident.shown else f"Production was not led back: {incident.failure}"
    yield from [f"Try: {error.hint}"] if error and error.hint else []
    yield f"Disabled: nothing of {incident.pipeline} is published until: firn enable {incident.pipeline}"
    if incident.hook:
        yield f"The hook {incident.hook}."
    yield f"Report: {path}" if path else f"No report could be written to {incident.unwritten}."
