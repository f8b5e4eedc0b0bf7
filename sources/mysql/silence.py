"""Keeps what a driver's library writes to standard error, when it panics, from the terminal and from logs."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["silence"]

_STANDARD_ERROR = 2
_lock = threading.Lock()
_state = {"inside": 0, "kept": -1}


@contextmanager
def silence() -> Iterator[None]:
    """Send what is written to descriptor 2 nowhere, as long as anybody is inside.

    Only where Python's own ``sys.stderr`` is another descriptor, as the command line sees to: nothing that Python
    writes is lost. What a panic means is told by the error that is raised for it.
    """
    if _descriptor() == _STANDARD_ERROR:
        yield
        return
    with _lock:
        if not _state["inside"]:
            _state["kept"] = os.dup(_STANDARD_ERROR)
            _point(os.open(os.devnull, os.O_WRONLY))
        _state["inside"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["inside"] -= 1
            if not _state["inside"]:
                _point(_state["kept"])


def _point(descriptor: int) -> None:
    os.dup2(descriptor, _STANDARD_ERROR)
    os.close(descriptor)


def _descriptor() -> int:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return _STANDARD_ERROR
