"""What may pass by itself is tried again, with waits that grow and an end; nothing else is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from firn import ContractError, FirnError, LoadError, SourceError, SourceUnavailable, TargetUnavailable
from pipelines.engine import retries
from pipelines.engine.progress import Silent
from pipelines.engine.retries import Retries, Retry

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", found.append)
    return found


def made(**settings: float) -> Retries:
    return Retries(Retry(**settings), Silent())  # type: ignore[arg-type]


def failing(*errors: FirnError) -> Callable[[], str]:
    """Work that fails with each of the errors in turn, and then succeeds."""
    left = list(errors)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return work


def away(code: str = "", message: str = "Away.") -> TargetUnavailable:
    error = TargetUnavailable(message)
    error.code = code
    return error


def test_what_passes_is_tried_again_and_each_attempt_is_remembered(slept: list[float]) -> None:
    trying = made()

    assert trying.run("Staging", failing(away("57P01"), SourceUnavailable("No answer."))) == "done"

    assert [(one.unit, one.attempt, one.error, one.code, one.message) for one in trying.done] == [
        ("Staging", 1, "TargetUnavailable", "57P01", "Away."),
        ("Staging", 2, "SourceUnavailable", "", "No answer."),
    ]
    assert [one.waited_s for one in trying.done] == [round(seconds, 3) for seconds in slept]


@pytest.mark.parametrize("error", [LoadError("no"), SourceError("no"), ContractError("no"), FirnError("no")])
def test_what_will_not_pass_is_never_tried_again(error: FirnError, slept: list[float]) -> None:
    trying = made()
    with pytest.raises(FirnError) as raised:
        trying.run("Staging", failing(error))
    assert raised.value is error
    assert (slept, trying.done) == ([], [])


def test_waits_grow_by_the_factor_with_jitter_up_to_the_longest(slept: list[float]) -> None:
    trying = made(attempts=8, first_delay_s=1, factor=3, longest_delay_s=20, budget_s=1000)

    trying.run("Staging", failing(*(away() for _ in range(7))))

    least = [1, 3, 9, 20, 20, 20, 20]
    assert all(low <= wait <= 1.3 * low for low, wait in zip(least, slept, strict=True))
    assert len({wait / low for low, wait in zip(least, slept, strict=True)}) > 1, "no two waits are drawn alike"


def test_the_last_attempt_ends_it_and_says_how_many_there_were() -> None:
    trying = made(attempts=2)
    with pytest.raises(TargetUnavailable, match=r"Away\. It was tried 2 times\.") as raised:
        trying.run("Staging", failing(away(), away(), away()))
    assert raised.value.exit_code == 75
    assert len(trying.done) == 1


def test_what_was_tried_in_vain_is_not_tried_again_by_a_loop_around_it() -> None:
    inner, outer = made(attempts=2), made(attempts=5)
    with pytest.raises(TargetUnavailable):
        outer.run("Publishing", lambda: inner.run("Staging", failing(*(away() for _ in range(9)))))
    assert outer.done == []


def test_a_wait_beyond_the_budget_of_the_run_is_not_begun_whoever_spent_it() -> None:
    trying = made(attempts=9, first_delay_s=1, factor=1, budget_s=4)
    trying.run("Listing", failing(away(), away()))

    with pytest.raises(TargetUnavailable):
        trying.run("Staging", failing(*(away() for _ in range(9))))

    assert trying.waited_s <= 4
    assert len(trying.done) == 3


def test_what_was_waited_for_already_is_not_waited_for_again(slept: list[float]) -> None:
    error = away("55P03")
    error.lasting = True
    with pytest.raises(TargetUnavailable, match=r"^Away\.$"):
        made().run("Publishing", failing(error))
    assert slept == []


def test_of_several_units_those_that_failed_are_waited_for_together(slept: list[float]) -> None:
    left = {"a": [away()], "b": [away(), away()], "c": [LoadError("no")]}

    def work() -> dict[str, FirnError]:
        return {unit: errors.pop(0) for unit, errors in left.items() if errors}

    assert made().until_done(work) == {}
    assert len(slept) == 2


def test_several_threads_share_one_budget() -> None:
    trying = made(attempts=9, first_delay_s=1, factor=1, budget_s=5)

    def work() -> None:
        with pytest.raises(TargetUnavailable):
            trying.run("Reading", failing(*(away() for _ in range(9))))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trying.waited_s <= 5
    assert len(trying.done) <= 5


def test_a_wait_is_never_endless_however_often_it_grew() -> None:
    assert Retry(factor=10, longest_delay_s=2).delay(10_000) <= 2.6
    assert Retry(first_delay_s=0).delay(10_000) == 0
