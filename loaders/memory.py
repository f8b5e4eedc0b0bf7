"""Memory as a target, for tests and the tutorial: it refuses what PostgreSQL refuses, and keeps nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from firn import Health, KeptGeneration, LoadError, Published, PublishError, Run, Span, Staged, StateError, Totals
from loaders import ddl, policies, ranges
from loaders.ledger import differing, prove, with_digests
from loaders.memory_log import MemoryLog
from loaders.memory_stage import MemoryStage
from loaders.state import RunRecord, unknown_run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import dataframely as dy

    from firn import Dataset, PartKey, PartRecord, StepRecord
    from loaders.ddl import Layout
    from loaders.ranges import Range

__all__ = ["Memory"]


@dataclass(slots=True)
class _Generation:
    """A generation: what it shows, under which number that was first published, and how far the sources were read."""

    published: Published
    origin: int
    tables: dict[str, pl.DataFrame]
    cursors: dict[str, Any]


class Memory:
    """A Loader that publishes into a dictionary.

    Args:
        keep: How many earlier generations are kept.

    Attributes:
        production: What readers see: table -> rows.
    """

    def __init__(self, keep: int = 1) -> None:
        self.production: dict[str, pl.DataFrame] = {}
        self._runs: dict[str, RunRecord] = {}
        self._stages: dict[str, MemoryStage] = {}
        self._generations: dict[str, list[_Generation]] = {}
        self._keep = keep
        self._kept: dict[str, list[int]] = {}
        self._acts: list[dict[str, Any]] = []
        self._disabled: dict[str, dict[str, Any]] = {}
        self._logs: dict[str, MemoryLog] = {}
        self._ledgers: dict[str, dict[str, PartRecord]] = {}
        self._steps: dict[str, dict[tuple[int, str, str], dict[str, Any]]] = {}

    def lease(self, run: Run, wait_s: float = 0.0, tell: Callable[[str], None] = lambda _: None) -> str:  # noqa: ARG002
        """Nobody else runs what is in this memory."""
        return ""

    def reconnect(self) -> None:
        """Memory is always reached."""

    def check(self, dataset: Dataset) -> dict[str, tuple[str, str]]:
        """Check the contracts, and say what would happen to each table."""
        there = {name: "replaced" if name in self.production else "new" for name in _layouts(dataset)}
        return policies.told(dataset, {name: ("swap", f"{word} in memory") for name, word in there.items()})

    def health(self, *, fix: bool) -> Sequence[Health]:  # noqa: ARG002
        """Say that memory is there; nothing is left in it."""
        return [Health("target", passed=True, detail="memory")]

    def start(self, run: Run) -> None:
        """Record that a run has begun."""
        self.refuse_disabled(run.pipeline)
        known = self._runs.get(run.id)
        if known and known.status not in ("running", "failed", "discarded"):
            raise StateError(f"Run {run.id} is {known.status} and cannot start again. Production is unchanged.")
        begun = known or RunRecord(run.id, run.pipeline, "running", run.started_at)
        self._runs[run.id] = replace(begun, status="running")

    def attempt(
        self, run: Run, asked: Mapping[str, Any], settings: Mapping[str, Any], fingerprints: Mapping[str, str]
    ) -> int:
        """Record that a run that has begun is attempted, and how it was asked for; return which attempt it is."""
        known = self._record(run.id)
        number, on = known.attempts + 1, self.generation(run.pipeline) if known.began_on is None else known.began_on
        self._set(run.id, attempts=number, began_on=on, asked=asked, settings=settings, fingerprints=fingerprints)
        return number

    def record(self, run: Run, steps: Sequence[StepRecord], fingerprints: Mapping[str, str] | None = None) -> None:
        """Record how far the steps of the attempt that goes on are."""
        known = self._record(run.id)
        self._set(run.id, fingerprints={**known.fingerprints, **(fingerprints or {})})
        for step in steps:
            key = (known.attempts, step.kind, step.step)
            self._steps.setdefault(run.id, {})[key] = {"attempt": known.attempts, **asdict(step)}

    def steps(self, run_id: str) -> Sequence[dict[str, Any]]:
        """Return what is recorded of the steps of a run."""
        return list(self._steps.get(run_id, {}).values())

    def prepare(self, run: Run, dataset: Dataset) -> None:
        """Check the contracts and make empty staging tables; companions are not kept here."""
        self.start(run)
        layouts = _layouts(dataset)
        self._logs.setdefault(run.pipeline, MemoryLog(dataset.quarantine))
        self._stages[run.id] = MemoryStage(layouts, len(self._generations.get(run.pipeline, [])), dataset)

    def stage(self, run: Run, table: str, part: str, frame: pl.DataFrame) -> Staged:
        """Keep one part, in place of an earlier try."""
        stage = self._stage(run)
        if table not in stage.layouts:
            raise LoadError(f'Table "{table}" is not among those prepared: {", ".join(stage.layouts)}.')
        ddl.check_rows(stage.layouts[table], part, frame)
        stage.parts[table, part] = frame
        return Staged(table, part, frame.height)

    def arrived(self, run: Run) -> None:
        """What is sent to memory is there at once."""

    def leave(self, run: Run, tables: Collection[str]) -> None:
        """Publish nothing of some tables of a run, and forget what was kept of them."""
        stage = self._stage(run)
        stage.layouts = {name: layout for name, layout in stage.layouts.items() if name not in tables}

    def generation(self, dataset: str) -> int:
        """Return the number of the generation that readers see."""
        return len(self._generations.get(dataset, []))

    def ledger(self, dataset: str) -> Mapping[str, PartRecord]:
        """Return what the visible generation holds, by part."""
        generations = self._generations.get(dataset)
        return self._ledgers.get(generations[-1].published.run_id, {}) if generations else {}

    def relist(self, run: Run, generation: int, fingerprints: Mapping[str, str]) -> None:
        """Record under which fingerprints the parts of a generation are listed now; nothing once another is visible."""
        if self.generation(run.pipeline) != generation:
            return
        visible = self._generations[run.pipeline][-1].published.run_id
        for part, record in self._ledgers[visible].items():
            self._ledgers[visible][part] = replace(record, fingerprint=fingerprints.get(part, record.fingerprint))

    def take(self, run: Run, parts: Sequence[str]) -> Mapping[str, int]:
        """Copy the rows of parts from production to staging; rows by table."""
        stage = self._stage(run)
        for name, key in stage.keys.items():
            for part in parts:
                stage.parts[name, part] = _rows_of(self.production, name, key, part)
        return {name: sum(stage.parts[name, part].height for part in parts) for name in stage.keys}

    def cursors(self, dataset: str) -> Mapping[str, Any]:
        """Return how far the sources were read for what production shows."""
        generations = self._generations.get(dataset)
        return generations[-1].cursors if generations else {}

    def verify(
        self,
        run: Run,
        read: Sequence[PartRecord] = (),
        taken: Sequence[PartRecord] = (),
        cursors: Mapping[str, Any] | None = None,
        replaced: Mapping[str, Sequence[Range]] | None = None,
        *,
        ready: bool = True,
    ) -> None:
        """Check keys, and taken parts against the ledger; the run is then ready."""
        stage = self._stage(run)
        words = {name: stage.dataset.strategy_of(name) for name in stage.layouts}
        kept = {name: {"policy": stage.dataset.policies.get(name)} for name in stage.layouts}
        stage.replaced = ranges.mark(kept, replaced or {}, stage.layouts, words)
        for name, layout in stage.layouts.items():
            for _, columns in layout.constraints().values():
                _check_key(name, stage.table(name), columns)
        tables = {name: stage.table(name) for name in stage.layouts}
        found = {
            record.part: {name: _digest(_rows_of(tables, name, key, record.part)) for name, key in stage.keys.items()}
            for record in (*read, *taken)
        }
        prove(taken, found, run.pipeline)
        self._ledgers[run.id] = {r.part: with_digests(r, found, stage.keys) for r in read} | {r.part: r for r in taken}
        self._set(run.id, cursors=cursors or {})
        if ready:
            self.ready(run)

    def ready(self, run: Run) -> None:
        """Let a verified run be published."""
        self._set(run.id, status="ready")

    def foreseen(
        self, run: Run, table: str, sums: Sequence[str], since: tuple[str, dt.date] | None = None
    ) -> tuple[int, Mapping[str, Decimal]]:
        """Return how many rows a table will have, and what columns add up to."""
        rows = self._stage(run).wanted(table, self.production.get(table))
        rows = rows if since is None else rows.filter(pl.col(since[0]) >= since[1])
        return rows.height, {name: sum(map(_exact, rows[name].drop_nulls()), Decimal(0)) for name in sums}

    def published(
        self,
        tables: Mapping[str, type[dy.Schema]],
        key: PartKey,
        parts: Sequence[str],
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame | None:
        """Return parts of published tables, joined by their common key; None where there is no such table."""
        if not {*tables, key.table} <= self.production.keys():
            return None
        names = list(dict.fromkeys([*tables, key.table]))
        rows = self.production[names[0]]
        for name in names[1:]:
            rows = rows.join(self.production[name], on=key.joined_by)
        first = self.production[names[0]].columns
        return rows.filter(pl.col(key.column).is_in(list(parts))).select(first if columns is None else columns)

    def shown(self, contracts: Mapping[str, type[dy.Schema]], seconds: float) -> Mapping[str, pl.DataFrame]:  # noqa: ARG002
        """Return published tables; reading memory takes no time."""
        for name in contracts.keys() - self.production.keys():
            raise LoadError(f'Production has no table "{name}".')
        return {name: self.production[name].select(c.column_names()) for name, c in contracts.items()}

    def aged(  # noqa: D102 (the protocol says it)
        self, table: str, contract: type[dy.Schema], key: str, date: str, *, before: dt.date, above: int, most: int
    ) -> pl.DataFrame:
        rows = self.production[table].select(contract.column_names())
        return rows.filter((pl.col(date) < before) & (pl.col(key) > above)).sort(key).head(most)

    def totals(self, tables: Mapping[str, Sequence[str]]) -> Mapping[str, Totals]:
        """Count the rows of published tables, and sum columns of theirs."""
        return {
            name: Totals(frame.height, {c: _total(frame[c]) for c in columns if c in frame.columns})
            for name, columns in tables.items()
            if (frame := self.production.get(name)) is not None
        }

    def span(self, tables: Sequence[str], key: str, date: str | None = None) -> Span:
        """Say from which key and day to which rows reach."""
        columns = [key, *([date] if date else [])]
        there = [self.production[name].select(columns) for name in tables if name in self.production]
        rows = pl.concat(there).sort(key) if there else pl.DataFrame()
        if not rows.height:
            return Span(0)
        keys = rows[key].to_list()
        found = [(one + 1, other - 1) for one, other in pairwise(keys) if other > one + 1]
        largest = sorted(found, key=lambda gap: (gap[0] - gap[1], gap[0]))[:5]
        days = [str(rows[date].min()), str(rows[date].max())] if date else [None, None]
        missing = sum(high - low + 1 for low, high in found)
        return Span(rows.height, keys[0], keys[-1], days[0], days[1], len(found), missing, tuple(largest))

    def audit(
        self, dataset: str, contracts: Mapping[str, type[dy.Schema]], parts: Mapping[str, PartKey]
    ) -> Sequence[tuple[str, bool, str]]:
        """Compare what production shows with the ledger; its types cannot differ."""
        found = [(f"table {name}", name in self.production, "in memory") for name in contracts]
        if not parts or not all(passes for _, passes, _ in found):
            return found
        records = self.ledger(dataset).values()
        digests = {
            record.part: {
                name: _digest(_rows_of(self.production, name, key, record.part)) for name, key in parts.items()
            }
            for record in records
        }
        wrong = differing(records, digests)
        return [*found, ("contents", not wrong, f"other rows than published: {wrong}" if wrong else "as published")]

    def quarantined(self, dataset: str, table: str, *, resolved: bool = False) -> Sequence[dict[str, Any]]:
        """Return the open entries of the quarantine and, on demand, the resolved ones."""
        if table not in self.production:
            raise StateError(f'Nothing of {dataset} is published: there is no table "{table}".', f"firn run {dataset}")
        return self._logs[dataset].entries(self.production[table], resolved=resolved)

    def publish(self, run: Run, *, again: bool = False) -> Published:
        """Put the run's tables into production, once."""
        self.refuse_disabled(run.pipeline)
        record = self._record(run.id)
        if record.status == "rolled_back" and not again:
            raise PublishError(
                f"Run {run.id} was published and rolled back since. Production is unchanged.",
                f"firn publish {run.id} --again",
            )
        done = [g for g in self._generations.get(run.pipeline, []) if g.published.run_id == run.id]
        if done and again and done[-1].origin != self._generations[run.pipeline][-1].origin:
            if done[-1].origin not in self._kept[run.pipeline]:
                raise PublishError(f"The rows of run {run.id} are not kept. Production is unchanged.")
            published = self._shown_again(run.pipeline, done[-1])
        elif done:
            return done[-1].published
        else:
            published = self._shown(run.pipeline, record)
        self._set(run.id, published_as=published.generation)
        return published

    def rollback(self, dataset: str, to: int | None = None, *, of: int | None = None, why: str = "") -> Published:
        """Put an earlier generation back, by default the one before the rows that are visible."""
        number = self.generation(dataset)
        if of not in (None, number):
            raise PublishError(f"Generation {of} of {dataset} is not visible any more: generation {number} is.")
        current = self._generations[dataset][-1] if number else None
        wanted = (current.origin - 1 if current else 0) if to is None else to
        shown = self._generation(dataset, wanted)
        if current is None or shown is None or shown.origin not in self._kept[dataset] or (to is None and not wanted):
            raise self._not_kept(dataset, wanted, typed=to is not None)
        gone = {g.published.run_id for g in self._generations[dataset] if shown.origin < g.origin <= current.origin}
        published = self._shown_again(dataset, shown, wanted)
        for run_id in gone:
            self._set(run_id, status="rolled_back")
        self._acted(dataset, "rolled_back", published.run_id, why or f"back to generation {wanted}")
        return published

    def visible(self, dataset: str) -> Published | None:
        """Return the generation that readers see."""
        generations = self._generations.get(dataset)
        return generations[-1].published if generations else None

    def previous(self, dataset: str) -> int:
        """Return the generation before the one that first had the visible rows."""
        generations = self._generations.get(dataset)
        return generations[-1].origin - 1 if generations else 0

    def kept(self, dataset: str) -> Sequence[KeptGeneration]:
        """Return the earlier generations that can be shown again."""
        found = [g for g in self._generations.get(dataset, []) if g.origin in self._kept[dataset]]
        latest = {g.origin: g for g in found}.values()
        listed = [
            KeptGeneration(
                g.published.generation, g.published.run_id, g.published.published_at, "swap", g.published.rows, 0
            )
            for g in latest
            if g.origin
        ]
        return sorted(listed, key=lambda kept: -kept.generation)

    def act(self, run: Run, action: str, detail: str) -> None:
        """Record what somebody did with a run."""
        self._acted(run.pipeline, action, run.id, detail)

    def acts(self, dataset: str | None = None, last: int = 20) -> Sequence[dict[str, Any]]:
        """Return what was done to a dataset, or to any, the latest first."""
        return [act for act in reversed(self._acts) if dataset in (None, act["dataset"])][:last]

    def disable(self, dataset: str, reason: str) -> None:
        """Have nothing of a dataset published from now on."""
        self._acted(dataset, "disabled", "", reason)
        self._disabled[dataset] = {"dataset": dataset, "role": "", "person": "", "reason": reason}
        self._disabled[dataset]["at"] = self._acts[-1]["at"]

    def enable(self, dataset: str) -> bool:
        """Have a dataset published again; tell whether it was disabled."""
        found = self._disabled.pop(dataset, None)
        if found:
            self._acted(dataset, "enabled", "", f"was disabled: {found['reason']}")
        return found is not None

    def disabled(self, dataset: str | None = None) -> Sequence[dict[str, Any]]:
        """Return when a dataset, or any, was disabled, and why."""
        return [one for name, one in sorted(self._disabled.items()) if dataset in (None, name)]

    def refuse_disabled(self, dataset: str) -> None:
        """Go on where a dataset may be published."""
        for found in self.disabled(dataset):
            raise StateError(f"Pipeline {dataset} is disabled: {found['reason']}. Production is unchanged.")

    def undone(self, dataset: str) -> Mapping[str, Mapping[str, int]]:
        """Return the rows before and after what the latest rollback of a dataset undid, by table."""
        generations = self._generations.get(dataset, [])
        if len(generations) < 2 or generations[-1].origin == len(generations):  # noqa: PLR2004 (one and the one before)
            raise StateError(f"Nothing of {dataset} was rolled back last. Production is unchanged.")
        after, before = (one.published.rows for one in generations[-2:])
        return {n: {"before": before.get(n, 0), "after": after.get(n, 0)} for n in sorted({*before, *after})}

    def discard(self, run: Run) -> Sequence[str]:
        """Forget what the run staged, and name the tables."""
        record = self._record(run.id)
        if record.status in ("published", "rolled_back"):
            raise StateError(f"Run {run.id} is {record.status}: nothing of it is staged.")
        self._set(run.id, status="discarded")
        stage = self._stages.pop(run.id, None)
        return sorted(stage.layouts) if stage else []

    def tell(self, run: Run, report: Mapping[str, Any]) -> None:
        """Record how far a run is that goes on."""
        if self._record(run.id).status == "running":
            self._set(run.id, report=report)

    def finish(self, run: Run, status: str, report: Mapping[str, Any]) -> None:
        """Record how a run ended; one that was published stays so."""
        kept = "published" if self._record(run.id).status == "published" else status
        self._set(run.id, status=kept, report=report, finished_at=dt.datetime.now(dt.UTC))

    def forget(self, run: Run) -> None:
        """Record no longer that a run began that has staged nothing."""
        if run.id not in self._stages and self._record(run.id).status == "running":
            del self._runs[run.id]

    def runs(self, dataset: str | None = None, last: int = 20) -> Sequence[dict[str, Any]]:
        """Return the latest runs, newest first."""
        found = sorted(self._runs.values(), key=lambda run: run.started_at, reverse=True)
        return [asdict(run) for run in found if dataset in (None, run.pipeline)][:last]

    def row(self, run_id: str) -> dict[str, Any]:
        """Return what is recorded of a run."""
        return asdict(self._record(run_id))

    def is_worked_on(self, run_id: str) -> bool:
        """Tell whether a run goes on: what is kept here ends with the process that works on it."""
        return self._record(run_id).status == "running"

    def find(self, run_id: str) -> Run:
        """Return a recorded run."""
        found = self._record(run_id)
        return Run(found.run_id, found.pipeline, found.started_at)

    def _stage(self, run: Run) -> MemoryStage:
        if run.id not in self._stages:
            raise StateError(f"Run {run.id} is not prepared here. Production is unchanged.", "prepare it first")
        return self._stages[run.id]

    def _record(self, run_id: str) -> RunRecord:
        if run_id not in self._runs:
            raise unknown_run(run_id, list(self._runs))
        return self._runs[run_id]

    def _set(self, run_id: str, **values: Any) -> None:  # noqa: ANN401 (fields of a record)
        self._runs[run_id] = replace(self._runs[run_id], **values)

    def _generation(self, dataset: str, number: int) -> _Generation | None:
        if number == 0:
            return _Generation(Published(dataset, 0, ""), 0, {}, {})
        generations = self._generations.get(dataset, [])
        return generations[number - 1] if 0 < number <= len(generations) else None

    def _not_kept(self, dataset: str, wanted: int, *, typed: bool) -> PublishError:
        number, kept = self.generation(dataset), self.kept(dataset)
        visible, shown = self._generation(dataset, number), self._generation(dataset, wanted)
        if typed and visible and shown and visible.origin == shown.origin:
            return PublishError(f"Generation {wanted} of {dataset} is what production shows already.")
        if typed:
            named = f"kept are {', '.join(map(str, kept))}" if kept else "none is kept"
            return PublishError(f"Generation {wanted} of {dataset} cannot be shown again: {named}.")
        if visible and visible.origin != number and kept:
            return PublishError(
                f"Generation {number - 1} of {dataset} was rolled back already. Production is unchanged.",
                f"firn publish {kept[0].run_id} --again",
            )
        return PublishError(f"No generation of {dataset} before generation {number} is kept.")

    def _shown(self, dataset: str, record: RunRecord) -> Published:
        if record.status != "ready":
            raise StateError(f"Run {record.run_id} is {record.status}; only a verified run can be published.")
        stage, number = self._stages.pop(record.run_id), self.generation(dataset)
        if stage.generation != number:
            raise PublishError(
                f"Run {record.run_id} was staged on generation {stage.generation} of {dataset}; since then generation "
                f"{number} was published. Production is unchanged."
            )
        generations = self._generations.get(dataset)
        others = generations[-1].tables if generations else {}
        tables = {**others, **{name: stage.wanted(name, self.production.get(name)) for name in stage.layouts}}
        cursors, settled = {**self.cursors(dataset), **record.cursors}, stage.settled(self.production)
        self._acted(dataset, "published", record.run_id, "")
        return self._added(dataset, record.run_id, number + 1, tables, cursors, settled=settled)

    def _shown_again(self, dataset: str, shown: _Generation, undo: int | None = None) -> Published:
        if undo is not None:
            self._logs[dataset].undo(undo)
        for generation in self._generations[dataset]:
            for name in generation.tables:
                self.production.pop(name, None)
        return self._added(dataset, shown.published.run_id, shown.origin, shown.tables, shown.cursors)

    def _added(
        self,
        dataset: str,
        run_id: str,
        origin: int,
        tables: dict[str, pl.DataFrame],
        cursors: dict[str, Any],
        *,
        settled: Mapping[str, policies.Figures] = MappingProxyType({}),
    ) -> Published:
        generations = self._generations.setdefault(dataset, [])
        before = generations[-1].origin if generations else 0
        kept = [number for number in self._kept.get(dataset, []) if number not in {before, origin}]
        self._kept[dataset] = [before, *kept][: self._keep]
        rows, at = {name: table.height for name, table in tables.items()}, dt.datetime.now(dt.UTC)
        published = Published(dataset, len(generations) + 1, run_id, rows, policies=settled, published_at=at)
        if run_id:
            self._set(run_id, status="published")
        self.production.update(tables)
        self._logs[dataset].follow(tables, run_id, published.generation)
        generations.append(_Generation(published, origin, tables, cursors))
        return published

    def _acted(self, dataset: str, action: str, run_id: str, detail: str) -> None:
        self._acts.append(
            {
                "at": dt.datetime.now(dt.UTC),
                "role": "",
                "person": "",
                "application": "firn",
                "address": None,
                "action": action,
                "dataset": dataset,
                "generation": None,
                "run_id": run_id,
                "detail": detail,
                "inputs": {},
            }
        )


def _layouts(dataset: Dataset) -> dict[str, Layout]:
    layouts = {name: ddl.layout(name, contract) for name, contract in dataset.contracts.items()}
    policies.refuse(dataset, layouts)
    return layouts


def _exact(value: Any) -> Decimal:  # noqa: ANN401 (any number)
    """Return a number as the shortest decimal that is read back as it."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _rows_of(tables: Mapping[str, pl.DataFrame], name: str, key: PartKey, part: str) -> pl.DataFrame:
    if key.table == name:
        return tables[name].filter(pl.col(key.column) == part)
    of_part = tables[key.table].filter(pl.col(key.column) == part)
    return tables[name].join(of_part.select(key.joined_by), on=key.joined_by, how="semi")


def _total(values: pl.Series) -> Decimal:
    return sum((Decimal(repr(v) if isinstance(v, float) else v) for v in values.drop_nulls()), Decimal(0))


def _digest(rows: pl.DataFrame) -> dict[str, Any]:
    return {"rows": rows.height, "digest": str(rows.hash_rows().sum()) if rows.height else None}


def _check_key(table: str, frame: pl.DataFrame, columns: Sequence[str]) -> None:
    keys = frame.select(columns).drop_nulls()
    doubled = keys.filter(keys.is_duplicated()).unique(maintain_order=True).head(10)
    if doubled.height:
        some = "; ".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in doubled.to_dicts())
        raise LoadError(f'Table "{table}" holds a key more than once: {some}. Production is unchanged.')
