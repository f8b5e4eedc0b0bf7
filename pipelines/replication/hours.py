"""The hours in which people work at the source, and nothing else is to load it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firn import SourceUnavailable

if TYPE_CHECKING:
    from pipelines.engine.execution import Execution
    from pipelines.replication.replication import Replication

__all__ = ["ACT", "OfficeHours", "hours", "refuse_office_hours"]

ACT = "loaded in office hours"
"""How the audit names a run that read the source in them."""

_WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Hours of every day.

    Attributes:
        begin: When they begin.
        end: When they are over; before ``begin`` where that is on the next day.
        zone: Whose clock says so.
    """

    begin: dt.time
    end: dt.time
    zone: ZoneInfo

    @classmethod
    def of(cls, written: str, zone: str) -> OfficeHours:
        """Read hours such as ``06:00-21:00`` and the name of a time zone.

        Raises:
            ValueError: What is wrong with them.
        """
        found = _WRITTEN.fullmatch(written)
        if not found:
            raise ValueError('they are written as "06:00-21:00"')
        begin, end = (dt.time(int(found[i]), int(found[i + 1])) for i in (1, 3))
        if begin == end:
            raise ValueError("they end when they begin")
        return cls(begin, end, _zone(zone))

    def __str__(self) -> str:
        """Write them as a person does."""
        return f"{self.begin:%H:%M}-{self.end:%H:%M} {self.zone.key}"

    def local(self, now: dt.datetime) -> dt.datetime:
        """Return a moment, in UTC and without a zone, as their clock shows it."""
        return now.replace(tzinfo=dt.UTC).astimezone(self.zone)

    def include(self, now: dt.datetime) -> bool:
        """Tell whether a moment, in UTC and without a zone, lies in them."""
        time = self.local(now).time()
        if self.begin < self.end:
            return self.begin <= time < self.end
        return time >= self.begin or time < self.end


def hours(replication: Replication) -> OfficeHours | None:
    """Return the hours that are stated for a source."""
    stated = replication.office_hours
    return OfficeHours.of(stated, replication.time_zone) if stated else None


def refuse_office_hours(replication: Replication, execution: Execution, now: dt.datetime) -> str:
    """Refuse to read rows in office hours that nobody asked for.

    Args:
        replication: Whose source.
        execution: The run, which may have been asked to read anyway.
        now: The source's clock, in UTC.

    Returns:
        What is to be recorded of a run in them; nothing of any other.

    Raises:
        SourceUnavailable: The source is to be left alone now.
    """
    office = hours(replication)
    if office is None or not office.include(now):
        return ""
    told = f"{office.local(now):%H:%M} in {office.zone.key}"
    if not execution.options.anyway:
        error = SourceUnavailable(
            f"It is {told}: office hours of the source are {office.begin:%H:%M} to {office.end:%H:%M}. No row was "
            "read; production is unchanged.",
            f"run after {office.end:%H:%M}; or load the source while people work with it, which is recorded: --anyway",
        )
        error.lasting = True  # for hours
        raise error
    return f"at {told}, office hours {office}"


def _zone(name: str) -> ZoneInfo:
    if not name:
        raise ValueError('the zone of their clock is not named: set time_zone, such as "America/Chicago"')
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None
