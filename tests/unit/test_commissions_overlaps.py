"""What stands in several files of one extract counts once; what one file has twice, and what differs, stays."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from benchmarks.commissions_source import Truth, generate
from firn import Run
from loaders.memory import Memory
from pipelines.commissions import Commissions
from pipelines.engine.pipeline import step_of
from pipelines.engine.progress import Silent
from pipelines.engine.report import Report
from pipelines.engine.runner import Options, execute
from tests.unit.commission_chain import extracts, reasons, run, split
from tests.unit.commission_tables import Row, certificates, commissions, premiums
from transforms.commissions.conservation import TYPED, records_accounted
from transforms.commissions.lines import Accounting, Extract, Rejects
from transforms.commissions.overlaps import OverlapTables, overlaps


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("commissions"), scale=0.0001)


def published(folder: Path) -> tuple[dict[str, pl.DataFrame], Report]:
    loader = Memory()
    report = execute(Commissions(folder=folder), Run.start("commissions"), loader, Options(), Silent())
    return loader.production, report


def test_files_that_are_delivered_twice_publish_what_one_of_each_does_and_are_told(truth: Truth) -> None:
    folder = truth.path
    before, _ = published(folder)
    for name in ("premiums.csv", "CertificateInfo_20251231.csv", "CommissionsDetail_20250101_20250331.csv"):
        copy = folder / name.replace(".csv", "_again.csv")
        copy.write_bytes((folder / name).read_bytes())
    after, report = published(folder)
    for name in before.keys() - {"commission_rejects", "commission_set_aside", "commission_changes"}:
        assert before[name].sort(pl.all()).equals(after[name].sort(pl.all())), name
    assert after["commission_rejects"].height > before["commission_rejects"].height
    again = {note.partition(":")[0]: note for note in report.notes if "stand in another file" in note}
    assert len(again) == 3
    assert f": {truth.extracts['raw_premiums'].kept:,} of its records" in again["premiums_again.csv"]
    assert f": {truth.extracts['raw_certificate_info'].kept:,} of" in again["CertificateInfo_20251231_again.csv"]


def of(file: str, *rows: Row) -> list[Row]:
    return [{**row, "file": file} for row in rows]


def posted(*days: int) -> list[Row]:
    return [{"posted_date": date(2025, 1, day), "amount": Decimal("10.25") * day} for day in days]


def together(sold: list[Row], paid: list[Row], billed: list[Row]) -> OverlapTables:
    return overlaps(certificates(*sold), commissions(*paid), premiums(*billed))


def days(lines: pl.DataFrame) -> list[int]:
    return sorted(lines["posted_date"].dt.day())


def test_a_posting_of_two_files_counts_once_and_as_often_as_the_file_has_it_that_has_it_most() -> None:
    billed = of("a.csv", *posted(1, 2, 2, 3)) + of("b.csv", *posted(2, 2, 2, 3, 4)) + of("c.csv", *posted(4, 4, 5))
    made = together([], billed, billed)
    assert days(made.premium_lines) == days(made.commission_lines) == [1, 2, 2, 2, 3, 4, 4, 5]
    assert made.overlapping.rows() == [
        (file, table, records, amount)
        for table in ("raw_commissions_detail", "raw_premiums")
        for file, records, amount in (("b.csv", 3, Decimal("71.75")), ("c.csv", 1, Decimal("41.00")))
    ]


def test_equal_postings_of_one_file_are_all_there() -> None:
    made = together([], [], of("a.csv", *posted(1, 1, 1)))
    assert days(made.premium_lines) == [1, 1, 1]
    assert made.overlapping.is_empty()


def test_postings_that_differ_in_anything_are_two() -> None:
    one = posted(1)[0]
    made = together([], [], of("a.csv", one) + of("b.csv", {**one, "record": 7}, {**one, "invoice": "I1"}))
    assert made.premium_lines.height == 3


def test_a_certificate_of_two_files_is_as_one_and_one_that_they_contradict_is_known_as_such() -> None:
    rows = split(1, 1, "100", 11, 12)
    again = [{**row, "line": row_number} for row_number, row in enumerate(rows, 50)]
    made = together(of("a.csv", *rows) + of("b.csv", *again), [], [])
    assert made.certificate_lines["file"].to_list() == ["a.csv"] * 2
    assert made.overlapping.select("file", "records", "amount").rows() == [("b.csv", 2, None)]
    changed = together(of("a.csv", *rows) + of("b.csv", *split(1, 1, "100", 11, 13)), [], [])
    assert changed.certificate_lines.height == 3
    frames = {"premium_lines": premiums(), "commission_lines": commissions()}
    assert reasons(run(chain_of(made) | frames)) == {}
    assert reasons(run(chain_of(changed) | frames)) == {1: "InconsistentLines"}


def chain_of(made: OverlapTables) -> dict[str, pl.DataFrame]:
    return extracts([]) | {"certificate_lines": made.certificate_lines}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_lines_and_files_changes_nothing_that_is_said(seed: int) -> None:
    rows = premiums(*of("a.csv", *posted(1, 2, 2)), *of("b.csv", *posted(2, 2, 2, 3)), *of("c.csv", *posted(1, 4)))
    mixed = rows.sample(fraction=1, shuffle=True, seed=seed)
    once, again = (overlaps(certificates(), commissions(), some).premium_lines for some in (rows, mixed))  # type: ignore[arg-type]
    said = [name for name in once.columns if name not in {"file", "line"}]
    assert once.select(said).sort(said).equals(again.select(said).sort(said))


def accounted(made: OverlapTables, typed: pl.DataFrame) -> list[tuple[str, Decimal, Decimal]]:
    """What the check of conservation finds of premiums alone."""
    height = typed.height
    frames: dict[str, pl.DataFrame] = {"overlapping": made.overlapping}
    for one in TYPED:
        lines = typed if one.table == "raw_premiums" else typed.clear()
        frames |= {one.lines: lines, one.rejects: Rejects.create_empty(), one.accounting: Accounting.create_empty()}
        frames |= {one.united: made.premium_lines if one.table == "raw_premiums" else lines} if one.united else {}
    frames["extract"] = Extract.cast(
        pl.DataFrame([("a.csv", "raw_premiums", height, "")], schema=Extract.column_names(), orient="row")
    )
    told = [("a.csv", "raw_premiums", figure, "", height) for figure in ("records_read", "records_active")]
    frames["premium_accounting"] = pl.DataFrame(told, schema=Accounting.column_names(), orient="row")
    return records_accounted(*(frames[name] for name in step_of(records_accounted, is_check=True).reads)).rows()


def test_what_two_files_have_is_accounted_for_to_the_record_and_to_the_cent() -> None:
    typed = premiums(*of("a.csv", *posted(1, 2)), *of("b.csv", *posted(2, 3)))
    made = overlaps(certificates(), commissions(), typed)
    assert accounted(made, typed) == []
    added = made._replace(premium_lines=typed)
    assert [row[0] for row in accounted(added, typed)] == [
        "raw_premiums, lines of all files",
        "raw_premiums, sum of all files",
    ]
    cent = pl.lit(Decimal("0.01"), pl.Decimal(18, 2))
    less = made._replace(
        premium_lines=made.premium_lines.with_columns((pl.col("amount") - cent).cast(pl.Decimal(18, 2)))
    )
    assert [row[0] for row in accounted(less, typed)] == ["raw_premiums, sum of all files"]
