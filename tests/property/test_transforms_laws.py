"""Laws that hold for any workbook: numbers are exact, nothing is lost, and the order of things changes nothing."""

import datetime as dt
import random
from decimal import ROUND_HALF_UP, Context, Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_transforms_order_rows import HEADERS, Sheet
from transforms.order_lists import cells_accounted, header_mapping, order_keys, rows_accounted, rules_accounted
from transforms.order_lists.casts import cast_cells
from transforms.order_lists.columns import COLUMNS, REQUIRED_COLUMNS
from transforms.order_lists.customer_names import UnmappedCustomers
from transforms.order_lists.dates import read_date
from transforms.order_lists.identity import key_text
from transforms.order_lists.numbers import read_amount, read_whole
from transforms.order_lists.set_aside import PhantomRows

WIDE = Context(prec=60)
BLANKS = st.sampled_from(["", " ", "\u00a0", "\n"])


def cast_column(column: str, texts: list[str]) -> pl.Series:
    frame = pl.DataFrame({"row": pl.Series(range(len(texts)), dtype=pl.UInt32), "A": texts})
    return cast_cells(frame, {"A": column}, pl.Series([None] * len(texts), dtype=pl.String)).values[column]


@st.composite
def written_numbers(draw: st.DrawFn) -> str:
    """A number in any notation: signs, leading zeros, a point anywhere, an exponent, blanks around it."""
    digits = draw(st.text("0123456789", min_size=1, max_size=24))
    point = draw(st.integers(0, len(digits)))
    text = draw(st.sampled_from(["", "-", "+"])) + digits[:point] + draw(st.sampled_from(["", "."])) + digits[point:]
    exponent = draw(st.sampled_from(["", "", "", "e2", "E-3", "e-20", "E+1"]))
    return draw(BLANKS) + text + exponent + draw(BLANKS)


def written(text: str) -> Decimal:
    return Decimal(text.replace("\u00a0", " ").strip())


@given(st.lists(written_numbers(), min_size=1, max_size=20))
def test_amounts_are_rounded_half_away_from_zero_once(texts: list[str]) -> None:
    rounded = [written(text).quantize(Decimal("0.0001"), ROUND_HALF_UP, WIDE) for text in texts]
    expected = [value if abs(value) < 10**14 else None for value in rounded]
    assert cast_column("CUSTOMER PRICE", texts).to_list() == expected


@given(st.lists(st.decimals(-(10**6), 10**6, places=9), min_size=1))
def test_amounts_and_what_rounding_took_add_up_to_what_was_written(amounts: list[Decimal]) -> None:
    made = Sheet(
        [{"AAG ORDER NUMBER": "A", "PO NUMBER": "P", "US DUTY RATE": f"{amount:f}"} for amount in amounts]
    ).made()
    published = (
        made.order_rows["US DUTY RATE"].drop_nulls().to_list() if "US DUTY RATE" in made.order_rows.columns else []
    )
    out = [Decimal(raw) for raw in made.order_list_quarantine["raw"]]
    lost = [Decimal(amount) for amount in made.order_list_rules["amount"]]
    assert sum([*published, *out, *lost], Decimal(0)) == sum(amounts, Decimal(0))


@given(st.lists(written_numbers(), min_size=1, max_size=20))
def test_a_column_is_read_at_once_as_each_text_is_read_alone(texts: list[str]) -> None:
    alone = [read_whole(text, 32).value for text in texts]
    assert cast_column("XL", texts).to_list() == alone
    assert cast_column("US DUTY RATE", texts).to_list() == [read_amount(text, 12, 6).value for text in texts]


@given(st.text(max_size=30))
def test_any_text_at_all_is_read_or_refused(text: str) -> None:
    for reading in (read_whole(text, 32), read_amount(text, 18, 4), read_date(text)):
        assert (reading.value is None) == (reading.refused or reading.rule in {"null_word", "placeholder_date"})


DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2100, 12, 31))
FORMATS = ("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%b %d %Y", "%B %d, %Y", "%d/%m/%Y", "%m-%d-%Y", "%d.%m.%Y")


@given(st.lists(st.tuples(DAYS, st.sampled_from(FORMATS)), min_size=1, max_size=20))
def test_a_date_reads_back_unless_day_and_month_could_be_swapped(days: list[tuple[dt.date, str]]) -> None:
    texts = [f"{day:{form}}" for day, form in days]
    unclear = [day.day <= 12 and day.day != day.month and form[1] in "dm" for day, form in days]
    expected = [None if lost else day for (day, _), lost in zip(days, unclear, strict=True)]
    assert cast_column("EX FACTORY DATE", texts).to_list() == expected


@given(DAYS, st.booleans())
def test_a_serial_counts_the_days_of_its_system(day: dt.date, date1904: bool) -> None:  # noqa: FBT001
    start = dt.date(1904, 1, 1) if date1904 else dt.date(1899, 12, 30)
    assert read_date(str((day - start).days), date1904=date1904).value == day


NAMES = st.sampled_from([None, None, " ", "EVASIO", "evasio", "Ashford Outfitters", "NOBODY", "TOTAL", "#N/A"])
TYPES = st.sampled_from([None, "ACTIVE", "active ", "Cancelled", "CANCELLED", "FORE", "RECEIVED"])
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        [" ", "\u00a0", "nan", "TBC", "#N/A", "12%", "3.5", "7", "1.00005", "1E+20", "2025-01-05", "05/06/2024"]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=6),
)
NAMED = {"CUSTOMER NAME": NAMES, "ORDER TYPE": TYPES}
ROWS = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(HEADERS, TEXTS) | NAMED), max_size=12)


@settings(max_examples=60)
@given(ROWS, st.sampled_from(["keep", "set_aside"]), st.sampled_from(["keep", "quarantine"]))
def test_no_row_and_no_cell_is_ever_lost(
    rows: list[dict[str, str | None]], phantom_rows: PhantomRows, unmapped_customers: UnmappedCustomers
) -> None:
    sheet = Sheet(rows, headers=(*HEADERS, "ORDER TYPE"))
    made = sheet.made(phantom_rows=phantom_rows, unmapped_customers=unmapped_customers)
    before = sheet.cells, sheet.cell_errors
    assert rows_accounted(*before, *made[:2], sheet.workbook).is_empty()  # type: ignore[arg-type]
    assert cells_accounted(*before, sheet.mapping, *made, sheet.workbook).is_empty()  # type: ignore[arg-type]
    rules = made.order_list_rules
    assert rules_accounted(sheet.cells, sheet.mapping, made.order_rows, rules, sheet.workbook).is_empty()  # type: ignore[arg-type]


LINES = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xyz"), st.sampled_from("fg")), max_size=20)


@given(LINES, st.randoms(use_true_random=False))
def test_identities_do_not_depend_on_the_order_of_rows(
    lines: list[tuple[str, str, str]], chance: random.Random
) -> None:
    rows = [(file, i, key.encode() * 16, content) for i, (key, content, file) in enumerate(lines)]
    schema = {"file": pl.String, "row": pl.UInt32, "order_key": pl.Binary, "row_hash": pl.String}

    def identities(given: list[tuple[str, int, bytes, str]]) -> pl.DataFrame:
        frame = pl.DataFrame(given, schema=schema, orient="row")
        return order_keys(frame).sort("file", "row")  # type: ignore[arg-type]

    found = identities(rows)
    assert found.equals(identities(chance.sample(rows, len(rows))))
    assert found["record_uuid"].n_unique() == len(rows)
    assert found["is_duplicate"].sum() == len(rows) - len({(key, content) for _, _, key, content in rows})


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12))
def test_keys_fold_case_as_python_does(text: str) -> None:
    values = pl.DataFrame({"CUSTOMER NAME": ["X"], "AAG ORDER NUMBER": [text]})
    assert key_text(values)[0].split("\x1f")[1] == text.replace("\u00a0", " ").strip().casefold()


MARKERS = {"UNIT OF MEASURE", "TOTAL QTY"}
SPELLINGS = [name for column in COLUMNS for name in (column.name, *column.aliases) if name not in MARKERS]
FOUND = st.lists(st.one_of(st.sampled_from(SPELLINGS), st.text("ab \n", max_size=3)), max_size=20)


@given(FOUND, FOUND, FOUND)
def test_headers_in_any_order_feed_each_column_at_most_once(
    left: list[str], sizes: list[str], right: list[str]
) -> None:
    headers = [*left, *REQUIRED_COLUMNS[:4], "UNIT OF MEASURE", *sizes, "TOTAL QTY", *right, "TOTAL QTY"]
    frame = pl.DataFrame({"letter": [f"{i:03}" for i in range(len(headers))], "header": headers})
    workbook = pl.DataFrame({"file": ["a"], "sheet": ["b"], "header_row": [1]})
    found = header_mapping(frame, workbook)  # type: ignore[arg-type]
    fed = found["column"].drop_nulls()
    assert fed.n_unique() == fed.len()
    assert found["letter"].to_list() == frame["letter"].to_list()
    assert {*REQUIRED_COLUMNS} <= {*fed}
