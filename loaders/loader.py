"""The Loader protocol: what every place that tables go to looks like to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dataframely as dy
    import polars as pl

    from firn import Published, Run, Staged


class Loader(Protocol):
    """Stages tables beside production and publishes all of them together, or none.

    The order of calls in a run is ``prepare``, ``stage`` for every part, ``verify``, then ``publish`` or nothing;
    ``discard`` may follow at any point before ``publish``.
    """

    def prepare(self, run: Run, contracts: Mapping[str, type[dy.Schema]]) -> None:
        """Check everything that can be refused before rows are sent, then make empty staging tables.

        Args:
            run: The run that will stage and publish.
            contracts: Every table that the run will publish, with its columns.

        Raises:
            TargetUnavailable: The target does not answer.
            PublishError: A table of this name cannot be replaced without losing something; each object is named.
            LoadError: A right or a column type is missing.
        """
        ...

    def stage(self, run: Run, table: str, part: str, frame: pl.DataFrame) -> Staged:
        """Send one part to staging; it may have a subset of the contract's columns, the others stay null.

        Raises:
            LoadError: A column is not of the exact type that its contract says, or the target refused a value.
        """
        ...

    def verify(self, run: Run) -> None:
        """Compare what staging really holds with what was sent, then index and analyse it; the run is then ready.

        Raises:
            LoadError: Something differs; the message names table, column and up to ten keys.
        """
        ...

    def publish(self, run: Run) -> Published:
        """Make every staged table of the run visible in one transaction; a second call changes nothing.

        Raises:
            PublishError: Refused or undone; production is unchanged.
            TargetUnavailable: The locks were not given in time; production is unchanged.
        """
        ...

    def discard(self, run: Run) -> Sequence[str]:
        """Drop what the run staged, and name the tables dropped."""
        ...

    def rollback(self, dataset: str) -> Published:
        """Make the previous generation of the dataset visible again, in one transaction.

        Raises:
            PublishError: No previous generation is kept; production is unchanged.
        """
        ...
