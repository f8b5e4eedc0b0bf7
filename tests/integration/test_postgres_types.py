"""Every type of the whitelist arrives as it was sent, at its extremes, whatever the columns are called."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal

import dataframely as dy
import polars as pl
import pytest
from test_postgres_servers import Target, fresh, newest, target

from firn import Dataset, LoadError, Run, Strategy

__all__ = ["fresh", "newest", "target"]

UTC = dt.UTC
LOW, HIGH = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)


class Extremes(dy.Schema):
    """One column of every type."""

    n = dy.Int32(primary_key=True)
    text = dy.String(nullable=True)
    yes = dy.Bool(nullable=True)
    i2 = dy.Int16(nullable=True)
    i4 = dy.Int32(nullable=True)
    i8 = dy.Int64(nullable=True)
    f4 = dy.Float32(nullable=True)
    f8 = dy.Float64(nullable=True)
    small = dy.Decimal(18, 4, nullable=True)
    large = dy.Decimal(38, 10, nullable=True)
    whole = dy.Decimal(38, 0, nullable=True)
    day = dy.Date(nullable=True)
    local = dy.Datetime(nullable=True)
    moment = dy.Datetime(time_zone="UTC", nullable=True)
    length = dy.Duration(nullable=True)
    long = dy.String(nullable=True, metadata={"postgres": "numeric(65,30)"})
    blob = dy.Binary(nullable=True)
    key = dy.Binary(nullable=True, metadata={"postgres": "uuid"})


# Values that are sent, and how PostgreSQL prints what it then holds.
VALUES: dict[str, list[tuple[object, str]]] = {
    "text": [
        ("", ""),
        (" ", " "),
        ("NaN", "NaN"),
        ("\\N", "\\N"),
        ("🧵 é ∆ \u00a0", "🧵 é ∆ \u00a0"),
        ("line\nline\t", "line\nline\t"),
    ],
    "yes": [(True, "true"), (False, "false")],
    "i2": [(-(2**15), "-32768"), (2**15 - 1, "32767"), (0, "0")],
    "i4": [(-(2**31), "-2147483648"), (2**31 - 1, "2147483647")],
    "i8": [(-(2**63), "-9223372036854775808"), (2**63 - 1, "9223372036854775807")],
    "f8": [
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
    "f4": [(0.1, "0.1"), (-0.0, "-0"), (16777217, "1.6777216e+07"), (1e-45, "1e-45"), (float("nan"), "NaN")],
    "small": [
        (Decimal("99999999999999.9999"), "99999999999999.9999"),
        (Decimal("-99999999999999.9999"), "-99999999999999.9999"),
        (Decimal("0.0001"), "0.0001"),
        (Decimal("1.1"), "1.1000"),
    ],
    "large": [
        (Decimal("9999999999999999999999999999.9999999999"), "9999999999999999999999999999.9999999999"),
        (Decimal("-9999999999999999999999999999.9999999999"), "-9999999999999999999999999999.9999999999"),
        (Decimal("0.0000000001"), "0.0000000001"),
    ],
    "whole": [(Decimal(10**38 - 1), "9" * 38), (Decimal(-(10**38) + 1), "-" + "9" * 38)],
    "day": [
        (dt.date(1, 1, 1), "0001-01-01"),
        (dt.date(9999, 12, 31), "9999-12-31"),
        (dt.date(2000, 2, 29), "2000-02-29"),
    ],
    "local": [
        (dt.datetime(1, 1, 1), "0001-01-01 00:00:00"),  # noqa: DTZ001
        (dt.datetime(9999, 12, 31, 23, 59, 59, 999999), "9999-12-31 23:59:59.999999"),  # noqa: DTZ001
    ],
    "moment": [
        (dt.datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 00:00:00+00"),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), "1969-12-31 23:59:59.999999+00"),
        (dt.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC), "9999-12-31 23:59:59.999999+00"),
    ],
    "length": [
        (dt.timedelta(hours=838, minutes=59, seconds=59, microseconds=999_999), "838:59:59.999999"),
        (-dt.timedelta(hours=838, minutes=59, seconds=59, microseconds=999_999), "-838:59:59.999999"),
        (dt.timedelta(hours=24), "24:00:00"),
        (dt.timedelta(), "00:00:00"),
    ],
    "long": [
        (f"-{'9' * 35}.{'9' * 30}", f"-{'9' * 35}.{'9' * 30}"),
        (f"0.{'0' * 29}1", f"0.{'0' * 29}1"),
        (f"10.{'0' * 30}", f"10.{'0' * 30}"),
    ],
    "blob": [(b"", "\\x"), (b"\x00\xff", "\\x00ff")],
    "key": [(LOW.bytes, str(LOW)), (HIGH.bytes, str(HIGH))],
}


def frame_of(column: str) -> pl.DataFrame:
    """Make a row for each value of a column, and one of null."""
    sent = [value for value, _ in VALUES[column]]
    dtype = Extremes.columns()[column].dtype
    return pl.DataFrame({"n": range(len(sent) + 1), column: [*sent, None]}, schema={"n": pl.Int32, column: dtype})


def publish_one(target: Target, contract: type[dy.Schema], frames: dict[str, pl.DataFrame]) -> None:
    with target.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": contract}, strategy="swap"))
        for part, frame in frames.items():
            loader.stage(run, "extremes", part, frame)
        loader.verify(run)
        loader.publish(run)


def test_every_type_arrives_exactly_at_its_extremes(target: Target) -> None:
    frames = {column: frame_of(column).with_columns(n=pl.col("n") + 100 * i) for i, column in enumerate(VALUES)}

    publish_one(target, Extremes, frames)  # type: ignore[arg-type]

    target.query("ALTER DATABASE firn_test SET timezone = 'UTC'")
    for i, (column, values) in enumerate(VALUES.items()):
        held = target.query(f"SELECT {column}::text FROM shop.extremes WHERE n / 100 = {i} ORDER BY n")  # noqa: S608
        assert [value for (value,) in held] == [*(printed for _, printed in values), None]


def test_a_megabyte_of_text_arrives(target: Target) -> None:
    text = "🧵abc" * 150_000
    frame = pl.DataFrame({"n": [1], "text": [text]}, schema={"n": pl.Int32, "text": pl.String})

    publish_one(target, Extremes, {"": frame})

    assert target.query("SELECT text FROM shop.extremes") == [(text,)]


def test_rows_beyond_one_batch_arrive(newest: Target) -> None:
    frame = pl.DataFrame({"n": range(2_503), "i8": range(2_503)}, schema={"n": pl.Int32, "i8": pl.Int64})
    small = newest.with_settings(batch_rows=100)

    publish_one(Target(newest.dsn, small), Extremes, {"": frame})

    assert newest.query("SELECT count(*), sum(i8), min(n), max(n) FROM shop.extremes") == [
        (2503, sum(range(2503)), 0, 2502)
    ]


NAMES = [
    'say "hi"',
    "customer's",
    "S/M",
    "100 %",
    "30/30",
    "∆",
    "select",
    "Ünïcode",
    "a.b",
    "{braces}",
    "%(percent)s",
    "$1",
    " lead and trail ",
    "semi;colon -- comment",
    "back\\slash",
    "new\nline",
    "é" * 31,
    "x" * 63,
    "absent",
    "0",
    "ctid?",
]


def test_columns_and_tables_may_be_called_anything_that_fits(target: Target) -> None:
    columns = {f"c{i}": dy.String(nullable=True, alias=name) for i, name in enumerate(NAMES)}
    contract = type("Named", (dy.Schema,), {"id": dy.Int32(primary_key=True, alias='the "id"'), **columns})
    frame = pl.DataFrame({'the "id"': [1], **{name: [name] for name in NAMES}}).cast({'the "id"': pl.Int32})
    run = Run.start('data "set"')
    tables = ['ta"ble', "Ünïcode ∆ 'x'", "y" * 63]

    with target.settings.open() as loader:
        for _ in range(2):
            run = Run.start('data "set"')
            loader.prepare(run, Dataset(run.pipeline, dict.fromkeys(tables, contract), strategy="swap"))
            for table in tables:
                loader.stage(run, table, "", frame)
            loader.verify(run)
            assert loader.publish(run).rows == dict.fromkeys(tables, 1)
        loader.rollback('data "set"')

    for table in tables:
        quoted = table.replace('"', '""')
        (held,) = target.query(f'SELECT * FROM shop."{quoted}"')  # noqa: S608
        assert list(held) == [1, *NAMES]


@pytest.mark.parametrize(
    "dtype", [pl.Int64(), pl.Int16(), pl.String(), pl.Float64(), pl.UInt32(), pl.Date(), pl.Boolean()]
)
def test_a_value_of_a_neighbouring_type_is_refused_and_never_reinterpreted(newest: Target, dtype: pl.DataType) -> None:
    frame = pl.DataFrame({"n": [1], "i4": [None]}, schema={"n": pl.Int32, "i4": dtype})
    with newest.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy="swap"))

        with pytest.raises(LoadError, match=re.escape(f'column "i4" is {dtype}, but goes to integer')):
            loader.stage(run, "extremes", "", frame)


def test_a_uuid_of_another_length_is_refused_by_row(newest: Target) -> None:
    frame = pl.DataFrame({"n": [1, 2], "key": [LOW.bytes, b"short"]}, schema={"n": pl.Int32, "key": pl.Binary})
    with newest.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy="swap"))

        with pytest.raises(LoadError, match='column "key" at row 2 has 5 bytes; a uuid has 16'):
            loader.stage(run, "extremes", "", frame)


@pytest.mark.parametrize(
    "number", ["1", "1.5", f"1{'0' * 35}.{'0' * 30}", f"-0.{'0' * 30}", f"01.{'0' * 30}", "NaN", ""]
)
def test_a_text_that_is_no_number_as_it_is_printed_is_refused_by_row(newest: Target, number: str) -> None:
    frame = pl.DataFrame({"n": [1, 2], "long": [None, number]}, schema={"n": pl.Int32, "long": pl.String})
    with newest.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy="swap"))

        with pytest.raises(LoadError, match=r'"long" at row 2 is not a number as numeric\(65,30\) is printed'):
            loader.stage(run, "extremes", "", frame)


@pytest.mark.parametrize(
    ("column", "sent", "change", "words"),
    [
        ("f4", 0.5, "0.25", "sent 0.5, held 0.25"),
        ("length", dt.timedelta(hours=30), "'30:00:01'", "held datetime.timedelta(days=1, seconds=21601)"),
        ("long", f"1.{'0' * 30}", "2", f"sent '1.{'0' * 30}', held '2.{'0' * 30}'"),
        ("long", f"1.{'0' * 30}", "'NaN'", f"sent '1.{'0' * 30}', held 'nan'"),
    ],
)
def test_a_value_that_changes_in_staging_is_named(
    newest: Target, column: str, sent: object, change: str, words: str
) -> None:
    frame = pl.DataFrame({"n": [1], column: [sent]}, schema={"n": pl.Int32, column: Extremes.columns()[column].dtype})
    with newest.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy="swap"))
        loader.stage(run, "extremes", "", frame)
        place = f'"firn_stage_{run.id}".extremes'
        while not newest.query(f"SELECT n FROM {place}"):  # noqa: S608
            pass
        newest.query(f"UPDATE {place} SET {column} = {change}")  # noqa: S608

        with pytest.raises(LoadError, match=re.escape(words)):
            loader.verify(run)


@pytest.mark.parametrize("strategy", ["diff", "rewrite"])
def test_every_type_may_change_in_place(newest: Target, strategy: Strategy) -> None:
    frame = pl.DataFrame({"n": pl.Series([1, 2], dtype=pl.Int32)}).with_columns(
        pl.Series(name, [values[0][0], values[1][0]], dtype=Extremes.columns()[name].dtype)
        for name, values in VALUES.items()
    )
    swapped = frame.with_columns(pl.col("n").reverse())

    for rows in (frame, swapped, swapped):
        with newest.settings.open() as loader:
            run = Run.start("types")
            loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy=strategy))
            loader.stage(run, "extremes", "", rows)
            loader.verify(run)
            published = loader.publish(run)

    assert not any(published.changes["extremes"].values())
    newest.query("ALTER DATABASE firn_test SET timezone = 'UTC'")
    for name, values in VALUES.items():
        held = newest.query(f"SELECT {name}::text FROM shop.extremes ORDER BY n DESC")  # noqa: S608
        assert [value for (value,) in held] == [values[0][1], values[1][1]]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (
            "day",
            pl.Series([2**31 - 1], dtype=pl.Int32).cast(pl.Date),
            'failed at row 1, column "day": date out of range',
        ),
        ("text", pl.Series(["a\0"]), 'failed at row 1, column "text"'),
    ],
)
def test_a_value_that_postgresql_cannot_hold_is_refused_by_row_and_column(
    target: Target, column: str, value: pl.Series, words: str
) -> None:
    frame = pl.DataFrame({"n": pl.Series([1], dtype=pl.Int32), column: value})
    with target.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy="swap"))
        loader.stage(run, "extremes", "", frame)

        with pytest.raises(LoadError, match=re.escape(words)):
            loader.verify(run)


@pytest.mark.parametrize(("column", "number"), [("day", -(2**31) + 10_957), ("moment", -(2**63) + 946_684_800_000_000)])
def test_a_time_that_postgresql_would_take_for_infinity_is_refused(newest: Target, column: str, number: int) -> None:
    dtype = Extremes.columns()[column].dtype
    times = pl.Series([0, number]).cast(pl.Int32 if column == "day" else pl.Int64).cast(dtype)
    frame = pl.DataFrame({"n": pl.Series([1, 2], dtype=pl.Int32), column: times})
    with newest.settings.open() as loader:
        run = Run.start("types")
        loader.prepare(run, Dataset("types", {"extremes": Extremes}, strategy="swap"))

        with pytest.raises(LoadError, match=f'column "{column}" at row 2 is a time that PostgreSQL holds as -infinity'):
            loader.stage(run, "extremes", "", frame)


@pytest.mark.parametrize("number", [-(2**63), -(2**62), 2**63 - 1])
def test_the_ends_of_time_arrive_exactly_or_are_refused(newest: Target, number: int) -> None:
    moment = pl.Series([number], dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({"n": pl.Series([1], dtype=pl.Int32), "moment": moment})

    try:
        publish_one(newest, Extremes, {"": frame})
    except LoadError as refused:
        assert (number < 0, "Production is unchanged" in refused.message) == (True, True)  # noqa: PT017 (either is right)
    else:
        held = newest.query("SELECT (moment AT TIME ZONE 'UTC')::text FROM shop.extremes")
        assert held == [("294247-01-10 04:00:54.775807",)]
