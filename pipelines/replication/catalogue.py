"""The catalogue: what discovery found and decided, table by table, in a file that machines write and people read."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping  # noqa: TC003 (pydantic reads the annotations when the class is made)
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import yaml  # type: ignore[import-untyped]
from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from firn import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NOT_NULL",
    "TIERS",
    "Catalogue",
    "Entry",
    "Monitoring",
    "Strategy",
    "Tier",
    "copy_of",
    "monitoring",
    "moved",
    "priority",
    "read",
    "text",
    "write",
]

Tier = Literal["critical", "important", "audit", "reference", "standard"]
TIERS: tuple[Tier, ...] = ("critical", "important", "audit", "reference", "standard")
"""In the order in which they run; standard tables run with the reference tables."""

Strategy = Literal["full", "incremental", "compare", "append"]
"""How a table is read once it has been loaded: whole; the rows whose stamp moved; the ranges of keys whose checksum
differs; the rows with a higher key than any before."""

NOT_NULL = " not null"
"""Ends the declaration of a column that cannot be null."""

_HEAD = """\
# Written by `firn discover {pipeline}`: do not edit it, the next discovery replaces it. Commit it: its history is the
# source's. To decide otherwise for a table, write it into firn.toml, which discovery never touches:
#   [{pipeline}.tables.NAME]
#   tier = "critical"
"""


class Monitoring(BaseModel):
    """What is watched while a table is read, and after.

    Attributes:
        alert: Whether somebody wants to know when it fails.
        max_minutes: After how long reading and staging it is an overrun.
        quality_threshold: The least share of its values that must arrive unaltered, from 0 to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: bool
    max_minutes: PositiveInt | PositiveFloat
    quality_threshold: NonNegativeFloat


class Entry(BaseModel):
    """What is known of a table, and what follows from it.

    Attributes:
        rows: How many; the server's estimate except in MyISAM.
        size_mb: Its data and indexes, in millions of bytes.
        engine: Its storage engine.
        key: The columns that tell every row from the others; none where no unique key is declared.
        tier: How much depends on it.
        tier_reason: The facts and figures from which that follows.
        strategy: How it is read once it has been loaded.
        strategy_reason: Likewise.
        incremental_column: The stamp, or the growing key, from which the next read goes on.
        batch_rows: How many of its rows are about as much as one connection reads at a time.
        priority: Lower numbers are read first.
        money: The columns that are summed on both sides.
        monitoring: What is watched.
        columns: Per column, in the source's order, its declared type, followed by ``NOT_NULL`` where it is so declared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: NonNegativeInt
    size_mb: NonNegativeFloat
    engine: str
    key: tuple[str, ...]
    tier: Tier
    tier_reason: str
    strategy: Strategy
    strategy_reason: str
    incremental_column: str | None
    batch_rows: PositiveInt
    priority: NonNegativeInt
    money: tuple[str, ...]
    monitoring: Monitoring
    columns: Mapping[str, str]


class Catalogue(BaseModel):
    """The tables of one database by name.

    Attributes:
        database: Its name at the source.
        tables: What is known of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str
    tables: Mapping[str, Entry]


ALERTED: tuple[Tier, ...] = ("critical", "important")
SHORTEST, LONGEST = 5, 180
"""Minutes within which every ``max_minutes`` lies."""

MB_A_MINUTE = 60
"""How much is read and staged in a minute at the least: a megabyte a second."""

THRESHOLDS: Mapping[Tier, float] = MappingProxyType({"critical": 0.99})
THRESHOLD = 0.95


def monitoring(tier: Tier, size_mb: float) -> Monitoring:
    """Say what is watched of a table.

    ``alert`` holds for critical and important tables. ``max_minutes`` is five, and one more for every 60 MB or part of
    them, 180 at most. ``quality_threshold`` is 0.99 for critical tables and 0.95 for others.
    """
    minutes = min(LONGEST, SHORTEST + math.ceil(size_mb / MB_A_MINUTE))
    return Monitoring(alert=tier in ALERTED, max_minutes=minutes, quality_threshold=THRESHOLDS.get(tier, THRESHOLD))


def priority(tier: Tier, size_mb: float) -> int:
    """Say when a table is read: by tier, and in a tier the large ones first, which end last.

    Ten times the place of the tier, from 1 for critical to 4 for reference and standard, less one for every doubling of
    the whole megabytes, nine at most: 1 to 10 is critical, 11 to 20 important, 21 to 30 audit, 31 to 40 the rest.
    """
    place = min(TIERS.index(tier), TIERS.index("reference")) + 1
    return 10 * place - min(9, int(size_mb).bit_length())


def moved(entry: Entry, tier: Tier) -> Entry:
    """Return a table in another tier, with the priority and the thresholds of it."""
    watched = monitoring(tier, entry.size_mb)
    return entry.model_copy(update={"tier": tier, "priority": priority(tier, entry.size_mb), "monitoring": watched})


def text(catalogue: Catalogue, pipeline: str) -> str:
    """Write a catalogue as YAML: tables by name, one fact a line, the same text for the same facts."""
    document = catalogue.model_dump(mode="json")
    document["tables"] = {name: document["tables"][name] for name in sorted(document["tables"])}
    body = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=2**31 - 1)
    return f"{_HEAD.format(pipeline=pipeline)}{body}"


def write(catalogue: Catalogue, path: Path, pipeline: str) -> None:
    """Replace the file in one step, so that a run beside it reads the old or the new one, and never half of one.

    Raises:
        ConfigError: The folder or the file cannot be written.
    """
    try:
        _replace(path, text(catalogue, pipeline))
    except OSError as error:
        raise ConfigError(
            f"The catalogue {path} cannot be written: {error.strerror}. Production is unchanged.",
            "check the folder and its rights, or set another place: catalogue",
        ) from error


def _replace(path: Path, content: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as made:
            made.write(content)
            made.flush()
            os.fsync(descriptor)
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path, pipeline: str) -> Catalogue:
    """Read the catalogue that discovery wrote.

    Raises:
        ConfigError: There is none, or it is damaged; the message names the line.
    """
    try:
        said = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no catalogue {path}. Production is unchanged.", f"firn discover {pipeline}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, 1, f"it cannot be read: {error}", pipeline) from error
    return _parsed(said, path, pipeline)


def _parsed(said: str, path: Path, pipeline: str) -> Catalogue:
    try:
        return Catalogue.model_validate(yaml.load(said, yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _damaged(path, line, f"{error.problem}", pipeline) from None
    except yaml.YAMLError as error:
        raise _damaged(path, 1, f"{error}".partition("\n")[0], pipeline) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        raise _damaged(path, _line_of(said, first["loc"]), f"{place}: {first['msg']}", pipeline) from None


def _line_of(said: str, keys: Sequence[Any]) -> int:
    """Find the line of the innermost key that there is."""
    node, line = yaml.compose(said, yaml.CSafeLoader), 1
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next((pair for pair in pairs if pair[0].value == str(key)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def copy_of(path: Path) -> Path:
    """Name the copy that is kept of the catalogue before."""
    return path.with_name(f"{path.name}.before")


def _damaged(path: Path, line: int, why: str, pipeline: str) -> ConfigError:
    return ConfigError(
        f"The catalogue {path}, line {line}, is damaged: {why}. Production is unchanged.",
        f"take back the copy {copy_of(path)}, or move the file away and make it again: firn discover {pipeline}",
    )
