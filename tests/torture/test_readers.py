"""The short form of ``make torture``, and what readers meet where the guards are left out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from loaders.embedded import temporary
from tests.torture.torture import SETTINGS, naive, torture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loaders.embedded import Server

STRATEGIES = ("swap", "diff")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with temporary("18", SETTINGS) as made:
        yield made


@pytest.fixture
def seed() -> int:
    """Printed by pytest with the name of a test that fails."""
    drawn = secrets.randbelow(2**32)
    print("seed", drawn)  # noqa: T201
    return drawn


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_readers_see_one_whole_generation_while_publishers_are_killed(server: Server, seed: int, strategy: str) -> None:
    result = torture(server, f"by_{strategy}", publications=12, kills=2, seed=seed, reads=20, strategy=strategy)

    assert result.faults(kills=1, reads=20) == [], result


def test_without_the_wait_for_old_snapshots_readers_see_empty_tables(server: Server, seed: int) -> None:
    result = torture(server, "without_horizon", publications=8, kills=0, seed=seed, guard=False)

    assert result.readers["repeatable_before"]["found"]["empty"] > 0, result
    assert result.generation == result.publications == 9


def test_without_the_barrier_transactions_of_several_statements_see_two_generations(server: Server, seed: int) -> None:
    result = torture(
        server, "without_barrier", publications=15, kills=0, seed=seed, strategy="diff", isolation="read_committed"
    )

    mixed = {kind for kind, reader in result.readers.items() if reader["found"].get("mixed")}
    assert mixed, result
    assert mixed <= {"read_committed", "cursor"}, result


def test_without_any_guard_readers_deadlock_wait_for_long_and_see_empty_tables(server: Server, seed: int) -> None:
    result = naive(server, "unguarded", publications=15, seed=seed)

    assert result.errors > 0, result
    assert result.seen("empty") > 0, result
    assert result.waits > 0, result
