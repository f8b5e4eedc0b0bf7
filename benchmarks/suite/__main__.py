"""The benchmark suite's command line: ``make bench``, ``firn bench``.

```
python -m benchmarks.suite                        # all scenarios, as in benchmarks/results; an hour
python -m benchmarks.suite --small                # the same, small; five minutes
python -m benchmarks.suite --scenario clinic --scale 0.02 --repeats 1 --system firn
python -m benchmarks.suite --gate                 # whether firn became slower; fails if so
```
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.postgres import serve_postgres
from benchmarks.suite import gate, growth, history, machine, pages, peers, plan, stages, workloads
from benchmarks.suite.contest import Contest, Results, WrongData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.suite.plan import Leg

_SMALL = machine.ROOT / ".cache" / "bench" / "small.jsonl"
_SOME = _SMALL.with_name("some.jsonl")
_BASELINE = pages.RESULTS.with_name("baseline.json")
_BASELINE_ROUNDS = 9


def main() -> None:
    """Do what the arguments ask for."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped then too
    try:
        if given.history:
            _show_history()
        elif given.pages:
            written = [str(page.relative_to(machine.ROOT)) for page in pages.write()]
            print("\n".join(written) or "Nothing was measured yet.")
        elif given.gate or given.record:
            sys.exit(_gate(given.repeats or _BASELINE_ROUNDS if given.record else 0))
        elif given.profile:
            _profile(given.profile, given.scale)
        else:
            _measure(given)
    except WrongData as wrong:
        sys.exit(f"The benchmark ends: {wrong}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite", description=__doc__.partition("\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--small", action="store_true", help="small scales, some minutes")
    what.add_argument("--growth", action="store_true", help="firn at 1, 2, 4 and 8 times a scale")
    what.add_argument("--gate", action="store_true", help="fail if firn is slower than the baseline")
    what.add_argument("--record", action="store_true", help="measure the baseline anew, on an idle machine")
    what.add_argument(
        "--profile", nargs="?", const="order lists", choices=stages.PROFILED, help="core-seconds by stage"
    )
    what.add_argument("--history", action="store_true", help="records per second by commit")
    what.add_argument("--pages", action="store_true", help="write README, docs and plots from the results")
    parser.add_argument("--scenario", action="append", choices=plan.SCENARIOS, help="only this; repeat for more")
    parser.add_argument("--system", action="append", default=[], help="only this; repeat for more")
    parser.add_argument("--scale", type=float, help="instead of the plan's")
    parser.add_argument("--repeats", type=int, help="instead of the plan's")
    parser.add_argument("--out", type=Path, help="where the lines go")
    return parser.parse_args()


def _measure(given: argparse.Namespace) -> None:
    legs, out, only = _legs(given)
    about = machine.about(peers=peers.versions())
    for sentence in peers.install():
        print(f"{sentence}. It takes no part.", file=sys.stderr)
    with serve_postgres() as target:
        about["versions"] = {**about["versions"], "PostgreSQL": target.version}  # type: ignore[dict-item]
        results = Results(out, about)
        for leg in legs:
            contest = Contest(leg.scenario, leg.scale, target, results, frozenset(only))
            plan.SCENARIOS[leg.scenario](contest, given.repeats or leg.repeats)
    trials = pages.read(out)[1]
    print(pages.table(trials))
    if given.growth:
        print(pages.growing(growth.growths(trials)))
    elif not given.small and not given.scenario and history.append(about, trials):
        print(f"Added to {history.HISTORY.relative_to(machine.ROOT)}.")
    print(f"\n{out}: {len(trials)} runs")


def _legs(given: argparse.Namespace) -> tuple[Sequence[Leg], Path, list[str]]:
    """Return what is measured, where its lines go, and which systems take part (none: all)."""
    scenarios = given.scenario or list(plan.GROWTH if given.growth else plan.SCENARIOS)
    if given.growth:
        sizes = ((name, times) for name in scenarios for times in growth.TIMES)
        legs = [plan.Leg(name, (given.scale or plan.GROWTH[name]) * times, 3) for name, times in sizes]
        return legs, given.out or pages.GROWTH, ["firn"]
    chosen = [leg for leg in (plan.SMALL if given.small else plan.FULL) if leg.scenario in scenarios]
    if given.scale:
        chosen = [plan.Leg(name, given.scale) for name in scenarios]
    partial = given.scenario or given.system or given.scale
    return chosen, given.out or (_SMALL if given.small else _SOME if partial else pages.RESULTS), given.system


def _gate(recorded: int) -> int:
    """Compare with the baseline, or record one of so many rounds."""
    found = gate.load(_BASELINE, machine.kind())
    results = Results(_SMALL.with_name("gate.jsonl"), machine.about())
    with serve_postgres() as target, workloads.serving(target, results) as work:
        if recorded:
            rounds = gate.Rounds()
            work.measure(rounds, recorded)
            _record(gate.record(rounds, machine.commit(), datetime.now(UTC).isoformat(timespec="minutes")))
            return 0
        if found is None:
            print(f"No baseline in {_BASELINE}: make bench-baseline")
            return 1
        baseline, same = found
        verdicts = gate.decide(baseline, work.measure, same_machine=same)
    print("\n".join(str(verdict) for verdict in verdicts))
    slower = [verdict for verdict in verdicts if verdict.slower]
    print(
        f"{len(slower)} slower than at {baseline.commit}" + ("" if same else ", which ran on another kind of machine")
    )
    if slower:
        print(
            "If that is the price of something: make bench-baseline on an idle machine, and commit it with the reason."
        )
    return 1 if slower else 0


def _record(baseline: gate.Baseline) -> None:
    found = json.loads(_BASELINE.read_text("utf-8")) if _BASELINE.exists() else {}
    found[machine.kind()] = asdict(baseline)
    _BASELINE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{_BASELINE.relative_to(machine.ROOT)}: {baseline}")


def _profile(scenario: str, scale: float | None) -> None:
    with serve_postgres() as target, tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as folder:
        results = Results(_SOME.with_name("profile.jsonl"), machine.about())
        with stages.PROFILED[scenario](target, results, scale) as entry:
            print(stages.profile(entry, target.pid, Path(folder)))


def _show_history() -> None:
    found = history.entries()
    if not found:
        sys.exit(f"{history.HISTORY} has no line yet: make bench adds some.")
    print(history.table(found))
    path = history.HISTORY.with_suffix(".svg")
    path.write_text(history.plot(found), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
