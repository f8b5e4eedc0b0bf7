"""What a correct run must find: stated by what was made, not by reading it back."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CERTIFICATES",
    "CONFIG_LINES",
    "EXTRACTS",
    "GROUPS",
    "PROPOSALS",
    "PROPOSAL_PAIRS",
    "ExtractTruth",
    "Truth",
    "all_dirt",
]

EXTRACTS: Final = "extracts"
CERTIFICATES, PROPOSALS, PROPOSAL_PAIRS = "certificates.parquet", "proposals.parquet", "proposal_pairs.parquet"
CONFIG_LINES, GROUPS = "config_lines.parquet", "groups.parquet"
_TRUTH: Final = "truth.json"


@dataclass(slots=True)
class ExtractTruth:
    """What is in the files of one raw table: ``rows`` = ``kept`` + ``historical`` + ``duplicates`` + all ``rejected``.

    Attributes:
        files: Rows by file, without the header.
        rows: Rows of all files.
        kept: Rows that become lines; of certificates, the active ones.
        historical: Rows that a rule does not select.
        duplicates: Active rows that repeat another; each original is among ``kept``.
        rejected: Rows that were corrupted in a needed column, by column and reason; ragged ones have none.
        nulled: Cells that were corrupted in another column of a kept row, by column and reason.
        sums: Exact sums over the kept rows, by column.
        dirt: Cells or rows by what is irregular about them, and still readable.
    """

    files: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    kept: int = 0
    historical: int = 0
    duplicates: int = 0
    rejected: dict[str, dict[str, int]] = field(default_factory=dict)
    nulled: dict[str, dict[str, int]] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)

    @property
    def rejects(self) -> int:
        """Rejected rows over all reasons."""
        return sum(sum(reasons.values()) for reasons in self.rejected.values())


@dataclass(frozen=True, slots=True)
class Truth:
    """What is in a folder of extracts.

    Attributes:
        folder: Holds ``extracts/``, ``truth.json`` and the tables that the methods read.
        settings: The arguments that made it.
        extracts: One by raw table.
        counts: Of the business's objects: ``brokers``, ``groups``, ``proposals``, ``policies`` and so on.
        routing: Active certificates by what becomes of them: ``proposal``, or the reason why they have none.
        dirt: How often each irregularity occurs.
    """

    folder: Path
    settings: dict[str, Any]
    extracts: dict[str, ExtractTruth]
    counts: dict[str, int]
    routing: dict[str, int]
    dirt: dict[str, int]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the truth of a folder made before."""
        content = json.loads((folder / _TRUTH).read_text("utf-8"))
        extracts = {table: ExtractTruth(**entry) for table, entry in content.pop("extracts").items()}
        return cls(folder=folder, extracts=extracts, **content)

    def save(self) -> None:
        """Write ``truth.json``."""
        content = {name: value for name, value in asdict(self).items() if name != "folder"}
        (self.folder / _TRUTH).write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str), "utf-8")

    @property
    def path(self) -> Path:
        """The folder with the extracts and nothing else."""
        return self.folder / EXTRACTS

    def certificates(self) -> pl.LazyFrame:
        """Every active certificate: its place, ``proposal`` (which it shares with others) or ``reason``, ``config``.

        Of one that is ``torn`` the last line of its configuration has no good row.
        """
        return pl.scan_parquet(self.folder / CERTIFICATES)

    def proposals(self) -> pl.LazyFrame:
        """Every proposal: ``proposal``, ``group_key``, ``config``, ``start``, ``until`` (exclusive, null if open)."""
        return pl.scan_parquet(self.folder / PROPOSALS)

    def proposal_pairs(self) -> pl.LazyFrame:
        """What each proposal is for: ``proposal``, ``product``, ``plan`` (``*`` for none)."""
        return pl.scan_parquet(self.folder / PROPOSAL_PAIRS)

    def config_lines(self) -> pl.LazyFrame:
        """Who earns: ``config``, ``ordinal``, ``level``, ``broker``, ``schedule``, ``percent`` (in 1/10000)."""
        return pl.scan_parquet(self.folder / CONFIG_LINES)

    def groups(self) -> pl.LazyFrame:
        """Every group of a certificate: ``group_key``, ``name``, ``state``, ``named`` (whether perf groups name it)."""
        return pl.scan_parquet(self.folder / GROUPS)


def all_dirt(extracts: dict[str, ExtractTruth]) -> Counter[str]:
    """Return what is irregular about all extracts, by its name."""
    found: Counter[str] = Counter()
    for extract in extracts.values():
        found.update(extract.dirt)
        found["duplicates"] += extract.duplicates
        for reasons in extract.rejected.values():
            found.update({f"rejected_{reason}": count for reason, count in reasons.items()})
    return found
