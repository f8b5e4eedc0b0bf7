"""The invented extracts: what they hold is what was asked for, and what is said about them is so."""

import csv
import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from benchmarks.commissions_source import (
    CLEAN,
    FILES,
    HEADERS,
    PRESETS,
    WRONG_LAYOUT_FILE,
    Dirt,
    Truth,
    cached,
    generate,
)
from benchmarks.commissions_source.world import draw_world

ALL = Dirt(wrong_layout=True, banking=True)
LEAST = 0.0001
Line = tuple[int, int, str, Decimal]
WIDTHS = (24, 15, 24, 7, 5, 9, 10, 32, 15, 12)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("commissions"), scale=LEAST, dirt=ALL)


def records(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file)


def rows(truth: Truth, table: str) -> Iterator[dict[str, str]]:
    for file in FILES[table]:
        header, *found = records(truth.path / file)
        yield from (
            dict(zip(header, record, strict=False))
            for record in found
            if len(record) >= len(header) and not any(record[len(header) :])
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def active(truth: Truth) -> Iterator[dict[str, str]]:
    for row in rows(truth, "raw_certificate_info"):
        cells = {name: cell.strip() for name, cell in row.items()}
        if (cells["RecStatus"], cells["CertStatus"]) == ("A", "A"):
            yield cells


def is_kept(cells: dict[str, str]) -> bool:
    numbers = (cells["CertificateId"], cells["CertSplitSeq"], cells["SplitBrokerSeq"])
    return (
        all(map(str.isdigit, numbers))
        and cells["Product"] not in {"", "NULL"}
        and bool(_day(cells["CertEffectiveDate"]))
    )


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_others(tmp_path: Path, truth: Truth) -> None:
    generate(tmp_path / "again", scale=LEAST, dirt=ALL)
    other = generate(tmp_path / "other", scale=LEAST, dirt=ALL, seed=2)
    assert contents(tmp_path / "again") == contents(truth.folder)
    assert {extract.kept for extract in other.extracts.values()} == {e.kept for e in truth.extracts.values()}
    same = contents(other.path).items() & contents(truth.path).items()
    assert [name for name, _ in same] == [WRONG_LAYOUT_FILE]


@pytest.mark.parametrize("preset", PRESETS)
def test_at_full_scale_there_is_what_was_documented(preset: str) -> None:
    wanted, world = PRESETS[preset], draw_world(preset, 1, Dirt(), 1)
    lines = world.certificates.join(world.config_lines, on="config").height
    found = (world.certificates.height, lines, world.groups.height, world.eras.height)
    assert found == (wanted.certificates, wanted.active_rows, wanted.groups, wanted.proposals)
    assert (world.sizes.certificate_rows, world.sizes.rates, world.sizes.schedules) == (1_550_752, 1_133_420, 51_073)
    of_largest = (world.certificates["group"] == 0).sum() / world.certificates.height
    assert 0.08 < of_largest < 0.14


def test_headers_are_those_that_are_documented(truth: Truth) -> None:
    assert tuple(map(len, HEADERS.values())) == WIDTHS
    for table, names in HEADERS.items():
        for file in FILES[table]:
            found = next(records(truth.path / file))
            banking = 3 if "_brokers" in table else 0
            assert len(found) == len(names) + banking, file
            assert [name.replace("Creadit", "Credit") for name in found[: len(names)]] == [
                name.replace("Creadit", "Credit") for name in names
            ]
    typed = [file for file in FILES["raw_commissions_detail"] if "CreaditCardType" in next(records(truth.path / file))]
    assert len(typed) == len(FILES["raw_commissions_detail"]) - 1
    assert len(next(records(truth.path / WRONG_LAYOUT_FILE))) == 9


def test_every_row_of_every_file_is_accounted_for_once(truth: Truth) -> None:
    for table, extract in truth.extracts.items():
        assert extract.rows == extract.kept + extract.historical + extract.duplicates + extract.rejects, table
        found = {file: sum(1 for _ in records(truth.path / file)) - 1 for file in FILES[table]}
        assert (found, extract.rows) == (extract.files, sum(found.values()))


def test_every_irregularity_is_there_and_none_in_clean_extracts(tmp_path: Path, truth: Truth) -> None:
    assert {name: count for name, count in truth.dirt.items() if not count} == {}
    knobs = {field.name for field in dataclasses.fields(Dirt)}
    counted = {
        "banking": [],
        "bom": ["files_with_bom"],
        "crlf": ["files_with_crlf"],
        "padding": ["padded"],
        "ragged": ["ragged_short", "ragged_long", "ragged_lost", "rejected_ragged"],
        "bad_ids": ["rejected_missing", "rejected_not_a_broker"],
        "bad_dates": ["rejected_not_a_date"],
        "bad_numbers": ["rejected_not_a_number"],
        "header_typo": ["header_typos"],
        "group_less": ["blank_groups", "zero_groups"],
        "roster_duplicates": ["repeated_brokers"],
    }
    knobs = [field.name for field in dataclasses.fields(Dirt)]
    assert {name for knob in knobs for name in counted.get(knob, [knob])} <= truth.dirt.keys()
    clean = generate(tmp_path, scale=LEAST, dirt=CLEAN)
    always = {"missing_plans", "orphans", "unposted", "reassigned_rows", "us_dates"}
    always |= {"schedules", "rates_level_only", "rates_varying"}
    shapes = {"thirds", "three_level_whole_splits", "same_broker"}
    assert {name for name, count in clean.dirt.items() if count} <= always | shapes
    assert clean.routing == {"proposal": clean.counts["policies"]}
    assert all(extract.kept + extract.historical == extract.rows for extract in clean.extracts.values())


def test_rejected_rows_are_those_that_cannot_be_read(truth: Truth) -> None:
    found: Counter[str] = Counter()
    for cells in active(truth):
        found["CertificateId"] += not cells["CertificateId"].isdigit()
        found["Product"] += cells["Product"] in {"", "NULL"}
        found["CertSplitSeq"] += not cells["CertSplitSeq"].isdigit()
        found["SplitBrokerSeq"] += not cells["SplitBrokerSeq"].isdigit()
        found["CertEffectiveDate"] += _day(cells["CertEffectiveDate"]) is None
    rejected = truth.extracts["raw_certificate_info"].rejected
    assert found == {column: sum(reasons.values()) for column, reasons in rejected.items() if column}


def test_sums_are_those_of_the_rows_that_are_kept(truth: Truth) -> None:
    for table, column, day in (
        ("raw_premiums", "Amount", "DatePost"),
        ("raw_commissions_detail", "PaidAmount", "PmtPostedDate"),
    ):
        key = "Policy" if table == "raw_premiums" else "CertificateId"
        kept = [
            Decimal(row[column])
            for row in rows(truth, table)
            if row[key].strip().isdigit() and _day(row[day]) and _is_number(row[column])
        ]
        assert (len(kept), str(sum(kept))) == (truth.extracts[table].kept, truth.extracts[table].sums[column])


def test_certificates_stand_in_the_files_with_the_lines_that_the_truth_tells(truth: Truth) -> None:
    found: defaultdict[int, set[Line]] = defaultdict(set)
    for cells in active(truth):
        if is_kept(cells):
            level, schedule = int(cells["SplitBrokerSeq"]), cells["CommissionsSchedule"]
            line = (level, int(cells["SplitBrokerId"][1:]), schedule, Decimal(cells["CertSplitPercent"]))
            found[int(cells["CertificateId"])].add(line)
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    for config, level, broker, schedule, percent in (
        truth.config_lines().select("config", "level", "broker", "schedule", "percent").collect().iter_rows()
    ):
        lines[config].append((level, broker, schedule, Decimal(percent) / 10_000))
    told = truth.certificates().select("certificate", "config", "torn").collect()
    assert {number: set(lines[config][: -torn or None]) for number, config, torn in told.iter_rows()} == found


def test_the_rejected_rows_that_tell_a_certificate_are_those_of_the_incomplete_ones(truth: Truth) -> None:
    bad = {int(c["CertificateId"]) for c in active(truth) if c["CertificateId"].isdigit() and not is_kept(c)}
    odd = [record for file in FILES["raw_certificate_info"] for record in records(truth.path / file)]
    bad |= {int(record[6]) for record in odd if len(record) < WIDTHS[0] or any(record[WIDTHS[0] :])}
    incomplete = truth.certificates().filter(pl.col("reason") == "RejectedRecords").collect()
    assert bad == set(incomplete["certificate"])
    assert 0 < truth.dirt["torn"] < truth.dirt["incomplete"] == incomplete.height


def test_a_proposal_begins_with_all_its_pairs_and_ends_where_the_next_one_of_a_pair_begins(truth: Truth) -> None:
    proposals = truth.proposals().collect()
    pairs = truth.proposal_pairs().collect().join(proposals, on="proposal")
    begun = pairs.rename({"start": "effective_date"}).drop("until", "config")
    keys = ["proposal", "group_key", "product", "plan", "effective_date"]
    certificates = truth.certificates().collect()
    assert begun.join(certificates, on=keys, how="anti").is_empty()
    ranges = pairs.sort("start").with_columns(next=pl.col("start").shift(-1).over("group_key", "product", "plan"))
    assert ranges["next"].equals(ranges["until"], null_equal=True)
    placed = certificates.filter(pl.col("reason").is_null())
    inside = placed.join(pairs, on=["proposal", "product", "plan"]).filter(
        pl.col("effective_date") >= pl.col("start"),
        pl.col("until").is_null() | (pl.col("effective_date") < pl.col("until")),
    )
    assert inside.height == placed.height == truth.routing["proposal"]


def test_what_has_a_reason_has_no_proposal(truth: Truth) -> None:
    found = truth.certificates().select("reason", "proposal").collect()
    assert (found["reason"].is_null() == found["proposal"].is_not_null()).all()
    assert found["reason"].drop_nulls().value_counts().height == len(truth.routing) - 1


def test_the_truth_reads_back_as_it_was_written(truth: Truth) -> None:
    assert Truth.load(truth.folder) == truth


def test_extracts_are_made_once_for_the_same_arguments(tmp_path: Path) -> None:
    first = cached(LEAST, dirt=CLEAN, cache=tmp_path)
    made = (first / "truth.json").stat().st_mtime_ns
    assert cached(LEAST, dirt=CLEAN, cache=tmp_path) == first
    assert (first / "truth.json").stat().st_mtime_ns == made
    assert cached(LEAST, seed=2, dirt=CLEAN, cache=tmp_path) != first


def _day(text: str) -> dt.date | None:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return dt.datetime.strptime(text.strip(), form).replace(tzinfo=dt.UTC).date()
        except ValueError:
            continue
    return None


def _is_number(text: str) -> bool:
    return text.strip().lstrip("-").replace(".", "", 1).isdigit()
