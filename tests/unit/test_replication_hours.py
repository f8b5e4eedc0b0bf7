"""Office hours: which moments lie in them, by the clock of the people at the source."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from pipelines.clinic import Clinic
from pipelines.replication.hours import OfficeHours, hours

SOURCE = {"database": "practice"}


@pytest.mark.parametrize(
    ("written", "zone", "now", "inside"),
    [
        ("06:00-21:00", "UTC", "2026-01-05 05:59:59", False),
        ("06:00-21:00", "UTC", "2026-01-05 06:00:00", True),
        ("06:00-21:00", "UTC", "2026-01-05 20:59:59", True),
        ("06:00-21:00", "UTC", "2026-01-05 21:00:00", False),
        ("06:00-21:00", "America/Chicago", "2026-01-05 11:59:00", False),
        ("06:00-21:00", "America/Chicago", "2026-01-05 12:00:00", True),
        ("06:00-21:00", "America/Chicago", "2026-07-05 11:00:00", True),
        ("22:00-06:00", "UTC", "2026-01-05 23:30:00", True),
        ("22:00-06:00", "UTC", "2026-01-05 05:30:00", True),
        ("22:00-06:00", "UTC", "2026-01-05 12:00:00", False),
    ],
)
def test_a_moment_lies_in_them_by_the_clock_of_their_zone(written: str, zone: str, now: str, *, inside: bool) -> None:
    assert OfficeHours.of(written, zone).include(dt.datetime.fromisoformat(now)) is inside


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"office_hours": "6-21", "time_zone": "UTC"}, 'they are written as "06:00-21:00"'),
        ({"office_hours": "06:00-24:00", "time_zone": "UTC"}, 'they are written as "06:00-21:00"'),
        ({"office_hours": "06:00-06:00", "time_zone": "UTC"}, "they end when they begin"),
        ({"office_hours": "06:00-21:00"}, "set time_zone"),
        ({"office_hours": "06:00-21:00", "time_zone": "America/Chicgo"}, "there is no time zone"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused_as_a_setting(stated: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Clinic.model_validate({"source": SOURCE, **stated})


def test_without_the_setting_there_are_none() -> None:
    assert hours(Clinic.model_validate({"source": SOURCE})) is None
