"""The Loader protocol: what every place that tables go to looks like to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence
    from decimal import Decimal

    import dataframely as dy
    import polars as pl

    from firn import (
        Dataset,
        Health,
        KeptGeneration,
        PartKey,
        PartRecord,
        Published,
        Run,
        Span,
        Staged,
        StepRecord,
        Totals,
    )


class Loader(Protocol):
    """Stages tables beside production and publishes all of them together, or none.

    The order of calls in a run is ``start``, ``prepare``, ``stage`` for every part, ``verify``, then ``publish`` or
    nothing, and ``finish``; ``discard`` may follow at any point before ``publish``. The target is the authority on what
    was published: the runs are recorded in it.
    """

    def lease(self, run: Run, wait_s: float = 0.0, tell: Callable[[str], None] = ...) -> str:
        """Take the pipeline of a run until it has finished or died; say of which dead run it was taken over.

        Raises:
            RunLocked: Another run has it, and has not let go in ``wait_s``.
        """
        ...

    def reconnect(self) -> None:
        """Connect again where the connection was lost; what is staged is kept.

        Raises:
            TargetUnavailable: The target does not answer.
        """
        ...

    def check(self, dataset: Dataset) -> Mapping[str, tuple[str, str]]:
        """Check everything that can be refused before rows are sent, write nothing.

        Returns:
            Per table the strategy by which it would be published, and why, in words.

        Raises:
            TargetUnavailable: The target does not answer.
            PublishError: A table of this name cannot be replaced without losing something; each object is named.
            LoadError: A right or a column type is missing.
        """
        ...

    def health(self, *, fix: bool) -> Sequence[Health]:
        """Judge the target itself, name what dead runs left there and, where asked to, drop that."""
        ...

    def start(self, run: Run) -> None:
        """Record that a run has begun; a failed or discarded one may begin again.

        Raises:
            RunLocked: Another process works on this run.
            StateError: A run of this name is ready or was published.
        """
        ...

    def attempt(
        self, run: Run, asked: Mapping[str, Any], settings: Mapping[str, Any], fingerprints: Mapping[str, str]
    ) -> int:
        """Record that a run that has begun is attempted.

        Args:
            run: The run.
            asked: How it was asked for, as the command line resumes it.
            settings: Its settings, without secrets.
            fingerprints: Those of its code and settings.

        Returns:
            Which attempt it is, counted from 1.
        """
        ...

    def record(self, run: Run, steps: Sequence[StepRecord], fingerprints: Mapping[str, str] | None = None) -> None:
        """Record how far the steps of the attempt that goes on are, and what more is known of what it is made of."""
        ...

    def steps(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        """Return what is recorded of the steps of a run, in the order in which they began.

        Returns:
            For each step the fields of `firn.StepRecord`, ``attempt``, ``began_at`` and ``ended_at``.
        """
        ...

    def prepare(self, run: Run, dataset: Dataset) -> None:
        """Start the run if it is not, make the checks of `check`, then make empty staging tables.

        Args:
            run: The run that will stage and publish.
            dataset: The tables that it will publish.

        Raises:
            TargetUnavailable: The target does not answer.
            PublishError: A table of this name cannot be replaced without losing something; each object is named.
            LoadError: A right or a column type is missing.
        """
        ...

    def stage(self, run: Run, table: str, part: str, frame: pl.DataFrame) -> Staged:
        """Begin to send one part to staging; it may have a subset of the contract's columns, the others stay null.

        The part may still be on its way when this returns. What the target refuses of it is raised by a later call of
        ``stage``, or by ``verify`` at the latest.

        Raises:
            LoadError: A column is not of the exact type that its contract says, or the target refused a value.
            TargetUnavailable: The connection was lost, with this part or one before it. The same call sends both.
        """
        ...

    def arrived(self, run: Run) -> None:
        """Wait until every part that was sent is in staging.

        Raises:
            LoadError: The target refused a value.
            TargetUnavailable: The connection was lost; the same call sends what did not arrive.
        """
        ...

    def leave(self, run: Run, tables: Collection[str]) -> None:
        """Publish nothing of some tables of a run that is not verified yet; production keeps what it has of them."""
        ...

    def generation(self, dataset: str) -> int:
        """Return the number of the generation that readers see, 0 before the first publication."""
        ...

    def ledger(self, dataset: str) -> Mapping[str, PartRecord]:
        """Return what the visible generation holds, by part; empty where nothing is recorded of it."""
        ...

    def relist(self, run: Run, generation: int, fingerprints: Mapping[str, str]) -> None:
        """Record under which fingerprints the parts of a generation are listed now; nothing once another is visible."""
        ...

    def take(self, run: Run, parts: Sequence[str]) -> Mapping[str, int]:
        """Copy the rows of parts from production to staging, inside the target; rows by table."""
        ...

    def cursors(self, dataset: str) -> Mapping[str, Any]:
        """Return how far the sources were read for what production shows, by name; empty where nothing is recorded."""
        ...

    def verify(
        self,
        run: Run,
        read: Sequence[PartRecord] = (),
        taken: Sequence[PartRecord] = (),
        cursors: Mapping[str, Any] | None = None,
        replaced: Mapping[str, Sequence[tuple[int, int]]] | None = None,
        *,
        ready: bool = True,
    ) -> None:
        """Compare what staging really holds with what was sent, then index and analyse it; the run is then ready.

        Args:
            run: The run.
            read: The parts that were sent; they are recorded in the ledger.
            taken: The parts that were copied from production, as the ledger has them.
            cursors: How far the sources were read, by name, as values of JSON. They are visible from the transaction in
                which the rows are, and go back with them; names that are not given keep what they had.
            replaced: By table whose strategy is ``merge``, ranges of its first key column, a whole number, both ends
                included: rows of production in them that are not staged are deleted.
            ready: Whether it is; where more is to be judged of it, `ready` says so.

        Raises:
            LoadError: Something differs; the message names table, column and up to ten keys, or the part. Or a table
                cannot have ranges.
        """
        ...

    def ready(self, run: Run) -> None:
        """Let a verified run be published."""
        ...

    def foreseen(
        self, run: Run, table: str, sums: Sequence[str], since: tuple[str, dt.date] | None = None
    ) -> tuple[int, Mapping[str, Decimal]]:
        """Return how many rows a table will have once a verified run is published, and what columns add up to.

        Args:
            run: The run.
            table: The table.
            sums: The columns; a float counts as the shortest decimal number that is read back as it.
            since: A column of days or times, and the day from which rows count.
        """
        ...

    def published(
        self,
        tables: Mapping[str, type[dy.Schema]],
        key: PartKey,
        parts: Sequence[str],
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame | None:
        """Read parts of published tables, joined by their common key; None where production lacks one of them.

        Args:
            tables: The tables and their contracts.
            key: Where they say which part a row belongs to, and by which column they are joined.
            parts: The parts.
            columns: The columns wanted; by default those of the first table.

        Raises:
            LoadError: Production no longer has the columns of the contract.
        """
        ...

    def shown(self, contracts: Mapping[str, type[dy.Schema]], seconds: float) -> Mapping[str, pl.DataFrame]:
        """Read published tables as production shows them, all at one moment; safe to call from another thread.

        Args:
            contracts: The tables, each with the columns that are wanted of it.
            seconds: How long the reading may take.

        Raises:
            LoadError: A table or a column is not there, or the time was up.
        """
        ...

    def aged(
        self, table: str, contract: type[dy.Schema], key: str, date: str, *, before: dt.date, above: int, most: int
    ) -> pl.DataFrame:
        """Return rows of a published table from before a day, by their key.

        Args:
            table: The table.
            contract: The columns that are wanted of it.
            key: The column by which its rows are told apart, a whole number.
            date: The column of their days.
            before: The day.
            above: They have greater keys.
            most: How many at most.

        Raises:
            LoadError: Production has not the table, or not its columns.
        """
        ...

    def totals(self, tables: Mapping[str, Sequence[str]]) -> Mapping[str, Totals]:
        """Count the rows of published tables, and sum columns of theirs exactly; what is gone is left out.

        A floating-point number counts as the shortest decimal number that is read back as that double, to 30 digits
        behind the point.

        Args:
            tables: The columns to sum, by table.
        """
        ...

    def span(self, tables: Sequence[str], key: str, date: str | None = None) -> Span:
        """Say from which key and day to which the rows of published tables reach together, and what is missing between.

        Args:
            tables: The tables; those that are not there have no rows.
            key: A column of whole numbers that tells their rows apart.
            date: A column of days or times.
        """
        ...

    def audit(
        self, dataset: str, contracts: Mapping[str, type[dy.Schema]], parts: Mapping[str, PartKey]
    ) -> Sequence[tuple[str, bool, str]]:
        """Compare what production shows with the contracts, and with what was recorded when it was published.

        Returns:
            Per check its name, whether it passes, and the figures or what is wrong.
        """
        ...

    def quarantined(self, dataset: str, table: str, *, resolved: bool = False) -> Sequence[Mapping[str, Any]]:
        """Return the cells that production does not show, and on demand those that an earlier generation did not.

        Args:
            dataset: The pipeline's name.
            table: The table that its runs named as their quarantine.
            resolved: Return also the entries that a publication resolved, after the open ones.

        Returns:
            For each entry ``file``, ``etag``, ``sheet``, ``cell``, ``row``, ``column``, ``raw``, ``expected``,
            ``reason`` and ``run_id``; ``first_run`` and ``first_at``, the publication that first had it; and
            ``resolved_run`` and ``resolved_at``, the one that no longer had it, null while it is open.

        Raises:
            StateError: Production has no such table.
        """
        ...

    def publish(self, run: Run, *, again: bool = False) -> Published:
        """Make every staged table of the run visible in one transaction; a second call changes nothing.

        Args:
            run: A run that is ready, or was published.
            again: Publish a run once more that was rolled back.

        Raises:
            PublishError: Refused or undone; production is unchanged.
            TargetUnavailable: The locks were not given in time; production is unchanged.
        """
        ...

    def rollback(self, dataset: str, to: int | None = None, *, of: int | None = None, why: str = "") -> Published:
        """Make an earlier generation of the dataset visible again, in one transaction, under a new number.

        Args:
            dataset: The pipeline's name.
            to: The generation; by default the one before the rows that are visible. Generation 0 is what was there
                before the first publication: where that was nothing, tables leave production, but only when asked.
            of: The generation that is to be undone; another one that is visible by now is left alone.
            why: What is recorded of it.

        Raises:
            PublishError: It is not kept; those that are kept are named, and production is unchanged.
        """
        ...

    def visible(self, dataset: str) -> Published | None:
        """Return the generation that readers see, nothing before the first publication."""
        ...

    def previous(self, dataset: str) -> int:
        """Return the generation before the one that first had the visible rows, 0 where there is none."""
        ...

    def kept(self, dataset: str) -> Sequence[KeptGeneration]:
        """Return the earlier generations that can be shown again, newest first."""
        ...

    def act(self, run: Run, action: str, detail: str) -> None:
        """Record what somebody did with a run."""
        ...

    def acts(self, dataset: str | None = None, last: int = 20) -> Sequence[Mapping[str, Any]]:
        """Return what was done to a dataset, or to any, the latest first.

        Returns:
            For each act ``at``, ``role``, ``person``, ``application``, ``address``, ``action``, ``dataset``,
            ``generation``, ``run_id`` and ``detail``; of a publication ``inputs``, the fingerprints of what its rows
            were made from.
        """
        ...

    def disable(self, dataset: str, reason: str) -> None:
        """Have nothing of a dataset published from now on, whoever is at it, but what a rollback shows again."""
        ...

    def enable(self, dataset: str) -> bool:
        """Have a dataset published again; tell whether it was disabled."""
        ...

    def disabled(self, dataset: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return who disabled a dataset, or any, when, and why; nothing of those that are not.

        Returns:
            For each ``dataset``, ``at``, ``role``, ``person`` and ``reason``.
        """
        ...

    def refuse_disabled(self, dataset: str) -> None:
        """Go on where a dataset may be published.

        Raises:
            StateError: It is disabled; the message says by whom, since when and why.
        """
        ...

    def undone(self, dataset: str) -> Mapping[str, Mapping[str, int]]:
        """Return what the generation had changed that the latest rollback of a dataset undid.

        Returns:
            By table its rows ``before`` and ``after`` it, and how many it had ``inserted``, ``updated`` and ``deleted``
            by key; these are left out of a table whose rows are not kept any more.

        Raises:
            StateError: Its latest publication is no rollback.
        """
        ...

    def discard(self, run: Run) -> Sequence[str]:
        """Drop what the run staged, and name the tables dropped.

        Raises:
            StateError: There is no such run, or it was published.
        """
        ...

    def tell(self, run: Run, report: Mapping[str, Any]) -> None:
        """Record how far a run is that goes on, for whoever watches it."""
        ...

    def finish(self, run: Run, status: str, report: Mapping[str, Any]) -> None:
        """Record how a run ended, with its report; one that was published stays so."""
        ...

    def forget(self, run: Run) -> None:
        """Record no longer that a run began that has staged nothing."""
        ...

    def runs(self, dataset: str | None = None, last: int = 20) -> Sequence[Mapping[str, Any]]:
        """Return what is recorded of the latest runs, of one pipeline or of all, newest first."""
        ...

    def row(self, run_id: str) -> Mapping[str, Any]:
        """Return what is recorded of a run.

        Raises:
            StateError: There is no such run; the closest names are listed.
        """
        ...

    def is_worked_on(self, run_id: str) -> bool:
        """Tell whether a process works on a run; one that is running and has none will not end by itself."""
        ...

    def find(self, run_id: str) -> Run:
        """Return a recorded run.

        Raises:
            StateError: There is no such run; the closest names are listed.
        """
        ...
