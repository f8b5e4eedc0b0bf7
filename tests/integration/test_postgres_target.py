"""What is wrong with the target itself is said before a row is sent: rights, state, space, and who else is there."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl
import psycopg
import pytest
from pydantic import SecretStr, ValidationError
from test_postgres_servers import CONTRACTS, SHOP, Target, fresh, newest, orders, published, staged, target

from firn import ConfigError, Dataset, LoadError, PublishError, Run, RunLocked, StateError, TargetUnavailable
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fresh", "newest", "target"]


@contextmanager
def role(target: Target, *rights: str) -> Iterator[Postgres]:
    """Settings of a role that has only some rights."""
    target.query("CREATE ROLE modest")
    for right in rights:
        target.query(right)
    modest = psycopg.conninfo.make_conninfo(target.dsn, options="-c role=modest")
    try:
        yield target.with_settings(dsn=SecretStr(modest))
    finally:
        target.query("DROP OWNED BY modest CASCADE")
        target.query("DROP ROLE modest")


def test_a_role_without_the_right_to_make_a_schema_is_told_what_to_grant(target: Target) -> None:
    with role(target) as settings, settings.open() as loader, pytest.raises(LoadError) as caught:
        loader.prepare(Run.start("shop"), SHOP)

    assert 'Role "modest" may not create schemas in database "firn_test"' in caught.value.message
    assert "production is unchanged" in caught.value.message
    assert caught.value.hint == 'GRANT CREATE ON DATABASE "firn_test" TO "modest";'
    assert caught.value.exit_code == 1


def test_what_the_hint_says_to_grant_is_enough(target: Target) -> None:
    with role(target, "GRANT CREATE ON DATABASE firn_test TO modest") as settings:
        assert published(settings, 1).generation == 1
        assert published(settings, 2).generation == 2
        with settings.open() as loader:
            assert loader.rollback("shop").generation == 3


def test_a_role_without_rights_in_production_is_told_what_to_grant(target: Target) -> None:
    target.query("CREATE SCHEMA shop")
    with (
        role(target, "GRANT CREATE ON DATABASE firn_test TO modest") as settings,
        settings.open() as loader,
        pytest.raises(LoadError, match='may not create tables in schema "shop"') as caught,
    ):
        loader.prepare(Run.start("shop"), SHOP)
    assert caught.value.hint == 'GRANT USAGE, CREATE ON SCHEMA "shop" TO "modest";'


def test_a_role_that_does_not_own_the_state_is_told(newest: Target) -> None:
    published(newest.settings)
    rights = ("GRANT CREATE ON DATABASE firn_test TO modest", "GRANT CREATE ON SCHEMA shop TO modest")
    with (
        role(newest, *rights, "GRANT USAGE ON SCHEMA firn TO modest") as settings,
        settings.open() as loader,
        pytest.raises(LoadError, match='does not own the tables of state schema "firn"'),
    ):
        loader.prepare(Run.start("shop"), SHOP)


def test_an_old_snapshot_of_another_role_is_waited_for_without_any_privilege(target: Target) -> None:
    with role(target, "GRANT CREATE ON DATABASE firn_test TO modest") as settings:
        quick = settings.model_copy(update={"max_wait_s": 0.5})
        with quick.open() as loader, psycopg.connect(target.dsn) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT 1")
            run = staged(loader)
            with pytest.raises(TargetUnavailable, match="older than the staged rows") as caught:
                loader.publish(run)
            reader.rollback()
            assert "pg_read_all_stats" in caught.value.message
            assert loader.publish(run).generation == 1


def test_state_of_a_newer_firn_is_refused(newest: Target) -> None:
    published(newest.settings)
    newest.query("INSERT INTO firn.version VALUES (99, 'shop')")

    with newest.settings.open() as loader, pytest.raises(StateError, match=r"has version 99, this firn knows \d+\."):
        loader.prepare(Run.start("shop"), SHOP)


def test_state_of_another_production_schema_is_refused(newest: Target) -> None:
    published(newest.settings)
    elsewhere = newest.with_settings(production="test")

    with (
        elsewhere.open() as loader,
        pytest.raises(StateError, match='is that of production schema "shop", not of "test"'),
    ):
        loader.prepare(Run.start("shop"), SHOP)


def test_reading_runs_and_checking_write_nothing(newest: Target) -> None:
    with newest.settings.open() as loader:
        assert list(loader.runs()) == []
        loader.check(SHOP)

    assert newest.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn%'") == []


def test_a_publication_of_all_tables_is_refused_even_in_an_empty_place(target: Target) -> None:
    target.query("CREATE PUBLICATION p FOR ALL TABLES")

    with target.settings.open() as loader, pytest.raises(PublishError, match=r"publication p \(for all tables\)"):
        loader.prepare(Run.start("shop"), SHOP)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("CREATE VIEW shop.orders AS SELECT 1 AS id", "is a view"),
        ("CREATE MATERIALIZED VIEW shop.orders AS SELECT 1 AS id", "is a materialized view"),
        ("CREATE TABLE shop.orders (id int) PARTITION BY LIST (id)", "is a partitioned table"),
        ("CREATE TYPE public.o AS (id int); CREATE TABLE shop.orders OF public.o", "type of table public.o"),
        (
            (
                "CREATE TABLE public.p (id int) PARTITION BY LIST (id);"
                "CREATE TABLE shop.orders PARTITION OF public.p FOR VALUES IN (1)"
            ),
            "parent public.p",
        ),
        ("CREATE TABLE shop.orders (id int); ALTER EXTENSION plpgsql ADD TABLE shop.orders", "extension plpgsql"),
        ("CREATE TABLE shop.orders (id int, extra text)", "column extra (text)"),
    ],
)
def test_what_stands_in_the_place_of_a_table_is_refused_by_name(newest: Target, made: str, words: str) -> None:
    newest.query("CREATE SCHEMA shop")
    newest.query(made)

    with newest.settings.open() as loader, pytest.raises(PublishError) as caught:
        loader.prepare(Run.start("shop"), SHOP)
    assert words in caught.value.message


def test_a_run_that_another_process_works_on_is_locked(newest: Target) -> None:
    with newest.settings.open() as one, newest.settings.open() as other:
        run = Run.start("shop")
        one.prepare(run, SHOP)

        with pytest.raises(RunLocked, match=f"Run {run.id} is worked on by another process") as caught:
            other.prepare(run, SHOP)
    assert caught.value.exit_code == 75


def test_the_staging_of_a_dead_run_is_dropped_and_named_and_that_of_a_live_one_is_not(newest: Target) -> None:
    with newest.settings.open() as alive, newest.settings.open() as loader:
        living, dead = Run.start("shop"), Run.start("shop")
        alive.prepare(living, SHOP)
        with newest.settings.open() as dying:
            dying.prepare(dead, SHOP)

        loader.prepare(Run.start("shop"), SHOP)

        assert loader.leftovers == [f"firn_stage_{dead.id}"]
        assert (loader.row(dead.id)["status"], loader.row(living.id)["status"]) == ("failed", "running")
        assert newest.query("SELECT to_regclass(%s) IS NULL", f"firn_stage_{dead.id}.orders") == [(True,)]
        assert newest.query("SELECT to_regclass(%s) IS NULL", f"firn_stage_{living.id}.orders") == [(False,)]


DYING = """
import sys
sys.path[:0] = [{tests!r}]
from test_postgres_servers import SHOP, orders
from loaders.postgres import Postgres
from firn import Run
import loaders.build, loaders.locks, os, signal
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
with Postgres(dsn={dsn!r}, production="shop").open() as loader:
    run = Run.start("shop")
    loader.prepare(run, SHOP)
    if {moment!r} == "prepared": die()
    loader.stage(run, "orders", "", orders(2, 200_000))
    if {moment!r} == "sending": die()
    loader._staging[run.id].sent()
    if {moment!r} == "sent": die()
    if {moment!r} == "building": loaders.build.finish_tables = die
    loader.verify(run)
    if {moment!r} == "verified": die()
    if {moment!r} == "publishing": loaders.locks.Locks.are_free = die
    loader.publish(run)
    die()
"""


@pytest.mark.parametrize("moment", ["prepared", "sending", "sent", "building", "verified", "publishing", "published"])
def test_a_killed_process_leaves_one_generation_and_the_next_run_publishes(newest: Target, moment: str) -> None:
    published(newest.settings, 1)
    before = newest.production()
    script = DYING.format(tests=str(Path(__file__).parent), dsn=newest.dsn, moment=moment)

    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, check=False
    )

    assert killed.returncode == -9, killed.stderr.decode()
    assert (newest.production() == before) == (moment != "published")
    generation = 2 if moment == "published" else 1
    assert newest.query("SELECT generation FROM firn.dataset") == [(generation,)]
    assert published(newest.settings, 3).generation == generation + 1
    assert newest.query("SELECT max(name) FROM shop.orders") == [("generation 3",)]


def test_the_password_is_in_no_message_and_no_representation(newest: Target) -> None:
    secret = "pa%ss:wo/rd"  # noqa: S105
    dsn = psycopg.conninfo.make_conninfo(newest.dsn, user="nobody_here", password=secret)
    settings = Postgres(dsn=SecretStr(dsn))
    with pytest.raises(LoadError) as refused, settings.open():
        pass
    with pytest.raises(TargetUnavailable) as absent, Postgres(dsn=SecretStr(f"host=/nowhere password={secret}")).open():
        pass
    with pytest.raises(ConfigError) as malformed, Postgres(dsn=SecretStr(f"postgresql://u:{secret}@h/d")).open():
        pass

    for caught in (refused, absent, malformed):
        shown = "".join(traceback.format_exception(caught.value)) + repr(settings) + caught.value.hint
        assert secret not in shown
        assert "pa%ss" not in shown
    assert (refused.value.exit_code, absent.value.exit_code, malformed.value.exit_code) == (1, 75, 2)
    assert "PostgreSQL refused the connection" in refused.value.message
    assert "PostgreSQL does not answer" in absent.value.message


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError, match="prodction"):
        Postgres(prodction="x")  # type: ignore[call-arg]


def test_a_server_that_ends_while_rows_are_sent_is_unavailable_and_production_is_unchanged(newest: Target) -> None:
    published(newest.settings, 1)
    before = newest.production()
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "orders", "", orders(2, 50))
        loader.verify(run)
        newest.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = 'firn_test'"
        )

        with pytest.raises(TargetUnavailable, match=r"Production is unchanged\."):
            loader.discard(run)
    assert newest.production() == before


class Heavy(dy.Schema):
    """A table that fills a disk."""

    id = dy.Int32(primary_key=True)
    text = dy.String()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own, which only root can make."""
    folder = Path(tempfile.mkdtemp(prefix="firn-disk-", dir="/var/tmp"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", folder], capture_output=True, check=False
    )
    assert made.returncode == 0, f"this test mounts a small disk, which only root can: {made.stderr.decode()}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def test_a_full_disk_stops_the_run_and_production_is_unchanged(target: Target) -> None:
    with small_disk(40) as disk:
        shutil.chown(disk, "nobody")
        target.query(f"CREATE TABLESPACE small LOCATION '{disk}'")
        target.query("ALTER DATABASE firn_test SET default_tablespace = small")
        try:
            published(target.settings, 1)
            before = target.production()
            frame = pl.DataFrame({"id": range(60_000), "text": [f"{i:01000}" for i in range(60_000)]})
            with target.settings.open() as loader:
                run = Run.start("heavy")
                loader.prepare(run, Dataset("shop", {"heavy": Heavy}, strategy="swap"))
                loader.stage(run, "heavy", "", frame.cast({"id": pl.Int32}))

                with pytest.raises(
                    LoadError, match=r"No space left on device.*53100.*Production is unchanged"
                ) as caught:
                    loader.verify(run)
                assert "free disk space" in caught.value.hint
                assert loader.discard(run) == ["heavy"]
            assert target.production() == before
            assert published(target.settings, 2).generation == 2
        finally:
            target.query("DROP SCHEMA shop CASCADE")
            target.query("DROP SCHEMA firn CASCADE")
            target.query("ALTER DATABASE firn_test RESET default_tablespace")
            for (schema,) in target.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn%'"):
                target.query(f"DROP SCHEMA {schema} CASCADE")
            target.query("DROP TABLESPACE small")


def test_an_embedded_server_is_the_default() -> None:
    with tempfile.TemporaryDirectory(prefix="firn-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        settings = Postgres(home=Path(folder, "pg"))

        assert published(settings, 1).generation == 1
        assert published(settings, 2).generation == 2
        assert settings.psql(["-Atc", "SELECT count(*) FROM public.orders"]) == 0


def test_a_run_is_recorded_as_failed_although_the_connection_was_lost(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        newest.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = 'firn_test'"
        )
        with pytest.raises(TargetUnavailable):
            loader.verify(run)

        loader.finish(run, "failed", {"error": "the server went away"})

        found = loader.row(run.id)
        assert (found["status"], found["error"]) == ("failed", "the server went away")


def test_a_run_that_another_process_works_on_is_not_discarded(newest: Target) -> None:
    with newest.settings.open() as one, newest.settings.open() as other:
        run = staged(one)

        with pytest.raises(RunLocked):
            other.discard(run)
        assert one.publish(run).generation == 1


def test_staging_that_cannot_be_dropped_is_left_to_a_later_run(newest: Target) -> None:
    with newest.settings.open() as loader:
        dead = Run.start("shop")
        loader.prepare(dead, SHOP)
    newest.query(f'CREATE VIEW public.v AS SELECT id FROM "firn_stage_{dead.id}".orders')  # noqa: S608

    assert published(newest.settings, 1).generation == 1
    assert newest.query("SELECT count(*) FROM public.v") == [(0,)]

    newest.query("DROP VIEW public.v")
    with newest.settings.open() as loader:
        loader.prepare(Run.start("shop"), SHOP)
        assert loader.leftovers == [f"firn_stage_{dead.id}"]


def test_a_view_on_staging_stops_a_discard_and_is_named(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = staged(loader)
        newest.query(f'CREATE VIEW public.v AS SELECT id FROM "firn_stage_{run.id}".orders')  # noqa: S608

        with pytest.raises(LoadError, match=r"view public\.v depends on table"):
            loader.discard(run)


def test_a_right_that_was_withdrawn_while_staging_stops_the_publication(target: Target) -> None:
    target.query("CREATE SCHEMA shop")
    rights = ("GRANT CREATE ON DATABASE firn_test TO modest", "GRANT USAGE, CREATE ON SCHEMA shop TO modest")
    with role(target, *rights) as settings, settings.open() as loader:
        run = staged(loader)
        target.query("REVOKE CREATE ON SCHEMA shop FROM modest")

        with pytest.raises(LoadError, match='may not create tables in schema "shop"'):
            loader.publish(run)
        target.query("GRANT CREATE ON SCHEMA shop TO modest")
        assert loader.publish(run).generation == 1


def test_text_that_the_database_cannot_hold_is_refused_by_row_and_column(newest: Target) -> None:
    newest.query("CREATE DATABASE firn_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        latin = psycopg.conninfo.make_conninfo(newest.dsn, dbname="firn_latin")
        with newest.with_settings(dsn=SecretStr(latin)).open() as loader:
            run = Run.start("shop")
            loader.prepare(run, SHOP)
            notes = pl.DataFrame({"id": [1, 2], "text": ["é", "∆"]}).cast({"id": pl.Int32})
            loader.stage(run, "notes", "fine", notes.head(1))
            loader.stage(run, "notes", "wrong", notes.tail(1))

            with pytest.raises(LoadError, match='part "wrong" failed at row 1, column "text": character with byte'):
                loader.verify(run)
            loader.discard(run)
    finally:
        newest.query("DROP DATABASE firn_latin WITH (FORCE)")


def test_processes_that_start_together_make_the_state_once(newest: Target) -> None:
    def begin(number: int) -> str:
        with newest.settings.open() as loader:
            loader.start(Run(f"shop_{number}", "shop", dt.datetime.now(dt.UTC)))
            return str(loader.row(f"shop_{number}")["status"])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(begin, range(6))) == ["running"] * 6
    assert newest.query("SELECT count(*), min(production) FROM firn.version") == [(1, "shop")]


def test_psql_reaches_the_same_database(newest: Target, capfd: pytest.CaptureFixture[str]) -> None:
    assert newest.settings.psql(["-Atc", "SELECT current_database()"]) == 0
    assert capfd.readouterr().out == "firn_test\n"


def test_versions_older_than_fifteen_are_refused(newest: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loaders.preflight._OLDEST", 990000)

    with newest.settings.open() as loader, pytest.raises(LoadError, match=r"is PostgreSQL 18; firn needs"):
        loader.prepare(Run.start("shop"), SHOP)


def test_names_that_firn_makes_are_cut_to_what_postgresql_holds(newest: Target) -> None:
    long = "a_pipeline_with_a_name_that_is_longer_than_anybody_would_type_it"
    with newest.settings.open() as loader:
        for _ in range(2):
            run = Run.start(long)
            loader.prepare(run, Dataset(long, {"orders": CONTRACTS["orders"]}, strategy="swap"))
            loader.stage(run, "orders", "", orders())
            loader.verify(run)
            loader.publish(run)
        assert loader.rollback(long).generation == 3

    schemas = [
        name for (name,) in newest.query("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'firn_prev%'")
    ]
    assert [bool(re.fullmatch(r"firn_previous_a_pipeline.*_[0-9a-f]{8}", name)) for name in schemas] == [True]
