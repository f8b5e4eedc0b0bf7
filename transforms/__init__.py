"""What is done to tables: pure functions of frames, without files, clocks or chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["row_local"]

Step = TypeVar("Step", bound="Callable[..., object]")


def row_local(function: Step) -> Step:
    """Mark a transform whose output rows each depend on one part only, so that it runs once per part.

    Args:
        function: The transform.

    Returns:
        The same function, with the attribute ``row_local`` set.
    """
    vars(function)["row_local"] = True
    return function
