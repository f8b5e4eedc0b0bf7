"""What the doctor finds of clocks and drivers."""

from __future__ import annotations

import datetime as dt
import importlib.metadata

import pytest

from loaders.clocks import compared
from pipelines.engine import examination

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "passed", "told"),
    [(0, True, "agrees"), (6, True, "agrees"), (-4, True, "agrees"), (60, False, "by 58 s"), (-60, False, "by 60 s")],
)
def test_a_clock_differs_by_what_lies_beyond_the_time_that_the_answer_took(
    seconds: int, told: str, *, passed: bool
) -> None:
    found = compared("clock", NOON + dt.timedelta(seconds=seconds), NOON, NOON + dt.timedelta(seconds=2))
    assert found.passed is passed
    assert told in found.detail
    assert bool(found.hint) is not passed


def test_the_drivers_in_use_change_no_values() -> None:
    assert all(found.passed for found in examination.drivers())


@pytest.mark.parametrize(("name", "version"), [("adbc-driver-postgresql", "1.11.0"), ("connectorx", "0.4.5")])
def test_a_driver_that_changes_values_is_named_with_what_to_install(
    name: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda asked: version if asked == name else real(asked))

    (wrong,) = (found for found in examination.drivers() if not found.passed)

    assert wrong.detail.startswith(f"{name} {version} changes values: ")
    assert wrong.hint.startswith(f"pip install '{name}>=")
