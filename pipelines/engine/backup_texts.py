"""What the commands for backups print for people."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pipelines.engine.texts import published_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Published
    from pipelines.engine.manifests import Manifest


def taken(done: Mapping[str, Any]) -> str:
    """Say what a backup holds, and how it was proven."""
    read = "read back from the disk" if done["kind"] == "raw" else "restored on trial and proven"
    proven = read if done["verified_at"] else "read back from the disk; not restored on trial"
    dropped = [f"Dropped {', '.join(done['dropped'])}: [backups] keeps no more."] if done["dropped"] else []
    return "\n".join([f"{done['name']}: {_content(done)}; {proven}.", *dropped])


def listed(found: Sequence[Mapping[str, Any]]) -> str:
    """Lay backups out as a table."""
    if not found:
        return "There is no backup: firn backup"
    return "\n".join(_line(one) for one in found)


def drilled(done: Mapping[str, Any]) -> str:
    """Say what a drill restored, and how long that took."""
    rows = [f"  {table}: {count:,} rows" for table, count in done["tables"].items()]
    where = f"a private PostgreSQL {done['server']}"
    return "\n".join([f"{done['name']} was restored to {where} and proven in {done['seconds']:.1f} s:", *rows])


def restored(published: Published) -> str:
    """Say what readers now see."""
    return (
        f"{published_text(published)}\nUndo: firn rollback {published.dataset}\n"
        f"Not held back: the next firn run {published.dataset} publishes its sources again as they are."
    )


def beside(manifest: Manifest, schema: str) -> str:
    """Say where a backup was restored, and how to compare it."""
    return (
        f'Backup {manifest.name} was restored into schema "{schema}" and proven. Production is unchanged.\n'
        f"Compare: firn diff {manifest.pipeline} --against {schema}"
    )


def _content(one: Mapping[str, Any]) -> str:
    of = f"generation {one['generation']}, " if one["generation"] is not None else ""
    return f"{of}{len(one['tables'])} tables, {one['rows']:,} rows, {one['bytes'] / 1e6:,.1f} MB"


def _line(one: Mapping[str, Any]) -> str:
    if one.get("spoiled"):
        return f"{one['name']:<42}spoiled: what it says of itself is not what was written"
    drill = f", drilled {_day(one['drilled_at'])} in {one['drill_seconds']:.0f} s" if one["drilled_at"] else ""
    proven = f"verified {_day(one['verified_at'])}" if one["verified_at"] else "not verified"
    return f"{one['name']:<42}{_content(one)}; {proven}{drill}"


def _day(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
