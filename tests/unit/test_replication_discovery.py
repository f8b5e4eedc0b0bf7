"""The rules of discovery, on the 446 tables of the clinic and on single tables made for one rule."""

import random
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from pipelines.replication.catalogue import Catalogue, Entry
from pipelines.replication.discovery import carriers_of, discover
from sources.mysql.catalogue import SourceColumn, SourceTable
from tests.clinic_catalogue import clinic


@cache
def found() -> Catalogue:
    return discover("practice", list(clinic().values()))


def tier(name: str) -> set[str]:
    return {table for table, entry in found().tables.items() if entry.tier == name}


# The clinic


def test_the_446_tables_of_the_clinic_fall_into_these_tiers_and_strategies() -> None:
    entries = found().tables.values()
    assert Counter(entry.tier for entry in entries) == {
        "critical": 12,
        "important": 17,
        "audit": 20,
        "reference": 62,
        "standard": 335,
    }
    assert Counter(entry.strategy for entry in entries) == {"full": 377, "incremental": 30, "append": 20, "compare": 19}


def test_what_a_clinic_lives_by_is_critical() -> None:
    money = {"payment", "paysplit", "adjustment", "claimpayment", "statement"}
    assert tier("critical") == money | {
        "patient", "claim", "claimproc", "procedurelog", "appointment", "document", "insplan"
    }  # fmt: skip


def test_logs_and_histories_are_audit_and_tables_that_others_refer_to_are_not_even_if_named_so() -> None:
    assert tier("audit") >= {
        "securitylog", "securityloghash", "histappointment", "entrylog", "inseditlog", "taskhist", "insverifyhist"
    }  # fmt: skip
    assert not tier("audit") & {"procedurelog", "commlog", "loginattempt", "claimtracking"}


def test_tables_to_look_things_up_in_are_reference() -> None:
    assert tier("reference") >= {"definition", "userod", "feesched", "zipcode", "sheetdef", "employee", "diseasedef"}


def test_no_table_under_100_rows_is_critical_whatever_its_score() -> None:
    assert all(found().tables[name].rows >= 100 for name in tier("critical"))
    provider = found().tables["provider"]
    assert provider.tier == "important"
    assert "score 7" in provider.tier_reason
    assert "under 100 rows not critical" in provider.tier_reason


def test_219_tables_without_rows_are_standard_or_audit() -> None:
    empty = [entry for entry in found().tables.values() if not entry.rows]
    assert len(empty) == 219
    assert {entry.tier for entry in empty} == {"standard", "audit"}


def test_every_reason_names_a_fact_with_its_figure() -> None:
    for name, entry in found().tables.items():
        assert re.search(r"\d", entry.tier_reason), name
        assert f"{entry.rows:,} row" in entry.tier_reason or entry.rows < 1_000, name
        stamp = entry.incremental_column
        assert re.search(rf"\d|{stamp}" if stamp else r"\d", entry.strategy_reason), name


def test_the_reasons_of_the_patient_are_its_figures() -> None:
    patient = found().tables["patient"]
    assert patient.tier_reason == (
        "score 10 (4 for 113 other tables with PatNum, 3 for 8 columns with money, 2 for 32,930 rows, "
        "1 for changes stamped in DateTStamp): from 7 critical"
    )
    assert patient.strategy_reason == "the server stamps every change in DateTStamp, which no index leads"
    assert patient.money[:2] == ("EstBalance", "Bal_0_30")


def test_only_what_the_server_stamps_is_incremental_and_every_audit_table_appends() -> None:
    source = clinic()
    for name, entry in found().tables.items():
        if entry.strategy == "incremental":
            stamp = next(c for c in source[name].columns if c.name == entry.incremental_column)
            assert "ON UPDATE" in stamp.extra
        assert (entry.strategy == "append") == (entry.tier == "audit"), name
        assert entry.key or entry.strategy == "full", name


def test_the_ten_tables_without_a_key_are_read_whole_whatever_their_size() -> None:
    keyless = {name: entry for name, entry in found().tables.items() if not entry.key}
    assert len(keyless) == 10
    assert {entry.strategy for entry in keyless.values()} == {"full"}
    assert keyless["tempimageconv2"].strategy_reason == "no unique key: its 40.20 MB are read whole"


def test_the_order_in_which_the_server_lists_tables_decides_nothing() -> None:
    shuffled = list(clinic().values())
    random.Random(7).shuffle(shuffled)  # noqa: S311
    assert discover("practice", shuffled) == found()


# Single rules


def column(name: str, data_type: str = "bigint", **facts: Any) -> SourceColumn:  # noqa: ANN401 (whatever it takes)
    return SourceColumn(name, data_type, facts.pop("declared", data_type), facts.pop("nullable", False), **facts)


NUMBER = column("ThingNum", extra="auto_increment")
STAMP = column("Changed", "timestamp", default="current_timestamp()", extra="on update current_timestamp()")


def thing(*columns: SourceColumn, **facts: Any) -> SourceTable:  # noqa: ANN401 (the same)
    stated = {"name": "thing", "rows": 50_000, "data_bytes": 5_000_000, "key": ("ThingNum",)} | facts
    return SourceTable(columns=(NUMBER, *columns), **stated)


def decided(table: SourceTable, *others: SourceTable) -> Entry:
    return discover("shop", [table, *others]).tables[table.name]


@pytest.mark.parametrize(
    "columns",
    [
        (replace(STAMP, extra=""),),
        (replace(STAMP, default="'0001-01-01 00:00:00'"),),
        (replace(STAMP, nullable=True),),
        (column("DateModified", "datetime"),),
    ],
    ids=["not set on change", "not set when made", "may be null", "only named so"],
)
def test_a_stamp_that_the_server_does_not_always_set_is_none(columns: tuple[SourceColumn, ...]) -> None:
    assert decided(thing(*columns)).strategy == "compare"


@pytest.mark.parametrize("spelt", ["on update current_timestamp()", "DEFAULT_GENERATED on update CURRENT_TIMESTAMP(6)"])
def test_both_servers_spellings_of_a_stamp_are_known(spelt: str) -> None:
    stamp = replace(STAMP, default="CURRENT_TIMESTAMP(6)", extra=spelt)
    assert decided(thing(stamp)).incremental_column == "Changed"


def test_of_two_stamps_the_indexed_one_is_taken() -> None:
    table = thing(replace(STAMP, name="First"), STAMP, keys={"PRIMARY": ("ThingNum",), "i": ("Changed", "ThingNum")})
    assert decided(table).incremental_column == "Changed"
    assert decided(table).strategy_reason == "the server stamps every change in Changed, which an index leads"


def test_a_key_that_is_no_whole_number_cannot_be_compared_by_ranges() -> None:
    table = thing(column("Code", "varchar"), key=("Code", "ThingNum"))
    assert decided(table).strategy == "full"
    assert "Code, ThingNum does not begin with a whole number" in decided(table).strategy_reason


def test_under_a_megabyte_a_table_is_read_whole_even_with_a_stamp() -> None:
    assert decided(thing(STAMP, data_bytes=994_000)).strategy == "full"
    assert decided(thing(STAMP, data_bytes=994_000, index_bytes=6_000)).strategy == "incremental"


def test_numbers_that_are_gone_tell_of_churn_where_they_are_most() -> None:
    assert "; 50,001 of 100,001 numbers are gone" in decided(thing(STAMP, auto_increment=100_002)).strategy_reason
    assert "gone" not in decided(thing(STAMP, auto_increment=100_001)).strategy_reason


@pytest.mark.parametrize("name", ["auditlog", "HistThing", "thing_history", "thinglogs", "audit_thing"])
def test_a_log_or_history_whose_key_counts_up_is_audit(name: str) -> None:
    entry = decided(thing(name=name))
    assert (entry.tier, entry.strategy, entry.incremental_column) == ("audit", "append", "ThingNum")


@pytest.mark.parametrize("name", ["catalog", "dialog", "login", "logo", "chistle"])
def test_a_name_with_such_letters_in_it_is_no_log(name: str) -> None:
    assert decided(thing(name=name)).tier == "standard"


def test_a_log_without_a_key_that_counts_up_is_not_audit() -> None:
    log = thing(name="thinglog")
    assert decided(replace(log, columns=(replace(NUMBER, extra=""),))).tier == "standard"
    assert decided(replace(log, key=())).tier == "standard"


def test_a_log_to_which_others_refer_is_audit_only_if_these_are_logs() -> None:
    log = thing(name="thinglog")
    other = thing(name="other", key=("OtherNum",))
    assert decided(log, replace(other, name="thingloghash")).tier == "audit"
    assert decided(log, other).tier == "standard"


def refer(name: str, *columns: SourceColumn, **facts: Any) -> SourceTable:  # noqa: ANN401 (the same)
    return SourceTable(name, columns=columns, **{"key": (columns[0].name,), **facts})


def test_a_table_that_counts_the_same_key_up_itself_refers_to_nobody() -> None:
    own = refer("other", NUMBER)
    beside = refer("note", replace(NUMBER, extra=""))
    by_name = refer("child", column("ChildNum"), column("thingnum"))
    assert carriers_of([thing(), own, beside, by_name])["thing"] == ("child", "note")
    assert carriers_of([thing(), own, beside, by_name])["other"] == ()


def test_a_key_that_most_tables_name_alike_says_nothing_of_references() -> None:
    tables = [refer(f"t{n}", column("id"), rows=n) for n in range(9)]
    assert not any(carriers_of(tables).values())
    assert carriers_of(tables[:8])["t7"] == tuple(f"t{n}" for n in range(7))


@pytest.mark.parametrize(
    ("name", "data_type", "scale", "is_money"),
    [
        ("PayAmt", "double", None, True),
        ("pay_amt", "decimal", 2, True),
        ("WriteOff", "double", None, True),
        ("BalOver90", "double", None, True),
        ("InsEstTotal", "double", None, True),
        ("PayAmt", "decimal", 0, False),
        ("PayNum", "bigint", None, False),
        ("AdministeredAmt", "float", None, False),
        ("Weight", "double", None, False),
        ("FullTimeEquiv", "double", None, False),
    ],
)
def test_money_is_told_by_type_and_name(name: str, data_type: str, scale: int | None, *, is_money: bool) -> None:
    entry = decided(thing(column(name, data_type, scale=scale)))
    assert entry.money == ((name,) if is_money else ())


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"row_bytes": 100}, 262_144),
        ({"row_bytes": 120}, 262_144),
        ({"row_bytes": 123}, 131_072),
        ({"row_bytes": 0, "rows": 0, "data_bytes": 0}, 1_048_576),
        ({"row_bytes": 1_000_000}, 1_024),
        ({"row_bytes": 100_000_000}, 1_024),
        ({"row_bytes": 0, "rows": 1_000, "data_bytes": 1_000_000}, 16_384),
    ],
)
def test_a_batch_is_about_32_megabytes(facts: dict[str, int], expected: int) -> None:
    assert decided(thing(**facts)).batch_rows == expected


def test_columns_are_kept_as_they_are_declared_in_the_sources_order() -> None:
    table = thing(column("b", declared="bigint(20) unsigned"), column("a", "text", nullable=True))
    assert list(decided(table).columns.items()) == [
        ("ThingNum", "bigint not null"),
        ("b", "bigint(20) unsigned not null"),
        ("a", "text"),
    ]
