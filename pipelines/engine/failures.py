"""What becomes of a run in which parts could not be read: whether it goes on, and what a person is told of them."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firn import ContractError, SourceChanged, SourceError, SourceUnavailable
from pipelines.engine.report import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from pipelines.engine.execution import Execution

__all__ = ["checking", "of_the_copy", "refuse_failed"]


@contextmanager
def checking(execution: Execution) -> Iterator[None]:
    """Add to what a check found how to look again without publishing."""
    try:
        yield
    except ContractError as error:
        error.hint = f"{error.hint} Mend what the rows name, then:\nfirn check {execution.run.pipeline}"
        raise


def of_the_copy(execution: Execution, part: str, message: str) -> str:
    """Put the path of a local copy into a message in place of the part that was read from it."""
    return message.replace(part, str(execution.local.get(part, part)))


def refuse_failed(execution: Execution, *, left: bool) -> None:
    """Stop before anything is staged when a part failed that was not allowed to, or nothing is left without it.

    Raises:
        SourceError: Names every such part, why it failed, and how to allow it.
        SourceUnavailable: The same, where another run may read all of them.
        SourceChanged: The same, where all of them have other columns and none can be left out.
    """
    allowed = execution.options.allow_failed if left else ()
    failed = [f for f in execution.report.failed if f["part"] not in allowed]
    if not failed:
        return
    listed = "\n".join(
        f"  {execution.pipeline.describe(f['part'])}: {f['message'].replace(UNCHANGED.strip(), '').rstrip()}"
        for f in failed
    )
    raise kind(execution, {f["part"] for f in failed})(
        f"{len(failed)} of {execution.report.parts} files could not be used:\n{listed}\n"
        "Nothing was published; production is unchanged.",
        way_out(execution, [f["part"] for f in failed], left=left),
    )


def kind(execution: Execution, failed: AbstractSet[str]) -> type[SourceError]:
    """Say what kind of error all the files that failed have in common."""
    if failed <= execution.passing:
        return SourceUnavailable
    is_one = "allow_failed" not in execution.pipeline.understands
    return SourceChanged if is_one and failed <= execution.changed else SourceError


def way_out(execution: Execution, failed: Sequence[str], *, left: bool) -> str:
    """Say how to go on: without the files that failed, where any are left and none was asked for by its name."""
    again, options = f"firn run {execution.run.pipeline}", execution.options
    if options.files:
        named = [f"--file {shlex.quote(file)}" for file in options.files]
        customer = [f"--customer {shlex.quote(options.customer)}"] if options.customer else []
        return "\n".join(["Mend the file and run again:", " ".join([again, *customer, *named])])
    if "allow_failed" not in execution.pipeline.understands:
        return f"Mend the file and run again:\n{again}"
    if not left:
        return f"No file is left to publish. Mend them and run again:\n{again}"
    allow = " ".join(f"--allow-failed {shlex.quote(name)}" for name in failed)
    return f"Mend the file and run again, or publish the others and keep this one's published rows:\n{again} {allow}"
