"""A run that was killed goes on where it stopped, and ends with the rows that it would have ended with.

Processes are killed at points that they say they have reached, by another process, and resumed from another folder.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.order_list_workbooks import cached
from tests.conftest import Installation, empty
from tests.interrupted import content, kill, process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BEFORE_IT_IS_VERIFIED = (
    "Check the target",
    "Check the target done",
    "Extract and transform",
    "Extract and transform 2",
    "Extract and transform done",
    "Stage",
    "Stage 3",
    "Stage done",
    "Verify",
)
AFTER_IT_IS_VERIFIED = {
    "Verify done": "it was verified before",
    "Publish": "it was verified before",
    "Publish done": "it was published before, as generation 1",
    "Check production done": "it was published before, as generation 1",
}
BOOKS = 4


@dataclass(frozen=True)
class Killed:
    """Order lists that nobody has published, what an uninterrupted run made of them, and a folder elsewhere."""

    at: Installation
    expected: dict[str, Any]
    elsewhere: Path

    def until(self, step: str, name: str = "order_lists") -> str:
        """Run or resume up to a step, kill the process there, and give the name of its run."""
        where = self.at.folder if name == "order_lists" else self.elsewhere
        config = None if name == "order_lists" else self.at.folder / "firn.toml"
        run = process(name, where, self.at.environment(None), step, config)
        assert run.reaches(step), run.said
        return kill(run, self.at.dsn)

    def resume(self, *options: str, code: int = 0) -> dict[str, Any]:
        """Resume from elsewhere."""
        there = Installation(self.elsewhere, self.at.home, self.at.dsn)
        return there.json("resume", "--config", str(self.at.folder / "firn.toml"), *options, code=code)

    def is_as_expected(self, run_id: str) -> bool:
        """Whether production holds what an uninterrupted run published, and was published once."""
        assert self.at.query("select run_id, generation from firn.publication") == [(run_id, 1)]
        return content(self.at.dsn, run_id) == self.expected


@pytest.fixture(scope="module")
def uninterrupted(
    installed: Callable[[], Installation], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, dict[str, Any], Path]:
    at = installed()
    books = sorted((cached(scale=0.02, seed=3) / "workbooks").glob("*.xlsx"), key=lambda book: book.stat().st_size)
    for book in books[-BOOKS:]:
        shutil.copy(book, at.books)
    report = at.json("run", "order_lists")
    expected = content(at.dsn, report["run_id"])
    assert min(rows for rows, _ in expected.values()) > 0
    empty(at.dsn)
    return at, expected, tmp_path_factory.mktemp("elsewhere")


@pytest.fixture
def killed(uninterrupted: tuple[Installation, dict[str, Any], Path]) -> Iterator[Killed]:
    yield Killed(*uninterrupted)
    empty(uninterrupted[0].dsn)


def test_a_run_killed_at_every_boundary_one_after_another_publishes_the_rows_of_a_run_that_was_not(
    killed: Killed,
) -> None:
    name = "order_lists"
    for step in BEFORE_IT_IS_VERIFIED:
        name = killed.until(step, name)

    report = killed.resume()

    assert (report["run_id"], report["status"]) == (name, "published")
    assert killed.is_as_expected(name)
    assert f"resumed: {BOOKS} of {BOOKS} files had been read before" in report["notes"]
    assert killed.at.query("select attempts, resumed_from, began_on from firn.run") == [(10, "Verify", 0)]
    ended = killed.at.query(
        "select attempt, step, status from firn.step where kind = 'phase' order by attempt desc, began_at desc limit 6"
    )
    assert ended[0] == (10, "Check production", "done")
    assert ended[-1] == (10, "Check the target", "done")
    assert not list((killed.at.home / "checkpoints").glob("order_lists_*"))


@pytest.mark.parametrize("step", AFTER_IT_IS_VERIFIED)
def test_a_run_killed_around_its_commit_is_published_once(killed: Killed, step: str) -> None:
    name = killed.until(step)

    report = killed.resume()

    assert (report["run_id"], report["status"]) == (name, "published")
    assert any(note.startswith(AFTER_IT_IS_VERIFIED[step]) for note in report["notes"])
    assert [one["passed"] for one in report["after_publish"]] == [True]
    assert killed.is_as_expected(name)
    assert "nothing was left to do" in str(killed.resume(name)["notes"])
    assert killed.is_as_expected(name)
