"""Sessions with one server that are kept and lent out, never more at a time than allowed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firn import SourceError, SourceUnavailable
from sources.mysql.errors import UNCHANGED
from sources.mysql.sessions import log_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sources.mysql.sessions import Login, Session


class Connections:
    """Connections to one server, safe to use from several threads.

    Args:
        login: Where to.
        most: How many there are at a time, lent out and kept together.
        only: Sessions that are the only ones ever lent, such as those of a snapshot, and closed by whom they belong to.
    """

    def __init__(self, login: Login, most: int, only: Sequence[Session] = ()) -> None:
        self.login, self.most = login, most
        self._renews = not only
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._kept = list(only)
        self._lent = 0
        self._keeps = True

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session; one that does not answer any more is not lent again.

        Raises:
            SourceError: The server does not answer, or refuses.
        """
        with self._lent_out():
            session = self._living() or self._made()
            try:
                yield session
            except SourceError:  # which says nothing against the session
                self._keep(session)
                raise
            except BaseException:
                session.close()
                raise
            self._keep(session)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Leave room for one connection that another driver makes: a kept session may have to go."""
        with self._lent_out():
            with self._lock:
                most = self.most - self._lent
                surplus, self._kept = self._kept[most:], self._kept[:most]
            for session in surplus:
                session.close()
            yield

    def close(self) -> None:
        """End the sessions that are kept, and keep none from now on."""
        with self._lock:
            self._keeps = False
            kept, self._kept = self._kept, []
        for session in kept:
            session.close()

    @contextmanager
    def _lent_out(self) -> Iterator[None]:
        with self._free:
            with self._lock:
                self._lent += 1
            try:
                yield
            finally:
                with self._lock:
                    self._lent -= 1

    def _living(self) -> Session | None:
        while True:
            with self._lock:
                session = self._kept.pop() if self._kept else None
            if session is None or session.answers():
                return session
            session.close()

    def _made(self) -> Session:
        if self._renews:
            return log_in(self.login)
        raise SourceUnavailable(
            f"The snapshot was lost: {self.login.host}:{self.login.port} ended its sessions. {UNCHANGED}", "run again"
        )

    def _keep(self, session: Session) -> None:
        with self._lock:
            keeps = self._keeps and self._lent + len(self._kept) <= self.most
            if keeps:
                self._kept.append(session)
        if not keeps:
            session.close()
