"""Runs a command to its end, and measures what it and its descendants took of the machine."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping  # noqa: TC003 (dataclasses read it)
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

__all__ = ["Command", "Ran", "children", "cpu_seconds", "run"]

_SAMPLE_S = 0.02
_PAGE = os.sysconf("SC_PAGESIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_UTIME, _CSTIME = 11, 15  # of /proc/PID/stat, counted after the name: user, system, and both of ended children


@dataclass(frozen=True)
class Command:
    """What is started.

    Attributes:
        words: The program and its arguments.
        folder: Where it is started.
        environment: What it finds besides the environment of the benchmark.
        start: The same program doing nothing, where it does not tell by itself when it began to work.
        quiet: Whether what it prints is rows, which nobody keeps.
    """

    words: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    start: tuple[str, ...] = ()
    quiet: bool = False


@dataclass(frozen=True)
class Ran:
    """What came of it; without figures, of what was never started.

    Attributes:
        code: The exit code.
        wall_s: From the start of the process to its end.
        cpu_s: Seconds of processors, of the process and of every child that it waited for.
        peak_mb: The most that it and its descendants held at a time, in MB, as seen 50 times a second.
        said: What it printed.
        complained: What it wrote to standard error.
    """

    code: int = -1
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    said: str = ""
    complained: str = ""


def run(command: Command) -> Ran:
    """Run a command, and measure it."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.words,
            cwd=command.folder,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if command.quiet else said,
            stderr=complained,
        )
        status, cpu_s, peak_mb = _wait(process.pid)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        return Ran(process.returncode, wall_s, cpu_s, peak_mb, _text(said), _text(complained))


def _wait(pid: int) -> tuple[int, float, float]:
    """Wait for a process; return its status, its seconds of processors and the most memory, in MB."""
    most, ended = 0.0, os.pidfd_open(pid)  # what the system says of the most memory begins with that of the benchmark
    while not select.select([ended], [], [], _SAMPLE_S)[0]:
        most = max(most, sum(_resident_mb(member) for member in _family(pid)))
    os.close(ended)
    _, status, usage = os.wait4(pid, 0)
    return status, usage.ru_utime + usage.ru_stime, most


def cpu_seconds(pid: int) -> float:
    """Return the seconds of processors of a process, of its living descendants, and of those that have ended."""
    return sum(_cpu(member) for member in _family(pid))


def children(pid: int) -> list[int]:
    """Return the children of a process that live."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text("ascii").split()]
    except OSError:  # it has ended
        return []


def _family(pid: int) -> list[int]:
    """Return a process and its descendants, as far as they live."""
    return [pid, *(member for child in children(pid) for member in _family(child))]


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE / 1e6
    except OSError:
        return 0.0


def _cpu(pid: int) -> float:
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(number) for number in numbers[_UTIME:_CSTIME]) / _TICK


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()
