"""The Pipeline value: what a user writes, bound by name and validated when its class is made."""

from __future__ import annotations

import difflib
import graphlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, get_args

import dataframely as dy
from pydantic import BaseModel, ConfigDict

from firn import Alias, Companion, ConfigError, Dataset, Health, PartKey, Policy, Strategy
from loaders.postgres import Postgres
from pipelines.engine.retries import Retry

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    import polars as pl

    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.execution import Execution
    from pipelines.engine.frames import Frames, Part
    from sources import Source
    from sources.xlsx.limits import Limits

    Contract: TypeAlias = type[dy.Schema]

Transform = Callable[..., Any]

RUN = "run"
"""The table that the engine itself gives: one row, ``run_id`` String and ``started_at`` Datetime."""


QUARANTINE = ("file", "etag", "sheet", "cell", "row", "column", "raw", "expected", "reason", "run_id")
"""The columns that a table must have to be a pipeline's quarantine, of which publications keep a log."""


@dataclass(frozen=True, slots=True)
class Step:
    """A transform or a check, bound to the tables it reads and makes.

    Attributes:
        name: The function's name.
        function: The function.
        reads: Table names: its positional parameters.
        settings: Pipeline fields: its keyword-only parameters.
        makes: Table names: the fields of the named tuple it returns, else its own name; empty for a check.
        row_local: Whether it runs once a part.
        is_check: Whether it must return no rows.
    """

    name: str
    function: Transform
    reads: tuple[str, ...]
    settings: tuple[str, ...]
    makes: tuple[str, ...]
    row_local: bool
    is_check: bool

    def columns(self, table: str) -> list[str] | None:
        """Name the columns that the contract of one parameter has; ``None`` where it has no contract."""
        contract = self.contract(table)
        return None if contract is None else list(contract.column_names())

    def contract(self, table: str) -> type[dy.Schema] | None:
        """Return the contract that the annotation of one parameter names; ``None`` where it names none."""
        return contract_of(self.function, table)


@dataclass(frozen=True, slots=True)
class Recalled:
    """Where a table that steps over all parts read is found for the parts that are taken over.

    Attributes:
        tables: The published tables whose join has its columns.
        columns: The columns to read of it; more than the steps read where ``outdated`` needs them.
    """

    tables: tuple[str, ...]
    columns: tuple[str, ...]


class Pipeline(BaseModel):
    """One job: sources, transforms, checks and a target; its fields are its settings.

    A subclass states ``reads`` (the tables that its sources list), ``transforms``, ``checks`` and ``publishes`` (the
    contract of each table that readers will see); ``parts`` says where each of
    these names the part a row belongs to, so that the rows of a part that has not changed, or failed, can be taken over
    as they are; ``recalled`` names, for a table that steps over all parts read, the published tables whose join has
    its columns for such parts; ``early`` names, for each table that steps over all parts make, the column that says
    which part a row belongs to, where a part's rows there are as a rule those that these steps make of it alone, and
    the last row-local steps look at no others: such a part is staged while others are still read, and once more should
    another turn out to have to do with its rows; ``set_aside`` are the tables whose rows count as rejected in the
    figures of steps; ``kept`` are unpublished tables that ``figures`` and ``notes`` need; ``compared`` is the
    table whose rows a person looks at when one part is replaced, ``label`` the columns by which they know one,
    and ``uncompared`` those that say nothing to them. ``quarantine`` is the published table of the cells that are not
    published, and ``reasons`` are all that its entries may have; ``companions`` are tables beside
    published ones in which others keep what they know of the rows; ``after_publish`` are checks that are made on
    production right after a publication, which is undone when one of them finds rows; ``understands`` are the options
    of a run that mean something to it; ``strategy`` says how the tables
    are published, ``policies`` which of them keep rows of production, ``aliases`` what another pipeline calls them, and
    ``deletes`` which share of a table one publication may delete in place; ``places`` are the settings, as dotted keys,
    that say where its tables come from, which no environment has of another.
    Parameter names say which tables a transform needs and keyword-only
    parameters say which settings; all of it is checked when the class is made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reads: ClassVar[tuple[str, ...]] = ()
    transforms: ClassVar[tuple[Transform, ...]] = ()
    checks: ClassVar[tuple[Transform, ...]] = ()
    publishes: ClassVar[Mapping[str, Contract]] = {}
    parts: ClassVar[Mapping[str, PartKey]] = {}
    recalled: ClassVar[Mapping[str, Recalled]] = {}
    early: ClassVar[Mapping[str, str]] = {}
    kept: ClassVar[tuple[str, ...]] = ()
    set_aside: ClassVar[tuple[str, ...]] = ()
    quarantine: ClassVar[str] = ""
    companions: ClassVar[tuple[Companion, ...]] = ()
    compared: ClassVar[str] = ""
    label: ClassVar[tuple[str, ...]] = ()
    uncompared: ClassVar[tuple[str, ...]] = ()
    reasons: ClassVar[tuple[str, ...]] = ()
    after_publish: ClassVar[tuple[Transform, ...]] = ()
    strategy: ClassVar[Strategy | Mapping[str, Strategy]] = "auto"
    policies: ClassVar[Mapping[str, Policy]] = {}
    aliases: ClassVar[Mapping[str, Alias]] = {}
    places: ClassVar[tuple[str, ...]] = ()
    deletes: ClassVar[float | Mapping[str, float]] = 0.5
    understands: ClassVar[tuple[str, ...]] = (
        "limit",
        "files",
        "customer",
        "allow_failed",
        "accept_missing",
        "extract_to",
        "extract_from",
    )
    steps: ClassVar[tuple[Step, ...]] = ()
    proofs: ClassVar[tuple[Step, ...]] = ()

    target: Postgres = Postgres()
    retry: Retry = Retry()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:  # noqa: ANN401 (pydantic's signature)
        """Bind and order the steps, so that a wrong definition fails on import and not at night."""
        cls.steps = order(bind(cls))
        cls.proofs = tuple(bind_proofs(cls))

    @classmethod
    def dataset(cls, name: str) -> Dataset:
        """Return what is published under a name, as the class says it."""
        return Dataset(
            name,
            cls.publishes,
            cls.parts,
            cls.quarantine,
            cls.companions,
            strategy=cls.strategy,
            deletes=cls.deletes,
            policies=cls.policies,
        )

    def publication(self, name: str) -> Dataset:
        """Return what is published under a name, with the policies that the settings state."""
        return replace(self.dataset(name), policies=self.stated_policies())

    def stated_policies(self) -> Mapping[str, Policy]:
        """Say which rows tables hold once they are published, where settings may say otherwise than the class."""
        return self.policies

    def sources(self) -> Sequence[Source]:
        """Name the places that the tables come from."""
        raise ConfigError(f"Pipeline {type(self).__name__} names no sources.", "Define its method sources().")

    def reached(self) -> Sequence[str]:
        """Reach the places that the tables come from, read nothing, and say where they are, without secrets.

        Raises:
            SourceError: One is not there.
        """
        return ()

    def load(self, execution: Execution, loader: Loader, workers: Executor) -> None:
        """Go through the phases of a run that loads; production is as it was until the last of them.

        Raises:
            FirnError: What went wrong; nothing was published, or it was undone.
        """
        from pipelines.engine import loading

        loading.load(execution, loader, workers)

    def check(self, execution: Execution, loader: Loader, workers: Executor) -> None:
        """Read, transform and check everything; write nothing.

        Raises:
            FirnError: What a run would fail with before it stages.
        """
        from pipelines.engine import loading

        loading.check(execution, loader, workers)

    def plan(self, execution: Execution, loader: Loader) -> tuple[dict[str, Any], list[str]]:
        """Say what a run would read, do and publish, as plain values and in lines; read no rows and write nothing.

        Raises:
            FirnError: The run would fail before it read a row.
        """
        from pipelines.engine import plan

        return plan.of_parts(execution, loader)

    def described(self, name: str, loader: Loader) -> tuple[list[dict[str, Any]], list[str]]:
        """Describe the tables, and how each would be published now: as plain values, and in lines.

        Raises:
            FirnError: The target does not answer.
        """
        from pipelines.engine import overview

        return overview.described(self, name, loader)

    def rights(self) -> str:
        """Write down, as a script for whoever may grant it, the least that the source must let firn do."""
        return ""

    def proved(self, name: str, loader: Loader) -> tuple[list[tuple[str, bool, str]], list[dict[str, Any]]]:
        """Hold what production shows against what was published: name, whether it passes, figures; and by table."""
        return list(loader.audit(name, self.publishes, self.parts)), []

    @classmethod
    def fitness(cls, name: str, load: Callable[[], Pipeline], loader: Loader) -> Iterable[Health]:  # noqa: ARG003
        """Judge whether the next run could publish; ``load`` gives the pipeline with its settings.

        Raises:
            FirnError: It could not.
        """
        ways = loader.check(cls.dataset(name))
        told = ", ".join(sorted({strategy for strategy, _ in ways.values()}))
        return [Health(f"pipeline {name}", passed=True, detail=f"{len(ways)} tables could be published by {told}")]

    def quarantine_of(self, name: str) -> str:  # noqa: ARG002
        """Name the published table of what is not published, empty where there is none."""
        return self.quarantine

    def one_file(self, path: Path, part: str) -> Source:
        """Read one local file in place of a part.

        Raises:
            ConfigError: This pipeline reads no files.
        """
        del path
        raise ConfigError(f"Pipeline {type(self).__name__} reads no files, so {part} cannot be replaced by one.")

    def parts_of(self, customer: str, parts: Sequence[str], loader: Loader) -> frozenset[str]:
        """Name the parts in which a customer is published, or that are named for them.

        Raises:
            ConfigError: This pipeline knows no customers, or not this one.
        """
        del parts, loader
        raise ConfigError(f"Pipeline {type(self).__name__} has no customers, so there is no {customer}.")

    def headers(self, file: str) -> dict[str, Any]:
        """Say what each header of a workbook feeds, and what to paste where for those that feed nothing.

        Raises:
            ConfigError: This pipeline reads no workbooks.
        """
        raise ConfigError(f"Pipeline {type(self).__name__} reads no workbooks, so {file} has no headers to show.")

    def allow_loss(self, before: int, now: int) -> str:  # noqa: ARG002
        """Say what to type so that the compared table may go from so many rows to so few; nothing where it may."""
        return ""

    def quality(self, loader: Loader, parts: Sequence[str]) -> Sequence[tuple[str, bool, str]]:  # noqa: ARG002
        """Judge what is published by this pipeline's own thresholds: name, whether it passes, figures."""
        return ()

    def sampled(self, whole: Frames) -> Frames:
        """Choose a sample of the tables that were made, in which nothing is cut off that belongs together.

        Raises:
            ConfigError: This pipeline has no samples.
        """
        del whole
        raise ConfigError(f"Pipeline {type(self).__name__} has no samples, so --sample means nothing to it.")

    def outdated(self, whole: Frames, recalled: Mapping[str, pl.DataFrame]) -> frozenset[str]:  # noqa: ARG002
        """Name the parts taken over whose published rows no longer fit what was made of all parts."""
        return frozenset()

    def workbook(self, part: str) -> tuple[bytes, Limits]:
        """Return the bytes of a part that is a workbook, and what it may ask of this machine.

        Raises:
            ConfigError: The parts of this pipeline are no workbooks.
            SourceError: It cannot be read.
        """
        raise ConfigError(f"{part} is no workbook of pipeline {type(self).__name__}.")

    def finished(self, run: Run, parts: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002
        """Hear which parts a run read and published, with their fingerprints; say what went wrong with them."""
        return ()

    def describe(self, part: str) -> str:
        """Say in the user's words what a part is."""
        return part

    def figures(self, parts: Sequence[Part], whole: Frames) -> dict[str, int]:  # noqa: ARG002
        """Count what only this pipeline can count, for the report."""
        return {}

    def notes(self, parts: Sequence[Part], whole: Frames) -> list[str]:  # noqa: ARG002
        """Say what a person should know about what was read."""
        return []


def bind(pipeline: type[Pipeline]) -> list[Step]:
    """Bind every function of a pipeline by its signature, and refuse a definition that cannot run.

    Raises:
        ConfigError: A table has two producers or none, or a setting does not exist.
    """
    steps = [step_of(f, is_check=False) for f in pipeline.transforms]
    steps += [step_of(f, is_check=True) for f in pipeline.checks]
    made = [*pipeline.reads, RUN, *(name for step in steps for name in step.makes)]
    for name in made:
        if made.count(name) > 1:
            raise ConfigError(f"{pipeline.__name__}: table {name} is made {made.count(name)} times.", "Rename one.")
    for step in steps:
        refuse_unknown(pipeline, step.name, "table", step.reads, made)
        refuse_unknown(pipeline, step.name, "setting", step.settings, list(pipeline.model_fields))
    refuse_unknown(pipeline, "publishes", "table", pipeline.publishes, made)
    if pipeline.quarantine:
        refuse_unknown(pipeline, "quarantine", "table", [pipeline.quarantine], list(pipeline.publishes))
        columns = pipeline.publishes[pipeline.quarantine].column_names()
        refuse_unknown(pipeline, "quarantine", "column", QUARANTINE, columns)
    refuse_unknown(pipeline, "parts", "published table", pipeline.parts, list(pipeline.publishes))
    refuse_policies(pipeline)
    refuse_unknown(pipeline, "early", "table", pipeline.early, made)
    for recalled in pipeline.recalled.values():
        refuse_unknown(pipeline, "recalled", "published table", recalled.tables, list(pipeline.publishes))
    return steps


def refuse_policies(pipeline: type[Pipeline]) -> None:
    """Refuse policies that do not exist, or of tables that are not published or have no key.

    Raises:
        ConfigError: Names the first.
    """
    keyed = [name for name, contract in pipeline.publishes.items() if contract.primary_key()]
    kept = [name for name, policy in pipeline.policies.items() if policy != "replace"]
    refuse_unknown(pipeline, "policies", "published table", pipeline.policies, list(pipeline.publishes))
    refuse_unknown(pipeline, "policies", "policy", pipeline.policies.values(), list(get_args(Policy)))
    refuse_unknown(pipeline, "policies", "key by which rows are kept in table", kept, keyed)


def bind_proofs(pipeline: type[Pipeline]) -> list[Step]:
    """Bind the checks on production, which read published tables and columns of theirs.

    Raises:
        ConfigError: A table, a column or a setting does not exist.
    """
    steps = [step_of(f, is_check=True) for f in pipeline.after_publish]
    for step in steps:
        refuse_unknown(pipeline, step.name, "published table", step.reads, list(pipeline.publishes))
        refuse_unknown(pipeline, step.name, "setting", step.settings, list(pipeline.model_fields))
        for table in step.reads:
            columns = pipeline.publishes[table].column_names()
            refuse_unknown(pipeline, step.name, f"column of {table}", step.columns(table) or (), columns)
    return steps


def refuse_unknown(pipeline: type[Pipeline], where: str, kind: str, asked: Iterable[str], known: Sequence[str]) -> None:
    """Raise a ConfigError for the first name that nothing provides, with the likely intended one."""
    for name in asked:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
            raise ConfigError(f"{pipeline.__name__}, {where}: there is no {kind} {name}.", hint)


def step_of(function: Transform, *, is_check: bool) -> Step:
    """Read what a function needs and makes from its signature."""
    parameters = inspect.signature(function).parameters.values()
    return Step(
        name=function.__name__,
        function=function,
        reads=tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY),
        settings=tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY),
        makes=() if is_check else makes(function),
        row_local=getattr(function, "row_local", False),
        is_check=is_check,
    )


def annotation(function: Transform, name: str) -> Any:  # noqa: ANN401 (an annotation is anything)
    """Evaluate one annotation of a function, whether it is written as text or not."""
    value = function.__annotations__.get(name)
    return eval(value, function.__globals__) if isinstance(value, str) else value  # noqa: S307 (our own source text)


def makes(function: Transform) -> tuple[str, ...]:
    """Name the tables that a transform makes."""
    return getattr(annotation(function, "return"), "_fields", (function.__name__,))


def contract_of(function: Transform, name: str) -> type[dy.Schema] | None:
    """Find the contract in an annotation such as ``dy.DataFrame[OrderRows]``."""
    arguments = get_args(annotation(function, name))
    return arguments[0] if arguments and issubclass(arguments[0], dy.Schema) else None


def order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Sort steps so that each follows what it reads, and row-local ones run as early as they can.

    Raises:
        ConfigError: The steps need one another in a circle.
    """
    producer = {name: step for step in steps for name in step.makes}
    graph = {step: {producer[name] for name in step.reads if name in producer} for step in steps}
    sorter = graphlib.TopologicalSorter(graph)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        names = " -> ".join(step.name for step in error.args[1])
        raise ConfigError(f"These transforms need one another in a circle: {names}.") from error
    ordered: list[Step] = []
    ready: list[Step] = list(sorter.get_ready())
    while ready:
        step = next((s for s in ready if s.row_local), ready[0])
        ready.remove(step)
        ordered.append(step)
        sorter.done(step)
        ready += sorter.get_ready()
    return tuple(ordered)


def segments(steps: Sequence[Step]) -> list[tuple[bool, tuple[Step, ...]]]:
    """Group ordered steps into runs that are row-local or not: each group ends where the whole set is needed."""
    return [(local, tuple(group)) for local, group in groupby(steps, key=lambda step: step.row_local)]
