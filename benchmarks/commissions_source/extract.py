"""From what happened to how an extract tells it: text, with all that makes extracts hard to read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import Mask, Whole, at_least_one, chance, marked
from benchmarks.commissions_source.headers import BANKING, CORRECT_CARD_TYPE, FILES, HEADERS, TYPED_CARD_TYPE
from benchmarks.commissions_source.truth import ExtractTruth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.commissions_source.dirt import Dirt

__all__ = [
    "BAD_DATES",
    "BAD_IDS",
    "BAD_NUMBERS",
    "MISSING",
    "Arrangement",
    "Extract",
    "Fault",
    "arrange",
    "corrupted",
    "finish",
    "money",
    "party",
]

BAD_DATES: Final = ("2024-02-30", "13/45/2020", "unknown", "0000-00-00")
BAD_NUMBERS: Final = ("1O0.50", "n.a.", "12..5", "--")
BAD_IDS: Final = ("C12X45", "12-34", "see note")
MISSING: Final = (None, " ", "NULL")
_FILE: Final = "_file"
_UNREADABLE: Final = 0.1
_NO_ROWS: Final = np.zeros(0, np.int64)
_ALL_FILES: Final = [file for files in FILES.values() for file in files]


class Fault(NamedTuple):
    """What may be wrong with a cell: rows that have it are made in addition to the others.

    Attributes:
        column: The header; empty for a row with cells too few or too many.
        reason: Why it cannot be used.
        words: What stands there instead.
        knob: The share in ``Dirt``.
    """

    column: str
    reason: str
    words: Sequence[str | None]
    knob: str


_RAGGED_FAULT: Final = Fault("", "ragged", (), "ragged")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which row of the draft stands where, and what is wrong with it.

    Attributes:
        take: The draft's row for each row of the extract.
        fault: The position of its fault, -1 for none.
        copied: Whether it repeats another row.
        faults: What may be wrong.
    """

    take: Whole
    fault: Whole
    copied: Mask
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Extract:
    """The rows of a raw table as text, and the truth about them.

    Attributes:
        table: The raw table.
        rows: Its columns, all text, and ``_file``: the position of the file.
        short: Rows without their last two cells; ``lost`` have a filled cell too many, ``long`` a blank one.
        long: Of the same rows.
        lost: Of the same rows.
        truth: What is in it.
    """

    table: str
    rows: pl.DataFrame
    short: Mask
    long: Mask
    lost: Mask
    truth: ExtractTruth

    def write(self, folder: Path, dirt: Dirt) -> None:
        """Write the files; the ragged rows stand at the end of theirs."""
        for position, name in enumerate(FILES[self.table]):
            here = (self.rows[_FILE] == position).to_numpy()
            self.truth.files[name] = int(here.sum())
            self._write_one(folder / name, here, position, dirt)

    def _write_one(self, path: Path, here: Mask, position: int, dirt: Dirt) -> None:
        older = position < len(FILES[self.table]) - 1
        rows = self.rows.drop(_FILE)
        if TYPED_CARD_TYPE in rows.columns and not (dirt.header_typo and older):
            rows = rows.rename({TYPED_CARD_TYPE: CORRECT_CARD_TYPE})
        nth = _ALL_FILES.index(path.name)
        bom, crlf = dirt.bom and nth % 2 == 0, dirt.crlf and nth % 3 == 1
        end = "\r\n" if crlf else "\n"
        straight = here & ~(self.short | self.long | self.lost)
        everything = bool(straight.all())
        (rows if everything else rows.filter(straight)).write_csv(path, include_bom=bom, line_terminator=end)
        with path.open("a", encoding="utf-8", newline="") as file:
            for mask, tail in ((self.short, None), (self.long, ""), (self.lost, "stray")):
                file.writelines(_ragged(rows.filter(here & mask), tail, end))
        self.truth.dirt["files_with_bom"] = self.truth.dirt.get("files_with_bom", 0) + bom
        self.truth.dirt["files_with_crlf"] = self.truth.dirt.get("files_with_crlf", 0) + crlf
        self.truth.dirt["header_typos"] = self.truth.dirt.get("header_typos", 0) + (TYPED_CARD_TYPE in rows.columns)


def corrupted(faults: Sequence[Fault], dirt: Dirt, kept: int, pools: Sequence[Whole] | None = None) -> list[int]:
    """Return how many rows are added for each fault, and with cells too few or too many; none of an empty pool."""
    shares = [getattr(dirt, fault.knob) for fault in faults]
    ragged = 2 * at_least_one(dirt.ragged * _UNREADABLE, kept)
    counts = [*(at_least_one(share, kept) for share in shares), ragged]
    return (
        counts if pools is None else [min(count, count * len(pool)) for count, pool in zip(counts, pools, strict=True)]
    )


def arrange(
    seed: int,
    table: str,
    rows: int,
    faults: Sequence[Fault],
    dirt: Dirt,
    *,
    kept: int | None = None,
    copies: int = 0,
    blocks: Whole | None = None,
    pools: Sequence[Whole] | None = None,
    torn: Whole = _NO_ROWS,
    spoiled: Whole = _NO_ROWS,
) -> Arrangement:
    """Choose the order of the rows, which are repeated, and which are corrupted copies of others.

    Args:
        seed: Others give other orders.
        table: The raw table.
        rows: How many rows the draft has.
        faults: What may be wrong.
        dirt: How often.
        kept: The first so many rows may be copied; all if it is not said.
        copies: How many rows are repeated.
        blocks: Of each row of the draft; rows of a block stay together and in order.
        pools: Of each fault, and of ragged rows, the rows of the draft whose copies have it; all if it is not said.
        torn: Rows of the draft that are corrupted themselves, by the faults that not every row may have.
        spoiled: Rows of the draft of which such a copy is added, whatever ``dirt`` says.
    """
    rng = chance(seed, f"{table}, order")
    kept = rows if kept is None else kept
    sound = np.setdiff1d(np.arange(kept), torn)
    counts = corrupted(faults, dirt, kept, pools)
    drawn = [
        rng.choice(pool, count) for pool, count in zip(pools or [sound] * len(counts), counts, strict=True) if count
    ]
    take = np.concatenate([np.arange(rows), *drawn, spoiled, rng.choice(sound, copies, replace=False)])
    given = np.resize(np.flatnonzero([len(pool) < kept for pool in pools or ()]), len(torn) + len(spoiled))
    fault = np.concatenate(
        [np.full(rows, -1), np.repeat(np.arange(len(counts)), counts), given[len(torn) :], np.full(copies, -1)]
    )
    fault[torn] = given[: len(torn)]
    copied = np.arange(len(take)) >= len(take) - copies
    block = take if blocks is None else blocks[take]
    order = np.argsort(rng.permutation(int(block.max(initial=0)) + 1)[block], kind="stable")
    return Arrangement(take[order], fault[order], copied[order], (*faults, _RAGGED_FAULT))


def finish(
    table: str,
    draft: Callable[[Whole], pl.DataFrame],
    order: Arrangement,
    dirt: Dirt,
    seed: int,
    *,
    slips: Sequence[Fault] = (),
    padded: Sequence[str] = (),
    us_dates: float | None = None,
    historical: Mask | None = None,
) -> Extract:
    """Write the rows as text and count what was done to them.

    Args:
        table: The raw table.
        draft: Makes the rows: text, dates and whole numbers; a column that it lacks is blank.
        order: Which rows, and what is wrong with them.
        dirt: How often what is still readable happens.
        seed: Others give others.
        slips: What may be wrong with cells of rows that are kept all the same.
        padded: The columns that may have blanks around their values.
        us_dates: The share of rows with dates as MM/DD/YYYY, where it is not that of ``dirt``.
        historical: Which rows, in order, a rule does not select.
    """
    rng = chance(seed, f"{table}, text")
    truth = ExtractTruth(rows=len(order.take))
    sound = order.fault < 0
    past = np.zeros(len(sound), np.bool_) if historical is None else historical & sound
    truth.historical, truth.duplicates = int(past.sum()), int((order.copied & sound).sum())
    truth.kept = int(sound.sum()) - truth.historical - truth.duplicates
    rows = _as_text(draft(order.take), rng, dirt.us_dates if us_dates is None else us_dates, truth)
    rows = _soiled(rows, order, sound, rng, dirt=dirt, truth=truth, slips=slips, padded=padded)
    missing = [pl.lit(None, pl.String).alias(name) for name in HEADERS[table] if name not in rows.columns]
    files = [] if _FILE in rows.columns else [pl.lit(0, pl.Int64).alias(_FILE)]
    extra = [name for name in BANKING if name in rows.columns]
    rows = rows.with_columns(*missing, *files).select(*HEADERS[table], *extra, _FILE)
    return _with_ragged(table, rows, order, rng, dirt=dirt, truth=truth)


def money(amount: pl.Expr | pl.Series) -> pl.Expr:
    """Write cents with two decimals."""
    cents = amount if isinstance(amount, pl.Expr) else pl.lit(amount)
    digits = cents.abs().cast(pl.String).str.zfill(3)
    sign = pl.when(cents < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, digits.str.head(-2), pl.lit("."), digits.str.tail(2))


def party(broker: pl.Expr | pl.Series) -> pl.Expr:
    """Write a broker's number as the extracts do."""
    number = broker if isinstance(broker, pl.Expr) else pl.lit(broker)
    return "P" + number.cast(pl.String)


def _as_text(rows: pl.DataFrame, rng: np.random.Generator, share: float, truth: ExtractTruth) -> pl.DataFrame:
    american = marked(rng, share, rows.height)
    dates = [name for name, dtype in rows.schema.items() if dtype == pl.Date]
    truth.dirt["us_dates"] = sum(int((rows[name].is_not_null().to_numpy() & american).sum()) for name in dates)
    numbers = [name for name, dtype in rows.schema.items() if dtype == pl.Int64 and name != _FILE]
    return rows.with_columns(*(_date_text(rows[name], american) for name in dates), pl.col(numbers).cast(pl.String))


def _date_text(dates: pl.Series, american: Mask) -> pl.Series:
    """Write days as YYYY-MM-DD or MM/DD/YYYY; each day that occurs is written once."""
    if dates.null_count() == len(dates):
        return dates.cast(pl.String)
    days = dates.cast(pl.Int32)
    known = days.drop_nulls().to_numpy()
    low, high = int(known.min()), int(known.max())
    span = pl.Series(range(low, high + 1), dtype=pl.Int32).cast(pl.Date)
    written = pl.concat([span.dt.strftime("%Y-%m-%d"), span.dt.strftime("%m/%d/%Y")])
    return written.gather(days - low + pl.Series(american * len(span), dtype=pl.Int32)).alias(dates.name)


def _soiled(
    rows: pl.DataFrame,
    order: Arrangement,
    sound: Mask,
    rng: np.random.Generator,
    *,
    dirt: Dirt,
    truth: ExtractTruth,
    slips: Sequence[Fault],
    padded: Sequence[str],
) -> pl.DataFrame:
    columns = {name: rows[name] for name in rows.columns}
    for slip in slips:
        filled = np.flatnonzero(sound & columns[slip.column].is_not_null().to_numpy())
        at = rng.choice(filled, at_least_one(getattr(dirt, slip.knob), len(filled)), replace=False)
        columns[slip.column] = _overwritten(columns[slip.column], at, slip, rng)
        truth.nulled.setdefault(slip.column, {})[slip.reason] = len(at)
    _say_null(columns, sound, rng, dirt, truth)
    _pad(columns, padded, rng, dirt, truth)
    for position, fault in enumerate(order.faults):
        at = np.flatnonzero(order.fault == position)
        if fault.column:
            columns[fault.column] = _overwritten(columns[fault.column], at, fault, rng)
        if len(at):
            reasons = truth.rejected.setdefault(fault.column, {})
            reasons[fault.reason] = reasons.get(fault.reason, 0) + len(at)
    return pl.DataFrame(columns)


def _overwritten(column: pl.Series, at: Whole, fault: Fault, rng: np.random.Generator) -> pl.Series:
    words = pl.Series(list(fault.words), dtype=pl.String).gather(rng.integers(0, len(fault.words), len(at)))
    return column.scatter(at.tolist(), words) if len(at) else column


def _say_null(
    columns: dict[str, pl.Series], sound: Mask, rng: np.random.Generator, dirt: Dirt, truth: ExtractTruth
) -> None:
    """Write ``NULL`` in some of the cells that are blank, one column in two."""
    for name in [name for name, column in columns.items() if column.null_count()][::2]:
        blank = np.flatnonzero(columns[name].is_null().to_numpy() & sound)
        at = np.sort(rng.choice(blank, at_least_one(dirt.null_words, len(blank)), replace=False))
        mask = np.zeros(len(sound), np.bool_)
        mask[at] = True
        columns[name] = columns[name].zip_with(pl.Series(~mask), pl.Series(["NULL"]).gather(np.zeros(len(mask), int)))
        truth.dirt["null_words"] = truth.dirt.get("null_words", 0) + len(at)


def _pad(
    columns: dict[str, pl.Series],
    padded: Sequence[str],
    rng: np.random.Generator,
    dirt: Dirt,
    truth: ExtractTruth,
) -> None:
    for name in padded:
        at = np.sort(np.flatnonzero(marked(rng, dirt.padding, len(columns[name]))))
        if len(at):
            columns[name] = columns[name].scatter(at, ("  " + columns[name].gather(at) + " "))
        filled = int(columns[name].gather(at).is_not_null().sum())
        truth.dirt["padded"] = truth.dirt.get("padded", 0) + filled


def _with_ragged(
    table: str, rows: pl.DataFrame, order: Arrangement, rng: np.random.Generator, *, dirt: Dirt, truth: ExtractTruth
) -> Extract:
    ragged = np.flatnonzero(order.fault == len(order.faults) - 1)
    short, long, lost = (np.zeros(rows.height, np.bool_) for _ in range(3))
    short[ragged[::2]], lost[ragged[1::2]] = True, True
    sound = np.flatnonzero(order.fault < 0)
    long[rng.choice(sound, at_least_one(dirt.ragged, len(sound)), replace=False)] = True
    truth.dirt |= {"ragged_short": int(short.sum()), "ragged_long": int(long.sum()), "ragged_lost": int(lost.sum())}
    return Extract(table, rows, short, long, lost, truth)


def _ragged(rows: pl.DataFrame, tail: str | None, end: str) -> list[str]:
    """Write rows without their last two cells, or with one or two cells too many."""
    lines = []
    for number, row in enumerate(rows.iter_rows()):
        text = io.StringIO()
        cells = row[:-2] if tail is None else (*row, *([tail] * (1 + number % 2)))
        csv.writer(text, lineterminator=end).writerow(["" if cell is None else cell for cell in cells])
        lines.append(text.getvalue())
    return lines
