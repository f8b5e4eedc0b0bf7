"""For headers that feed nothing, lines to paste are proposed that make them feed a free column."""

import re
import tomllib

import polars as pl
import pytest

from transforms.order_lists.columns import REQUIRED_COLUMNS
from transforms.order_lists.customers import profile_of, read_customers
from transforms.order_lists.header_mapping import loosely_mapped
from transforms.order_lists.header_proposals import Proposal, header_proposals, lines_to_paste

FILE = "NEW ONE ORDER LIST (M3).xlsx"
BEFORE = ("AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE", "UNIT OF MEASURE")
AFTER = ("TOTAL QTY", "PLANNED DELIVERY METHOD")


def frame(*headers: str | None) -> pl.DataFrame:
    return pl.DataFrame({"letter": [chr(ord("A") + i) for i in range(len(headers))], "header": headers})


def proposed(*headers: str | None) -> dict[str | None, Proposal]:
    return {entry.header: entry for entry in header_proposals(frame(*headers), FILE)}


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Date Ex Factory", "EX FACTORY DATE"),
        ("CUSTOMER COLOR DESCRIPTION", "CUSTOMER COLOUR DESCRIPTION"),
        ("Promo group / campaign (hot 30 / global edits)", "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)"),
    ],
)
def test_a_header_that_is_nearly_a_columns_is_proposed_for_it(header: str, column: str) -> None:
    entry = proposed(*BEFORE, *AFTER, header)[header]
    assert (entry.role, entry.column, entry.proposal) == ("unknown", None, column)
    assert 60 <= entry.confidence < 100


def test_headers_that_feed_a_column_are_shown_with_it_and_without_a_proposal() -> None:
    assert {(e.column, e.proposal) for e in proposed(*BEFORE, *AFTER).values()} == {
        (n, None) for n in (*BEFORE, *AFTER)
    }


def test_no_column_that_is_fed_is_proposed_and_none_twice() -> None:
    entries = proposed(*BEFORE, *AFTER, "NOTES", "NOTES 2", "EX FACTORY DAT", "EX-FACTORY-DATES")
    assert entries["NOTES 2"].proposal != "NOTES"
    assert [entries[h].proposal for h in ("EX FACTORY DAT", "EX-FACTORY-DATES")].count("EX FACTORY DATE") == 1


def test_a_sheet_that_lacks_a_required_column_is_looked_at_all_the_same() -> None:
    entries = proposed("AAG ORDER NO", "CUSTOMER NAME", "CUSTOMER STYLES", "UNITS OF MEASURE", "XL", "TOTAL QTY")
    assert entries["AAG ORDER NO"].proposal == "AAG ORDER NUMBER"
    assert entries["UNITS OF MEASURE"].proposal == "UNIT OF MEASURE"


def test_a_size_is_proposed_for_sizes_only() -> None:
    entries = proposed(*BEFORE, "XLARGE", *AFTER, "One Siz")
    assert entries["XLARGE"].role == "unknown_size"
    assert entries["One Siz"].proposal not in {"One Size", "ONE SIZE"}


@pytest.mark.parametrize("header", ["", "~", "@@", None])
def test_a_header_without_words_has_no_proposal(header: str | None) -> None:
    assert all(entry.proposal is None for entry in header_proposals(frame(*BEFORE, *AFTER, header), FILE))


def test_pasted_lines_make_the_headers_feed_the_columns_proposed() -> None:
    headers = frame("AAG ORDER NUMBERS", *BEFORE[1:3], 'Units of "measure"', "XL", *AFTER, "CUSTOMER COLOR DESCRIPTION")
    entries = header_proposals(headers, FILE)
    lines = lines_to_paste(FILE, entries)
    known = read_customers("\n".join(lines), "customers.toml")
    mapping = loosely_mapped(headers, profile_of(FILE, known))
    wanted = {entry.letter: entry.column or entry.proposal for entry in entries}
    assert dict(mapping.select("letter", "column").iter_rows()) == wanted
    assert {*REQUIRED_COLUMNS} <= {*wanted.values()}


def test_lines_for_a_listed_customer_keep_the_headers_that_it_has() -> None:
    file = "OCTSENSE ORDER LIST (M3).xlsx"
    lines = lines_to_paste(file, header_proposals(frame(*BEFORE, *AFTER, "CUSTOMER COLOR DESCRIPTION"), file))
    assert lines[0] == "# in the table of OCTSENSE, in place of its headers"
    found = tomllib.loads("\n".join(lines))["headers"]
    assert found["STYLE NO."] == "CUSTOMER STYLE"
    assert found["CUSTOMER COLOR DESCRIPTION"] == "CUSTOMER COLOUR DESCRIPTION"


@pytest.mark.parametrize("header", ["11/12Y", "12 - 13Y", "36/35", "99"])
def test_a_size_with_other_numbers_is_never_proposed(header: str) -> None:
    proposal = proposed(*BEFORE, header, *AFTER)[header].proposal
    assert re.findall(r"\d+", proposal or header) == re.findall(r"\d+", header)


def test_a_line_of_which_nobody_can_be_sure_is_pasted_as_a_comment() -> None:
    headers = frame("AAG ORDER NO", *BEFORE[1:], *AFTER, "CUSTOMER COLOR DESCRIPTION")
    lines = lines_to_paste(FILE, header_proposals(headers, FILE))
    (unsure,) = (line for line in lines if "AAG ORDER NO" in line)
    assert re.fullmatch(r'# headers\."AAG ORDER NO" = "AAG ORDER NUMBER"   # unsure, \d\d %', unsure)
    (customer,) = tomllib.loads("\n".join(lines))["customers"]
    assert customer["headers"] == {"CUSTOMER COLOR DESCRIPTION": "CUSTOMER COLOUR DESCRIPTION"}


def test_nothing_is_to_be_pasted_where_nothing_is_likely() -> None:
    assert lines_to_paste(FILE, header_proposals(frame(*BEFORE, *AFTER, "QQQ"), FILE)) == []
