"""An order line has the same identity in every run, and what depends on the run stands beside the order list."""

import datetime as dt
import hashlib
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid5

import polars as pl
import pytest
import yaml  # type: ignore[import-untyped]

from tests.unit.test_transforms_order_rows import Sheet, line
from transforms.order_lists import OrderList, OrderListOrigin, OrderListQuarantine, order_keys, order_list
from transforms.order_lists.columns import COLUMNS
from transforms.order_lists.identity import NAMESPACE, key_text, order_key, row_hash, uuid5_bytes
from transforms.order_lists.order_list import OrderListTables, source_table

DATA = Path(__file__).parents[2] / "benchmarks" / "data" / "order_list_raw_headers.yml"


def keys(*sheets: Sheet) -> pl.DataFrame:
    rows = [sheet.made().order_rows.select("file", "row", "order_key", "row_hash") for sheet in sheets]
    return order_keys(pl.concat(rows)).sort("file", "row")  # type: ignore[arg-type]


def published(sheet: Sheet) -> OrderListTables:
    return order_list(sheet.made().order_rows, keys(sheet), sheet.workbook, sheet.run)  # type: ignore[arg-type]


def key_of(**changes: str | None) -> bytes:
    found: bytes = Sheet([line(**changes)]).made().order_rows["order_key"][0]
    return found


def hash_of(**values: object) -> str:
    found: str = row_hash(pl.DataFrame(values))[0]
    return found


def test_the_namespace_never_changes() -> None:
    assert UUID("8f0d1c5e-2b47-5d3a-9c61-6e1f52a7b0d4") == NAMESPACE


@pytest.mark.parametrize("name", ["", "a\x1fb", "\u00e9\u2206"])
def test_a_uuid_is_version_5(name: str) -> None:
    assert uuid5_bytes(NAMESPACE.bytes, name) == uuid5(NAMESPACE, name).bytes


def test_a_key_is_customer_three_keys_and_four_tie_breakers_blanks_included() -> None:
    texts = ("ashford", "abc-12345", "sea", "st1", "p1", "", "", "")
    key = key_of(CUSTOMER_NAME="Ashford Outfitters", PO_NUMBER=" P1\u00a0")
    assert key == uuid5(NAMESPACE, "\x1f".join(texts)).bytes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"CUSTOMER_NAME": "TEMPO"}, {"CUSTOMER_NAME": "TEMPO (AU)"}),
        ({"CUSTOMER_STYLE": "a1 "}, {"CUSTOMER_STYLE": "\u00a0A1"}),
        ({"CUSTOMER_STYLE": "STRASSE"}, {"CUSTOMER_STYLE": "straße"}),
        ({"PO_NUMBER": None}, {"PO_NUMBER": " "}),
        ({"NOTES": "x"}, {"NOTES": "y"}),
        ({"CUSTOMER_NAME": "New\u00a0One"}, {"CUSTOMER_NAME": "NEW ONE "}),
    ],
)
def test_keys_compare_as_a_person_would(one: dict[str, str | None], other: dict[str, str | None]) -> None:
    assert key_of(**one) == key_of(**other)


@pytest.mark.parametrize("column", ["CUSTOMER NAME", "CUSTOMER STYLE", "PO NUMBER", "PLANNED DELIVERY METHOD"])
def test_every_part_of_the_key_tells_lines_apart(column: str) -> None:
    assert key_of() != key_of(**{column.replace(" ", "_"): "another"})


def test_a_key_column_that_the_sheet_lacks_counts_as_blank() -> None:
    values = pl.DataFrame({"CUSTOMER NAME": ["EVASIO"], "AAG ORDER NUMBER": ["A-1"]})
    blank = values.with_columns(pl.lit(None, dtype=pl.String).alias("ORDER TYPE"))
    assert key_text(values).equals(key_text(blank))
    assert order_key(values).equals(order_key(blank))


def test_a_row_hash_is_the_sha_256_of_all_columns_of_the_contract_on_one_line() -> None:
    values = {
        "CUSTOMER PRICE": [Decimal("33.95")],
        "AAG ORDER NUMBER": ["A-1"],
        "EX FACTORY DATE": [dt.date(2025, 1, 5)],
        "XL": [12],
        "NOTES": [None],
    }
    frame = pl.DataFrame(values, schema_overrides={"CUSTOMER PRICE": pl.Decimal(18, 4), "XL": pl.Int32})
    texts = {"AAG ORDER NUMBER": "A-1", "XL": "12", "EX FACTORY DATE": "2025-01-05", "CUSTOMER PRICE": "33.9500"}
    whole_line = "\x1f".join(texts.get(column.name, "") for column in COLUMNS).rstrip("\x1f")
    assert row_hash(frame).to_list() == [hashlib.sha256(whole_line.encode()).hexdigest()]


def test_a_row_hash_is_the_same_in_every_version() -> None:
    assert hash_of(**{"AAG ORDER NUMBER": ["A-1"], "S": [3], "NOTES": ["é"]}) == (
        "ed11612c5826705a6aa7d786c5f5c54ed8b8b291a32a29131ca0c3e1ae4cdb63"
    )


def test_blank_and_absent_columns_leave_the_row_hash_as_it_is() -> None:
    with_blank = {"AAG ORDER NUMBER": ["A", "B"], "NOTES": [None, "x"]}
    assert row_hash(pl.DataFrame(with_blank))[0] == hash_of(**{"AAG ORDER NUMBER": ["A"]})


def test_file_row_and_run_leave_the_row_hash_as_it_is() -> None:
    one = Sheet([line()])
    other = Sheet([{}, line()], file="OTHER ORDER LIST (M3).xlsx", run=pl.DataFrame({"run_id": ["run_2"]}))
    assert one.made().order_rows["row_hash"].equals(other.made().order_rows["row_hash"])


def test_a_value_moved_to_another_column_changes_the_row_hash() -> None:
    assert hash_of(S=[5]) != hash_of(M=[5])


def test_lines_of_one_key_are_numbered_by_their_content() -> None:
    found = keys(Sheet([line(NOTES="a"), line(NOTES="b"), line(CUSTOMER_STYLE="ST2")]))
    assert sorted(found["occurrence"].to_list()) == [1, 1, 2]
    assert found["record_uuid"].n_unique() == 3
    assert not found["is_duplicate"].any()


def test_lines_equal_in_every_column_are_kept_and_all_but_one_are_duplicates() -> None:
    found = keys(Sheet([line(), line(), line()]))
    assert found["occurrence"].to_list() == [1, 2, 3]
    assert found["is_duplicate"].to_list() == [False, True, True]
    assert found["record_uuid"].n_unique() == 3


def test_the_first_line_of_a_key_is_named_by_it_and_later_ones_by_their_number_in_it() -> None:
    found = keys(Sheet([line(), line(), line()]))
    key = key_of()
    assert found["record_uuid"].to_list() == [key, *(uuid5(UUID(bytes=key), number).bytes for number in "23")]


def test_identities_do_not_depend_on_the_order_of_files() -> None:
    one = Sheet([line(NOTES=str(i % 3)) for i in range(9)], file="A ORDER LIST.xlsx")
    other = Sheet([line(NOTES=str(i % 4)) for i in range(9)], file="B ORDER LIST.xlsx")
    assert keys(one, other).equals(keys(other, one))


def test_a_line_keeps_its_identity_when_rows_are_inserted_above_it() -> None:
    before, after = keys(Sheet([line()])), keys(Sheet([line(AAG_ORDER_NUMBER="NEW-1"), line()]))
    assert before["record_uuid"][0] == after["record_uuid"][1]


def test_a_record_uuid_is_16_bytes() -> None:
    found = keys(Sheet([line()]))
    assert found.schema["record_uuid"] == pl.Binary
    assert len(found["record_uuid"][0]) == 16


def test_an_order_list_has_only_the_columns_of_the_contract_in_its_order() -> None:
    columns = published(Sheet([line(S="1")])).order_list.columns
    assert columns == [name for name in OrderList.column_names() if name in columns]
    assert {"record_uuid", "_SOURCE_TABLE", "row_hash", "S"} <= set(columns)


def test_present_columns_keep_the_contracts_types() -> None:
    sheet = Sheet([line(S="1") | {"CUSTOMER PRICE": "1", "EX FACTORY DATE": "2025-01-05", "INVOICE YEAR": "2025"}])
    schema, contract = published(sheet).order_list.schema, OrderList.create_empty().schema
    assert schema == {name: contract[name] for name in schema}


def test_the_origin_of_each_line_is_kept_beside_the_order_list() -> None:
    made = published(Sheet([line(), {}, line(NOTES="n")], header_row=2))
    origin = made.order_list_origin.drop("record_uuid", "order_key").to_dicts()
    where = {"file": "EVASIO ORDER LIST (M3).xlsx", "sheet": "MASTER", "etag": "e1", "run_id": "run_1"}
    assert origin == [where | {"row": 3}, where | {"row": 5}]
    assert made.order_list_origin["record_uuid"].equals(made.order_list["record_uuid"])


def test_the_origin_holds_the_key_of_each_line_so_that_it_can_be_numbered_from_production() -> None:
    origin = published(Sheet([line(), line()])).order_list_origin
    assert origin["order_key"].to_list() == [key_of()] * 2
    assert origin["record_uuid"].n_unique() == 2


def test_the_origin_holds_what_its_contract_says() -> None:
    made = published(Sheet([line()]))
    OrderListOrigin.validate(made.order_list_origin)


def test_the_quarantine_holds_what_its_contract_says() -> None:
    made = Sheet([line(S="x"), {"NOTES": "y", "S": "#N/A"}]).made()
    OrderListQuarantine.validate(made.order_list_quarantine)


def test_a_second_run_makes_the_same_order_list() -> None:
    sheet = Sheet([line(NOTES="a"), line(NOTES="a")])
    again = Sheet(sheet.rows, run=pl.DataFrame({"run_id": ["run_2"]}))
    assert published(sheet).order_list.equals(published(again).order_list)


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("ASHFORD ORDER LIST (M3).xlsx", "xASHFORD_ORDER_LIST_RAW"),
        ("N'HOOD  ORDER LIST (M3).xlsx", "xNHOOD_ORDER_LIST_RAW"),
        ("eu/A.B & C ORDER_LIST.xlsx", "xA_B_C_ORDER_LIST_RAW"),
    ],
)
def test_a_source_table_is_named_for_its_file(file: str, table: str) -> None:
    assert source_table(file) == table


def test_source_tables_are_those_of_the_known_workbooks() -> None:
    books = yaml.safe_load(DATA.read_text(encoding="utf-8"))["workbooks"]
    assert {book["file"]: source_table(book["file"]) for book in books} == {
        book["file"]: book["landing_table"] for book in books
    }
