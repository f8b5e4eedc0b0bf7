"""Nights of the clinic: all 446 tables are loaded once, and then runs follow that find nothing, little or much changed.

```
python -m benchmarks.clinic_nights --scale 0.1
```
Each run is a process of its own and is measured from its start to its end. After each, the tables that change are
compared with the source value by value.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.clinic import SCHEMA, WAYS, Place, peer_account, timed
from benchmarks.clinic_days import AUDIT, BUSY, change, kept, live
from benchmarks.clinic_judge import judge
from benchmarks.clinic_source import fill
from benchmarks.mariadb import ROOMY, Database, make_database, serve_mariadb
from benchmarks.postgres import serve_postgres

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_DATABASE = "nights"
_EVENTS: dict[str, Callable[[Database], object]] = {
    "first load": lambda _: None,
    "nothing changed": lambda _: None,
    "0.1 % changed": lambda source: change(source, 0.001),
    "day 1": lambda source: live(source, 1),
    "day 2: columns, purge": lambda source: live(source, 2),
    "day 3: renamed, dropped": lambda source: live(source, 3),
    "nothing changed again": lambda _: None,
}
_DISCOVERED = ("day 3: renamed, dropped",)
"""Tables that are gone stop a run until they are discovered to be."""


def main() -> None:
    """Measure the runs and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic_nights", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="0.1 is 1.8 million rows in all tables")
    parser.add_argument("--settle", type=float, default=2.0, help="seconds between an event and its run")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped then too
    with (
        serve_mariadb(*ROOMY) as port,
        serve_postgres() as target,
        make_database(port, "clinic") as source,
        tempfile.TemporaryDirectory(prefix="clinic-", dir="/var/tmp") as folder,
    ):
        peer_account(source)
        rows = fill(source, given.scale)
        target.renew(_DATABASE)
        place = Place(source, target, _DATABASE, Path(folder), rows)
        print(f"{sum(rows.values()):,} rows in {len(rows)} tables\n{'run':<26}{'seconds':>8}{'rows read':>12}{'MB':>7}")
        full = WAYS["firn"](place)
        for name, happen in _EVENTS.items():
            happen(source)
            if name in _DISCOVERED:
                WAYS["firn"](place)
            time.sleep(given.settle)  # a server's times of change are whole seconds
            night(name, place, full if name == "first load" else full[:-1])
        source.execute(f"DROP DATABASE IF EXISTS `{kept(source).name}`")


def night(name: str, place: Place, command: list[str]) -> None:
    """Run once, and print what it did and what the judge says."""
    seconds, most, code, said = timed([*command, "--json"], place)
    report = _report(said)
    print(f"{name:<26}{seconds:>8.2f}{report.get('rows_read', 0):>12,}{most:>7.0f}  exit {code} {report.get('status')}")
    used = dict(Counter((report.get("strategies") or {}).values()))
    print(f"{'':<26}{report.get('parts')} tables, {report.get('taken')} taken over, published by {used}")
    for table in BUSY:
        verdict = judge(place.source, place.url, SCHEMA, table, purged=kept(place.source) if table in AUDIT else None)
        if not verdict.exact:
            print(f"{'':<26}{verdict}")
    if code:
        print(f"{'':<26}{report.get('error') or said[-500:]}")


def _report(said: str) -> dict[str, Any]:
    start, end = said.find("{\n"), said.rfind("}")
    try:
        found: dict[str, Any] = json.loads(said[start : end + 1])
    except ValueError:
        return {}
    return found


if __name__ == "__main__":
    main()
