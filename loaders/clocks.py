"""Whether another clock agrees with this machine's: days and stamps would be taken for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import Health

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["compared"]

_SKEW_S = 5.0


def compared(check: str, theirs: dt.datetime, before: dt.datetime, after: dt.datetime) -> Health:
    """Compare a clock with ours.

    Args:
        check: Whose clock it is.
        theirs: What it said, with a zone.
        before: What ours said before it was asked.
        after: And once it had answered: what lies between the two is no difference.
    """
    beyond = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    fits = beyond <= _SKEW_S
    told = "agrees with this machine's" if fits else f"differs from this machine's by {beyond:,.0f} s"
    return Health(check, passed=fits, detail=told, hint="" if fits else "let both be set by NTP: timedatectl")
