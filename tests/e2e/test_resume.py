"""A run that was killed goes on where it stopped, and ends with the rows that it would have ended with.

Processes are killed at points that they say they have reached, by another process, and resumed from another folder.
"""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from benchmarks import bad_workbooks
from benchmarks.commissions_source import generate
from benchmarks.order_list_workbooks import cached
from tests.conftest import Installation, empty
from tests.interrupted import content, kill, process
from tests.practice import practice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


PAGE = Path(__file__).parents[2] / "docs" / "runbooks" / "resume_a_killed_run.md"


def commands() -> list[list[str]]:
    """Every command of the runbook, as it stands there."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line, comments=True)[1:] for block in blocks for line in block.splitlines()]


@dataclass(frozen=True)
class Killed:
    """A source that nobody has published, what an uninterrupted run made of it, and a folder elsewhere."""

    at: Installation
    expected: dict[str, Any]
    elsewhere: Path
    pipeline: str = "order_lists"

    @property
    def config(self) -> Path:
        return self.at.folder / "firn.toml"

    def until(self, step: str, name: str = "") -> str:
        """Run or resume up to a step, kill the process there, and give the name of its run."""
        run = process(
            name or self.pipeline,
            self.elsewhere if name else self.at.folder,
            self.at.environment(None),
            step,
            self.config if name else None,
        )
        assert run.reaches(step), run.said
        return kill(run, self.at.dsn)

    def resume(self, *options: str, code: int = 0) -> dict[str, Any]:
        """Resume from elsewhere."""
        there = Installation(self.elsewhere, self.at.home, self.at.dsn)
        return there.json("resume", "--config", str(self.config), *options, code=code)

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
    name = ""
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


def test_the_runbook_is_followed(killed: Killed) -> None:
    name = killed.until("Stage")
    runs, resume, steps, attempts = commands()
    assert name in killed.at.firn(*runs).stdout
    done = killed.at.firn(*resume)
    assert done.returncode == 0, done.stderr
    assert f"PUBLISHED {name}" in done.stdout
    assert f"resumed: {BOOKS} of {BOOKS} files had been read before" in done.stdout
    listed = [re.split(r" +\| +", line.strip()) for line in killed.at.firn(*steps).stdout.splitlines()]
    assert ["1", "Stage", "running", "0"] in [line[:4] for line in listed]
    assert ["2", "Stage", "done"] in [line[:3] for line in listed]
    assert f"{name} | published |        2 | Stage" in killed.at.firn(*attempts).stdout
    assert killed.is_as_expected(name)


def test_what_changed_since_is_read_anew_and_what_did_not_is_not(killed: Killed) -> None:
    changed, *others = sorted(killed.at.books.glob("*.xlsx"))
    before = changed.read_bytes()
    name = killed.until("Extract and transform done")
    bad_workbooks.valid(changed)

    report = killed.resume("--set", "thresholds.lines=1")

    assert (report["run_id"], report["status"]) == (name, "published")
    assert f"resumed: {len(others)} of {BOOKS} files had been read before" in report["notes"]
    assert "settings changed since the run began: thresholds.lines" in report["notes"]
    resumed = content(killed.at.dsn, name)
    afresh = killed.at.json("run", "order_lists", "--full-refresh")["run_id"]
    assert resumed == content(killed.at.dsn, afresh) != killed.expected
    changed.write_bytes(before)


def test_a_verified_run_whose_source_changed_since_is_done_anew(killed: Killed) -> None:
    changed = min(killed.at.books.glob("*.xlsx"))
    before = changed.read_bytes()
    name = killed.until("Publish")
    bad_workbooks.valid(changed)

    report = killed.resume()

    assert (report["run_id"], report["status"]) == (name, "published")
    assert "it was verified before, but it was done anew: the source changed since" in report["notes"]
    resumed = content(killed.at.dsn, name)
    changed.write_bytes(before)
    assert resumed != killed.expected
    assert killed.at.query("select attempts, status from firn.run") == [(2, "published")]


def test_a_verified_run_that_locks_kept_from_publication_stays_ready_to_be_published(killed: Killed) -> None:
    killed.at.json("run", "order_lists")
    with psycopg.connect(killed.at.dsn) as holding:
        holding.execute("LOCK TABLE order_list IN SHARE ROW EXCLUSIVE MODE")
        late = killed.at.json("run", "order_lists", "--full-refresh", code=75, env={"FIRN_TARGET__MAX_WAIT_S": "1"})
    assert "The locks on" in late["error"]
    (name, status) = killed.at.query("select run_id, status from firn.run order by started_at desc limit 1")[0]
    assert (status, bool(late["hint"])) == ("ready", True)

    done = killed.at.firn("publish", name)

    assert done.returncode == 0, done.stderr
    assert killed.at.query("select run_id from firn.publication order by generation desc limit 1") == [(name,)]


def test_what_cannot_be_resumed_is_refused_with_what_to_type(killed: Killed) -> None:
    assert "No run is to be resumed" in killed.resume(code=5)["error"]
    name = killed.until("Stage")
    killed.config.rename(killed.config.with_name("moved.toml"))
    there = Installation(killed.elsewhere, killed.at.home, killed.at.dsn)
    missing = there.json("resume", code=2)
    assert missing["error"].startswith(f"The settings file of run {name}, {killed.config}, is not here.")
    assert missing["hint"] == f"firn resume {name} --config PATH"
    killed.config.with_name("moved.toml").rename(killed.config)

    held = process(name, killed.elsewhere, killed.at.environment(None), "Stage", killed.config)
    assert held.reaches("Stage")
    assert "is worked on by another process" in killed.resume(name, code=75)["error"]
    kill(held, killed.at.dsn)

    other = killed.at.json("run", "order_lists")["run_id"]
    before = killed.at.production()
    overtaken = killed.resume(name, code=5)
    assert (
        f"Run {name} began on generation 0 of order_lists; since then generation 1 was published by run {other}"
        in (overtaken["error"])
    )
    assert overtaken["hint"].startswith("firn run order_lists")
    assert killed.at.production() == before


@pytest.fixture(scope="module")
def extracts(
    installed: Callable[[], Installation], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, dict[str, Any], Path, str]]:
    at = installed()
    generate(at.folder, scale=0.002)
    (at.folder / "firn.toml").write_text('[commissions]\nfolder = "extracts"\n', encoding="utf-8")
    report = at.json("run", "commissions")
    expected = content(at.dsn, report["run_id"])
    empty(at.dsn)
    yield at, expected, tmp_path_factory.mktemp("elsewhere"), "commissions"
    empty(at.dsn)


def test_commissions_killed_at_boundaries_end_as_if_nothing_had_happened(
    extracts: tuple[Installation, dict[str, Any], Path, str],
) -> None:
    killed, name = Killed(*extracts), ""
    for step in ("Extract and transform 4", "Extract and transform done", "Stage 5", "Verify"):
        name = killed.until(step, name)

    report = killed.resume(name)

    assert (report["run_id"], report["status"]) == (name, "published")
    assert any(note.startswith("resumed: ") for note in report["notes"])
    assert killed.is_as_expected(name)


@pytest.fixture
def clinic(
    mariadb_port: int, server_home: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("clinic")
    with practice(mariadb_port, server_home[1], folder) as made:
        run = made.run().run_id
        expected = content(made.dsn, run)
        empty(made.dsn)
        at = Installation(folder, server_home[0], made.dsn)
        yield Killed(at, expected, tmp_path_factory.mktemp("elsewhere"), "clinic")


def test_a_replication_killed_at_boundaries_ends_as_if_nothing_had_happened(clinic: Killed) -> None:
    name = ""
    for step in ("Check source and target", "Read and stage 2", "Verify", "Reconcile"):
        name = clinic.until(step, name)

    report = clinic.resume(name)

    assert (report["run_id"], report["status"]) == (name, "published")
    assert clinic.is_as_expected(name)
