"""Checks that a pipeline makes on production itself, and what becomes of a publication that does not pass them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firn import ContractError, FirnError
from pipelines.engine.frames import eager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import dataframely as dy
    import polars as pl

    from firn import Published
    from loaders.loader import Loader
    from pipelines.engine.pipeline import Step

__all__ = ["Undone", "Verdict", "Verdicts"]

MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found in production; every field is part of the JSON contract in docs/reference/json.md.

    Attributes:
        check: Its name.
        passed: Whether it found no rows.
        detail: What it found, or why it came to no end.
        seconds: How long it took, with the rows that it read.
    """

    check: str
    passed: bool
    detail: str = ""
    seconds: float = 0.0


class Undone(ContractError):  # noqa: N818 (what became of it, not "...Error")
    """A publication did not pass the checks on production, and was undone unless the message says otherwise.

    Attributes:
        verdicts: What the checks found.
        status: What became of the run: ``rolled_back``, or ``published`` where it could not be undone.
    """

    def __init__(self, message: str, hint: str, verdicts: Sequence[Verdict], status: str) -> None:
        super().__init__(message, hint)
        self.verdicts = verdicts
        self.status = status


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The checks on the published tables of a pipeline.

    Attributes:
        checks: The functions; each must return no rows.
        publishes: The contracts of the published tables.
        settings: The pipeline's fields by name.
        seconds: How long all of them may take together.
    """

    checks: Sequence[Step]
    publishes: Mapping[str, type[dy.Schema]]
    settings: Mapping[str, Any]
    seconds: float

    def found(self, loader: Loader) -> list[Verdict]:
        """Make the checks on what production shows, up to the first that does not pass."""
        deadline, verdicts = time.monotonic() + self.seconds, list[Verdict]()
        for check in self.checks:
            verdicts.append(self._verdict(check, loader, deadline))
            if not verdicts[-1].passed:
                break
        return verdicts

    def stand(self, loader: Loader, published: Published, before: int) -> list[Verdict]:
        """Make the checks after a publication, and undo it when one does not pass.

        Args:
            loader: Where production is.
            published: The publication.
            before: The generation that readers saw before.

        Raises:
            Undone: One did not pass; the message says what production shows.
        """
        verdicts = self.found(loader)
        failed = next((verdict for verdict in verdicts if not verdict.passed), None)
        if failed is None:
            return verdicts
        what = f"Check {failed.check} {failed.detail}"
        try:
            undone = loader.rollback(
                published.dataset,
                before,
                of=published.generation,
                why=f"back to generation {before}: {what.partition(':')[0]}",
            )
        except FirnError as error:
            raise _still_there(published, before, what, error, verdicts) from error
        raise _undone(published, before, undone, what, verdicts)

    def _verdict(self, check: Step, loader: Loader, deadline: float) -> Verdict:
        started = time.monotonic()
        try:
            detail = _told(_bounded(lambda: self._rows(check, loader, deadline), deadline - started))
        except TimeoutError:
            detail = f"came to no end within {self.seconds:g} s (setting target.check_timeout_s)"
        except FirnError as error:
            detail = f"could not read production: {error.message.replace(' Production is unchanged.', '')}"
        except Exception as error:  # noqa: BLE001 (whatever ends a check, it has not passed)
            detail = f"failed with {type(error).__name__}: {error}"
        return Verdict(check.name, not detail, detail, time.monotonic() - started)

    def _rows(self, check: Step, loader: Loader, deadline: float) -> pl.DataFrame:
        contracts = {name: check.contract(name) or self.publishes[name] for name in check.reads}
        frames = loader.shown(contracts, deadline - time.monotonic())
        settings = {name: self.settings[name] for name in check.settings}
        return eager(check.function(*(frames[name] for name in check.reads), **settings))


def _bounded(work: Callable[[], pl.DataFrame], seconds: float) -> pl.DataFrame:
    """Return what work returns, or leave it to itself once the time is up.

    Raises:
        TimeoutError: It is.
    """
    result: Future[pl.DataFrame] = Future()

    def fill() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 (raised again where the result is asked for)
            result.set_exception(error)

    if seconds > 0:  # nobody can end a thread: as a daemon it does at least not hold the process
        threading.Thread(target=fill, daemon=True, name="firn-check").start()
    return result.result(max(seconds, 0))


def _told(found: pl.DataFrame) -> str:
    if not found.height:
        return ""
    rows = "\n".join(f"  {row}" for row in found.head(MOST_SHOWN).to_dicts())
    return f"found {found.height} row{'s' if found.height > 1 else ''}:\n{rows}"


def _undone(published: Published, before: int, undone: Published, what: str, verdicts: Sequence[Verdict]) -> Undone:
    shown = f"the rows of generation {before} again" if undone.rows else "no table of it, as before"
    return Undone(
        f"Run {published.run_id} was published as generation {published.generation} and undone at once. {what}\n"
        f"Production shows {shown}, as generation {undone.generation}.",
        f"Mend what the check found, then:\nfirn run {published.dataset}",
        verdicts,
        "rolled_back",
    )


def _still_there(published: Published, before: int, what: str, error: FirnError, verdicts: Sequence[Verdict]) -> Undone:
    return Undone(
        f"Run {published.run_id} was published as generation {published.generation} and does not pass. {what}\n"
        f"It could not be undone: {error.message}",
        f"firn rollback {published.dataset} --to {before}",
        verdicts,
        "published",
    )
