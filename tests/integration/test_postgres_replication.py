"""Whoever follows production gets exactly the rows that changed, and a standby's long query is not cancelled."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier
from test_postgres_servers import CONTRACTS, VERSIONS, Target, orders

from firn import Dataset, PublishError, Run, TargetUnavailable
from loaders.embedded import find_binaries, temporary
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loaders.embedded import Server

REPLICATED = {"wal_level": "logical", "max_wal_senders": "8", "max_replication_slots": "8"}
ORDERS = {"orders": CONTRACTS["orders"]}

# Inserts, updates, deletes and truncations of a table, and nothing of what else a publication sends.
DECODED = """
WITH message AS (
    SELECT row_number() OVER () AS nr, chr(get_byte(data, 0)) AS kind, data
    FROM pg_logical_slot_peek_binary_changes('counter', NULL, NULL, 'proto_version', '1', 'publication_names', 'p')
)
SELECT kind, count(*) FROM message WHERE kind IN ('I', 'U', 'D', 'T')
  AND substring(data FROM 2 FOR 4) = (SELECT int4send('shop.orders'::regclass::oid::int4)) GROUP BY kind ORDER BY kind
"""
NEWEST = pytest.mark.parametrize("server", VERSIONS[-1:], indirect=True)
COVERED = ("FOR TABLE shop.orders", "FOR TABLES IN SCHEMA shop", "FOR ALL TABLES")


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with temporary(str(request.param), REPLICATED) as started:
        yield started


@pytest.fixture
def primary(server: Server) -> Iterator[Target]:
    """A server with a published table of 100 rows."""
    with database(server, "primary_db") as dsn:
        target = Target(dsn, Postgres(dsn=dsn, production="shop", max_wait_s=5))  # type: ignore[arg-type]
        publish(target.settings, "swap", orders(1, 100))
        yield target


@contextmanager
def database(server: Server, name: str) -> Iterator[str]:
    """An empty database, gone with its replication slots afterwards."""
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield make_conninfo(server.dsn, dbname=name)
        finally:
            slots = "SELECT slot_name FROM pg_replication_slots WHERE database = %s"
            for (slot,) in admin.execute(slots, [name]).fetchall():
                admin.execute("SELECT pg_drop_replication_slot(%s)", [slot])
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def publish(settings: Postgres, strategy: str, frame: pl.DataFrame) -> None:
    with settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", ORDERS, strategy=strategy))  # type: ignore[arg-type]
        loader.stage(run, "orders", "", frame)
        loader.verify(run)
        loader.publish(run)


def changed() -> pl.DataFrame:
    """100 rows of which 3 are gone, 5 differ and 2 are new."""
    rows = pl.concat([orders(1, 102).filter(pl.col("id") > 5 + 3), orders(2, 5)])
    return rows.sort("id")


@contextmanager
def subscribed(server: Server, primary: Target) -> Iterator[psycopg.Connection[Any]]:
    """Another database, made like the first, that follows it."""
    programs = find_binaries(server.version).folder
    dump = [programs / "pg_dump", "-d", primary.dsn, "--no-publications"]
    script = subprocess.run(dump, capture_output=True, check=True).stdout
    primary.query("SELECT pg_create_logical_replication_slot('follower', 'pgoutput')")
    with database(server, "follower_db") as dsn, psycopg.connect(dsn, autocommit=True) as follower:
        restore = [programs / "psql", "-qd", dsn, "-v", "ON_ERROR_STOP=1"]
        subprocess.run(restore, input=script, check=True, stdout=subprocess.DEVNULL)
        follower.execute(
            SQL(
                "CREATE SUBSCRIPTION s CONNECTION {} PUBLICATION p"
                " WITH (create_slot = false, slot_name = 'follower', copy_data = false)"
            ).format(primary.dsn)
        )
        try:
            yield follower
        finally:
            follower.execute("ALTER SUBSCRIPTION s DISABLE")
            follower.execute("ALTER SUBSCRIPTION s SET (slot_name = NONE)")
            follower.execute("DROP SUBSCRIPTION s")
            gone = "SELECT count(*) = 0 FROM pg_replication_slots WHERE active"
            wait_until(server, follower, gone, "the subscription still reads its slot")


def wait_until(server: Server, connection: psycopg.Connection[Any], reached: str, why: str) -> None:
    """Wait for the answer to be true; two minutes are far more than enough."""
    deadline = time.monotonic() + 120
    while connection.execute(reached).fetchall() != [(True,)]:  # type: ignore[call-overload]
        errors = [line for line in server.log.read_text().splitlines() if " ERROR: " in line]
        assert time.monotonic() < deadline, f"{why}: {errors[-1:]}"
        time.sleep(0.05)


def test_a_table_that_is_subscribed_is_not_replaced(server: Server, primary: Target) -> None:
    primary.query("CREATE PUBLICATION p FOR TABLE shop.orders")
    with subscribed(server, primary) as follower:
        settings = Postgres(dsn=follower.info.dsn, production="shop", max_wait_s=5)  # type: ignore[arg-type]
        with pytest.raises(PublishError, match=r'"orders": subscription s \(.*publish with strategy = "diff"\)'):
            publish(settings, "swap", orders(1, 100))


@pytest.mark.parametrize("covered", COVERED)
def test_subscribers_get_exactly_the_rows_that_a_diff_changed(server: Server, primary: Target, covered: str) -> None:
    primary.query(f"CREATE PUBLICATION p {covered}")
    primary.query("SELECT pg_create_logical_replication_slot('counter', 'pgoutput')")
    with subscribed(server, primary) as follower:
        publish(primary.settings, "diff", changed())
        primary.query("INSERT INTO shop.orders VALUES (999, 'after', 0)")

        assert primary.query(DECODED) == [("D", 3), ("I", 2 + 1), ("U", 5)]
        wait_until(
            server,
            follower,
            "SELECT count(*) = 1 FROM shop.orders WHERE id = 999",
            f"the subscriber fell behind: {server.log.read_text()[-1500:]}",
        )
        everything = "SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM shop.orders o"
        assert follower.execute(everything).fetchall() == primary.query(everything)


@NEWEST
@pytest.mark.parametrize("covered", COVERED)
def test_a_swap_of_what_is_replicated_is_refused(primary: Target, covered: str) -> None:
    primary.query(f"CREATE PUBLICATION p {covered}")

    with primary.settings.open() as loader, pytest.raises(PublishError, match="subscribers would silently") as caught:
        loader.prepare(Run.start("shop"), Dataset("shop", ORDERS, strategy="swap"))
    assert "publication p" in caught.value.message
    assert 'strategy = "diff"' in caught.value.message


@NEWEST
def test_what_leads_back_is_not_sent_with_all_tables_and_its_loss_in_a_crash_is_noticed(
    primary: Target,
) -> None:
    primary.query("CREATE PUBLICATION p FOR ALL TABLES")
    publish(primary.settings, "diff", changed())
    kept = "SELECT relpersistence FROM pg_class WHERE oid = 'firn_previous_shop_g1.orders'::regclass"
    assert primary.query(kept) == [("u",)]
    before = primary.production()

    primary.query("TRUNCATE firn_previous_shop_g1.orders")  # as a crash does
    with primary.settings.open() as loader, pytest.raises(PublishError, match="lost when the server crashed") as caught:
        loader.rollback("shop")
    assert '"orders"' in caught.value.message
    assert primary.production() == before


@contextmanager
def standby(server: Server) -> Iterator[str]:
    """A hot standby that lets its queries delay replay for a tenth of a second, and tells of their snapshots."""
    with (server.home / "pg_hba.conf").open("a") as rules:
        rules.write("local replication all peer map=firn\n")
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_reload_conf()")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firn-standby-", dir="/var/tmp")))
        owner = server.data.stat()
        backup = [find_binaries(server.version).folder / "pg_basebackup", "-D", folder / "data", "-d", server.dsn]
        subprocess.run([*backup, "-c", "fast", "-R", "-N"], check=True, capture_output=True)
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, owner.st_uid, owner.st_gid)
        (folder / "data").chmod(0o700)
        command = shlex.split((server.data / "postmaster.opts").read_text())
        command = [word.replace(str(server.data), str(folder / "data")) for word in command]
        own = {"unix_socket_directories": folder, "max_standby_streaming_delay": "100ms", "hot_standby_feedback": "on"}
        own["wal_receiver_status_interval"] = "1s"  # so long does a primary hold on to what a standby no longer reads
        started = subprocess.Popen(
            [*command, *(word for name, value in own.items() for word in ("-c", f"{name}={value}"))],
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(started.wait)
        stack.callback(started.terminate)
        dsn = make_conninfo(server.dsn, host=str(folder), dbname="primary_db")
        wait_until_reachable(dsn)
        yield dsn


def wait_until_reachable(dsn: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the standby does not start"
            time.sleep(0.05)
        else:
            return


EVERYTHING = "SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM shop.orders o"


@contextmanager
def read(server: Server, isolation: str) -> Iterator[tuple[psycopg.Connection[Any], psycopg.Connection[Any], Any]]:
    """A transaction on a standby that has read the table, another connection to it, and what was read."""
    with standby(server) as dsn, psycopg.connect(dsn) as reader, psycopg.connect(dsn, autocommit=True) as watcher:
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            told = "SELECT count(*) = 1 FROM pg_stat_replication WHERE backend_xmin IS NOT NULL"
            wait_until(server, admin, told, "the standby does not tell of its snapshots")
        reader.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")  # type: ignore[call-overload]
        yield reader, watcher, reader.execute(EVERYTHING).fetchall()


def follow(server: Server, primary: Target, watcher: psycopg.Connection[Any]) -> None:
    """Wait until a standby has replayed all that the primary has written."""
    reached = primary.query("SELECT pg_current_wal_flush_lsn()")[0][0]
    wait_until(server, watcher, f"SELECT pg_last_wal_replay_lsn() >= '{reached}'", "the standby does not follow")


@NEWEST
def test_a_long_query_on_a_standby_outlives_a_diff_and_sees_what_it_saw(server: Server, primary: Target) -> None:
    with read(server, "REPEATABLE READ") as (reader, watcher, before):
        publish(primary.with_settings(isolation="read_committed"), "diff", changed())
        follow(server, primary, watcher)

        assert reader.execute(EVERYTHING).fetchall() == before
        reader.rollback()
        assert reader.execute(EVERYTHING).fetchall() == primary.query(EVERYTHING) != before


@NEWEST
@pytest.mark.parametrize("strategy", ["swap", "diff"])
def test_whoever_holds_the_table_on_a_standby_is_cancelled_by_a_swap_and_by_strict_isolation(
    server: Server, primary: Target, strategy: str
) -> None:
    with read(server, "READ COMMITTED") as (reader, watcher, _):
        publish(primary.with_settings(isolation="strict"), strategy, changed())
        follow(server, primary, watcher)

        with pytest.raises((psycopg.errors.QueryCanceled, psycopg.OperationalError), match="conflict with recovery"):
            reader.execute(EVERYTHING)


@NEWEST
def test_a_swap_waits_for_the_snapshots_that_a_standby_tells_of(server: Server, primary: Target) -> None:
    quick = primary.with_settings(max_wait_s=1)
    with read(server, "REPEATABLE READ") as (reader, _, before):
        with pytest.raises(TargetUnavailable, match="older than the staged rows"):
            publish(quick, "swap", changed())
        assert reader.execute(EVERYTHING).fetchall() == before
