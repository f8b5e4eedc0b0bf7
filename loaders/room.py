"""How much may be in memory at a time: whoever brings more waits until there is room."""

from __future__ import annotations

from threading import Condition

__all__ = ["Room"]


class Room:
    """A number of bytes that several threads share.

    Args:
        size: How many bytes there are. What is larger goes in alone.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._used = 0
        self._changed = Condition()

    def take(self, size: int) -> None:
        """Take some bytes, as soon as there are so many or nobody else has any."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size <= self.size)
            self._used += size

    def has(self, size: int) -> bool:
        """Take some bytes if there are so many, without waiting, and tell whether there were."""
        with self._changed:
            fits = self._used + size <= self.size
            self._used += size if fits else 0
            return fits

    def free(self, size: int) -> None:
        """Give some bytes back."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()
