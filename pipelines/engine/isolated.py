"""Proof that a run outside production changed nothing outside its environment: checksums before it and after it."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from firn import PRODUCTION, ConfigError, IsolationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from firn import Checksum
    from loaders.postgres_loader import PostgresLoader
    from pipelines.engine.environments import Environment
    from pipelines.engine.progress import Progress
    from pipelines.engine.report import Report

    Checksums = Mapping[tuple[str, str], Checksum]

__all__ = ["Guard", "differing", "digest", "guarded", "where"]

MOST = 5


@dataclass(slots=True)
class Guard:
    """What a run does to everything that is not its environment's.

    Attributes:
        loader: The environment's.
        decided: What is decided of the environment.
        before: What lay outside it when the run began.
        reach: What its role may write there.
        seconds: How long the reading has taken.
        report: The run's report, once there is one.
    """

    loader: PostgresLoader
    decided: Environment
    before: Checksums = field(default_factory=dict)
    reach: Sequence[str] = ()
    seconds: float = 0.0
    report: Report | None = None

    def begin(self) -> None:
        """Read what lies outside."""
        started = time.monotonic()
        self.reach = self.loader.reach()
        self.before = self.loader.elsewhere(self.decided.checksums)
        self.seconds = time.monotonic() - started

    def end(self) -> tuple[dict[str, Any], IsolationError | None]:
        """Read it again, and record it.

        Returns:
            The figures, and what is wrong: something differs that the run may have changed, or must not be tolerated.
        """
        started = time.monotonic()
        after = self.loader.elsewhere(self.decided.checksums)
        self.reach = sorted({*self.reach, *self.loader.reach()})
        self.loader.record_elsewhere(after)
        differences = differing(self.before, after)
        self.seconds += time.monotonic() - started
        told = self.figures(after, differences)
        tolerated = self.decided.differences == "tell" and not self.reach
        return told, self.error(differences) if differences and not tolerated else None

    def figures(self, after: Checksums, differences: Sequence[str]) -> dict[str, Any]:
        """Sum up what was compared."""
        held = [one for one in after.values() if one.contents]
        return {
            "environment": self.loader.whereabouts()["environment"],
            "schemas": sorted({schema for schema, _ in after}),
            "objects": len(after),
            "tables": len(held),
            "rows": sum(one.rows or 0 for one in held),
            "not_read": sorted(f"{schema}.{name}" for (schema, name), one in after.items() if not one.is_exact),
            "before": digest(self.before),
            "after": digest(after),
            "differences": list(differences),
            "role_may": list(self.reach),
            "seconds": self.seconds,
        }

    def error(self, differences: Sequence[str]) -> IsolationError:
        """Say what differs, and who can have done it."""
        found = self.loader.whereabouts()
        more = f" and {len(differences) - MOST} more" if len(differences) > MOST else ""
        who = (
            f'Role "{found["role"]}" may {", ".join(self.reach[:MOST])}: it may have been the run.'
            if self.reach
            else f'Role "{found["role"]}" has no right to do that, so it was somebody else.'
        )
        return IsolationError(
            f"Outside environment {found['environment']} there were changes during the run: "
            f"{'; '.join(differences[:MOST])}{more}. {who}",
            f"docs/runbooks/isolation.md says what to do; then: firn env verify {found['environment']} --record",
        )


@contextmanager
def guarded(loader: PostgresLoader, decided: Environment, progress: Progress) -> Iterator[Guard]:
    """Compare everything outside the environment before and after the block, unless it is production.

    Raises:
        IsolationError: Something differs. It carries the run's report, whose figures say what.
    """
    guard = Guard(loader, decided)
    if loader.whereabouts()["environment"] == PRODUCTION:
        yield guard
        return
    guard.begin()
    try:
        yield guard
    except ConfigError:
        raise  # nothing was read or written
    except Exception as error:
        guard.report = getattr(error, "report", None)
        _judge(guard, progress, error)
        raise
    else:
        _judge(guard, progress)


def _judge(guard: Guard, progress: Progress, error: Exception | None = None) -> None:
    told, broken = guard.end()
    if guard.report:
        guard.report.isolation = told
    if broken:
        broken.message += f" The run itself failed: {error}" if error else ""
        if guard.report:
            guard.report.error, guard.report.hint = broken.message, broken.hint
            broken.report = guard.report  # type: ignore[attr-defined]
        raise broken from error
    progress.note(line(told))


def line(told: Mapping[str, Any]) -> str:
    """Say in a line what was compared."""
    some = f"{told['tables']:,} tables, {told['rows']:,} rows and {told['objects']:,} definitions"
    where_ = f"of {len(told['schemas'])} other schemas"
    if told["differences"]:
        return f"changed by others meanwhile, {where_}: {'; '.join(told['differences'][:MOST])}"
    read = f"; {len(told['not_read'])} of the tables by counters only" if told["not_read"] else ""
    return f"unchanged: {some} {where_} ({told['seconds']:.2f} s{read})"


def differing(before: Checksums, after: Checksums) -> list[str]:
    """Name what differs, in words."""
    found = []
    for key in sorted({*before, *after}):
        old, new, name = before.get(key), after.get(key), ".".join(filter(None, key))
        if old is None or new is None:
            found.append(f"{name} is {'new' if old is None else 'gone'}")
        elif old.definition != new.definition:
            found.append(f"{name} is defined otherwise")
        elif old.is_exact != new.is_exact:
            found.append(f"{name} was read in another way and cannot be compared")
        elif (old.contents, old.rows) != (new.contents, new.rows):
            rows = f", {old.rows:,} before and {new.rows:,} now" if None not in (old.rows, new.rows) else ""
            found.append(f"{name} has other rows{rows}")
    return found


def digest(checksums: Checksums) -> str:
    """Return one hash of all."""
    text = "\n".join(f"{key} {checksums[key]}" for key in sorted(checksums))
    return hashlib.sha256(text.encode()).hexdigest()


def where(found: Mapping[str, str]) -> str:
    """Say in a line where a run works."""
    role = found["role"] if found["role"] == found["login"] else f"{found['role']} (login {found['login']})"
    return f"environment {found['environment']}: {found['server']}, database {found['database']}, role {role}"
