"""Which parts a run reads, which it takes over from production as they are, and which are gone."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firn import SourceError
from pipelines.engine.suggestions import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from firn import PartRecord
    from pipelines.engine.frames import Part


@dataclass(slots=True)
class Selection:
    """What a run does with each part.

    Attributes:
        read: The parts to read.
        taken: The parts whose published rows are taken over, as the ledger has them.
        gone: The parts of the ledger that leave production.
        notes: What a person should know of it.
    """

    read: list[Part] = field(default_factory=list)
    taken: dict[str, PartRecord] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def changes_nothing(self) -> bool:
        """Whether production already shows all of it."""
        return bool(self.taken) and not self.read and not self.gone


def select(listed: Sequence[Part], ledger: Mapping[str, PartRecord], recipe: str, *, afresh: bool) -> Selection:
    """Read what is new or changed, take over what is not.

    Args:
        listed: What the source has.
        ledger: What the visible generation holds.
        recipe: The fingerprint of code, data files and settings.
        afresh: Read everything, changed or not.
    """
    selection = Selection()
    for part in listed:
        known = ledger.get(part.name)
        same = known is not None and known.recipe == recipe and not afresh
        listed_as_known = known is not None and bool(part.fingerprint) and part.fingerprint == known.fingerprint
        if known and listed_as_known and (same or (known.copied_from and not afresh)):
            selection.taken[part.name] = known
            selection.notes += [] if same else [kept_copy(known)]
        else:
            read(selection, part, known if same else None, known)
    return selection


def select_all(listed: Sequence[Part], ledger: Mapping[str, PartRecord], recipe: str, *, afresh: bool) -> Selection:
    """Read everything, unless all of it is as the visible generation was made of it.

    For pipelines whose tables do not say which part a row belongs to.
    """
    selection = select(listed, ledger, recipe, afresh=afresh)
    if selection.read or selection.taken.keys() != ledger.keys():
        return Selection(read=list(listed))
    return selection


def select_only(
    listed: Sequence[Part],
    ledger: Mapping[str, PartRecord],
    only: Collection[str],
    recipe: str = "",
    *,
    named: Collection[str] = (),
) -> Selection:
    """Read the parts asked for, and take over all others that are published, whatever became of them at the source.

    Args:
        listed: What the source has, and local files in place of parts.
        ledger: What the visible generation holds.
        only: The parts asked for.
        recipe: The fingerprint of code, data files and settings.
        named: Those asked for by name: only these give up a local copy that was published in their place.
    """
    selection = Selection()
    for part in listed:
        known = ledger.get(part.name)
        copied = known is not None and bool(known.copied_from) and part.fingerprint == known.fingerprint
        if part.name in only and known and copied and part.name not in named:
            selection.notes.append(kept_copy(known))
        elif part.name in only:
            read(selection, part, known if known and known.recipe == recipe else None, known)
    asked = {part.name for part in selection.read}
    selection.taken = {name: record for name, record in ledger.items() if name not in asked}
    if unread := [part.name for part in listed if part.name not in only and part.name not in ledger]:
        selection.notes.append(f"not published yet, and not read by this run: {', '.join(unread)}")
    return selection


def read(selection: Selection, part: Part, unless: PartRecord | None, published: PartRecord | None) -> None:
    """Have a part read, unless its content proves to be known; say so where a published local copy gives way to it."""
    part.known = unless
    selection.read.append(part)
    if published and published.copied_from:
        selection.notes.append(
            f"{part.name}: the local copy {published.copied_from}, which run {published.run_id} published, gives way"
        )


def kept_copy(record: PartRecord) -> str:
    """Say that what a local copy held stays published."""
    return (
        f"{record.part}: stays as run {record.run_id} read it from the local copy {record.copied_from}: the one in the "
        "source was not saved since"
    )


def settle_gone(
    selection: Selection,
    listed: Sequence[Part],
    ledger: Mapping[str, PartRecord],
    accepted: Collection[str],
    describe: Callable[[str], str],
    *,
    run: str,
    counted: str = "",
) -> None:
    """Decide about the parts that production shows and the source no longer has.

    Raises:
        SourceError: One is gone, and neither renamed nor accepted. Production is unchanged.
        ConfigError: One is accepted that is not gone.
    """
    gone = [name for name in ledger if name not in {part.name for part in listed}]
    refuse_unknown("--accept-missing", accepted, gone, "it is not missing")
    renamed = renamings(gone, [part for part in listed if part.name not in ledger], ledger)
    selection.gone = gone
    selection.notes += [f"{old} is now called {new}" for old, new in renamed.items()]
    selection.notes += [
        f"{name} is gone from the source, which was accepted: its {rows(ledger[name], counted):,} rows leave production"
        for name in gone
        if name in accepted
    ]
    missing = [name for name in gone if name not in renamed and name not in accepted]
    if missing:
        told = "\n".join(f"  {describe(name)}: {name}, {rows(ledger[name], counted):,} rows" for name in missing)
        accept = " ".join(f"--accept-missing {shlex.quote(name)}" for name in missing)
        raise SourceError(
            f"{len(missing)} of {len(ledger)} published files are gone from the source:\n{told}\n"
            "Nothing was published; production is unchanged.",
            f"Put them back, or let their rows go:\nfirn run {run} {accept}",
        )


def renamings(gone: Iterable[str], new: Sequence[Part], ledger: Mapping[str, PartRecord]) -> dict[str, str]:
    """Pair parts that are gone with new ones of the same content."""
    names = {ledger[name].content: name for name in gone}
    found = {names.get(part.fingerprint) or names.get(part.content_hash()): part.name for part in new} if names else {}
    return {old: name for old, name in found.items() if old is not None}


def refuse_gone(asked: Iterable[str], here: Collection[str], run: str) -> None:
    """Refuse to read a part that is published and that the source no longer has.

    Raises:
        SourceError: Names it, and both ways out.
    """
    for name in asked:
        if name not in here:
            raise SourceError(
                f"{name} is published and gone from the source. Production is unchanged.",
                f"Put it back, or let its rows go:\nfirn run {run} --accept-missing {shlex.quote(name)}",
            )


def rows(record: PartRecord, counted: str = "") -> int:
    """Say how many rows a part has in the table counted, or in its longest where it has no such table."""
    found = {name: int(table["rows"]) for name, table in record.tables.items()}
    return found.get(counted, max(found.values(), default=0))
