"""Certificate files are typed as the slow oracle types them, and what is made of invented extracts is their truth."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.commissions_source import FILES, Truth, generate
from tests.property.commission_cases import HEADER, TABLE, read, said
from tests.property.commissions_oracle import Outcome, Rules, outcome, type_certificates

if TYPE_CHECKING:
    from pathlib import Path

    from transforms.commissions.typed_lines import CertificateRecords

CELLS = {
    "GroupId": ["100", " LA0059 ", "G100", "00000", "NULL", "", "1 00", "GG1", "G", "G 1"],
    "Product": ["DEN", " VIS", "DEN", "", "NULL", "D N"],
    "PlanCode": ["P1", "N/A", "NULL", " ", " P2 "],
    "CertificateId": [
        "1",
        "2",
        " 3 ",
        "4.0",
        "",
        "C12",
        "1.5",
        "5e0",
        "99999999999999999999",
        "1.0000000000000000000001",
        "NULL",
    ],
    "CertEffectiveDate": [
        "2024-01-05",
        "01/05/2024",
        " 2024-02-29 00:00:00",
        "1/5/2024 12:00:00 AM",
        "2024-01-05 12:30",
        "2023-02-29",
        "0999-01-05",
        "13/01/2024",
        "soon",
        "",
        "NULL",
    ],
    "CertIssuedState": ["TX", " LA ", "la", "Texas", "NEW  YORK", "TXX", "T1", "ÉÉ", ""],
    "CertStatus": ["A", "A", "A", " A ", "a", "Active", "T", "AA", ""],
    "CertPremium": [
        "12.345",
        "-0.005",
        "1e2",
        "",
        "n.a.",
        ".5",
        "1,000",
        "99999999999999999",
        "0.00499999999999999999999",
        "5e-3",
    ],
    "CertSplitSeq": ["1", "2", " 74", "2.00", "x", "", "2147483648"],
    "CertSplitPercent": ["100", "33.3300", "33.33335", "", "all", "4O", "999999999999999"],
    "RecStatus": ["A", "A", "A", "A ", "a", "Active", "H", "NULL"],
    "CommissionsSchedule": ["S1", " S1 ", "NULL", ""],
    "WritingBrokerID": ["P11", "11", "PP11", "HOUSE", ""],
    "SplitBrokerId": ["P11", " P12 ", "1P2", "", "NULL"],
    "SplitBrokerSeq": ["1", "2", "L1", ""],
    "PaidBrokerId": ["P11", "", "11", "P12O"],
    "ReassignedType": ["Transferred", "NULL", 'in, "part"', "two\nlines"],
}
GOOD = {name: words[:3] for name, words in CELLS.items()}


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a file: cells that are mostly good, records cut, shifted or run together now and then, and any line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(HEADER)
    for _ in range(draw(st.integers(0, 8))):
        words = draw(st.sampled_from([GOOD, GOOD, CELLS]))
        record = [draw(st.sampled_from(words.get(name, [""]))) for name in HEADER]
        writer.writerow(draw(st.sampled_from([record] * 8 + ragged(record))))
    return text.getvalue()


def ragged(record: list[str]) -> list[list[str]]:
    """Spoil a record: a cell too few or too many, at the end, at the beginning or after the date; or two in one."""
    cut = [record[:count] for count in (-1, 8, 7, 3)]
    two = [record[:count] + record for count in (8, 10, len(record))]
    return [*cut, [*record, ""], [*record, "x"], record[1:], ["x", *record], *two]


def figures(records: CertificateRecords) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for figure, count in records.certificate_accounting.select("figure", "count").iter_rows():
        counts[figure] += count
    return counts


@settings(deadline=None, max_examples=100)
@given(files())
def test_every_record_is_typed_or_accounted_for_as_the_oracle_does(text: str) -> None:
    records, expected = read(text.encode()), type_certificates(text)
    assert said(records) == expected.lines
    rejects = {
        n: (column, why) for n, column, why in records.certificate_rejects.select("line", "column", "reason").rows()
    }
    assert rejects == expected.rejects
    assert set(records.incomplete_certificates.select("line", "certificate").iter_rows()) == expected.incomplete
    found = figures(records)
    assert (found["records_historical"], found["records_repeated"]) == (expected.historical, expected.repeated)
    parts = ("active", "historical", "repeated", "rejected")
    assert found["records_read"] == sum(found[f"records_{part}"] for part in parts)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("commissions"), scale=0.0001)


@pytest.fixture(scope="module")
def content(truth: Truth) -> bytes:
    (file,) = FILES[TABLE]
    path: Path = truth.path / file
    return path.read_bytes()


@pytest.fixture(scope="module")
def told(content: bytes) -> Outcome:
    typed = type_certificates(content.decode("utf-8-sig"))
    return outcome(list(typed.lines.values()), Rules(incomplete=frozenset(one for _, one in typed.incomplete)))


def test_invented_certificates_are_read_as_the_truth_says(truth: Truth, content: bytes) -> None:
    records, expected = read(content), truth.extracts[TABLE]
    assert said(records) == type_certificates(content.decode("utf-8-sig")).lines
    rejected: dict[str, dict[str, int]] = {}
    for column, why, count in records.certificate_rejects.group_by("column", "reason").len().iter_rows():
        rejected.setdefault(column, {})[why] = count
    assert rejected == expected.rejected
    found = figures(records)
    assert (found["records_read"], found["records_active"]) == (expected.rows, expected.kept)
    assert (found["records_historical"], found["records_repeated"]) == (expected.historical, expected.duplicates)


def test_the_oracle_finds_the_proposals_that_the_extracts_were_made_from(truth: Truth, told: Outcome) -> None:
    assert len(told.proposals) == truth.counts["proposals"]
    made = {one.members: (one.run.group_id[1:], one.run.start, one.run.until) for one in told.proposals.values()}
    certificates = truth.certificates().filter(pl.col("reason").is_null()).collect()
    members = certificates.group_by("proposal").agg("certificate").join(truth.proposals().collect(), on="proposal")
    columns = ("certificate", "group_key", "start", "until")
    assert made == {frozenset(row[0]): tuple(row[1:]) for row in members.select(columns).iter_rows()}


def test_the_oracle_routes_the_certificates_as_they_were_made(truth: Truth, told: Outcome) -> None:
    reasons = truth.certificates().select("certificate", "reason").collect()
    assert told.reasons == dict(reasons.iter_rows())
    assert len(told.assignments) == truth.counts["pha_splits"]


def test_configurations_that_were_made_alike_are_alike_and_no_others(truth: Truth, told: Outcome) -> None:
    configs = truth.certificates().filter(~pl.col("torn")).select("certificate", "group_key", "config").collect()
    same = {(config, told.certificates[number].config) for number, _, config in configs.iter_rows()}
    assert len(same) == len({config for config, _ in same})
    in_group = {
        (group, digest): config
        for number, group, config in configs.iter_rows()
        if (digest := told.certificates[number].config)
    }
    assert all(
        in_group[group, told.certificates[number].config] == config
        for number, group, config in configs.drop_nulls("group_key").iter_rows()
    )


def test_premiums_of_the_lines_add_up_to_what_was_written(truth: Truth, content: bytes) -> None:
    premiums = read(content).typed_certificates["premium"].drop_nulls()
    assert sum(premiums, Decimal(0)) == Decimal(truth.extracts[TABLE].sums["CertPremium"])
