"""A program of the user's that is told of something: started without a shell, and given a time."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Called", "call"]


@dataclass(frozen=True, slots=True)
class Called:
    """What became of a program.

    Attributes:
        command: What was started.
        failure: Why it did not do its work, in words; empty where it ended well.
    """

    command: tuple[str, ...]
    failure: str = ""

    def __str__(self) -> str:
        said = f"failed: {self.failure}" if self.failure else "ended well"
        return f"{shlex.join(self.command)} {said}"


def call(command: Sequence[str], document: str, variables: Mapping[str, str], seconds: float) -> Called:
    """Run a program with a document as its standard input; what it prints goes to standard error.

    Args:
        command: The program and its arguments; no shell reads them.
        document: What it is told.
        variables: Added to its environment.
        seconds: How long it may take; then it is killed, with all that it has started.

    Returns:
        What became of it; nothing is raised.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 (the command is the user's own)
            command,
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            env={**os.environ, **variables},
            start_new_session=True,
            text=True,
        )
    except OSError as error:
        return Called(tuple(command), f"it could not be started: {error.strerror}")
    try:
        process.communicate(document, timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        return Called(tuple(command), f"it took longer than {seconds:g} s and was killed")
    code = process.returncode
    return Called(tuple(command), f"it ended with exit code {code}" if code else "")


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
