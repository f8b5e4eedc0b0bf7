"""On what, with what and of which commit something was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

__all__ = ["ROOT", "about", "commit", "kind"]

ROOT = Path(__file__).parents[2]
_GIB = 1 << 30
_CODE = (":/*.py", ":/*.sql", ":/*.toml", ":/*.csv", ":/requirements.lock")
_PACKAGES = ("polars", "adbc-driver-postgresql", "connectorx", "psycopg", "dataframely")


def about(**more: object) -> dict[str, object]:
    """Return the first line of a file of results."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": kind(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB, 1),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        **more,
    }


def kind() -> str:
    """Return what machines must have in common to be compared: the model of their processors and how many there are."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} x {models[0] if models else platform.machine()}"


def commit() -> str:
    """Return the commit that is measured, with a plus if code differs from it; empty outside of a clone."""
    head = _git("rev-parse", "--short=8", "HEAD")
    return f"{head}+" if head and _git("status", "--porcelain", "--untracked-files=no", "--", *_CODE) else head


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
