"""The gate of the benchmarks sees what became slower, and does not see noise."""

import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks.suite import gate
from benchmarks.suite.gate import Baseline, Cost, Rounds, decide, judge, record
from benchmarks.suite.process import Command, run

CPU, BUSY_CPU, WALL = 0.07, 0.15, 0.10
"""The standard deviation of a round's quotients; those of processors as measured among eight others."""
REFERENCE = Cost(2.0, 2.0)


def add(
    found: Rounds,
    dice: Random,
    costs: Cost,
    *,
    rounds: int = gate.ROUNDS,
    reference: Cost = REFERENCE,
    noise: float = CPU,
) -> None:
    for _ in range(rounds):
        own = Cost(costs.cpu * dice.gauss(1, noise), costs.wall * dice.gauss(1, WALL))
        found.add(reference, {"work": own}, reference)


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 (noise, not a secret)


def baseline_of(found: Rounds) -> Baseline:
    return record(found, "abc", "2026-11-22T05:00")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    found = Rounds()
    add(found, chance(1), Cost(3.0, 3.0), rounds=9)
    return baseline_of(found)


def slower(baseline: Baseline, seed: int, costs: Cost, noise: float = CPU) -> bool:
    dice = chance(seed)
    verdicts = decide(baseline, lambda found: add(found, dice, costs, noise=noise), same_machine=True)
    return any(verdict.slower for verdict in verdicts)


def test_noise_is_no_regression(baseline: Baseline) -> None:
    assert not [seed for seed in range(1_000) if slower(baseline, seed, Cost(3.0, 3.0))]


def test_noise_of_a_busy_machine_is_no_regression_beside_a_baseline_of_one() -> None:
    found = Rounds()
    add(found, chance(5), Cost(3.0, 3.0), rounds=5, noise=BUSY_CPU)
    assert not [seed for seed in range(1_000) if slower(baseline_of(found), seed, Cost(3.0, 3.0), BUSY_CPU)]


@pytest.mark.parametrize("costs", [Cost(4.8, 3.0), Cost(3.0, 6.0), Cost(4.8, 4.8)], ids=str)
def test_a_planted_slow_down_is_caught_every_time(baseline: Baseline, costs: Cost) -> None:
    assert not [seed for seed in range(300) if not slower(baseline, seed, costs)]


def test_without_noise_15_percent_beyond_the_least_noise_are_allowed_and_no_more() -> None:
    before = Rounds()
    before.add(REFERENCE, {"work": REFERENCE}, REFERENCE)
    for cpu, is_slower in ((1.20, False), (1.21, True)):
        now = Rounds()
        now.add(REFERENCE, {"work": Cost(2.0 * cpu, 2.0)}, REFERENCE)
        assert [v.slower for v in judge(baseline_of(before), now, same_machine=True)] == [is_slower, False]


def test_what_was_slower_once_is_measured_again_before_it_fails(baseline: Baseline) -> None:
    dice, left = chance(1), [Cost(3.0, 3.0), Cost(3.0, 3.0), Cost(6.0, 3.0)]
    verdicts = decide(baseline, lambda found: add(found, dice, left.pop()), same_machine=True)
    assert not [verdict for verdict in verdicts if verdict.slower]
    assert len(left) < 2


def test_seconds_say_nothing_where_the_reference_waits_for_processors(baseline: Baseline) -> None:
    busy = Rounds()
    add(busy, chance(2), Cost(3.0, 9.0), reference=Cost(2.0, 4.0))
    cpu, wall = judge(baseline, busy, same_machine=True)
    assert cpu.judged
    assert not wall.judged
    assert "busy" in str(wall)


def test_a_baseline_of_a_busy_machine_has_no_seconds() -> None:
    busy = Rounds()
    add(busy, chance(4), Cost(3.0, 9.0), rounds=9, reference=Cost(2.0, 4.0))
    assert [*baseline_of(busy).quotients["work"]] == ["cpu"]
    assert [verdict.figure for verdict in judge(baseline_of(busy), busy, same_machine=True)] == ["cpu"]


def test_on_another_kind_of_machine_more_is_allowed(baseline: Baseline) -> None:
    found = Rounds()
    add(found, chance(3), Cost(4.5, 3.0), rounds=9)
    assert judge(baseline, found, same_machine=True)[0].slower
    assert not judge(baseline, found, same_machine=False)[0].slower


def test_work_without_a_baseline_is_not_compared(baseline: Baseline) -> None:
    found = Rounds()
    found.add(REFERENCE, {"new": Cost(9.0, 9.0)}, REFERENCE)
    assert judge(baseline, found, same_machine=True) == []


def spent(folder: Path, steps: int) -> Cost:
    ran = run(Command((sys.executable, "-S", "-c", f"sum(i * i for i in range({steps}))"), folder))
    assert ran.code == 0
    return Cost(ran.cpu_s, ran.wall_s)


def test_a_process_that_works_four_times_as_much_is_caught(tmp_path: Path) -> None:
    steps = 1_000_000

    def measure(found: Rounds, work: int) -> None:
        reference = spent(tmp_path, steps)
        found.add(reference, {"work": spent(tmp_path, work)}, reference)

    before = Rounds()
    measure(before, steps)
    verdicts = decide(baseline_of(before), lambda found: measure(found, 4 * steps), same_machine=True)
    assert verdicts[0].figure == "cpu"
    assert verdicts[0].slower
