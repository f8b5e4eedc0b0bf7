"""A small clinic whose tables are read in every way there is, and processes that replicate it and are killed."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.clinic_judge import judge
from firn import FirnError
from pipelines.engine import commands, settings
from pipelines.engine.progress import Silent
from pipelines.replication import survey
from tests.mariadb import PASSWORD, READER, make_database
from tests.torture.loading import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

    from pipelines.engine.report import Report
    from tests.mariadb import MariaDB

TABLES = (
    (
        "CREATE TABLE patient (PatNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, LName varchar(100) NOT NULL, "
        "BalTotal double NOT NULL DEFAULT 0, DateTStamp timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE "
        "current_timestamp()) ENGINE=MyISAM"
    ),
    "CREATE TABLE procnote (ProcNoteNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, Note text) ENGINE=MyISAM",
    (
        "CREATE TABLE securitylog (SecurityLogNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, LogText text, "
        "LogDateTime datetime NOT NULL) ENGINE=MyISAM"
    ),
    "CREATE TABLE zipcode (ZipCodeNum bigint NOT NULL PRIMARY KEY, City varchar(50)) ENGINE=InnoDB",
    "CREATE TABLE tmppatient (PatNum bigint, LName varchar(50)) ENGINE=MyISAM",
)
ROWS = (
    "INSERT INTO patient (LName, BalTotal) SELECT concat('Ashford ', seq), seq * 0.1 FROM seq_1_to_300",
    "INSERT INTO procnote (Note) SELECT concat('note ', seq) FROM seq_1_to_300",
    "INSERT INTO securitylog (LogText, LogDateTime) SELECT concat('log ', seq), '2010-01-02' FROM seq_1_to_300",
    "INSERT INTO zipcode VALUES (97201, 'Portland'), (97202, NULL), (97203, '')",
    "INSERT INTO tmppatient VALUES (1, 'Birch'), (2, NULL), (2, NULL)",
)
STATED: Mapping[str, Mapping[str, object]] = {
    "patient": {"tier": "critical", "strategy": "incremental", "incremental_column": "DateTStamp"},
    "procnote": {"tier": "important", "strategy": "compare"},
    "securitylog": {"tier": "audit", "strategy": "append", "incremental_column": "SecurityLogNum"},
    "zipcode": {"tier": "reference", "strategy": "full"},
    "tmppatient": {"tier": "standard"},
}
EVERYWHERE = (
    "INSERT INTO patient (LName) VALUES ('Elm'), ('Elm')",
    "DELETE FROM patient ORDER BY PatNum LIMIT 2",
    "UPDATE procnote SET Note = concat(Note, '+') ORDER BY ProcNoteNum DESC LIMIT 3",
    "INSERT INTO securitylog (LogText, LogDateTime) VALUES ('one more', '2026-02-03')",
    "UPDATE zipcode SET City = concat(ifnull(City, ''), '+') WHERE ZipCodeNum = 97202",
    "INSERT INTO tmppatient VALUES (3, 'Cedar')",
)
"""A change of every table."""


@dataclass
class Practice:
    """The source, the target, and the settings between them.

    Attributes:
        source: The source.
        dsn: The target.
        config: The settings file.
        tables: What is stated of single tables.
        rules: What is stated of single columns.
        more: What is stated besides.
    """

    source: MariaDB
    dsn: str
    config: Path
    tables: dict[str, dict[str, object]] = field(default_factory=dict)
    rules: dict[str, dict[str, object]] = field(default_factory=dict)
    more: dict[str, object] = field(default_factory=dict)

    def settle(self) -> None:
        """Write the settings."""
        place = {"host": "127.0.0.1", "port": self.source.port, "user": READER, "database": self.source.database}
        catalogue = str(self.config.with_name("tables.yaml"))
        lines = ["[target]", *stated({"dsn": self.dsn})]
        lines += ["[clinic]", *stated({"catalogue": catalogue, "overlap_s": 0.0, **self.more})]
        lines += ["[clinic.source]", *stated({**place, "tls": "disabled"})]
        for name, own in self.rules.items():
            lines += [f'[clinic.source.columns."{name}"]', *stated(own)]
        for name, own in self.tables.items():
            lines += [f"[clinic.tables.{name}]", *stated(own)]
        self.config.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def run(self, **options: Any) -> Report:  # noqa: ANN401 (whatever options there are)
        """Replicate in this process."""
        return commands.run("clinic", self.config, options=commands.Options(**options))

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the target."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def shown(self) -> dict[str, str]:
        """What production shows, as a checksum of each table."""
        tables = self.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        content = "SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} t"
        return {name: self.ask(content.format(name))[0][0] for (name,) in tables}

    def differing(self, *but: str) -> list[str]:
        """The tables of the source that production does not show exactly, with what differs."""
        names = [name for (name,) in self.source.query("SHOW TABLES") if name not in but]
        verdicts = [judge(self.source, self.dsn, "public", name) for name in names]
        return [str(verdict) for verdict in verdicts if not verdict.exact]

    def cursors(self) -> dict[str, Any]:
        """What is remembered of each table."""
        return dict(self.ask("SELECT name, watermark FROM firn.cursor WHERE dataset = 'clinic'"))

    def generation(self) -> int:
        """The generation that production shows."""
        return int(self.ask("SELECT coalesce(max(generation), 0) FROM firn.dataset")[0][0])

    def staged(self) -> list[str]:
        """The schemas of staging that are there."""
        return [name for (name,) in self.ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'firn_stage%'")]

    def outcome(self, run_id: str) -> tuple[str, str | None]:
        """What is recorded of a run: its status, and why it failed."""
        [found] = self.ask("SELECT status, error FROM firn.run WHERE run_id = %s", run_id)
        return found  # type: ignore[return-value]

    def process(self, hold: str = "") -> Watched:
        """Replicate in a process of its own; told to, it waits at a step."""
        return Watched(main, str(self.config), dict(os.environ), hold)

    def is_left_alone(self) -> None:
        """Wait until no session of firn's is left at the target."""
        deadline = time.monotonic() + 120
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'firn' AND datname = current_database()"
        while self.ask(query):
            assert time.monotonic() < deadline, "sessions of firn do not end"
            time.sleep(0.02)


def stated(settings: Mapping[str, object]) -> list[str]:
    """Write settings as TOML does."""
    return [f"{name} = {json.dumps(value)}" for name, value in settings.items()]


@contextmanager
def practice(port: int, dsn: str, folder: Path) -> Iterator[Practice]:
    """Make the source, an empty database to replicate it into, and the catalogue.

    Args:
        port: Of a MariaDB.
        dsn: Of a PostgreSQL.
        folder: Where settings and catalogue go.
    """
    name, before = folder.name.replace("-", "_"), os.environ.get("MYSQL_PWD")
    with make_database(port) as source, psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        os.environ["MYSQL_PWD"] = PASSWORD
        try:
            source.execute(*TABLES, *ROWS)
            made = Practice(source, make_conninfo(dsn, dbname=name), folder / "firn.toml")
            made.tables = {table: {**own} for table, own in STATED.items()}
            made.settle()
            survey.survey("clinic", made.config, {})
            yield made
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]
            os.environ.pop("MYSQL_PWD")
            if before is not None:
                os.environ["MYSQL_PWD"] = before


class _Steps(Silent):
    """Says each phase as it begins, each step as it is done, and waits at one of them."""

    def __init__(self, pipe: Connection, hold: str) -> None:
        self._pipe, self._hold = pipe, hold

    def _say(self, step: str) -> None:
        self._pipe.send(step)
        if step == self._hold:
            self._pipe.recv()

    def start(self, run_id: str) -> None:
        self._say(run_id)

    def phase(self, number: int, of: int, title: str) -> None:  # noqa: ARG002 (the protocol's)
        self._say(title)

    def step(self, number: int, of: int, title: str, rows: int, seconds: float) -> None:  # noqa: ARG002 (the same)
        self._say(f"table {number}")

    def close(self) -> None:
        self._say("over")


def main(pipe: Connection, config: str, environment: dict[str, str], hold: str) -> None:
    """Replicate, and end with the exit code of the command line."""
    from pathlib import Path

    os.environ.update(environment)
    commands.choose = lambda *, quiet: _Steps(pipe, hold)  # type: ignore[assignment]  # noqa: ARG005 (the same)
    try:
        pipe.send(commands.run("clinic", Path(config), quiet=False).status)
    except FirnError as error:
        pipe.send(f"{type(error).__name__}: {error.message}")
        sys.exit(error.exit_code)


def opened(practice: Practice) -> Any:  # noqa: ANN401 (a context that gives the loader)
    """Open the target."""
    return settings.load_target(practice.config).open()
