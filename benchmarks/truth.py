"""What a correct run must find in the workbooks: counts by file, every expected cell, and every cell in quarantine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

WORKBOOKS, TRUTH = "workbooks", "truth.json"
EXPECTED, QUARANTINE, LINES, SIZES = "expected.parquet", "quarantine.parquet", "lines.parquet", "sizes.parquet"
ROW_KINDS = ("landed", "published", "keyless", "phantom", "blank")


@dataclass(slots=True)
class ColumnTruth:
    """The cells of one column of one file: ``filled`` is the sum of the other four counts.

    Attributes:
        filled: Cells that are not blank.
        published: Cells with a published value.
        nulled: Cells null by a named rule, by rule.
        quarantined: Cells in quarantine on their own account, by reason.
        set_aside: Cells of rows that are set aside whole.
        sums: For quantities, money and rates, as exact decimals over the cells that hold a number: ``read`` is
            ``published`` + ``rounding`` + ``set_aside``, the last of which includes numbers in quarantine.
        rounded: Published cells whose number has more decimals than the column.
    """

    filled: int
    published: int
    nulled: dict[str, int]
    quarantined: dict[str, int]
    set_aside: int
    sums: dict[str, str] = field(default_factory=dict)
    rounded: int = 0


@dataclass(slots=True)
class FileTruth:
    """What is in one workbook.

    Attributes:
        file: The file's name.
        sheet: The sheet with the order list.
        header_row: The Excel row of its header.
        first_column: The letters of its first column.
        date1904: Whether day 0 is 1904-01-01.
        rows: ``landed`` = ``published`` + ``keyless`` + ``phantom``; ``blank`` rows stand between them.
        columns: The cells by the column that they feed; what the rules of the business make of them is not counted.
        sizes: The cells by the size that they are of, where that has no column.
        unmapped: The headers that feed no column: ``header``, ``letters``, ``reason``, ``cells``.
        names: Published rows by what CUSTOMER NAME says, empty where it is blank.
        rules: Published rows that a rule of the business changed, by rule.
        alike: Published rows that repeat an earlier row's ``order_number``, its ``key``, or all of it (``identical``).
        dirt: Cells in landed rows by what is irregular about them.
    """

    file: str
    sheet: str
    header_row: int
    first_column: str
    date1904: bool
    rows: dict[str, int]
    columns: dict[str, ColumnTruth] = field(default_factory=dict)
    sizes: dict[str, ColumnTruth] = field(default_factory=dict)
    unmapped: list[dict[str, Any]] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    alike: dict[str, int] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is in a folder of workbooks.

    Attributes:
        folder: The folder that holds ``workbooks/``, ``truth.json`` and the tables that the methods read.
        settings: The arguments that made it.
        files: One by workbook, in the order of making.
    """

    folder: Path
    settings: dict[str, Any]
    files: tuple[FileTruth, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the truth of a folder made before."""
        content = json.loads((folder / TRUTH).read_text("utf-8"))
        return cls(folder, content["settings"], tuple(_file(entry) for entry in content["files"]))

    def save(self) -> None:
        """Write ``truth.json``."""
        content = {
            "settings": self.settings,
            "totals": self.totals,
            "sums": self.sums,
            "files": [asdict(file) for file in self.files],
        }
        (self.folder / TRUTH).write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")

    @property
    def workbooks(self) -> Path:
        """The folder with the workbooks and nothing else."""
        return self.folder / WORKBOOKS

    @property
    def totals(self) -> dict[str, int]:
        """Rows over all files, by what becomes of them."""
        return {kind: sum(file.rows[kind] for file in self.files) for kind in ROW_KINDS}

    @property
    def sums(self) -> dict[str, str]:
        """Exact sums of the published quantities, money and rates over all files, by column."""
        sums: dict[str, Decimal] = {}
        for name, column in (item for file in self.files for item in file.columns.items()):
            if column.sums:
                sums[name] = sums.get(name, Decimal(0)) + Decimal(column.sums["published"])
        return {name: f"{number:f}" for name, number in sorted(sums.items())}

    def expected(self) -> pl.LazyFrame:
        """Every published value that is not null: ``file``, ``row`` (Excel's), ``column``, ``value`` as text."""
        return pl.scan_parquet(self.folder / EXPECTED)

    def quarantine(self) -> pl.LazyFrame:
        """Every cell in quarantine: ``file``, ``sheet``, ``cell``, ``row``, ``column``, ``raw``, ``reason``."""
        return pl.scan_parquet(self.folder / QUARANTINE)

    def lines(self) -> pl.LazyFrame:
        """The identity of every published line: ``file``, ``row``, ``order_key``, ``row_hash``, ``record_uuid``."""
        return pl.scan_parquet(self.folder / LINES)

    def ordered(self) -> pl.LazyFrame:
        """What the published lines order: ``file``, ``row``, ``size``, ``quantity``."""
        return pl.scan_parquet(self.folder / SIZES)


def _file(entry: dict[str, Any]) -> FileTruth:
    made = {
        part: {name: ColumnTruth(**column) for name, column in entry[part].items()} for part in ("columns", "sizes")
    }
    return FileTruth(**(entry | made))
