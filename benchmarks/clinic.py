"""firn beside other tools: the clinic's five large tables from MariaDB into PostgreSQL, in one run on the same servers.

```
python -m benchmarks.clinic --scale 0.1 --repeats 3 --json figures.json
```
Every tool is a process of its own and is measured from its start to its end, into an empty database; what arrived is
counted afterwards. firn verifies, reconciles and publishes in one transaction within that time; the others create
tables without keys or indexes and write into them. The second round has ``0000-00-00`` among the dates, the third also
``2011-00-15``; every tool does with them what it does by default. Two limits stand beside them: the source's own client
reading alone, and two sessions copying the same rows in binary alone. pandas copies a stated share of the rows. The
other tools live in a Python of their own under ``.cache``, whose versions stand in ``clinic_peers.txt``; pgloader is a
package of the system.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.clinic_judge import judge
from benchmarks.clinic_schema import HEADLINE
from benchmarks.clinic_source import fill
from benchmarks.clinic_values import Dirt
from benchmarks.mariadb import ROOMY, Database, make_database, serve_mariadb
from benchmarks.postgres import Target, serve_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["ROUNDS", "SCHEMA", "WAYS", "Outcome", "Place", "main", "peer_account", "timed"]

_HERE = Path(__file__).parent
_FIRN = Path(sys.executable).with_name("firn")
_PEERS = _HERE.parent / ".cache" / "clinic_peers"
_PINNED = _HERE / "clinic_peers.txt"
_PEER = "peer"  # the account, and its password: some tools do not take every character in one
SCHEMA = "clinic"
_PANDAS_SHARE = 0.02
_SAMPLE_S = 0.05
_PAGE = os.sysconf("SC_PAGESIZE")
_SAID = 300
_JUDGED = ("firn",)
_LIMITS = ("limit: read", "limit: copy")


@dataclass(frozen=True)
class Place:
    """From where to where, and a folder for files.

    Attributes:
        source: The source's database.
        target: The target's server.
        database: The target's database, empty.
        folder: Empty, and a tool's own.
        rows: Rows at the source by table.
    """

    source: Database
    target: Target
    database: str
    folder: Path
    rows: Mapping[str, int]

    @property
    def origin(self) -> str:
        """The source's URL without its scheme."""
        return f"{_PEER}:{_PEER}@127.0.0.1:{self.source.port}/{self.source.name}"

    @property
    def url(self) -> str:
        """The target's URL."""
        return self.target.url(self.database)


@dataclass
class Outcome:
    """What a tool did in one round.

    Attributes:
        way: The tool.
        wanted: Rows that it was to copy.
        seconds: Each time, from the start of its process to its end.
        rss_mb: The most memory that its processes held at a time, in MB, as seen 20 times a second.
        code: Its exit code.
        arrived: Rows in the target by table, the last time.
        said: The end of what it said, if it did not succeed or rows are missing.
        exact: What the judge says of the tables, value by value; asked once, and of firn only.
        phases: Of firn, how long each phase of a run took, each time.
    """

    way: str
    wanted: int = 0
    seconds: list[float] = field(default_factory=list)
    rss_mb: float = 0.0
    code: int = 0
    arrived: dict[str, int] = field(default_factory=dict)
    said: str = ""
    exact: dict[str, str] = field(default_factory=dict)
    phases: dict[str, list[float]] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def lost(self) -> int:
        """Rows that did not arrive."""
        return self.wanted - sum(self.arrived.values())

    @property
    def speed(self) -> float:
        """Rows per second that arrived."""
        return (self.wanted - self.lost) / self.median


def pgloader(place: Place) -> list[str]:
    """Return pgloader's command: tables without indexes, as many workers as it has by default."""
    script = place.folder / "clinic.load"
    script.write_text(
        f"LOAD DATABASE FROM mysql://{place.origin} INTO {place.url}?sslmode=disable\n"
        "WITH include drop, create tables, create no indexes, no foreign keys, reset no sequences, "
        "workers = 4, concurrency = 2;\n",
        encoding="utf-8",
    )
    return ["pgloader", "--root-dir", str(place.folder), str(script)]


def sling(place: Place) -> list[str]:
    """Return sling's command: all tables in one replication."""
    replication = place.folder / "clinic.json"
    streams = {f"{place.source.name}.{table}": None for table in place.rows}
    defaults = {"mode": "full-refresh", "object": "clinic.{stream_table}"}
    stated = {"source": "SOURCE", "target": "TARGET", "defaults": defaults, "streams": streams}
    replication.write_text(json.dumps(stated), encoding="utf-8")
    binary = next(_PEERS.glob("lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"))
    return [str(binary), "run", "-r", str(replication)]


def peer(way: str) -> Callable[[Place], list[str]]:
    """Return what makes the command of a tool that is a Python package."""

    def command(place: Place) -> list[str]:
        source = f"mysql+pymysql://{place.origin}"
        named = [f"{table}={rows}" for table, rows in place.rows.items()]
        script = str(_HERE / "clinic_peers.py")
        return [str(_PEERS / "bin" / "python"), script, way, source, place.url, str(place.folder), *named]

    return command


def firn(place: Place) -> list[str]:
    """Return firn's command, after discovery, which is done once for a database."""
    stated = {"host": "127.0.0.1", "port": place.source.port, "user": _PEER, "database": place.source.name}
    lines = ["[target]", f"dsn = {json.dumps(place.url)}", f"production = {json.dumps(SCHEMA)}", "[clinic.source]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in {**stated, "tls": "disabled"}.items()]
    (place.folder / "firn.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    discover = [str(_FIRN), "discover", "clinic"]
    subprocess.run(discover, cwd=place.folder, env=_environment(place), capture_output=True, check=False)
    return [str(_FIRN), "run", "clinic", "--full"]


def read_alone(place: Place) -> list[str]:
    """Return the command by which the source's own client reads every table and does nothing with it."""
    statements = "; ".join(f"SELECT * FROM `{table}`" for table in place.rows)  # noqa: S608 (our own names)
    return place.source.client("--quick", "--skip-column-names", f"--execute={statements}")


WAYS: dict[str, Callable[[Place], list[str]]] = {
    "firn": firn,
    "pgloader": pgloader,
    "sling": sling,
    "dlt connectorx": peer("dlt-connectorx"),
    "dlt pyarrow": peer("dlt-pyarrow"),
    "pandas": peer("pandas"),
    "limit: read": read_alone,
}

ROUNDS = {
    "clean": Dirt(),
    "zero dates": Dirt(zero_dates=True),
    "zero and partial dates": Dirt(zero_dates=True, partial_dates=True),
}


def main() -> None:
    """Measure every tool in every round and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="0.1 is 802,787 rows")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(WAYS), choices=WAYS, help="only these tools")
    parser.add_argument("--json", type=Path, help="where the figures go, besides the screen")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped then too
    prepare_peers()
    figures: dict[str, object] = {"scale": given.scale, "cores": os.cpu_count(), "pinned": _PINNED.read_text().split()}
    with serve_mariadb(*ROOMY) as port, serve_postgres() as target:
        figures["versions"] = _versions(port, target)
        print(json.dumps(figures["versions"]))
        for name, dirt in ROUNDS.items():
            found = measure(port, target, scale=given.scale, dirt=dirt, ways=given.only, repeats=given.repeats)
            show(name, found)
            figures[name] = {way: asdict(outcome) for way, outcome in found.items()}
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def prepare_peers() -> None:
    """Make the other tools' Python, if it is not there as pinned.

    Raises:
        FileNotFoundError: pgloader is not installed.
    """
    if not shutil.which("pgloader"):
        raise FileNotFoundError("pgloader is not installed: apt-get install pgloader")
    made = _PEERS / "made.txt"
    if not made.exists() or made.read_text("utf-8") != _PINNED.read_text("utf-8"):
        venv.create(_PEERS, with_pip=True, clear=True)
        subprocess.run([_PEERS / "bin" / "pip", "install", "--quiet", "-r", _PINNED], check=True)
        made.write_text(_PINNED.read_text("utf-8"), encoding="utf-8")


def measure(
    port: int, target: Target, *, scale: float, dirt: Dirt, ways: list[str], repeats: int
) -> dict[str, Outcome]:
    """Let every tool copy the five large tables, one after the other."""
    found: dict[str, Outcome] = {}
    with make_database(port, "clinic") as source:
        peer_account(source)
        rows = fill(source, scale, only=HEADLINE, dirt=dirt)
        for _ in range(repeats):
            for way in ways:
                own = {table: int(count * _PANDAS_SHARE) for table, count in rows.items()} if way == "pandas" else rows
                once(way, source, target, own, found.setdefault(way, Outcome(way)))
        _copy_alone(target, rows, found, repeats)
    return found


def peer_account(source: Database) -> None:
    """Make the account that everybody reads with."""
    source.execute(
        f"CREATE OR REPLACE USER {_PEER}@127.0.0.1 IDENTIFIED BY '{_PEER}'",
        f"GRANT SELECT ON `{source.name}`.* TO {_PEER}@127.0.0.1",
    )


def once(way: str, source: Database, target: Target, rows: Mapping[str, int], outcome: Outcome) -> None:
    """Let a tool copy into an empty database, and count what arrived."""
    database = way.replace(" ", "_").replace(":", "")
    target.renew(database)
    with tempfile.TemporaryDirectory(prefix="clinic-", dir="/var/tmp") as folder:
        place = Place(source, target, database, Path(folder), rows)
        command = WAYS[way](place)
        seconds, rss_mb, code, said = timed(command, place)
        if way in _JUDGED and not code:
            _add_phases(place, outcome)
    print(f"{way}: {seconds:.2f} s", file=sys.stderr, flush=True)
    outcome.wanted = sum(rows.values())
    outcome.seconds.append(seconds)
    outcome.rss_mb, outcome.code = max(outcome.rss_mb, rss_mb), code
    outcome.arrived = dict(rows) if way in _LIMITS else _count(place)
    outcome.said = said[-_SAID:] if code or outcome.lost else ""
    if way in _JUDGED and not outcome.exact:
        verdicts = [judge(source, place.url, SCHEMA, table) for table in rows]
        outcome.exact = {verdict.table: str(verdict) for verdict in verdicts}


def _add_phases(place: Place, outcome: Outcome) -> None:
    """Ask firn how long its phases took, from the first listing on."""
    asked = [str(_FIRN), "report", "--json"]
    said = subprocess.run(asked, cwd=place.folder, env=_environment(place), capture_output=True, text=True, check=True)
    report = json.loads(said.stdout)
    for phase in report["phases"]:
        outcome.phases.setdefault(phase["name"], []).append(phase["seconds"])
    outcome.phases.setdefault("from the first listing to the commit", []).append(report["seconds"])


def timed(command: list[str], place: Place) -> tuple[float, float, int, str]:
    """Run a command; return its seconds, the MB that it held at most, its exit code and what it said."""
    with tempfile.TemporaryFile() as said:
        output = subprocess.DEVNULL if command[0] == "mariadb" else said
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=place.folder, env=_environment(place), stdout=output, stderr=said)
        most = 0.0
        while process.poll() is None:
            most = max(most, _resident_mb(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SAMPLE_S)
        seconds = time.perf_counter() - start
        said.seek(0)
        return seconds, most, process.returncode, said.read().decode(errors="replace").strip()


def _resident_mb(pid: int) -> float:
    """Return what a process and its children hold now."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:  # it has ended
        return 0.0
    return pages * _PAGE / 1e6 + sum(_resident_mb(int(child)) for child in children)


def _environment(place: Place) -> dict[str, str]:
    """Return what the tools read from the environment; none of them reports home."""
    mine = {"MYSQL_PWD": place.source.secret["MYSQL_PWD"] if place.database.startswith("limit") else _PEER}
    slings = {"SOURCE": f"mysql://{place.origin}", "TARGET": f"{place.url}?sslmode=disable", "SLING_THREADS": "3"}
    quiet = {"SLING_DISABLE_TELEMETRY": "TRUE", "RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__WORKERS": "2"}
    return {**os.environ, **mine, **slings, **quiet}


def _count(place: Place) -> dict[str, int]:
    """Return how many rows of each table arrived, in whatever schema."""
    asked = "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = %s"
    found = dict.fromkeys(place.rows, 0)
    with psycopg.connect(place.url) as session:
        for table in place.rows:
            for (schema,) in session.execute(f"{asked} AND relkind IN ('r', 'p')", [table]).fetchall():
                count = SQL("SELECT COUNT(*) FROM {}").format(Identifier(schema, table))
                rows = session.execute(count).fetchone()
                found[table] = max(found[table], rows[0] if rows else 0)
    return found


def _copy_alone(target: Target, rows: Mapping[str, int], found: dict[str, Outcome], repeats: int) -> None:
    """Copy the rows that a tool brought, in binary, by two sessions into empty tables."""
    complete = next((way for way in ("pgloader", "sling", "firn") if way in found and not found[way].lost), None)
    if complete is None:
        return
    with _exported(target.url(complete), rows) as files:
        outcome = found.setdefault("limit: copy", Outcome("limit: copy", sum(rows.values()), arrived=dict(rows)))
        for _ in range(repeats):
            with psycopg.connect(target.url(complete), autocommit=True) as session:
                for table, (schema, _) in files.items():
                    session.execute(SQL("TRUNCATE {}").format(Identifier(schema, table)))
            start = time.perf_counter()
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda table: _copy(target.url(complete), table, *files[table]), files))
            outcome.seconds.append(time.perf_counter() - start)


@contextmanager
def _exported(url: str, rows: Mapping[str, int]) -> Iterator[dict[str, tuple[str, Path]]]:
    asked = "SELECT schemaname FROM pg_tables WHERE tablename = %s ORDER BY schemaname LIMIT 1"
    with tempfile.TemporaryDirectory(prefix="clinic-", dir="/var/tmp") as folder, psycopg.connect(url) as session:
        files = {}
        for table in sorted(rows, key=lambda name: -rows[name]):
            ((schema,),) = session.execute(asked, [table]).fetchall()
            files[table] = (str(schema), Path(folder) / table)
            copy = SQL("COPY {} TO STDOUT (FORMAT binary)").format(Identifier(schema, table))
            with session.cursor().copy(copy) as rows_out, files[table][1].open("wb") as file:
                file.writelines(bytes(block) for block in rows_out)
        session.rollback()
        yield files


def _copy(url: str, table: str, schema: str, file: Path) -> None:
    statement = SQL("COPY {} FROM STDIN (FORMAT binary)").format(Identifier(schema, table))
    with psycopg.connect(url) as session, session.cursor().copy(statement) as copy, file.open("rb") as rows:
        while block := rows.read(1 << 20):
            copy.write(block)


def _versions(port: int, target: Target) -> dict[str, str]:
    said = subprocess.run(["pgloader", "--version"], capture_output=True, text=True, check=True).stdout
    ((mariadb,),) = Database(port, "mysql").query("SELECT VERSION()")
    return {"MariaDB": mariadb, "PostgreSQL": target.version, "pgloader": said.split('"')[1]}


def show(name: str, found: dict[str, Outcome]) -> None:
    """Print what every tool did, and how it compares with the best of the others."""
    best = max((o.speed for way, o in found.items() if way not in {"firn", *_LIMITS} and not o.lost), default=0.0)
    print(
        f"\n{name}\n{'tool':<16}{'rows':>10}{'seconds':>9}{'rows/s':>11}{'of best':>9}{'peak MB':>9}{'lost':>9}  exit"
    )
    for way, outcome in found.items():
        share = f"{outcome.speed / best:.2f}" if best else "-"
        line = f"{way:<16}{outcome.wanted:>10,}{outcome.median:>9.2f}{outcome.speed:>11,.0f}{share:>9}"
        print(f"{line}{outcome.rss_mb:>9.0f}{outcome.lost:>9,}  {outcome.code}")
        for phase, seconds in outcome.phases.items():
            print(f"{'':<16}{phase}: {statistics.median(seconds):.2f} s")
        for said in outcome.exact.values():
            print(f"{'':<16}{said}")
        empty = [table for table in HEADLINE if not outcome.arrived.get(table)]
        if outcome.lost or outcome.code:
            print(f"{'':<16}empty: {', '.join(empty) or 'none'}; said: ...{' '.join(outcome.said.split())[-_SAID:]}")


if __name__ == "__main__":
    main()
