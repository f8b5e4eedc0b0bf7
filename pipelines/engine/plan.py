"""What a run would read, do and publish, worked out by the code that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firn import Run
from pipelines.engine import commands, settings
from pipelines.engine.execution import Execution, refuse_foreign
from pipelines.engine.extraction import choose_parts
from pipelines.engine.pipeline import segments
from pipelines.engine.progress import choose
from pipelines.engine.report import Report
from pipelines.engine.retries import Retries
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from pathlib import Path

    from loaders.loader import Loader
    from pipelines.engine.execution import Options
    from pipelines.engine.pipeline import Pipeline


def plan(
    name: str,
    config: Path | None,
    flags: dict[str, str],
    options: Options,
    *,
    transform_only: bool = False,
    from_run: str | None = None,
) -> tuple[dict[str, Any], str]:
    """List what a run would read, do and publish, with the code that runs; read no rows and write nothing.

    Returns:
        The plan as plain values, and laid out for reading, with the line to type next.

    Raises:
        FirnError: The run would fail before it read a row.
    """
    pipeline, typed = settings.load(name, config, flags), Typed(name, config, flags)
    with typed.repeated(), pipeline.target.open() as loader:
        loader.refuse_disabled(name)
        if transform_only or from_run:
            options = commands.from_extract(name, pipeline, options, from_run)
        refuse_foreign(options, pipeline.understands, name)
        run = Run.start(name)
        progress = choose(quiet=True)
        retries = Retries(pipeline.retry, progress)
        execution = Execution(pipeline, run, options, progress, Report(run.id, name), retries)
        document, lines = pipeline.plan(execution, loader)
    return document, "\n".join([*lines, typed.again(f"Nothing was read or written. Next: firn run {name}")])


def of_parts(execution: Execution, loader: Loader) -> tuple[dict[str, Any], list[str]]:
    """Plan a run whose pipeline reads parts and makes tables of them."""
    pipeline, options = execution.pipeline, execution.options
    choose_parts(execution, loader)
    dataset = pipeline.publication(execution.run.pipeline)
    published = loader.check(dataset)
    document = {
        "pipeline": execution.run.pipeline,
        "files": [part.name for part in execution.selection.read],
        "taken": sorted(execution.selection.taken),
        "notes": execution.selection.notes,
        "publishes": options.publish and not options.is_sample and not execution.selection.changes_nothing,
        "family": family({strategy for strategy, _ in published.values()}),
        "steps": [step_plan(pipeline, local, step.name) for local, steps in segments(pipeline.steps) for step in steps],
        "tables": [
            {
                "name": table,
                "columns": len(contract.columns()),
                "strategy": published[table][0],
                "reason": published[table][1],
                "policy": dataset.policy_of(table),
            }
            for table, contract in pipeline.publishes.items()
        ],
    }
    return document, lines(document)


def family(strategies: set[str]) -> str:
    """Name the family of a publication; ``auto`` where the rows that differ decide it when it is published."""
    return next((word for word in ("swap", "auto") if word in strategies), "changes")


def step_plan(pipeline: Pipeline, local: bool, name: str) -> dict[str, Any]:  # noqa: FBT001
    """Describe one step of a plan."""
    step = next(step for step in pipeline.steps if step.name == name)
    return {"name": name, "reads": step.reads, "makes": step.makes, "runs": "once a file" if local else "once"}


def lines(plan: dict[str, Any]) -> list[str]:
    """Lay a plan out for reading."""
    files, taken = plan["files"], plan["taken"]
    shown = [f"  {name}" for name in files[:10]] + ([f"  ... and {len(files) - 10} more"] if len(files) > 10 else [])  # noqa: PLR2004
    steps = [
        f"  {s['name']:<24} {s['runs']:<12}{', '.join(s['reads'])} -> {', '.join(s['makes']) or 'must find no rows'}"
        for s in plan["steps"]
    ]
    tables = [f"  {t['name']:<24} {t['columns']:>3} columns  {t['strategy']}: {t['reason']}" for t in plan["tables"]]
    how = {"swap": "by replacing tables", "changes": "by changing rows", "auto": "by replacing or changing them"}
    will = (
        f"publishes, all at once, {how[plan['family']]}" if plan["publishes"] else "publishes nothing; the tables are"
    )
    read = f"reads {len(files)} files" + (f"; {len(taken)} are unchanged and taken over as they are" if taken else "")
    notes = [f"note: {note}" for note in plan["notes"]]
    return [read, *shown, *notes, "steps", *steps, will, *tables]
