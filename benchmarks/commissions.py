"""Seconds of the commissions, from the first listing to the commit, and what each stage does a second.

Every run is a process of its own on one embedded PostgreSQL with its durable settings. The first load is measured, then
runs in which everything is read again, one in which 1 % of the premiums are new, and one that changes nothing. After
each load of the extracts as they were made, production is compared with what the generator says of them, by counts,
routes, chains that are suspended, and sums: one that publishes something else ends the benchmark. The run with new
premiums is only measured.
``python -m benchmarks.commissions --scale 1``
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.commissions_source import Truth, cached
from loaders.embedded import serve

FIRN = Path(sys.executable).with_name("firn")
COUNTS = {
    "brokers": "select count(*) from brokers",
    "schedules_named": "select count(*) from schedules",
    "products": "select count(*) from products",
    "policies": "select count(*) from policies",
    "proposals": "select count(*) from proposals",
    "proposal_pairs": "select count(*) from proposal_products",
    "proposal_splits": "select count(*) from premium_split_participants",
    "premium_transactions": "select count(*) from premium_transactions",
    "pha_splits": "select count(*) from policy_hierarchy_assignments",
}
"""What must be there, by its name in the truth; of the schedules that certificates name those that have rates."""
ROUTES = """
select coalesce(a.reason, 'proposal'), count(*) from policies p left join
(select distinct policy_id, non_conformant_reason as reason from policy_hierarchy_assignments) a on a.policy_id = p.id
group by 1
"""
SUSPENDED = """
select count(distinct certificate), count(*) filter (where proposal_id is not null) from hierarchies where status = 2
"""
"""For how many certificates nothing may be paid, as a record was rejected; no agreement of several is among them."""


def main() -> None:
    """Load for the first time, again, with changes, and without; print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 1,550,752 certificate rows")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    made = cached(options.scale)
    with tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        folder = Path(home) / "extracts"
        shutil.copytree(made / "extracts", folder)
        with serve(Path(home) / "firn") as server:
            measured = {"first load": run(folder, home)}
            verify(made, server.dsn)
            for number in range(1, options.repeats + 1):
                measured[f"all again, {number}"] = run(folder, home, "--full-refresh")
                verify(made, server.dsn)
            change(folder / "premiums.csv")
            measured["1 % of the premiums new"] = run(folder, home)
            measured["nothing changed"] = run(folder, home)
    for title, report in measured.items():
        show(title, report)
    show_stages(measured["first load"])


def run(folder: Path, home: str, *options: str) -> dict[str, Any]:
    """Run once in a process of its own, and add its processor seconds to its report."""
    before, started = used(), time.perf_counter()
    done = subprocess.run(
        [FIRN, "run", "commissions", "--json", "--set", f"folder={folder}", *options],
        env=os.environ | {"FIRN_TARGET__HOME": f"{home}/firn"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"The run failed:\n{done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report | {"wall": time.perf_counter() - started, "processor": used() - before}


def used() -> float:
    """The processor seconds of all processes that were started and have ended."""
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


def change(path: Path) -> None:
    """Post every hundredth premium once more, under another invoice."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    more = [line.replace("INV", "INX") for line in lines[1::100] if "INV" in line]
    path.write_text("\n".join([*lines, *more, ""]), encoding="utf-8")


def verify(made: Path, dsn: str) -> None:
    """Compare what production shows with the generator's truth: objects, routes, rejected records, and premiums."""
    truth = Truth.load(made)
    with psycopg.connect(dsn) as connection:
        found = {name: connection.execute(query).fetchall()[0][0] for name, query in COUNTS.items()}
        routes: dict[str, int] = dict(connection.execute(ROUTES).fetchall())
        rejects = connection.execute("select count(*) from commission_rejects").fetchall()[0][0]
        suspended = connection.execute(SUSPENDED).fetchall()
        posted = connection.execute("select sum(premium_amount) from premium_transactions where source = 0").fetchall()
    expected = {name: truth.counts[name] for name in COUNTS}
    expected["schedules_named"] -= truth.dirt["absent_schedules"]
    same(found, expected)
    same(routes, truth.routing)
    same(suspended, [(truth.routing["RejectedRecords"], 0)])
    same(rejects, sum(extract.rejects for extract in truth.extracts.values()))
    same(posted[0][0], Decimal(truth.extracts["raw_premiums"].sums["Amount"]))


def same(found: object, expected: object) -> None:
    """End with both, where they differ."""
    if found != expected:
        sys.exit(f"Production is not what was made:\nfound    {found}\nexpected {expected}")


def show(title: str, report: dict[str, Any]) -> None:
    """Print what one run took."""
    print(
        f"{title:<26}{report['seconds']:>8.2f} s{report['processor']:>8.2f} s of processors"
        f"{report['peak_memory_mb']:>8,.0f} MB  locked {report['locked_ms']:,.1f} ms  {report['status']}"
    )


def show_stages(report: dict[str, Any]) -> None:
    """Print what each phase and each step of a run did a second."""
    rows_published = sum(report["tables"].values())
    print(f"\nfirst load: {report['rows_read']:,} records read, {rows_published:,} rows published")
    for phase in report["phases"]:
        print(f"  {phase['name']:<38}{phase['rows']:>12,}{rate(phase['rows'], phase['seconds'])}")
    typing = [step for step in report["steps"] if step["name"].endswith("_lines")]
    later = [step for step in report["steps"] if step not in typing]
    for title, steps in (("typed lines", typing), ("all other transforms and checks", later)):
        rows, seconds = (sum(step[name] for step in steps) for name in ("rows_in", "seconds"))
        print(f"  {title:<38}{rows:>12,}{rate(rows, seconds)}")
    for step in sorted(report["steps"], key=lambda step: -step["seconds"])[:12]:
        print(f"    {step['name']:<36}{step['rows_in']:>12,}{rate(step['rows_in'], step['seconds'])}")


def rate(rows: int, seconds: float) -> str:
    """Write rows a second, and seconds."""
    return f"{rows / seconds if seconds else 0:>14,.0f} rows/s{seconds:>9.2f} s"


if __name__ == "__main__":
    main()
