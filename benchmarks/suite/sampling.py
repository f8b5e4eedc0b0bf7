"""Runs a command of firn in this process, and looks 200 times a second at which thread does what.

```
python -m benchmarks.suite.sampling FIGURES.json run order_lists --json ...
```
Between two looks every thread's seconds of processors are what the kernel counted, and they belong to the stage that
its innermost known function is in. Threads without Python, which are those of Polars, work for the threads that wait.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["STAGES", "Sampler", "main", "stage_of"]

_EVERY_S = 0.005
STAGES = (
    ("inflate", ("sources/xlsx/archive.py", "zipfile.py")),
    ("read", ("sources/mysql/", "connectorx", "pymysql", "sources/csv")),
    ("parse", ("sources/",)),
    ("cast and transform", ("transforms/", "pipelines/engine/frames.py", "pipelines/replication/")),
    ("verify", ("loaders/readback.py", "loaders/hashes.py", "loaders/totals.py", "loaders/contrast.py")),
    ("encode and COPY", ("loaders/streams.py", "loaders/staging.py", "loaders/writes.py", "loaders/lanes.py")),
    ("publish and dress", ("loaders/",)),
    ("imports", ("importlib", "<frozen")),
    ("engine", ("pipelines/", "firn.py", "click")),
)
"""The stages, and what the path of a function's file contains; the first that fits is meant."""


def stage_of(frame: FrameType | None) -> str:
    """Return the stage of the innermost function that is known."""
    while frame is not None:
        path = frame.f_code.co_filename
        for stage, parts in STAGES:
            if any(part in path for part in parts):
                return stage
        frame = frame.f_back
    return "other"


class Sampler:
    """Counts seconds of processors by stage until stopped."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def start(self) -> None:
        """Begin, with the seconds that the process has taken so far: they went into starting Python."""
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """Look once more, and return the seconds."""
        self._stop.set()
        self._thread.join()
        return self.seconds

    def _sample(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        own = threading.get_native_id()
        frames = sys._current_frames()  # noqa: SLF001 (there is no other way to see what threads do)
        known = {t.native_id: stage_of(frames.get(t.ident or 0)) for t in threading.enumerate() if t.native_id != own}
        idle: list[str] = []
        native = 0.0
        for thread in (int(path.name) for path in Path("/proc/self/task").iterdir()):
            spent = _spent(thread) - self._last.get(thread, 0.0)
            self._last[thread] = self._last.get(thread, 0.0) + spent
            if thread == own:
                self.seconds["the sampling itself"] += spent
            elif thread not in known:
                native += spent
            else:
                self.seconds[known[thread]] += spent
                idle += [known[thread]] if spent < _EVERY_S / 10 else []
        waiting = [stage for stage in idle if stage != "other"] or ["other"]
        for stage in waiting:
            self.seconds[stage] += native / len(waiting)


def _spent(thread: int) -> float:
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text("ascii").split()[0]) / 1e9
    except (OSError, IndexError):  # it has ended
        return 0.0


def main() -> None:
    """Run firn with the arguments, and write the seconds by stage."""
    figures, *arguments = sys.argv[1:]
    sys.argv = ["firn", *arguments]
    sampler, start = Sampler(), time.process_time()
    sampler.start()
    from pipelines.engine.cli import main as firn

    try:
        firn()
    finally:
        seconds = sampler.stop()
        done = {"stages": dict(seconds), "start": start, "all": time.process_time()}
        Path(figures).write_text(json.dumps(done), encoding="utf-8")


if __name__ == "__main__":
    main()
