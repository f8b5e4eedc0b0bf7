"""One run at a time has a pipeline: by a lease that the server's clock ends, and a token that publication asks for."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from test_postgres_servers import SHOP, Target, newest, orders

from firn import Run, RunLocked
from loaders import postgres_loader, queries
from loaders.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from firn import Dataset
    from loaders.postgres import Postgres
    from loaders.postgres_loader import PostgresLoader

__all__ = ["newest"]

ENDING = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE application_name = 'firn' AND datname = current_database()"""
OVER = "UPDATE firn.lease SET expires_at = clock_timestamp()"


@contextmanager
def leased(settings: Postgres) -> Iterator[tuple[PostgresLoader, Run]]:
    with settings.open() as loader:
        run = Run.start("shop")
        loader.lease(run)
        yield loader, run


def refused(settings: Postgres, wait_s: float = 0) -> RunLocked:
    with settings.open() as loader, pytest.raises(RunLocked) as raised:
        loader.lease(Run.start("shop"), wait_s)
    return raised.value


def filled(loader: PostgresLoader, run: Run, dataset: Dataset, generation: int) -> Run:
    loader.prepare(run, dataset)
    loader.stage(run, "orders", "", orders(generation))
    loader.verify(run)
    return run


def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no heartbeat be heard, as of a process that is stopped or cut off."""
    monkeypatch.setattr(Lease, "_beat", lambda _: None)


def test_a_second_run_is_refused_and_told_who_has_the_pipeline_and_what_to_type(newest: Target) -> None:
    with leased(newest.settings) as (loader, run):
        error = refused(newest.settings)
        assert f"shop is being run by run {run.id} (process {os.getpid()} on " in error.message
        assert "production is unchanged" in error.message
        assert error.hint == "wait for it: firn run shop --wait"
        assert error.exit_code == 75
        other = Run.start("bakery")
        assert loader.lease(other) == "", "another pipeline is another lease"
        loader.finish(run, "failed", {})
        with newest.settings.open() as next_one:
            assert next_one.lease(Run.start("shop")) == ""


def test_a_process_of_this_machine_that_ended_is_taken_over_from_at_once_and_named(newest: Target) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with leased(newest.settings) as (_, run):
        newest.query("UPDATE firn.lease SET pid = %s", ended.pid)
        with newest.settings.open() as loader:
            before = loader.lease(Run.start("shop"))
    assert before.startswith(f"run {run.id} (process {ended.pid} on ")
    assert before.endswith("whose process has ended")


def test_a_process_that_lives_keeps_its_lease_also_where_accounts_are_hidden_from_one_another(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first process is of another account, unless the tests run as root."""
    read = Path.read_text

    def hidden(path: Path, *arguments: str, **named: str) -> str:
        if path == Path("/proc/1/stat"):
            raise FileNotFoundError(path)
        return read(path, *arguments, **named)

    monkeypatch.setattr(Path, "read_text", hidden)
    with leased(newest.settings):
        newest.query("UPDATE firn.lease SET pid = 1")
        assert "(process 1 on " in refused(newest.settings).message


def test_a_process_that_ended_and_was_not_waited_for_is_taken_over_from(newest: Target) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    with leased(newest.settings):
        newest.query("UPDATE firn.lease SET pid = %s", ended.pid)
        with newest.settings.open() as loader:
            assert loader.lease(Run.start("shop")).endswith("whose process has ended")
    ended.wait()


def test_a_process_of_another_machine_keeps_its_lease_until_the_servers_clock_says_that_it_is_over(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep(monkeypatch)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with leased(newest.settings) as (_, run):
        newest.query("UPDATE firn.lease SET pid = %s, machine = 'elsewhere', host = 'elm'", ended.pid)
        assert f"process {ended.pid} on elm" in refused(newest.settings).message
        newest.query(OVER)
        with newest.settings.open() as loader:
            assert loader.lease(Run.start("shop")).endswith("whose lease was over")
            assert newest.query("SELECT token FROM firn.lease") == [(2,)]
    assert run.pipeline == "shop"


def test_a_heartbeat_keeps_the_lease_however_long_the_run_takes(newest: Target) -> None:
    with leased(newest.with_settings(lease_s=1)):
        held = newest.query("SELECT expires_at FROM firn.lease")[0][0]
        deadline = time.monotonic() + 60
        while newest.query("SELECT expires_at FROM firn.lease")[0][0] == held:
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.02)
        refused(newest.settings)


def test_a_heartbeat_whose_session_is_ended_beats_on(newest: Target) -> None:
    ending = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE application_name = 'firn' AND query LIKE '%SET expires_at%' AND state = 'idle'"""
    with leased(newest.with_settings(lease_s=1)):
        deadline = time.monotonic() + 60
        while not newest.query(ending):
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.02)
        since = newest.query("SELECT clock_timestamp() + interval '1 s'")[0][0]
        while newest.query("SELECT expires_at FROM firn.lease")[0][0] <= since:
            assert time.monotonic() < deadline, "no heartbeat after the first session was ended"
            time.sleep(0.02)


def test_a_run_waits_for_another_as_long_as_it_is_told_to(newest: Target) -> None:
    heard: list[str] = []
    with leased(newest.settings) as (loader, run), newest.settings.open() as waiting:
        refused(newest.settings, 0.1)
        later = Run.start("shop")
        thread = threading.Thread(target=waiting.lease, args=(later, 60, heard.append))
        thread.start()
        while not heard:
            assert thread.is_alive()
            time.sleep(0.01)
        loader.finish(run, "failed", {})
        thread.join()
        assert newest.query("SELECT run_id FROM firn.lease") == [(later.id,)]
    assert heard[0].startswith(f"Waiting for run {run.id} ")


@pytest.mark.parametrize("strategy", ["swap", "diff"])
@pytest.mark.parametrize("guarded", [True, False])
def test_a_run_that_lost_its_lease_cannot_publish_and_could_without_the_token(
    newest: Target, monkeypatch: pytest.MonkeyPatch, strategy: str, *, guarded: bool
) -> None:
    asleep(monkeypatch)
    shop = dataclasses.replace(SHOP, contracts={"orders": SHOP.contracts["orders"]}, strategy=strategy)
    with newest.settings.open() as loader:
        loader.publish(filled(loader, Run.start("shop"), shop, 1))
    before = newest.production()
    with leased(newest.settings) as (loader, run):
        filled(loader, run, shop, 2)
        newest.query(OVER)
        if not guarded:
            monkeypatch.setattr(postgres_loader, "replace", lambda plan, **_: plan)
        with leased(newest.settings):  # it publishes nothing, so that the generation is still the one
            if guarded:
                with pytest.raises(RunLocked, match=f"{run.id} gave no sign of life .* production is unchanged by it"):
                    loader.publish(run)
            else:
                loader.publish(run)
    assert (newest.production() == before) is guarded


def test_a_run_that_learns_of_its_loss_is_refused_before_it_verifies(newest: Target) -> None:
    with leased(newest.with_settings(lease_s=1)) as (loader, run):
        loader.prepare(run, SHOP)
        newest.query("UPDATE firn.lease SET token = token + 1, run_id = 'another'")
        deadline = time.monotonic() + 60
        while not loader._leases[run.id].is_lost:  # noqa: SLF001 (what the heartbeat learned)
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.02)
        with pytest.raises(RunLocked, match="gave no sign of life"):
            loader.verify(run)
    assert newest.query("SELECT run_id FROM firn.lease") == [("another",)], "who lost it does not let go of another's"


def test_a_publication_under_way_lets_its_heartbeat_pass_and_makes_who_takes_over_wait(newest: Target) -> None:
    statements = queries.read("lease.sql")
    with leased(newest.settings), psycopg.connect(newest.dsn) as publishing:
        publishing.execute("SELECT FROM firn.lease WHERE token = 1 FOR KEY SHARE")
        newest.query(OVER)
        with newest.settings.open() as other:
            connection = other._statements  # noqa: SLF001 (a session with firn's settings)
            connection.execute("SET lock_timeout = '50ms'")
            values = {"pipeline": "shop", "run": "other", "seconds": 9, "dead": None}
            values |= {"machine": "", "host": "", "pid": 1}
            with pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute(statements["take"].format(state=psycopg.sql.Identifier("firn")), values)
            connection.execute(statements["beat"].format(state=psycopg.sql.Identifier("firn")), values | {"token": 1})
        assert newest.query("SELECT expires_at > clock_timestamp() FROM firn.lease") == [(True,)]


def test_what_a_run_with_a_lease_stages_is_left_alone_though_its_session_was_lost(newest: Target) -> None:
    with leased(newest.settings) as (loader, run):
        loader.prepare(run, SHOP)
        newest.query(ENDING)
        with newest.settings.open() as other:
            other.prepare(Run.start("bakery"), dataclasses.replace(SHOP, name="bakery", contracts={}))
            assert not any(not one.passed for one in other.health(fix=True) if one.check == "leftovers")
            assert other.row(run.id)["status"] == "running"
        loader.reconnect()
        loader.stage(run, "orders", "", orders())
        loader.arrived(run)
    assert newest.query(f'SELECT count(*) FROM "firn_stage_{run.id}".orders') == [(5,)]  # noqa: S608 (own name)


def test_rows_are_read_by_new_sessions_once_all_were_ended(newest: Target) -> None:
    with leased(newest.settings) as (loader, run):
        loader.publish(filled(loader, run, SHOP, 1))
        assert loader.shown(SHOP.contracts, 60)["orders"].height == 5
        newest.query(ENDING)
        loader.reconnect()
        assert loader.shown(SHOP.contracts, 60)["orders"].height == 5
