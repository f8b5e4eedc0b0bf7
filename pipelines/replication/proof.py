"""What production shows of a replication, held against what was recorded and against the source as it is now."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from firn import FirnError
from pipelines.replication.catalogue import TIERS
from pipelines.replication.figures import Figures, differences
from pipelines.replication.hours import hours
from pipelines.replication.standing import MOST, Standing, standings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Totals
    from loaders.loader import Loader
    from pipelines.replication.replication import Replication
    from sources.mysql.catalogue import SourceTable
    from sources.mysql.database import Database
    from sources.mysql.marks import Mark

__all__ = ["Proved", "document", "prove"]

Finding = tuple[str, bool, str]
Verdict = Literal["equal", "source moved since", "source may have moved since", "differs", "gone", "not asked"]
"""How a table stands to the source's: ``differs`` is one that certainly was not written since it was read."""

_WRONG = ("differs", "gone")


@dataclass(frozen=True, slots=True)
class Proved:
    """One table.

    Attributes:
        table: Its name.
        tier: How much depends on it.
        rows: How many production shows, none where it is gone.
        recorded: How many were published.
        verdict: How it stands to the source's.
        differences: In what it differs from that.
    """

    table: str
    tier: str
    rows: int | None
    recorded: int
    verdict: Verdict
    differences: tuple[str, ...] = ()

    @property
    def is_recorded(self) -> bool:
        """Whether production shows what was published."""
        return self.rows == self.recorded

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.is_recorded and self.verdict not in _WRONG


def prove(replication: Replication, name: str, loader: Loader) -> tuple[list[Finding], list[Proved]]:
    """Hold every published table against what was recorded and, where the source answers, against the source.

    Raises:
        ConfigError: There is no catalogue, or something is decided for a table that it does not have.
    """
    published = [one for one in standings(replication, name, loader) if one.rows is not None]
    if not published:
        return [("published", False, "nothing of it is published")], []
    held = loader.totals({one.name: one.settled.entry.money for one in published})
    proved, told = _against_source(replication, published, held)
    tiers = [_tier(tier, [one for one in proved if one.tier == tier]) for tier in TIERS]
    wrong = [(f"table {one.table}", False, _told(one)) for one in proved if not one.passed]
    left = [(f"{len(wrong) - MOST} more tables", False, "--json names them")] if len(wrong) > MOST else []
    return [told, *filter(None, tiers), *wrong[:MOST], *left], proved


def _tier(tier: str, ones: Sequence[Proved]) -> Finding | None:
    if not ones:
        return None
    counts = Counter(one.verdict for one in ones)
    changed = sum(not one.is_recorded for one in ones)
    told = [f"{count:,} {verdict}" for verdict, count in counts.most_common()]
    told += [f"{changed:,} with other rows than were published"] if changed else []
    rows = sum(one.rows or 0 for one in ones)
    return f"{tier} tables", all(one.passed for one in ones), f"{rows:,} rows; {', '.join(told)}"


def _told(one: Proved) -> str:
    if one.rows is None:
        return "is not there"
    own = [] if one.is_recorded else [f"{one.rows:,} rows, {one.recorded:,} were published"]
    return "; ".join([*own, *one.differences]) or one.verdict


def _against_source(
    replication: Replication, published: Sequence[Standing], held: Mapping[str, Totals]
) -> tuple[list[Proved], Finding]:
    try:
        with replication.source.open() as database:
            office = hours(replication)
            if office and office.include(database.server.now):
                return _unasked(published, held), ("source", True, f"not asked: its office hours are {office}")
            found = {table.name: table for table in database.tables()}
            marks = database.marks([one.name for one in published])
            with ThreadPoolExecutor(replication.source.connections) as workers:
                jobs = [
                    workers.submit(_proved, database, one, found.get(one.name), marks.get(one.name), held.get(one.name))
                    for one in published
                ]
                proved = [job.result() for job in jobs]
        return proved, ("source", True, f"counts and sums of {len(proved):,} tables, asked for now")
    except FirnError as error:  # production can be judged without it
        return _unasked(published, held), ("source", True, f"not asked: {error.message}")


def _unasked(published: Sequence[Standing], held: Mapping[str, Totals]) -> list[Proved]:
    return [_judged(one, held.get(one.name), "not asked") for one in published]


def _proved(
    database: Database, one: Standing, table: SourceTable | None, mark: Mark | None, held: Totals | None
) -> Proved:
    if table is None or mark is None:
        return _judged(one, held, "source moved since", ("the source has no such table any more",))
    if held is None:
        return _judged(one, held, "gone")
    known = {column.name for column in table.columns}
    sums = [column for column in one.settled.entry.money if column in known and column in held.sums]
    there = database.figures(database.declared(table), None, [] if one.purged or one.archived else sums)
    source = Figures(there.rows + one.purged - one.archived, dict(there.sums))
    told = differences(source, Figures(held.rows, {column: held.sums[column] for column in there.sums}))
    return _judged(one, held, _verdict(one, mark) if told else "equal", tuple(told))


def _verdict(one: Standing, mark: Mark) -> Verdict:
    """Say why a table differs: a source that was written since may do so, one that was not must not."""
    known = one.cursor.mark if one.cursor else ""
    if known and mark.stamp == known:
        return "differs"
    return "source moved since" if known and mark.updated else "source may have moved since"


def _judged(one: Standing, held: Totals | None, verdict: Verdict, told: tuple[str, ...] = ()) -> Proved:
    rows = held.rows if held else None
    return Proved(one.name, one.settled.entry.tier, rows, one.rows or 0, verdict if held else "gone", told)


def document(proved: Sequence[Proved]) -> list[dict[str, Any]]:
    """Return every table as plain values."""
    return [
        {
            "table": one.table,
            "tier": one.tier,
            "rows": one.rows,
            "recorded": one.recorded,
            "verdict": one.verdict,
            "differences": list(one.differences),
        }
        for one in proved
    ]
