"""Holds what production will show against what the source has, once everything is staged and nothing is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import ContractError
from pipelines.replication.figures import Figures, differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firn import Run
    from loaders.loader import Loader
    from pipelines.replication.reading import Outcome

__all__ = ["reconcile"]


def reconcile(loader: Loader, run: Run, outcomes: Sequence[Outcome]) -> int:
    """Compare rows, and of the latest business days the sums of money too; return how many comparisons were made.

    Tables that were written while they were read are left out: the next run reads them again.

    Raises:
        ContractError: Something differs; each table and column is named. Production is unchanged.
    """
    made = 0
    wrong: list[str] = []
    for outcome in outcomes:
        for what, told in _compared(loader, run, outcome):
            made += 1
            wrong += [f'"{outcome.table}", {what}: {one}' for one in told]
    if wrong:
        tables = ",".join(dict.fromkeys(one.split('"')[1] for one in wrong))
        listed = "\n".join(f"  {one}" for one in wrong)
        raise ContractError(
            f"Production would not show what the source has:\n{listed}\nNothing was published; production is "
            "unchanged.",
            f"rows may have changed without a stamp; read all: firn run {run.pipeline} --full --tables {tables}",
        )
    return made


def _compared(loader: Loader, run: Run, outcome: Outcome) -> list[tuple[str, list[str]]]:
    found = []
    if outcome.moved:
        return []
    if outcome.expected is not None:
        rows, _ = loader.foreseen(run, outcome.table, [])
        found.append(("all rows", differences(Figures(outcome.expected), Figures(rows))))
    if outcome.recent:
        column, day, figures = outcome.recent
        rows, sums = loader.foreseen(run, outcome.table, list(figures.sums), (column, day))
        found.append((f"{column} from {day} on", differences(figures, Figures(rows, dict(sums)))))
    return found
