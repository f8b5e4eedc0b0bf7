"""Records of the extracts become typed lines, or are accounted for with the reason why not."""

import csv
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pipelines.engine.pipeline import step_of
from sources.csvs import Csvs, Layout
from transforms.commissions import typed_lines
from transforms.commissions.columns import EXTRACTS, Records
from transforms.commissions.conservation import TYPED, records_accounted
from transforms.commissions.lines import REASONS, Accounting, Extract, RaggedRecords, Rejects
from transforms.commissions.overlaps import Overlaps
from transforms.commissions.readings import read, reason

STEPS = {
    step.__annotations__["return"]._fields[0]: step
    for step in (getattr(typed_lines, name) for name in typed_lines.__all__)
}
CERTIFICATE = {
    "Company": " APL ",
    "GroupId": "LA0146",
    "Product": "DENT",
    "PlanCode": "N/A",
    "CertificateId": "1001",
    "CertEffectiveDate": "2024-01-05",
    "CertIssuedState": "TX ",
    "CertStatus": "A",
    "CertPremium": "12.345",
    "CertSplitSeq": "74",
    "CertSplitPercent": "33.33",
    "RecStatus": " A",
    "CommissionsSchedule": "NULL",
    "WritingBrokerID": "P10",
    "SplitBrokerId": "P10",
    "SplitBrokerSeq": "1",
    "PaidBrokerId": "P11",
}


def of(table: str) -> Records:
    return next(records for records in EXTRACTS if records.table == table)


def sort_out(table: str, *rows: dict[str, str | None], ragged: Sequence[tuple[int, str]] = ()):  # noqa: ANN201
    return records(table, *rows, ragged=ragged)[:3]


def records(table: str, *rows: dict[str, str | None], ragged: Sequence[tuple[int, str]] = ()):  # noqa: ANN201
    headers = of(table).headers
    raw = pl.DataFrame(
        [{"line": line} | {name: row.get(name) for name in headers} for line, row in enumerate(rows, start=2)],
        schema={"line": pl.Int64} | dict.fromkeys(headers, pl.String),
    )
    texts = csv.reader(text for _, text in ragged)
    odd = pl.DataFrame(
        [
            (line, len(cells), len(headers), text, cells[: len(headers)])
            for (line, text), cells in zip(ragged, texts, strict=True)
        ],
        schema=RaggedRecords.create_empty().schema,
        orient="row",
    )
    extract = pl.DataFrame(
        [("x.csv", table, raw.height + odd.height, "")],
        schema=Extract.create_empty().schema,
        orient="row",
    )
    made = next(step for step in STEPS.values() if table in step.__annotations__)(raw, extract, odd)
    assert unaccounted(extract, *made[:3]).is_empty()
    return made


def unaccounted(
    extract: pl.DataFrame, lines: pl.DataFrame, rejects: pl.DataFrame, accounting: pl.DataFrame
) -> pl.DataFrame:
    """What the check finds where there is one file of one extract."""
    (table,) = extract["table"]
    frames: dict[str, pl.DataFrame] = {"extract": extract, "overlapping": Overlaps.create_empty()}
    for one in TYPED:
        typed = lines if one.table == table else of(one.table).lines.create_empty()
        none = Rejects.create_empty(), Accounting.create_empty()
        frames |= zip(one[1:4], (typed, *((rejects, accounting) if one.table == table else none)), strict=True)
        frames |= {one.united: typed} if one.united else {}
    return records_accounted(*(frames[name] for name in step_of(records_accounted, is_check=True).reads))


def figures(accounting: pl.DataFrame) -> dict[str, int]:
    return {f"{figure} {item}".strip(): count for _, _, figure, item, count in accounting.iter_rows() if count}


def test_every_extract_has_a_step_whose_lines_keep_their_contract() -> None:
    assert len(STEPS) == len(EXTRACTS) == 12
    for records in EXTRACTS:
        made = sort_out(records.table)
        assert dict(made[0].schema) == dict(records.lines.create_empty().schema)


def test_a_current_record_becomes_a_line_of_types() -> None:
    lines, rejects, accounting = sort_out("raw_certificate_info", CERTIFICATE)
    (line,) = lines.to_dicts()
    assert rejects.is_empty()
    assert (
        line
        | {
            "line": 2,
            "company": "APL",
            "group_key": "LA0146",
            "plan": "*",
            "certificate": 1001,
            "effective_date": dt.date(2024, 1, 5),
            "state": "TX",
            "premium": Decimal("12.35"),
            "split_seq": 74,
            "split_percent": Decimal("33.3300"),
            "schedule": None,
            "writing_broker": 10,
            "level": 1,
            "paid_broker": 11,
        }
        == line
    )
    assert figures(accounting) == {
        "records_read": 1,
        "records_active": 1,
        "cells_rounded CertPremium": 1,
    }


@pytest.mark.parametrize(
    ("change", "state", "counts"),
    [
        ({"CertIssuedState": "Texas"}, "TX", {"cells_recoded CertIssuedState": 1}),
        ({"CertIssuedState": "la"}, "LA", {"cells_recoded CertIssuedState": 1}),
        ({"CertIssuedState": "ZZ"}, "ZZ", {}),
        ({"CertIssuedState": "TXX"}, None, {"cells_nulled CertIssuedState": 1}),
        ({"CertIssuedState": "NULL"}, None, {}),
        ({"CertStatus": "Active"}, "TX", {"cells_recoded CertStatus": 1}),
        ({"CertStatus": "a", "RecStatus": "a"}, "TX", {"cells_recoded CertStatus": 1, "cells_recoded RecStatus": 1}),
        ({"GroupId": "G7"}, "TX", {"cells_recoded GroupId": 1}),
    ],
)
def test_a_state_a_status_and_a_group_in_other_words_are_read_and_counted(
    change: dict[str, str], state: str | None, counts: dict[str, int]
) -> None:
    lines, _, accounting = sort_out("raw_certificate_info", CERTIFICATE | change)
    assert lines["state"].to_list() == [state]
    assert {name: count for name, count in figures(accounting).items() if name in counts} == counts
    assert counts or "cells_recoded" not in str(figures(accounting))


def test_a_flag_that_says_neither_yes_nor_no_is_null_and_counted() -> None:
    said = ["Y", "true", "N", "FALSE", None, "maybe"]
    lines, _, accounting = sort_out(
        "raw_licenses", *({"PartyUniqueId": "P7", "IsResidenceLicense": one} for one in said)
    )
    assert lines["is_residence"].to_list() == [True, True, False, False, False, None]
    assert figures(accounting)["cells_nulled IsResidenceLicense"] == 1


def test_historical_records_are_counted_and_not_rejected_whatever_they_hold() -> None:
    history = [
        CERTIFICATE | change
        for change in ({"RecStatus": "H"}, {"CertStatus": "T"}, {"RecStatus": ""}, {"RecStatus": "Active"})
    ]
    lines, rejects, accounting = sort_out("raw_certificate_info", *(h | {"CertificateId": "?"} for h in history))
    assert lines.is_empty()
    assert rejects.is_empty()
    assert figures(accounting) == {"records_read": 4, "records_historical": 4}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"CertificateId": " "}, "missing"),
        ({"CertificateId": "C1"}, "not_a_number"),
        ({"CertificateId": "1.5"}, "not_whole"),
        ({"CertSplitSeq": "3000000000"}, "out_of_range"),
        ({"GroupId": "25 1"}, "not_a_group"),
        ({"GroupId": "GG1"}, "not_a_group"),
        ({"Product": "DEN T"}, "not_a_code"),
        ({"CertEffectiveDate": "2024-02-30"}, "not_a_date"),
        ({"CertEffectiveDate": "NULL"}, "missing"),
        ({"CertSplitPercent": "4O"}, "not_a_number"),
        ({"CertSplitPercent": "999999999999999"}, "out_of_range"),
        ({"SplitBrokerId": "P12O"}, "not_a_broker"),
        ({"PaidBrokerId": "P12O"}, "not_a_broker"),
    ],
)
def test_a_record_without_a_value_that_is_needed_is_rejected_with_what_stands_there(
    change: dict[str, str], why: str
) -> None:
    lines, rejects, accounting = sort_out("raw_certificate_info", CERTIFICATE, CERTIFICATE | change)
    ((column, raw),) = change.items()
    assert lines.height == 1
    assert rejects.rows() == [("x.csv", 3, "raw_certificate_info", column, raw, why)]
    assert figures(accounting)[f"records_rejected {why}"] == 1
    assert why in REASONS


def test_the_first_column_that_lacks_a_value_is_the_reason() -> None:
    bad = CERTIFICATE | {"CertificateId": "x", "CertEffectiveDate": "y"}
    assert sort_out("raw_certificate_info", bad)[1]["column"].to_list() == ["CertificateId"]


def test_a_record_is_there_once_and_one_that_contradicts_it_stays_whichever_is_first() -> None:
    other = CERTIFICATE | {"SplitBrokerId": "P11"}
    lines, rejects, accounting = sort_out("raw_certificate_info", CERTIFICATE, CERTIFICATE, other, CERTIFICATE)
    assert lines["line"].to_list() == [2, 4]
    assert rejects.is_empty()
    assert figures(accounting)["records_repeated"] == 2


def test_equal_payments_are_all_kept() -> None:
    payment = {"CertificateId": "1", "PmtPostedDate": "01/31/2024", "PaidAmount": "-5"}
    lines, rejects, _ = sort_out("raw_commissions_detail", payment, payment, payment | {"PaidAmount": "n/a"})
    assert lines["amount"].to_list() == [Decimal("-5.00")] * 2
    assert rejects.rows() == [("x.csv", 4, "raw_commissions_detail", "PaidAmount", "n/a", "not_a_number")]


def test_ragged_records_are_rejected_and_accounted() -> None:
    lines, rejects, accounting = sort_out("raw_fees", {"PRDNUM": "7"}, ragged=[(3, "7,DENT")])
    assert lines["group_key"].to_list() == ["7"]
    assert rejects.rows() == [("x.csv", 3, "raw_fees", "", "7,DENT", "ragged")]
    assert figures(accounting) == {"records_read": 2, "records_active": 1, "records_rejected ragged": 1}


def test_every_extract_is_accounted_for() -> None:
    assert [one.table for one in TYPED] == [records.table for records in EXTRACTS]


def test_a_record_that_went_missing_is_found() -> None:
    made = sort_out("raw_fees", {"PRDNUM": "7"})
    extract = pl.DataFrame([("x.csv", "raw_fees", 2, "")], schema=Extract.create_empty().schema, orient="row")
    found = unaccounted(extract, *made)
    assert found.rows() == [("raw_fees, records", 2, 1), ("raw_fees, records told", 2, 1)]


@pytest.mark.parametrize(("lost", "figure"), [(0, "lines told"), (1, "rejects told")])
def test_a_line_or_a_reject_that_was_counted_and_not_made_is_found(lost: int, figure: str) -> None:
    made = list(sort_out("raw_fees", {"PRDNUM": "7"}, {"PRDNUM": ""}))
    extract = pl.DataFrame([("x.csv", "raw_fees", 2, "")], schema=Extract.create_empty().schema, orient="row")
    made[lost] = made[lost].clear()
    found = unaccounted(extract, *made)
    assert [(name, found) for name, _, found in found.rows()] == [("raw_fees, records", 1), (f"raw_fees, {figure}", 1)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-05", dt.date(2024, 1, 5)),
        ("2024-01-05 00:00:00.000", dt.date(2024, 1, 5)),
        ("2024-01-05T00:00:00", dt.date(2024, 1, 5)),
        ("01/05/2024", dt.date(2024, 1, 5)),
        ("1/5/2024", dt.date(2024, 1, 5)),
        ("1/5/2024 12:00:00 AM", dt.date(2024, 1, 5)),
        ("9999-12-31", dt.date(9999, 12, 31)),
        ("13/05/2024", None),
        ("24-01-05", None),
        ("0999-01-05", None),
        ("01/05/0999", None),
        ("0000-01-05", None),
        ("2024-01-05 13:00", None),
        ("1/5/24", None),
        ("20240105", None),
    ],
)
def test_dates_are_iso_or_american_and_nothing_else(text: str, value: dt.date | None) -> None:
    frame = pl.DataFrame({"text": [text]}).select(
        value=read(pl.col("text"), "date", pl.Date()), why=reason(pl.col("text"), "date")
    )
    assert frame["value"].to_list() == [value]
    assert frame["why"].to_list() == ["not_a_date"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.005", "1.01"), ("-1.005", "-1.01"), ("2.675", "2.68"), ("1.004", "1.00"), (".5", "0.50"), ("+5", "5.00"),
        ("1e3", "1000.00"), ("33.333333333333336", "33.33"), ("9999999999999999.99", "9999999999999999.99"),
        ("0.00499999999999999999995", "0.00"), ("4.9999999999999999e-3", "0.00"), ("5e-3", "0.01"), ("-1e-400", "0.00"),
        ("10000000000000000", None), ("1,000", None), ("$5", None), ("NaN", None), ("inf", None), ("5%", None),
    ],
)  # fmt: skip
def test_decimals_are_exact_and_rounded_once_half_away_from_zero(text: str, value: str | None) -> None:
    found = pl.DataFrame({"text": [text]}).select(read(pl.col("text"), "decimal", pl.Decimal(18, 2))).item()
    assert found == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("text", "value", "why"),
    [
        ("1", 1, None), ("1.0", 1, None), ("+74.", 74, None), ("1e2", 100, None), ("-2.50e1", -25, None),
        ("1.5", None, "not_whole"), ("1.0000000000000000000000001", None, "not_whole"), ("1e-99999", None, "not_whole"),
        ("2147483648.0", None, "out_of_range"), ("1 0", None, "not_a_number"), ("", None, "missing"),
    ],
)  # fmt: skip
def test_whole_numbers_may_be_written_with_decimals_that_are_none(
    text: str, value: int | None, why: str | None
) -> None:
    frame = pl.DataFrame({"text": [text]}).select(
        value=read(pl.col("text"), "whole", pl.Int32()), why=reason(pl.col("text"), "whole")
    )
    assert frame["value"].item() == value
    assert value is not None or frame["why"].item() == why


def test_a_premium_of_no_group_that_can_be_is_posted_without_one_and_counted() -> None:
    posting = {"Policy": "1", "DatePost": "2024-01-05", "Amount": "5", "GroupNumber": "25 1"}
    lines, rejects, accounting = sort_out("raw_premiums", posting)
    assert rejects.is_empty()
    assert lines.select("group_key", "amount").rows() == [(None, Decimal("5.00"))]
    assert figures(accounting)["cells_nulled GroupNumber"] == 1


def test_a_rejected_posting_tells_its_certificate_unless_it_is_ragged_or_has_no_number() -> None:
    posting = {"Policy": "1", "DatePost": "2024-01-05", "Amount": "5"}
    bad = [{"DatePost": "2026-13-45", "Policy": " 2 "}, {"Amount": "?", "Policy": "3.0"}, {"Policy": "C4"}]
    made = records("raw_premiums", posting, *(posting | change for change in bad), ragged=[(6, "NLC,25,5")])
    assert made[1]["line"].to_list() == [3, 4, 5, 6]
    assert made[3].rows() == [(3, 2), (4, 3)]


@pytest.mark.parametrize(
    ("table", "row", "header"),
    [
        ("raw_premiums", {"Policy": "1", "DatePost": "2024-01-05", "Amount": "5"}, "StateIssued"),
        ("raw_licenses", {"PartyUniqueId": "P7"}, "StateCode"),
        ("raw_perf_groups", {"GroupNum": "7"}, "StateAbbreviation"),
        ("raw_schedule_rates", {"ScheduleName": "S1"}, "State"),
    ],
)
def test_a_state_is_read_alike_in_every_extract(table: str, row: dict[str, str], header: str) -> None:
    said = ["Texas", " tx", "TX", "", None, "Texass"]
    lines, rejects, accounting = sort_out(table, *(row | {header: one} for one in said))
    assert lines["state"].to_list()[:5] == ["TX", "TX", "TX", None, None]
    assert figures(accounting)[f"cells_recoded {header}"] == 2
    refused = table == "raw_schedule_rates"  # where a rate without a state is one of all states
    assert lines["state"].to_list()[5:] == ([] if refused else [None])
    assert figures(accounting).get(f"cells_nulled {header}", 0) == (0 if refused else 1)
    assert rejects.rows() == ([("x.csv", 7, table, header, "Texass", "not_a_state")] if refused else [])


# --- Certificates of which a record was rejected ----------------------------------------------------------------------

WRITTEN = "APL,,,LA0146,DENT,N/A,1001,2024-01-05,TX,A,12.34,74,33.33,,A,,,,,P10,P10,1,,P10"
SHIFTED = [
    (WRITTEN.rpartition(",")[0], [1001]),
    (WRITTEN + ",x", [None, 1001]),
    ('"Acme, ""the"" Inc",' + WRITTEN.partition(",")[2].removesuffix(",P10"), [1001]),
    ("APL,,,LA0146,DENT,N/A,1001,2024-01-05", [1001]),
    ("APL,,,LA0146,DENT,N/A,1001", [None]),
    ("APL,,,LA0146,DENT,7,2024-01-05,TX" + ",A" * 15, [None]),
    ("Acme, Inc," + WRITTEN.partition(",")[2], [None]),
    ("APL,,,LA0146,DENT,N/A,C1001,2024-01-05", [None]),
    (WRITTEN + WRITTEN, [None, 1001]),
    ("APL,,,LA0146,DENT,N/A,1001,2024-01-05,TX,A," + WRITTEN.replace("1001", "1002"), [None, 1001]),
]
"""Ragged records, and whose they are as far as that is plain."""


def test_a_rejected_record_tells_its_certificate_where_that_is_plain_and_else_that_it_does_not() -> None:
    bad = [CERTIFICATE | change for change in ({"CertSplitSeq": "x"}, {"CertificateId": "?"}, {"RecStatus": "H"})]
    odd = [(line, text) for line, (text, _) in enumerate(SHIFTED, start=5)]
    made = records("raw_certificate_info", *bad, ragged=odd)
    told = [(2, 1001), (3, None)] + [(line, one) for line, (_, of) in enumerate(SHIFTED, start=5) for one in of]
    assert made[3].rows() == told


@pytest.mark.parametrize("place", [0, 6, 7, 20])
def test_a_column_that_is_not_read_hides_no_certificate_of_a_ragged_record_and_leaves_it_unsure(
    tmp_path: Path, place: int
) -> None:
    table, headers = "raw_certificate_info", of("raw_certificate_info").headers
    cut = [WRITTEN.split(",")[:8]]
    file = [
        [*row[:place], *([extra] if place < len(row) else []), *row[place:]]
        for row, extra in ((list(headers), "Memo"), (cut[0], "4711"))
    ]
    (tmp_path / "c.csv").write_text("\n".join(map(",".join, file)) + "\n")
    read = Csvs(folder=tmp_path, layouts=(Layout(table, headers),), patterns={table: "c.csv"})
    raw, extract, odd = (one.frame.collect() for one in read.tables())
    made = typed_lines.certificate_lines(raw, extract, odd)
    assert made.certificate_rejects.select("raw", "reason").rows() == [(None, "ragged")]
    assert made.incomplete_certificates.rows() == [(2, None), (2, 1001)]


def test_splits_whose_percents_cannot_be_read_are_told_as_incomplete_and_no_line_is_made_of_them() -> None:
    bad = [CERTIFICATE | {"CertSplitSeq": seq, "CertSplitPercent": text} for seq, text in (("1", "4O"), ("2", "6O"))]
    blank = CERTIFICATE | {
        "CertificateId": "1002",
        "CertSplitPercent": " ",
        "SplitBrokerId": "",
        "PaidBrokerId": "NULL",
    }
    made = records("raw_certificate_info", *bad, blank)
    assert made[0].select("certificate", "split_percent", "broker", "paid_broker").rows() == [(1002, None, None, None)]
    assert made[3].rows() == [(2, 1001), (3, 1001)]
