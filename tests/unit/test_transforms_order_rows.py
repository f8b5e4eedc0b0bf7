"""Order lines are typed exactly, and whatever is not published stands in quarantine with its address and reason."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl
import pytest

from transforms.order_lists import header_mapping, order_rows
from transforms.order_lists.customer_names import UnmappedCustomers
from transforms.order_lists.customers import CUSTOMERS, Customer
from transforms.order_lists.order_rows import OrderRows
from transforms.order_lists.set_aside import PhantomRows

HEADERS = (
    "AAG ORDER NUMBER",
    "CUSTOMER NAME",
    "ORDER DATE PO RECEIVED",
    "PO NUMBER",
    "CUSTOMER STYLE",
    "UNIT OF MEASURE",
    "S",
    "M",
    "TOTAL QTY",
    "PLANNED DELIVERY METHOD",
    "EX FACTORY DATE",
    "NOTES",
    "CUSTOMER PRICE",
    "US DUTY RATE",
    "DISCOUNT",
    "INVOICE YEAR",
)
LINE = {
    "AAG ORDER NUMBER": "ABC-12345",
    "CUSTOMER NAME": "EVASIO",
    "CUSTOMER STYLE": "ST1",
    "TOTAL QTY": "5",
    "PLANNED DELIVERY METHOD": "SEA",
}
FORMULA = "=SUM(H2:J2)"
ERRORS = ("#N/A", "#REF!", FORMULA)


@dataclass
class Sheet:
    """A sheet in the form in which a source gives it; an Excel error or a formula is its text."""

    rows: Sequence[Mapping[str, str | None]] = ()
    headers: Sequence[str | None] = HEADERS
    file: str = "EVASIO ORDER LIST (M3).xlsx"
    date1904: bool = False
    header_row: int = 1
    run: pl.DataFrame = field(default_factory=lambda: pl.DataFrame({"run_id": ["run_1"]}))

    @property
    def letters(self) -> list[str]:
        return [chr(ord("A") + i) for i in range(len(self.headers))]

    def _texts(self) -> list[list[str | None]]:
        return [[row.get(header or "") for header in self.headers] for row in self.rows]

    @property
    def cells(self) -> pl.DataFrame:
        texts = [[None if text in ERRORS else text for text in row] for row in self._texts()]
        first = self.header_row + 1
        row = pl.Series("row", range(first, first + len(texts)), dtype=pl.UInt32)
        return pl.DataFrame(texts, schema=dict.fromkeys(self.letters, pl.String), orient="row").insert_column(0, row)

    @property
    def cell_errors(self) -> pl.DataFrame:
        found = [
            (i, letter, text)
            for i, row in enumerate(self._texts(), self.header_row + 1)
            for letter, text in zip(self.letters, row, strict=True)
            if text in ERRORS
        ]
        return pl.DataFrame(found, schema={"row": pl.UInt32, "letter": pl.String, "raw": pl.String}, orient="row")

    @property
    def workbook(self) -> pl.DataFrame:
        facts = {"file": self.file, "etag": "e1", "sheet": "MASTER", "header_row": self.header_row}
        last = {"last_row": self.header_row + len(self.rows), "date1904": self.date1904}
        return pl.DataFrame([facts | last], schema_overrides={"header_row": pl.UInt32, "last_row": pl.UInt32})

    @property
    def mapping(self) -> pl.DataFrame:
        headers = pl.DataFrame({"letter": self.letters, "header": self.headers}, schema_overrides={"header": pl.String})
        return header_mapping(headers, self.workbook)  # type: ignore[arg-type]

    def made(self, **settings: PhantomRows | UnmappedCustomers) -> OrderRows:
        return order_rows(self.cells, self.cell_errors, self.mapping, self.workbook, self.run, **settings)  # type: ignore[arg-type]


def line(**changes: str | None) -> dict[str, str | None]:
    return LINE | {name.replace("_", " "): text for name, text in changes.items()}


def reasons(made: OrderRows) -> list[tuple[str, str]]:
    return list(made.order_list_quarantine.select("cell", "reason").iter_rows())


def read(column: str, text: str, *, date1904: bool = False) -> tuple[object, str]:
    """Publish one cell: its value, and the reason or rule that came of it."""
    made = Sheet([LINE | {column: text}], date1904=date1904).made()
    value = made.order_rows[column][0] if column in made.order_rows.columns else None
    named = [*made.order_list_quarantine["reason"], *made.order_list_rules["rule"]]
    assert len(named) <= 1
    return value, named[0] if named else ""


PRICE, RATE, SIZE, YEAR, DATE, TEXT = "CUSTOMER PRICE", "US DUTY RATE", "S", "INVOICE YEAR", "EX FACTORY DATE", "NOTES"
DECISIONS: dict[str, list[tuple[str, object, str]]] = {
    PRICE: [
        ("33.95", Decimal("33.9500"), ""),
        ("-0.5", Decimal("-0.5000"), ""),
        ("+7", Decimal("7.0000"), ""),
        (".5", Decimal("0.5000"), ""),
        ("1e3", Decimal("1000.0000"), ""),
        ("1.5E+1", Decimal("15.0000"), ""),
        (" 9.95\u00a0", Decimal("9.9500"), ""),
        ("0.00005", Decimal("0.0001"), "rounded"),
        ("-0.00005", Decimal("-0.0001"), "rounded"),
        ("1.00015", Decimal("1.0002"), "rounded"),
        ("1.00025", Decimal("1.0003"), "rounded"),
        ("0.0000000000000000555111512312578", Decimal("0.0000"), "rounded"),
        ("1e-30", Decimal("0.0000"), "rounded"),
        ("0.00004999999999999999999999", Decimal("0.0000"), "rounded"),
        ("99999999999999.9999", Decimal("99999999999999.9999"), ""),
        ("99999999999999.99995", None, "out_of_range"),
        ("100000000000000", None, "out_of_range"),
        ("1E+15", None, "out_of_range"),
        ("1e999", None, "out_of_range"),
        ("1,234.50", None, "not_a_number"),
        ("$12", None, "not_a_number"),
        ("12%", None, "not_a_number"),
        ("1.25 2.40", None, "not_a_number"),
        ("0x10", None, "not_a_number"),
        ("1_000", None, "not_a_number"),
        ("\u0663", None, "not_a_number"),
        ("inf", None, "not_a_number"),
        ("TRUE", None, "not_a_number"),
        ("2024-01-05", None, "not_a_number"),
        ("nan", None, "null_word"),
        ("None ", None, "null_word"),
        ("#N/A", None, "error_cell"),
    ],
    RATE: [
        ("0.165", Decimal("0.165000"), ""),
        (FORMULA, None, "formula_without_value"),
        ("0.1234565", Decimal("0.123457"), "rounded"),
        ("999999.9999995", None, "out_of_range"),
    ],
    SIZE: [
        ("12", 12, ""),
        (FORMULA, None, "formula_without_value"),
        ("12.0", 12, ""),
        ("1.2e1", 12, ""),
        (" 12", 12, ""),
        ("-3", -3, ""),
        ("007", 7, ""),
        ("2147483647", 2147483647, ""),
        ("2147483648", None, "out_of_range"),
        ("-2147483649", None, "out_of_range"),
        ("1e999", None, "out_of_range"),
        ("12.5", None, "not_whole"),
        ("0.0000000000000000000001", None, "not_whole"),
        ("12 pcs", None, "not_a_number"),
        ("1,200", None, "not_a_number"),
        ("NULL", None, "null_word"),
        ("TBC", None, "not_a_number"),
        ("#REF!", None, "error_cell"),
    ],
    YEAR: [("2025", 2025, ""), ("32768", None, "out_of_range"), ("2025.5", None, "not_whole")],
    DATE: [
        ("2024-02-29", dt.date(2024, 2, 29), ""),
        (FORMULA, None, "formula_without_value"),
        ("2024-02-29 00:00:00", dt.date(2024, 2, 29), "date_from_text"),
        ("2024-02-29 ", dt.date(2024, 2, 29), "date_from_text"),
        ("2024-02-29 12:30:00", None, "time_of_day"),
        ("2023-02-29", None, "not_a_date"),
        ("45500", dt.date(2024, 7, 27), "date_from_serial"),
        ("45500.0", dt.date(2024, 7, 27), "date_from_serial"),
        ("45500.5", None, "time_of_day"),
        ("60", None, "date_out_of_range"),
        ("-1", None, "date_out_of_range"),
        ("99999999999999999999", None, "date_out_of_range"),
        ("36526", dt.date(2000, 1, 1), "date_from_serial"),
        ("36525", None, "date_out_of_range"),
        ("Jan 05 2024", dt.date(2024, 1, 5), "date_from_text"),
        ("january 5, 2024", dt.date(2024, 1, 5), "date_from_text"),
        ("Sep 5 24", dt.date(2024, 9, 5), "date_from_text"),
        ("Foo 05 2024", None, "not_a_date"),
        ("25/12/2024", dt.date(2024, 12, 25), "date_from_text"),
        ("12/25/2024", dt.date(2024, 12, 25), "date_from_text"),
        ("25-12-24", dt.date(2024, 12, 25), "date_from_text"),
        ("25.12.2024", dt.date(2024, 12, 25), "date_from_text"),
        ("05/05/2024", dt.date(2024, 5, 5), "date_from_text"),
        ("05/06/2024", None, "ambiguous_date"),
        ("31/02/2024", None, "not_a_date"),
        ("25/13/2024", None, "not_a_date"),
        ("25/12-2024", None, "not_a_date"),
        ("24-01-05", dt.date(2005, 1, 24), "date_from_text"),
        ("1999-12-31", None, "date_out_of_range"),
        ("2100-12-31", dt.date(2100, 12, 31), ""),
        ("2101-01-01", None, "date_out_of_range"),
        ("25/12/1999", None, "date_out_of_range"),
        ("00/00/00", None, "placeholder_date"),
        ("tbc", None, "placeholder_date"),
        ("TBA\u00a0", None, "placeholder_date"),
        ("TBD", None, "placeholder_date"),
        ("null", None, "null_word"),
        ("ASAP", None, "not_a_date"),
        ("#N/A", None, "error_cell"),
    ],
    TEXT: [
        ("as it is \u00a0", "as it is \u00a0", ""),
        ("=SUM", "=SUM", ""),
        (FORMULA, None, "formula_without_value"),
        ("a\nb", "a\nb", ""),
        ("nan", "nan", ""),
        ("None", "None", ""),
        ("TBC", "TBC", ""),
        ("0012", "0012", ""),
        ("#N/A", None, "error_cell"),
    ],
    "DISCOUNT": [("5.0", "5.0", ""), ("12%", "12%", "")],
}


@pytest.mark.parametrize(
    ("column", "text", "value", "named"),
    [(column, *decision) for column, decisions in DECISIONS.items() for decision in decisions],
)
def test_every_text_becomes_what_the_rules_say(column: str, text: str, value: object, named: str) -> None:
    assert read(column, text) == (value, named)


@pytest.mark.parametrize("column", [PRICE, RATE, SIZE, YEAR, DATE, TEXT])
@pytest.mark.parametrize("text", [" ", "\u00a0", "\n\t ", "\u2003"])
def test_whitespace_is_blank_in_every_column(column: str, text: str) -> None:
    assert read(column, text) == (None, "")


def test_serials_count_from_1904_where_the_workbook_says_so() -> None:
    assert read(DATE, "44038", date1904=True) == (dt.date(2024, 7, 27), "date_from_serial")


def test_a_customer_who_is_known_to_write_the_day_first_has_no_ambiguous_dates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CUSTOMERS, "evasio", Customer("EVASIO", (), "day_first"))
    assert read(DATE, "05/06/2024") == (dt.date(2024, 6, 5), "date_from_text")
    monkeypatch.setitem(CUSTOMERS, "evasio", Customer("EVASIO", (), "month_first"))
    assert read(DATE, "05/06/2024") == (dt.date(2024, 5, 6), "date_from_text")
    assert read(DATE, "25/06/2024") == (dt.date(2024, 6, 25), "date_from_text")


def test_a_dates_order_is_its_own_rows_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CUSTOMERS, "evasio", Customer("EVASIO", (), "day_first"))
    made = Sheet([line() | {DATE: "05/06/2024"}, line(CUSTOMER_NAME="LOIRE") | {DATE: "05/06/2024"}]).made()
    assert made.order_rows[DATE].to_list() == [dt.date(2024, 6, 5), None]


def test_an_entry_says_where_the_cell_is_and_what_was_expected() -> None:
    sheet = Sheet([line(), line() | {PRICE: "12%"}], header_row=4)
    (entry,) = sheet.made().order_list_quarantine.to_dicts()
    assert entry == {
        "file": "EVASIO ORDER LIST (M3).xlsx",
        "etag": "e1",
        "sheet": "MASTER",
        "cell": "M6",
        "row": 6,
        "column": PRICE,
        "raw": "12%",
        "expected": "a plain number without thousands separators, currency or percent sign, "
        "of at most 14 digits before the point",
        "reason": "not_a_number",
        "run_id": "run_1",
    }


def test_a_bad_cell_leaves_its_row_published_with_null() -> None:
    made = Sheet([line(TOTAL_QTY="five")]).made()
    assert made.order_rows.height == 1
    assert made.order_rows["TOTAL QTY"].to_list() == [None]


def test_columns_that_the_sheet_lacks_or_never_fills_are_absent() -> None:
    columns = Sheet([line()]).made().order_rows.columns
    assert columns == [
        "file",
        "row",
        "AAG ORDER NUMBER",
        "CUSTOMER NAME",
        "CUSTOMER STYLE",
        "UNIT OF MEASURE",
        "TOTAL QTY",
        "PLANNED DELIVERY METHOD",
        "SOURCE_CUSTOMER_NAME",
        "group_name",
        "item_name",
        "order_key",
        "row_hash",
    ]


def test_columns_come_in_the_order_of_the_contract_wherever_the_sheet_has_them() -> None:
    headers = (*HEADERS[5:], *HEADERS[:5])
    made = Sheet([line(S="1")], headers=headers).made()
    assert made.order_rows.columns[2:5] == ["AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE"]


def test_published_names_that_look_like_letters_are_not_mixed_up_with_them() -> None:
    made = Sheet([line(S="1", M="2") | {"CUSTOMER PRICE": "3.5"}]).made()
    assert made.order_rows.select("S", "M", "CUSTOMER PRICE").row(0) == (1, 2, Decimal("3.5000"))


def test_a_sheet_without_rows_makes_tables_without_rows() -> None:
    made = Sheet([]).made()
    assert [table.height for table in made] == [0, 0, 0, 0]


def test_a_sheet_where_every_row_is_set_aside_publishes_nothing() -> None:
    made = Sheet([{"NOTES": "total", "TOTAL QTY": "12"}]).made()
    assert made.order_rows.height == 0
    assert reasons(made) == [("I2", "keyless_row"), ("L2", "keyless_row")]


def test_the_differences_of_rounding_are_summed_exactly() -> None:
    texts = ["0.00005", "1e-30", "2.00001", "3.12344999999999999999999"]
    (rule,) = Sheet([line() | {PRICE: text} for text in texts]).made().order_list_rules.to_dicts()
    assert (rule["column"], rule["rule"], rule["cells"]) == (PRICE, "rounded", 4)
    assert rule["amount"] == "0.000009999999999999999990000001"


def test_a_line_keeps_its_excel_row() -> None:
    sheet = Sheet([line(), {}, line()], header_row=7)
    assert sheet.made().order_rows["row"].to_list() == [8, 10]


def test_cells_under_headers_that_feed_no_column_are_kept_in_quarantine() -> None:
    headers = ("AAG ORDER NUMBER", *HEADERS[1:7], "62", *HEADERS[8:12], "NOTES", "BUYER COMMENTS", None)
    rows = [line() | {"62": "4", "BUYER COMMENTS": "ok", "": "stray", "NOTES": "n"}]
    made = Sheet(rows, headers=headers).made()
    found = made.order_list_quarantine.select("cell", "column", "raw", "reason").rows()
    assert found == [
        ("M2", "NOTES", "n", "duplicate_header"),
        ("N2", "BUYER COMMENTS", "ok", "unknown_header"),
        ("O2", None, "stray", "unnamed_header"),
    ]


def test_an_error_is_kept_wherever_it_stands_and_once() -> None:
    headers = (*HEADERS, "BUYER COMMENTS")
    rows = [line(NOTES="#N/A") | {"BUYER COMMENTS": "#REF!"}, dict[str, str | None](NOTES="#N/A")]
    assert reasons(Sheet(rows, headers=headers).made()) == [
        ("L2", "error_cell"),
        ("Q2", "unknown_header"),
        ("L3", "keyless_row"),
    ]


def test_a_formula_without_a_value_is_kept_wherever_it_stands_and_its_value_expected() -> None:
    headers = (*HEADERS, "BUYER COMMENTS")
    rows = [
        line(NOTES=FORMULA) | {"BUYER COMMENTS": FORMULA},
        dict[str, str | None](NOTES=FORMULA),
        line() | {"AAG ORDER NUMBER": FORMULA},
        line() | {"CUSTOMER STYLE": FORMULA},
    ]
    made = Sheet(rows, headers=headers).made()
    found = made.order_list_quarantine.filter(pl.col("raw") == FORMULA).select("row", "reason", "expected").rows()
    in_excel = "the computed value: open the workbook in Excel and save it"
    assert found == [
        (2, "formula_without_value", in_excel),
        (2, "unknown_header", "a header that firn knows"),
        (3, "keyless_row", "an order number in this row"),
        (4, "keyless_row", "an order number in this row"),
        (5, "bad_key_row", "no error, and no formula without a value, in the columns that identify an order line"),
    ]


def test_row_order_and_repeated_runs_change_nothing() -> None:
    sheet = Sheet([line(S=str(i)) | {DATE: "ASAP", PRICE: "1.00005"} for i in range(20)])
    first, second = sheet.made(), sheet.made()
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))
