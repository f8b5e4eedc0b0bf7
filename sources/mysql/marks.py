"""What the server says of whether a table was written, to be asked before and after reading it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from firn import SourceError, SourceUnavailable
from sources.mysql.statements import STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sources.mysql.sessions import Session

SETTLED = dt.timedelta(seconds=2)
"""A write is stamped with a whole second: another one in the same second would not show."""
_STAMPED = ("MyISAM", "InnoDB")
"""The engines that stamp a write when it is made; Aria, for one, does so when it writes its pages to disk."""
_COUNTED = ("MyISAM",)
"""The engines that know how many rows they have."""

_FEW = 50
"""Up to so many tables the server is asked for by name, which is quicker than to look at all."""
_POSITIONS = {True: ("SHOW MASTER STATUS",), False: ("SHOW BINARY LOG STATUS", "SHOW MASTER STATUS")}
"""For MariaDB and for MySQL, which has changed the words."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the server says of the last write of a table; two that are equal say the same.

    Attributes:
        engine: Its storage engine.
        created: When it was made or last altered, by the server's clock in UTC.
        updated: When it was last written, likewise; none where the engine does not stamp writes, or has forgotten.
        rows: How many rows it has, where the engine knows.
        settled: Whether a write after this mark would change ``updated``: where it has passed long enough.
        position: Where the server's log of all writes stands, if this account may know: the same for all tables.
    """

    engine: str
    created: dt.datetime | None
    updated: dt.datetime | None
    rows: int | None
    settled: bool = field(compare=False)
    position: str = field(default="", compare=False)

    def proves(self, later: Mark) -> bool:
        """Return whether the table was certainly not written between this mark and a later one."""
        if self.position and self.position == later.position:
            return True
        return self.settled and self == later

    @property
    def stamp(self) -> str:
        """A text that stays the same as long as the table is not written; empty where the server cannot tell."""
        rows = "" if self.rows is None else str(self.rows)
        return f"{self.engine} {self.created} {self.updated} {rows}".rstrip() if self.settled else ""


def list_marks(session: Session, names: Collection[str]) -> Mapping[str, Mark]:
    """Return the marks of tables by name, in one query and one for the log; those that are gone are left out.

    Raises:
        SourceError: The server refused, or was lost.
    """
    position, oldest = read_position(session), _oldest(session)
    few = 0 < len(names) <= _FEW
    values = {"names": tuple(names)} if few else None
    rows = session.rows(STATEMENTS["marks_of" if few else "marks"], "Asking when tables were last written", values)
    return {name: _mark(row, position, oldest) for name, *row in rows if name in names}


def _mark(row: list[Any], position: str, oldest: dt.datetime | None) -> Mark:
    engine, rows, created, updated, now = row
    stamped = updated if engine in _STAMPED else None
    settled = stamped is not None and stamped + SETTLED <= now
    if stamped is not None and engine == "InnoDB" and oldest is not None and oldest <= stamped:
        settled = False
    return Mark(engine or "", created, stamped, int(rows) if engine in _COUNTED else None, settled, position)


def _oldest(session: Session) -> dt.datetime | None:
    """Return when the oldest open transaction of InnoDB began; none where there is none, or this account may not know.

    MariaDB stamps a table when a transaction ends, but with the time at which it began: one that is open may yet leave
    the same stamp as another that has ended.
    """
    if not session.server.is_mariadb:
        return None
    try:
        found = session.rows("SELECT MIN(trx_started) FROM information_schema.INNODB_TRX", "Asking for transactions")
    except SourceUnavailable:
        raise
    except SourceError:
        return None
    oldest: dt.datetime | None = found[0][0]
    return oldest


def read_position(session: Session) -> str:
    """Return where the server's log of all writes stands; empty where this account may not know, or not all is logged.

    Raises:
        SourceError: The server refused, or was lost.
    """
    for statement in _POSITIONS[session.server.is_mariadb]:
        try:
            found = session.rows(statement, "Asking for the position in the binary log")
        except SourceUnavailable:
            raise
        except SourceError:  # without the right, or of another version
            continue
        if found and not found[0][2] and not found[0][3]:  # every database is logged
            return f"{found[0][0]}:{found[0][1]}"
    return ""
