"""What the gate runs: firn at small scales, each run compared with the truth, and the reference beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable  # noqa: TC003 (dataclasses read it)
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clinic_schema import HEADLINE
from benchmarks.clinic_source import fill
from benchmarks.commissions_source import cached as extracts
from benchmarks.order_list_workbooks import cached as workbooks
from benchmarks.suite import runs
from benchmarks.suite.contest import Contest, Entry, WrongData, told
from benchmarks.suite.gate import ROUNDS, Cost, Rounds
from benchmarks.suite.limits import itself
from benchmarks.suite.machine import ROOT
from benchmarks.suite.process import Command, cpu_seconds, run
from benchmarks.suite.scenarios import clinic, commissions, order_lists
from benchmarks.suite.trial import Finding
from benchmarks.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.postgres import Target
    from benchmarks.suite.contest import Results
    from benchmarks.suite.process import Ran

__all__ = ["Workloads", "serving"]

_SCALES = {"order lists": 0.02, "clinic": 0.003, "commissions": 0.01}
_WORKBOOKS = 12
_STARTS = 10


@dataclass(frozen=True)
class Workloads:
    """Everything that a round runs.

    Attributes:
        target: The server that is written to.
        entries: firn's, by name.
    """

    target: Target
    entries: Mapping[str, Entry]

    def measure(self, found: Rounds, rounds: int = ROUNDS, tell: Callable[[str], object] = print) -> None:
        """Add rounds.

        Raises:
            WrongData: firn or the reference failed, or firn loaded something else than was made.
        """
        before = self._reference()
        for _ in range(rounds):
            costs = {name: self._cost(entry) for name, entry in self.entries.items()}
            after = self._reference()
            found.add(before, costs, after)
            before = after
            tell(f"round {len(found.waiting)}: " + ", ".join(_told(found)))

    def _reference(self) -> Cost:
        def prepare(_: Path) -> Command:
            self.target.renew("reference")
            return Command(itself(self.target.url("reference"), module="benchmarks.suite.reference"), ROOT)

        return self._cost(Entry("the reference", 0, prepare, lambda ran: Finding(problem=told(ran))))

    def _cost(self, entry: Entry) -> Cost:
        with tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as folder:
            command = entry.prepare(Path(folder))
            server = cpu_seconds(self.target.pid)
            ran = run(command)
            server = cpu_seconds(self.target.pid) - server
            if said := entry.judge(ran).problem:
                raise WrongData(f"{entry.system}: {said}")
        return Cost(ran.cpu_s + server, ran.wall_s)


def _told(found: Rounds) -> list[str]:
    return [f"{name} {own['cpu'][-1]:.2f} cpu {own['wall'][-1]:.2f} wall" for name, own in found.quotients.items()]


@contextmanager
def serving(target: Target, results: Results) -> Iterator[Workloads]:
    """Make what the workloads read, and serve it."""
    with clinic.serving() as source, tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as name:
        at = {scenario: Contest(scenario, scale, target, results) for scenario, scale in _SCALES.items()}
        books = Truth.load(workbooks(_SCALES["order lists"], files=_WORKBOOKS))
        made, folder = extracts(_SCALES["commissions"]), Path(name) / "extracts"
        shutil.copytree(made / "extracts", folder)
        rows = fill(source, _SCALES["clinic"], only=HEADLINE)
        entries = {
            "order lists": order_lists.firn(at["order lists"], books),
            "clinic": clinic.firn(at["clinic"], source, rows),
            "commissions": commissions.firn(at["commissions"], made, folder),
            "start": _starting(),
        }
        yield Workloads(target, entries)


def _starting() -> Entry:
    """Return the entry that asks for help so often that it can be measured."""
    script = f"for number in $(seq {_STARTS}); do {runs.PROGRAM} --help; done"

    def judge(ran: Ran) -> Finding:
        return Finding(problem=told(ran))

    return Entry("firn --help", 0, lambda folder: Command(("sh", "-ec", script), folder), judge)
