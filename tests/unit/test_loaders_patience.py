"""Waiting ends, and the pauses grow."""

from __future__ import annotations

import itertools

import pytest

from loaders import patience
from loaders.patience import Patience


def test_pauses_grow_with_jitter_up_to_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", slept.append)
    waiting = Patience(1000)

    assert all(waiting.pause() for _ in range(20))

    longest = [min(0.5, 0.03 * 1.4**i) for i in range(20)]
    assert all(high / 2 <= pause <= high for pause, high in zip(slept, longest, strict=True))
    assert waiting.slept == pytest.approx(sum(slept))


def test_no_time_left_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr(patience.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(patience.time, "sleep", lambda _: None)
    waiting = Patience(3, started=0)

    assert [waiting.pause() for _ in range(5)] == [True, True, True, False, False]
