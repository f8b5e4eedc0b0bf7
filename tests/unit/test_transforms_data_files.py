"""columns.csv and customers.toml are right as shipped, and a mistake in either is named with file and line."""

from collections import Counter
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from firn import ConfigError
from transforms.order_lists.columns import COLUMNS, KEY_COLUMNS, REQUIRED_COLUMNS, read_columns
from transforms.order_lists.contract import HEADERS, OrderList
from transforms.order_lists.customers import (
    CUSTOMERS,
    canonical_name,
    date_order,
    named_by_file,
    profile_of,
    read_customers,
)
from transforms.order_lists.profiles import Profile

DATA = Path(__file__).parents[2] / "benchmarks" / "data"
PROFILED = '[[customers]]\ncanonical = "A"\n'
HEAD = "ordinal,name,type,group,kind,aliases\n"


def columns(*lines: str) -> list[str]:
    return (HEAD + "\n".join(lines)).splitlines()


def test_the_columns_are_those_of_the_target_table_in_its_order() -> None:
    schema = yaml.safe_load((DATA / "order_list_schema.yml").read_text(encoding="utf-8"))
    business = [column for column in schema["columns"] if column["group"].startswith("g")]
    assert [(c.ordinal, c.name, c.type, c.kind) for c in COLUMNS] == [
        (c["ord"], c["name"], c["pg"], c["kind"]) for c in business
    ]


def test_there_are_57_order_245_size_and_107_detail_columns() -> None:
    assert Counter(column.group[:2] for column in COLUMNS) == {"g1": 57, "g2": 245, "g3": 107}


def test_order_list_has_the_business_columns_between_what_identifies_a_line() -> None:
    names = OrderList.column_names()
    assert (len(names), names[0], names[-2:]) == (414, "record_uuid", ["item_name", "row_hash"])
    assert names[1:-4] == [column.name for column in COLUMNS]


def test_only_what_identifies_a_line_must_be_filled() -> None:
    filled = [name for name, column in OrderList.columns().items() if not column.nullable]
    assert filled == ["record_uuid", "_SOURCE_TABLE", "group_name", "item_name", "row_hash"]


def test_the_record_uuid_is_a_uuid_to_postgresql() -> None:
    assert OrderList.columns()["record_uuid"].metadata == {"postgres": "uuid"}


def test_key_and_required_columns_exist() -> None:
    assert {*KEY_COLUMNS, *REQUIRED_COLUMNS} <= {column.name for column in COLUMNS}


def test_a_source_can_know_every_header() -> None:
    assert {"AAG ORDER NUMBER", "30X30", "One Size"} <= HEADERS
    assert "SOURCE_CUSTOMER_NAME" not in HEADERS


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["2,A,text,g1,text,", "3,A,text,g1,text,"], "columns.csv, line 3: 'A' is listed twice"),
        (["2,A,text,g1,text,", "3,B,text,g1,text,A"], "line 3: the alias 'A' of 'B' already means 'A'"),
        (["2,A,text,g1,text,X", "3,B,text,g1,text,X"], "line 3: the alias 'X' of 'B' already means 'A'"),
        (["2,A,text,g1,text,A"], "line 2: the alias 'A' of 'A' already means 'A'"),
        (["2,A,char(64),g1,text,"], r"line 2: 'char\(64\)' is no type"),
        (["2,A,text,g1,text,", "4,B,text,g1,text,"], "line 3: 'B' is number 4 after 2"),
        (["x,A,text,g1,text,"], "line 2: 'x' is no number"),
        (["2,A,text,g1"], "line 2: a line has the fields"),
    ],
)
def test_a_mistake_in_the_columns_is_named_with_its_line(lines: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_columns(columns(*lines), "columns.csv")


def test_aliases_are_separated_by_bars() -> None:
    (column,) = read_columns(columns("2,A,text,g1,text,B|C"), "columns.csv")
    assert column.aliases == ("B", "C")


def test_no_name_stands_for_two_customers() -> None:
    assert len({customer.canonical for customer in CUSTOMERS.values()}) == 52


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("ASHFORD", "ASHFORD"),
        ("Ashford Outfitters", "ASHFORD"),
        (" kelvin labs,\u00a0inc (ewes) ", "GET EWES"),
        ("EWES", "EWES"),
        ("TROPIC_KINETICA", "TROPICA"),
        ("TROPIC KINETICA", "TROPICA"),
        ("RULE 10", "RULE NINE"),
        ("Nobody Known", "Nobody Known"),
    ],
)
def test_a_name_stands_for_its_customer_and_an_unknown_one_for_itself(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


@pytest.mark.parametrize(
    ("file", "customer"),
    [
        ("ASHFORD ORDER LIST (M3).xlsx", "ASHFORD"),
        ("usa/Echelon Own Label Order List (M3).xlsx", "ECHELON"),
        ("TI MARVEL ORDER LIST (M3).xlsx", "TIMARVEL"),
        ("NHOOD ORDER LIST (M3).xlsx", "N'HOOD"),
        ("NEW ONE ORDER LIST (M3).xlsx", "NEW ONE"),
    ],
)
def test_a_file_is_named_for_its_customer(file: str, customer: str) -> None:
    assert named_by_file(file) == customer


def test_nobody_has_a_date_order_until_somebody_writes_one_down() -> None:
    assert {customer.date_order for customer in CUSTOMERS.values()} == {None}
    known = read_customers('[[customers]]\ncanonical = "A"\naliases = ["B"]\ndate_order = "day_first"', "c.toml")
    assert (date_order("b", known), date_order("C", known), date_order(None, known)) == ("day_first", None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[customers]]\ncanonical = "A"\n[[customers]]\ncanonical = "B"\naliases = ["a"]',
            "c.toml, line 5: 'a' of 'B' already means 'A'",
        ),
        (
            '[[customers]]\ncanonical = "A"\ndate_order = "dmy"',
            "line 2: the customer .*'dmy'.* is not understood",
        ),
        ('[[customers]]\nname = "A"', "is not understood"),
        ('[[customers]]\ncanonical = "A"\nalias = ["B"]', "is not understood"),
        ("[[customers]]\ncanonical = ?", "c.toml: .*line 2"),
        ("x = 1", "c.toml: 'customers'"),
        (
            PROFILED + 'headers = { "COL" = "COLOUR" }',
            "c.toml, line 2, A: the header 'COL' .* 'COLOUR', which is no",
        ),
        (
            PROFILED + 'headers = { "NOTES" = "DROP" }',
            "line 2, A: the header 'NOTES' .* already means 'NOTES'",
        ),
        (
            PROFILED + 'headers = { "Col" = "DROP", "COL" = "MONTH" }',
            "'COL' is to feed 'MONTH', and already .*'DROP'",
        ),
        (PROFILED + 'headers = { "COL" = "DROP", "COL" = "MONTH" }', "c.toml: .*COL"),
        (PROFILED + 'headers = { "WRITTEN" = "SOURCE_CUSTOMER_NAME" }', "'SOURCE_CUSTOMER_NAME', which is no column"),
        (PROFILED + "header_row = 0.5", "line 2, A: header_row 0.5 is no row from 1 to 50"),
        (PROFILED + "header_row = 51", "line 2, A: header_row 51 is no row"),
        (PROFILED + "sheet = 1", "line 2, A: sheet is a name"),
        (PROFILED + "[[customers.workbooks]]\nsheet = 'X'", "line 2: the customer .* is not understood"),
        (PROFILED + "[[customers.workbooks]]\nfile = 'B.xlsx'\nheader_row = -1", "line 2, B.xlsx: header_row -1"),
    ],
)
def test_a_mistake_in_the_customers_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_customers(text, "c.toml")


KNOWN = read_customers(
    """
[[customers]]
canonical = "A"
sheet = "LIST"
header_row = 3
headers = { "Style\\n No." = "CUSTOMER STYLE" }

[[customers.workbooks]]
file = "A SPECIAL ORDER LIST (M3).xlsx"
header_row = 4
""",
    "c.toml",
)


def test_a_profile_holds_for_the_workbooks_that_are_named_for_its_customer() -> None:
    found = profile_of("eu/A ORDER LIST (M3).xlsx", KNOWN)
    assert (found.sheet, found.header_row, found.headers) == ("LIST", 3, (("Style No.", "CUSTOMER STYLE"),))
    assert profile_of("B ORDER LIST (M3).xlsx", KNOWN) == Profile()


def test_what_is_said_of_one_workbook_goes_before_what_is_said_of_its_customer() -> None:
    found = profile_of("eu/A SPECIAL ORDER LIST (M3).xlsx", KNOWN)
    assert (found.sheet, found.header_row, len(found.headers)) == ("LIST", 4, 1)


def test_an_unknown_column_of_a_profile_is_refused_with_the_likely_one() -> None:
    with pytest.raises(ConfigError) as caught:
        read_customers(PROFILED + 'headers = { "COL" = "CUSTOMER STYL" }', "c.toml")
    assert caught.value.hint == "Did you mean CUSTOMER STYLE?"
