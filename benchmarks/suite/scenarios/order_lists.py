"""Customer order lists: 45 workbooks into PostgreSQL, all of them, and then one customer's again.

firn reads, casts, accounts, sets aside, stages, verifies, indexes, analyses and publishes in one transaction. The
others load raw tables, a workbook each, in which nothing is typed beyond what they guess.
"""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.order_list_workbooks import cached
from benchmarks.suite import limits, peers, runs
from benchmarks.suite.contest import Entry, told
from benchmarks.suite.process import Command
from benchmarks.suite.trial import FIRN, Finding
from benchmarks.truth import LINES, QUARANTINE, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.suite.contest import Contest
    from benchmarks.suite.process import Ran
    from benchmarks.truth import FileTruth

__all__ = ["all_workbooks", "difference", "firn", "one_customer"]

_TABLES = ("order_list", "order_list_lines", "order_list_origin", "order_list_quarantine")
_SHOWN = (
    "SELECT file, row, order_key::text, row_hash, record_uuid::text "
    "FROM order_list JOIN order_list_origin USING (record_uuid)"
)
_LANDED = "landed"


def all_workbooks(contest: Contest, repeats: int) -> None:
    """Measure everybody on all workbooks; pandas on one of middling size."""
    truth = Truth.load(cached(scale=contest.scale))
    with tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as copied:
        entries = [
            firn(contest, truth),
            _peer(contest, truth, "polars", truth.files, ("polars", "fastexcel", "adbc-driver-postgresql")),
            _peer(contest, truth, "pandas", [_middling(truth)], ("pandas", "openpyxl", "sqlalchemy")),
            limits.inflating(truth.workbooks, truth.totals[_LANDED]),
            limits.copying(lambda: contest.target.url("firn"), "public", _TABLES, truth.totals[_LANDED], Path(copied)),
        ]
        contest.hold(entries, repeats)


def one_customer(contest: Contest, repeats: int) -> None:
    """Measure how long it takes to replace the rows of one customer, when all are published."""
    truth, url = Truth.load(cached(scale=contest.scale)), contest.target.url("firn")
    contest.target.renew("firn")
    books = f"folder={truth.workbooks}"
    runs.once(runs.run_of("order_lists", url, truth.folder, "--set", books))
    chosen = _middling(truth)
    customer = max(chosen.names, key=lambda name: chosen.names[name])

    def judge(ran: Ran) -> Finding:
        return runs.finding(ran, difference(truth, url), truth.totals["published"], chosen.rows[_LANDED])

    def prepare(folder: Path) -> Command:
        return runs.run_of("order_lists", url, folder, "--set", books, "--customer", customer)

    contest.hold([Entry(FIRN, chosen.rows[_LANDED], prepare, judge)], repeats)


def firn(contest: Contest, truth: Truth) -> Entry:
    """Return firn's entry: everything into an empty database, compared with the truth."""
    url, rows = contest.target.url("firn"), truth.totals[_LANDED]

    def prepare(folder: Path) -> Command:
        contest.target.renew("firn")
        return runs.run_of("order_lists", url, folder, "--set", f"folder={truth.workbooks}")

    def judge(ran: Ran) -> Finding:
        problem = "" if ran.code else difference(truth, url)
        return runs.finding(ran, problem, truth.totals["published"], rows)

    return Entry(FIRN, rows, prepare, judge)


def difference(truth: Truth, url: str) -> str:
    """Say what production shows that the generator did not make: lines by their digests, sums, cells set aside."""
    with psycopg.connect(url) as session:
        if sorted(session.execute(_SHOWN).fetchall()) != sorted(pl.read_parquet(truth.folder / LINES).rows()):
            return "the lines are not those that were made"
        names = [SQL("coalesce(sum({}), 0)").format(Identifier(name)) for name in truth.sums]
        sums = session.execute(SQL("SELECT {} FROM order_list").format(SQL(", ").join(names))).fetchall()
        if sums != [tuple(Decimal(total) for total in truth.sums.values())]:
            return "the sums are not those of what was made"
        aside = session.execute("SELECT file, sheet, cell FROM order_list_quarantine").fetchall()
    cells = pl.col("file", "sheet", "cell").cast(pl.String)
    wanted = pl.read_parquet(truth.folder / QUARANTINE).select(cells).rows()
    return "" if sorted(aside) == sorted(wanted) else "other cells are set aside than those that were spoilt"


def _middling(truth: Truth) -> FileTruth:
    """Return the workbook whose number of rows is nearest to the average."""
    average = truth.totals[_LANDED] / len(truth.files)
    return min(truth.files, key=lambda file: abs(file.rows[_LANDED] - average))


def _peer(contest: Contest, truth: Truth, way: str, files: Sequence[FileTruth], packages: tuple[str, ...]) -> Entry:
    rows = sum(file.rows[_LANDED] for file in files)

    def prepare(folder: Path) -> Command:
        contest.target.renew(way)
        sheets = [{"path": str(truth.workbooks / f.file), "sheet": f.sheet, "header": f.header_row} for f in files]
        (folder / "sheets.json").write_text(json.dumps(sheets), encoding="utf-8")
        listed = str(folder / "sheets.json")
        return Command(peers.script("workbooks", way, contest.target.url(way), listed, packages=packages), folder)

    return Entry(way, rows, prepare, partial(_loaded, rows), rows / truth.totals[_LANDED])


def _loaded(rows: int, ran: Ran) -> Finding:
    """Return what a peer says that it loaded; rows between the data may be among them."""
    if ran.code:
        return Finding(problem=told(ran))
    said = json.loads(ran.said.splitlines()[-1])
    short = f"{rows - said['rows']:,} rows are missing" if said["rows"] < rows else ""
    return Finding(said["seconds"], arrived=said["rows"], problem=short)
