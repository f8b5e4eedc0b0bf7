"""Checks beyond a run: what production shows against what was published, and all of a pipeline in a scratch schema."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from firn import ConfigError, FirnError
from pipelines.engine.runner import execute
from pipelines.engine.verdict import Verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.execution import Options
    from pipelines.engine.pipeline import Pipeline
    from pipelines.engine.progress import Progress
    from pipelines.engine.report import Report

PASS_RATE = 95.0
"""Percent of checks that must pass; the original's threshold."""
MIN_FILES_OK = 95.0
"""Percent of files that must be read; the original's threshold."""
MIN_ROWS_PER_SECOND = 200
"""End to end, the original's target; beyond the seconds that a run of few rows may take."""
START_S = 30
"""What any run may take before its rows count, for starting a server and listing the source."""
MAX_S = 600
"""End to end; the original's target."""
MAX_MEMORY_MB = 3072
"""The original's critical threshold."""
CONTENTS = "contents"
EXTRACT, STAGE = 2, 3  # phases of a run, counted from 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: Its name.
        passed: Whether all is as it must be.
        detail: The figures, or what is wrong.
    """

    check: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Checkup:
    """The findings of several checks.

    Attributes:
        pipeline: What was checked.
        findings: A finding a check.
        hint: What to type next where not enough of them passed.
        tables: What is known table by table, as plain values, where the findings sum that up.
    """

    pipeline: str
    findings: tuple[Finding, ...]
    hint: str = ""
    tables: tuple[dict[str, Any], ...] = ()

    @property
    def success_rate(self) -> float:
        """The share of checks that passed, in percent."""
        return 100 * sum(found.passed for found in self.findings) / len(self.findings)

    @property
    def passed(self) -> bool:
        """Whether enough of them did."""
        return self.success_rate >= PASS_RATE

    def as_dict(self) -> dict[str, Any]:
        """Give the findings as plain values."""
        return {**asdict(self), "success_rate": self.success_rate, "passed": self.passed}


def check_published(pipeline: Pipeline, name: str, loader: Loader) -> Checkup:
    """Compare production with the contracts, the ledger and the pipeline's own thresholds; read nothing else."""
    proved, tables = pipeline.proved(name, loader)
    findings = [Finding(*found) for found in proved]
    as_published = all(found.passed for found in findings)
    if all(found.passed for found in findings if found.check != CONTENTS):
        findings += [Finding(*found) for found in pipeline.quality(loader, list(loader.ledger(name)))]
        findings += proofs(pipeline, loader)
    mend = f"firn run {name} --full-refresh   (replaces what production shows)"
    undo = f"firn runs {name}   (to show the generation before: firn rollback {name})"
    return Checkup(name, tuple(findings), undo if as_published else mend, tuple(tables))


def proofs(pipeline: Pipeline, loader: Loader) -> list[Finding]:
    """Make the checks that follow a publication, on what production shows now."""
    settings = dict(pipeline)
    verdicts = Verdicts(pipeline.proofs, pipeline.publishes, settings, pipeline.target.check_timeout_s)
    return [Finding(one.check, one.passed, one.detail or "found no rows") for one in verdicts.found(loader)]


def check_full(
    pipeline: Pipeline, run: Run, loader: Loader, asked: Options, progress: Progress
) -> tuple[Checkup, Report]:
    """Run a pipeline up to the verified staging tables, which are then dropped, and judge five phases of it.

    Returns:
        The findings, and the report of the run.
    """
    options = replace(asked, publish=False, full_refresh=True)
    try:
        report = execute(pipeline, run, loader, options, progress)
    except ConfigError:
        raise
    except FirnError as error:
        carried: Report | None = getattr(error, "report", None)
        if carried is None:  # settings are wrong: nothing was read, so there is nothing to judge
            raise
        report = carried
    finally:
        with suppress(FirnError):
            loader.discard(run)
    return Checkup(run.pipeline, tuple(judge(report)), report.hint), report


def judge(report: Report) -> Sequence[Finding]:
    """Say of each phase of a report whether it went as it must."""
    reached, why = len(report.phases), report.error or "not reached"
    read = f"{report.parts - len(report.failed)} of {report.parts} {report.unit}, {report.rows_read:,} rows"
    rate = report.rows_read / report.seconds if report.seconds else 0.0
    verified = report.status in {"ready", "sample"}
    most = min(MAX_S, START_S + report.rows_read / MIN_ROWS_PER_SECOND)
    held = "every check, contract and column type holds"
    return (
        Finding("availability", reached >= EXTRACT, "source and target answer" if reached >= EXTRACT else why),
        Finding("extract", reached >= EXTRACT and report.success_rate >= MIN_FILES_OK, read if report.parts else why),
        Finding("transform", reached >= STAGE, held if reached >= STAGE else why),
        Finding("integrity", verified, "staging holds what was sent" if verified else why),
        Finding(
            "performance",
            verified and report.seconds <= most and report.peak_memory_mb <= MAX_MEMORY_MB,
            f"{rate:,.0f} rows/s; {report.seconds:.1f} s, at most {most:,.1f}; "
            f"{report.peak_memory_mb:,.0f} MB, at most {MAX_MEMORY_MB:,}",
        ),
    )


def text(checkup: Checkup) -> str:
    """Lay findings out for reading, a line a check, with what to type next where not enough of them pass."""
    width = max(len(f.check) for f in checkup.findings) + 2
    lines = [f"{'pass' if f.passed else 'FAIL'}  {f.check:<{width}}{f.detail}" for f in checkup.findings]
    rate = f"success rate {checkup.success_rate:.1f} % (at least {PASS_RATE:.0f} %)"
    following = [f"Next: {checkup.hint}"] if checkup.hint and not checkup.passed else []
    return "\n".join([*lines, rate, *following])
