"""Small drawn certificates, and all that the transforms make of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
from hypothesis import strategies as st

from benchmarks.commissions_source import HEADERS
from sources.csv_records import read_header, read_records
from tests.property.commissions_oracle import Entropy, Line, Rules
from tests.unit.commission_chain import extracts, run
from transforms.commissions.lines import Extract
from transforms.commissions.typed_lines import CertificateRecords, certificate_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


TABLE = "raw_certificate_info"
HEADER = HEADERS[TABLE]
BROKERS, SCHEDULES = (11, 12, 13, 14), ("S1", "S2", "WH01", None)
GROUPS = ("100", "100", "LA0059", "MS0059", "G100", "00000", None)
PRODUCTS, PLANS, STATES = ("DEN", "VIS"), ("*", "P1", "P2"), ("TX", "LA", None)
DAYS = tuple(dt.date(year, month, 1) for year in (2020, 2021) for month in (1, 4, 7))
SHARES = (
    ("100",),
    ("50", "50"),
    ("60", "40"),
    ("33.33", "33.33", "33.34"),
    ("33.33", "33.33", "33.33"),
    ("99.9999",),
    ("100", "0"),
)
FLAWS = ("repeated", "no_writer", "no_broker", "no_percent", "no_first", "two_brokers", "two_percents", "two_groups")

Config = list[tuple[Decimal, list[tuple[int, str | None]]]]


class Tables(NamedTuple):
    """All that is made of certificate lines."""

    brokers: pl.DataFrame
    employer_groups: pl.DataFrame
    products: pl.DataFrame
    schedules: pl.DataFrame
    cert_configs: pl.DataFrame
    config_lines: pl.DataFrame
    routed_proposal: pl.DataFrame
    routed_pha: pl.DataFrame
    group_conformance: pl.DataFrame
    proposals: pl.DataFrame
    proposal_products: pl.DataFrame
    proposal_key_mapping: pl.DataFrame
    proposal_members: pl.DataFrame
    differentiated_runs: pl.DataFrame
    premium_split_versions: pl.DataFrame
    premium_split_participants: pl.DataFrame
    hierarchies: pl.DataFrame
    hierarchy_versions: pl.DataFrame
    hierarchy_participants: pl.DataFrame
    state_rules: pl.DataFrame
    state_rule_states: pl.DataFrame
    hierarchy_splits: pl.DataFrame
    split_distributions: pl.DataFrame
    policies: pl.DataFrame
    policy_hierarchy_assignments: pl.DataFrame
    policy_hierarchy_participants: pl.DataFrame


def made(lines: Sequence[Line], incomplete: Iterable[int | None] = (), **settings: Any) -> Tables:  # noqa: ANN401
    """Run every step from lines to policies, and every check; none may find anything.

    Of the certificates that are ``incomplete`` a record was rejected.
    """
    frames = run(extracts((line._asdict() for line in lines), incomplete=incomplete), **settings)
    return Tables(**{name: frames[name] for name in Tables._fields})


def read(content: bytes) -> CertificateRecords:
    """Type the records of a certificate file."""
    frame, ragged = read_records(content, len(read_header(content)))
    raw = frame.rename(dict(zip(frame.columns[1:], HEADER, strict=True)))
    extract = pl.DataFrame(
        [("x.csv", TABLE, raw.height + ragged.height, "")], schema=Extract.create_empty().schema, orient="row"
    )
    return certificate_lines(raw, extract, ragged.with_columns(header=pl.lit(len(HEADER), pl.Int64)))


def said(records: CertificateRecords) -> dict[int, Line]:
    """The typed lines, as the oracle tells them."""
    rows = records.typed_certificates.select("line", *Line._fields).iter_rows()
    return {number: Line(*row) for number, *row in rows}


@st.composite
def split_sets(draw: st.DrawFn) -> Config:
    """Draw a configuration: the percents of its splits, and their brokers and schedules from level 1 up."""
    chain = st.lists(st.tuples(st.sampled_from(BROKERS), st.sampled_from(SCHEDULES)), min_size=1, max_size=3)
    return [(Decimal(share), draw(chain)) for share in draw(st.sampled_from(SHARES))]


@st.composite
def drawn_lines(draw: st.DrawFn, groups: Sequence[str | None] = GROUPS, first: int = 1) -> list[Line]:
    """Draw the rows of some certificates of a few configurations; about one in five has a flaw."""
    configs = draw(st.lists(split_sets(), min_size=1, max_size=3))
    count = draw(st.integers(1, 16))
    return [
        line
        for number in range(first, first + count)
        for line in draw(_rows_of_one(number, draw(st.sampled_from(configs)), groups))
    ]


def drawn_rules() -> st.SearchStrategy[Rules]:
    """Draw settings; the thresholds are such as small groups are above and below."""
    thresholds = st.builds(
        Entropy,
        unique_ratio=st.sampled_from((0.2, 0.5, 0.75, 1.0)),
        shannon=st.sampled_from((0.5, 1.0, 1.5, 5.0)),
        dominant_share=st.sampled_from((0.0, 0.5, 0.6)),
        cluster_size=st.integers(0, 4),
    )
    return st.builds(
        Rules,
        excluded_groups=st.sampled_from(((), ("G100",), ("GLA0059", "G00000"))),
        excluded_names=st.sampled_from(((), ("Group LA", "Group 9"))),
        entropy=st.none() | thresholds,
        bridge_gaps=st.booleans(),
        seq_sensitive=st.booleans(),
        collapse_single_state=st.booleans(),
        incomplete=st.frozensets(st.integers(1, 16), max_size=2),
    )


@st.composite
def _rows_of_one(draw: st.DrawFn, number: int, config: Config, groups: Sequence[str | None]) -> list[Line]:
    terms = {
        "group_key": draw(st.sampled_from(groups)),
        "product": draw(st.sampled_from(PRODUCTS)),
        "plan": draw(st.sampled_from(PLANS)),
        "effective_date": draw(st.sampled_from(DAYS)),
        "state": draw(st.sampled_from(STATES)),
    }
    start, splits = draw(st.sampled_from((1, 2, 74))), draw(st.permutations(config))
    rows = [
        Line(
            number,
            split_seq=start + at,
            level=level,
            split_percent=percent,
            broker=broker,
            schedule=schedule,
            writing_broker=chain[0][0],
            **terms,
        )
        for at, (percent, chain) in enumerate(splits)
        for level, (broker, schedule) in enumerate(chain, 1)
    ]
    return _flawed(rows, draw(st.sampled_from((None,) * 4 * len(FLAWS) + FLAWS)))


def _flawed(rows: list[Line], flaw: str | None) -> list[Line]:
    """Spoil the rows of the first split of a certificate."""
    first = [row for row in rows if row.split_seq == rows[0].split_seq]
    others = rows[len(first) :]
    return {
        None: rows,
        "repeated": [*rows, first[0]],
        "no_writer": [*(row._replace(writing_broker=None) for row in first), *others],
        "no_broker": [first[0]._replace(broker=None), *first[1:], *others],
        "no_percent": [*(row._replace(split_percent=None) for row in first), *others],
        "no_first": [*(row._replace(level=row.level + 1) for row in first), *others],
        "two_brokers": [*rows, first[0]._replace(broker=99)],
        "two_percents": [*rows, first[0]._replace(level=9, split_percent=Decimal(1))],
        "two_groups": [*rows, first[0]._replace(level=9, group_key=f"77{first[0].certificate // 1000}")],
    }[flaw]


# --- Files ------------------------------------------------------------------------------------------------------------

NAMES = {
    "GroupId": "group_key",
    "Product": "product",
    "PlanCode": "plan",
    "CertificateId": "certificate",
    "CertEffectiveDate": "effective_date",
    "CertIssuedState": "state",
    "CertSplitSeq": "split_seq",
    "CertSplitPercent": "split_percent",
    "CommissionsSchedule": "schedule",
    "WritingBrokerID": "writing_broker",
    "SplitBrokerId": "broker",
    "SplitBrokerSeq": "level",
}
SPOILED = {
    "GroupId": "1 0",
    "Product": "",
    "CertEffectiveDate": "soon",
    "CertSplitSeq": "x",
    "CertSplitPercent": "4O",
    "SplitBrokerId": "P1O",
    "SplitBrokerSeq": "1.5",
    "PaidBrokerId": "P12O",
}
HIDDEN = {"CertificateId": "?"}


class Spoiled(NamedTuple):
    """A file of which some records cannot be read, and the certificates of those that still tell theirs."""

    text: str
    certificates: set[int]


@st.composite
def spoiled_files(draw: st.DrawFn) -> Spoiled:
    """Draw the file of some certificates; about one record in ten has a bad value, or lacks its last cells."""
    text, certificates = io.StringIO(), set[int]()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for line in draw(drawn_lines()):
        bad = draw(st.sampled_from([None] * 72 + [*SPOILED, *HIDDEN, -1, 8]))
        if bad in SPOILED or isinstance(bad, int):
            certificates.add(line.certificate)
        writer.writerow(_written(line, bad))
    return Spoiled(text.getvalue(), certificates)


def _written(line: Line, bad: str | int | None) -> list[object]:
    cells = {"RecStatus": "A", "CertStatus": "A"} | {name: getattr(line, said) for name, said in NAMES.items()}
    if isinstance(bad, str):
        cells |= {bad: (SPOILED | HIDDEN)[bad]}
    return [cells.get(name) for name in HEADER][: bad if isinstance(bad, int) else None]
