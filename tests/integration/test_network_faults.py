"""Whatever breaks between firn and a server, production shows exactly the right rows, or what it showed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl  # noqa: TC002 (a step is bound by its annotations)
import psycopg
import pytest
import test_postgres_servers as servers
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr
from test_postgres_servers import CONTRACTS, Target, newest

from firn import LoadError, Run, Table, TargetUnavailable
from loaders import staging
from pipelines.engine.execution import Options
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.progress import Silent
from pipelines.engine.retries import Retry
from pipelines.engine.runner import execute
from sources import Memory
from tests.practice import EVERYWHERE, Practice, practice
from tests.wire import Wire, wire
from transforms import row_local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loaders.postgres import Postgres
    from pipelines.engine.report import Report
    from sources import Source

__all__ = ["newest"]

MANY = 5_000
QUICK = Retry(attempts=4, first_delay_s=0.05, longest_delay_s=0.2)


@row_local
def orders(raw_orders: pl.DataFrame) -> pl.DataFrame:
    return raw_orders


@row_local
def lines(raw_lines: pl.DataFrame) -> pl.DataFrame:
    return raw_lines


@row_local
def notes(raw_notes: pl.DataFrame) -> pl.DataFrame:
    return raw_notes


class Shop(Pipeline):
    reads = ("raw_orders", "raw_lines", "raw_notes")
    transforms = (orders, lines, notes)
    publishes = CONTRACTS
    strategy = "swap"

    generation: int = 1

    def sources(self) -> Sequence[Source]:
        number = self.generation
        frames = servers.orders(number, MANY), servers.lines(number, MANY), servers.notes(number)
        named = zip(self.reads, frames, strict=True)
        return [Memory([Table(name, frame.lazy(), fingerprint=str(number)) for name, frame in named])]


@pytest.fixture
def cable(newest: Target) -> Iterator[Wire]:
    """A wire to the server, cut nowhere."""
    place = conninfo_to_dict(newest.dsn)
    with wire(f"{place['host']}/.s.PGSQL.{place['port']}") as made:
        yield made


def through(at: Target, cable: Wire) -> Postgres:
    dsn = make_conninfo(at.dsn, host="127.0.0.1", port=cable.port, sslmode="disable", gssencmode="disable")
    return at.with_settings(dsn=SecretStr(dsn))


def ran(settings: Postgres, generation: int, *, retry: Retry = QUICK) -> Report:
    pipeline = Shop(target=settings, retry=retry, generation=generation)
    run = Run.start("shop")
    with settings.open() as loader:
        loader.lease(run)
        try:
            return execute(pipeline, run, loader, Options(), Silent())
        finally:
            loader.finish(run, "failed", {})  # what was published stays so


def expected(at: Target, generation: int) -> None:
    """Production shows a generation: every row of it once, and nothing else."""
    assert at.query("SELECT count(*), count(DISTINCT id), min(name), max(name) FROM shop.orders") == [
        (MANY, MANY, f"generation {generation}", f"generation {generation}")
    ]
    assert at.query("SELECT count(*), min(qty), max(qty) FROM shop.lines") == [(MANY, generation, generation)]
    assert at.query("SELECT count(*), max(text) FROM shop.notes") == [(3, f"generation {generation}")]


COPY = b"FROM STDIN"
ENDING = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE application_name = 'firn' AND datname = current_database()"""


def is_commit(piece: bytes) -> bool:
    return b"COMMIT\0" in piece


def publishes(piece: bytes) -> bool:
    return b'UPDATE "firn".dataset' in piece


CASES: dict[str, tuple[str, Callable[[Wire], None]]] = {
    "reset in a COPY": ("Staging", lambda it: it.after(50_000, sent=True, since=COPY)),
    "closed in a COPY": ("Staging", lambda it: it.after(50_000, sent=True, since=COPY, reset=False)),
    "reset when a part is committed": (
        "Staging",
        lambda it: it.once(lambda piece, sent: sent and is_commit(piece), since=COPY),
    ),
    "answer to the commit of a part lost": (
        "Staging",
        lambda it: it.once(lambda piece, sent: not sent and is_commit(piece), since=COPY),
    ),
    "reset in the message that publishes": (
        "Publishing",
        lambda it: it.once(lambda piece, sent: sent and publishes(piece)),
    ),
    "answer to the publication lost": (
        "",  # the record tells that it was published
        lambda it: it.once(lambda piece, sent: not sent and is_commit(piece) and b"SET\0" in piece),
    ),
    "slow": ("", lambda it: setattr(it, "delay_s", 0.001)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_connection_that_is_cut_is_made_again_and_every_row_is_there_once(
    newest: Target, cable: Wire, case: str
) -> None:
    settings = through(newest, cable)
    ran(settings, 1)
    expected(newest, 1)
    unit, break_it = CASES[case]
    break_it(cable)

    report = ran(settings, 2)

    assert cable.cuts == (case != "slow")
    assert (report.status, report.generation) == ("published", 2)
    assert {one.unit.split()[0] for one in report.retries} == ({unit} if unit else set())
    assert {one.error for one in report.retries} <= {"TargetUnavailable"}
    expected(newest, 2)
    assert newest.query("SELECT generation, kind FROM firn.publication ORDER BY 1") == [
        (1, "published"),
        (2, "published"),
    ]


@pytest.mark.parametrize(("unit", "wanted"), [("Staging", lambda piece: COPY in piece), ("Publishing", publishes)])
def test_sessions_that_an_administrator_ends_are_opened_again_and_every_row_is_there_once(
    newest: Target, cable: Wire, unit: str, wanted: Callable[[bytes], bool]
) -> None:
    settings = through(newest, cable)
    ran(settings, 1)

    def end(piece: bytes, sent: bool, _: int) -> bool:  # noqa: FBT001 (the attribute's)
        if sent and wanted(piece) and not cable.cuts:
            cable.cuts = 1
            newest.query(ENDING)
        return False

    cable.cut = end
    report = ran(settings, 2)

    assert cable.cuts == 1
    assert unit in {one.unit.split()[0] for one in report.retries}
    assert {one.code for one in report.retries} <= {"57P01", ""}, "ADBC has no SQLSTATE for a session that was ended"
    expected(newest, 2)


@pytest.mark.parametrize("case", ["reset in a COPY", "reset in the message that publishes"])
def test_without_another_attempt_the_run_ends_and_production_is_as_it_was(
    newest: Target, cable: Wire, case: str
) -> None:
    settings = through(newest, cable)
    ran(settings, 1)
    CASES[case][1](cable)

    with pytest.raises(TargetUnavailable, match=r"Production is unchanged\.") as raised:
        ran(settings, 2, retry=Retry(attempts=1))

    assert raised.value.exit_code == 75
    assert raised.value.hint
    expected(newest, 1)
    ran(settings, 3)
    expected(newest, 3)


def test_a_connection_lost_while_staging_is_verified_ends_the_run_and_the_next_one_publishes(
    newest: Target, cable: Wire
) -> None:
    settings = through(newest, cable)
    ran(settings, 1)
    cable.once(lambda piece, sent: sent and b"GROUP BY t.xmin" in piece)
    with pytest.raises(TargetUnavailable, match=r"Reading staging back failed: .* Production is unchanged\."):
        ran(settings, 2)
    expected(newest, 1)
    ran(settings, 3)
    expected(newest, 3)


def test_rows_of_a_try_that_was_committed_unheard_would_be_doubled_but_for_two_guards(
    newest: Target, cable: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = through(newest, cable)
    ran(settings, 1)
    monkeypatch.setattr(staging._Sending, "_forget", lambda *_: None)  # noqa: SLF001 (the first guard)
    CASES["answer to the commit of a part lost"][1](cable)

    with pytest.raises(
        LoadError, match=r"Production is unchanged\."
    ):  # the second: staging is compared with what was sent
        ran(settings, 2)

    expected(newest, 1)


def test_a_try_whose_session_goes_on_is_ended_before_its_part_is_sent_again(newest: Target) -> None:
    run = Run.start("shop")
    with newest.settings.open() as loader, psycopg.connect(newest.dsn) as lingering:
        loader.prepare(run, servers.SHOP)
        table = f'"firn_stage_{run.id}".orders'
        lingering.execute(f"INSERT INTO {table} (id) VALUES (77)")  # type: ignore[arg-type]  # noqa: S608 (own name)
        begun = lingering.execute("SELECT pg_current_xact_id()::text").fetchall()[0][0]
        made, streams = loader._staging[run.id], loader._streams  # noqa: SLF001 (there is no other way to linger so)
        rows = servers.orders()
        lost = staging._Sending(made.schema, "orders", "", rows, [begun], 9, streams.stopping, {})  # noqa: SLF001
        made._lost["orders", ""] = lost  # noqa: SLF001

        loader.arrived(run)

        with pytest.raises(psycopg.OperationalError):
            lingering.commit()
        assert newest.query(f"SELECT count(*), max(id) FROM {table}") == [(rows.height, rows.height)]  # noqa: S608
        lingering.close()


@pytest.fixture(scope="module")
def clinic(
    mariadb_port: int, server_home: tuple[object, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    with practice(mariadb_port, server_home[1], tmp_path_factory.mktemp("faults")) as made:
        assert made.run().status == "published"
        yield made


@pytest.mark.parametrize("reset", [True, False])
def test_a_source_that_is_cut_off_while_a_table_is_read_is_read_again_and_no_row_is_there_twice(
    clinic: Practice, monkeypatch: pytest.MonkeyPatch, *, reset: bool
) -> None:
    clinic.source.execute(*EVERYWHERE)
    monkeypatch.setenv("FIRN_RETRY__FIRST_DELAY_S", "0.05")
    with wire(("127.0.0.1", clinic.source.port)) as cable:
        monkeypatch.setenv("FIRN_CLINIC__SOURCE__PORT", str(cable.port))
        cable.once(lambda _, sent: not sent, since=b"FROM `procnote`", reset=reset)
        report = clinic.run(full_refresh=True)

    assert cable.cuts == 1
    assert (report.status, report.failed) == ("published", [])
    assert [(one.unit, one.error) for one in report.retries] == [("Reading procnote", "SourceUnavailable")]
    assert clinic.differing() == []
