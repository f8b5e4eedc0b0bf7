"""Wherever a replication is killed or meets another, production shows one generation, and the next run the source."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from firn import RunLocked, StateError
from pipelines.engine import commands, watching
from tests.practice import EVERYWHERE, Practice, opened, practice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.torture.loading import Watched

STEPS = {
    "Check source and target": "starting",
    "Read and stage": "Check source and target",
    "table 2": "Read and stage",
    "Verify": "Read and stage",
    "Reconcile": "Verify",
    "Publish": "Reconcile",
    "over": "",
}
"""Steps before which a run is killed, the last after its commit; and the phase of which it last told."""


@pytest.fixture(scope="module")
def clinic(
    mariadb_port: int, server_home: tuple[object, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    with practice(mariadb_port, server_home[1], tmp_path_factory.mktemp("interrupted")) as made:
        assert made.run().status == "published"
        yield made


def killed(clinic: Practice, run: Watched) -> str:
    """Kill a run, wait until the server has noticed, and give its name."""
    run.send(signal.SIGKILL)
    assert run.ended() == -signal.SIGKILL
    clinic.is_left_alone()
    return run.said[0]


def follow(clinic: Practice) -> list[str]:
    """What is told to who watches the latest run to its end, with the error where it has none."""
    lines = []
    try:
        lines += watching.watch("clinic", clinic.config)
    except StateError as error:
        lines.append(str(error))
    return lines


def fits(clinic: Practice) -> bool:
    """Whether what is remembered of each table is of the rows that production shows of it."""
    counts = {name: clinic.ask(f"SELECT count(*) FROM {name}")[0][0] for name in clinic.tables}  # noqa: S608 (own names)
    return {name: cursor.get("rows", counts[name]) for name, cursor in clinic.cursors().items()} == counts


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_was_killed_left_one_generation_and_the_next_run_shows_the_source(
    clinic: Practice, step: str
) -> None:
    assert clinic.differing() == []
    before, generation = clinic.shown(), clinic.generation()
    clinic.source.execute(*EVERYWHERE)
    run = clinic.process(hold=step)
    assert run.reaches(step), run.said

    name = killed(clinic, run)

    is_published = step == "over"
    assert (clinic.shown() == before, clinic.generation() - generation) == (not is_published, int(is_published))
    assert (clinic.differing() == []) is is_published
    assert fits(clinic)
    left, *_, end = [clinic.outcome(name)[0], *follow(clinic)]
    assert left == {"Publish": "ready", "over": "published"}.get(step, "running")  # only what is ready can be published
    ended = f"The process of run {name} ended in phase {STEPS[step]}, .* left it {left}.*production is unchanged."
    assert re.search(f"{name}  published" if is_published else ended, end), end

    clinic.source.execute(*EVERYWHERE)
    report = clinic.run()

    assert (report.status, report.failed) == ("published", [])
    assert clinic.differing() == []
    assert fits(clinic)
    assert clinic.generation() == generation + 1 + is_published
    assert clinic.staged() == []
    status, error = clinic.outcome(name)
    assert (status, bool(error)) == (("published", False) if is_published else ("failed", True))
    with opened(clinic) as loader:
        assert [one for one in loader.health(fix=False) if one.check == "leftovers" and not one.passed] == []


def test_a_run_that_was_killed_in_its_commit_is_published_or_is_not(clinic: Practice) -> None:
    """The statement is on its way when its process dies: the server ends it, or takes it back."""
    before, generation = clinic.shown(), clinic.generation()
    clinic.source.execute(*EVERYWHERE)
    run = clinic.process(hold="Publish")
    assert run.reaches("Publish"), run.said
    with psycopg.connect(clinic.dsn) as holding:
        holding.execute("LOCK TABLE firn.publication IN SHARE MODE")
        run.go_on()
        waits = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'firn' AND wait_event = 'relation'"
        while not clinic.ask(waits):
            assert not run.is_over()
            time.sleep(0.02)
        run.send(signal.SIGKILL)
    name = killed(clinic, run)

    is_published = clinic.generation() > generation
    assert clinic.differing() == [] if is_published else clinic.shown() == before
    assert fits(clinic)
    clinic.source.execute(*EVERYWHERE)
    assert clinic.run().status == "published"
    assert clinic.differing() == []
    assert clinic.staged() == []
    assert clinic.outcome(name)[0] == ("published" if is_published else "failed")


@pytest.mark.parametrize("step", ["table 2", "Publish"])
def test_a_run_that_slept_past_its_lease_was_overtaken_and_publishes_nothing(
    clinic: Practice, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRN_TARGET__LEASE_S", "1")
    generation = clinic.generation()
    clinic.source.execute(*EVERYWHERE)
    late = clinic.process(hold=step)
    assert late.reaches(step), late.said
    clinic.source.execute(*EVERYWHERE)
    with pytest.raises(RunLocked, match=f"clinic is being run by run {late.said[0]} "):
        clinic.run()

    late.send(signal.SIGSTOP)
    while clinic.ask("SELECT 1 FROM firn.lease WHERE expires_at > clock_timestamp()"):
        time.sleep(0.02)
    assert clinic.run().status == "published"
    assert clinic.ask("SELECT detail FROM firn.audit WHERE action = 'took over'")[-1][0].startswith(
        "run " + late.said[0]
    )
    shown = clinic.shown()
    late.send(signal.SIGCONT)
    late.go_on()

    assert late.ended() == 75
    assert f"RunLocked: Run {late.said[0]} gave no sign of life" in late.said[-1]
    assert "production is unchanged by it" in late.said[-1]
    assert (clinic.shown(), clinic.generation()) == (shown, generation + 1)
    assert clinic.differing() == []
    assert clinic.outcome(late.said[0])[0] == "failed"
    monkeypatch.undo()
    clinic.source.execute(*EVERYWHERE)
    assert clinic.run().status == "published"
    assert clinic.differing() == []
    assert clinic.staged() == []
    assert commands.report(late.said[0], clinic.config).status == "failed"


def test_runs_that_begin_together_publish_the_source_once_or_one_after_the_other(clinic: Practice) -> None:
    generation = clinic.generation()
    clinic.source.execute(*EVERYWHERE)

    runs = [clinic.process(), clinic.process()]
    codes = sorted(run.ended() for run in runs)

    assert codes in ([0, 0], [0, 4], [0, 75]), [run.said[-1] for run in runs]
    assert clinic.generation() > generation
    assert clinic.differing() == []
    assert fits(clinic)
