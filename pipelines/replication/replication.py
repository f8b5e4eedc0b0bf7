"""The Replication value: a pipeline whose tables are those of a catalogue, and not of a class body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping  # noqa: TC003 (the same)
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationInfo, field_validator

from pipelines.engine.pipeline import Pipeline
from pipelines.replication.catalogue import Tier  # noqa: TC001 (the same)
from pipelines.replication.hours import OfficeHours
from pipelines.replication.overrides import Override, TierPolicy  # noqa: TC001 (the same)
from sources.mysql import MySQL  # noqa: TC001 (pydantic reads the annotation when the class is made)
from sources.mysql.grants import Consistency  # noqa: TC001 (the same)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from firn import Health
    from loaders.loader import Loader
    from pipelines.engine.execution import Execution

__all__ = ["Replication"]


class Replication(Pipeline):
    """Replicates tables from MySQL into PostgreSQL under their own names.

    A subclass may state ``business_dates``: by table the column that says to which day a row belongs, such as when
    something was paid; settings may state others.

    Attributes:
        source: Where they come from.
        catalogue: The file that discovery writes and every run reads.
        tables: What is decided for single tables, in place of what discovery found.
        tiers: What is decided for all tables of a tier.
        max_workers: How many tables are read at a time.
        consistency: What is done about writes while tables are read: ``detect`` reads a table again that moved,
            ``lock`` keeps everybody from writing the tables of the run until they are read, ``snapshot`` reads all of
            them, which must be of InnoDB, as they were at one moment.
        passes: How often a table is read at most that is written while it is read.
        overlap_s: How many seconds before the watermark rows are read again: what was committed late is not lost.
        may_delete: The share of a table's rows that one run may delete: a source that is half empty is an accident.
        reconciled_days: How many business days back rows and sums are compared with the source's before publication.
        longest_gap_days: After how many days without a run tables are read whole.
        time_zone: The zone of the clock by which people work at the source, such as ``America/Chicago``.
        office_hours: When they do, every day, such as ``06:00-21:00``: no row is read then unless it is asked for.
    """

    understands: ClassVar[tuple[str, ...]] = ("tables", "exclude", "lock", "anyway")
    places: ClassVar[tuple[str, ...]] = (
        "catalogue",
        *(f"source.{key}" for key in ("database", "host", "port", "user", "option_file")),
    )

    business_dates: ClassVar[Mapping[str, str]] = {}

    source: MySQL
    catalogue: Path = Path("tables.yaml")
    tables: Mapping[str, Override] = Field(default_factory=dict)
    tiers: Mapping[Tier, TierPolicy] = Field(default_factory=dict)
    max_workers: PositiveInt = 3
    consistency: Consistency = "detect"
    passes: PositiveInt = 3
    overlap_s: NonNegativeFloat = 600.0
    may_delete: float = Field(default=0.5, ge=0, le=1)
    reconciled_days: PositiveInt = 30
    longest_gap_days: PositiveInt = 30
    time_zone: str = ""
    office_hours: str = ""

    @field_validator("office_hours")
    @classmethod
    def _are_hours(cls, written: str, others: ValidationInfo) -> str:
        if written:
            OfficeHours.of(written, others.data.get("time_zone", ""))
        return written

    def load(self, execution: Execution, loader: Loader, workers: Executor) -> None:
        """Replicate what has changed, in phases; production is as it was until the last of them.

        Raises:
            FirnError: What went wrong; nothing was published.
        """
        from pipelines.replication.run import replicate

        del workers  # reading a table may wait for its chunks, so both have workers of their own
        replicate(self, execution, loader)

    def check(self, execution: Execution, loader: Loader, workers: Executor) -> None:
        """Read every table whole, apply the rules and compare its figures with the source's; write nothing.

        Raises:
            FirnError: A table that must not fail would fail.
        """
        from pipelines.replication.run import rehearse

        del workers
        rehearse(self, execution, loader)

    def rights(self) -> str:
        """Write down the least that the source must let firn do."""
        return self.source.rights(self.consistency)

    def described(self, name: str, loader: Loader) -> tuple[list[dict[str, Any]], list[str]]:
        """Describe the tables of the catalogue, with what production shows of each and when it was read.

        Raises:
            ConfigError: Something is decided for a table that the catalogue does not have.
        """
        from pipelines.replication import standing

        if not self.catalogue.exists():
            return [], [f"  there is no catalogue {self.catalogue}: firn discover {name}"]
        return standing.described(self, name, loader)

    def proved(self, name: str, loader: Loader) -> tuple[list[tuple[str, bool, str]], list[dict[str, Any]]]:
        """Hold what production shows against what was published and, where it answers, against the source.

        Raises:
            ConfigError: There is no catalogue.
        """
        from pipelines.replication import proof

        findings, tables = proof.prove(self, name, loader)
        return findings, proof.document(tables)

    @classmethod
    def fitness(cls, name: str, load: Callable[[], Pipeline], loader: Loader) -> Iterable[Health]:
        """Judge the catalogue, what is decided beside it, the source, and whether the target would take its tables.

        Raises:
            ConfigError: The settings are wrong.
        """
        from pipelines.replication import fitness

        return fitness.look(cast("Replication", load()), name, loader)

    def quarantine_of(self, name: str) -> str:
        """Name the published table of the values that rules set aside."""
        return f"{name}_quarantine"

    def plan(self, execution: Execution, loader: Loader) -> tuple[dict[str, Any], list[str]]:
        """Say how each table would be read and published, in the order and the groups of a run.

        Raises:
            FirnError: The run would fail before it read a row.
        """
        from pipelines.replication import planning

        with self.source.open() as database:
            planned = planning.plan(self, execution, loader, database)
        document = planning.document(execution, planned)
        return document, planning.lines(document)
