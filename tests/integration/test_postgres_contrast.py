"""Production beside another schema: each class of difference is found as what it is, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.sql import SQL
from pydantic import SecretStr
from test_postgres_servers import Target, newest, published, target

from firn import LoadError, StateError
from loaders import cells, contrast
from loaders.contrast import Contrast, Unlike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loaders.contrast import Contrasts

__all__ = ["newest", "target"]

PATIENT = """
CREATE TABLE {0}.patient (
    "PatNum" bigint PRIMARY KEY, "LName" text, "Fee" numeric(10,2), "Weight" double precision, "Born" date,
    "Seen" timestamp, "Stamped" timestamptz, "Gap" interval, "Photo" bytea, "Active" boolean,
    "Code" character(4), "Notes" json
);
INSERT INTO {0}.patient SELECT g, 'name ' || g, g * 1.25, g / 7.0, date '1950-01-01' + g::int,
    timestamp '2024-01-01 08:00:00.25' + g * interval '1 hour',
    timestamptz '2024-01-01 08:00:00.25+02' + g * interval '1 day',
    g * interval '1 minute', sha256(g::text::bytea), g % 2 = 0, 'ab', '{{"a": 1}}'
FROM generate_series(1, 20) g
"""


@pytest.fixture
def beside(newest: Target) -> Target:
    """A production and a legacy schema with one table of many types, equal in both."""
    newest.query("CREATE SCHEMA shop; CREATE SCHEMA legacy")
    for schema in ("shop", "legacy"):
        newest.query(PATIENT.format(schema))
    return newest


def contrasted(target: Target, tables: Sequence[str] | None = ("patient",), sample: int = 10) -> Contrasts:
    with target.settings.open() as loader:
        return loader.contrast("shop", "legacy", tables, sample)


def patient(target: Target) -> Contrast:
    return contrasted(target).tables["patient"]


def values(found: Contrast) -> Mapping[str, Mapping[str, int]]:
    return {column.name: dict(column.values) for column in found.columns}


def test_equal_tables_differ_in_nothing(beside: Target) -> None:
    found = patient(beside)

    assert found == Contrast("patient", "patient", 20, 20, ("PatNum",))
    assert found.kinds == set()


# What is done to production, the column, the class, and both values as they are shown, the legacy one first.
PLANTED = {
    "text": ("\"LName\" = 'other'", "LName", "changed", "name 3", "other"),
    "trailing blank": ("\"LName\" = 'name 3 '", "LName", "changed", "name 3", "name 3 "),
    "case": ("\"LName\" = 'Name 3'", "LName", "changed", "name 3", "Name 3"),
    "null": ('"LName" = NULL', "LName", "value_to_null", "name 3", None),
    "numeric": ('"Fee" = 3.76', "Fee", "changed", "3.75", "3.76"),
    "float": ('"Weight" = 0.4286', "Weight", "changed", "0.42857142857142855", "0.4286"),
    "rounded float": ('"Weight" = 0.4285714', "Weight", "rounding", "0.42857142857142855", "0.4285714"),
    "NaN": ("\"Weight\" = 'NaN'", "Weight", "changed", "0.42857142857142855", "NaN"),
    "date": ('"Born" = "Born" + 1', "Born", "changed", "1950-01-04", "1950-01-05"),
    "timestamp": (
        '"Seen" = "Seen" + interval \'1 s\'',
        "Seen",
        "changed",
        "2024-01-01 11:00:00.25",
        "2024-01-01 11:00:01.25",
    ),
    "second": (
        '"Seen" = date_trunc(\'second\', "Seen")',
        "Seen",
        "rounding",
        "2024-01-01 11:00:00.25",
        "2024-01-01 11:00:00",
    ),
    "moment": (
        '"Stamped" = date_trunc(\'second\', "Stamped")',
        "Stamped",
        "rounding",
        "2024-01-04 06:00:00.25+00",
        "2024-01-04 06:00:00+00",
    ),
    "interval": ("\"Gap\" = '4 min'", "Gap", "changed", "00:03:00", "00:04:00"),
    "boolean": ('"Active" = true', "Active", "changed", "false", "true"),
    "character": ("\"Code\" = 'abc'", "Code", "changed", "ab", "abc"),
    "document": ('"Notes" = \'{"a":1}\'', "Notes", "changed", '{"a": 1}', '{"a":1}'),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_value_that_differs_is_found_in_its_class_and_nothing_else_is(beside: Target, what: str) -> None:
    done, column, kind, old, new = PLANTED[what]
    beside.query(f'UPDATE shop.patient SET {done} WHERE "PatNum" = 3')  # noqa: S608 (the test's own text)

    found = patient(beside)

    assert (found.missing, found.extra, found.changed) == (0, 0, 1)
    assert values(found) == {column: {kind: 1}}
    assert found.columns[0].samples == {kind: [Unlike("PatNum=3", old, new)]}
    assert found.kinds == {kind}


def test_bytes_that_differ_are_shown_as_hexadecimal_digits(beside: Target) -> None:
    beside.query('UPDATE shop.patient SET "Photo" = \'\\x00ff\' WHERE "PatNum" = 3')

    (column,) = patient(beside).columns

    assert column.values == {"changed": 1}
    assert column.samples["changed"][0].new == "\\x00ff"


# Legacy's value, production's, and the class.
BLANKS = {
    "value to null": ("'a'", "NULL", "value_to_null"),
    "null to value": ("NULL", "'a'", "null_to_value"),
    "empty to null": ("''", "NULL", "empty_to_null"),
    "null to empty": ("NULL", "''", "null_to_empty"),
    "empty to value": ("''", "'a'", "changed"),
}


@pytest.mark.parametrize("what", BLANKS)
def test_null_and_the_empty_text_are_told_apart_in_both_directions(beside: Target, what: str) -> None:
    old, new, kind = BLANKS[what]
    for schema, value in (("legacy", old), ("shop", new)):
        beside.query(f'UPDATE {schema}.patient SET "LName" = {value} WHERE "PatNum" = 3')  # noqa: S608 (as above)

    assert values(patient(beside)) == {"LName": {kind: 1}}


@pytest.mark.parametrize(
    ("shown", "kind"), [("10:00:00", "rounding"), ("10:00:01", "rounding"), ("10:00:02", "changed")]
)
def test_a_second_may_have_been_cut_or_rounded(beside: Target, shown: str, kind: str) -> None:
    for schema, time in (("legacy", "10:00:00.75"), ("shop", shown)):
        beside.query(f'UPDATE {schema}.patient SET "Seen" = %s WHERE "PatNum" = 3', f"2024-01-01 {time}")  # noqa: S608

    assert values(patient(beside)) == {"Seen": {kind: 1}}


def test_rows_that_one_side_alone_has_are_named_by_their_keys(beside: Target) -> None:
    beside.query('DELETE FROM shop.patient WHERE "PatNum" = 5; DELETE FROM legacy.patient WHERE "PatNum" IN (7, 9)')

    found = patient(beside)

    assert (found.missing, found.extra, found.changed) == (1, 2, 0)
    assert found.samples == {"missing": [Unlike("PatNum=5")], "extra": [Unlike("PatNum=7"), Unlike("PatNum=9")]}
    assert (found.rows, found.rows_there) == (19, 18)
    assert not found.columns


# What legacy's column becomes, how many values then differ, and how.
TYPES = {
    "numeric of a finer scale": ('"Fee" TYPE numeric(12,4)', {}),
    "float": ('"Fee" TYPE double precision', {}),
    "text for a numeric": ('"Fee" TYPE text', {}),
    "numeric of a coarser scale": ('"Fee" TYPE numeric(10,1)', {"rounding": 10}),
    "whole number for a numeric": ('"Fee" TYPE integer', {"rounding": 15}),
    "number for a boolean": ('"Active" TYPE smallint USING "Active"::integer', {}),
    "timestamp for a date": ('"Born" TYPE timestamp', {}),
    "timestamp without a fraction": ('"Seen" TYPE timestamp(0)', {"rounding": 20}),
    "timestamp for a moment": ('"Stamped" TYPE timestamp', {}),
    "varchar for text": ('"LName" TYPE varchar(255)', {}),
    "text for a boolean": ('"Active" TYPE text', {}),
    "text for a date": ('"Born" TYPE text USING to_char("Born", \'MM/DD/YYYY\')', {"changed": 20}),
}


@pytest.mark.parametrize("what", TYPES)
def test_values_of_another_type_are_compared_by_what_they_say(beside: Target, what: str) -> None:
    change, expected = TYPES[what]
    beside.query(f"ALTER TABLE legacy.patient ALTER {change}")

    (column,) = patient(beside).columns

    assert column.values == expected
    assert column.type != column.type_there
    assert column.kinds == {"type", *expected}


def test_a_key_of_another_type_still_matches(beside: Target) -> None:
    beside.query(
        'ALTER TABLE legacy.patient ALTER "PatNum" TYPE text; UPDATE shop.patient SET "Fee" = 0 WHERE "PatNum" = 3'
    )

    found = patient(beside)

    assert (found.missing, found.extra, found.changed) == (0, 0, 1)
    assert values(found) == {"PatNum": {}, "Fee": {"changed": 1}}


def test_a_column_at_another_position_is_told_and_is_no_difference(beside: Target) -> None:
    beside.query('ALTER TABLE legacy.patient ADD copy text; UPDATE legacy.patient SET copy = "LName"')
    beside.query('ALTER TABLE legacy.patient DROP "LName"; ALTER TABLE legacy.patient RENAME copy TO "LName"')

    found = patient(beside)

    assert "LName" in [column.name for column in found.columns if column.moved]
    assert found.kinds == set()


def test_columns_that_one_side_alone_has_are_named(beside: Target) -> None:
    beside.query('ALTER TABLE legacy.patient ADD loaded_at timestamp; ALTER TABLE shop.patient ADD "Email" text')

    found = patient(beside)

    assert [(column.name, column.here, column.there) for column in found.columns] == [
        ("Email", "Email", ""),
        ("loaded_at", "", "loaded_at"),
    ]
    assert found.kinds == {"columns"}


def test_names_that_differ_only_in_case_stand_for_each_other_and_are_told(beside: Target) -> None:
    beside.query(
        'ALTER TABLE legacy.patient RENAME "LName" TO lname; ALTER TABLE legacy.patient RENAME "PatNum" TO patnum'
    )
    beside.query('ALTER TABLE legacy.patient RENAME TO "Patient"')

    found = patient(beside)

    assert (found.here, found.there) == ("patient", "Patient")
    assert [(column.here, column.there) for column in found.columns] == [("PatNum", "patnum"), ("LName", "lname")]
    assert found.kinds == set()


def test_an_exact_name_goes_before_one_that_differs_in_case(beside: Target) -> None:
    beside.query("ALTER TABLE legacy.patient ADD \"LNAME\" text DEFAULT 'wrong'")

    assert [(column.name, column.here) for column in patient(beside).columns] == [("LNAME", "")]


def test_a_table_that_one_side_alone_has_is_named(beside: Target) -> None:
    beside.query("CREATE TABLE legacy.recall (id int)")
    published(beside.settings, 1)

    found = contrasted(beside, None).tables

    assert {name: (one.here, one.there) for name, one in found.items()} == {
        "lines": ("lines", ""),
        "notes": ("notes", ""),
        "orders": ("orders", ""),
        "patient": ("", "patient"),
        "recall": ("", "recall"),
    }
    assert all(one.kinds == {"tables"} for one in found.values())


def test_rows_of_a_table_without_a_key_are_compared_by_all_that_they_hold(beside: Target) -> None:
    beside.query("CREATE TABLE shop.visit (who int, what text); CREATE TABLE legacy.visit (what text, who int)")
    beside.query("INSERT INTO shop.visit VALUES (1, 'a'), (1, 'a'), (2, NULL), (3, 'c')")
    beside.query("INSERT INTO legacy.visit VALUES ('a', 1), ('', 2), ('c', 3), ('c', 3)")

    found = contrasted(beside, ["visit"]).tables["visit"]

    assert found.matched_by == ()
    assert (found.missing, found.extra, found.changed) == (2, 2, 0)
    assert found.samples["extra"] == [Unlike("(1,a)"), Unlike("(2,)")]
    assert found.samples["missing"] == [Unlike('(2,"")'), Unlike("(3,c)")]


# One of each class in the copy, and what of it is found; nothing else is.
ONE_OF_EACH = """
DELETE FROM legacy.patient WHERE "PatNum" = 1;
INSERT INTO legacy.patient ("PatNum") VALUES (99);
UPDATE legacy.patient SET "LName" = 'legacy' WHERE "PatNum" = 2;
UPDATE legacy.patient SET "Weight" = "Weight" + 1e-9 WHERE "PatNum" = 3;
UPDATE shop.patient SET "LName" = NULL WHERE "PatNum" = 4;
UPDATE legacy.patient SET "LName" = NULL WHERE "PatNum" = 5;
UPDATE shop.patient SET "LName" = NULL WHERE "PatNum" = 6;
UPDATE legacy.patient SET "LName" = '' WHERE "PatNum" = 6;
UPDATE shop.patient SET "LName" = '' WHERE "PatNum" = 7;
UPDATE legacy.patient SET "LName" = NULL WHERE "PatNum" = 7;
ALTER TABLE legacy.patient ADD moved bytea;
UPDATE legacy.patient SET moved = "Photo";
ALTER TABLE legacy.patient DROP "Photo";
ALTER TABLE legacy.patient RENAME moved TO "Photo";
ALTER TABLE legacy.patient ALTER "Active" TYPE integer USING "Active"::integer;
ALTER TABLE legacy.patient ADD loaded_at timestamp;
ALTER TABLE shop.patient ADD "Email" text;
CREATE TABLE legacy.recall (id int)
"""


def test_one_of_each_class_is_found_as_what_it_is_and_nothing_else_is(target: Target) -> None:
    target.query("CREATE SCHEMA shop; CREATE SCHEMA legacy")
    for schema in ("shop", "legacy"):
        target.query(PATIENT.format(schema))
    target.query(ONE_OF_EACH)

    found = contrasted(target, ["patient", "recall"]).tables
    one = found["patient"]

    assert found["recall"].kinds == {"tables"}
    assert (one.missing, one.extra, one.changed) == (1, 1, 6)
    assert one.samples == {"missing": [Unlike("PatNum=99")], "extra": [Unlike("PatNum=1")]}
    assert values(one) == {
        "LName": {"changed": 1, "empty_to_null": 1, "null_to_empty": 1, "null_to_value": 1, "value_to_null": 1},
        "Weight": {"rounding": 1},
        "Photo": {},
        "Active": {},
        "Code": {},
        "Notes": {},
        "Email": {},
        "loaded_at": {},
    }
    assert {column.name for column in one.columns if column.moved} == {"Photo", "Active", "Code", "Notes"}
    assert {column.name for column in one.columns if "type" in column.kinds} == {"Active"}
    assert {column.name for column in one.columns if "columns" in column.kinds} == {"Email", "loaded_at"}


def test_a_view_can_stand_for_a_table(beside: Target) -> None:
    beside.query("ALTER TABLE legacy.patient RENAME TO kept; CREATE VIEW legacy.patient AS SELECT * FROM legacy.kept")

    found = patient(beside)

    assert (found.rows_there, found.kinds) == (20, set())


def test_names_that_try_to_be_more_than_names_are_only_names(newest: Target) -> None:
    newest.query("CREATE SCHEMA shop; CREATE SCHEMA legacy")
    for schema in ("shop", "legacy"):
        columns = '"k""ey" int PRIMARY KEY, c0 text, present text, "{most}" text'
        newest.query(f"""CREATE TABLE {schema}."o'{{x}} %s" ({columns})""")
        newest.query(f"""INSERT INTO {schema}."o'{{x}} %s" VALUES (1, 'a', '%s {{0}}', 'c')""")  # noqa: S608 (as above)
    newest.query("""UPDATE shop."o'{x} %s" SET "{most}" = '{most} %s'""")

    found = contrasted(newest, ["o'{x} %s"]).tables["o'{x} %s"]

    assert values(found) == {"{most}": {"changed": 1}}
    assert found.columns[0].samples["changed"] == [Unlike('k"ey=1', "c", "{most} %s")]


def test_a_role_that_sees_only_some_rows_is_refused_instead_of_comparing_those(beside: Target) -> None:
    beside.query("ALTER TABLE legacy.patient ENABLE ROW LEVEL SECURITY; CREATE ROLE modest")
    beside.query("GRANT USAGE ON SCHEMA shop, legacy TO modest; GRANT SELECT ON shop.patient, legacy.patient TO modest")
    modest = SecretStr(psycopg.conninfo.make_conninfo(beside.dsn, options="-c role=modest"))
    try:
        with beside.with_settings(dsn=modest).open() as loader, pytest.raises(LoadError, match="row-level security"):
            loader.contrast("shop", "legacy", ["patient"])
    finally:
        beside.query("DROP OWNED BY modest; DROP ROLE modest")


def test_the_last_digit_of_a_float_counts_whatever_the_database_shows_of_it(beside: Target) -> None:
    beside.query("ALTER DATABASE firn_test SET extra_float_digits = -9")
    beside.query('UPDATE shop.patient SET "Weight" = 0.42857142857142866 WHERE "PatNum" = 3')

    assert values(patient(beside)) == {"Weight": {"rounding": 1}}


def test_texts_match_byte_by_byte_whatever_their_collations_are(newest: Target) -> None:
    newest.query("CREATE SCHEMA shop; CREATE SCHEMA legacy")
    for schema, collation in (("shop", "C"), ("legacy", "POSIX")):
        newest.query(f'CREATE TABLE {schema}.codes (code text COLLATE "{collation}" PRIMARY KEY)')
    newest.query("INSERT INTO shop.codes VALUES ('a'), ('b'); INSERT INTO legacy.codes VALUES ('A'), ('b')")

    found = contrasted(newest, ["codes"]).tables["codes"]

    assert found.samples == {"missing": [Unlike("code=A")], "extra": [Unlike("code=a")]}


def test_a_schema_that_only_looks_like_state_is_passed_over(beside: Target) -> None:
    beside.query("CREATE SCHEMA app; CREATE TABLE app.version (number int); CREATE TABLE app.dataset (generation int)")

    assert contrasted(beside).run_id == ""


def test_all_tables_are_read_in_one_snapshot(beside: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    query = cells.by_key

    def write_meanwhile(*asked: Any) -> Any:  # noqa: ANN401 (whatever the statement is composed of)
        beside.query('DELETE FROM legacy.patient WHERE "PatNum" = 1')
        return query(*asked)

    monkeypatch.setattr(cells, "by_key", write_meanwhile)

    assert patient(beside).kinds == set()
    assert patient(beside).kinds == {"extra"}


def test_a_key_that_the_other_side_holds_twice_is_an_extra_row_there(beside: Target) -> None:
    beside.query("ALTER TABLE legacy.patient DROP CONSTRAINT patient_pkey")
    beside.query('INSERT INTO legacy.patient SELECT * FROM legacy.patient WHERE "PatNum" = 4')
    beside.query(
        'ALTER TABLE legacy.patient ALTER "PatNum" DROP NOT NULL; INSERT INTO legacy.patient VALUES (NULL), (NULL)'
    )

    found = patient(beside)

    assert (found.missing, found.extra, found.changed) == (3, 0, 0)
    assert [one.key for one in found.samples["missing"]] == ["PatNum=4", "PatNum=null", "PatNum=null"]


def test_a_key_held_twice_would_go_unseen_were_it_not_looked_for(
    beside: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.query("ALTER TABLE legacy.patient DROP CONSTRAINT patient_pkey")
    beside.query('INSERT INTO legacy.patient SELECT * FROM legacy.patient WHERE "PatNum" = 4')
    monkeypatch.setattr(cells, "_is_doubled", lambda *_: False)

    assert patient(beside).kinds == set()


def test_a_rounded_value_would_be_a_changed_one_without_the_rule_for_it(
    beside: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.query('ALTER TABLE legacy.patient ALTER "Fee" TYPE numeric(10,1)')
    monkeypatch.setattr(cells, "_rounding", lambda *_: SQL("{}").format(SQL("false")))

    assert values(patient(beside)) == {"Fee": {"changed": 10}}


def test_samples_are_as_many_as_asked_of_each_class_by_key(beside: Target) -> None:
    beside.query(
        'UPDATE shop.patient SET "LName" = NULL WHERE "PatNum" > 10;'
        'UPDATE shop.patient SET "LName" = \'x\' WHERE "PatNum" < 4'
    )

    (column,) = contrasted(beside, sample=2).tables["patient"].columns

    assert column.values == {"changed": 3, "value_to_null": 10}
    assert [one.key for one in column.samples["changed"]] == ["PatNum=1", "PatNum=2"]
    assert [one.key for one in column.samples["value_to_null"]] == ["PatNum=11", "PatNum=12"]


def test_no_samples_are_shown_where_none_are_asked_for(beside: Target) -> None:
    beside.query('DELETE FROM shop.patient WHERE "PatNum" < 4')

    found = contrasted(beside, sample=0).tables["patient"]

    assert (found.missing, dict(found.samples)) == (3, {})


def test_comparing_cannot_write(beside: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contrast._SQL, "count", SQL("DELETE FROM shop.patient RETURNING 1 AS here, 1 AS there"))  # noqa: SLF001

    with pytest.raises(LoadError, match="read-only transaction"):
        patient(beside)


@pytest.mark.parametrize(
    ("schema", "tables", "said", "hint"),
    [
        ("legcy", None, 'There is no schema "legcy"', "did you mean legacy?"),
        ("shop", None, "is production itself", "name the schema"),
        ("legacy", ["patent"], 'has a table "patent"', "did you mean patient?"),
        ("legacy", None, "Nothing of shop is published", "--tables a,b"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_likely_name(
    beside: Target, schema: str, tables: list[str] | None, said: str, hint: str
) -> None:
    with beside.settings.open() as loader, pytest.raises(StateError) as caught:
        loader.contrast("shop", schema, tables)

    assert said in caught.value.message
    assert hint in caught.value.hint
