"""The clinic's invented rows have the shape and the dirt of the original."""

from functools import cache

import polars as pl
import pytest

from benchmarks.clinic_schema import HEADLINE, tables
from benchmarks.clinic_values import ALL_DIRT, Dirt, frame, keys

YEAR_1 = pl.date(1, 1, 1)


def test_the_catalogue_has_all_tables_and_columns() -> None:
    found = tables().values()
    assert (len(found), sum(len(table.columns) for table in found)) == (446, 4735)
    assert sum(table.rows == 0 for table in found) == 219
    assert sum(table.primary is None for table in found) == 10


def test_a_tenth_of_the_five_large_tables_is_802_787_rows() -> None:
    rows = {name: tables()[name].scaled(0.1) for name in HEADLINE}
    assert rows == {
        "securitylog": 369_544,
        "paysplit": 143_078,
        "procedurelog": 74_534,
        "histappointment": 57_101,
        "sheetfield": 158_530,
    }
    assert sum(rows.values()) == 802_787


def test_every_table_with_rows_keeps_at_least_one() -> None:
    assert all(bool(table.scaled(0.0001)) == bool(table.rows) for table in tables().values())


def test_the_same_seed_makes_the_same_rows_and_another_seed_others() -> None:
    table = tables()["paysplit"]
    assert frame(table, 0.001, dirt=ALL_DIRT).equals(frame(table, 0.001, dirt=ALL_DIRT))
    assert not frame(table, 0.001).equals(frame(table, 0.001, seed=2))


@cache
def many(table: str) -> pl.DataFrame:
    return frame(tables()[table], 0.2)


@pytest.mark.parametrize(
    ("table", "found", "share"),
    [
        ("paysplit", pl.col("ProcDate") == YEAR_1, 85_654 / 1_430_787),
        ("paysplit", pl.col("SplitAmt").abs() > 50_000, 0.0005 * 0.65),
        ("paysplit", (pl.col("SplitAmt") == 0) & (1 / pl.col("SplitAmt") < 0), 0.002),
        ("commlog", pl.col("DateTEntry").dt.date() == YEAR_1, 0.905),
        ("commlog", pl.col("UserNum") == 0, 0.432),
        ("commlog", pl.col("Mode_") == 4, 0.373),
        ("procedurelog", pl.col("ProcStatus") == 2, 0.556),
        ("insplan", pl.col("PlanType") == "", 0.9968 * 0.7),
        ("patient", pl.col("SecUserNumEntry") == 0, 0.87),
        ("claimproc", pl.col("CopayAmt") == -1, 0.6),
        ("sheetfield", pl.col("FieldValue").is_null(), 0.3),
        ("sheetfield", pl.col("UiLabelMobile").str.contains("😀"), 0.004 * 0.6 / 9),
        ("procedurelog", pl.col("DateTStamp") == pl.col("DateTStamp").shift(), 0.2),
    ],
)
def test_dirt_has_the_proportions_of_the_original(table: str, found: pl.Expr, share: float) -> None:
    rows = many(table)
    assert rows.select(found.sum()).item() / rows.height == pytest.approx(share, rel=0.15, abs=0.0002)


def test_keys_have_gaps_and_some_links_lead_nowhere() -> None:
    patients = keys(tables()["patient"], 0.1, 1)
    assert 1.2 < patients[-1] / len(patients) < 2
    linked = frame(tables()["paysplit"], 0.1).filter(pl.col("PatNum") != 0)["PatNum"]
    assert 0.003 < (~linked.is_in(patients.tolist())).mean() < 0.005


@pytest.mark.parametrize(("dirt", "there"), [(Dirt(), False), (ALL_DIRT, True)])
def test_values_that_postgresql_refuses_are_there_only_if_asked_for(dirt: Dirt, *, there: bool) -> None:
    rows = frame(tables()["procedurelog"], 0.05, dirt=dirt)
    texts = rows.select(pl.all().cast(pl.String))
    for sign in ("0000-00-00", "2011-00-15", "838:59:59", "\x00"):
        assert texts.select(pl.any_horizontal(pl.all().str.contains(sign, literal=True).any())).item() is there
