"""The clinic: its five large tables from MariaDB into PostgreSQL, and nights in which little or nothing has changed.

Every tool writes into an empty database. firn verifies, reconciles and publishes in one transaction within its time;
the others create tables without keys or indexes and write into them. ``zero dates`` has ``0000-00-00`` among the dates;
every tool does with them what it does by default.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.clinic_days import AUDIT, BUSY, change, kept, live
from benchmarks.clinic_judge import judge
from benchmarks.clinic_schema import HEADLINE
from benchmarks.clinic_source import fill
from benchmarks.clinic_values import Dirt
from benchmarks.mariadb import ROOMY, Database, make_database, serve_mariadb
from benchmarks.suite import limits, peers, runs
from benchmarks.suite.contest import Entry, told
from benchmarks.suite.process import Command
from benchmarks.suite.trial import FIRN, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from benchmarks.suite.contest import Contest
    from benchmarks.suite.process import Ran

__all__ = ["firn", "headline", "nights", "serving", "zero_dates"]

_PEER = "peer"  # the account, and its password: some tools do not take every character in one
_SCHEMA = "clinic"
_SLICE, _SLICE_ROWS = 0.02, 20_000
_SETTLED_S = 2.0  # a server's times of change are whole seconds
_LARGE = 0.5
_LASTING = ("pgloader", "sling", "pandas")
"""Beyond this scale a peer runs once, and only those that are neither slow nor hold whole tables in memory, but on a
slice."""
Tool = Callable[[Path, str], Command]
_QUIET = {"SLING_DISABLE_TELEMETRY": "TRUE", "RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__WORKERS": "2"}
_EVENTS: dict[str, Callable[[Database], object]] = {
    "nothing changed": lambda _: None,
    "0.1 % changed": lambda source: change(source, 0.001),
    "a day of work": lambda source: live(source, 1),
    "columns and a purge": lambda source: live(source, 2),
}


def headline(contest: Contest, repeats: int, dirt: Dirt = Dirt()) -> None:  # noqa: B008 (frozen)
    """Measure everybody on the five large tables; pandas on a slice of each."""
    with serving() as source, tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as copied:
        rows = fill(source, contest.scale, only=HEADLINE, dirt=dirt)
        total, url = sum(rows.values()), contest.target.url("firn")
        entries = [
            firn(contest, source, rows),
            *_peers(contest, source, rows),
            Entry("limit: read", total, lambda folder: _reading(source, rows, folder), partial(_read, total)),
            limits.copying(lambda: url, _SCHEMA, rows, total, Path(copied)),
        ]
        contest.hold(entries, repeats)


def zero_dates(contest: Contest, repeats: int) -> None:
    """Measure the same with days that no calendar has."""
    headline(contest, repeats, Dirt(zero_dates=True))


def nights(contest: Contest, repeats: int) -> None:
    """Measure runs that find nothing, little or much changed in all 446 tables, one after the other."""
    with serving() as source, tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as folder:
        rows, place = fill(source, contest.scale), Path(folder)
        contest.target.renew("firn")
        command = _discovered(contest, source, place)
        contest.once(_night("firn, first load", source, contest, command, rows))
        for name, happen in _EVENTS.items():
            for number in range(1, repeats + 1 if name == "nothing changed" else 2):
                happen(source)
                time.sleep(_SETTLED_S)
                contest.once(_night(f"firn, {name}", source, contest, command, rows), number)
        source.execute(f"DROP DATABASE IF EXISTS `{kept(source).name}`")


@contextmanager
def serving() -> Iterator[Database]:
    """Serve an empty source with an account that everybody reads with."""
    with serve_mariadb(*ROOMY) as port, make_database(port, "clinic") as source:
        source.execute(
            f"CREATE OR REPLACE USER {_PEER}@127.0.0.1 IDENTIFIED BY '{_PEER}'",
            f"GRANT SELECT ON `{source.name}`.* TO {_PEER}@127.0.0.1",
        )
        yield source


def firn(contest: Contest, source: Database, rows: Mapping[str, int]) -> Entry:
    """Return firn's entry: everything into an empty database, after discovery, which is done once for a database."""
    total, url = sum(rows.values()), contest.target.url("firn")

    def prepare(folder: Path) -> Command:
        contest.target.renew("firn")
        return _discovered(contest, source, folder, "--full")

    def look(ran: Ran) -> Finding:
        return runs.finding(ran, "" if ran.code else _differences(source, url, rows), total, total)

    return Entry(FIRN, total, prepare, look)


def _discovered(contest: Contest, source: Database, folder: Path, *options: str) -> Command:
    stated = {"host": "127.0.0.1", "port": source.port, "user": _PEER, "database": source.name, "tls": "disabled"}
    lines = ["[clinic.source]", *(f"{name} = {json.dumps(value)}" for name, value in stated.items()), ""]
    (folder / "firn.toml").write_text("\n".join(lines), encoding="utf-8")
    run = runs.run_of("clinic", contest.target.url("firn"), folder, *options, production=_SCHEMA)
    command = Command(run.words, folder, {**run.environment, "MYSQL_PWD": _PEER})
    runs.once(Command((runs.PROGRAM, "discover", "clinic", "--json"), folder, command.environment))
    return command


def _night(name: str, source: Database, contest: Contest, command: Command, rows: Mapping[str, int]) -> Entry:
    """Return the entry of one run; its rows are those that it read."""
    url, busy = contest.target.url("firn"), [table for table in BUSY if rows.get(table)]

    def look(ran: Ran) -> Finding:
        said = "" if ran.code else _differences(source, url, busy)
        read = int(runs.report(ran).get("rows_read", 0))
        return runs.finding(ran, said, sum(rows[table] for table in busy), read)

    return Entry(name, 0, lambda _: command, look)


def _differences(source: Database, url: str, tables: Iterable[str]) -> str:
    """Say which tables differ from the source, value by value; purged rows of audit tables are looked for elsewhere."""
    said = []
    for table in tables:
        purged = kept(source) if table in AUDIT and source.query(f"SHOW DATABASES LIKE '{kept(source).name}'") else None
        verdict = judge(source, url, _SCHEMA, table, purged=purged)
        said += [] if verdict.exact else [str(verdict)]
    return "; ".join(said)


def _peers(contest: Contest, source: Database, rows: Mapping[str, int]) -> list[Entry]:
    share = min(_SLICE, _SLICE_ROWS / sum(rows.values()))
    own = {table: int(count * share) for table, count in rows.items()}
    url = f"mysql://{_PEER}:{_PEER}@127.0.0.1:{source.port}/{source.name}"
    tools: dict[str, Tool] = {
        "pgloader": partial(_pgloader, url),
        "sling": partial(_sling, url, source.name, rows),
        "polars": _script(url, "polars", rows, ("polars", "connectorx", "adbc-driver-postgresql")),
        "dlt connectorx": _script(url, "dlt-connectorx", rows, ("dlt", "connectorx")),
        "dlt pyarrow": _script(url, "dlt-pyarrow", rows, ("dlt", "pyarrow", "pymysql")),
        "pandas": _script(url, "pandas", own, ("pandas", "sqlalchemy", "pymysql")),
    }
    large = contest.scale > _LARGE
    chosen = [name for name in tools if not large or name in _LASTING]
    entries = [_peer(contest, name, tools[name], own if name == "pandas" else rows) for name in chosen]
    total = sum(rows.values())
    return [replace(entry, slice=entry.rows / total, most=1 if large else 0) for entry in entries]


def _peer(contest: Contest, name: str, command: Tool, rows: Mapping[str, int]) -> Entry:
    database = name.replace(" ", "_")

    def prepare(folder: Path) -> Command:
        contest.target.renew(database)
        with psycopg.connect(contest.target.url(database)) as session:
            session.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(_SCHEMA)))
        return command(folder, contest.target.url(database))

    def look(ran: Ran) -> Finding:
        found = _count(contest.target.url(database), rows)
        contest.target.drop(database)
        seconds = None if ran.code or not ran.said.endswith("}") else json.loads(ran.said.splitlines()[-1])["seconds"]
        said = "; ".join(text for text in (_missing(rows, found), told(ran)) if text)
        return Finding(seconds, arrived=sum(found.values()), problem=said)

    return Entry(name, sum(rows.values()), prepare, look)


def _pgloader(url: str, folder: Path, target: str) -> Command:
    return Command(peers.pgloader(folder, url, target), folder, start=("pgloader", "--version"))


def _script(url: str, way: str, rows: Mapping[str, int], packages: tuple[str, ...]) -> Tool:
    named = [f"{table}={count}" for table, count in rows.items()]

    def command(folder: Path, target: str) -> Command:
        words = peers.script("tables", way, url, target, str(folder), *named, packages=packages)
        return Command(words, folder, _QUIET)

    return command


def _sling(url: str, database: str, rows: Mapping[str, int], folder: Path, target: str) -> Command:
    words = peers.sling(folder, database, rows)
    places = {"SOURCE": url, "TARGET": f"{target}?sslmode=disable", "SLING_THREADS": "3"}
    return Command(words, folder, {**_QUIET, **places}, start=(words[0], "--version"))


def _reading(source: Database, rows: Mapping[str, int], folder: Path) -> Command:
    """Return the command by which the source's own client reads every table and does nothing with it."""
    statements = "; ".join(f"SELECT * FROM `{table}`" for table in rows)  # noqa: S608 (our own names)
    words = source.client("--quick", "--skip-column-names", f"--execute={statements}")
    return Command(tuple(words), folder, source.secret, start=("mariadb", "--version"), quiet=True)


def _read(total: int, ran: Ran) -> Finding:
    return Finding(arrived=0 if ran.code else total, problem=told(ran))


def _missing(wanted: Mapping[str, int], found: Mapping[str, int]) -> str:
    short = [f"{table}: {found[table]:,} of {rows:,} rows" for table, rows in wanted.items() if found[table] != rows]
    return "; ".join(short)


def _count(url: str, tables: Iterable[str]) -> dict[str, int]:
    """Return how many rows of each table arrived, in whatever schema."""
    asked = "SELECT schemaname FROM pg_tables WHERE tablename = %s"
    found = dict.fromkeys(tables, 0)
    with psycopg.connect(url) as session:
        for table in found:
            for (schema,) in session.execute(asked, [table]).fetchall():
                count = SQL("SELECT count(*) FROM {}").format(Identifier(schema, table))
                ((rows,),) = session.execute(count).fetchall()
                found[table] = max(found[table], rows)
    return found
