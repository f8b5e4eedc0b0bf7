"""CSV extracts are read exactly: each record with its line, none shifted, and what is no CSV file is refused."""

import csv
import io
import random
from pathlib import Path

import polars as pl
import pytest

from firn import ConfigError, FirnError, SourceChanged, SourceError
from sources.csv_records import Malformed, read_header, read_records
from sources.csvs import Csvs, Layout

SIZES = Layout("sizes", ("Name", "Size", "Note"), {"Nmae": "Name"})
FEES = Layout("fees", ("Group", "Amount"))
Row = tuple[object, ...]


def records(text: str | bytes, named: int = 3) -> tuple[list[Row], list[Row]]:
    content = text.encode() if isinstance(text, str) else text
    frame, ragged = read_records(content, named)
    assert ragged["texts"].to_list() == list(csv.reader(ragged["raw"]))
    return frame.with_columns(pl.col(pl.String).fill_null("")).rows(), ragged.drop("texts").rows()


def one_by_one(text: str, named: int) -> tuple[list[Row], list[int]]:
    """The same by the csv module alone: slow, and plainly right."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    next(reader)
    good, ragged, line = [], [], reader.line_num + 1
    for row in reader:
        there, long = len(row) > 1 or bool("".join(row).strip()), any(map(str.strip, row[named:]))
        if there and len(row) >= named and not long:
            good.append((line, *row[:named]))
        elif there:
            ragged.append(line)
        line = reader.line_num + 1
    return good, ragged


@pytest.mark.parametrize(
    ("text", "good", "ragged"),
    [
        ("a,b,c\n1,2,3\n4,5,6\n", [(2, "1", "2", "3"), (3, "4", "5", "6")], []),
        ("a,b,c\r\n1,2,3\r\n4,5,6", [(2, "1", "2", "3"), (3, "4", "5", "6")], []),
        ("a,b,c\n,,\n 1 ,,NULL\n", [(2, "", "", ""), (3, " 1 ", "", "NULL")], []),
        ("a,b,c\n", [], []),
        ("a,b,c", [], []),
        ("a,b,c,,\n1,2,3,,\n4,5,6\n", [(2, "1", "2", "3"), (3, "4", "5", "6")], []),
        ("a,b,c,,\n1,2,3,x,\n", [], [(2, 5, "1,2,3,x,")]),
        ("a,b,c\n1,2\n4,5,6\n", [(3, "4", "5", "6")], [(2, 2, "1,2")]),
        ("a,b,c\n4,5\n7,8,9,1\n,,,,\n", [(4, "", "", "")], [(2, 2, "4,5"), (3, 4, "7,8,9,1")]),
        ("a,b,c\n1,2,3\n\n4,5,6\n\n", [(2, "1", "2", "3"), (4, "4", "5", "6")], []),
        ('a,b,c\n"1,1","2\n2","3 ""x"""\n4,5,6\n', [(2, "1,1", "2\n2", '3 "x"'), (4, "4", "5", "6")], []),
        ('a,b,c\n"1\n1",2\n4,"5\n",6\n', [(4, "4", "5\n", "6")], [(2, 2, '"1\n1",2')]),
        ('a,b,c\n1,5" wide,3\n4,6" wide,6\n', [(2, "1", '5" wide', "3"), (3, "4", '6" wide', "6")], []),
        ('"a\nb",b,c\n1,2,3\n', [(3, "1", "2", "3")], []),
        ("a,b,c\n1,2\r,3\n4,5,6\n", [(4, "4", "5", "6")], [(2, 2, "1,2"), (3, 2, ",3")]),
        ("a,b,c\r1,2,3\r", [(2, "1", "2", "3")], []),
    ],
)  # fmt: skip
def test_every_record_is_read_with_its_line_or_is_ragged(text: str, good: list[Row], ragged: list[Row]) -> None:
    assert records(text) == (good, ragged)


MERGED = ['"a,b", x ,2024', '"\r\n",in"ch,é', '2024,in"ch,2024', '"say ""no""", x ,1', '"say ""no""","a\nb",']


@pytest.mark.parametrize(
    ("text", "polars"),
    [
        ("a,b,c\n1,2\n4,5,6\n", [("1", "2", None), ("4", "5", "6")]),
        ("a,b,c\n1,2,3\n\n4,5,6\n", [("1", "2", "3"), (None, None, None), ("4", "5", "6")]),
        ("a,b,c\n1,2\r,3\n", [("1", "2", "3")]),
        ("\r\n".join(["a,b,c", *MERGED, ""]), None),
    ],
)
def test_what_polars_alone_reads_without_a_word_is_told_apart(text: str, polars: list[Row] | None) -> None:
    schema = dict.fromkeys("abc", pl.String)
    alone = pl.read_csv(text.encode(), has_header=False, schema=schema).slice(1).rows()
    assert alone == polars if polars else len(alone) == len(MERGED) - 1
    good, ragged = one_by_one(text, 3)
    assert good != [(line, *row) for line, row in enumerate(alone, start=2)]
    assert (records(text)[0], [row[0] for row in records(text)[1]]) == (good, ragged)


def test_one_cell_too_many_does_not_make_up_for_one_too_few() -> None:
    assert records("a,b,c\n1,2\n1,2,3,4\n")[1] == [(2, 2, "1,2"), (3, 4, "1,2,3,4")]


def test_whatever_is_written_is_read_as_the_csv_module_reads_it() -> None:
    chance = random.Random(20)  # noqa: S311
    cells = ["", "1", " x ", '"a,b"', '"a\nb"', '"say ""no"""', "NULL", "é", '""', '"\r\n"', 'in"ch', "2024-01-01"]
    for _ in range(300):
        end = chance.choice(["\n", "\r\n"])
        pool = cells if chance.random() < 0.6 else [cell for cell in cells if '"' not in cell]
        rows = [
            [chance.choice(pool) for _ in range(3 if chance.random() < 0.9 else chance.randint(0, 5))] for _ in range(9)
        ]
        text = end.join(["a,b,c", *(",".join(row) for row in rows)]) + chance.choice(["", end, end + end])
        good, ragged = records(text)
        expected = one_by_one(text, 3)
        assert (good, [row[0] for row in ragged]) == expected, text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b"\n1,2,3\n", "first line is blank"),
        (b"\xff\xfea\x00", "it is UTF-16"),
        (b"PK\x03\x04rest", "a workbook or a ZIP file"),
        (b"a,b,c\n1,2,3\n4,\0,6\n", "line 3 holds a NUL byte"),
        (b"a,b,c\n1,2,3\n4,caf\xe9,6\n", "line 3 holds the byte 0xE9, which is not UTF-8"),
        (b'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n', "the record that begins on line 3 has a quote"),
        (b'a,b,c\n1,"2"2,3\n', "the record that begins on line 2 has a quote"),
    ],
)
def test_what_is_no_csv_file_is_refused_with_its_line(content: bytes, told: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_records(content, len(read_header(content)))
    assert told in caught.value.reason
    assert caught.value.hint


def source(folder: Path, **files: str) -> Csvs:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return Csvs(
        folder=folder,
        layouts=(SIZES, FEES),
        patterns={"sizes": "sizes*.csv", "fees": "fees*.csv"},
        others={"CommHierarchy": ("Company", "HierDriver")},
    )


def collected(read: Csvs) -> dict[tuple[str, str], pl.DataFrame]:
    return {(table.part, table.name): table.frame.collect() for table in read.tables()}


def test_every_file_of_a_table_is_a_part_with_its_own_lines(tmp_path: Path) -> None:
    read = source(
        tmp_path,
        sizes_1="\ufeffName, Size,Note\nA,1,\n",
        sizes_2="Nmae,Account,Size,Note,\nB,4711,2,x,\nC,3\n",
        fees="Group,Amount\n1,2\n",
    )
    found = collected(read)
    assert found["sizes_1.csv", "sizes"].rows() == [(2, "A", "1", None)]
    assert found["sizes_2.csv", "sizes"].columns == ["line", "Name", "Size", "Note"]
    assert found["sizes_2.csv", "sizes"].rows() == [(2, "B", "2", "x")]
    assert found["sizes_2.csv", "extract"].rows() == [("sizes_2.csv", "sizes", 2, "Account")]
    assert found["sizes_2.csv", "ragged"].rows() == [(3, 2, 4, None, ["C", None, None])]
    assert {part for part, _ in found} == {"sizes_1.csv", "sizes_2.csv", "fees.csv"}


def test_columns_and_files_that_may_be_there_are_read_where_they_are(tmp_path: Path) -> None:
    read = source(tmp_path, sizes="Name,Account,Size,Note\nA,4711,2,x\nC,3\n", fees="Group,Amount\n1,2\n")
    layouts = (
        SIZES._replace(more=("Account",)),
        FEES._replace(more=("Bank",)),
        Layout("old", ("Name",), optional=True),
    )
    asked = read.model_copy(update={"layouts": layouts, "patterns": {**read.patterns, "old": "old*.csv"}})
    found = collected(asked)
    assert found["sizes.csv", "sizes"].rows() == [(2, "A", "2", "x", "4711")]
    assert found["sizes.csv", "extract"]["unread"].to_list() == [""]
    assert found["sizes.csv", "ragged"].rows() == [(3, 2, 4, None, ["C", None, None])]
    assert found["fees.csv", "fees"].rows() == [(2, "1", "2", None)]
    assert not [name for _, name in found if name == "old"]


def test_equal_content_has_equal_fingerprints_and_other_content_has_others(tmp_path: Path) -> None:
    read = source(tmp_path, sizes="Name,Size,Note\nA,1,\n", fees="Group,Amount\n1,2\n")
    before = {table.part: table.fingerprint for table in read.tables()}
    (tmp_path / "fees.csv").write_text("Group,Amount\n1,3\n")
    after = {table.part: table.fingerprint for table in read.tables()}
    assert before["sizes.csv"] == after["sizes.csv"]
    assert before["fees.csv"] != after["fees.csv"]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Name,Sizes,Note,More", ["missing: Size (is it Sizes?)", "extra: Sizes (column 2), More (column 4)"]),
        ("Note,Name,Size", ["moved: Note (column 1, not 3)"]),
        ("Name,Size,Note,Name", ["twice: Name (columns 1 and 4)"]),
        ("Group,Amount", ["it has the columns of fees: Group, Amount"]),
        ("Company,HierDriver", ["it has the columns of CommHierarchy"]),
        ("Name;Size;Note", ["missing: Name, Size, Note", "semicolons"]),
    ],
)  # fmt: skip
def test_other_columns_are_refused_with_what_differs(tmp_path: Path, header: str, told: list[str]) -> None:
    read = source(tmp_path, sizes=f"{header}\n1,2,3\n", fees="Group,Amount\n")
    with pytest.raises(SourceChanged) as caught:
        collected(read)
    assert caught.value.message.startswith("sizes.csv does not have the columns of sizes:")
    assert caught.value.message.endswith("Production is unchanged.")
    assert all(text in caught.value.message for text in told)


def test_a_table_without_a_file_and_a_file_of_two_tables_are_refused(tmp_path: Path) -> None:
    read = source(tmp_path, sizes="Name,Size,Note\n")
    with pytest.raises(SourceError, match=r"no file for fees: none matches fees\*\.csv") as caught:
        list(read.tables())
    assert "--set patterns.fees=" in caught.value.hint
    both = source(tmp_path, fees="Group,Amount\n").model_copy(update={"patterns": {"sizes": "s*.csv", "fees": "*.csv"}})
    with pytest.raises(SourceError, match=r"sizes\.csv matches the patterns of both sizes"):
        list(both.tables())


def test_a_file_that_is_malformed_or_too_large_names_itself(tmp_path: Path) -> None:
    read = source(tmp_path, sizes="Name,Size,Note\n1,2,\0\n", fees="Group,Amount\n")
    with pytest.raises(SourceError, match=r"sizes\.csv cannot be read: line 2 holds a NUL byte"):
        collected(read)
    with pytest.raises(SourceError, match=r"sizes\.csv has 21 bytes, and 20 are allowed"):
        collected(read.model_copy(update={"max_file_bytes": 20}))


def test_extracts_come_from_one_place() -> None:
    with pytest.raises(ConfigError):
        Csvs()
    assert issubclass(SourceChanged, FirnError)
