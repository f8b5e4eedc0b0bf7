"""A call in a process of its own fails alone, and says how."""

import os
import time

import pytest

from pipelines.engine.children import GIBIBYTE, Failed, alone


def test_a_call_returns_what_its_function_returns() -> None:
    assert alone(divmod, 7, 2) == (3, 1)


def test_an_exception_is_told_in_words() -> None:
    with pytest.raises(Failed, match="ValueError: invalid literal"):
        alone(int, "seven")


def test_an_aborted_process_is_told_by_its_signal() -> None:
    with pytest.raises(Failed, match="ended by SIGABRT"):
        alone(os.abort)


def test_a_call_that_outgrows_its_memory_is_ended() -> None:
    with pytest.raises(Failed, match=r"more than 1\.0 GiB"):
        alone(bytearray, 2 * GIBIBYTE, memory_bytes=GIBIBYTE)


def test_a_call_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(Failed, match="longer than 1 s"):
        alone(time.sleep, 600, seconds=1)
    assert time.monotonic() - started < 60
