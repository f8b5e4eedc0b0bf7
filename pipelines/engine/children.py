"""Calls that may abort, outgrow the memory or never end: each in a process of its own, so that it fails alone."""

from __future__ import annotations

import multiprocessing
import resource
import signal
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

Result = TypeVar("Result")

GIBIBYTE = 1 << 30
MEMORY_BYTES = 4 * GIBIBYTE
SECONDS = 600.0


class Failed(Exception):  # noqa: N818 (a state, not an error: who asked makes the error of it)
    """A call did not return; the reason completes the sentence "X could not be made: ..."."""


def alone(
    work: Callable[..., Result], *arguments: object, memory_bytes: int = MEMORY_BYTES, seconds: float = SECONDS
) -> Result:
    """Call a function of a module in a process of its own.

    Args:
        work: The function; it and what it takes and returns can be pickled.
        arguments: What it takes.
        memory_bytes: How much address space the process may have.
        seconds: How long it may take.

    Raises:
        Failed: It raised, aborted, or outgrew memory or time.
    """
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe(duplex=False)
    child = spawning.Process(target=answer, args=(there, memory_bytes, work, arguments), daemon=True)
    child.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise Failed(f"it took longer than {seconds:,.0f} s")
        result, reason = here.recv()
    except EOFError:
        child.join()
        raise Failed(ending(child.exitcode)) from None
    finally:
        child.kill()
        child.join()
        here.close()
    if reason:
        raise Failed(reason)
    return result  # type: ignore[no-any-return]


def answer(there: Connection, memory_bytes: int, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    """Call the function in the child, and send what it returns or why it does not."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    soft = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (soft, most))
    try:
        there.send((work(*arguments), ""))
    except MemoryError:
        there.send((None, f"it takes more than {memory_bytes / GIBIBYTE:,.1f} GiB of memory"))
    except Exception as error:  # noqa: BLE001 (whatever a parser raises, the workbook fails alone)
        there.send((None, f"{type(error).__name__}: {error}"))


def ending(code: int | None) -> str:
    """Say how a process ended that sent nothing."""
    if code is not None and code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with {code}"
