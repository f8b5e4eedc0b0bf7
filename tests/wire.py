"""A wire between firn and any server, which can be cut in the middle of what passes, held, or made slow."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RESET = struct.pack("ii", 1, 0)
_PIECE = 1 << 14


@dataclass
class Wire:
    """What passes between firn and a server.

    Attributes:
        target: Where the server listens: host and port, or a path.
        port: Where firn is to connect instead.
        cut: Asked of each piece of bytes before it is passed on, whether firn sends it, and the connection's number:
            whether to cut it there, half of the piece passed on.
        reset: Whether a cut is a reset; else both ends are closed.
        delay_s: How long each piece is held back.
        opened: How many connections were made.
        cuts: How many of them were cut.
        refused: Whether new connections are closed at once.
    """

    target: tuple[str, int] | str
    port: int = 0
    cut: Callable[[bytes, bool, int], bool] = lambda piece, sent, number: False  # noqa: ARG005
    reset: bool = True
    delay_s: float = 0.0
    opened: int = 0
    cuts: int = 0
    refused: bool = False
    _ends: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def once(self, wanted: Callable[[bytes, bool], bool], *, since: bytes = b"", reset: bool = True) -> None:
        """Cut the first connection on which something wanted passes, and no other.

        Args:
            wanted: Is asked of each piece of bytes, and whether firn sends it.
            since: Nothing is wanted of a connection before these bytes have passed on it.
            reset: Whether the cut is a reset.
        """
        self.reset, seen = reset, set[int]()

        def cut(piece: bytes, sent: bool, number: int) -> bool:  # noqa: FBT001 (the attribute's)
            with self._lock:
                if since in piece:
                    seen.add(number)
                return number in seen and not self.cuts and wanted(piece, sent)

        self.cut = cut

    def after(self, count: int, *, sent: bool, since: bytes = b"", reset: bool = True) -> None:
        """Cut a connection once, when so many bytes have passed one way on all of which others were seen."""
        passed = [0]

        def wanted(piece: bytes, is_sent: bool) -> bool:  # noqa: FBT001 (the attribute's)
            passed[0] += len(piece) if is_sent == sent else 0
            return passed[0] > count

        self.once(wanted, since=since, reset=reset)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                self.opened += 1
                if self.refused:
                    near.close()
                    continue
                far = self._dialled()
                self._ends.append((near, far))
                for ends in ((near, far), (far, near)):
                    passing = (*ends, ends[0] is near, self.opened)
                    threading.Thread(target=self._pass, args=passing, daemon=True).start()

    def _dialled(self) -> socket.socket:
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.target)
        return far

    def _pass(self, source: socket.socket, sink: socket.socket, sent: bool, number: int) -> None:  # noqa: FBT001
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if self.cut(piece, sent, number):
                    self.cuts += 1
                    sink.sendall(piece[: len(piece) // 2])
                    self.break_(source, sink)
                    return
                if self.delay_s:
                    time.sleep(self.delay_s)
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def break_(self, *ends: socket.socket) -> None:
        """End a connection on both sides."""
        for end in ends:
            resets = self.reset and end.family != socket.AF_UNIX
            with suppress(OSError):
                if resets:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RD if resets else socket.SHUT_RDWR)  # wakes who waits for more of it
            end.close()

    def close(self) -> None:
        """End every connection."""
        for ends in self._ends:
            self.break_(*ends)


@contextmanager
def wire(target: tuple[str, int] | str) -> Iterator[Wire]:
    """Lay a wire to a server."""
    made = Wire(target)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.port = listener.getsockname()[1]
        thread = threading.Thread(target=made.serve, args=(listener,))
        thread.start()
        try:
            yield made
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            made.close()
