"""Records per second of the order lists: from the first listing to the commit, in a process that is already started.

Each repeat is a process of its own on one embedded PostgreSQL with its durable settings, and reads, casts, accounts,
stages, verifies, indexes, analyses and publishes. After each, production is compared with what the generator wrote: a
run that loads wrong data fails. ``python -m benchmarks.order_lists --scale 1``
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.order_list_workbooks import cached
from benchmarks.truth import Truth
from loaders.embedded import serve

FIRN = Path(sys.executable).with_name("firn")


def main() -> None:
    """Run the repeats and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is all 101,662 rows")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    made = cached(scale=options.scale)
    with tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        with serve(Path(home)) as server:
            results = [measure(made, Path(home), server.dsn, number) for number in range(options.repeats + 1)]
            idle = [run(made, Path(home)) for _ in range(options.repeats)]
    show(results[1:], options.scale)
    line("nothing has changed, seconds", [report["seconds"] for report in idle], "{:.2f}")


def measure(made: Path, home: Path, dsn: str, number: int) -> dict[str, Any]:
    """Read everything once, check the outcome, and tell how fast it was."""
    report = run(made, home, "--full-refresh")
    verify(made, dsn)
    report["rows_read"] -= report["figures"].get("rows blank", 0)
    print(f"{'warm-up' if number == 0 else f'run {number}':<8}{report['rows_read'] / report['seconds']:>10,.0f} rows/s")
    return report


def run(made: Path, home: Path, *options: str) -> dict[str, Any]:
    """Run once in a process of its own, and add the process's own wall time to its report."""
    started = time.perf_counter()
    done = subprocess.run(
        [FIRN, "run", "order_lists", "--json", "--set", f"folder={made / 'workbooks'}", *options],
        env=os.environ | {"FIRN_TARGET__HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"The run failed:\n{done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report | {"wall": wall}


def verify(made: Path, dsn: str) -> None:
    """Compare what production shows with the generator's truth: rows, and exact sums of quantities and money."""
    truth = Truth.load(made)
    names = [sql.Identifier(name) for name in truth.sums]
    sums = sql.SQL(", ").join(sql.SQL("coalesce(sum({}), 0)").format(name) for name in names)
    with psycopg.connect(dsn) as connection:
        found = connection.execute(sql.SQL("select count(*), {} from order_list").format(sums)).fetchone()
    expected = (truth.totals["published"], *(Decimal(total) for total in truth.sums.values()))
    if found != expected:
        sys.exit(f"The run loaded wrong data: {found}, not {expected}.")


def show(results: list[dict[str, Any]], scale: float) -> None:
    """Print medians and spread: records per second, seconds a phase, memory, lock time, process start."""
    rows = results[0]["rows_read"]
    print(f"\norder lists, scale {scale:g}: {rows:,} rows, {len(results)} runs, median (least to most)\n")
    line("records per second", [rows / r["seconds"] for r in results], "{:,.0f}")
    line("seconds, first listing to commit", [r["seconds"] for r in results], "{:.2f}")
    for number, phase in enumerate(results[0]["phases"]):
        line(f"  {phase['name']}", [r["phases"][number]["seconds"] for r in results], "{:.2f}")
    line("process start and end, seconds", [r["wall"] - r["seconds"] for r in results], "{:.2f}")
    line("peak memory, MB", [r["peak_memory_mb"] for r in results], "{:,.0f}")
    line("production locked, ms", [r["locked_ms"] for r in results], "{:.1f}")


def line(name: str, values: list[float], form: str) -> None:
    """Print one figure's median and spread."""
    middle, least, most = (form.format(f(values)) for f in (statistics.median, min, max))
    print(f"{name:<36}{middle:>10}   ({least} to {most})")


if __name__ == "__main__":
    main()
