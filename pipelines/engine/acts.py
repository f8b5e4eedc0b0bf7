"""Who did what, as the target recorded it: its audit is only ever added to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.engine import settings
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["acts", "text"]


def acts(name: str | None, config: Path | None, last: int) -> list[dict[str, Any]]:
    """Return what was done to a pipeline, or to any, the latest first.

    Raises:
        FirnError: There is no such pipeline, or the target does not answer.
    """
    if name:
        settings.pipeline_class(name)
    with Typed(config=config).repeated(), settings.load_target(config).open() as loader:
        return [dict(act) for act in loader.acts(name, last)]


def text(found: list[dict[str, Any]]) -> str:
    """Lay acts out, one a line."""
    return "\n".join(map(_line, found)) or "Nothing is recorded in this target."


def _line(act: dict[str, Any]) -> str:
    who = " as ".join(filter(None, (act["person"], act["role"])))
    what = f"generation {act['generation']}" if act["generation"] else ""
    made = f"from {len(act['inputs'])} inputs" if act["inputs"] else ""
    words = " ".join(filter(None, (act["action"], act["dataset"], what, act["run_id"], made)))
    detail = f": {act['detail']}" if act["detail"] else ""
    return f"{act['at']:%Y-%m-%d %H:%M:%S}  {who}  {words}{detail}"
