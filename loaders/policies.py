"""Which rows tables hold once they are published, where these are not the new rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import PublishError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firn import Dataset, Policy, Strategy
    from loaders.ddl import Layout

__all__ = ["WORDS", "Figures", "figures", "keeping", "refuse", "told"]

WORDS: Mapping[Policy, str] = {"keep_missing": "merge", "insert_only": "insert"}
"""The policies that keep rows of production, and the strategy by which each is published where rows change in place."""
Figures = dict[str, int]
"""How many rows were ``added``, ``kept`` and ``ignored``."""

_FREE: frozenset[Strategy] = frozenset({"auto", "swap", "diff"})
_TOLD = {
    "keep_missing": "rows whose key is not among the new ones stay",
    "insert_only": "rows that are there stay as they are",
}


def keeping(dataset: Dataset) -> list[str]:
    """Return the tables of a dataset that keep rows of production."""
    return [name for name in dataset.contracts if dataset.policy_of(name) in WORDS]


def refuse(dataset: Dataset, layouts: Mapping[str, Layout]) -> None:
    """Refuse policies that tables cannot have.

    Raises:
        PublishError: Names the table, and why. Production is unchanged.
    """
    for name in keeping(dataset):
        if wrong := _wrong(dataset, layouts[name]):
            raise PublishError(
                f'Table "{name}" cannot have the policy {dataset.policy_of(name)}: {wrong[0]}. '
                "Production is unchanged.",
                wrong[1],
            )


def _wrong(dataset: Dataset, layout: Layout) -> tuple[str, str] | None:
    name, policy = layout.table, dataset.policy_of(layout.table)
    strategy = dataset.strategy_of(name)
    if not layout.key:
        return "its contract has no key that tells which rows are there", "state a primary key, or the policy replace"
    if name in dataset.parts:
        return "its rows belong to parts, which are replaced as a whole", f'leave "{name}" out of parts, or of policies'
    if strategy not in _FREE and strategy != WORDS[policy]:
        return f"the strategy {strategy} says otherwise", "state swap, diff or auto, or the policy replace"
    return None


def figures(policy: str, staged: int, present: int, added: int) -> Figures:
    """Return what a policy did.

    Args:
        policy: One that keeps rows of production.
        staged: How many new rows there were.
        present: How many rows production had.
        added: How many of the new rows had a key that was not there.
    """
    met = staged - added
    if policy == "insert_only":
        return {"added": added, "kept": present, "ignored": met}
    return {"added": added, "kept": present - met, "ignored": 0}


def told(dataset: Dataset, shown: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return how tables will be published, and why, with what their policies keep."""
    kept = {name: f"; {policy}: {_TOLD[policy]}" for name in keeping(dataset) if (policy := dataset.policy_of(name))}
    return {name: (how, why + kept.get(name, "")) for name, (how, why) in shown.items()}
