"""Every type and every nasty value arrives exactly, by the word of the server's own client; or by a rule, counted."""

# ruff: noqa: S608 (the names are the test's own)
from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
import pytest

from sources.mysql import Window
from sources.mysql.values import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from firn import Table
    from sources import MySQL
    from tests.mariadb import MariaDB

    Read: TypeAlias = Callable[[MariaDB, str], tuple[pl.DataFrame, pl.DataFrame]]


def number(value: int) -> str:
    return str(int(value))


def exact(value: float) -> str:
    return repr(float(value))


def decimal(value: object) -> str:
    return f"{value:f}" if not isinstance(value, str) else value


def moment(digits: int) -> Callable[[dt.datetime], str]:
    def text(value: dt.datetime) -> str:
        whole = value.replace(tzinfo=None).isoformat(" ", "microseconds")
        return whole[: 19 + (digits and digits + 1)]

    return text


def length(digits: int) -> Callable[[dt.timedelta], str]:
    def text(value: dt.timedelta) -> str:
        whole = abs(value) // dt.timedelta(microseconds=1)
        seconds, fraction = divmod(whole, 1_000_000)
        shown = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
        return ("-" if value < dt.timedelta() else "") + shown[: len(shown) - 6 + digits].rstrip(".")

    return text


def octets(value: bytes) -> str:
    return value.hex().upper()


@dataclass(frozen=True)
class Torn:
    """A column with what it is torn by.

    Attributes:
        declared: Its type.
        values: SQL of its values.
        dtype: What it must be in the frame.
        ours: Our value as the text that the server casts it to.
        theirs: SQL of that text, where it is not that of the column.
        dirty: SQL of values that a rule clamps, nulls or sets aside.
    """

    declared: str
    values: tuple[str, ...]
    dtype: pl.DataType
    ours: Callable[[Any], str] = str
    theirs: str = "{}"
    dirty: tuple[str, ...] = ()


TEXTS = ("''", "'  both ends  '", "'it''s'", r"'a\tb\nc\\d'", "'é ß'", "'NULL'")
EMOJI = (*TEXTS, "'😀 👩‍👩‍👧 中文'")
BYTES = ("x''", "x'00'", "x'00ff00'", "x'c3'", "'plain'")
DAYS = ("'0001-01-01'", "'1000-01-01'", "'1900-02-28'", "'2024-02-29'", "'9999-12-31'")
NO_DAYS = ("'0000-00-00'", "'2024-00-10'", "'2024-05-00'", "'2024-02-30'", "'0000-05-05'", "'0000-00-10'")
TIMES = ("'00:00:00'", "'23:59:59.999999'")
NO_TIMES = ("'24:00:00'", "'838:59:59.999999'", "'-838:59:59.999999'", "'-00:00:01'", "'-00:00:00.000001'")
D, I16, I32, I64 = pl.Decimal, pl.Int16(), pl.Int32(), pl.Int64()
S, B = pl.String(), pl.Binary()
NINES = "9" * 65


def times(digits: int) -> tuple[str, ...]:
    return tuple(f"{day[:-1]} {time}'" for day in DAYS for time in ("00:00:00", f"23:59:59.{'9' * digits or '0'}"))


def no_times() -> tuple[str, ...]:
    return tuple(f"{day[:-1]} 12:34:56'" for day in NO_DAYS)


COLUMNS = {
    "tiny": Torn("tinyint", ("-128", "0", "127"), I16),
    "tiny unsigned": Torn("tinyint unsigned", ("0", "255"), I16),
    "flag": Torn("tinyint(1)", ("0", "1", "2", "-128"), I16),
    "small": Torn("smallint", ("-32768", "32767"), I16),
    "small unsigned": Torn("smallint unsigned", ("65535",), I32),
    "medium": Torn("mediumint", ("-8388608", "8388607"), I32),
    "medium unsigned": Torn("mediumint unsigned", ("16777215",), I32),
    "int": Torn("int", ("-2147483648", "2147483647"), I32),
    "int unsigned": Torn("int(5) unsigned zerofill", ("42", "4294967295"), I64, theirs="{} + 0"),
    "big": Torn("bigint", ("-9223372036854775808", "9007199254740993", "9223372036854775807"), I64),
    "big unsigned": Torn("bigint unsigned", ("0", "9223372036854775808", "18446744073709551615"), D(20, 0)),
    "money": Torn("decimal(10,2)", ("0", "-0.01", "1.10", "99999999.99"), D(10, 2), decimal),
    "wide": Torn("decimal(28,10)", ("-999999999999999999.9999999999", "1.1"), D(28, 10), decimal),
    "whole": Torn("decimal(38,0)", (NINES[:38], f"-{NINES[:38]}"), D(38, 0), decimal),
    "fraction": Torn("decimal(38,38)", (f"0.{NINES[:38]}", "-0.1"), D(38, 38), decimal),
    "twelve": Torn("decimal(20,12)", ("0.123456789012",), D(20, 12), decimal),
    "thick": Torn("decimal(29,2)", (f"{NINES[:27]}.99",), D(29, 2), decimal),
    "longest": Torn("decimal(65,30)", (f"-{NINES[:35]}.{NINES[:30]}", "0", "1e-30"), S),
    "longest whole": Torn("decimal(65,0)", (NINES,), S),
    "single": Torn("float", ("0.1", "16777217", "-1e38", "3.4e38", "-0e0"), pl.Float32(), exact, "{} * 1e0"),
    "single digits": Torn("float(7,2)", ("12345.67",), pl.Float32(), exact, "{} * 1e0"),
    "double": Torn("double", ("0.1", "-0e0", "1.797693134862315e308", "-2.2250738585072014e-308"), pl.Float64(), exact),
    "day": Torn("date", DAYS, pl.Date(), dt.date.isoformat, dirty=NO_DAYS),
    "clock": Torn("datetime", times(0), pl.Datetime("us"), moment(0), dirty=no_times()),
    "clock 1": Torn("datetime(1)", times(1), pl.Datetime("us"), moment(1), dirty=no_times()),
    "clock 6": Torn("datetime(6)", times(6), pl.Datetime("us"), moment(6), dirty=no_times()),
    "stamp": Torn(
        "timestamp NULL",
        ("'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"),
        pl.Datetime("us", "UTC"),
        moment(0),
        dirty=("'0000-00-00 00:00:00'",),
    ),
    "stamp 6": Torn("timestamp(6) NULL", ("'2001-09-09 01:46:40.123456'",), pl.Datetime("us", "UTC"), moment(6)),
    "time": Torn("time", TIMES, pl.Duration("us"), length(0), dirty=NO_TIMES),
    "time 3": Torn("time(3)", TIMES, pl.Duration("us"), length(3), dirty=NO_TIMES),
    "time 6": Torn("time(6)", TIMES, pl.Duration("us"), length(6), dirty=NO_TIMES),
    "year": Torn("year", ("0000", "1901", "2155"), I16, "{:04}".format),
    "padded": Torn("char(20)", (*TEXTS, "'trailing   '"), S),
    "padded bytes": Torn("char(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", EMOJI, S),
    "latin": Torn("varchar(50) CHARACTER SET latin1", TEXTS, S, dirty=(r"'\0'",)),
    "sixteen": Torn("varchar(50) CHARACTER SET utf16", EMOJI, S),
    "varying": Torn("varchar(50)", EMOJI, S, dirty=(r"'nul\0in it'", r"'\0\0'")),
    "bin": Torn("varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", EMOJI, S),
    "tinytext": Torn("tinytext", EMOJI, S),
    "text": Torn("text", (*EMOJI, "repeat('long ', 10000)"), S, dirty=(r"'\0end'",)),
    "longtext": Torn("longtext", (*EMOJI, "repeat('😀', 100000)"), S),
    "enum": Torn("enum('', 'a', 'é,', '😀')", ("''", "'a'", "'é,'", "'😀'", "0"), S),
    "set": Torn("set('a', 'b', 'ü')", ("''", "'a'", "'b,ü'"), S),
    "json": Torn("json", ("'{\"b\": 1.10, \"a\": [\"é\", null]}'", "'\"\\\\u0000\"'"), S),
    "uuid": Torn("uuid", ("'123e4567-e89b-12d3-a456-426655440000'",), S),
    "inet": Torn("inet6", ("'2001:db8::ff00:42:8329'",), S),
    "fixed bytes": Torn("binary(4)", ("x'00'", "x'ff00ff00'", "''"), B, octets, "HEX({})"),
    "varbinary": Torn("varbinary(50)", BYTES, B, octets, "HEX({})"),
    "tinyblob": Torn("tinyblob", BYTES, B, octets, "HEX({})"),
    "blob": Torn("blob", BYTES, B, octets, "HEX({})"),
    "longblob": Torn("longblob", (*BYTES, "repeat(x'00ff', 100000)"), B, octets, "HEX({})"),
    "bit": Torn("bit(1)", ("0", "1"), pl.Boolean(), number, "{} + 0"),
    "bit 8": Torn("bit(8)", ("0", "255"), I16, number, "{} + 0"),
    "bit 31": Torn("bit(31)", ("2147483647",), I32, number, "{} + 0"),
    "bit 33": Torn("bit(33)", ("8589934591",), I64, number, "{} + 0"),
    "bit 64": Torn("bit(64)", ("18446744073709551615",), D(20, 0), number, "{} + 0"),
    "point": Torn("point", ("point(1.5, -2)",), B, octets, "HEX(ST_AsBinary({}))"),
    "shape": Torn("geometry", ("ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')",), B, octets, "HEX(ST_AsBinary({}))"),
    "select": Torn("int", ("1",), I32),
    "Order By": Torn("int", ("2",), I32),
    "it's `q` \"x\"": Torn("int", ("3",), I32),
    "%s %(x)s {y} ? --": Torn("int", ("4",), I32),
    "Ümlaut 中": Torn("int", ("5",), I32),
}  # fmt: skip


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def make(mariadb: MariaDB, table: str, columns: dict[str, Torn], *, dirty: bool) -> None:
    """Make a table in which every column has every value, in turn, and null."""
    rows = [(*torn.values, *(torn.dirty if dirty else ()), "NULL") for torn in columns.values()]
    height = max(map(len, rows))
    declared = ", ".join(f"{quoted(name)} {torn.declared}" for name, torn in columns.items())
    mariadb.execute(f"CREATE TABLE {quoted(table)} (id bigint NOT NULL PRIMARY KEY, {declared}) CHARACTER SET utf8mb4")
    mariadb.execute(
        *(
            f"INSERT INTO {quoted(table)} VALUES ({i}, {', '.join(values[i % len(values)] for values in rows)})"
            for i in range(height)
        )
    )


def listed(source: MySQL) -> dict[str, Table]:
    return {table.name: table for table in source.tables()}


def witnessed(mariadb: MariaDB, table: str, name: str, torn: Torn) -> dict[int, str | None]:
    text = torn.theirs.format(quoted(name))
    found = mariadb.witness(f"SELECT id, HEX(CAST({text} AS CHAR CHARACTER SET utf8mb4)) FROM {quoted(table)}")
    return {int(i or 0): None if cell is None else bytes.fromhex(cell).decode() for i, cell in found}


def is_clean(torn: Torn, text: str) -> bool:
    """Whether no rule applies, by the text alone."""
    if "\0" in text:
        return False
    if not torn.declared.startswith(("date", "timestamp")):
        return True
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def ours(torn: Torn, value: object) -> str | None:
    return None if value is None else torn.ours(value)


def theirs(torn: Torn, text: str) -> str:
    return exact(float(text)) if torn.ours is exact else text


def collected(mariadb: MariaDB, table: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = listed(mariadb.source())
    return found[table].frame.collect(), found["counted_values"].frame.collect()


def piecewise(mariadb: MariaDB, table: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    with mariadb.source().open() as database:
        declared = next(database.declared(one) for one in database.tables() if one.name == table)
        rows = together(list(database.pieces(declared, Window(), 100_000)))
    return rows.frame, rows.counted


def compared(mariadb: MariaDB, columns: dict[str, Torn], read: Read, *, dirty: bool) -> None:
    """Make the table, read it, and hold every value against what the server casts it to."""
    make(mariadb, "Torture `t`", columns, dirty=dirty)
    frame, counted = read(mariadb, "Torture `t`")

    assert dict(frame.schema) == {"id": pl.Int64(), **{name: torn.dtype for name, torn in columns.items()}}
    counts: Counter[str] = Counter()
    for name, torn in columns.items():
        values = dict(zip(frame["id"], frame[name], strict=True))
        for i, text in witnessed(mariadb, "Torture `t`", name, torn).items():
            if text is None or is_clean(torn, text):
                assert ours(torn, values[i]) == (text and theirs(torn, text)), (name, i, text)
            else:
                counts[name] += 1
                assert values[i] == (text.replace("\0", "") if "\0" in text else None), (name, i, text)
    assert dict(counted.select("column", "values").iter_rows()) == counts
    assert bool(counts) is dirty


@pytest.mark.parametrize("read", [collected, piecewise])
@pytest.mark.parametrize("dirty", [False, True], ids=["read plainly", "read with guards"])
def test_every_value_is_what_the_server_casts_it_to(
    mariadb: MariaDB, capfd: pytest.CaptureFixture[str], read: Read, *, dirty: bool
) -> None:
    compared(mariadb, COLUMNS, read, dirty=dirty)

    assert "panicked" not in capfd.readouterr().err, "the driver's, which people would take for firn's"


def test_every_column_has_the_type_that_its_declaration_asks_for(mariadb: MariaDB) -> None:
    make(mariadb, "t", COLUMNS, dirty=False)
    table = listed(mariadb.source())["t"]

    wanted = {"id": pl.Int64(), **{name: torn.dtype for name, torn in COLUMNS.items()}}
    assert dict(table.frame.collect_schema()) == wanted
    assert table.contract is not None
    assert {name: column.dtype for name, column in table.contract.columns().items()} == wanted
    assert table.contract.primary_key() == ["id"]
    assert table.contract.columns()["longest"].metadata == {"postgres": "numeric(65,30)"}
    assert dict(table.frame.clear().collect().schema) == wanted
