"""Which earlier generations can be shown again, and how: by the tables that are kept, or by changes that lead back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from firn import KeptGeneration, PublishError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loaders.publish import Family
    from loaders.state import Publication, State

__all__ = ["Generations", "Way"]


@dataclass(frozen=True, slots=True)
class Way:
    """How an earlier generation can be shown again.

    Attributes:
        family: ``swap`` puts the kept tables in place, ``changes`` applies stored changes.
        schemas: The schema of the tables, none where there were none; or those of the changes, in order.
        replaced: By which publication the tables were replaced; none for changes.
        tables: The tables that the changes are of.
    """

    family: Family
    schemas: tuple[str, ...]
    replaced: Publication | None = None
    tables: frozenset[str] = frozenset()

    @property
    def keeps(self) -> bool:
        """Whether there is anything to show: before a first publication there may have been nothing."""
        return bool(self.schemas) or self.family == "changes"


class Generations:
    """The generations of a dataset since the earliest that is kept.

    Two generations of one origin are the same rows: a rollback shows rows again that were published before. So the
    question is never which number is kept, but which rows are.

    Args:
        dataset: Whose they are.
        publications: What is recorded of them, newest first.
        origins: For every generation ever, the one as which its rows were first published.
        kept: The schemas that keep something, newest first, with their tables and the bytes of each.
    """

    def __init__(
        self,
        dataset: str,
        publications: Sequence[Publication],
        origins: Mapping[int, int],
        kept: Mapping[str, Mapping[str, int]],
    ) -> None:
        self.dataset = dataset
        self.kept = kept
        self._publications = publications
        self._origins = origins

    @classmethod
    def read(cls, state: State, dataset: str) -> Generations:
        """Read what the target remembers."""
        return cls(dataset, state.publications(dataset), state.origins(dataset), state.kept(dataset))

    @property
    def visible(self) -> Publication | None:
        """The publication that production shows."""
        return self._publications[0] if self._publications else None

    @property
    def number(self) -> int:
        """The number of the visible generation, 0 before the first."""
        return self.visible.generation if self.visible else 0

    @property
    def before(self) -> int:
        """The generation before the one that first had the visible rows."""
        return self.visible.origin - 1 if self.visible and self.visible.origin else 0

    def bytes(self, schema: str) -> int:
        """Return the disk that a schema takes which keeps something."""
        return sum(self.kept.get(schema, {}).values())

    def origin(self, number: int) -> int | None:
        """Return the generation as which the rows of a generation were first published; nothing where there is none."""
        return self._origins.get(number)

    def shown(self, origin: int) -> Publication | None:
        """Return the latest publication of the rows of an origin; nothing of what was there before the first."""
        return next((done for done in self._publications if done.origin == origin), None)

    def before_that(self, done: Publication) -> Publication | None:
        """Return the publication before another."""
        return next((one for one in self._publications if one.generation == done.generation - 1), None)

    def way(self, number: int) -> Way | None:
        """Return how a generation can be shown again; nothing where that is no longer possible, or it is visible."""
        origin = self.origin(number)
        if self.visible is None or origin is None or origin == self.visible.origin:
            return None
        return self._through_changes(self.visible.origin, origin) or self._by_tables(origin)

    def listed(self) -> list[KeptGeneration]:
        """Return every generation that can be shown again, newest first; equal rows once, by their latest number."""
        latest = {self._origins[number]: number for number in sorted(self._origins)}
        known = {0, *(done.origin for done in self._publications)}
        found = sorted(
            ((latest[origin], self.way(latest[origin])) for origin in known), key=itemgetter(0), reverse=True
        )
        return [self._told(number, way) for number, way in found if way and way.keeps]

    def retained(self, most: int) -> dict[int, set[str]]:
        """Return the latest generations that can be shown again, by origin, each with the schemas that it takes.

        One that was swapped away may be the way to others: those are shown again by two rollbacks, and retained too.

        Args:
            most: How many.
        """
        numbers = {self._origins[number]: number for number in sorted(self._origins)}
        known = {0, *(done.origin for done in self._publications)} - {self.visible.origin if self.visible else 0}
        latest = sorted(known, key=lambda origin: -numbers[origin])
        found = {origin: schemas for origin in latest if (schemas := self._needed(origin))}
        return dict([*found.items()][:most])

    def refuse(self, number: int) -> PublishError:
        """Return the error for a generation that cannot be shown again; those that can be are named."""
        if self.visible is not None and self.origin(number) == self.visible.origin:
            return PublishError(
                f"Generation {number} of {self.dataset} is what production shows already. Production is unchanged.",
                f"firn show {self.dataset}",
            )
        listed = self.listed()
        named = f"kept are {', '.join(str(kept) for kept in listed)}" if listed else "none is kept"
        return PublishError(
            f"Generation {number} of {self.dataset} cannot be shown again: {named}. Production is unchanged.",
            f"firn rollback {self.dataset} --to {listed[0].generation}" if listed else f"firn runs {self.dataset}",
        )

    def leaving(self, way: Way) -> list[str]:
        """Return the tables that a generation no longer has, or has otherwise, than production shows."""
        if way.replaced is None:
            return sorted(way.tables)
        return sorted({*way.replaced.touched, *self._beside(way.replaced)})

    def _touched(self, since: int) -> set[str]:
        return {name for done in self._publications if done.generation > since for name in done.touched}

    def _needed(self, origin: int) -> set[str]:
        """Return the schemas without which the rows of an origin could not be shown again."""
        if way := self.way(origin):
            return set(way.schemas)
        for done in self._publications:
            tables, then = self._by_tables(done.origin), self._through_changes(done.origin, origin)
            if tables and then:
                return {*tables.schemas, *then.schemas}
        return set(self._held(origin))

    def _held(self, origin: int) -> list[str]:
        """Return the schema that holds tables of an origin which only a rollback of others would make whole."""
        replaced = [done for done in self._publications if self.origin(done.generation - 1) == origin]
        names = [done.previous_schema for done in replaced if done.family == "swap" and done.previous_schema]
        return [name for name in names if self.kept.get(name)][:1]

    def _through_changes(self, start: int, origin: int) -> Way | None:
        """Find the shortest row of stored changes from the rows of one origin to those of another."""
        steps = [done for done in self._publications if done.family == "changes" and self._is_kept(done)]
        reached: dict[int, tuple[Publication, ...]] = {start: ()}
        ahead = deque(reached)
        while ahead and origin not in reached:
            at = ahead.popleft()
            for done in steps:
                earlier = self._origins[done.generation - 1]
                if done.origin == at and earlier not in reached:
                    reached[earlier] = (*reached[at], done)
                    ahead.append(earlier)
        return _undoing(reached[origin]) if origin in reached else None

    def _by_tables(self, origin: int) -> Way | None:
        for done in self._publications:
            if done.family == "swap" and self.origin(done.generation - 1) == origin and self._are_whole(done):
                return Way("swap", (done.previous_schema,) if done.previous_schema else (), done)
        return None

    def _is_kept(self, done: Publication) -> bool:
        """Tell whether what a publication replaced is kept; the visible one may have replaced nothing."""
        if done.previous_schema is None:
            return done.family == "changes" or done.generation == self.number
        return done.previous_schema in self.kept

    def _are_whole(self, done: Publication) -> bool:
        """Tell whether everything that a publication replaced is kept, and nothing beside it was replaced later."""
        if not self._is_kept(done) or (done.previous_schema and not self.kept[done.previous_schema]):
            return False
        moved = {name for one in self._publications if one.generation > done.generation for name in self._tables(one)}
        return not self._beside(done) & (self._made(done.generation - 1).keys() | moved)

    def _beside(self, done: Publication) -> set[str]:
        """Return the tables that are others than before a publication, and that it did not replace itself."""
        before, now = self._made(done.generation - 1), self._made(self.number)
        later = self._touched(done.generation) - set(done.touched)
        return {name for name in later if before.get(name) != now.get(name)}

    def _tables(self, done: Publication) -> Mapping[str, int]:
        return self.kept.get(done.previous_schema or "", {})

    def _made(self, number: int) -> dict[str, int]:
        """Return, by table, the generation that made the rows which a generation shows."""
        done = next((one for one in self._publications if one.generation == number), None)
        return {name: int(table.get("made", 0)) for name, table in done.tables.items()} if done else {}

    def _told(self, number: int, way: Way) -> KeptGeneration:
        done = self.shown(self._origins[number])
        return KeptGeneration(
            generation=number,
            run_id=done.run_id if done else "",
            published_at=done.published_at if done else None,
            strategy=way.family,
            rows={name: int(table["rows"]) for name, table in done.tables.items()} if done else {},
            bytes=sum(map(self.bytes, way.schemas)),
        )


def _undoing(steps: Sequence[Publication]) -> Way:
    schemas = tuple(done.previous_schema for done in steps if done.previous_schema)
    return Way("changes", schemas, tables=frozenset(name for done in steps for name in done.touched))
