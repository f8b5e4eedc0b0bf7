"""Customer order lists: workbooks -> PostgreSQL.

One workbook a customer; its rows, typed and exact, become ``order_list``. Where each row came from stands in
``order_list_origin``, its sizes one by one in ``order_list_lines``, and every cell that could not be used in
``order_list_quarantine``.
"""

from __future__ import annotations

import glob
import shlex
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, model_validator

from firn import ConfigError, PartKey, SourceError
from pipelines.engine.pipeline import Pipeline, Recalled
from sources import AzureBlobs, Workbooks
from sources.workbooks import Expected
from sources.xlsx.limits import Limits
from transforms.order_lists import (
    OrderList,
    OrderListLines,
    OrderListOrigin,
    OrderListQuarantine,
    cells_accounted,
    header_mapping,
    lines_have_origins,
    order_keys,
    order_list,
    order_list_accounting,
    order_list_lines,
    order_rows,
    order_sizes,
    rows_accounted,
    rules_accounted,
    sizes_accounted,
)
from transforms.order_lists.columns import CUSTOMER, ORDER_NUMBER, REQUIRED_COLUMNS
from transforms.order_lists.contract import HEADERS
from transforms.order_lists.customers import canonical_name, folded_name, named_by_file, profile_of
from transforms.order_lists.header_proposals import header_proposals, lines_to_paste
from transforms.order_lists.quarantine import REASONS
from transforms.order_lists.sync import ORDER_LIST_SYNC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from firn import Run
    from loaders.loader import Loader
    from pipelines.engine.frames import Frames, Part
    from sources import Source

ACCOUNTING = "order_list_accounting"
MOST_NAMED = 20
FIGURES = {
    "rows_published": "order lines",
    "rows_set_aside": "rows set aside",
    "rows_blank": "rows blank",
    "cells_published": "cells published",
    "cells_quarantined": "cells quarantined",
    "cells_changed": "cells changed by rule",
}


class Thresholds(BaseModel):
    """What a run may take away, and what production must hold to pass ``firn check order_lists --published``.

    Attributes:
        lost_lines: Order lines that may go from one generation to the next, besides those of files let go by name.
        lost_percent: So may this share of them; only what is beyond both stops a run.
        lines: Order lines, at least.
        order_numbers: Percent of them that have an order number.
        customer_names: Percent of them that have a customer.
        customers: Customers, at least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lost_lines: int = 100
    lost_percent: float = 20.0
    lines: int = 1000
    order_numbers: float = 95.0
    customer_names: float = 90.0
    customers: int = 5


class OrderLists(Pipeline):
    """Reads every workbook of a folder or container and publishes four tables, all at once."""

    reads = ("cells", "headers", "cell_errors", "workbook")
    transforms = (
        header_mapping,
        order_rows,
        order_sizes,
        order_list_accounting,
        order_keys,
        order_list,
        order_list_lines,
    )
    checks = (rows_accounted, cells_accounted, rules_accounted, sizes_accounted)
    after_publish = (lines_have_origins,)
    publishes: ClassVar = {
        "order_list": OrderList,
        "order_list_lines": OrderListLines,
        "order_list_origin": OrderListOrigin,
        "order_list_quarantine": OrderListQuarantine,
    }
    parts: ClassVar = {
        "order_list": PartKey("order_list_origin", "file", joined_by="record_uuid"),
        "order_list_lines": PartKey("order_list_origin", "file", joined_by="record_uuid"),
        "order_list_origin": PartKey("order_list_origin", "file"),
        "order_list_quarantine": PartKey("order_list_quarantine", "file"),
    }
    recalled: ClassVar = {
        "order_rows": Recalled(
            ("order_list", "order_list_origin"), ("file", "row", "order_key", "row_hash", "record_uuid")
        ),
    }
    early: ClassVar = {"order_keys": "file"}
    kept = (ACCOUNTING,)
    companions = (ORDER_LIST_SYNC,)
    compared = "order_list"
    label = ("AAG ORDER NUMBER", "CUSTOMER STYLE", "PO NUMBER")
    uncompared = ("row_hash",)
    quarantine = "order_list_quarantine"
    reasons = REASONS
    strategy = "swap"
    places = ("folder", "blobs")

    folder: Path | None = None
    blobs: AzureBlobs | None = None
    phantom_rows: Literal["keep", "set_aside"] = "set_aside"
    unmapped_customers: Literal["fail", "keep", "quarantine"] = "keep"
    limits: Limits = Limits()
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (self.blobs is None):
            given = "Neither folder nor blobs is" if self.folder is None else "Both folder and blobs are"
            raise ConfigError(
                f"[order_lists] {given} set: workbooks come from exactly one place. Nothing was read or written.",
                "Set one of them in firn.toml, or as FIRN_ORDER_LISTS__FOLDER or FIRN_ORDER_LISTS__BLOBS__CONTAINER.",
            )
        return self

    def rights(self) -> str:
        """Write down the least that a container must let firn do; a folder is granted by its own system."""
        return self.blobs.rights() if self.blobs else ""

    def sources(self) -> Sequence[Source]:
        """Read the workbooks of one folder or container."""
        return (self.workbooks(),)

    def reached(self) -> Sequence[str]:
        """Name the folder, which must be there, or the container."""
        return (self.workbooks().reached(),)

    def workbooks(self) -> Workbooks:
        """Name the folder or container, and what is looked for in its workbooks."""
        return Workbooks(
            folder=self.folder,
            blobs=self.blobs,
            headers=HEADERS,
            required=REQUIRED_COLUMNS,
            limits=self.limits,
            expected=expected,
        )

    def workbook(self, part: str) -> tuple[bytes, Limits]:
        """Return the bytes of a workbook as it lies in the folder or container now."""
        return self.workbooks().content(part), self.limits

    def one_file(self, path: Path, part: str) -> Source:
        """Read one local workbook in place of a part."""
        return self.workbooks().model_copy(
            update={"folder": path.parent, "blobs": None, "pattern": glob.escape(path.name), "part": part}
        )

    def headers(self, file: str) -> dict[str, Any]:
        """Say what each header of a workbook feeds, and what to add to ``customers.toml`` for the others."""
        place = {"folder": Path(file).parent, "blobs": None} if Path(file).is_file() else {}
        pattern = glob.escape(Path(file).name if place else file)
        # Without required headers any sheet will do: those that it lacks are what somebody asks about.
        source = self.workbooks().model_copy(update=place | {"pattern": pattern, "required": ()})
        try:
            listed = list(source.tables())
        except SourceError as error:
            raise self._misspelt(file, error) from error
        tables = {table.name: table.frame.collect() for table in listed}
        part, sheet, row = tables["workbook"].select("file", "sheet", "header_row").row(0)
        found = header_proposals(tables["headers"], part)
        return {
            "file": part,
            "sheet": sheet,
            "header_row": row,
            "headers": [asdict(header) for header in found],
            "missing": [name for name in REQUIRED_COLUMNS if name not in {header.column for header in found}],
            "paste_into": "transforms/order_lists/customers.toml",
            "paste": lines_to_paste(part, found),
        }

    def _misspelt(self, file: str, error: SourceError) -> SourceError:
        """Name the workbook that a name may be a misspelling of, or else return the error that it led to."""
        try:
            names = {table.part.casefold(): table.part for table in self.workbooks().tables()}
        except SourceError:
            return error
        close = get_close_matches(file.casefold(), names, n=1)
        if not close:
            return error
        return SourceError(error.message, f"firn show order_lists --headers {shlex.quote(names[close[0]])}")

    def parts_of(self, customer: str, parts: Sequence[str], loader: Loader) -> frozenset[str]:
        """Name the workbooks in which a customer is published, and those named for them.

        Raises:
            ConfigError: No workbook is; the likely names are listed.
        """
        wanted = folded_name(canonical_name(customer))
        names = {part: {named_by_file(part)} for part in parts}
        contracts = {"order_list": OrderList, "order_list_origin": OrderListOrigin}
        published = loader.published(contracts, self.parts["order_list"], parts, ("file", CUSTOMER))
        if published is not None:
            for part, name in published.unique().drop_nulls().iter_rows():
                names[part].add(canonical_name(name))
        found = frozenset(part for part, known in names.items() if wanted in map(folded_name, known))
        if not found:
            known = sorted(set().union(*names.values()))
            close = get_close_matches(customer.upper(), known, n=3, cutoff=0.5)
            hint = (
                f"Did you mean {', '.join(map(shlex.quote, close))}?"
                if close
                else f"Known: {', '.join(known[:8])}, ..."
            )
            raise ConfigError(f"--customer: no workbook holds {customer!r}. Production is unchanged.", hint)
        return found

    def allow_loss(self, before: int, now: int) -> str:
        """Say what to type where more order lines would go than the thresholds of the settings let go."""
        lost = before - now
        may = lost <= self.thresholds.lost_lines or 100 * lost <= self.thresholds.lost_percent * before
        return "" if may else "--set thresholds.lost_percent=100"

    def quality(self, loader: Loader, parts: Sequence[str]) -> Sequence[tuple[str, bool, str]]:
        """Judge the published lines by the thresholds of the settings."""
        columns = (ORDER_NUMBER, CUSTOMER)
        contracts = {"order_list": OrderList, "order_list_origin": OrderListOrigin}
        lines = loader.published(contracts, self.parts["order_list"], parts, columns)
        if lines is None or not lines.height:
            return (("lines", False, "none is published"),)
        shares = {name: 100 * lines[name].count() / lines.height for name in columns}
        customers = lines[CUSTOMER].n_unique()
        least = self.thresholds
        return (
            at_least("lines", lines.height, least.lines),
            at_least("order numbers, %", shares[ORDER_NUMBER], least.order_numbers),
            at_least("customers, %", shares[CUSTOMER], least.customer_names),
            at_least("customers", customers, least.customers),
        )

    def outdated(self, whole: Frames, recalled: Mapping[str, pl.DataFrame]) -> frozenset[str]:
        """Name the workbooks of which a line gets another number among those of its key than it is published with."""
        if "order_rows" not in recalled:
            return frozenset()
        keys = whole["order_keys"].select("file", "row", numbered="record_uuid")
        published = recalled["order_rows"].select("file", pl.col("row").cast(keys.schema["row"]), "record_uuid")
        both = published.join(keys, on=["file", "row"], how="inner")
        return frozenset(both.filter(pl.col("record_uuid") != pl.col("numbered"))["file"].unique())

    def finished(self, run: Run, parts: Mapping[str, str]) -> Sequence[str]:
        """Tag or move the workbooks that were published, where the settings ask for it."""
        return self.workbooks().finished(run, parts)

    def describe(self, part: str) -> str:
        """Name the customer that a workbook is named for, and the folder where it lies below the others."""
        folder, _, file = part.rpartition("/")
        name = Path(file).stem.removesuffix(" (M3)").removesuffix(" ORDER LIST")
        return f"customer {name} in {folder}" if folder else f"customer {name}"

    def figures(self, parts: Sequence[Part], whole: Frames) -> dict[str, int]:
        """Count rows and cells by what became of them, over all workbooks."""
        figures = {
            f"{FIGURES[figure]}{', ' if item else ''}{item}": count
            for figure, item, count in totals(parts).filter(pl.col("figure").is_in(FIGURES)).iter_rows()
        }
        duplicates = whole["order_keys"]["is_duplicate"].sum() if "order_keys" in whole else 0
        return figures | {"rows equal to another": int(duplicates)}

    def notes(self, parts: Sequence[Part], whole: Frames) -> list[str]:  # noqa: ARG002
        """Name, per workbook, headers and sizes without a column or doubled, formulas without values, and customers."""
        return [note for part in parts for note in notes_of(part.name, part.frames[ACCOUNTING])]


def at_least(name: str, found: float, least: float) -> tuple[str, bool, str]:
    """Judge one figure: its name, whether it is large enough, and both in words."""
    return name, found >= least, f"{found:,.6g}, at least {least:,.6g}"


def expected(part: str) -> Expected:
    """Tell what ``customers.toml`` says of a workbook."""
    profile = profile_of(part)
    return Expected(profile.sheet, profile.header_row, profile.headers)


def totals(parts: Iterable[Part]) -> pl.DataFrame:
    """Sum the figures of all workbooks: ``figure``, ``item``, ``count``, in the order of ``FIGURES``."""
    frames = [part.frames[ACCOUNTING].select("figure", "item", "count") for part in parts]
    if not frames:
        return pl.DataFrame(schema={"figure": pl.String, "item": pl.String, "count": pl.Int64})
    found = pl.concat(frames).group_by("figure", "item").agg(pl.col("count").sum())
    place = pl.col("figure").replace_strict(list(FIGURES), range(len(FIGURES)), default=len(FIGURES))
    return found.sort(place, "item")


def notes_of(file: str, accounting: pl.DataFrame) -> Iterator[str]:
    """Say what a person should know about one workbook, on a line a kind."""
    headers = accounting.filter(pl.col("figure") == "unmapped_header").iter_rows(named=True)
    if told := some(map(unmapped, headers)):
        yield f"{file}: cells under headers that feed no column are in quarantine: {told}"
    for row in accounting.filter(pl.col("figure") == "duplicate_header").iter_rows(named=True):
        yield f"{file}: header {row['item']} is there twice ({row['note']}); {row['count']:,} cells are in quarantine"
    uncomputed = pl.col("figure").eq("cells_quarantined") & pl.col("item").eq("formula_without_value")
    for count in accounting.filter(uncomputed)["count"]:
        what = "formula has no computed value and stands" if count == 1 else "formulas have no computed value and stand"
        yield f"{file}: {count:,} {what} in quarantine; open the workbook in Excel and save it"
    sizes = accounting.filter(pl.col("figure") == "unknown_size").iter_rows(named=True)
    if told := ", ".join(map(unmapped, sizes)):
        yield f"{file}: sizes that have no column are in order_list_lines only: {told}"
    others = accounting.filter(pl.col("figure") == "other_customer").iter_rows(named=True)
    if told := some(f"{row['item']} {row['count']:,}" for row in others):
        yield f"{file}: rows that name another customer: {told}"
    strangers = accounting.filter(pl.col("figure") == "unmapped_customer").iter_rows(named=True)
    if told := some(map(unmapped, strangers)):
        yield f"{file}: rows of customers that customers.toml does not list: {told}"


def some(items: Iterable[str]) -> str:
    """List the first 20 items, and count the others."""
    listed = list(items)
    more = len(listed) - MOST_NAMED
    return ", ".join(listed[:MOST_NAMED]) + (f", and {more} more" if more > 0 else "")


def unmapped(row: dict[str, object]) -> str:
    """Count what one name stands for that is not known, and say which one it may have meant."""
    meant = f" (did you mean {row['note']}?)" if row["note"] else ""
    return f"{row['item']} {row['count']:,}{meant}"
